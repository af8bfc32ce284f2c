"""Seats and verdicts. One statement claims a seat; a submit must name the holder and the fence of that claim.

The design was tried with ten processes on 3,000 seats; docs/decisions.md has the figures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
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
from store.connect import chunked, insert_for
from store.schema import decline, draft, lens, person, person_lens, seat, tool, verdict
from store.tools import bring_seats_along

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

    A seat that the reviewer has begun comes first, with a longer lease and the same fence, also when its lease has run
    out and nobody else has taken it; then the best of those that are open or whose lease has run out.
    """
    found = _renew(connection, reviewer, lenses=lenses, tool_id=tool_id, until=until)
    if found is None:
        found = _take(connection, reviewer, lenses=lenses, tool_id=tool_id, now=now, until=until)
    return None if found is None else _lease(connection, found)


def _renew(
    connection: Connection, reviewer: Person, *, lenses: Sequence[str], tool_id: int | None, until: datetime
) -> Row[Any] | None:
    """The seat that the reviewer began first, with a longer lease."""
    mine = sa.and_(seat.c.state == SeatState.LEASED, seat.c.holder == reviewer.id)
    begun = sa.select(seat.c.id).where(mine, seat.c.lens.in_(lenses), seat.c.waiting)
    if tool_id is not None:
        begun = begun.where(seat.c.tool == tool_id)
    first = begun.order_by(seat.c.begun_at, seat.c.id).limit(1).scalar_subquery()
    # Said once more outside: on PostgreSQL somebody may take it between the two looks.
    longer = sa.update(seat).where(seat.c.id == first, mine).values(lease_until=until).returning(*seat.c)
    return connection.execute(longer).one_or_none()


def _take(
    connection: Connection,
    reviewer: Person,
    *,
    lenses: Sequence[str],
    tool_id: int | None,
    now: datetime,
    until: datetime,
) -> Row[Any] | None:
    """The best seat that is free, now the reviewer's.

    One look per lens, and one for open seats, one for lost leases: each walks its index to the first row, where an
    OR or an IN would sort every seat that waits.
    """
    best = _best(reviewer, tool_id, now)
    frees = (seat.c.state == SeatState.OPEN, _expired(now))
    looks = [best.where(seat.c.lens == key, free) for key in _in_use(connection, lenses) for free in frees]
    seen = [(row, look) for look in looks if (row := connection.execute(look).first()) is not None]
    for _, look in sorted(seen, key=lambda pair: _order(pair[0])):
        # PostgreSQL: of two that look at once, the second passes over the first one's row; a named tool is waited for.
        row = connection.execute(look.with_for_update(of=seat, skip_locked=tool_id is None)).first()
        if row is not None:
            taken = {"state": SeatState.LEASED, "holder": reviewer.id, "lease_until": until, "begun_at": now}
            mine = sa.update(seat).where(seat.c.id == row.id).values(**taken, fence=seat.c.fence + 1)
            return connection.execute(mine.returning(*seat.c)).one()
    return None


def _in_use(connection: Connection, lenses: Sequence[str] | None) -> list[str]:
    """Those of these lenses, or of all, through which is still looked."""
    query = sa.select(lens.c.key).where(lens.c.active).order_by(lens.c.position)
    return list(connection.scalars(query if lenses is None else query.where(lens.c.key.in_(lenses))))


def _expired(now: datetime) -> sa.ColumnElement[bool]:
    # Over at its very instant, as in review/queue.
    return sa.and_(seat.c.state == SeatState.LEASED, seat.c.lease_until <= now)


_BY_TURN = (
    seat.c.panel_submitted.desc(),
    seat.c.due_at.is_(None),
    seat.c.due_at,
    seat.c.priority.desc(),
    seat.c.id,
)
"""The most complete panel first, then what is due, then the highest priority: the order of index ix_seat_next."""


def _order(row: Row[Any]) -> tuple[int, bool, datetime, float, int]:
    """The same order for rows of several lenses."""
    return (
        -row.panel_submitted,
        row.due_at is None,
        row.due_at or datetime.max.replace(tzinfo=UTC),
        -row.priority,
        row.id,
    )


def _best(reviewer: Person, tool_id: int | None, now: datetime) -> sa.Select[Any]:
    """The best of the seats that wait and that this reviewer has not declined."""
    query = (
        sa.select(seat.c.id, seat.c.panel_submitted, seat.c.due_at, seat.c.priority)
        .where(seat.c.waiting, _not_declined(reviewer, now))
        .order_by(*_BY_TURN)
        .limit(1)
    )
    return query if tool_id is None else query.where(seat.c.tool == tool_id)


_OTHER = seat.alias("other")


def _not_declined(reviewer: Person, now: datetime) -> sa.ColumnElement[bool]:
    """Neither this seat, nor, with a conflict of interest, any seat of this tool."""
    conflict = sa.and_(_OTHER.c.tool == seat.c.tool, decline.c.reason == DeclineReason.CONFLICT)
    still = sa.or_(decline.c.until.is_(None), decline.c.until > now)
    declined = (
        sa.select(decline.c.seat)
        .join(_OTHER, _OTHER.c.id == decline.c.seat)
        .where(decline.c.person == reviewer.id, sa.or_(sa.and_(decline.c.seat == seat.c.id, still), conflict))
        .correlate(seat)
    )
    return ~sa.exists(declined)


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
    """Leave a seat to others, and free it when the reviewer holds it; with a conflict of interest, every seat of the
    tool that they hold. Returns the tool's id.

    Raises NotFound, and Refused after a submit.
    """
    row = _seat(connection, seat_id)
    if row.state == SeatState.SUBMITTED and row.holder == reviewer.id:
        raise Refused("You have already submitted a verdict from this seat.", mend="Withdraw or revise it instead.")
    values = {"reason": reason, "at": now, "until": until}
    insert = insert_for(connection, decline).values(seat=seat_id, person=reviewer.id, **values)
    connection.execute(insert.on_conflict_do_update(index_elements=["seat", "person"], set_=values))
    freed = {"state": SeatState.OPEN, "holder": None, "lease_until": None, "begun_at": None}
    which = seat.c.tool == row.tool if reason is DeclineReason.CONFLICT else seat.c.id == seat_id
    mine = sa.and_(which, seat.c.state == SeatState.LEASED, seat.c.holder == reviewer.id)
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
    # PostgreSQL: two verdicts on one tool come in one after the other, so that the second counts the first.
    connection.execute(sa.select(tool.c.id).where(tool.c.id == row.tool).with_for_update())
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
    words = {"decision": decision, "quote": quote, "basis": basis, "disclosure": disclosure, "saved_at": now}
    insert = insert_for(connection, draft).values(seat=seat_id, person=reviewer.id, version=1, **words)
    newer = words | {"version": draft.c.version + 1}
    connection.execute(insert.on_conflict_do_update(index_elements=["seat", "person"], set_=newer))


def settle_panel(connection: Connection, tool_id: int, *, submitted: int, closed: bool, now: datetime) -> None:
    """Bring the tool and the other seats of its panel up to the number of verdicts that are in."""
    connection.execute(sa.update(seat).where(seat.c.tool == tool_id).values(panel_submitted=submitted))
    status = ToolStatus.REVIEWED if closed else ToolStatus.IN_REVIEW
    values = {"status": status, "panel_closed_at": now if closed else None, "version": tool.c.version + 1}
    moved = sa.and_(tool.c.id == tool_id, tool.c.status.in_(_WAITING), tool.c.status != status)
    connection.execute(sa.update(tool).where(moved).values(**values))
    bring_seats_along(connection, [tool_id])


def verdicts(connection: Connection, tools: Sequence[int]) -> dict[int, tuple[Verdict, ...]]:
    """The verdicts that count, of each of these tools, in lens order. Who may see them is review/blind's to say."""
    query = (
        sa.select(verdict, seat.c.tool, seat.c.lens, person.c.name, person.c.email)
        .join(seat, seat.c.id == verdict.c.seat)
        .join(lens, lens.c.key == seat.c.lens)
        .join(person, person.c.id == verdict.c.person)
        .where(verdict.c.state == VerdictState.SUBMITTED)
        .order_by(lens.c.position)
    )
    found: dict[int, list[Verdict]] = defaultdict(list)
    for row in (row for part in chunked(list(tools)) for row in connection.execute(query.where(seat.c.tool.in_(part)))):
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
        .where(seat.c.waiting)
        .order_by(*_BY_TURN)
        .limit(limit)
    )
    rows = [
        row
        for key in _in_use(connection, lenses)
        for state in (SeatState.OPEN, SeatState.LEASED)
        for row in connection.execute(query.where(seat.c.lens == key, seat.c.state == state))
    ]
    return [_seat_row(row, now) for row in sorted(rows, key=_order)[:limit]]


def _seat_row(row: Row[Any], now: datetime) -> SeatRow:
    live = row.state == SeatState.LEASED and row.lease_until > now
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
    """Lenses of this tool whose every reviewer has declined: an alarm, not a silent hole.

    Whoever has a conflict of interest in one lens has it in all of theirs.
    """
    still = sa.or_(decline.c.until.is_(None), decline.c.until > now)
    seats = sa.select(seat.c.id).where(seat.c.tool == tool_id)
    conflict = sa.and_(decline.c.seat.in_(seats), decline.c.reason == DeclineReason.CONFLICT)
    declined = sa.select(decline.c.person).where(sa.or_(sa.and_(decline.c.seat == seat.c.id, still), conflict))
    willing = (
        sa.select(person_lens.c.person)
        .join(person, person.c.id == person_lens.c.person)
        .where(person_lens.c.lens == seat.c.lens, person.c.active, person_lens.c.person.not_in(declined))
    )
    anybody = sa.select(person_lens.c.person).where(
        person_lens.c.lens == seat.c.lens, person_lens.c.person.in_(declined.correlate(seat))
    )
    query = sa.select(seat.c.lens).where(
        seat.c.tool == tool_id, seat.c.state != SeatState.SUBMITTED, sa.exists(anybody), ~sa.exists(willing)
    )
    return list(connection.scalars(query))
