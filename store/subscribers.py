"""Subscribers, the trail of their consent, and the addresses and domains never to be mailed again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from core.category import taste
from core.delivery import DeliveryState
from core.errors import Conflict, NotFound
from core.subscriber import Rhythm, Subscriber, SubscriberState, address_key
from core.week import Week
from store.connect import among, insert_for
from store.schema import (
    comparison,
    consent,
    delivery,
    event,
    former_address,
    subscriber,
    suppressed_domain,
    suppression,
    tool,
    vote,
)

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


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
        time_zone=row.time_zone,
        language=row.language,
        paused_until=row.paused_until,
        rhythm=Rhythm(row.rhythm),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How often a subscriber was sent a confirmation mail since they last asked for one, and when the last time."""

    times: int
    last: datetime | None


def asked(connection: Connection, at: int) -> Asked:
    """What a pending subscriber was sent so far."""
    query = sa.select(subscriber.c.asks, subscriber.c.asked_at).where(subscriber.c.id == at)
    row = connection.execute(query).one_or_none()
    return Asked(times=row.asks, last=row.asked_at) if row else Asked(times=0, last=None)


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
    values = _newcomer(
        address=address,
        key=address_key(address),
        name=name,
        categories=categories,
        confirmed_at=confirmed_at,
        now=now,
    )
    insert = insert_for(connection, subscriber).values(**values).on_conflict_do_nothing(index_elements=["address_key"])
    at = connection.execute(insert.returning(subscriber.c.id)).scalar_one_or_none()
    if at is None:  # somebody added it since the caller looked
        raise Conflict("This address is known already.", mend="Nothing was changed; look again.")
    note_consent(connection, at, trail, now=now)
    made = get(connection, at)
    if made is None:  # pragma: no cover - the row was written a line ago
        raise NotFound(f"Subscriber {at} vanished.")
    return made


def _newcomer(
    *, address: str, key: str, name: str, categories: Sequence[str], confirmed_at: datetime | None, now: datetime
) -> dict[str, Any]:
    return {
        "address": address,
        "address_key": key,
        "name": name,
        "state": SubscriberState.ACTIVE.value if confirmed_at else SubscriberState.PENDING.value,
        "categories": list(categories),
        "taste": taste(categories),
        "created_at": now,
        "confirmed_at": confirmed_at,
        "asked_at": None if confirmed_at else now,
        "asks": 0 if confirmed_at else 1,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """A row of a list: somebody who has agreed elsewhere, in these words."""

    address: str
    key: str  # `address_key` of it
    name: str
    categories: Sequence[str]
    consent: str
    confirmed_at: datetime


def add_many(connection: Connection, newcomers: Sequence[Newcomer], *, source: str, now: datetime) -> int:
    """Add all of them, active, with their consent. Returns how many are active by it: the new ones, and those who had not
    confirmed yet; who else is there already is left as they are.

    No two of them may have the same address.
    """
    if not newcomers:
        return 0
    words = {each.key: each.consent for each in newcomers}
    rows = [
        {
            "address": each.address,
            "address_key": each.key,
            "name": each.name,
            "categories": each.categories,
            "taste": taste(each.categories) if each.categories else "",
            "confirmed_at": each.confirmed_at,
        }
        for each in newcomers
    ]
    same = {"state": SubscriberState.ACTIVE.value, "created_at": now}
    insert = _insert_many(connection, subscriber, rows, same)
    given = insert.excluded
    insert = insert.on_conflict_do_update(
        index_elements=["address_key"],
        set_={"state": given.state, "confirmed_at": given.confirmed_at, "left_at": None, "asks": 0},
        where=subscriber.c.state == SubscriberState.PENDING,
    )
    made = connection.execute(insert.returning(subscriber.c.id, subscriber.c.address_key)).all()
    if made:
        steps = [{"subscriber": at, "text": words[key]} for at, key in made]
        connection.execute(_insert_many(connection, consent, steps, {"at": now, "kind": "imported", "source": source}))
    return len(made)


def _insert_many(
    connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], same: Mapping[str, Any]
) -> sqlite.Insert | postgresql.Insert:
    """An INSERT of rows with the same columns, and with `same` in every one. They travel as one JSON value: a third of
    the time of a parameter for each cell."""
    is_postgres = connection.dialect.name == "postgresql"
    columns = [table.c[name] for name in rows[0]]
    text = sa.literal(
        orjson.dumps(
            rows, default=partial(_instant, zone="+00" if is_postgres else ""), option=orjson.OPT_PASSTHROUGH_DATETIME
        ).decode(),
        sa.Text,
    )
    if is_postgres:
        typed = (sa.column(each.name, each.type) for each in columns)
        each = sa.func.json_to_recordset(sa.cast(text, sa.JSON)).table_valued(*typed).render_derived(with_types=True)
        cells: list[sa.ColumnElement[Any]] = [each.c[column.name] for column in columns]
    else:
        each = sa.func.json_each(text).table_valued("value")
        cells = [sa.func.json_extract(each.c.value, f"$.{column.name}") for column in columns]
    constants = [sa.literal(value, table.c[name].type).label(name) for name, value in same.items()]
    select = sa.select(*cells, *constants).where(sa.true())
    return insert_for(connection, table).from_select([*rows[0], *same], select, include_defaults=False)


@lru_cache(maxsize=10_000)
def _instant(instant: datetime, *, zone: str) -> str:
    """An instant as the database reads it; SQLite keeps the UTC clock time and no zone."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}{zone}"


def settled_keys(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Those of these address keys that a subscriber has who is more than asked to confirm: consent from elsewhere changes
    nothing for them."""
    key = subscriber.c.address_key
    settled = subscriber.c.state != SubscriberState.PENDING
    return set(connection.scalars(sa.select(key).where(among(connection, key, keys), settled)))


def note_consent(connection: Connection, at: int, trail: Consent, *, now: datetime) -> None:
    """Add a step to the trail."""
    values = {"kind": trail.kind, "text": trail.text, "source": trail.source, "network": trail.network}
    connection.execute(sa.insert(consent).values(subscriber=at, at=now, **values))


def trail(connection: Connection, at: int) -> list[dict[str, Any]]:
    """Every step of a subscriber's consent, the oldest first."""
    query = sa.select(consent).where(consent.c.subscriber == at).order_by(consent.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def ask_again(connection: Connection, at: int, *, now: datetime) -> None:
    """Back to pending, with a fresh confirmation mail on its way. Until it is confirmed, having left still counts.

    Whoever was not pending begins anew: mails of an earlier request do not count.
    """
    asks = sa.case((subscriber.c.state == SubscriberState.PENDING, subscriber.c.asks + 1), else_=1)
    values = {"state": SubscriberState.PENDING, "asked_at": now, "asks": asks}
    connection.execute(sa.update(subscriber).where(subscriber.c.id == at).values(**values))


def not_asked(connection: Connection, at: int) -> None:
    """The last confirmation mail did not go out: it does not count."""
    where = sa.and_(subscriber.c.id == at, subscriber.c.state == SubscriberState.PENDING, subscriber.c.asks > 0)
    connection.execute(sa.update(subscriber).where(where).values(asks=subscriber.c.asks - 1))


def never_asked(connection: Connection, *, limit: int) -> list[Subscriber]:
    """Pending subscribers whose first confirmation mail has not gone out, the oldest first."""
    query = sa.select(subscriber).where(subscriber.c.state == SubscriberState.PENDING, subscriber.c.asks == 0)
    return [_subscriber(row) for row in connection.execute(query.order_by(subscriber.c.id).limit(limit))]


def confirm(connection: Connection, at: int, *, now: datetime) -> bool:
    """Pending becomes active. Returns False when it was not pending."""
    where = sa.and_(subscriber.c.id == at, subscriber.c.state == SubscriberState.PENDING)
    values = {"state": SubscriberState.ACTIVE, "confirmed_at": now, "left_at": None, "asks": 0}
    return connection.execute(sa.update(subscriber).where(where).values(**values)).rowcount == 1


def leave(connection: Connection, at: int, *, now: datetime) -> bool:
    """Pending or active becomes unsubscribed. Returns False when it was neither."""
    living = (SubscriberState.PENDING, SubscriberState.ACTIVE)
    where = sa.and_(subscriber.c.id == at, subscriber.c.state.in_(living))
    values = {"state": SubscriberState.UNSUBSCRIBED, "left_at": now}
    return connection.execute(sa.update(subscriber).where(where).values(**values)).rowcount == 1


def stay(connection: Connection, at: int, *, since: datetime) -> bool:
    """Whoever left at or after `since`, and had confirmed before, is active again. Returns False for anybody else."""
    where = sa.and_(
        subscriber.c.id == at,
        subscriber.c.state == SubscriberState.UNSUBSCRIBED,
        subscriber.c.confirmed_at.is_not(None),
        subscriber.c.left_at >= since,
    )
    values = {"state": SubscriberState.ACTIVE, "left_at": None}
    return connection.execute(sa.update(subscriber).where(where).values(**values)).rowcount == 1


def choose(connection: Connection, at: int, categories: Sequence[str]) -> None:
    """Keep the categories that a subscriber wants; none means all."""
    chosen = {"categories": list(categories), "taste": taste(categories)}
    connection.execute(sa.update(subscriber).where(subscriber.c.id == at).values(**chosen))


def keep_wishes(
    connection: Connection, at: int, *, rhythm: Rhythm, language: str | None, time_zone: str | None
) -> None:
    """Keep how often a subscriber wants an edition, and what they said of themselves."""
    values = {"rhythm": rhythm, "language": language, "time_zone": time_zone}
    connection.execute(sa.update(subscriber).where(subscriber.c.id == at).values(**values))


def pause(connection: Connection, at: int, *, until: datetime | None) -> None:
    """Send no edition before this instant; None: send the next one."""
    connection.execute(sa.update(subscriber).where(subscriber.c.id == at).values(paused_until=until))


def readdress(connection: Connection, found: Subscriber, address: str, *, now: datetime) -> None:
    """Give a subscriber another address; the old one is remembered by its hash. Raises Conflict when somebody has it.

    Who has the new address without ever having confirmed it gives way.
    """
    key = address_key(address)
    unproven = sa.and_(
        subscriber.c.address_key == key, subscriber.c.id != found.id, subscriber.c.confirmed_at.is_(None)
    )
    connection.execute(sa.delete(subscriber).where(unproven))
    taken = sa.select(subscriber.c.id).where(subscriber.c.address_key == key, subscriber.c.id != found.id)
    if connection.scalar(taken) is not None:
        raise Conflict(
            "This address has a subscription of its own.", mend="End one of the two by the link in its mail."
        )
    connection.execute(
        sa.update(subscriber).where(subscriber.c.id == found.id).values(address=address, address_key=key)
    )
    if key == found.address_key:
        return
    back = sa.and_(former_address.c.subscriber == found.id, former_address.c.address_hash == key_hash(key))
    connection.execute(sa.delete(former_address).where(back))
    former = insert_for(connection, former_address).values(
        subscriber=found.id, address_hash=key_hash(found.address_key), at=now
    )
    connection.execute(former.on_conflict_do_nothing())


def former_hashes(connection: Connection, at: int) -> list[str]:
    """The hashes of the addresses that a subscriber had before."""
    return list(connection.scalars(sa.select(former_address.c.address_hash).where(former_address.c.subscriber == at)))


def forgive(connection: Connection, address: str) -> None:
    """Somebody who had been erased has confirmed again, by their own hand."""
    erased = sa.and_(suppression.c.address_hash == address_hash(address), suppression.c.reason == "erased")
    connection.execute(sa.delete(suppression).where(erased))


def suppressed(connection: Connection, address: str) -> str | None:
    """Why this address must not be mailed (`domain` for one of a suppressed domain), None when it may."""
    key = address_key(address)
    found: str | None = connection.scalar(
        sa.select(suppression.c.reason).where(suppression.c.address_hash == key_hash(key))
    )
    return found or ("domain" if domain_of(key) in suppressed_domains(connection, only=domain_of(key)) else None)


def suppressed_hashes(connection: Connection, hashes: Sequence[str]) -> dict[str, str]:
    """Those of these hashes that must not be mailed, with the reason."""
    listed = among(connection, suppression.c.address_hash, hashes)
    query = sa.select(suppression.c.address_hash, suppression.c.reason).where(listed)
    return {row[0]: row[1] for row in connection.execute(query)}


def permit(connection: Connection, address: str) -> str | None:
    """Take an address off the list. Returns the reason that it was there for, None when it was not."""
    gone = sa.delete(suppression).where(suppression.c.address_hash == address_hash(address))
    found: str | None = connection.scalar(gone.returning(suppression.c.reason))
    return found


def domain_of(key: str) -> str:
    """The domain of an address key."""
    return key.rpartition("@")[2]


def suppressed_domains(connection: Connection, *, only: str | None = None) -> dict[str, str]:
    """Domains that are never mailed, with the note of why."""
    query = sa.select(suppressed_domain.c.domain, suppressed_domain.c.note)
    if only is not None:
        query = query.where(suppressed_domain.c.domain == only)
    return {row[0]: row[1] for row in connection.execute(query.order_by(suppressed_domain.c.domain))}


def suppress_domain(connection: Connection, domain: str, *, note: str, now: datetime) -> None:
    """Never mail an address of this domain, whoever it is; its subdomains are others."""
    insert = insert_for(connection, suppressed_domain).values(domain=domain, note=note, at=now)
    connection.execute(insert.on_conflict_do_update(index_elements=["domain"], set_={"note": note}))


def permit_domain(connection: Connection, domain: str) -> bool:
    """Mail a domain again. Returns False when it was not on the list."""
    return connection.execute(sa.delete(suppressed_domain).where(suppressed_domain.c.domain == domain)).rowcount == 1


def receives(connection: Connection, week: Week, *, now: datetime) -> sa.ColumnElement[bool]:
    """The condition on `subscriber` under which an edition goes to somebody: active, not paused, not at a suppressed
    domain, and for a monthly reader the first edition of its month that they are sent."""
    fellows = [str(each) for each in week.month if each != week]
    had = sa.select(delivery.c.id).where(
        delivery.c.week.in_(fellows),
        delivery.c.subscriber == subscriber.c.id,
        delivery.c.state != DeliveryState.SUPPRESSED,
    )
    wanted = [
        subscriber.c.state == SubscriberState.ACTIVE,
        not_paused(now),
        sa.or_(subscriber.c.rhythm == Rhythm.WEEKLY, ~sa.exists(had)),
    ]
    if suppressed_domains(connection):  # a million rows need not be cut apart for an empty list
        wanted.append(_domain(connection).not_in(sa.select(suppressed_domain.c.domain)))
    return sa.and_(*wanted)


def not_paused(now: datetime) -> sa.ColumnElement[bool]:
    """The condition on `subscriber` that no pause holds."""
    return sa.or_(subscriber.c.paused_until.is_(None), subscriber.c.paused_until <= now)


def _domain(connection: Connection) -> sa.ColumnElement[str]:
    # The engines have no common name for it.
    place = sa.func.strpos if connection.dialect.name == "postgresql" else sa.func.instr
    return sa.func.substr(subscriber.c.address_key, place(subscriber.c.address_key, "@") + 1)


def suppress(connection: Connection, address: str, *, reason: str, now: datetime) -> None:
    """Never mail this address again; a first reason stays, but for an erasure, which the person can take back."""
    _suppress_hash(connection, address_hash(address), reason=reason, now=now)


def _suppress_hash(connection: Connection, address_hash: str, *, reason: str, now: datetime) -> None:
    told = {"reason": reason, "at": now}
    insert = insert_for(connection, suppression).values(address_hash=address_hash, **told)
    erased = suppression.c.reason == "erased"
    connection.execute(insert.on_conflict_do_update(index_elements=["address_hash"], set_=told, where=erased))


def erase(connection: Connection, found: Subscriber, *, now: datetime) -> None:
    """Forget a person: only the hashes of their addresses remain, so that an import cannot bring them back.

    What a provider said of their mails goes too: refusals quote the address.
    """
    for each in (key_hash(found.address_key), *former_hashes(connection, found.id)):
        _suppress_hash(connection, each, reason="erased", now=now)
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
    return (each for each, _ in everybody_and_when_they_left(connection, state=state))


def everybody_and_when_they_left(
    connection: Connection, *, state: SubscriberState | None = None
) -> Iterator[tuple[Subscriber, datetime | None]]:
    """The same, with the instant of leaving."""
    query = sa.select(subscriber).order_by(subscriber.c.id)
    if state is not None:
        query = query.where(subscriber.c.state == state)
    last = 0
    while rows := connection.execute(query.where(subscriber.c.id > last).limit(1000)).all():
        yield from ((_subscriber(row), row.left_at) for row in rows)
        last = rows[-1].id


def tastes(connection: Connection, *, rhythm: Rhythm | None = None) -> dict[str, int]:
    """How many active subscribers have which taste (core/category.py); with `rhythm`, only those who want that."""
    query = sa.select(subscriber.c.taste, sa.func.count()).where(subscriber.c.state == SubscriberState.ACTIVE)
    if rhythm is not None:
        query = query.where(subscriber.c.rhythm == rhythm)
    return {row[0]: row[1] for row in connection.execute(query.group_by(subscriber.c.taste))}


def counts(connection: Connection) -> dict[str, int]:
    """How many subscribers are in which state."""
    query = sa.select(subscriber.c.state, sa.func.count()).group_by(subscriber.c.state)
    return {row[0]: row[1] for row in connection.execute(query)}


# --- soft bounces


def returned(connection: Connection, week: Week) -> tuple[int, int]:
    """How many of an edition's mails came back or were refused, and how many there are."""
    query = sa.select(delivery.c.state, sa.func.count()).where(delivery.c.week == str(week)).group_by(delivery.c.state)
    many = {row[0]: row[1] for row in connection.execute(query)}
    return sum(many.get(each, 0) for each in _RETURNED), sum(many.values())


_RETURNED = (DeliveryState.BOUNCED, DeliveryState.REFUSED)


def often_returned(connection: Connection, *, weeks: Sequence[Week], since: datetime, times: int) -> list[Subscriber]:
    """Active subscribers of whose mails of these editions, since then and since they confirmed, at least `times` came
    back or were refused."""
    mails = sa.and_(
        delivery.c.week.in_([str(each) for each in weeks]),
        delivery.c.state.in_(_RETURNED),
        delivery.c.updated_at >= since,
        delivery.c.updated_at > subscriber.c.confirmed_at,
        subscriber.c.state == SubscriberState.ACTIVE,
    )
    often = (
        sa.select(delivery.c.subscriber)
        .join(subscriber, subscriber.c.id == delivery.c.subscriber)
        .where(mails)
        .group_by(delivery.c.subscriber)
        .having(sa.func.count() >= times)
    )
    query = sa.select(subscriber).where(subscriber.c.id.in_(often)).order_by(subscriber.c.id)
    return [_subscriber(row) for row in connection.execute(query)]


def strike_out(connection: Connection, at: int, *, now: datetime) -> bool:
    """An active subscriber's mails come back: active becomes bounced. Returns False when they were not active."""
    where = sa.and_(subscriber.c.id == at, subscriber.c.state == SubscriberState.ACTIVE)
    values = {"state": SubscriberState.BOUNCED, "left_at": now}
    return connection.execute(sa.update(subscriber).where(where).values(**values)).rowcount == 1


# --- growth


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What happened between two instants, as today's rows tell it. `lost` is state -> people, and `erased` people."""

    pending: int  # asked within it, and waiting still
    joined: int
    lost: dict[str, int]


def _span() -> sa.Select[Any]:
    """The figures of a span between two instants, each one walk along an index."""
    start, end = (sa.bindparam(name, type_=subscriber.c.confirmed_at.type) for name in ("start", "end"))
    confirmed, left, asked = subscriber.c.confirmed_at, subscriber.c.left_at, subscriber.c.asked_at
    many, waits = sa.func.count(), subscriber.c.state == SubscriberState.PENDING
    states = [sa.func.count(sa.case((subscriber.c.state == each, 1))).label(each) for each in SubscriberState]
    gone = sa.select(*states).where(left >= start, left < end, confirmed.is_not(None)).subquery()
    counts = {
        "n_joined": sa.select(many).where(confirmed >= start, confirmed < end),
        "n_pending": sa.select(many).where(waits, asked >= start, asked < end),
        "n_erased": sa.select(many).where(
            suppression.c.reason == "erased", suppression.c.at >= start, suppression.c.at < end
        ),
    }
    return sa.select(gone, *(each.scalar_subquery().label(key) for key, each in counts.items()))


_SPAN = _span()  # put together once: a page asks for it week by week


def span(connection: Connection, *, start: datetime, end: datetime) -> Span:
    """Count one span of time, with one statement."""
    row = connection.execute(_SPAN, {"start": start, "end": end}).mappings().one()
    lost = {each.value: row[each] for each in SubscriberState if row[each]}
    return Span(pending=row["n_pending"], joined=row["n_joined"], lost=lost | {"erased": row["n_erased"]})


def active_at(connection: Connection, instant: datetime) -> int:
    """How many had confirmed by then and not left. Of somebody who came back, or was erased, nothing earlier is known."""
    confirmed, left = subscriber.c.confirmed_at, subscriber.c.left_at
    came = connection.scalar(sa.select(sa.func.count()).where(confirmed < instant)) or 0
    went = connection.scalar(sa.select(sa.func.count()).where(left < instant, confirmed.is_not(None))) or 0
    return came - went


# --- one person


def dossier(connection: Connection, found: Subscriber, *, limit: int = 10_000) -> dict[str, Any]:
    """All that is kept of one person, as JSON values and instants; of each list the newest `limit` entries."""

    def rows(query: sa.Select[Any]) -> list[dict[str, Any]]:
        return [_plain(row) for row in connection.execute(query.limit(limit)).mappings()]

    mails = sa.select(delivery.c.id).where(delivery.c.subscriber == found.id)
    person = connection.execute(sa.select(subscriber).where(subscriber.c.id == found.id)).mappings().one()
    return {
        "subscriber": _plain(person),
        "consent": [_plain(step) for step in trail(connection, found.id)],
        "former_addresses": former_hashes(connection, found.id),
        "deliveries": rows(
            sa.select(delivery.c.week, delivery.c.state, delivery.c.word, delivery.c.updated_at)
            .where(delivery.c.subscriber == found.id)
            .order_by(delivery.c.id.desc())
        ),
        "events": rows(
            sa.select(event.c.kind, event.c.at, event.c.reason, event.c.url, event.c.machine)
            .where(event.c.delivery.in_(mails))
            .order_by(event.c.id.desc())
        ),
        "votes": rows(
            sa.select(comparison.c.slug.label("comparison"), tool.c.slug.label("choice"), vote.c.at, vote.c.state)
            .join(comparison, comparison.c.id == vote.c.comparison)
            .join(tool, tool.c.id == vote.c.choice)
            .where(vote.c.subscriber == found.id)
            .order_by(vote.c.at.desc())
        ),
    }


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    # SQLAlchemy's names are a kind of text that JSON writers do not take for one.
    return {str(name): value for name, value in row.items()}
