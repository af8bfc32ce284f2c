"""Panels as editors oversee them: how far they are, who said what and how fast, and what to do when one is stuck."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app import queueing, reviewing
from app.reviewing import require_editor
from app.wiring import Product
from core.errors import NotFound, Refused
from core.panel import Lens, Person, Role, Said, SeatState, Tally, VerdictState
from core.text import clean
from core.tool import Tool
from review.tally import is_quick, is_split, tally
from store import audit, panels, people, reviews, tools
from store.panels import Chair, Declined

PAGE = 50
_REASON_LIMIT = 500


class Show(StrEnum):
    """Which panels are listed."""

    OPEN = "open"
    CLOSED = "closed"
    UNREAD = "unread"  # with a machine-written verdict that nobody has read
    DESERTED = "deserted"  # with a seat that nobody is left for


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelRow:
    """A panel in a list: how far it is and what is odd, never what anybody said."""

    tool: Tool
    chairs: Sequence[Chair]
    submitted: int
    quorum: int
    quick: int
    unread: int
    declined: int
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Panels:
    """A page of panels. `further`: where the next page begins; empty: this is the last."""

    rows: Sequence[PanelRow]
    further: str
    agreement: Sequence[queueing.Agreement]


def listed(product: Product, show: Show, *, after: str = "") -> Panels:
    """Panels under way by age, closed ones newest first, or those that need somebody. Raises NotFound for a bad
    `after`."""
    with product.database.read() as connection:
        ids, closings = _ids(connection, show, after=after, now=product.now)
        shown = ids[:PAGE]
        last = shown[-1] if len(ids) > PAGE else None
        rows = _rows(product, connection, shown, closings)
        further = "" if last is None else _written(last, closings.get(last))
        return Panels(rows=rows, further=further, agreement=queueing.agreement(connection))


def _ids(connection: Any, show: Show, *, after: str, now: datetime) -> tuple[list[int], dict[int, datetime]]:
    if show is Show.CLOSED:
        closed = panels.closed(connection, before=_closing(after) if after else None, limit=PAGE + 1)
        return [at for at, _ in closed], dict(closed)
    if show is Show.DESERTED:
        found = reviews.deserted(connection, now=now, limit=PAGE)
        slugs = dict.fromkeys(each.tool_slug for each in found)
        return [tools.find(connection, slug).id for slug in slugs], {}
    begins = _number(after) if after else None
    walk = panels.under_way if show is Show.OPEN else panels.unread
    return walk(connection, after=begins, limit=PAGE + 1), {}


def _written(at: int, closed: datetime | None) -> str:
    return str(at) if closed is None else f"{closed.isoformat()}~{at}"


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):  # noqa: PLR2004 - digits of a row's number
        raise NotFound("There is no such page of panels.", mend="Open the list from its beginning.")
    return int(text)


def _closing(text: str) -> tuple[datetime, int]:
    at, _, number = text.partition("~")
    try:
        instant = datetime.fromisoformat(at)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise NotFound("There is no such page of panels.", mend="Open the list from its beginning.")
    return instant, _number(number)


def _rows(product: Product, connection: Any, ids: Sequence[int], closings: dict[int, datetime]) -> list[PanelRow]:
    found = tools.get(connection, ids)
    seats, said = panels.chairs(connection, ids), panels.said_on(connection, ids)
    declined, quorums = panels.declines(connection, ids), people.quorums(connection)
    rows = []
    for at in ids:
        counting = [each for each in said.get(at, ()) if each.state is VerdictState.SUBMITTED]
        rows.append(
            PanelRow(
                tool=found[at],
                chairs=seats.get(at, ()),
                submitted=len(counting),
                quorum=quorums.get(found[at].category, product.settings.quorum),
                quick=sum(_quick(each, found[at]) for each in counting),
                unread=sum(each.machine and not each.read for each in counting),
                declined=len(declined.get(at, ())),
                closed_at=closings.get(at),
            )
        )
    return rows


def _quick(said: Said, tool: Tool) -> bool:
    words = len(f"{tool.tagline} {tool.description}".split())
    return is_quick(said.seconds, words=words)


# ------------------------------------------------------------ one panel


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A seat of a panel with everything that was said from it, oldest first, and who declined it."""

    chair: Chair
    lens: Lens
    said: Sequence[Said]
    declined: Sequence[Declined]

    @property
    def standing(self) -> Said | None:
        """The verdict that counts."""
        return next((each for each in self.said if each.state is VerdictState.SUBMITTED), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelView:
    """A panel as an editor sees it. `hidden`: the editor could still judge this tool and has not given that up; then
    nothing of what was said is here."""

    tool: Tool
    places: Sequence[Place]
    tally: Tally | None
    split: bool
    quick: frozenset[int]  # numbers of verdicts that came very fast
    hidden: bool
    submitted: int
    quorum: int
    lookers: Sequence[tuple[str, datetime]]


def panel(product: Product, email: str, slug: str) -> PanelView:
    """Everything about one panel; without what was said while the editor could still judge. Raises NotFound."""
    with product.database.read() as connection:
        viewer = people.find(connection, email)
        tool = tools.find(connection, slug)
        hidden = reviewing.seen_by(connection, viewer, tool.id).hidden
        versions = () if hidden else panels.said_on(connection, [tool.id]).get(tool.id, ())
        counting = reviews.verdicts(connection, [tool.id]).get(tool.id, ())
        quorum = people.quorum_of(connection, tool.id, default=product.settings.quorum)
        result = tally(counting, quorum=quorum)
        lenses = {each.key: each for each in people.lenses(connection)}
        declined = panels.declines(connection, [tool.id]).get(tool.id, ())
        return PanelView(
            tool=tool,
            places=[
                Place(
                    chair=chair,
                    lens=lenses[chair.lens],
                    said=[each for each in versions if each.seat == chair.id],
                    declined=[each for each in declined if each.lens == chair.lens],
                )
                for chair in panels.chairs(connection, [tool.id]).get(tool.id, ())
            ],
            tally=None if hidden else result,
            split=not hidden and is_split(result),
            quick=frozenset(each.id for each in versions if _quick(each, tool)),
            hidden=hidden,
            submitted=result.total,
            quorum=quorum,
            lookers=panels.lookers(connection, tool.id),
        )


def give_up_judging(product: Product, email: str, slug: str) -> None:
    """Show an editor who reviews, too, what the panel says: they judge this tool no more."""
    with product.database.read() as connection:
        found = tools.find(connection, slug).id
        viewer = people.find(connection, email)
    if Role.EDITOR not in viewer.roles:
        raise Refused(f"{viewer.email} is not an editor.")
    reviewing.look(product, email, [found])


def mark_read(product: Product, email: str, slug: str) -> int:
    """An editor has read the machine-written verdicts of a tool. Returns how many there were."""
    now = product.now
    with product.database.write() as connection:
        editor = require_editor(connection, email)
        found = tools.find(connection, slug)
        _require_sight(connection, editor, found.id)
        count = reviews.unchecked_machine_verdicts(connection, [found.id])
        reviews.check_machine_verdicts(connection, [found.id], by=editor)
        if count:
            audit.note(
                connection,
                now=now,
                actor=editor.email,
                action="verdict.read",
                subject=f"tool:{found.slug}",
                after={"machine_verdicts": count},
            )
        return count


def _require_sight(connection: Any, editor: Person, tool: int) -> None:
    if reviewing.seen_by(connection, editor, tool).hidden:
        raise Refused("You could still judge this tool.", mend="Show its verdicts first; then you judge it no more.")


def _why(reason: str) -> str:
    why = clean(reason, limit=_REASON_LIMIT)
    if not why:
        raise Refused("That needs a reason.", mend="Say in a sentence why; it is kept in the log.")
    return why


def break_lease(product: Product, email: str, seat: int, *, fence: int, reason: str) -> str:
    """Take a seat from whoever holds it, for a reason that is logged; their draft stays. Returns the tool's slug.

    Raises Refused, and StaleFence when by now somebody else holds it.
    """
    why, now = _why(reason), product.now
    with product.database.write() as connection:
        editor = require_editor(connection, email)
        was = reviews.break_lease(connection, seat, fence=fence)
        holder = people.with_ids(connection, [was.holder or 0])[was.holder or 0]
        slug = tools.get(connection, [was.tool])[was.tool].slug
        audit.note(
            connection,
            now=now,
            actor=editor.email,
            action="seat.break_lease",
            subject=f"tool:{slug}",
            before={"seat": seat, "lens": was.lens, "holder": holder.email, "fence": fence},
            after={"reason": why},
        )
        return slug


def reopen(product: Product, email: str, seat: int, *, version: int, reason: str) -> str:
    """Take a verdict away, for a reason that is logged and kept beside it; its seat waits again. Returns the tool's slug.

    Raises Refused where its tool stands in an approved comparison, and StaleVersion.
    """
    why, now = _why(reason), product.now
    with product.database.write() as connection:
        editor = require_editor(connection, email)
        found = reviews.get_seat(connection, seat)
        _require_sight(connection, editor, found.tool)
        at = reviews.reopen(connection, seat, version=version, reason=why)
        slug = reviewing.resettle(product, connection, at)
        audit.note(
            connection,
            now=now,
            actor=editor.email,
            action="seat.reopen",
            subject=f"tool:{slug}",
            before={"seat": seat, "lens": found.lens, "version": version},
            after={"reason": why},
        )
        return slug


@dataclass(frozen=True, slots=True, kw_only=True)
class DesertedSeat:
    """A seat that waits and that nobody is left for."""

    seat: int
    tool: str
    tool_name: str
    lens: str
    due_at: datetime | None


def deserted(product: Product, *, limit: int = 100) -> list[DesertedSeat]:
    """Seats that every reviewer of their lens has declined, or cannot take: an alarm, not a silent hole."""
    with product.database.read() as connection:
        return [
            DesertedSeat(
                seat=each.id, tool=each.tool_slug, tool_name=each.tool_name, lens=each.lens, due_at=each.due_at
            )
            for each in reviews.deserted(connection, now=product.now, limit=limit)
            if each.state is not SeatState.SUBMITTED
        ]
