"""Versions: which tool is a newer version of which, by an editor's word."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from core.errors import Refused
from store.connect import insert_for
from store.schema import tool, tool_version

_LONGEST = 100
"""No product has a longer line of versions that were all ingested as tools; a loop would never end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relative:
    """Another version of the same product."""

    slug: str
    name: str
    newer: bool


def declare(connection: Connection, *, newer: int, older: int, by: str, now: datetime) -> None:
    """Write down that one tool is a newer version of the other; the last word counts. Raises Refused for a circle."""
    if newer in _line(connection, older):
        raise Refused("That would make a tool an older version of itself.", mend="Choose the other one as the newer.")
    said = {"older": older, "by": by, "at": now}
    insert = insert_for(connection, tool_version).values(newer=newer, **said)
    connection.execute(insert.on_conflict_do_update(index_elements=["newer"], set_=said))


def _line(connection: Connection, at: int) -> list[int]:
    """A tool and what came before it, the newest first."""
    found = [at]
    while len(found) < _LONGEST:
        before = connection.scalar(sa.select(tool_version.c.older).where(tool_version.c.newer == found[-1]))
        if before is None or before in found:
            break
        found.append(before)
    return found


def revoke(connection: Connection, one: int, other: int) -> bool:
    """Take it back, whichever of the two was the newer. Returns whether it had been said."""
    either = sa.or_(
        sa.and_(tool_version.c.newer == one, tool_version.c.older == other),
        sa.and_(tool_version.c.newer == other, tool_version.c.older == one),
    )
    return connection.execute(sa.delete(tool_version).where(either)).rowcount > 0


def lines(connection: Connection) -> dict[int, int]:
    """Every tool that is a version of another, or has one: the id that all versions of its product share here.

    A tool that was merged stands under the one that took it in.
    """
    one, other = tool.alias(), tool.alias()
    query = (
        sa.select(sa.func.coalesce(one.c.merged_into, one.c.id), sa.func.coalesce(other.c.merged_into, other.c.id))
        .select_from(tool_version)
        .join(one, one.c.id == tool_version.c.newer)
        .join(other, other.c.id == tool_version.c.older)
    )
    root: dict[int, int] = {}
    for newer, older in connection.execute(query):
        low, high = sorted((_root(root, newer), _root(root, older)))
        root[high] = low
        root.setdefault(low, low)
    return {each: _root(root, each) for each in root}


def _root(root: dict[int, int], at: int) -> int:
    while root.setdefault(at, at) != at:
        at = root[at]
    return at


def relatives(connection: Connection, at: int) -> tuple[Relative, ...]:
    """The versions next to a tool, older ones first."""
    older = sa.select(tool.c.slug, tool.c.name, sa.literal(0).label("newer")).join(
        tool_version, tool_version.c.older == tool.c.id
    )
    newer = sa.select(tool.c.slug, tool.c.name, sa.literal(1).label("newer")).join(
        tool_version, tool_version.c.newer == tool.c.id
    )
    both = sa.union_all(older.where(tool_version.c.newer == at), newer.where(tool_version.c.older == at))
    rows = connection.execute(both.order_by("newer", "slug"))
    return tuple(Relative(slug=row.slug, name=row.name, newer=bool(row.newer)) for row in rows)
