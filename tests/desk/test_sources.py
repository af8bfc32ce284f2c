"""Sources: how they do, what their runs were, and what an operator does about them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from bs4 import BeautifulSoup

from app import ingesting, rounds
from core.source import Cursor, FetchRecord, Outcome, Reading, Source, SourceState
from store import audit, fetches, sources
from tests.conftest import NOW
from tests.desk.conftest import OPERATOR
from tests.web.test_load import counted

SHELF = Source(key="shelf", kind="feed", url="https://shelf.example/<b>", schedule="0 * * * *")
RACK = Source(key="rack", kind="feed", url="https://rack.example/", schedule="0 1 * * *")
OFF = Source(key="off", kind="feed", url="https://off.example/", schedule="0 1 * * *", enabled=False)


@pytest.fixture
def desk(signed_in):
    return signed_in(OPERATOR)


@pytest.fixture
def stocked(product):
    """Three sources: one with runs, one that fails, one that is switched off."""
    with product.database.write() as connection:
        sources.sync(connection, [SHELF, RACK, OFF])
    run(product, "shelf", *((hour, 8 - hour, Outcome.OK) for hour in range(8)))
    run(product, "rack", (0, 0, Outcome.FAILED), error="It says <script>alert(1)</script>.")
    return product


def run(product, key: str, *runs: tuple[int, int, Outcome], error: str | None = None) -> None:
    """Runs so many hours ago, with so many entries."""
    done = []
    for hours, entries, outcome in sorted(runs, reverse=True):
        at = NOW - timedelta(hours=hours)
        reading = Reading(source=key, at=at, outcome=outcome, cursor=Cursor(), error=error, budget_left=40)
        record = FetchRecord(source=key, at=at, outcome=outcome, entries=entries, error=error, left_out={"old": 2})
        done.append((reading, record))
    with product.database.write() as connection:
        sources.finish(connection, done)


def soup(answer) -> BeautifulSoup:
    return BeautifulSoup(answer.text, "lxml")


def state(product, key: str) -> str:
    with product.database.read() as connection:
        return fetches.find(connection, key, runs=0).state


def test_every_source_shows_its_state_its_runs_and_what_comes_next(desk, stocked):
    rows = {row.th.a.get_text(): row for row in soup(desk.get("/desk/sources")).select("tbody tr")}
    assert list(rows) == ["off", "rack", "shelf"]
    shelf = rows["shelf"]
    bars = re.findall(r"M(\d+) 40v-(\d+)h3", shelf.path["d"])
    assert [int(x) for x, _ in bars] == list(range(52 * 4, 60 * 4, 4))
    assert [int(height) for _, height in bars] == [5, 10, 15, 20, 25, 30, 35, 40]
    assert "between 1 and 8, 8 in the newest; 0 failed" in shelf.svg["aria-label"]
    assert [cell.get_text(strip=True) for cell in shelf.select("td.num")] == ["4", "40"]
    assert "failing" in rows["rack"].get_text()
    assert rows["rack"].path["class"] == ["lost"]
    assert "<script>" in rows["rack"].get_text()
    assert rows["off"].svg["aria-label"] == "off has not been asked yet."


def test_sources_of_one_state_are_shown_alone(desk, stocked):
    page = soup(desk.get("/desk/sources?state=failing"))
    assert [row.th.a.get_text() for row in page.select("tbody tr")] == ["rack"]
    assert "No source is gone" in desk.get("/desk/sources?state=gone").text
    assert len(soup(desk.get("/desk/sources?state=nonsense")).select("tbody tr")) == 3


def test_a_source_s_page_shows_its_runs_page_by_page(desk, stocked):
    run(stocked, "shelf", *((hour, hour, Outcome.OK) for hour in range(10, 45)))
    found, path = [], "/desk/sources/shelf"
    while path:
        page = soup(desk.get(path))
        found += [row.th.time["datetime"] for row in page.select("section[aria-labelledby=runs-head] tbody tr")]
        following = page.select_one(".pager [data-key=n]")
        path = following["href"] if following else None
    assert len(found) == len(set(found)) == 43
    assert found == sorted(found, reverse=True)
    assert "2 left out: old" in desk.get("/desk/sources/shelf").text
    assert "https://shelf.example/&lt;b&gt;" in desk.get("/desk/sources/shelf").text


def test_a_source_is_paused_and_resumed_with_undo_and_log(desk, stocked):
    answer = desk.post("/desk/sources/shelf/pause", data={"seen": "on"})
    assert state(stocked, "shelf") == "paused"
    assert desk.post("/desk/sources/shelf/pause", data={"seen": "on"}).status_code == 303  # pressed twice
    note = soup(desk.get(answer.headers["location"])).select_one(".note form")
    fields = {each["name"]: each["value"] for each in note.select("input")}
    assert desk.post(note["action"], data=fields).status_code == 303
    assert state(stocked, "shelf") == "on"
    with stocked.database.read() as connection:
        done = [each.action for each in audit.search(connection, subject="source:shelf", limit=9)]
    assert done == ["source.resume", "source.pause"]


def test_what_is_no_longer_as_it_was_seen_is_left_alone(desk, stocked):
    with stocked.database.write() as connection:
        sources.set_state(connection, "shelf", SourceState.GONE)
    answer = desk.post("/desk/sources/shelf/pause", data={"seen": "on"})
    assert answer.status_code == 409
    assert "is gone by now" in answer.text
    assert state(stocked, "shelf") == "gone"
    assert desk.post("/desk/sources/off/resume", data={"seen": "off"}).status_code == 400
    assert desk.post("/desk/sources/shelf/ask").status_code == 400


def test_a_source_that_rests_is_asked_at_the_next_run_when_somebody_says_so(desk, stocked):
    def chosen() -> list[str]:
        with stocked.database.read() as connection:
            known = sources.statuses(connection, [SHELF, RACK])
        return [each.source.key for each in ingesting._choose(known, [], everything=False, group=None, now=NOW)]

    with stocked.database.write() as connection:
        sources.start(connection, {"shelf": NOW + timedelta(hours=1), "rack": NOW + timedelta(hours=1)})
    assert chosen() == []
    assert "It should rest until" in desk.get("/desk/sources/rack").text
    for key in ("shelf", "rack", "rack"):
        assert desk.post(f"/desk/sources/{key}/ask").status_code == 303
    assert chosen() == ["shelf", "rack"]
    with stocked.database.read() as connection:
        assert len(audit.search(connection, subject="source:rack", limit=9)) == 1


def test_the_page_leads_to_prefect_where_that_is_known(desk, stocked, monkeypatch):
    assert "Prefect" not in desk.get("/desk/sources").text
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    links = [each["href"] for each in soup(desk.get("/desk/sources")).select("main > p a")]
    assert links == ["http://127.0.0.1:4200"]


def test_an_unknown_source_is_not_here(desk, stocked):
    assert desk.get("/desk/sources/nothing").status_code == 404
    for verb in ("pause", "resume", "ask"):
        assert desk.post(f"/desk/sources/nothing/{verb}", data={"seen": "on"}).status_code == 404


def test_without_a_source_the_page_says_what_to_do(desk):
    assert "Name some in sources.toml" in desk.get("/desk/sources").text


def test_no_page_and_no_plot_takes_more_statements_with_more_sources_and_runs(desk, stocked):
    def look() -> list[int]:
        found = []
        for path in ("/desk/sources", "/desk/sources/shelf"):
            with counted(stocked) as sent:
                assert desk.get(path).status_code == 200
            found.append(len(sent))
        return found

    before = look()
    more = [
        Source(key=f"s{at:03}", kind="feed", url=f"https://s{at}.example/", schedule="0 1 * * *") for at in range(70)
    ]
    with stocked.database.write() as connection:
        sources.sync(connection, [SHELF, RACK, *more])
    for each in more[:60]:
        run(stocked, each.key, *((hour, hour % 7, Outcome.OK) for hour in range(70)))
    assert look() == before
    page = soup(desk.get("/desk/sources?after=s"))
    assert len(page.select("tbody tr")) == rounds.PAGE
    bars = [sum(each["d"].count("M") for each in row.select("path")) for row in page.select("tbody tr")]
    assert max(bars) == rounds.RUNS
