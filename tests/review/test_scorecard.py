from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.comparison import Community
from core.fact import Fact, Per, Price, Pricing, PricingModel
from core.panel import Basis
from review.scorecard import compare, fingerprint, is_first_look, rows, split
from tests.review.making import KEYS, LENSES, NOW, SKIP, a_comparison, a_contender, a_verdict, panel, verdict_lists

FACT = Fact(field="licence", value="mit", source_url="https://example.com/a", observed_at=NOW)
OTHER_FACT = replace(FACT, value="apache-2.0", source_url="https://example.com/b")
PRICE = Pricing(
    model=PricingModel.PAID,
    entry_price=Price(amount=Decimal(9), currency="EUR", per=Per.MONTH),
    source_url="https://example.com/pricing",
    observed_at=NOW,
)


def test_every_lens_that_judged_either_tool_has_one_row_in_the_fixed_order():
    card = rows(reversed(LENSES), panel("+...-"), panel(".+..+"))
    assert [row.lens for row in card] == ["builder", "skeptic", "creator"]


def test_a_lens_without_a_verdict_on_one_side_leaves_that_cell_empty():
    builder, skeptic = rows(LENSES, panel("+"), panel(".-"))
    assert (builder.b, skeptic.a) == (None, None)
    assert builder.a is not None
    assert skeptic.b is not None


def test_a_verdict_of_an_unknown_lens_is_refused_rather_than_lost():
    with pytest.raises(KeyError, match="poet"):
        rows(LENSES, (a_verdict("poet"),), ())


@given(verdict_lists, verdict_lists)
def test_no_row_mixes_two_lenses(a, b):
    said = {(side, verdict.lens, verdict.reviewer) for side, given in (("a", a), ("b", b)) for verdict in given}
    shown = {
        (side, row.lens, cell.reviewer)
        for row in rows(LENSES, a, b)
        for side, cell in (("a", row.a), ("b", row.b))
        if cell
    }
    assert shown == said


def test_the_split_names_where_lenses_agree_and_where_they_part():
    found = split(rows(LENSES, panel("+-+-+"), panel("+--+.")))
    assert found.both_ship == ("Builder",)
    assert found.both_skip == ("Skeptic",)
    assert found.only_a == ("Futurist",)
    assert found.only_b == ("Founder",)


@given(verdict_lists, verdict_lists)
def test_swapping_the_sides_swaps_the_split(a, b):
    one, other = split(rows(LENSES, a, b)), split(rows(LENSES, b, a))
    assert (one.only_a, one.only_b, one.both_ship, one.both_skip) == (
        other.only_b,
        other.only_a,
        other.both_ship,
        other.both_skip,
    )


@given(verdict_lists, verdict_lists)
def test_only_lenses_that_judged_both_stand_in_the_split(a, b):
    found = split(rows(LENSES, a, b))
    named = [*found.both_ship, *found.both_skip, *found.only_a, *found.only_b]
    both = {verdict.lens.title() for verdict in a} & {verdict.lens.title() for verdict in b}
    assert sorted(named) == sorted(both)


@pytest.mark.parametrize(
    ("bases", "first_look"),
    [((), False), ((Basis.DOCS, Basis.DOCS), True), ((Basis.DOCS, Basis.HANDS_ON), False)],
)
def test_first_look_means_verdicts_and_nobody_with_hands_on(bases, first_look):
    assert is_first_look([a_verdict(basis=basis) for basis in bases]) is first_look


def a_view(*, a=None, b=None, **comparison):
    left = a or a_contender("alpha", verdicts=panel("+++-"), facts=(FACT, OTHER_FACT), pricing=PRICE)
    right = b or a_contender("beta", verdicts=panel("+--."))
    return compare(a_comparison(**comparison), a=left, b=right, lenses=LENSES, quorum=4)


def test_a_view_holds_everything_of_both_sides():
    view = a_view(version=7, approved_by="Sample Editor", approved_at=NOW)
    assert view.title == "Alpha vs Beta"
    assert (view.a.panel_label, view.b.panel_label) == ("75 %, 3-1", "33 %, 1-2")
    assert (view.a.panel.closed, view.b.panel.closed) == (True, False)
    assert view.a.pricing == PRICE
    assert view.a.facts == (FACT, OTHER_FACT)
    assert [row.lens for row in view.rows] == list(KEYS[:4])
    assert (view.version, view.approved_by, view.approved_at) == (7, "Sample Editor", NOW)


def alpha(**given):
    fields = {"verdicts": panel("+++-"), "facts": (FACT, OTHER_FACT), "pricing": PRICE}
    return a_contender("alpha", **fields | given)


@pytest.mark.parametrize(
    "same",
    [
        a_view(a=alpha(votes=Community(chosen=9, votes=12))),
        a_view(version=9, approved_by="somebody", approved_at=NOW, published_at=NOW),
        a_view(a=alpha(facts=(OTHER_FACT, FACT))),
        a_view(a=alpha(facts=(FACT, replace(OTHER_FACT, observed_at=NOW + timedelta(days=9))))),
        a_view(a=alpha(pricing=replace(PRICE, observed_at=NOW + timedelta(days=9)))),
        a_view(a=alpha(described_at=NOW + timedelta(days=9))),
        a_view(a=alpha(facts=(FACT, OTHER_FACT, replace(FACT, field="stars", value="9000")))),
    ],
    ids=["votes", "the approval", "order of facts", "a fact seen again", "a price seen again", "read again", "figures"],
)
def test_what_an_editor_does_not_approve_leaves_the_fingerprint_alone(same):
    assert fingerprint(same) == fingerprint(a_view())


REVISED = (*panel("+++"), a_verdict("founder", SKIP, quote="another word"))


@pytest.mark.parametrize(
    "other",
    [
        a_view(a=alpha(verdicts=panel("++++"))),
        a_view(a=alpha(verdicts=REVISED)),
        a_view(a=alpha(verdicts=(*panel("+++"), a_verdict("founder", SKIP, basis=Basis.DOCS)))),
        a_view(a=alpha(verdicts=(*panel("+++"), a_verdict("founder", SKIP, machine=True)))),
        a_view(a=alpha(verdicts=(*panel("+++"), a_verdict("founder", SKIP, disclosure="knows them")))),
        a_view(a=alpha(facts=(FACT,))),
        a_view(a=alpha(facts=(FACT, replace(OTHER_FACT, value="bsl")))),
        a_view(a=alpha(pricing=replace(PRICE, model=PricingModel.FREEMIUM))),
        a_view(a=alpha(pricing=replace(PRICE, entry_price=None))),
        a_view(a=alpha(name="Alpha 2")),
        a_view(a=alpha(tagline="another")),
        a_view(a=alpha(description="another")),
        a_view(a=alpha(homepage="https://example.com")),
    ],
)
def test_a_change_of_what_an_editor_approved_changes_the_fingerprint(other):
    assert fingerprint(other) != fingerprint(a_view())


@given(st.text(max_size=20), st.text(max_size=20))
def test_words_never_move_between_fields_unnoticed(one, other):
    view = a_view(a=alpha(name=one, tagline=other))
    moved = a_view(a=alpha(name=one + other, tagline=""))
    assert (fingerprint(view) == fingerprint(moved)) == (other == "")
