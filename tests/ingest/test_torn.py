"""Answers that break off, wherever they break off, and entries at the edge of what a source may say."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest

from ingest.sources import KINDS
from tests.conftest import CAPTURES
from tests.ingest.bodies import TRUE
from tests.ingest.making import parsed
from tests.ingest.test_every_kind import check, survives

SAMPLES = Path(__file__).parents[2] / "samples"
STEP = 1_000
WHOLE = bool(os.environ.get("TORN_WHOLE"))
MOST = 1_000_000 if WHOLE else 25
"""In an ordinary run a capture of more than 25 KB is torn at 25 of its thousands only, evenly spread, because all of them
take minutes. With TORN_WHOLE=1 in the environment every capture is torn at every thousandth byte."""

FOLDERS = {
    "api/models": "huggingface-models",
    "api/daily_papers": "huggingface-papers",
    "api/v1": "hackernews",
    "feeds": "feed",
    "arxiv": "arxiv",
    "github/trending": "github-trending",
    "github/releases": "github-releases",
    "github/search": "github-search",
    "hackernews/algolia": "hackernews",
    "huggingface/api_trending": "huggingface-trending",
    "huggingface/daily_papers": "huggingface-papers",
    "huggingface/models": "huggingface-models",
    "lobsters": "lobsters",
    "producthunt/feed": "producthunt-feed",
    "producthunt/graphql_posts": "producthunt-graphql",
    "reddit": "reddit",
    "rss": "feed",
}


def bodies(folder: Path) -> list[tuple[str, str]]:
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return [(kind, name) for name in names for start, kind in FOLDERS.items() if name.startswith(start)]


@pytest.mark.parametrize(("kind", "name"), bodies(SAMPLES))
def test_a_sample_torn_at_every_thousandth_byte_is_read_or_refused(kind: str, name: str) -> None:
    body = (SAMPLES / name).read_bytes()
    for end in range(0, len(body) + 1, STEP):
        survives(kind, body[:end])


@pytest.mark.parametrize("kind", KINDS)
def test_a_true_body_torn_anywhere_is_read_or_refused(kind: str) -> None:
    for end in range(0, len(TRUE[kind]), max(1, len(TRUE[kind]) // 150)):
        survives(kind, TRUE[kind][:end])


@pytest.mark.parametrize(("kind", "name"), bodies(CAPTURES) if CAPTURES.is_dir() else [])
def test_a_capture_torn_at_its_thousands_is_read_or_refused(kind: str, name: str) -> None:
    """At every thousandth byte for a capture of up to 25 KB, at 25 of them for a larger one; at all with TORN_WHOLE=1."""
    body = (CAPTURES / name).read_bytes()
    places = range(STEP, len(body), STEP)
    for end in places[:: max(1, len(places) // MOST)]:
        survives(kind, body[:end])


@pytest.mark.parametrize("kind", ["huggingface-models", "feed"])
def test_an_id_of_ten_thousand_characters_takes_no_neighbour_along(kind: str) -> None:
    huge = "x" * 10_000
    if kind == "feed":
        entry = TRUE[kind][TRUE[kind].index(b"<entry>") : TRUE[kind].index(b"</entry>") + 8]
        torn = entry.replace(entry[entry.index(b"<id>") + 4 : entry.index(b"</id>")], huge.encode())
        body = TRUE[kind].replace(entry, torn + entry)
    else:
        [record] = orjson.loads(TRUE[kind])
        body = orjson.dumps([{**record, "id": f"acme/{huge}"}, record])
    result = parsed(kind, body)
    check(result)
    assert any(huge[:100] not in one.external_id for one in result.sightings)


@pytest.mark.parametrize("year", ["0000", "0001", "9999", "10000"])
def test_dates_at_the_ends_of_time_are_none_or_a_date_and_never_an_error(year: str) -> None:
    [record] = orjson.loads(TRUE["huggingface-models"])
    result = parsed("huggingface-models", [{**record, "createdAt": f"{year}-01-01T00:00:00.000Z"}, replace_id(record)])
    check(result)
    assert any(one.url.endswith("acme/Other") for one in result.sightings)


def replace_id(record: dict[str, object]) -> dict[str, object]:
    return {**record, "id": "acme/Other", "modelId": "acme/Other"}


@pytest.mark.parametrize(
    "title",
    ['=HYPERLINK("http://x.example")', "+1+1", "@SUM(A1)", "-2+3", "<script>alert(1)</script>Foo", "\u202eevil"],
)
def test_formulas_and_scripts_in_titles_stay_plain_text(title: str) -> None:
    escaped = title.replace("&", "&amp;").replace("<", "&lt;")
    body = TRUE["feed"].decode()
    start = body.index("<title", body.index("<entry>"))
    whole = body[:start] + f"<title>{escaped}</title>" + body[body.index("</title>", start) + 8 :]
    result = parsed("feed", whole)
    check(result)
    for one in result.sightings:
        assert "<script" not in one.name
        assert "\u202e" not in one.name


@pytest.mark.parametrize(
    "worth", ["1e999", "-1e999", "NaN", "Infinity", "9" * 5_000, "1" + "0" * 400 + ".5", '"\\ud800"']
)
@pytest.mark.parametrize("kind", ["huggingface-models", "hackernews", "lobsters", "github-search"])
def test_a_value_that_is_no_number_costs_its_entry_and_no_neighbour(kind: str, worth: str) -> None:
    body = TRUE[kind]
    field = FIGURES[kind]
    whole = orjson.loads(body)
    records = whole
    for name in PLACES.get(kind, ()):
        records = records[name]
    marked = {**records[0], field: "<worth>"}
    records.insert(0, marked)
    result = parsed(kind, orjson.dumps(whole).replace(b'"<worth>"', worth.encode()))
    check(result)
    assert len(result.sightings) >= len(parsed(kind, body).sightings) > 0


FIGURES = {
    "huggingface-models": "likes",
    "hackernews": "points",
    "lobsters": "score",
    "github-search": "stargazers_count",
}
PLACES = {"hackernews": ("hits",), "github-search": ("items",)}
