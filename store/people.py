"""Lenses, people and the ways they sign in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from core.errors import NotFound
from core.panel import Lens, Person, Role
from core.subscriber import address_key
from store.connect import insert_for
from store.schema import lens, person, person_lens, person_role


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
    rows = connection.execute(sa.select(lens).order_by(lens.c.position))
    return tuple(Lens(**row._mapping) for row in rows)  # noqa: SLF001 - SQLAlchemy's public name for it


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


def keep_time_zone(connection: Connection, at: int, zone: str) -> None:
    """Remember in which zone somebody reads times."""
    connection.execute(sa.update(person).where(person.c.id == at).values(time_zone=zone))
