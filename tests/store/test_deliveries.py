"""The ledger of sending: one delivery per reader, batches that one worker owns, and what becomes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from threading import Thread

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from core.delivery import Attempt, BatchState, DeliveryState, Settlement
from core.edition import EditionState, Frozen, Variant
from core.subscriber import Rhythm
from core.week import Week
from store import deliveries, editions, schema, subscribers
from store.checks import violations
from store.connect import Database
from store.deliveries import Claimed
from store.subscribers import Consent
from tests.conftest import NOW
from tests.store.making import approved, draft, freeze, later, settle_in, wait_for_a_lock

WEEK, OTHER = Week(2026, 47), Week(2026, 48)
SENT = Settlement(batch=BatchState.SENT, deliveries=DeliveryState.ACCEPTED)
AGAIN = Settlement(batch=BatchState.PENDING, deliveries=DeliveryState.IN_BATCH)
DOUBT = Settlement(batch=BatchState.UNCERTAIN, deliveries=DeliveryState.UNCERTAIN)
REFUSED = Settlement(batch=BatchState.FAILED, deliveries=DeliveryState.REFUSED)


def _enrol(connection: Connection, *names: str, pending: bool = False) -> list[int]:
    trail = Consent(kind="asked" if pending else "imported", text="Yes.", source="import")
    confirmed = None if pending else NOW
    return [
        subscribers.add(
            connection,
            address=f"{name}@example.com",
            name="",
            categories=(),
            trail=trail,
            confirmed_at=confirmed,
            now=NOW,
        ).id
        for name in names
    ]


def _readers(count: int) -> list[str]:
    return [f"reader{number}" for number in range(count)]


def _edition(connection: Connection, week: Week = WEEK, names: tuple[str, str] = ("Ada", "Bea")) -> None:
    """An edition that is being sent."""
    freeze(connection, draft(connection, week, approved(connection, *names).id))
    editions.move(connection, week, before=[EditionState.APPROVED], after=EditionState.SENDING, now=NOW)


def _begin(connection: Connection, readers: int, *, size: int = 2) -> int:
    """An edition on its way to so many readers, in batches. Returns how many batches."""
    _edition(connection)
    _enrol(connection, *_readers(readers))
    assert deliveries.fix_recipients(connection, WEEK, now=NOW) == readers
    return deliveries.make_batches(connection, WEEK, size=size, now=NOW)


def _claim(connection: Connection, owner: str = "worker", *, now: datetime = NOW) -> Claimed | None:
    return deliveries.claim(connection, WEEK, owner=owner, now=now, until=later(minutes=5))


def _claimed(connection: Connection, owner: str = "worker", *, now: datetime = NOW) -> Claimed:
    found = _claim(connection, owner, now=now)
    assert found is not None
    return found


def _attempt(connection: Connection, claimed: Claimed, owner: str = "worker") -> bool:
    name = f"attempt-{claimed.id}-{claimed.fence}"
    return deliveries.begin_attempt(connection, claimed, Attempt(id=name), owner=owner, now=NOW, until=later(minutes=5))


def _settle(
    connection: Connection,
    claimed: Claimed,
    settlement: Settlement,
    *before: BatchState,
    words: dict[int, str] | None = None,
) -> bool:
    return deliveries.settle(
        connection,
        claimed,
        settlement,
        before=before or (BatchState.SENDING,),
        message_id="message",
        detail="202 Accepted",
        words=words or {},
        now=NOW,
    )


def _send(connection: Connection, settlement: Settlement = SENT) -> Claimed:
    """One batch, claimed, attempted and settled."""
    claimed = _claimed(connection)
    assert _attempt(connection, claimed)
    assert _settle(connection, claimed, settlement)
    return claimed


def _members(connection: Connection, batch: int) -> list[int]:
    held = sa.and_(schema.delivery.c.batch == batch, schema.delivery.c.state == "in_batch")
    return list(connection.scalars(sa.select(schema.delivery.c.id).where(held).order_by(schema.delivery.c.id)))


def _batches(connection: Connection) -> dict[int, int]:
    """Recipients of each batch, as it says itself."""
    rows = connection.execute(sa.select(schema.batch.c.id, schema.batch.c.recipients).order_by(schema.batch.c.id))
    return {row.id: row.recipients for row in rows}


# ------------------------------------------------------------ recipients and batches


def test_only_active_subscribers_are_recipients(store: Connection) -> None:
    _edition(store)
    active, left, bounced = _enrol(store, "active", "left", "bounced")
    _enrol(store, "pending", pending=True)
    subscribers.leave(store, left, now=NOW)
    store.execute(sa.update(schema.subscriber).where(schema.subscriber.c.id == bounced).values(state="bounced"))
    assert deliveries.fix_recipients(store, WEEK, now=NOW) == 1
    assert store.execute(sa.select(schema.delivery.c.subscriber)).scalar_one() == active


def test_recipients_are_fixed_once(store: Connection) -> None:
    _edition(store)
    _enrol(store, "early")
    assert deliveries.fix_recipients(store, WEEK, now=NOW) == 1
    _enrol(store, "late")
    assert deliveries.fix_recipients(store, WEEK, now=later(hours=1)) == 1


def test_every_edition_has_its_own_recipients(store: Connection) -> None:
    _edition(store)
    _edition(store, OTHER, ("Cyd", "Dot"))
    _enrol(store, "one")
    deliveries.fix_recipients(store, WEEK, now=NOW)
    _enrol(store, "two")
    assert deliveries.fix_recipients(store, OTHER, now=NOW) == 2
    assert deliveries.counts(store, WEEK) == {"pending": 1}
    assert not deliveries.make_batches(store, Week(2026, 1), size=10, now=NOW)


@pytest.mark.parametrize(
    ("readers", "size", "sizes"),
    [(0, 2, []), (1, 2, [1]), (2, 2, [2]), (5, 2, [2, 2, 1]), (5, 1000, [5]), (3, 1, [1, 1, 1])],
)
def test_batches_hold_everybody_once_and_none_is_too_large(
    store: Connection, readers: int, size: int, sizes: list[int]
) -> None:
    assert _begin(store, readers, size=size) == len(sizes)
    batches = _batches(store)
    assert list(batches.values()) == sizes
    members = [each for batch in batches for each in _members(store, batch)]
    assert len(members) == len(set(members)) == readers
    assert [len(_members(store, batch)) for batch in batches] == sizes
    assert deliveries.counts(store, WEEK) == ({"in_batch": readers} if readers else {})


def test_nobody_is_put_into_a_second_batch(store: Connection) -> None:
    _begin(store, 3)
    assert deliveries.make_batches(store, WEEK, size=1, now=NOW) == 0


# ------------------------------------------------------------ claims


def test_two_workers_get_different_batches_in_order(store: Connection) -> None:
    _begin(store, 3)
    claims = [_claim(store, "one"), _claim(store, "two"), _claim(store, "three")]
    assert [each and each.id for each in claims] == [*_batches(store), None]


def test_a_batch_waits_until_it_may_be_sent(store: Connection) -> None:
    _begin(store, 1)
    claimed = _claimed(store)
    assert _attempt(store, claimed)
    wait = Settlement(batch=BatchState.PENDING, deliveries=DeliveryState.IN_BATCH, not_before=later(minutes=1))
    assert _settle(store, claimed, wait)
    assert _claim(store, now=later(seconds=59)) is None
    again = _claimed(store, now=later(minutes=1))
    assert (again.id, again.fence) == (claimed.id, claimed.fence + 1)


def test_workers_on_postgresql_do_not_wait_for_each_other_s_claims(postgres_url: str) -> None:
    one, other = Database(postgres_url), Database(postgres_url)
    with one.write() as connection:
        settle_in(connection)
        _begin(connection, 4)
    with one.write() as first, other.write() as second:
        claims = _claimed(first, "one"), _claimed(second, "two")
    assert claims[0].id != claims[1].id
    with one.read() as connection:
        assert violations(connection) == []
    one.close()
    other.close()


def test_two_workers_who_batch_at_once_put_everybody_into_one_batch(postgres_url: str) -> None:
    database = Database(postgres_url)
    with database.write() as connection:
        settle_in(connection)
        _edition(connection)
        _enrol(connection, *_readers(5))
        deliveries.fix_recipients(connection, WEEK, now=NOW)
    made: list[int] = []

    def batch(connection: Connection) -> None:
        made.append(deliveries.make_batches(connection, WEEK, size=2, now=NOW))

    def batch_too() -> None:
        with database.write() as connection:
            batch(connection)

    with database.write() as connection:
        batch(connection)
        other = Thread(target=batch_too)
        other.start()
        wait_for_a_lock(database)
    other.join()
    assert made == [3, 0]
    with database.read() as connection:
        assert {batch: len(_members(connection, batch)) for batch in _batches(connection)} == _batches(connection)
        assert violations(connection) == []
    database.close()


# ------------------------------------------------------------ leases and fences


def test_an_attempt_needs_the_claim_that_it_belongs_to(store: Connection) -> None:
    _begin(store, 1)
    claimed = _claimed(store)
    assert not _attempt(store, claimed, "somebody else")
    assert _attempt(store, claimed)
    assert not _attempt(store, claimed), "an attempt begins once"


def test_a_claim_that_ran_out_goes_to_another_worker_and_the_first_one_can_do_nothing_more(store: Connection) -> None:
    _begin(store, 1)
    old = _claimed(store, "slow")
    assert deliveries.expired(store, WEEK, now=later(minutes=4)) == []
    (found,) = deliveries.expired(store, WEEK, now=later(minutes=6))
    assert (found.id, found.state) == (old.id, BatchState.CLAIMED)
    assert deliveries.release(store, found, BatchState.PENDING, now=later(minutes=6))
    assert not deliveries.release(store, found, BatchState.PENDING, now=later(minutes=6))
    new = _claimed(store, "quick")
    assert not _attempt(store, old, "slow")
    assert not _attempt(store, old, "quick")
    assert _attempt(store, new, "quick")
    assert not _settle(store, old, REFUSED), "an old fence settles nothing"
    assert _settle(store, new, SENT)
    assert deliveries.counts(store, WEEK) == {"accepted": 1}


def test_a_request_whose_worker_fell_silent_is_uncertain_and_is_not_claimed(store: Connection) -> None:
    _begin(store, 2)
    claimed = _claimed(store)
    _attempt(store, claimed)
    (found,) = deliveries.expired(store, WEEK, now=later(minutes=6))
    assert deliveries.release(store, found, BatchState.UNCERTAIN, now=later(minutes=6))
    assert deliveries.counts(store, WEEK) == {"uncertain": 2}
    assert _claim(store, now=later(days=9)) is None
    assert deliveries.is_open(store, WEEK)
    (told,) = deliveries.answers(store, WEEK)
    assert (told["id"], told["state"], told["recipients"]) == (claimed.id, "uncertain", 2)


def test_a_worker_that_stops_gives_back_what_it_had_not_begun(store: Connection) -> None:
    _begin(store, 4)
    claimed, begun = _claimed(store), _claimed(store)
    _attempt(store, begun)
    assert deliveries.give_up(store, "worker") == 1
    assert _claimed(store, "another").id == claimed.id
    assert _settle(store, begun, SENT)


# ------------------------------------------------------------ settled


def test_a_settlement_is_written_once(store: Connection) -> None:
    _begin(store, 2)
    claimed = _send(store)
    assert not _settle(store, claimed, REFUSED)
    assert not _settle(store, claimed, REFUSED, BatchState.CLAIMED)
    assert deliveries.counts(store, WEEK) == {"accepted": 2}
    assert deliveries.batches(store, WEEK) == {"sent": 1}
    row = store.execute(sa.select(schema.batch)).one()
    assert (row.message_id, row.answer, row.owner, row.settled_at) == ("message", "202 Accepted", None, NOW)


def test_single_readers_may_fare_otherwise_than_the_rest(store: Connection) -> None:
    _begin(store, 4, size=4)
    claimed = _claimed(store)
    _attempt(store, claimed)
    refused, doubtful, later_on, _ = _members(store, claimed.id)
    exceptions = {
        refused: DeliveryState.REFUSED,
        doubtful: DeliveryState.UNCERTAIN,
        later_on: DeliveryState.PENDING,
    }
    mixed = Settlement(batch=BatchState.UNCERTAIN, deliveries=DeliveryState.ACCEPTED, exceptions=exceptions)
    assert _settle(store, claimed, mixed, words={refused: "550 no such user"})
    assert deliveries.counts(store, WEEK) == {"refused": 1, "uncertain": 1, "pending": 1, "accepted": 1}
    word = sa.select(schema.delivery.c.word).where(schema.delivery.c.id == refused)
    assert store.execute(word).scalar_one() == "550 no such user"
    assert deliveries.make_batches(store, WEEK, size=4, now=NOW) == 1
    assert _members(store, _claimed(store).id) == [later_on]


def test_a_settlement_speaks_of_its_own_batch_alone(store: Connection) -> None:
    _begin(store, 4)
    claimed = _claimed(store)
    _attempt(store, claimed)
    other = next(batch for batch in _batches(store) if batch != claimed.id)
    strangers = dict.fromkeys(_members(store, other), DeliveryState.REFUSED)
    mixed = Settlement(batch=BatchState.SENT, deliveries=DeliveryState.ACCEPTED, exceptions=strangers)
    assert _settle(store, claimed, mixed)
    assert deliveries.counts(store, WEEK) == {"accepted": 2, "in_batch": 2}


@pytest.mark.parametrize("readers", [2, 3, 5])
def test_a_batch_that_is_too_large_goes_on_in_two_halves(store: Connection, readers: int) -> None:
    _begin(store, readers, size=readers)
    claimed = _claimed(store)
    everybody = _members(store, claimed.id)
    _attempt(store, claimed)
    assert _settle(store, claimed, AGAIN)
    half = deliveries.split(store, claimed, now=NOW)
    assert [*_members(store, claimed.id), *_members(store, half)] == everybody
    assert _batches(store) == {claimed.id: readers // 2, half: readers - readers // 2}
    assert {_claimed(store).id, _claimed(store).id} == {claimed.id, half}


# ------------------------------------------------------------ those who have gone


def test_who_has_gone_since_is_taken_out_before_the_request(store: Connection) -> None:
    _edition(store)
    stays, left, erased, bounced, listed = _enrol(store, "stays", "left", "erased", "bounced", "listed")
    deliveries.fix_recipients(store, WEEK, now=NOW)
    deliveries.make_batches(store, WEEK, size=10, now=NOW)
    claimed = _claimed(store)
    subscribers.leave(store, left, now=NOW)
    gone = subscribers.get(store, erased)
    assert gone is not None
    subscribers.erase(store, gone, now=NOW)
    store.execute(sa.update(schema.subscriber).where(schema.subscriber.c.id == bounced).values(state="bounced"))
    subscribers.suppress(store, "Listed@example.com", reason="manual", now=NOW)
    for _ in range(2):
        assert [each.subscriber for each in deliveries.last_look(store, claimed, now=NOW)] == [stays]
        assert deliveries.counts(store, WEEK) == {"suppressed": 4, "in_batch": 1}
    assert listed


def test_an_edition_is_open_until_nobody_s_mail_is_undecided(store: Connection) -> None:
    _edition(store)
    assert not deliveries.is_open(store, WEEK), "without readers there is nothing to wait for"
    _enrol(store, *_readers(3))
    deliveries.fix_recipients(store, WEEK, now=NOW)
    assert deliveries.is_open(store, WEEK)
    deliveries.make_batches(store, WEEK, size=2, now=NOW)
    _send(store)
    assert deliveries.is_open(store, WEEK)
    _send(store, REFUSED)
    assert not deliveries.is_open(store, WEEK)
    assert not deliveries.is_open(store, OTHER)


# ------------------------------------------------------------ whatever happens


_STEPS = st.sampled_from(
    ["claim", "begin", "sent", "doubt", "again", "refused", "split", "expire", "leave", "erase", "batch"]
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(_STEPS, max_size=25), readers=st.integers(0, 6))
def test_counts_add_up_and_rules_hold_whatever_happens(shared: Database, steps: Sequence[str], readers: int) -> None:
    with shared.engine.connect() as connection, connection.begin() as transaction:
        settle_in(connection)
        _begin(connection, readers)
        held: list[Claimed] = []
        for step in steps:
            _take(connection, step, held)
            assert violations(connection) == [], step
            assert sum(deliveries.counts(connection, WEEK).values()) == readers
        accepted = connection.execute(_accepted_twice()).all()
        transaction.rollback()
    assert accepted == []


def _take(connection: Connection, step: str, held: list[Claimed]) -> None:
    last = held[-1] if held else None
    if step == "claim" and (claimed := _claim(connection)):
        held.append(claimed)
        deliveries.last_look(connection, claimed, now=NOW)
    elif step == "batch":
        deliveries.make_batches(connection, WEEK, size=2, now=NOW)
    elif step == "expire":
        _expire(connection)
    elif step in ("leave", "erase"):
        _go(connection, erase=step == "erase")
    elif last and _members(connection, last.id):
        _go_on(connection, step, last)


def _expire(connection: Connection) -> None:
    for each in deliveries.expired(connection, WEEK, now=later(minutes=6)):
        after = BatchState.PENDING if each.state is BatchState.CLAIMED else BatchState.UNCERTAIN
        deliveries.release(connection, each, after, now=NOW)


def _go(connection: Connection, *, erase: bool) -> None:
    somebody = next(subscribers.everybody(connection), None)
    if somebody and erase:
        subscribers.erase(connection, somebody, now=NOW)
    elif somebody:
        subscribers.leave(connection, somebody.id, now=NOW)


def _go_on(connection: Connection, step: str, claimed: Claimed) -> None:
    if step == "begin":
        _attempt(connection, claimed)
        return
    settlement = {"sent": SENT, "doubt": DOUBT, "refused": REFUSED}.get(step, AGAIN)
    if _settle(connection, claimed, settlement) and step == "split":
        deliveries.split(connection, claimed, now=NOW)


def _accepted_twice() -> sa.Select[tuple[int]]:
    mail = schema.delivery.c
    return (
        sa.select(mail.subscriber).where(mail.state == "accepted").group_by(mail.subscriber).having(sa.func.count() > 1)
    )


# ------------------------------------------------------------ variants


def _variant(number: int, *tastes: str) -> Variant:
    content = Frozen(subject=f"Variant {number}", html="<p>v</p>", text="v", comparisons=("ada-vs-bea",))
    return Variant(number=number, places=(1,), tastes=tastes, frozen=content)


def _in_variants(connection: Connection, **readers: str) -> dict[str, int]:
    """An edition in two variants on its way to readers with these tastes. Returns their numbers."""
    found = draft(connection, WEEK, approved(connection, "Ada", "Bea").id)
    variants = [_variant(1, "agents", "agents,data"), _variant(2, "coding")]
    freeze(connection, found, variants=variants)
    editions.move(connection, WEEK, before=[EditionState.APPROVED], after=EditionState.SENDING, now=NOW)
    ids = dict(zip(readers, _enrol(connection, *readers), strict=True))
    for name, taste in readers.items():
        subscribers.choose(connection, ids[name], taste.split("__") if taste else [])
    return ids


def _variants_of(connection: Connection) -> dict[int, int]:
    query = sa.select(schema.delivery.c.subscriber, schema.delivery.c.variant)
    return {row[0]: row[1] for row in connection.execute(query)}


def test_a_reader_gets_the_variant_of_their_taste_and_keeps_it(store: Connection) -> None:
    ids = _in_variants(store, ada="agents", bea="data__agents", cid="coding", dot="research", eve="")
    assert deliveries.fix_recipients(store, WEEK, now=NOW) == 5
    wanted = {ids["ada"]: 1, ids["bea"]: 1, ids["cid"]: 2, ids["dot"]: 0, ids["eve"]: 0}
    assert _variants_of(store) == wanted
    subscribers.choose(store, ids["ada"], ["coding"])
    deliveries.fix_recipients(store, WEEK, now=NOW)
    assert _variants_of(store) == wanted


def test_a_batch_holds_one_variant_with_its_content_also_after_a_split(store: Connection) -> None:
    _in_variants(store, ada="agents", bea="", cid="agents", dot="coding", eve="", fay="agents")
    deliveries.fix_recipients(store, WEEK, now=NOW)
    assert deliveries.make_batches(store, WEEK, size=2, now=NOW) == 4
    rows = store.execute(sa.select(schema.batch.c.variant, schema.batch.c.recipients, schema.batch.c.content_hash))
    hashes = editions.contents(store, WEEK)
    assert sorted((row[0], row[1]) for row in rows) == [(0, 2), (1, 1), (1, 2), (2, 1)]
    claims = [_claimed(store, f"worker {number}") for number in range(4)]
    for claimed in claims:
        assert claimed.content_hash == hashes[claimed.variant] == editions.content(store, WEEK, claimed.variant).sha256
    two = next(each for each in claims if (each.variant, each.recipients) == (1, 2))
    fresh = deliveries.split(store, two, now=NOW)
    assert store.scalar(sa.select(schema.batch.c.variant).where(schema.batch.c.id == fresh)) == 1
    assert violations(store) == []


def _held(connection: Connection) -> dict[tuple[int, int], list[int]]:
    """Variant and place among its batches -> who is in the batch, each batch as it says itself."""
    rows = connection.execute(sa.select(schema.batch).order_by(schema.batch.c.id)).all()
    hashes, place, found = editions.contents(connection, WEEK), Counter[int](), {}
    for row in rows:
        mine = sa.select(schema.delivery.c.subscriber, schema.delivery.c.variant).where(
            schema.delivery.c.batch == row.id
        )
        readers = connection.execute(mine.order_by(schema.delivery.c.subscriber)).all()
        assert {each.variant for each in readers} == {row.variant}
        assert (len(readers), hashes[row.variant], row.not_before) == (row.recipients, row.content_hash, None)
        found[row.variant, place[row.variant]] = [each.subscriber for each in readers]
        place[row.variant] += 1
    return found


def test_fixed_in_batches_or_one_after_the_other_is_the_same_and_once(store: Connection) -> None:
    tastes = ("agents", "", "coding", "research", "data__agents")
    ids = _in_variants(store, **{f"reader{at}": tastes[at * at % len(tastes)] for at in range(23)})
    subscribers.pause(store, ids["reader3"], until=later(hours=1))
    subscribers.leave(store, ids["reader4"], now=NOW)
    for size in (1, 3, 4, 100):
        found = []
        for at_once in (True, False):
            trial = store.begin_nested()
            if at_once:
                assert deliveries.fix_in_batches(store, WEEK, size=size, now=NOW) == 21
                assert deliveries.fix_in_batches(store, WEEK, size=size, now=NOW) == 21
            else:
                deliveries.fix_recipients(store, WEEK, now=NOW)
                deliveries.make_batches(store, WEEK, size=size, now=NOW)
            found.append(_held(store))
            assert violations(store) == []
            trial.rollback()
        assert found[0] == found[1]
        assert sum(map(len, found[0].values())) == 21


def test_who_leaves_while_recipients_are_fixed_is_in_no_batch_and_counted_in_none(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(postgres_url)
    with database.write() as connection:
        settle_in(connection)
        ids = _in_variants(connection, **dict.fromkeys(_readers(5), ""), last="coding")
    opened = deliveries._open_batches

    def leave_meanwhile(connection: Connection, week: Week, readers: sa.Subquery, *, size: int) -> None:
        opened(connection, week, readers, size=size)
        with database.write() as other:
            for name in ("reader1", "last"):
                subscribers.leave(other, ids[name], now=NOW)
            _enrol(other, "late")

    monkeypatch.setattr(deliveries, "_open_batches", leave_meanwhile)
    with database.write() as connection:
        assert deliveries.fix_in_batches(connection, WEEK, size=3, now=NOW) == 5
        found = _held(connection)
        assert [len(each) for each in found.values()] == [3, 2]
        assert not {ids["reader1"], ids["last"]} & {each for batch in found.values() for each in batch}
        assert violations(connection) == []
    database.close()


def test_a_monthly_reader_gets_the_best_of_whatever_they_chose_and_others_never_do(store: Connection) -> None:
    found = draft(store, WEEK, approved(store, "Ada", "Bea").id)
    older = Frozen(subject="Best of October", html="<p>b</p>", text="b", comparisons=("ole-vs-pia", "ada-vs-cyd"))
    monthly = Variant(number=2, places=(), tastes=(), frozen=older, best_of=True)
    freeze(store, found, variants=[_variant(1, "agents"), monthly])
    ids = dict(zip(("ada", "bea", "cid", "dot"), _enrol(store, "ada", "bea", "cid", "dot"), strict=True))
    for name in ("ada", "cid"):
        subscribers.choose(store, ids[name], ["agents"])
    for name in ("ada", "bea"):
        subscribers.keep_wishes(store, ids[name], rhythm=Rhythm.MONTHLY, language=None, time_zone=None)
    editions.move(store, WEEK, before=[EditionState.APPROVED], after=EditionState.SENDING, now=NOW)
    assert deliveries.fix_recipients(store, WEEK, now=NOW) == 4
    assert _variants_of(store) == {ids["ada"]: 2, ids["bea"]: 2, ids["cid"]: 1, ids["dot"]: 0}
    deliveries.make_batches(store, WEEK, size=10, now=NOW)
    hashes = {claimed.variant: claimed.content_hash for claimed in (_claimed(store, f"w{at}") for at in range(3))}
    assert hashes[2] == older.sha256 == editions.content(store, WEEK, 2).sha256
    assert editions.variants(store, WEEK)[1] == monthly
    assert editions.best_of(store, WEEK) == 2
    assert subscribers.tastes(store, rhythm=Rhythm.WEEKLY) == {"agents": 1, "": 1}
    assert violations(store) == []


def test_tastes_are_counted_among_active_readers_only(store: Connection) -> None:
    ids = _in_variants(store, ada="agents", bea="agents", cid="", dot="coding")
    subscribers.leave(store, ids["dot"], now=NOW)
    assert subscribers.tastes(store) == {"agents": 2, "": 1}
