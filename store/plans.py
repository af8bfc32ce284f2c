"""When and how an edition goes out: its time, its waves, its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from core.delivery import BatchState, DeliveryState, Evidence
from core.edition import EditionState
from core.week import Week
from store.schema import batch, delivery, edition


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An edition's sending as the operator wants it. Without `send_at` it starts as soon as it is approved."""

    send_at: datetime | None
    wave_percent: int | None
    local_hour: int | None  # each reader gets it at this hour of their own day
    cancelled_at: datetime | None
    approved_at: datetime | None
    recipients_fixed_at: datetime | None


def find(connection: Connection, week: Week) -> Plan:
    """The plan of an edition that exists."""
    columns = (edition.c[each.name] for each in fields(Plan))
    query = sa.select(*columns).where(edition.c.week == str(week))
    return Plan(**connection.execute(query).mappings().one())


def change(
    connection: Connection,
    week: Week,
    *,
    send_at: datetime | None,
    wave_percent: int | None,
    local_hour: int | None = None,
) -> bool:
    """Keep a new plan; False when sending has begun."""
    where = sa.and_(edition.c.week == str(week), edition.c.state.in_((EditionState.DRAFT, EditionState.APPROVED)))
    values = {"send_at": send_at, "wave_percent": wave_percent, "local_hour": local_hour}
    return connection.execute(sa.update(edition).where(where).values(**values)).rowcount == 1


def cancel(connection: Connection, week: Week, *, because: str, now: datetime) -> bool:
    """Pause an edition for good; False when it is a draft, sent or cancelled already."""
    living = (EditionState.APPROVED, EditionState.SENDING, EditionState.PAUSED)
    where = sa.and_(edition.c.week == str(week), edition.c.state.in_(living), edition.c.cancelled_at.is_(None))
    values = {"state": EditionState.PAUSED, "paused_because": because, "cancelled_at": now}
    return connection.execute(sa.update(edition).where(where).values(**values)).rowcount == 1


def withdraw(connection: Connection, week: Week, *, word: str, now: datetime) -> int:
    """Nobody who waits gets this edition any more: pending batches end, their deliveries with them. Returns how many.

    A batch that a worker has claimed is left to the worker, who finds the edition paused and gives it back.
    """
    ended = sa.and_(batch.c.week == str(week), batch.c.state == BatchState.PENDING)
    ids = sa.select(batch.c.id).where(ended)
    waiting = sa.or_(
        delivery.c.state == DeliveryState.PENDING,
        sa.and_(delivery.c.state == DeliveryState.IN_BATCH, delivery.c.batch.in_(ids)),
    )
    values = {"state": DeliveryState.SUPPRESSED, "word": word, "updated_at": now}
    gone = connection.execute(
        sa.update(delivery).where(delivery.c.week == str(week), waiting).values(**values)
    ).rowcount
    connection.execute(
        sa.update(batch).where(ended).values(state=BatchState.FAILED, settled_at=now, answer=word, not_before=None)
    )
    return gone


FAILED = "failed"
UNSENT = "unsent"


def free(connection: Connection, week: Week, *, kinds: Sequence[str], now: datetime) -> int:
    """Make refused deliveries pending again: those that failed, those that an operator settled as not sent. Returns
    how many."""
    unsent = sa.select(batch.c.id).where(batch.c.week == str(week), batch.c.evidence == Evidence.OPERATOR_NOT_SENT)
    chosen = {FAILED: delivery.c.batch.not_in(unsent), UNSENT: delivery.c.batch.in_(unsent)}
    where = sa.and_(
        delivery.c.week == str(week),
        delivery.c.state == DeliveryState.REFUSED,
        sa.or_(*(chosen[kind] for kind in kinds)),
    )
    values = {"state": DeliveryState.PENDING, "batch": None, "updated_at": now}
    return connection.execute(sa.update(delivery).where(where).values(**values)).rowcount


def reopen(connection: Connection, week: Week) -> bool:
    """Sent -> sending, because some are to be tried again. True also when it is being sent."""
    where = sa.and_(
        edition.c.week == str(week),
        edition.c.state.in_((EditionState.SENT, EditionState.SENDING)),
        edition.c.cancelled_at.is_(None),
    )
    values = {"state": EditionState.SENDING, "sent_at": None}
    return connection.execute(sa.update(edition).where(where).values(**values)).rowcount == 1
