"""Sources and the records of their runs, as the desk shows them: page by page, from the database alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median_low
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from core.errors import NotFound
from core.source import READ, Outcome, SourceState
from store.intake import fetch, source
from store.types import Instant

_HISTORY = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a source, for a bar of its plot: a page shows thousands, so nothing that it does not need."""

    entries: int
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """A source as operators see it. `state` is `on`, `failing`, `paused`, `gone` or `off` (switched off in
    sources.toml); `median` is of the entries of the last 14 runs that were read; `runs` are the newest, newest first."""

    key: str
    kind: str
    url: str
    schedule: str
    state: str
    last_success: datetime | None
    last_non_empty: datetime | None
    last_error: str | None
    failing_since: datetime | None
    failures: int
    next_due: datetime | None
    not_before: datetime | None
    moved_to: str | None
    budget_left: int | None
    median: int | None
    runs: tuple[Run, ...]


_state = sa.case(
    (~source.c.enabled, "off"),
    (sa.and_(source.c.state == SourceState.ON, source.c.last_error.is_not(None)), "failing"),
    else_=source.c.state,
)
# What is compared is a word of its own, so that the index of runs with entries is the one that is walked.
_filled = (
    sa.select(fetch.c.at)
    .where(fetch.c.source == source.c.key, fetch.c.entries > sa.literal_column("0"))
    .order_by(fetch.c.at.desc())
    .limit(1)
    .correlate(source)
    .scalar_subquery()
)


def states(connection: Connection) -> dict[str, int]:
    """How many sources are in which state."""
    rows = connection.execute(sa.select(_state.label("state"), sa.func.count().label("many")).group_by(_state))
    return {row.state: row.many for row in rows}


def page(connection: Connection, *, after: str = "", state: str = "", runs: int, limit: int) -> list[SourceRow]:
    """Sources by key, those behind `after`, of one state when said, with so many runs each. Two statements."""
    query = _select().where(source.c.key > after).order_by(source.c.key).limit(limit)
    return _rows(connection, query.where(_state == state) if state else query, runs=runs)


def find(connection: Connection, key: str, *, runs: int) -> SourceRow:
    """One source. Raises NotFound."""
    found = _rows(connection, _select().where(source.c.key == key), runs=runs)
    if not found:
        raise NotFound("There is no such source.", mend="The page of sources lists them.")
    return found[0]


def _select() -> sa.Select[Any]:
    return sa.select(source, _state.label("told"), sa.type_coerce(_filled, Instant).label("filled"))


def _rows(connection: Connection, query: sa.Select[Any], *, runs: int) -> list[SourceRow]:
    rows = connection.execute(query).all()
    past = _runs(connection, [row.key for row in rows], limit=runs)
    return [_row(row, past.get(row.key, [])) for row in rows]


def _runs(connection: Connection, keys: Sequence[str], *, limit: int) -> dict[str, list[Run]]:
    """The newest runs of each of these, newest first: one walk of the index per source, in one statement."""
    latest = (
        sa.select(fetch.c.id)
        .where(fetch.c.source == source.c.key)
        .order_by(fetch.c.at.desc(), fetch.c.id.desc())
        .limit(limit)
        .correlate(source)
    )
    query = (
        sa.select(fetch.c.source, fetch.c.entries, fetch.c.outcome)
        .join(source, fetch.c.id.in_(latest.scalar_subquery()))
        .where(source.c.key.in_(list(keys)))
        .order_by(fetch.c.source, fetch.c.at.desc(), fetch.c.id.desc())
    )
    found: dict[str, list[Run]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.source].append(Run(entries=row.entries, outcome=Outcome(row.outcome)))
    return found


def _row(row: Row[Any], runs: list[Run]) -> SourceRow:
    read = [each.entries for each in runs if each.outcome in READ][:_HISTORY]
    return SourceRow(
        key=row.key,
        kind=row.kind,
        url=row.url,
        schedule=row.schedule,
        state=row.told,
        last_success=row.last_success,
        last_non_empty=row.filled,
        last_error=row.last_error,
        failing_since=row.failing_since,
        failures=row.failures,
        next_due=row.next_due,
        not_before=row.not_before,
        moved_to=row.moved_to,
        budget_left=row.budget_left,
        median=median_low(read) if read else None,
        runs=tuple(runs),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One run with everything that was written down."""

    id: int
    at: datetime
    outcome: Outcome
    http_status: int | None
    bytes: int
    entries: int
    new: int
    changed: int
    new_tools: int
    merged: int
    bad: int
    left_out: dict[str, int]
    seconds: float
    error: str | None


def records(connection: Connection, key: str, *, before: int | None = None, limit: int) -> list[Record]:
    """The newest runs of a source, newest first; those before the run with this id, when given."""
    query = sa.select(fetch).where(fetch.c.source == key).order_by(fetch.c.at.desc(), fetch.c.id.desc()).limit(limit)
    if before is not None:
        at = sa.select(fetch.c.at).where(fetch.c.id == before).scalar_subquery()
        query = query.where(sa.tuple_(fetch.c.at, fetch.c.id) < sa.tuple_(at, sa.literal(before)))
    names = Record.__dataclass_fields__
    return [
        Record(**{name: row[name] for name in names if name != "outcome"}, outcome=Outcome(row["outcome"]))
        for row in connection.execute(query).mappings()
    ]


def switch(connection: Connection, key: str, *, seen: str, state: SourceState) -> bool:
    """Let a source that is in the state that was `seen` (as `SourceRow` says it) be in another; False when it is
    not."""
    same = sa.and_(source.c.key == key, _state == seen)
    return connection.execute(sa.update(source).where(same).values(state=state)).rowcount == 1


def ask_next(connection: Connection, key: str, *, now: datetime) -> None:
    """Let the next run ask this source, whatever its schedule and its rest say."""
    connection.execute(sa.update(source).where(source.c.key == key).values(next_due=now, not_before=None))
