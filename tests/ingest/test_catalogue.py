"""sources.toml, read and checked; and when a source is due."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import SourcesFileError, UsageError
from ingest.catalogue import next_due, read_sources, rhythm
from ingest.sources import KINDS

GOOD = """# what we read
[[source]]
key = "models"
kind = "huggingface-models"
schedule = "17 */6 * * *"

[[source]]
key = "hn"
kind = "hackernews"
url = "http://127.0.0.1:8000/hn"
schedule = "5 * * * *"
enabled = false
[source.options]
points = 10
"""


def refused(text: str) -> str:
    with pytest.raises(SourcesFileError) as error:
        read_sources(text, filename="sources.toml")
    return str(error.value)


def test_a_file_becomes_sources() -> None:
    models, hn = read_sources(GOOD, filename="sources.toml")
    assert (models.key, models.kind, models.enabled) == ("models", "huggingface-models", True)
    assert models.url.startswith("https://huggingface.co/api/models?")
    assert (hn.url, hn.enabled, hn.schedule) == ("http://127.0.0.1:8000/hn", False, "5 * * * *")
    assert hn.options == {"tags": "(show_hn,launch_hn)", "days": 3, "points": 10}


def test_an_empty_file_has_no_sources() -> None:
    assert read_sources("", filename="sources.toml") == ()


def test_the_file_that_ships_shows_every_kind_and_asks_nothing_that_needs_a_key() -> None:
    shipped = read_sources(Path("sources.toml").read_text(encoding="utf-8"), filename="sources.toml")
    assert {source.kind for source in shipped} == set(KINDS)
    off = {source.kind for source in shipped if not source.enabled}
    assert {"producthunt-graphql", "github-trending"} <= off
    assert len({source.schedule for source in shipped}) == len(shipped), "no two are due in the same minute"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_set_up_with_three_lines(kind: str) -> None:
    url = 'url = "https://example.com/x"\n' if kind in ("feed", "github-releases") else ""
    [source] = read_sources(f'[[source]]\nkey = "x"\nkind = "{kind}"\nschedule = "0 3 * * *"\n{url}', filename="f")
    assert source.kind == kind


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("points = 10", "pionts = 10", ["line 14", "'pionts'", "tags, days, points"]),
        ("points = 10", 'points = "ten"', ["line 14", "'points'", "a whole number from 0 to 1000"]),
        ("points = 10", "points = 5000", ["line 14", "'points'", "from 0 to 1000"]),
        ('"hn"', '"models"', ["line 8", "'models'", "line 3"]),
        ('"hn"', '"HN front"', ["line 8", "'key'", "dashes"]),
        ("5 * * * *", "every hour", ["line 11", "'schedule'", "five fields"]),
        ("5 * * * *", "0 5 * * * *", ["line 11", "'schedule'", "five fields"]),
        ("5 * * * *", "0 0 30 2 *", ["line 11", "'schedule'"]),
        ('"hackernews"', '"hackernoon"', ["line 9", "'kind'", "lobsters"]),
        ("http://127", "ftp://127", ["line 10", "'url'", "https://example.com/feed"]),
        ("http://127.0.0.1", "http://me:secret@127.0.0.1", ["line 10", "without credentials"]),
        ("enabled = false", 'enabled = "no"', ["line 12", "'enabled'", "true or false"]),
        ("enabled = false", "enable = false", ["line 12", "'enable'", "enabled"]),
        ("[source.options]", "[sauce]", ["line 13", "'sauce'"]),
        ('schedule = "5 * * * *"\n', "", ["line 7", "'schedule' is missing"]),
        ('key = "hn"\n', "", ["line 7", "'key' is missing"]),
        ('[[source]]\nkey = "hn"', '[source]\nkey = "hn"', ["line 7"]),
        ("[source.options]\npoints = 10", "options = 3", ["line 13", "'options'"]),
        ("# what we read", "= = =", ["line 1", "TOML"]),
        ("# what we read", "[egress]\npace = 1", ["line 1", "'egress'"]),
        ("# what we read", "[ingest]\npace = 1", ["line 2", "'pace'", "read_pricing_pages"]),
        ("# what we read", "limit = 3", ["line 1", "'limit'"]),
        ("[source.options]\npoints = 10", "options = { points = 5000 }", ["line 13", "'points'", "from 0 to 1000"]),
        ("[source.options]\npoints = 10", "options.points = 5000", ["line 13", "'points'"]),
        ("points = 10", "[source.options.deep]\nx = 1", ["line 14", "'deep'", "tags, days, points"]),
        ("points = 10", 'tags = "a b"', ["line 14", "'tags'", "(show_hn,launch_hn)"]),
        ('kind = "hackernews"', "'kind' = \"hackernoon\"", ["line 9", "'kind'"]),
        ('kind = "hackernews"', "kind = 3", ["line 9", "'kind'", "hackernews"]),
    ],
)
def test_an_error_names_the_line_the_key_and_what_was_expected(old: str, new: str, words: list[str]) -> None:
    assert old in GOOD
    message = refused(GOOD.replace(old, new, 1))
    assert "sources.toml" in message
    for word in words:
        assert word in message


def test_sources_in_braces_are_found_too() -> None:
    text = (
        'source = [\n  {key = "a", kind = "hackernews", schedule = "0 * * * *"},\n  {key = "b", kind = "gopher"},\n]\n'
    )
    assert "line 3, key 'kind'" in refused(text)


def test_the_name_of_a_key_is_asked_for_and_not_the_key() -> None:
    text = GOOD.replace('kind = "hackernews"', 'kind = "reddit"').replace("points = 10", 'token_env = "hf_abc"')
    message = refused(text)
    assert "line 14, key 'token_env'" in message
    assert "name of an environment variable" in message
    assert "hf_abc" not in message


VALUES = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(max_size=20)
    | st.sampled_from(["feed", "0 * * * *", "hn"]),
    lambda inside: (
        st.lists(inside, max_size=3) | st.dictionaries(st.sampled_from(["days", "key", "thing"]), inside, max_size=2)
    ),
    max_leaves=4,
)


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {toml(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return orjson.dumps(value).decode()


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["key", "kind", "url", "schedule", "enabled", "options", "other"]), VALUES))
def test_whatever_stands_in_the_file_it_is_sources_or_an_error_with_line_and_mend(given: dict[str, object]) -> None:
    entry = {"key": "x", "kind": "feed", "url": "https://example.com/x", "schedule": "0 * * * *", **given}
    text = "[[source]]\n" + "".join(f"{name} = {toml(value)}\n" for name, value in entry.items())
    said = ""
    try:
        [source] = read_sources(text, filename="f")
        assert source.kind in KINDS
    except SourcesFileError as error:
        said = str(error)
    assert not said or re.match(r"f, line \d+.*Expected ", said)


def test_a_single_table_is_refused() -> None:
    assert "double brackets" in refused('[source]\nkey = "x"\n')


def test_a_feed_needs_its_address() -> None:
    assert "'url' is missing" in refused('[[source]]\nkey = "x"\nkind = "feed"\nschedule = "0 3 * * *"\n')


def test_due_is_the_next_tick_in_utc_and_never_the_present_one() -> None:
    at = datetime(2026, 11, 20, 6, 17, tzinfo=UTC)
    assert next_due("17 */6 * * *", at) == datetime(2026, 11, 20, 12, 17, tzinfo=UTC)
    assert next_due("17 */6 * * *", at - timedelta(seconds=1)) == at
    local = at.astimezone(timezone(timedelta(hours=5)))
    assert next_due("17 */6 * * *", local) == datetime(2026, 11, 20, 12, 17, tzinfo=UTC)


def test_a_naive_instant_and_a_day_that_never_comes_are_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        next_due("0 * * * *", datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point
    with pytest.raises(UsageError):
        next_due("0 0 31 2 *", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("* * * * *", "hourly"),
        ("5 * * * *", "hourly"),
        ("5 */2 * * *", "hourly"),
        ("17 */6 * * *", "six-hourly"),
        ("0 */8 * * *", "six-hourly"),
        ("0 8-18 * * 1-5", "hourly"),
        ("0 */12 * * *", "daily"),
        ("0 3 * * *", "daily"),
        ("0 9 * * 1", "daily"),
    ],
)
def test_a_rhythm_is_the_typical_gap(schedule: str, expected: str) -> None:
    assert rhythm(schedule) == expected
