"""The review queue: which seat comes next, how long a claim lasts, and who is reminded when."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from core.panel import Role, SeatRow, SeatState

_DAY = timedelta(days=1)

LEASE = timedelta(minutes=30)
"""How long a claim lasts unless it is renewed; every autosave renews it."""

_NEVER = datetime.max.replace(tzinfo=UTC)


def order(seat: SeatRow) -> tuple[int, datetime, float, int]:
    """Sort key of seats, first the one to do next: the panel most complete, then due, then priority.

    Finishing what is begun comes first, because a tool is worth nothing to the reader until its panel closes. The
    id only makes the order total.
    """
    return (-seat.submitted_on_panel, seat.due_at or _NEVER, -seat.priority, seat.id)


def is_claimable(seat: SeatRow, *, now: datetime) -> bool:
    """Whether a seat can be claimed: open, or leased to somebody whose lease has run out."""
    if seat.state is SeatState.LEASED:
        return has_run_out(seat.lease_until, now=now)
    return seat.state is SeatState.OPEN


def has_run_out(lease_until: datetime | None, *, now: datetime) -> bool:
    """Whether a lease is over. At its last instant it still holds."""
    return lease_until is None or lease_until < now


def due_at(now: datetime, *, days: int) -> datetime:
    """When a verdict on a tool that enters the queue `now` is due: so many days on, at the end of that day in UTC.

    Whole days, so that among the tools of one day the order goes on by priority.
    """
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + (days + 1) * _DAY


def lease_until(now: datetime, *, length: timedelta = LEASE, held_until: datetime | None = None) -> datetime:
    """Until when a claim or renewal at `now` lasts. A renewal never shortens what is held."""
    return max(now + length, held_until or now)


def next_seat(seats: Iterable[SeatRow], *, now: datetime) -> SeatRow | None:
    """The seat to do next, None when there is nothing to do."""
    return min((seat for seat in seats if is_claimable(seat, now=now)), key=order, default=None)


class Rung(StrEnum):
    """How far the reminders of a seat have come."""

    QUIET = "quiet"
    SOON = "soon"  # a day before it is due
    DUE = "due"
    LATE = "late"  # a day after
    REOPENED = "reopened"  # three days after: the seat goes back to everybody


_LADDER = (
    (timedelta(days=3), Rung.REOPENED),
    (timedelta(days=1), Rung.LATE),
    (timedelta(0), Rung.DUE),
    (timedelta(days=-1), Rung.SOON),
)

_HEARS: dict[Rung, frozenset[Role]] = {
    Rung.QUIET: frozenset(),
    Rung.SOON: frozenset({Role.REVIEWER}),
    Rung.DUE: frozenset({Role.REVIEWER}),
    Rung.LATE: frozenset({Role.REVIEWER, Role.EDITOR}),
    Rung.REOPENED: frozenset({Role.OPERATOR}),
}


def rung(due_at: datetime | None, *, now: datetime) -> Rung:
    """Where on the ladder a seat stands that is not submitted. A seat that is never due stays quiet."""
    if due_at is None:
        return Rung.QUIET
    late = now - due_at
    return next((step for at, step in _LADDER if late >= at), Rung.QUIET)


def hears(step: Rung) -> frozenset[Role]:
    """Who is told when a seat reaches a rung; REVIEWER stands for its holder, or its lens's reviewers when open."""
    return _HEARS[step]


def is_deserted(*, reviewers: Collection[str], declined: Collection[str]) -> bool:
    """Whether nobody is left for a seat: every reviewer of its lens has declined, or there is none. An alarm."""
    return set(reviewers) <= set(declined)
