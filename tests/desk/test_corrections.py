"""Corrections and votes set aside: what waits for an editor, and the answers."""

from __future__ import annotations

import re

import pytest

from app import correcting, voting
from core.errors import NotFound
from store import comparisons, tools, votes
from tests.app.making import approve, enrol, review, subscriber
from tests.conftest import NOW
from tests.databases import built_upon
from tests.desk.conftest import EDITOR
from tests.desk.editors import HOSTILE, said
from tests.web.test_load import counted
from web.desk import corrections
from web.desk import votes as votes_page

LIST, VOTES = "/desk/corrections", "/desk/votes"


@pytest.fixture(scope="module")
def built(peopled_template, tmp_path_factory):
    def build(product) -> None:
        review(product, "Ada", "Bea")
        approve(product, "ada", "bea")

    return built_upon(peopled_template, tmp_path_factory.mktemp("corrections"), build)


@pytest.fixture
def start(built):
    return built


def reported(product, claim: str = "The licence is another one.") -> int:
    return correcting.report(product, "compare/ada-vs-bea", claim=claim, source_url="https://ada.example/licence")


def test_empty_lists_say_where_things_come_from(signed_in):
    client = signed_in(EDITOR)
    assert "Nothing to correct" in client.get(LIST).text
    assert "No report was accepted" in client.get(f"{LIST}?state=accepted").text
    assert "No vote is set aside" in client.get(VOTES).text


def test_an_accepted_report_stands_in_the_public_log_in_the_editor_s_words(signed_in, product):
    at = reported(product, HOSTILE)
    client = signed_in(EDITOR)
    page = client.get(LIST).text
    assert "ada.example" in page
    assert "<script>alert" not in page
    done = client.post(f"{LIST}/{at}", data={"decision": "accept", "note": "It said MIT; it is AGPL."})
    assert "public log" in said(client, done)
    assert "It said MIT; it is AGPL." in client.get("/corrections").text
    assert "It said MIT; it is AGPL." in client.get(f"{LIST}?state=accepted").text


def test_a_rejected_report_stays_inside(signed_in, product):
    at = reported(product)
    client = signed_in(EDITOR)
    assert client.post(f"{LIST}/{at}", data={"decision": "reject", "note": "It is right."}).status_code == 303
    assert "It is right." not in client.get("/corrections").text


@pytest.mark.parametrize("data", [{"note": "Words"}, {"decision": "accept", "note": " "}, {"decision": "maybe"}])
def test_half_an_answer_is_refused_with_what_was_typed(signed_in, product, data):
    at = reported(product)
    answer = signed_in(EDITOR).post(f"{LIST}/{at}", data=data)
    assert answer.status_code == 400
    assert data.get("note", "").strip() in answer.text
    assert len(correcting.queue(product)) == 1


def test_settled_twice_the_second_hears_of_it_and_keeps_the_words(signed_in, product):
    at = reported(product)
    one, other = signed_in(EDITOR), signed_in(EDITOR)
    one.post(f"{LIST}/{at}", data={"decision": "reject", "note": "No."})
    answer = other.post(f"{LIST}/{at}", data={"decision": "accept", "note": "Long words of mine."})
    assert answer.status_code == 400
    assert "rejected already" in answer.text
    assert "Long words of mine." in answer.text
    assert other.post(f"{LIST}/77", data={"decision": "accept", "note": "x"}).status_code == 404


def aside(product, count: int) -> list[int]:
    readers = []
    with product.database.write() as connection:
        at, choice = comparisons.find(connection, "ada-vs-bea").id, tools.find(connection, "ada").id
    for address in enrol(product, count):
        readers.append(subscriber(product, address).id)
        with product.database.write() as connection:
            where = {"comparison_id": at, "subscriber": readers[-1]}
            votes.cast(connection, **where, choice=choice, now=product.now)
            votes.set_aside(connection, **where, reason="a crowd <b>")
    return readers


def test_reports_are_paged_to_their_end(signed_in, product, monkeypatch):
    monkeypatch.setattr(corrections, "A_PAGE", 2)
    numbers = [reported(product, f"Claim {number}.") for number in range(5)]
    client = signed_in(EDITOR)
    assert pages(client, LIST, r"Claim (\d)\.") == ["0", "1", "2", "3", "4"]
    for at in numbers:
        correcting.settle(product, at, accept=False, note=f"Answer {at}.", email=EDITOR)
    assert pages(client, f"{LIST}?state=rejected", r"Claim (\d)\.") == ["4", "3", "2", "1", "0"]
    for wrong in ("x", "9" * 30):
        assert client.get(f"{LIST}?after={wrong}").status_code == 404


def test_votes_are_paged_to_their_end(signed_in, product, monkeypatch):
    monkeypatch.setattr(votes_page, "A_PAGE", 2)
    readers = aside(product, 5)
    client = signed_in(EDITOR)
    assert pages(client, VOTES, r"No\. (\d+)") == [str(each) for each in readers]
    for wrong in ("x", "2026-11-20~1~1", f"{NOW.isoformat()}~1~x", f"{NOW.isoformat()}~{2**70}~1"):
        assert client.get(VOTES, params={"after": wrong}).status_code == 404
    assert "That was the last" in client.get(VOTES, params={"after": f"{NOW.isoformat()}~{2**40}~1"}).text


def pages(client, path: str, shown: str) -> list[str]:
    """What stands on a list's pages, to the last one."""
    found: list[str] = []
    for _ in range(9):
        page = client.get(path).text
        found += re.findall(shown, page)
        onward = re.search(r'href="([^"]*after=[^"]*)"', page)
        if onward is None:
            return found
        path = onward[1].replace("&amp;", "&")
    raise AssertionError(path)


def test_ticked_votes_are_counted_or_excluded_and_others_wait(signed_in, product):
    one, two, three = aside(product, 3)
    client = signed_in(EDITOR)
    page = client.get(VOTES).text
    assert "a crowd &lt;b&gt;" in page
    assert "@" not in page.split("<main")[1]
    done = client.post(f"{VOTES}/ada-vs-bea", data={f"reader:{one}": "1", "decision": "count"})
    assert "1 counted" in said(client, done)
    both = {f"reader:{one}": "1", f"reader:{two}": "1", "decision": "exclude"}
    assert "1 had been settled already" in said(client, client.post(f"{VOTES}/ada-vs-bea", data=both))
    assert [each.reader for each in voting.set_aside(product)] == [three]
    again = client.post(f"{VOTES}/ada-vs-bea", data=both)
    assert "settled those votes already" in said(client, again)


@pytest.mark.parametrize("data", [{}, {"decision": "count"}, {"reader:1": "1"}, {"reader:x": "1", "decision": "count"}])
def test_no_tick_or_no_decision_settles_nothing(signed_in, product, data):
    aside(product, 1)
    assert signed_in(EDITOR).post(f"{VOTES}/ada-vs-bea", data=data).status_code == 400
    assert len(voting.set_aside(product)) == 1


def test_the_pages_take_a_fixed_number_of_statements(signed_in, product):
    client = signed_in(EDITOR)

    def statements() -> list[int]:
        found = []
        for path in (LIST, VOTES):
            with counted(product) as sent:
                assert client.get(path).status_code == 200
            found.append(len(sent))
        return found

    before = statements()
    for _ in range(5):
        reported(product)
    aside(product, 5)
    assert statements() == before
    with pytest.raises(NotFound):
        correcting.settle(product, 99, accept=True, note="x", email=EDITOR)
