"""What waits for a reviewer, in which order, and how they get it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import queueing, reviewing
from core.panel import DeclineReason
from store import schema
from store.panels import Wanted
from tests.app import making
from tests.desk.conftest import BUILDER, CHIEF, EDITOR, SECOND_BUILDER, SKEPTIC
from tests.web.test_load import counted

QUEUE = "/desk/queue"


def titles(page: str) -> list[str]:
    return re.findall(r'<th scope="row"><a href="/desk/seats/\d+"><bdi>([^<]+)</bdi>', page)


@pytest.fixture
def tools(product) -> None:
    making.shelve(product, "Ada", "Bea", "Cyd")


def test_an_empty_queue_says_what_comes_next(signed_in):
    page = signed_in(BUILDER).get(QUEUE)
    assert page.status_code == 200
    assert "Nothing waits for you" in page.text
    done = signed_in(BUILDER).post("/desk/queue/next")
    assert done.headers["location"] == QUEUE


def test_next_gives_the_best_seat_and_goes_to_it(signed_in, product, tools):
    client = signed_in(BUILDER)
    first = titles(client.get(QUEUE).text)[0]
    there = client.post("/desk/queue/next").headers["location"]
    page = client.get(there).text
    assert f"<bdi>{first}</bdi>" in page
    assert "The seat is yours." in page
    # Pressed twice, it is the same seat; the queue leads back to it.
    assert client.post("/desk/queue/next").headers["location"] == there
    again = client.get(QUEUE).text
    assert "Continue" in again
    assert first not in titles(again)


def test_the_queue_shows_how_complete_a_panel_is_and_never_what_it_says(signed_in, product, tools):
    making.seat_panel(product)
    making.submit(product, "bea", "skeptic", ship=False, quote="zanzibar")
    page = signed_in(BUILDER).get(QUEUE).text
    assert titles(page)[0] == "Bea"
    assert "1 of 4" in page
    assert "zanzibar" not in page
    assert " %" not in page


def test_a_seat_is_claimed_from_the_list_and_only_one_of_a_lens(signed_in, product, tools):
    client = signed_in(BUILDER)
    seats = re.findall(r"/desk/seats/(\d+)/claim", client.get(QUEUE).text)
    last, other = seats[-1], seats[0]
    assert client.post(f"/desk/seats/{last}/claim").headers["location"] == f"/desk/seats/{last}"
    refused = client.post(f"/desk/seats/{other}/claim")
    assert refused.status_code == 400
    assert "already" in refused.text
    assert "Second" not in refused.text
    # Somebody else's is not to be had.
    assert signed_in(SECOND_BUILDER).post(f"/desk/seats/{last}/claim").status_code == 404
    assert signed_in(SKEPTIC).post(f"/desk/seats/{last}/claim").status_code == 400
    page = signed_in(SECOND_BUILDER).get(QUEUE, params={"state": "held"}).text
    assert len(titles(page)) == 1
    assert "Builder, until" in page


def test_filters_leave_the_order_and_wrong_ones_find_nothing(signed_in, product, tools):
    client = signed_in(BUILDER)
    everything = titles(client.get(QUEUE).text)
    assert len(everything) == 3
    for params in ({"source": "shelf"}, {"state": "free"}, {"lens": "builder"}, {"category": ""}):
        assert titles(client.get(QUEUE, params=params).text) == everything
    for params in ({"source": "nowhere"}, {"state": "held"}, {"category": "<script>"}):
        page = client.get(QUEUE, params=params)
        assert (page.status_code, titles(page.text)) == (200, [])
        assert "No seat of yours fits" in page.text
    assert titles(client.get(QUEUE, params={"lens": "skeptic"}).text) == everything  # not theirs: their own
    assert client.get(QUEUE, params={"after": "nonsense"}).status_code == 404


def test_pages_follow_each_other_without_a_gap(product):
    for part in range(3):
        making.shelve(product, *(f"Tool {part}{number:02}" for number in range(45)))
    with product.database.write() as connection:
        for at, (score, days) in enumerate(((1.0, None), (2.0, 3), (2.0, 1), (3.0, None))):
            due = None if days is None else product.now + timedelta(days=days)
            some = sa.update(schema.seat).where(schema.seat.c.tool % 4 == at)
            connection.execute(some.values(priority=score, due_at=due, panel_submitted=at % 2))
    found, after = [], ""
    while True:
        page = queueing.queue(product, BUILDER, after=after)
        found += [each.id for each in page.rows]
        after = page.further
        if not after:
            break
    listed = [each.id for each in reviewing.queue(product, email=BUILDER, limit=500)]
    assert found == listed
    assert len(found) == 135
    page = queueing.queue(product, BUILDER, Wanted(lenses=["builder"], source="shelf"))
    assert [each.id for each in page.rows] == listed[:50]


def test_a_filter_that_leaves_a_long_stretch_out_says_that_there_is_more(product, monkeypatch):
    monkeypatch.setattr("store.panels.FILTERED_WINDOW", 10)
    monkeypatch.setattr("store.panels.WINDOW", 10)
    making.shelve(product, *(f"Tool {number:02}" for number in range(25)))
    with product.database.write() as connection:
        last = reviewing.queue(product, email=BUILDER, limit=500)[-1]
        here = schema.tool.c.slug == last.tool_slug
        connection.execute(sa.update(schema.tool).values(category="agents"))
        connection.execute(sa.update(schema.tool).where(here).values(category="video"))
    after, steps, found = "", 0, []
    while steps < 9:
        page = queueing.queue(product, BUILDER, Wanted(lenses=[], category="video"), after=after)
        found += [each.tool_slug for each in page.rows]
        after, steps = page.further, steps + 1
        if not after:
            break
    assert (found, steps) == ([last.tool_slug], 3)


def test_what_is_not_the_reviewers_to_judge_is_not_offered(signed_in, product, tools):
    client = signed_in(BUILDER)
    lease = reviewing.claim(product, BUILDER, tool="ada")
    reviewing.decline(product, BUILDER, lease.seat, reason=DeclineReason.CONFLICT)
    with product.database.read() as connection:
        bea = connection.scalar(sa.select(schema.tool.c.id).where(schema.tool.c.slug == "bea"))
    reviewing.look(product, BUILDER, [bea])
    assert titles(client.get(QUEUE).text) == ["Cyd"]
    assert len(titles(signed_in(SECOND_BUILDER).get(QUEUE).text)) == 3


def test_a_lens_of_one_s_own_is_what_the_queue_is_about(signed_in, product, tools):
    assert signed_in(EDITOR).get(QUEUE).status_code == 403
    assert "Futurist" in signed_in(CHIEF).get(QUEUE).text


def test_the_queue_takes_a_fixed_number_of_statements(signed_in, product, tools):
    client = signed_in(BUILDER)
    client.get(QUEUE)
    with counted(product) as few:
        client.get(QUEUE)
    making.shelve(product, *(f"Tool {number}" for number in range(60)))
    with counted(product) as many:
        client.get(QUEUE)
    assert len(few) == len(many) <= 20
