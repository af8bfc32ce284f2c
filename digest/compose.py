"""Composing: from comparison views to everything that a digest prints, as one value. No I/O, no clock.

Two rules live here. *Strength* says which comparison a reader would miss most: the distance of the two panels in
percentage points, ten more for every lens that parts the two tools, five for every verdict that rests on hands-on
use; on a tie the address decides, so that the order is the same on every machine. *The strongest quote* of a side
agrees with its panel's result (a tie is a skip), comes from a person before a machine, from hands-on use before
documents, and then from the lens that stands first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlsplit

from core.comparison import Cell, ComparisonView, ScorecardRow, Side, Split
from core.edition import Edition
from core.errors import RenderError
from core.fact import Pricing
from core.panel import Decision, Tally
from core.text import clean
from core.week import Week
from digest import marks
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

_MONTHS = (  # not strftime: its month names change with the machine's locale
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)

_URL_CHARACTERS = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/?#[]@!$&'()*+,;=%"  # RFC 3986
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
    panel: str
    first_look: bool
    community: str
    community_note: str
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """One decision of the scorecard: `SHIP`, `SKIP` or `no verdict yet`; `kind` picks its colour, never its meaning."""

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
class Block:
    """One comparison as the digest prints it. `verdict` is its one line in the contents list."""

    number: int
    slug: str
    url: str
    vote_url: Mark
    title: str
    verdict: str
    a: SideBlock
    b: SideBlock
    rows: tuple[RowBlock, ...]
    quotes: tuple[QuoteBlock, ...]
    split: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """Everything that the templates of a digest print."""

    title: str
    number: int
    week: str
    dates: str
    subject: str
    preheader: str
    intro: tuple[str, ...]  # paragraphs
    blocks: tuple[Block, ...]
    left_over: int
    edition_url: str
    home_url: str
    method_url: str
    postal_address: tuple[str, ...]  # lines
    unsubscribe_url: Mark
    preferences_url: Mark
    confirmed_on: Mark


def compose(
    *, edition: Edition, views: Sequence[ComparisonView], left_over: int, base_url: str, postal_address: str
) -> Digest:
    """An edition as the templates print it, its comparisons in the order of `views`.

    `left_over` counts approved comparisons that this mail leaves to the web; `base_url` is the public address.
    Raises RenderError when there is nothing to print, a comparison stands twice, or the address is unusable.
    """
    base = _base(base_url)
    _check(views)
    return Digest(
        title=TITLE,
        number=edition.number,
        week=str(edition.week),
        dates=dates(edition.week),
        subject=clean(edition.subject, limit=200) or suggest_subject(views),
        preheader=clean(edition.preheader, limit=200) or suggest_preheader(views),
        intro=_paragraphs(edition.intro),
        blocks=tuple(_block(view, number=number, base=base) for number, view in enumerate(views, start=1)),
        left_over=left_over,
        edition_url=f"{base}/editions/{edition.week}",
        home_url=f"{base}/",
        method_url=f"{base}/methodology",
        postal_address=_lines(postal_address),
        unsubscribe_url=marks.UNSUBSCRIBE_URL,
        preferences_url=marks.PREFERENCES_URL,
        confirmed_on=marks.CONFIRMED_ON,
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
    lead = f"Panel ship: {_verdict(ordered[0])}."
    more = f" And {_more(len(ordered) - 1)}." if len(ordered) > 1 else ""
    return clean(lead + more, limit=PREHEADER_LENGTH)


def _more(count: int) -> str:
    return f"{count} more comparison{'s' if count > 1 else ''}"


# --- one comparison


def _block(view: ComparisonView, *, number: int, base: str) -> Block:
    return Block(
        number=number,
        slug=view.slug,
        url=f"{base}/compare/{view.slug}",
        vote_url=marks.vote_url(view.slug),
        title=_title(view),
        verdict=_verdict(view),
        a=_side(view.a),
        b=_side(view.b),
        rows=tuple(RowBlock(lens=row.lens_name, a=_mention(row.a), b=_mention(row.b)) for row in view.rows),
        quotes=tuple(quote for quote in (_quote(view, "a"), _quote(view, "b")) if quote),
        split=describe_split(view.split, a=_name(view.a), b=_name(view.b)),
    )


def _name(side: Side) -> str:
    return clean(side.name, limit=NAME_LENGTH)


def _title(view: ComparisonView) -> str:
    return f"{_name(view.a)} vs {_name(view.b)}"


def _verdict(view: ComparisonView) -> str:
    return " vs ".join(f"{_name(side)} ({side.panel_label})" for side in (view.a, view.b))


def _side(side: Side) -> SideBlock:
    return SideBlock(
        name=_name(side),
        category=side.category_label,
        tagline=clean(side.tagline, limit=TAGLINE_LENGTH),
        panel=side.panel_label,
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


def _mention(cell: Cell | None) -> Mention:
    if cell is None:
        return Mention(kind="none", words=NO_VERDICT, machine=False)
    return Mention(kind=cell.decision.value, words=cell.decision.value.upper(), machine=cell.machine)


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


def describe_split(split: Split, *, a: str, b: str) -> tuple[str, ...]:
    """Where the lenses agree and where they part, one sentence each; empty when no lens judged both."""
    agree = [
        f"{', '.join(lenses)} ({words})"
        for lenses, words in ((split.both_ship, "ship both"), (split.both_skip, "skip both"))
        if lenses
    ]
    part = [f"{', '.join(lenses)} ({name} only)" for lenses, name in ((split.only_a, a), (split.only_b, b)) if lenses]
    sentences = (("Agree", agree), ("Part", part))
    return tuple(f"{word}: {'; '.join(groups)}." for word, groups in sentences if groups)


# --- words


def day(instant: datetime | date) -> str:
    """`22 November 2026`."""
    return f"{instant.day} {_MONTHS[instant.month - 1]} {instant.year}"


def dates(week: Week) -> str:
    """A week's days: `16 to 22 November 2026`, with month and year of the first day where they differ."""
    first, last = week.monday, week.sunday
    if first.year != last.year:
        return f"{day(first)} to {day(last)}"
    if first.month != last.month:
        return f"{first.day} {_MONTHS[first.month - 1]} to {day(last)}"
    return f"{first.day} to {day(last)}"


def _paragraphs(text: str) -> tuple[str, ...]:
    parts = text.replace("\r\n", "\n").split("\n\n")
    return tuple(clean(part, limit=1_000) for part in parts if part.strip())


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


def safe_url(url: str | None, *, schemes: tuple[str, ...] = ("https",)) -> str | None:
    """The URL when a mail may link to it: one of the schemes, a host, no user name, RFC 3986 characters only."""
    if not url or len(url) > 500 or not _URL_CHARACTERS.issuperset(url):  # noqa: PLR2004 - longer is no page's address
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in schemes and parts.hostname and "@" not in parts.netloc else None
