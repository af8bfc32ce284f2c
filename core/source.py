"""Sources: where new tools appear, what is asked of them, and what became of the asking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zlib import crc32

from core.sighting import Sighting


class SourceState(StrEnum):
    """Whether a source is asked."""

    ON = "on"
    PAUSED = "paused"  # by an operator
    GONE = "gone"  # it answered 410


class Outcome(StrEnum):
    """How asking a source went."""

    OK = "ok"
    NOT_MODIFIED = "not_modified"
    EMPTY = "empty"  # nothing, and that is normal for this source
    DEGRADED = "degraded"  # something, but not all
    FAILED = "failed"


READ = (Outcome.OK, Outcome.DEGRADED, Outcome.EMPTY)
"""The outcomes of which it is known how many entries the source showed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One entry of sources.toml. `options` are those of its adapter, checked when the file is read."""

    key: str
    kind: str
    url: str
    schedule: str  # cron, UTC
    enabled: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """What a server gave us to ask "has it changed?" with, and the hash of the body it last sent for that URL."""

    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """What a source's next run needs to know of its last: validators per slot, and the adapter's own marks."""

    validators: Mapping[str, Validators] = field(default_factory=dict)
    marks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One thing to ask of a source."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    accept: str = "*/*"
    html: bool = False  # a page for people: robots.txt is obeyed
    slot: str = ""  # names the request across runs when its URL changes with the day; the URL when empty
    max_bytes: int = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What came back: a complete body, within every cap. `not_modified` has an empty body."""

    request: Request
    url: str  # after redirects
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    fetched_at: datetime
    not_modified: bool = False
    moved_to: str | None = None  # set when every hop was permanent
    validators: Validators = field(default_factory=Validators)


@dataclass(frozen=True, slots=True, kw_only=True)
class BadEntry:
    """One entry that could not be read; its neighbours could."""

    where: str  # "entry 3 (id 41234567)"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What an adapter read from one response.

    `left_out` counts entries that were understood and not wanted (a quantised copy, a replacement), by reason.
    `following` are further requests (next pages). `empty_is_normal` says that no entry at all is nothing to
    worry about here (arXiv on a Sunday). `marks` go into the next run's cursor.
    """

    sightings: tuple[Sighting, ...] = ()
    bad: tuple[BadEntry, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    following: tuple[Request, ...] = ()
    empty_is_normal: bool = False
    marks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One run of one source, read but not yet stored: what it yielded, how it went, and the cursor for the next."""

    source: str
    at: datetime
    outcome: Outcome
    cursor: Cursor
    sightings: tuple[Sighting, ...] = ()
    bad: tuple[BadEntry, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    http_status: int | None = None
    bytes: int = 0
    seconds: float = 0.0
    error: str | None = None
    moved_to: str | None = None
    gone: bool = False
    not_before: datetime | None = None
    budget_left: int | None = None  # requests that the host still grants, where it says so


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRecord:
    """One run of one source, as it is kept and shown."""

    source: str
    at: datetime
    outcome: Outcome
    http_status: int | None = None
    bytes: int = 0
    entries: int = 0
    new: int = 0
    changed: int = 0
    new_tools: int = 0
    merged: int = 0
    bad: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    error: str | None = None


def rest_after(failures: int, *, key: str) -> timedelta:
    """How long a source that has failed so often in a row is left alone: a quarter of an hour, doubled each time, a day
    at most; up to a fifth more, by its key, so that sources that failed together do not come back together."""
    doubled = timedelta(minutes=15) * 2.0 ** min(max(failures, 1) - 1, 10)
    return min(doubled, timedelta(days=1)) * (1 + crc32(key.encode()) % 100 / 500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a source stands before a run: whether it may be asked, and where it goes on."""

    source: Source
    state: SourceState
    cursor: Cursor
    next_due: datetime | None
    not_before: datetime | None  # the host asked us to wait


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """A source as the operator sees it."""

    source: Source
    state: SourceState
    cursor: Cursor
    last_success: datetime | None
    last_error: str | None
    failing_since: datetime | None
    consecutive_failures: int
    next_due: datetime | None
    not_before: datetime | None  # the host asked us to wait
    moved_to: str | None
    budget_left: int | None  # requests that the host still granted after the last run; None: it does not say
    last_non_empty: datetime | None  # the last run that yielded an entry
    history: tuple[int, ...]  # entries of the last 14 runs that were read, newest first
    entries_median: int | None  # of the last 14 runs that were read
