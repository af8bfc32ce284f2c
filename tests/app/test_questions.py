"""Same tool? Every answer, and taking it back."""

from __future__ import annotations

import pytest

from app import editing, questions
from app.questions import Answer
from core.comparison import ComparisonState
from core.errors import NotFound, Refused, StaleVersion
from core.tool import ToolStatus
from store import audit, versions, worklists
from tests.app.making import approve, bring, hold, review, shelve, sighting
from tests.app.test_editing import ask


def slugs(product) -> list[str]:
    return [each.slug for each in editing.list_tools(product)]


def seen(product, *names: str) -> dict[str, int]:
    return {each: editing.show_tool(product, each).dossier.tool.version for each in names}


def test_the_one_that_is_chosen_stays(product):
    shelve(product, "Ada", "Bea")
    done = questions.answer(product, ask(product, "ada", "bea"), Answer.SAME, chosen="bea", actor="test")
    assert (slugs(product), done.merged) == (["bea"], "ada")
    hold(product)


@pytest.mark.parametrize("said", Answer)
def test_an_answer_to_what_has_changed_since_is_refused_and_changes_nothing(product, said):
    shelve(product, "Ada", "Bea")
    at, before = ask(product, "ada", "bea"), seen(product, "ada", "bea")
    editing.edit_tool(product, "bea", {"tagline": "Another one"}, actor="test")
    with pytest.raises(StaleVersion, match="bea changed"):
        questions.answer(product, at, said, actor="test", seen=before)
    assert [each.id for each in questions.open_questions(product)] == [at]
    questions.answer(product, at, said, actor="test", seen=seen(product, "ada", "bea"))


def test_two_who_answer_at_once_do_it_once(product):
    shelve(product, "Ada", "Bea")
    at = ask(product, "ada", "bea")
    questions.answer(product, at, Answer.DIFFERENT, actor="one")
    with pytest.raises(NotFound, match="no open question"):
        questions.answer(product, at, Answer.SAME, actor="other")
    assert slugs(product) == ["ada", "bea"]


def test_a_tool_that_is_neither_cannot_stay(product):
    shelve(product, "Ada", "Bea", "Cid")
    with pytest.raises(Refused, match="neither of the two"):
        questions.answer(product, ask(product, "ada", "bea"), Answer.SAME, chosen="cid", actor="test")


def test_a_merge_is_taken_back_with_its_comparisons_and_the_question_is_open_again(product):
    review(product, "Ada", "Bea", "Cid")
    approve(product, "ada", "cid")
    draft = editing.create_comparison(product, "ada", "bea", actor="test")
    at = ask(product, "ada", "bea")
    questions.answer(product, at, Answer.SAME, chosen="bea", actor="test")
    assert {each.state for each in editing.list_comparisons(product)} == {ComparisonState.RETIRED}
    assert "of its own again" in questions.take_back(product, at, actor="test")
    assert {each.slug: each.state for each in editing.list_comparisons(product)} == {
        "ada-vs-cid": ComparisonState.APPROVED,
        draft.slug: ComparisonState.DRAFT,
    }
    assert [each.id for each in questions.open_questions(product)] == [at]
    assert editing.show_tool(product, "ada").dossier.tool.status is ToolStatus.PAIRED
    assert [each.external_id for each in editing.show_tool(product, "ada").dossier.sightings] == ["ada"]
    with pytest.raises(NotFound):
        questions.unmerge(product, "ada", actor="test")
    hold(product)


def test_what_was_merged_by_hand_and_taken_back_is_no_question(product):
    shelve(product, "Ada", "Bea")
    editing.merge_tools(product, "ada", "bea", actor="test")
    questions.unmerge(product, "bea", actor="test")
    assert slugs(product) == ["ada", "bea"]
    assert questions.open_questions(product) == []
    editing.merge_tools(product, "ada", "bea", actor="test")
    hold(product)


def test_what_a_merged_tool_got_since_stays_when_it_is_taken_back(product):
    shelve(product, "Ada", "Bea")
    editing.merge_tools(product, "ada", "bea", actor="test")
    bring(product, sighting("Ada", external_id="ada-again", url="https://feed.example/again"))
    questions.unmerge(product, "bea", actor="test")
    assert [each.external_id for each in editing.show_tool(product, "ada").dossier.sightings] == ["ada", "ada-again"]


def test_different_is_taken_back(product):
    shelve(product, "Ada", "Bea")
    at = ask(product, "ada", "bea")
    questions.answer(product, at, Answer.DIFFERENT, actor="test")
    questions.take_back(product, at, actor="test")
    assert [each.id for each in questions.open_questions(product)] == [at]
    assert questions.take_back(product, at, actor="test") == "The question is open"


def test_a_newer_version_is_another_tool_and_both_know_of_it(product):
    shelve(product, "Ada", "Bea")
    at = ask(product, "ada", "bea")
    done = questions.answer(product, at, Answer.VERSION, chosen="bea", actor="test")
    assert "bea is a newer version of ada" in done.said
    with product.database.read() as connection:
        ids = {each.slug: each.id for each in worklists.lines_of(connection, ["ada", "bea"])}
        near = {slug: versions.relatives(connection, at) for slug, at in ids.items()}
        assert versions.lines(connection) == dict.fromkeys(ids.values(), min(ids.values()))
    assert [(each.slug, each.newer) for each in near["ada"]] == [("bea", True)]
    assert [(each.slug, each.newer) for each in near["bea"]] == [("ada", False)]
    questions.take_back(product, at, actor="test")
    with product.database.read() as connection:
        assert versions.lines(connection) == {}


def test_versions_never_go_in_a_circle(product):
    shelve(product, "Ada", "Bea", "Cid")
    for one, other in (("ada", "bea"), ("bea", "cid")):
        questions.answer(product, ask(product, one, other), Answer.VERSION, chosen=other, actor="test")
    with pytest.raises(Refused, match="older version of itself"):
        questions.answer(product, ask(product, "ada", "cid"), Answer.VERSION, chosen="ada", actor="test")
    with product.database.read() as connection:
        assert len(set(versions.lines(connection).values())) == 1


def test_what_speaks_against_is_said(product):
    shelve(product, "Ada", "Bea")
    sheet = questions.show(product, ask(product, "ada", "bea"))
    assert sheet.against == ("Different homes: ada.example and bea.example.",)
    assert (sheet.a.sightings, len(sheet.a.seen)) == (1, 1)


def test_answers_are_in_the_log_with_who(product):
    shelve(product, "Ada", "Bea")
    at = ask(product, "ada", "bea")
    questions.answer(product, at, Answer.SAME, actor="noor@example.com")
    questions.take_back(product, at, actor="noor@example.com")
    with product.database.read() as connection:
        said = [(each["action"], each["actor"]) for each in audit.entries(connection, subject="tool:bea")]
    assert said[:2] == [("tool.unmerge", "noor@example.com"), ("tool.merge", "noor@example.com")]
