"""What machines are told: feeds, the sitemap, the catalogue of public tools and comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.publishing import pages
from app.wiring import Product
from core.category import CATEGORIES
from core.comparison import ComparisonView, Side
from core.errors import NotFound
from store import editions as kept
from store import shelves
from store.editions import ShelvedEdition

FEED_LENGTH = 30
PART = 500
"""Numbers that one part of the sitemap covers: few enough for a file to be made in milliseconds, however many there are.
An index may name 50,000 parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedView:
    """The newest comparisons, of everything or of one category."""

    category: str | None
    comparisons: tuple[ComparisonView, ...]
    modified: datetime | None


def feed(product: Product, category: str | None = None) -> FeedView:
    """What a feed holds. Raises NotFound for a category that does not exist."""
    if category is not None and category not in CATEGORIES:
        raise NotFound(f"There is no category {category!r}.")
    with product.database.read() as connection:
        if category is None:
            ids = shelves.latest(connection, limit=FEED_LENGTH)
        else:
            ids = [each.comparison for each in shelves.on_shelf(connection, category, limit=FEED_LENGTH)]
        shown, modified = pages(connection, ids)
    return FeedView(category=category, comparisons=shown, modified=modified)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A line of the sitemap: a path, and when what is there last changed (None: not known)."""

    path: str
    modified: datetime | None = None


def sitemap_parts(product: Product) -> tuple[str, ...]:
    """Names of the sitemap's parts: `pages`, then `comparisons-1` ..., `tools-1` ..."""
    with product.database.read() as connection:
        comparisons, tools = shelves.last_ids(connection)
    counts = {"comparisons": -(-comparisons // PART), "tools": -(-tools // PART)}
    return ("pages", *(f"{kind}-{number}" for kind, count in counts.items() for number in range(1, count + 1)))


def sitemap_part(product: Product, name: str) -> tuple[Address, ...]:
    """The addresses of one part. Raises NotFound for a part that does not exist."""
    if name == "pages":
        return _standing(product)
    kind, _, number = name.partition("-")
    if kind not in ("comparisons", "tools") or not (number.isascii() and number.isdigit() and 0 < len(number) < 10):  # noqa: PLR2004 - digits of a row's number
        raise NotFound(f"There is no part {name!r}.")
    above, up_to = (int(number) - 1) * PART, int(number) * PART
    read, prefix = (
        (shelves.comparison_addresses, "/compare/") if kind == "comparisons" else (shelves.tool_addresses, "/tools/")
    )
    with product.database.read() as connection:
        return tuple(
            Address(path=prefix + slug, modified=at) for slug, at in read(connection, above=above, up_to=up_to)
        )


def _standing(product: Product) -> tuple[Address, ...]:
    with product.database.read() as connection:
        categories = shelves.categories(connection)
        editions = kept.shelved(connection, limit=1000)
        lenses = shelves.lens_keys(connection)
    paths = ["/", "/editions", "/methodology", "/corrections", "/subscribe"]
    paths += [f"/lenses/{key}" for key in lenses] + [f"/categories/{key}" for key in categories]
    dated = (Address(path=f"/editions/{each.week}", modified=each.approved_at) for each in editions)
    return (*(Address(path=each) for each in paths), *dated)


# ------------------------------------------------------------ the catalogue, page by page


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEntry:
    """A tool on show: its side of the comparison that shows it, and that comparison's address."""

    side: Side
    comparison: str


def tools(product: Product, *, limit: int, before: int | None) -> tuple[tuple[ToolEntry, ...], int | None]:
    """Tools on show, the newest number first, and the number before which the next slice begins."""
    with product.database.read() as connection:
        rows = shelves.tools(connection, limit=limit + 1, before=before)
        shown, _ = pages(connection, list(dict.fromkeys(row.comparison for row in rows[:limit])))
    by_slug = {view.slug: view for view in shown}
    found = tuple(_entry(row.slug, by_slug[row.pair]) for row in rows[:limit] if row.pair in by_slug)
    return found, rows[limit - 1].tool if len(rows) > limit else None


def _entry(slug: str, view: ComparisonView) -> ToolEntry:
    return ToolEntry(side=view.a if view.a.slug == slug else view.b, comparison=view.slug)


def comparisons(product: Product, *, limit: int, before: int | None) -> tuple[tuple[ComparisonView, ...], int | None]:
    """Public comparisons, the newest number first, and the number before which the next slice begins."""
    with product.database.read() as connection:
        ids = shelves.newest(connection, limit=limit + 1, before=before)
        shown, _ = pages(connection, ids[:limit])
    return shown, ids[limit - 1] if len(ids) > limit else None


def editions(product: Product, *, limit: int, before: int | None) -> tuple[Sequence[ShelvedEdition], int | None]:
    """Approved editions, the newest first, and the number before which the next slice begins."""
    with product.database.read() as connection:
        found = kept.shelved(connection, limit=limit + 1, below=before)
    return found[:limit], found[limit - 1].number if len(found) > limit else None
