"""Sources: what is known of each, and the record of every fetch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from statistics import median_low

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.engine import Connection, Row

from core.errors import NotFound
from core.source import Cursor, FetchRecord, Outcome, Reading, Source, SourceState, SourceStatus, rest_after
from store.connect import insert_for
from store.schema import fetch, source
from store.types import Instant

_CURSOR = TypeAdapter(Cursor)
_READ = (Outcome.OK, Outcome.DEGRADED, Outcome.EMPTY)
_HISTORY = 14


def sync(connection: Connection, sources: Sequence[Source]) -> None:
    """Copy what sources.toml says. A source that is no longer there stays, switched off, with its history."""
    keys = [each.key for each in sources]
    connection.execute(sa.update(source).where(source.c.key.not_in(keys), source.c.enabled).values(enabled=False))
    for each in sources:
        told = {"kind": each.kind, "url": each.url, "schedule": each.schedule, "enabled": each.enabled}
        insert = insert_for(connection, source).values(key=each.key, state=SourceState.ON, cursor={}, **told)
        connection.execute(
            insert.on_conflict_do_update(
                index_elements=["key"], set_=told, where=sa.or_(*(source.c[name] != told[name] for name in told))
            )
        )


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


def statuses(connection: Connection, sources: Sequence[Source]) -> list[SourceStatus]:
    """Each source of the file with what became of it, in the file's order. Call `sync` first."""
    rows = {row.key: row for row in connection.execute(sa.select(source))}
    past = history(connection, [each.key for each in sources])
    filled = _last_non_empty(connection, [each.key for each in sources])
    return [_status(each, rows[each.key], past[each.key], filled.get(each.key)) for each in sources]


def _last_non_empty(connection: Connection, keys: Sequence[str]) -> dict[str, datetime]:
    """When each of these sources last showed anything. Newest first, so that years of records are not read."""
    filled = sa.select(fetch.c.at).where(fetch.c.entries > 0).order_by(fetch.c.at.desc()).limit(1)
    found = {key: connection.scalar(filled.where(fetch.c.source == key)) for key in keys}
    return {key: at for key, at in found.items() if at is not None}


def _status(
    each: Source, row: Row[tuple[object, ...]], past: Sequence[int], last_non_empty: datetime | None
) -> SourceStatus:
    return SourceStatus(
        source=each,
        state=SourceState(row.state),
        cursor=_CURSOR.validate_python(row.cursor),
        last_success=row.last_success,
        last_error=row.last_error,
        failing_since=row.failing_since,
        consecutive_failures=row.failures,
        next_due=row.next_due,
        not_before=row.not_before,
        moved_to=row.moved_to,
        last_non_empty=last_non_empty,
        entries_median=median_low(past) if past else None,
    )


def history(connection: Connection, keys: Sequence[str]) -> dict[str, list[int]]:
    """Entries of the last 14 runs of each source that were read, newest first. An unchanged answer does not count."""
    past: dict[str, list[int]] = {}
    for key in keys:
        query = (
            sa.select(fetch.c.entries)
            .where(fetch.c.source == key, fetch.c.outcome.in_(_READ))
            .order_by(fetch.c.at.desc(), fetch.c.id.desc())
            .limit(_HISTORY)
        )
        past[key] = list(connection.scalars(query))
    return past


def start(connection: Connection, key: str, *, next_due: datetime) -> None:
    """A run begins: the next one is due then, whatever becomes of this one."""
    connection.execute(sa.update(source).where(source.c.key == key).values(next_due=next_due))


def finish(connection: Connection, reading: Reading, record: FetchRecord) -> None:
    """A run is over: keep its record, its cursor and what it means for the source. One that failed is left alone for
    longer each time; asking it by name asks it all the same."""
    connection.execute(sa.insert(fetch).values(**_record_row(record)))
    changes: dict[str, object] = {"not_before": reading.not_before}
    if record.outcome is Outcome.FAILED:
        before = connection.scalar(sa.select(source.c.failures).where(source.c.key == record.source)) or 0
        # What the host asked for, and at least what its failures in a row call for.
        rest = record.at + rest_after(before + 1, key=record.source)
        changes |= {
            "not_before": max(rest, reading.not_before or rest),
            "last_error": record.error or "It failed without saying why.",
            "failures": source.c.failures + 1,
            "failing_since": sa.func.coalesce(source.c.failing_since, sa.literal(record.at, Instant)),
        }
    else:
        changes |= {
            "last_success": record.at,
            "last_error": None,
            "failing_since": None,
            "failures": 0,
            "cursor": _CURSOR.dump_python(reading.cursor, mode="json", exclude_none=True),
        }
    if reading.moved_to:
        changes["moved_to"] = reading.moved_to
    if reading.gone:
        changes["state"] = SourceState.GONE
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
