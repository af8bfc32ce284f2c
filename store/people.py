"""Lenses, people, and how many verdicts close a panel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from core.errors import NotFound
from core.panel import Lens, Person, Role, SeatState
from core.subscriber import address_key
from store.connect import insert_for
from store.schema import category_quorum, draft, lens, person, person_lens, person_role, seat, session, tool, verdict

MANY = 1000
"""Where counting ends: more is said as "1,000+"."""


def keep_lenses(connection: Connection, lenses: Sequence[Lens]) -> None:
    """Add lenses, or bring those that are there up to date. One that is not among them and whose position is taken
    moves behind all others."""
    _make_room(connection, lenses)
    for each in lenses:
        words = {
            "name": each.name,
            "motto": each.motto,
            "asks": each.asks,
            "excites": each.excites,
            "tires": each.tires,
            "position": each.position,
            "active": each.active,
        }
        insert = insert_for(connection, lens).values(key=each.key, **words)
        connection.execute(insert.on_conflict_do_update(index_elements=["key"], set_=words))
    _move_behind(connection)


def _make_room(connection: Connection, lenses: Sequence[Lens]) -> None:
    """Park every lens that moves or stands in the way at a negative position: two that change places would meet."""
    moves = sa.or_(lens.c.key.in_([each.key for each in lenses]), lens.c.position.in_([e.position for e in lenses]))
    connection.execute(sa.update(lens).where(moves, lens.c.position >= 0).values(position=-1 - lens.c.position))


def _move_behind(connection: Connection) -> None:
    parked = sa.select(lens.c.key).where(lens.c.position < 0).order_by(lens.c.position.desc())
    for key in list(connection.scalars(parked)):
        last = connection.scalar(sa.select(sa.func.max(lens.c.position))) or 0
        connection.execute(sa.update(lens).where(lens.c.key == key).values(position=max(last, 0) + 1))


def lenses(connection: Connection) -> tuple[Lens, ...]:
    """All lenses, in their fixed order."""
    columns = [lens.c[each.name] for each in fields(Lens)]
    return tuple(Lens(**row) for row in connection.execute(sa.select(*columns).order_by(lens.c.position)).mappings())


@dataclass(frozen=True, slots=True, kw_only=True)
class LensRow:
    """A lens as operators see it: when the desk changed it (None: it is as a file said), how many people look through
    it, and how many seats of tools that wait are not submitted, counted up to `MANY`."""

    lens: Lens
    edited_at: datetime | None
    reviewers: int
    waiting: int


def lens_rows(connection: Connection) -> list[LensRow]:
    """All lenses, in their fixed order. One statement."""
    query = sa.select(lens, _looking, _waiting).order_by(lens.c.position)
    names = [each.name for each in fields(Lens)]
    return [
        LensRow(
            lens=Lens(**{name: row[name] for name in names}),
            edited_at=row["edited_at"],
            reviewers=row["looking"],
            waiting=row["waiting"],
        )
        for row in connection.execute(query).mappings()
    ]


_looking = (
    sa.select(sa.func.count())
    .select_from(person_lens.join(person, person.c.id == person_lens.c.person))
    .join(person_role, sa.and_(person_role.c.person == person.c.id, person_role.c.role == Role.REVIEWER))
    .where(person_lens.c.lens == lens.c.key, person.c.active)
    .correlate(lens)
    .scalar_subquery()
    .label("looking")
)
# The words of the index ix_seat_due, so that it is the one that is walked.
_UNDONE = sa.and_(seat.c.waiting, seat.c.state != sa.literal_column("'submitted'"))
_waiting = (
    sa.select(sa.func.count())
    .select_from(
        sa.select(seat.c.id).where(seat.c.lens == lens.c.key, _UNDONE).correlate(lens).limit(MANY).subquery("undone")
    )
    .correlate(lens)
    .scalar_subquery()
    .label("waiting")
)


def edited_lenses(connection: Connection) -> set[str]:
    """Lenses that the desk has changed: a lenses file leaves them alone."""
    return set(connection.scalars(sa.select(lens.c.key).where(lens.c.edited_at.is_not(None))))


def find_lens(connection: Connection, key: str, *, to_change: bool = False) -> Lens:
    """The lens with this key; nobody else changes it before this transaction ends, when it is `to_change`. Raises
    NotFound."""
    query = sa.select(*(lens.c[each.name] for each in fields(Lens))).where(lens.c.key == key)
    row = connection.execute(query.with_for_update() if to_change else query).mappings().one_or_none()
    if row is None:
        raise NotFound(f"There is no lens {key!r}.", mend="The page of lenses lists them.")
    return Lens(**row)


def change_lens(connection: Connection, changed: Lens, *, now: datetime) -> None:
    """Keep what the desk says of a lens, but for its place."""
    words = {name: getattr(changed, name) for name in ("name", "motto", "asks", "excites", "tires", "active")}
    connection.execute(sa.update(lens).where(lens.c.key == changed.key).values(**words, edited_at=now))


def add_lens(connection: Connection, added: Lens, *, now: datetime) -> bool:
    """Add a lens behind all others; False when its key is taken."""
    last = connection.scalar(sa.select(sa.func.max(lens.c.position))) or 0
    words = {each.name: getattr(added, each.name) for each in fields(Lens)} | {"position": max(last, 0) + 1}
    insert = insert_for(connection, lens).values(**words, edited_at=now)
    made = insert.on_conflict_do_nothing(index_elements=["key"]).returning(lens.c.key)
    return connection.scalar(made) is not None


def swap_lenses(connection: Connection, first: Lens, second: Lens, *, now: datetime) -> None:
    """Let two lenses change places."""
    for key, place in ((first.key, -1 - second.position), (second.key, first.position), (first.key, second.position)):
        connection.execute(sa.update(lens).where(lens.c.key == key).values(position=place, edited_at=now))


def take_file_s_word(connection: Connection, keys: Collection[str]) -> None:
    """These lenses are again as a file says."""
    connection.execute(sa.update(lens).where(lens.c.key.in_(list(keys))).values(edited_at=None))


# ------------------------------------------------------------ quorums


def quorums(connection: Connection) -> dict[str, int]:
    """Verdicts that close a panel, for categories where it is not the setting's number."""
    rows = connection.execute(sa.select(category_quorum.c.category, category_quorum.c.quorum))
    return {row.category: row.quorum for row in rows}


def quorum_of(connection: Connection, tool_id: int, *, default: int) -> int:
    """Verdicts that close this tool's panel: its category's number, or the `default`."""
    query = (
        sa.select(category_quorum.c.quorum)
        .join(tool, tool.c.category == category_quorum.c.category)
        .where(tool.c.id == tool_id)
    )
    found: int | None = connection.scalar(query)
    return default if found is None else found


def keep_quorum(connection: Connection, category: str, quorum: int | None) -> None:
    """Close panels of a category at so many verdicts; None: as the setting says."""
    connection.execute(sa.delete(category_quorum).where(category_quorum.c.category == category))
    if quorum is not None:
        connection.execute(sa.insert(category_quorum).values(category=category, quorum=quorum))


def ripe(connection: Connection, category: str, *, quorum: int, limit: int = MANY) -> dict[int, int]:
    """Tools of a category that are in review with so many verdicts already -> how many they have."""
    query = (
        sa.select(tool.c.id, sa.func.max(seat.c.panel_submitted).label("submitted"))
        .join(seat, seat.c.tool == tool.c.id)
        .where(tool.c.status == "in_review", tool.c.category == category, seat.c.panel_submitted >= quorum)
        .group_by(tool.c.id)
        .limit(limit)
    )
    return {row.id: row.submitted for row in connection.execute(query)}


# ------------------------------------------------------------ people


def invite(
    connection: Connection,
    *,
    email: str,
    name: str,
    roles: Collection[Role],
    lenses: Collection[str],
    machine: bool,
    now: datetime,
) -> Person:
    """Add a person, or give a known one these roles and lenses on top of theirs. Raises NotFound for a lens."""
    _require_lenses(connection, lenses)
    insert = insert_for(connection, person).values(
        email=email, email_key=address_key(email), name=name, machine=machine, active=True, invited_at=now
    )
    again = {"active": True} | ({"name": name} if name else {})
    at = connection.execute(
        insert.on_conflict_do_update(index_elements=["email_key"], set_=again).returning(person.c.id)
    ).scalar_one()
    for role in sorted(roles):
        connection.execute(insert_for(connection, person_role).values(person=at, role=role).on_conflict_do_nothing())
    for key in sorted(lenses):
        connection.execute(insert_for(connection, person_lens).values(person=at, lens=key).on_conflict_do_nothing())
    return find(connection, email)


def _require_lenses(connection: Connection, wanted: Collection[str]) -> None:
    there = set(connection.scalars(sa.select(lens.c.key)))
    unknown = sorted(set(wanted) - there)
    if unknown:
        known = ", ".join(sorted(there)) or "none yet"
        raise NotFound(f"There is no lens {unknown[0]!r}.", mend=f"Lenses are: {known}.")


def find(connection: Connection, email: str) -> Person:
    """The active person with this address. Raises NotFound."""
    row = connection.execute(
        sa.select(person).where(person.c.email_key == address_key(email), person.c.active)
    ).one_or_none()
    if row is None:
        raise NotFound(
            f"Nobody here has the address {email}.", mend="Invite them with `verdicts people invite EMAIL --role ROLE`."
        )
    return _people(connection, [row])[0]


def everybody(connection: Connection) -> list[Person]:
    """All people, by address."""
    return _people(connection, connection.execute(sa.select(person).order_by(person.c.email_key)).all())


def _people(connection: Connection, rows: Sequence[Row[Any]]) -> list[Person]:
    ids = [row.id for row in rows]
    roles: dict[int, set[Role]] = defaultdict(set)
    for row in connection.execute(sa.select(person_role).where(person_role.c.person.in_(ids))):
        roles[row.person].add(Role(row.role))
    held: dict[int, list[str]] = defaultdict(list)
    by_order = sa.select(person_lens).join(lens, lens.c.key == person_lens.c.lens).order_by(lens.c.position)
    for row in connection.execute(by_order.where(person_lens.c.person.in_(ids))):
        held[row.person].append(row.lens)
    return [
        Person(
            id=row.id,
            email=row.email,
            name=row.name,
            roles=frozenset(roles[row.id]),
            lenses=tuple(held[row.id]),
            machine=row.machine,
            active=row.active,
            time_zone=row.time_zone,
        )
        for row in rows
    ]


def with_ids(connection: Connection, ids: Collection[int]) -> dict[int, Person]:
    """The people with these ids, active or not."""
    rows = connection.execute(sa.select(person).where(person.c.id.in_(list(ids)))).all()
    return {each.id: each for each in _people(connection, rows)}


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """A person as operators see them. `verdicts` are counted up to `MANY`; `leases` are seats they hold now."""

    person: Person
    invited_at: datetime
    last_seen: datetime | None
    verdicts: int
    leases: int


_last_seen = (
    sa.select(session.c.seen_at)
    .where(session.c.person == person.c.id)
    .order_by(session.c.seen_at.desc())
    .limit(1)
    .correlate(person)
    .scalar_subquery()
    .label("last_seen")
)
_verdicts = (
    sa.select(sa.func.count())
    .select_from(
        sa.select(verdict.c.id)
        .where(verdict.c.person == person.c.id)
        .correlate(person)
        .limit(MANY)
        .subquery("first_verdicts")
    )
    .correlate(person)
    .scalar_subquery()
    .label("verdicts")
)


def listed(
    connection: Connection,
    *,
    after: str = "",
    role: Role | None = None,
    lens_key: str | None = None,
    active: bool | None = None,
    limit: int,
    now: datetime,
) -> list[PersonRow]:
    """People by address, those behind `after`: of one role or lens, active ones or those who left, when said. A fixed
    number of statements."""
    query = sa.select(person, _last_seen, _verdicts).where(person.c.email_key > after).order_by(person.c.email_key)
    if role is not None:
        query = query.where(person.c.id.in_(sa.select(person_role.c.person).where(person_role.c.role == role)))
    if lens_key is not None:
        query = query.where(person.c.id.in_(sa.select(person_lens.c.person).where(person_lens.c.lens == lens_key)))
    if active is not None:
        query = query.where(person.c.active if active else ~person.c.active)
    return _rows(connection, query.limit(limit), now=now)


def row(connection: Connection, at: int, *, now: datetime) -> PersonRow:
    """One person, active or not. Raises NotFound."""
    found = _rows(connection, sa.select(person, _last_seen, _verdicts).where(person.c.id == at), now=now)
    if not found:
        raise NotFound(f"There is no person {at}.", mend="The page of people lists them.")
    return found[0]


def _rows(connection: Connection, query: sa.Select[Any], *, now: datetime) -> list[PersonRow]:
    rows = connection.execute(query).all()
    held = _held(connection, now=now)
    return [
        PersonRow(
            person=each,
            invited_at=row.invited_at,
            last_seen=row.last_seen,
            verdicts=row.verdicts,
            leases=held.get(each.id, 0),
        )
        for each, row in zip(_people(connection, rows), rows, strict=True)
    ]


def _held(connection: Connection, *, now: datetime) -> dict[int, int]:
    """Live leases by holder. Few seats are leased at a time, of a million that were ever held."""
    every_lens = sa.select(lens.c.key)
    live = sa.and_(seat.c.lens.in_(every_lens), seat.c.state == SeatState.LEASED, seat.c.lease_until > now)
    query = sa.select(seat.c.holder, sa.func.count().label("many")).where(live).group_by(seat.c.holder)
    return {row.holder: row.many for row in connection.execute(query)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A seat that somebody holds, or has words for."""

    seat: int
    tool_slug: str
    tool_name: str
    lens: str
    until: datetime | None


def leases(connection: Connection, at: int, *, now: datetime) -> list[Held]:
    """The seats that somebody holds now, the one that runs out first on top."""
    every_lens = sa.select(lens.c.key)
    query = (
        sa.select(seat.c.id, tool.c.slug, tool.c.name, seat.c.lens, seat.c.lease_until)
        .join(tool, tool.c.id == seat.c.tool)
        .where(
            seat.c.lens.in_(every_lens),
            seat.c.state == SeatState.LEASED,
            seat.c.holder == at,
            seat.c.lease_until > now,
        )
        .order_by(seat.c.lease_until, seat.c.id)
    )
    return [
        Held(seat=row.id, tool_slug=row.slug, tool_name=row.name, lens=row.lens, until=row.lease_until)
        for row in connection.execute(query)
    ]


def drafts(connection: Connection, at: int) -> int:
    """How many unfinished texts somebody has, counted up to `MANY`."""
    mine = sa.select(draft.c.seat).where(draft.c.person == at).limit(MANY).subquery()
    return connection.scalar(sa.select(sa.func.count()).select_from(mine)) or 0


def hold(connection: Connection, at: int) -> Person:
    """One person, active or not, whom nobody else changes before this transaction ends. Raises NotFound."""
    found = connection.execute(sa.select(person).where(person.c.id == at).with_for_update()).all()
    if not found:
        raise NotFound(f"There is no person {at}.", mend="The page of people lists them.")
    return _people(connection, found)[0]


def known(connection: Connection, email: str) -> Person | None:
    """Whoever has this address, active or not."""
    rows = connection.execute(sa.select(person).where(person.c.email_key == address_key(email))).all()
    return _people(connection, rows)[0] if rows else None


def other_operators(connection: Connection, at: int) -> int:
    """How many people besides this one are operators who can sign in. None of them changes before this transaction
    ends: of two who leave at once, the second sees that the first has left."""
    query = (
        sa.select(person.c.id)
        .join(person_role, person_role.c.person == person.c.id)
        .where(person_role.c.role == Role.OPERATOR, person.c.active, ~person.c.machine)
        .order_by(person.c.id)
        .with_for_update(of=person)
    )
    return len([each for each in connection.scalars(query) if each != at])


def change(connection: Connection, at: int, *, name: str, roles: Collection[Role], lenses: Collection[str]) -> None:
    """Give somebody this name and exactly these roles and lenses. Raises NotFound for a lens."""
    _require_lenses(connection, lenses)
    connection.execute(sa.update(person).where(person.c.id == at).values(name=name))
    connection.execute(sa.delete(person_role).where(person_role.c.person == at))
    connection.execute(sa.delete(person_lens).where(person_lens.c.person == at))
    for role in sorted(roles):
        connection.execute(sa.insert(person_role).values(person=at, role=role))
    for key in sorted(lenses):
        connection.execute(sa.insert(person_lens).values(person=at, lens=key))


def switch(connection: Connection, at: int, *, active: bool) -> bool:
    """Let somebody in, or not any more; False when it was so already."""
    other = sa.and_(person.c.id == at, person.c.active != active)
    return connection.execute(sa.update(person).where(other).values(active=active)).rowcount == 1


def free_leases(connection: Connection, at: int, *, lenses: Collection[str] | None = None) -> int:
    """Open every seat that somebody holds, of these lenses or of all; their words stay. Returns how many."""
    among = sa.select(lens.c.key) if lenses is None else list(lenses)
    mine = sa.and_(seat.c.lens.in_(among), seat.c.state == SeatState.LEASED, seat.c.holder == at)
    freed = {"state": SeatState.OPEN, "holder": None, "lease_until": None, "begun_at": None}
    return connection.execute(sa.update(seat).where(mine).values(**freed)).rowcount


def keep_time_zone(connection: Connection, at: int, zone: str) -> None:
    """Remember in which zone somebody reads times."""
    connection.execute(sa.update(person).where(person.c.id == at).values(time_zone=zone))
