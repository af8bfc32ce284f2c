"""The audit log: every decision, who, what, when, before and after. Rows are only ever added."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from store.schema import audit

SYSTEM = "system"
"""The actor of what a schedule or a rule decided."""


def note(
    connection: Connection,
    *,
    now: datetime,
    actor: str,
    action: str,
    subject: str,
    before: Any = None,
    after: Any = None,
) -> None:
    """Add one entry. `action` is noun.verb, `subject` noun:name; `before` and `after` are JSON values."""
    connection.execute(
        sa.insert(audit).values(at=now, actor=actor, action=action, subject=subject, before=before, after=after)
    )


def entries(connection: Connection, *, subject: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
    """The newest entries, newest first, of one subject or of all."""
    query = sa.select(audit).order_by(audit.c.id.desc()).limit(limit)
    if subject is not None:
        query = query.where(audit.c.subject == subject)
    return [dict(row) for row in connection.execute(query).mappings()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the log. `before` and `after` are JSON values."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    before: Any
    after: Any


def search(
    connection: Connection,
    *,
    actor: str = "",
    action: str = "",
    subject: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    before_id: int | None = None,
    limit: int,
) -> list[Entry]:
    """Entries, newest first, below `before_id` when given: by somebody, of one action, about one subject, from `since`
    to before `until`. Four statements at the most, each an index walk."""
    query = sa.select(audit).order_by(audit.c.id.desc()).limit(limit)
    by: sa.ColumnElement[Any] = audit.c.actor
    done: sa.ColumnElement[Any] = audit.c.action
    if subject:
        # A subject has few entries; joined with nothing, the other columns cannot lure a planner into their indexes.
        by, done = by.concat(""), done.concat("")
        query = query.where(audit.c.subject == subject)
    if actor:
        query = query.where(by == actor)
    if action:
        query = query.where(done == action)
    first, last = _bounds(connection, since, until)
    if first is not None:
        query = query.where(audit.c.id >= first)
    ends = [each for each in (last, before_id) if each is not None]
    if ends:
        query = query.where(audit.c.id < min(ends))
    return [Entry(**row) for row in connection.execute(query).mappings()]


def _bounds(connection: Connection, since: datetime | None, until: datetime | None) -> tuple[int | None, int | None]:
    """The ids between which the entries of a time lie: ids and times grow together, so that one index walk by id
    serves every filter. The second is one behind the last."""
    newest = connection.scalar(sa.select(sa.func.max(audit.c.id))) or 0

    def first_from(instant: datetime) -> int:
        query = sa.select(audit.c.id).where(audit.c.at >= instant).order_by(audit.c.at, audit.c.id).limit(1)
        found: int | None = connection.scalar(query)
        return newest + 1 if found is None else found

    return (None if since is None else first_from(since)), (None if until is None else first_from(until))


def actions(connection: Connection) -> list[str]:
    """Every action there is, by name: one look into the index for each."""
    return _distinct(connection, audit.c.action)


def actors(connection: Connection) -> list[str]:
    """Everybody who has done anything, by address: one look into the index for each."""
    return _distinct(connection, audit.c.actor)


def _distinct(connection: Connection, column: sa.Column[str]) -> list[str]:
    """A walk from one value to the next one above it, in one statement: a plain DISTINCT would read every entry."""
    walk = sa.select(sa.func.min(column).label("word")).cte("walk", recursive=True)
    above = sa.select(sa.func.min(column)).where(column > walk.c.word).scalar_subquery()
    walk = walk.union_all(sa.select(above).where(walk.c.word.is_not(None)))
    return list(connection.scalars(sa.select(walk.c.word).where(walk.c.word.is_not(None)).limit(500)))
