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

from core.errors import Conflict, NotFound, Refused, StaleFence, StaleVersion
from core.panel import (
    Basis,
    Decision,
    DeclineReason,
    Draft,
    Lease,
    Person,
    Role,
    Seat,
    SeatRow,
    SeatState,
    Verdict,
    VerdictState,
)
from core.tool import ToolStatus
from store.connect import chunked, insert_for
from store.schema import decline, draft, lens, look, person, person_lens, person_role, seat, tool, verdict
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
    seat_id: int | None = None,
) -> Lease | None:
    """Give the reviewer the next seat for these lenses (of one tool, or this one seat, when given), or None when there
    is none.

    A seat that the reviewer has begun comes first, with a longer lease and the same fence, also when its lease has run
    out and nobody else has taken it; then the best of those that are open or whose lease has run out. Nobody holds two
    seats of one lens: raises Refused while another lease of theirs through the wanted lens lasts.
    """
    # PostgreSQL: one and the same person in two tabs claims one after the other.
    connection.execute(sa.select(person.c.id).where(person.c.id == reviewer.id).with_for_update())
    wanted = [seat.c.tool == tool_id] if tool_id is not None else []
    wanted += [seat.c.id == seat_id] if seat_id is not None else []
    found = _renew(connection, reviewer, lenses=lenses, wanted=wanted, until=until)
    if found is None:
        free = _free_hands(connection, reviewer, lenses=lenses, now=now)
        found = _take(connection, reviewer, lenses=free, wanted=wanted, now=now, until=until)
        if found is None and len(free) < len(lenses):
            _require_free_hands(connection, reviewer, lenses=lenses, wanted=wanted, now=now)
    return None if found is None else _lease(connection, found)


def _free_hands(connection: Connection, reviewer: Person, *, lenses: Sequence[str], now: datetime) -> list[str]:
    """Those of these lenses through which the reviewer holds nothing; what they held too long, or what has left the
    queue, they lay down for another."""
    mine = sa.and_(seat.c.state == SeatState.LEASED, seat.c.holder == reviewer.id, seat.c.waiting)
    live = set(connection.scalars(sa.select(seat.c.lens).where(mine, seat.c.lease_until > now)))
    return [key for key in lenses if key not in live]


def _require_free_hands(
    connection: Connection,
    reviewer: Person,
    *,
    lenses: Sequence[str],
    wanted: Sequence[sa.ColumnElement[bool]],
    now: datetime,
) -> None:
    """Raise Refused when what is wanted is there and only another lease of the reviewer's stands in its way."""
    if not wanted:
        return
    free = sa.or_(seat.c.state == SeatState.OPEN, _expired(now))
    there = sa.select(seat.c.lens).where(*wanted, seat.c.lens.in_(lenses), seat.c.waiting, free)
    key = connection.scalar(there.where(may_have(reviewer, now)).limit(1))
    held = _OTHER.join(tool, tool.c.id == _OTHER.c.tool)
    mine = (_OTHER.c.state == SeatState.LEASED, _OTHER.c.holder == reviewer.id, _OTHER.c.lens == key)
    row = connection.execute(sa.select(_OTHER.c.id, tool.c.name).select_from(held).where(*mine)).first()
    if row is not None:
        raise Refused(
            f"You hold {row.name} through {key} already (seat {row.id}).",
            mend="Submit or decline that one first; a reviewer holds one seat of a lens at a time.",
        )


def _renew(
    connection: Connection,
    reviewer: Person,
    *,
    lenses: Sequence[str],
    wanted: Sequence[sa.ColumnElement[bool]],
    until: datetime,
) -> Row[Any] | None:
    """The seat that the reviewer began first, with a longer lease."""
    mine = sa.and_(seat.c.state == SeatState.LEASED, seat.c.holder == reviewer.id)
    begun = sa.select(seat.c.id).where(mine, seat.c.lens.in_(lenses), seat.c.waiting, *wanted, ~_looked(reviewer))
    first = begun.order_by(seat.c.begun_at, seat.c.id).limit(1).scalar_subquery()
    # Said once more outside: on PostgreSQL somebody may take it between the two looks.
    longer = sa.update(seat).where(seat.c.id == first, mine).values(lease_until=until).returning(*seat.c)
    return connection.execute(longer).one_or_none()


def _take(
    connection: Connection,
    reviewer: Person,
    *,
    lenses: Sequence[str],
    wanted: Sequence[sa.ColumnElement[bool]],
    now: datetime,
    until: datetime,
) -> Row[Any] | None:
    """The best seat that is free, now the reviewer's.

    One look per lens, and one for open seats, one for lost leases: each walks its index to the first row, where an
    OR or an IN would sort every seat that waits.
    """
    best = _best(reviewer, wanted, now)
    frees = (seat.c.state == SeatState.OPEN, _expired(now))
    walks = [best.where(seat.c.lens == key, free) for key in in_use(connection, lenses) for free in frees]
    seen = [(row, walk) for walk in walks if (row := connection.execute(walk).first()) is not None]
    for _, walk in sorted(seen, key=lambda pair: turn(pair[0])):
        # PostgreSQL: of two that look at once, the second passes over the first one's row; a named tool is waited for.
        row = connection.execute(walk.with_for_update(of=seat, skip_locked=not wanted)).first()
        if row is not None:
            _lay_down(connection, reviewer, row.lens)
            taken = {"state": SeatState.LEASED, "holder": reviewer.id, "lease_until": until, "begun_at": now}
            mine = sa.update(seat).where(seat.c.id == row.id).values(**taken, fence=seat.c.fence + 1)
            return connection.execute(mine.returning(*seat.c)).one()
    return None


def in_use(connection: Connection, lenses: Sequence[str] | None) -> list[str]:
    """Those of these lenses, or of all, through which is still looked."""
    query = sa.select(lens.c.key).where(lens.c.active).order_by(lens.c.position)
    return list(connection.scalars(query if lenses is None else query.where(lens.c.key.in_(lenses))))


def _expired(now: datetime) -> sa.ColumnElement[bool]:
    # Over at its very instant, as in review/queue.
    return sa.and_(seat.c.state == SeatState.LEASED, seat.c.lease_until <= now)


BY_TURN = (
    seat.c.panel_submitted.desc(),
    seat.c.due_at.is_(None),
    seat.c.due_at,
    seat.c.priority.desc(),
    seat.c.id,
)
"""The most complete panel first, then what is due, then the highest priority: the order of index ix_seat_next."""


def turn(row: Row[Any]) -> tuple[int, bool, datetime, float, int]:
    """The same order for rows of several lenses."""
    return (
        -row.panel_submitted,
        row.due_at is None,
        row.due_at or datetime.max.replace(tzinfo=UTC),
        -row.priority,
        row.id,
    )


def _lay_down(connection: Connection, reviewer: Person, key: str) -> None:
    """Free what the reviewer still has through this lens on a lease that ran out: nobody holds two."""
    mine = (seat.c.state == SeatState.LEASED, seat.c.holder == reviewer.id, seat.c.lens == key)
    connection.execute(sa.update(seat).where(*mine).values(**_FREED))


_FREED = {"state": SeatState.OPEN, "holder": None, "lease_until": None, "begun_at": None}


def _best(reviewer: Person, wanted: Sequence[sa.ColumnElement[bool]], now: datetime) -> sa.Select[Any]:
    """The best of the seats that wait and that this reviewer may have."""
    return (
        sa.select(seat.c.id, seat.c.lens, seat.c.panel_submitted, seat.c.due_at, seat.c.priority)
        .where(seat.c.waiting, may_have(reviewer, now), *wanted)
        .order_by(*BY_TURN)
        .limit(1)
    )


_OTHER = seat.alias("other")


def may_have(reviewer: Person, now: datetime) -> sa.ColumnElement[bool]:
    """Whether a seat may be given to this reviewer: not declined, no conflict of interest with its tool, and its
    panel's verdicts never shown to them. Who looks through several lenses may fill a seat for each."""
    still = sa.or_(decline.c.until.is_(None), decline.c.until > now)
    declined = sa.exists().where(decline.c.seat == seat.c.id, decline.c.person == reviewer.id, still)
    parts = (declined, _conflicted(reviewer), _looked(reviewer))
    return sa.and_(*(~each.correlate(seat) for each in parts))


def _plain(column: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """A person's number in a form that no index has: the few seats of one tool are walked, not all that is theirs."""
    return sa.func.coalesce(column, 0)


def _conflicted(reviewer: Person) -> sa.Exists:
    return sa.exists().where(
        _OTHER.c.tool == seat.c.tool,
        decline.c.seat == _OTHER.c.id,
        _plain(decline.c.person) == reviewer.id,
        decline.c.reason == DeclineReason.CONFLICT,
    )


def _looked(reviewer: Person) -> sa.Exists:
    return sa.exists().where(look.c.tool == seat.c.tool, look.c.person == reviewer.id)


def why_not(connection: Connection, reviewer: Person, tool_id: int) -> str:
    """Why no seat of this tool is the reviewer's, in words; empty when it is but that none waits."""
    mine = sa.select(seat.c.id).where(seat.c.tool == tool_id)
    reasons = {
        "You have seen what the others say of it.": mine.where(_looked(reviewer)),
        "You have a conflict of interest with it.": mine.where(_conflicted(reviewer)),
    }
    return next((words for words, query in reasons.items() if connection.execute(query.limit(1)).first()), "")


_AT_ONCE = 2000


def give_due_dates(connection: Connection, *, due: datetime) -> None:
    """Let every seat that waits without a due date be due then."""
    # In the words of the index ix_seat_due, and in its order: only then does SQLite, which knows no figures, walk it. It
    # holds nothing undated when nothing is new.
    undone = sa.and_(seat.c.waiting, seat.c.state != sa.literal_column("'submitted'"))
    undated = sa.select(seat.c.id).where(seat.c.due_at.is_(None), undone).order_by(seat.c.id).limit(_AT_ONCE)
    some = [undated.where(seat.c.lens == key).subquery() for key in in_use(connection, None)]
    if not some:
        return
    ids = sa.union_all(*(sa.select(each.c.id) for each in some))
    while connection.execute(sa.update(seat).where(seat.c.id.in_(ids)).values(due_at=due)).rowcount >= _AT_ONCE:
        pass


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
    which = seat.c.tool == row.tool if reason is DeclineReason.CONFLICT else seat.c.id == seat_id
    mine = sa.and_(which, seat.c.state == SeatState.LEASED, seat.c.holder == reviewer.id)
    connection.execute(sa.update(seat).where(mine).values(**_FREED))
    return int(row.tool)


def take_back_decline(connection: Connection, reviewer: Person, seat_id: int) -> bool:
    """Let a declined seat be offered to the reviewer again; False when there was nothing to take back. A conflict of
    interest stays: raises Refused."""
    here = sa.and_(decline.c.seat == seat_id, decline.c.person == reviewer.id)
    reason = connection.scalar(sa.select(decline.c.reason).where(here))
    if reason == DeclineReason.CONFLICT:
        raise Refused("A conflict of interest is not taken back.", mend="An editor can tell you who judges it now.")
    return connection.execute(sa.delete(decline).where(here)).rowcount == 1


def get_seat(connection: Connection, seat_id: int) -> Seat:
    """One seat. Raises NotFound."""
    row = _seat(connection, seat_id)
    return Seat(
        id=row.id,
        tool=row.tool,
        lens=row.lens,
        state=SeatState(row.state),
        holder=row.holder,
        lease_until=row.lease_until,
        fence=row.fence,
        begun_at=row.begun_at,
        due_at=row.due_at,
        waiting=row.waiting,
        panel_submitted=row.panel_submitted,
    )


def renew(connection: Connection, reviewer: Person, seat_id: int, *, fence: int, until: datetime) -> bool:
    """Make the lease of this claim last until then; False when it has gone. One that ran out is renewed while nobody
    else has taken the seat, and none is made shorter."""
    held = (seat.c.id == seat_id, seat.c.state == SeatState.LEASED, seat.c.holder == reviewer.id, seat.c.fence == fence)
    longest = sa.case((seat.c.lease_until > until, seat.c.lease_until), else_=until)
    return connection.execute(sa.update(seat).where(*held).values(lease_until=longest)).rowcount == 1


def break_lease(connection: Connection, seat_id: int, *, fence: int) -> Seat:
    """Take a seat from its holder; their draft stays. Returns the seat as it was. Raises Refused when nobody holds it,
    and StaleFence when by now somebody else does."""
    was = get_seat(connection, seat_id)
    if was.state is not SeatState.LEASED:
        raise Refused(f"Nobody holds seat {seat_id}.", mend="It waits in the queue, or its verdict is in.")
    this = (seat.c.id == seat_id, seat.c.state == SeatState.LEASED, seat.c.fence == fence)
    if connection.execute(sa.update(seat).where(*this).values(**_FREED)).rowcount != 1:
        raise StaleFence(f"Seat {seat_id} has another holder by now.", mend="Look again before you break that lease.")
    return was


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
    _one_at_a_time(connection, row.tool)
    if has_looked(connection, reviewer, row.tool):
        raise Refused(
            "You have seen what the others say of this tool.", mend="Your words are kept, but a verdict is given blind."
        )
    mine = sa.and_(
        seat.c.id == seat_id,
        seat.c.state == SeatState.LEASED,
        seat.c.holder == reviewer.id,
        seat.c.fence == fence,
    )
    done = {"state": SeatState.SUBMITTED, "lease_until": None}
    if connection.execute(sa.update(seat).where(mine).values(**done)).rowcount != 1:
        raise _lost(row, reviewer, fence)
    version = 1 + version_of(connection, seat_id)
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


def version_of(connection: Connection, seat_id: int) -> int:
    """The number of the last verdict from a seat; 0: there was none."""
    return connection.scalar(sa.select(sa.func.max(verdict.c.version)).where(verdict.c.seat == seat_id)) or 0


def _one_at_a_time(connection: Connection, tool_id: int) -> None:
    """PostgreSQL: two verdicts on one tool come in one after the other, so that the second counts the first."""
    connection.execute(sa.select(tool.c.id).where(tool.c.id == tool_id).with_for_update())


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


def withdraw(
    connection: Connection, reviewer: Person, seat_id: int, *, version: int, reason: str, now: datetime, until: datetime
) -> int:
    """Take a verdict back; its words become a draft, and the seat is the reviewer's again where their hands are free.

    Returns the tool's id. Raises Refused when it is not theirs, once they have seen the others, and when its tool
    stands in an approved comparison; StaleVersion when it has another version by now.
    """
    row = _seat(connection, seat_id)
    _one_at_a_time(connection, row.tool)
    said = _standing(connection, reviewer, row, version=version)
    if has_looked(connection, reviewer, row.tool):
        raise Refused("You have seen what the others say.", mend="Revise your verdict instead, with a reason.")
    _take_away(connection, row, version=version, reason=reason)
    # What they wrote since stays: it is newer.
    words = {name: getattr(said, name) for name in ("decision", "quote", "basis", "disclosure")}
    kept = insert_for(connection, draft).values(seat=seat_id, person=reviewer.id, version=1, saved_at=now, **words)
    connection.execute(kept.on_conflict_do_nothing())
    if _free_hands(connection, reviewer, lenses=[row.lens], now=now):
        _lay_down(connection, reviewer, row.lens)
        taken = {"state": SeatState.LEASED, "holder": reviewer.id, "lease_until": until, "begun_at": now}
        again = sa.update(seat).where(seat.c.id == seat_id).values(**taken, fence=seat.c.fence + 1)
        connection.execute(again)
    return int(row.tool)


def _standing(connection: Connection, reviewer: Person, row: Row[Any], *, version: int) -> Row[Any]:
    """The verdict that counts on a seat, when it is the reviewer's and of this version."""
    if row.state != SeatState.SUBMITTED or row.holder != reviewer.id:
        raise Refused(f"No verdict of yours counts on seat {row.id}.", mend="Open it again from your page.")
    counts = (verdict.c.seat == row.id, verdict.c.state == VerdictState.SUBMITTED)
    said = connection.execute(sa.select(verdict).where(*counts)).one()
    if said.version != version:
        raise StaleVersion(
            f"Your verdict is at version {said.version}, not {version}.", mend="Look at it, then decide again."
        )
    return said


def _take_away(connection: Connection, row: Row[Any], *, version: int, reason: str) -> None:
    """Let a verdict count no longer, and open its seat."""
    status = connection.scalar(sa.select(tool.c.status).where(tool.c.id == row.tool))
    if status not in (*_WAITING, ToolStatus.REVIEWED):
        what = "stands in an approved comparison" if status == ToolStatus.PAIRED else f"was {status}"
        raise Refused(f"The tool {what}.", mend="A verdict on it can be revised, not taken away.")
    this = (verdict.c.seat == row.id, verdict.c.state == VerdictState.SUBMITTED, verdict.c.version == version)
    gone = {"state": VerdictState.WITHDRAWN, "reason": reason}
    if connection.execute(sa.update(verdict).where(*this).values(**gone)).rowcount != 1:
        raise StaleVersion(f"The verdict on seat {row.id} has changed.", mend="Look at it again, then decide.")
    connection.execute(sa.update(seat).where(seat.c.id == row.id).values(**_FREED))


def reopen(connection: Connection, seat_id: int, *, version: int, reason: str) -> int:
    """An editor takes a verdict away, and its seat waits again. Returns the tool's id. Raises as `withdraw` does."""
    row = _seat(connection, seat_id)
    if row.state != SeatState.SUBMITTED:
        raise Refused(f"No verdict is in on seat {seat_id}.", mend="It waits already.")
    _one_at_a_time(connection, row.tool)
    _take_away(connection, row, version=version, reason=reason)
    return int(row.tool)


def revise(
    connection: Connection,
    reviewer: Person,
    *,
    seat_id: int,
    version: int,
    decision: Decision,
    quote: str,
    basis: Basis,
    disclosure: str,
    reason: str,
    now: datetime,
) -> int:
    """Put a new version of a verdict in the place of the old one, which is kept with the reason. Returns the tool's id.

    Raises Refused when it is not theirs or nothing is new, and StaleVersion when it has another version by now.
    """
    row = _seat(connection, seat_id)
    _one_at_a_time(connection, row.tool)
    old = _standing(connection, reviewer, row, version=version)
    words = {"decision": decision, "quote": quote, "basis": basis, "disclosure": disclosure}
    if all(getattr(old, name) == value for name, value in words.items()):
        raise Refused("Nothing in it is new.", mend="Change what you want to say, then revise.")
    past = {"state": VerdictState.REVISED, "reason": reason}
    connection.execute(sa.update(verdict).where(verdict.c.id == old.id).values(**past))
    newest = {"seat": seat_id, "version": version + 1, "person": reviewer.id, "state": VerdictState.SUBMITTED}
    made = {"machine": reviewer.machine, "reason": "", "opened_at": None, "submitted_at": now}
    connection.execute(sa.insert(verdict).values(**newest, **words, **made))
    connection.execute(sa.delete(draft).where(draft.c.seat == seat_id, draft.c.person == reviewer.id))
    return int(row.tool)


def looks(connection: Connection, reviewer: Person, tools: Sequence[int], *, now: datetime) -> None:
    """Write down that somebody is shown the verdicts on these tools; the first time counts. What they hold of them
    goes back to the queue."""
    held = (seat.c.tool.in_(list(tools)), seat.c.state == SeatState.LEASED, seat.c.holder == reviewer.id)
    connection.execute(sa.update(seat).where(*held).values(**_FREED))
    for at in tools:
        insert = insert_for(connection, look).values(tool=at, person=reviewer.id, at=now)
        connection.execute(insert.on_conflict_do_nothing())


def has_looked(connection: Connection, reviewer: Person, tool_id: int) -> bool:
    """Whether somebody has been shown the verdicts on a tool."""
    here = sa.select(look.c.at).where(look.c.tool == tool_id, look.c.person == reviewer.id)
    return connection.execute(here).first() is not None


def may_judge(connection: Connection, reviewer: Person, tools: Sequence[int]) -> frozenset[int]:
    """Those of these tools on which somebody could still give a verdict, or take theirs back and give another: one of
    its seats is of a lens of theirs, no conflict of interest is theirs, and nobody has shown them the others'.

    Who has the seat by now does not matter: it may come free again.
    """
    mine = sa.and_(seat.c.lens.in_(reviewer.lenses), ~_looked(reviewer).correlate(seat))
    query = sa.select(seat.c.tool).where(mine, ~_conflicted(reviewer).correlate(seat))
    found: set[int] = set()
    for part in chunked(list(tools)):
        found |= set(connection.scalars(query.where(seat.c.tool.in_(part))))
    return frozenset(found)


def get_draft(connection: Connection, reviewer: Person, seat_id: int) -> Draft:
    """The reviewer's unfinished words on a seat; version 0 when there are none."""
    here = (draft.c.seat == seat_id, draft.c.person == reviewer.id)
    row = connection.execute(sa.select(draft).where(*here)).one_or_none()
    if row is None:
        return Draft(seat=seat_id)
    return Draft(
        seat=seat_id,
        version=row.version,
        decision=Decision(row.decision) if row.decision else None,
        quote=row.quote,
        basis=Basis(row.basis) if row.basis else None,
        disclosure=row.disclosure,
        saved_at=row.saved_at,
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
    version: int | None = None,
) -> int:
    """Keep a reviewer's unfinished words, whoever holds the seat. Returns their new version.

    `version` is the one that the words were written over, None for whichever is there. Raises StaleVersion when
    another one has come in between; nothing is overwritten then.
    """
    _seat(connection, seat_id)
    words = {"decision": decision, "quote": quote, "basis": basis, "disclosure": disclosure, "saved_at": now}
    insert = insert_for(connection, draft).values(seat=seat_id, person=reviewer.id, version=1, **words)
    newer = words | {"version": draft.c.version + 1}
    here = (draft.c.seat == seat_id, draft.c.person == reviewer.id)
    kept: sa.Insert | sa.Update
    if version is None:
        kept = insert.on_conflict_do_update(index_elements=["seat", "person"], set_=newer)
    elif version == 0:
        kept = insert.on_conflict_do_nothing()
    else:
        kept = sa.update(draft).where(*here, draft.c.version == version).values(**newer)
    saved = connection.scalar(kept.returning(draft.c.version))
    if saved is None:
        raise StaleVersion("Your draft was saved elsewhere meanwhile.", mend="Choose which text to keep.")
    return int(saved)


def drop_draft(connection: Connection, reviewer: Person, seat_id: int) -> None:
    """Forget unfinished words."""
    connection.execute(sa.delete(draft).where(draft.c.seat == seat_id, draft.c.person == reviewer.id))


def settle_panel(
    connection: Connection, tool_id: int, *, submitted: int, closed: bool, now: datetime, again: bool = False
) -> None:
    """Bring the tool and the other seats of its panel up to the number of verdicts that are in.

    A closed panel stays closed, whatever the quorum is by now, unless a verdict was taken away (`again`).
    """
    connection.execute(sa.update(seat).where(seat.c.tool == tool_id).values(panel_submitted=submitted))
    status = ToolStatus.REVIEWED if closed else ToolStatus.IN_REVIEW if submitted else ToolStatus.QUEUED
    values = {"status": status, "panel_closed_at": now if closed else None, "version": tool.c.version + 1}
    movable = (*_WAITING, ToolStatus.REVIEWED) if again else _WAITING
    moved = sa.and_(tool.c.id == tool_id, tool.c.status.in_(movable), tool.c.status != status)
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
    query = rows_of_seats().where(seat.c.waiting).order_by(*BY_TURN).limit(limit)
    rows = [
        row
        for key in in_use(connection, lenses)
        for state in (SeatState.OPEN, SeatState.LEASED)
        for row in connection.execute(query.where(seat.c.lens == key, seat.c.state == state))
    ]
    return [seat_row(row, now) for row in sorted(rows, key=turn)[:limit]]


def rows_of_seats() -> sa.Select[Any]:
    """Seats with what a list shows of them."""
    shown = (tool.c.slug, tool.c.name, tool.c.category, tool.c.first_seen)
    holder = (person.c.email, person.c.name.label("holder_name"))
    return (
        sa.select(seat, *shown, *holder)
        .select_from(seat.join(tool, tool.c.id == seat.c.tool))
        .outerjoin(person, person.c.id == seat.c.holder)
    )


def seat_row(row: Row[Any], now: datetime) -> SeatRow:
    """A row of `rows_of_seats` as the queue lists it; a lease that has run out shows as open."""
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
        holder_name=(row.holder_name or "A reviewer") if live else "",
        category=row.category,
        first_seen=row.first_seen,
    )


def abandoned_lenses(connection: Connection, tool_id: int, *, now: datetime) -> list[str]:
    """Lenses of this tool whose every reviewer has declined: an alarm, not a silent hole.

    Whoever has a conflict of interest in one lens has it in all of theirs.
    """
    query = sa.select(seat.c.lens).where(seat.c.tool == tool_id, seat.c.state != SeatState.SUBMITTED, _left_alone(now))
    return list(connection.scalars(query))


def _left_alone(now: datetime) -> sa.ColumnElement[bool]:
    """Whether somebody has declined a seat, or its whole tool, and nobody is left who looks through its lens."""
    still = sa.or_(decline.c.until.is_(None), decline.c.until > now)
    refused = sa.exists().where(decline.c.seat == seat.c.id, decline.c.person == person_lens.c.person, still)
    conflict = sa.exists().where(
        _OTHER.c.tool == seat.c.tool,
        decline.c.seat == _OTHER.c.id,
        _plain(decline.c.person) == person_lens.c.person,
        decline.c.reason == DeclineReason.CONFLICT,
    )
    looked = sa.exists().where(look.c.tool == seat.c.tool, look.c.person == person_lens.c.person)
    declined = sa.or_(*(each.correlate(seat, person_lens) for each in (refused, conflict)))
    gone = sa.or_(declined, looked.correlate(seat, person_lens))
    reviewers = (
        sa.select(person_lens.c.person)
        .join(person, person.c.id == person_lens.c.person)
        .join(person_role, sa.and_(person_role.c.person == person.c.id, person_role.c.role == Role.REVIEWER))
        .where(person_lens.c.lens == seat.c.lens, person.c.active)
    )
    somebody, willing = reviewers.where(declined), reviewers.where(~gone)
    return sa.and_(sa.exists(somebody.correlate(seat)), ~sa.exists(willing.correlate(seat)))


def deserted(connection: Connection, *, now: datetime, limit: int = 100) -> list[SeatRow]:
    """Seats that wait, of which a reviewer has declined and nobody is left who would: at most `limit`, oldest first.

    The alarm behind `abandoned_lenses`, for all tools at once. It reads the declines, and the seats that they are about.
    """
    on_tool = sa.select(_OTHER.c.tool).join(decline, decline.c.seat == _OTHER.c.id)
    asked = sa.or_(
        seat.c.id.in_(sa.select(decline.c.seat)),
        seat.c.tool.in_(on_tool.where(decline.c.reason == DeclineReason.CONFLICT)),
    )
    query = (
        rows_of_seats()
        .join(lens, lens.c.key == seat.c.lens)
        .where(asked, seat.c.waiting, seat.c.state != SeatState.SUBMITTED, lens.c.active, _left_alone(now))
        .order_by(seat.c.tool, lens.c.position)
        .limit(limit)
    )
    return [seat_row(row, now) for row in connection.execute(query)]
