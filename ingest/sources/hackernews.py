"""Hacker News through its search service (hn.algolia.com/api): Show HN and Launch HN by default.

One query yields at most 1,000 hits, whatever the page: a window of time that holds more is halved and asked again.
Votes grow for days, so every run reads the last `days` anew.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

from pydantic import AliasChoices, Field, field_validator

from core.errors import ParseError
from core.identifier import Identifier, Scheme
from core.names import split_title
from core.sighting import Sighting, Thing
from core.source import Cursor, Parsed, Request, Response, Source
from core.text import clean
from ingest import pricing
from ingest.identity import identify, mentioned, own_page
from ingest.sources.adapter import Adapter, Foreign, Number, Options, When
from ingest.sources.bodies import json_of, list_of
from ingest.sources.entries import LeftOut, external_id, gather, instant, signals
from ingest.sources.paging import with_query
from ingest.wording import AUTHOR, NAME, SUMMARY, TAGLINE, links, plain, web_url

_CAP = 1_000
_SHORTEST_WINDOW = 3_600
_WINDOW = re.compile(r"created_at_i>=(\d+),created_at_i<(\d+)")
_TAGS = re.compile(r"[a-z0-9_,()]{1,200}")
_NO_STORIES = frozenset({"comment", "pollopt"})
_LAUNCH = re.compile(r"^\s*(?:show|launch)\s+hn\b", re.IGNORECASE)


class StoryOptions(Options):
    """`tags` as the service takes them (a comma is "and", brackets mean "or"); stories of the last `days` with at
    least `points`."""

    tags: str = "(show_hn,launch_hn)"
    days: int = Field(default=3, ge=1, le=30)
    points: int = Field(default=3, ge=0, le=1_000)

    @field_validator("tags")
    @classmethod
    def _tags(cls, tags: str) -> str:
        if not _TAGS.fullmatch(tags):
            raise ValueError("expected tag names like (show_hn,launch_hn)")
        return tags


class Story(Foreign):
    """A hit that is a story."""

    objectID: Number = Field(validation_alias=AliasChoices("objectID", "id", "story_id"))  # noqa: N815 - the service's own spelling
    title: str | None = None
    comment_text: str | None = None
    tags: list[str] = Field(default_factory=list, validation_alias="_tags")
    url: str | None = None
    story_text: str | None = None
    author: str | None = None
    points: float | None = None
    num_comments: float | None = None
    created_at_i: When = None
    created_at: When = None


def requests(source: Source, _cursor: Cursor, now: datetime) -> tuple[Request, ...]:
    """One window from `days` ago until now, halved later when it holds too much."""
    options = StoryOptions.model_validate(source.options)
    end = int(now.timestamp()) + 1
    window = _window(end - options.days * 86_400, end, options.points)
    query = {"tags": options.tags, "hitsPerPage": _CAP, "page": 0}
    url = with_query(with_query(source.url, query), {"numericFilters": window}, override=True)
    return (Request(url=url, accept="application/json", slot="recent"),)


def _window(start: int, end: int, points: int) -> str:
    return f"created_at_i>={start},created_at_i<{end},points>={points}"


def parse(source: Source, response: Response, now: datetime) -> Parsed:
    """Sightings of stories. Raises ParseError where the service says that it cut the answer short."""
    hits, body = list_of(response, "hits"), json_of(response)
    total = body.get("nbHits")
    if not hits and total and body.get("message"):
        raise ParseError(f"{response.url} cut the answer short: {clean(str(body['message']), limit=200)}")

    def read(entry: object) -> Sighting | LeftOut:
        return _read(source, Story.model_validate(entry), now)

    more = isinstance(total, int) and total > len(hits)
    return gather(hits, read, following=_following(response, body, halve=len(hits) >= _CAP) if more else ())


def _following(response: Response, body: dict[str, object], *, halve: bool) -> tuple[Request, ...]:
    """What else has to be asked: two halves of a window at the cap, or the next page of one below it."""
    query = dict(parse_qsl(urlsplit(response.request.url).query))
    window = _WINDOW.match(query.get("numericFilters", ""))
    if halve and window:
        return _halves(response.request, query["numericFilters"], int(window[1]), int(window[2]))
    page, pages = body.get("page"), body.get("nbPages")
    if isinstance(page, int) and isinstance(pages, int) and page + 1 < pages:
        return (_asked(response.request, {"page": page + 1}, slot=f"{response.request.slot} {page + 1}"),)
    return ()


def _halves(request: Request, filters: str, start: int, end: int) -> tuple[Request, ...]:
    if end - start <= _SHORTEST_WINDOW:
        return ()
    middle = (start + end) // 2
    windows = (f"created_at_i>={start},created_at_i<{middle}", f"created_at_i>={middle},created_at_i<{end}")
    return tuple(
        _asked(request, {"numericFilters": _WINDOW.sub(window, filters), "page": 0}, slot=f"{request.slot} {half}")
        for half, window in zip("ab", windows, strict=True)
    )


def _asked(request: Request, parameters: dict[str, object], *, slot: str) -> Request:
    return replace(request, url=with_query(request.url, parameters, override=True), slot=slot)


def _read(source: Source, story: Story, now: datetime) -> Sighting | LeftOut:
    if story.comment_text or _NO_STORIES & set(story.tags):
        return LeftOut("no story (a comment or a poll option)")
    number = external_id(story.objectID)
    headline = plain(story.title or "", limit=NAME + TAGLINE)
    if not headline:
        raise ValueError("the story has no title")
    # A launch without address names its product in its first link; every further link is only spoken of.
    found, launch = links(story.story_text or ""), bool(_LAUNCH.match(headline))
    name, tagline = split_title(headline) if launch else (headline, "")
    target = web_url(story.url) or (next(iter(found), None) if launch else None)
    identifiers = identify([target]) | ({Identifier(Scheme.HN, number)} if number.isdecimal() else set())
    url = f"https://news.ycombinator.com/item?id={number}"
    summary = plain(story.story_text or "", limit=SUMMARY)
    return Sighting(
        source=source.key,
        external_id=number,
        url=url,
        name=clean(name, limit=NAME),
        thing=Thing.LAUNCH if launch else Thing.ARTICLE,
        tagline=clean(tagline, limit=TAGLINE),
        summary=summary,
        author=clean(story.author or "", limit=AUTHOR),
        created_at=instant(story.created_at_i, now=now) or instant(story.created_at, now=now),
        homepage=own_page(target) if launch else None,
        signals=signals(points=story.points, comments=story.num_comments),
        identifiers=identifiers,
        mentions=mentioned([*([target] if target else []), *found[:10]], besides=identifiers),
        pricing=pricing.from_text(tagline, summary, url=url, at=now),
    )


ADAPTER = Adapter(
    kind="hackernews",
    default_url="https://hn.algolia.com/api/v1/search_by_date",
    options=StoryOptions,
    requests=requests,
    parse=parse,
)
