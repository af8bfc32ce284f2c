"""Each adapter on real responses of its site; the figures were counted in the captures by hand."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core.errors import ParseError
from core.fact import PricingModel
from core.sighting import Sighting, Thing
from core.source import Parsed
from tests.captures.conftest import Reader
from tests.ingest.making import parsed
from tests.ingest.test_every_kind import check

LATER = datetime(2026, 12, 1, tzinfo=UTC)


def figures(one: Sighting) -> dict[str, float]:
    return {signal.name: signal.value for signal in one.signals}


def schemes(result: Parsed) -> list[str]:
    return sorted(name.scheme for one in result.sightings for name in one.identifiers)


def test_hugging_face_models(read: Reader) -> None:
    path = "huggingface/models_trendingScore_2026-08-02_personal-news-feed.json"
    result = read("huggingface-models", path)
    check(result)
    assert len(result.sightings) == 11
    assert result.left_out == {"a quantised copy": 4}
    everything = read("huggingface-models", path, quantised=True).sightings
    assert len(everything) == 15
    first = result.sightings[0]
    assert (first.external_id, first.name, first.author) == ("moonshotai/Kimi-K3", "Kimi-K3", "moonshotai")
    assert figures(first) == {"likes": 9624, "downloads": 837202, "trending": 8300}
    assert first.category == "image-text-to-text"
    assert first.created_at == datetime(2026, 6, 13, 6, 42, 57, tzinfo=UTC)
    open_source = [one for one in everything if one.pricing and one.pricing.model is PricingModel.OPEN_SOURCE]
    assert len(open_source) == 11


@pytest.mark.parametrize("day", ["2026-04-17", "2026-05-28"])
def test_hugging_face_trending(day: str, read_json: Any) -> None:
    # The archive keeps the list as an object by id.
    kept = read_json(f"huggingface/api_trending_{day}_daily-hf-trending.json")
    result = parsed("huggingface-trending", {"recentlyTrending": list(kept.values())})
    check(result)
    assert len(result.sightings) + sum(result.left_out.values()) == 10
    assert result.bad == ()
    assert all(one.thing is Thing.MODEL for one in result.sightings)


@pytest.mark.parametrize(
    ("day", "count"), [("2025-03-14", 26), ("2025-03-17", 12), ("2026-01-14", 14), ("2026-04-15", 26)]
)
def test_daily_papers_of_both_shapes(read: Reader, day: str, count: int) -> None:
    result = read("huggingface-papers", f"huggingface/daily_papers_{day}_hfnewsletter.json")
    check(result)
    assert (len(result.sightings), result.bad) == (count, ())
    assert all(one.created_at for one in result.sightings)


def test_daily_papers_of_one_day(read: Reader, read_json: Any) -> None:
    path = "huggingface/daily_papers_2026-08-18_hfnewsletter.json"
    result = read("huggingface-papers", path)
    assert len(result.sightings) == 29
    assert (result.sightings[0].external_id, figures(result.sightings[0])["upvotes"]) == ("2608.15265", 39)
    assert sum(figures(one)["upvotes"] == 0 for one in result.sightings) == 2
    assert {one.created_at.date().isoformat() for one in result.sightings if one.created_at} == {"2026-08-18"}
    items = [item["paper"] for item in read_json(path)]
    assert schemes(result).count("github") >= sum("githubRepo" in item for item in items) - 1 == 16
    assert sum("projectPage" in item for item in items) == 12


def test_hacker_news(read: Reader) -> None:
    result = read("hackernews", "hackernews/algolia_story_points20_2026-08-02_personal-news-feed.json")
    check(result)
    assert len(result.sightings) == 30
    launches = [one for one in result.sightings if one.thing is Thing.LAUNCH]
    assert [one.name for one in launches] == ["NixOS-DGX-Spark", "Kakehashi", "Sprocket"]
    assert schemes(result).count("hn") == 30
    assert all(figures(one)["points"] >= 20 for one in result.sightings)


def test_comments_of_hacker_news_are_left_out(read: Reader) -> None:
    result = read("hackernews", "hackernews/algolia_search_by_date_1.1_python-hacker-news.json")
    assert result.sightings == ()
    assert list(result.left_out) == ["no story (a comment or a poll option)"]


TRENDING = {
    "trending_all_2019-07_GitHubTrendingRSS.html": 25,
    "trending_all_2022-04_go-trending.html": 25,
    "trending_all_2023-04_GitHubTrendingRSS.html": 25,
    "trending_all_2023-05_go-trending.html": 25,
    "trending_all_2024-04_GitHubTrendingRSS.html": 25,
    "trending_2026-04-26_llmx-scout_trimmed.html": 3,
    "trending_2026-06-24_GlowFeed_partial.html": 16,
}


@pytest.mark.parametrize(("name", "rows"), TRENDING.items())
def test_github_trending_through_seven_years_of_markup(read: Reader, name: str, rows: int) -> None:
    result = read("github-trending", f"github/{name}")
    check(result)
    assert (len(result.sightings), result.bad) == (rows, ())
    assert all(figures(one)["stars"] > 0 for one in result.sightings)
    assert all(figures(one)["stars_gained"] > 0 for one in result.sightings)
    assert schemes(result) == ["github"] * rows


def test_github_trending_of_2017_is_drift_and_not_an_empty_day(read: Reader) -> None:
    with pytest.raises(ParseError, match="markup has changed"):
        read("github-trending", "github/trending_all_2017-07_go-trending.html")


def test_github_search(read: Reader, read_json: Any) -> None:
    path = "github/search_repositories_skills_2026-06_GlowFeed.json"
    result, items = read("github-search", path), read_json(path)["items"]
    check(result)
    assert (len(result.sightings), result.bad) == (len(items), ())
    assert schemes(result).count("github-id") == schemes(result).count("github") == len(items)
    licensed = sum((item["license"] or {}).get("spdx_id") in ("MIT", "Apache-2.0") for item in items)
    assert sum(bool(one.pricing and one.pricing.rule == "R2") for one in result.sightings) >= licensed > 0


def test_github_releases(read: Reader) -> None:
    result = read("github-releases", "github/releases_atom_newsyacht.xml")
    check(result)
    assert len(result.sightings) == 10
    assert schemes(result) == ["github"] * 10 + ["github-id"] * 10
    assert {one.name for one in result.sightings} == {"ty"}
    assert read("github-releases", "github/releases_atom_newsyacht.xml", prereleases=False).left_out == {
        "a pre-release": 10
    }


def test_product_hunt_feed(read: Reader) -> None:
    first = read("producthunt-feed", "producthunt/feed_2026-04-22_trimmed.xml")
    check(first)
    assert [one.external_id for one in first.sightings] == ["1129094", "1128832"]
    assert first.sightings[0].tagline == "Data & AI/ML CLI for pipelines and NL queries"
    assert all(one.created_at is None for one in first.sightings)
    last = read("producthunt-feed", "producthunt/feed_2026-09-11_trimmed.xml")
    assert last.sightings[1].name == "Oats & Co"


def test_product_hunt_graphql(read: Reader) -> None:
    path = "producthunt/graphql_posts_response_2025_prodhunt.json"
    result = read("producthunt-graphql", path)
    check(result)
    assert (len(result.sightings), result.left_out) == (18, {"not featured": 2})
    assert len(read("producthunt-graphql", path, featured=False).sightings) == 20
    [following] = result.following
    assert b'"after":"MjA"' in (following.body or b"")
    assert result.sightings[0].url == "https://www.producthunt.com/posts/flowstep"
    assert figures(result.sightings[0]) == {"votes": 632}


def test_arxiv_announcements(read: Reader) -> None:
    result = read("arxiv", "arxiv/rss_atom_csAI_2025-08-20_zotero-arxiv-daily_trimmed.xml")
    check(result)
    assert (len(result.sightings) + sum(result.left_out.values()), result.bad) == (7, ())
    assert not any("Announce Type" in one.summary for one in result.sightings)
    assert result.sightings[0].licence == "cc-by-nc-sa-4.0"


def test_arxiv_query(read: Reader) -> None:
    result = read("arxiv", "arxiv/query_2026-08-02_personal-news-feed.xml")
    check(result)
    assert len(result.sightings) == 25
    assert schemes(result).count("github") >= 2


def test_arxiv_error_feed_is_an_error_and_an_unknown_id_an_empty_feed(read_json: Any) -> None:
    with pytest.raises(ParseError, match="incorrect id format"):
        parsed("arxiv", read_json("arxiv/arxivpy_id_abc_s0_m100_b79c8dcf6bc3.json")["body"])
    nothing = parsed("arxiv", read_json("arxiv/arxivpy_id_0000.0000_s0_m100_8b51d9633a68.json")["body"])
    assert nothing.empty_is_normal
    assert nothing.sightings == ()


def test_arxiv_authors(read_json: Any) -> None:
    result = parsed("arxiv", read_json("arxiv/arxivpy_q_testing_s0_m10_bc5a6c384fe9.json")["body"])
    assert len(result.sightings) == 10
    assert all(one.author for one in result.sightings)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("atom_example_reddit_feed-rs.xml", 1),
        ("rss_2.0_reddit_feed-rs.xml", 1),
        ("localllama_new_2026-07-11_trimmed.xml", 2),
        ("frontpage_atom_2016-01-26_rss-parser.rss", 24),
        ("frontpage_rss20_2015-11-12_rss-parser.rss", 24),
        ("frontpage_rss20_2016-01-23_rss-parser.rss", 24),
        ("posts_json_go-reddit.json", 2),
    ],
)
def test_reddit_in_all_its_formats(read: Reader, name: str, count: int) -> None:
    result = read("reddit", f"reddit/{name}")
    check(result)
    assert len(result.sightings) == count
    assert schemes(result).count("reddit") == count
    assert all(re.fullmatch(r"[a-z0-9]+", one.external_id) for one in result.sightings)


def test_a_text_post_at_reddit_presents_what_its_first_link_names(read: Reader) -> None:
    _, clifford = read("reddit", "reddit/localllama_new_2026-07-11_trimmed.xml").sightings
    assert (clifford.name, clifford.tagline, clifford.homepage) == (
        "Clifford",
        "Control Plane CLI for Local AI",
        "https://clifford.bot/",
    )
    assert clifford.thing is Thing.LAUNCH


def test_lobsters(read: Reader) -> None:
    path = "lobsters/hottest_2026-09-27_tech-news-digest_trimmed.json"
    result = read("lobsters", path)
    check(result)
    assert (len(result.sightings), result.left_out) == (2, {"none of the wanted tags": 2})
    assert len(read("lobsters", path, tags=[]).sightings) == 4


def test_openrouter(captures: Path) -> None:
    text = (captures / "openrouter/cassette_models_2026-08_llm-openrouter.yaml").read_text()
    # A recording of the exchange: the body is a folded, single-quoted YAML text.
    folded = re.search(r"string: '(.*?)'\n", text, re.DOTALL)
    assert folded
    body = re.sub(r"\n\s*", " ", folded[1]).replace("''", "'")
    result = parsed("openrouter", body, now=LATER, days=3_650)
    check(result)
    assert len(result.sightings) == 4
    sonnet = result.sightings[0]
    assert (sonnet.name, sonnet.author) == ("Claude Sonnet 4", "Anthropic")
    assert sonnet.pricing
    assert str(sonnet.pricing.entry_price) == "3 USD per 1M tokens"
    assert parsed("openrouter", body, now=LATER).left_out["older than the window"] >= 3
