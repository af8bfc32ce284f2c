"""Subscribers, the trail of their consent, and what remains of those who want to be forgotten."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from core.errors import Conflict
from core.subscriber import Subscriber, SubscriberState
from core.week import Week
from store import comparisons, deliveries, schema, subscribers, tools, votes
from store.subscribers import Consent
from tests.conftest import NOW
from tests.store.making import approved, draft, freeze, later

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
    assert subscribers.asked_at(store, ada.id) == NOW
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
