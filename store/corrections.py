"""Corrections: what readers say is wrong, what an editor answered, and the public log of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from core.errors import NotFound, Refused
from store.schema import comparison, correction, exhibit, tool
from store.shelves import PUBLIC_STATES

OPEN, ACCEPTED, REJECTED = "open", "accepted", "rejected"
_SHOWN = 20
_SIDES = {side: tool.alias(side) for side in ("low", "high")}
_SHOWN_AS = {side: exhibit.alias(f"{side}_exhibit") for side in ("low", "high")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A reader's report as editors see it. `about` is `compare/SLUG` or `tools/SLUG`."""

    id: int
    about: str
    claim: str
    source_url: str | None
    state: str
    note: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """An entry of the public log: the editor's words, never the reader's."""

    id: int
    about: str
    name: str
    note: str
    at: datetime


def add(
    connection: Connection,
    *,
    comparison_id: int | None,
    tool_id: int | None,
    claim: str,
    source_url: str | None,
    now: datetime,
) -> int:
    """Keep a report. Returns its number."""
    values = {"comparison": comparison_id, "tool": tool_id, "claim": claim, "source_url": source_url}
    insert = sa.insert(correction).values(**values, state=OPEN, note="", at=now).returning(correction.c.id)
    return int(connection.execute(insert).scalar_one())


def _select() -> sa.Select[Any]:
    return (
        sa.select(
            correction,
            comparison.c.slug.label("pair"),
            comparison.c.state.label("pair_state"),
            tool.c.slug.label("tool_slug"),
            exhibit.c.name.label("tool_name"),
            *(each.c.name.label(f"{side}_name") for side, each in _SHOWN_AS.items()),
            *(each.c.slug.label(f"{side}_slug") for side, each in _SIDES.items()),
        )
        .outerjoin(comparison, comparison.c.id == correction.c.comparison)
        .outerjoin(tool, tool.c.id == correction.c.tool)
        .outerjoin(exhibit, exhibit.c.tool == correction.c.tool)
        .outerjoin(_SIDES["low"], _SIDES["low"].c.id == comparison.c.low)
        .outerjoin(_SIDES["high"], _SIDES["high"].c.id == comparison.c.high)
        .outerjoin(_SHOWN_AS["low"], _SHOWN_AS["low"].c.tool == comparison.c.low)
        .outerjoin(_SHOWN_AS["high"], _SHOWN_AS["high"].c.tool == comparison.c.high)
    )


def _name(row: Any) -> str:
    """As readers know it: a tool by its name, a comparison by both, in the order of its address."""
    if row.pair is None:
        return str(row.tool_name or row.tool_slug)
    sides = sorted(
        (slug, name or slug) for slug, name in ((row.low_slug, row.low_name), (row.high_slug, row.high_name))
    )
    return " vs ".join(name for _, name in sides)


def _about(row: Any) -> str:
    return f"compare/{row.pair}" if row.pair is not None else f"tools/{row.tool_slug}"


def waiting(connection: Connection, *, limit: int, state: str = OPEN, after: int | None = None) -> list[Report]:
    """Reports in a state: those that wait the oldest first, those that are settled the newest first; behind number
    `after`."""
    query, at = _select().where(correction.c.state == state), correction.c.id
    if after is not None:
        query = query.where(at > after if state == OPEN else at < after)
    query = query.order_by(at if state == OPEN else at.desc()).limit(limit)
    return [
        Report(
            id=row.id,
            about=_about(row),
            claim=row.claim,
            source_url=row.source_url,
            state=row.state,
            note=row.note,
            at=row.at,
        )
        for row in connection.execute(query)
    ]


def decide(connection: Connection, at: int, *, state: str, note: str, now: datetime) -> str:
    """Settle an open report. Returns what it is about. Raises NotFound, and Refused for one that is settled."""
    row = connection.execute(_select().where(correction.c.id == at)).one_or_none()
    if row is None:
        raise NotFound(f"There is no correction {at}.", mend="`verdicts corrections list` shows them.")
    still = sa.and_(correction.c.id == at, correction.c.state == OPEN)
    changed = sa.update(correction).where(still).values(state=state, note=note, decided_at=now)
    if connection.execute(changed).rowcount != 1:
        raise Refused(f"Correction {at} is {row.state} already.")
    return _about(row)


def log(connection: Connection, *, limit: int, before: int | None = None) -> list[Corrected]:
    """What was corrected on pages that are public, the newest report first."""
    query = _public().order_by(correction.c.id.desc()).limit(limit)
    return _corrected(connection.execute(query if before is None else query.where(correction.c.id < before)))


def decided(connection: Connection, *, after: datetime, until: datetime, limit: int) -> list[Corrected]:
    """What was corrected on public pages in this time, the latest decision first."""
    within = sa.and_(correction.c.decided_at > after, correction.c.decided_at <= until)
    query = _public().where(within).order_by(correction.c.decided_at.desc(), correction.c.id.desc())
    return _corrected(connection.execute(query.limit(limit)))


def of_comparison(connection: Connection, at: int) -> tuple[Corrected, ...]:
    """What was corrected on the page of a comparison, the newest first."""
    return tuple(_corrected(connection.execute(_OF_COMPARISON, {"at": at})))


def of_tool(connection: Connection, at: int) -> tuple[Corrected, ...]:
    """What was corrected on the page of a tool, the newest first."""
    return tuple(_corrected(connection.execute(_OF_TOOL, {"at": at})))


def _public() -> sa.Select[Any]:
    # One question per index; asked with an OR inside, each line of the log would read every comparison.
    stands = [
        sa.exists().where(side == correction.c.tool, shown.c.state.in_(PUBLIC_STATES)).correlate(correction)
        for shown in (comparison.alias("shown"),)
        for side in (shown.c.low, shown.c.high)
    ]
    return _select().where(correction.c.state == ACCEPTED, sa.or_(comparison.c.state.in_(PUBLIC_STATES), *stands))


# Every page of a comparison or tool asks for these: making them takes longer than their answer.
_NEWEST = _public().order_by(correction.c.id.desc()).limit(_SHOWN)
_OF_COMPARISON = _NEWEST.where(correction.c.comparison == sa.bindparam("at"))
_OF_TOOL = _NEWEST.where(correction.c.tool == sa.bindparam("at"))


def _corrected(rows: Iterable[Any]) -> list[Corrected]:
    return [
        Corrected(
            id=row.id,
            about=_about(row),
            name=_name(row),
            note=row.note,
            at=row.decided_at,
        )
        for row in rows
    ]


def counts(connection: Connection) -> dict[str, int]:
    """How many reports are in which state."""
    query = sa.select(correction.c.state, sa.func.count()).group_by(correction.c.state)
    return {row[0]: row[1] for row in connection.execute(query)}
