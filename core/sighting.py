"""Sightings: one entry of one source, as it was seen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.clock import to_iso
from core.fact import Pricing
from core.identifier import Identifier


class Thing(StrEnum):
    """What an entry is about."""

    MODEL = "model"
    DATASET = "dataset"
    SPACE = "space"
    PAPER = "paper"
    REPOSITORY = "repository"
    LAUNCH = "launch"  # a post that presents a product
    RELEASE = "release"
    ARTICLE = "article"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One figure of popularity, in the source's own unit: likes, points, stars, downloads, upvotes ..."""

    name: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One entry, cleaned: every text is plain text within its cap, every URL http or https.

    (source, external_id) is its identity. `created_at` is when the thing itself appeared, as the source says,
    None where it does not say. `identifiers` are those found in its structured fields, URL and body that name
    the thing itself; `mentions` are identifiers that it only speaks of (evidence, never identity).
    """

    source: str
    external_id: str
    url: str
    name: str
    thing: Thing
    tagline: str = ""
    summary: str = ""
    author: str = ""
    created_at: datetime | None = None
    homepage: str | None = None
    category: str | None = None
    tags: tuple[str, ...] = ()
    signals: tuple[Signal, ...] = ()
    licence: str | None = None  # SPDX id or the source's own word, lower case
    identifiers: frozenset[Identifier] = frozenset()
    mentions: frozenset[Identifier] = frozenset()
    pricing: Pricing | None = None  # what the listing itself says, read by the rules of ingest/pricing

    @property
    def maker(self) -> str:
        """The author where that is who made the thing; whoever writes an article about it is not."""
        return "" if self.thing in (Thing.ARTICLE, Thing.RELEASE) else self.author

    @property
    def own_homepage(self) -> str | None:
        """The homepage where it is the thing's; that of an article is its writer's."""
        return None if self.thing is Thing.ARTICLE else self.homepage

    @property
    def content_hash(self) -> str:
        """Changes when the words, identifiers or price change; figures of popularity do not count, nor does the day on
        which a price was seen. The leading number is the version of this rule."""
        content = [
            self.url,
            self.name,
            self.thing,
            self.tagline,
            self.summary,
            self.author,
            to_iso(self.created_at) if self.created_at else None,
            self.homepage,
            self.category,
            list(self.tags),
            self.licence,
            sorted(map(str, self.identifiers)),
            sorted(map(str, self.mentions)),
        ]
        written = (not self.pricing and _written([*content, None])) or _encoded([*content, _claim(self.pricing)])
        return "2:" + hashlib.blake2b(written, digest_size=16).hexdigest()


# Made once: `json.dumps` with arguments makes one per call.
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_NO_CONTROL = bytes(range(32, 256))


def _encoded(content: list[object]) -> bytes:
    return _ENCODER.encode(content).encode()


def _written(content: Iterable[str | list[str] | None]) -> bytes | None:
    """Content as the encoder writes it, at a third of the cost, where no character has to be escaped; None otherwise."""
    pieces, marks = [], 0
    for value in content:
        if value is None:
            pieces.append("null")
        elif isinstance(value, str):
            pieces.append('"' + value + '"')
            marks += 2
        else:
            pieces.append('["' + '","'.join(value) + '"]' if value else "[]")
            marks += 2 * len(value)
    written = f"[{','.join(pieces)}]".encode()
    is_literal = written.count(b'"') == marks and b"\\" not in written and not written.translate(None, _NO_CONTROL)
    return written if is_literal else None


def _claim(pricing: Pricing | None) -> list[object] | None:
    if pricing is None:
        return None
    price = str(pricing.entry_price) if pricing.entry_price else None
    return [pricing.model, price, sorted(pricing.flags), pricing.source_url]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A sighting with the days on which its entry was first and last seen."""

    sighting: Sighting
    first_seen: datetime
    last_seen: datetime
