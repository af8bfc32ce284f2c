"""The methodology page says what is done: it changes with settings, lenses and sources."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bs4 import BeautifulSoup

from app import staffing
from app.lenses import STANDARD, load_lenses, read_lenses
from core.source import Source
from store import sources
from web.application import create_app


@pytest.fixture
def page(server, client, fresh):
    def read(product=fresh) -> BeautifulSoup:
        server.stage.app = create_app(product)
        response = client.get("/methodology")
        assert response.status_code == 200
        return BeautifulSoup(response.text, "lxml")

    return read


def test_it_tells_the_quorum_and_the_size_in_force(fresh, page):
    assert "closes with 4 verdicts" in page().select_one("#quorum").get_text()
    other = replace(fresh, settings=fresh.settings.model_copy(update={"quorum": 3, "edition_size": 5}))
    assert "closes with 3 verdicts" in page(other).select_one("#quorum").get_text()
    assert "At most 5 comparisons" in page(other).get_text()


def test_it_tells_tie_rule_and_vote_minimum(page):
    assert page().select_one("#tie").get_text(strip=True) == "A tie is a skip."
    assert page().select_one("#votes-from").get_text(strip=True).startswith("10 votes.")


def test_it_shows_the_active_lenses_in_their_order_with_what_excites_and_tires_them(fresh, page):
    assert "No lens is set up yet" in page().get_text()
    load_lenses(fresh)
    shown = page().select(".lens-card")
    lenses = read_lenses(STANDARD)
    assert [each.h3.get_text() for each in shown] == [lens.name for lens in lenses]
    for each, lens in zip(shown, lenses, strict=True):
        for words in (lens.motto, lens.asks, lens.excites, lens.tires):
            assert words in each.get_text()
    staffing.change_lens(fresh, replace(lenses[0], active=False), seen=staffing.mark(lenses[0]), actor="test")
    assert lenses[0].motto not in page().get_text()


def test_it_lists_the_sources_that_are_asked(fresh, page):
    on = Source(key="one", kind="feed", url="https://feed.example/new", schedule="0 * * * *")
    off = replace(on, key="two", enabled=False)
    hostile = replace(on, key="three", url="javascript:alert(1)")
    with fresh.database.write() as connection:
        sources.sync(connection, [on, off, hostile])
    shown = page().select_one(".source-list")
    assert [item.b.get_text() for item in shown.select("li")] == ["one", "three"]
    assert [link["href"] for link in shown.select("a")] == ["https://feed.example/new"]
