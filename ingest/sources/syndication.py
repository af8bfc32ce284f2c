"""Syndication: feeds of any format (RSS, Atom, RDF, JSON Feed) as plain entries.

The fast parser reads nearly every feed at a hundredth of the cost; what it refuses, or finds nothing in although
there are items, goes to feedparser, which has quadratic corners and therefore runs in a process of its own that can be
killed, as does the fast parser for a large body. A document that declares entities, or names thousands of namespaces,
is refused unread: no feed needs either, and both are ways to stop a parser.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import ParseError
from core.source import Response
from ingest.sources.bodies import excerpt, json_of, looks_like_html
from ingest.sources.mending import mended
from ingest.sources.workers import entries_in_worker

_LARGE = 2_000_000
_NAMESPACES = 2_000
_PROLOG = 65_536
_ITEM = re.compile(rb"<(?:[\w\-]{1,40}:)?(?:item|entry)[\s>/]", re.IGNORECASE)
_ROOT = re.compile(rb"<(?:rss|feed|rdf|[\w\-]{1,40}:rdf|channel)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a feed, uncleaned: texts may be HTML, dates are the feed's own words in ISO 8601 where readable."""

    id: str
    link: str
    title: str
    summary: str
    content: str
    author: str
    published: str
    updated: str
    tags: tuple[str, ...]


def entries_of(response: Response) -> tuple[Entry, ...]:
    """The entries of a feed, in its order. Raises ParseError for what is no feed."""
    body = response.body
    refuse(response)
    if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return _json_feed(response)
    body = mended(body)
    found = _read_fast(body)
    if _is_doubtful(body, found):
        careful = entries_in_worker("careful", body)
        found = careful if careful or found is None else found
    if found is None:
        raise ParseError(f"{response.url} is no feed: {excerpt(body)}")
    entries = tuple(_entry(item) for item in found)
    if len(entries) == 1 and entries[0].title.strip() == "Error" and "error" in entries[0].id.lower():
        raise ParseError(f"{response.url} answered with an error in the form of a feed: {entries[0].summary[:200]}")
    return entries


def refuse(response: Response) -> None:
    """Raise ParseError for a body that no XML parser should see: empty, a page, full of namespaces or entities."""
    body = response.body
    if not body or body.isspace():
        raise ParseError(f"{response.url} answered with an empty body.")
    if looks_like_html(body):
        raise ParseError(f"{response.url} answered with an HTML page instead of a feed: {excerpt(body)}")
    if body.count(b"xmlns") > _NAMESPACES:
        raise ParseError(f"{response.url} declares more than {_NAMESPACES} namespaces.")
    root = _ROOT.search(body)
    prolog = body[: root.start() if root else _PROLOG]
    # A UTF-16 document hides its markup from a search for ASCII bytes; its zero bytes fall out here.
    if b"<!entity" in prolog.replace(b"\0", b"").lower():
        raise ParseError(f"{response.url} declares entities, which no feed needs.")


def _is_doubtful(body: bytes, found: list[Mapping[str, Any]] | None) -> bool:
    """Whether the fast parser has refused, or has lost what is there: all entries, an address, a title in XHTML, the
    base of relative addresses, or the text of an RSS 1.0 feed."""
    if not found:
        return found is None or _ITEM.search(body) is not None
    links = [str(one.get("link") or one.get("id") or "") for one in found]
    if not all(link.startswith(("http://", "https://")) for link in links):
        return b"xml:base" in body or any(not one.get("link") for one in found)
    if not all(one.get("title") for one in found) and b"xhtml" in body:
        return True
    return b":RDF" in body[:_PROLOG] and b"content:encoded" in body


def _read_fast(body: bytes) -> list[Mapping[str, Any]] | None:
    """What the fast parser finds; None when it refuses."""
    if len(body) > _LARGE:
        return entries_in_worker("fast", body)
    from ingest.sources.feed_worker import fast  # noqa: PLC0415 - its parsers cost 40 ms to import

    try:
        return fast(body)
    except Exception:  # noqa: BLE001 - whatever stops the fast parser, the careful one has the last word
        return None


def _entry(item: Mapping[str, Any]) -> Entry:
    return Entry(
        id=_text(item.get("id")),
        link=_text(item.get("link")),
        title=_text(item.get("title")),
        summary=_text(item.get("summary")),
        content=_text(item.get("content")),
        author=_text(item.get("author")),
        published=_text(item.get("published")),
        updated=_text(item.get("updated")),
        tags=tuple(tag for tag in item.get("tags") or () if isinstance(tag, str)),
    )


def _text(value: object) -> str:
    if type(value) is str:  # nearly always
        return value
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _json_feed(response: Response) -> tuple[Entry, ...]:
    """A JSON Feed (jsonfeed.org, versions 1 and 1.1)."""
    body = json_of(response)
    items = body.get("items") if isinstance(body, dict) else None
    if not isinstance(items, list) or "jsonfeed.org" not in str(body.get("version")):
        raise ParseError(f"{response.url} answered with JSON that is no JSON Feed: {excerpt(response.body)}")
    # What is no object is an entry without anything, which is refused beside its neighbours.
    return tuple(_entry(_json_item(item) if isinstance(item, dict) else {}) for item in items)


def _json_item(item: Mapping[str, Any]) -> Mapping[str, Any]:
    authors = item.get("authors") or [item.get("author")]
    author = authors[0] if isinstance(authors, list) and authors else None
    tags = item.get("tags")
    return {
        "id": item.get("id"),
        "link": item.get("url") or item.get("external_url"),
        "title": item.get("title"),
        "summary": item.get("summary"),
        "content": item.get("content_html") or item.get("content_text"),
        "author": author.get("name") if isinstance(author, dict) else None,
        "published": item.get("date_published"),
        "updated": item.get("date_modified"),
        "tags": tags if isinstance(tags, list) else [],
    }
