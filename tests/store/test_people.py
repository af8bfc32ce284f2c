"""Lenses in their fixed order, and the people who look through them."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from core.errors import NotFound
from core.panel import Role
from store import people, schema, sessions
from store.connect import Database
from tests.conftest import NOW
from tests.store.making import KEYS, invite, later, lens


def _order(connection: Connection) -> list[str]:
    return [each.key for each in people.lenses(connection)]


def test_lenses_that_change_places_do_not_meet(store: Connection) -> None:
    people.keep_lenses(store, [lens(key, at) for at, key in enumerate(reversed(KEYS), start=1)])
    assert _order(store) == list(reversed(KEYS))


def test_a_lens_whose_place_is_taken_moves_behind_all_others(store: Connection) -> None:
    people.keep_lenses(store, [lens("artist", 2)])
    assert _order(store) == ["builder", "artist", "futurist", "founder", "creator", "skeptic"]


def test_keeping_the_same_lenses_again_changes_nothing(store: Connection) -> None:
    before = people.lenses(store)
    people.keep_lenses(store, before)
    people.keep_lenses(store, before[:2])
    assert people.lenses(store) == before


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.lists(st.sampled_from("abcdef"), unique=True),
    second=st.lists(st.sampled_from("abcdef"), unique=True),
    start=st.integers(0, 3),
)
def test_a_file_of_lenses_is_always_in_its_own_order_and_drops_nobody(
    shared: Database, first: list[str], second: list[str], start: int
) -> None:
    with shared.engine.connect() as connection, connection.begin() as transaction:
        people.keep_lenses(connection, [lens(key, at) for at, key in enumerate(first)])
        people.keep_lenses(connection, [lens(key, at) for at, key in enumerate(second, start=start)])
        found = _order(connection)
        transaction.rollback()
    assert [key for key in found if key in second] == second
    assert set(found) == {*first, *second}


def test_an_invitation_gives_roles_and_lenses_on_top_of_those_that_are_there(store: Connection) -> None:
    ada = invite(store, "ada", "builder")
    again = people.invite(
        store,
        email="ADA@Example.com",
        name="",
        roles=[Role.EDITOR],
        lenses=["skeptic"],
        machine=False,
        now=later(days=1),
    )
    assert (again.id, again.email, again.name) == (ada.id, "ada@example.com", "Ada")
    assert again.roles == {Role.REVIEWER, Role.EDITOR}
    assert again.lenses == ("builder", "skeptic")
    assert people.everybody(store) == [again]


def test_lenses_of_a_person_come_in_their_fixed_order(store: Connection) -> None:
    assert invite(store, "ada", *reversed(KEYS)).lenses == KEYS


def test_an_unknown_lens_invites_nobody(store: Connection) -> None:
    with pytest.raises(NotFound, match=r"no lens 'oracle'.*Lenses are: builder, creator"):
        invite(store, "ada", "builder", "oracle")
    assert people.everybody(store) == []


def test_who_was_switched_off_is_not_found_until_invited_again(store: Connection) -> None:
    invite(store, "ada", "builder")
    store.execute(sa.update(schema.person).values(active=False))
    with pytest.raises(NotFound, match=r"Nobody here has the address.*verdicts people invite"):
        people.find(store, "ada@example.com")
    assert invite(store, "ada", "builder").active


def test_sign_in_links_are_forgotten_once_they_have_expired(store: Connection) -> None:
    ada = invite(store, "ada", "builder")
    for number in range(3):
        sessions.keep_link(store, at=ada.id, token_hash=str(number), now=NOW, expires=later(hours=number))
    assert sessions.forget_links(store, before=later(hours=2)) == 2
    assert store.execute(sa.select(schema.sign_in.c.token_hash)).scalar_one() == "2"
