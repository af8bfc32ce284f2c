"""Which readers share a variant, and which comparisons stand in front of it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from core.category import CATEGORIES, taste
from digest.variants import LIMIT, places, plan
from tests.digest.samples import many_views, steady

KEYS = sorted(CATEGORIES)


def edition(*categories):
    """Comparisons of these pairs of categories."""
    views = many_views(len(categories))
    return [
        replace(view, a=replace(view.a, category=a), b=replace(view.b, category=b))
        for view, (a, b) in zip(views, categories, strict=True)
    ]


def test_a_comparison_stands_in_front_when_either_tool_is_of_a_chosen_category():
    views = edition(("agents", "coding"), ("data", "data"), ("coding", "research"))
    assert places(views, "coding") == (1, 3)
    assert places(views, "agents,data") == (1, 2)
    assert places(views, "robotics-and-3d") == ()


def test_a_tool_of_an_unknown_category_counts_as_other():
    assert places(edition(("an old category", "agents")), "other") == (1,)


def test_choices_that_pick_the_same_comparisons_share_a_variant():
    views = edition(("agents", "agents"), ("data", "data"))
    picks = plan(views, {"agents": 5, "agents,research": 2, "data": 4})
    assert [(pick.places, pick.tastes, pick.readers) for pick in picks] == [
        ((1,), ("agents", "agents,research"), 7),
        ((2,), ("data",), 4),
    ]


def test_who_chose_nothing_or_everything_or_what_is_not_there_gets_the_edition_itself():
    views = edition(("agents", "agents"), ("data", "data"))
    assert plan(views, {"": 90, "agents,data": 7, "research": 3}) == ()


def test_of_too_many_picks_the_commonest_get_a_variant():
    views = edition(*((key, key) for key in KEYS[:8]))
    tastes = {
        ",".join(key for bit, key in enumerate(KEYS[:8]) if number >> bit & 1): number for number in range(1, 255)
    }
    picks = plan(views, tastes)
    assert len(picks) == LIMIT - 1
    assert [pick.readers for pick in picks] == list(range(254, 254 - len(picks), -1))


categories = st.sampled_from(KEYS)
choices = st.lists(categories, max_size=5).map(taste)


@steady
@given(
    views=st.lists(st.tuples(categories, categories), min_size=1, max_size=6).map(lambda pairs: edition(*pairs)),
    readers=st.dictionaries(choices, st.integers(1, 50), max_size=20),
    limit=st.integers(1, 6),
)
def test_every_taste_is_served_once_by_what_it_picks(views, readers, limit):
    picks = plan(views, readers, limit=limit)
    assert len(picks) < limit
    assert len({pick.places for pick in picks}) == len(picks)
    served = [each for pick in picks for each in pick.tastes]
    assert len(served) == len(set(served))
    for pick in picks:
        assert 0 < len(pick.places) < len(views)
        assert all(places(views, each) == pick.places for each in pick.tastes)
        assert pick.readers == sum(readers[each] for each in pick.tastes)
    shuffled = dict(sorted(readers.items(), reverse=True))
    assert plan(views, shuffled, limit=limit) == picks


def test_a_taste_is_the_same_for_the_same_choice():
    assert taste(["coding", "agents", "coding"]) == taste(["agents", "coding"]) == "agents,coding"
    assert taste([]) == taste(KEYS) == taste(["cooking"]) == ""
    assert taste(["agents", "cooking"]) == "agents"
