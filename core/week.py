"""ISO weeks, the identity of an edition."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from core.errors import UsageError

_WEEK = re.compile(r"(\d{4})-W(\d{2})")
_THURSDAY = 4
_TO_THURSDAY = timedelta(days=3)


@dataclass(frozen=True, slots=True, order=True)
class Week:
    """A week of ISO 8601: it starts on Monday, and belongs to the year of its Thursday."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year}-W{self.number:02}"

    @classmethod
    def of(cls, instant: datetime) -> Week:
        """The week in which an instant lies, by UTC."""
        calendar = instant.astimezone(UTC).isocalendar()
        return cls(calendar.year, calendar.week)

    @classmethod
    def parse(cls, text: str) -> Week:
        """Read `2026-W48`. Raises UsageError for anything else, and for weeks that a year does not have."""
        found = _WEEK.fullmatch(text.strip())
        try:
            if found is None:
                raise ValueError(text)
            week = cls(int(found[1]), int(found[2]))
            date.fromisocalendar(week.year, week.number, 1)
        except ValueError:
            raise UsageError(f"{text!r} is not a week.", mend="Write it like 2026-W48.") from None
        return week

    @property
    def month(self) -> tuple[Week, ...]:
        """The weeks of its month, itself among them, in their order: a week belongs to the month of its Thursday."""
        thursday = self.monday + _TO_THURSDAY
        first = thursday.replace(day=1)
        days = [first + timedelta(days=each) for each in range(calendar.monthrange(first.year, first.month)[1])]
        return tuple(Week(*each.isocalendar()[:2]) for each in days if each.isoweekday() == _THURSDAY)

    @property
    def previous_month(self) -> tuple[Week, ...]:
        """The weeks of the month before its own, in their order."""
        before = self.month[0].monday - timedelta(weeks=1)
        return Week(*before.isocalendar()[:2]).month

    @property
    def monday(self) -> date:
        """Its first day."""
        return date.fromisocalendar(self.year, self.number, 1)

    @property
    def sunday(self) -> date:
        """Its last day."""
        return self.monday + timedelta(days=6)
