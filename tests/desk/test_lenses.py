"""Lenses and quorums: their words, order and use, as operators set them; a file never takes the desk's word back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bs4 import BeautifulSoup

from app import editing, reviewing, staffing
from app.lenses import STANDARD, load_lenses, read_lenses
from core.errors import Refused, UsageError
from core.panel import Basis, Decision, Role
from core.tool import ToolStatus
from store import audit, people, tools
from tests.app.making import hold, shelve
from tests.desk.conftest import OPERATOR
from tests.web.test_load import counted

KEYS = ["builder", "skeptic", "futurist", "founder", "creator"]


@pytest.fixture
def desk(signed_in):
    return signed_in(OPERATOR)


def soup(answer) -> BeautifulSoup:
    return BeautifulSoup(answer.text, "lxml")


def order(product) -> list[str]:
    return [each.lens.key for each in staffing.lenses(product)]


def form_of(desk, key) -> dict[str, str]:
    form = soup(desk.get(f"/desk/lenses/{key}")).select_one("main form")
    fields = {each["name"]: each["value"] for each in form.select("input") if each.get("type") != "checkbox"}
    ticked = {each["name"]: "on" for each in form.select("[type=checkbox][checked]")}
    return fields | ticked | {each["name"]: each.get_text() for each in form.select("textarea")}


def logged(product, subject) -> list[str]:
    with product.database.read() as connection:
        return [each.action for each in audit.search(connection, subject=subject, limit=50)]


def undo(desk, answer) -> None:
    note = soup(desk.get(answer.headers["location"])).select_one(".note form")
    fields = {each["name"]: each["value"] for each in note.select("input")}
    assert desk.post(note["action"], data=fields).status_code == 303


def test_lenses_are_listed_in_their_order_with_who_looks_through_them(desk, product):
    rows = soup(desk.get("/desk/lenses")).select(".lens-list > li")
    assert [each.h2.a["href"].rpartition("/")[2] for each in rows] == order(product) == KEYS
    assert "2 reviewers" in rows[0].get_text()
    assert "Nobody looks through it" in rows[3].get_text()


def test_words_are_changed_logged_shown_to_readers_and_taken_back(desk, product, stranger):
    words = form_of(desk, "skeptic") | {"motto": "Show me the <b>bill</b>."}
    answer = desk.post("/desk/lenses/skeptic", data=words)
    assert answer.status_code == 303
    assert "Show me the &lt;b&gt;bill" in stranger.get("/methodology").text
    assert logged(product, "lens:skeptic") == ["lens.change"]
    undo(desk, answer)
    assert staffing.find_lens(product, "skeptic") == read_lenses(STANDARD)[1]


def test_a_stale_change_shows_what_is_there_beside_what_was_typed(desk, product):
    mine = form_of(desk, "skeptic")
    assert desk.post("/desk/lenses/skeptic", data=mine | {"motto": "Theirs"}).status_code == 303
    answer = desk.post("/desk/lenses/skeptic", data=mine | {"motto": "Mine"})
    assert answer.status_code == 409
    assert "Now: Theirs" in answer.text
    assert soup(answer).select_one("#motto")["value"] == "Mine"
    assert staffing.find_lens(product, "skeptic").motto == "Theirs"


def test_a_lens_without_a_name_is_refused_and_what_was_typed_stays(desk):
    answer = desk.post("/desk/lenses/skeptic", data=form_of(desk, "skeptic") | {"name": " ", "asks": "Typed"})
    assert answer.status_code == 400
    assert soup(answer).select_one("#asks").get_text() == "Typed"


def test_a_lens_moves_by_one_place_and_pressed_twice_only_once(desk, product):
    fields = {"to": "up", "place": "2"}
    answer = desk.post("/desk/lenses/skeptic/move", data=fields)
    assert order(product)[:2] == ["skeptic", "builder"]
    undo(desk, answer)
    assert order(product) == KEYS
    assert [desk.post("/desk/lenses/skeptic/move", data=fields).status_code for _ in range(2)] == [303, 409]
    assert order(product)[:2] == ["skeptic", "builder"]
    assert desk.post("/desk/lenses/skeptic/move", data={"to": "up", "place": "1"}).status_code == 303
    assert order(product)[:2] == ["skeptic", "builder"]


@pytest.mark.parametrize("key", ["", "Caps", "a b", "-x", "x" * 41, "builder", "../x", "é"])
def test_a_key_that_is_none_or_taken_is_refused(desk, product, key):
    answer = desk.post("/desk/lenses", data={"key": key, "name": "N", "asks": "Typed"})
    assert answer.status_code == 400
    assert "Typed" in answer.text
    assert order(product) == KEYS


def test_a_new_lens_is_off_until_it_is_switched_on_and_then_has_a_seat_on_what_waits(desk, product):
    shelve(product, "Ada")
    answer = desk.post("/desk/lenses", data={"key": "lawyer", "name": "Lawyer"})
    assert answer.headers["location"] == "/desk/lenses/lawyer"
    reviewing.invite(product, "law@example.com", roles=[Role.REVIEWER], lenses=["lawyer"], actor="test")
    assert reviewing.queue(product, email="law@example.com") == []
    assert desk.post("/desk/lenses/lawyer", data=form_of(desk, "lawyer") | {"active": "on"}).status_code == 303
    assert [each.tool_slug for each in reviewing.queue(product, email="law@example.com")] == ["ada"]
    hold(product)


# ------------------------------------------------------------ the file and the desk


def test_a_file_adds_and_brings_up_to_date_but_leaves_what_the_desk_changed(desk, product, tmp_path):
    desk.post("/desk/lenses/skeptic", data=form_of(desk, "skeptic") | {"motto": "Ours"})
    file = tmp_path / "lenses.toml"
    text = STANDARD.read_text().replace('name = "Builder"', 'name = "Maker"')
    file.write_text(
        text
        + '\n[[lens]]\nkey = "lawyer"\nname = "Lawyer"\nmotto = ""\nasks = ""\nexcites = ""\ntires = ""\nposition = 6\n'
    )
    assert load_lenses(product, file) == 5
    found = {each.lens.key: each.lens for each in staffing.lenses(product)}
    assert (found["builder"].name, found["skeptic"].motto) == ("Maker", "Ours")
    assert order(product) == [*KEYS, "lawyer"]
    assert load_lenses(product, file, overwrite=True) == 6
    assert {each.lens.key: each.lens for each in staffing.lenses(product)}["skeptic"].motto != "Ours"
    with product.database.read() as connection:
        assert people.edited_lenses(connection) == set()


def test_the_order_of_the_desk_stays_when_a_file_is_loaded(desk, product):
    desk.post("/desk/lenses/creator/move", data={"to": "up", "place": "5"})
    load_lenses(product)
    assert order(product) == ["builder", "skeptic", "futurist", "creator", "founder"]


# ------------------------------------------------------------ quorums


def judge(product, *lenses: str) -> None:
    for key in lenses:
        email = f"{key}@panel.example"
        reviewing.invite(product, email, roles=[Role.REVIEWER], lenses=[key], actor="test")
        lease = reviewing.claim(product, email)
        reviewing.submit(
            product,
            email,
            seat=lease.seat,
            fence=lease.fence,
            decision=Decision.SHIP,
            quote="Good.",
            basis=Basis.DOCS,
        )


def status(product) -> ToolStatus:
    with product.database.read() as connection:
        return tools.find(connection, "ada").status


def category(product) -> str:
    with product.database.read() as connection:
        return tools.find(connection, "ada").category


def test_a_panel_closes_at_its_category_s_number(desk, product, stranger):
    shelve(product, "Ada")
    address = f"/desk/lenses/quorum/{category(product)}"
    assert desk.post(address, data={"quorum": "2", "seen": ""}).status_code == 303
    judge(product, "builder")
    assert status(product) is ToolStatus.IN_REVIEW
    judge(product, "skeptic")
    assert status(product) is ToolStatus.REVIEWED
    assert "with 2." in stranger.get("/methodology").text
    hold(product)


def test_tools_of_a_small_panel_can_be_compared_and_say_that_it_is_closed(desk, product):
    shelve(product, "Ada", "Bea")
    desk.post(f"/desk/lenses/quorum/{category(product)}", data={"quorum": "2", "seen": ""})
    for _ in range(2):
        judge(product, "builder", "skeptic")
    made = editing.create_comparison(product, "ada", "bea", actor="test")
    view = editing.show_comparison(product, made.slug).view
    assert [side.panel.closed for side in (view.a, view.b)] == [True, True]
    assert editing.show_tool(product, "ada").panel.closed
    hold(product)


def test_a_lower_number_closes_what_has_enough_and_a_higher_one_opens_nothing(desk, product):
    shelve(product, "Ada")
    judge(product, "builder", "skeptic")
    address = f"/desk/lenses/quorum/{category(product)}"
    answer = desk.post(address, data={"quorum": "2", "seen": ""})
    assert "1 panels had enough" in desk.get(answer.headers["location"]).text
    assert status(product) is ToolStatus.REVIEWED
    assert desk.post(address, data={"quorum": "", "seen": "2"}).status_code == 303
    assert status(product) is ToolStatus.REVIEWED
    assert logged(product, f"category:{category(product)}") == ["category.quorum"] * 2
    hold(product)


@pytest.mark.parametrize(
    ("quorum", "seen", "code"), [("6", "", 400), ("0", "", 400), ("2", "3", 409), ("x", "", 404), ("", "", 303)]
)
def test_a_number_that_no_panel_reaches_or_that_is_stale_is_refused(desk, product, quorum, seen, code):
    answer = desk.post("/desk/lenses/quorum/agents", data={"quorum": quorum, "seen": seen})
    assert answer.status_code == code
    with product.database.read() as connection:
        assert people.quorums(connection) == {}


def test_an_unknown_category_or_lens_is_not_here(desk):
    assert desk.post("/desk/lenses/quorum/nothing", data={"quorum": "2"}).status_code == 404
    assert desk.get("/desk/lenses/nothing").status_code == 404


def test_pages_take_as_many_statements_with_more_lenses_and_people(desk, product):
    def look() -> list[int]:
        found = []
        for path in ("/desk/lenses", "/desk/lenses/builder"):
            with counted(product) as sent:
                assert desk.get(path).status_code == 200
            found.append(len(sent))
        return found

    before = look()
    for number in range(20):
        lens = replace(staffing.find_lens(product, "builder"), key=f"lens-{number}", active=False)
        staffing.add_lens(product, lens, actor="test")
        reviewing.invite(product, f"r{number}@example.com", roles=[Role.REVIEWER], lenses=["builder"], actor="test")
    shelve(product, *(f"Tool {number}" for number in range(10)))
    assert look() == before


def test_a_lens_is_refused_when_its_name_is_empty_by_the_use_case_too(product):
    lens = staffing.find_lens(product, "builder")
    with pytest.raises(Refused, match="needs a name"):
        staffing.change_lens(product, replace(lens, name="  "), seen=staffing.mark(lens), actor="test")


def test_a_file_that_gives_a_key_or_a_place_twice_is_refused_by_name(tmp_path):
    file = tmp_path / "twice.toml"
    entry = '[[lens]]\nkey = "{}"\nname = "N"\nmotto = ""\nasks = ""\nexcites = ""\ntires = ""\nposition = {}\n'
    for entries, words in (((("a", 1), ("a", 2)), "key 'a'"), ((("a", 1), ("b", 1)), "position 1")):
        file.write_text("".join(entry.format(*each) for each in entries))
        with pytest.raises(UsageError, match=words):
            read_lenses(file)
