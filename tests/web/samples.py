"""Sample content: one comparison as readers would see it, and its hostile, empty and very long relatives."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from core.comparison import Cell, Community, ComparisonView, ScorecardRow, Side, Split
from core.fact import Confidence, Fact, Per, Price, Pricing, PricingModel
from core.panel import Basis, Decision, Tally

SEEN = datetime(2026, 11, 12, 8, 30, tzinfo=UTC)
JUDGED = datetime(2026, 11, 18, 16, 5, tzinfo=UTC)
APPROVED = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
HOSTILE = "</script></title>\"'><script>alert(1)</script><img src=x onerror=alert(1)>&amp;{{7*7}}\u202e"


def cell(decision: Decision, quote: str, reviewer: str, **more: Any) -> Cell:
    values: dict[str, Any] = {"basis": Basis.HANDS_ON, "machine": False, "submitted_at": JUDGED}
    return Cell(decision=decision, quote=quote, reviewer=reviewer, **(values | more))


SMOLVLM = Side(
    slug="smolvlm2-2b",
    name="SmolVLM2-2B",
    tagline="A small vision-language model that watches video on a laptop",
    category="vision-language-models",
    homepage="https://huggingface.co/HuggingFaceTB/SmolVLM2-2.2B-Instruct",
    description="Reads images, documents and short videos and answers in text. At 2.2 billion parameters it fits into "
    "about five gigabytes of memory, so it runs where larger models cannot.",
    described_at=SEEN,
    panel=Tally(ships=4, skips=0, ship_percent=100, closed=True),
    community=Community(chosen=9, votes=14),
    pricing=Pricing(
        model=PricingModel.OPEN_SOURCE,
        flags=("open_weights",),
        source_url="https://huggingface.co/HuggingFaceTB/SmolVLM2-2.2B-Instruct",
        quote="license: apache-2.0",
        rule="licence field",
        confidence=Confidence.A,
        observed_at=SEEN,
    ),
    facts=(
        Fact(field="licence", value="apache-2.0", source_url="https://huggingface.co/HuggingFaceTB", observed_at=SEEN),
        Fact(field="parameters", value="2.2 B", source_url="https://huggingface.co/blog/smolvlm2", observed_at=SEEN),
        Fact(field="parameters", value="2.25 B", source_url="https://arxiv.org/abs/2504.05299", observed_at=SEEN),
    ),
)
SKILLCLAW = Side(
    slug="skillclaw",
    name="SkillClaw",
    tagline="Lets agents learn new skills from what other agents have done",
    category="agents",
    homepage="https://github.com/AMAP-ML/SkillClaw",
    description="Collects the traces that agents leave, turns those that worked into reusable skills and hands them to "
    "every agent of the team. Paper and code; no hosted service.",
    described_at=SEEN,
    panel=Tally(ships=2, skips=2, ship_percent=50, closed=True),
    community=Community(chosen=5, votes=14),
    pricing=Pricing(
        model=PricingModel.FREEMIUM,
        entry_price=Price(amount=Decimal("9.5"), currency="USD", per=Per.USER_MONTH),
        source_url="https://github.com/AMAP-ML/SkillClaw",
        quote="free for up to three agents",
        rule="plan table",
        confidence=Confidence.B,
        observed_at=SEEN,
    ),
    facts=(Fact(field="licence", value="mit", source_url="https://github.com/AMAP-ML/SkillClaw", observed_at=SEEN),),
    first_look=True,
)
ROWS = (
    ScorecardRow(
        lens="builder",
        lens_name="Builder",
        motto="What can I make with it by Sunday?",
        a=cell(
            Decision.SHIP,
            "I had it captioning a folder of screen recordings in twenty minutes, on a machine without a graphics "
            "card. The processor code is plain, the examples run as printed, and nothing phones home.",
            "Mara Lindqvist",
        ),
        b=cell(
            Decision.SHIP,
            "The skill format is the good idea: a folder, a trace, a test. I would take that part and leave the "
            "scheduler where it is.",
            "Mara Lindqvist",
            basis=Basis.DOCS,
        ),
    ),
    ScorecardRow(
        lens="skeptic",
        lens_name="Skeptic",
        motto="What breaks first?",
        a=cell(
            Decision.SHIP,
            "I came to dislike it. It misreads small print and loses count past a minute of video, and says so in "
            "its own card. A tool that knows its edge is rarer than one without.",
            "Tomasz Wiśniewski",
        ),
        b=cell(
            Decision.SKIP,
            "Skills that pass between agents also pass their mistakes on. Nothing here takes one back once it has "
            "spread, and the evaluation never looks.",
            "Tomasz Wiśniewski",
            basis=Basis.DOCS,
            disclosure="I advise a company that sells agent monitoring.",
        ),
    ),
    ScorecardRow(
        lens="futurist",
        lens_name="Futurist",
        motto="Where does this road go?",
        a=cell(
            Decision.SHIP,
            "By the end of 2027 most video will be understood where it was filmed. This is the first model small "
            "enough to make that a default and not a demonstration.",
            "panel-model-3",
            machine=True,
            basis=Basis.DOCS,
        ),
        b=cell(
            Decision.SHIP,
            "If agents keep what they learn, the unit of progress becomes the team's memory. Early, and on the right "
            "road.",
            "panel-model-3",
            machine=True,
            basis=Basis.DOCS,
        ),
    ),
    ScorecardRow(
        lens="founder",
        lens_name="Founder",
        motto="Who pays, and why twice?",
        a=cell(
            Decision.SHIP,
            "Nobody will pay for the model, and that is the point: it takes a line off the bill of everybody who "
            "sends frames to an API today.",
            "Ife Adeyemi",
        ),
        b=cell(
            Decision.SKIP,
            "A repository, a paper and a price per seat, with no buyer named anywhere. The next release of any agent "
            "framework can have this as a feature.",
            "Ife Adeyemi",
            basis=Basis.DOCS,
        ),
    ),
)
VIEW = ComparisonView(
    slug="skillclaw-vs-smolvlm2-2b",
    version=3,
    a=SKILLCLAW,
    b=SMOLVLM,
    rows=tuple(replace(row, a=row.b, b=row.a) for row in ROWS),
    split=Split(both_ship=("Builder", "Futurist"), both_skip=(), only_a=(), only_b=("Skeptic", "Founder")),
    approved_by="Noor Haddad",
    approved_at=APPROVED,
    published_at=APPROVED,
)


def bare(slug: str, name: str = "") -> Side:
    return Side(
        slug=slug,
        name=name or slug,
        tagline="",
        category="other",
        homepage=None,
        description="",
        described_at=None,
        panel=Tally(ships=0, skips=0, ship_percent=None, closed=False),
        community=Community(),
        pricing=Pricing(model=PricingModel.UNKNOWN),
    )


EMPTY = ComparisonView(
    slug="bare-vs-blank",
    version=1,
    a=bare("bare", "Bare"),
    b=bare("blank", "Blank"),
    rows=(),
    split=Split(both_ship=(), both_skip=(), only_a=(), only_b=()),
    approved_by=None,
    approved_at=None,
    published_at=None,
)
PARTIAL = replace(
    EMPTY,
    slug="blank-vs-skillclaw",
    a=bare("blank", "Blank"),
    b=SKILLCLAW,
    rows=tuple(replace(row, a=None) for row in ROWS),
)


def with_text(value: Any, text: str) -> Any:
    """The same value with `text` in every free text of it, however deep. Slugs, URLs and enums stay."""
    if isinstance(value, tuple):
        return tuple(with_text(part, text) for part in value)
    if type(value) is str:
        return text
    if not hasattr(value, "__dataclass_fields__"):
        return value
    kept = {"slug", "source_url", "homepage", "lens", "currency"}
    return replace(
        value,
        **{each.name: with_text(getattr(value, each.name), text) for each in fields(value) if each.name not in kept},
    )


def with_url(view: ComparisonView, url: str) -> ComparisonView:
    """The same view with `url` wherever one from outside stands."""

    def side(old: Side) -> Side:
        facts = tuple(replace(fact, source_url=url) for fact in old.facts)
        return replace(old, homepage=url, facts=facts, pricing=replace(old.pricing, source_url=url))

    return replace(view, a=side(view.a), b=side(view.b))


def _at(view: ComparisonView, a: str, b: str) -> ComparisonView:
    return replace(view, slug=f"{a}-vs-{b}", a=replace(view.a, slug=a), b=replace(view.b, slug=b))


HOSTILE_VIEW = _at(with_url(with_text(VIEW, HOSTILE), "javascript:alert(1)"), "hostile", "hostiler")
LONG_VIEW = _at(
    with_text(VIEW, "Antidisestablishmentarianism" * 4 + " and a long tail of words" * 30), "long", "longer"
)
EVERY = (VIEW, EMPTY, PARTIAL, HOSTILE_VIEW, LONG_VIEW)


def draft_view() -> ComparisonView:
    """A pair that nobody has approved."""
    return replace(EMPTY, slug="secret-one-vs-secret-two", a=bare("secret-one", "One"), b=bare("secret-two", "Two"))
