"""What all sightings of one tool say together: texts, category, facts, priority, and the way into the queue."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.category import CATEGORIES
from core.intent import Assessment
from core.sighting import Seen, Sighting, Signal, Thing
from ingest.assess import QUEUE_DAYS, assess
from ingest.category import _ORDER, _OWN_CATEGORIES, categorise, is_about_ai
from ingest.priority import percentile, prioritise
from tests.ingest.making import NOW, ids, seen, sighting

SCALES = {("s", "points"): tuple(float(number) for number in range(100))}


def assessed(*sightings: Sighting) -> Assessment:
    return assess([seen(one) for one in sightings], scales=SCALES, now=NOW)


def agent(external_id: str = "1", *names: str, **fields: Any) -> Sighting:
    return sighting(external_id, *names, **{"name": "Foo", "tagline": "An AI agent", "created_at": NOW, **fields})


# --- texts ------------------------------------------------------------------------------------------------------


def test_a_name_is_preferred_to_a_sentence() -> None:
    post = agent("1", name="Getting GLM 5.2 running on my slow computer", tagline="")
    repository = agent("2", name="colibri", tagline="", thing=Thing.REPOSITORY)
    result = assessed(post, repository)
    assert (result.name, result.tagline) == ("colibri", "Getting GLM 5.2 running on my slow computer")


def test_a_launch_speaks_before_a_repository_and_a_paper() -> None:
    names = {Thing.PAPER: "Paper", Thing.REPOSITORY: "repo", Thing.LAUNCH: "Launch"}
    assert assessed(*(agent(name, name=name, thing=thing) for thing, name in names.items())).name == "Launch"


def test_the_description_is_the_first_that_says_enough() -> None:
    result = assessed(agent("1", summary="Short."), agent("2", summary="long " * 20, thing=Thing.REPOSITORY))
    assert result.description.startswith("long")
    assert (
        assessed(agent("1", summary="Short."), agent("2", summary="Shorter", thing=Thing.PAPER)).description
        == "Shorter"
    )


def test_the_homepage_is_the_first_that_is_stated() -> None:
    assert assessed(agent("1"), agent("2", homepage="https://foo.dev", thing=Thing.PAPER)).homepage == "https://foo.dev"


# --- facts ------------------------------------------------------------------------------------------------------


def test_every_fact_has_its_source_and_day() -> None:
    model = agent(
        "1",
        "hf:acme/Foo",
        "arxiv:2611.00001",
        thing=Thing.MODEL,
        url="https://huggingface.co/acme/Foo",
        licence="mit",
        signals=(
            Signal(name="likes", value=12),
            Signal(name="parameters", value=2.2e9),
            Signal(name="trending", value=5),
        ),
    )
    facts = {fact.field: fact.value for fact in assessed(model).facts}
    assert facts == {
        "licence": "mit",
        "likes": "12",
        "parameters": "2.2B",
        "model": "https://huggingface.co/acme/Foo",
        "paper": "https://arxiv.org/abs/2611.00001",
        "released": "2026-11-20",
    }
    assert {(fact.source_url, fact.observed_at) for fact in assessed(model).facts} == {(model.url, NOW)}


def test_no_pricing_is_unknown() -> None:
    assert assessed(agent()).pricing.model == "unknown"


# --- queue ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (agent(thing=Thing.ARTICLE), "articles"),
        (agent(thing=Thing.PAPER, identifiers=ids("arxiv:1")), "without code"),
        (agent(tagline="My college band", name="Band"), "to do with AI"),
        (agent(created_at=NOW - timedelta(days=QUEUE_DAYS + 1)), "2026-09-20"),
    ],
)
def test_what_is_no_new_tool_stays_out_of_the_queue_and_says_why(one: Sighting, words: str) -> None:
    result = assessed(one)
    assert not result.queue
    assert words in result.queue_reason


@pytest.mark.parametrize(
    "one",
    [
        agent(),
        agent(thing=Thing.PAPER, identifiers=ids("arxiv:1", "github:a/b")),
        agent(thing=Thing.MODEL, tagline="", name="X"),
        agent(created_at=None),
    ],
)
def test_a_new_tool_enters_the_queue(one: Sighting) -> None:
    assert assessed(one).queue


def test_a_launch_makes_an_old_repository_new_and_an_article_does_not() -> None:
    old = agent("1", thing=Thing.REPOSITORY, created_at=NOW - timedelta(days=900))
    assert assessed(old, agent("2", thing=Thing.LAUNCH)).queue
    assert not assessed(old, agent("2", thing=Thing.ARTICLE)).queue
    assert not assessed(old, agent("2", thing=Thing.RELEASE)).queue


def test_what_lists_without_a_date_may_be_old_and_says_so() -> None:
    trending = assessed(agent(thing=Thing.REPOSITORY, created_at=None))
    assert trending.queue
    assert trending.queue_reason.startswith("Its age is unknown")
    assert [reason.words for reason in trending.priority.reasons] == [
        "Perhaps new: first seen today, and nothing says how old it is"
    ]
    launch = assessed(agent(created_at=None))
    assert launch.queue_reason.startswith("New within")
    assert launch.priority.score == 2 * trending.priority.score


def test_a_tagline_does_not_repeat_the_name_and_a_name_has_no_loose_end() -> None:
    title = "Prior Audits Shift What a Verifier Accepts"
    paper = agent("1", name=title, tagline="", thing=Thing.PAPER, summary="We audit verifiers. It shifts.")
    assert (assessed(paper).name, assessed(paper).tagline) == (title, "We audit verifiers")
    assert assessed(agent(name="kukumber:")).name == "kukumber"
    long = assessed(agent(tagline="", summary="word " * 100))
    assert long.tagline.endswith("word…")


def test_what_was_old_when_it_was_first_seen_is_told_from_what_grew_old_waiting() -> None:
    def after(days: int, *, born: int) -> Assessment:
        one = agent(created_at=NOW - timedelta(days=born))
        return assess([seen(one, first=NOW)], scales={}, now=NOW + timedelta(days=days))

    old, waited = after(0, born=400), after(90, born=3)
    assert (old.queue, old.was_old) == (False, True)
    assert (waited.queue, waited.was_old) == (False, False)


# --- priority ---------------------------------------------------------------------------------------------------


def test_the_score_is_the_sum_of_its_reasons() -> None:
    post = agent("1", url="https://news.ycombinator.com/item?id=1", signals=(Signal(name="points", value=90),))
    priority = assessed(post, agent("2", url="https://github.com/a/b")).priority
    assert priority.score == pytest.approx(sum(reason.points for reason in priority.reasons))
    words = [reason.words for reason in priority.reasons]
    assert words[0].startswith("90 points in s: above 89%")
    assert words[1] == "New: first appeared today"
    assert words[2] == "Seen on 2 sites: github.com, news.ycombinator.com"


def test_two_sources_of_one_site_are_one_witness() -> None:
    twice = [
        agent(key, source=key, url="https://huggingface.co/a/b", signals=(Signal(name="points", value=9),))
        for key in "st"
    ]
    reasons = assessed(*twice).priority.reasons
    assert len([reason for reason in reasons if "above" in reason.words]) == 1
    assert not any("sites" in reason.words for reason in reasons)


@given(st.lists(st.floats(0, 1e9), max_size=30).map(sorted), st.floats(0, 1e9), st.floats(0, 1e9))
def test_a_greater_figure_never_ranks_lower(sample: list[float], one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= percentile(low, sample) <= percentile(high, sample) <= 1


@given(st.integers(0, 400), st.lists(st.floats(0, 1e12), max_size=4), st.integers(0, 6))
def test_a_priority_lies_between_0_and_100(days: int, values: list[float], sites: int) -> None:
    ones = [
        agent(
            str(number),
            url=f"https://site{number}.dev/",
            signals=tuple(Signal(name="points", value=value) for value in values),
        )
        for number in range(sites + 1)
    ]
    priority = prioritise([seen(one) for one in ones], scales=SCALES, newest=NOW - timedelta(days=days), now=NOW)
    assert 0 <= priority.score <= 100
    assert all(reason.points > 0 for reason in priority.reasons)


def test_a_date_in_the_future_counts_as_today() -> None:
    priority = prioritise([seen(agent())], scales={}, newest=NOW + timedelta(days=2), now=NOW)
    assert priority.reasons[0].words == "New: first appeared today"


# --- category ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "category"),
    [
        ({"category": "image-text-to-text", "name": "SmolVLM2", "thing": Thing.MODEL}, "vision-language-models"),
        ({"category": "text-generation", "thing": Thing.MODEL}, "language-models"),
        ({"name": "SkillClaw", "tagline": "Let Skills Evolve with Agentic Evolver", "thing": Thing.PAPER}, "agents"),
        ({"tagline": "A visual AI coding harness"}, "coding"),
        ({"tagline": "Text to speech that runs in the browser"}, "speech-and-audio"),
        ({"tagline": "RAG over your documents, with a vector database"}, "search-and-retrieval"),
        ({"category": "cs.RO", "thing": Thing.PAPER}, "robotics-and-3d"),
        ({"tagline": "", "name": "Foo", "thing": Thing.DATASET}, "data"),
        ({"tagline": "", "name": "Foo"}, "other"),
    ],
)
def test_a_category_is_found_by_the_sources_word_or_by_words(fields: dict, category: str) -> None:
    assert categorise([agent(**{"name": "Foo", "tagline": "", **fields})]) == category


def test_every_category_of_the_table_exists() -> None:
    assert {*_OWN_CATEGORIES.values(), *_ORDER} <= set(CATEGORIES)


def test_an_ai_word_has_to_be_a_word() -> None:
    assert is_about_ai([agent(name="Foo", tagline="AI for all")])
    assert not is_about_ai([agent(name="Foo", tagline="A chair for all, made by maids in Spain")])


# --- laws -------------------------------------------------------------------------------------------------------

SIGHTINGS = st.lists(
    st.builds(
        lambda key, thing, name, days: Seen(
            sighting=agent(key, thing=thing, name=name, summary=name * 30, created_at=NOW - timedelta(days=days)),
            first_seen=NOW - timedelta(days=days),
            last_seen=NOW,
        ),
        st.text("abc", min_size=1, max_size=3),
        st.sampled_from(list(Thing)),
        st.sampled_from(["Foo", "Bar", "A sentence that is no name at all"]),
        st.integers(0, 90),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda one: one.sighting.external_id,
)


@given(SIGHTINGS, st.randoms())
def test_the_order_of_the_sightings_does_not_matter(ones: list[Seen], chance: Any) -> None:
    shuffled = ones[:]
    chance.shuffle(shuffled)
    assert assess(ones, scales=SCALES, now=NOW) == assess(shuffled, scales=SCALES, now=NOW)


def test_a_tool_without_sightings_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one"):
        assess([], scales={}, now=NOW)
