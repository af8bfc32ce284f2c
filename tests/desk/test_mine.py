"""A reviewer's own page."""

from __future__ import annotations

import pytest

from app import queueing, reviewing
from core.panel import Basis, Decision, Draft
from tests.app import making
from tests.desk.conftest import BUILDER, SECOND_BUILDER, SKEPTIC
from tests.web.test_load import counted

MINE = "/desk/mine"


def judge(product, email: str, slug: str, *, ship: bool, quote: str = "Yes.") -> int:
    lease = reviewing.claim(product, email, tool=slug)
    decision = Decision.SHIP if ship else Decision.SKIP
    reviewing.submit(
        product, email, seat=lease.seat, fence=lease.fence, decision=decision, quote=quote, basis=Basis.DOCS
    )
    return lease.seat


@pytest.fixture
def tools(product) -> None:
    making.shelve(product, "Ada", "Bea", "Cyd")


def test_an_empty_page_says_what_to_do(signed_in):
    page = signed_in(BUILDER).get(MINE).text
    for words in ("No seat. Press Next seat", "Nothing yet", "nobody else has judged"):
        assert words in page


def test_it_holds_leases_drafts_dates_and_verdicts_and_nobody_else_s(signed_in, product, tools):
    judge(product, BUILDER, "bea", ship=False, quote="Not <i>yet</i>.")
    held = reviewing.claim(product, BUILDER, tool="ada")
    reviewing.save_draft(product, BUILDER, Draft(seat=held.seat, quote="Half a thought"), fence=held.fence)
    judge(product, SKEPTIC, "cyd", ship=True, quote="Somebody else's.")
    page = signed_in(BUILDER).get(MINE).text
    for words in ("yours until", "Half a thought", "Not &lt;i&gt;yet&lt;/i&gt;."):
        assert words in page
    assert "Somebody else" not in page


def test_what_comes_due_is_named_before_it_is(signed_in, product, tools, hand):
    reviewing.claim(product, BUILDER, tool="ada")
    assert "None lately, and none within three days" in signed_in(BUILDER).get(MINE).text
    hand.turn(days=6)
    page = signed_in(BUILDER).get(MINE).text
    assert "due within a day" in page
    assert "held by you" in page


def test_agreement_is_reckoned_where_two_have_judged_through_one_lens(product, tools):
    for slug, mine, theirs in (("ada", True, True), ("bea", True, False), ("cyd", False, False)):
        seat = judge(product, BUILDER, slug, ship=mine)
        reviewing.withdraw(product, BUILDER, seat, version=1)
        with product.database.write() as connection:
            connection.exec_driver_sql("UPDATE seat SET state = 'open', holder = NULL, lease_until = NULL")
        judge(product, SECOND_BUILDER, slug, ship=theirs)
    [builder] = queueing.mine(product, BUILDER).agreement
    assert (builder.tools, builder.shared, builder.agreed, builder.percent) == (3, 3, 2, 67)
    assert builder.alpha == pytest.approx(1 - (2 * 5) / (36 - 9 - 9))
    [skeptic] = queueing.mine(product, SKEPTIC).agreement
    assert (skeptic.tools, skeptic.shared, skeptic.percent) == (0, 0, None)


def test_verdicts_are_paged_and_the_page_takes_a_fixed_number_of_statements(signed_in, product, tools):
    client = signed_in(BUILDER)
    client.get(MINE)
    with counted(product) as few:
        client.get(MINE)
    seat = judge(product, BUILDER, "ada", ship=True)
    for version in range(1, 60):
        reviewing.revise(
            product,
            BUILDER,
            seat=seat,
            version=version,
            decision=Decision.SHIP,
            quote=f"Word {version}.",
            basis=Basis.DOCS,
            reason="Again.",
        )
    with counted(product) as many:
        page = client.get(MINE).text
    assert len(few) == len(many) <= 20
    assert page.count("data-row") == 50
    found = queueing.mine(product, BUILDER)
    assert client.get(f"{MINE}?after={found.further}").text.count("data-row") == 10
    assert client.get(f"{MINE}?after=x").status_code == 404
