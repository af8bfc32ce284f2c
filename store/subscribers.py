"""Subscribers, the trail of their consent, and the addresses never to be mailed again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from core.errors import Conflict, NotFound
from core.subscriber import Subscriber, SubscriberState, address_key
from store.connect import insert_for
from store.schema import consent, delivery, event, subscriber, suppression


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One step of the trail: `kind` is asked, confirmed, imported or withdrawn."""

    kind: str
    text: str
    source: str
    network: str | None = None


def address_hash(address: str) -> str:
    """What remains of an address that must never be mailed again."""
    return key_hash(address_key(address))


def key_hash(key: str) -> str:
    """The same, for an address whose key is known already."""
    return hashlib.sha256(key.encode()).hexdigest()


def find(connection: Connection, address: str) -> Subscriber | None:
    """The subscriber with this address, in whatever state."""
    row = connection.execute(
        sa.select(subscriber).where(subscriber.c.address_key == address_key(address))
    ).one_or_none()
    return None if row is None else _subscriber(row)


def get(connection: Connection, at: int) -> Subscriber | None:
    """The subscriber with this id; None once erased."""
    row = connection.execute(sa.select(subscriber).where(subscriber.c.id == at)).one_or_none()
    return None if row is None else _subscriber(row)


def _subscriber(row: Row[Any]) -> Subscriber:
    return Subscriber(
        id=row.id,
        address=row.address,
        address_key=row.address_key,
        name=row.name,
        state=SubscriberState(row.state),
        categories=tuple(row.categories),
        created_at=row.created_at,
        confirmed_at=row.confirmed_at,
    )


def asked_at(connection: Connection, at: int) -> datetime | None:
    """When this subscriber was last sent a confirmation mail."""
    found: datetime | None = connection.scalar(sa.select(subscriber.c.asked_at).where(subscriber.c.id == at))
    return found


def add(
    connection: Connection,
    *,
    address: str,
    name: str,
    categories: Sequence[str],
    trail: Consent,
    confirmed_at: datetime | None,
    now: datetime,
) -> Subscriber:
    """A new subscriber: active when confirmed, else pending. Raises Conflict when the address is there already."""
    state = SubscriberState.ACTIVE if confirmed_at else SubscriberState.PENDING
    values = {
        "address": address,
        "address_key": address_key(address),
        "name": name,
        "state": state,
        "categories": list(categories),
        "created_at": now,
        "confirmed_at": confirmed_at,
        "asked_at": None if confirmed_at else now,
    }
    insert = insert_for(connection, subscriber).values(**values).on_conflict_do_nothing(index_elements=["address_key"])
    at = connection.execute(insert.returning(subscriber.c.id)).scalar_one_or_none()
    if at is None:  # somebody added it since the caller looked
        raise Conflict("This address is known already.", mend="Nothing was changed; look again.")
    note_consent(connection, at, trail, now=now)
    made = get(connection, at)
    if made is None:  # pragma: no cover - the row was written a line ago
        raise NotFound(f"Subscriber {at} vanished.")
    return made


def note_consent(connection: Connection, at: int, trail: Consent, *, now: datetime) -> None:
    """Add a step to the trail."""
    values = {"kind": trail.kind, "text": trail.text, "source": trail.source, "network": trail.network}
    connection.execute(sa.insert(consent).values(subscriber=at, at=now, **values))


def trail(connection: Connection, at: int) -> list[dict[str, Any]]:
    """Every step of a subscriber's consent, the oldest first."""
    query = sa.select(consent).where(consent.c.subscriber == at).order_by(consent.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def ask_again(connection: Connection, at: int, *, now: datetime) -> None:
    """Back to pending, with a fresh confirmation mail on its way. Until it is confirmed, having left still counts."""
    values = {"state": SubscriberState.PENDING, "asked_at": now}
    connection.execute(sa.update(subscriber).where(subscriber.c.id == at).values(**values))


def confirm(connection: Connection, at: int, *, now: datetime) -> bool:
    """Pending becomes active. Returns False when it was not pending."""
    where = sa.and_(subscriber.c.id == at, subscriber.c.state == SubscriberState.PENDING)
    values = {"state": SubscriberState.ACTIVE, "confirmed_at": now, "left_at": None}
    return connection.execute(sa.update(subscriber).where(where).values(**values)).rowcount == 1


def leave(connection: Connection, at: int, *, now: datetime) -> bool:
    """Pending or active becomes unsubscribed. Returns False when it was neither."""
    living = (SubscriberState.PENDING, SubscriberState.ACTIVE)
    where = sa.and_(subscriber.c.id == at, subscriber.c.state.in_(living))
    values = {"state": SubscriberState.UNSUBSCRIBED, "left_at": now}
    return connection.execute(sa.update(subscriber).where(where).values(**values)).rowcount == 1


def choose(connection: Connection, at: int, categories: Sequence[str]) -> None:
    """Keep the categories that a subscriber wants; none means all."""
    connection.execute(sa.update(subscriber).where(subscriber.c.id == at).values(categories=list(categories)))


def forgive(connection: Connection, address: str) -> None:
    """Somebody who had been erased has confirmed again, by their own hand."""
    erased = sa.and_(suppression.c.address_hash == address_hash(address), suppression.c.reason == "erased")
    connection.execute(sa.delete(suppression).where(erased))


def suppressed(connection: Connection, address: str) -> str | None:
    """Why this address must not be mailed, None when it may."""
    found: str | None = connection.scalar(
        sa.select(suppression.c.reason).where(suppression.c.address_hash == address_hash(address))
    )
    return found


def suppress(connection: Connection, address: str, *, reason: str, now: datetime) -> None:
    """Never mail this address again; a first reason stays, but for an erasure, which the person can take back."""
    told = {"reason": reason, "at": now}
    insert = insert_for(connection, suppression).values(address_hash=address_hash(address), **told)
    erased = suppression.c.reason == "erased"
    connection.execute(insert.on_conflict_do_update(index_elements=["address_hash"], set_=told, where=erased))


def erase(connection: Connection, found: Subscriber, *, now: datetime) -> None:
    """Forget a person: only the hash of the address remains, so that an import cannot bring them back.

    What a provider said of their mails goes too: refusals quote the address.
    """
    suppress(connection, found.address, reason="erased", now=now)
    mails = sa.select(delivery.c.id).where(delivery.c.subscriber == found.id)
    connection.execute(sa.update(event).where(event.c.delivery.in_(mails)).values(address=None, reason=None))
    connection.execute(sa.update(delivery).where(delivery.c.subscriber == found.id).values(word=""))
    connection.execute(sa.delete(subscriber).where(subscriber.c.id == found.id))


def forget_pending(connection: Connection, *, before: datetime) -> int:
    """Delete subscriptions that were last asked to confirm before this instant, and never did. Returns how many.

    Whoever had left before somebody asked for them again stays, as one who has left: a list that still has their
    address must not bring them back.
    """
    stale = sa.and_(subscriber.c.state == SubscriberState.PENDING, subscriber.c.asked_at < before)
    left = sa.and_(stale, subscriber.c.left_at.is_not(None))
    connection.execute(sa.update(subscriber).where(left).values(state=SubscriberState.UNSUBSCRIBED))
    return connection.execute(sa.delete(subscriber).where(stale)).rowcount


def everybody(connection: Connection, *, state: SubscriberState | None = None) -> Iterator[Subscriber]:
    """All subscribers by id, read in slices: a million fit through."""
    query = sa.select(subscriber).order_by(subscriber.c.id)
    if state is not None:
        query = query.where(subscriber.c.state == state)
    last = 0
    while rows := connection.execute(query.where(subscriber.c.id > last).limit(1000)).all():
        yield from map(_subscriber, rows)
        last = rows[-1].id


def counts(connection: Connection) -> dict[str, int]:
    """How many subscribers are in which state."""
    query = sa.select(subscriber.c.state, sa.func.count()).group_by(subscriber.c.state)
    return {row[0]: row[1] for row in connection.execute(query)}
