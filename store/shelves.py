"""Shelves: where approval puts a comparison so that readers find it, and what they find there.

`place` is the only writer. Whether something is shown is the comparison's state to say, so every reader here joins it:
what is no longer approved disappears from every shelf at once. Each reader walks an index as far as its page is long.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from core.category import CATEGORIES
from core.comparison import Cell, ComparisonState, ComparisonView, Side
from core.panel import Decision
from core.words import words
from store.connect import insert_for
from store.schema import (
    comparison,
    exhibit,
    lens,
    said,
    search_word,
    shelf,
    tool,
    tool_slug,
    verdict_change,
)

PUBLIC_STATES = (ComparisonState.APPROVED, ComparisonState.PUBLISHED)
_PUBLIC = comparison.c.state.in_(PUBLIC_STATES)
_SAMPLE = 500  # from here on two words are equally frequent
_LONGEST_WALK = 1000
_LONGEST_RANGE = 500
TALLIED = 1000
"""Verdicts that a lens's ship rate is taken of: its newest."""
_MOST_WORDS = 6


def _shown(column: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Whether the comparison with this number is public.

    Asked row by row on purpose: of a join SQLite first makes a filter over every comparison there is, which takes
    longer than the few rows that a page needs.
    """
    state = sa.select(comparison.c.state).where(comparison.c.id == column).scalar_subquery()
    return state.in_(PUBLIC_STATES)


def _address(column: sa.ColumnElement[int]) -> sa.ScalarSelect[str]:
    """The address of the comparison with this number."""
    return sa.select(comparison.c.slug).where(comparison.c.id == column).scalar_subquery()


# ------------------------------------------------------------ statements
# What many pages ask for is put together once: making such a statement takes longer than its answer.

_LATEST = (
    sa.select(comparison.c.approved_at, comparison.c.id)
    .where(comparison.c.state == sa.bindparam("state"))
    .order_by(comparison.c.approved_at.desc(), comparison.c.id.desc())
    .limit(sa.bindparam("limit"))
)
_FILLED = sa.union_all(
    *(
        sa.select(sa.literal(key).label("key")).where(
            sa.exists().where(shelf.c.category == key, _shown(shelf.c.comparison))
        )
        for key in CATEGORIES
    )
)
# Each half by its own index; of an OR both engines may rather read every comparison in the order of approval.
_EITHER = sa.union_all(
    *(
        sa.select(comparison.c.id, comparison.c.approved_at).where(column == sa.bindparam("tool"), _PUBLIC)
        for column in (comparison.c.low, comparison.c.high)
    )
).subquery()
_OF_TOOL = (
    sa.select(_EITHER.c.id).order_by(_EITHER.c.approved_at.desc(), _EITHER.c.id.desc()).limit(sa.bindparam("limit"))
)


# ------------------------------------------------------------ approval


def place(connection: Connection, at: int, view: ComparisonView, *, now: datetime) -> None:
    """Put an approved view on its shelves, and keep what its verdicts replace. Placing it again changes nothing."""
    slugs = [view.a.slug, view.b.slug]
    known = sa.select(tool_slug.c.slug, tool_slug.c.tool).where(tool_slug.c.slug.in_(slugs))
    tools = {row.slug: row.tool for row in connection.execute(known)}
    _on_shelf(connection, at, view, now=now)
    _into_index(connection, at, view)
    for side, letter in ((view.a, "a"), (view.b, "b")):
        _exhibit(connection, at, tools[side.slug], side, now=now)
        cells = {row.lens: (row.lens_name, getattr(row, letter)) for row in view.rows if getattr(row, letter)}
        _hear(connection, at, tools[side.slug], side, cells, now=now)


def _on_shelf(connection: Connection, at: int, view: ComparisonView, *, now: datetime) -> None:
    connection.execute(sa.delete(shelf).where(shelf.c.comparison == at))
    rows = [{"comparison": at, "category": each, "approved_at": now} for each in {view.a.category, view.b.category}]
    connection.execute(sa.insert(shelf), rows)


def _into_index(connection: Connection, at: int, view: ComparisonView) -> None:
    connection.execute(sa.delete(search_word).where(search_word.c.comparison == at))
    texts = [text for side in (view.a, view.b) for text in (side.name, side.tagline, side.category)]
    found = sorted({word for text in texts for word in words(text)})
    if found:
        connection.execute(sa.insert(search_word), [{"word": each, "comparison": at} for each in found])


def _exhibit(connection: Connection, at: int, tool_id: int, side: Side, *, now: datetime) -> None:
    shown = {"comparison": at, "category": side.category, "name": side.name, "approved_at": now}
    insert = insert_for(connection, exhibit).values(tool=tool_id, **shown)
    connection.execute(insert.on_conflict_do_update(index_elements=["tool"], set_=shown))


def _hear(
    connection: Connection, at: int, tool_id: int, side: Side, cells: dict[str, tuple[str, Cell]], *, now: datetime
) -> None:
    """Keep what each lens says of a tool; what it said before becomes history."""
    before = connection.execute(sa.select(said).where(said.c.tool == tool_id)).all()
    changes = [
        {
            "tool": tool_id,
            "lens": row.lens,
            "lens_name": cells[row.lens][0] if row.lens in cells else row.lens.capitalize(),
            "comparison": at,
            "before": row.decision,
            "after": cells[row.lens][1].decision if row.lens in cells else None,
            "quote": row.quote,
            "submitted_at": row.submitted_at,
            "at": now,
        }
        for row in before
        if row.lens not in cells or (row.decision, row.quote) != (cells[row.lens][1].decision, cells[row.lens][1].quote)
    ]
    if changes:
        connection.execute(sa.insert(verdict_change), changes)
    connection.execute(sa.delete(said).where(said.c.tool == tool_id))
    rows = [
        {
            "tool": tool_id,
            "lens": key,
            "comparison": at,
            "category": side.category,
            "decision": cell.decision,
            "quote": cell.quote,
            "submitted_at": cell.submitted_at,
            "approved_at": now,
        }
        for key, (_, cell) in cells.items()
    ]
    if rows:
        connection.execute(sa.insert(said), rows)


# ------------------------------------------------------------ readers


def newest(connection: Connection, *, limit: int, before: int | None = None) -> list[int]:
    """Public comparisons, the newest first by number; below `before` when given."""
    query = sa.select(comparison.c.id).where(_PUBLIC).order_by(comparison.c.id.desc()).limit(limit)
    return list(connection.scalars(query if before is None else query.where(comparison.c.id < before)))


def latest(connection: Connection, *, limit: int) -> list[int]:
    """Public comparisons, the newest approval first."""
    # One walk per state along its index; with IN the whole list would be sorted.
    found = [row for state in PUBLIC_STATES for row in connection.execute(_LATEST, {"state": state, "limit": limit})]
    return [row.id for row in sorted(found, key=lambda row: (row.approved_at, row.id), reverse=True)[:limit]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a comparison stands on a shelf: what a page of a shelf continues after."""

    approved_at: datetime
    comparison: int


def on_shelf(connection: Connection, category: str, *, limit: int, after: Place | None = None) -> list[Place]:
    """Public comparisons of a category, the newest approval first."""
    query = (
        sa.select(shelf.c.approved_at, shelf.c.comparison)
        .where(shelf.c.category == category, _shown(shelf.c.comparison))
        .order_by(shelf.c.approved_at.desc(), shelf.c.comparison.desc())
        .limit(limit)
    )
    if after is not None:
        here = sa.tuple_(shelf.c.approved_at, shelf.c.comparison)
        there = sa.tuple_(sa.literal(after.approved_at, shelf.c.approved_at.type), sa.literal(after.comparison))
        query = query.where(here < there)
    return [Place(approved_at=row.approved_at, comparison=row.comparison) for row in connection.execute(query)]


def categories(connection: Connection) -> tuple[str, ...]:
    """Categories with something on their shelf, in their fixed order."""
    there = set(connection.scalars(_FILLED))
    return tuple(key for key in CATEGORIES if key in there)


def of_tool(connection: Connection, tool_id: int, *, limit: int) -> list[int]:
    """Public comparisons that a tool stands in, the newest approval first."""
    return list(connection.scalars(_OF_TOOL, {"tool": tool_id, "limit": limit}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibited:
    """A tool on show: its number and address, and those of the comparison that shows it."""

    tool: int
    slug: str
    comparison: int
    pair: str


def tools(connection: Connection, *, limit: int, before: int | None = None) -> list[Exhibited]:
    """Tools on show, the newest first by number; below `before` when given."""
    query = (
        sa.select(exhibit.c.tool, tool.c.slug, exhibit.c.comparison, _address(exhibit.c.comparison).label("pair"))
        .join(tool, tool.c.id == exhibit.c.tool)
        .where(_shown(exhibit.c.comparison))
        .order_by(exhibit.c.tool.desc())
        .limit(limit)
    )
    query = query if before is None else query.where(exhibit.c.tool < before)
    return [
        Exhibited(tool=row.tool, slug=row.slug, comparison=row.comparison, pair=row.pair)
        for row in connection.execute(query)
    ]


# ------------------------------------------------------------ lenses


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A published verdict as a lens's page lists it."""

    tool_slug: str
    tool_name: str
    category: str
    decision: Decision
    quote: str
    submitted_at: datetime
    comparison: str  # the address of the one that shows it


def lens_keys(connection: Connection) -> tuple[str, ...]:
    """Lenses in use, in their order."""
    return tuple(connection.scalars(sa.select(lens.c.key).where(lens.c.active).order_by(lens.c.position)))


def heard(connection: Connection, key: str, *, limit: int) -> list[Heard]:
    """What a lens said last, the newest approval first."""
    query = (
        sa.select(said, tool.c.slug, exhibit.c.name, _address(said.c.comparison).label("pair"))
        .join(tool, tool.c.id == said.c.tool)
        .join(exhibit, exhibit.c.tool == said.c.tool)
        .where(said.c.lens == key, _shown(said.c.comparison))
        .order_by(said.c.approved_at.desc(), said.c.tool.desc())
        .limit(limit)
    )
    return [
        Heard(
            tool_slug=row.slug,
            tool_name=row.name,
            category=row.category,
            decision=Decision(row.decision),
            quote=row.quote,
            submitted_at=row.submitted_at,
            comparison=row.pair,
        )
        for row in connection.execute(query)
    ]


def tallies(connection: Connection, key: str) -> dict[str, tuple[int, int]]:
    """Ships and skips per category, over the newest `TALLIED` public verdicts of a lens."""
    newest_said = (
        sa.select(said.c.category, said.c.decision)
        .where(said.c.lens == key, _shown(said.c.comparison))
        .order_by(said.c.approved_at.desc(), said.c.tool.desc())
        .limit(TALLIED)
        .subquery()
    )
    pair = newest_said.c.category, newest_said.c.decision
    query = sa.select(*pair, sa.func.count()).group_by(*pair)
    found: dict[str, dict[str, int]] = {}
    for category, decision, number in connection.execute(query):
        found.setdefault(category, {})[decision] = number
    return {key: (each.get(Decision.SHIP, 0), each.get(Decision.SKIP, 0)) for key, each in found.items()}


# ------------------------------------------------------------ history


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A published verdict that was replaced, or withdrawn (`after` is None)."""

    id: int
    tool_slug: str
    tool_name: str
    category: str
    lens: str
    lens_name: str
    before: Decision
    after: Decision | None
    quote: str
    submitted_at: datetime
    at: datetime

    @property
    def words(self) -> str:
        """What happened, as a title says it."""
        if self.after is None:
            return f"{self.lens_name} withdraws the {self.before}"
        if self.after is self.before:
            return f"{self.lens_name} still says {self.after}, in other words"
        return f"{self.lens_name} turns from {self.before} to {self.after}"


def changes(connection: Connection, *, limit: int, tool_id: int | None = None) -> list[Change]:
    """Published verdicts that were replaced, the newest first; of one tool when given."""
    query = (
        sa.select(verdict_change, tool.c.slug, exhibit.c.name, exhibit.c.category)
        # Both are always there; an outer join keeps the newest changes in the lead, whatever the planner thinks.
        .outerjoin(tool, tool.c.id == verdict_change.c.tool)
        .outerjoin(exhibit, exhibit.c.tool == verdict_change.c.tool)
        .where(_shown(verdict_change.c.comparison))
        .order_by(verdict_change.c.id.desc())
        .limit(limit)
    )
    if tool_id is not None:
        query = query.where(verdict_change.c.tool == tool_id)
    return [
        Change(
            id=row.id,
            tool_slug=row.slug,
            tool_name=row.name,
            category=row.category,
            lens=row.lens,
            lens_name=row.lens_name,
            before=Decision(row.before),
            after=None if row.after is None else Decision(row.after),
            quote=row.quote,
            submitted_at=row.submitted_at,
            at=row.at,
        )
        for row in connection.execute(query)
    ]


# ------------------------------------------------------------ search


def search(connection: Connection, wanted: Sequence[str], *, limit: int) -> list[int]:
    """Public comparisons with all of these words, the newest first. The last word may be a beginning of one.

    The rarest word leads, and no more than its newest `_LONGEST_WALK` comparisons are looked at, so that the work is
    bounded whatever is on the shelf.
    """
    if not wanted:
        return []
    terms = [_equals(each) for each in wanted[: _MOST_WORDS - 1]]
    terms = [*terms[: len(wanted) - 1], _begins(wanted[min(len(wanted), _MOST_WORDS) - 1])]
    rarest = _rarest(connection, terms)
    if rarest is None:
        return []
    lead = terms[rarest](search_word.c.word)
    query = _range_of_words(lead) if rarest == len(terms) - 1 else _walk_of_word(lead)
    at = query.selected_columns[0]
    for number, term in enumerate(terms):
        if number != rarest:
            other = search_word.alias()
            query = query.where(sa.exists().where(other.c.comparison == at, term(other.c.word)))
    return list(connection.scalars(query.where(_shown(at)).order_by(at.desc()).limit(limit)))


def _walk_of_word(lead: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Comparisons with a word. They lie in order, so the walk ends when the page is full, or at its longest."""
    led = sa.select(search_word.c.comparison).where(lead)
    end = led.order_by(search_word.c.comparison.desc()).offset(_LONGEST_WALK).limit(1).scalar_subquery()
    return led.where(search_word.c.comparison > sa.func.coalesce(end, 0))


def _range_of_words(lead: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Comparisons with a beginning of a word. All of them would have to be sorted, so any `_LONGEST_RANGE` will do."""
    some = sa.select(search_word.c.comparison).where(lead).limit(_LONGEST_RANGE).subquery()
    return sa.select(some.c.comparison).distinct()


def _equals(word: str) -> Any:
    return lambda column: column == word


def _begins(word: str) -> Any:
    # Everything that begins with the word lies between it and its successor, by bytes.
    return lambda column: sa.and_(column >= word, column < word + "\U0010ffff")


def _rarest(connection: Connection, terms: Iterable[Any]) -> int | None:
    """The term with the fewest comparisons, counted up to a sample; None when one has none at all."""
    counts = [
        sa.select(sa.literal(number).label("term"), sa.func.count().label("found")).select_from(
            sa.select(search_word.c.comparison).where(term(search_word.c.word)).limit(_SAMPLE).subquery()
        )
        for number, term in enumerate(terms)
    ]
    found = {row.term: row.found for row in connection.execute(sa.union_all(*counts))}
    return None if min(found.values()) == 0 else min(found, key=lambda each: found[each])


# ------------------------------------------------------------ machines


def last_ids(connection: Connection) -> tuple[int, int]:
    """The highest number of a comparison and of a tool on show; 0 where there is none."""
    query = sa.select(
        sa.select(sa.func.max(comparison.c.id)).scalar_subquery(),
        sa.select(sa.func.max(exhibit.c.tool)).scalar_subquery(),
    )
    row = connection.execute(query).one()
    return row[0] or 0, row[1] or 0


def comparison_addresses(connection: Connection, *, above: int, up_to: int) -> list[tuple[str, datetime]]:
    """Addresses of public comparisons numbered in this range, with their approval."""
    query = sa.select(comparison.c.slug, comparison.c.approved_at).where(
        comparison.c.id > above, comparison.c.id <= up_to, _PUBLIC
    )
    return [(row.slug, row.approved_at) for row in connection.execute(query.order_by(comparison.c.id))]


def tool_addresses(connection: Connection, *, above: int, up_to: int) -> list[tuple[str, datetime]]:
    """Addresses of tools on show numbered in this range, with the approval that shows them."""
    query = (
        sa.select(tool.c.slug, exhibit.c.approved_at)
        .join(exhibit, exhibit.c.tool == tool.c.id)
        .where(exhibit.c.tool > above, exhibit.c.tool <= up_to, _shown(exhibit.c.comparison))
    )
    return [(row.slug, row.approved_at) for row in connection.execute(query.order_by(exhibit.c.tool))]
