"""What alarms are derived from, and what is remembered of them: since when they stand, who has seen them, who was told.

Everything here is bounded: of each kind the first few are read, and what is counted is counted up to a limit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from core.delivery import BatchState
from core.edition import EditionState
from core.panel import Role
from core.source import SourceState
from store.connect import insert_for
from store.intake import fetch, source
from store.schema import (
    alarm,
    alarm_told,
    batch,
    edition,
    lens,
    person,
    person_lens,
    person_role,
    seat,
)
from store.types import Instant

# ------------------------------------------------------------ what they are derived from


@dataclass(frozen=True, slots=True, kw_only=True)
class LensState:
    """A lens in use: who could judge through it, whether anything waits, how much is late, and since when."""

    key: str
    name: str
    reviewers: int
    waits: bool
    late: int
    late_since: datetime | None


def lens_states(connection: Connection, *, late: datetime, limit: int) -> list[LensState]:
    """Every lens in use, in their order; `late` is when a seat must have been due, counted up to `limit`. One
    statement."""
    undone = sa.and_(seat.c.lens == lens.c.key, seat.c.waiting, seat.c.state != sa.literal_column("'submitted'"))
    overdue = sa.and_(undone, seat.c.due_at <= late)
    reviewers = (
        sa.select(sa.func.count())
        .select_from(person_lens.join(person, person.c.id == person_lens.c.person))
        .join(person_role, sa.and_(person_role.c.person == person.c.id, person_role.c.role == Role.REVIEWER))
        .where(person_lens.c.lens == lens.c.key, person.c.active)
        .correlate(lens)
        .scalar_subquery()
    )
    first = sa.select(seat.c.due_at).where(overdue).order_by(seat.c.due_at).limit(1).correlate(lens).scalar_subquery()
    many = sa.select(seat.c.id).where(overdue).correlate(lens).limit(limit).subquery("overdue")
    query = (
        sa.select(
            lens.c.key,
            lens.c.name,
            reviewers.label("reviewers"),
            sa.exists(sa.select(seat.c.id).where(undone).correlate(lens)).label("waits"),
            sa.select(sa.func.count()).select_from(many).correlate(lens).scalar_subquery().label("late"),
            sa.type_coerce(first, Instant).label("late_since"),
        )
        .where(lens.c.active)
        .order_by(lens.c.position)
    )
    return [LensState(**row) for row in connection.execute(query).mappings()]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTrouble:
    """A source that needs a look. `kind` is `gone`, `failing` or `silent`; `since` None: it is not known."""

    key: str
    kind: str
    since: datetime | None
    failures: int
    error: str


def gone_sources(connection: Connection, *, limit: int) -> list[SourceTrouble]:
    """Sources that say they are gone for good."""
    gone = sa.and_(source.c.enabled, source.c.state == SourceState.GONE)
    rows = connection.execute(sa.select(source).where(gone).order_by(source.c.key).limit(limit))
    return [_trouble(row, "gone", row.failing_since or row.last_success) for row in rows]


_ON = sa.and_(source.c.enabled, source.c.state == SourceState.ON)


def failing_sources(connection: Connection, *, failures: int, before: datetime, limit: int) -> list[SourceTrouble]:
    """Sources that have failed so often in a row, or since before this instant, the longest first."""
    bad = sa.and_(_ON, source.c.last_error.is_not(None))
    long = sa.or_(source.c.failures >= failures, source.c.failing_since <= before)
    rows = connection.execute(sa.select(source).where(bad, long).order_by(source.c.failing_since).limit(limit))
    return [_trouble(row, "failing", row.failing_since) for row in rows]


def silent_sources(connection: Connection, *, before: datetime, limit: int) -> list[SourceTrouble]:
    """Sources that are read without an error, were read before this instant, and have shown nothing since."""
    filled = sa.select(fetch.c.at).where(fetch.c.source == source.c.key, fetch.c.entries > sa.literal_column("0"))
    newest = filled.order_by(fetch.c.at.desc()).limit(1).correlate(source).scalar_subquery()
    first = sa.select(fetch.c.at).where(fetch.c.source == source.c.key).order_by(fetch.c.at).limit(1)
    began = first.correlate(source).scalar_subquery()
    fine = sa.and_(_ON, source.c.last_error.is_(None), source.c.last_success > before)
    silent = sa.func.coalesce(newest, began) <= sa.literal(before, Instant)
    query = sa.select(source, sa.type_coerce(sa.func.coalesce(newest, began), Instant).label("quiet_since"))
    rows = connection.execute(query.where(fine, silent).order_by(source.c.key).limit(limit))
    return [_trouble(row, "silent", row.quiet_since) for row in rows]


def _trouble(row: sa.Row[Any], kind: str, since: datetime | None) -> SourceTrouble:
    return SourceTrouble(key=row.key, kind=kind, since=since, failures=row.failures, error=row.last_error or "")


def unasked_since(connection: Connection) -> datetime | None:
    """When the source that has waited longest was to be asked, its rest considered; None: none has ever been."""
    rests = sa.and_(source.c.not_before.is_not(None), source.c.not_before > source.c.next_due)
    due = sa.case((rests, source.c.not_before), else_=source.c.next_due)
    found: datetime | None = connection.scalar(sa.select(sa.type_coerce(sa.func.min(due), Instant)).where(_ON))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An edition that nobody has approved."""

    week: str
    assembled_at: datetime
    send_at: datetime | None


def drafts(connection: Connection, *, from_week: str) -> list[Draft]:
    """Editions that are not approved, of this week and later ones."""
    query = sa.select(edition.c.week, edition.c.assembled_at, edition.c.send_at).where(
        edition.c.week >= from_week, edition.c.state == EditionState.DRAFT
    )
    return [Draft(**row) for row in connection.execute(query.order_by(edition.c.week)).mappings()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """An edition with uncertain batches, and an edition that stands still."""

    week: str
    batches: tuple[int, ...]
    since: datetime | None
    paused_because: str | None


def doubts(connection: Connection, *, limit: int) -> list[Doubt]:
    """Editions under way (sending or paused, not cancelled) that have uncertain batches or are paused."""
    under_way = sa.and_(
        edition.c.state.in_((EditionState.SENDING, EditionState.PAUSED)), edition.c.cancelled_at.is_(None)
    )
    rows = connection.execute(
        sa.select(edition.c.week, edition.c.state, edition.c.paused_because).where(under_way).order_by(edition.c.week)
    ).all()
    query = sa.select(batch.c.week, batch.c.id, batch.c.started_at).where(
        batch.c.week.in_([row.week for row in rows]), batch.c.state == BatchState.UNCERTAIN
    )
    found: dict[str, list[Any]] = {row.week: [] for row in rows}
    for row in connection.execute(query.order_by(batch.c.id).limit(limit)):
        found[row.week].append(row)
    return [
        Doubt(
            week=row.week,
            batches=tuple(each.id for each in found[row.week]),
            since=min((each.started_at for each in found[row.week] if each.started_at), default=None),
            paused_because=row.paused_because if row.state == EditionState.PAUSED else None,
        )
        for row in rows
        if found[row.week] or row.state == EditionState.PAUSED
    ]


# ------------------------------------------------------------ what is remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is remembered of an alarm. `found` is what a slow check said."""

    key: str
    since: datetime
    mark: str
    acknowledged_at: datetime | None
    acknowledged_by: str
    acknowledged_mark: str | None
    found: Any


def kept(connection: Connection) -> dict[str, Kept]:
    """Everything that is remembered, by key."""
    query = sa.select(alarm, person.c.name, person.c.email).outerjoin(person, person.c.id == alarm.c.acknowledged_by)
    return {
        row.key: Kept(
            key=row.key,
            since=row.since,
            mark=row.mark,
            acknowledged_at=row.acknowledged_at,
            acknowledged_by=row.name or row.email or "",
            acknowledged_mark=row.acknowledged_mark,
            found=row.found,
        )
        for row in connection.execute(query)
    }


def keep(connection: Connection, standing: Mapping[str, tuple[datetime, str]]) -> None:
    """These stand (key -> since, mark), and no others: what has ended is forgotten, so that it is new when it returns."""
    over = sa.delete(alarm).where(alarm.c.key.not_in(list(standing)), alarm.c.found.is_(None))
    connection.execute(over)
    for key, (since, mark) in standing.items():
        insert = insert_for(connection, alarm).values(key=key, since=since, mark=mark)
        connection.execute(insert.on_conflict_do_update(index_elements=["key"], set_={"mark": mark}))


def keep_found(connection: Connection, key: str, found: Any, *, mark: str, now: datetime) -> None:
    """What a slow check has found; None: nothing, so that the alarm is over."""
    if found is None:
        connection.execute(sa.delete(alarm).where(alarm.c.key == key))
        return
    insert = insert_for(connection, alarm).values(key=key, since=now, mark=mark, found=found)
    connection.execute(insert.on_conflict_do_update(index_elements=["key"], set_={"mark": mark, "found": found}))


def acknowledge(connection: Connection, key: str, *, mark: str, since: datetime, by: int | None, now: datetime) -> None:
    """Somebody has seen what it says now; `by` None: nobody has, after all."""
    seen: dict[str, Any] = {"acknowledged_at": None, "acknowledged_by": None, "acknowledged_mark": None}
    if by is not None:
        seen = {"acknowledged_at": now, "acknowledged_by": by, "acknowledged_mark": mark}
    insert = insert_for(connection, alarm).values(key=key, since=since, mark=mark, **seen)
    connection.execute(insert.on_conflict_do_update(index_elements=["key"], set_=seen))


def told_since(connection: Connection, at: int, *, since: datetime) -> set[str]:
    """Alarms that this person was mailed about later than `since`."""
    query = sa.select(alarm_told.c.alarm).where(alarm_told.c.person == at, alarm_told.c.at > since)
    return set(connection.scalars(query))


def note_told(connection: Connection, at: int, keys: Collection[str] | Sequence[str], *, now: datetime) -> None:
    """This person was mailed about these."""
    for key in keys:
        insert = insert_for(connection, alarm_told).values(alarm=key, person=at, at=now)
        connection.execute(insert.on_conflict_do_update(index_elements=["alarm", "person"], set_={"at": now}))
