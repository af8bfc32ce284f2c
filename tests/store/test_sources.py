"""What is known of a source, and the record of every time it was asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from core.errors import NotFound
from core.source import Cursor, FetchRecord, Outcome, Reading, Source, SourceState, SourceStatus, Validators
from store import sources
from tests.conftest import NOW
from tests.store.making import SHELF, later

RACK = Source(key="rack", kind="feed", url="https://rack.example/", schedule="0 1 * * *")
CURSOR = Cursor(
    validators={"https://shelf.example/": Validators(etag='"1"', body_hash="h"), "page": Validators()},
    marks={"newest": "2026-11-20"},
)


def _finish(
    connection: Connection, outcome: Outcome = Outcome.OK, *, at: datetime = NOW, entries: int = 3, **more: Any
) -> None:
    reading = Reading(source=SHELF.key, at=at, outcome=outcome, cursor=CURSOR, **more)
    record = FetchRecord(source=SHELF.key, at=at, outcome=outcome, entries=entries, error=reading.error)
    sources.finish(connection, [(reading, record)])


def _status(connection: Connection) -> SourceStatus:
    return sources.statuses(connection, [SHELF])[0]


def test_the_file_is_copied_and_what_is_known_stays(store: Connection) -> None:
    _finish(store)
    moved = replace(SHELF, url="https://elsewhere.example/", schedule="5 * * * *")
    sources.sync(store, [RACK, moved])
    rack, shelf = sources.statuses(store, [RACK, moved])
    assert (rack.source, rack.state, rack.last_success, rack.cursor) == (RACK, SourceState.ON, None, Cursor())
    assert (shelf.source, shelf.last_success, shelf.cursor) == (moved, NOW, CURSOR)


def test_a_source_that_left_the_file_stays_with_its_history_and_comes_back(store: Connection) -> None:
    _finish(store)
    sources.sync(store, [RACK])
    assert [each["source"] for each in sources.recent(store)] == ["shelf"]
    sources.sync(store, [RACK, SHELF])
    assert _status(store).last_success == NOW


def test_a_cursor_comes_back_as_it_was_kept(store: Connection) -> None:
    _finish(store)
    assert _status(store).cursor == CURSOR


def test_a_failure_keeps_the_old_cursor_and_counts_from_the_first_one(store: Connection) -> None:
    _finish(store)
    for hour in (1, 2):
        reading = Reading(
            source=SHELF.key, at=later(hours=hour), outcome=Outcome.FAILED, cursor=Cursor(), error=f"timeout {hour}"
        )
        record = FetchRecord(source=SHELF.key, at=later(hours=hour), outcome=Outcome.FAILED, error=reading.error)
        sources.finish(store, [(reading, record)])
    status = _status(store)
    assert (status.cursor, status.last_success) == (CURSOR, NOW)
    assert (status.last_error, status.failing_since, status.consecutive_failures) == ("timeout 2", later(hours=1), 2)


def test_a_failure_without_a_word_is_a_failure_all_the_same(store: Connection) -> None:
    _finish(store, Outcome.FAILED)
    status = _status(store)
    assert status.last_error == "It failed without saying why."
    assert status.failing_since == NOW


def test_a_success_ends_the_failing(store: Connection) -> None:
    _finish(store, Outcome.FAILED, error="timeout")
    _finish(store, Outcome.DEGRADED, at=later(hours=1))
    status = _status(store)
    assert (status.last_error, status.failing_since, status.consecutive_failures) == (None, None, 0)
    assert status.last_success == later(hours=1)


def test_a_source_says_that_it_moved_is_gone_or_wants_to_be_left_alone(store: Connection) -> None:
    _finish(store, moved_to="https://new.example/", not_before=later(hours=3))
    assert (_status(store).moved_to, _status(store).not_before) == ("https://new.example/", later(hours=3))
    _finish(store, Outcome.FAILED, gone=True, error="410")
    status = _status(store)
    assert (status.state, status.moved_to) == (SourceState.GONE, "https://new.example/")


def test_when_a_source_last_showed_anything_is_known(store: Connection) -> None:
    assert _status(store).last_non_empty is None
    for hour, entries in enumerate((3, 4, 0, 0)):
        _finish(store, at=later(hours=hour), entries=entries)
    assert _status(store).last_non_empty == later(hours=1)


def test_the_next_run_is_due_from_the_moment_one_begins(store: Connection) -> None:
    sources.start(store, {SHELF.key: later(hours=1)})
    assert _status(store).next_due == later(hours=1)


def test_the_median_is_of_the_last_runs_that_were_read(store: Connection) -> None:
    assert _status(store).entries_median is None
    for number in range(20):
        _finish(store, at=later(hours=number), entries=number)
    _finish(store, Outcome.NOT_MODIFIED, at=later(hours=30), entries=0)
    _finish(store, Outcome.FAILED, at=later(hours=31), entries=0, error="timeout")
    assert sources.history(store) == {SHELF.key: list(range(19, 5, -1))}
    assert _status(store).entries_median == 12


def test_records_are_listed_newest_first(store: Connection) -> None:
    for hour in range(3):
        _finish(store, at=later(hours=hour))
    assert [each["at"] for each in sources.recent(store, limit=2)] == [later(hours=2), later(hours=1)]


def test_pausing_says_what_was_before(store: Connection) -> None:
    assert sources.set_state(store, SHELF.key, SourceState.PAUSED) is SourceState.ON
    assert sources.set_state(store, SHELF.key, SourceState.ON) is SourceState.PAUSED
    with pytest.raises(NotFound, match=r"no source 'nobody'.*verdicts sources list"):
        sources.set_state(store, "nobody", SourceState.PAUSED)


def test_what_a_host_still_grants_is_kept_until_the_next_run(store: Connection) -> None:
    _finish(store, budget_left=498)
    assert _status(store).budget_left == 498
    _finish(store, Outcome.FAILED, budget_left=0, error="429")
    assert _status(store).budget_left == 0
    _finish(store)
    assert _status(store).budget_left is None


def test_the_last_runs_are_listed_whatever_came_of_them(store: Connection) -> None:
    for number, outcome in enumerate((Outcome.OK, Outcome.NOT_MODIFIED, Outcome.FAILED, Outcome.OK)):
        _finish(store, outcome, at=later(hours=number), entries=number)
    assert sources.runs(store, limit=3) == {SHELF.key: [3, 2, 1]}


def test_many_runs_end_with_few_statements(store: Connection) -> None:
    listed = [replace(SHELF, key=f"s{number}") for number in range(40)]
    sources.sync(store, listed)
    done = [
        (
            Reading(source=each.key, at=NOW, outcome=Outcome.NOT_MODIFIED, cursor=CURSOR),
            FetchRecord(source=each.key, at=NOW, outcome=Outcome.NOT_MODIFIED),
        )
        for each in listed
    ]
    asked = _statements(store, lambda: sources.finish(store, done))
    assert len(asked) <= 3
    assert len(_statements(store, lambda: sources.statuses(store, listed))) <= 3
    assert len(_statements(store, lambda: sources.sync(store, listed))) == 1
    assert {each.cursor == CURSOR for each in sources.statuses(store, listed)} == {True}


def _statements(store: Connection, work: Callable[[], object]) -> list[str]:
    asked: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        asked.append(statement)

    sa.event.listen(store.engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        sa.event.remove(store.engine, "before_cursor_execute", note)
    return asked
