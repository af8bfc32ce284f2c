from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.identifier import Identifier
from review.facets import facets
from review.family import makers, name_key, stem
from review.rivals import rivals
from review.vocabulary import Vocabulary, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SmolVLM2-2.2B-Instruct", "SmolVLM2-500M"),
        ("SmolVLM2-2B", "SmolVLM"),
        ("whisper-large-v3-turbo", "Whisper Large v2"),
        ("Qwen3-Coder-30B-A3B-Instruct", "Qwen2.5 Coder 7B"),
        ("Mixtral-8x7B", "Mixtral 8x22B v0.1"),
        ("GPT-4o", "gpt 4.1 mini"),
        ("Langfuse Cloud", "langfuse"),
    ],
)
def test_versions_and_sizes_have_one_stem(one, other):
    assert stem(one) == stem(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Qwen3-VL-2B", "Qwen3-Coder-30B"),
        ("Turbo", "Nano"),
        ("o3", "o4"),
        ("Whisper.cpp", "Whisper"),
        ("Claude Code", "Claude 4"),
        ("日本語", "日本"),
        ("SkillClaw", "MetaClaw"),
    ],
)
def test_different_products_have_different_stems(one, other):
    assert stem(one) != stem(other)


@given(st.text(max_size=40))
def test_every_name_has_a_stem_and_its_key_folds_once(name):
    assert stem(name)
    assert name_key(name_key(name)) == name_key(name)


def test_makers_are_owners_and_domains_in_one_spelling():
    known = [Identifier.parse(text) for text in ("hf:Qwen/Qwen3", "github:qwen/qwen3", "arxiv:2505.09388")]
    assert makers(known, ["Qwen.ai"]) == {"qwen", "qwen.ai"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Competitors are MetaClaw, EvoSkill and a careful colleague.", ("MetaClaw", "EvoSkill")),
        ("An alternative to vLLM for teams.", ("vLLM",)),
        ("The question is vLLM vs Ollama: if a team shares it.", ("vLLM", "Ollama")),
        ("It competes with Open WebUI and LM Studio 3 daily.", ("Open WebUI", "LM Studio 3")),
        ("Compared with Aider it asks less.", ("Aider",)),
        ("How it differs from Aider: another shape.", ("Aider",)),
        ("Moondream2 is the competitor to measure it with.", ("Moondream2",)),
        ("Unlike Whisper.cpp. Then again, Piper is fine.", ("Whisper.cpp",)),
        ("Use it instead of yet another agent.", ()),
        ("Unlike the others, It works.", ()),
        ("Works with Ollama, vLLM and llama.cpp.", ()),
        ("Rather than That, one would write it anew.", ()),
        ("", ()),
    ],
)
def test_rivals_are_those_that_a_text_sets_beside_its_own(text, names):
    assert rivals(text) == names


def test_a_rival_is_named_once():
    assert rivals("Unlike Aider it runs. Compared with Aider it flies.") == ("Aider",)


@pytest.mark.parametrize(
    "text", ["vs " * 20_000, "A " * 30_000 + "vs", "unlike " + "a1, " * 20_000, "unlike a" + ".a" * 30_000]
)
def test_hostile_texts_cost_little(text):
    start = time.process_time()
    rivals(text)
    assert time.process_time() - start < 2


def test_tags_are_sorted_by_what_they_speak_of():
    found = facets(
        ["Text-to-Speech", "use-narration", "for developers", "agent skills", "license:mit", " ", "robotics"]
    )
    assert found.use_cases == {"text-to-speech", "use-narration", "robotics"}
    assert found.audience == {"for-developers"}
    assert found.features == {"agent-skills"}


@given(st.lists(st.text(max_size=12), max_size=8))
def test_no_tag_stands_on_two_sides(tags):
    found = facets(tags)
    assert len(found.all) == len(found.use_cases) + len(found.features) + len(found.audience)


def test_words_leave_out_what_everybody_says_and_join_singular_and_plural():
    assert words("The agents' skills, and this skill in glass") == ["agent", "skill", "skill", "glass"]
    assert words("It is the one") == []


texts = st.lists(
    st.lists(st.sampled_from(["alpha beta", "beta gamma", "delta", "alpha alpha", ""]), max_size=4),
    min_size=2,
    max_size=6,
)


@given(texts)
def test_likeness_of_texts_is_symmetric_and_between_nothing_and_all(tools):
    one, other, *_ = Vocabulary(tools).vectors
    assert one.cosine(other) == other.cosine(one)
    assert 0 <= one.cosine(other) <= 1 + 1e-6
    assert not one or one.cosine(one) == pytest.approx(1)


@given(texts)
def test_the_order_of_a_tools_texts_makes_no_difference(tools):
    vocabulary = Vocabulary(tools)
    reversed_texts = Vocabulary([list(reversed(texts)) for texts in tools])
    forward = [first.cosine(second) for first in vocabulary.vectors for second in vocabulary.vectors]
    backward = [first.cosine(second) for first in reversed_texts.vectors for second in reversed_texts.vectors]
    assert forward == pytest.approx(backward)


def test_a_rare_word_brings_texts_nearer_than_a_common_one():
    common = [["water apple"], ["water pear"], *[["water"]] * 20]
    rare = [["marble apple"], ["marble pear"], *[["water"]] * 20]
    one, other, *_ = Vocabulary(common).vectors
    third, fourth, *_ = Vocabulary(rare).vectors
    assert third.cosine(fourth) > 3 * one.cosine(other)
