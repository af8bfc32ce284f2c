"""Sources: what is known of each, and the record of every fetch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from statistics import median_low
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from core.errors import NotFound
from core.source import (
    READ,
    Cursor,
    FetchRecord,
    Outcome,
    Reading,
    Source,
    SourceState,
    SourceStatus,
    Standing,
    Validators,
    rest_after,
)
from store import bulk
from store.connect import chunked, insert_for
from store.intake import fetch, source
from store.types import Instant

_HISTORY = 14
_TOLD = ("kind", "url", "schedule", "enabled")


def sync(connection: Connection, sources: Sequence[Source]) -> None:
    """Copy what sources.toml says. A source that is no longer there stays, switched off, with its history."""
    columns = [source.c[name] for name in ("key", *_TOLD)]
    known = {key: tuple(row) for key, *row in connection.execute(sa.select(*columns)).all()}
    told = {each.key: (each.kind, each.url, each.schedule, each.enabled) for each in sources}
    gone = [key for key, row in known.items() if key not in told and row[-1]]
    for part in chunked(gone):
        connection.execute(sa.update(source).where(source.c.key.in_(part)).values(enabled=False))
    news = [
        {"key": key, "state": SourceState.ON, "cursor": {}, **dict(zip(_TOLD, row, strict=True))}
        for key, row in told.items()
        if known.get(key) != row
    ]
    if news:
        insert = insert_for(connection, source)
        newer = {name: insert.excluded[name] for name in _TOLD}
        connection.execute(insert.on_conflict_do_update(index_elements=["key"], set_=newer), news)


def in_use(connection: Connection) -> list[tuple[str, str, str]]:
    """Key, kind and address of every source that is asked, by key."""
    asked = sa.and_(source.c.enabled, source.c.state != SourceState.GONE)
    query = sa.select(source.c.key, source.c.kind, source.c.url).where(asked).order_by(source.c.key)
    return [(row.key, row.kind, row.url) for row in connection.execute(query)]


def counts(connection: Connection) -> dict[str, int]:
    """How many enabled sources are on, failing, paused and gone."""
    state = sa.case(
        (sa.and_(source.c.state == SourceState.ON, source.c.last_error.is_not(None)), "failing"), else_=source.c.state
    )
    query = sa.select(state, sa.func.count()).where(source.c.enabled).group_by(state)
    return {row[0]: row[1] for row in connection.execute(query)}


def standings(connection: Connection, sources: Sequence[Source]) -> list[Standing]:
    """Where each source of the file stands, in the file's order. Call `sync` first."""
    columns = (source.c[name] for name in ("key", "state", "cursor", "next_due", "not_before"))
    rows = {key: row for key, *row in connection.execute(sa.select(*columns)).all()}
    return [_standing(each, *rows[each.key]) for each in sources]


def _standing(
    each: Source, state: str, kept: Mapping[str, Any], next_due: datetime | None, not_before: datetime | None
) -> Standing:
    return Standing(
        source=each, state=SourceState(state), cursor=_cursor(kept), next_due=next_due, not_before=not_before
    )


def statuses(connection: Connection, sources: Sequence[Source]) -> list[SourceStatus]:
    """Each source of the file with what became of it, in the file's order. Call `sync` first. Three statements, however
    many sources there are."""
    rows = {row.key: row for row in connection.execute(sa.select(source))}
    past, filled = history(connection), _last_non_empty(connection)
    return [_status(each, rows[each.key], past.get(each.key, ()), filled.get(each.key)) for each in sources]


def _last_non_empty(connection: Connection) -> dict[str, datetime]:
    """When each source last showed anything. Newest first, so that years of records are not read."""
    filled = sa.select(fetch.c.at).where(fetch.c.source == source.c.key, fetch.c.entries > 0)
    newest = filled.order_by(fetch.c.at.desc()).limit(1).scalar_subquery().label("at")
    rows = connection.execute(sa.select(source.c.key, sa.type_coerce(newest, Instant).label("at")))
    return {row.key: row.at for row in rows if row.at is not None}


def _status(
    each: Source, row: Row[tuple[object, ...]], past: Sequence[int], last_non_empty: datetime | None
) -> SourceStatus:
    return SourceStatus(
        source=each,
        state=SourceState(row.state),
        cursor=_cursor(row.cursor),
        last_success=row.last_success,
        last_error=row.last_error,
        failing_since=row.failing_since,
        consecutive_failures=row.failures,
        next_due=row.next_due,
        not_before=row.not_before,
        moved_to=row.moved_to,
        budget_left=row.budget_left,
        last_non_empty=last_non_empty,
        history=tuple(past),
        entries_median=median_low(past) if past else None,
    )


def _cursor(kept: Mapping[str, Any]) -> Cursor:
    validators = kept.get("validators") or {}
    return Cursor(
        validators={slot: Validators(**each) for slot, each in validators.items()}, marks=dict(kept.get("marks") or {})
    )


def _kept(cursor: Cursor) -> dict[str, Any]:
    """A cursor as JSON holds it; what is not known is not written."""
    return {
        "validators": {
            slot: {name: value for name in _VALIDATORS if (value := getattr(each, name)) is not None}
            for slot, each in cursor.validators.items()
        },
        "marks": dict(cursor.marks),
    }


_VALIDATORS = ("etag", "last_modified", "body_hash")


def history(connection: Connection) -> dict[str, list[int]]:
    """Entries of the last 14 runs of each source that were read, newest first. An unchanged answer does not count."""
    mine = sa.select(fetch.c.id).where(fetch.c.source == source.c.key, fetch.c.outcome.in_(READ))
    return _newest(connection, mine, limit=_HISTORY)


def history_of(connection: Connection, key: str) -> list[int]:
    """The same of one source."""
    read = sa.select(fetch.c.entries).where(fetch.c.source == key, fetch.c.outcome.in_(READ))
    return list(connection.scalars(read.order_by(fetch.c.at.desc(), fetch.c.id.desc()).limit(_HISTORY)))


def runs(connection: Connection, *, limit: int) -> dict[str, list[int]]:
    """Entries of so many last runs of each source, newest first, whatever came of them."""
    return _newest(connection, sa.select(fetch.c.id).where(fetch.c.source == source.c.key), limit=limit)


def _newest(connection: Connection, mine: sa.Select[Any], *, limit: int) -> dict[str, list[int]]:
    """One walk of the index per source, in one statement; a window function would read years of records."""
    latest = mine.order_by(fetch.c.at.desc(), fetch.c.id.desc()).limit(limit).correlate(source)
    query = (
        sa.select(source.c.key, fetch.c.entries)
        .join(fetch, fetch.c.id.in_(latest.scalar_subquery()))
        .order_by(source.c.key, fetch.c.at.desc(), fetch.c.id.desc())
    )
    past: dict[str, list[int]] = {}
    for row in connection.execute(query):
        past.setdefault(row.key, []).append(row.entries)
    return past


def start(connection: Connection, due: Mapping[str, datetime]) -> None:
    """Runs begin: the next ones are due then, whatever becomes of these."""
    changed = sa.update(source).where(source.c.key == sa.bindparam("at_key")).values(next_due=sa.bindparam("due"))
    bulk.update(connection, changed, [{"at_key": key, "due": at} for key, at in due.items()])


def finish(connection: Connection, done: Sequence[tuple[Reading, FetchRecord]]) -> None:
    """Runs are over: keep their records, their cursors and what they mean for their sources. One that failed is left
    alone for longer each time; asking it by name asks it all the same. A fixed number of statements for those that
    went well, one for each that did not."""
    bulk.insert(connection, fetch, [_record_row(record) for _, record in done])
    well = [(reading, record) for reading, record in done if record.outcome is not Outcome.FAILED]
    bulk.update(connection, _SUCCEEDED, [_success(reading, record) for reading, record in well])
    for reading, record in done:
        if record.outcome is Outcome.FAILED:
            _failed(connection, reading, record)
        changes: dict[str, object] = {"moved_to": reading.moved_to} if reading.moved_to else {}
        changes |= {"state": SourceState.GONE} if reading.gone else {}
        if changes:
            connection.execute(sa.update(source).where(source.c.key == record.source).values(**changes))


_SUCCEEDED = (
    sa.update(source)
    .where(source.c.key == sa.bindparam("at_key"))
    .values(
        last_success=sa.bindparam("at"),
        last_error=None,
        failing_since=None,
        failures=0,
        cursor=sa.bindparam("kept", type_=sa.JSON),
        not_before=sa.bindparam("rest"),
        budget_left=sa.bindparam("budget"),
    )
)


def _success(reading: Reading, record: FetchRecord) -> dict[str, object]:
    return {
        "at_key": record.source,
        "at": record.at,
        "kept": _kept(reading.cursor),
        "rest": reading.not_before,
        "budget": reading.budget_left,
    }


def _failed(connection: Connection, reading: Reading, record: FetchRecord) -> None:
    before = connection.scalar(sa.select(source.c.failures).where(source.c.key == record.source)) or 0
    # What the host asked for, and at least what its failures in a row call for.
    rest = record.at + rest_after(before + 1, key=record.source)
    changes = {
        "not_before": max(rest, reading.not_before or rest),
        "budget_left": reading.budget_left,
        "last_error": record.error or "It failed without saying why.",
        "failures": source.c.failures + 1,
        "failing_since": sa.func.coalesce(source.c.failing_since, sa.literal(record.at, Instant)),
    }
    connection.execute(sa.update(source).where(source.c.key == record.source).values(**changes))


def _record_row(record: FetchRecord) -> dict[str, object]:
    return {
        "source": record.source,
        "at": record.at,
        "outcome": record.outcome,
        "http_status": record.http_status,
        "bytes": record.bytes,
        "entries": record.entries,
        "new": record.new,
        "changed": record.changed,
        "new_tools": record.new_tools,
        "merged": record.merged,
        "bad": record.bad,
        "left_out": dict(record.left_out),
        "seconds": round(record.seconds, 3),
        "error": record.error,
    }


def set_state(connection: Connection, key: str, state: SourceState) -> SourceState:
    """Pause a source, or ask it again. Returns the state before. Raises NotFound."""
    before = connection.scalar(sa.select(source.c.state).where(source.c.key == key))
    if before is None:
        raise NotFound(f"There is no source {key!r}.", mend="`verdicts sources list` shows them.")
    connection.execute(sa.update(source).where(source.c.key == key).values(state=state))
    return SourceState(before)


def recent(connection: Connection, *, limit: int = 50) -> list[Mapping[str, object]]:
    """The newest fetch records of all sources."""
    query = sa.select(fetch).order_by(fetch.c.id.desc()).limit(limit)
    return [dict(row) for row in connection.execute(query).mappings()]
