"""What readers find beside comparisons: tools, lenses, categories and answers to a search."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.publishing import STALE_AFTER, newer, pages
from app.wiring import Product
from core.category import CATEGORIES
from core.comparison import Cell, ComparisonView, Side
from core.errors import NotFound
from core.panel import Lens
from core.text import clean
from core.words import words
from review.tally import percent
from store import corrections, notices, people, shelves, tools
from store.corrections import Corrected
from store.notices import Notice
from store.shelves import Change, Heard, Place

_PAIRS = 24
_ALTERNATIVES = 6
_A_PAGE = 20
_HEARD = 40
_FOUND = 30
_CHANGES = 50
LONGEST_QUERY = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """What a lens says of a tool."""

    lens: str
    lens_name: str
    motto: str
    cell: Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """A comparison that a tool stands in: its side there, and the other one."""

    view: ComparisonView
    side: Side
    other: Side


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolPage:
    """A tool as its newest approved comparison shows it, with every comparison it stands in: those readers chose it in
    most surely come first, then the newest."""

    side: Side
    said: tuple[Spoken, ...]
    stands: tuple[Stand, ...]
    changes: tuple[Change, ...]
    alternatives: tuple[ComparisonView, ...]
    corrections: tuple[Corrected, ...]
    approved_at: datetime | None
    stale_since: datetime | None
    notice: Notice
    modified: datetime | None


def tool(product: Product, slug: str) -> ToolPage:
    """A tool on show, by its present slug. Raises NotFound for any other."""
    with product.database.read() as connection:
        found = tools.find(connection, slug)
        ids = shelves.of_tool(connection, found.id, limit=_PAIRS)
        if found.slug != slug or not ids:
            raise NotFound(f"There is no tool {slug!r}.")
        views, modified = pages(connection, ids)
        stands = [_stand(view, found.slug) for view in views]
        side = stands[0].side
        near = shelves.on_shelf(connection, side.category, limit=_ALTERNATIVES + len(ids))
        alternatives, _ = pages(
            connection, [each.comparison for each in near if each.comparison not in ids][:_ALTERNATIVES]
        )
        changes = tuple(shelves.changes(connection, limit=_CHANGES, tool_id=found.id))
        corrected = corrections.of_tool(connection, found.id)
        notice = notices.of_tools(connection, (found.id,)).get(found.slug, notices.NOTHING)
    said = _spoken(stands[0])
    last = newer(*(each.cell.submitted_at for each in said))
    stale = last + STALE_AFTER if last is not None and last + STALE_AFTER <= product.now else None
    return ToolPage(
        side=side,
        said=said,
        stands=tuple(sorted(stands, key=lambda each: each.side.community.lower_bound, reverse=True)),
        changes=changes,
        alternatives=alternatives,
        corrections=corrected,
        approved_at=views[0].approved_at,
        stale_since=stale,
        notice=notice,
        modified=newer(
            modified, stale, notice.modified, *(each.at for each in changes), *(each.at for each in corrected)
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """A tool in short: its side of the newest approved comparison, and when that was approved."""

    side: Side
    modified: datetime | None


def in_short(product: Product, slug: str) -> Exhibit:
    """A tool on show, by its present slug, for its badge and its picture. Raises NotFound for any other."""
    with product.database.read() as connection:
        found = tools.find(connection, slug)
        ids = shelves.of_tool(connection, found.id, limit=1)
        if found.slug != slug or not ids:
            raise NotFound(f"There is no tool {slug!r}.")
        [view], _ = pages(connection, ids)
    # Votes are on neither, so they do not make it newer.
    return Exhibit(side=_stand(view, slug).side, modified=newer(view.approved_at, view.published_at))


def _stand(view: ComparisonView, slug: str) -> Stand:
    a, b = view.a, view.b
    return Stand(view=view, side=a, other=b) if a.slug == slug else Stand(view=view, side=b, other=a)


def _spoken(stand: Stand) -> tuple[Spoken, ...]:
    cells = [(row, row.a if stand.side is stand.view.a else row.b) for row in stand.view.rows]
    return tuple(
        Spoken(lens=row.lens, lens_name=row.lens_name, motto=row.motto, cell=cell) for row, cell in cells if cell
    )


# ------------------------------------------------------------ categories


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryPage:
    """One page of a category's shelf; `more` is where the next one begins, None on the last."""

    key: str
    comparisons: tuple[ComparisonView, ...]
    categories: tuple[str, ...]
    more: Place | None
    modified: datetime | None


def category(product: Product, key: str, *, after: Place | None = None) -> CategoryPage:
    """A category. Raises NotFound when there is none of this name."""
    if key not in CATEGORIES:
        raise NotFound(f"There is no category {key!r}.")
    with product.database.read() as connection:
        places = shelves.on_shelf(connection, key, limit=_A_PAGE + 1, after=after)
        shown, modified = pages(connection, [each.comparison for each in places[:_A_PAGE]])
        return CategoryPage(
            key=key,
            comparisons=shown,
            categories=shelves.categories(connection),
            more=places[_A_PAGE - 1] if len(places) > _A_PAGE else None,
            modified=modified,
        )


# ------------------------------------------------------------ lenses


@dataclass(frozen=True, slots=True, kw_only=True)
class LensTally:
    """What a lens ships of a category, or of everything (`category` is None)."""

    category: str | None
    ships: int
    skips: int

    @property
    def percent(self) -> int | None:
        """Whole percent of ships."""
        return percent(self.ships, self.ships + self.skips)


@dataclass(frozen=True, slots=True, kw_only=True)
class LensPage:
    """A lens with its ship rate and its newest verdicts by category."""

    lens: Lens
    total: LensTally
    tallies: tuple[LensTally, ...]
    heard: tuple[tuple[str, tuple[Heard, ...]], ...]
    lenses: tuple[Lens, ...]
    tallied: int
    modified: datetime | None


def lens(product: Product, key: str) -> LensPage:
    """A lens. Raises NotFound when there is none of this name."""
    with product.database.read() as connection:
        lenses = people.lenses(connection)
        found = next((each for each in lenses if each.key == key), None)
        if found is None:
            raise NotFound(f"There is no lens {key!r}.")
        counted = shelves.tallies(connection, key)
        heard = shelves.heard(connection, key, limit=_HEARD)
    tallies = tuple(
        LensTally(category=each, ships=counted[each][0], skips=counted[each][1])
        for each in CATEGORIES
        if each in counted
    )
    total = LensTally(category=None, ships=sum(e.ships for e in tallies), skips=sum(e.skips for e in tallies))
    by_category = {each: tuple(h for h in heard if h.category == each) for each in CATEGORIES}
    return LensPage(
        lens=found,
        total=total,
        tallies=tallies,
        heard=tuple((each, said) for each, said in by_category.items() if said),
        lenses=tuple(each for each in lenses if each.active),
        tallied=shelves.TALLIED,
        modified=newer(*(each.submitted_at for each in heard)),
    )


# ------------------------------------------------------------ search and history


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Answers to a search. `query` is what was asked, made harmless; `more` says that there are others."""

    query: str
    comparisons: tuple[ComparisonView, ...]
    more: bool
    categories: tuple[str, ...]  # those with something to read


def search(product: Product, query: str) -> Found:
    """Comparisons whose names, taglines or categories have all the words; the last may be a beginning."""
    asked = clean(query, limit=LONGEST_QUERY)
    wanted = words(asked)
    with product.database.read() as connection:
        ids = shelves.search(connection, wanted, limit=_FOUND + 1) if wanted else []
        shown, _ = pages(connection, ids[:_FOUND])
        keys = shelves.categories(connection)
    return Found(query=asked, comparisons=shown, more=len(ids) > _FOUND, categories=keys)


def changes(product: Product) -> list[Change]:
    """Verdicts that were replaced, the newest first."""
    with product.database.read() as connection:
        return shelves.changes(connection, limit=_CHANGES)
