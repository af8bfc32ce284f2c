"""The ledger: one delivery per edition and subscriber, batches, claims and settlements.

Every change of state is a compare-and-set: an UPDATE that names the state it expects, so that of two workers one
finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from core.delivery import Attempt, AttemptOutcome, BatchState, DeliveryState, Settlement
from core.subscriber import Subscriber, SubscriberState
from core.week import Week
from store import attempts
from store.connect import chunked, insert_for
from store.schema import batch, delivery, edition, subscriber, suppression
from store.subscribers import key_hash

_OPEN_BATCH = (BatchState.PENDING, BatchState.CLAIMED, BatchState.SENDING, BatchState.UNCERTAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A batch that a worker owns until then. `fence` counts claims: what it settles must name it."""

    id: int
    week: str
    fence: int
    until: datetime
    content_hash: str
    recipients: int  # when it was made; some may have left since


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """A batch whose owner has gone silent."""

    id: int
    state: BatchState
    fence: int


def fix_recipients(connection: Connection, week: Week, *, now: datetime) -> int:
    """One delivery for each active subscriber, once: later calls add nobody. Returns how many there are."""
    fixed = connection.scalar(sa.select(edition.c.recipients_fixed_at).where(edition.c.week == str(week)))
    if fixed is None:
        active = sa.select(
            sa.literal(str(week)),
            subscriber.c.id,
            sa.literal(DeliveryState.PENDING.value),
            sa.literal(now, delivery.c.updated_at.type),
        ).where(subscriber.c.state == SubscriberState.ACTIVE)
        insert = insert_for(connection, delivery).from_select(
            ["week", "subscriber", "state", "updated_at"], active.order_by(subscriber.c.id)
        )
        connection.execute(insert.on_conflict_do_nothing())
        connection.execute(sa.update(edition).where(edition.c.week == str(week)).values(recipients_fixed_at=now))
    return connection.scalar(sa.select(sa.func.count()).where(delivery.c.week == str(week))) or 0


def make_batches(
    connection: Connection,
    week: Week,
    *,
    size: int,
    content_hash: str,
    now: datetime,
    not_before: datetime | None = None,
    wave: int | None = None,
) -> int:
    """Put every pending delivery into a batch of at most `size`. Returns how many batches were made.

    With `wave`, so many deliveries an hour: the first wave at `not_before` (now without it), each next an hour later.
    """
    # Two workers of PostgreSQL that batch at once would both count the same deliveries in.
    connection.execute(sa.select(edition.c.week).where(edition.c.week == str(week)).with_for_update())
    made = placed = last = 0
    while ids := _pending(connection, week, after=last, limit=min(size, wave - placed % wave) if wave else size):
        due = (not_before or now) + timedelta(hours=placed // wave) if wave and placed >= wave else not_before
        last, placed = ids[-1], placed + len(ids)
        values = {
            "week": str(week),
            "state": BatchState.PENDING,
            "recipients": len(ids),
            "content_hash": content_hash,
            "not_before": due,
        }
        at = connection.execute(sa.insert(batch).values(**values).returning(batch.c.id)).scalar_one()
        where = sa.and_(
            delivery.c.week == str(week),
            delivery.c.state == DeliveryState.PENDING,
            delivery.c.id.between(ids[0], ids[-1]),
        )
        connection.execute(
            sa.update(delivery).where(where).values(batch=at, state=DeliveryState.IN_BATCH, updated_at=now)
        )
        made += 1
    return made


def _pending(connection: Connection, week: Week, *, after: int, limit: int) -> list[int]:
    query = sa.select(delivery.c.id).where(
        delivery.c.week == str(week), delivery.c.state == DeliveryState.PENDING, delivery.c.id > after
    )
    return list(connection.scalars(query.order_by(delivery.c.id).limit(limit)))


def claim(
    connection: Connection,
    week: Week,
    *,
    owner: str,
    now: datetime,
    until: datetime,
    ids: tuple[int, int] | None = None,
) -> Claimed | None:
    """The next pending batch of an edition, now this worker's; None when there is none to be had. `ids` are the first
    and last batch that this worker is to look at."""
    ready = sa.or_(batch.c.not_before.is_(None), batch.c.not_before <= now)
    wanted = (
        sa.select(batch.c.id)
        .where(
            batch.c.week == str(week),
            batch.c.state == BatchState.PENDING,
            ready,
            batch.c.id.between(*ids) if ids else sa.true(),
        )
        .order_by(batch.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    values = {"state": BatchState.CLAIMED, "owner": owner, "lease_until": until, "fence": batch.c.fence + 1}
    where = sa.and_(batch.c.id == wanted.scalar_subquery(), batch.c.state == BatchState.PENDING)
    row = connection.execute(sa.update(batch).where(where).values(**values).returning(*batch.c)).one_or_none()
    if row is None:
        return None
    return Claimed(
        id=row.id, week=row.week, fence=row.fence, until=until, content_hash=row.content_hash, recipients=row.recipients
    )


def suppress_leavers(connection: Connection, claimed: Claimed, *, now: datetime) -> int:
    """Take those out of a claimed batch who have left, bounced, complained or been erased since it was made."""
    active = sa.select(subscriber.c.id).where(
        subscriber.c.id == delivery.c.subscriber, subscriber.c.state == SubscriberState.ACTIVE
    )
    where = sa.and_(delivery.c.batch == claimed.id, delivery.c.state == DeliveryState.IN_BATCH, ~sa.exists(active))
    gone = connection.execute(
        sa.update(delivery).where(where).values(state=DeliveryState.SUPPRESSED, word="left before", updated_at=now)
    ).rowcount
    listed = _listed(connection, claimed)
    if listed:
        connection.execute(
            sa.update(delivery)
            .where(delivery.c.id.in_(listed))
            .values(state=DeliveryState.SUPPRESSED, word="suppressed address", updated_at=now)
        )
    return gone + len(listed)


def _listed(connection: Connection, claimed: Claimed) -> list[int]:
    query = (
        sa.select(delivery.c.id, subscriber.c.address_key)
        .join(subscriber, subscriber.c.id == delivery.c.subscriber)
        .where(delivery.c.batch == claimed.id, delivery.c.state == DeliveryState.IN_BATCH)
    )
    hashes = {key_hash(key): at for at, key in connection.execute(query)}
    found: list[int] = []
    for part in chunked(list(hashes)):
        hits = connection.scalars(sa.select(suppression.c.address_hash).where(suppression.c.address_hash.in_(part)))
        found += [hashes[each] for each in hits]
    return found


def recipients(connection: Connection, batch_id: int) -> list[tuple[int, Subscriber]]:
    """Who a batch goes to: (delivery id, subscriber), in the order of the deliveries."""
    query = (
        sa.select(delivery.c.id.label("delivery"), *subscriber.c)
        .join(subscriber, subscriber.c.id == delivery.c.subscriber)
        .where(delivery.c.batch == batch_id, delivery.c.state == DeliveryState.IN_BATCH)
        .order_by(delivery.c.id)
    )
    return [(row.delivery, _recipient(row)) for row in connection.execute(query)]


def _recipient(row: Row[Any]) -> Subscriber:
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


def begin_attempt(
    connection: Connection, claimed: Claimed, attempt: Attempt, *, owner: str, now: datetime, until: datetime
) -> bool:
    """Claimed -> sending, to be COMMITTED before the request. Returns False when the claim has been lost."""
    values = {
        "state": BatchState.SENDING,
        "attempt": attempt.id,
        "attempts": batch.c.attempts + 1,
        "provider_batch": attempt.fence,
        "send_at": attempt.send_at,
        "started_at": now,
        "lease_until": until,
    }
    where = sa.and_(
        batch.c.id == claimed.id,
        batch.c.state == BatchState.CLAIMED,
        batch.c.owner == owner,
        batch.c.fence == claimed.fence,
    )
    begun = connection.execute(sa.update(batch).where(where).values(**values)).rowcount == 1
    if begun:
        attempts.begin(connection, claimed.id, attempt, now=now)
    return begun


def settle(
    connection: Connection,
    claimed: Claimed,
    settlement: Settlement,
    *,
    before: Sequence[BatchState],
    message_id: str | None,
    detail: str,
    words: Mapping[int, str],
    now: datetime,
) -> bool:
    """Write down what became of a batch and of each of its deliveries. `words` are a provider's reasons by delivery.

    Returns False, and changes nothing, when the batch is no longer in `before` under this claim's fence.
    """
    open_again = settlement.batch is BatchState.PENDING
    values: dict[str, Any] = {
        "state": settlement.batch,
        "lease_until": None,
        "owner": None,
        "not_before": settlement.not_before,
        "message_id": message_id,
        "answer": detail[:4000],
        "settled_at": None if open_again else now,
    }
    where = sa.and_(batch.c.id == claimed.id, batch.c.state.in_(before), batch.c.fence == claimed.fence)
    if connection.execute(sa.update(batch).where(where).values(**values)).rowcount != 1:
        return False
    attempts.end(connection, claimed.id, _OUTCOMES[settlement.batch], answer=detail, now=now)
    _settle_deliveries(connection, claimed.id, settlement, words, now)
    return True


_OUTCOMES = {
    BatchState.SENT: AttemptOutcome.TAKEN,
    BatchState.CONFIRMED: AttemptOutcome.TAKEN,
    BatchState.UNCERTAIN: AttemptOutcome.UNCERTAIN,
    BatchState.PENDING: AttemptOutcome.NOT_TAKEN,
    BatchState.FAILED: AttemptOutcome.NOT_TAKEN,
}


def _settle_deliveries(
    connection: Connection, batch_id: int, settlement: Settlement, words: Mapping[int, str], now: datetime
) -> None:
    for at, state in settlement.exceptions.items():
        where = sa.and_(delivery.c.id == at, delivery.c.batch == batch_id, delivery.c.state == DeliveryState.IN_BATCH)
        values = {"state": state, "word": words.get(at, "")[:1000], "updated_at": now}
        if state is DeliveryState.PENDING:
            values["batch"] = None
        connection.execute(sa.update(delivery).where(where).values(**values))
    if settlement.deliveries is not DeliveryState.IN_BATCH:
        rest = sa.and_(delivery.c.batch == batch_id, delivery.c.state == DeliveryState.IN_BATCH)
        connection.execute(sa.update(delivery).where(rest).values(state=settlement.deliveries, updated_at=now))


def split(connection: Connection, claimed: Claimed, *, now: datetime) -> int:
    """Put the second half of a batch that is pending again into one of its own. Returns the new batch's id."""
    ids = list(
        connection.scalars(
            sa.select(delivery.c.id)
            .where(delivery.c.batch == claimed.id, delivery.c.state == DeliveryState.IN_BATCH)
            .order_by(delivery.c.id)
        )
    )
    half = ids[len(ids) // 2 :]
    values = {
        "week": claimed.week,
        "state": BatchState.PENDING,
        "recipients": len(half),
        "content_hash": claimed.content_hash,
    }
    at = int(connection.execute(sa.insert(batch).values(**values).returning(batch.c.id)).scalar_one())
    for part in chunked(half):
        connection.execute(sa.update(delivery).where(delivery.c.id.in_(part)).values(batch=at, updated_at=now))
    connection.execute(
        sa.update(batch).where(batch.c.id == claimed.id).values(recipients=batch.c.recipients - len(half))
    )
    return at


def expired(connection: Connection, week: Week, *, now: datetime) -> list[Expired]:
    """Batches whose lease has run out while claimed or sending."""
    query = sa.select(batch).where(
        batch.c.week == str(week),
        batch.c.state.in_((BatchState.CLAIMED, BatchState.SENDING)),
        batch.c.lease_until < now,
    )
    return [Expired(id=row.id, state=BatchState(row.state), fence=row.fence) for row in connection.execute(query)]


def release(connection: Connection, found: Expired, after: BatchState, *, now: datetime) -> bool:
    """Give a batch whose owner has gone silent the state that the ledger says. Returns whether it was still so."""
    values: dict[str, Any] = {"state": after, "owner": None, "lease_until": None}
    where = sa.and_(batch.c.id == found.id, batch.c.state == found.state, batch.c.fence == found.fence)
    if connection.execute(sa.update(batch).where(where).values(**values)).rowcount != 1:
        return False
    attempts.end(connection, found.id, _OUTCOMES[after], answer="no answer before its lease ran out", now=now)
    if after is BatchState.UNCERTAIN:
        doubtful = sa.and_(delivery.c.batch == found.id, delivery.c.state == DeliveryState.IN_BATCH)
        connection.execute(sa.update(delivery).where(doubtful).values(state=DeliveryState.UNCERTAIN, updated_at=now))
    return True


def give_up(connection: Connection, owner: str) -> int:
    """Put back every batch that this owner has claimed and not begun. Returns how many."""
    values: dict[str, Any] = {"state": BatchState.PENDING, "owner": None, "lease_until": None}
    where = sa.and_(batch.c.owner == owner, batch.c.state == BatchState.CLAIMED)
    return connection.execute(sa.update(batch).where(where).values(**values)).rowcount


def next_due(connection: Connection, week: Week) -> datetime | None:
    """When the first of the pending batches may be claimed; None when none is pending, or one may be at any time."""
    query = sa.select(batch.c.not_before).where(batch.c.week == str(week), batch.c.state == BatchState.PENDING)
    found: datetime | None = connection.scalar(query.order_by(batch.c.not_before.asc().nulls_first()).limit(1))
    return found


def ranges(connection: Connection, week: Week, *, recipients: int) -> list[tuple[int, int]]:
    """The open batches of an edition cut into ranges (first id, last id) of about so many recipients each."""
    query = sa.select(batch.c.id, batch.c.recipients).where(
        batch.c.week == str(week), batch.c.state.in_(_OPEN_BATCH), batch.c.state != BatchState.UNCERTAIN
    )
    found: list[tuple[int, int]] = []
    held = recipients
    for at, many in connection.execute(query.order_by(batch.c.id)):
        if held >= recipients:
            found.append((at, at))
            held = 0
        found[-1] = (found[-1][0], at)
        held += many
    return found


def batches(connection: Connection, week: Week) -> dict[str, int]:
    """How many batches of an edition are in which state."""
    query = sa.select(batch.c.state, sa.func.count()).where(batch.c.week == str(week)).group_by(batch.c.state)
    return {row[0]: row[1] for row in connection.execute(query)}


def counts(connection: Connection, week: Week) -> dict[str, int]:
    """How many deliveries of an edition are in which state."""
    query = sa.select(delivery.c.state, sa.func.count()).where(delivery.c.week == str(week)).group_by(delivery.c.state)
    return {row[0]: row[1] for row in connection.execute(query)}


def is_open(connection: Connection, week: Week) -> bool:
    """Whether anybody's mail of this edition is still undecided."""
    open_delivery = sa.select(delivery.c.id).where(
        delivery.c.week == str(week),
        delivery.c.state.in_((DeliveryState.PENDING, DeliveryState.IN_BATCH, DeliveryState.UNCERTAIN)),
    )
    open_batch = sa.select(batch.c.id).where(batch.c.week == str(week), batch.c.state.in_(_OPEN_BATCH))
    return any(connection.scalar(query.limit(1)) is not None for query in (open_delivery, open_batch))


def answers(connection: Connection, week: Week) -> list[dict[str, Any]]:
    """Batches that are not simply sent, with the provider's own words."""
    query = sa.select(batch.c.id, batch.c.state, batch.c.recipients, batch.c.attempts, batch.c.answer).where(
        batch.c.week == str(week),
        batch.c.state.in_((BatchState.UNCERTAIN, BatchState.FAILED)),
    )
    return [dict(row) for row in connection.execute(query.order_by(batch.c.id)).mappings()]
