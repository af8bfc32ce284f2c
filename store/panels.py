"""Panels and queues as the desk shows them, page by page. Every list is a walk of an index that ends; whose verdicts
may be seen is review/blind's to say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from core.panel import (
    Basis,
    Decision,
    DeclineReason,
    Draft,
    Person,
    Said,
    SeatRow,
    SeatState,
    VerdictState,
)
from store.connect import chunked
from store.reviews import BY_TURN, in_use, may_have, rows_of_seats, seat_row, turn
from store.schema import decline, draft, lens, look, person, seat, sighting, tool, verdict

WINDOW = 100
FILTERED_WINDOW = 1000
"""So many seats of a lens are looked at for one page; when a filter leaves all of them out, the next page goes on."""
MANY = 1000
"""Nobody needs to know how many more than that wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a page of the queue begins: behind the seat with these figures."""

    panel_submitted: int
    due_at: datetime | None
    priority: float
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a reviewer asks of the queue. `free`: only seats that can be claimed, or (False) only those held."""

    lenses: Sequence[str]
    category: str = ""
    source: str = ""
    free: bool | None = None


# ------------------------------------------------------------ the queue


def waiting(
    connection: Connection, reviewer: Person, wanted: Wanted, *, after: Place | None, limit: int, now: datetime
) -> tuple[list[SeatRow], Place | None]:
    """A page of the seats that this reviewer may have, in the order in which they are given out, and where the next
    page begins (None: this was the last).

    Their own leases are left out. Two statements, whatever the number of lenses.
    """
    walks = _walks(connection, reviewer, wanted, after=after, now=now)
    if not walks:
        return [], None
    window = max(WINDOW, FILTERED_WINDOW // len(walks)) if wanted.category or wanted.source else WINDOW
    ends = [sa.select(each.order_by(*BY_TURN).offset(window - 1).limit(1).subquery()) for each in walks]
    seen_to = min((turn(row) for row in connection.execute(sa.union_all(*ends))), default=None)
    parts = [each.order_by(*BY_TURN).limit(window).subquery() for each in walks]
    window_ids = sa.union_all(*(sa.select(part.c.id) for part in parts))
    query = rows_of_seats().where(seat.c.id.in_(window_ids), may_have(reviewer, now), *_filters(wanted))
    found = connection.execute(query.order_by(*BY_TURN).limit(limit + 1)).all()
    known = [row for row in found if seen_to is None or turn(row) <= seen_to]
    shown = known[:limit]
    if len(known) > limit:
        return [seat_row(row, now) for row in shown], _place(shown[-1])
    further = (
        None
        if seen_to is None
        else Place(
            panel_submitted=-seen_to[0],
            due_at=None if seen_to[1] else seen_to[2],
            priority=-seen_to[3],
            id=seen_to[4],
        )
    )
    return [seat_row(row, now) for row in shown], further


def _place(row: Row[Any]) -> Place:
    return Place(panel_submitted=row.panel_submitted, due_at=row.due_at, priority=row.priority, id=row.id)


def _walks(
    connection: Connection, reviewer: Person, wanted: Wanted, *, after: Place | None, now: datetime
) -> list[sa.Select[Any]]:
    """One walk of ix_seat_next for each lens and state."""
    others = sa.or_(seat.c.holder.is_(None), seat.c.holder != reviewer.id)
    states: list[list[sa.ColumnElement[bool]]] = []
    if wanted.free is not False:
        states.append([seat.c.state == SeatState.OPEN])
    if wanted.free is not True:
        states.append([seat.c.state == SeatState.LEASED, others])
    if wanted.free is True:
        states.append([seat.c.state == SeatState.LEASED, others, seat.c.lease_until <= now])
    columns = (seat.c.id, seat.c.panel_submitted, seat.c.due_at, seat.c.priority)
    behind = [] if after is None else [_behind(after)]
    return [
        sa.select(*columns).where(seat.c.lens == key, seat.c.waiting, *state, *behind)
        for key in in_use(connection, wanted.lenses)
        for state in states
    ]


def _behind(place: Place) -> sa.ColumnElement[bool]:
    """Whether a seat comes after this place in the order of the queue."""
    rest = sa.or_(seat.c.priority < place.priority, sa.and_(seat.c.priority == place.priority, seat.c.id > place.id))
    if place.due_at is None:
        due = sa.and_(seat.c.due_at.is_(None), rest)
    else:
        due = sa.or_(
            seat.c.due_at.is_(None), seat.c.due_at > place.due_at, sa.and_(seat.c.due_at == place.due_at, rest)
        )
    same = sa.and_(seat.c.panel_submitted == place.panel_submitted, due)
    # Said first as a range, so that the walk of the index begins there.
    return sa.and_(
        seat.c.panel_submitted <= place.panel_submitted,
        sa.or_(seat.c.panel_submitted < place.panel_submitted, same),
    )


def _filters(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    chosen: list[sa.ColumnElement[bool]] = []
    if wanted.category:
        # In a form that no index has, here and below: the seats of the window are looked at one by one, not every tool
        # of the category, nor all that a source has given.
        chosen.append(sa.func.coalesce(tool.c.category, "") == wanted.category)
    if wanted.source:
        of_source = sa.func.coalesce(sighting.c.source, "") == wanted.source
        chosen.append(sa.exists().where(sighting.c.tool == tool.c.id, of_source))
    return chosen


def how_many_wait(connection: Connection, lenses: Sequence[str]) -> dict[str, int]:
    """Seats that wait or are held, by lens; `MANY` stands for that many and more."""
    keys = in_use(connection, lenses)
    if not keys:
        return {}
    counts = [
        sa.select(sa.func.count())
        .select_from(
            sa.select(seat.c.id)
            .where(seat.c.lens == key, seat.c.state.in_([SeatState.OPEN, SeatState.LEASED]), seat.c.waiting)
            .limit(MANY)
            .subquery()
        )
        .scalar_subquery()
        .label(f"n{at}")
        for at, key in enumerate(keys)
    ]
    return dict(zip(keys, connection.execute(sa.select(*counts)).one(), strict=True))


# ------------------------------------------------------------ what is one person's


def held(connection: Connection, reviewer: Person, *, now: datetime) -> list[SeatRow]:
    """Seats that the reviewer holds, also on a lease that ran out, the oldest first."""
    mine = (seat.c.holder == reviewer.id, seat.c.state == SeatState.LEASED)
    rows = connection.execute(rows_of_seats().where(*mine).order_by(seat.c.begun_at, seat.c.id))
    return [seat_row(row, now) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRow:
    """A draft as its writer's page lists it."""

    draft: Draft
    tool_slug: str
    tool_name: str
    lens: str


def drafts(connection: Connection, reviewer: Person, *, limit: int) -> list[DraftRow]:
    """A person's drafts, the newest first."""
    query = (
        sa.select(draft, seat.c.lens, tool.c.slug, tool.c.name)
        .join(seat, seat.c.id == draft.c.seat)
        .join(tool, tool.c.id == seat.c.tool)
        .where(draft.c.person == reviewer.id)
        .order_by(draft.c.saved_at.desc())
        .limit(limit)
    )
    return [
        DraftRow(
            draft=Draft(seat=row.seat, version=row.version, quote=row.quote, saved_at=row.saved_at),
            tool_slug=row.slug,
            tool_name=row.name,
            lens=row.lens,
        )
        for row in connection.execute(query)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidRow:
    """A verdict as its writer's page lists it."""

    said: Said
    tool_slug: str
    tool_name: str


def verdicts_of(connection: Connection, reviewer: Person, *, before: int | None, limit: int) -> list[SaidRow]:
    """What somebody has said, the newest first, every version; those with a smaller number than `before`."""
    query = _said().where(verdict.c.person == reviewer.id).order_by(verdict.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(verdict.c.id < before)
    return [
        SaidRow(said=_version(row), tool_slug=row.slug, tool_name=row.tool_name) for row in connection.execute(query)
    ]


# ------------------------------------------------------------ panels


def said_on(connection: Connection, tools: Sequence[int], *, by: Person | None = None) -> dict[int, tuple[Said, ...]]:
    """Every version of every verdict on these tools, in the order of their numbers; those of one person when named."""
    found: dict[int, list[Said]] = defaultdict(list)
    query = _said().order_by(verdict.c.id)
    if by is not None:
        # In a form that no index has: the few verdicts on a tool are walked, not all that somebody has said.
        query = query.where(sa.func.coalesce(verdict.c.person, 0) == by.id)
    for part in chunked(list(tools)):
        for row in connection.execute(query.where(seat.c.tool.in_(part))):
            found[row.tool].append(_version(row))
    return {each: tuple(values) for each, values in found.items()}


def _said() -> sa.Select[Any]:
    names = (person.c.name.label("person_name"), tool.c.slug, tool.c.name.label("tool_name"))
    return (
        sa.select(verdict, seat.c.tool, seat.c.lens, *names)
        .join(seat, seat.c.id == verdict.c.seat)
        .join(tool, tool.c.id == seat.c.tool)
        .join(person, person.c.id == verdict.c.person)
    )


def _version(row: Row[Any]) -> Said:
    return Said(
        id=row.id,
        seat=row.seat,
        tool=row.tool,
        lens=row.lens,
        version=row.version,
        state=VerdictState(row.state),
        decision=Decision(row.decision),
        quote=row.quote,
        basis=Basis(row.basis),
        disclosure=row.disclosure,
        person=row.person,
        reviewer=row.person_name or "A reviewer",
        machine=row.machine,
        read=row.checked_by is not None,
        reason=row.reason,
        opened_at=row.opened_at,
        submitted_at=row.submitted_at,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chair:
    """A seat as editors see it: who holds it, and until when."""

    id: int
    tool: int
    lens: str
    state: SeatState
    fence: int
    holder: str
    holder_id: int | None
    lease_until: datetime | None
    begun_at: datetime | None
    due_at: datetime | None


def chairs(connection: Connection, tools: Sequence[int]) -> dict[int, tuple[Chair, ...]]:
    """The seats of each of these tools, in lens order."""
    query = (
        sa.select(seat, person.c.name.label("holder_name"))
        .join(lens, lens.c.key == seat.c.lens)
        .outerjoin(person, person.c.id == seat.c.holder)
        .order_by(lens.c.position)
    )
    found: dict[int, list[Chair]] = defaultdict(list)
    for part in chunked(list(tools)):
        for row in connection.execute(query.where(seat.c.tool.in_(part))):
            found[row.tool].append(
                Chair(
                    id=row.id,
                    tool=row.tool,
                    lens=row.lens,
                    state=SeatState(row.state),
                    fence=row.fence,
                    holder=(row.holder_name or "A reviewer") if row.holder else "",
                    holder_id=row.holder,
                    lease_until=row.lease_until,
                    begun_at=row.begun_at,
                    due_at=row.due_at,
                )
            )
    return {each: tuple(values) for each, values in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """Somebody leaves a seat to others."""

    tool: int
    lens: str
    person: str
    reason: DeclineReason
    at: datetime
    until: datetime | None


def declines(connection: Connection, tools: Sequence[int]) -> dict[int, tuple[Declined, ...]]:
    """Who has declined which seat of these tools, and why, in the order of time."""
    query = (
        sa.select(decline, seat.c.tool, seat.c.lens, person.c.name)
        .join(seat, seat.c.id == decline.c.seat)
        .join(person, person.c.id == decline.c.person)
        .order_by(decline.c.at)
    )
    found: dict[int, list[Declined]] = defaultdict(list)
    for part in chunked(list(tools)):
        for row in connection.execute(query.where(seat.c.tool.in_(part))):
            found[row.tool].append(
                Declined(
                    tool=row.tool,
                    lens=row.lens,
                    person=row.name or "A reviewer",
                    reason=DeclineReason(row.reason),
                    at=row.at,
                    until=row.until,
                )
            )
    return {each: tuple(values) for each, values in found.items()}


def lookers(connection: Connection, tool_id: int) -> list[tuple[str, datetime]]:
    """Who has been shown the verdicts on a tool, and when."""
    query = (
        sa.select(person.c.name, look.c.at)
        .join(person, person.c.id == look.c.person)
        .where(look.c.tool == tool_id)
        .order_by(look.c.at)
    )
    return [(row.name or "A reviewer", row.at) for row in connection.execute(query)]


def under_way(connection: Connection, *, after: int | None, limit: int) -> list[int]:
    """Tools whose panels have begun and are not closed, by age."""
    # In the words of ix_tool_in_review.
    query = sa.select(tool.c.id).where(sa.text("tool.status = 'in_review'")).order_by(tool.c.id).limit(limit)
    return list(connection.scalars(query if after is None else query.where(tool.c.id > after)))


def closed(connection: Connection, *, before: tuple[datetime, int] | None, limit: int) -> list[tuple[int, datetime]]:
    """Tools whose panels have closed, with the instant, the newest first."""
    closing = tool.c.panel_closed_at
    query = sa.select(tool.c.id, closing).where(closing.is_not(None)).order_by(closing.desc(), tool.c.id.desc())
    if before is not None:
        at, last = before
        query = query.where(closing <= at, sa.or_(closing < at, tool.c.id < last))
    return [(row.id, row.panel_closed_at) for row in connection.execute(query.limit(limit))]


def unread(connection: Connection, *, after: int | None, limit: int) -> list[int]:
    """Tools with a machine-written verdict that counts and that nobody has read."""
    query = (
        sa.select(seat.c.tool)
        .select_from(verdict.join(seat, seat.c.id == verdict.c.seat))
        # In the words of ix_verdict_unread.
        .where(sa.text("verdict.machine AND verdict.checked_by IS NULL"), verdict.c.state == VerdictState.SUBMITTED)
        .distinct()
        .order_by(seat.c.tool)
        .limit(limit)
    )
    return list(connection.scalars(query if after is None else query.where(seat.c.tool > after)))


_UNITS = 500


def judged_twice(connection: Connection) -> dict[str, list[Mapping[int, Decision]]]:
    """Seats that more than one person has judged, by lens: each person's last word there. The newest 500 at most.

    A seat has one reviewer; a second one comes to it when a verdict was withdrawn, or an editor reopened it.
    """
    # In the words of ix_verdict_again.
    again = sa.select(verdict.c.seat).where(sa.text("version > 1")).distinct().order_by(verdict.c.seat.desc())
    query = (
        sa.select(verdict.c.seat, verdict.c.person, verdict.c.decision, seat.c.lens)
        .join(seat, seat.c.id == verdict.c.seat)
        .where(verdict.c.seat.in_(again.limit(_UNITS)))
        .order_by(verdict.c.seat, verdict.c.version)
    )
    units: dict[tuple[str, int], dict[int, Decision]] = defaultdict(dict)
    for row in connection.execute(query):
        units[row.lens, row.seat][row.person] = Decision(row.decision)
    found: dict[str, list[Mapping[int, Decision]]] = defaultdict(list)
    for (key, _), words in units.items():
        if len(words) > 1:
            found[key].append(words)
    return dict(found)


def merged_names(connection: Connection, tool_id: int) -> list[str]:
    """Names of the tools that were merged into this one."""
    query = sa.select(tool.c.name).where(tool.c.merged_into == tool_id).order_by(tool.c.id)
    return list(connection.scalars(query))
