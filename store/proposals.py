"""Proposals: what editors answered, what speaks for a pair beside its texts, and when a pair may be proposed again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from core.comparison import ComparisonState, comparison_slug
from core.fact import FIGURES
from core.names import keys_of
from store.connect import chunked, insert_for
from store.schema import comparison, event, fact, proposal, sighting, tool, vote
from store.votes import COUNTED

ACCEPTED, REJECTED = "accepted", "rejected"

_IN_HAND = (ComparisonState.PROPOSED, ComparisonState.DRAFT, ComparisonState.APPROVED)
_UNTIL_SENT = datetime.max.replace(tzinfo=UTC)
# The words of the index ix_event_click, so that it is the one that is read.
_CLICK: sa.ColumnClause[str] = sa.literal_column("'click'", sa.Text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What an editor said of a proposed pair; `reason` is empty when it was accepted without one."""

    a: str
    b: str
    answer: str
    reason: str
    by: str
    at: datetime


def answer(connection: Connection, one: int, other: int, *, answer: str, reason: str, by: str, now: datetime) -> None:
    """Write down what was said of a pair; a later answer replaces an earlier one."""
    low, high = sorted((one, other))
    said = {"answer": answer, "reason": reason, "answered_by": by, "at": now}
    insert = insert_for(connection, proposal).values(low=low, high=high, **said)
    connection.execute(insert.on_conflict_do_update(index_elements=["low", "high"], set_=said))


def answers(connection: Connection, *, limit: int) -> list[Answered]:
    """What editors said of proposed pairs, the newest first."""
    one, other = tool.alias(), tool.alias()
    query = (
        sa.select(proposal, one.c.slug.label("one"), other.c.slug.label("other"))
        .join(one, one.c.id == proposal.c.low)
        .join(other, other.c.id == proposal.c.high)
        .order_by(proposal.c.at.desc(), proposal.c.low, proposal.c.high)
        .limit(limit)
    )
    return [_answered(row) for row in connection.execute(query)]


def _answered(row: sa.Row[Any]) -> Answered:
    a, b = sorted((row.one, row.other))
    return Answered(a=a, b=b, answer=row.answer, reason=row.reason, by=row.answered_by, at=row.at)


def settled(connection: Connection) -> dict[str, datetime]:
    """Pairs that are settled, by the address that their tools make today, with the instant up to which they are: they
    come again only after a later change. A comparison that has not gone out yet is settled until it has."""
    found: dict[str, datetime] = {}
    for row in connection.execute(_pairs(comparison, comparison.c.state, *_TIMES)):
        known = max(filter(None, (row.made_at, row.approved_at, row.published_at)))
        found[comparison_slug(row.one, row.other)] = _UNTIL_SENT if row.state in _IN_HAND else known
    for row in connection.execute(_pairs(proposal, proposal.c.at)):
        slug = comparison_slug(row.one, row.other)
        found[slug] = max(row.at, found.get(slug, row.at))
    return found


_TIMES = (comparison.c.made_at, comparison.c.approved_at, comparison.c.published_at)


def _pairs(table: sa.Table, *columns: sa.Column[Any]) -> sa.Select[Any]:
    one, other = tool.alias(), tool.alias()
    return (
        sa.select(one.c.slug.label("one"), other.c.slug.label("other"), *columns)
        .select_from(table)
        .join(one, one.c.id == table.c.low)
        .join(other, other.c.id == table.c.high)
    )


def demand(connection: Connection, *, since: datetime) -> Counter[str]:
    """Tool's address -> votes that count and people who clicked on one of its comparisons since then.

    A click that the provider takes for a program's is left out; one person counts once for each address they clicked.
    """
    found: Counter[str] = Counter()
    asked = _voted(connection, since=since) + _clicked(connection, since=since)
    for part in chunked(sorted(asked)):
        for row in connection.execute(_pairs(comparison, comparison.c.slug).where(comparison.c.slug.in_(part))):
            found.update({row.one: asked[row.slug], row.other: asked[row.slug]})
    return found


def _voted(connection: Connection, *, since: datetime) -> Counter[str]:
    query = (
        sa.select(comparison.c.slug, sa.func.count())
        .join(comparison, comparison.c.id == vote.c.comparison)
        .where(vote.c.state == COUNTED, vote.c.at >= since)
        .group_by(comparison.c.slug)
    )
    return Counter({row[0]: row[1] for row in connection.execute(query)})


def _clicked(connection: Connection, *, since: datetime) -> Counter[str]:
    query = (
        sa.select(event.c.url, sa.func.count(event.c.delivery.distinct()))
        .where(event.c.kind == _CLICK, event.c.at >= since, event.c.machine.is_not(True))
        .where(event.c.url.contains("/compare/", autoescape=True))
        .group_by(event.c.url)
    )
    found: Counter[str] = Counter()
    for url, people in connection.execute(query):
        found[url.partition("/compare/")[2].partition("?")[0].partition("#")[0].strip("/")] += people
    return found


def moved(connection: Connection) -> dict[int, datetime]:
    """Tool -> when a fact of it last gave way to another: the licence, a size, a release. Popularity does not count."""
    query = (
        sa.select(fact.c.tool, sa.type_coerce(sa.func.max(fact.c.superseded_at), fact.c.superseded_at.type))
        .where(fact.c.superseded_at.is_not(None), fact.c.field.not_in(sorted(FIGURES)))
        .group_by(fact.c.tool)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def known_names(connection: Connection, names: Sequence[str]) -> set[str]:
    """Those of these names under which something has been ingested."""
    keys = {name: keys_of(name)[0] for name in names}
    known: set[str] = set()
    for part in chunked(sorted({key for key in keys.values() if key})):
        known |= set(connection.scalars(sa.select(sighting.c.name_key).where(sighting.c.name_key.in_(part)).distinct()))
    return {name for name, key in keys.items() if key in known}
