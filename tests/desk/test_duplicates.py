"""Same tool? Two tools side by side, the answers, and every way back."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup

from app import editing, questions
from store import schema
from tests.app.making import shelve
from tests.app.test_editing import ask
from tests.chromium import needs_chromium
from tests.desk.conftest import EDITOR, session_of
from tests.desk.editors import fields, said, undo
from tests.web.test_load import counted


def page_of(at: int) -> str:
    return f"/desk/duplicates/{at}"


def press(client, at: int, answer: str):
    form = fields(client.get(page_of(at)).text, page_of(at))
    return client.post(page_of(at), data={**form, "answer": answer})


def test_an_empty_list_says_where_questions_come_from(signed_in):
    assert "No open question" in signed_in(EDITOR).get("/desk/duplicates").text


def test_the_surest_question_comes_first_and_its_page_holds_both(signed_in, product):
    shelve(product, "Ada", "Bea", "Cid")
    ask(product, "ada", "bea", score=0.4)
    sure = ask(product, "ada", "cid", score=0.7)
    client = signed_in(EDITOR)
    listed = client.get("/desk/duplicates").text
    assert listed.index("Cid") < listed.index("Bea")
    page = client.get(page_of(sure)).text
    for held in ("names alike", "Different homes: ada.example and cid.example", "points", "url:ada.example"):
        assert held in page


@pytest.mark.parametrize(
    ("answer", "words", "left"),
    [
        ("same:bea", "ada is now part of bea", ["bea"]),
        ("different", "stay two tools", ["ada", "bea"]),
        ("version:bea", "bea is a newer version of ada", ["ada", "bea"]),
    ],
)
def test_an_answer_is_carried_out_said_and_taken_back(signed_in, product, answer, words, left):
    shelve(product, "Ada", "Bea")
    at = ask(product, "ada", "bea")
    client = signed_in(EDITOR)
    done = press(client, at, answer)
    assert sorted(each.slug for each in editing.list_tools(product)) == left
    assert undo(client, done).status_code == 303
    assert sorted(each.slug for each in editing.list_tools(product)) == ["ada", "bea"]
    assert words in said(client, press(client, at, answer))


def test_tools_of_one_name_are_told_apart_on_the_buttons(signed_in, product):
    shelve(product, "Ada", "Bea")
    at = ask(product, "ada", "bea")
    with product.database.write() as connection:
        connection.execute(sa.update(schema.tool).values(name="Ada"))
    buttons = BeautifulSoup(signed_in(EDITOR).get(page_of(at)).text, "lxml").select(".answers button span")
    words = [each.get_text() for each in buttons]
    assert words[1:] == [
        "Same: keep Ada (ada)",
        "Same: keep Ada (bea)",
        "Ada (ada) is the newer version",
        "Ada (bea) is the newer version",
    ]


def test_the_next_question_follows(signed_in, product):
    shelve(product, "Ada", "Bea", "Cid")
    second, first = ask(product, "ada", "bea", score=0.4), ask(product, "ada", "cid", score=0.7)
    assert press(signed_in(EDITOR), first, "different").headers["location"] == page_of(second)


def test_a_tool_that_changed_meanwhile_is_shown_anew_and_nothing_is_done(signed_in, product):
    shelve(product, "Ada", "Bea")
    at = ask(product, "ada", "bea")
    client = signed_in(EDITOR)
    form = fields(client.get(page_of(at)).text, page_of(at))
    editing.edit_tool(product, "ada", {"tagline": "Now it says this"}, actor="test")
    answer = client.post(page_of(at), data={**form, "answer": "same:ada"})
    assert answer.status_code == 409
    assert "changed since you opened" in answer.text
    assert "Now it says this" in answer.text
    assert len(editing.list_tools(product)) == 2


def test_pressed_twice_or_by_two_it_is_done_once(signed_in, product):
    shelve(product, "Ada", "Bea")
    at = ask(product, "ada", "bea")
    one, other = signed_in(EDITOR), signed_in(EDITOR)
    form = fields(one.get(page_of(at)).text, page_of(at))
    assert one.post(page_of(at), data={**form, "answer": "different"}).status_code == 303
    again = other.post(page_of(at), data={**form, "answer": "same:ada"})
    assert again.status_code == 409
    assert "has answered already: different" in again.text


@pytest.mark.parametrize("answer", ["", "maybe", "same:nobody", "version:zed"])
def test_what_is_no_answer_is_refused(signed_in, product, answer):
    shelve(product, "Ada", "Bea")
    assert press(signed_in(EDITOR), ask(product, "ada", "bea"), answer).status_code == 400


@pytest.mark.parametrize("path", ["/desk/duplicates/7", "/desk/duplicates/x", "/desk/duplicates?after=evil"])
def test_what_is_not_there_is_not_found(signed_in, path):
    assert signed_in(EDITOR).get(path).status_code == 404


def test_a_page_goes_on_where_the_last_ended(signed_in, product, monkeypatch):
    monkeypatch.setattr(questions, "A_PAGE", 2)
    names = ["Ada", "Bea", "Cid", "Dot", "Eve"]
    shelve(product, *names)
    for name in names[1:]:
        ask(product, "ada", name.lower(), score=0.5)
    client = signed_in(EDITOR)
    first = client.get("/desk/duplicates").text
    more = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    second = client.get(more).text
    found = [name for name in names[1:] if f"<bdi>{name}</bdi>" in first]
    rest = [name for name in names[1:] if f"<bdi>{name}</bdi>" in second]
    assert len(found) == len(rest) == 2
    assert not set(found) & set(rest)
    assert 'rel="next"' not in second


def test_many_are_told_apart_after_a_look_at_what_will_change(signed_in, product):
    shelve(product, "Ada", "Bea", "Cid", "Dot")
    numbers = [ask(product, "ada", other) for other in ("bea", "cid", "dot")]
    client = signed_in(EDITOR)
    shown = client.post("/desk/bulk/duplicates", data={f"pick:{at}": "1" for at in numbers})
    assert shown.status_code == 200
    assert len(questions.open_questions(product)) == 3
    editing.edit_tool(product, "dot", {"tagline": "Something new"}, actor="test")
    form = fields(shown.text, "/desk/bulk/duplicates/do")
    words = said(client, client.post("/desk/bulk/duplicates/do", data=form))
    assert "2 pairs stay apart" in words
    assert "dot changed" in words
    assert [each.id for each in questions.open_questions(product)] == [numbers[2]]


def test_the_pages_take_a_fixed_number_of_statements(signed_in, product):
    client = signed_in(EDITOR)

    def statements(at: int) -> list[int]:
        found = []
        for path in ("/desk/duplicates", page_of(at)):
            with counted(product) as sent:
                assert client.get(path).status_code == 200
            found.append(len(sent))
        return found

    shelve(product, "Ada", "Bea")
    at = ask(product, "ada", "bea")
    before = statements(at)
    many = [f"T{number}" for number in range(20)]
    shelve(product, *many)
    for name in many:
        ask(product, "ada", name.lower(), score=0.2)
    assert statements(at) == before
    assert max(before) <= 20


@needs_chromium
def test_a_question_is_answered_and_taken_back_by_keys(site, product, chromium):
    shelve(product, "Ada", "Bea")
    at = ask(product, "ada", "bea")

    def journey(page):
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{page_of(at)}")
        page.keyboard.press("x")
        page.get_by_text("stay two tools").wait_for()
        page.keyboard.press("u")
        page.get_by_text("It is open again").wait_for()
        return page.locator("h1").inner_text()

    assert "Ada" in chromium.look("/desk/duplicates", journey, cookies={"desk": session_of(product, EDITOR)})
    with product.database.read() as connection:
        from store import worklists  # noqa: PLC0415

        assert worklists.question(connection, at).answer == "open"
