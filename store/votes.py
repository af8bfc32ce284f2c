"""Readers' votes: one per comparison and subscriber."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from store.connect import insert_for
from store.schema import comparison, tool, vote


def counted(connection: Connection, slugs: Sequence[str]) -> dict[str, dict[str, int]]:
    """Votes that count, per comparison address and slug of the chosen tool."""
    query = (
        sa.select(comparison.c.slug, tool.c.slug, sa.func.count())
        .join(comparison, comparison.c.id == vote.c.comparison)
        .join(tool, tool.c.id == vote.c.choice)
        .where(comparison.c.slug.in_(list(slugs)), vote.c.state == "counted")
        .group_by(comparison.c.slug, tool.c.slug)
    )
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for slug, choice, number in connection.execute(query):
        found[slug][choice] = number
    return found


def cast(connection: Connection, *, comparison_id: int, subscriber: int, choice: int, now: datetime) -> None:
    """A subscriber's vote; a later one replaces an earlier one."""
    insert = insert_for(connection, vote).values(
        comparison=comparison_id, subscriber=subscriber, choice=choice, at=now, state="counted", reason=""
    )
    again = {"choice": choice, "at": now}
    connection.execute(insert.on_conflict_do_update(index_elements=["comparison", "subscriber"], set_=again))


def choice_of(connection: Connection, *, comparison_id: int, subscriber: int) -> int | None:
    """The tool that a subscriber chose, None before they did."""
    found: int | None = connection.scalar(
        sa.select(vote.c.choice).where(vote.c.comparison == comparison_id, vote.c.subscriber == subscriber)
    )
    return found
