"""Uncertain batches: what is known of them, and how evidence settles them.

Each settlement is a compare-and-set on the attempt and the claim: of two who bring evidence the second changes
nothing, and evidence about an earlier attempt cannot settle a later one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from core.delivery import Attempt, AttemptOutcome, BatchState, DeliveryState, Evidence, Settlement
from core.subscriber import address_key
from core.week import Week
from store import attempts
from store.connect import chunked
from store.schema import attempt, batch, delivery, event, subscriber


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertain:
    """A batch whose attempt may have been taken."""

    id: int
    week: str
    fence: int
    attempt: Attempt
    started_at: datetime
    answer: str
    recipients: int  # whose outcome is not known


_DOUBTFUL = (
    sa.select(sa.func.count())
    .where(delivery.c.batch == batch.c.id, delivery.c.state == DeliveryState.UNCERTAIN)
    .scalar_subquery()
    .label("doubtful")
)


def listed(connection: Connection, week: Week, *, limit: int | None = None) -> list[Uncertain]:
    """The uncertain batches of an edition, by id; the first `limit` of them."""
    query = sa.select(batch, _DOUBTFUL).where(batch.c.week == str(week), batch.c.state == BatchState.UNCERTAIN)
    return [_uncertain(row) for row in connection.execute(query.order_by(batch.c.id).limit(limit))]


def about(connection: Connection, attempts_: Sequence[str]) -> list[Uncertain]:
    """The uncertain batches whose present attempt is one of these."""
    found: list[Uncertain] = []
    for part in chunked(list(attempts_)):
        query = sa.select(batch, _DOUBTFUL).where(batch.c.attempt.in_(part), batch.c.state == BatchState.UNCERTAIN)
        found += [_uncertain(row) for row in connection.execute(query.order_by(batch.c.id))]
    return found


def _uncertain(row: sa.Row[Any]) -> Uncertain:
    return Uncertain(
        id=row.id,
        week=row.week,
        fence=row.fence,
        attempt=Attempt(id=row.attempt, fence=row.provider_batch, send_at=row.send_at),
        started_at=row.started_at,
        answer=row.answer,
        recipients=row.doubtful,
    )


def weeks(connection: Connection) -> list[Week]:
    """Weeks that have an uncertain batch."""
    query = sa.select(batch.c.week).where(batch.c.state == BatchState.UNCERTAIN).distinct().order_by(batch.c.week)
    return [Week.parse(each) for each in connection.scalars(query)]


def is_reported(connection: Connection, attempt_id: str) -> bool:
    """Whether an event of the provider's carries the attempt's id."""
    return connection.scalar(sa.select(event.c.id).where(event.c.attempt == attempt_id).limit(1)) is not None


def some_addresses(connection: Connection, batch_id: int, *, limit: int) -> list[str]:
    """Addresses of a batch's uncertain deliveries, to look for in the provider's log: from both ends."""
    query = (
        sa.select(subscriber.c.address)
        .join(delivery, delivery.c.subscriber == subscriber.c.id)
        .where(delivery.c.batch == batch_id, delivery.c.state == DeliveryState.UNCERTAIN)
    )
    first = list(connection.scalars(query.order_by(delivery.c.id).limit(limit)))
    last = list(connection.scalars(query.order_by(delivery.c.id.desc()).limit(limit)))
    return list(dict.fromkeys([*first[: (limit + 1) // 2], *last[: limit // 2]]))


def resolve(
    connection: Connection,
    found: Uncertain,
    settlement: Settlement,
    *,
    evidence: Evidence,
    word: str = "",
    words: Mapping[int, str] = MappingProxyType({}),
    now: datetime,
) -> bool:
    """Settle the doubt. Every uncertain delivery of the batch becomes `settlement.deliveries`, except its exceptions.
    `word` is what is said of them all, `words` of single ones, by delivery.

    Returns False, and changes nothing, when the batch is no longer uncertain about this attempt.
    """
    values: dict[str, Any] = {
        "state": settlement.batch,
        "evidence": evidence,
        "not_before": settlement.not_before,
        "settled_at": None if settlement.batch is BatchState.PENDING else now,
    }
    where = sa.and_(
        batch.c.id == found.id,
        batch.c.state == BatchState.UNCERTAIN,
        batch.c.fence == found.fence,
        batch.c.attempt == found.attempt.id,
    )
    if connection.execute(sa.update(batch).where(where).values(**values)).rowcount != 1:
        return False
    attempts.correct(connection, found.attempt.id, _outcome(settlement.batch, evidence), now=now)
    _settle_deliveries(connection, found.id, settlement, word=word, words=words, now=now)
    return True


def settle_some(
    connection: Connection, found: Uncertain, addresses: Sequence[str], *, sent: bool, word: str, now: datetime
) -> int:
    """Settle those of a batch's uncertain deliveries that go to one of these addresses; once none is left, the batch,
    too. Returns how many were settled."""
    people = sa.select(subscriber.c.id).where(subscriber.c.address_key.in_([address_key(each) for each in addresses]))
    chosen = sa.and_(
        delivery.c.batch == found.id,
        delivery.c.state == DeliveryState.UNCERTAIN,
        delivery.c.subscriber.in_(people),
        sa.exists(
            sa.select(batch.c.id).where(
                batch.c.id == found.id,
                batch.c.state == BatchState.UNCERTAIN,
                batch.c.fence == found.fence,
                batch.c.attempt == found.attempt.id,
            )
        ),
    )
    state = DeliveryState.ACCEPTED if sent else DeliveryState.REFUSED
    values: dict[str, Any] = {"state": state, "word": word[:1000], "updated_at": now}
    settled = connection.execute(sa.update(delivery).where(chosen).values(**values)).rowcount
    left = sa.select(delivery.c.id).where(delivery.c.batch == found.id, delivery.c.state == DeliveryState.UNCERTAIN)
    if settled and connection.scalar(left.limit(1)) is None:
        # Some may have been taken: the batch is sent. Who did not get it is among those of `retry --only unsent`.
        values = {"state": BatchState.SENT, "evidence": Evidence.OPERATOR_NOT_SENT, "settled_at": now}
        connection.execute(sa.update(batch).where(batch.c.id == found.id).values(**values))
        attempts.correct(connection, found.attempt.id, AttemptOutcome.TAKEN, now=now)
    return settled


def _settle_deliveries(
    connection: Connection,
    batch_id: int,
    settlement: Settlement,
    *,
    word: str,
    words: Mapping[int, str],
    now: datetime,
) -> None:
    doubtful = sa.and_(delivery.c.batch == batch_id, delivery.c.state == DeliveryState.UNCERTAIN)
    for at, state in settlement.exceptions.items():
        values: dict[str, Any] = {"state": state, "word": words.get(at, word)[:1000], "updated_at": now}
        if state is DeliveryState.PENDING:
            values["batch"] = None
        connection.execute(sa.update(delivery).where(doubtful, delivery.c.id == at).values(**values))
    if settlement.deliveries is not DeliveryState.UNCERTAIN:
        values = {"state": settlement.deliveries, "word": word[:1000], "updated_at": now}
        connection.execute(sa.update(delivery).where(doubtful).values(**values))


def _outcome(state: BatchState, evidence: Evidence) -> AttemptOutcome:
    if evidence is Evidence.CALLED_OFF:
        return AttemptOutcome.CALLED_OFF
    if state is BatchState.UNCERTAIN:
        return AttemptOutcome.UNCERTAIN
    taken = state in (BatchState.SENT, BatchState.CONFIRMED)
    return AttemptOutcome.TAKEN if taken else AttemptOutcome.NOT_TAKEN


def scheduled(connection: Connection, week: Week, *, after: datetime) -> list[Uncertain]:
    """Batches that the provider has taken and will not send before `after`: they can still be called off."""
    query = (
        sa.select(batch, sa.literal(0).label("doubtful"))
        .join(attempt, attempt.c.id == batch.c.attempt)
        .where(
            batch.c.week == str(week),
            batch.c.state == BatchState.SENT,
            attempt.c.provider_batch.is_not(None),
            attempt.c.send_at > after,
            attempt.c.outcome == AttemptOutcome.TAKEN,
        )
    )
    return [_uncertain(row) for row in connection.execute(query.order_by(batch.c.id.desc()))]


def take_back(connection: Connection, found: Uncertain, *, word: str, now: datetime) -> bool:
    """A batch that was taken has been called off at the provider before its time: nobody of it gets the mail.

    It stays `sent`, which leads nowhere: what was once taken is never handed over again.
    """
    where = sa.and_(
        batch.c.id == found.id,
        batch.c.state == BatchState.SENT,
        batch.c.attempt == found.attempt.id,
        sa.or_(batch.c.evidence.is_(None), batch.c.evidence != Evidence.CALLED_OFF),
    )
    if connection.execute(sa.update(batch).where(where).values(evidence=Evidence.CALLED_OFF)).rowcount != 1:
        return False
    attempts.correct(connection, found.attempt.id, AttemptOutcome.CALLED_OFF, now=now)
    taken = sa.and_(delivery.c.batch == found.id, delivery.c.state == DeliveryState.ACCEPTED)
    values = {"state": DeliveryState.SUPPRESSED, "word": word[:1000], "updated_at": now}
    connection.execute(sa.update(delivery).where(taken).values(**values))
    return True
