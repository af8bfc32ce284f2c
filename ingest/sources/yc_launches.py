"""Launches of Y Combinator's companies: the launches page asked for JSON. Undocumented; without the Accept header, and
now and then with it, it answers in HTML."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from core.errors import ParseError
from core.identifier import Identifier, Scheme
from core.names import split_title
from core.sighting import Sighting, Thing
from core.source import Cursor, Parsed, Request, Response, Source
from core.text import clean
from ingest import pricing
from ingest.identity import homepage_identity, mentioned, own_page
from ingest.sources.adapter import Adapter, Foreign, Number, Options, When
from ingest.sources.bodies import json_of, list_of
from ingest.sources.entries import LeftOut, external_id, gather, instant, signals
from ingest.wording import AUTHOR, NAME, SUMMARY, TAGLINE, plain, tags_of, web_url


class LaunchOptions(Options):
    """None: the address says how many are read."""


class Company(Foreign):
    """Who launches."""

    name: str = ""
    url: str | None = None
    batch: str | None = None
    tags: list[str] = Field(default_factory=list)


class Launch(Foreign):
    """A launch of the listing."""

    id: Number
    title: str
    tagline: str | None = None
    body: str | None = None
    slug: str | None = None
    created_at: When = None
    total_vote_count: float | None = None
    company: Company | None = None


def requests(source: Source, _cursor: Cursor, _now: datetime) -> tuple[Request, ...]:
    """One request: the address as it stands, as JSON."""
    return (Request(url=source.url, accept="application/json"),)


def parse(source: Source, response: Response, now: datetime) -> Parsed:
    """Sightings of launches."""

    def read(entry: object) -> Sighting | LeftOut:
        return _read(source, Launch.model_validate(entry), now)

    if isinstance(json_of(response), list):
        return gather(list_of(response), read)
    try:
        return gather(list_of(response, "hits"), read)
    except ParseError:
        return gather(list_of(response, "launches"), read)


def _read(source: Source, launch: Launch, now: datetime) -> Sighting:
    number, headline = external_id(launch.id), plain(launch.title, limit=NAME + TAGLINE)
    company = launch.company or Company()
    name, rest = split_title(headline)
    if not name:
        raise ValueError("the launch has no title")
    # "Foo - do bar" names the product; a title that is a sentence leaves the company's name.
    name = name if rest or not company.name else plain(company.name, limit=NAME) or name
    homepage = own_page(web_url(company.url))
    slug = clean(launch.slug or number, limit=200)
    url = web_url(f"https://www.ycombinator.com/launches/{slug}") or "https://www.ycombinator.com/launches"
    tagline = plain(launch.tagline or rest or headline, limit=TAGLINE)
    summary = plain(launch.body or "", limit=SUMMARY)
    identifiers = homepage_identity(homepage) | {Identifier(Scheme.YC, slug)}
    return Sighting(
        source=source.key,
        external_id=number,
        url=url,
        name=clean(name, limit=NAME),
        thing=Thing.LAUNCH,
        tagline=tagline,
        summary=summary,
        author=clean(f"{company.name} ({company.batch})" if company.batch else company.name, limit=AUTHOR),
        created_at=instant(launch.created_at, now=now),
        homepage=homepage,
        tags=tags_of(company.tags),
        signals=signals(votes=launch.total_vote_count),
        identifiers=identifiers,
        mentions=mentioned([homepage] if homepage else [], besides=identifiers),
        pricing=pricing.from_text(tagline, summary, url=url, at=now),
    )


ADAPTER = Adapter(
    kind="yc-launches",
    default_url="https://www.ycombinator.com/launches?page=0&hitsPerPage=100",
    options=LaunchOptions,
    requests=requests,
    parse=parse,
)
