"""Readers' votes: one per comparison and subscriber, counted unless they are set aside."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from core.errors import StaleVersion
from store.connect import insert_for
from store.schema import comparison, edition, edition_comparison, tool, vote

COUNTED, SET_ASIDE, EXCLUDED = "counted", "set_aside", "excluded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """A vote as it stands. `version` counts the reader's choices; `decided` says that an editor has settled it."""

    choice: int
    version: int
    at: datetime
    state: str
    decided: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AsideRow:
    """A vote that was set aside, as an editor sees it: `reader` is a number, never an address."""

    comparison: str
    reader: int
    choice: str
    at: datetime
    reason: str
    place: tuple[datetime, int, int]


@dataclass(slots=True, kw_only=True)
class Poll:
    """The votes of one comparison: those that count, by slug of the chosen tool, and when any of them last changed by a
    reader or an editor."""

    chosen: dict[str, int] = field(default_factory=dict)
    changed: datetime | None = None


def polls(connection: Connection, slugs: Sequence[str]) -> dict[str, Poll]:
    """Votes per comparison address; nothing where there is none."""
    found: dict[str, Poll] = defaultdict(Poll)
    for slug, choice, state, number, *dates in connection.execute(_POLLS, {"slugs": list(slugs)}):
        poll = found[slug]
        poll.changed = max(each for each in (poll.changed, *dates) if each is not None)
        if state == COUNTED:
            poll.chosen[choice] = number
    return found


def counted(connection: Connection, slugs: Sequence[str]) -> dict[str, dict[str, int]]:
    """Votes that count, per comparison address and slug of the chosen tool."""
    return {slug: poll.chosen for slug, poll in polls(connection, slugs).items() if poll.chosen}


# Made once (making it takes longer than its answer), and answered from one index.
_ASKED = sa.select(comparison.c.id).where(comparison.c.slug.in_(sa.bindparam("slugs", expanding=True)))
_COUNTS = (
    sa.select(
        *(_GROUP := (vote.c.comparison, vote.c.choice, vote.c.state)),
        sa.func.count().label("number"),
        sa.type_coerce(sa.func.max(vote.c.at), vote.c.at.type).label("at"),
        sa.type_coerce(sa.func.max(vote.c.decided_at), vote.c.at.type).label("decided_at"),
    )
    .where(vote.c.comparison.in_(_ASKED))
    .group_by(*_GROUP)
    .subquery()
)
_POLLS = (
    sa.select(comparison.c.slug, tool.c.slug, _COUNTS.c.state, _COUNTS.c.number, _COUNTS.c.at, _COUNTS.c.decided_at)
    .join(comparison, comparison.c.id == _COUNTS.c.comparison)
    .join(tool, tool.c.id == _COUNTS.c.choice)
)


def cast(
    connection: Connection,
    *,
    comparison_id: int,
    subscriber: int,
    choice: int,
    now: datetime,
    network: str | None = None,
    seen: int | None = None,
) -> None:
    """A subscriber's vote; a later one replaces an earlier one, whose state stays.

    `seen` is the version that the reader was shown, 0 for none; without it the vote is taken as it comes. Raises
    StaleVersion when there is a newer one.
    """
    insert = insert_for(connection, vote).values(
        comparison=comparison_id,
        subscriber=subscriber,
        choice=choice,
        at=now,
        state=COUNTED,
        reason="",
        version=1,
        network=network,
    )
    again = {"choice": choice, "at": now, "network": network, "version": vote.c.version + 1}
    unchanged = None if seen is None else vote.c.version == seen
    taken = insert.on_conflict_do_update(index_elements=["comparison", "subscriber"], set_=again, where=unchanged)
    # Asked for what comes back: PostgreSQL's rowcount of an insert is -1.
    if connection.execute(taken.returning(vote.c.version)).one_or_none() is None:
        raise StaleVersion("Your vote has changed since this page was made.", mend="Look at it, then choose again.")


def find(connection: Connection, *, comparison_id: int, subscriber: int) -> Cast | None:
    """A subscriber's vote, None before they chose."""
    row = connection.execute(
        sa.select(vote).where(vote.c.comparison == comparison_id, vote.c.subscriber == subscriber)
    ).one_or_none()
    if row is None:
        return None
    return Cast(choice=row.choice, version=row.version, at=row.at, state=row.state, decided=row.decided_at is not None)


def choice_of(connection: Connection, *, comparison_id: int, subscriber: int) -> int | None:
    """The tool that a subscriber chose, None before they did."""
    found = find(connection, comparison_id=comparison_id, subscriber=subscriber)
    return None if found is None else found.choice


def opened(connection: Connection, comparison_id: int) -> datetime | None:
    """When the edition of a comparison went out, None before it did."""
    query = (
        sa.select(sa.func.coalesce(edition.c.recipients_fixed_at, edition.c.approved_at))
        .join(edition_comparison, edition_comparison.c.week == edition.c.week)
        .where(edition_comparison.c.comparison == comparison_id)
    )
    found: datetime | None = connection.scalar(query)
    return found


def from_network(connection: Connection, *, comparison_id: int, network: str, since: datetime) -> int:
    """How many readers of one network have voted on a comparison since then."""
    query = sa.select(sa.func.count()).where(
        vote.c.comparison == comparison_id, vote.c.network == network, vote.c.at >= since
    )
    return connection.scalar(query) or 0


def set_aside(
    connection: Connection,
    *,
    comparison_id: int,
    reason: str,
    subscriber: int | None = None,
    network: str | None = None,
    since: datetime | None = None,
) -> list[int]:
    """Set votes aside that count and that no editor has settled: one reader's, or those of a network since then.

    Returns the readers.
    """
    these = [vote.c.comparison == comparison_id, vote.c.state == COUNTED, vote.c.decided_at.is_(None)]
    these += [vote.c.subscriber == subscriber] if network is None else [vote.c.network == network, vote.c.at >= since]
    changed = sa.update(vote).where(*these).values(state=SET_ASIDE, reason=reason).returning(vote.c.subscriber)
    return sorted(connection.scalars(changed))


def counts(connection: Connection) -> dict[str, int]:
    """How many votes are in which state."""
    query = sa.select(vote.c.state, sa.func.count()).group_by(vote.c.state)
    return {row[0]: row[1] for row in connection.execute(query)}


Place = tuple[datetime, int, int]
"""Where a vote stands among those set aside: when it was cast, its comparison, its reader."""


def aside(connection: Connection, *, limit: int, after: Place | None = None) -> list[AsideRow]:
    """Votes that wait for an editor, the oldest first; those behind a place."""
    order = (vote.c.at, vote.c.comparison, vote.c.subscriber)
    query = (
        sa.select(*order, comparison.c.slug, tool.c.slug.label("choice"), vote.c.reason)
        .join(comparison, comparison.c.id == vote.c.comparison)
        .join(tool, tool.c.id == vote.c.choice)
        # In the words of ix_vote_set_aside.
        .where(sa.text("vote.state = 'set_aside'"))
        .order_by(*order)
        .limit(limit)
    )
    if after is not None:
        # Said first as a range, so that the walk of the index begins there.
        place = (sa.literal(value, column.type) for value, column in zip(after, order, strict=True))
        behind = sa.tuple_(*order) > sa.tuple_(*place)
        query = query.where(vote.c.at >= after[0], behind)
    return [
        AsideRow(
            comparison=row.slug,
            reader=row.subscriber,
            choice=row.choice,
            at=row.at,
            reason=row.reason,
            place=(row.at, row.comparison, row.subscriber),
        )
        for row in connection.execute(query)
    ]


def decide(
    connection: Connection, comparison_id: int, readers: Sequence[int], *, state: str, now: datetime
) -> list[int]:
    """Count or exclude votes that were set aside: of these readers, or all of them when none is named.

    Returns the readers whose vote was settled.
    """
    these: list[Any] = [vote.c.comparison == comparison_id, vote.c.state == SET_ASIDE]
    if readers:
        these.append(vote.c.subscriber.in_(list(readers)))
    changed = sa.update(vote).where(*these).values(state=state, decided_at=now).returning(vote.c.subscriber)
    return sorted(connection.scalars(changed))
