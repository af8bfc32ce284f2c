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
from tests.store.making import KEYS, add, claim, invite, later, lens, submit


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


# ------------------------------------------------------------ what operators change


def test_people_are_listed_by_address_with_what_they_hold_and_have_said(store: Connection) -> None:
    ada, bea = invite(store, "ada", "builder"), invite(store, "bea", "skeptic", role=Role.EDITOR)
    (tool,) = add(store, "One")
    claim(store, ada, tool=tool)
    sessions.start(store, at=ada.id, key="k", now=NOW, expires=later(days=1), agent="")
    first, second = people.listed(store, limit=9, now=NOW)
    assert (first.person, first.leases, first.last_seen, first.verdicts) == (ada, 1, NOW, 0)
    assert (second.person, second.leases, second.last_seen) == (bea, 0, None)
    assert people.listed(store, after="ada@example.com", limit=9, now=NOW) == [second]
    assert people.listed(store, role=Role.EDITOR, limit=9, now=NOW) == [second]
    assert people.listed(store, lens_key="builder", limit=9, now=NOW) == [first]
    assert people.listed(store, active=False, limit=9, now=NOW) == []
    assert people.row(store, ada.id, now=later(hours=1)).leases == 0  # it has run out
    (held,) = people.leases(store, ada.id, now=NOW)
    assert (held.tool_slug, held.lens) == ("one", "builder")
    assert people.free_leases(store, ada.id, lenses=["skeptic"]) == 0
    assert people.free_leases(store, ada.id) == 1


def test_the_others_who_operate_are_counted_without_programs_and_those_who_left(store: Connection) -> None:
    ada = invite(store, "ada", role=Role.OPERATOR)
    assert people.other_operators(store, ada.id) == 0
    bea = invite(store, "bea", role=Role.OPERATOR)
    invite(store, "bot", role=Role.OPERATOR, machine=True)
    assert people.other_operators(store, ada.id) == 1
    assert people.switch(store, bea.id, active=False)
    assert not people.switch(store, bea.id, active=False)
    assert people.other_operators(store, ada.id) == 0


def test_lenses_swap_places_and_remember_that_the_desk_did_it(store: Connection) -> None:
    first, second = people.lenses(store)[:2]
    people.swap_lenses(store, first, second, now=NOW)
    assert _order(store)[:2] == ["skeptic", "builder"]
    assert people.edited_lenses(store) == {"skeptic", "builder"}
    assert not people.add_lens(store, first, now=NOW)
    assert people.add_lens(store, lens("artist", 0), now=NOW)
    assert _order(store)[-1] == "artist"
    people.take_file_s_word(store, ["builder"])
    assert people.edited_lenses(store) == {"skeptic", "artist"}
    row = people.lens_rows(store)[0]
    assert (row.lens.key, row.edited_at, row.reviewers, row.waiting) == ("skeptic", NOW, 0, 0)


def test_a_quorum_of_a_category_is_that_of_its_tools(store: Connection) -> None:
    (tool,) = add(store, "One", category="agents")
    assert people.quorum_of(store, tool, default=4) == 4
    for quorum in (2, 3):
        people.keep_quorum(store, "agents", quorum)
        assert people.quorum_of(store, tool, default=4) == quorum
    assert people.quorums(store) == {"agents": 3}
    assert people.ripe(store, "agents", quorum=1) == {}
    reviewer = invite(store, "ada", "builder")
    lease = claim(store, reviewer, tool=tool)
    assert lease is not None
    submit(store, reviewer, lease)
    assert people.ripe(store, "agents", quorum=1) == {tool: 1}
    people.keep_quorum(store, "agents", None)
    assert people.quorums(store) == {}
