"""The audit log: every decision, who, what, when, before and after. Rows are only ever added."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from store.schema import audit

SYSTEM = "system"
"""The actor of what a schedule or a rule decided."""


def note(
    connection: Connection,
    *,
    now: datetime,
    actor: str,
    action: str,
    subject: str,
    before: Any = None,
    after: Any = None,
) -> None:
    """Add one entry. `action` is noun.verb, `subject` noun:name; `before` and `after` are JSON values."""
    connection.execute(
        sa.insert(audit).values(at=now, actor=actor, action=action, subject=subject, before=before, after=after)
    )


def entries(connection: Connection, *, subject: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
    """The newest entries, newest first, of one subject or of all."""
    query = sa.select(audit).order_by(audit.c.id.desc()).limit(limit)
    if subject is not None:
        query = query.where(audit.c.subject == subject)
    return [dict(row) for row in connection.execute(query).mappings()]
