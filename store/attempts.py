"""Attempts: every try at handing a batch over, the limit on those that may be called off, and control messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from core.delivery import Attempt, AttemptOutcome, BatchState
from store.connect import insert_for
from store.schema import attempt, batch, bucket, control


def begin(connection: Connection, batch_id: int, begun: Attempt, *, now: datetime) -> None:
    """Write a try down before its request."""
    values = {
        "id": begun.id,
        "batch": batch_id,
        "provider_batch": begun.fence,
        "started_at": now,
        "send_at": begun.send_at or now,
    }
    connection.execute(sa.insert(attempt).values(**values))


def end(connection: Connection, batch_id: int, outcome: AttemptOutcome, *, answer: str, now: datetime) -> None:
    """What became of the try that is under way for a batch; without one nothing happens."""
    values = {"outcome": outcome, "ended_at": now, "answer": answer[:4000]}
    where = sa.and_(attempt.c.batch == batch_id, attempt.c.outcome.is_(None))
    connection.execute(sa.update(attempt).where(where).values(**values))


def correct(connection: Connection, attempt_id: str, outcome: AttemptOutcome, *, now: datetime) -> None:
    """Evidence has settled what a try had left open; its answer stays as it was."""
    connection.execute(sa.update(attempt).where(attempt.c.id == attempt_id).values(outcome=outcome, ended_at=now))


def known(connection: Connection, ids: Sequence[str]) -> int:
    """How many of these attempts there are; of at most a hundred."""
    return connection.scalar(sa.select(sa.func.count()).where(attempt.c.id.in_(ids))) or 0


def in_flight(connection: Connection, *, now: datetime) -> int:
    """How many places of the provider's limit on cancellations are taken, over all editions: claims that will become
    attempts, attempts that may have to be called off, and those called off whose time has not passed."""
    may_count = (AttemptOutcome.UNCERTAIN, AttemptOutcome.CALLED_OFF)
    open_attempts = sa.select(sa.func.count()).where(
        attempt.c.send_at > now,
        attempt.c.provider_batch.is_not(None),
        sa.or_(attempt.c.outcome.is_(None), attempt.c.outcome.in_(may_count)),
    )
    claims = sa.select(sa.func.count()).where(batch.c.state == BatchState.CLAIMED, batch.c.lease_until >= now)
    return (connection.scalar(open_attempts) or 0) + (connection.scalar(claims) or 0)


# --- control messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A mail to ourselves that shows whether the provider's log is up to date. `mark` is its own attempt id."""

    mark: str
    sent_at: datetime
    seen_at: datetime | None


def find_control(connection: Connection, attempt_id: str) -> Control | None:
    """The control message of an uncertain attempt, None when there is none yet."""
    row = connection.execute(sa.select(control).where(control.c.attempt == attempt_id)).one_or_none()
    return None if row is None else Control(mark=row.mark, sent_at=row.sent_at, seen_at=row.seen_at)


def controls(connection: Connection, attempts_: Sequence[str]) -> dict[str, Control]:
    """The control messages of these attempts, of at most a hundred."""
    rows = connection.execute(sa.select(control).where(control.c.attempt.in_(attempts_)))
    return {row.attempt: Control(mark=row.mark, sent_at=row.sent_at, seen_at=row.seen_at) for row in rows}


def note_control(connection: Connection, attempt_id: str, *, mark: str, now: datetime) -> None:
    """A control message has been accepted; of two, the first one stays."""
    insert = insert_for(connection, control).values(attempt=attempt_id, mark=mark, sent_at=now)
    connection.execute(insert.on_conflict_do_nothing())


def see_control(connection: Connection, attempt_id: str, *, now: datetime) -> None:
    """The provider's log shows the control message."""
    where = sa.and_(control.c.attempt == attempt_id, control.c.seen_at.is_(None))
    connection.execute(sa.update(control).where(where).values(seen_at=now))


# --- the rate limit


def level(connection: Connection, name: str, *, full: float, now: datetime) -> tuple[float, datetime]:
    """A transport's bucket, locked until the end of the transaction: tokens and the instant they were counted at.

    A new bucket is `full`. Locking it is also what makes two claims of one transport wait for each other.
    """
    insert = insert_for(connection, bucket).values(name=name, tokens=full, at=now)
    connection.execute(insert.on_conflict_do_nothing())
    query = sa.select(bucket.c.tokens, bucket.c.at).where(bucket.c.name == name).with_for_update()
    tokens, at = connection.execute(query).one()
    return tokens, at


def fill(connection: Connection, name: str, *, tokens: float, now: datetime) -> None:
    """What the bucket holds now."""
    connection.execute(sa.update(bucket).where(bucket.c.name == name).values(tokens=tokens, at=now))
