"""Readers' votes: one per comparison and subscriber."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from store.schema import comparison, vote


def counted(connection: Connection, slugs: Sequence[str]) -> dict[str, dict[int, int]]:
    """Votes that count, per comparison address and tool."""
    query = (
        sa.select(comparison.c.slug, vote.c.choice, sa.func.count())
        .join(comparison, comparison.c.id == vote.c.comparison)
        .where(comparison.c.slug.in_(list(slugs)), vote.c.state == "counted")
        .group_by(comparison.c.slug, vote.c.choice)
    )
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for slug, choice, number in connection.execute(query):
        found[slug][choice] = number
    return found
