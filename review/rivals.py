"""Rival names: which products a text sets beside its own ("competitors are X, Y and Z", "X vs Y")."""

from __future__ import annotations

import re

# A name goes on only with words that look like names (Open WebUI, LM Studio 3), and a full stop ends it unless a
# letter follows at once (Whisper.cpp). Lengths are bounded, because a name is tried at every word of a text. Only the
# cues ignore case.
_WORD = r"\w(?:[\w+-]|\.(?=\w)){0,40}"
_NAME = rf"{_WORD}(?: (?=[A-Z0-9]|[a-z]+[A-Z]){_WORD}){{0,3}}"
_LIST = rf"{_NAME}(?:(?:,? (?:and|or) |, ){_NAME}){{0,6}}"
_BEFORE = (
    r"(?:competitors?|rivals?|alternatives?)(?: (?:are|is|being|include|includes)|:) ",
    r"(?:alternatives? to|compet(?:e|es|ing) with|(?:compared|next) (?:with|to)|differs? from) ",
    r"(?:unlike|versus|vs\.?|instead of|rather than|better than|replaces|replacement for) ",
)
_NAMED = re.compile(rf"\b(?i:{'|'.join(_BEFORE)})(?:the )?({_LIST})")
_NAMED_FIRST = re.compile(rf"\b({_NAME}) (?i:vs\.?|versus|is the (?:competitor|rival|alternative))\b")
# Cheap and blunt: a text without any of these holds no rival, and most texts end here.
_SOME_CUE = "compet rival alternative compared next differ unlike vs versus instead rather better replace"
_CUES = tuple(_SOME_CUE.split())
_READ = 5_000  # characters; longer than any quote or description
_SEPARATOR = re.compile(r",? (?:and|or) |, ")
_SENTENCE_STARTS = "A An And But Each He Here I If In It Its My No Nobody Not One Our She So That The There These They This Those We What When You"
_NOT_NAMES = frozenset(_SENTENCE_STARTS.split())


def rivals(text: str) -> tuple[str, ...]:
    """Names that a text speaks of as competitors or alternatives, in order, each once.

    Words that merely stand in such a place ("instead of yet another") are left out when they cannot be names: a name
    has a capital or a digit. A product that is only used, run or supported is no rival and is not found.
    """
    text = text[:_READ]
    lowered = text.lower()
    if not any(cue in lowered for cue in _CUES):
        return ()
    lists = [(found.start(1), found[1]) for pattern in (_NAMED, _NAMED_FIRST) for found in pattern.finditer(text)]
    names = (_trimmed(name) for _, found in sorted(lists) for name in _SEPARATOR.split(found))
    return tuple(dict.fromkeys(name for name in names if name))


def _trimmed(name: str) -> str:
    """The name without words before it that cannot begin one; empty when nothing is left."""
    words = name.split()
    while words and (words[0] in _NOT_NAMES or not _looks_like_a_name(words[0])):
        words.pop(0)
    return " ".join(words).rstrip(".+-")


def _looks_like_a_name(word: str) -> bool:
    return any(character.isupper() or character.isdigit() for character in word)
