"""The feed adapter on real feeds, and its two parsers held against each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.sighting import Sighting
from ingest.sources.feed_worker import careful, fast
from tests.captures.conftest import CAPTURES, Reader
from tests.ingest.test_every_kind import check

FEEDS = sorted(path.name for path in (CAPTURES / "rss").glob("*.xml")) if CAPTURES.is_dir() else []
COUNTS = {
    "ollama_atom_2026-01-13_simonw.xml": 200,
    "ollama_atom_recent20_2026-07-15_simonw.xml": 20,
    "ollama_atom_EMPTY_2026-07-24_simonw.xml": 0,
    "techcrunch_feedjira.xml": 20,
    "nodate_newsyacht.xml": 1,
    "feed_anthropic_news_2026-08_olshansk.xml": 255,
}


@pytest.mark.parametrize("name", FEEDS)
def test_every_entry_of_a_real_feed_is_read(read: Reader, name: str) -> None:
    result = read("feed", f"rss/{name}", entries=2_000)
    check(result)
    assert result.bad == ()
    assert len(result.sightings) == COUNTS.get(name, len(result.sightings))
    assert bool(result.sightings) == ("EMPTY" not in name)
    assert not result.empty_is_normal


def test_a_json_feed_is_read(read: Reader) -> None:
    result = read("feed", "rss/json_feed_feedjira.json")
    check(result)
    assert len(result.sightings) == 20
    assert all(one.created_at for one in result.sightings)


def test_the_feeds_of_a_site_without_ids_are_read(read: Reader) -> None:
    result = read("feed", "hackernews/hn_frontpage_rss_2025-12-13_newsyacht.xml")
    check(result)
    assert len(result.sightings) == 30
    names = [one.name for one in result.sightings]
    assert any("'" in name for name in names)
    assert not any("&#" in name for name in names)


@pytest.mark.parametrize("name", [name for name in FEEDS if "nodate" not in name and "EMPTY" not in name][::3])
def test_the_fast_parser_reads_what_the_careful_one_reads(captures: Path, name: str) -> None:
    body = (captures / "rss" / name).read_bytes()
    quick, slow = fast(body), careful(body) or []
    assert len(quick) >= len(slow)
    assert [one["id"] for one in quick] == [one["id"] for one in slow]
    assert [one["link"] for one in quick] == [one["link"] for one in slow]
    alike = sum(_words(one["title"]) == _words(other["title"]) for one, other in zip(quick, slow, strict=True))
    assert alike >= 0.95 * len(slow)
    dates = [(one["published"] or one["updated"] or "")[:10] for one in quick]
    assert dates == [(one["published"] or one["updated"] or "")[:10] for one in slow]


def _words(text: object) -> str:
    return " ".join(str(text).replace("&amp;", "&").split())


def test_an_archive_is_cut_to_its_newest(read: Reader) -> None:
    result = read("feed", "rss/feed_anthropic_news_2026-08_olshansk.xml", entries=10)
    assert (len(result.sightings), result.left_out) == (10, {"beyond the newest 10": 245})
    everything = read("feed", "rss/feed_anthropic_news_2026-08_olshansk.xml", entries=2_000).sightings
    assert min(map(_date, result.sightings)) >= sorted(map(_date, everything))[-10]


def _date(one: Sighting) -> str:
    assert one.created_at
    return one.created_at.isoformat()
