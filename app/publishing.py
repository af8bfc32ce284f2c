"""What the public sees: approved comparisons and editions, and nothing else.

Every page is made from views as they were approved, under the addresses of today and with the votes of this minute; each
takes a fixed number of statements, however much there is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from app.wiring import Product
from core.comparison import Community, ComparisonView, Side, comparison_slug
from core.edition import Edition
from core.errors import NotFound
from core.week import Week
from digest.compose import best_of_intro, month
from store import comparisons, corrections, notices, shelves, tools, votes
from store import editions as kept
from store.corrections import Corrected
from store.editions import ShelvedEdition
from store.notices import Notice

NEWEST = 12
OTHERS = 3
EDITIONS_A_PAGE = 60
STALE_AFTER = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionView:
    """An approved edition with its comparisons. `favourites`: the sides that readers chose, by the lower end of the
    interval, once there are votes enough to show."""

    week: Week
    number: int
    subject: str
    preheader: str
    intro: str
    approved_at: datetime | None
    comparisons: tuple[ComparisonView, ...]
    modified: datetime | None

    @property
    def favourites(self) -> tuple[tuple[Side, ComparisonView], ...]:
        """Sides with votes enough, the surest favourite first."""
        sides = [(side, view) for view in self.comparisons for side in (view.a, view.b)]
        shown = [each for each in sides if each[0].community.percent is not None]
        return tuple(sorted(shown, key=lambda each: each[0].community.lower_bound, reverse=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeView:
    """The latest edition, and the newest comparisons."""

    latest: EditionView | None
    comparisons: tuple[ComparisonView, ...]
    categories: tuple[str, ...]
    modified: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonPage:
    """A comparison with what its page adds. `stale_since`: from then on its verdicts are older than 90 days. `notices`:
    by slug of the tool, where there is something to tell."""

    view: ComparisonView
    others: tuple[ComparisonView, ...]
    corrections: tuple[Corrected, ...]
    stale_since: datetime | None
    notices: Mapping[str, Notice]
    modified: datetime | None


def home(product: Product) -> HomeView:
    """What the home page shows."""
    with product.database.read() as connection:
        newest = kept.public(connection, limit=1)
        shown, modified = pages(connection, shelves.latest(connection, limit=NEWEST))
        ids = kept.comparison_ids(connection, newest[0].week) if newest else ()
        latest = _edition(connection, newest[0], ids) if newest else None
        return HomeView(
            latest=latest,
            comparisons=shown,
            categories=shelves.categories(connection),
            modified=newer(modified, latest.modified if latest else None),
        )


def comparison(product: Product, slug: str) -> ComparisonView:
    """A comparison as it was approved, with the votes of this minute. Raises NotFound for anything else."""
    with product.database.read() as connection:
        return pages(connection, [comparisons.public_pair(connection, slug)[0]])[0][0]


def comparison_page(product: Product, slug: str) -> ComparisonPage:
    """The same with what its page adds. Raises NotFound."""
    with product.database.read() as connection:
        at, low, high = comparisons.public_pair(connection, slug)
        near = [each for tool in (low, high) for each in shelves.of_tool(connection, tool, limit=OTHERS + 1)]
        wanted = [at, *[each for each in dict.fromkeys(near) if each != at][: 2 * OTHERS]]
        (view, *others), modified = pages(connection, wanted)
        corrected = corrections.of_comparison(connection, at)
        told = notices.of_tools(connection, (low, high))
    said = [cell.submitted_at for row in view.rows for cell in (row.a, row.b) if cell]
    stale = max(said) + STALE_AFTER if said and max(said) + STALE_AFTER <= product.now else None
    dates = [stale, *(each.at for each in corrected), *(each.modified for each in told.values())]
    return ComparisonPage(
        view=view,
        others=tuple(others),
        corrections=corrected,
        stale_since=stale,
        notices=told,
        modified=newer(modified, *dates),
    )


def comparison_address(product: Product, one: str, other: str) -> str:
    """The address of a pair, whatever old slugs or order it was asked by. Raises NotFound."""
    with product.database.read() as connection:
        return comparison_slug(tools.find(connection, one).slug, tools.find(connection, other).slug)


def edition(product: Product, week: Week) -> EditionView:
    """An approved edition. Raises NotFound for any other."""
    with product.database.read() as connection:
        return _edition(connection, kept.find_public(connection, week), kept.comparison_ids(connection, week))


def best_of(product: Product, week: Week) -> EditionView:
    """The best of a month that went to monthly readers with this week's edition, as its comparisons are shown today.
    Raises NotFound when none did."""
    with product.database.read() as connection:
        found, number = kept.find_public(connection, week), kept.best_of(connection, week)
        if number is None:
            raise NotFound(f"No best-of went out with edition {week}.")
        frozen = kept.content(connection, week, number)
        ids = [comparisons.find(connection, slug).id for slug in frozen.comparisons]
        told = replace(found, subject=frozen.subject, preheader="", intro=best_of_intro(month(week.previous_month[0])))
        return _edition(connection, told, ids)


def archive(product: Product, *, below: int | None = None) -> list[ShelvedEdition]:
    """Approved editions for the archive, the newest first, one more than a page holds; below a number when given."""
    with product.database.read() as connection:
        return kept.shelved(connection, limit=EDITIONS_A_PAGE + 1, below=below)


def _edition(connection: Any, found: Edition, ids: Sequence[int]) -> EditionView:
    shown, modified = pages(connection, ids)
    return EditionView(
        week=found.week,
        number=found.number,
        subject=found.subject,
        preheader=found.preheader,
        intro=found.intro,
        approved_at=found.approved_at,
        comparisons=shown,
        modified=newer(modified, found.approved_at),
    )


# ------------------------------------------------------------ views as they are today


def pages(connection: Any, ids: Sequence[int]) -> tuple[tuple[ComparisonView, ...], datetime | None]:
    """The public ones of these comparisons, in their order, as they are shown today; and when any of it last changed."""
    views = comparisons.approved_views(connection, limit=len(ids), ids=ids)
    today = comparisons.present_slugs(connection, [side.slug for view in views for side in (view.a, view.b)])
    moved = [_readdressed(view, today) for view in views]
    polls = votes.polls(connection, [view.slug for view in moved])
    dates = [each for view in views for each in (view.approved_at, view.published_at)]
    dates += [each.changed for each in polls.values()]
    none = votes.Poll()
    return tuple(_voted(view, polls.get(view.slug, none).chosen) for view in moved), newer(*dates)


def newer(*instants: datetime | None) -> datetime | None:
    """The newest of these."""
    return max((each for each in instants if each is not None), default=None)


def _readdressed(view: ComparisonView, today: Mapping[str, str]) -> ComparisonView:
    """The view under the addresses of today: a tool may have moved since it was approved."""
    a, b = (replace(side, slug=today.get(side.slug, side.slug)) for side in (view.a, view.b))
    return replace(view, a=a, b=b)


def _voted(view: ComparisonView, chosen: dict[str, int]) -> ComparisonView:
    total = sum(chosen.values())

    def side(one: Side) -> Side:
        return replace(one, community=Community(chosen=chosen.get(one.slug, 0), votes=total))

    return replace(view, a=side(view.a), b=side(view.b))


def find_tool(product: Product, slug: str) -> str:
    """The present address of a tool on show, by any it has had. Raises NotFound for one that is not on show."""
    with product.database.read() as connection:
        found = tools.find(connection, slug)
        if not shelves.of_tool(connection, found.id, limit=1):
            raise NotFound(f"There is no tool {slug!r}.")
        return found.slug
