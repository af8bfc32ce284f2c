"""What has to stay fast at a million rows walks an index: no statement of a daily job reads a whole table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from core.identifier import Identifier, Scheme
from core.intent import Ask, Merge, NewTool, SeenAgain
from core.panel import DeclineReason, Role
from core.tool import Reason, ToolStatus
from core.week import Week
from store import (
    alarms,
    audit,
    comparisons,
    deliveries,
    dispatches,
    fetches,
    merges,
    panels,
    people,
    reminders,
    reviews,
    schema,
    sources,
    subscribers,
    tools,
    worklists,
)
from store.connect import Database
from tests.conftest import NOW
from tests.store import world
from tests.store.making import SHELF, assessment, claim, fact, get, later, pricing, sighting

SMALL = {"lens", "person", "person_role", "person_lens", "source", "edition", "alembic_version"}
WEEK = Week.parse(world.SENT_WEEK)

Job = Callable[[Connection], object]


def _claim_anything(connection: Connection) -> None:
    claim(connection, people.find(connection, "reviewer@example.com"), lenses=("builder", "skeptic"))


def _claim_one(connection: Connection) -> None:
    claim(connection, people.find(connection, "reviewer@example.com"), lenses=("builder",), tool=world.CYD)


def _decline(connection: Connection) -> None:
    reviewer = people.find(connection, "reviewer@example.com")
    reviews.turn_down(connection, reviewer, 3, reason=DeclineReason.CONFLICT, now=NOW, until=None)
    reviews.abandoned_lenses(connection, world.CYD, now=NOW)


def _see(connection: Connection) -> None:
    entry = sighting("Ada", external_id="1", identifiers=frozenset({Identifier(Scheme.HF, "owner/ada")}))
    tools.known(connection, [entry, sighting("New")])
    told = (SeenAgain(sighting=entry, tool=world.ADA, first=False, changed=True),)
    tools.see_again(connection, told, now=later(days=1))
    tools.seen(connection, [world.ADA])


def _add(connection: Connection) -> None:
    said = assessment("Ada", facts=(fact("licence", "mit"),), pricing=pricing())
    tools.add(connection, [(NewTool(sightings=(sighting("Ada"),)), said)], now=NOW)


def _assess(connection: Connection) -> None:
    said = assessment("Cyd II", facts=(fact("licence", "mit"), fact("stars", "7")), pricing=pricing())
    tools.reassess(connection, {world.CYD: said, world.ADA: replace(said, name="Ada II")}, now=NOW)


def _page_of_queue(connection: Connection) -> None:
    wanted = panels.Wanted(lenses=["builder", "skeptic"], category="agents", source="shelf")
    place = panels.Place(panel_submitted=3, due_at=NOW, priority=5.0, id=7)
    reviewer = people.find(connection, "reviewer@example.com")
    panels.waiting(connection, reviewer, wanted, after=place, limit=50, now=NOW)
    panels.how_many_wait(connection, ["builder", "skeptic"])
    panels.held(connection, reviewer, now=NOW)


def _mine(connection: Connection) -> None:
    reviewer = people.find(connection, "reviewer@example.com")
    panels.drafts(connection, reviewer, limit=9)
    panels.verdicts_of(connection, reviewer, before=99, limit=9)


def _panel(connection: Connection) -> None:
    panels.chairs(connection, [world.ADA])
    panels.said_on(connection, [world.ADA])
    panels.declines(connection, [world.ADA])
    panels.lookers(connection, world.ADA)
    panels.merged_names(connection, world.ADA)


def _merge(connection: Connection) -> None:
    merges.apply(connection, Merge(winner=world.CYD, loser=world.DOT, rule="r", evidence=()), by="e", now=NOW)
    merges.split(connection, get(connection, world.CYD), [("shelf", "4")], by="e", now=NOW)


def _ask(connection: Connection) -> None:
    question = Ask(one=world.BEA, other=("shelf", "3"), score=0.5, reasons=(Reason(words="alike", points=0.5),))
    tools.ask(connection, [question], now=NOW)
    worklists.questions(connection, limit=50)


def _send(connection: Connection) -> None:
    claimed = deliveries.claim(connection, WEEK, owner="worker", now=NOW, until=later(minutes=5))
    assert claimed is not None
    deliveries.last_look(connection, claimed, now=NOW)
    deliveries.expired(connection, WEEK, now=NOW)
    deliveries.is_open(connection, WEEK)


def _tell(connection: Connection) -> None:
    found = subscribers.find(connection, "reader1@example.com")
    assert found is not None
    subscribers.dossier(connection, found)


def _look_after_people(connection: Connection) -> None:
    people.listed(connection, after="a", role=Role.REVIEWER, lens_key="builder", limit=9, now=NOW)
    people.row(connection, world.REVIEWER, now=NOW)
    people.leases(connection, world.REVIEWER, now=NOW)
    people.drafts(connection, world.REVIEWER)
    people.lens_rows(connection)
    people.free_leases(connection, world.REVIEWER)


def _search_the_log(connection: Connection) -> None:
    by: tuple[dict[str, Any], ...] = (
        {"actor": "system"},
        {"action": "tool.merge"},
        {"actor": "system", "action": "tool.merge", "since": NOW, "until": later(days=1)},
        {"subject": "tool:ada", "actor": "system", "before_id": 7},
    )
    for filters in by:
        audit.search(connection, limit=9, **filters)
    audit.actions(connection)
    audit.actors(connection)


def _remind(connection: Connection) -> None:
    span: dict[str, Any] = {"after": NOW, "until": later(days=1), "limit": 9}
    reminders.between(connection, "builder", **span)
    reminders.held(connection, "builder", **span)
    reminders.news(connection, "builder", at=world.EDITOR, rung="late", **span)
    reminders.theirs(connection, "builder", at=world.REVIEWER, rung="due", now=NOW, **span)
    reminders.told(connection, before=9, at=world.REVIEWER, mails=9, limit=9)


def _look_for_alarms(connection: Connection) -> None:
    alarms.lens_states(connection, late=NOW, limit=9)
    alarms.gone_sources(connection, limit=9)
    alarms.failing_sources(connection, failures=3, before=NOW, limit=9)
    alarms.silent_sources(connection, before=NOW, limit=9)
    alarms.doubts(connection, limit=9)


def _watch_sources(connection: Connection) -> None:
    fetches.page(connection, after="a", state="on", runs=60, limit=9)
    fetches.records(connection, "shelf", before=1, limit=9)


JOBS: dict[str, Job] = {
    "look after people and lenses": _look_after_people,
    "search the log": _search_the_log,
    "remind of what is due": _remind,
    "look for alarms": _look_for_alarms,
    "watch the sources": _watch_sources,
    "list editions on their way": lambda connection: dispatches.listed(connection, before="2027-W01", limit=9),
    "claim the next seat": _claim_anything,
    "claim a seat of one tool": _claim_one,
    "decline": _decline,
    "list the queue": lambda connection: reviews.queue(connection, now=NOW),
    "a page of the queue": _page_of_queue,
    "date what has no date": lambda connection: reviews.give_due_dates(connection, due=NOW),
    "a reviewer's own page": _mine,
    "panels under way": lambda connection: panels.under_way(connection, after=3, limit=9),
    "panels that closed": lambda connection: panels.closed(connection, before=(NOW, 9), limit=9),
    "what nobody has read": lambda connection: panels.unread(connection, after=None, limit=9),
    "a panel with all that was said": _panel,
    "seats that were judged twice": panels.judged_twice,
    "what somebody could still judge": lambda connection: reviews.may_judge(
        connection, people.find(connection, "reviewer@example.com"), [world.CYD]
    ),
    "read verdicts": lambda connection: reviews.verdicts(connection, [world.ADA]),
    "see entries again": _see,
    "add a tool": _add,
    "assess anew": _assess,
    "merge and split": _merge,
    "ask whether two are one": _ask,
    "find a tool": lambda connection: tools.find(connection, "eve"),
    "show a tool": lambda connection: tools.dossier(connection, get(connection, world.ADA)),
    "list tools": tools.listed,
    "list tools that wait": lambda connection: tools.listed(connection, status=ToolStatus.QUEUED),
    "categories of a preference page": tools.categories,
    "find a comparison": lambda connection: comparisons.find(connection, "bea-vs-ada"),
    "the log of one thing": lambda connection: audit.entries(connection, subject="tool:ada"),
    "look at the sources": lambda connection: sources.statuses(connection, [SHELF]),
    "find a subscriber": lambda connection: subscribers.find(connection, "reader1@example.com"),
    "find out whether an address may be mailed": lambda connection: subscribers.suppressed(connection, "a@b.example"),
    "count a week of growth": lambda connection: subscribers.span(connection, start=NOW, end=later(days=7)),
    "count who was active": lambda connection: subscribers.active_at(connection, NOW),
    "find whose mails come back": lambda connection: subscribers.often_returned(
        connection, weeks=[WEEK], since=NOW, times=3
    ),
    "all that is kept of a person": _tell,
    "send a batch": _send,
}


def _plans(connection: Connection, job: Job) -> list[tuple[str, list[str]]]:
    """The statements of a job, each with the lines of SQLite's plan for it."""
    said: list[tuple[str, Any]] = []

    def listen(_: object, __: object, statement: str, parameters: Any, ___: object, many: bool) -> None:  # noqa: FBT001 - signature of the event
        said.append((statement, parameters[0] if many else parameters))

    sa.event.listen(connection, "before_cursor_execute", listen)
    job(connection)
    sa.event.remove(connection, "before_cursor_execute", listen)
    assert said
    return [
        (each, [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {each}", parameters)])
        for each, parameters in said
    ]


@pytest.fixture
def world_on_sqlite(sqlite_url: str) -> Any:
    database = Database(sqlite_url)
    with database.engine.connect() as connection, connection.begin() as transaction:
        world.build(connection)
        yield connection
        transaction.rollback()
    database.close()


def _reads_whole(line: str) -> bool:
    """Whether a line of a plan reads a big table from one end to the other, in no useful order."""
    words = line.split()
    big = {table.name for table in schema.metadata.sorted_tables} - SMALL
    return words[0] == "SCAN" and words[1] in big and "INDEX" not in words


@pytest.mark.parametrize("job", JOBS)
def test_no_statement_of_a_daily_job_reads_a_whole_table(world_on_sqlite: Connection, job: str) -> None:
    plans = _plans(world_on_sqlite, JOBS[job])
    assert [(statement, line) for statement, plan in plans for line in plan if _reads_whole(line)] == []


def test_the_log_is_searched_without_sorting(world_on_sqlite: Connection) -> None:
    plans = _plans(world_on_sqlite, JOBS["search the log"])
    assert not [line for _, plan in plans for line in plan if "TEMP B-TREE" in line]


@pytest.mark.parametrize("job", ["claim the next seat", "list the queue"])
def test_the_next_seat_is_found_without_sorting(world_on_sqlite: Connection, job: str) -> None:
    looks = [plan for statement, plan in _plans(world_on_sqlite, JOBS[job]) if "panel_submitted DESC" in statement]
    assert len(looks) >= 4  # two lenses, seats that are open and those whose lease was lost
    for plan in looks:
        assert any("USING INDEX ix_seat_next" in line for line in plan)
        assert not any("TEMP B-TREE" in line for line in plan)


def test_filters_of_the_queue_look_at_the_seats_of_its_window_alone(world_on_sqlite: Connection) -> None:
    """Whatever a category holds or a source has given: walking those instead took seconds at full size."""
    (plan,) = [plan for statement, plan in _plans(world_on_sqlite, _page_of_queue) if "coalesce(sighting" in statement]
    assert any(line.startswith("SEARCH seat USING INTEGER PRIMARY KEY") for line in plan)
    assert [line for line in plan if line.startswith("SEARCH tool")] == [
        "SEARCH tool USING INTEGER PRIMARY KEY (rowid=?)"
    ]
    assert any(line.startswith("SEARCH sighting USING INDEX ix_sighting_tool") for line in plan)


def test_agreement_walks_the_seats_that_were_judged_again_and_no_others(world_on_sqlite: Connection) -> None:
    ((_, plan),) = _plans(world_on_sqlite, panels.judged_twice)
    scans = [line for line in plan if line.startswith("SCAN")]
    assert scans == ["SCAN verdict USING COVERING INDEX ix_verdict_again"]


def test_a_word_in_a_name_is_looked_for_in_the_index_of_names(world_on_sqlite: Connection) -> None:
    wanted = worklists.Wanted(words=("da", "a"))
    ((_, plan),) = _plans(world_on_sqlite, lambda connection: worklists.tool_lines(connection, wanted, limit=50))
    assert "SCAN tool USING COVERING INDEX ix_tool_name" in plan


def test_a_statement_that_reads_a_whole_table_would_be_noticed(world_on_sqlite: Connection) -> None:
    query = sa.text("SELECT * FROM tool WHERE tagline = 'Ada'")
    ((_, plan),) = _plans(world_on_sqlite, lambda connection: connection.execute(query).all())
    assert any(map(_reads_whole, plan))
