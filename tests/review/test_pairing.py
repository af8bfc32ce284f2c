from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.comparison import comparison_slug
from core.fact import PricingModel
from core.identifier import Identifier
from core.panel import Decision
from review.gates import barrier
from review.pairing import PROPOSED_FROM, Catalogue, nearest, propose
from review.weighing import Likeness, explain, weigh
from tests.review.making import KEYS, NOW, SHIP, a_candidate

DAY = timedelta(days=1)

# The texts of the reference page's tools and of their neighbours, in our own words.
SMOL_2B = a_candidate(
    "smolvlm2-2b",
    "+++.+",
    name="SmolVLM2-2B",
    category="vision-language-models",
    tags=("image-text-to-text", "video-text-to-text", "on-device"),
    texts=("A small model that watches video and answers questions about it on a laptop.", "Captions film offline."),
    identifiers=frozenset({Identifier.parse("hf:HuggingFaceTB/SmolVLM2-2.2B-Instruct")}),
)
SMOL_500M = a_candidate(
    "smolvlm2-500m",
    "++-.+",
    name="SmolVLM2-500M-Video",
    category="vision-language-models",
    tags=("image-text-to-text", "video-text-to-text", "on-device"),
    texts=("The smaller sibling watches video on a phone.", "Captions film offline with fewer parameters."),
    identifiers=frozenset({Identifier.parse("hf:HuggingFaceTB/SmolVLM2-500M-Video-Instruct")}),
)
SKILLCLAW = a_candidate(
    "skillclaw",
    "+-+-",
    name="SkillClaw",
    tags=("agent skills", "skill evolution", "proxy"),
    texts=("Agents share skills: a proxy records sessions and rewrites skill files for the whole team.",),
    identifiers=frozenset({Identifier.parse("github:amap-ml/skillclaw")}),
)
METACLAW = a_candidate(
    "metaclaw",
    "--+-",
    name="MetaClaw",
    tags=("agent skills", "skill evolution", "reinforcement learning"),
    texts=("An agent turns failed sessions into skills through a proxy, and trains overnight.",),
    identifiers=frozenset({Identifier.parse("github:aiming-lab/metaclaw")}),
)
REFERENCE = (SMOL_2B, SMOL_500M, SKILLCLAW, METACLAW)


def run(candidates, **given):
    return propose(candidates, **{"compared": {}, "now": NOW, "limit": 10} | given)


def pairs(result):
    return [(proposal.a, proposal.b) for proposal in result.proposals]


def between(one, other, *crowd, **given):
    catalogue = Catalogue((one, other, *crowd))
    return barrier(catalogue, catalogue.entries[one.slug], catalogue.entries[other.slug], **{"compared": {}} | given)


def weighed(one, other, *crowd, now=NOW):
    catalogue = Catalogue((one, other, *crowd))
    return weigh(catalogue, catalogue.entries[one.slug], catalogue.entries[other.slug], now=now)


# ---- the reference texts


def test_a_vision_model_and_a_skill_framework_are_not_comparable():
    assert between(SMOL_2B, SKILLCLAW, SMOL_500M, METACLAW) is not None
    weighing = weighed(SMOL_2B, SKILLCLAW, SMOL_500M, METACLAW)
    assert weighing.numbers.comparability == pytest.approx(0, abs=0.02)
    assert ("skillclaw", "smolvlm2-2b") not in pairs(run(REFERENCE))


def test_two_versions_of_one_model_are_a_question_and_never_a_pair():
    result = run(REFERENCE)
    assert [(question.a, question.b) for question in result.duplicates] == [("smolvlm2-2b", "smolvlm2-500m")]
    assert ("smolvlm2-2b", "smolvlm2-500m") not in pairs(result)
    assert "SmolVLM2" in result.duplicates[0].reason


def test_two_skill_frameworks_pair_well():
    result = run(REFERENCE)
    assert pairs(result) == [("metaclaw", "skillclaw")]
    assert result.numbers["metaclaw-vs-skillclaw"].comparability > 2 * PROPOSED_FROM
    assert any("agent skills" in reason.words for reason in result.proposals[0].reasons[:3])


# ---- gates

LIKE = {"tags": ("text-to-speech", "for-creators", "voices"), "texts": ("reads aloud with a calm voice",)}
ONE, TWO = a_candidate("one", **LIKE), a_candidate("two", **LIKE)


def test_alike_tools_pass_the_gates():
    assert between(ONE, TWO) is None
    assert pairs(run([ONE, TWO])) == [("one", "two")]


@pytest.mark.parametrize(
    "other",
    [
        a_candidate("two", closed=False, **LIKE),
        a_candidate("two", "++", **LIKE),
        a_candidate("two", "..+++", verdicts={"futurist": SHIP, "poet": SHIP, "cook": SHIP}, **LIKE),
        a_candidate("two", category="coding", texts=LIKE["texts"]),
        a_candidate("two", identifiers=frozenset({Identifier.parse("github:a/b")}), **LIKE),
        a_candidate("two", name="One v2", **LIKE),
        a_candidate("two", name="One Cloud Suite", domains=frozenset({"one.example"}), **LIKE),
    ],
    ids=["open", "two verdicts", "one shared lens", "category", "repository", "version", "domain and name"],
)
def test_each_gate_keeps_a_pair_out(other):
    one = a_candidate(
        "one", identifiers=frozenset({Identifier.parse("github:a/b")}), domains=frozenset({"one.example"}), **LIKE
    )
    assert between(one, other)
    assert pairs(run([one, other])) == []


def test_an_editor_who_declares_two_tools_different_lifts_the_question():
    renamed = a_candidate("two", name="One v2", **LIKE)
    assert run([ONE, renamed]).duplicates
    settled = run([ONE, renamed], apart={"one-vs-two"})
    assert (settled.duplicates, pairs(settled)) == ((), [("one", "two")])


@pytest.mark.parametrize(
    ("compared_at", "changed_at", "again"),
    [(NOW, None, False), (NOW - 2 * DAY, None, True), (NOW, NOW + DAY, True), (NOW - DAY, None, False)],
)
def test_a_pair_comes_again_only_after_a_change(compared_at, changed_at, again):
    one = a_candidate("one", changed_at=changed_at, **LIKE)
    result = run([one, TWO], compared={"one-vs-two": compared_at})
    assert bool(result.proposals) is again


def crowd(size, **given):
    return [a_candidate(f"other{at:02}q", category="data", closed=False, **given) for at in range(size)]


def test_a_rare_shared_tag_joins_categories_and_a_common_one_does_not():
    one = a_candidate("one", category="coding", tags=("braille",), texts=("dots",))
    two = a_candidate("two", category="productivity", tags=("braille",), texts=("dots",))
    assert between(one, two, *crowd(60)) is None
    assert pairs(run([one, two, *crowd(60)])) == [("one", "two")]
    assert between(one, two, *crowd(60, tags=("braille",)))


def test_a_name_joins_categories():
    one = a_candidate("one", category="coding", name="Atlas", texts=("An alternative to Borea.",))
    two = a_candidate("two", category="productivity", name="Borea", texts=("plans the week",))
    assert between(one, two) is None
    assert pairs(run([one, two])) == [("one", "two")]


def test_a_name_that_many_bear_names_nobody():
    one = a_candidate("one", category="coding", name="Zephyr", texts=("An alternative to Atlas.",))
    namesakes = [a_candidate(f"atlas{at}q", category="data", name="Atlas") for at in range(5)]
    result = run([one, *namesakes])
    assert pairs(result) == []
    assert result.unknown_rivals == {}


def test_rivals_that_nobody_has_ingested_are_suggested():
    one = a_candidate("one", texts=("Competitors are Borea, Cirrus and Two.",))
    assert run([one, TWO]).unknown_rivals == {"Borea": ("one",), "Cirrus": ("one",)}


def test_a_crowd_under_one_name_does_not_ask_a_question_for_every_two():
    namesakes = [a_candidate(f"atlas{at:03}q", name="Atlas") for at in range(200)]
    assert 0 < len(run(namesakes, among={"atlas000q"}).duplicates) <= 100


# ---- the score


def test_with_everything_stated_likeness_is_the_plain_sum():
    likeness = Likeness(use_cases=0.5, features=0.4, text=1.0, audience=0.2)
    assert math.fsum(likeness.parts) == pytest.approx(0.35 * 0.5 + 0.25 * 0.4 + 0.25 * 1.0 + 0.15 * 0.2)


def test_what_is_not_stated_is_no_difference_but_less_is_trusted():
    silent = Likeness(use_cases=None, features=None, text=1.0, audience=None)
    assert math.fsum(silent.parts) == pytest.approx(0.5)
    assert math.fsum(Likeness(use_cases=0.0, features=0.0, text=1.0, audience=0.0).parts) == pytest.approx(0.25)
    assert math.fsum(Likeness(use_cases=None, features=None, text=None, audience=None).parts) == 0


def test_the_score_follows_the_formula():
    one = a_candidate("one", "++++", price=PricingModel.PAID, demand=400, reviewed_at=NOW - 7 * DAY, **LIKE)
    two = a_candidate("two", "+---", price=PricingModel.OPEN_SOURCE, demand=600, reviewed_at=NOW - 90 * DAY, **LIKE)
    numbers = weighed(one, two).numbers
    assert numbers.comparability == pytest.approx(1)
    assert numbers.contrast == pytest.approx(0.4 * 0.75 + 0.3 + 0.2 * 0.75 + 0.1)
    assert numbers.freshness == pytest.approx(math.exp(-7 / 14))
    assert (numbers.asked, numbers.demand) == (1000, 1)
    assert numbers.score == pytest.approx(0.55 + 0.20 * numbers.contrast + 0.15 * numbers.freshness + 0.10)


@pytest.mark.parametrize(
    ("prices", "contrast"),
    [
        ((PricingModel.FREE, PricingModel.FREE), 0),
        ((PricingModel.FREE, PricingModel.PAID), 0.3),
        ((PricingModel.UNKNOWN, PricingModel.PAID), 0),
        ((PricingModel.OPEN_SOURCE, PricingModel.PAID), 0.4),
    ],
)
def test_an_unknown_price_is_no_contrast(prices, contrast):
    one, two = (a_candidate(slug, price=price, **LIKE) for slug, price in zip(("one", "two"), prices, strict=True))
    assert weighed(one, two).numbers.contrast == pytest.approx(contrast)


@pytest.mark.parametrize(
    ("texts", "naming"),
    [
        (("plain", "plain"), 0),
        (("unlike Borea", "plain"), 0.35),
        (("plain", "Atlas vs Borea"), 0.35),
        (("unlike Borea", "unlike Atlas"), 0.5),
    ],
)
def test_names_bring_tools_together(texts, naming):
    one, two = (
        a_candidate(slug, name=name, texts=(text,))
        for slug, name, text in zip(("one", "two"), ("Atlas", "Borea"), texts, strict=True)
    )
    assert weighed(one, two).numbers.naming == naming


def test_contrast_alone_never_pairs_strangers():
    one = a_candidate("one", "++++", price=PricingModel.PAID, demand=10**6, tags=("for-cooks",), texts=("soup",))
    two = a_candidate("two", "----", price=PricingModel.OPEN_SOURCE, demand=10**6, tags=("for-pilots",), texts=("sky",))
    assert between(one, two) is None
    assert weighed(one, two).numbers.score == 0
    assert pairs(run([one, two])) == []


def test_a_review_dated_in_the_future_counts_as_today():
    one, two = a_candidate("one", reviewed_at=NOW + DAY, **LIKE), TWO
    assert weighed(one, two).numbers.freshness == 1


# ---- laws

TAGS = ("text-to-speech", "use-narration", "voices", "offline", "for-creators", "for-cooks")
TEXTS = (
    "reads aloud calmly",
    "writes code quickly",
    "unlike Tool3q it sings",
    "better than Tool5q at code",
    "calm code",
)
SOURCES = ("github:a/one", "github:b/two", "hf:c/three")


@st.composite
def catalogues(draw):
    def one(at):
        return a_candidate(
            f"tool{at}q",
            "",
            category=draw(st.sampled_from(["coding", "speech"])),
            closed=draw(st.sampled_from([True, True, True, False])),
            tags=tuple(draw(st.lists(st.sampled_from(TAGS), max_size=4, unique=True))),
            texts=tuple(draw(st.lists(st.sampled_from(TEXTS), max_size=2))),
            verdicts=draw(st.dictionaries(st.sampled_from(KEYS), st.sampled_from(Decision), min_size=2)),
            price=draw(st.sampled_from(PricingModel)),
            identifiers=frozenset(map(Identifier.parse, draw(st.lists(st.sampled_from(SOURCES), max_size=1)))),
            reviewed_at=NOW - draw(st.integers(0, 60)) * DAY,
            demand=draw(st.integers(0, 2_000)),
        )

    return [one(at) for at in range(draw(st.integers(0, 9)))]


@given(catalogues(), st.randoms(use_true_random=False), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_the_order_of_candidates_makes_no_difference_and_asking_again_gives_the_same(candidates, random, limit):
    shuffled = list(candidates)
    random.shuffle(shuffled)
    catalogue = Catalogue(candidates)
    first = run(catalogue, limit=limit)
    assert run(shuffled, limit=limit) == first
    assert run(catalogue, limit=limit) == first


@given(catalogues())
@settings(max_examples=60, deadline=None)
def test_weighing_and_gates_are_symmetric_and_every_number_is_in_its_range(candidates):
    catalogue = Catalogue(candidates)
    for one in catalogue.entries.values():
        for other in catalogue.entries.values():
            if one is other:
                continue
            weighing = weigh(catalogue, one, other, now=NOW)
            assert weighing.numbers == weigh(catalogue, other, one, now=NOW).numbers
            assert barrier(catalogue, one, other, compared={}) == barrier(catalogue, other, one, compared={})
            numbers = weighing.numbers
            parts = (numbers.comparability, numbers.naming, numbers.contrast, numbers.freshness, numbers.demand)
            assert all(0 <= part <= 1 + 1e-9 for part in parts)
            assert 0 <= numbers.score <= numbers.comparability + 1e-9


@given(catalogues())
@settings(max_examples=60, deadline=None)
def test_the_points_of_the_reasons_add_up_to_the_score_largest_first(candidates):
    catalogue = Catalogue(candidates)
    for slug in catalogue.entries:
        for weighing in nearest(catalogue, slug, compared={}, now=NOW):
            points = [reason.points for reason in explain(weighing)]
            assert math.fsum(points) == pytest.approx(weighing.numbers.score)
            assert points == sorted(points, reverse=True)
            assert min(points) > 0


@given(catalogues())
@settings(max_examples=60, deadline=None)
def test_the_index_finds_what_brute_force_finds(candidates):
    catalogue = Catalogue(candidates)
    for one in catalogue.entries.values():
        others = [other for other in catalogue.entries.values() if other is not one]
        free = [other for other in others if barrier(catalogue, one, other, compared={}) is None]
        weighings = [weigh(catalogue, one, other, now=NOW) for other in free]
        worthy = {weighing.slug for weighing in weighings if weighing.numbers.comparability >= PROPOSED_FROM}
        found = nearest(catalogue, one.candidate.slug, compared={}, now=NOW)
        assert {weighing.slug for weighing in found} == worthy


@given(catalogues(), st.integers(0, 6))
@settings(max_examples=60, deadline=None)
def test_a_choice_takes_a_tool_once_a_category_twice_and_the_best_first(candidates, limit):
    result = run(candidates, limit=limit)
    category = {candidate.slug: candidate.category for candidate in candidates}
    tools = [slug for pair in pairs(result) for slug in pair]
    assert len(tools) == len(set(tools))
    assert len(result.proposals) <= limit
    for name in ("coding", "speech"):
        assert sum(name in {category[a], category[b]} for a, b in pairs(result)) <= 2
    scores = [proposal.score for proposal in result.proposals]
    assert scores == sorted(scores, reverse=True)
    assert set(result.numbers) == {comparison_slug(a, b) for a, b in pairs(result)}


@given(catalogues())
@settings(max_examples=40, deadline=None)
def test_no_question_is_also_a_proposal(candidates):
    result = run(candidates)
    assert not {(question.a, question.b) for question in result.duplicates} & set(pairs(result))


def test_a_week_can_be_asked_about_alone():
    others = [a_candidate(f"other{at}q", category="data", **LIKE) for at in range(4)]
    result = run([ONE, TWO, *others], among={"one"})
    assert pairs(result) == [("one", "two")]


def test_an_empty_catalogue_proposes_nothing():
    assert pairs(run([])) == []


def test_what_a_catalogue_does_not_know_is_refused():
    with pytest.raises(KeyError, match="three"):
        run([ONE, TWO], among={"three"})
