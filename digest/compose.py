"""Composing: from comparison views to everything that a digest prints, as one value. No I/O, no clock.

Two rules live here. *Strength* says which comparison a reader would miss most: the distance of the two panels in
percentage points, ten more for every lens that parts the two tools, five for every verdict that rests on hands-on
use; on a tie the address decides, so that the order is the same on every machine. *The strongest quote* of a side
agrees with its panel's result (a tie is a skip), comes from a person before a machine, from hands-on use before
documents, and then from the lens that stands first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

from markupsafe import Markup

from core.comparison import Cell, ComparisonView, ScorecardRow, Side
from core.edition import Edition
from core.errors import RenderError
from core.fact import Pricing
from core.panel import Decision, Tally
from core.text import clean
from core.week import Week
from digest import markdown, marks
from digest.addresses import safe_url
from digest.marks import Mark

TITLE = "Weekly Verdicts"
SUBJECT_LENGTH = 60
PREHEADER_LENGTH = 110
READERS_LIMIT = 10
"""More comparisons than this nobody reads in one sitting; the web has the rest."""

PER_CATEGORY = 2

TAGLINE_LENGTH = 120
QUOTE_LENGTH = 280
NAME_LENGTH = 60
NO_VERDICT = "no verdict yet"
LEGEND = "75 %, 3-1: three reviewers would ship it, one would skip it."

_MONTHS = (  # not strftime: its month names change with the machine's locale
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The pricing read in words. `source_url` is None where there is none that a mail may link to."""

    label: str
    price: str
    seen: str
    source_name: str
    source_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBlock:
    """One tool of a comparison, in words."""

    name: str
    category: str
    tagline: str
    percent: str
    count: str  # empty where nobody has judged it
    first_look: bool
    community: str
    community_note: str
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """One decision of the scorecard: `SHIP` or `SKIP`; `kind` picks its colour, never its meaning."""

    kind: str
    words: str
    machine: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RowBlock:
    """One lens on both tools."""

    lens: str
    a: Mention
    b: Mention


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteBlock:
    """A quote with everything a reader needs to weigh it."""

    tool: str
    lens: str
    decision: str
    words: str
    basis: str
    reviewer: str
    machine: bool
    disclosure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One tool in the line of a comparison: its name with its panel, and whether the panel puts it ahead."""

    words: str
    ahead: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One comparison in one line, with the address of its page."""

    url: str
    a: Standing
    b: Standing

    @property
    def words(self) -> str:
        """`Ollama (75 %, 3-1) vs vLLM (25 %, 1-3)`."""
        return f"{self.a.words} vs {self.b.words}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteLink:
    """The link to the page on which a reader votes, at the button of one tool."""

    tool: str
    page: Mark
    anchor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One comparison as the digest prints it: `parted` holds a row for each lens that parts the two tools, `others`
    the verdicts of all other lenses in sentences."""

    number: int
    slug: str
    url: str
    title: str
    line: Line
    a: SideBlock
    b: SideBlock
    parted: tuple[RowBlock, ...]
    others: tuple[str, ...]
    quotes: tuple[QuoteBlock, ...]
    votes: tuple[VoteLink, ...]  # none once the vote has closed
    outcome: str  # of a vote that has closed, in a sentence; else empty


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionLine:
    """Something that a page had wrong: which page, and the editor's words."""

    name: str
    url: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """Everything that the templates of a digest print."""

    title: str
    number: int
    week: str
    dates: str
    subject: str
    preheader: str
    intro: Markup  # HTML that may stand as it is
    intro_text: tuple[str, ...]  # paragraphs and list items
    blocks: tuple[Block, ...]
    also: tuple[Line, ...]  # the rest of the edition, in a variant; all of it, in a best-of
    best_of: str  # the month, `October 2026`; empty for a week's edition
    left_over: int
    corrections: tuple[CorrectionLine, ...]
    edition_url: str
    home_url: str
    method_url: str
    postal_address: tuple[str, ...]  # lines
    unsubscribe_url: Mark
    preferences_url: Mark
    confirmed_on: Mark
    hello: Mark
    legend: str  # how to read the figures of the contents


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A correction to be printed: `about` is the path of its page (`compare/ada-vs-bea`), `name` what it is called."""

    about: str
    name: str
    note: str


def compose(
    *,
    edition: Edition,
    views: Sequence[ComparisonView],
    also: Sequence[ComparisonView] = (),
    left_over: int,
    corrections: Sequence[Correction] = (),
    base_url: str,
    postal_address: str,
    best_of: str = "",
    closed: Collection[str] = (),
) -> Digest:
    """An edition as the templates print it, its comparisons in the order of `views`; those of `also` get a line each.

    `best_of` names the month that `views` are the best of; then `also` is this week's edition. `closed` holds the
    addresses of comparisons whose vote has closed: they are printed with its result instead of links to it.
    `left_over` counts approved comparisons that this mail leaves to the web; `base_url` is the public address.
    Raises RenderError when there is nothing to print, a comparison stands twice, or the address is unusable.
    """
    base = _base(base_url)
    _check([*views, *also])
    intro = edition.intro if edition.intro.strip() else suggest_intro(len(views) + len(also))
    return Digest(
        title=TITLE,
        number=edition.number,
        week=str(edition.week),
        dates=dates(edition.week),
        subject=clean(edition.subject, limit=200) or suggest_subject(views),
        preheader=clean(edition.preheader, limit=200) or suggest_preheader(views),
        intro=markdown.html(intro),
        intro_text=markdown.plain(intro),
        blocks=tuple(
            _block(view, number=number, base=base, closed=view.slug in closed)
            for number, view in enumerate(views, start=1)
        ),
        also=tuple(_line(view, base=base) for view in also),
        best_of=best_of,
        left_over=left_over,
        corrections=tuple(_correction(each, base=base) for each in corrections),
        edition_url=f"{base}/editions/{edition.week}{'/best-of' if best_of else ''}",
        home_url=f"{base}/",
        method_url=f"{base}/methodology",
        postal_address=_lines(postal_address),
        unsubscribe_url=marks.UNSUBSCRIBE_URL,
        preferences_url=marks.PREFERENCES_URL,
        confirmed_on=marks.CONFIRMED_ON,
        hello=marks.HELLO,
        legend=LEGEND,
    )


def _base(base_url: str) -> str:
    base = base_url.rstrip("/")
    if safe_url(base, schemes=("https", "http")) is None:
        raise RenderError(f"{base_url!r} is not a public address.", mend="Set VERDICTS_BASE_URL to https://your.host.")
    return base


def _check(views: Sequence[ComparisonView]) -> None:
    if not views:
        raise RenderError("A digest needs a comparison.", mend="Approve one, then assemble the edition again.")
    slugs = [view.slug for view in views]
    twice = sorted({slug for slug in slugs if slugs.count(slug) > 1})
    if twice:
        raise RenderError(f"{', '.join(twice)} stands in the edition twice.", mend="Remove one of them.")


# --- which and in what order


def strength(view: ComparisonView) -> int:
    """How much a reader would miss a comparison; the rule stands at the top of this file."""
    shares = [side.panel.ship_percent for side in (view.a, view.b)]
    distance = abs(shares[0] - shares[1]) if shares[0] is not None and shares[1] is not None else 0
    parted = len(view.split.only_a) + len(view.split.only_b)
    hands_on = sum(cell.basis.value == "hands-on" for row in view.rows for cell in (row.a, row.b) if cell)
    return distance + 10 * parted + 5 * hands_on


def strongest_first(views: Sequence[ComparisonView]) -> tuple[ComparisonView, ...]:
    """The same views, strongest first; equals by address."""
    return tuple(sorted(views, key=lambda view: (-strength(view), view.slug)))


def choose(
    views: Sequence[ComparisonView], *, limit: int = READERS_LIMIT
) -> tuple[tuple[ComparisonView, ...], tuple[ComparisonView, ...]]:
    """Which comparisons an edition takes, strongest first, and which are left over.

    A tool stands in an edition once, and a category on at most `PER_CATEGORY` comparisons: who reads on wants to meet
    something else. A comparison that has to stand back is not lost; it comes up again next week.
    """
    chosen: list[ComparisonView] = []
    tools: set[str] = set()
    categories: Counter[str] = Counter()
    for view in strongest_first(views):
        both = {view.a.category, view.b.category}
        fits = not tools & {view.a.slug, view.b.slug} and all(categories[each] < PER_CATEGORY for each in both)
        if fits and len(chosen) < limit:
            chosen.append(view)
            tools |= {view.a.slug, view.b.slug}
            categories.update(both)
    taken = {view.slug for view in chosen}
    return tuple(chosen), tuple(view for view in strongest_first(views) if view.slug not in taken)


# --- subject and preheader


def suggest_subject(views: Sequence[ComparisonView]) -> str:
    """The two strongest pairings in about 60 characters; one and a count where two do not fit."""
    titles = [_title(view) for view in strongest_first(views)]
    if not titles:
        return TITLE
    rest = len(titles) - 2
    wishes = [f"{titles[0]}, {titles[1]} and {rest} more"] if rest > 0 else []
    wishes += [f"{titles[0]}; {titles[1]}", f"{titles[0]} and {len(titles) - 1} more"] if len(titles) > 1 else []
    fitting = [wish for wish in wishes if len(wish) <= SUBJECT_LENGTH]
    return fitting[0] if fitting else clean(titles[0], limit=SUBJECT_LENGTH)


def suggest_preheader(views: Sequence[ComparisonView]) -> str:
    """What the subject leaves out: how the panel judged the strongest pairing, and how many more there are."""
    ordered = strongest_first(views)
    if not ordered:
        return ""
    lead = f"Panel ship: {_line(ordered[0], base='').words}."
    more = f" And {_more(len(ordered) - 1)}." if len(ordered) > 1 else ""
    return clean(lead + more, limit=PREHEADER_LENGTH)


def suggest_intro(count: int) -> str:
    """What follows the greeting where an editor has written nothing; true of every edition."""
    which = f"Here are this week's {count} comparisons" if count > 1 else "Here is this week's comparison"
    return f"{which}: what the panel would ship, what it would skip, and where it parts."


def best_of_subject(month: str, views: Sequence[ComparisonView]) -> str:
    """What the mail is and its first pairing, with how many follow, in about 60 characters; without the count where
    that does not fit."""
    lead, first = f"Best of {month}: ", _title(views[0])
    rest = f" and {len(views) - 1} more" if len(views) > 1 else ""
    whole = f"{lead}{first}{rest}"
    return whole if len(whole) <= SUBJECT_LENGTH else clean(f"{lead}{first}", limit=SUBJECT_LENGTH)


def best_of_preheader(views: Sequence[ComparisonView]) -> str:
    """How the panel judged the first pairing, and what follows."""
    more = f"{_more(len(views) - 1)}, and those of this week" if len(views) > 1 else "those of this week"
    return clean(f"Panel ship: {_line(views[0], base='').words}. Then {more}.", limit=PREHEADER_LENGTH)


def best_of_intro(month: str) -> str:
    """What the mail is and how its comparisons were chosen, as an intro."""
    return (
        f"Your monthly mail: the best comparisons of {month}, those with the most votes of readers first, then those "
        "with the most clicks, then those on which the panel sees the two furthest apart. This week's follow, a line each."
    )


def _more(count: int) -> str:
    return f"{count} more comparison{'s' if count > 1 else ''}"


# --- one comparison


def _block(view: ComparisonView, *, number: int, base: str, closed: bool = False) -> Block:
    return Block(
        number=number,
        slug=view.slug,
        url=f"{base}/compare/{view.slug}",
        title=_title(view),
        line=_line(view, base=base),
        a=_side(view.a),
        b=_side(view.b),
        parted=tuple(parted for row in view.rows if (parted := _parted(row))),
        others=_others(view),
        quotes=tuple(quote for quote in (_quote(view, "a"), _quote(view, "b")) if quote),
        votes=() if closed else tuple(_vote(view, side) for side in (view.a, view.b)),
        outcome=_outcome(view) if closed else "",
    )


def _name(side: Side) -> str:
    return clean(side.name, limit=NAME_LENGTH)


def _title(view: ComparisonView) -> str:
    return f"{_name(view.a)} vs {_name(view.b)}"


def _line(view: ComparisonView, *, base: str) -> Line:
    a, b = view.a.panel.ship_percent or 0, view.b.panel.ship_percent or 0
    return Line(
        url=f"{base}/compare/{view.slug}",
        a=Standing(words=f"{_name(view.a)} ({view.a.panel_label})", ahead=a > b),
        b=Standing(words=f"{_name(view.b)} ({view.b.panel_label})", ahead=b > a),
    )


def _vote(view: ComparisonView, side: Side) -> VoteLink:
    return VoteLink(tool=_name(side), page=marks.vote_url(view.slug), anchor=f"for-{side.slug}")


def _outcome(view: ComparisonView) -> str:
    """How a vote ended. Without percentages where there were too few votes: they would say more than is known."""
    if view.a.community.percent is None or view.b.community.percent is None:
        return f"The vote has closed: {view.a.community.note}, too few for a result."
    sides = (f"{_name(side)} {side.community.label}" for side in (view.a, view.b))
    return f"The vote has closed: {', '.join(sides)} of {view.a.community.votes} votes."


def _correction(told: Correction, *, base: str) -> CorrectionLine:
    return CorrectionLine(
        name=clean(told.name, limit=2 * NAME_LENGTH),
        url=f"{base}/{told.about}",
        note=clean(told.note, limit=QUOTE_LENGTH),
    )


def _side(side: Side) -> SideBlock:
    return SideBlock(
        name=_name(side),
        category=side.category_label,
        tagline=clean(side.tagline, limit=TAGLINE_LENGTH),
        percent="—" if side.panel.ship_percent is None else f"{side.panel.ship_percent} %",
        count=side.panel.count if side.panel.total else "",
        first_look=side.first_look and side.panel.total > 0,
        community=side.community.label,
        community_note=side.community.note,
        entry=entry(side.pricing),
    )


def entry(pricing: Pricing) -> Entry:
    """A pricing read in words. A source that a mail should not link to (not https) is named only."""
    return Entry(
        label=pricing.model.label,
        price=str(pricing.entry_price) if pricing.entry_price else "",
        seen=day(pricing.observed_at) if pricing.observed_at else "",
        source_name=_host(pricing.source_url),
        source_url=safe_url(pricing.source_url),
    )


def _mention(cell: Cell) -> Mention:
    return Mention(kind=cell.decision.value, words=cell.decision.value.upper(), machine=cell.machine)


def _parted(row: ScorecardRow) -> RowBlock | None:
    """The row of a lens that judges the two differently, None for any other."""
    if row.a is None or row.b is None or row.a.decision is row.b.decision:
        return None
    return RowBlock(lens=row.lens_name, a=_mention(row.a), b=_mention(row.b))


def _others(view: ComparisonView) -> tuple[str, ...]:
    """What the lenses say that do not part the two, a sentence for each thing that is said: the lenses that agree, and
    those that have judged one of the two only."""
    said: dict[str, list[str]] = {}
    for row in view.rows:
        if not _parted(row):
            said.setdefault(_saying(view, row), []).append(row.lens_name + _by_machine(view, row))
    return tuple(f"{', '.join(lenses)}: {words}." for words, lenses in said.items())


def _saying(view: ComparisonView, row: ScorecardRow) -> str:
    if row.a and row.b:
        return f"{row.a.decision.value.upper()} both"
    for cell, judged, other in ((row.a, view.a, view.b), (row.b, view.b, view.a)):
        if cell:
            return f"{cell.decision.value.upper()} {_name(judged)}, {NO_VERDICT} on {_name(other)}"
    return f"{NO_VERDICT} on either"


def _by_machine(view: ComparisonView, row: ScorecardRow) -> str:
    machines = [_name(side) for side, cell in ((view.a, row.a), (view.b, row.b)) if cell and cell.machine]
    return f" (machine-written on {' and '.join(machines)})" if machines else ""


def _quote(view: ComparisonView, side: str) -> QuoteBlock | None:
    tool: Side = getattr(view, side)
    spoken = [(row, cell) for row in view.rows if (cell := getattr(row, side)) and cell.quote.strip()]
    if not spoken:
        return None
    row, cell = min(spoken, key=lambda pair: _weakness(pair[1], tool.panel))
    return _spoken(tool, row, cell)


def _weakness(cell: Cell, panel: Tally) -> tuple[bool, bool, bool]:
    result = Decision.SHIP if panel.ships > panel.skips else Decision.SKIP
    return cell.decision is not result, cell.machine, cell.basis.value != "hands-on"


def _spoken(tool: Side, row: ScorecardRow, cell: Cell) -> QuoteBlock:
    return QuoteBlock(
        tool=_name(tool),
        lens=row.lens_name,
        decision=cell.decision.value.upper(),
        words=clean(cell.quote, limit=QUOTE_LENGTH),
        basis=cell.basis.label,
        reviewer=clean(cell.reviewer, limit=NAME_LENGTH),
        machine=cell.machine,
        disclosure=clean(cell.disclosure, limit=TAGLINE_LENGTH),
    )


# --- words


def hello(name: str) -> str:
    """How a reader is greeted, whose name may not be known; the value of the mark `HELLO`."""
    return f"Hello {name}," if name else "Hello,"


def day(instant: datetime | date) -> str:
    """`22 November 2026`."""
    return f"{instant.day} {_MONTHS[instant.month - 1]} {instant.year}"


def month(week: Week) -> str:
    """The month that a week belongs to, that of its Thursday: `November 2026`."""
    thursday = week.monday + timedelta(days=3)
    return f"{_MONTHS[thursday.month - 1]} {thursday.year}"


def dates(week: Week) -> str:
    """A week's days: `16 to 22 November 2026`, with month and year of the first day where they differ."""
    first, last = week.monday, week.sunday
    if first.year != last.year:
        return f"{day(first)} to {day(last)}"
    if first.month != last.month:
        return f"{first.day} {_MONTHS[first.month - 1]} to {day(last)}"
    return f"{first.day} to {day(last)}"


def _lines(address: str) -> tuple[str, ...]:
    """An address without its empty lines, and without our title, which stands above it."""
    lines = (clean(line, limit=200) for line in address.splitlines())
    return tuple(line for line in lines if line not in ("", TITLE))


def _host(url: str | None) -> str:
    try:
        host = urlsplit(url or "").hostname or ""
    except ValueError:
        return ""
    return clean(host.removeprefix("www."), limit=60)
