"""Pairs, their versions, and what an editor approved of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from core.comparison import Comparison, ComparisonState
from core.errors import NotFound, StaleVersion, UsageError
from core.tool import Reason, ToolStatus
from core.week import Week
from store import comparisons, merges, schema, tools
from tests.conftest import NOW
from tests.store.making import add, approve, approved, draft, freeze, get, invite, later, pair, view

WEEK = Week(2026, 47)


def _now(connection: Connection, found: Comparison) -> Comparison:
    return comparisons.find(connection, found.slug)


def _change(connection: Connection, found: Comparison, fingerprint: str = "changed") -> Comparison:
    assert comparisons.refresh(connection, found.id, fingerprint=fingerprint)
    return _now(connection, found)


# ------------------------------------------------------------ pairs


def test_a_pair_is_one_whatever_its_order(store: Connection) -> None:
    ada, bea = add(store, "Bea", "Ada")
    one = comparisons.create(store, get(store, ada), get(store, bea), score=0.7, reasons=(), now=NOW)
    other = comparisons.create(store, get(store, bea), get(store, ada), score=0.1, reasons=(), now=later(days=1))
    assert one == other
    assert (one.slug, one.a, one.b, one.state, one.version) == ("ada-vs-bea", "ada", "bea", ComparisonState.DRAFT, 1)
    assert [each.slug for each in comparisons.listed(store)] == ["ada-vs-bea"]


def test_a_pair_is_found_in_either_order_and_by_old_and_merged_addresses(store: Connection) -> None:
    ada, bea, cyd = add(store, "Ada", "Bea", "Cyd")
    made = pair(store, ada, bea)
    tools.edit(store, get(store, ada), {"slug": "countess"}, now=NOW)
    merges.apply(store, merges.Merge(winner=bea, loser=cyd, rule="r", evidence=()), by="e", now=NOW)
    addresses = ("ada-vs-bea", "bea-vs-ada", "bea-vs-countess", "countess-vs-cyd", "cyd-vs-ada")
    assert {comparisons.find(store, address).id for address in addresses} == {made.id}


def test_what_is_no_pair_is_not_found(store: Connection) -> None:
    add(store, "Ada", "Bea")
    for address in ("ada-vs-bea", "ada-vs-nobody"):
        with pytest.raises(NotFound):
            comparisons.find(store, address)
    with pytest.raises(UsageError, match="is not a comparison"):
        comparisons.find(store, "ada")


def test_the_two_tools_come_in_the_order_of_the_address(store: Connection) -> None:
    bea, ada = add(store, "Bea", "Ada")
    assert comparisons.pair(store, pair(store, ada, bea).id) == (ada, bea)


def test_comparisons_come_in_the_order_asked_for(store: Connection) -> None:
    ada, bea, cyd = add(store, "Ada", "Bea", "Cyd")
    made = [pair(store, *each) for each in ((ada, bea), (ada, cyd), (bea, cyd))]
    ids = [made[2].id, made[0].id, made[2].id, 10**9]
    assert [each.id for each in comparisons.by_ids(store, ids)] == [made[2].id, made[0].id]
    approve(store, made[1])
    assert [each.id for each in comparisons.listed(store, states=[ComparisonState.APPROVED])] == [made[1].id]
    assert comparisons.counts(store) == {"draft": 2, "approved": 1}


# ------------------------------------------------------------ versions


def test_the_first_look_is_no_new_version_and_every_change_is_one(store: Connection) -> None:
    made = pair(store, *add(store, "Ada", "Bea"))
    assert made.version == 1
    assert not comparisons.refresh(store, made.id, fingerprint="as it was")
    assert _change(store, made, "one").version == 2
    assert not comparisons.refresh(store, made.id, fingerprint="one")
    assert _change(store, made, "as it was").version == 3, "changed back is changed"


def test_an_approval_names_the_version_that_was_read(store: Connection) -> None:
    made = pair(store, *add(store, "Ada", "Bea"))
    done = approve(store, made, now=later(hours=1))
    assert (done.state, done.version, done.approved_version) == (ComparisonState.APPROVED, 1, 1)
    assert (done.approved_by, done.approved_at, done.published_at) == ("Noor", later(hours=1), None)


def test_a_version_that_is_out_of_date_is_not_approved(store: Connection) -> None:
    read = pair(store, *add(store, "Ada", "Bea"))
    _change(store, read)
    with pytest.raises(StaleVersion, match=r"ada-vs-bea has changed since you read it\. Look at it again"):
        approve(store, read)
    found = _now(store, read)
    assert (found.state, found.approved_version, found.version) == (ComparisonState.DRAFT, None, 2)


def test_of_two_editors_who_read_different_versions_the_one_of_today_approves(store: Connection) -> None:
    old = pair(store, *add(store, "Ada", "Bea"))
    new = _change(store, old)
    assert approve(store, new).approved_version == 2
    with pytest.raises(StaleVersion):
        approve(store, old)
    assert _now(store, old).approved_version == 2


def test_an_approved_comparison_goes_back_to_draft_when_it_changes(store: Connection) -> None:
    done = _change(store, approved(store, "Ada", "Bea"))
    assert (done.state, done.version, done.approved_version) == (ComparisonState.DRAFT, 2, 1)
    assert comparisons.waiting(store) == []
    assert approve(store, done).state is ComparisonState.APPROVED


def test_a_published_comparison_keeps_showing_what_was_approved_until_the_next_approval(store: Connection) -> None:
    done = approved(store, "Ada", "Bea")
    freeze(store, draft(store, WEEK, done.id))
    tools.edit(store, get(store, tools.find(store, "ada").id), {"name": "Countess"}, now=NOW)
    changed = _change(store, done)
    assert (changed.state, changed.version, changed.approved_version) == (ComparisonState.PUBLISHED, 2, 1)
    assert comparisons.approved_view(store, "ada-vs-bea").a.name == "Ada"
    assert approve(store, changed).state is ComparisonState.PUBLISHED
    assert comparisons.approved_view(store, "ada-vs-bea").a.name == "Countess"


def test_what_went_out_and_was_retired_is_published_again_once_it_is_approved_again(store: Connection) -> None:
    done = approved(store, "Ada", "Bea")
    freeze(store, draft(store, WEEK, done.id))
    merges.retire_comparisons(store, tools.find(store, "ada").id)
    assert _now(store, done).state is ComparisonState.RETIRED
    assert approve(store, _now(store, done)).state is ComparisonState.PUBLISHED
    assert comparisons.waiting(store) == [], "it is not sent a second time"


def test_what_never_went_out_and_was_retired_is_approved_once_more(store: Connection) -> None:
    done = approved(store, "Ada", "Bea")
    merges.retire_comparisons(store, tools.find(store, "ada").id)
    assert approve(store, _now(store, done)).state is ComparisonState.APPROVED


def test_an_editor_without_a_name_is_never_shown_by_address(store: Connection) -> None:
    made = pair(store, *add(store, "Ada", "Bea"))
    store.execute(sa.update(schema.person).values(name=""))
    nameless = invite(store, "x")
    store.execute(sa.update(schema.person).values(name=""))
    comparisons.approve(store, made, version=1, view=view(store, made), by=nameless.id, now=NOW)
    for at in comparisons.pair(store, made.id):
        tools.set_status(store, at, ToolStatus.PAIRED)
    assert _now(store, made).approved_by == "An editor"


# ------------------------------------------------------------ what the public sees


def test_the_public_sees_what_was_approved_byte_for_byte(store: Connection) -> None:
    made = pair(store, *add(store, "Ada", "Bea"))
    seen = view(store, made)
    approve(store, made)
    assert comparisons.approved_view(store, made.slug) == seen
    freeze(store, draft(store, WEEK, made.id), now=later(days=1))
    assert comparisons.approved_view(store, made.slug) == replace(seen, published_at=later(days=1))


def test_the_public_sees_neither_drafts_nor_what_was_retired(store: Connection) -> None:
    made = pair(store, *add(store, "Ada", "Bea"))
    for step in (lambda: None, lambda: _change(store, approve(store, made)), lambda: approve(store, _now(store, made))):
        step()
        if _now(store, made).state is not ComparisonState.APPROVED:
            with pytest.raises(NotFound):
                comparisons.approved_view(store, made.slug)
            assert comparisons.approved_views(store, limit=10) == []
            assert comparisons.approved_views(store, limit=10, ids=[made.id]) == []
    assert len(comparisons.approved_views(store, limit=10)) == 1
    merges.retire_comparisons(store, tools.find(store, "ada").id)
    with pytest.raises(NotFound):
        comparisons.approved_view(store, made.slug)
    assert comparisons.approved_views(store, limit=10) == []


def test_approved_views_come_newest_first_or_in_the_order_asked_for(store: Connection) -> None:
    made = [
        approved(store, one, other, now=later(days=day))
        for day, (one, other) in enumerate((("Ada", "Bea"), ("Cyd", "Dot"), ("Eve", "Fay")))
    ]
    newest = [each.slug for each in comparisons.approved_views(store, limit=2)]
    assert newest == ["eve-vs-fay", "cyd-vs-dot"]
    asked = [made[1].id, 10**9, made[2].id, made[0].id]
    assert [each.slug for each in comparisons.approved_views(store, limit=2, ids=asked)] == ["cyd-vs-dot", "eve-vs-fay"]


# ------------------------------------------------------------ waiting to be sent


def test_what_waits_comes_best_first_and_only_until_it_has_a_place(store: Connection) -> None:
    low = approved(store, "Ada", "Bea", score=0.2)
    old = approved(store, "Cyd", "Dot", score=0.9)
    new = approved(store, "Eve", "Fay", score=0.9, now=later(days=1))
    pair(store, *add(store, "Gil", "Hal"))
    assert comparisons.waiting(store) == [old.id, new.id, low.id]
    draft(store, WEEK, new.id)
    assert comparisons.waiting(store) == [old.id, low.id]


def test_only_what_is_approved_is_published_and_only_once(store: Connection) -> None:
    done = approved(store, "Ada", "Bea")
    open_one = pair(store, *add(store, "Cyd", "Dot"))
    draft(store, WEEK, done.id)
    comparisons.publish(store, [done.id, open_one.id], now=later(days=1))
    comparisons.publish(store, [done.id], now=later(days=9))
    assert (_now(store, done).state, _now(store, done).published_at) == (ComparisonState.PUBLISHED, later(days=1))
    assert _now(store, open_one).state is ComparisonState.DRAFT
    freeze(store, draft(store, WEEK, done.id))


def test_the_reasons_of_a_pair_are_kept_with_it(store: Connection) -> None:
    ada, bea = add(store, "Ada", "Bea")
    reasons = (Reason(words="shared tags", points=0.4), Reason(words="opposite verdicts", points=0.2))
    comparisons.create(store, get(store, ada), get(store, bea), score=0.6, reasons=reasons, now=NOW)
    row = store.execute(sa.select(schema.comparison.c.score, schema.comparison.c.reasons)).one()
    assert tuple(row) == (0.6, [["shared tags", 0.4], ["opposite verdicts", 0.2]])
