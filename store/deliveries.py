"""The ledger: one delivery per edition and subscriber, batches, claims and settlements.

Every change of state is a compare-and-set: an UPDATE that names the state it expects, so that of two workers one
finds nothing to do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from core.delivery import Attempt, AttemptOutcome, BatchState, DeliveryState, Settlement
from core.subscriber import Rhythm, SubscriberState
from core.week import Week
from store import attempts, editions
from store.connect import among, chunked, insert_for
from store.schema import batch, delivery, edition, edition_taste, subscriber, suppression
from store.subscribers import domain_of, key_hash, not_paused, receives, suppressed_domains
from store.types import Id

_TAKEN = (BatchState.SENT, BatchState.CONFIRMED)
_KEPT_BACK = {DeliveryState.REFUSED: BatchState.FAILED, DeliveryState.SUPPRESSED: DeliveryState.SUPPRESSED}
_OPEN_BATCH = (BatchState.PENDING, BatchState.CLAIMED, BatchState.SENDING, BatchState.UNCERTAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A batch that a worker owns until then. `fence` counts claims: what it settles must name it."""

    id: int
    week: str
    fence: int
    until: datetime
    variant: int
    content_hash: str
    recipients: int  # when it was made; some may have left since


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """A batch whose owner has gone silent."""

    id: int
    state: BatchState
    fence: int


class Addressee(NamedTuple):
    """One recipient of a batch: all that their mail needs. A tuple, since a batch has a thousand: it is made in a
    quarter of the time."""

    delivery: int
    subscriber: int
    address: str
    name: str
    confirmed_on: date
    key_hash: str  # of the address; also what signed links are stamped with


def fix_recipients(connection: Connection, week: Week, *, now: datetime) -> int:
    """One delivery for each subscriber who is to receive the edition (store/subscribers.py says who), once: later calls
    add nobody. Which variant they get is fixed with it: by their taste, or the best of a month for monthly readers.
    Returns how many there are."""
    if _begin_to_fix(connection, week, now=now):
        reader = _readers(connection, week, now=now)
        row = (*_delivery(week, DeliveryState.PENDING, now=now), reader.c.id, reader.c.variant)
        _insert(connection, ["subscriber", "variant"], sa.select(*row).order_by(reader.c.id))
    return _count(connection, week)


def fix_in_batches(connection: Connection, week: Week, *, size: int, now: datetime) -> int:
    """`fix_recipients` and `make_batches` in one, for an edition that goes out all at one time. Returns how many there are.

    PostgreSQL writes a changed row and its place in every index anew: there a delivery is written with its batch at once, at
    half the cost. SQLite changes rows where they stand, and takes longer to number them.
    """
    if connection.dialect.name == "postgresql":
        if _begin_to_fix(connection, week, now=now):
            _write_in_batches(connection, week, size=size, now=now)
        return _count(connection, week)
    many = fix_recipients(connection, week, now=now)
    make_batches(connection, week, size=size, now=now)
    return many


def _write_in_batches(connection: Connection, week: Week, *, size: int, now: datetime) -> None:
    readers = _readers(connection, week, now=now)
    _open_batches(connection, week, readers, size=size)
    place = sa.func.row_number().over(partition_by=readers.c.variant, order_by=readers.c.id) - 1
    number = sa.cast(sa.func.div(place, size), sa.Integer)
    reader = sa.select(readers.c.id, readers.c.variant, number.label("number")).subquery("reader")
    made = _batches_of_variants(week)
    # A list looked into by number: joined by number, each reader would be held against each batch of their variant. Who
    # has come since the batches were counted finds none.
    mine = sa.and_(made.c.variant == reader.c.variant, reader.c.number < sa.func.cardinality(made.c.batches))
    row = (*_delivery(week, DeliveryState.IN_BATCH, now=now), reader.c.id, reader.c.variant)
    placed = sa.select(*row, made.c.batches[reader.c.number + 1]).select_from(reader.join(made, mine))
    _insert(connection, ["subscriber", "variant", "batch"], placed)
    _recount(connection, week)


def _begin_to_fix(connection: Connection, week: Week, *, now: datetime) -> bool:
    """Whether the recipients are still to be fixed; from now on they are."""
    fresh = sa.and_(edition.c.week == str(week), edition.c.recipients_fixed_at.is_(None))
    return connection.execute(sa.update(edition).where(fresh).values(recipients_fixed_at=now)).rowcount == 1


def _readers(connection: Connection, week: Week, *, now: datetime) -> sa.Subquery:
    """Who is to receive an edition, each with their variant."""
    tasting = sa.and_(edition_taste.c.week == str(week), edition_taste.c.taste == subscriber.c.taste)
    found = sa.select(subscriber.c.id, _variant(connection, week).label("variant"))
    joined = found.select_from(subscriber.outerjoin(edition_taste, tasting))
    return joined.where(receives(connection, week, now=now)).subquery("readers")


def _delivery(week: Week, state: DeliveryState, *, now: datetime) -> tuple[sa.ColumnElement[Any], ...]:
    """What all deliveries of an edition have in common, in the order of `_insert`."""
    return sa.literal(str(week)), sa.literal(state.value), sa.literal(now, delivery.c.updated_at.type)


def _insert(connection: Connection, columns: Sequence[str], select: sa.Select[Any]) -> None:
    insert = insert_for(connection, delivery).from_select(["week", "state", "updated_at", *columns], select)
    connection.execute(insert.on_conflict_do_nothing())


def _count(connection: Connection, week: Week) -> int:
    return connection.scalar(sa.select(sa.func.count()).where(delivery.c.week == str(week))) or 0


def _open_batches(connection: Connection, week: Week, readers: sa.Subquery, *, size: int) -> None:
    """Batches for so many readers of each variant, those of a variant one after the other."""
    query = sa.select(readers.c.variant, sa.func.count()).group_by(readers.c.variant)
    many = {row[0]: row[1] for row in connection.execute(query)}
    rows = [
        {
            "week": str(week),
            "state": BatchState.PENDING,
            "recipients": min(size, many[variant] - first),
            "variant": variant,
            "content_hash": content_hash,
        }
        for variant, content_hash in editions.contents(connection, week).items()
        for first in range(0, many.get(variant, 0), size)
    ]
    if rows:
        connection.execute(sa.insert(batch), rows)


def _batches_of_variants(week: Week) -> sa.Subquery:
    """The batches of each of an edition's variants, in the order of their numbers, as a list of PostgreSQL's."""
    from sqlalchemy.dialects.postgresql import aggregate_order_by  # noqa: PLC0415 - as in `insert_for`

    ordered = sa.func.array_agg(aggregate_order_by(batch.c.id, batch.c.id), type_=sa.ARRAY(Id))
    mine = sa.select(batch.c.variant, ordered.label("batches")).where(batch.c.week == str(week))
    return mine.group_by(batch.c.variant).subquery("made")


def _recount(connection: Connection, week: Week) -> None:
    """Between two statements of one transaction others may leave or change their minds: what a batch says that it holds is
    what it holds."""
    held = sa.select(sa.func.count()).where(delivery.c.batch == batch.c.id).scalar_subquery()
    mine = batch.c.week == str(week)
    connection.execute(sa.update(batch).where(mine).values(recipients=held))
    connection.execute(sa.delete(batch).where(mine, batch.c.recipients == 0))


def _variant(connection: Connection, week: Week) -> sa.ColumnElement[int]:
    """Which variant a subscriber gets, of those that were frozen with the edition."""
    tasted, best_of = sa.func.coalesce(edition_taste.c.variant, 0), editions.best_of(connection, week)
    if best_of is None:
        return tasted
    return sa.case((subscriber.c.rhythm == Rhythm.MONTHLY, best_of), else_=tasted)


def make_batches(
    connection: Connection,
    week: Week,
    *,
    size: int,
    now: datetime,
    not_before: datetime | None = None,
    wave: int | None = None,
    zones: Collection[str | None] | None = None,
) -> int:
    """Put every pending delivery into a batch of at most `size`, each of one variant. Returns how many were made.

    With `wave`, so many deliveries an hour: the first wave at `not_before` (now without it), each next an hour later.
    With `zones`, only the readers of these time zones; None among them are those who have said none.
    """
    # Two workers of PostgreSQL that batch at once would both count the same deliveries in.
    connection.execute(sa.select(edition.c.week).where(edition.c.week == str(week)).with_for_update())
    made = placed = 0
    for variant, content_hash in editions.contents(connection, week).items():
        last = 0
        mine = sa.and_(
            delivery.c.week == str(week),
            delivery.c.state == DeliveryState.PENDING,
            delivery.c.variant == variant,
            sa.true() if zones is None else _lives_in(zones),
        )
        while ids := _pending(connection, mine, after=last, limit=min(size, wave - placed % wave) if wave else size):
            due = (not_before or now) + timedelta(hours=placed // wave) if wave and placed >= wave else not_before
            last, placed = ids[-1], placed + len(ids)
            values = {
                "week": str(week),
                "state": BatchState.PENDING,
                "recipients": len(ids),
                "variant": variant,
                "content_hash": content_hash,
                "not_before": due,
            }
            at = connection.execute(sa.insert(batch).values(**values).returning(batch.c.id)).scalar_one()
            where = sa.and_(mine, delivery.c.id.between(ids[0], ids[-1]))
            connection.execute(
                sa.update(delivery).where(where).values(batch=at, state=DeliveryState.IN_BATCH, updated_at=now)
            )
            made += 1
    return made


def _lives_in(zones: Collection[str | None]) -> sa.ColumnElement[bool]:
    named = subscriber.c.time_zone.in_([each for each in zones if each is not None])
    said = sa.or_(named, subscriber.c.time_zone.is_(None)) if None in zones else named
    return sa.exists(sa.select(subscriber.c.id).where(subscriber.c.id == delivery.c.subscriber, said))


def time_zones(connection: Connection, week: Week) -> list[str | None]:
    """The time zones of those who wait for an edition; None: some have said none, or have been erased since."""
    query = (
        sa.select(subscriber.c.time_zone)
        .select_from(delivery.join(subscriber, subscriber.c.id == delivery.c.subscriber))
        .where(delivery.c.week == str(week), delivery.c.state == DeliveryState.PENDING)
        .distinct()
    )
    return list(connection.scalars(query.order_by(subscriber.c.time_zone)))


def _pending(connection: Connection, mine: sa.ColumnElement[bool], *, after: int, limit: int) -> list[int]:
    query = sa.select(delivery.c.id).where(mine, delivery.c.id > after)
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
        id=row.id,
        week=row.week,
        fence=row.fence,
        until=until,
        variant=row.variant,
        content_hash=row.content_hash,
        recipients=row.recipients,
    )


def last_look(connection: Connection, claimed: Claimed, *, now: datetime) -> list[Addressee]:
    """Who a claimed batch goes to, in the order of the deliveries. Those who have left, paused, bounced, complained or
    been erased since it was made are taken out, and addresses and domains that have been suppressed.

    To be asked in the transaction of the claim: whoever is erased after it has been handed over, whoever was erased
    before it is not among them.
    """
    rows = connection.execute(_held(claimed.id, now)).all()
    _suppress(connection, claimed.id, [at for at, *_, stays in rows if not stays], "left before", now)
    people = [
        Addressee(at, who, address, name, on, key_hash(key)) for at, who, address, name, on, key, stays in rows if stays
    ]
    listed = _listed(connection, people, {row[0]: row[-2] for row in rows})
    _suppress(connection, claimed.id, listed, "suppressed address", now)
    return [each for each in people if each.delivery not in listed] if listed else people


def _held(batch_id: int, now: datetime) -> sa.Select[Any]:
    """The recipients of a batch as `Addressee` has them but for the hash, then the address key, and whether the mail is
    still for them."""
    stays = sa.and_(subscriber.c.state == SubscriberState.ACTIVE, not_paused(now))
    return (
        sa.select(
            delivery.c.id,
            subscriber.c.id,
            subscriber.c.address,
            subscriber.c.name,
            sa.func.date(sa.func.coalesce(subscriber.c.confirmed_at, subscriber.c.created_at), type_=sa.Date),
            subscriber.c.address_key,
            stays,
        )
        .join_from(delivery, subscriber, subscriber.c.id == delivery.c.subscriber, isouter=True)
        .where(delivery.c.batch == batch_id, delivery.c.state == DeliveryState.IN_BATCH)
        .order_by(delivery.c.id)
    )


def _listed(connection: Connection, people: Sequence[Addressee], keys: Mapping[int, str]) -> set[int]:
    """The deliveries of those whose address or domain is never to be mailed again."""
    domains = suppressed_domains(connection)
    found = {each.delivery for each in people if domains and domain_of(keys[each.delivery]) in domains}
    hashes = {each.key_hash: each.delivery for each in people}
    query = sa.select(suppression.c.address_hash)
    hits = connection.scalars(query.where(among(connection, suppression.c.address_hash, list(hashes))))
    return found | {hashes[each] for each in hits}


def _suppress(connection: Connection, batch_id: int, ids: Collection[int], word: str, now: datetime) -> None:
    values = {"state": DeliveryState.SUPPRESSED, "word": word, "updated_at": now}
    held = sa.and_(delivery.c.batch == batch_id, delivery.c.state == DeliveryState.IN_BATCH)
    for part in chunked(list(ids)):
        connection.execute(sa.update(delivery).where(held, delivery.c.id.in_(part)).values(**values))


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
        "variant": claimed.variant,
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


def are_fixed(connection: Connection, week: Week) -> bool:
    """Whether the recipients of an edition have been written down, which is how its sending begins."""
    return connection.execute(sa.select(delivery.c.id).where(delivery.c.week == str(week)).limit(1)).first() is not None


def recipients_by_state(connection: Connection, weeks: Sequence[str]) -> dict[str, dict[str, int]]:
    """By week and by the state of their batch, how many recipients.

    Of a batch that was handed over some were not: who was refused alone counts as `failed`, who left just before as
    `suppressed`. Otherwise it is a look at the batches, never at every delivery.
    """
    found: dict[str, dict[str, int]] = {week: defaultdict(int) for week in weeks}
    query = sa.select(batch.c.week, batch.c.state, sa.func.sum(batch.c.recipients)).where(batch.c.week.in_(weeks))
    for week, state, many in connection.execute(query.group_by(batch.c.week, batch.c.state)):
        found[week][state] += int(many)
    kept_back = (
        sa.select(delivery.c.week, batch.c.state, delivery.c.state, sa.func.count())
        .join_from(delivery, batch, batch.c.id == delivery.c.batch)
        .where(delivery.c.week.in_(weeks), delivery.c.state.in_(_KEPT_BACK), batch.c.state.in_(_TAKEN))
        .group_by(delivery.c.week, batch.c.state, delivery.c.state)
    )
    for week, state, why, many in connection.execute(kept_back):
        found[week][state] -= many
        found[week][_KEPT_BACK[why]] += many
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How many recipients were handed over since then."""

    recipients: int
    since: datetime


def pace(connection: Connection, week: Week, *, since: datetime) -> Pace | None:
    """What was handed over since an instant, or since the first of it was begun, if that is later; None: nothing."""
    query = sa.select(sa.func.sum(batch.c.recipients), sa.func.min(batch.c.started_at)).where(
        batch.c.week == str(week), batch.c.state.in_(_TAKEN), batch.c.settled_at > since
    )
    recipients_, began = connection.execute(query).one()
    return Pace(recipients=int(recipients_), since=max(since, began)) if recipients_ else None


def due_between(connection: Connection, week: Week) -> tuple[datetime | None, datetime | None]:
    """When the first and the last of the pending batches are due; None for one that is at any time, or for none."""
    query = sa.select(sa.func.max(batch.c.not_before)).where(
        batch.c.week == str(week), batch.c.state == BatchState.PENDING
    )
    last: datetime | None = connection.scalar(query)
    return next_due(connection, week), last


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
