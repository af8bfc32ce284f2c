"""Sending: figures while it goes out, uncertain batches with their evidence, and the levers of an operator."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup
from playwright.sync_api import Page

from app import dispatches, sending
from core.errors import StaleVersion
from store import audit
from store.schema import attempt, batch, delivery
from tests.app.making import hold
from tests.chromium import needs_chromium
from tests.conftest import NOW
from tests.desk.conftest import OPERATOR, session_of
from tests.sending.stage import WEEK, add_readers, approve_edition, readers
from tests.web.test_load import counted

HERE = f"/desk/sending/{WEEK}"


@pytest.fixture
def desk(signed_in):
    return signed_in(OPERATOR)


def soup(answer) -> BeautifulSoup:
    return BeautifulSoup(answer.text, "lxml")


@pytest.fixture
def begun(product):
    """An edition of 40 readers that is being sent; nothing has gone out."""
    add_readers(product.database, readers(40), now=NOW)
    approve_edition(product)
    sending.prepare(product, WEEK, actor="test", recipients=10)
    return product


def doubt(product, *, name: str = "first") -> int:
    """Let one batch of ten be uncertain."""
    with product.database.write() as connection:
        chosen = connection.scalar(sa.select(sa.func.min(batch.c.id)))
        ids = list(connection.scalars(sa.select(delivery.c.id).where(delivery.c.batch == chosen).limit(10)))
        values = {"week": str(WEEK), "content_hash": sa.select(batch.c.content_hash).limit(1).scalar_subquery()}
        at = connection.execute(
            sa.insert(batch)
            .values(
                state="uncertain",
                recipients=10,
                attempt=name,
                attempts=1,
                started_at=NOW,
                answer="Gateway <b>timeout</b>",
                **values,
            )
            .returning(batch.c.id)
        ).scalar_one()
        connection.execute(sa.update(batch).where(batch.c.id == chosen).values(recipients=batch.c.recipients - 10))
        doubtful = sa.update(delivery).where(delivery.c.id.in_(ids))
        connection.execute(doubtful.values(batch=at, state="uncertain"))
        connection.execute(
            sa.insert(attempt).values(id=name, batch=at, started_at=NOW, send_at=NOW, outcome="uncertain", ended_at=NOW)
        )
    hold(product)
    return at


def figures(page: BeautifulSoup) -> dict[str, str]:
    return {each["data-figure"]: each.get_text() for each in page.select("[data-figure]")}


def test_an_edition_shows_how_far_it_is_and_the_script_hears_the_same(desk, begun):
    shown = figures(soup(desk.get(HERE)))
    assert (shown["state"], shown["waiting"], shown["handed_over"], shown["percent"]) == ("sending", "40", "0", "0 %")
    asked = desk.get(HERE, headers={"Accept": "application/json"}).json()
    assert {name: asked[name] for name in shown} == shown
    sending.send(begun, WEEK, actor="test", sleep=lambda _: None)
    page = soup(desk.get(HERE))
    assert figures(page)["handed_over"] == "40"
    assert page.select_one("progress")["value"] == "100.0"
    assert "Everything is done" in page.get_text()
    row = soup(desk.get("/desk/sending")).select_one("tbody tr")
    assert [cell.get_text() for cell in row.select("td.num")] == ["40", "40", "0", "0"]
    assert "40" in desk.get(f"{HERE}/figures").text


def test_an_edition_that_nobody_approved_and_a_week_that_is_none_are_not_here(desk):
    for path in ("2026-W10", "nothing", "2026-W99"):
        assert desk.get(f"/desk/sending/{path}").status_code == 404
    assert "No edition is approved yet" in desk.get("/desk/sending").text


def test_it_is_paused_resumed_and_cancelled_only_with_its_tick(desk, begun):
    assert desk.post(f"{HERE}/pause").status_code == 303
    page = soup(desk.get(HERE))
    assert f"paused by {OPERATOR}" in page.get_text()
    assert page.select_one(".note form")["action"] == f"{HERE}/resume"
    assert desk.post(f"{HERE}/pause").status_code == 400  # pressed twice
    assert desk.post(f"{HERE}/resume").status_code == 303
    assert desk.post(f"{HERE}/cancel").status_code == 400
    assert figures(soup(desk.get(HERE)))["state"] == "sending"
    assert desk.post(f"{HERE}/cancel", data={"sure": "on"}).status_code == 303
    page = soup(desk.get(HERE))
    assert figures(page)["state"] == "cancelled"
    assert desk.post(f"{HERE}/cancel", data={"sure": "on"}).status_code == 400
    with begun.database.read() as connection:
        done = [each.action for each in audit.search(connection, subject=f"edition:{WEEK}", limit=9)]
    assert done[:3] == ["edition.cancel", "edition.resume", "edition.pause"]


def test_an_uncertain_batch_is_shown_with_its_evidence_and_settled_once(desk, begun):
    at = doubt(begun)
    page = soup(desk.get(HERE))
    card = page.select_one(".card")
    assert f"Batch {at}, 10 recipients" in card.get_text()
    assert "Gateway <b>timeout</b>" in card.get_text()
    assert card.select_one("b") is None
    form = {each["name"]: each["value"] for each in card.select("form")[0].select("input")}
    assert form == {"batch": str(at), "attempt": "first", "sent": "yes"}
    assert desk.post(f"{HERE}/settle", data=form).status_code == 303
    again = desk.post(f"{HERE}/settle", data=form | {"sent": "no"})
    assert again.status_code == 409
    assert "has moved on" in again.text
    with begun.database.read() as connection:
        (entry,) = audit.search(connection, subject=f"batch:{at}", limit=9)
    assert (entry.actor, entry.after["evidence"]) == (OPERATOR, "operator_sent")
    hold(begun)


def test_what_is_said_of_an_earlier_attempt_settles_no_later_one(begun):
    at = doubt(begun)
    with pytest.raises(StaleVersion):
        dispatches.settle(begun, WEEK, at, attempt="earlier", sent=True, actor="test")


def test_what_was_settled_as_not_sent_is_listed_and_tried_again(desk, begun):
    at = doubt(begun)
    desk.post(f"{HERE}/settle", data={"batch": str(at), "attempt": "first", "sent": "no"})
    rows = soup(desk.get(f"{HERE}/mails?state=refused")).select("tbody tr")
    assert len(rows) == 10
    assert f"settled by {OPERATOR}" in rows[0].get_text()
    assert desk.post(f"{HERE}/retry").status_code == 400
    assert desk.post(f"{HERE}/retry", data={"sure": "on"}).status_code == 303
    assert figures(soup(desk.get(HERE)))["waiting"] == "40"
    assert "No mail is refused" in desk.get(f"{HERE}/mails?state=nonsense").text
    hold(begun)


def test_mails_in_trouble_come_page_by_page(desk, begun):
    with begun.database.write() as connection:
        connection.execute(sa.update(delivery).values(state="refused", word="Mailbox <full>"))
    add_readers(begun.database, readers(30, first=100), now=NOW)
    with begun.database.write() as connection:
        more = sa.text(
            "INSERT INTO delivery (week, subscriber, batch, state, word, updated_at) SELECT :week, id, (SELECT"
            " min(id) FROM batch), 'refused', 'Full', created_at FROM subscriber WHERE id > 40"
        )
        connection.execute(more, {"week": str(WEEK)})
    found, path = [], f"{HERE}/mails?state=refused"
    while path:
        page = soup(desk.get(path))
        found += [row.th.get_text() for row in page.select("tbody tr")]
        following = page.select_one(".pager [data-key=n]")
        path = following["href"] if following else None
    assert len(found) == len(set(found)) == 70


def test_no_page_takes_more_statements_for_more_batches(desk, begun):
    def look() -> list[int]:
        found = []
        for path in ("/desk/sending", HERE, f"{HERE}/mails"):
            with counted(begun) as sent:
                assert desk.get(path).status_code == 200
            found.append(len(sent))
        return found

    doubt(begun)
    before = look()
    for name in ("second", "third"):
        doubt(begun, name=name)
    assert look() == before


@needs_chromium
def test_figures_move_while_somebody_looks_and_nothing_jumps(begun, site, chromium):
    def journey(page: Page) -> tuple[str, list[float]]:
        waiting, below = page.locator("[data-figure=waiting]"), page.locator("#levers-head")
        first = below.bounding_box()["y"]
        with begun.database.write() as connection:
            connection.execute(sa.update(batch).values(recipients=39))
        page.locator("[data-figure=waiting]", has_text="39").wait_for()
        return waiting.inner_text(), [first, below.bounding_box()["y"]]

    words, places = chromium.look(HERE, journey, cookies={"desk": session_of(begun, OPERATOR)})
    assert words == "39"
    assert places[0] == places[1]
