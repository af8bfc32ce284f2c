"""Facts: claims about a tool, each with its source and the date it was observed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One claim: `licence` is `apache-2.0`, says this URL, seen on this day."""

    field: str
    value: str
    source_url: str
    observed_at: datetime


FIGURES = frozenset({"stars", "likes", "downloads", "upvotes", "points", "votes"})
"""Fields that move all the time: they are shown with their day, and no editor approves them."""


class PricingModel(StrEnum):
    """What it costs to begin. Unknown is a value of its own: no evidence, no claim."""

    OPEN_SOURCE = "open_source"
    FREE = "free"
    FREEMIUM = "freemium"
    PAID = "paid"
    UNKNOWN = "unknown"

    @property
    def label(self) -> str:
        """As pages and mails write it."""
        return self.value.replace("_", " ").capitalize()


class Per(StrEnum):
    """What an entry price buys."""

    MONTH = "month"
    YEAR = "year"
    USER_MONTH = "user_month"
    MILLION_TOKENS = "1M_tokens"
    ONCE = "once"

    @property
    def label(self) -> str:
        """As pages and mails write it."""
        return _PER_LABELS[self]


_PER_LABELS = {
    Per.MONTH: "per month",
    Per.YEAR: "per year",
    Per.USER_MONTH: "per user and month",
    Per.MILLION_TOKENS: "per 1M tokens",
    Per.ONCE: "once",
}


class Confidence(StrEnum):
    """How good the evidence is: a structured field, the maker's own page, a hint in a text."""

    A = "A"
    B = "B"
    C = "C"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """An amount as the source states it; never converted."""

    amount: Decimal
    currency: str  # ISO 4217
    per: Per

    def __str__(self) -> str:
        amount = f"{self.amount.normalize():f}"
        whole, _, cents = amount.partition(".")
        if cents:
            amount = f"{whole}.{cents:0<2}"
        return f"{amount} {self.currency} {self.per.label}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pricing:
    """A pricing read. `rule` names the rule that fired; `quote` is the evidence in the source's words."""

    model: PricingModel
    entry_price: Price | None = None
    flags: tuple[str, ...] = ()  # trial, source_available, open_weights, usage_based
    source_url: str | None = None
    quote: str = ""
    rule: str = ""
    confidence: Confidence = Confidence.C
    observed_at: datetime | None = None
