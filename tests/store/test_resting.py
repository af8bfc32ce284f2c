"""How long a source that fails is left alone, remembered over runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from core.source import Cursor, FetchRecord, Outcome, Reading, Source, SourceStatus, rest_after
from store import sources
from store.connect import Database
from tests.conftest import NOW

SHELF = Source(key="shelf", kind="feed", url="https://feed.example/new", schedule="0 * * * *")
READING = Reading(source="shelf", at=NOW, outcome=Outcome.FAILED, cursor=Cursor())


def ended(
    database: Database, outcome: Outcome, *, at: datetime = NOW, entries: int = 0, until: datetime | None = None
) -> SourceStatus:
    """What is known of the source after one more run."""
    record = FetchRecord(
        source="shelf", at=at, outcome=outcome, entries=entries, error="broken" if outcome is Outcome.FAILED else None
    )
    with database.write() as connection:
        sources.sync(connection, [SHELF])
        sources.finish(connection, [(replace(READING, at=at, outcome=outcome, not_before=until), record)])
        return sources.statuses(connection, [SHELF])[0]


def test_each_failure_in_a_row_doubles_the_rest_up_to_a_day():
    rests = [rest_after(failures, key="shelf") for failures in range(1, 40)]
    assert timedelta(minutes=15) <= rests[0] <= timedelta(minutes=18)
    assert rests[1] == 2 * rests[0]
    assert rests == sorted(rests)
    assert timedelta(days=1) <= rests[-1] <= timedelta(days=1.2)
    assert len({rest_after(1, key=f"source {number}") for number in range(50)}) > 20


def test_the_rest_is_kept_between_runs_and_ends_with_the_first_success(database):
    first = ended(database, Outcome.FAILED)
    second = ended(database, Outcome.FAILED)
    assert (first.consecutive_failures, second.consecutive_failures) == (1, 2)
    assert first.not_before == NOW + rest_after(1, key="shelf")
    assert second.not_before == NOW + rest_after(2, key="shelf")
    fine = ended(database, Outcome.OK, entries=3)
    assert (fine.not_before, fine.consecutive_failures) == (None, 0)


@pytest.mark.parametrize("hours", [0, 48])
def test_a_host_that_asks_for_more_rest_gets_it(database, hours):
    until = NOW + timedelta(hours=hours)
    assert ended(database, Outcome.FAILED, until=until).not_before == max(until, NOW + rest_after(1, key="shelf"))


def test_the_last_run_with_entries_is_remembered_beside_the_last_success(database):
    ended(database, Outcome.OK, entries=3)
    later = ended(database, Outcome.EMPTY, at=NOW + timedelta(days=1))
    assert (later.last_non_empty, later.last_success) == (NOW, NOW + timedelta(days=1))
