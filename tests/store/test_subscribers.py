"""Subscribers, the trail of their consent, and what remains of those who want to be forgotten."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from core.edition import EditionState
from core.errors import Conflict
from core.panel import Role
from core.subscriber import Rhythm, Subscriber, SubscriberState
from core.week import Week
from store import comparisons, deliveries, editions, schema, subscribers, tools, votes
from store.subscribers import Asked, Consent, Newcomer
from tests.conftest import NOW
from tests.store.making import approved, draft, freeze, invite, later

ASKED = Consent(kind="asked", text="I would like it.", source="web", network="192.0.2.0/24")
AGREED = Consent(kind="confirmed", text="I would like it.", source="mail")
IMPORTED = Consent(kind="imported", text="They said so.", source="import")
WEEK = Week(2026, 47)


def _ask(connection: Connection, address: str, *, now: datetime = NOW) -> Subscriber:
    return subscribers.add(connection, address=address, name="", categories=(), trail=ASKED, confirmed_at=None, now=now)


def _import(connection: Connection, address: str, **more: Any) -> Subscriber:
    values: dict[str, Any] = {"name": "", "categories": (), "confirmed_at": NOW} | more
    return subscribers.add(connection, address=address, trail=IMPORTED, now=NOW, **values)


def _confirm(connection: Connection, found: Subscriber, *, now: datetime = NOW) -> bool:
    done = subscribers.confirm(connection, found.id, now=now)
    if done:
        subscribers.note_consent(connection, found.id, AGREED, now=now)
    return done


def _state(connection: Connection, found: Subscriber) -> SubscriberState | None:
    row = subscribers.get(connection, found.id)
    return None if row is None else row.state


def _kinds(connection: Connection, found: Subscriber) -> list[str]:
    return [step["kind"] for step in subscribers.trail(connection, found.id)]


# ------------------------------------------------------------ who is who


@pytest.mark.parametrize("same", ["Ada@Example.COM", "ada@example.com.", " ada@example.com "])
def test_an_address_is_one_however_it_is_written(store: Connection, same: str) -> None:
    ada = _ask(store, "ada@example.com")
    assert subscribers.find(store, same) == ada
    with pytest.raises(Conflict, match="known already"):
        _ask(store, same)
    assert subscribers.counts(store) == {"pending": 1}
    assert _kinds(store, ada) == ["asked"]


@pytest.mark.parametrize("other", ["ada+news@example.com", "a.da@example.com", "ada@mail.example.com"])
def test_addresses_that_are_different_to_their_owners_stay_different(store: Connection, other: str) -> None:
    ada = _ask(store, "ada@example.com")
    assert subscribers.find(store, other) is None
    assert _ask(store, other).id != ada.id


def test_a_subscriber_keeps_the_address_as_it_was_typed(store: Connection) -> None:
    made = _import(store, "Ada.Lovelace@Example.COM", name="Ada", categories=("coding", "data"))
    assert (made.address, made.address_key) == ("Ada.Lovelace@Example.COM", "ada.lovelace@example.com")
    assert (made.name, made.categories, made.state) == ("Ada", ("coding", "data"), SubscriberState.ACTIVE)
    assert (made.created_at, made.confirmed_at) == (NOW, NOW)
    subscribers.choose(store, made.id, [])
    again = subscribers.get(store, made.id)
    assert again is not None
    assert again.categories == ()


# ------------------------------------------------------------ the way in and out


def test_who_asks_is_pending_until_they_confirm(store: Connection) -> None:
    ada = _ask(store, "ada@example.com")
    assert (ada.state, ada.confirmed_at) == (SubscriberState.PENDING, None)
    assert subscribers.asked(store, ada.id) == Asked(times=1, last=NOW)
    assert _confirm(store, ada, now=later(hours=1))
    assert not _confirm(store, ada, now=later(hours=2)), "again is harmless"
    done = subscribers.get(store, ada.id)
    assert done is not None
    assert (done.state, done.confirmed_at) == (SubscriberState.ACTIVE, later(hours=1))


def test_every_step_of_consent_is_kept_with_its_words(store: Connection) -> None:
    ada = _ask(store, "ada@example.com")
    _confirm(store, ada, now=later(hours=1))
    assert subscribers.leave(store, ada.id, now=later(days=1))
    subscribers.note_consent(store, ada.id, Consent(kind="withdrawn", text="", source="link"), now=later(days=1))
    subscribers.ask_again(store, ada.id, now=later(days=2))
    subscribers.note_consent(store, ada.id, ASKED, now=later(days=2))
    steps = subscribers.trail(store, ada.id)
    assert [(step["kind"], step["at"]) for step in steps] == [
        ("asked", NOW),
        ("confirmed", later(hours=1)),
        ("withdrawn", later(days=1)),
        ("asked", later(days=2)),
    ]
    assert (steps[0]["text"], steps[0]["source"], steps[0]["network"]) == ("I would like it.", "web", "192.0.2.0/24")


def test_leaving_twice_is_leaving_once(store: Connection) -> None:
    ada = _import(store, "ada@example.com")
    assert [subscribers.leave(store, ada.id, now=NOW) for _ in range(2)] == [True, False]
    assert _state(store, ada) is SubscriberState.UNSUBSCRIBED
    assert not subscribers.confirm(store, ada.id, now=NOW), "an old link does not bring anybody back"


def test_who_has_left_may_ask_again_and_confirm(store: Connection) -> None:
    ada = _import(store, "ada@example.com")
    subscribers.leave(store, ada.id, now=NOW)
    subscribers.ask_again(store, ada.id, now=later(days=1))
    assert _confirm(store, ada, now=later(days=1))
    assert _state(store, ada) is SubscriberState.ACTIVE


# ------------------------------------------------------------ forgotten


def test_who_never_confirms_is_forgotten(store: Connection) -> None:
    old, young = _ask(store, "old@example.com"), _ask(store, "young@example.com", now=later(days=9))
    active = _import(store, "active@example.com")
    assert subscribers.forget_pending(store, before=later(days=1)) == 1
    assert [_state(store, each) for each in (old, young, active)] == [
        None,
        SubscriberState.PENDING,
        SubscriberState.ACTIVE,
    ]
    assert store.execute(sa.select(sa.func.count()).select_from(schema.consent)).scalar_one() == 2


def test_who_had_left_before_somebody_asked_for_them_again_is_not_forgotten(store: Connection) -> None:
    # Otherwise a list that still has the address would find nobody who has left, and bring them back.
    ada = _import(store, "ada@example.com")
    subscribers.leave(store, ada.id, now=NOW)
    subscribers.ask_again(store, ada.id, now=later(days=1))
    assert subscribers.forget_pending(store, before=later(days=40)) == 0
    assert _state(store, ada) is SubscriberState.UNSUBSCRIBED


def test_erasing_leaves_a_hash_and_the_edition_s_figures(store: Connection) -> None:
    compared = approved(store, "Ada", "Bea")
    freeze(store, draft(store, WEEK, compared.id))
    reader = _import(store, "reader@example.com", name="A. Reader")
    deliveries.fix_recipients(store, WEEK, now=NOW)
    (mail,) = store.execute(sa.select(schema.delivery.c.id)).scalars()
    store.execute(sa.update(schema.delivery).values(word="550 <reader@example.com> unknown"))
    store.execute(sa.insert(schema.event).values(**_bounce(mail)))
    choice = tools.find(store, "ada").id
    votes.cast(store, comparison_id=compared.id, subscriber=reader.id, choice=choice, now=NOW)
    subscribers.erase(store, reader, now=later(days=1))
    assert subscribers.find(store, "reader@example.com") is None
    assert "reader" not in _everything(store)
    assert deliveries.counts(store, WEEK) == {"pending": 1}
    assert votes.counted(store, [compared.slug]) == {}
    assert subscribers.suppressed(store, "Reader@example.com") == "erased"


def _bounce(mail: int) -> dict[str, Any]:
    told = {"provider_id": "p", "natural_key": "n", "kind": "bounce", "payload": {}, "at": NOW, "received_at": NOW}
    return told | {"delivery": mail, "address": "reader@example.com", "reason": "550 <reader@example.com> unknown"}


def _everything(connection: Connection) -> str:
    """Every value of every table, in one text."""
    tables = [table for table in schema.metadata.sorted_tables if table.name not in ("person", "audit")]
    return repr([connection.execute(sa.select(table)).all() for table in tables])


def test_who_was_erased_can_come_back_by_their_own_hand_alone(store: Connection) -> None:
    ada = _import(store, "ada@example.com")
    subscribers.erase(store, ada, now=NOW)
    again = _ask(store, "ada@example.com")
    assert subscribers.suppressed(store, "ada@example.com") == "erased"
    _confirm(store, again)
    subscribers.forgive(store, "ada@example.com")
    assert subscribers.suppressed(store, "ada@example.com") is None


def test_a_bounce_or_complaint_is_not_forgiven_nor_replaced(store: Connection) -> None:
    subscribers.suppress(store, "ada@example.com", reason="complained", now=NOW)
    for reason in ("bounced", "erased", "manual"):
        subscribers.suppress(store, "ADA@example.com", reason=reason, now=later(days=1))
    subscribers.forgive(store, "ada@example.com")
    assert subscribers.suppressed(store, "ada@example.com") == "complained"
    assert store.execute(sa.select(schema.suppression.c.at)).scalar_one() == NOW


def test_a_complaint_after_an_erasure_is_not_forgiven_with_it(store: Connection) -> None:
    subscribers.suppress(store, "ada@example.com", reason="erased", now=NOW)
    subscribers.suppress(store, "ada@example.com", reason="complained", now=later(days=1))
    subscribers.forgive(store, "ada@example.com")
    assert subscribers.suppressed(store, "ada@example.com") == "complained"


# ------------------------------------------------------------ lists


def test_everybody_is_read_in_slices_and_none_twice(store: Connection) -> None:
    rows = [
        {
            "address": f"reader{number}@example.com",
            "address_key": f"reader{number}@example.com",
            "name": "",
            "state": "unsubscribed" if number % 2 else "pending",
            "categories": [],
            "created_at": NOW,
        }
        for number in range(2001)
    ]
    store.execute(sa.insert(schema.subscriber), rows)
    read = [each.address for each in subscribers.everybody(store)]
    assert read == [row["address"] for row in rows]
    left = list(subscribers.everybody(store, state=SubscriberState.UNSUBSCRIBED))
    assert len(left) == 1000
    assert subscribers.counts(store) == {"pending": 1001, "unsubscribed": 1000}


def test_a_vote_is_one_per_reader_and_may_be_changed(store: Connection) -> None:
    compared = approved(store, "Ada", "Bea")
    freeze(store, draft(store, WEEK, compared.id))
    ada, bea = comparisons.pair(store, compared.id)
    readers = [_import(store, f"reader{number}@example.com") for number in range(3)]
    for reader in readers:
        votes.cast(store, comparison_id=compared.id, subscriber=reader.id, choice=ada, now=NOW)
    votes.cast(store, comparison_id=compared.id, subscriber=readers[0].id, choice=bea, now=later(hours=1))
    assert votes.counted(store, [compared.slug]) == {compared.slug: {"ada": 2, "bea": 1}}
    assert votes.choice_of(store, comparison_id=compared.id, subscriber=readers[0].id) == bea
    subscribers.erase(store, readers[1], now=NOW)
    assert votes.counted(store, [compared.slug]) == {compared.slug: {"ada": 1, "bea": 1}}


# ------------------------------------------------------------ who receives an edition

NOVEMBER, DECEMBER = (Week(2026, 47), Week(2026, 48)), Week(2026, 49)


def _fix(connection: Connection, *weeks: Week, now: datetime = NOW) -> list[list[str]]:
    """The local parts of those whom these editions go to."""
    found: list[list[str]] = []
    for week in weeks:
        draft(connection, week)
        deliveries.fix_recipients(connection, week, now=now)
        query = (
            sa.select(schema.subscriber.c.address)
            .join(schema.delivery, schema.delivery.c.subscriber == schema.subscriber.c.id)
            .where(schema.delivery.c.week == str(week))
            .order_by(schema.subscriber.c.id)
        )
        found.append([each.partition("@")[0] for each in connection.scalars(query)])
    return found


def _wish_monthly(connection: Connection, found: Subscriber) -> None:
    subscribers.keep_wishes(connection, found.id, rhythm=Rhythm.MONTHLY, language="de", time_zone="Europe/Berlin")


def test_a_monthly_reader_gets_the_first_edition_of_a_month_and_no_other(store: Connection) -> None:
    _import(store, "weekly@example.com")
    monthly = _import(store, "monthly@example.com")
    _wish_monthly(store, monthly)
    kept = subscribers.get(store, monthly.id)
    assert kept is not None
    assert (kept.rhythm, kept.language, kept.time_zone) == (Rhythm.MONTHLY, "de", "Europe/Berlin")
    assert _fix(store, *NOVEMBER, DECEMBER) == [["weekly", "monthly"], ["weekly"], ["weekly", "monthly"]]


def test_an_edition_that_a_monthly_reader_was_not_sent_does_not_count_as_the_month_s(store: Connection) -> None:
    _wish_monthly(store, _import(store, "monthly@example.com"))
    _fix(store, NOVEMBER[0])
    store.execute(sa.update(schema.delivery).values(state="suppressed"))
    assert _fix(store, NOVEMBER[1]) == [["monthly"]]


def test_a_paused_reader_gets_nothing_until_the_pause_is_over(store: Connection) -> None:
    ada = _import(store, "ada@example.com")
    subscribers.pause(store, ada.id, until=later(weeks=1))
    assert _fix(store, Week(2026, 40)) == [[]]
    assert _fix(store, Week(2026, 41), now=later(weeks=1)) == [["ada"]]
    subscribers.pause(store, ada.id, until=None)
    assert _fix(store, Week(2026, 42)) == [["ada"]]


def test_nobody_at_a_suppressed_domain_gets_anything_and_its_neighbours_do(store: Connection) -> None:
    for each in ("a@bad.example", "b@BAD.example", "c@not-bad.example", "d@mail.bad.example", "e@bad.example.com"):
        _import(store, each)
    subscribers.suppress_domain(store, "bad.example", note="They asked.", now=NOW)
    assert _fix(store, Week(2026, 40)) == [["c", "d", "e"]]
    assert subscribers.suppressed(store, "new@Bad.Example") == "domain"
    assert subscribers.suppressed(store, "new@mail.bad.example") is None
    assert [subscribers.permit_domain(store, "bad.example") for _ in range(2)] == [True, False]
    assert _fix(store, Week(2026, 41)) == [["a", "b", "c", "d", "e"]]


def test_who_pauses_or_whose_domain_is_suppressed_after_batches_were_made_is_taken_out(store: Connection) -> None:
    freeze(store, draft(store, WEEK, approved(store, "Ada", "Bea").id))
    editions.move(store, WEEK, before=[EditionState.APPROVED], after=EditionState.SENDING, now=NOW)
    paused = _import(store, "paused@example.com")
    for each in ("stays@example.com", "a@bad.example"):
        _import(store, each)
    deliveries.fix_recipients(store, WEEK, now=NOW)
    deliveries.make_batches(store, WEEK, size=10, now=NOW)
    claimed = deliveries.claim(store, WEEK, owner="w", now=NOW, until=later(minutes=5))
    assert claimed is not None
    subscribers.pause(store, paused.id, until=later(weeks=1))
    subscribers.suppress_domain(store, "bad.example", note="", now=NOW)
    assert [each.address for each in deliveries.last_look(store, claimed, now=NOW)] == ["stays@example.com"]
    assert deliveries.counts(store, WEEK) == {"suppressed": 2, "in_batch": 1}


@given(st.dates(date(1999, 1, 1), date(2050, 12, 31)))
def test_every_week_belongs_to_one_month_with_four_or_five_weeks(day: date) -> None:
    week = Week.of(datetime(day.year, day.month, day.day, tzinfo=UTC))
    month = week.month
    assert week in month
    assert len(month) in (4, 5)
    assert all(each.month == month for each in month)
    before = week.previous_month
    assert before[-1].sunday + timedelta(days=1) == month[0].monday, "no week is in none, or in two"
    assert all(each.previous_month == before for each in month)
    thursdays = {(each.monday + timedelta(days=3)).replace(day=1) for each in month}
    assert len(thursdays) == 1


# ------------------------------------------------------------ another address, and the way back


def test_a_subscriber_who_moves_is_found_at_the_new_address_and_known_by_the_old_one_s_hash(store: Connection) -> None:
    ada = _import(store, "ada@example.com")
    subscribers.readdress(store, ada, "Ada@New.example", now=NOW)
    moved = subscribers.get(store, ada.id)
    assert moved is not None
    assert (moved.address, moved.address_key) == ("Ada@New.example", "ada@new.example")
    assert subscribers.former_hashes(store, ada.id) == [subscribers.address_hash("ada@example.com")]
    subscribers.readdress(store, moved, "ada@example.com", now=NOW)
    assert subscribers.former_hashes(store, ada.id) == [subscribers.address_hash("ada@new.example")]


def test_somebody_else_s_address_is_not_taken_over_but_one_never_confirmed_gives_way(store: Connection) -> None:
    ada, _ = _import(store, "ada@example.com"), _import(store, "bea@example.com")
    cyd = _ask(store, "cyd@example.com")
    with pytest.raises(Conflict, match="subscription of its own"):
        subscribers.readdress(store, ada, "BEA@example.com", now=NOW)
    subscribers.readdress(store, ada, "cyd@example.com", now=NOW)
    assert _state(store, cyd) is None


def test_erasing_covers_the_addresses_that_the_person_had_before(store: Connection) -> None:
    ada = _import(store, "ada@example.com")
    subscribers.readdress(store, ada, "ada@new.example", now=NOW)
    moved = subscribers.get(store, ada.id)
    assert moved is not None
    subscribers.erase(store, moved, now=NOW)
    assert [subscribers.suppressed(store, each) for each in ("ada@example.com", "ada@new.example")] == ["erased"] * 2


def test_only_who_had_confirmed_and_left_just_now_is_back_with_one_press(store: Connection) -> None:
    ada, bea, cyd = _import(store, "a@example.com"), _ask(store, "b@example.com"), _import(store, "c@example.com")
    for each in (ada, bea):
        subscribers.leave(store, each.id, now=NOW)
    since = later(seconds=1)
    assert not subscribers.stay(store, ada.id, since=since), "too long ago"
    done = [subscribers.stay(store, each.id, since=NOW) for each in (ada, bea, cyd)]
    assert done == [True, False, False]


# ------------------------------------------------------------ many at once


def test_many_are_added_with_their_consent_and_who_has_confirmed_or_left_is_left_alone(store: Connection) -> None:
    bea = _ask(store, "bea@example.com")
    rows = [
        Newcomer(
            address=f"{name}@example.com",
            key=f"{name}@example.com",
            name=name,
            categories=("data",),
            consent=f"{name}!",
            confirmed_at=NOW,
        )
        for name in ("ada", "bea", "cyd")
    ]
    assert subscribers.add_many(store, rows, source="test", now=NOW) == 3
    assert (
        subscribers.add_many(store, rows, source="test", now=NOW)
        == subscribers.add_many(store, (), source="", now=NOW)
        == 0
    )
    assert _state(store, bea) is SubscriberState.ACTIVE  # who was only asked has agreed elsewhere
    assert [step["kind"] for step in subscribers.trail(store, bea.id)] == ["asked", "imported"]
    ada = subscribers.find(store, "ada@example.com")
    assert ada is not None
    (step,) = subscribers.trail(store, ada.id)
    assert (step["kind"], step["text"], step["at"], step["network"]) == ("imported", "ada!", NOW, None)
    _ask(store, "dot@example.com")
    asked = ["ada@example.com", "dot@example.com", "eve@example.com"]
    assert subscribers.settled_keys(store, asked) == {"ada@example.com"}


# ------------------------------------------------------------ soft bounces and growth


def _returned(connection: Connection, found: Subscriber, week: Week, *, at: datetime, state: str = "bounced") -> None:
    batch = connection.execute(
        sa.insert(schema.batch)
        .values(week=str(week), state="confirmed", recipients=1, content_hash="", attempt="a", attempts=1)
        .returning(schema.batch.c.id)
    ).scalar_one()
    row = {"week": str(week), "subscriber": found.id, "batch": batch, "state": state, "updated_at": at}
    connection.execute(sa.insert(schema.delivery).values(**row))


def test_who_s_mails_came_back_often_is_found_and_who_confirmed_since_is_not(store: Connection) -> None:
    weeks = [Week(2026, number) for number in (44, 45, 46)]
    for week in weeks:
        made = draft(store, week)
        store.execute(
            sa.update(schema.edition)
            .where(schema.edition.c.week == str(made.week))
            .values(state="sending", html="", text="", content_hash="", approved_at=NOW, approved_by=_editor(store))
        )
    often, once, again = (_import(store, f"{name}@example.com") for name in ("often", "once", "again"))
    for place, week in enumerate(weeks):
        at = later(days=place + 1)
        _returned(store, often, week, at=at, state=("bounced", "refused", "bounced")[place])
        _returned(store, again, week, at=at)
        _returned(store, once, week, at=at, state="delivered" if place else "bounced")
    store.execute(
        sa.update(schema.subscriber).where(schema.subscriber.c.id == again.id).values(confirmed_at=later(days=2))
    )
    found = subscribers.often_returned(store, weeks=weeks, since=NOW, times=3)
    assert [each.address for each in found] == ["often@example.com"]
    assert subscribers.often_returned(store, weeks=weeks, since=later(days=2), times=3) == []
    assert subscribers.returned(store, weeks[0]) == (3, 3)
    assert [subscribers.strike_out(store, often.id, now=NOW) for _ in range(2)] == [True, False]
    assert _state(store, often) is SubscriberState.BOUNCED


def _editor(connection: Connection) -> int:
    return invite(connection, "noor", role=Role.EDITOR).id


def test_a_span_counts_who_joined_who_went_and_why(store: Connection) -> None:
    for number in range(4):
        _import(store, f"early{number}@example.com")
    here = _ask(store, "here@example.com", now=later(days=8))
    _confirm(store, here, now=later(days=8))
    _ask(store, "waits@example.com", now=later(days=9))
    left, bounced, erased = (subscribers.find(store, f"early{number}@example.com") for number in range(3))
    assert left is not None
    assert bounced is not None
    assert erased is not None
    subscribers.leave(store, left.id, now=later(days=9))
    subscribers.strike_out(store, bounced.id, now=later(days=10))
    subscribers.erase(store, erased, now=later(days=10))
    found = subscribers.span(store, start=later(days=7), end=later(days=14))
    assert (found.joined, found.pending) == (1, 1)
    assert found.lost == {"unsubscribed": 1, "bounced": 1, "erased": 1}
    assert [subscribers.active_at(store, later(days=each)) for each in (0.5, 7, 14)] == [3, 3, 2]


def test_a_row_of_a_list_is_stored_as_a_row_by_itself_is(store: Connection) -> None:
    """They take different ways into the database; what is compared or sorted as text has to be the same text."""
    name, wishes = 'Zoë "{}" \U0001f600', ("coding", "agents")
    at = later(days=-3, microseconds=7)
    subscribers.add(
        store, address="a@example.com", name=name, categories=wishes, trail=IMPORTED, confirmed_at=at, now=NOW
    )
    row = Newcomer(
        address="b@example.com", key="b@example.com", name=name, categories=wishes, consent="x", confirmed_at=at
    )
    subscribers.add_many(store, [row], source="test", now=NOW)
    raw = sa.text("SELECT * FROM subscriber ORDER BY id")
    first, second = (dict(each) for each in store.execute(raw).mappings())
    for each in (first, second):
        assert each.pop("id")
        assert each.pop("address") == each.pop("address_key")
    assert first == second
