"""The best of a month: what monthly readers get with the first edition of the next one.

Its comparisons are those of the editions of the previous calendar month that went out (a week belongs to the month of
its Thursday), as their pages show them on the day of approval: with the votes cast so far, without those that have been
retired. Those of this week's edition follow with a line each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from app import figures, publishing
from app.addressing import VOTES_OPEN
from app.wiring import Product
from core.comparison import ComparisonView
from core.edition import Edition, Frozen
from core.week import Week
from digest.best_of import best
from digest.compose import Correction, best_of_intro, best_of_preheader, best_of_subject, compose, month
from digest.render import fit
from store import comparisons, editions

VOTE_WORTH_A_LINK = timedelta(days=3)
"""A vote that closes sooner after the approval than this is shown with its result so far, and without its links: by the
time that the mail is read, they would lead to a closed vote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BestOf:
    """All that a month's best-of is made of: `views` are the chosen comparisons, the best first, `left` counts the
    others of the month, and `closed` names those whose vote is over."""

    month: str  # `October 2026`
    views: tuple[ComparisonView, ...]
    left: int
    closed: frozenset[str]
    since: datetime | None  # corrections that were decided after this are told


def clicks(product: Product, connection: Any, week: Week) -> Counter[str]:
    """How many recipients clicked on each comparison of the previous month, by address, as far as clicks look like a
    person's. A month of a large list takes a while: not to be asked while nobody else can write."""
    return sum((figures.clickers(product, connection, each) for each in _sources(connection, week)), Counter())


def is_due(connection: Any, week: Week) -> bool:
    """Whether this week's edition comes with a best-of: it is the first of its month, and the month before sent one."""
    return bool(_sources(connection, week))


def _sources(connection: Any, week: Week) -> list[Week]:
    """The editions that this week's best-of is made of: none unless it is the first of its month that goes out."""
    fellows = [each for each in week.month if each != week]
    return [] if editions.gone_out(connection, fellows) else editions.gone_out(connection, week.previous_month)


def gather(product: Product, connection: Any, week: Week, *, clicked: Counter[str]) -> BestOf | None:
    """The best-of that goes with this week's edition; None when another edition of its month has gone out before, or
    none of the previous month, or nothing of that stands any more."""
    sources = _sources(connection, week)
    opened = editions.votes_opened(connection, sources)
    views, _ = publishing.pages(connection, list(opened))
    if not views:
        return None
    chosen, others = best(views, clicked, limit=product.settings.edition_size)
    slugs = {each.id: each.slug for each in comparisons.by_ids(connection, list(opened))}
    soon = product.now + VOTE_WORTH_A_LINK
    return BestOf(
        month=month(sources[-1]),
        views=chosen,
        left=len(others),
        closed=frozenset(slugs[at] for at, since in opened.items() if since + VOTES_OPEN < soon),
        since=editions.assembled_at(connection, sources[0]),
    )


def render(
    product: Product,
    edition: Edition,
    found: BestOf,
    *,
    also: Sequence[ComparisonView],
    corrections: Sequence[Correction],
) -> Frozen:
    """The best-of as far as it fits into a mail; `also` are the comparisons of this week's edition."""
    settings = product.settings
    digest = compose(
        edition=replace(
            edition,
            subject=best_of_subject(found.month, found.views),
            preheader=best_of_preheader(found.views),
            intro=best_of_intro(found.month),
        ),
        views=found.views,
        also=also,
        left_over=found.left,
        corrections=corrections,
        base_url=settings.base_url,
        postal_address=settings.postal_address or "No postal address is set (VERDICTS_POSTAL_ADDRESS).",
        best_of=found.month,
        closed=found.closed,
    )
    return fit(digest)[0]
