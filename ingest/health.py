"""Health: whether the entries of a run are as complete as they used to be.

A site that renames a field goes on answering, and its adapter goes on yielding entries, only without dates or figures.
So the share of entries that have each is remembered from run to run, in the source's own cursor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median

from core.clock import from_iso, to_iso
from core.sighting import Sighting

FALL = 20
"""A share that falls by more than so many percentage points below its median is an alarm."""

_RUNS = 7
_LEAST_RUNS = {"readable entries": 1, "dates": 1, "words": 3, "figures": 3}
"""Names, addresses and dates are there or not; texts and figures come and go, so it takes more runs to know what is usual."""
_LEAST_ENTRIES = 5
_PATIENCE = timedelta(days=7)
_PREFIX = "share of "
_SINCE = "healthy at"


def shares(sightings: Sequence[Sighting], bad: int) -> dict[str, int]:
    """Percent of the entries that could be read (name and address), and of those that were, how many have a date,
    words and figures."""
    total = len(sightings) or 1
    return {
        "readable entries": round(100 * len(sightings) / ((len(sightings) + bad) or 1)),
        "dates": round(100 * sum(one.created_at is not None for one in sightings) / total),
        "words": round(100 * sum(bool(one.tagline or one.summary) for one in sightings) / total),
        "figures": round(100 * sum(bool(one.signals) for one in sightings) / total),
    }


def problem(marks: Mapping[str, str], sightings: Sequence[Sighting], bad: int, *, now: datetime) -> str | None:
    """What has gone missing against the runs that `marks` remember; None when all is well, when there are too few
    runs or entries to tell, or when the last healthy run is a week ago: then this is how the source is now."""
    return None if _is_stale(marks, now) else _fallen(marks, sightings, bad)


def _fallen(marks: Mapping[str, str], sightings: Sequence[Sighting], bad: int) -> str | None:
    if len(sightings) + bad < _LEAST_ENTRIES:
        return None
    for field, share in shares(sightings, bad).items():
        past = _past(marks, field)
        if len(past) >= _LEAST_RUNS[field] and median(past) - share > FALL:
            return f"Only {share} % {field}, where {median(past):g} % are usual: the format may have changed."
    return None


def remembered(marks: Mapping[str, str], sightings: Sequence[Sighting], bad: int, *, now: datetime) -> dict[str, str]:
    """The marks to keep after a run that was accepted: the shares of the last seven, and its instant. What was usual
    is forgotten when the run was accepted only because the last healthy one is so long ago."""
    if len(sightings) + bad < _LEAST_ENTRIES:
        return {}
    known = {} if _fallen(marks, sightings, bad) else marks
    rows = {
        f"{_PREFIX}{field}": " ".join(map(str, [share, *_past(known, field)][:_RUNS]))
        for field, share in shares(sightings, bad).items()
    }
    return {**rows, _SINCE: to_iso(now)}


def _past(marks: Mapping[str, str], field: str) -> list[int]:
    return [int(word) for word in marks.get(f"{_PREFIX}{field}", "").split() if word.isdecimal()]


def _is_stale(marks: Mapping[str, str], now: datetime) -> bool:
    try:
        return now - from_iso(marks.get(_SINCE, "")) > _PATIENCE
    except ValueError:
        return False
