"""An edition's figures and those of each of its comparisons, counted from what the provider reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from app import sending
from app.tokens import Purpose
from app.wiring import Product
from core.delivery import EventKind
from core.errors import Refused
from core.week import Week
from digest.clicks import Click as Seen
from digest.clicks import human
from store import editions, events, plans, votes

_LEAVING = timedelta(days=7)
"""Who leaves within a week of an edition is counted as its unsubscribe."""

_ANY_TIME = datetime.fromtimestamp(0, UTC)
"""A link that has expired still says what it was about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonFigures:
    """People who clicked on one comparison (its page or its vote link), and its votes so far."""

    slug: str
    clickers: int
    votes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionFigures:
    """`clickers` are recipients with a click that looks like a person's; `scanned` those whose every click looks like
    a program's. Both are 0 while the provider reports no clicks: our mails ask it not to."""

    week: str
    recipients: int
    delivered: int
    bounced: int
    complained: int
    deferred: int
    clickers: int
    scanned: int
    unsubscribed: int
    comparisons: tuple[ComparisonFigures, ...]


def figures(product: Product, week: Week) -> EditionFigures:
    """What became of an edition. Raises NotFound."""
    found = sending.status(product, week)
    with product.database.read() as connection:
        edition = editions.find(connection, week)
        fixed = plans.find(connection, week).recipients_fixed_at
        clicks = events.clicks(connection, week)
        kinds = events.reported(connection, week)
        left = events.leavers(connection, week, until=fixed + _LEAVING) if fixed else 0
        cast = votes.counted(connection, list(edition.comparisons))
    seen = [
        Seen(delivery=each.delivery, url=each.url, at=each.at, machine=each.machine, delivered_at=each.delivered_at)
        for each in clicks
    ]
    by_people = human(seen)
    clickers = {each.delivery for each in by_people}
    about = _about(product, by_people)
    return EditionFigures(
        week=str(week),
        recipients=found.recipients,
        delivered=found.delivered,
        bounced=found.bounced,
        complained=kinds.get(EventKind.SPAM_REPORT, 0),
        deferred=kinds.get(EventKind.DEFERRED, 0),
        clickers=len(clickers),
        scanned=len({each.delivery for each in clicks} - clickers),
        unsubscribed=left,
        comparisons=tuple(
            ComparisonFigures(slug=slug, clickers=about[slug], votes=sum(cast.get(slug, {}).values()))
            for slug in edition.comparisons
        ),
    )


def _about(product: Product, clicks: Sequence[Seen]) -> Counter[str]:
    """Comparison -> how many recipients clicked on it."""
    pairs = {(each.delivery, _slug(product, each.url)) for each in clicks}
    return Counter(slug for _, slug in pairs if slug)


def _slug(product: Product, url: str) -> str | None:
    """The comparison that a link of a mail leads to: its page, or its vote page by what the token says."""
    kind, _, rest = urlsplit(url).path.strip("/").partition("/")
    if kind == "compare":
        return rest
    if kind == "vote":
        try:
            return str(product.signer.read(Purpose.VOTE, rest, now=_ANY_TIME)[1])
        except (Refused, IndexError):
            return None
    return None
