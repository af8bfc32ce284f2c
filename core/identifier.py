"""Identifiers: a scheme and a value that name a tool for good."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Scheme(StrEnum):
    """What kind of name an identifier is. Two different values of one *exclusive* scheme are two products."""

    HF = "hf"  # model on Hugging Face: owner/name, case kept
    HF_DATASET = "hf-dataset"
    HF_SPACE = "hf-space"
    GITHUB = "github"  # owner/name, lower case
    GITHUB_ID = "github-id"  # the repository's number, which survives renames
    ARXIV = "arxiv"  # without version
    DOI = "doi"
    PRODUCTHUNT = "producthunt"  # a product's slug
    PRODUCTHUNT_POST = "producthunt-post"
    HN = "hn"
    REDDIT = "reddit"
    LOBSTERS = "lobsters"
    OPENROUTER = "openrouter"
    YC = "yc"
    APP_STORE = "app-store"
    PLAY_STORE = "play-store"
    URL = "url"  # host and path of a page of its own


class Identifier(NamedTuple):
    """`hf:owner/name`, `github:owner/name`, `url:example.com/path` ...

    A named tuple: every entry's are hashed a score of times, which costs a data class a third of a microsecond each.
    """

    scheme: Scheme
    value: str

    def __str__(self) -> str:
        return self.scheme + ":" + self.value  # an f-string asks the enumeration how to write itself, at twice the cost

    @classmethod
    def parse(cls, text: str) -> Identifier:
        """Read what `str` writes. Raises ValueError for an unknown scheme or an empty value."""
        scheme, _, value = text.partition(":")
        if not value:
            raise ValueError(f"{text!r} is not an identifier (scheme:value)")
        return cls(Scheme(scheme), value)
