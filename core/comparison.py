"""Comparisons: two reviewed tools side by side, and the view of one that pages and mails show alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import sqrt

from core.category import category_name
from core.errors import UsageError
from core.fact import Fact, Pricing
from core.panel import Basis, Decision, Tally
from core.tool import Reason

VOTES_SHOWN_FROM = 10
"""Below this many votes a percentage would say more than is known."""

_Z = 1.96  # standard deviations of 95 %

SEPARATOR = "-vs-"


class ComparisonState(StrEnum):
    """A comparison's life."""

    PROPOSED = "proposed"
    DRAFT = "draft"
    APPROVED = "approved"
    PUBLISHED = "published"
    RETIRED = "retired"


def comparison_slug(one: str, other: str) -> str:
    """The address of a pair: both slugs in alphabetical order."""
    first, second = sorted((one, other))
    return f"{first}{SEPARATOR}{second}"


def split_comparison_slug(slug: str) -> tuple[str, str]:
    """The two tool slugs of an address, in the order written. Raises UsageError when it is not a pair."""
    first, separator, second = slug.partition(SEPARATOR)
    if not (first and separator and second) or SEPARATOR in second:
        raise UsageError(f"{slug!r} is not a comparison.", mend="Write two tool slugs like ollama-vs-vllm.")
    return first, second


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """An unordered pair; `a` is the tool whose slug comes first.

    `version` counts every change of what would be published; `approved_version` is the one an editor has seen.
    A comparison counts as approved only while the two are equal.
    """

    id: int
    slug: str
    a: str
    b: str
    state: ComparisonState
    version: int
    approved_version: int | None
    approved_by: str | None
    approved_at: datetime | None
    published_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A pair worth comparing, with the score and its reasons."""

    a: str
    b: str
    score: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Community:
    """Readers' votes of one comparison: how many chose this side, of how many."""

    chosen: int = 0
    votes: int = 0

    @property
    def percent(self) -> int | None:
        """Whole percent, None while there are too few votes."""
        return None if self.votes < VOTES_SHOWN_FROM else round(100 * self.chosen / self.votes)

    @property
    def label(self) -> str:
        """`64 %`, or an em dash."""
        return "—" if self.percent is None else f"{self.percent} %"

    @property
    def lower_bound(self) -> float:
        """How large this side's share is at least, with 95 % confidence (Wilson's score interval): what lists are
        ordered by, so that nine of ten stand above one of one. 0 without votes."""
        if not self.votes:
            return 0.0
        share, n = self.chosen / self.votes, self.votes
        spread = _Z * sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
        return max(0.0, (share + _Z**2 / (2 * n) - spread) / (1 + _Z**2 / n))

    @property
    def note(self) -> str:
        """The count beside the percentage, or how far the votes are from being shown."""
        if self.percent is None:
            return f"{self.votes} of {VOTES_SHOWN_FROM} votes"
        return f"{self.chosen} of {self.votes} votes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One verdict on the scorecard."""

    decision: Decision
    quote: str
    basis: Basis
    reviewer: str
    machine: bool
    submitted_at: datetime
    disclosure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorecardRow:
    """One lens on both tools. None: no verdict yet from this lens on that side."""

    lens: str
    lens_name: str
    motto: str
    a: Cell | None
    b: Cell | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One tool of a comparison, as shown."""

    slug: str
    name: str
    tagline: str
    category: str
    homepage: str | None
    description: str
    described_at: datetime | None
    panel: Tally
    community: Community
    pricing: Pricing
    facts: tuple[Fact, ...] = ()
    first_look: bool = False  # nobody of the panel had hands on it

    @property
    def category_label(self) -> str:
        """The category as readers see it."""
        return category_name(self.category)

    @property
    def panel_label(self) -> str:
        """`75 %, 3-1`, or an em dash."""
        if self.panel.ship_percent is None:
            return "—"
        return f"{self.panel.ship_percent} %, {self.panel.count}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Where the lenses agree on the two tools and where they part; only lenses that judged both count."""

    both_ship: tuple[str, ...]  # lens names, in lens order
    both_skip: tuple[str, ...]
    only_a: tuple[str, ...]  # ship A, skip B
    only_b: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonView:
    """Everything the comparison page and the block in the mail show."""

    slug: str
    version: int
    a: Side
    b: Side
    rows: tuple[ScorecardRow, ...]
    split: Split
    approved_by: str | None
    approved_at: datetime | None
    published_at: datetime | None

    @property
    def title(self) -> str:
        """`A vs B`."""
        return f"{self.a.name} vs {self.b.name}"
