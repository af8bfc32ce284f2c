"""Names: headlines taken apart, and names reduced to what has to agree before two of them are compared.

The keys are stored beside every sighting. Changing a rule here means a revision that writes them anew.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

SHORTEST_KEY = 3
"""A key of fewer characters says too little to be compared."""

_PREFIX = re.compile(r"^\s*(?:show|launch|tell|ask)\s+hn\s*[:\-–—]\s*", re.IGNORECASE)
_SEPARATOR = re.compile(r"\s+[–—|]\s+|\s+-{1,2}\s+|:\s+")
_NAME_WORDS = 5
_ENDINGS = ("ai", "app", "io", "dev")
_NOT_KEY = re.compile(r"[^\w]|_")
_PIECES = re.compile(r"[\s\-_./:()]+")
_VERSION = re.compile(
    r"v?\d+(?:\.\d+)*[a-z]?|a?\d+(?:\.\d+)?[bmk]|\d+x\d+[bmk]|q\d\w*|fp\d+|int\d+|bf16", re.IGNORECASE
)
_VARIANTS = frozenset(
    [
        "instruct",
        "chat",
        "base",
        "preview",
        "beta",
        "alpha",
        "rc",
        "mini",
        "nano",
        "tiny",
        "small",
        "medium",
        "large",
        "xl",
        "xxl",
        "pro",
        "lite",
        "turbo",
        "flash",
        "max",
        "plus",
        "ultra",
        "it",
        "hf",
        "thinking",
        "reasoning",
        "distill",
        "dev",
        "latest",
        "new",
        "next",
        "ii",
        "iii",
        "iv",
    ]
)


def split_title(title: str) -> tuple[str, str]:
    """A headline as name and tagline: `Show HN: Foo – do bar` is `Foo` and `do bar`.

    The head counts as a name when it has at most five words; otherwise the whole headline is the name.
    """
    title = _PREFIX.sub("", title).strip()
    head, rest = _divided(title)
    if head and rest and len(head.split()) <= _NAME_WORDS:
        return head, rest
    return title, ""


def _divided(title: str) -> tuple[str, str]:
    found = _SEPARATOR.search(title)
    return (title[: found.start()].strip(), title[found.end() :].strip()) if found else (title, "")


def name_key(name: str) -> str:
    """A name reduced to what has to agree: `Show HN: Foo.ai – do bar` and `foo` both give `foo`.

    NFKC, the headline's tail off, case folded, letters and digits only; a trailing ai, app, io or dev goes when
    enough remains. Empty where it says too little.
    """
    return keys_of(name)[0]


def family_key(name: str) -> str:
    """A name without its versions, sizes and variants: `Qwen3-8B-Instruct` and `Qwen2.5-72B` both give `qwen`. Empty
    where it says too little."""
    return keys_of(name)[1]


# Asked for the same names when they are looked up, compared and stored.
@lru_cache(maxsize=4096)
def keys_of(name: str) -> tuple[str, str]:
    """Name key and family key of a name, as they are stored; empty where they say too little."""
    whole = name if name.isascii() else unicodedata.normalize("NFKC", name)
    head = split_title(whole)[0].casefold()
    kept = (piece.rstrip("0123456789") or piece for piece in _PIECES.split(head) if _belongs(piece))
    keys = (_without_ending(_letters(head)), _without_ending(_letters("".join(kept))))
    return keys[0] if len(keys[0]) >= SHORTEST_KEY else "", keys[1] if len(keys[1]) >= SHORTEST_KEY else ""


def _belongs(piece: str) -> bool:
    """Whether a piece of a name is neither a version nor a variant."""
    return bool(piece) and piece not in _VARIANTS and (piece.isalpha() or not _VERSION.fullmatch(piece))


def _letters(text: str) -> str:
    return text if text.isalnum() else _NOT_KEY.sub("", text)


def _without_ending(key: str) -> str:
    for ending in _ENDINGS:
        if key.endswith(ending) and len(key) - len(ending) >= SHORTEST_KEY:
            return key.removesuffix(ending)
    return key
