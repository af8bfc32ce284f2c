"""What the public sees: approved comparisons and editions, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.wiring import Product
from core.comparison import Community, ComparisonView, Side, comparison_slug
from core.edition import Edition
from core.week import Week
from store import comparisons, tools, votes
from store import editions as kept

_NEWEST = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionView:
    """An approved edition with its comparisons."""

    week: Week
    number: int
    subject: str
    preheader: str
    intro: str
    approved_at: datetime | None
    comparisons: tuple[ComparisonView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeView:
    """The latest edition, and the newest comparisons."""

    latest: EditionView | None
    comparisons: tuple[ComparisonView, ...]


def home(product: Product) -> HomeView:
    """What the home page shows."""
    with product.database.read() as connection:
        newest = kept.public(connection, limit=1)
        return HomeView(
            latest=_edition(connection, newest[0]) if newest else None,
            comparisons=_with_votes(connection, comparisons.approved_views(connection, limit=_NEWEST)),
        )


def comparison(product: Product, slug: str) -> ComparisonView:
    """A comparison as it was approved, with the votes of this minute. Raises NotFound for anything else."""
    with product.database.read() as connection:
        return _with_votes(connection, [comparisons.approved_view(connection, slug)])[0]


def comparison_address(product: Product, one: str, other: str) -> str:
    """The address of a pair, whatever old slugs or order it was asked by. Raises NotFound."""
    with product.database.read() as connection:
        return comparison_slug(tools.find(connection, one).slug, tools.find(connection, other).slug)


def edition(product: Product, week: Week) -> EditionView:
    """An approved edition. Raises NotFound for any other."""
    with product.database.read() as connection:
        return _edition(connection, kept.find_public(connection, week))


def editions(product: Product) -> tuple[EditionView, ...]:
    """Every approved edition, the newest first."""
    with product.database.read() as connection:
        return tuple(_edition(connection, each) for each in kept.public(connection))


def _edition(connection: Any, found: Edition) -> EditionView:
    ids = kept.comparison_ids(connection, found.week)
    return EditionView(
        week=found.week,
        number=found.number,
        subject=found.subject,
        preheader=found.preheader,
        intro=found.intro,
        approved_at=found.approved_at,
        comparisons=_with_votes(connection, comparisons.approved_views(connection, limit=len(ids), ids=ids)),
    )


def _with_votes(connection: Any, views: Sequence[ComparisonView]) -> tuple[ComparisonView, ...]:
    """The stored views with what readers say by now; votes are not part of what was approved."""
    today = [_readdressed(connection, view) for view in views]
    counted = votes.counted(connection, [view.slug for view in today])
    return tuple(_voted(view, counted.get(view.slug, {})) for view in today)


def _readdressed(connection: Any, view: ComparisonView) -> ComparisonView:
    """The view under the addresses of today: a tool may have moved since it was approved."""
    a, b = (replace(side, slug=tools.find(connection, side.slug).slug) for side in (view.a, view.b))
    return replace(view, slug=comparisons.find(connection, view.slug).slug, a=a, b=b)


def _voted(view: ComparisonView, chosen: dict[str, int]) -> ComparisonView:
    total = sum(chosen.values())

    def side(one: Side) -> Side:
        return replace(one, community=Community(chosen=chosen.get(one.slug, 0), votes=total))

    return replace(view, a=side(view.a), b=side(view.b))
