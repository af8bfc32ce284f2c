"""The two feed parsers behind one shape, and the process in which either can be killed.

Run as `python -m ingest.sources.feed_worker fast|careful`: a body on standard input, a JSON list of entries on
standard output.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Mapping
from typing import Any

import orjson

_MEMORY = 1_500_000_000
_CPU_SECONDS = 30
_LONGEST = 20_000
_MOST = 5_000


def fast(body: bytes) -> list[Mapping[str, Any]]:
    """Entries by fastfeedparser. Raises whatever it raises."""
    import fastfeedparser  # noqa: PLC0415 - the other parser is the one that a run may need

    # Its fast core may answer without entries where its lxml path would have raised; the caller asks again then.
    feed = fastfeedparser.parse(body, include_media=False, include_enclosures=False)
    return [_fast_entry(entry) for entry in feed["entries"][:_MOST]]


def _fast_entry(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    content = entry.get("content") or [{}]
    return {
        "id": entry.get("id"),
        "link": entry.get("link"),
        "title": entry.get("title"),
        "summary": _cut(entry.get("description")),
        "content": _cut(content[0].get("value")),
        "author": entry.get("author"),
        "published": entry.get("published"),
        "updated": entry.get("updated"),
        "tags": [tag.get("term") for tag in entry.get("tags") or ()],
    }


def careful(body: bytes) -> list[Mapping[str, Any]] | None:
    """Entries by feedparser, with sanitising and the resolving of relative links off: both are ours to do, and both
    are quadratic there. None when it recognises no feed."""
    import feedparser  # noqa: PLC0415 - costs a tenth of a second, and is rarely needed

    # A comment before the root makes it find nothing.
    start = max(body.find(b"<?xml"), 0)
    feed = feedparser.parse(body[start:], sanitize_html=False, resolve_relative_uris=False)
    if not feed.get("version") and not feed.entries:
        return None
    return [_careful_entry(entry) for entry in feed.entries[:_MOST]]


def _careful_entry(entry: dict[str, Any]) -> Mapping[str, Any]:
    # dict.get, where feedparser's own would warn and give one date for the other.
    content = entry.get("content") or [{}]
    return {
        "id": entry.get("id"),
        "link": _address(entry, content[0]),
        "title": entry.get("title"),
        "summary": _cut(entry.get("summary")),
        "content": _cut(content[0].get("value")),
        "author": entry.get("author"),
        "published": _iso(dict.get(entry, "published_parsed")),
        "updated": _iso(dict.get(entry, "updated_parsed")),
        "tags": [tag.get("term") for tag in entry.get("tags") or ()],
    }


def _address(entry: dict[str, Any], content: Mapping[str, Any]) -> object:
    """Where an entry leads: its page, else what it holds (an episode, a text kept elsewhere). feedparser gives the id where
    there is no link."""
    link = entry.get("link")
    if isinstance(link, str) and "://" in link:
        return link
    enclosed = [one.get("href") for one in entry.get("enclosures") or () if isinstance(one, dict)]
    return next((one for one in [content.get("src"), *enclosed] if one), None if link == entry.get("id") else link)


def _iso(parsed: object) -> str | None:
    """A date of feedparser's, which is always UTC, as ISO 8601."""
    if not isinstance(parsed, tuple) or len(parsed) < 6:  # noqa: PLR2004 - year to second
        return None
    return "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}+00:00".format(*parsed[:6])


def _cut(text: object) -> str:
    return text[:_LONGEST] if isinstance(text, str) else ""


def main() -> int:
    """Read standard input with the parser that the first argument names; exit code 1 when it refuses."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    body = sys.stdin.buffer.read()
    entries = fast(body) if sys.argv[1] == "fast" else careful(body)
    if entries is None:
        return 1
    sys.stdout.buffer.write(orjson.dumps(entries))
    return 0


if __name__ == "__main__":
    sys.exit(main())
