"""Reminders and alarms as rows, on both engines: steps found by index walks, told once, forgotten when they never went."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from core.panel import DeclineReason
from core.source import Cursor, FetchRecord, Outcome, Reading
from store import alarms, dispatches, fetches, reminders, reviews, schema, sources
from tests.conftest import NOW
from tests.store.making import SHELF, add, claim, invite, later

DAY = timedelta(days=1)
SPAN = {"after": NOW - DAY, "until": NOW, "limit": 10}


def due(connection: Connection) -> None:
    connection.execute(sa.update(schema.seat).values(due_at=NOW))


def seats(found: list[reminders.Waiting]) -> list[str]:
    return [f"{each.tool_slug} {each.lens}" for each in found]


def test_a_reviewer_s_seats_are_those_they_hold_and_those_they_could(store: Connection) -> None:
    ada, bea = invite(store, "ada", "builder"), invite(store, "bea", "builder")
    add(store, "One", "Two", "Three")
    due(store)
    lease = claim(store, bea)
    assert lease is not None

    def theirs(person: int, **by: float) -> list[str]:
        found = reminders.theirs(store, "builder", at=person, rung="due", now=later(**by), **SPAN)
        return seats(found)

    free = [each for each in ("one builder", "two builder", "three builder") if lease.tool_slug not in each]
    assert theirs(ada.id) == free
    assert set(theirs(bea.id)) == {"one builder", "two builder", "three builder"}
    assert len(theirs(ada.id, hours=1)) == 3  # the lease has run out
    first = reminders.theirs(store, "builder", at=ada.id, rung="due", now=NOW, **SPAN)[0]
    reviews.turn_down(store, ada, first.seat, reason=DeclineReason.CONFLICT, now=NOW, until=None)
    assert len(theirs(ada.id)) == 1


def test_a_step_is_news_until_its_mail_is_written_down_and_again_when_it_never_went(store: Connection) -> None:
    ada = invite(store, "ada", "builder")
    add(store, "One")
    due(store)

    def news() -> list[reminders.Waiting]:
        return reminders.news(store, "builder", at=ada.id, rung="due", **SPAN)

    (found,) = news()
    steps = [(found.seat, "due", found.due_at)]
    mail = reminders.claim(store, at=ada.id, day="2026-11-20", steps=steps, now=NOW)
    assert mail is not None
    assert news() == []
    assert reminders.claim(store, at=ada.id, day="2026-11-20", steps=steps, now=NOW) is None
    assert reminders.mailed(store, {ada.id: "2026-11-20"}) == {ada.id}
    assert reminders.mailed(store, {ada.id: "2026-11-21"}) == set()
    assert reminders.left_behind(store, before=later(hours=1)) == [mail]
    reminders.forget(store, [mail])
    assert len(news()) == 1
    again = reminders.claim(store, at=ada.id, day="2026-11-20", steps=steps, now=later(hours=1))
    assert again is not None
    reminders.sent(store, again, now=later(hours=1))
    reminders.forget(store, [again])  # it went out: nothing to forget
    assert news() == []
    (told,) = reminders.told(store, mails=5, limit=5)
    assert (told.person, told.tool_slug, told.rung, told.sent_at) == (ada.id, "one", "due", later(hours=1))


def test_a_held_seat_is_reopened_once_and_not_after_it_changed_hands(store: Connection) -> None:
    ada = invite(store, "ada", "builder")
    add(store, "One")
    due(store)
    claim(store, ada)
    (found,) = reminders.held(store, "builder", **SPAN)
    assert reminders.reopen(store, found)
    assert not reminders.reopen(store, found)
    claim(store, ada)
    assert not reminders.reopen(store, found)


def test_what_stands_is_kept_since_when_and_what_ended_is_forgotten(store: Connection) -> None:
    ada = invite(store, "ada", "builder")
    alarms.keep(store, {"a": (NOW, "1"), "b": (NOW, "1")})
    alarms.acknowledge(store, "a", mark="1", since=NOW, by=ada.id, now=NOW)
    alarms.note_told(store, ada.id, ["a", "b"], now=NOW)
    alarms.keep_found(store, "slow", ["rule"], mark="r", now=NOW)
    alarms.keep(store, {"a": (later(days=1), "2")})
    kept = alarms.kept(store)
    assert set(kept) == {"a", "slow"}
    assert (kept["a"].since, kept["a"].mark, kept["a"].acknowledged_by) == (NOW, "2", "Ada")
    assert kept["slow"].found == ["rule"]
    assert alarms.told_since(store, ada.id, since=NOW - DAY) == {"a"}
    alarms.keep_found(store, "slow", None, mark="", now=NOW)
    assert set(alarms.kept(store)) == {"a"}


def test_a_lens_says_who_looks_through_it_what_waits_and_what_is_late(store: Connection) -> None:
    invite(store, "ada", "builder")
    add(store, "One", "Two")
    store.execute(sa.update(schema.seat).where(schema.seat.c.lens == "builder").values(due_at=NOW - DAY))
    found = {each.key: each for each in alarms.lens_states(store, late=NOW, limit=1)}
    builder = found["builder"]
    assert (builder.reviewers, builder.waits, builder.late, builder.late_since) == (1, True, 1, NOW - DAY)
    assert (found["skeptic"].reviewers, found["skeptic"].late, found["skeptic"].late_since) == (0, 0, None)


def _run(connection: Connection, outcome: Outcome, *, days: int, entries: int = 0) -> None:
    error = "No answer." if outcome is Outcome.FAILED else None
    reading = Reading(source=SHELF.key, at=NOW - days * DAY, outcome=outcome, cursor=Cursor(), error=error)
    record = FetchRecord(source=SHELF.key, at=reading.at, outcome=outcome, entries=entries, error=error)
    sources.finish(connection, [(reading, record)])


def test_a_source_s_runs_come_newest_first_and_page_by_page(store: Connection) -> None:
    for days in range(5, 0, -1):
        _run(store, Outcome.OK if days % 2 else Outcome.NOT_MODIFIED, days=days, entries=days % 2)
    (row,) = fetches.page(store, runs=3, limit=9)
    assert [each.outcome for each in row.runs] == [Outcome.OK, Outcome.NOT_MODIFIED, Outcome.OK]
    assert (row.state, row.last_non_empty, row.median) == ("on", NOW - DAY, 1)
    first = fetches.records(store, SHELF.key, limit=2)
    rest = fetches.records(store, SHELF.key, before=first[-1].id, limit=9)
    assert [each.at for each in (*first, *rest)] == [NOW - days * DAY for days in range(1, 6)]
    assert fetches.states(store) == {"on": 1}


def test_a_source_that_failed_or_shows_nothing_is_in_trouble(store: Connection) -> None:
    _run(store, Outcome.OK, days=20, entries=3)
    _run(store, Outcome.NOT_MODIFIED, days=1)
    (silent,) = alarms.silent_sources(store, before=NOW - 14 * DAY, limit=5)
    assert (silent.key, silent.since) == (SHELF.key, NOW - 20 * DAY)
    assert alarms.silent_sources(store, before=NOW - 21 * DAY, limit=5) == []
    _run(store, Outcome.FAILED, days=0)
    assert alarms.silent_sources(store, before=NOW - 14 * DAY, limit=5) == []
    (failing,) = alarms.failing_sources(store, failures=1, before=NOW - DAY, limit=5)
    assert (failing.kind, failing.error) == ("failing", "No answer.")
    fetches.ask_next(store, SHELF.key, now=NOW)
    assert alarms.unasked_since(store) == NOW


def test_editions_on_their_way_are_counted_by_batch(lived_in: Connection) -> None:
    (found,) = dispatches.listed(lived_in, limit=5)
    assert found.batches == {"sent": 1, "uncertain": 1, "pending": 1, "sending": 1}
    assert (found.total, found.handed_over) == (4, 1)
    (doubt,) = alarms.doubts(lived_in, limit=5)
    assert (doubt.week, len(doubt.batches), doubt.since) == (found.week, 1, NOW)
    assert [each.week for each in alarms.drafts(lived_in, from_week="2026-W47")] == ["2026-W48"]
