"""Product Hunt's Atom feed: fifty launches, with tagline, without votes or outbound address.

`published` is when the record was made, often weeks before the launch, so a launch has no date here: the day on which
it is first seen counts. The linked page is the *product's*, whose slug may be the company's ("Simba Voice Agents" lies
at products/speechify); it identifies the launch only where slug and name agree. An unknown `category` in the address
silently yields the default feed.
"""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import urlsplit

from core.errors import ParseError
from core.identifier import Identifier, Scheme
from core.sighting import Sighting, Thing
from core.source import Cursor, Parsed, Request, Response, Source
from core.text import clean, slugify
from ingest import pricing
from ingest.sources.adapter import Adapter, Options
from ingest.sources.entries import LeftOut, gather
from ingest.sources.feed import ACCEPT
from ingest.sources.syndication import Entry, entries_of
from ingest.wording import AUTHOR, NAME, TAGLINE, plain, web_url

_POST = re.compile(r"Post/(\d{1,12})$")
_FIRST_PARAGRAPH = re.compile(r"<p\b[^<>]*>(.{0,2000}?)</p>", re.DOTALL | re.IGNORECASE)
_COUNTED = re.compile(r"-\d{1,3}$")


class FeedOptions(Options):
    """None: the address says which category is read."""


def requests(source: Source, _cursor: Cursor, _now: datetime) -> tuple[Request, ...]:
    """One request: the address as it stands."""
    return (Request(url=source.url, accept=ACCEPT),)


def parse(source: Source, response: Response, now: datetime) -> Parsed:
    """Sightings of launches."""

    def read(entry: object) -> Sighting | LeftOut:
        if not isinstance(entry, Entry):
            raise ParseError("an entry of a feed is expected")
        return _read(source, entry, now)

    return gather(entries_of(response), read)


def _read(source: Source, entry: Entry, now: datetime) -> Sighting:
    found, url = _POST.search(entry.id.strip()), web_url(entry.link)
    name = plain(entry.title, limit=NAME)
    if found is None or url is None or not name:
        raise ValueError("the entry has no post number, address or name")
    product = product_of(url, name)
    identifiers = frozenset({Identifier(Scheme.PRODUCTHUNT_POST, found[1]), *product})
    paragraph = _FIRST_PARAGRAPH.search(entry.content or entry.summary)
    tagline = plain(paragraph[1] if paragraph else "", limit=TAGLINE)
    return Sighting(
        source=source.key,
        external_id=found[1],
        url=url,
        name=name,
        thing=Thing.LAUNCH,
        tagline=tagline,
        author=clean(entry.author, limit=AUTHOR),
        identifiers=identifiers,
        mentions=frozenset() if product else _slug(url),
        pricing=pricing.from_text(tagline, url=url, at=now),
    )


def _slug(url: str) -> frozenset[Identifier]:
    path = urlsplit(url).path.strip("/").split("/")
    return frozenset({Identifier(Scheme.PRODUCTHUNT, path[1])}) if path[0] == "products" and path[1:2] else frozenset()


def product_of(url: str, name: str) -> frozenset[Identifier]:
    """The product that a launch belongs to, where the slug in its address begins with its name (a number behind it tells
    namesakes apart); nothing where it is another's, or the maker's larger product ("Claude Code" at products/claude)."""
    return frozenset(one for one in _slug(url) if _agree(_COUNTED.sub("", one.value), slugify(name)))


def _agree(slug: str, name: str) -> bool:
    return slug == name or slug.startswith(f"{name}-")


ADAPTER = Adapter(
    kind="producthunt-feed",
    default_url="https://www.producthunt.com/feed?category=artificial-intelligence",
    options=FeedOptions,
    requests=requests,
    parse=parse,
)
