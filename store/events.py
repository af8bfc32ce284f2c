"""What the provider reports: kept before it is answered, applied afterwards, counted for the edition's figures.

Of a report that came before, by its id or by its natural key, nothing is kept a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from core.delivery import BatchState, DeliveryState, EventKind
from core.subscriber import SubscriberState
from core.week import Week
from store.connect import chunked, insert_for
from store.schema import attempt, batch, delivery, edition, event, subscriber, unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report as it is kept. `delivery` and `attempt` are what it claims to be about; `payload` is a JSON value."""

    provider_id: str
    key: str
    kind: EventKind
    delivery: int | None
    attempt: str | None
    address: str
    reason: str
    url: str | None
    machine: bool
    at: datetime
    payload: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A report that has not been applied, beside what it is about: the delivery's state, its batch and subscriber.

    `delivery` is None for a mail that is not one of ours, `subscriber` also for one whose reader was erased.
    `address` is what the report says, `known_address` the subscriber's.
    """

    id: int
    kind: EventKind
    at: datetime
    attempt: str | None
    address: str
    reason: str
    delivery: int | None
    state: DeliveryState | None
    batch: int | None
    batch_state: BatchState | None
    batch_attempt: str | None
    subscriber: int | None
    known_address: str | None


def keep(connection: Connection, reports: Sequence[Report], *, now: datetime) -> int:
    """Keep those that are new. Returns how many were. A delivery that does not exist is not referred to."""
    known = _existing(connection, {each.delivery for each in reports if each.delivery is not None})
    kept = 0
    for part in chunked([_values(each, known, now) for each in reports], size=60):  # 13 columns, 999 parameters
        insert = insert_for(connection, event).values(part).on_conflict_do_nothing()
        # Counted by what comes back: PostgreSQL's rowcount of an insert is -1.
        kept += len(connection.execute(insert.returning(event.c.id)).all())
    return kept


def _existing(connection: Connection, ids: Iterable[int]) -> set[int]:
    found: set[int] = set()
    for part in chunked(sorted(ids)):
        found |= set(connection.scalars(sa.select(delivery.c.id).where(delivery.c.id.in_(part))))
    return found


def _values(report: Report, known: set[int], now: datetime) -> dict[str, Any]:
    return {
        "provider_id": report.provider_id or report.key,
        "natural_key": report.key,
        "kind": report.kind,
        "delivery": report.delivery if report.delivery in known else None,
        "at": report.at,
        "received_at": now,
        "payload": report.payload,
        "attempt": report.attempt,
        "address": report.address,
        "reason": report.reason or None,
        "url": report.url,
        "machine": report.machine or None,
    }


def keep_unreadable(connection: Connection, entries: Sequence[tuple[str, str]], *, now: datetime) -> None:
    """Keep what could not be read: (reason, payload) each."""
    if entries:
        rows = [{"received_at": now, "reason": reason, "payload": payload} for reason, payload in entries]
        connection.execute(sa.insert(unreadable), rows)


def waiting(connection: Connection, *, limit: int, after: int = 0) -> list[Waiting]:
    """Reports not yet applied, in the order in which they came, from beyond the id `after`."""
    query = (
        sa.select(
            event,
            delivery.c.state.label("delivery_state"),
            delivery.c.batch,
            batch.c.state.label("batch_state"),
            batch.c.attempt.label("batch_attempt"),
            delivery.c.subscriber,
            subscriber.c.address.label("known_address"),
        )
        .outerjoin(delivery, delivery.c.id == event.c.delivery)
        .outerjoin(batch, batch.c.id == delivery.c.batch)
        .outerjoin(subscriber, subscriber.c.id == delivery.c.subscriber)
        .where(event.c.applied_at.is_(None), event.c.id > after)
        .order_by(event.c.id)
        .limit(limit)
    )
    return [_waiting(row) for row in connection.execute(query)]


def _waiting(row: Row[Any]) -> Waiting:
    return Waiting(
        id=row.id,
        kind=EventKind(row.kind),
        at=row.at,
        attempt=row.attempt,
        address=row.address or "",
        reason=row.reason or "",
        delivery=row.delivery,
        state=None if row.delivery_state is None else DeliveryState(row.delivery_state),
        batch=row.batch,
        batch_state=None if row.batch_state is None else BatchState(row.batch_state),
        batch_attempt=row.batch_attempt,
        subscriber=row.subscriber,
        known_address=row.known_address,
    )


def mark_applied(connection: Connection, ids: Sequence[int], *, now: datetime) -> None:
    """These have been applied; the address is needed no longer."""
    for part in chunked(list(ids)):
        connection.execute(sa.update(event).where(event.c.id.in_(part)).values(applied_at=now, address=None))


def state_of(connection: Connection, delivery_id: int) -> DeliveryState:
    """What is known of a delivery."""
    return DeliveryState(
        connection.execute(sa.select(delivery.c.state).where(delivery.c.id == delivery_id)).scalar_one()
    )


def lift(
    connection: Connection, delivery_id: int, *, before: DeliveryState, after: DeliveryState, word: str, now: datetime
) -> bool:
    """Move a delivery up; False when it is no longer in `before`."""
    values = {"state": after, "word": word[:1000], "updated_at": now}
    where = sa.and_(delivery.c.id == delivery_id, delivery.c.state == before)
    return connection.execute(sa.update(delivery).where(where).values(**values)).rowcount == 1


def confirm_batches(connection: Connection, *, now: datetime) -> int:
    """Sent -> confirmed, for every batch in which no delivery waits for its first report. Returns how many."""
    unreported = sa.select(delivery.c.id).where(
        delivery.c.batch == batch.c.id,
        delivery.c.state.in_((DeliveryState.ACCEPTED, DeliveryState.UNCERTAIN, DeliveryState.IN_BATCH)),
        ~sa.exists(sa.select(event.c.id).where(event.c.delivery == delivery.c.id)),
    )
    reported = sa.select(event.c.id).join(delivery, delivery.c.id == event.c.delivery)
    where = sa.and_(
        batch.c.state == BatchState.SENT,
        sa.exists(reported.where(delivery.c.batch == batch.c.id)),
        ~sa.exists(unreported),
    )
    return connection.execute(sa.update(batch).where(where).values(state=BatchState.CONFIRMED, settled_at=now)).rowcount


def silent(connection: Connection, *, before: datetime, limit: int) -> list[tuple[str, datetime]]:
    """Addresses whose mail was to go out before this instant and of which nobody has reported anything, with the time
    of its attempt; the newest first: a provider's log reaches back 30 days."""
    query = (
        sa.select(subscriber.c.address, batch.c.started_at)
        .select_from(delivery)
        .join(batch, batch.c.id == delivery.c.batch)
        .join(subscriber, subscriber.c.id == delivery.c.subscriber)
        .where(
            batch.c.state == BatchState.SENT,
            batch.c.send_at < before,
            delivery.c.state == DeliveryState.ACCEPTED,
            ~sa.exists(sa.select(event.c.id).where(event.c.delivery == delivery.c.id)),
        )
        .order_by(delivery.c.id.desc())
        .limit(limit)
    )
    return [(row.address, row.started_at) for row in connection.execute(query)]


def known_attempts(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Which of these attempts are ours."""
    found: set[str] = set()
    for part in chunked(sorted(ids)):
        found |= set(connection.scalars(sa.select(attempt.c.id).where(attempt.c.id.in_(part))))
    return found


def strike(connection: Connection, subscriber_id: int, *, after: SubscriberState, at: datetime, now: datetime) -> bool:
    """A subscriber bounced, complained or left, says a report of the instant `at`. Older than their last confirmation
    it says nothing. Returns whether anything changed; nobody moves from `complained` back to `bounced`."""
    weaker = {
        SubscriberState.UNSUBSCRIBED: (SubscriberState.PENDING, SubscriberState.ACTIVE),
        SubscriberState.BOUNCED: (SubscriberState.PENDING, SubscriberState.ACTIVE, SubscriberState.UNSUBSCRIBED),
        SubscriberState.COMPLAINED: (
            SubscriberState.PENDING,
            SubscriberState.ACTIVE,
            SubscriberState.UNSUBSCRIBED,
            SubscriberState.BOUNCED,
        ),
    }[after]
    since = sa.or_(subscriber.c.confirmed_at.is_(None), subscriber.c.confirmed_at <= at)
    where = sa.and_(subscriber.c.id == subscriber_id, subscriber.c.state.in_(weaker), since)
    return connection.execute(sa.update(subscriber).where(where).values(state=after, left_at=now)).rowcount == 1


# --- reading


@dataclass(frozen=True, slots=True, kw_only=True)
class LastWord:
    """All that is known of one recipient's mail. `address` is None once the person was erased."""

    delivery: int
    address: str | None
    state: DeliveryState
    word: str
    batch: int | None
    batch_state: str | None
    answer: str
    event: str | None
    event_at: datetime | None
    updated_at: datetime


def last_words(
    connection: Connection, week: Week, *, state: DeliveryState | None, limit: int, after: int = 0
) -> list[LastWord]:
    """The deliveries of an edition with the last that was heard of each: the provider's answer, or its newest event."""
    newest = (
        sa.select(sa.func.max(event.c.id))
        .where(event.c.delivery == delivery.c.id)
        .scalar_subquery()
        .correlate(delivery)
    )
    query = (
        sa.select(
            delivery,
            subscriber.c.address,
            batch.c.state.label("batch_state"),
            batch.c.answer,
            event.c.kind,
            event.c.reason,
            event.c.at,
        )
        .outerjoin(subscriber, subscriber.c.id == delivery.c.subscriber)
        .outerjoin(batch, batch.c.id == delivery.c.batch)
        .outerjoin(event, event.c.id == newest)
        .where(delivery.c.week == str(week), delivery.c.id > after)
    )
    if state is not None:
        query = query.where(delivery.c.state == state)
    return [_last_word(row) for row in connection.execute(query.order_by(delivery.c.id).limit(limit))]


def _last_word(row: Row[Any]) -> LastWord:
    return LastWord(
        delivery=row.id,
        address=row.address,
        state=DeliveryState(row.state),
        word=row.word or row.reason or "",
        batch=row.batch,
        batch_state=row.batch_state,
        answer=row.answer or "",
        event=row.kind,
        event_at=row.at,
        updated_at=row.updated_at,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """One click as the provider reports it. `delivered_at` is when that mail arrived, None when nobody said."""

    delivery: int
    url: str
    at: datetime
    machine: bool
    delivered_at: datetime | None


def clicks(connection: Connection, week: Week) -> list[Click]:
    """Every click on an edition, by delivery and time."""
    arrived = sa.select(event.c.delivery, sa.func.min(event.c.at).label("at")).where(
        event.c.kind == EventKind.DELIVERED
    )
    delivered = arrived.group_by(event.c.delivery).subquery()
    query = (
        sa.select(event.c.delivery, event.c.url, event.c.at, event.c.machine, delivered.c.at.label("delivered_at"))
        .join(delivery, delivery.c.id == event.c.delivery)
        .outerjoin(delivered, delivered.c.delivery == event.c.delivery)
        .where(delivery.c.week == str(week), event.c.kind == EventKind.CLICK)
        .order_by(event.c.delivery, event.c.at, event.c.id)
    )
    return [
        Click(
            delivery=row.delivery,
            url=row.url or "",
            at=row.at,
            machine=bool(row.machine),
            delivered_at=row.delivered_at,
        )
        for row in connection.execute(query)
    ]


def reported(connection: Connection, week: Week) -> dict[str, int]:
    """How many deliveries of an edition have at least one event of each kind."""
    query = (
        sa.select(event.c.kind, sa.func.count(sa.distinct(event.c.delivery)))
        .join(delivery, delivery.c.id == event.c.delivery)
        .where(delivery.c.week == str(week))
        .group_by(event.c.kind)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def leavers(connection: Connection, week: Week, *, until: datetime) -> int:
    """Recipients of an edition who left after its recipients were fixed, and before this instant."""
    query = (
        sa.select(sa.func.count())
        .select_from(delivery)
        .join(subscriber, subscriber.c.id == delivery.c.subscriber)
        .join(edition, edition.c.week == delivery.c.week)
        .where(
            delivery.c.week == str(week),
            subscriber.c.state == SubscriberState.UNSUBSCRIBED,
            subscriber.c.left_at >= edition.c.recipients_fixed_at,
            subscriber.c.left_at < until,
        )
    )
    return connection.scalar(query) or 0
