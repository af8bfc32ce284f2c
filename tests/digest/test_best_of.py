"""Which comparisons of a month are its best, and in which order."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from core.comparison import Community
from digest.best_of import best, contrast, voters
from tests.digest.samples import many_views, steady, tally


def seen(number: int, *, votes: int = 0, panel: tuple[int | None, int | None] = (50, 50)):
    """A comparison with so many votes, and these shares of the two panels."""
    view = many_views(number + 1)[number]
    a, b = (
        replace(
            side,
            community=Community(chosen=0, votes=votes),
            panel=replace(tally(1, 1), ship_percent=percent),
        )
        for side, percent in zip((view.a, view.b), panel, strict=True)
    )
    return replace(view, a=a, b=b)


def test_votes_come_first_then_clicks_then_how_far_the_panel_sees_the_two_apart_then_the_address():
    popular, clicked = seen(5, votes=9), seen(4, votes=3)
    parted, even, again = seen(3, votes=3, panel=(100, 0)), seen(1, votes=3), seen(2, votes=3)
    clicks = {clicked.slug: 2, popular.slug: 1}
    chosen, others = best([again, even, parted, clicked, popular], clicks, limit=4)
    assert chosen == (popular, clicked, parted, even)
    assert others == (again,)


def test_a_pair_of_which_the_panel_has_not_judged_one_has_no_contrast():
    assert [contrast(seen(0, panel=panel)) for panel in ((None, 100), (100, None), (None, None))] == [0, 0, 0]
    assert contrast(seen(0, panel=(20, 90))) == contrast(seen(0, panel=(90, 20))) == 70


shares = st.none() | st.integers(0, 100)


@steady
@given(data=st.data(), limit=st.integers(1, 6))
def test_the_order_is_total_and_depends_on_nothing_but_the_comparisons(data, limit):
    count = data.draw(st.integers(0, 6))
    views = [
        seen(number, votes=data.draw(st.integers(0, 3)), panel=data.draw(st.tuples(shares, shares)))
        for number in range(count)
    ]
    clicks = data.draw(st.dictionaries(st.sampled_from([each.slug for each in views] or [""]), st.integers(0, 2)))
    chosen, others = best(views, clicks, limit=limit)
    assert best(data.draw(st.permutations(views)), clicks, limit=limit) == (chosen, others)
    assert len(chosen) == min(limit, count)
    ordered = [*chosen, *others]
    assert sorted(each.slug for each in ordered) == sorted(each.slug for each in views)
    worth = [(voters(each), clicks.get(each.slug, 0), contrast(each)) for each in ordered]
    assert worth == sorted(worth, reverse=True)
