"""Editors at work: tools and duplicates, pairs, approvals that go stale."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import composing, editing, pairing, questions, reviewing
from app.questions import Answer
from app.wiring import Product
from core.comparison import ComparisonState
from core.errors import NotFound, Refused, StaleVersion, UsageError
from core.identifier import Identifier, Scheme
from core.intent import Ask
from core.panel import Basis, Decision, Role
from core.sighting import Signal
from core.tool import Reason, ToolStatus
from core.week import Week
from store import audit, schema, tools
from tests.app.making import (
    CHANGES,
    EDITOR,
    WEEK,
    approve,
    bring,
    hold,
    judge,
    publish,
    review,
    rows,
    shelve,
    sighting,
    submit,
)
from tests.conftest import NOW


def actions(product: Product) -> list[str]:
    """The audit log, the oldest entry first."""
    with product.database.read() as connection:
        return [str(each["action"]) for each in reversed(audit.entries(connection))]


def identity(product: Product, slug: str) -> int:
    return editing.show_tool(product, slug).dossier.tool.id


# ------------------------------------------------------------ tools


def test_what_an_editor_has_set_is_left_alone_by_ingestion(product):
    shelve(product, "Ada")
    editing.edit_tool(product, "ada", {"name": "Ada Lovelace", "category": "research"}, actor="test")
    bring(product, sighting("Ada", tagline="Now with a new tagline for AI", category="coding"))
    tool = editing.show_tool(product, "ada").dossier.tool
    assert (tool.name, tool.category, tool.tagline) == ("Ada Lovelace", "research", "Now with a new tagline for AI")
    hold(product)


def test_an_edit_that_changes_nothing_leaves_no_trace(product):
    shelve(product, "Ada")
    before = rows(product)
    editing.edit_tool(product, "ada", {"name": "Ada"}, actor="test")
    assert rows(product) == before


def test_an_editor_s_words_are_plain_text_and_a_description_has_paragraphs(product_on_both):
    shelve(product_on_both, "Ada")
    words = {
        "name": " Ada\x00\n\u202eLovelace ",
        "tagline": "One\r\nline\ud800",
        "description": "First\npart.\r\n\r\n\x07\n\nSecond.\x00",
    }
    tool = editing.edit_tool(product_on_both, "ada", words, actor="test")
    assert (tool.name, tool.tagline, tool.description) == ("Ada Lovelace", "One line", "First part.\n\nSecond.")
    before = rows(product_on_both)
    editing.edit_tool(product_on_both, "ada", words, actor="test")
    assert rows(product_on_both) == before


def test_old_addresses_lead_to_the_new_one(product):
    shelve(product, "Ada")
    assert editing.edit_tool(product, "ada", {"slug": "lovelace"}, actor="test").slug == "lovelace"
    assert editing.show_tool(product, "ada").dossier.tool.slug == "lovelace"
    assert editing.edit_tool(product, "lovelace", {"slug": "ada"}, actor="test").slug == "ada"
    assert editing.show_tool(product, "lovelace").dossier.tool.slug == "ada"
    hold(product)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"likes": "9"}, UsageError, "'likes' cannot be edited.*name, tagline"),
        ({"category": "cooking"}, Refused, "no category 'cooking'.*coding"),
        ({"name": "  "}, Refused, "needs a name"),
        ({"slug": "Ada Lovelace"}, Refused, "'Ada Lovelace' cannot be an address.*ada-lovelace"),
        ({"slug": "ada-vs-bea"}, Refused, "cannot be an address"),
        ({"slug": ""}, Refused, "cannot be an address"),
        ({"slug": "bea"}, Refused, "bea is or was the address of bea"),
        ({"slug": "cid"}, Refused, "merged into another"),
    ],
)
def test_an_edit_that_would_break_something_is_refused_whole(product, changes, error, message):
    shelve(product, "Ada", "Bea", "Cid")
    editing.merge_tools(product, "ada", "cid", actor="test")
    before = rows(product)
    with pytest.raises(error, match=message):
        editing.edit_tool(product, "ada", {"tagline": "Better words", **changes}, actor="test")
    assert rows(product) == before


def test_a_tool_may_move_while_an_edition_with_it_is_on_its_way(product):
    sent = publish(product)
    editing.edit_tool(product, "ada", {"slug": "lovelace"}, actor="test")
    frozen = composing.preview(product, WEEK)
    assert (frozen, frozen.sha256) == (sent.frozen, sent.content_hash)
    assert editing.show_comparison(product, sent.comparisons[0]).comparison.slug == "bea-vs-lovelace"
    hold(product)


def test_merged_tools_are_one_under_every_address_and_split_ones_are_as_before(product):
    shelve(product, "Ada", "Bea")
    assert editing.merge_tools(product, "ada", "bea", actor="test").slug == "ada"
    merged = editing.show_tool(product, "bea").dossier
    assert (merged.tool.slug, len(merged.sightings), len(merged.identifiers)) == ("ada", 2, 2)
    hold(product)
    assert editing.split_tool(product, "ada", ["shelf/bea"], actor="test").slug == "bea"
    assert [len(editing.show_tool(product, slug).dossier.sightings) for slug in ("ada", "bea")] == [1, 1]
    assert [each.slug for each in editing.list_tools(product, status=ToolStatus.MERGED)] == []
    hold(product)


@pytest.mark.parametrize(
    ("keys", "error", "message"),
    [
        ([], UsageError, "Name the sightings"),
        (["shelf"], UsageError, "'shelf' does not name a sighting.*SOURCE/ID"),
        (["shelf/nowhere"], NotFound, "ada has no sighting shelf/nowhere"),
        (["shelf/ada"], Refused, "without any sighting"),
    ],
)
def test_a_split_that_makes_no_sense_is_refused(product, keys, error, message):
    shelve(product, "Ada")
    before = rows(product)
    with pytest.raises(error, match=message):
        editing.split_tool(product, "ada", keys, actor="test")
    assert rows(product) == before


def test_a_tool_is_not_merged_with_itself(product):
    shelve(product, "Ada", "Bea")
    editing.merge_tools(product, "ada", "bea", actor="test")
    with pytest.raises(Refused, match="ada and bea are one tool already"):
        editing.merge_tools(product, "ada", "bea", actor="test")


def test_a_tool_is_found_by_what_names_it(product):
    shelve(product, "Ada")
    found = editing.find_by_identifier(product, Identifier(Scheme.URL, "ada.example"))
    assert found is not None
    assert found.slug == "ada"
    assert editing.find_by_identifier(product, Identifier(Scheme.URL, "bea.example")) is None


# ------------------------------------------------------------ same tool?


def ask(product: Product, one: str, other: str, *, score: float = 0.5) -> int:
    """Put a pair before an editor. Returns the question's number."""
    reasons = (Reason(words="names alike", points=score),)
    question = Ask(one=identity(product, one), other=identity(product, other), score=score, reasons=reasons)
    with product.database.write() as connection:
        tools.ask(connection, [question], now=NOW)
        return int(connection.scalar(sa.select(sa.func.max(schema.duplicate.c.id))) or 0)


def test_questions_come_with_score_and_reasons_the_surest_first(product):
    shelve(product, "Ada", "Bea", "Cid")
    ask(product, "ada", "bea", score=0.4)
    ask(product, "ada", "cid", score=0.7)
    found = questions.open_questions(product)
    assert [(each.a_slug, each.b_slug, each.score) for each in found] == [("ada", "cid", 0.7), ("ada", "bea", 0.4)]
    assert found[0].reasons == (Reason(words="names alike", points=0.7),)


def test_the_answer_same_merges_and_different_keeps_apart_for_good(product):
    shelve(product, "Ada", "Bea", "Cid")
    same, different = ask(product, "ada", "bea"), ask(product, "ada", "cid")
    assert "now part of" in questions.answer(product, same, Answer.SAME, actor="test").said
    assert "stay two tools" in questions.answer(product, different, Answer.DIFFERENT, actor="test").said
    assert [each.slug for each in editing.list_tools(product)] == ["ada", "cid"]
    assert questions.open_questions(product) == []
    ask(product, "ada", "cid")
    assert questions.open_questions(product) == []
    with pytest.raises(NotFound, match=f"no open question {same}"):
        questions.answer(product, same, Answer.SAME, actor="test")
    hold(product)


def test_a_question_about_a_tool_that_was_merged_since_is_one_about_the_tool_it_is_now(product):
    shelve(product, "Ada", "Bea", "Cid")
    first, second, third = ask(product, "ada", "bea"), ask(product, "bea", "cid"), ask(product, "ada", "cid")
    questions.answer(product, first, Answer.SAME, actor="test")
    assert {(each.a_slug, each.b_slug) for each in questions.open_questions(product)} == {("ada", "cid")}
    questions.answer(product, second, Answer.SAME, actor="test")
    assert [each.slug for each in editing.list_tools(product)] == ["ada"]
    assert questions.open_questions(product) == []
    with pytest.raises((Refused, NotFound)):
        questions.answer(product, third, Answer.DIFFERENT, actor="test")
    hold(product)


# ------------------------------------------------------------ pairs


def test_a_pair_is_one_comparison_in_whatever_order_it_is_asked_for(product):
    review(product, "Ada", "Bea")
    made = editing.create_comparison(product, "bea", "ada", actor="test")
    assert (made.slug, made.state, made.version) == ("ada-vs-bea", ComparisonState.DRAFT, 1)
    before = rows(product)
    assert editing.create_comparison(product, "ada", "bea", actor="test") == made
    assert rows(product) == before
    assert editing.show_comparison(product, "bea-vs-ada").comparison == made


@pytest.mark.parametrize(
    ("one", "other", "error", "message"),
    [
        ("ada", "ada", Refused, "one tool.*needs two"),
        ("ada", "nowhere", NotFound, "no tool 'nowhere'"),
        ("ada", "cid", Refused, "panel of cid is not closed"),
        ("ada", "dot", Refused, "dot was rejected"),
    ],
)
def test_only_two_tools_whose_panels_are_closed_make_a_pair(product, one, other, error, message):
    review(product, "Ada", "Dot")
    shelve(product, "Cid")
    submit(product, "cid", "builder")
    editing.reject_tool(product, "dot", actor="test")
    with pytest.raises(error, match=message):
        editing.create_comparison(product, one, other, actor="test")
    assert editing.list_comparisons(product) == []


def test_proposals_are_explained_and_leave_out_what_is_compared_already(product):
    review(product, "Ada", "Bea")
    [pair] = pairing.proposals(product)
    assert ({pair.a, pair.b}, bool(pair.reasons)) == ({"ada", "bea"}, True)
    editing.create_comparison(product, "ada", "bea", actor="test")
    assert pairing.proposals(product) == []


def test_an_address_that_is_no_pair_is_wrong_use_and_an_unknown_pair_is_not_found(product):
    review(product, "Ada", "Bea")
    with pytest.raises(UsageError, match="'ada' is not a comparison"):
        editing.show_comparison(product, "ada")
    with pytest.raises(NotFound, match="comparisons create A B"):
        editing.show_comparison(product, "ada-vs-bea")


# ------------------------------------------------------------ approval


def test_only_a_person_who_is_an_editor_approves(product):
    review(product, "Ada", "Bea")
    editing.create_comparison(product, "ada", "bea", actor="test")
    reviewing.invite(product, "bot@example.com", roles=[Role.EDITOR], machine=True, actor="test")
    for email, error, message in [
        ("builder@example.com", Refused, "not an editor.*--role editor"),
        ("nobody@example.com", NotFound, "Nobody here"),
        ("bot@example.com", Refused, "is a program"),
    ]:
        with pytest.raises(error, match=message):
            editing.approve_comparison(product, "ada-vs-bea", email=email)
        with pytest.raises(error, match=message):
            composing.approve(product, WEEK, email=email)
    assert editing.show_comparison(product, "ada-vs-bea").comparison.approved_version is None


def test_approving_twice_is_approving_once(product):
    review(product, "Ada", "Bea")
    first = approve(product, "ada", "bea")
    before = rows(product)
    assert editing.approve_comparison(product.at(NOW + timedelta(days=1)), "ada-vs-bea", email=EDITOR) == first
    assert rows(product) == before
    assert (first.approved_by, first.approved_at, first.state) == ("Noor", NOW, ComparisonState.APPROVED)
    assert editing.show_tool(product, "ada").dossier.tool.status is ToolStatus.PAIRED


def test_an_approval_names_the_version_that_was_read(product):
    review(product, "Ada", "Bea")
    editing.create_comparison(product, "ada", "bea", actor="test")
    editing.edit_tool(product, "ada", {"tagline": "Other words"}, actor="test")
    with pytest.raises(StaleVersion, match="at version 2, not 1"):
        editing.approve_comparison(product, "ada-vs-bea", email=EDITOR, version=1)
    assert editing.approve_comparison(product, "ada-vs-bea", email=EDITOR, version=2).approved_version == 2


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_after_approval_asks_for_approval_again(product, change):
    review(product, "Ada", "Bea")
    approve(product, "ada", "bea")
    change(product)
    stale = editing.show_comparison(product, "ada-vs-bea").comparison
    assert (stale.state, stale.version, stale.approved_version) == (ComparisonState.DRAFT, 2, 1)
    with pytest.raises(Refused, match="No approved comparison waits"):
        composing.assemble(product, WEEK)
    assert editing.approve_comparison(product, "ada-vs-bea", email=EDITOR).state is ComparisonState.APPROVED
    assert composing.assemble(product, WEEK).comparisons == ("ada-vs-bea",)
    hold(product)


def test_a_verdict_after_approval_asks_for_approval_again(product):
    review(product, "Ada", "Bea")
    shelve(product, "Cid")
    lease = reviewing.claim(product, "creator@example.com", tool="cid")
    judge(product, "cid", "+++-")
    approve(product, "ada", "cid")
    reviewing.submit(
        product,
        "creator@example.com",
        seat=lease.seat,
        fence=lease.fence,
        decision=Decision.SKIP,
        quote="Late.",
        basis=Basis.DOCS,
    )
    stale = editing.show_comparison(product, "ada-vs-cid").comparison
    assert (stale.state, stale.version, stale.approved_version) == (ComparisonState.DRAFT, 2, 1)
    hold(product)


def test_figures_of_popularity_move_without_asking_for_approval(product):
    review(product, "Ada", "Bea")
    shelve(product, "Ada", signals=(Signal(name="stars", value=10.0),))
    approve(product, "ada", "bea")
    shelve(product, "Ada", signals=(Signal(name="stars", value=99.0),))
    facts = {each.field: each.value for each in editing.show_tool(product, "ada").dossier.facts}
    assert facts["stars"] == "99"
    assert editing.show_comparison(product, "ada-vs-bea").comparison.state is ComparisonState.APPROVED


def test_seeing_the_same_again_on_another_day_asks_for_nothing(product):
    review(product, "Ada", "Bea")
    approve(product, "ada", "bea")
    shelve(product.at(NOW + timedelta(days=7)), "Ada", "Bea")
    assert editing.show_comparison(product, "ada-vs-bea").comparison.version == 1


def test_a_comparison_of_a_tool_that_was_taken_away_cannot_be_approved(product):
    review(product, "Ada", "Bea", "Cid")
    approve(product, "ada", "bea")
    approve(product, "bea", "cid")
    editing.reject_tool(product, "ada", actor="test")
    editing.merge_tools(product, "bea", "cid", actor="test")
    before = rows(product)
    with pytest.raises(Refused, match="ada was rejected"):
        editing.approve_comparison(product, "ada-vs-bea", email=EDITOR)
    with pytest.raises((Refused, NotFound)):
        editing.approve_comparison(product, "bea-vs-cid", email=EDITOR)
    assert rows(product) == before
    hold(product)


def test_a_published_comparison_that_was_retired_and_comes_back_is_published_and_not_sent_again(product):
    publish(product)
    editing.reject_tool(product, "ada", actor="test")
    assert editing.show_comparison(product, "ada-vs-bea").comparison.state is ComparisonState.RETIRED
    assert editing.queue_tool(product, "ada", actor="test").status is ToolStatus.REVIEWED
    back = editing.approve_comparison(product, "ada-vs-bea", email=EDITOR)
    assert (back.state, back.published_at) == (ComparisonState.PUBLISHED, NOW)
    with pytest.raises(Refused, match="No approved comparison waits"):
        composing.assemble(product, Week(2026, 48))
    hold(product)


def test_words_of_a_program_are_published_only_after_a_person_has_read_them(product):
    review(product, "Bea")
    shelve(product, "Ada")
    reviewing.invite(product, "bot@example.com", roles=[Role.REVIEWER], lenses=["builder"], machine=True, actor="test")
    lease = reviewing.claim(product, "bot@example.com", tool="ada")
    reviewing.submit(
        product,
        "bot@example.com",
        seat=lease.seat,
        fence=lease.fence,
        decision=Decision.SHIP,
        quote="I am a program.",
        basis=Basis.DOCS,
    )
    for lens in ("skeptic", "futurist", "founder"):
        submit(product, "ada", lens)
    editing.create_comparison(product, "ada", "bea", actor="test")
    assert _unread(product) == 1
    approve(product, "ada", "bea")
    assert _unread(product) == 0
    cell = editing.show_comparison(product, "ada-vs-bea").view.rows[0].a
    assert cell is not None
    assert cell.machine
    composing.assemble(product, WEEK)
    frozen = composing.approve(product, WEEK, email=EDITOR).frozen
    assert frozen is not None
    assert "machine-written" in frozen.text
    assert "machine-written" in frozen.html


def _unread(product: Product) -> int:
    query = sa.select(sa.func.count()).where(schema.verdict.c.machine, schema.verdict.c.checked_by.is_(None))
    with product.database.read() as connection:
        return connection.scalar(query) or 0
