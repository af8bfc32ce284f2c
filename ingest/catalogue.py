"""The catalogue: sources.toml read and checked to the last key, and when each source is due."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice, pairwise
from statistics import median
from typing import Any, Literal
from urllib.parse import urlsplit

from cronsim import CronSim, CronSimError
from pydantic import ValidationError

from core.clock import utc
from core.errors import SourcesFileError, UsageError
from core.source import Source
from ingest.sources import ADAPTERS, KINDS
from ingest.sources.adapter import NAME_OF_VARIABLE, Adapter
from ingest.wording import web_url

Rhythm = Literal["hourly", "six-hourly", "daily"]

_HOUR = 3_600
_TYPES = {
    "integer": "a whole number",
    "boolean": "true or false",
    "string": "a text",
    "array": "a list of texts",
}
_PATTERNS = {NAME_OF_VARIABLE: "the name of an environment variable, like PRODUCTHUNT_TOKEN (never the key itself)"}
_MOST_PAGES = 500
_KEYS = {"key", "kind", "url", "schedule", "enabled", "options"}
_KEY = re.compile(r"[a-z0-9](?:[a-z0-9\-]{0,58}[a-z0-9])?")
_HEADER = re.compile(r"^\s*\[\[?\s*([\w.\-]+)\s*\]\]?\s*(?:#|$)")
_ASSIGNMENT = re.compile(r"(?:^|[{,.])\s*[\"']?([\w\-]+)[\"']?\s*(?==|\.[\w\s.\-]+=)")
_INLINE = re.compile(r"^\s*(?:source\s*=\s*\[\s*)?\{")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the file is being read: what an error needs to point at a line."""

    filename: str
    text: str
    index: int = -1

    def error(self, problem: str, *, expected: str, key: str = "") -> SourcesFileError:
        """The error for a key of this source (of the whole entry when empty)."""
        line = _line(self.text, self.index, key)
        where = f"{self.filename}, line {line}" + (f", key {key!r}" if key else "")
        return SourcesFileError(f"{where}: {problem}.", mend=f"Expected {expected}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOptions:
    """The table [ingest]: what ingestion does besides asking sources.

    `read_pricing_pages` looks at the own pages of tools whose price is unknown, at most `pricing_pages` tools a run.
    """

    read_pricing_pages: bool = False
    pricing_pages: int = 20


def read_options(text: str, *, filename: str) -> IngestOptions:
    """Read the table [ingest] of sources.toml, which may be missing. Raises SourcesFileError."""
    place = _Place(filename, text)
    return _ingest_options(_document(place), place)


def _ingest_options(document: Mapping[str, Any], place: _Place) -> IngestOptions:
    table = document.get("ingest", {})
    if not isinstance(table, dict):
        raise place.error("'ingest' is no table", expected="[ingest]", key="ingest")
    known = [field.name for field in fields(IngestOptions)]
    for name in table:
        if name not in known:
            raise place.error(f"unknown key {name!r}", expected=f"one of {', '.join(known)}", key=name)
    if not isinstance(table.get("read_pricing_pages", False), bool):
        raise place.error("'read_pricing_pages' is no switch", expected="true or false", key="read_pricing_pages")
    pages = table.get("pricing_pages", 1)
    if not isinstance(pages, int) or isinstance(pages, bool) or not 1 <= pages <= _MOST_PAGES:
        expected = f"a whole number from 1 to {_MOST_PAGES}"
        raise place.error("'pricing_pages' is out of range", expected=expected, key="pricing_pages")
    return IngestOptions(**table)


def read_sources(text: str, *, filename: str) -> tuple[Source, ...]:
    """Read the text of sources.toml; `filename` is only named in messages.

    A missing `url` is the adapter's default; `options` are checked and stored with their defaults. Raises
    SourcesFileError, which names file, line, key and what was expected.
    """
    place = _Place(filename, text)
    document = _document(place)
    for table in document:
        if table not in ("source", "ingest"):
            raise place.error(f"unknown table {table!r}", expected="[[source]] entries and [ingest]", key=table)
    _ingest_options(document, place)
    entries = document.get("source", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise place.error("[source] is a single table", expected="[[source]], in double brackets", key="source")
    sources = tuple(_source(entry, _Place(filename, text, index)) for index, entry in enumerate(entries))
    _check_unique(sources, place)
    return sources


@lru_cache(maxsize=1)  # asked twice of one file: for its sources and for [ingest]
def _document(place: _Place) -> Mapping[str, Any]:
    try:
        return tomllib.loads(place.text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        where = f", line {line[1]}" if line else ""
        raise SourcesFileError(f"{place.filename}{where}: {error}.", mend="Expected valid TOML.") from None


def _check_unique(sources: tuple[Source, ...], place: _Place) -> None:
    seen: dict[str, int] = {}
    for index, source in enumerate(sources):
        first = seen.setdefault(source.key, index)
        if first != index:
            line = _line(place.text, first, "key")
            raise _Place(place.filename, place.text, index).error(
                f"the key {source.key!r} stands already at line {line}", expected="a key of its own", key="key"
            )


def _source(entry: Mapping[str, Any], place: _Place) -> Source:
    for name in entry:
        if name not in _KEYS:
            raise place.error(f"unknown key {name!r}", expected=f"one of {', '.join(sorted(_KEYS))}", key=name)
    adapter = _adapter(entry, place)
    return Source(
        key=_key(entry, place),
        kind=adapter.kind,
        url=_url(entry, adapter, place),
        schedule=_schedule(entry, place),
        enabled=_enabled(entry, place),
        options=_options(entry, adapter, place),
    )


def _text(entry: Mapping[str, Any], name: str, place: _Place, *, expected: str) -> str:
    value = entry.get(name)
    if value is None:
        raise place.error(f"{name!r} is missing", expected=expected)
    if not isinstance(value, str) or not value.strip():
        raise place.error(f"{name!r} is not a text", expected=expected, key=name)
    return value.strip()


def _key(entry: Mapping[str, Any], place: _Place) -> str:
    expected = "lower-case letters, digits and dashes, at most 60, like hf-models"
    key = _text(entry, "key", place, expected=expected)
    if not _KEY.fullmatch(key):
        raise place.error(f"{key!r} is no key", expected=expected, key="key")
    return key


def _adapter(entry: Mapping[str, Any], place: _Place) -> Adapter:
    expected = f"one of {', '.join(KINDS)}"
    kind = _text(entry, "kind", place, expected=expected)
    if kind not in KINDS:
        raise place.error(f"there is no kind {kind!r}", expected=expected, key="kind")
    return ADAPTERS[kind]


def _url(entry: Mapping[str, Any], adapter: Adapter, place: _Place) -> str:
    expected = "an address like https://example.com/feed"
    if "url" not in entry and adapter.default_url:
        return adapter.default_url
    url = _text(entry, "url", place, expected=expected)
    if web_url(url) != url:
        raise place.error(f"{url!r} is no web address", expected=expected, key="url")
    if "@" in urlsplit(url).netloc:
        raise place.error("the address holds a user name", expected=f"{expected}, without credentials", key="url")
    return url


def _schedule(entry: Mapping[str, Any], place: _Place) -> str:
    expected = 'a cron expression of five fields in UTC, like "17 */6 * * *"'
    schedule = _text(entry, "schedule", place, expected=expected)
    try:
        if len(schedule.split()) != 5:  # noqa: PLR2004 - cronsim would take seconds as a sixth
            raise UsageError("not five fields")
        next_due(schedule, datetime(2026, 1, 1, tzinfo=UTC))
    except UsageError:
        raise place.error(f"{schedule!r} is no schedule", expected=expected, key="schedule") from None
    return schedule


def _enabled(entry: Mapping[str, Any], place: _Place) -> bool:
    enabled = entry.get("enabled", True)
    if not isinstance(enabled, bool):
        raise place.error("'enabled' is neither true nor false", expected="true or false", key="enabled")
    return enabled


def _options(entry: Mapping[str, Any], adapter: Adapter, place: _Place) -> Mapping[str, Any]:
    options = entry.get("options", {})
    if not isinstance(options, dict):
        raise place.error("'options' is no table", expected="[source.options]", key="options")
    try:
        return adapter.options.model_validate(options, strict=True).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "options"
        known = ", ".join(adapter.options.model_fields) or "no options"
        if first["type"] == "extra_forbidden":
            raise place.error(f"unknown option {name!r} of {adapter.kind}", expected=known, key=name) from None
        raise place.error(
            f"option {name!r}: {first['msg'].removeprefix('Value error, ')}", expected=_fitting(adapter, name), key=name
        ) from None


def _fitting(adapter: Adapter, name: str) -> str:
    """What an option takes, in words, from its adapter's own declaration."""
    declared = adapter.options.model_json_schema()["properties"][name]
    schema = next((one for one in declared.get("anyOf", ()) if one.get("type") != "null"), declared)
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    words = _TYPES.get(schema.get("type", ""), "another value")
    if schema.get("pattern"):
        words = _PATTERNS.get(schema["pattern"], words)
    low, high = schema.get("minimum"), schema.get("maximum")
    limits = (f" from {low}" if low is not None else "") + (f" to {high}" if high is not None else "")
    return words + limits


def _line(text: str, index: int, key: str) -> int:
    """The line of a key in the index-th [[source]] (of a top-level table for index -1), counted from 1; the line of
    the entry's header when the key cannot be found, as in a multi-line value."""
    header = 1
    for number, table, name, which in _walk(text):
        if index < 0 and key in (table, name):
            return number
        if which == index:
            header = number if name == "" and table == "source" else header
            if name == key and key:
                return number
    return header


def _walk(text: str) -> Iterator[tuple[int, str, str, int]]:
    """Each header and assignment as (line, table, key, index of the [[source]]); the key of a header is empty, and
    what stands in a line in braces begins a source where no table has begun."""
    table, which = "", -1
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = header[1]
            which += table == "source"
            yield number, table, "", which
            yield number, table, table.rpartition(".")[2], which
            continue
        if not table and _INLINE.match(line):
            which += 1
            yield number, "source", "", which
        for assignment in _ASSIGNMENT.finditer(line.partition("#")[0]):
            yield number, table, assignment[1], which


@lru_cache(maxsize=256)
def next_due(schedule: str, after: datetime) -> datetime:
    """The first instant of a cron schedule after another, both UTC, without jitter. Raises UsageError for an
    expression that cannot be read or never comes due."""
    return next(_ticks(schedule, after))


def _ticks(schedule: str, after: datetime) -> Iterator[datetime]:
    try:
        yield from CronSim(schedule, utc(after))
    except CronSimError:
        raise UsageError(f"{schedule!r} is no schedule.", mend='Write a cron expression like "17 */6 * * *".') from None
    raise UsageError(f"The schedule {schedule!r} never comes due.", mend="Choose a day that exists.")


@lru_cache(maxsize=256)
def rhythm(schedule: str) -> Rhythm:
    """How often a schedule typically comes due: `hourly` (every 2 hours or more often), `six-hourly` (8 hours) or
    `daily` (anything rarer). The gap is the median of 60 in a row."""
    ticks = list(islice(_ticks(schedule, datetime(2026, 1, 1, tzinfo=UTC)), 61))
    gap = median((later - earlier).total_seconds() for earlier, later in pairwise(ticks))
    if gap <= 2 * _HOUR:
        return "hourly"
    return "six-hourly" if gap <= 8 * _HOUR else "daily"
