"""People: invited, changed, let go and let in again, by operators, with nothing overwritten."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Page

from app import reviewing, staffing
from core.panel import Role
from core.subscriber import address_key
from store import audit, people
from tests.chromium import needs_chromium
from tests.desk.conftest import BUILDER, CHIEF, EDITOR, OPERATOR, SECOND_BUILDER, session_of
from tests.web.test_load import counted

NEW = "new@example.com"


@pytest.fixture
def desk(signed_in):
    return signed_in(OPERATOR)


def person_of(product, email):
    return staffing.find(product, email)


def seen(product, email) -> dict[str, str]:
    return {"seen": staffing.mark(person_of(product, email))}


def at(product, email) -> str:
    return f"/desk/people/{person_of(product, email).id}"


def soup(answer) -> BeautifulSoup:
    return BeautifulSoup(answer.text, "lxml")


def said(desk, answer) -> str:
    return soup(desk.get(answer.headers["location"])).select_one(".note").get_text(" ", strip=True)


def letters(product) -> list[str]:
    return [each.read_text() for each in sorted(product.settings.outbox_folder.rglob("*.eml"))]


def done(product, email) -> list[str]:
    with product.database.read() as connection:
        return [each.action for each in audit.search(connection, subject=f"person:{email}", limit=50)]


def test_everybody_is_listed_with_roles_lenses_and_when_they_were_last_here(desk, product, signed_in):
    signed_in(BUILDER).get("/desk/me")
    rows = {row.th.a.get_text(): row for row in soup(desk.get("/desk/people")).select("tbody tr")}
    assert len(rows) == 6
    assert "reviewer" in rows["Builder"].get_text()
    assert rows["Builder"].time.get_text() == "just now"
    assert "never; invited" in rows["Skeptic"].get_text()
    only = soup(desk.get("/desk/people?role=editor&lens=futurist")).select("tbody tr")
    assert [row.th.a.get_text() for row in only] == ["Chief"]


def test_an_invitation_mails_a_link_and_is_logged(desk, product):
    form = {"email": NEW, "name": "Nia", "role:reviewer": "on", "lens:skeptic": "on"}
    answer = desk.post("/desk/people", data=form)
    assert "Nia is invited. A sign-in link is on its way to new@example.com" in said(desk, answer)
    made = person_of(product, NEW)
    assert (made.roles, made.lenses) == ({Role.REVIEWER}, ("skeptic",))
    (letter,) = letters(product)
    assert f"To: {NEW}" in letter
    assert "You are invited to the desk" in letter
    assert "as reviewer (Skeptic)" in " ".join(letter.split())
    assert re.search(r"/desk/sign-in/[\w=\n-]{40,}", letter)
    assert done(product, NEW) == ["person.invite"]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"email": "nobody", "role:editor": "on"}, "is not an e-mail address"),
        ({"email": NEW, "name": "Typed <b>"}, "without a role"),
        ({"email": NEW, "role:reviewer": "on"}, "at least one lens"),
        ({"email": NEW, "role:king": "on"}, "is not a role"),
        ({"email": NEW, "role:editor": "on", "machine": "on"}, "is a program"),
        ({"email": BUILDER.upper(), "role:editor": "on"}, "is here already"),
    ],
)
def test_what_cannot_be_invited_is_refused_and_what_was_typed_stays(desk, product, form, words):
    answer = desk.post("/desk/people", data=form)
    assert answer.status_code == 400
    page = soup(answer)
    assert words in page.select_one("[role=alert]").get_text()
    assert page.select_one("#email")["value"] == form["email"]
    assert page.select_one("#name")["value"] == form.get("name", "")
    assert letters(product) == []
    assert person_of(product, BUILDER).roles == {Role.REVIEWER}


def test_a_program_is_marked_and_gets_no_letter(desk, product):
    form = {"email": "bot@example.com", "role:reviewer": "on", "lens:skeptic": "on", "machine": "on"}
    assert "gets no letter" in said(desk, desk.post("/desk/people", data=form))
    assert letters(product) == []
    assert "program" in soup(desk.get("/desk/people")).select_one("tbody tr").get_text()
    grown = seen(product, "bot@example.com") | {"role:editor": "on"}
    refused = desk.post(at(product, "bot@example.com"), data=grown)
    assert "is a program" in refused.text


def test_a_change_can_be_undone_and_says_before_and_after(desk, product):
    address = at(product, BUILDER)
    form = seen(product, BUILDER) | {"name": "Bo", "role:reviewer": "on", "role:editor": "on", "lens:skeptic": "on"}
    answer = desk.post(address, data=form)
    changed = person_of(product, BUILDER)
    assert (changed.name, changed.roles, changed.lenses) == ("Bo", {Role.REVIEWER, Role.EDITOR}, ("skeptic",))
    page = soup(desk.get(answer.headers["location"]))
    difference = page.select_one(".log .diff").get_text(" ", strip=True)
    assert "Builder → Bo" in difference.replace("\n", " ")
    undo = {field["name"]: field["value"] for field in page.select(".note input")}
    assert desk.post(page.select_one(".note form")["action"], data=undo).status_code == 303
    back = person_of(product, BUILDER)
    assert (back.name, back.roles, back.lenses) == ("Builder", {Role.REVIEWER}, ("builder",))


def test_a_stale_change_is_refused_beside_what_it_is_now_and_what_was_typed(desk, product):
    first = seen(product, BUILDER)
    others = first | {"name": "Theirs", "role:reviewer": "on", "lens:builder": "on"}
    assert desk.post(at(product, BUILDER), data=others).status_code == 303
    answer = desk.post(at(product, BUILDER), data=first | {"name": "Mine", "role:editor": "on"})
    assert answer.status_code == 409
    page = soup(answer)
    assert "It now says: Theirs" in page.select_one("[role=alert]").get_text()
    assert page.select_one("#name")["value"] == "Mine"
    assert person_of(product, BUILDER).name == "Theirs"
    again = {"seen": page.select_one("[name=seen]")["value"], "name": "Mine", "role:editor": "on"}
    assert desk.post(at(product, BUILDER), data=again).status_code == 303


def test_who_is_let_go_loses_sessions_and_seats_and_keeps_words(desk, product, signed_in):
    theirs = signed_in(BUILDER)
    answer = desk.post(f"{at(product, BUILDER)}/deactivate", data=seen(product, BUILDER))
    assert "cannot sign in any more. 1 session ended, 0 seats freed." in said(desk, answer)
    assert theirs.get("/desk/me").status_code == 303
    again = desk.post(f"{at(product, BUILDER)}/deactivate", data={"seen": "whatever"})
    assert again.status_code == 303  # pressed twice
    assert done(product, BUILDER)[0] == "person.deactivate"
    page = soup(desk.get(at(product, BUILDER)))
    assert "Let them in again" in page.get_text()
    assert desk.post(f"{at(product, BUILDER)}/letter", data=seen(product, BUILDER)).status_code == 400
    assert desk.post(f"{at(product, BUILDER)}/reactivate", data=seen(product, BUILDER)).status_code == 303
    assert person_of(product, BUILDER).active


def test_nobody_is_let_go_by_a_form_that_has_seen_nothing(desk, product):
    assert desk.post(f"{at(product, BUILDER)}/deactivate", data={}).status_code == 409
    assert person_of(product, BUILDER).active


def test_the_last_operator_stays_one(desk, product):
    assert desk.post(f"{at(product, CHIEF)}/deactivate", data=seen(product, CHIEF)).status_code == 303
    refused = desk.post(f"{at(product, OPERATOR)}/deactivate", data=seen(product, OPERATOR))
    assert refused.status_code == 400
    assert "the last operator" in refused.text
    form = seen(product, OPERATOR) | {"role:editor": "on", "name": "Op"}
    assert "the last operator" in desk.post(at(product, OPERATOR), data=form).text
    assert person_of(product, OPERATOR).roles == {Role.OPERATOR}


def test_a_sign_in_link_is_mailed_again(desk, product, stranger):
    desk.post(f"{at(product, EDITOR)}/letter", data=seen(product, EDITOR))
    (letter,) = letters(product)
    link = re.search(r"http://localhost:\d+(/desk/sign-in/[\w-]+)", letter.replace("=\n", ""))[1]
    assert stranger.post(link, data={}).status_code == 303


def test_an_unknown_person_is_not_here(desk):
    assert desk.get("/desk/people/999").status_code == 404
    assert desk.get("/desk/people/1e9").status_code == 404
    assert desk.get("/desk/people?role=king").status_code == 400


def test_the_list_takes_as_many_statements_for_a_hundred_people_and_pages_through_all(desk, product):
    def look() -> int:
        with counted(product) as sent:
            assert desk.get("/desk/people").status_code == 200
        return len(sent)

    before = look()
    for number in range(100):
        reviewing.invite(
            product, f"r{number:03}@Example.com", roles=[Role.REVIEWER], lenses=["builder", "skeptic"], actor="test"
        )
    assert look() == before
    found, path = [], "/desk/people"
    while path:
        page = soup(desk.get(path))
        found += [row.th.get_text() for row in page.select("tbody tr")]
        following = page.select_one(".pager [data-key=n]")
        path = following["href"] if following else None
    assert len(found) == len(set(found)) == 106


def test_keys_of_the_list_are_those_of_the_store(product):
    with product.database.read() as connection:
        everybody = people.everybody(connection)
    assert [address_key(each.email) for each in everybody] == sorted(address_key(each.email) for each in everybody)


@needs_chromium
def test_an_operator_invites_and_lets_go_without_a_script(product, site, chromium):
    def journey(page: Page) -> str:
        page.get_by_text("Invite somebody").click()
        page.get_by_label("E-mail address").fill(NEW)
        page.get_by_label("Name, as readers").fill("<script>alert(1)</script>")
        page.get_by_role("checkbox", name="edit").check()
        page.get_by_role("button", name="Invite and send").click()
        page.get_by_text("Deactivate", exact=True).click()
        page.get_by_role("button", name="Deactivate").click()
        return page.locator(".note").inner_text()

    words = chromium.look(
        "/desk/people", journey, scripts=False, width=360, cookies={"desk": session_of(product, OPERATOR)}
    )
    assert "cannot sign in any more" in words
    assert not person_of(product, NEW).active
    assert person_of(product, SECOND_BUILDER).active
