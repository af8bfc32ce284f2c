"""How a comparison reads: the words and pairings that its page adds to the values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from core.clock import utc
from core.comparison import ComparisonView, ScorecardRow, Side
from core.fact import Confidence, Fact
from core.panel import Decision, Tally
from core.week import Week
from store.shelves import Place

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_EVIDENCE = {
    Confidence.A: "stated in a structured field",
    Confidence.B: "stated on the maker's own page",
    Confidence.C: "hinted at in a text",
}
LONG_NAME = 13
"""From this many characters on the names of a pair are set smaller, so that both still fit side by side."""
VERY_LONG_NAME = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRow:
    """One field of both tools. Where sources disagree a side has several facts."""

    label: str
    a: tuple[Fact, ...]
    b: tuple[Fact, ...]


def paired_facts(a: Side, b: Side) -> tuple[FactRow, ...]:
    """Both tools' facts, field by field, in the order in which the fields first appear."""
    fields = dict.fromkeys(fact.field for fact in (*a.facts, *b.facts))
    return tuple(FactRow(label=field_label(field), a=_of(a.facts, field), b=_of(b.facts, field)) for field in fields)


def _of(facts: Iterable[Fact], field: str) -> tuple[Fact, ...]:
    return tuple(fact for fact in facts if fact.field == field)


def field_label(field: str) -> str:
    """`context_length` as readers see it: `Context length`."""
    words = field.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def agreement(row: ScorecardRow) -> str:
    """`agree`, `part`, or nothing while a side of the row is empty."""
    if row.a is None or row.b is None:
        return ""
    return "agree" if row.a.decision is row.b.decision else "part"


def panel_call(tally: Tally) -> Decision | None:
    """The panel's own word. A tie is a skip; None without a verdict."""
    if not tally.total:
        return None
    return Decision.SHIP if tally.ships > tally.skips else Decision.SKIP


def evidence(confidence: Confidence) -> str:
    """How good the evidence of a pricing read is, in words."""
    return _EVIDENCE[confidence]


def byline(name: str) -> str:
    """A person's name for a public page. Where only an address is known, its domain is kept private."""
    return name.partition("@")[0] or name.replace("@", "")


def paragraphs(text: str) -> list[str]:
    """A plain text cut at its empty lines."""
    return [piece for piece in (part.strip() for part in text.replace("\r\n", "\n").split("\n\n")) if piece]


def name_size(name: str) -> str:
    """The class that sets a name smaller the longer it is."""
    if len(name) >= VERY_LONG_NAME:
        return "name-very-long"
    return "name-long" if len(name) >= LONG_NAME else "name"


def day(instant: datetime) -> str:
    """`14 November 2026`, in UTC and independent of the machine's locale."""
    instant = utc(instant)
    return f"{instant.day} {_MONTHS[instant.month - 1]} {instant.year}"


def week_span(week: Week) -> str:
    """`23 to 29 November 2026`; month and year are said once where both days share them."""
    first, last = week.monday, week.sunday
    start = str(first.day)
    if first.month != last.month:
        start += f" {_MONTHS[first.month - 1]}"
    if first.year != last.year:
        start += f" {first.year}"
    return f"{start} to {last.day} {_MONTHS[last.month - 1]} {last.year}"


def split_sentence(view: ComparisonView) -> str:
    """Where the reviewers part, in one sentence; nothing while no lens has judged both."""
    split = view.split
    both = len(split.both_ship) + len(split.both_skip)
    total = both + len(split.only_a) + len(split.only_b)
    return f"{both} of {total} lenses agree." if total else ""


def tool_summary(side: Side) -> str:
    """One sentence on a tool, for the same purpose."""
    tagline = f": {side.tagline}" if side.tagline else ""
    return f"{side.name}{tagline} Panel ship {side.panel_label}. {side.pricing.model.label}."


def place(found: Place) -> str:
    """A place on a shelf as an address writes it."""
    return f"{found.approved_at.isoformat().replace('+00:00', 'Z')}~{found.comparison}"


def summary(view: ComparisonView) -> str:
    """One sentence for search results and link previews."""
    return (
        f"{view.a.name} (panel ship {view.a.panel_label}, {view.a.pricing.model.label}) and "
        f"{view.b.name} (panel ship {view.b.panel_label}, {view.b.pricing.model.label}), side by side."
    )
