"""Instants. Everything inside is aware and in UTC; the clock is always an argument."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
_MILLISECONDS = 100_000_000_000


def system_clock() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC)


def utc(instant: datetime) -> datetime:
    """The same instant in UTC. Raises ValueError for a naive one: its zone cannot be guessed."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant!r} has no time zone")
    return instant if instant.tzinfo is UTC else instant.astimezone(UTC)


def from_iso(text: str) -> datetime:
    """Read an ISO 8601 instant; without an offset it is taken as UTC. Raises ValueError."""
    instant = datetime.fromisoformat(text.strip())
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else utc(instant)


def in_seconds(stamp: float) -> float:
    """A time stamp as seconds since 1970. Some APIs count milliseconds: as seconds such a one would lie beyond the year 5138."""
    return stamp / 1_000 if stamp > _MILLISECONDS else stamp


def to_iso(instant: datetime) -> str:
    """Write an instant as `2026-11-22T09:30:00Z`, to the second."""
    return utc(instant).isoformat(timespec="seconds").replace("+00:00", "Z")
