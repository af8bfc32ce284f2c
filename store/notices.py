"""What readers are told of a tool beside its verdicts: that reviewers stood aside, and that a newer version is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from core.panel import DeclineReason
from store.schema import decline, seat, tool, tool_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Of one tool. `recused`: how many reviewers left a seat to others for a conflict of interest; they are counted and
    not named. `newer_at`: when an editor said that there is a newer version."""

    recused: int = 0
    newer_at: datetime | None = None
    modified: datetime | None = None


NOTHING = Notice()

_WANTED: sa.BindParameter[Sequence[int]] = sa.bindparam("tools", expanding=True)
_NOTICES = sa.union_all(
    sa.select(
        tool.c.slug,
        sa.literal("recused").label("kind"),
        sa.func.count(sa.distinct(decline.c.person)).label("number"),
        sa.func.max(decline.c.at, type_=decline.c.at.type).label("at"),
    )
    .join(seat, seat.c.tool == tool.c.id)
    .join(decline, decline.c.seat == seat.c.id)
    .where(tool.c.id.in_(_WANTED), decline.c.reason == DeclineReason.CONFLICT)
    .group_by(tool.c.slug),
    sa.select(
        tool.c.slug,
        sa.literal("newer"),
        sa.func.count(),
        sa.func.max(tool_version.c.at, type_=tool_version.c.at.type),
    )
    .join(tool_version, tool_version.c.older == tool.c.id)
    .where(tool.c.id.in_(_WANTED))
    .group_by(tool.c.slug),
)


def of_tools(connection: Connection, tools: Sequence[int]) -> Mapping[str, Notice]:
    """By slug; a tool of which there is nothing to tell is left out."""
    found: dict[str, dict[str, sa.Row[tuple[str, str, int, datetime]]]] = {}
    for row in connection.execute(_NOTICES, {"tools": list(tools)}):
        found.setdefault(row.slug, {})[row.kind] = row
    return {
        slug: Notice(
            recused=rows["recused"].number if "recused" in rows else 0,
            newer_at=rows["newer"].at if "newer" in rows else None,
            modified=max(row.at for row in rows.values()),
        )
        for slug, rows in found.items()
    }
