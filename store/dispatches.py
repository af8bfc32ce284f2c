"""Editions on their way, as the desk lists them; figures of batches, never of a million deliveries."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from core.delivery import BatchState
from core.edition import EditionState
from core.errors import NotFound
from core.week import Week
from store import deliveries
from store.schema import batch, edition


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """An approved edition and its batches. `batches`: by their state; `recipients`: see deliveries.recipients_by_state."""

    week: str
    number: int
    subject: str
    state: EditionState
    approved_at: datetime
    send_at: datetime | None
    sent_at: datetime | None
    paused_because: str | None
    cancelled_at: datetime | None
    batches: dict[str, int]
    recipients: dict[str, int]

    @property
    def total(self) -> int:
        """Recipients of all its batches."""
        return sum(self.recipients.values())

    @property
    def handed_over(self) -> int:
        """Recipients whose mail a transport took over."""
        return self.recipients.get(BatchState.SENT, 0) + self.recipients.get(BatchState.CONFIRMED, 0)


_COLUMNS = tuple(
    edition.c[name]
    for name in (
        "week",
        "number",
        "subject",
        "state",
        "approved_at",
        "send_at",
        "sent_at",
        "paused_because",
        "cancelled_at",
    )
)


def listed(connection: Connection, *, before: str = "", limit: int) -> list[Dispatch]:
    """Editions that are approved or further, the newest week first, those before a week when given. Two statements."""
    query = sa.select(*_COLUMNS).where(edition.c.state != EditionState.DRAFT).order_by(edition.c.week.desc())
    return _dispatches(connection, (query.where(edition.c.week < before) if before else query).limit(limit))


def find(connection: Connection, week: Week) -> Dispatch:
    """One of them. Raises NotFound, also for a draft."""
    query = sa.select(*_COLUMNS).where(edition.c.week == str(week), edition.c.state != EditionState.DRAFT)
    found = _dispatches(connection, query)
    if not found:
        raise NotFound(f"No edition {week} is approved.", mend="An editor approves it first.")
    return found[0]


def _dispatches(connection: Connection, query: sa.Select[tuple[object, ...]]) -> list[Dispatch]:
    rows = connection.execute(query).mappings().all()
    batches: dict[str, dict[str, int]] = defaultdict(dict)
    weeks = [row["week"] for row in rows]
    counted = sa.select(batch.c.week, batch.c.state, sa.func.count()).where(batch.c.week.in_(weeks))
    for week, state, many in connection.execute(counted.group_by(batch.c.week, batch.c.state)):
        batches[week][state] = many
    recipients = deliveries.recipients_by_state(connection, weeks)
    return [
        Dispatch(
            **dict(row) | {"state": EditionState(row["state"])},
            batches=batches[row["week"]],
            recipients=recipients[row["week"]],
        )
        for row in rows
    ]
