"""Votes: what a reader's link shows, what its button does, and what an editor settles.

The road of a vote:
    link     names subscriber and comparison, is signed and runs out; opening it changes nothing
    page     hands its button a ballot: signed, and good for the vote as the page saw it, so that no ballot serves twice
    button   writes the choice; a later one replaces it until the vote closes
    rules    set aside what looks like a program or a crowd; an editor counts or excludes it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.addressing import VOTES_OPEN
from app.limiting import Caller
from app.reviewing import require_editor
from app.subscribing import same_person
from app.tokens import Purpose
from app.wiring import Product
from core.errors import NotFound, Refused, StaleVersion
from core.subscriber import Subscriber, SubscriberState
from store import audit, comparisons, tools, votes
from store.votes import AsideRow, Cast, Place

SWITCHED_WITHIN = timedelta(seconds=60)
BURST = 8
BURST_WITHIN = timedelta(minutes=10)
_LARGEST = 2**62
_BALLOT_LASTS = timedelta(hours=24)
_SWITCHED = f"both choices within {SWITCHED_WITHIN.seconds} s"
_CROWD = f"{BURST} or more votes from one network within {BURST_WITHIN.seconds // 60} minutes"


@dataclass(frozen=True, slots=True, kw_only=True)
class BallotSide:
    """One of the two."""

    slug: str
    name: str
    tagline: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballot:
    """What the vote page shows. `choice` is a slug; `nonce` goes back with the button, and is spent by it."""

    comparison: str
    a: BallotSide
    b: BallotSide
    choice: str | None
    closes_at: datetime
    open: bool
    nonce: str

    @property
    def chosen(self) -> BallotSide | None:
        """The side chosen so far."""
        return next((side for side in (self.a, self.b) if side.slug == self.choice), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Poll:
    """A reader before a comparison."""

    comparison: int
    reader: Subscriber
    cast: Cast | None
    ids: dict[str, int]  # slug -> tool
    ballot: Ballot


def ballot(product: Product, token: str) -> Ballot:
    """The vote that a link is for. Raises Refused for a link that is forged or has run out, or whose reader may not
    vote; NotFound for what is not public."""
    with product.database.read() as connection:
        return _poll(product, connection, token).ballot


def _poll(product: Product, connection: Any, token: str) -> _Poll:
    at, slug, *signed = product.signer.read(Purpose.VOTE, token, now=product.now)
    reader = same_person(connection, at, signed)
    found = comparisons.find(connection, slug)
    closes_at = _require_voter(connection, found.id, reader) + VOTES_OPEN
    view = comparisons.approved_view(connection, found.slug)
    # Names as they were approved; slugs of today, whatever the tools were called then.
    today = {side: tools.find(connection, side.slug) for side in (view.a, view.b)}
    a, b = (BallotSide(slug=tool.slug, name=side.name, tagline=side.tagline) for side, tool in today.items())
    ids = {tool.slug: tool.id for tool in today.values()}
    cast = votes.find(connection, comparison_id=found.id, subscriber=reader.id)
    choice = next((each for each, tool in ids.items() if cast is not None and tool == cast.choice), None)
    seen = cast.version if cast is not None else 0
    nonce = product.signer.sign(Purpose.BALLOT, found.id, reader.id, seen, expires=product.now + _BALLOT_LASTS)
    shown = Ballot(
        comparison=found.slug,
        a=a,
        b=b,
        choice=choice,
        closes_at=closes_at,
        open=product.now < closes_at,
        nonce=nonce,
    )
    return _Poll(comparison=found.id, reader=reader, cast=cast, ids=ids, ballot=shown)


def _require_voter(connection: Any, comparison_id: int, reader: Subscriber) -> datetime:
    """When the comparison's edition went out. Raises Refused unless the reader was on the list by then, and still is."""
    opened = votes.opened(connection, comparison_id)
    if opened is None:
        raise NotFound("This comparison has not gone out in an edition.")
    if reader.state is not SubscriberState.ACTIVE:
        raise Refused("Votes are for those who read the weekly mail.", mend="You can subscribe again at any time.")
    if reader.confirmed_at is None or reader.confirmed_at > opened:
        raise Refused("This edition went out before you confirmed your subscription.", mend="The next one has a vote.")
    return opened


def vote(product: Product, token: str, *, choice: str, nonce: str, caller: Caller) -> Ballot:
    """Vote for one of the two, by slug; a later vote replaces an earlier one. Returns the ballot as it is now.

    Raises StaleVersion when the page was made before the reader's newest choice and asks for another, Refused for a ballot that is forged,
    somebody else's or too old, for what is none of the two, and once the vote has closed; NotFound.
    """
    with product.database.write() as connection:
        poll = _poll(product, connection, token)
        if not poll.ballot.open:
            raise Refused("This vote has closed.", mend="The result stays on the comparison's page.")
        seen = _seen(product, poll, nonce)
        if choice not in poll.ids:
            raise Refused("That is not one of the two.", mend="Choose one of the tools on the page.")
        if seen != (poll.cast.version if poll.cast else 0):
            if choice == poll.ballot.choice:  # the answer's page was loaded again
                return poll.ballot
            raise StaleVersion("Your vote has changed since this page was made.", mend="Look at it, then choose again.")
        _cast(product, connection, poll, choice=poll.ids[choice], seen=seen, caller=caller)
        return _poll(product, connection, token).ballot


def _seen(product: Product, poll: _Poll, nonce: str) -> int:
    """The version of the vote that the page was made for."""
    comparison, reader, version = product.signer.read(Purpose.BALLOT, nonce, now=product.now)
    if (comparison, reader) != (poll.comparison, poll.reader.id):
        raise Refused("This button belongs to another vote.", mend="Open the link in the mail again.")
    return int(version)


def _cast(product: Product, connection: Any, poll: _Poll, *, choice: int, seen: int, caller: Caller) -> None:
    now, before = product.now, poll.cast
    votes.cast(
        connection,
        comparison_id=poll.comparison,
        subscriber=poll.reader.id,
        choice=choice,
        now=now,
        network=caller.network,
        seen=seen,
    )
    if before is not None and before.choice != choice and now - before.at < SWITCHED_WITHIN:
        aside = votes.set_aside(connection, comparison_id=poll.comparison, subscriber=poll.reader.id, reason=_SWITCHED)
        _note_aside(product, connection, poll, aside, _SWITCHED)
    if caller.network is not None:
        _watch(product, connection, poll, caller.network)


def _watch(product: Product, connection: Any, poll: _Poll, network: str) -> None:
    """Set the votes of a network aside when too many of its readers chose within minutes."""
    since = product.now - BURST_WITHIN
    if votes.from_network(connection, comparison_id=poll.comparison, network=network, since=since) >= BURST:
        aside = votes.set_aside(connection, comparison_id=poll.comparison, network=network, since=since, reason=_CROWD)
        _note_aside(product, connection, poll, aside, _CROWD)


def _note_aside(product: Product, connection: Any, poll: _Poll, readers: Sequence[int], reason: str) -> None:
    if readers:
        audit.note(
            connection,
            now=product.now,
            actor=audit.SYSTEM,
            action="vote.set_aside",
            subject=f"comparison:{poll.ballot.comparison}",
            after={"readers": list(readers), "reason": reason},
        )


# ------------------------------------------------------------ editors


def set_aside(product: Product, *, limit: int = 100, after: str = "") -> list[AsideRow]:
    """Votes that wait for an editor, the oldest first; behind the one that `place_of` says. Raises NotFound for what
    it never said."""
    with product.database.read() as connection:
        return votes.aside(connection, limit=limit, after=_place(after) if after else None)


def place_of(row: AsideRow) -> str:
    """Where a vote stands among those set aside, for the address of the next page."""
    at, comparison, reader = row.place
    return f"{at.isoformat()}~{comparison}~{reader}"


def _place(text: str) -> Place:
    try:
        at, comparison, reader = text.split("~")
        place = (datetime.fromisoformat(at), int(comparison), int(reader))
        if place[0].tzinfo is None or not all(0 <= each < _LARGEST for each in place[1:]):
            raise ValueError(text)
    except ValueError:
        raise NotFound("There is no such page of votes.", mend="Begin at the first.") from None
    return place


def settle(product: Product, slug: str, readers: Sequence[int] = (), *, count: bool, email: str) -> list[int]:
    """Count or exclude votes that were set aside: those of these readers, or all of the comparison's.

    Returns the readers whose vote was settled. Raises NotFound, also when there is nothing to settle, and Refused for
    somebody who is no editor.
    """
    with product.database.write() as connection:
        editor = require_editor(connection, email)
        found = comparisons.find(connection, slug)
        state = votes.COUNTED if count else votes.EXCLUDED
        done = votes.decide(connection, found.id, readers, state=state, now=product.now)
        if not done:
            raise NotFound(f"No vote on {found.slug} is set aside.", mend="`verdicts votes list` shows them.")
        audit.note(
            connection,
            now=product.now,
            actor=editor.email,
            action="vote.count" if count else "vote.exclude",
            subject=f"comparison:{found.slug}",
            after={"readers": done},
        )
        return done
