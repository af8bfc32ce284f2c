from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.panel import Role, SeatState
from review.queue import LEASE, Rung, due_at, hears, is_claimable, is_deserted, lease_until, next_seat, order, rung
from tests.review.making import NOW, a_seat

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"submitted_on_panel": 3, "priority": 1.0}, {"submitted_on_panel": 2, "due_at": NOW - HOUR, "priority": 99.0}),
        ({"due_at": NOW}, {"due_at": NOW + HOUR, "priority": 99.0}),
        ({"due_at": NOW + HOUR}, {"due_at": None, "priority": 99.0}),
        ({"priority": 60.0}, {"priority": 59.0}),
        ({"id": 1}, {"id": 2}),
    ],
    ids=["begun before due", "sooner", "due before never", "priority", "id"],
)
def test_the_order_of_seats(first, second):
    assert order(a_seat(**first)) < order(a_seat(**second))


@pytest.mark.parametrize(
    ("state", "until", "claimable"),
    [
        (SeatState.OPEN, None, True),
        (SeatState.LEASED, NOW + HOUR, False),
        (SeatState.LEASED, NOW, False),
        (SeatState.LEASED, NOW - HOUR, True),
        (SeatState.LEASED, None, True),
        (SeatState.SUBMITTED, None, False),
    ],
)
def test_a_seat_is_claimable_when_open_or_its_lease_has_run_out(state, until, claimable):
    assert is_claimable(a_seat(state=state, lease_until=until), now=NOW) is claimable


seats = st.builds(
    a_seat,
    id=st.integers(1, 1_000),
    state=st.sampled_from(SeatState),
    submitted_on_panel=st.integers(0, 4),
    priority=st.floats(0, 100),
    due_at=st.none() | st.integers(-99, 99).map(lambda hours: NOW + hours * HOUR),
    lease_until=st.none() | st.integers(-9, 9).map(lambda hours: NOW + hours * HOUR),
)


@given(st.lists(seats, max_size=20))
def test_the_next_seat_is_claimable_and_none_that_is_comes_before_it(rows):
    chosen = next_seat(rows, now=NOW)
    claimable = [row for row in rows if is_claimable(row, now=NOW)]
    assert (chosen is None) == (not claimable)
    assert all(order(chosen) <= order(row) for row in claimable)


def test_a_claim_lasts_half_an_hour_and_a_renewal_never_shortens_it():
    assert lease_until(NOW) == NOW + LEASE == NOW + timedelta(minutes=30)
    assert lease_until(NOW, held_until=NOW + HOUR) == NOW + HOUR
    assert lease_until(NOW, held_until=NOW - HOUR) == NOW + LEASE
    assert lease_until(NOW, length=HOUR) == NOW + HOUR


@pytest.mark.parametrize(
    ("hours_late", "step"),
    [
        (-25, Rung.QUIET),
        (-24, Rung.SOON),
        (-1, Rung.SOON),
        (0, Rung.DUE),
        (23, Rung.DUE),
        (24, Rung.LATE),
        (71, Rung.LATE),
        (72, Rung.REOPENED),
        (900, Rung.REOPENED),
    ],
)
def test_the_ladder_of_reminders(hours_late, step):
    assert rung(NOW - hours_late * HOUR, now=NOW) is step


def test_a_seat_that_is_never_due_is_never_reminded_of():
    assert rung(None, now=NOW) is Rung.QUIET


def test_each_rung_tells_those_whom_it_concerns():
    assert hears(Rung.QUIET) == set()
    assert hears(Rung.SOON) == hears(Rung.DUE) == {Role.REVIEWER}
    assert hears(Rung.LATE) == {Role.REVIEWER, Role.EDITOR}
    assert hears(Rung.REOPENED) == {Role.OPERATOR}


@pytest.mark.parametrize(
    ("reviewers", "declined", "deserted"),
    [({"a", "b"}, {"a"}, False), ({"a", "b"}, {"b", "a"}, True), (set(), set(), True), ({"a"}, {"x"}, False)],
)
def test_a_lens_is_deserted_when_every_reviewer_has_declined(reviewers, declined, deserted):
    assert is_deserted(reviewers=reviewers, declined=declined) is deserted


@given(st.integers(0, 23), st.integers(1, 90))
def test_what_comes_into_the_queue_on_one_day_is_due_at_one_instant_after_whole_days(hour, days):
    early, late = NOW.replace(hour=0, minute=0), NOW.replace(hour=hour, minute=59)
    assert due_at(early, days=days) == due_at(late, days=days)
    left = due_at(late, days=days) - late
    assert timedelta(days=days) < left <= timedelta(days=days + 1)
