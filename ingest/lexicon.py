r"""Lexicons: lists of words and phrases, looked up in a text in one walk over its words.

A dozen alternations searched one after the other cost a quarter of a millisecond per entry, which was most of what an
entry cost at all. Here each different word of a text is looked up in a dictionary once, and nearly all of them say
nothing; only what no list of spellings can hold (`robot\w*`) remains a pattern, and a new word meets them all at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_WORD = re.compile(r"[^\W_]+")
# What `_WORD` finds in ASCII, had by parting it at every other byte at a fifth of the cost.
_PARTED = bytes(ord(chr(code).lower()) if code < 128 and chr(code).isalnum() else 32 for code in range(256))  # noqa: PLR2004 - ASCII
_OPTIONAL = re.compile(r"\w\?")
_MOST_KEPT = 50_000


@dataclass(frozen=True, slots=True)
class _Term:
    """One term of a list: its first word, what has to stand behind that, and the list's key."""

    first: str  # a pattern
    rest: tuple[Callable[[str], object], ...]
    second: frozenset[str]  # the spellings of the second word; empty where that is open
    key: str

    def stands_in(self, words: list[str], word: str, different: set[str]) -> bool:
        """Whether it stands anywhere among these words, beginning with this one of them."""
        if self.second and self.second.isdisjoint(different):  # most end here
            return False
        return any(self._follows(words, place) for place, one in enumerate(words) if one == word)

    def _follows(self, words: list[str], place: int) -> bool:
        """Whether the rest stands behind this place."""
        if place + len(self.rest) >= len(words):
            return False
        return all(is_meant(words[place + ahead]) for ahead, is_meant in enumerate(self.rest, 1))


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What one word says: the lists it stands in, and the phrases that it may begin."""

    keys: frozenset[str]
    phrases: tuple[_Term, ...]


class Lexicon:
    """Lists of terms by key. A term is a regular expression of one lower-case word, or several parted by spaces;
    terms of a list are parted by commas. A hyphen in a text parts words like a space."""

    def __init__(self, lists: Mapping[str, str]) -> None:
        terms = [_term(key, term) for key, terms in lists.items() for term in terms.split(",")]
        self._spelled: dict[str, list[_Term]] = {}
        self._open: list[tuple[re.Pattern[str], _Term]] = []
        for term in terms:
            for word in _spellings(term.first) or ():
                self._spelled.setdefault(word, []).append(term)
            if not _spellings(term.first):
                self._open.append((re.compile(term.first), term))
        self._any_open = re.compile("|".join(pattern.pattern for pattern, _ in self._open) or r"(?!)")
        self._known: dict[str, _Meaning] = {}
        self._silent: set[str] = set()  # words that are known to say nothing: most are

    def keys(self, text: str) -> set[str]:
        """The keys of every list of which a term stands in the text."""
        words = _words(text)
        different = set(words)
        found: set[str] = set()
        for word in different - self._silent:
            meaning = self._known.get(word) or self._meaning(word)
            found |= meaning.keys
            for phrase in meaning.phrases:
                if phrase.key not in found and phrase.stands_in(words, word, different):
                    found.add(phrase.key)
        return found

    def says_anything(self, *texts: str) -> bool:
        """Whether a term of any list stands in one of these texts; a later one is read only when no earlier one does."""
        return any(self.keys(text) for text in texts)

    def _meaning(self, word: str) -> _Meaning:
        begun = list(self._spelled.get(word, ()))
        if self._any_open.fullmatch(word):
            begun += [term for pattern, term in self._open if pattern.fullmatch(word)]
        meaning = _Meaning(
            keys=frozenset(term.key for term in begun if not term.rest),
            phrases=tuple(term for term in begun if term.rest),
        )
        if len(self._known) + len(self._silent) >= _MOST_KEPT:
            self._known.clear()
            self._silent.clear()
        if begun:
            self._known[word] = meaning
        else:
            self._silent.add(word)
        return meaning


def _words(text: str) -> list[str]:
    """The words of a text in lower case."""
    if text.isascii():
        return text.encode("ascii").translate(_PARTED).decode("ascii").split()
    return _WORD.findall(text.lower())


def _term(key: str, term: str) -> _Term:
    first, *rest = term.split()
    return _Term(first, tuple(map(_test, rest)), _spellings(rest[0]) if rest else frozenset(), key)


def _test(pattern: str) -> Callable[[str], object]:
    """What tells whether a word is meant by a pattern."""
    spelled = _spellings(pattern)
    return spelled.__contains__ if spelled else re.compile(pattern).fullmatch


def _spellings(pattern: str) -> frozenset[str]:
    """Every word that a pattern of alternatives and optional letters stands for; empty for a pattern that is open."""
    found: list[str] = []
    waiting = pattern.split("|")
    while waiting:
        one = waiting.pop()
        if optional := _OPTIONAL.search(one):
            start, end = optional.span()
            waiting += [one[:start] + one[end:], one[: end - 1] + one[end:]]
        elif one.isalnum():
            found.append(one)
        else:
            return frozenset()
    return frozenset(found)
