"""How a comparison reads: the words and pairings that its page adds to the values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

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
MEDIUM_NAME, LONG_NAME, VERY_LONG_NAME = 9, 13, 40
"""From this many characters on the names of a pair are set smaller, so that both still fit side by side."""
_TAB_TITLE = 48
"""Characters of a page's title before the site's name: search engines and tabs cut what is longer."""
_LONG_NUMBER = re.compile(r"[1-9][0-9]{4,17}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRow:
    """One field of both tools. Where sources disagree a side has several facts."""

    label: str
    a: tuple[Fact, ...]
    b: tuple[Fact, ...]


def paired_facts(a: Side, b: Side) -> tuple[FactRow, ...]:
    """Both tools' facts, field by field: what is known of both comes first, each part in order of appearance."""
    fields = dict.fromkeys(fact.field for fact in (*a.facts, *b.facts))
    rows = [FactRow(label=field_label(field), a=_of(a.facts, field), b=_of(b.facts, field)) for field in fields]
    return tuple(sorted(rows, key=lambda row: not (row.a and row.b)))


def _of(facts: Iterable[Fact], field: str) -> tuple[Fact, ...]:
    return tuple(fact for fact in facts if fact.field == field)


def field_label(field: str) -> str:
    """`context_length` as readers see it: `Context length`."""
    words = field.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def fact_words(value: str) -> str:
    """A fact's value as readers read it: a date as a day, a number of five digits and more in threes."""
    if _LONG_NUMBER.fullmatch(value):
        return f"{int(value):,}"
    try:
        return day(datetime.fromisoformat(value).replace(tzinfo=UTC)) if _DATE.fullmatch(value) else value
    except ValueError:  # no day of the calendar
        return value


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


def shipped_and_skipped(view: ComparisonView) -> tuple[list[Side], list[Side]]:
    """The sides that the panels ship, and those that they skip; none while either panel is open or empty."""
    sides = (view.a, view.b)
    if not all(side.panel.closed and side.panel.total for side in sides):
        return [], []
    shipped = [side for side in sides if panel_call(side.panel) is Decision.SHIP]
    return shipped, [side for side in sides if side not in shipped]


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
    if len(name) >= LONG_NAME:
        return "name-long"
    return "name-medium" if len(name) >= MEDIUM_NAME else "name"


def tab_title(*names: str) -> str:
    """`A vs B`, or one name, short enough for a tab; an ellipsis says where something was cut."""
    whole = " vs ".join(names)
    if len(whole) <= _TAB_TITLE:
        return whole
    most = (_TAB_TITLE - len(" vs ") * (len(names) - 1)) // len(names)
    return " vs ".join(name if len(name) <= most else f"{name[: most - 1].rstrip()}…" for name in names)


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
