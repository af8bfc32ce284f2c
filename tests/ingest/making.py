"""Small true things to test with: sources, responses, sightings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from core.identifier import Identifier
from core.sighting import Seen, Sighting, Thing
from core.source import Cursor, Parsed, Request, Response, Source
from ingest.sources import ADAPTERS

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def ids(*texts: str) -> frozenset[Identifier]:
    return frozenset(map(Identifier.parse, texts))


def sighting(external_id: str = "1", *names: str, source: str = "s", **fields: Any) -> Sighting:
    """A sighting of a launch with these identifiers (as texts)."""
    given = {
        "url": f"https://example.com/{external_id}",
        "name": f"Tool {external_id}",
        "thing": Thing.LAUNCH,
        "identifiers": ids(*names),
    }
    return Sighting(source=source, external_id=external_id, **{**given, **fields})


def seen(one: Sighting, *, first: datetime = NOW) -> Seen:
    return Seen(sighting=one, first_seen=first, last_seen=max(first, NOW))


def source(kind: str, url: str = "", **options: Any) -> Source:
    adapter = ADAPTERS[kind]
    url = url or adapter.default_url or "https://example.com/feed.xml"
    return Source(key=kind, kind=kind, url=url, schedule="0 * * * *", options=options)


def response(body: bytes | str | object, request: Request | None = None, **fields: Any) -> Response:
    if isinstance(body, str):
        body = body.encode()
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    asked = request or Request(url="https://example.com/feed.xml")
    given = {"url": asked.url, "status": 200, "headers": {}, "fetched_at": NOW}
    return Response(request=asked, body=data, **{**given, **fields})


def parsed(kind: str, body: bytes | str | object, *, now: datetime = NOW, **options: Any) -> Parsed:
    """What the adapter of a kind reads from a body that answers its first request."""
    asked = source(kind, **options)
    first = ADAPTERS[kind].requests(asked, Cursor(), now)[0]
    return ADAPTERS[kind].parse(asked, response(body, first), now)


def atom(*entries: str) -> str:
    return f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>t</title>{"".join(entries)}</feed>'


def entry(number: int, **parts: str) -> str:
    """An Atom entry; `parts` replace its children by name."""
    given = {
        "id": f"<id>tag:example.com:{number}</id>",
        "title": f"<title>Entry {number}</title>",
        "link": f'<link href="https://example.com/{number}"/>',
        "updated": "<updated>2026-11-19T10:00:00Z</updated>",
    }
    return f"<entry>{''.join({**given, **parts}.values())}</entry>"
