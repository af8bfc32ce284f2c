"""The queue and a reviewer's own page: what waits for them, what they hold, what they have said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.wiring import Product
from core.errors import NotFound
from core.panel import Decision, Lens, Person, SeatRow
from review.tally import alpha, percent
from store import panels, people, sources
from store.panels import MANY, DraftRow, Place, SaidRow, Wanted

PAGE = 50
_DRAFTS = 50
EMPTY = Wanted(lenses=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A page of the queue as a reviewer sees it."""

    mine: Sequence[SeatRow]  # what they hold
    rows: Sequence[SeatRow]
    further: str  # where the next page begins; empty: this is the last
    waiting: Sequence[tuple[Lens, int]]  # their lenses, with how many seats wait behind each
    sources: Sequence[str]
    quorum: int
    quorums: Mapping[str, int]  # of the categories that have their own

    def needed(self, category: str) -> int:
        """How many verdicts close a panel of this category."""
        return self.quorums.get(category, self.quorum)

    @property
    def many(self) -> int:
        """The number that stands for itself and everything above."""
        return MANY


def queue(product: Product, email: str, wanted: Wanted = EMPTY, *, after: str = "") -> Queue:
    """What waits for a reviewer, in the order in which it is given out; of these of their lenses, or of all.

    Raises NotFound for an `after` that no page of ours holds.
    """
    now = product.now
    place = _place(after) if after else None
    with product.database.read() as connection:
        reviewer = people.find(connection, email)
        mine = [each for each in people.lenses(connection) if each.key in reviewer.lenses]
        chosen = [key for key in wanted.lenses if key in reviewer.lenses] or list(reviewer.lenses)
        asked = replace(wanted, lenses=chosen)
        rows, further = panels.waiting(connection, reviewer, asked, after=place, limit=PAGE, now=now)
        counts = panels.how_many_wait(connection, reviewer.lenses)
        return Queue(
            mine=panels.held(connection, reviewer, now=now),
            rows=rows,
            further="" if further is None else _written(further),
            waiting=[(each, counts.get(each.key, 0)) for each in mine if each.active],
            sources=[key for key, *_ in sources.in_use(connection)],
            quorum=product.settings.quorum,
            quorums=people.quorums(connection),
        )


def _written(place: Place) -> str:
    due = "" if place.due_at is None else place.due_at.isoformat()
    return f"{place.panel_submitted}~{due}~{place.priority!r}~{place.id}"


def _place(text: str) -> Place:
    try:
        submitted, due, priority, at = text.split("~")
        instant = datetime.fromisoformat(due) if due else None
        if instant is not None and instant.tzinfo is None:
            raise ValueError(due)
        place = Place(panel_submitted=int(submitted), due_at=instant, priority=float(priority), id=int(at))
    except ValueError:
        place = None
    if place is None or not (0 <= place.id < 2**62 and abs(place.panel_submitted) < 2**31):
        raise NotFound("There is no such place in the queue.", mend="Open the queue from its beginning.")
    return place


# ------------------------------------------------------------ my page


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far those agree who judged one and the same tool through one lens.

    `alpha` is Krippendorff's, None where there is nothing to reckon with; `tools` were judged by two or more.
    """

    lens: Lens
    tools: int
    alpha: float | None
    shared: int = 0  # of these, with a verdict of the person who asks
    agreed: int = 0  # where everybody else's last word is theirs

    @property
    def percent(self) -> int | None:
        """The share of the shared tools on which the others said the same."""
        return percent(self.agreed, self.shared)


def agreement(connection: Any, *, of: Person | None = None) -> list[Agreement]:
    """Agreement within each lens; never across lenses, which are meant to differ."""
    units = panels.judged_twice(connection)
    found = []
    for lens in people.lenses(connection):
        here = units.get(lens.key, [])
        mine = [unit for unit in here if of is not None and of.id in unit]
        found.append(
            Agreement(
                lens=lens,
                tools=len(here),
                alpha=alpha([list(unit.values()) for unit in here]),
                shared=len(mine),
                agreed=sum(_all_alike(unit) for unit in mine),
            )
        )
    return found


def _all_alike(unit: Mapping[int, Decision]) -> bool:
    return len(set(unit.values())) == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Mine:
    """A reviewer's own page."""

    held: Sequence[SeatRow]
    drafts: Sequence[DraftRow]
    said: Sequence[SaidRow]
    further: int | None  # the next page begins before this verdict
    agreement: Sequence[Agreement]


def mine(product: Product, email: str, *, before: int | None = None) -> Mine:
    """What somebody holds, has begun and has said, and how far others agree with them."""
    with product.database.read() as connection:
        reviewer = people.find(connection, email)
        said = panels.verdicts_of(connection, reviewer, before=before, limit=PAGE + 1)
        held = panels.held(connection, reviewer, now=product.now)
        return Mine(
            held=held,
            drafts=panels.drafts(connection, reviewer, limit=_DRAFTS),
            said=said[:PAGE],
            further=said[PAGE - 1].said.id if len(said) > PAGE else None,
            agreement=[each for each in agreement(connection, of=reviewer) if each.lens.key in reviewer.lenses],
        )
