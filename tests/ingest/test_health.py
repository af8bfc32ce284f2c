"""Entries that lose what they used to have."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from core.sighting import Sighting, Signal
from ingest.health import problem, remembered, shares
from tests.ingest.making import NOW, sighting


def batch(*, dated: int = 10, bare: int = 0) -> list[Sighting]:
    whole = [
        sighting(str(number), created_at=NOW, tagline="t", signals=(Signal(name="points", value=1),))
        for number in range(dated)
    ]
    return whole + [sighting(f"bare{number}") for number in range(bare)]


def marks(runs: int = 3, *, at: int = 0) -> dict[str, str]:
    kept: dict[str, str] = {}
    for _ in range(runs):
        kept |= remembered(kept, batch(), 0, now=NOW - timedelta(days=at))
    return kept


def test_shares_are_percent_of_the_entries() -> None:
    assert shares(batch(dated=3, bare=1), bad=4) == {"readable entries": 50, "dates": 75, "words": 75, "figures": 75}


def test_a_fall_of_more_than_twenty_points_is_an_alarm() -> None:
    assert problem(marks(), batch(dated=8, bare=2), 0, now=NOW) is None
    told = problem(marks(), batch(dated=7, bare=3), 0, now=NOW)
    assert told == "Only 70 % dates, where 100 % are usual: the format may have changed."


def test_entries_that_cannot_be_read_are_an_alarm() -> None:
    assert "readable entries" in (problem(marks(), batch(), 4, now=NOW) or "")


def test_too_few_runs_or_entries_tell_nothing() -> None:
    told = problem(marks(runs=1), batch(dated=0, bare=9), 0, now=NOW)
    assert told == "Only 0 % dates, where 100 % are usual: the format may have changed."
    silent = [replace(one, signals=()) for one in batch(dated=9)]
    assert problem(marks(runs=2), silent, 0, now=NOW) is None
    assert "figures" in (problem(marks(runs=3), silent, 0, now=NOW) or "")
    assert problem(marks(), batch(dated=0, bare=4), 0, now=NOW) is None
    assert remembered({}, batch(dated=4), 0, now=NOW) == {}


def test_a_rise_is_no_alarm() -> None:
    poor: dict[str, str] = {}
    for _ in range(3):
        poor |= remembered(poor, batch(dated=1, bare=9), 0, now=NOW)
    assert problem(poor, batch(), 0, now=NOW) is None


def test_after_a_week_of_alarms_it_is_how_the_source_is_now() -> None:
    old, changed = marks(at=8), batch(dated=0, bare=10)
    assert problem(old, changed, 0, now=NOW) is None
    fresh = remembered(old, changed, 0, now=NOW)
    assert fresh["share of dates"] == "0"
    assert problem(fresh, changed, 0, now=NOW) is None


def test_seven_runs_are_remembered() -> None:
    assert marks(runs=9)["share of dates"] == " ".join(["100"] * 7)


def test_marks_that_make_no_sense_are_no_marks() -> None:
    assert problem({"share of dates": "x y z", "healthy at": "?"}, batch(), 0, now=NOW) is None
