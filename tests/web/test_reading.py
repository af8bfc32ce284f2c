"""The words and pairings that pages add, outward links, and the law that text never becomes markup."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st

from app.publishing import ComparisonPage
from core.comparison import Community, ComparisonView
from core.fact import Fact
from core.panel import Decision, Tally
from core.week import Week
from tests.web.samples import EMPTY, HOSTILE, PARTIAL, SEEN, VIEW, with_text, with_url
from web import reading
from web.assets import read_assets
from web.linked_data import comparison_data
from web.links import outward
from web.pages import Pages, make_pages

ADDRESS = "https://verdicts.example/compare/skillclaw-vs-smolvlm2-2b"


@pytest.fixture(scope="module")
def pages() -> Pages:
    return make_pages(base_url="https://verdicts.example", assets=read_assets())


def shown(view: ComparisonView) -> ComparisonPage:
    return ComparisonPage(view=view, others=(view,), corrections=(), stale_since=None, notices={}, modified=None)


def page(pages: Pages, view: ComparisonView) -> BeautifulSoup:
    return BeautifulSoup(
        pages.html("comparison.html", view=view, page=shown(view), path=f"/compare/{view.slug}"), "lxml"
    )


# ------------------------------------------------------------ words


@pytest.mark.parametrize(
    ("ships", "skips", "call"), [(0, 0, None), (1, 0, "ship"), (0, 1, "skip"), (2, 2, "skip"), (3, 1, "ship")]
)
def test_the_panel_ships_by_majority_and_a_tie_is_a_skip(ships, skips, call):
    tally = Tally(ships=ships, skips=skips, ship_percent=None, closed=True)
    assert reading.panel_call(tally) == (None if call is None else Decision(call))


def test_a_row_with_an_empty_side_neither_agrees_nor_parts():
    assert [reading.agreement(row) for row in VIEW.rows] == ["agree", "part", "agree", "part"]
    assert {reading.agreement(row) for row in PARTIAL.rows} == {""}


@pytest.mark.parametrize(
    ("week", "words"),
    [
        (Week(2026, 48), "23 to 29 November 2026"),
        (Week(2026, 49), "30 November to 6 December 2026"),
        (Week(2026, 53), "28 December 2026 to 3 January 2027"),
    ],
)
def test_a_week_is_said_by_its_days(week, words):
    assert reading.week_span(week) == words


def test_a_day_is_that_of_utc():
    late = datetime(2026, 11, 14, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    assert reading.day(late) == "15 November 2026"
    with pytest.raises(ValueError, match="no time zone"):
        reading.day(late.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("name", "shown"), [("Mara", "Mara"), ("mara@verdicts.example", "mara"), ("@x", "x"), ("", "")]
)
def test_a_byline_never_gives_an_address_away(name, shown):
    assert reading.byline(name) == shown


@pytest.mark.parametrize(
    ("a", "b", "sentence"),
    [
        ((3, 1), (4, 0), "The panel ships both: SkillClaw, 3-1, and SmolVLM2-2B, 4-0."),
        ((1, 3), (2, 2), "The panel skips both: SkillClaw, 1-3, and SmolVLM2-2B, 2-2."),
        ((3, 1), (2, 2), "The panel ships SkillClaw, 3-1, and skips SmolVLM2-2B, 2-2."),
    ],
)
def test_a_comparison_opens_with_what_came_of_it(pages, a, b, sentence):
    one, other = (
        replace(side, panel=Tally(ships=ships, skips=skips, ship_percent=None, closed=True))
        for side, (ships, skips) in ((VIEW.a, a), (VIEW.b, b))
    )
    assert page(pages, replace(VIEW, a=one, b=other)).select_one(".standfirst").get_text() == sentence
    still_open = replace(one, panel=replace(one.panel, closed=False))
    assert page(pages, replace(VIEW, a=still_open, b=other)).select_one(".standfirst") is None
    assert page(pages, PARTIAL).select_one(".standfirst") is None


@given(st.lists(st.text(), min_size=1, max_size=2))
def test_a_title_fits_a_tab_and_is_whole_where_it_can_be(names):
    shown = reading.tab_title(*names)
    assert len(shown) <= 48
    assert ("…" in shown) >= (shown != " vs ".join(names))
    assert shown.count(" vs ") >= len(names) - 1


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("186420", "186,420"),
        ("1840", "1840"),
        ("00012345", "00012345"),
        ("2026-11-18", "18 November 2026"),
        ("2026-02-31", "2026-02-31"),
        ("٢٠٢٦-١١-١٨", "٢٠٢٦-١١-١٨"),
        ("apache-2.0", "apache-2.0"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_numbers_and_days_of_facts_are_written_for_readers(value, words):
    assert reading.fact_words(value) == words


def test_what_is_known_of_both_tools_comes_first():
    def fact(field: str) -> Fact:
        return Fact(field=field, value="x", source_url="", observed_at=SEEN)

    a, b = (replace(VIEW.a, facts=(fact("stars"), fact("licence"))), replace(VIEW.b, facts=(fact("licence"),)))
    assert [row.label for row in reading.paired_facts(a, b)] == ["Licence", "Stars"]


def test_a_fact_that_is_an_address_leads_there_and_shows_where(pages):
    homes = {"https://www.github.com/amap-ml/skillclaw/": "github.com/amap-ml/skillclaw", "javascript:alert(1)": None}
    for address, shown in homes.items():
        facts = (Fact(field="repository", value=address, source_url="", observed_at=SEEN),)
        found = page(pages, replace(VIEW, a=replace(VIEW.a, facts=facts))).select_one(".fact .side-a .fact-value")
        link = found.select_one("a")
        assert (link and (link["href"], link.get_text())) == (shown and (address, shown))
        assert shown or address in found.get_text()


def test_paragraphs_end_at_empty_lines_and_none_is_empty():
    assert reading.paragraphs("one\r\n\r\n\n\ntwo\nstill two\n\n") == ["one", "two\nstill two"]
    assert reading.paragraphs("") == []


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["licence", "price", "size"]), st.text(max_size=5))))
def test_pairing_facts_loses_none_and_names_each_field_once(found):
    def facts(letter: str) -> tuple[Fact, ...]:
        return tuple(
            Fact(field=field, value=value, source_url="", observed_at=SEEN)
            for side, field, value in found
            if side == letter
        )

    rows = reading.paired_facts(replace(VIEW.a, facts=facts("a")), replace(VIEW.b, facts=facts("b")))
    assert len({row.label for row in rows}) == len(rows)
    for letter in "ab":
        kept = [fact for row in rows for fact in getattr(row, letter)]
        assert sorted(kept, key=repr) == sorted(facts(letter), key=repr)


# ------------------------------------------------------------ outward links


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://huggingface.co/owner/name", "huggingface.co"),
        ("HTTP://WWW.Example.ORG:8080/a?b=c#d", "example.org"),
        ("https://bücher.example/", "xn--bcher-kva.example"),
        ("http://127.0.0.1/", "127.0.0.1"),
    ],
)
def test_web_addresses_become_links_that_show_their_host(url, host):
    link = outward(url)
    assert link is not None
    assert (link.href, link.host) == (url, host)


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "//elsewhere.example/",
        "/relative",
        "https:",
        "https://",
        "https://good.example@evil.example/",
        "https://good.example\\@evil.example/",
        "https://evil.example\\.good.example/",
        "https://good.example:port/",
        "https://good example/",
        'https://good.example/"onclick="alert(1)',
        "https://good.example/\u2028",
        "https://good.example/\ud800",
        "https://[::1",
        "https://-.example/" + "x" * 3000,
        " https://good.example/",
    ],
)
def test_everything_else_stays_text(url):
    assert outward(url) is None


@given(st.one_of(st.text(), st.text().map("https://{}".format), st.from_regex(r"[a-z]{1,10}:[^ ]*", fullmatch=True)))
def test_a_link_is_http_and_its_host_is_the_one_that_is_followed(url):
    link = outward(url)
    if link is not None:
        parts = urlsplit(link.href)
        assert parts.scheme in ("http", "https")
        assert parts.hostname.encode("idna").decode().lower().removeprefix("www.") == link.host
        assert link.host.isascii()


# ------------------------------------------------------------ hostile text


def skeleton(soup: BeautifulSoup) -> list[tuple[str, list[str]]]:
    return [(tag.name, sorted(tag.attrs)) for tag in soup.select("*")]


@settings(max_examples=25, deadline=None)
@given(st.one_of(st.text(min_size=1), st.text("<>\"'&/=- script{}%#\u202e", min_size=1), st.just(HOSTILE)))
def test_no_text_from_outside_changes_the_structure_of_the_page(pages, text):
    # A letter on both sides keeps it from being empty or a paragraph break, which are meant to change the page.
    inner = "x" + text.replace("\n", " ").replace("\r", " ") + "x"
    assert skeleton(page(pages, with_text(VIEW, inner))) == skeleton(page(pages, with_text(VIEW, "x")))


@pytest.mark.parametrize("url", ["javascript:alert(1)", 'https://a.example/"><script>', "not an address", ""])
def test_no_address_from_outside_becomes_a_link_unless_it_is_one(pages, url):
    soup = page(pages, with_url(VIEW, url))
    assert [link["href"] for link in soup.select("main a[href]") if not link["href"].startswith(("#", "/"))] == []
    if url:
        assert url in soup.get_text()


def test_a_lone_surrogate_costs_a_character_and_not_the_page(pages):
    html = pages.private("failure.html", code=404, heading="a\ud800b", words="").body
    assert b"a?b" in bytes(html)


def test_names_in_a_sentence_stand_apart_so_that_their_direction_ends_with_them(pages):
    pieces = page(pages, with_text(VIEW, HOSTILE)).select_one("main").find_all(string=lambda piece: "\u202e" in piece)
    assert pieces
    inline = [
        piece for piece in pieces if piece.find_parent(class_=["standfirst", "lead", "across", "byline", "sign-off"])
    ]
    assert {piece.parent.name for piece in inline} == {"bdi"}


# ------------------------------------------------------------ structured data


def test_structured_data_survives_the_page_as_it_was(pages):
    for view in (VIEW, EMPTY, with_text(VIEW, HOSTILE)):
        block = page(pages, view).select_one("script")
        path = f"https://verdicts.example/compare/{view.slug}"
        assert json.loads(block.string) == json.loads(json.dumps(comparison_data(view, address=path)))


def test_votes_are_data_only_once_readers_see_them_as_a_percentage():
    few = replace(VIEW, a=replace(VIEW.a, community=Community(chosen=9, votes=9)))
    many = replace(VIEW, a=replace(VIEW.a, community=Community(chosen=9, votes=10)))
    item = comparison_data(few, address=ADDRESS)["itemListElement"][0]["item"]
    assert "aggregateRating" not in item
    rated = comparison_data(many, address=ADDRESS)["itemListElement"][0]["item"]["aggregateRating"]
    assert (rated["ratingValue"], rated["ratingCount"], rated["bestRating"]) == (90, 10, 100)


def test_a_reviewer_known_by_an_address_alone_keeps_its_domain_in_data_too():
    rows = tuple(replace(row, a=replace(row.a, reviewer="mara@desk.example")) for row in VIEW.rows)
    data = json.dumps(comparison_data(replace(VIEW, rows=rows), address=ADDRESS))
    assert "mara" in data
    assert "desk.example" not in data


def test_what_a_machine_wrote_is_given_to_no_person():
    items = [entry["item"] for entry in comparison_data(VIEW, address=ADDRESS)["itemListElement"]]
    authors = [review["author"] for item in items for review in item["review"]]
    assert {author["@type"] for author in authors if "machine-written" in author["name"]} == {"Organization"}
    assert sum(author["@type"] == "Organization" for author in authors) == 2


def test_a_tool_without_verdicts_price_or_homepage_claims_none():
    item = comparison_data(EMPTY, address=ADDRESS)["itemListElement"][0]["item"]
    assert item == {"@type": "SoftwareApplication", "name": "bare", "applicationCategory": "Other"} | {"name": "Bare"}


def test_instants_are_written_with_their_zone(pages):
    times = [tag["datetime"] for tag in page(pages, VIEW).select("time")]
    assert times
    assert all(datetime.fromisoformat(time).tzinfo == UTC for time in times)
