"""Any RSS, Atom, RDF or JSON feed: blogs of makers, newsletters, changelogs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import Field

from core.names import split_title
from core.sighting import Sighting, Thing
from core.source import Cursor, Parsed, Request, Response, Source
from core.text import cut
from ingest.identity import identify, mentioned
from ingest.sources.adapter import Adapter, Options
from ingest.sources.entries import LeftOut, external_id, gather, instant
from ingest.sources.syndication import Entry, entries_of
from ingest.wording import AUTHOR, NAME, SUMMARY, TAGLINE, links, plain, tags_of, web_url

ACCEPT = "application/atom+xml, application/rss+xml, application/feed+json;q=0.9, application/xml;q=0.8, */*;q=0.5"
OLD = "older than the window"
BEYOND = "beyond the newest"

_MAILBOX = re.compile(r"(?:([^<>@]{0,80})<)?[^\s<>@()]{1,80}@[^\s<>@()]{1,100}>?(?:\s*\(([^()]{1,100})\))?")
_NEVER = datetime.min.replace(tzinfo=UTC)


class FeedOptions(Options):
    """`thing`: what an entry is about. `entries`: how many of the newest are taken (some feeds hold a whole archive);
    `days`: only those of so many days. `key`: what tells entries apart, for feeds whose ids change on every run."""

    thing: Literal["article", "launch", "release"] = "article"
    entries: int = Field(default=200, ge=1, le=2_000)
    days: int | None = Field(default=None, ge=1, le=3_650)
    key: Literal["id", "link"] = "id"


def requests(source: Source, _cursor: Cursor, _now: datetime) -> tuple[Request, ...]:
    """One request: the address as it stands."""
    return (Request(url=source.url, accept=ACCEPT),)


def parse(source: Source, response: Response, now: datetime) -> Parsed:
    """Sightings of the newest entries."""
    options = FeedOptions.model_validate(source.options)
    entries = entries_of(response)
    wanted = {id(entry): at for entry, at in _newest(entries, options.entries, now)}

    def read(entry: object) -> Sighting | LeftOut:
        if not isinstance(entry, Entry) or id(entry) not in wanted:
            return LeftOut(f"{BEYOND} {options.entries}")
        return _read(source, entry, options, base=response.url, created=wanted[id(entry)], now=now)

    return gather(entries, read)


def _newest(entries: Sequence[Entry], most: int, now: datetime) -> Sequence[tuple[Entry, datetime | None]]:
    """The newest entries with their dates; where there is none, the feed's own order counts, newest first by custom."""
    all_ = [(entry, dated(entry, now=now)) for entry in entries]
    return sorted(all_, key=lambda one: one[1] or _NEVER, reverse=True)[:most] if len(all_) > most else all_


def dated(entry: Entry, *, now: datetime) -> datetime | None:
    """When an entry appeared: published, else updated."""
    return instant(entry.published, now=now) or instant(entry.updated, now=now)


def _read(
    source: Source, entry: Entry, options: FeedOptions, *, base: str, created: datetime | None, now: datetime
) -> Sighting | LeftOut:
    if options.days and created and created < now - timedelta(days=options.days):
        return LeftOut(OLD)
    url = web_url(entry.link, base=base) or web_url(entry.id)
    if url is None:
        raise ValueError("the entry has no address")
    headline = plain(entry.title, limit=NAME + TAGLINE) or plain(entry.summary or entry.content, limit=NAME)
    if not headline:
        raise ValueError("the entry has no title and no text")
    launch = options.thing == "launch"
    name, tagline = split_title(headline) if launch else (headline, "")
    text = entry.content or entry.summary
    identifiers = identify([url])
    return Sighting(
        source=source.key,
        external_id=_key(entry, url, options),
        url=url,
        name=cut(name, limit=NAME),
        thing=Thing(options.thing),
        tagline=cut(tagline, limit=TAGLINE) or plain(entry.summary, limit=TAGLINE),
        summary=plain(text, limit=SUMMARY),
        author=_author(entry.author),
        created_at=created,
        homepage=url if launch else None,
        tags=tags_of(entry.tags),
        identifiers=identifiers,
        mentions=mentioned(links(text)[:20], besides=identifiers),
    )


def _author(text: str) -> str:
    """The author's name; RSS asks for `ada@example.com (Ada)`, and an address is nobody's business."""
    name = plain(text, limit=AUTHOR)
    found = _MAILBOX.fullmatch(name)
    return (found[1] or found[2] or "").strip() if found else name


def _key(entry: Entry, url: str, options: FeedOptions) -> str:
    """The entry's id, else its address; an address that all entries share (the blog's own) is told apart later."""
    if options.key == "link" or not entry.id.strip():
        return external_id(url)
    return external_id(entry.id)


ADAPTER = Adapter(kind="feed", default_url="", options=FeedOptions, requests=requests, parse=parse)
