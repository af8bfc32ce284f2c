"""Seats and verdicts. One statement claims a seat; a submit must name the holder and the fence of that claim.

The design was tried with ten processes on 3,000 seats; docs/decisions.md has the figures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from core.errors import Conflict, NotFound, Refused, StaleFence
from core.panel import (
    Basis,
    Decision,
    DeclineReason,
    Lease,
    Person,
    SeatRow,
    SeatState,
    Verdict,
    VerdictState,
)
from core.tool import ToolStatus
from store.schema import decline, draft, lens, person, person_lens, seat, tool, verdict

_WAITING = (ToolStatus.QUEUED, ToolStatus.IN_REVIEW)


def claim(
    connection: Connection,
    reviewer: Person,
    *,
    lenses: Sequence[str],
    tool_id: int | None,
    now: datetime,
    until: datetime,
) -> Lease | None:
    """Give the reviewer the next seat for these lenses (of one tool, when given), or None when there is none.

    A seat that the reviewer already holds comes first, with a longer lease and the same fence; then open seats,
    then those whose lease has run out.
    """
    mine = _held(reviewer, lenses, tool_id, now)
    found = _take(connection, _one_of_mine(mine), {"lease_until": until})
    if found is None:
        taken = {
            "state": SeatState.LEASED,
            "holder": reviewer.id,
            "lease_until": until,
            "fence": seat.c.fence + 1,
            "begun_at": now,
        }
        # Two looks instead of an OR, which would cost a sort over every waiting seat.
        for free in (seat.c.state == SeatState.OPEN, _expired(now)):
            found = _take(connection, _next(reviewer, free, lenses, tool_id, now), taken)
            if found is not None:
                break
    return None if found is None else _lease(connection, found)


def _expired(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(seat.c.state == SeatState.LEASED, seat.c.lease_until < now)


def _held(reviewer: Person, lenses: Sequence[str], tool_id: int | None, now: datetime) -> list[sa.ColumnElement[bool]]:
    conditions = [
        seat.c.state == SeatState.LEASED,
        seat.c.holder == reviewer.id,
        seat.c.lease_until >= now,
        seat.c.lens.in_(lenses),
    ]
    return conditions if tool_id is None else [*conditions, seat.c.tool == tool_id]


def _one_of_mine(conditions: list[sa.ColumnElement[bool]]) -> sa.Select[Any]:
    return sa.select(seat.c.id).where(*conditions).order_by(seat.c.begun_at, seat.c.id).limit(1)


def _next(
    reviewer: Person, free: sa.ColumnElement[bool], lenses: Sequence[str], tool_id: int | None, now: datetime
) -> sa.Select[Any]:
    """The best free seat: the most complete panel first, then what is due, then the highest priority."""
    query = (
        sa.select(seat.c.id)
        .join(tool, tool.c.id == seat.c.tool)
        .where(free, seat.c.lens.in_(lenses), tool.c.status.in_(_WAITING), _not_declined(reviewer, now))
        .order_by(
            seat.c.panel_submitted.desc(), seat.c.due_at.is_(None), seat.c.due_at, seat.c.priority.desc(), seat.c.id
        )
        .limit(1)
        .with_for_update(of=seat, skip_locked=True)
    )
    return query if tool_id is None else query.where(seat.c.tool == tool_id)


def _not_declined(reviewer: Person, now: datetime) -> sa.ColumnElement[bool]:
    """Neither this seat, nor, with a conflict of interest, any seat of this tool."""
    other = seat.alias()
    conflict = sa.and_(other.c.tool == seat.c.tool, decline.c.reason == DeclineReason.CONFLICT)
    still = sa.or_(decline.c.until.is_(None), decline.c.until > now)
    declined = (
        sa.select(decline.c.seat)
        .join(other, other.c.id == decline.c.seat)
        .where(decline.c.person == reviewer.id, sa.or_(sa.and_(decline.c.seat == seat.c.id, still), conflict))
        .correlate(seat)
    )
    return ~sa.exists(declined)


def _take(connection: Connection, wanted: sa.Select[Any], values: dict[str, Any]) -> Row[Any] | None:
    statement = sa.update(seat).where(seat.c.id == wanted.scalar_subquery()).values(**values).returning(*seat.c)
    return connection.execute(statement).one_or_none()


def _lease(connection: Connection, row: Row[Any]) -> Lease:
    slug = connection.scalar(sa.select(tool.c.slug).where(tool.c.id == row.tool)) or ""
    return Lease(seat=row.id, tool_slug=slug, lens=row.lens, fence=row.fence, until=row.lease_until)


def turn_down(
    connection: Connection,
    reviewer: Person,
    seat_id: int,
    *,
    reason: DeclineReason,
    now: datetime,
    until: datetime | None,
) -> int:
    """Leave a seat to others, and free it when the reviewer holds it. Returns the tool's id.

    Raises NotFound, and Refused after a submit.
    """
    row = _seat(connection, seat_id)
    if row.state == SeatState.SUBMITTED and row.holder == reviewer.id:
        raise Refused("You have already submitted a verdict from this seat.", mend="Withdraw or revise it instead.")
    values = {"reason": reason, "at": now, "until": until}
    connection.execute(sa.delete(decline).where(decline.c.seat == seat_id, decline.c.person == reviewer.id))
    connection.execute(sa.insert(decline).values(seat=seat_id, person=reviewer.id, **values))
    freed = {"state": SeatState.OPEN, "holder": None, "lease_until": None, "begun_at": None}
    mine = sa.and_(seat.c.id == seat_id, seat.c.state == SeatState.LEASED, seat.c.holder == reviewer.id)
    connection.execute(sa.update(seat).where(mine).values(**freed))
    return int(row.tool)


def _seat(connection: Connection, seat_id: int) -> Row[Any]:
    row = connection.execute(sa.select(seat).where(seat.c.id == seat_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no seat {seat_id}.", mend="`verdicts queue list` shows them.")
    return row


def submit(
    connection: Connection,
    reviewer: Person,
    *,
    seat_id: int,
    fence: int,
    decision: Decision,
    quote: str,
    basis: Basis,
    disclosure: str,
    now: datetime,
) -> int:
    """Turn a lease into a verdict. Returns the tool's id.

    A lease that ran out still counts while nobody else has claimed the seat. Otherwise raises StaleFence, and the
    words are kept as a draft: nothing a reviewer wrote is lost.
    """
    row = _seat(connection, seat_id)
    mine = sa.and_(
        seat.c.id == seat_id,
        seat.c.state == SeatState.LEASED,
        seat.c.holder == reviewer.id,
        seat.c.fence == fence,
    )
    done = {"state": SeatState.SUBMITTED, "lease_until": None}
    if connection.execute(sa.update(seat).where(mine).values(**done)).rowcount != 1:
        raise _lost(row, reviewer, fence)
    version = 1 + (connection.scalar(sa.select(sa.func.max(verdict.c.version)).where(verdict.c.seat == seat_id)) or 0)
    connection.execute(
        sa.insert(verdict).values(
            seat=seat_id,
            version=version,
            person=reviewer.id,
            state=VerdictState.SUBMITTED,
            decision=decision,
            quote=quote,
            basis=basis,
            disclosure=disclosure,
            machine=reviewer.machine,
            reason="",
            opened_at=row.begun_at,
            submitted_at=now,
        )
    )
    connection.execute(sa.delete(draft).where(draft.c.seat == seat_id, draft.c.person == reviewer.id))
    return int(row.tool)


def _lost(row: Row[Any], reviewer: Person, fence: int) -> Conflict:
    if row.state == SeatState.SUBMITTED and row.holder == reviewer.id:
        return StaleFence(f"You have already submitted from seat {row.id}.", mend="Revise that verdict instead.")
    if row.holder == reviewer.id and row.fence != fence:
        return StaleFence(
            f"Fence {fence} of seat {row.id} is out of date; yours is {row.fence}.", mend="Submit with that number."
        )
    return StaleFence(
        f"The lease of seat {row.id} has gone to somebody else or was never yours.",
        mend="Your text is kept; claim a seat with `verdicts queue claim` and submit again.",
    )


def save_draft(
    connection: Connection,
    reviewer: Person,
    *,
    seat_id: int,
    decision: Decision | None,
    quote: str,
    basis: Basis | None,
    disclosure: str,
    now: datetime,
) -> None:
    """Keep a reviewer's unfinished words, whoever holds the seat."""
    _seat(connection, seat_id)
    where = (draft.c.seat == seat_id, draft.c.person == reviewer.id)
    before = connection.scalar(sa.select(draft.c.version).where(*where)) or 0
    connection.execute(sa.delete(draft).where(*where))
    connection.execute(
        sa.insert(draft).values(
            seat=seat_id,
            person=reviewer.id,
            decision=decision,
            quote=quote,
            basis=basis,
            disclosure=disclosure,
            version=before + 1,
            saved_at=now,
        )
    )


def settle_panel(connection: Connection, tool_id: int, *, submitted: int, closed: bool, now: datetime) -> None:
    """Bring the tool and the other seats of its panel up to the number of verdicts that are in."""
    connection.execute(sa.update(seat).where(seat.c.tool == tool_id).values(panel_submitted=submitted))
    status = ToolStatus.REVIEWED if closed else ToolStatus.IN_REVIEW
    values = {"status": status, "panel_closed_at": now if closed else None, "version": tool.c.version + 1}
    moved = sa.and_(tool.c.id == tool_id, tool.c.status.in_(_WAITING), tool.c.status != status)
    connection.execute(sa.update(tool).where(moved).values(**values))


def verdicts(connection: Connection, tools: Sequence[int]) -> dict[int, tuple[Verdict, ...]]:
    """The verdicts that count, of each of these tools, in lens order. Who may see them is review/blind's to say."""
    query = (
        sa.select(verdict, seat.c.tool, seat.c.lens, person.c.name, person.c.email)
        .join(seat, seat.c.id == verdict.c.seat)
        .join(lens, lens.c.key == seat.c.lens)
        .join(person, person.c.id == verdict.c.person)
        .where(seat.c.tool.in_(list(tools)), verdict.c.state == VerdictState.SUBMITTED)
        .order_by(lens.c.position)
    )
    found: dict[int, list[Verdict]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.tool].append(
            Verdict(
                seat=row.seat,
                lens=row.lens,
                version=row.version,
                decision=Decision(row.decision),
                quote=row.quote,
                basis=Basis(row.basis),
                # A reviewer without a name is never shown by address.
                reviewer=row.name or "A reviewer",
                machine=row.machine,
                disclosure=row.disclosure,
                submitted_at=row.submitted_at,
            )
        )
    return {each: tuple(values) for each, values in found.items()}


def unchecked_machine_verdicts(connection: Connection, tools: Sequence[int]) -> int:
    """How many of these tools' verdicts were written by a program and read by nobody yet."""
    query = (
        sa.select(sa.func.count())
        .select_from(verdict)
        .join(seat, seat.c.id == verdict.c.seat)
        .where(
            seat.c.tool.in_(list(tools)),
            verdict.c.state == VerdictState.SUBMITTED,
            verdict.c.machine,
            verdict.c.checked_by.is_(None),
        )
    )
    return connection.scalar(query) or 0


def check_machine_verdicts(connection: Connection, tools: Sequence[int], *, by: Person) -> None:
    """An editor has read the machine-written verdicts of these tools."""
    seats = sa.select(seat.c.id).where(seat.c.tool.in_(list(tools)))
    connection.execute(
        sa.update(verdict)
        .where(verdict.c.seat.in_(seats), verdict.c.machine, verdict.c.checked_by.is_(None))
        .values(checked_by=by.id)
    )


def queue(
    connection: Connection, *, lenses: Sequence[str] | None = None, limit: int = 50, now: datetime
) -> list[SeatRow]:
    """Waiting seats in the order in which they are given out; a lease that has run out shows as open."""
    query = (
        sa.select(seat, tool.c.slug, tool.c.name, person.c.email)
        .join(tool, tool.c.id == seat.c.tool)
        .outerjoin(person, person.c.id == seat.c.holder)
        .where(seat.c.state != SeatState.SUBMITTED, tool.c.status.in_(_WAITING))
        .order_by(
            seat.c.panel_submitted.desc(), seat.c.due_at.is_(None), seat.c.due_at, seat.c.priority.desc(), seat.c.id
        )
        .limit(limit)
    )
    if lenses is not None:
        query = query.where(seat.c.lens.in_(lenses))
    return [_seat_row(row, now) for row in connection.execute(query)]


def _seat_row(row: Row[Any], now: datetime) -> SeatRow:
    live = row.state == SeatState.LEASED and row.lease_until >= now
    return SeatRow(
        id=row.id,
        tool_slug=row.slug,
        tool_name=row.name,
        lens=row.lens,
        state=SeatState.LEASED if live else SeatState.OPEN,
        submitted_on_panel=row.panel_submitted,
        priority=row.priority,
        due_at=row.due_at,
        holder=row.email if live else None,
        lease_until=row.lease_until if live else None,
    )


def abandoned_lenses(connection: Connection, tool_id: int, *, now: datetime) -> list[str]:
    """Lenses of this tool whose every reviewer has declined: an alarm, not a silent hole."""
    still = sa.or_(decline.c.until.is_(None), decline.c.until > now)
    declined = sa.select(decline.c.person).where(decline.c.seat == seat.c.id, still)
    willing = (
        sa.select(person_lens.c.person)
        .join(person, person.c.id == person_lens.c.person)
        .where(person_lens.c.lens == seat.c.lens, person.c.active, person_lens.c.person.not_in(declined))
    )
    anybody = sa.select(decline.c.person).where(decline.c.seat == seat.c.id)
    query = sa.select(seat.c.lens).where(
        seat.c.tool == tool_id, seat.c.state != SeatState.SUBMITTED, sa.exists(anybody), ~sa.exists(willing)
    )
    return list(connection.scalars(query))
