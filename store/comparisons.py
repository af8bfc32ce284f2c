"""Comparisons: pairs, their versions, and the view an editor approved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.engine import Connection, Row

from core.comparison import Comparison, ComparisonState, ComparisonView, comparison_slug, split_comparison_slug
from core.errors import NotFound, StaleVersion
from core.tool import Reason, Tool
from store import shelves, tools
from store.connect import chunked, insert_for
from store.schema import comparison, edition_comparison, person, tool, tool_slug

UNNAMED_EDITOR = "An editor"
"""How readers see an editor without a name."""

_VIEW = TypeAdapter(ComparisonView)
# On the web: approved as it stands, or published once (then the approved view stays until the next approval).
_PUBLIC = (ComparisonState.APPROVED, ComparisonState.PUBLISHED)


def create(
    connection: Connection,
    one: Tool,
    other: Tool,
    *,
    score: float,
    reasons: Sequence[Reason],
    now: datetime,
) -> Comparison:
    """Put a pair side by side as a draft; a pair that is there stays as it is. Call `refresh` next."""
    low, high = sorted((one.id, other.id))
    slug = comparison_slug(one.slug, other.slug)
    insert = insert_for(connection, comparison).values(
        low=low,
        high=high,
        slug=slug,
        state=ComparisonState.DRAFT,
        version=1,
        fingerprint="",
        made_at=now,
        score=score,
        reasons=[[each.words, each.points] for each in reasons],
    )
    connection.execute(insert.on_conflict_do_nothing(index_elements=["low", "high"]))
    row = connection.execute(_select().where(comparison.c.low == low, comparison.c.high == high)).one()
    return _comparison(row)


def find(connection: Connection, slug: str) -> Comparison:
    """The comparison at this address, in either order and by old slugs of its tools. Raises NotFound."""
    row = connection.execute(_select().where(comparison.c.slug == slug)).one_or_none()
    if row is None:
        one, other = split_comparison_slug(slug)
        low, high = sorted((tools.find(connection, one).id, tools.find(connection, other).id))
        row = connection.execute(_select().where(comparison.c.low == low, comparison.c.high == high)).one_or_none()
    if row is None:
        raise NotFound(f"There is no comparison {slug!r}.", mend="`verdicts comparisons create A B` makes one.")
    return _comparison(row)


def _select() -> sa.Select[Any]:
    return sa.select(comparison, person.c.name.label("approver")).outerjoin(
        person, person.c.id == comparison.c.approved_by
    )


def _comparison(row: Row[Any]) -> Comparison:
    a, b = split_comparison_slug(row.slug)
    return Comparison(
        id=row.id,
        slug=row.slug,
        a=a,
        b=b,
        state=ComparisonState(row.state),
        version=row.version,
        approved_version=row.approved_version,
        approved_by=approver(row),
        approved_at=row.approved_at,
        published_at=row.published_at,
    )


def approver(row: Row[Any]) -> str | None:
    """Who approved, as readers see it: by name, never by address; None when nobody has."""
    return None if row.approved_by is None else row.approver or UNNAMED_EDITOR


def listed(connection: Connection, *, states: Sequence[ComparisonState] | None = None) -> list[Comparison]:
    """All comparisons, the newest first."""
    query = _select().order_by(comparison.c.id.desc())
    if states is not None:
        query = query.where(comparison.c.state.in_(states))
    return [_comparison(row) for row in connection.execute(query)]


def counts(connection: Connection) -> dict[str, int]:
    """How many comparisons are in which state."""
    query = sa.select(comparison.c.state, sa.func.count()).group_by(comparison.c.state)
    return {row[0]: row[1] for row in connection.execute(query)}


def by_ids(connection: Connection, ids: Sequence[int]) -> list[Comparison]:
    """These comparisons, in the order given."""
    rows = _rows(connection, _select(), ids)
    return [_comparison(rows[each]) for each in dict.fromkeys(ids) if each in rows]


def _rows(connection: Connection, query: sa.Select[Any], ids: Sequence[int]) -> dict[int, Row[Any]]:
    parts = (connection.execute(query.where(comparison.c.id.in_(part))) for part in chunked(list(ids)))
    return {row.id: row for rows in parts for row in rows}


def pair(connection: Connection, at: int) -> tuple[int, int]:
    """The two tools of a comparison, in the order of its address."""
    return pairs(connection, [at])[at]


def pairs(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """The two tools of each of these comparisons, in the order that their slugs have today."""
    low, high = tool.alias("low"), tool.alias("high")
    query = (
        sa.select(
            comparison.c.id, low.c.id.label("low"), high.c.id.label("high"), low.c.slug, high.c.slug.label("other")
        )
        .join(low, low.c.id == comparison.c.low)
        .join(high, high.c.id == comparison.c.high)
    )
    rows = _rows(connection, query, ids).values()
    return {row.id: (row.low, row.high) if row.slug < row.other else (row.high, row.low) for row in rows}


def fingerprints(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """What each of these comparisons looked like at the last look at it; empty before the first."""
    rows = _rows(connection, sa.select(comparison.c.id, comparison.c.fingerprint), ids)
    return {at: row.fingerprint for at, row in rows.items()}


def refresh(connection: Connection, at: int, *, fingerprint: str) -> bool:
    """Count a new version when what would be published has changed. Returns whether it had.

    An approved comparison that has not been published goes back to draft; a published one keeps showing what was
    approved.
    """
    changed = sa.and_(comparison.c.id == at, comparison.c.fingerprint != fingerprint)
    state = sa.case(
        (comparison.c.state == ComparisonState.APPROVED, ComparisonState.DRAFT.value), else_=comparison.c.state
    )
    # The first look at a new pair fills in its fingerprint; there is nothing yet that it could differ from.
    counted = sa.case((comparison.c.fingerprint == "", comparison.c.version), else_=comparison.c.version + 1)
    values = {"fingerprint": fingerprint, "version": counted, "state": state}
    return connection.execute(sa.update(comparison).where(changed).values(**values)).rowcount == 1


def rename(connection: Connection, at: int, slug: str) -> None:
    """Give a comparison the address that its tools' present slugs make."""
    connection.execute(sa.update(comparison).where(comparison.c.id == at).values(slug=slug))


def approve(
    connection: Connection, found: Comparison, *, version: int, view: ComparisonView, by: int, now: datetime
) -> None:
    """Approve the version that was read. Raises StaleVersion when it is no longer the present one.

    What has gone out stays, or is again, published: also a comparison that had been retired since.
    """
    state = sa.case(
        (comparison.c.published_at.is_not(None), ComparisonState.PUBLISHED.value),
        else_=ComparisonState.APPROVED.value,
    )
    values = {
        "state": state,
        "approved_version": version,
        "approved_by": by,
        "approved_at": now,
        "approved_view": _VIEW.dump_python(view, mode="json"),
    }
    same = sa.and_(comparison.c.id == found.id, comparison.c.version == version)
    if connection.execute(sa.update(comparison).where(same).values(**values)).rowcount != 1:
        raise StaleVersion(f"{found.slug} has changed since you read it.", mend="Look at it again, then approve.")
    shelves.place(connection, found.id, view, now=now)


def approved_view(connection: Connection, slug: str) -> ComparisonView:
    """What an editor approved, as the public sees it. Raises NotFound for anything else, approved or not."""
    row = connection.execute(_select_public().where(comparison.c.slug == slug)).one_or_none()
    if row is None:
        raise NotFound(f"There is no comparison {slug!r}.")
    return _public_view(row)


def last_approved(connection: Connection, at: int) -> ComparisonView | None:
    """What an editor approved last, for editors: in whatever state it is now. None when nobody ever has."""
    stored = connection.scalar(sa.select(comparison.c.approved_view).where(comparison.c.id == at))
    return None if stored is None else _VIEW.validate_python(stored)


def approved_views(connection: Connection, *, limit: int, ids: Sequence[int] | None = None) -> list[ComparisonView]:
    """Approved views, the newest approval first; of these comparisons, in their order, when given."""
    if ids is not None:
        parts = (connection.execute(_SHOWN, {"ids": part}) for part in chunked(list(ids)))
        rows = {row.id: row for found in parts for row in found}
        return [_public_view(rows[each]) for each in ids if each in rows][:limit]
    newest = _select_public().order_by(comparison.c.approved_at.desc(), comparison.c.id.desc()).limit(limit)
    return [_public_view(row) for row in connection.execute(newest)]


def public_pair(connection: Connection, slug: str) -> tuple[int, int, int]:
    """A public comparison's number and those of its tools. Raises NotFound for anything else, approved or not."""
    row = connection.execute(_PUBLIC_PAIR, {"slug": slug}).one_or_none()
    if row is None:
        raise NotFound(f"There is no comparison {slug!r}.")
    return row.id, row.low, row.high


def present_slugs(connection: Connection, slugs: Sequence[str]) -> dict[str, str]:
    """The address of today for each of these slugs of tools, old ones and those of merged tools included."""
    return {row[0]: row[1] for row in connection.execute(_PRESENT, {"slugs": list(slugs)})}


def _select_public() -> sa.Select[Any]:
    columns = (
        comparison.c.id,
        comparison.c.slug,
        comparison.c.approved_at,
        comparison.c.approved_view,
        comparison.c.published_at,
    )
    return sa.select(*columns).where(comparison.c.state.in_(_PUBLIC))


# What every page asks for is put together once: making such a statement takes longer than its answer.
_SHOWN = _select_public().where(comparison.c.id.in_(sa.bindparam("ids", expanding=True)))
_PUBLIC_PAIR = sa.select(comparison.c.id, comparison.c.low, comparison.c.high).where(
    comparison.c.slug == sa.bindparam("slug"), comparison.c.state.in_(_PUBLIC)
)
_WINNER = tool.alias("winner")
_PRESENT = (
    sa.select(tool_slug.c.slug, sa.func.coalesce(_WINNER.c.slug, tool.c.slug))
    .join(tool, tool.c.id == tool_slug.c.tool)
    .outerjoin(_WINNER, _WINNER.c.id == tool.c.merged_into)
    .where(tool_slug.c.slug.in_(sa.bindparam("slugs", expanding=True)))
)


def _public_view(row: Row[Any]) -> ComparisonView:
    # Under the address of today: a tool may have moved since it was approved.
    view = _VIEW.validate_python(row.approved_view)
    return replace(view, slug=row.slug, approved_at=row.approved_at, published_at=row.published_at)


def waiting(connection: Connection) -> list[int]:
    """Approved comparisons that stand in no edition, the best score first, then the oldest approval."""
    placed = sa.select(edition_comparison.c.comparison)
    query = (
        sa.select(comparison.c.id)
        .where(comparison.c.state == ComparisonState.APPROVED, comparison.c.id.not_in(placed))
        .order_by(comparison.c.score.desc(), comparison.c.approved_at, comparison.c.id)
    )
    return list(connection.scalars(query))


def publish(connection: Connection, ids: Sequence[int], *, now: datetime) -> None:
    """Mark these as gone out."""
    where = sa.and_(comparison.c.id.in_(list(ids)), comparison.c.state == ComparisonState.APPROVED)
    connection.execute(sa.update(comparison).where(where).values(state=ComparisonState.PUBLISHED, published_at=now))
