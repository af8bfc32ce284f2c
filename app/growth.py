"""How the list of subscribers grows and shrinks, week by week."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from app.wiring import Product
from core.errors import UsageError
from core.week import Week
from store import subscribers

LONGEST = 520
"""Weeks that may be asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekOfGrowth:
    """One week. `active` is at its end (now, for the present week), `pending` who asked in it and has not confirmed,
    `joined` who confirmed in it, `lost` who went, by why: unsubscribed, bounced, complained, pending (left and asked
    again since), erased.

    It is read from today's rows: of somebody who left and came back, or was erased, only the last step is known, so
    that `active` plus next week's `joined` less its `lost` is next week's `active`, but for the erased.
    """

    week: Week
    active: int
    pending: int
    joined: int
    lost: Mapping[str, int]


def growth(product: Product, *, weeks: int = 26) -> list[WeekOfGrowth]:
    """The last so many weeks, the oldest first, the present one last. Raises UsageError for a number out of range."""
    if not 1 <= weeks <= LONGEST:
        raise UsageError(f"{weeks} is no number of weeks.", mend=f"Take 1 to {LONGEST}.")
    now = product.now
    starts = [_monday(Week.of(now - timedelta(weeks=back))) for back in range(weeks - 1, -1, -1)]
    found: list[WeekOfGrowth] = []
    with product.database.read() as connection:
        active = subscribers.active_at(connection, starts[0])
        for start in starts:
            span = subscribers.span(connection, start=start, end=start + timedelta(weeks=1))
            gone = sum(many for why, many in span.lost.items() if why != "erased")
            active += span.joined - gone
            found.append(
                WeekOfGrowth(
                    week=Week.of(start), active=active, pending=span.pending, joined=span.joined, lost=span.lost
                )
            )
    return found


def _monday(week: Week) -> datetime:
    return datetime.combine(week.monday, time(), UTC)
