"""arXiv: the announcements of rss.arxiv.org (Atom or RSS), or the answer of its query API.

The query interface refuses clients even at one request in three seconds; discovery goes by the daily announcements, which
are empty on weekends and holidays by design. Errors of the query interface arrive as a feed with one entry called "Error".
A paper is evidence for a tool rather than a tool: without code or page it stays out of the queue.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from lxml import etree

from core.errors import ParseError
from core.identifier import Identifier, Scheme
from core.sighting import Sighting, Thing
from core.source import Cursor, Parsed, Request, Response, Source
from core.text import clean
from ingest.identity import arxiv_id, identify, mentioned
from ingest.sources.adapter import Adapter, Options
from ingest.sources.entries import LeftOut, external_id, gather, instant
from ingest.sources.feed import ACCEPT
from ingest.sources.mending import mended
from ingest.sources.syndication import refuse
from ingest.wording import AUTHOR, NAME, SUMMARY, TAGLINE, links, paper_title, plain, tags_of

# Whatever the namespace: Atom, RSS 2.0, and the RDF of former years.
_ENTRIES = ("{*}entry", "{*}item")
_NUMBER = re.compile(r"(?:/abs/|arXiv\.org:)([^\s?#]{4,40})$")
_PREFIX = re.compile(r"^\s*arXiv:\S{4,40}\s+Announce Type:\s*\S{1,40}\s+Abstract:\s*", re.IGNORECASE)
# Until 2024 the number stood behind the title, with a mark for a replacement.
_FORMER = re.compile(r"\.?\s*\(arXiv:[^\s()]{4,40}(?: \[[^\[\]]{1,40}\])?( UPDATED)?\)$")
_REPLACED = frozenset({"replace", "replace-cross"})


class PaperOptions(Options):
    """`replacements`: whether new versions of old papers are taken."""

    replacements: bool = False


def requests(source: Source, _cursor: Cursor, _now: datetime) -> tuple[Request, ...]:
    """One request: the address as it stands."""
    return (Request(url=source.url, accept=ACCEPT),)


def parse(source: Source, response: Response, now: datetime) -> Parsed:
    """Sightings of papers; replacements are left out. Raises ParseError for an error in the form of a feed."""
    options = PaperOptions.model_validate(source.options)
    entries = [_fields(element) for element in _elements(response)]
    if any("api/errors" in one.get("id", "") for one in entries[:1]):
        raise ParseError(f"{response.url} answered with an error: {clean(entries[0].get('summary', ''), limit=200)}")

    def read(entry: object) -> Sighting | LeftOut:
        return _read(source, entry if isinstance(entry, dict) else {}, options, now)

    return gather(entries, read, empty_is_normal=not entries)


def _elements(response: Response) -> Iterator[etree._Element]:
    """The entries of a feed in either format, read by a parser that resolves and fetches nothing."""
    refuse(response)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True)
    try:
        root = etree.fromstring(mended(response.body), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ParseError(f"{response.url} is no XML ({clean(str(error), limit=120)}).") from None
    if etree.QName(root).localname.lower() not in ("feed", "rss", "rdf"):
        raise ParseError(f"{response.url} is no feed but a document of {clean(str(root.tag), limit=60)!r}.")
    return root.iter(*_ENTRIES)


def _fields(element: etree._Element) -> dict[str, str]:
    """An entry's children by their local names; a category or author that comes again is appended by a line break."""
    fields: dict[str, str] = {}
    for child in element.iterchildren(tag=etree.Element):
        name = etree.QName(child).localname
        value = child.get("term") or " ".join("".join(map(str, child.itertext())).split())[:20_000]
        if name == "link":
            value = child.get("href") or child.text or ""
            fields.setdefault(name, value)
        else:
            fields[name] = f"{fields[name]}\n{value}" if name in fields else value
    return fields


def _read(source: Source, entry: dict[str, str], options: PaperOptions, now: datetime) -> Sighting | LeftOut:
    if entry.get("announce_type", "new").strip() in _REPLACED and not options.replacements:
        return LeftOut("a new version of an old paper")
    number = _number(entry)
    title = plain(entry.get("title", ""), limit=NAME + TAGLINE)
    former = _FORMER.search(title)
    if former and former[1] and not options.replacements:
        return LeftOut("a new version of an old paper")
    headline = title[: former.start()] if former else title
    if number is None or not headline:
        raise ValueError("the entry has no arXiv id or no title")
    name, tagline = paper_title(headline)
    summary = _PREFIX.sub("", entry.get("summary") or entry.get("description") or "")
    # What the authors write beside the abstract ("Code: ...") is their own; links in the abstract may be anybody's.
    beside = links(entry.get("comment", ""))
    repository = _only_repository(beside)
    identifiers = frozenset({Identifier(Scheme.ARXIV, number)}) | identify([repository])
    return Sighting(
        source=source.key,
        external_id=external_id(number),
        url=f"https://arxiv.org/abs/{number}",
        name=clean(name, limit=NAME),
        thing=Thing.PAPER,
        tagline=clean(tagline, limit=TAGLINE),
        summary=plain(summary, limit=SUMMARY),
        author=_author(entry),
        created_at=instant(entry.get("published"), now=now) or instant(entry.get("updated"), now=now),
        homepage=repository,
        category=next(iter(tags_of(_lines(entry, "primary_category") or _lines(entry, "category"))), None),
        tags=tags_of(_lines(entry, "category")),
        licence=_licence(entry.get("rights", "")),
        identifiers=identifiers,
        mentions=mentioned([*beside, *links(summary)], besides=identifiers),
    )


def _lines(entry: dict[str, str], name: str) -> list[str]:
    return [line.strip() for line in entry.get(name, "").split("\n") if line.strip()]


def _number(entry: dict[str, str]) -> str | None:
    for field in ("id", "guid", "link"):
        found = _NUMBER.search(entry.get(field, "").strip())
        number = arxiv_id(found[1]) if found else None
        if number:
            return number
    return None


def _only_repository(urls: tuple[str, ...]) -> str | None:
    """The one address of a repository or model among these; None when there are several."""
    named = {one: url for url in urls for one in identify([url]) if one.scheme in (Scheme.GITHUB, Scheme.HF)}
    return next(iter(named.values())) if len(named) == 1 else None


def _author(entry: dict[str, str]) -> str:
    names = _lines(entry, "author") or [name.strip() for name in entry.get("creator", "").split(",") if name.strip()]
    return clean(names[0] + (" et al." if len(names) > 1 else ""), limit=AUTHOR) if names else ""


def _licence(url: str) -> str | None:
    """`cc-by-nc-sa-4.0` from the licence's address."""
    found = re.search(r"creativecommons\.org/(licenses|publicdomain)/([a-z\-]+)/(\d\.\d)", url)
    return f"{'cc-' if found[1] == 'licenses' else ''}{found[2]}-{found[3]}" if found else None


ADAPTER = Adapter(
    kind="arxiv",
    default_url="https://rss.arxiv.org/atom/cs.AI+cs.CL+cs.CV+cs.LG",
    options=PaperOptions,
    requests=requests,
    parse=parse,
)
