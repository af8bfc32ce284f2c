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
from core.panel import DeclineReason
from core.tool import Reason, ToolStatus
from core.week import Week
from store import audit, comparisons, deliveries, merges, people, reviews, schema, sources, subscribers, tools
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


def _merge(connection: Connection) -> None:
    merges.apply(connection, Merge(winner=world.CYD, loser=world.DOT, rule="r", evidence=()), by="e", now=NOW)
    merges.split(connection, get(connection, world.CYD), [("shelf", "4")], by="e", now=NOW)


def _ask(connection: Connection) -> None:
    question = Ask(one=world.BEA, other=("shelf", "3"), score=0.5, reasons=(Reason(words="alike", points=0.5),))
    tools.ask(connection, [question], now=NOW)
    merges.questions(connection)


def _send(connection: Connection) -> None:
    claimed = deliveries.claim(connection, WEEK, owner="worker", now=NOW, until=later(minutes=5))
    assert claimed is not None
    deliveries.suppress_leavers(connection, claimed, now=NOW)
    deliveries.recipients(connection, claimed.id)
    deliveries.expired(connection, WEEK, now=NOW)
    deliveries.is_open(connection, WEEK)


JOBS: dict[str, Job] = {
    "claim the next seat": _claim_anything,
    "claim a seat of one tool": _claim_one,
    "decline": _decline,
    "list the queue": lambda connection: reviews.queue(connection, now=NOW),
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


@pytest.mark.parametrize("job", ["claim the next seat", "list the queue"])
def test_the_next_seat_is_found_without_sorting(world_on_sqlite: Connection, job: str) -> None:
    looks = [plan for statement, plan in _plans(world_on_sqlite, JOBS[job]) if "panel_submitted DESC" in statement]
    assert len(looks) >= 4  # two lenses, seats that are open and those whose lease was lost
    for plan in looks:
        assert any("USING INDEX ix_seat_next" in line for line in plan)
        assert not any("TEMP B-TREE" in line for line in plan)


def test_a_statement_that_reads_a_whole_table_would_be_noticed(world_on_sqlite: Connection) -> None:
    query = sa.text("SELECT * FROM tool WHERE name = 'Ada'")
    ((_, plan),) = _plans(world_on_sqlite, lambda connection: connection.execute(query).all())
    assert any(map(_reads_whole, plan))
