"""Comparisons, editions and recipients for the tests of this folder: one by hand, any number by hypothesis."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from core.comparison import Cell, Community, ComparisonView, ScorecardRow, Side, Split, comparison_slug
from core.edition import Edition, EditionState
from core.fact import Confidence, Per, Price, Pricing, PricingModel
from core.panel import Basis, Decision, Tally
from core.text import slugify
from core.week import Week
from digest.compose import Correction, Digest, compose

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
BASE_URL = "https://verdicts.example"
POSTAL = "Weekly Verdicts\n1 Panel Street\n10115 Berlin, Germany"

steady = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
"""For tests of laws: neither the first look at Unicode's tables nor a busy machine is a counter-example."""

LENSES = {
    "builder": ("Builder", "Would I build on it this weekend?"),
    "skeptic": ("Skeptic", "What ends it within a year?"),
    "futurist": ("Futurist", "Which trend does it ride?"),
    "founder": ("Founder / Creator", "Who pays, and out of which budget?"),
}


def tally(ships: int, skips: int) -> Tally:
    total = ships + skips
    percent = round(100 * ships / total) if total else None
    return Tally(ships=ships, skips=skips, ship_percent=percent, closed=total >= 4)


def cell(decision: Decision, quote: str, *, reviewer: str = "Ada", basis: Basis = Basis.DOCS, **more: object) -> Cell:
    known = {"machine": False, "submitted_at": NOW, **more}
    return Cell(decision=decision, quote=quote, basis=basis, reviewer=reviewer, **known)  # type: ignore[arg-type]


def split_of(rows: tuple[ScorecardRow, ...]) -> Split:
    def lenses(a: Decision, b: Decision) -> tuple[str, ...]:
        return tuple(row.lens_name for row in rows if row.a and row.b and (row.a.decision, row.b.decision) == (a, b))

    ship, skip = Decision.SHIP, Decision.SKIP
    return Split(
        both_ship=lenses(ship, ship),
        both_skip=lenses(skip, skip),
        only_a=lenses(ship, skip),
        only_b=lenses(skip, ship),
    )


def view_of(a: Side, b: Side, rows: tuple[ScorecardRow, ...]) -> ComparisonView:
    return ComparisonView(
        slug=comparison_slug(a.slug, b.slug),
        version=1,
        a=a,
        b=b,
        rows=rows,
        split=split_of(rows),
        approved_by="Edith",
        approved_at=NOW,
        published_at=NOW,
    )


def row(lens: str, a: Cell | None, b: Cell | None) -> ScorecardRow:
    name, motto = LENSES[lens]
    return ScorecardRow(lens=lens, lens_name=name, motto=motto, a=a, b=b)


def sample_view() -> ComparisonView:
    """SmolVLM2-2B vs SkillClaw with a full panel."""
    ship, skip, hands = Decision.SHIP, Decision.SKIP, Basis.HANDS_ON
    rows = (
        row(
            "builder",
            cell(skip, "Tool calls need a wrapper of your own, and the registry is three weeks old."),
            cell(
                ship,
                "Two gigabytes of memory, one pip install, and it names the frame in which the kettle boils. "
                "I had clips indexed before lunch.",
                basis=hands,
                reviewer="Grace Okafor",
            ),
        ),
        row(
            "skeptic",
            cell(
                skip,
                "Skills that rewrite themselves from logs are a feature of every agent framework by spring; nothing "
                "here stops a bad session from teaching a bad habit.",
                reviewer="Tomas Lind",
            ),
            cell(skip, "Long videos still drift after the second minute."),
        ),
        row(
            "futurist",
            cell(ship, "Agents that learn from each other's sessions, early rather than late.", machine=True),
            cell(ship, "Video understanding moves onto the phone, and this is the first that fits."),
        ),
        row("founder", cell(skip, "No buyer yet."), cell(ship, "Turns an archive into something one can sell.")),
    )
    skillclaw = Side(
        slug="skillclaw",
        name="SkillClaw",
        tagline="Lets agent skills evolve together from what many users' sessions teach",
        category="Agent framework",
        homepage="https://github.com/AMAP-ML/SkillClaw",
        description="",
        described_at=NOW,
        panel=tally(1, 3),
        community=Community(chosen=3, votes=7),
        pricing=Pricing(model=PricingModel.UNKNOWN),
        first_look=True,
    )
    smolvlm = Side(
        slug="smolvlm2-2b",
        name="SmolVLM2-2B",
        tagline="A video language model small enough for a laptop",
        category="Vision model",
        homepage="https://huggingface.co/HuggingFaceTB/SmolVLM2-2.2B-Instruct",
        description="",
        described_at=NOW,
        panel=tally(3, 1),
        community=Community(chosen=4, votes=7),
        pricing=Pricing(
            model=PricingModel.OPEN_SOURCE,
            source_url="https://huggingface.co/HuggingFaceTB/SmolVLM2-2.2B-Instruct",
            observed_at=NOW,
            confidence=Confidence.A,
        ),
    )
    return view_of(skillclaw, smolvlm, rows)


def edition_of(views: tuple[ComparisonView, ...] | list[ComparisonView], **changes: object) -> Edition:
    known: dict[str, object] = {
        "week": Week(2026, 47),
        "number": 12,
        "state": EditionState.DRAFT,
        "subject": "",
        "preheader": "",
        "intro": "",
        "comparisons": tuple(view.slug for view in views),
        "version": 1,
        **changes,
    }
    return Edition(**known)  # type: ignore[arg-type]


def digest_of(
    views: tuple[ComparisonView, ...] | list[ComparisonView],
    left_over: int = 0,
    also: Sequence[ComparisonView] = (),
    corrections: Sequence[Correction] = (),
    *,
    best_of: str = "",
    closed: Collection[str] = (),
    **changes: object,
) -> Digest:
    return compose(
        edition=edition_of(views, **changes),
        views=views,
        also=also,
        corrections=corrections,
        left_over=left_over,
        base_url=BASE_URL,
        postal_address=POSTAL,
        best_of=best_of,
        closed=closed,
    )


def many_views(count: int) -> list[ComparisonView]:
    """The sample again and again under other names, as long as real ones."""
    views = []
    for number in range(count):
        view = sample_view()
        a = _renamed(view.a, f"SkillClaw {number}")
        b = _renamed(view.b, f"SmolVLM2-2B {number}")
        views.append(view_of(a, b, view.rows))
    return views


def _renamed(side: Side, name: str) -> Side:
    return replace(side, name=name, slug=slugify(name))


# --- any comparison

_NASTY = st.sampled_from(
    [
        "A & B <script>alert(1)</script>",
        'quo"te\\n',
        "{{unsubscribe_url}}",
        "{{{{name}}}}",
        "{% if x %}",
        "née 日本語 👩‍💻 \u00a0end",
        "line\nbreak",
        "]]> --> <!-- [if mso]",
        "<mj-text>",
        "http://evil.example/?a=1&b=2",
    ]
)
# Half a template tag is a name like any other; whole ones are among the nasty, where tests know how to find them again.
words = st.one_of(st.text(min_size=1, max_size=60).filter(lambda text: text.strip() and "{%" not in text), _NASTY)

prices = st.builds(
    Price,
    amount=st.decimals(min_value=Decimal(0), max_value=Decimal(9999), places=2),
    currency=st.sampled_from(["USD", "EUR"]),
    per=st.sampled_from(Per),
)
pricings = st.builds(
    Pricing,
    model=st.sampled_from(PricingModel),
    entry_price=st.none() | prices,
    source_url=st.sampled_from(
        [None, "https://a.example/pricing?x=1&y=2", "http://b.example/", "javascript:alert(1)", "https://[bad"]
    ),
    observed_at=st.none() | st.just(NOW),
)
communities = st.integers(0, 200).flatmap(
    lambda votes: st.builds(Community, chosen=st.integers(0, votes), votes=st.just(votes))
)
cells = st.builds(
    Cell,
    decision=st.sampled_from(Decision),
    quote=words,
    basis=st.sampled_from(Basis),
    reviewer=words,
    machine=st.booleans(),
    submitted_at=st.just(NOW),
    disclosure=st.just("") | words,
)


@st.composite
def sides(draw: st.DrawFn, slug: str, seen: list[Cell | None]) -> Side:
    ships = sum(cell.decision is Decision.SHIP for cell in seen if cell)
    skips = sum(cell.decision is Decision.SKIP for cell in seen if cell)
    return Side(
        slug=slug,
        name=draw(words),
        tagline=draw(st.just("") | words),
        category=draw(words),
        homepage=None,
        description="",
        described_at=None,
        panel=tally(ships, skips),
        community=draw(communities),
        pricing=draw(pricings),
        first_look=draw(st.booleans()),
    )


@st.composite
def views(draw: st.DrawFn, number: int = 0) -> ComparisonView:
    chosen = draw(st.lists(st.sampled_from(sorted(LENSES)), unique=True, max_size=4))
    rows = tuple(row(lens, draw(st.none() | cells), draw(st.none() | cells)) for lens in chosen)
    a = draw(sides(f"alpha-{number}", [each.a for each in rows]))
    b = draw(sides(f"beta-{number}", [each.b for each in rows]))
    return view_of(a, b, rows)


@st.composite
def digests(draw: st.DrawFn) -> Digest:
    chosen = [draw(views(number)) for number in range(draw(st.integers(1, 3)))]
    front = draw(st.integers(1, len(chosen)))
    told = st.builds(Correction, about=st.just("compare/ada-vs-bea"), name=words, note=words)
    return digest_of(
        chosen[:front],
        also=chosen[front:],
        corrections=draw(st.lists(told, max_size=2)),
        left_over=draw(st.integers(0, 40)),
        best_of=draw(st.sampled_from(["", "October 2026"])),
        closed=[view.slug for view in chosen if draw(st.booleans())],
        subject=draw(st.just("") | words),
        preheader=draw(st.just("") | words),
        intro=draw(st.just("") | words),
    )
