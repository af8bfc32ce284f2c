"""The page of reminders: who was told what and why, and what comes next."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup

from app import reminding
from store import schema
from tests.app.making import shelve
from tests.conftest import NOW
from tests.desk.conftest import BUILDER, OPERATOR
from tests.web.test_load import counted

PATH = "/desk/reminders"


@pytest.fixture
def desk(signed_in):
    return signed_in(OPERATOR)


def soup(answer) -> BeautifulSoup:
    return BeautifulSoup(answer.text, "lxml")


def due(product, **by: float) -> None:
    with product.database.write() as connection:
        connection.execute(sa.update(schema.seat).values(due_at=NOW + timedelta(**by)))


def test_nothing_to_show_says_what_to_do(desk):
    page = desk.get(PATH).text
    assert "Nothing comes due within three days" in page
    assert "verdicts reminders send --dry-run" in page
    assert "none between 20:00 and 8:00" in page


def test_what_comes_next_says_when_what_and_who_will_hear(desk, product):
    shelve(product, "<b>Ada</b>")
    due(product, days=2)
    rows = [row.get_text(" ", strip=True) for row in soup(desk.get(PATH)).select("tbody tr")]
    assert len(rows) == 15  # three steps of five lenses
    assert "<b>Ada</b>" in rows[0]
    assert "due within a day its reviewers" in rows[0]


def test_who_was_told_what_is_listed_newest_first(desk, product):
    shelve(product, "Ada")
    due(product, minutes=0)
    reminding.remind(product)
    reminding.remind(product.at(NOW + timedelta(days=1)))
    page = soup(desk.get(PATH))
    told = [item.get_text(" ", strip=True) for item in page.select(".log > li")]
    assert len(told) == 4 + 5
    assert any("Editor" in each and "5 seats" in each and "a day late" in each for each in told[:5])
    assert all("due, " in each for each in told[5:])


def test_a_reviewer_sees_their_own_on_their_page(signed_in, product):
    client = signed_in(BUILDER)
    assert "None lately, and none within three days" in client.get("/desk/mine").text
    shelve(product, "<b>Ada</b>")
    due(product, minutes=0)
    reminding.remind(product)
    section = soup(client.get("/desk/mine")).select_one("[aria-labelledby=reminded-head]")
    lines = [item.get_text(" ", strip=True) for item in section.select("li")]
    assert len(lines) == 2  # what comes, and what was told; of their own lens alone
    assert "<b>Ada</b> through Builder: a day late" in lines[0]
    assert "<b>Ada</b> through builder: due" in lines[1]


def test_mails_come_page_by_page_and_statements_do_not_grow(desk, product):
    shelve(product, "Ada", "Bea")
    due(product, minutes=0)

    def look() -> int:
        with counted(product) as sent:
            assert desk.get(PATH).status_code == 200
        return len(sent)

    before = look()
    with product.database.write() as connection:
        for day in range(45):
            mail = connection.execute(
                sa.insert(schema.reminder_mail)
                .values(person=1, day=f"d{day}", claimed_at=NOW, sent_at=NOW if day else None)
                .returning(schema.reminder_mail.c.id)
            ).scalar_one()
            values = {"seat": 1 + day % 10, "person": 1 + day // 10, "rung": "due", "mail": mail, "due_at": NOW}
            connection.execute(sa.insert(schema.reminder).values(**values))
    assert look() == before
    found, path, unsent = 0, PATH, False
    while path:
        page = soup(desk.get(path))
        found += len(page.select(".log > li"))
        unsent = "not sent yet" in page.get_text()
        following = page.select_one(".pager [data-key=n]")
        path = following["href"] if following else None
    assert found == 45
    assert unsent
