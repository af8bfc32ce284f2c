"""Editions: drafts that may be assembled again, and frozen ones that nothing changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.engine import Connection

from core.edition import EditionState
from core.errors import Conflict, NotFound, Refused, StaleVersion
from core.week import Week
from store import comparisons, editions, tools
from tests.conftest import NOW
from tests.store.making import (
    add,
    approve,
    approved,
    draft,
    freeze,
    frozen,
    get,
    invite,
    later,
    pair,
)

WEEK, NEXT = Week(2026, 47), Week(2026, 48)


def _move(connection: Connection, after: EditionState, *before: EditionState, because: str | None = None) -> bool:
    return editions.move(connection, WEEK, before=before, after=after, because=because, now=later(days=2))


# ------------------------------------------------------------ drafts


def test_a_draft_holds_its_comparisons_in_order(store: Connection) -> None:
    one, other = approved(store, "Ada", "Bea"), approved(store, "Cyd", "Dot")
    made = draft(store, WEEK, other.id, one.id)
    assert (made.state, made.version, made.frozen, made.content_hash) == (EditionState.DRAFT, 1, None, None)
    assert made.comparisons == ("cyd-vs-dot", "ada-vs-bea")
    assert editions.comparison_ids(store, WEEK) == [other.id, one.id]
    assert editions.find(store, WEEK) == made
    assert editions.exists(store, WEEK)


def test_assembling_the_same_again_changes_nothing(store: Connection) -> None:
    one = approved(store, "Ada", "Bea")
    made = draft(store, WEEK, one.id)
    assert draft(store, WEEK, one.id, now=later(days=1)) == made


@pytest.mark.parametrize("change", ["order", "subject", "fewer"])
def test_assembling_something_else_is_a_new_version(store: Connection, change: str) -> None:
    one, other = approved(store, "Ada", "Bea"), approved(store, "Cyd", "Dot")
    draft(store, WEEK, one.id, other.id)
    ids = {"order": [other.id, one.id], "subject": [one.id, other.id], "fewer": [other.id]}[change]
    made = draft(store, WEEK, *ids, subject="Another" if change == "subject" else "Two of them")
    assert made.version == 2
    assert editions.comparison_ids(store, WEEK) == ids


def test_a_comparison_that_was_approved_anew_brings_the_draft_up_to_date(store: Connection) -> None:
    one = approved(store, "Ada", "Bea")
    draft(store, WEEK, one.id)
    comparisons.refresh(store, one.id, fingerprint="changed")
    assert not editions.approved_versions(store, WEEK)
    approve(store, comparisons.find(store, one.slug))
    assert not editions.approved_versions(store, WEEK)
    made = draft(store, WEEK, one.id)
    assert made.version == 2
    assert editions.approved_versions(store, WEEK)
    freeze(store, made)


def test_editions_are_numbered_as_they_are_made(store: Connection) -> None:
    one, other = approved(store, "Ada", "Bea"), approved(store, "Cyd", "Dot")
    assert [draft(store, NEXT, one.id).number, draft(store, WEEK, other.id).number] == [1, 2]
    assert draft(store, NEXT, one.id, subject="Another").number == 1


def test_a_comparison_is_sent_once(store: Connection) -> None:
    one = approved(store, "Ada", "Bea")
    freeze(store, draft(store, WEEK, one.id))
    with pytest.raises(Conflict, match="stands in another edition"), store.begin_nested():
        draft(store, NEXT, one.id)
    assert not editions.exists(store, NEXT)
    assert comparisons.waiting(store) == []


def test_what_nobody_approved_has_no_place_in_an_edition(store: Connection) -> None:
    open_one = pair(store, *add(store, "Ada", "Bea"))
    with pytest.raises(Conflict, match="is not approved"), store.begin_nested():
        draft(store, WEEK, open_one.id)
    assert not editions.exists(store, WEEK)


# ------------------------------------------------------------ frozen


def test_approval_freezes_content_and_list(store: Connection) -> None:
    one = approved(store, "Ada", "Bea")
    made = draft(store, WEEK, one.id)
    done = freeze(store, made, now=later(days=1))
    assert done.state is EditionState.APPROVED
    assert done.frozen == frozen(made)
    assert done.content_hash == frozen(made).sha256
    assert (done.approved_by, done.approved_at) == ("Noor", later(days=1))


def test_frozen_content_is_never_changed(store: Connection) -> None:
    one, other = approved(store, "Ada", "Bea"), approved(store, "Cyd", "Dot")
    made = draft(store, WEEK, one.id)
    done = freeze(store, made)
    with pytest.raises(Refused, match=r"2026-W47 is approved; its content is frozen"):
        draft(store, WEEK, other.id)
    with pytest.raises(StaleVersion):
        editions.approve(store, made, frozen=frozen(made, html="<p>other</p>"), by=1, now=NOW)
    assert editions.find(store, WEEK) == done


def test_a_tool_that_moves_does_not_change_what_was_frozen(store: Connection) -> None:
    one = approved(store, "Ada", "Bea")
    done = freeze(store, draft(store, WEEK, one.id))
    ada = tools.find(store, "ada")
    tools.edit(store, ada, {"slug": "countess"}, now=NOW)
    comparisons.rename(store, one.id, "bea-vs-countess")
    found = editions.find(store, WEEK)
    assert found == done
    assert found.frozen is not None
    assert found.frozen.sha256 == found.content_hash
    assert comparisons.find(store, found.comparisons[0]).id == one.id


def test_a_draft_follows_a_tool_that_moves(store: Connection) -> None:
    one = approved(store, "Ada", "Bea")
    draft(store, WEEK, one.id)
    tools.edit(store, get(store, tools.find(store, "ada").id), {"slug": "countess"}, now=NOW)
    comparisons.rename(store, one.id, "bea-vs-countess")
    assert editions.find(store, WEEK).comparisons == ("bea-vs-countess",)


def test_what_was_read_is_what_is_frozen(store: Connection) -> None:
    one, other = approved(store, "Ada", "Bea"), approved(store, "Cyd", "Dot")
    read = draft(store, WEEK, one.id)
    noor = invite(store, "noor")
    draft(store, WEEK, one.id, other.id)
    with pytest.raises(StaleVersion, match="2026-W47 has changed since you read it"), store.begin_nested():
        editions.approve(store, read, frozen=frozen(read), by=noor.id, now=NOW)
    now = editions.find(store, WEEK)
    with pytest.raises(StaleVersion), store.begin_nested():  # the list that was rendered is not the edition's
        editions.approve(store, now, frozen=replace(frozen(now), comparisons=("ada-vs-bea",)), by=noor.id, now=NOW)
    assert editions.find(store, WEEK) == now


# ------------------------------------------------------------ states


def test_a_state_changes_only_from_where_it_was_expected(store: Connection) -> None:
    freeze(store, draft(store, WEEK, approved(store, "Ada", "Bea").id))
    sending, paused = EditionState.SENDING, EditionState.PAUSED
    assert not _move(store, paused, sending)
    assert _move(store, sending, EditionState.APPROVED)
    assert not _move(store, sending, EditionState.APPROVED), "of two workers one finds nothing to do"
    assert _move(store, paused, sending, because="the key was refused")
    assert editions.paused_because(store, WEEK) == "the key was refused"
    assert _move(store, sending, paused)
    assert editions.paused_because(store, WEEK) is None
    assert _move(store, EditionState.SENT, sending)
    assert editions.find(store, WEEK).state is EditionState.SENT


def test_what_is_to_be_sent_comes_oldest_first(store: Connection) -> None:
    weeks = [Week(2026, number) for number in (45, 46, 47, 48)]
    for week, names in zip(weeks, (("Ada", "Bea"), ("Cyd", "Dot"), ("Eve", "Fay"), ("Gil", "Hal")), strict=True):
        made = draft(store, week, approved(store, *names).id)
        if week != weeks[3]:
            freeze(store, made)
    editions.move(store, weeks[1], before=[EditionState.APPROVED], after=EditionState.SENDING, now=NOW)
    editions.move(store, weeks[2], before=[EditionState.APPROVED], after=EditionState.SENT, now=NOW)
    assert editions.to_send(store) == weeks[:2]


def test_the_public_finds_approved_editions_only(store: Connection) -> None:
    freeze(store, draft(store, WEEK, approved(store, "Ada", "Bea").id))
    draft(store, NEXT, approved(store, "Cyd", "Dot").id)
    for step in (None, EditionState.SENDING, EditionState.PAUSED, EditionState.SENT):
        if step is not None:
            _move(store, step, *EditionState)
        assert editions.find_public(store, WEEK) == editions.find(store, WEEK)
        assert [each.week for each in editions.public(store)] == [WEEK]
    with pytest.raises(NotFound, match=r"There is no edition 2026-W48\.$"):  # as if it did not exist
        editions.find_public(store, NEXT)
    with pytest.raises(NotFound, match=r"2026-W50.*verdicts edition assemble --week 2026-W50"):
        editions.find(store, Week(2026, 50))


def test_how_many_did_not_fit_is_kept(store: Connection) -> None:
    one = approved(store, "Ada", "Bea")
    editions.keep_draft(store, WEEK, subject="s", preheader="p", intro="", comparisons=[one.id], left_over=7, now=NOW)
    assert editions.left_over(store, WEEK) == 7
