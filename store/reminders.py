"""Reminders: which seats have come to a step of the ladder, who was told of it, and the mail that told them.

A mail and its reminders are written in one transaction BEFORE the mail is sent; two runs at once cannot both write
them. What was written and never sent is forgotten after a while and made anew: at worst somebody is told twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from core.panel import DeclineReason, SeatState
from store.connect import insert_for
from store.schema import decline, lens, look, person, reminder, reminder_mail, seat, tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A seat that is not done. `holder` is who has claimed it, also when the lease has run out meanwhile."""

    seat: int
    tool_slug: str
    tool_name: str
    lens: str
    due_at: datetime
    state: SeatState
    fence: int
    holder: int | None
    holder_name: str
    begun_at: datetime | None
    lease_until: datetime | None


_COLUMNS = (
    seat.c.id,
    seat.c.lens,
    seat.c.due_at,
    seat.c.state,
    seat.c.fence,
    seat.c.holder,
    seat.c.begun_at,
    seat.c.lease_until,
    tool.c.slug,
    tool.c.name.label("tool_name"),
    person.c.name.label("holder_name"),
    person.c.email.label("holder_email"),
)


def _seats(lens_key: str, *, after: datetime | None, until: datetime, limit: int) -> sa.Select[Any]:
    """Seats of a lens that are not done and due after `after`, and at `until` at the latest, by their time: a range of
    the index ix_seat_due, whose words these are."""
    query = (
        sa.select(*_COLUMNS)
        .join(tool, tool.c.id == seat.c.tool)
        .outerjoin(person, person.c.id == seat.c.holder)
        .where(
            seat.c.lens == lens_key,
            seat.c.waiting,
            seat.c.state != sa.literal_column("'submitted'"),
            seat.c.due_at <= until,
        )
        .order_by(seat.c.due_at, seat.c.id)
        .limit(limit)
    )
    return query if after is None else query.where(seat.c.due_at > after)


def _waiting(row: sa.Row[Any]) -> Waiting:
    return Waiting(
        seat=row.id,
        tool_slug=row.slug,
        tool_name=row.tool_name,
        lens=row.lens,
        due_at=row.due_at,
        state=SeatState(row.state),
        fence=row.fence,
        holder=row.holder,
        holder_name=row.holder_name or row.holder_email or "",
        begun_at=row.begun_at,
        lease_until=row.lease_until,
    )


def between(
    connection: Connection, lens_key: str, *, after: datetime | None = None, until: datetime, limit: int
) -> list[Waiting]:
    """Seats of a lens that are not done and come due in a time, by their time."""
    return [_waiting(row) for row in connection.execute(_seats(lens_key, after=after, until=until, limit=limit))]


def _not_told(at: int, rung: str) -> sa.ColumnElement[bool]:
    told = sa.select(reminder.c.seat).where(
        reminder.c.seat == seat.c.id, reminder.c.person == at, reminder.c.rung == rung
    )
    return ~sa.exists(told.correlate(seat))


def news(
    connection: Connection,
    lens_key: str,
    *,
    at: int,
    rung: str,
    after: datetime,
    until: datetime,
    limit: int,
) -> list[Waiting]:
    """Seats of a lens at a step of the ladder of which this person was not told yet."""
    query = _seats(lens_key, after=after, until=until, limit=limit).where(_not_told(at, rung))
    return [_waiting(row) for row in connection.execute(query)]


_OTHER = seat.alias("other")


def theirs(
    connection: Connection,
    lens_key: str,
    *,
    at: int,
    rung: str,
    after: datetime,
    until: datetime,
    limit: int,
    now: datetime,
) -> list[Waiting]:
    """The same, of those that are this reviewer's to do: held by them, or free and theirs to claim."""
    held = sa.and_(seat.c.state == SeatState.LEASED, seat.c.holder == at)
    free = sa.or_(seat.c.state == SeatState.OPEN, seat.c.lease_until <= now)
    query = _seats(lens_key, after=after, until=until, limit=limit).where(
        _not_told(at, rung), sa.or_(held, sa.and_(free, _claimable(at, now)))
    )
    return [_waiting(row) for row in connection.execute(query)]


def _claimable(at: int, now: datetime) -> sa.ColumnElement[bool]:
    """Neither declined by them, nor of a tool they have judged, whose panel they have seen, or with which they have a
    conflict."""
    of_tool = _OTHER.c.tool == seat.c.tool
    still = sa.or_(decline.c.until.is_(None), decline.c.until > now)
    conflict = sa.and_(of_tool, decline.c.reason == DeclineReason.CONFLICT)
    declined = (
        sa.select(decline.c.seat)
        .join(_OTHER, _OTHER.c.id == decline.c.seat)
        .where(decline.c.person == at, sa.or_(sa.and_(decline.c.seat == seat.c.id, still), conflict))
    )
    looked = sa.select(look.c.tool).where(look.c.tool == seat.c.tool, look.c.person == at)
    # Plus nothing, so that SQLite walks the few seats of the tool and not the thousands that somebody has submitted.
    mine = _OTHER.c.holder + 0 == at
    judged = sa.select(_OTHER.c.id).where(of_tool, _OTHER.c.state == SeatState.SUBMITTED, mine)
    return sa.and_(*(~sa.exists(each.correlate(seat)) for each in (declined, judged, looked)))


def reopen(connection: Connection, found: Waiting) -> bool:
    """Give a held seat back to everybody. False when it has changed hands meanwhile."""
    same = sa.and_(seat.c.id == found.seat, seat.c.state == SeatState.LEASED, seat.c.fence == found.fence)
    freed = {"state": SeatState.OPEN, "holder": None, "lease_until": None, "begun_at": None}
    return connection.execute(sa.update(seat).where(same).values(**freed)).rowcount == 1


def held(connection: Connection, lens_key: str, *, after: datetime, until: datetime, limit: int) -> list[Waiting]:
    """The seats of a lens that somebody holds, of those that were due in a time."""
    query = _seats(lens_key, after=after, until=until, limit=limit).where(seat.c.state == SeatState.LEASED)
    return [_waiting(row) for row in connection.execute(query)]


# ------------------------------------------------------------ mails


def mailed(connection: Connection, days: Mapping[int, str]) -> set[int]:
    """Of these people (id -> their day), those for whom a mail of that day was claimed already."""
    query = sa.select(reminder_mail.c.person, reminder_mail.c.day).where(reminder_mail.c.person.in_(list(days)))
    rows = connection.execute(query.where(reminder_mail.c.day.in_(sorted(set(days.values())))))
    return {row.person for row in rows if days[row.person] == row.day}


def claim(
    connection: Connection, *, at: int, day: str, steps: Sequence[tuple[int, str, datetime]], now: datetime
) -> int | None:
    """Write down that this person is told of these steps (seat, rung, due) by the mail of this day. Returns its id,
    None when another run was faster."""
    insert = insert_for(connection, reminder_mail).values(person=at, day=day, claimed_at=now)
    mail: int | None = connection.scalar(
        insert.on_conflict_do_nothing(index_elements=["person", "day"]).returning(reminder_mail.c.id)
    )
    if mail is not None:
        rows = [
            {"seat": where, "person": at, "rung": rung, "mail": mail, "due_at": due_at} for where, rung, due_at in steps
        ]
        connection.execute(insert_for(connection, reminder).on_conflict_do_nothing(), rows)
    return mail


def sent(connection: Connection, mail: int, *, now: datetime) -> None:
    """The mail went out."""
    connection.execute(sa.update(reminder_mail).where(reminder_mail.c.id == mail).values(sent_at=now))


def forget(connection: Connection, mails: Collection[int]) -> None:
    """These mails did not go out: their steps are news again."""
    wanted = sa.and_(reminder_mail.c.id.in_(list(mails)), reminder_mail.c.sent_at.is_(None))
    unsent = sa.select(reminder_mail.c.id).where(wanted)
    connection.execute(sa.delete(reminder).where(reminder.c.mail.in_(unsent)))
    connection.execute(sa.delete(reminder_mail).where(wanted))


def left_behind(connection: Connection, *, before: datetime) -> list[int]:
    """Mails that were claimed before this instant and never sent: their run has died."""
    dead = sa.and_(reminder_mail.c.sent_at.is_(None), reminder_mail.c.claimed_at < before)
    return list(connection.scalars(sa.select(reminder_mail.c.id).where(dead)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One step that somebody was told of. `sent_at` None: the mail is under way, or could not go out yet."""

    mail: int
    day: str
    person: int
    name: str
    claimed_at: datetime
    sent_at: datetime | None
    seat: int
    tool_slug: str
    tool_name: str
    lens: str
    rung: str
    due_at: datetime


def told(
    connection: Connection, *, before: int | None = None, at: int | None = None, mails: int, limit: int
) -> list[Told]:
    """What the newest mails told, of mails with smaller ids than `before`, to one person when said: so many mails, and
    so many steps together. One statement."""
    newest = sa.select(reminder_mail.c.id).order_by(reminder_mail.c.id.desc()).limit(mails)
    if before is not None:
        newest = newest.where(reminder_mail.c.id < before)
    if at is not None:
        newest = newest.where(reminder_mail.c.person == at)
    query = (
        sa.select(
            reminder_mail,
            person.c.name,
            person.c.email,
            reminder.c.seat,
            reminder.c.rung,
            reminder.c.due_at,
            seat.c.lens,
            tool.c.slug,
            tool.c.name.label("tool_name"),
        )
        .join(person, person.c.id == reminder_mail.c.person)
        .join(reminder, reminder.c.mail == reminder_mail.c.id)
        .join(seat, seat.c.id == reminder.c.seat)
        .join(tool, tool.c.id == seat.c.tool)
        .where(reminder_mail.c.id.in_(newest))
        .order_by(reminder_mail.c.id.desc(), reminder.c.due_at, reminder.c.seat)
        .limit(limit)
    )
    return [
        Told(
            mail=row.id,
            day=row.day,
            person=row.person,
            name=row.name or row.email,
            claimed_at=row.claimed_at,
            sent_at=row.sent_at,
            seat=row.seat,
            tool_slug=row.slug,
            tool_name=row.tool_name,
            lens=row.lens,
            rung=row.rung,
            due_at=row.due_at,
        )
        for row in connection.execute(query)
    ]


def lens_names(connection: Connection) -> dict[str, str]:
    """Lenses in use: key -> name, in their order."""
    query = sa.select(lens.c.key, lens.c.name).where(lens.c.active).order_by(lens.c.position)
    return {row.key: row.name for row in connection.execute(query)}
