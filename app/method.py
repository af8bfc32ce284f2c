"""How verdicts come about, told from the settings, lenses and sources in force."""

from __future__ import annotations

from dataclasses import dataclass

from app.addressing import VOTES_OPEN
from app.voting import BURST, BURST_WITHIN, SWITCHED_WITHIN
from app.wiring import Product
from core.category import CATEGORIES
from core.comparison import VOTES_SHOWN_FROM
from core.panel import Lens
from store import people, sources


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRead:
    """A source as readers see it: its key, its kind, its address."""

    key: str
    kind: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """The rules that hold now."""

    lenses: tuple[Lens, ...]
    quorum: int
    quorums: tuple[tuple[str, int], ...]  # categories by name where it is another number
    edition_size: int
    votes_shown_from: int
    votes_open_days: int
    switched_seconds: int
    burst: int
    burst_minutes: int
    sources: tuple[SourceRead, ...]


def method(product: Product) -> Method:
    """What the methodology page tells."""
    with product.database.read() as connection:
        lenses = people.lenses(connection)
        quorums = people.quorums(connection)
        read = sources.in_use(connection)
    return Method(
        lenses=tuple(each for each in lenses if each.active),
        quorum=product.settings.quorum,
        quorums=tuple((name, quorums[key]) for key, name in CATEGORIES.items() if key in quorums),
        edition_size=product.settings.edition_size,
        votes_shown_from=VOTES_SHOWN_FROM,
        votes_open_days=VOTES_OPEN.days,
        switched_seconds=SWITCHED_WITHIN.seconds,
        burst=BURST,
        burst_minutes=BURST_WITHIN.seconds // 60,
        sources=tuple(SourceRead(key=key, kind=kind, url=url) for key, kind, url in read),
    )
