"""Rivals that texts name and that nobody has ingested, as pairing found them at its last look, and those dismissed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from store.connect import chunked, insert_for
from store.schema import rival


@dataclass(frozen=True, slots=True, kw_only=True)
class RivalRow:
    """A rival with the addresses of the tools whose texts name it."""

    name: str
    named_by: tuple[str, ...]


def keep(connection: Connection, named: Mapping[str, Sequence[str]], *, now: datetime) -> None:
    """Replace what was found before; what was dismissed stays so."""
    connection.execute(sa.delete(rival).where(rival.c.dismissed_at.is_(None)))
    for name, by in named.items():
        found = {"named_by": list(by), "times": len(by), "at": now}
        insert = insert_for(connection, rival).values(name=name, **found)
        connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_=found))


def listed(connection: Connection, *, limit: int) -> list[RivalRow]:
    """Those that nobody has dismissed, the most often named first."""
    query = sa.select(rival).where(rival.c.dismissed_at.is_(None), rival.c.times > 0)
    query = query.order_by(rival.c.times.desc(), rival.c.name).limit(limit)
    return [RivalRow(name=row.name, named_by=tuple(row.named_by)) for row in connection.execute(query)]


def dismissed(connection: Connection, names: Collection[str]) -> set[str]:
    """Which of these names were dismissed."""
    found: set[str] = set()
    for part in chunked(sorted(names)):
        query = sa.select(rival.c.name).where(rival.c.name.in_(part), rival.c.dismissed_at.is_not(None))
        found |= set(connection.scalars(query))
    return found


def dismiss(connection: Connection, name: str, *, by: str, now: datetime) -> bool:
    """List a name no more, whoever names it. False when it was dismissed already."""
    said = {"dismissed_by": by, "dismissed_at": now}
    insert = insert_for(connection, rival).values(name=name, named_by=[], times=0, at=now, **said)
    dismissal = insert.on_conflict_do_update(
        index_elements=["name"], set_=said, where=rival.c.dismissed_at.is_(None)
    ).returning(rival.c.name)
    return connection.scalar(dismissal) is not None


def take_back(connection: Connection, name: str) -> bool:
    """List a dismissed name again. False when it was not dismissed."""
    again = sa.update(rival).where(rival.c.name == name, rival.c.dismissed_at.is_not(None))
    return connection.execute(again.values(dismissed_by=None, dismissed_at=None)).rowcount == 1
