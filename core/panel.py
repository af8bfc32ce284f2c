"""The panel: lenses, people, seats and verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """A point of view. Data, not code: an installation edits them."""

    key: str
    name: str
    motto: str
    asks: str
    excites: str
    tires: str
    position: int
    active: bool = True


class Role(StrEnum):
    """What a person may do."""

    REVIEWER = "reviewer"
    EDITOR = "editor"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who signs in. `machine` marks a reviewer that is a program: its verdicts carry the label.

    `time_zone` is the IANA name in which the desk shows them times; None: never said, so UTC.
    """

    id: int
    email: str
    name: str
    roles: frozenset[Role]
    lenses: tuple[str, ...]
    machine: bool = False
    active: bool = True
    time_zone: str | None = None


class SeatState(StrEnum):
    """A seat's life. A lease that has run out counts as open."""

    OPEN = "open"
    LEASED = "leased"
    SUBMITTED = "submitted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """What a claim gives: the right to submit from this seat, with this fence number, until then."""

    seat: int
    tool_slug: str
    lens: str
    fence: int
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatRow:
    """A seat as the queue lists it. It says nothing about anybody's verdict."""

    id: int
    tool_slug: str
    tool_name: str
    lens: str
    state: SeatState
    submitted_on_panel: int
    priority: float
    due_at: datetime | None
    holder: str | None
    lease_until: datetime | None
    holder_name: str = ""
    category: str = ""
    first_seen: datetime | None = None  # the tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One seat with what its holder has to know. `holder` is a person's id; None: it is free."""

    id: int
    tool: int
    lens: str
    state: SeatState
    holder: int | None
    lease_until: datetime | None
    fence: int
    begun_at: datetime | None
    due_at: datetime | None
    waiting: bool  # whether its tool is in the queue
    panel_submitted: int


class Decision(StrEnum):
    """The two words of a verdict."""

    SHIP = "ship"
    SKIP = "skip"


class Basis(StrEnum):
    """What a verdict rests on."""

    HANDS_ON = "hands-on"
    DOCS = "docs"

    @property
    def label(self) -> str:
        """As pages and mails write it."""
        return "hands-on" if self is Basis.HANDS_ON else "docs only"


class VerdictState(StrEnum):
    """`submitted` is the one that counts; a seat has at most one. A draft lives beside its seat until then."""

    SUBMITTED = "submitted"
    REVISED = "revised"  # an older version, kept and shown
    WITHDRAWN = "withdrawn"


class DeclineReason(StrEnum):
    """Why a reviewer leaves a seat to others."""

    NOT_MY_FIELD = "not-my-field"
    CONFLICT = "conflict-of-interest"
    LATER = "later"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A verdict that counts."""

    seat: int
    lens: str
    version: int
    decision: Decision
    quote: str
    basis: Basis
    reviewer: str
    machine: bool
    disclosure: str
    submitted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One version of a verdict, whether it counts or not, as its writer and editors see it."""

    id: int
    seat: int
    tool: int
    lens: str
    version: int
    state: VerdictState
    decision: Decision
    quote: str
    basis: Basis
    disclosure: str
    person: int
    reviewer: str
    machine: bool
    read: bool  # a machine-written one: by a person
    reason: str  # why it was revised or withdrawn
    opened_at: datetime | None
    submitted_at: datetime

    @property
    def seconds(self) -> int | None:
        """From opening to submitting; None where that is not known."""
        return None if self.opened_at is None else int((self.submitted_at - self.opened_at).total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A reviewer's unfinished words on a seat. `version` counts savings; 0: none is kept."""

    seat: int
    version: int = 0
    decision: Decision | None = None
    quote: str = ""
    basis: Basis | None = None
    disclosure: str = ""
    saved_at: datetime | None = None

    @property
    def words(self) -> tuple[Decision | None, str, Basis | None, str]:
        """Everything that was typed or chosen."""
        return self.decision, self.quote, self.basis, self.disclosure


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A panel's result. `ship_percent` is None when there is no verdict."""

    ships: int
    skips: int
    ship_percent: int | None
    closed: bool

    @property
    def count(self) -> str:
        """`3-1`: ships, then skips."""
        return f"{self.ships}-{self.skips}"

    @property
    def total(self) -> int:
        """How many verdicts."""
        return self.ships + self.skips
