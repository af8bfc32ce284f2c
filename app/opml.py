"""Feeds from a reader's OPML file into sources.toml."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from app.ingesting import catalogue
from app.wiring import Product
from core.errors import SourcesFileError, UsageError
from core.text import clean, slugify
from ingest.catalogue import read_sources

_LARGEST = 5_000_000
_KEY_LENGTH = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriptions:
    """What became of a list of feeds: keys that were added, how many were known, refused addresses with the reason."""

    added: tuple[str, ...]
    known: int
    refused: tuple[tuple[str, str], ...]


def import_opml(product: Product, path: Path) -> Subscriptions:
    """Append every feed of an OPML file that sources.toml does not name yet, as sources of kind `feed`.

    Raises UsageError for a file that is no OPML, and SourcesFileError when sources.toml is broken already.
    """
    known = catalogue(product)
    keys, urls = {each.key for each in known}, {each.url for each in known}
    added: list[str] = []
    entries: list[str] = []
    refused: list[tuple[str, str]] = []
    met = 0
    for title, url in _feeds(path):
        if url in urls:
            met += 1
            continue
        key = _free_key(title, keys)
        entry = _entry(key, url)
        try:
            read_sources(entry, filename=path.name)
        except SourcesFileError as error:
            refused.append((clean(url, limit=200), str(error)))
            continue
        keys.add(key)
        urls.add(url)
        added.append(key)
        entries.append(entry)
    if entries:
        _append(product.settings.sources, entries)
    return Subscriptions(added=tuple(added), known=met, refused=tuple(refused))


def _feeds(path: Path) -> Iterator[tuple[str, str]]:
    """(title, address) of each outline that has an address, whatever folder it lies in."""
    with path.open("rb") as file:
        body = file.read(_LARGEST + 1)
    if len(body) > _LARGEST:
        raise UsageError(f"{path} has more than {_LARGEST:,} bytes.", mend="Export fewer feeds at a time.")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise UsageError(f"{path} is not OPML: {error}.", mend="Export your feeds as OPML again.") from None
    if root.tag != "opml":
        raise UsageError(f"{path} is not OPML: its root is {root.tag}.", mend="Export your feeds as OPML again.")
    for outline in root.iter("outline"):
        url = (outline.get("xmlUrl") or "").strip()
        if url:
            yield outline.get("title") or outline.get("text") or url, url


def _free_key(title: str, taken: set[str]) -> str:
    base = slugify(title, limit=_KEY_LENGTH)
    number = 1
    key = base
    while key in taken:
        number += 1
        key = f"{base}-{number}"
    return key


def _entry(key: str, url: str) -> str:
    # Minutes spread over the hour, so that a long list does not ask all its hosts at once.
    minute = sum(key.encode()) % 60
    quoted = json.dumps(re.sub(r"\s", "", url), ensure_ascii=False)
    return f'\n[[source]]\nkey = "{key}"\nkind = "feed"\nurl = {quoted}\nschedule = "{minute} */6 * * *"\n'


def _append(file: Path, entries: list[str]) -> None:
    """The file whole or as it was: a reader never finds half an entry."""
    text = file.read_text(encoding="utf-8")
    beside = file.with_name(f".{file.name}.new")
    beside.write_text(text.rstrip("\n") + "\n" + "".join(entries), encoding="utf-8")
    beside.replace(file)
