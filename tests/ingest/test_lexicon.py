"""Lists of words looked up in a text: quickly, and as if each list were searched by itself."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.lexicon import _WORD, Lexicon, _words

LISTS = {
    "sound": r"voices?, text to speech, tts",
    "robots": r"robot\w*, world models?, 3d",
    "data": r"vector db|database|store, labell?ing, sql|nosql",
    "ai": r"ai, a i, [a-z][a-z]+gpt, language models?, text to \w+",
}
LEXICON = Lexicon(LISTS)
WORDS = st.sampled_from(
    [
        "voice",
        "voices",
        "text",
        "to",
        "speech",
        "tts",
        "robot",
        "robots",
        "robotics",
        "world",
        "model",
        "models",
        "3d",
        "vector",
        "db",
        "store",
        "database",
        "labeling",
        "labelling",
        "sql",
        "nosql",
        "ai",
        "a",
        "i",
        "mygpt",
        "gpt",
        "language",
        "foo",
        "--",
        "/",
        "7",
    ]
)


def naive(text: str) -> set[str]:
    words = re.findall(r"[^\W_]+", text.lower())
    found = set()
    for key, terms in LISTS.items():
        for term in terms.split(","):
            patterns = [re.compile(each) for each in term.split()]
            places = range(len(words) - len(patterns) + 1)
            if any(all(p.fullmatch(words[at + n]) for n, p in enumerate(patterns)) for at in places):
                found.add(key)
    return found


@given(st.lists(WORDS, max_size=12))
def test_it_finds_what_a_search_for_each_term_finds(words: list[str]) -> None:
    text = " ".join(words)
    assert LEXICON.keys(text) == naive(text)
    assert LEXICON.says_anything(text) == bool(naive(text))


@pytest.mark.parametrize(("text", "found"), [("Text-to-Speech!", {"sound", "ai"}), ("text to", set()), ("", set())])
def test_a_phrase_is_found_whole_or_not(text: str, found: set[str]) -> None:
    assert LEXICON.keys(text) == found


@given(st.text(max_size=200) | st.text(st.characters(max_codepoint=127), max_size=200))
def test_words_are_what_their_pattern_finds(text: str) -> None:
    assert _words(text) == _WORD.findall(text.lower())
