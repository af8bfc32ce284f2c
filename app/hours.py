"""The hour of the reader: when it is next so late where somebody lives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def next_time(hour: int, zone: str, *, after: datetime) -> datetime:
    """The first instant, not before `after`, at which clocks in a zone show this full hour. Where they skip it, the
    instant that they show instead. A zone that there is none of counts as UTC."""
    place = _place(zone)
    local = after.astimezone(place)
    wanted = local.replace(hour=hour, minute=0, second=0, microsecond=0, fold=0)
    found = wanted.astimezone(UTC)
    return found if found >= after else (wanted + timedelta(days=1)).astimezone(UTC)


def _place(zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def by_time(
    zones: Sequence[str | None], hour: int, *, otherwise: str, after: datetime
) -> list[tuple[datetime, list[str | None]]]:
    """The zones that have this hour at the same instant, by instant. `otherwise` is the zone of None."""
    found: dict[datetime, list[str | None]] = defaultdict(list)
    for zone in zones:
        found[next_time(hour, zone or otherwise, after=after)].append(zone)
    return sorted(found.items(), key=lambda each: each[0])
