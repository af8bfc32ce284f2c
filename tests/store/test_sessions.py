"""Links, sessions, passkeys and challenges, on both engines."""

from __future__ import annotations

from datetime import timedelta

from core.panel import Role
from store import people, sessions
from tests.conftest import NOW

HOUR = timedelta(hours=1)


def person(store, email: str = "ada@example.com") -> int:
    made = people.invite(store, email=email, name="", roles=[Role.EDITOR], lenses=[], machine=False, now=NOW)
    return made.id


def test_a_link_is_used_once_and_not_after_its_time(store):
    ada = person(store)
    sessions.keep_link(store, at=ada, token_hash="a", now=NOW, expires=NOW + HOUR)
    assert sessions.whose_link(store, "a", now=NOW + HOUR) is None
    assert sessions.use_link(store, "a", now=NOW + HOUR) is None
    assert sessions.whose_link(store, "a", now=NOW) == ada
    assert sessions.use_link(store, "a", now=NOW) == ada
    assert sessions.use_link(store, "a", now=NOW) is None
    assert sessions.use_link(store, "b", now=NOW) is None


def test_sessions_are_listed_newest_first_and_end_alone_or_together(store):
    ada, bob = person(store), person(store, "bob@example.com")
    for number, at in enumerate((ada, ada, bob)):
        sessions.start(store, at=at, key=str(number), now=NOW + number * HOUR, expires=NOW + 9 * HOUR, agent="x")
    idle = NOW - HOUR
    assert [each.key for each in sessions.of_person(store, ada, now=NOW, idle_since=idle)] == ["1", "0"]
    assert sessions.end(store, at=bob, key="0", now=NOW) == 0
    assert sessions.end(store, at=ada, key="0", now=NOW) == 1
    assert sessions.end(store, at=ada, key="0", now=NOW) == 0
    assert sessions.live(store, "0", now=NOW, idle_since=idle) is None
    assert sessions.end(store, at=ada, now=NOW) == 1
    assert sessions.live(store, "2", now=NOW, idle_since=idle).person == bob
    assert sessions.forget(store, before=NOW + 10 * HOUR) == 3


def test_being_seen_keeps_a_session_from_idleness(store):
    ada = person(store)
    sessions.start(store, at=ada, key="a", now=NOW, expires=NOW + 9 * HOUR, agent="")
    assert sessions.live(store, "a", now=NOW + HOUR, idle_since=NOW) is None
    sessions.seen(store, "a", now=NOW + HOUR)
    assert sessions.live(store, "a", now=NOW + HOUR, idle_since=NOW).seen_at == NOW + HOUR
    assert sessions.live(store, "a", now=NOW + 9 * HOUR, idle_since=NOW) is None


def test_a_challenge_is_answered_once_by_whom_it_was_put_to(store):
    ada, bob = person(store), person(store, "bob@example.com")
    sessions.ask(store, value_hash="a", at=ada, expires=NOW + HOUR)
    sessions.ask(store, value_hash="n", at=None, expires=NOW + HOUR)
    assert not sessions.answered(store, value_hash="a", at=bob, now=NOW)
    assert not sessions.answered(store, value_hash="a", at=None, now=NOW)
    assert not sessions.answered(store, value_hash="n", at=ada, now=NOW)
    assert not sessions.answered(store, value_hash="a", at=ada, now=NOW + HOUR)
    assert sessions.answered(store, value_hash="a", at=ada, now=NOW)
    assert not sessions.answered(store, value_hash="a", at=ada, now=NOW)
    assert sessions.answered(store, value_hash="n", at=None, now=NOW)


def test_a_passkey_belongs_to_one_person(store):
    ada, bob = person(store), person(store, "bob@example.com")
    sessions.keep_passkey(store, at=ada, credential="c", public_key="k", uses=0, name="Laptop", now=NOW)
    known = sessions.find_passkey(store, "c")
    assert (known.person, known.used_at) == (ada, None)
    sessions.use_passkey(store, known.id, uses=7, now=NOW + HOUR)
    assert [(each.uses, each.used_at) for each in sessions.passkeys(store, ada)] == [(7, NOW + HOUR)]
    assert not sessions.drop_passkey(store, known.id, person_id=bob)
    assert sessions.drop_passkey(store, known.id, person_id=ada)
    assert sessions.find_passkey(store, "c") is None
