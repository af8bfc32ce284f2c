"""What the public sees: what an editor approved, under whatever address it is asked for, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import composing, editing, publishing, sending
from app.wiring import Product
from core.errors import NotFound
from core.week import Week
from store import comparisons, tools, votes
from tests.app.making import EDITOR, WEEK, approve, bring, enrol, hold, publish, review, shelve, sighting, subscriber
from tests.conftest import NOW


def cast(product: Product, slug: str, *, chosen: str, count: int) -> None:
    """So many readers choose one side."""
    addresses = enrol(product, count, prefix=f"{chosen}-of-{count}-")
    with product.database.write() as connection:
        at, choice = comparisons.find(connection, slug).id, tools.find(connection, chosen).id
        for address in addresses:
            reader = subscriber(product, address)
            assert reader is not None
            votes.cast(connection, comparison_id=at, subscriber=reader.id, choice=choice, now=product.now)


# ------------------------------------------------------------ what is not there


def test_before_anything_is_approved_there_is_nothing(product):
    review(product, "Ada", "Bea")
    editing.create_comparison(product, "ada", "bea", actor="test")
    home = publishing.home(product)
    assert (home.latest, home.comparisons) == (None, ())
    assert publishing.archive(product) == []
    for ask in (
        lambda: publishing.comparison(product, "ada-vs-bea"),
        lambda: publishing.comparison(product, "ada-vs-cid"),
        lambda: publishing.comparison(product, "ada"),
        lambda: publishing.edition(product, WEEK),
    ):
        with pytest.raises(NotFound):
            ask()


def test_an_approved_comparison_is_public_and_a_draft_of_an_edition_is_not(product):
    review(product, "Ada", "Bea")
    approve(product, "ada", "bea")
    composing.assemble(product, WEEK)
    assert publishing.comparison(product, "ada-vs-bea").title == "Ada vs Bea"
    assert [view.slug for view in publishing.home(product).comparisons] == ["ada-vs-bea"]
    assert publishing.home(product).latest is None
    assert publishing.archive(product) == []
    with pytest.raises(NotFound, match=r"There is no edition 2026-W47\."):
        publishing.edition(product, WEEK)


def test_what_is_asked_for_and_hidden_looks_like_what_never_was(product):
    review(product, "Ada", "Bea", "Cid")
    editing.create_comparison(product, "ada", "bea", actor="test")
    messages = []
    for slug in ("ada-vs-bea", "ada-vs-cid"):
        with pytest.raises(NotFound) as missing:
            publishing.comparison(product, slug)
        messages.append(str(missing.value).replace(slug, "X"))
    assert messages[0] == messages[1]


def test_a_comparison_of_a_rejected_tool_disappears(product):
    publish(product)
    editing.reject_tool(product, "ada", actor="test")
    with pytest.raises(NotFound):
        publishing.comparison(product, "ada-vs-bea")
    assert publishing.home(product).comparisons == ()
    assert publishing.edition(product, WEEK).comparisons == ()


# ------------------------------------------------------------ what is


def test_an_approved_edition_is_public_with_its_comparisons(product):
    publish(product)
    shelve(product, "Cid", "Dot")
    later = product.at(NOW + timedelta(days=7))
    review(later, "Cid", "Dot")
    publish(later, "cid", "dot", week=Week(2026, 48))
    first, second = publishing.edition(product, WEEK), publishing.edition(product, Week(2026, 48))
    assert (first.number, first.approved_at, [view.slug for view in first.comparisons]) == (1, NOW, ["ada-vs-bea"])
    assert [each.week for each in publishing.archive(product)] == [second.week, first.week]
    home = publishing.home(product)
    assert home.latest == second
    assert [view.slug for view in home.comparisons] == ["cid-vs-dot", "ada-vs-bea"]


def test_a_page_shows_what_was_approved_until_somebody_approves_again(product):
    publish(product)
    bring(product, sighting("Ada", licence="agpl-3.0"))
    editing.edit_tool(product, "ada", {"tagline": "Changed"}, actor="test")
    assert editing.show_comparison(product, "ada-vs-bea").view.a.tagline == "Changed"
    shown = publishing.comparison(product, "ada-vs-bea")
    assert shown.a.tagline == "Ada is an AI agent for code"
    assert "licence" not in {fact.field for fact in shown.a.facts}
    later = product.at(NOW + timedelta(days=1))
    editing.approve_comparison(later, "ada-vs-bea", email=EDITOR)
    shown = publishing.comparison(product, "ada-vs-bea")
    assert (shown.a.tagline, shown.approved_by, shown.approved_at) == ("Changed", "Noor", NOW + timedelta(days=1))
    hold(product)


def test_a_percentage_of_votes_is_shown_from_ten_votes_on_with_the_count(product):
    publish(product)
    none = publishing.comparison(product, "ada-vs-bea")
    assert [(side.community.label, side.community.note) for side in (none.a, none.b)] == [("—", "0 of 10 votes")] * 2
    cast(product, "ada-vs-bea", chosen="ada", count=6)
    cast(product, "ada-vs-bea", chosen="bea", count=3)
    nine = publishing.comparison(product, "ada-vs-bea")
    assert [(side.community.percent, side.community.label, side.community.note) for side in (nine.a, nine.b)] == [
        (None, "—", "9 of 10 votes"),
        (None, "—", "9 of 10 votes"),
    ]
    cast(product, "ada-vs-bea", chosen="ada", count=1)
    ten = publishing.comparison(product, "ada-vs-bea")
    assert [(side.community.label, side.community.note) for side in (ten.a, ten.b)] == [
        ("70 %", "7 of 10 votes"),
        ("30 %", "3 of 10 votes"),
    ]
    assert publishing.home(product).comparisons == publishing.edition(product, WEEK).comparisons == (ten,)


def test_votes_change_neither_the_panel_nor_what_was_approved(product):
    publish(product)
    before = publishing.comparison(product, "ada-vs-bea")
    cast(product, "ada-vs-bea", chosen="bea", count=12)
    after = publishing.comparison(product, "ada-vs-bea")
    assert (after.a.panel, after.version) == (before.a.panel, before.version)
    sheet = editing.show_comparison(product, "ada-vs-bea")
    assert sheet.comparison.version == sheet.comparison.approved_version == 1


# ------------------------------------------------------------ addresses


def test_a_pair_has_one_address_whatever_order_or_old_slug_it_is_asked_by(product):
    review(product, "Ada", "Bea")
    approve(product, "ada", "bea")
    assert publishing.comparison_address(product, "bea", "ada") == "ada-vs-bea"
    editing.edit_tool(product, "ada", {"slug": "zoe"}, actor="test")
    assert publishing.comparison_address(product, "ada", "bea") == "bea-vs-zoe"
    with pytest.raises(NotFound):
        publishing.comparison_address(product, "ada", "nowhere")


def test_a_published_comparison_keeps_its_votes_when_a_tool_moves(product):
    publish(product)
    cast(product, "ada-vs-bea", chosen="ada", count=8)
    cast(product, "ada-vs-bea", chosen="bea", count=2)
    with product.database.write() as connection:
        tools.edit(connection, tools.find(connection, "ada"), {"slug": "zoe"}, now=NOW)
    for slug in ("ada-vs-bea", None):
        if slug is None:  # the address follows at the next look
            editing.show_comparison(product, "ada-vs-bea")
        view = publishing.comparison(product, slug or "bea-vs-zoe")
        assert {side.slug: side.community.label for side in (view.a, view.b)} == {"zoe": "80 %", "bea": "20 %"}
    assert view.slug == "bea-vs-zoe"
    assert publishing.home(product).comparisons == (view,)
    assert publishing.edition(product, WEEK).comparisons == (view,)
    with pytest.raises(NotFound):
        publishing.comparison(product, "ada-vs-bea")


def test_a_tool_that_moves_after_the_edition_was_sent_takes_its_comparisons_along(product):
    publish(product)
    sending.send(product, WEEK, actor="test")
    editing.edit_tool(product, "ada", {"slug": "zoe"}, actor="test")
    assert publishing.comparison(product, "bea-vs-zoe").title == "Ada vs Bea"
    assert sending.send(product, WEEK, actor="test").state == "sent"
    hold(product)
