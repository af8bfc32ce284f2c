"""Releases of one repository: its `releases.atom`, ten entries without key, pre-releases included."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import urlsplit

from core.errors import ParseError
from core.identifier import Identifier, Scheme
from core.sighting import Sighting, Thing
from core.source import Cursor, Parsed, Request, Response, Source
from core.text import clean
from ingest.identity import github_repository
from ingest.sources.adapter import Adapter, Options
from ingest.sources.entries import LeftOut, external_id, gather
from ingest.sources.feed import ACCEPT, dated
from ingest.sources.syndication import Entry, entries_of
from ingest.wording import AUTHOR, NAME, SUMMARY, TAGLINE, plain, web_url

_ID = re.compile(r"Repository/(\d{1,15})/(.{1,300})")
_PRE_RELEASE = re.compile(
    r"(?:\d|[-._])(?:alpha|beta|rc|pre|preview|dev|nightly|canary)\b|\d(?:a|b)\d+$", re.IGNORECASE
)


class ReleaseOptions(Options):
    """`prereleases`: whether alphas, betas, candidates and nightlies are taken."""

    prereleases: bool = True


def requests(source: Source, _cursor: Cursor, _now: datetime) -> tuple[Request, ...]:
    """One request: the address as it stands."""
    return (Request(url=source.url, accept=ACCEPT),)


def parse(source: Source, response: Response, now: datetime) -> Parsed:
    """Sightings of releases, all of them of the one repository. A repository without releases is no failure."""
    options = ReleaseOptions.model_validate(source.options)
    entries = entries_of(response)

    def read(entry: object) -> Sighting | LeftOut:
        if not isinstance(entry, Entry):
            raise ParseError("an entry of a feed is expected")
        return _read(source, entry, options, now)

    return gather(entries, read)


def _read(source: Source, entry: Entry, options: ReleaseOptions, now: datetime) -> Sighting | LeftOut:
    url = web_url(entry.link, base="https://github.com")
    path = urlsplit(url).path.strip("/").split("/") if url else []
    repository = github_repository("/".join(path[:2]))
    if url is None or repository is None:
        raise ValueError("the entry links to no repository")
    found = _ID.search(entry.id)
    tag = found[2] if found else path[-1]
    if not options.prereleases and _PRE_RELEASE.search(tag):
        return LeftOut("a pre-release")
    number = {Identifier(Scheme.GITHUB_ID, found[1])} if found else set()
    title = plain(entry.title, limit=TAGLINE)
    return Sighting(
        source=source.key,
        external_id=external_id(entry.id or url),
        url=url,
        name=clean(path[1], limit=NAME),
        thing=Thing.RELEASE,
        tagline=clean(f"Release {title}" if title else f"Release {tag}", limit=TAGLINE),
        summary=plain(entry.content or entry.summary, limit=SUMMARY),
        author=clean(path[0], limit=AUTHOR),
        created_at=dated(entry, now=now),
        homepage=f"https://github.com/{path[0]}/{path[1]}",
        identifiers=frozenset({repository, *number}),
    )


ADAPTER = Adapter(kind="github-releases", default_url="", options=ReleaseOptions, requests=requests, parse=parse)
