"""Tools, lenses, categories and search: what readers find beside comparisons, and what they never find."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup

from app.lenses import load_standard_lenses
from core.panel import Decision, DeclineReason
from core.words import words as searched
from store import schema, shelves, tools, versions
from store.merges import retire_comparisons
from tests.web import shelf
from tests.web.samples import APPROVED, EMPTY, LONG_VIEW, PARTIAL, VIEW, bare

OTHERWISE = "smolvlm2-2b-vs-old-claw"


def read(response) -> BeautifulSoup:
    assert response.status_code == 200, response.text
    return BeautifulSoup(response.text, "lxml")


def words(soup: BeautifulSoup, selector: str) -> str:
    found = soup.select_one(selector)
    assert found is not None, selector
    return " ".join(found.get_text(" ").split())


def bouts(soup: BeautifulSoup) -> list[str]:
    return [link["href"] for link in soup.select("main .bout a[href^='/compare/'], main .lines a[href^='/compare/']")]


# ------------------------------------------------------------ tools


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("h1", "SkillClaw"),
        (".kicker", "Agents"),
        ("#panel", "50 % 2-2 Skip First look"),
        ("#pricing", "Freemium 9.50 USD per user and month"),
        (".scorecard", "Skeptic What breaks first? Skip"),
        (".scorecard", "Disclosure. I advise a company that sells agent monitoring."),
        (".prose", "no hosted service. As of 12 November 2026"),
        ("main", "Licence mit github.com , seen 12 November 2026"),
    ],
)
def test_a_tools_page_shows(site, selector, expected):
    assert expected in words(read(site.get("/tools/skillclaw")), selector)


def test_a_tools_page_leads_to_each_comparison_it_stands_in_lens_and_category(site):
    soup = read(site.get("/tools/skillclaw"))
    assert {f"/compare/{VIEW.slug}", f"/compare/{PARTIAL.slug}"} <= set(bouts(soup))
    hrefs = {link["href"] for link in soup.select("main a[href]")}
    assert {"/lenses/builder", "/categories/agents", "/corrections/report?about=tools/skillclaw"} <= hrefs


def test_comparisons_come_in_the_order_in_which_readers_chose_the_tool_most_surely(fresh, fresh_site):
    pairs = [replace(EMPTY, slug=f"{other}-vs-zed", a=bare(other), b=bare("zed")) for other in ("ant", "bee", "cat")]
    shelf.publish(fresh, *pairs)
    shelf.vote(fresh, pairs[0], for_a=0, for_b=1)  # one of one: surely less than nine of ten
    shelf.vote(fresh, pairs[1], for_a=1, for_b=9)
    shelf.vote(fresh, pairs[2], for_a=9, for_b=1)
    lines = read(fresh_site.get("/tools/zed")).select(".lines .line-title a")
    assert [line["href"] for line in lines] == ["/compare/bee-vs-zed", "/compare/ant-vs-zed", "/compare/cat-vs-zed"]


def test_an_old_slug_of_a_tool_and_another_case_move_for_good(site):
    for asked in ("old-claw", "SkillClaw"):
        response = site.get(f"/tools/{asked}")
        assert (response.status_code, response.headers["location"]) == (301, "/tools/skillclaw")


@pytest.mark.parametrize(
    ("asked", "address"),
    [
        ("/badge/old-claw.svg", "/badge/skillclaw.svg"),
        ("/images/tools/old-claw.png", "/images/tools/skillclaw.png"),
        ("/api/tools/old-claw", "/api/tools/skillclaw"),
        (f"/images/compare/{OTHERWISE}.png", f"/images/compare/{VIEW.slug}.png"),
        (f"/api/comparisons/{OTHERWISE}", f"/api/comparisons/{VIEW.slug}"),
    ],
)
def test_what_other_sites_show_and_read_is_found_by_an_old_slug_too(site, asked, address):
    response = site.get(asked)
    assert (response.status_code, response.headers["location"]) == (301, address)
    assert site.get(address).status_code == 200
    if asked.startswith("/api/"):
        assert response.headers["access-control-allow-origin"] == "*"
        assert "301" in site.get("/api/openapi.json").json()["paths"]["/api/tools/{slug}"]["get"]["responses"]


def test_a_verdict_that_was_replaced_stays_readable_with_its_words_and_days(fresh, fresh_site):
    shelf.publish(fresh, VIEW)
    row = VIEW.rows[1]
    turned = replace(row.a, decision=Decision.SHIP, quote="Second thoughts.", submitted_at=APPROVED)
    rows = (VIEW.rows[0], replace(row, a=turned), replace(VIEW.rows[2], a=None), VIEW.rows[3])
    shelf.publish(fresh, replace(VIEW, rows=rows))
    history = words(read(fresh_site.get("/tools/skillclaw")), "#history")
    assert "Skeptic turns from skip to ship" in history
    assert row.a.quote in history
    assert "Futurist withdraws the ship" in history
    feed = fresh_site.get("/changes.atom").text
    assert "SkillClaw: Skeptic turns from skip to ship" in feed
    assert "#history" not in str(read(fresh_site.get("/tools/smolvlm2-2b")).select("section"))


def test_approving_the_same_again_is_no_change(fresh):
    shelf.publish(fresh, VIEW)
    shelf.publish(fresh, VIEW)
    with fresh.database.read() as connection:
        assert shelves.changes(connection, limit=10) == []


def test_verdicts_older_than_ninety_days_say_so_on_both_pages(server, client, fresh):
    from web.application import create_app  # noqa: PLC0415 - the clock is moved here alone

    shelf.publish(fresh, VIEW)
    for days, told in ((88, False), (93, True)):
        server.stage.app = create_app(fresh.at(APPROVED + timedelta(days=days)))
        for path in (f"/compare/{VIEW.slug}", "/tools/skillclaw"):
            assert ("Older than 90 days" in client.get(path).text) is told


# ------------------------------------------------------------ categories and lenses


def test_who_stood_aside_is_counted_and_not_named_and_a_newer_version_is_noted(fresh, fresh_site):
    load_standard_lenses(fresh)
    shelf.publish(fresh, VIEW, PARTIAL)
    before = fresh_site.get(f"/compare/{VIEW.slug}")
    assert "stood aside" not in before.text
    assert "Newer version" not in before.text
    with fresh.database.write() as connection:
        claw, other = tools.find(connection, "skillclaw").id, tools.find(connection, "blank").id
        reasons = {
            "builder": DeclineReason.CONFLICT,
            "skeptic": DeclineReason.CONFLICT,
            "creator": DeclineReason.NOT_MY_FIELD,
        }
        for at, (lens, reason) in enumerate(reasons.items(), start=1):
            name = {"email": f"r{at}@desk.example", "email_key": f"r{at}@desk.example", "name": f"Reviewer {at}"}
            person = {"id": 100 + at, **name, "machine": False, "active": True, "invited_at": APPROVED}
            connection.execute(sa.insert(schema.person).values(person))
            connection.execute(sa.insert(schema.seat).values(id=at, tool=claw, lens=lens, state="open"))
            declined = {"seat": at, "person": 100 + at, "reason": reason, "at": APPROVED + timedelta(days=1)}
            connection.execute(sa.insert(schema.decline).values(declined))
        versions.declare(connection, newer=other, older=claw, by="noor@verdicts.example", now=APPROVED)
    for path, place in ((f"/compare/{VIEW.slug}", "#panel .side-a"), ("/tools/skillclaw", "#panel")):
        response = fresh_site.get(path)
        told = words(read(response), place)
        assert "1 verdict with a disclosure; 2 reviewers stood aside for a conflict of interest" in told
        assert "Newer version Noted 20 November 2026 : there is a newer version" in told
        assert "Reviewer 1" not in response.text
    assert "stood aside" not in words(read(fresh_site.get(f"/compare/{VIEW.slug}")), "#panel .side-b")
    again = fresh_site.get(f"/compare/{VIEW.slug}", headers={"If-None-Match": before.headers["etag"]})
    assert again.status_code == 200


def test_a_category_shows_its_comparisons_newest_first_and_goes_on_where_a_page_ends(fresh, fresh_site):
    views = [replace(EMPTY, slug=f"a{n:02}-vs-b{n:02}", a=bare(f"a{n:02}"), b=bare(f"b{n:02}")) for n in range(45)]
    shelf.publish(fresh, *views)
    seen, path = [], "/categories/other"
    for _ in range(3):
        soup = read(fresh_site.get(path))
        seen += bouts(soup)
        following = soup.select_one("a[rel=next]")
        path = following["href"] if following else ""
    assert path == ""
    assert seen == [f"/compare/{view.slug}" for view in reversed(views)]


def test_home_leads_to_every_category_with_something_in_it(site):
    shown = [link["href"] for link in read(site.get("/")).select(".shelves a")]
    assert shown == ["/categories/vision-language-models", "/categories/agents", "/categories/other"]
    assert all(site.get(path).status_code == 200 for path in shown)


@pytest.mark.parametrize("after", ["", "x", "2026-11-20T09:00:00Z", "2026-99-99T09:00:00Z~1", "a~b", "٢" * 20 + "~1"])
def test_a_place_that_no_link_names_is_not_there(site, after):
    assert site.get("/categories/agents", params={"after": after}).status_code == 404


def test_a_lens_shows_its_words_its_ship_rate_and_its_verdicts_by_category(site):
    soup = read(site.get("/lenses/skeptic"))
    text = words(soup, "main")
    assert "Show me where it breaks." in text
    assert "the word seamless" in text
    assert "Agents 0 % 0 ship, 1 skip" in text
    assert "Vision-language models 100 % 1 ship, 0 skip" in text
    assert [heading.get_text() for heading in soup.select("h2[id^=heard]")][:2] == ["Vision-language models", "Agents"]
    assert VIEW.rows[1].a.quote in words(soup, "main")


def test_a_lens_without_a_verdict_has_a_page_too(fresh, fresh_site):
    load_standard_lenses(fresh)
    assert "No verdict of this lens is published yet" in fresh_site.get("/lenses/builder").text


# ------------------------------------------------------------ search


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("skillclaw", [PARTIAL.slug, VIEW.slug]),
        ("SKILLCLAW smolvlm2", [VIEW.slug]),
        ("smol", [VIEW.slug]),
        ("watches video", [VIEW.slug]),
        ("agents laptop", [VIEW.slug]),
        ("skillclaw nothing-like-it", []),
        ("", []),
        ("   ", []),
        ("-- '; DROP TABLE tool", []),
        ("%", []),
        ("_", []),
        ("secret", []),
        ("a b c d e f g h i j k l m n", []),
    ],
)
def test_search_finds_comparisons_with_all_the_words_the_last_of_which_may_be_a_beginning(site, query, found):
    soup = read(site.get("/search", params={"q": query}))
    assert bouts(soup) == [f"/compare/{slug}" for slug in found]


def test_a_search_without_an_answer_goes_on_by_category(site):
    for query in ("", "nothingofthekind"):
        links = {link["href"] for link in read(site.get("/search", params={"q": query})).select(".browse a")}
        assert "/categories/agents" in links
    assert not read(site.get("/search", params={"q": "skillclaw"})).select(".browse")


def test_search_shows_what_was_asked_and_never_obeys_it(site):
    soup = read(site.get("/search", params={"q": "<script>alert(1)</script>\"'\u202ex"}))
    assert soup.select("script") == []
    assert soup.select_one("input[name=q]")["value"] == "<script>alert(1)</script>\"'x"
    assert len(soup.select_one("title").get_text()) < 100
    assert read(site.get("/search", params={"q": "x" * 10_000})) is not None


def test_words_are_without_case_marks_and_surrogates():
    assert searched("SmolVLM2-2B, déjà VU \ud800!") == ("smolvlm2", "2b", "deja", "vu")
    assert len(searched("x" * 10_000)[0]) == 40


# ------------------------------------------------------------ what is not approved


HIDDEN = [
    "/tools/secret-one",
    "/tools/nothing",
    "/tools/%00",
    "/lenses/nothing",
    "/categories/nothing",
    "/categories/nothing/feed.atom",
    "/badge/secret-one.svg",
    "/badge/Secret-One.svg",
    "/tools/Secret-One",
    "/images/compare/secret-two-vs-secret-one.png",
    "/api/comparisons/secret-two-vs-secret-one",
    "/api/tools/{0.__class__}",
    "/badge/{}.svg",
    "/images/compare/secret-one-vs-secret-two.png",
    "/images/tools/secret-one.png",
    "/api/tools/secret-one",
    "/api/comparisons/secret-one-vs-secret-two",
    "/api/editions/2026-W49",
    "/corrections/report?about=tools/secret-one",
    "/corrections/report?about=compare/secret-one-vs-secret-two",
    "/corrections/report?about=nothing",
    "/corrections/report",
    "/sitemaps/comparisons-x.xml",
    "/sitemaps/nothing.xml",
]
EVERYWHERE = [
    "/",
    "/editions",
    "/search?q=secret",
    "/search?q=one",
    "/categories/other",
    "/lenses/builder",
    "/feed.atom",
    "/categories/other/feed.atom",
    "/changes.atom",
    "/sitemap.xml",
    "/llms.txt",
    "/api/tools?limit=50",
    "/api/comparisons?limit=50",
    "/api/editions",
    "/corrections",
]


@pytest.mark.parametrize("path", HIDDEN)
def test_what_is_not_approved_is_not_there(site, path):
    assert site.get(path).status_code == 404


@pytest.mark.parametrize("path", EVERYWHERE)
def test_what_is_not_approved_is_named_nowhere(site, path):
    response = site.get(path)
    assert response.status_code == 200
    assert "secret-one" not in response.text
    assert "Not approved yet" not in response.text


def test_what_is_taken_back_disappears_everywhere_at_once(fresh, fresh_site):
    load_standard_lenses(fresh)
    shelf.publish(fresh, VIEW, LONG_VIEW)
    paths = ["/", "/lenses/builder", "/categories/agents", "/search?q=skillclaw", "/feed.atom", "/sitemap.xml"]
    paths += ["/llms.txt", "/api/tools", "/api/comparisons", "/categories/agents/feed.atom"]
    for path in paths:
        assert "skillclaw-vs" in fresh_site.get(path).text, path
    with fresh.database.write() as connection:
        retire_comparisons(connection, tools.find(connection, "skillclaw").id)
    for path in paths:
        assert "skillclaw-vs" not in fresh_site.get(path).text, path
    for path in ("/tools/skillclaw", "/badge/skillclaw.svg", f"/images/compare/{VIEW.slug}.png"):
        assert fresh_site.get(path).status_code == 404
