from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from review.tally import alpha, is_quick, is_split, percent, ships, tally
from tests.review.making import a_verdict, panel, verdict_lists


@pytest.mark.parametrize(
    ("letters", "shown", "count"),
    [
        ("++++", 100, "4-0"),
        ("+++-", 75, "3-1"),
        ("++--", 50, "2-2"),
        ("----", 0, "0-4"),
        ("++-", 67, "2-1"),
        ("", None, "0-0"),
    ],
)
def test_panel_ship_is_a_whole_percent_with_its_count(letters, shown, count):
    result = tally(panel(letters), quorum=4)
    assert (result.ship_percent, result.count) == (shown, count)


@pytest.mark.parametrize(
    ("letters", "ship"), [("+++-", True), ("++--", False), ("+---", False), ("", False), ("+", True)]
)
def test_a_tie_is_a_skip_and_so_is_an_empty_panel(letters, ship):
    assert ships(tally(panel(letters), quorum=4)) is ship


def test_halves_are_rounded_up_where_round_would_go_to_the_even_number():
    assert percent(1, 8) == 13
    assert round(100 * 1 / 8) == 12


@given(st.integers(1, 10_000), st.data())
def test_percent_rounds_like_a_person_with_a_pencil(total, data):
    part = data.draw(st.integers(0, total))
    exact = (Decimal(100 * part) / Decimal(total)).quantize(Decimal(1), ROUND_HALF_UP)
    assert percent(part, total) == int(exact)


@pytest.mark.parametrize(("letters", "closed"), [("+++", False), ("++++", True), ("+++++", True)])
def test_a_panel_closes_at_its_quorum(letters, closed):
    assert tally(panel(letters), quorum=4).closed is closed


def test_two_verdicts_of_one_lens_do_not_close_a_panel_of_two():
    twice = (a_verdict("builder"), a_verdict("builder", seat=2))
    assert not tally(twice, quorum=2).closed


@given(verdict_lists, st.randoms(use_true_random=False))
def test_the_order_of_verdicts_makes_no_difference(verdicts, random):
    shuffled = list(verdicts)
    random.shuffle(shuffled)
    assert tally(shuffled, quorum=4) == tally(verdicts, quorum=4)


@given(verdict_lists)
def test_ship_percent_says_ship_exactly_above_fifty(verdicts):
    result = tally(verdicts, quorum=4)
    assert ships(result) == (result.ship_percent is not None and result.ship_percent > 50)


# ------------------------------------------------------------ agreement, minds, haste


def test_alpha_of_a_worked_example():
    """Two observers, ten units, two values: 0.095 (K. Krippendorff, Computing Krippendorff's Alpha-Reliability, B)."""
    one, other = (0, 1, 0, 0, 0, 0, 0, 0, 1, 0), (1, 1, 1, 0, 0, 1, 0, 0, 0, 0)
    assert alpha(zip(one, other, strict=True)) == pytest.approx(0.095, abs=0.0005)


@pytest.mark.parametrize(
    ("units", "value"),
    [
        ([], None),
        ([["ship"], ["skip"]], None),
        ([["ship", "ship"], ["ship", "ship"]], None),
        ([["ship", "ship"], ["skip", "skip"]], 1.0),
        ([["ship", "skip"], ["skip", "ship"]], -0.5),
    ],
)
def test_alpha_at_its_ends(units, value):
    assert alpha(units) == (None if value is None else pytest.approx(value))


@settings(deadline=None)  # a busy machine is no counter-example
@given(st.lists(st.lists(st.sampled_from("+-"), max_size=4), max_size=8), st.randoms())
def test_alpha_knows_no_order_and_never_exceeds_one(units, random):
    value = alpha(units)
    shuffled = [random.sample(unit, len(unit)) for unit in random.sample(units, len(units))]
    assert alpha(shuffled) == (None if value is None else pytest.approx(value))
    assert value is None or value <= 1 + 1e-9


@pytest.mark.parametrize(
    ("letters", "split"),
    [("", False), ("+", False), ("+-", True), ("++-", False), ("+++-", False), ("++--", True), ("+++--", True)],
)
def test_a_panel_is_split_when_two_differ_or_about_half_do(letters, split):
    assert is_split(tally(panel(letters), quorum=4)) is split


@pytest.mark.parametrize(
    ("seconds", "words", "quick"), [(19, 60, True), (20, 60, False), (0, 59, False), (None, 500, False)]
)
def test_a_verdict_sooner_than_a_long_tool_can_be_read_is_quick(seconds, words, quick):
    assert is_quick(seconds, words=words) is quick
