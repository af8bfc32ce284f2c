"""Pairs at the desk: suggested with reasons and numbers, taken, turned down, and made by hand."""

from __future__ import annotations

import pytest

from app import editing, questions, suggesting
from app.questions import Answer
from tests.app.making import judge, review, shelve
from tests.app.test_editing import ask
from tests.chromium import needs_chromium
from tests.databases import built_upon
from tests.desk.conftest import EDITOR, session_of
from tests.desk.editors import fields, said, undo
from tests.web.test_load import counted

PAIRS = "/desk/pairs"


@pytest.fixture(scope="module")
def built(peopled_template, tmp_path_factory):
    def build(product) -> None:
        review(product, "Ada", "Bea")

    return built_upon(peopled_template, tmp_path_factory.mktemp("pairs"), build)


@pytest.fixture
def start(built):
    return built


def test_pairing_looks_when_it_is_told_to_and_the_page_shows_reasons_and_every_number(signed_in, product):
    client = signed_in(EDITOR)
    assert "No pair waits" in client.get(PAIRS).text
    assert "1 pairs found" in said(client, client.post(f"{PAIRS}/look"))
    page = client.get(PAIRS).text
    for held in ("Ada", "Bea", "comparability", "freshness", "Every number"):
        assert held in page
    [found] = suggesting.listed(product)
    assert found.reasons
    assert found.reasons[0].words.split("<")[0][:20] in page.replace("&#39;", "'")


def test_a_suggestion_becomes_a_draft_with_its_score_and_reasons(signed_in, product):
    suggesting.look(product)
    score = suggesting.listed(product)[0].score
    client = signed_in(EDITOR)
    done = client.post(PAIRS, data={"one": "ada", "other": "bea"})
    assert done.headers["location"] == "/desk/comparisons/ada-vs-bea"
    sheet = editing.show_comparison(product, "ada-vs-bea")
    assert (sheet.comparison.state, sheet.line.score) == ("draft", score)
    assert sheet.reasons
    assert suggesting.listed(product) == []
    suggesting.look(product)
    assert suggesting.listed(product) == []
    assert undo(client, done).status_code == 303
    assert editing.show_comparison(product, "ada-vs-bea").comparison.state == "retired"


def test_a_pair_turned_down_with_its_reason_comes_back_by_undo_alone(signed_in, product):
    suggesting.look(product)
    client = signed_in(EDITOR)
    form = fields(client.get(PAIRS).text, f"{PAIRS}/reject")
    assert client.post(f"{PAIRS}/reject", data={**form, "reason": " "}).status_code == 400
    done = client.post(f"{PAIRS}/reject", data={**form, "reason": "Not for the same people <b>"})
    suggesting.look(product)
    assert suggesting.listed(product) == []
    assert "Not for the same people &lt;b&gt;" in client.get(PAIRS).text
    done = client.post(f"{PAIRS}/reject", data={**form, "reason": "Twice"})
    assert undo(client, done).status_code == 303
    suggesting.look(product)
    assert len(suggesting.listed(product)) == 1
    assert client.post(f"{PAIRS}/again", data={"one": "ada", "other": "bea"}).status_code == 404


def test_pairs_by_hand_are_named_by_address_or_link(signed_in, product):
    client = signed_in(EDITOR)
    one = client.post(PAIRS, data={"one": "https://verdicts.example/tools/ada/", "other": "Bea"})
    assert one.headers["location"] == "/desk/comparisons/ada-vs-bea"
    again = client.post(PAIRS, data={"one": "bea", "other": "ada"})
    assert again.headers["location"] == one.headers["location"]
    assert len(editing.list_comparisons(product)) == 1


@pytest.mark.parametrize(
    ("other", "words"),
    [("ada", "one tool"), ("nobody", "no tool"), ("", "no tool"), ("dot", "panel of dot is not closed")],
)
def test_a_wrong_pair_is_refused_with_what_was_typed(signed_in, product, other, words):
    shelve(product, "Dot")
    answer = signed_in(EDITOR).post(PAIRS, data={"one": "ada", "other": other})
    assert answer.status_code == 400
    assert words in answer.text
    assert f'value="{other}"' in answer.text


def test_versions_of_one_product_are_never_paired(signed_in, product):
    questions.answer(product, ask(product, "ada", "bea"), Answer.VERSION, chosen="bea", actor="test")
    answer = signed_in(EDITOR).post(PAIRS, data={"one": "ada", "other": "bea"})
    assert answer.status_code == 400
    assert "versions of one product" in answer.text
    assert suggesting.look(product) == 0


def test_a_rival_that_nobody_has_brought_in_is_listed_dismissed_and_taken_back(signed_in, product):
    shelve(product, "Cid")
    judge(product, "cid", quote="Unlike Zork Studio it is calm.")
    suggesting.look(product)
    client = signed_in(EDITOR)
    assert "Zork Studio" in client.get(PAIRS).text
    name = {"name": "Zork Studio"}
    back = undo(client, client.post("/desk/rivals/dismiss", data=name))
    assert "listed again" in said(client, back)
    assert "Zork Studio" in client.get(PAIRS).text
    assert "listed no more" in said(client, client.post("/desk/rivals/dismiss", data=name))
    assert "Zork Studio" not in client.get(PAIRS).text
    again = client.post("/desk/rivals/dismiss", data=name)
    assert (again.status_code, "dismissed already" in again.text) == (400, True)


def test_the_page_takes_a_fixed_number_of_statements(signed_in, product):
    client = signed_in(EDITOR)

    def statements() -> int:
        with counted(product) as sent:
            assert client.get(PAIRS).status_code == 200
        return len(sent)

    before = statements()
    suggesting.look(product)
    for name in ("Cid", "Dot"):
        shelve(product, name)
        judge(product, name.lower())
    suggesting.look(product)
    assert statements() == before <= 13


@needs_chromium
def test_a_pair_is_made_by_hand_with_suggestions(site, product, chromium):

    def journey(page):
        page.get_by_label("One tool").fill("ada")
        page.get_by_label("The other").press_sequentially("be")
        page.locator("#other-list option[value=bea]").wait_for(state="attached")
        page.get_by_label("The other").fill("bea")
        page.locator("form", has=page.get_by_label("The other")).get_by_role("button").click()
        page.get_by_text("stand side by side as a draft").wait_for()
        frame = page.frame_locator("iframe[title^='The page']")
        frame.locator("h1").wait_for()
        return frame.locator("h1").inner_text()

    shown = chromium.look(PAIRS, journey, cookies={"desk": session_of(product, EDITOR)})
    assert "Ada" in shown
    assert "Bea" in shown
