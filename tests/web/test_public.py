"""The pages for everyone, asked for over HTTP."""

from __future__ import annotations

import json
from dataclasses import replace

import httpx
import pytest
from bs4 import BeautifulSoup

from core.edition import Frozen, Variant
from core.week import Week
from tests.web import shelf
from tests.web.samples import EMPTY, EVERY, HOSTILE_VIEW, LONG_VIEW, PARTIAL, VIEW, bare
from web.application import create_app

COMPARISON = f"/compare/{VIEW.slug}"
PUBLIC = ("/", COMPARISON, "/editions", "/editions/2026-W48", "/subscribe")


def read(response: httpx.Response) -> BeautifulSoup:
    assert response.status_code == 200, response.text
    return BeautifulSoup(response.text, "lxml")


def words(soup: BeautifulSoup, selector: str) -> str:
    found = soup.select_one(selector)
    assert found is not None, selector
    return " ".join(found.get_text(" ").split())


# ------------------------------------------------------------ the comparison page


def test_the_title_names_both_tools_in_the_order_of_the_address(site):
    soup = read(site.get(COMPARISON))
    assert words(soup, "h1") == "SkillClaw vs SmolVLM2-2B"
    assert words(soup, "title") == "SkillClaw vs SmolVLM2-2B · Weekly Verdicts"
    assert words(soup, ".kicker") == "AI tool comparison"


def test_the_lead_names_the_four_blocks_that_follow_and_leads_to_them_in_that_order(site):
    soup = read(site.get(COMPARISON))
    links = soup.select(".lead a")
    assert [link.get_text(" ").replace("\n", " ") for link in links] == [
        "panel verdict",
        "pricing read",
        "reviewer split",
        "community vote",
    ]
    headings = [words(soup, f"{link['href']} h2").lower() for link in links]
    assert headings == ["panel verdict", "pricing read", "reviewer split", "community vote"]
    places = [list(soup.descendants).index(soup.select_one(link["href"])) for link in links]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (".corner.side-a", "Agents SkillClaw Lets agents learn new skills from what other agents have done"),
        (
            ".corner.side-b",
            "Vision-language models SmolVLM2-2B A small vision-language model that watches video on a laptop",
        ),
        (".standfirst", "The panel ships SmolVLM2-2B , 4-0 , and skips SkillClaw , 2-2 ."),
        (".corner.side-a", "First look Nobody on the panel had hands on it."),
        ("#panel .side-a", "50 % 2-2 Skip 2 ship, 2 skip; a tie counts as a skip"),
        ("#panel .side-b", "100 % 4-0 Ship 4 ship, 0 skip"),
        ("#pricing .side-a", "Freemium 9.50 USD per user and month"),
        ("#pricing .side-a", "github.com , seen 12 November 2026"),
        ("#pricing .side-b", "Open source"),
        ("#pricing .side-b", "open weights"),
        ("#split .spine", "2 of 4 agree"),
        ("#split .side-a", "No lens ships only this one"),
        ("#split .side-b", "Skeptic and Founder ship only this one"),
        ("#split .across", "Builder and Futurist ship both"),
        ("#split .across", "Skeptic and Founder ship SmolVLM2-2B and skip SkillClaw"),
        ("#community .side-a", "36 % 5 of 14 votes"),
        ("#community .side-b", "64 % 9 of 14 votes"),
        (".description.side-a", "no hosted service. As of 12 November 2026"),
        (".sign-off", "Approved by Noor Haddad on 20 November 2026"),
    ],
)
def test_it_shows(site, selector, expected):
    assert expected in words(read(site.get(COMPARISON)), selector)


def test_the_scorecard_has_one_row_for_each_lens_in_order_and_both_sides_in_it(site):
    soup = read(site.get(COMPARISON))
    rows = soup.select(".scorecard > li")
    assert [words(row, "h3") for row in rows] == ["Builder", "Skeptic", "Futurist", "Founder"]
    for row, expected in zip(rows, VIEW.rows, strict=True):
        assert words(row, ".side-a blockquote") == expected.a.quote
        assert words(row, ".side-b blockquote") == expected.b.quote
        assert words(row, ".side-a .stamp").lower() == expected.a.decision.value
        assert len(row.select(".verdict")) == 2


@pytest.mark.parametrize(
    ("row", "side", "expected"),
    [
        (0, "b", "Mara Lindqvist hands-on 18 November 2026"),
        (0, "a", "Mara Lindqvist docs only 18 November 2026"),
        (2, "a", "panel-model-3 Machine-written docs only"),
        (1, "a", "Disclosure. I advise a company that sells agent monitoring."),
        (0, "a", "SkillClaw"),
    ],
)
def test_a_verdict_says_who_wrote_it_and_on_what_basis(site, row, side, expected):
    soup = read(site.get(COMPARISON))
    assert expected in words(soup.select(".scorecard > li")[row], f".side-{side}")


def test_only_what_a_machine_wrote_carries_the_label(site):
    rows = read(site.get(COMPARISON)).select(".scorecard > li")
    assert [len(row.select(".byline .tag")) for row in rows] == [0, 0, 2, 0]


def test_a_row_says_whether_the_lens_agrees(site):
    rows = read(site.get(COMPARISON)).select(".scorecard > li")
    assert [words(row, ".meeting") for row in rows] == ["agrees", "parts", "agrees", "parts"]


def test_a_missing_verdict_is_said_and_never_filled_by_another_lens(site):
    soup = read(site.get(f"/compare/{PARTIAL.slug}"))
    rows = soup.select(".scorecard > li")
    assert len(rows) == 4
    assert {words(row, ".side-a .call") for row in rows} == {"no verdict yet"}
    assert not soup.select(".meeting")
    assert "nothing can agree or part" in words(soup, "#split")


def test_below_ten_votes_a_dash_stands_for_the_percentage(site):
    assert words(read(site.get(f"/compare/{PARTIAL.slug}")), "#community .side-b") == "SkillClaw — 7 of 10 votes"


def test_a_pair_that_nobody_judged_shows_dashes_and_no_figures(site):
    soup = read(site.get(f"/compare/{EMPTY.slug}"))
    assert [words(soup, f"#panel .side-{side} .figure") for side in "ab"] == ["—", "—"]
    assert words(soup, "#community .side-a") == "Bare — 0 of 10 votes"
    assert "Unknown No source states a price" in words(soup, "#pricing .side-a")
    assert not soup.select(".stamp, .scorecard")


def test_facts_stand_field_by_field_and_both_where_sources_disagree(site):
    rows = read(site.get(COMPARISON)).select(".fact")
    assert [words(row, "h3") for row in rows] == ["Licence", "Parameters"]
    parameters = rows[1]
    assert "nothing on record" in words(parameters, ".side-a")
    assert words(parameters, ".side-b").startswith(
        "SmolVLM2-2B 2.2 B huggingface.co , seen 12 November 2026 2.25 B arxiv.org"
    )


def test_links_that_lead_out_are_marked_and_everything_else_stays_on_the_site(site):
    soup = read(site.get(COMPARISON))
    for link in soup.select("a[href]"):
        href = link["href"]
        if href.startswith("https://"):
            assert link["rel"] == ["nofollow", "noopener"]
        else:
            assert href.startswith(("/", "#")), href


def test_structured_data_describes_both_tools_and_every_verdict(site):
    block = read(site.get(COMPARISON)).select_one('script[type="application/ld+json"]')
    data = json.loads(block.string)
    assert data["url"] == "https://verdicts.example/compare/skillclaw-vs-smolvlm2-2b"
    first, second = (entry["item"] for entry in data["itemListElement"])
    assert [first["name"], second["name"]] == ["SkillClaw", "SmolVLM2-2B"]
    assert [review["reviewRating"]["ratingValue"] for review in first["review"]] == [1, 0, 1, 0]
    assert first["offers"]["price"] == "9.5"
    assert "offers" not in second


# ------------------------------------------------------------ addresses


@pytest.mark.parametrize(
    "asked",
    ["smolvlm2-2b-vs-skillclaw", "SkillClaw-vs-SmolVLM2-2B", "old-claw-vs-smolvlm2-2b", "smolvlm2-2b-vs-old-claw"],
)
def test_another_order_case_or_old_name_moves_for_good_to_the_address(site, asked):
    response = site.get(f"/compare/{asked}")
    assert response.status_code == 301
    assert response.headers["location"] == COMPARISON


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/compare/skillclaw",
        "/compare/skillclaw-vs-skillclaw",
        "/compare/a-vs-b-vs-c",
        "/compare/bare-vs-skillclaw",
        "/compare/secret-one-vs-secret-two",
        "/compare/secret-two-vs-secret-one",
        "/compare/%00-vs-%ff",
        "/editions/2026-W47",
        "/editions/2026-W49",
        "/editions/2026-W99",
        "/editions/2026-W48/best-of",
        "/editions/2026-W49/best-of",
        "/editions/next/best-of",
        "/editions/next",
        "/editions/%202026-W48",
        "/editions/٢٠٢٦-W48",
        "/static/nothing.css",
        "/static/..%2fapplication.py",
    ],
)
def test_what_is_not_published_is_not_there(site, path):
    response = site.get(path)
    assert response.status_code == 404
    assert "No verdict here" in response.text


def test_the_best_of_a_month_has_a_page_that_the_monthly_mail_leads_to(server, client, fresh):
    shelf.publish(fresh, VIEW, PARTIAL)
    shelf.edition(fresh, Week(2026, 48), [VIEW.slug], subject="The last of November")
    content = Frozen(subject="Best of November 2026: A vs B", html="<p>mail</p>", text="mail", comparisons=(VIEW.slug,))
    best = Variant(number=1, places=(), tastes=(), frozen=content, best_of=True)
    shelf.edition(fresh, Week(2026, 49), [PARTIAL.slug], subject="The first of December", variants=[best])
    server.stage.app = create_app(fresh)
    page = BeautifulSoup(client.get("/editions/2026-W49/best-of").text, "lxml").select_one("main")
    assert page.h1.get_text() == "Best of November 2026: A vs B"
    assert "the best comparisons of November 2026" in page.select_one(".lead").get_text()
    links = {link["href"] for link in page.select("a[href^='/compare/']")}
    assert f"/compare/{VIEW.slug}" in links
    assert f"/compare/{PARTIAL.slug}" not in links


def test_what_is_not_approved_is_named_on_no_page(site):
    for path in PUBLIC:
        assert "secret-" not in site.get(path).text
        assert "Not approved yet" not in site.get(path).text


# ------------------------------------------------------------ home and editions


def test_home_shows_the_edition_then_the_other_comparisons_each_once(site):
    soup = read(site.get("/"))
    assert words(soup, "#latest-title") == "A model that fits a laptop, and skills that spread"
    links = [link["href"] for link in soup.select(".bout a")]
    assert links[0] == COMPARISON
    assert len(links) == len(set(links))
    assert set(links) >= {f"/compare/{view.slug}" for view in EVERY}


def test_home_has_something_to_say_before_anything_is_published(fresh_site):
    soup = read(fresh_site.get("/"))
    assert "Nothing has been published yet" in soup.get_text()
    assert soup.select_one("form[action='/subscribe']") is not None
    assert "No edition has been approved yet" in read(fresh_site.get("/editions")).get_text()


def test_an_edition_shows_its_words_and_its_comparisons(site):
    soup = read(site.get("/editions/2026-W48"))
    assert words(soup, "h1") == "A model that fits a laptop, and skills that spread"
    assert [lead.get_text() for lead in soup.select(".lead p")] == [
        "Nothing in common but the week they came out in.",
        "One of them convinced everybody.",
    ]
    assert "23 to 29 November 2026" in words(soup, ".kicker")
    assert [link["href"] for link in soup.select(".bout a")] == [COMPARISON]


def test_the_shelf_of_editions_leads_to_each(site):
    assert [link["href"] for link in read(site.get("/editions")).select(".shelf a")] == ["/editions/2026-W48"]


@pytest.mark.parametrize("path", PUBLIC)
def test_every_internal_link_leads_somewhere(site, path):
    soup = read(site.get(path))
    inner = {link["href"].partition("#")[0] for link in soup.select("a[href^='/'], link[href^='/']")} - {""}
    assert inner
    assert {href: site.get(href).status_code for href in inner} == dict.fromkeys(inner, 200)
    anchors = [link["href"] for link in soup.select("a[href^='#']")]
    assert [anchor for anchor in anchors if soup.select_one(anchor) is None] == []


# ------------------------------------------------------------ HTTP manners


@pytest.mark.parametrize("path", PUBLIC)
def test_a_page_that_has_not_changed_is_not_sent_again(site, path):
    first = site.get(path)
    again = site.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    other = site.get(path, headers={"If-None-Match": '"something-else"'})
    assert other.status_code == 200


@pytest.mark.parametrize("path", [*PUBLIC, "/healthz", "/readyz", "/robots.txt", "/nothing"])
def test_head_answers_like_get_without_the_body(site, path):
    got, headed = site.get(path), site.head(path)
    assert (headed.status_code, headed.content) == (got.status_code, b"")
    assert headed.headers["content-type"] == got.headers["content-type"]
    assert headed.headers.get("etag") == got.headers.get("etag")


def test_static_files_are_kept_for_good_under_their_content_and_asked_for_under_another(site):
    address = read(site.get("/")).select_one("link[rel=stylesheet]")["href"]
    kept = site.get(address)
    assert kept.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in kept.headers["cache-control"]
    stale = site.get("/static/verdicts.css?v=0000")
    assert (stale.content, stale.headers["cache-control"]) == (kept.content, "no-cache")


def test_health_and_robots_answer_in_plain_text(site):
    assert site.get("/healthz").text == "ok\n"
    assert site.get("/readyz").status_code == 200
    robots = site.get("/robots.txt").text
    assert "Disallow: /confirm/" in robots
    assert "Disallow: /unsubscribe/" in robots
    assert "Disallow: /\n" not in robots


@pytest.mark.parametrize("view", EVERY, ids=lambda view: view.slug)
def test_every_kind_of_content_gives_a_page(site, view):
    assert read(site.get(f"/compare/{view.slug}")).select_one("h1") is not None


def test_hostile_text_is_shown_and_never_obeyed(site):
    soup = read(site.get(f"/compare/{HOSTILE_VIEW.slug}"))
    assert soup.select("img") == []
    assert [script["type"] for script in soup.select("script")] == ["application/ld+json"]
    assert [link["href"] for link in soup.select("a[href^='javascript']")] == []
    assert HOSTILE_VIEW.a.name.replace("\u202e", "") in words(soup, "h1").replace("\u202e", "")
    assert json.loads(soup.select_one("script").string)["itemListElement"][0]["item"]["name"] == HOSTILE_VIEW.a.name


def test_a_long_name_is_set_smaller_and_shown_whole(site):
    soup = read(site.get(f"/compare/{LONG_VIEW.slug}"))
    assert soup.select_one("h1 .name-very-long").get_text() == LONG_VIEW.a.name


def test_what_was_approved_under_an_old_slug_is_shown_at_the_new_one_without_going_in_circles(fresh, fresh_site):
    shelf.publish(fresh, replace(EMPTY, slug="early-vs-late", a=bare("early"), b=bare("late")))
    shelf.rename(fresh, "late", "later")
    shelf.readdress(fresh, "early-vs-late", "early-vs-later")
    assert fresh_site.get("/compare/early-vs-later").status_code == 200
    for old in ("early-vs-late", "late-vs-early", "later-vs-early"):
        assert fresh_site.get(f"/compare/{old}").headers["location"] == "/compare/early-vs-later"
