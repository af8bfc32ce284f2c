"""Lexicons: lists of words and phrases, looked up in a text in one walk over its words.

A dozen alternations searched one after the other cost a quarter of a millisecond per entry, which was most of what an
entry cost at all. Here a word is matched against every list once per process, however many texts it stands in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_WORD = re.compile(r"[^\W_]+")
_MOST_KEPT = 50_000
_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Phrase:
    """Two words or more; the first one has matched already."""

    rest: tuple[re.Pattern[str], ...]
    key: str

    def follows(self, words: list[str], place: int) -> bool:
        """Whether the rest stands behind this place."""
        following = words[place + 1 : place + 1 + len(self.rest)]
        return len(following) == len(self.rest) and all(
            p.fullmatch(w) for p, w in zip(self.rest, following, strict=True)
        )


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What one word says: the lists it stands in, and the phrases that it may begin."""

    keys: frozenset[str]
    phrases: tuple[_Phrase, ...]


class Lexicon:
    """Lists of terms by key. A term is a regular expression of one lower-case word, or several parted by spaces;
    terms of a list are parted by commas. A hyphen in a text parts words like a space."""

    def __init__(self, lists: Mapping[str, str]) -> None:
        self._terms = [(key, _patterns(term)) for key, terms in lists.items() for term in terms.split(",")]
        self._known: dict[str, _Meaning] = {}

    def keys(self, text: str) -> frozenset[str]:
        """The keys of every list of which a term stands in the text."""
        words = _WORD.findall(text.lower())
        return frozenset(self._found(words))

    def _found(self, words: list[str]) -> Iterator[str]:
        for place, word in enumerate(words):
            meaning = self._known.get(word) or self._meaning(word)
            yield from meaning.keys
            for phrase in meaning.phrases:
                if phrase.follows(words, place):
                    yield phrase.key

    def _meaning(self, word: str) -> _Meaning:
        begun = [(key, rest) for key, (first, *rest) in self._terms if first.fullmatch(word)]
        meaning = _Meaning(
            keys=frozenset(key for key, rest in begun if not rest) or _NOTHING,
            phrases=tuple(_Phrase(tuple(rest), key) for key, rest in begun if rest),
        )
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
        self._known[word] = meaning
        return meaning


def _patterns(term: str) -> list[re.Pattern[str]]:
    return [re.compile(word) for word in term.split()]
