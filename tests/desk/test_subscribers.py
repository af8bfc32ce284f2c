"""Subscribers: figures for all, and one at a time by exact address; nobody's address in a link."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup

from app import subscribing
from store import audit, subscribers
from store.schema import subscriber
from tests.app.making import hold
from tests.conftest import NOW
from tests.desk.conftest import OPERATOR
from tests.sending.stage import add_readers, readers
from tests.web.test_load import counted

PATH = "/desk/subscribers"


@pytest.fixture
def desk(signed_in):
    return signed_in(OPERATOR)


@pytest.fixture
def peopled(product):
    add_readers(product.database, readers(5), now=NOW)
    return product


def soup(answer) -> BeautifulSoup:
    return BeautifulSoup(answer.text, "lxml")


def address(product, at: int = 1) -> str:
    with product.database.read() as connection:
        return connection.scalar(sa.select(subscriber.c.address).where(subscriber.c.id == at))


def state(product, at: int = 1) -> str | None:
    with product.database.read() as connection:
        return connection.scalar(sa.select(subscriber.c.state).where(subscriber.c.id == at))


def logged(product, subject: str) -> list[str]:
    with product.database.read() as connection:
        return [each.action for each in audit.search(connection, subject=subject, limit=9)]


def undo(desk, answer) -> None:
    note = soup(desk.get(answer.headers["location"])).select_one(".note form")
    fields = {each["name"]: each["value"] for each in note.select("input")}
    assert desk.post(note["action"], data=fields).status_code == 303


def test_the_page_counts_and_plots_and_names_nobody(desk, peopled):
    answer = desk.get(PATH)
    page = soup(answer)
    counts = {each.dt.get_text(): each.dd.get_text() for each in page.select(".figures > div")}
    assert counts == {"Pending": "0", "Active": "5", "Unsubscribed": "0", "Bounced": "0", "Complained": "0"}
    assert page.path["d"].count("M") == 26
    assert page.svg["aria-label"].endswith("from 0 to 5.")
    assert page.select("table tbody tr")[0].select("td")[0].get_text() == "5"
    assert "@" not in answer.text.replace(OPERATOR, "")


def test_one_is_found_by_exact_address_and_no_link_holds_it(desk, peopled):
    answer = desk.post(f"{PATH}/find", data={"address": address(peopled).upper()})
    assert answer.headers["location"] == f"{PATH}/1"
    assert address(peopled) in desk.get(answer.headers["location"]).text
    nobody = desk.post(f"{PATH}/find", data={"address": "no.one@example.com"})
    assert nobody.status_code == 404
    assert "Nobody subscribes with no.one@example.com" in nobody.text
    wrong = desk.post(f"{PATH}/find", data={"address": "<script>"})
    assert wrong.status_code == 400
    assert soup(wrong).select_one("#address")["value"] == "<script>"
    assert desk.get(f"{PATH}/999").status_code == 404


def test_a_subscription_is_ended_taken_back_and_logged_without_the_address(desk, peopled):
    answer = desk.post(f"{PATH}/1/unsubscribe", data={"seen": "active"})
    assert state(peopled) == "unsubscribed"
    assert desk.post(f"{PATH}/1/unsubscribe", data={"seen": "active"}).status_code == 303  # pressed twice
    undo(desk, answer)
    assert state(peopled) == "active"
    assert logged(peopled, "subscriber:1") == ["subscriber.resubscribe", "subscriber.unsubscribe"]
    hold(peopled)


def test_what_is_no_longer_as_it_was_seen_is_left_alone(desk, peopled):
    for verb in ("unsubscribe", "suppress", "erase"):
        assert desk.post(f"{PATH}/1/{verb}", data={"seen": "pending", "sure": "on"}).status_code == 409
    assert state(peopled) == "active"


def test_a_slip_cannot_be_taken_back_tomorrow(desk, peopled, hand):
    desk.post(f"{PATH}/1/unsubscribe", data={"seen": "active"})
    hand.turn(hours=2)
    assert desk.post(f"{PATH}/1/resubscribe").status_code == 400
    assert state(peopled) == "unsubscribed"


def test_somebody_is_erased_only_with_the_tick_and_pressed_twice_is_harmless(desk, peopled):
    assert desk.post(f"{PATH}/1/erase", data={"seen": "active"}).status_code == 400
    assert state(peopled) == "active"
    for _ in range(2):
        assert desk.post(f"{PATH}/1/erase", data={"seen": "active", "sure": "on"}).status_code == 303
    assert state(peopled) is None
    assert logged(peopled, "subscriber:1") == ["subscriber.erase"]


def test_an_address_and_a_domain_are_never_mailed_until_that_is_taken_back(desk, peopled):
    known = address(peopled)
    answer = desk.post(f"{PATH}/1/suppress", data={"seen": "active"})
    assert "This address is not mailed (manual)" in desk.get(f"{PATH}/1").text
    desk.get(answer.headers["location"])
    with peopled.database.read() as connection:
        assert subscribers.suppressed(connection, known) == "manual"
    assert desk.post(f"{PATH}/permit", data={"address": known}).status_code == 303
    assert desk.post(f"{PATH}/permit", data={"address": known}).status_code == 404
    answer = desk.post(f"{PATH}/domains", data={"domain": "Example.NET", "note": "They <asked>."})
    page = soup(desk.get(PATH))
    assert "They <asked>." in page.select_one(".rows").get_text()
    desk.post(f"{PATH}/domains/permit", data={"domain": "example.net"})
    assert "None." in desk.get(PATH).text
    assert desk.post(f"{PATH}/domains", data={"domain": "no domain"}).status_code == 400
    assert logged(peopled, "domain:example.net") == ["domain.permit", "domain.suppress"]
    assert answer.status_code == 303


def test_the_page_takes_as_many_statements_for_more_subscribers(desk, peopled):
    def look() -> list[int]:
        found = []
        for path in (PATH, f"{PATH}/1"):
            with counted(peopled) as sent:
                assert desk.get(path).status_code == 200
            found.append(len(sent))
        return found

    look()  # the first visit opens connections
    before = look()
    add_readers(peopled.database, readers(300, first=10), now=NOW)
    subscribing.stop_domain(peopled, "example.org", note="", actor="test")
    assert look() == before
