"""How much a comparison of two tools is worth, with every number and the reasons in words.

    S = C (0.55 + 0.20 K + 0.15 F + 0.10 D)

C: how comparable the two are. K: how much their results contrast. F: how fresh the newer review is. D: how much
readers ask for them. Contrast only multiplies, so it never pairs strangers.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from core.comparison import Proposal, comparison_slug
from core.fact import PricingModel
from core.panel import Decision
from core.tool import Reason
from review.catalogue import (
    AUDIENCE_WEIGHT,
    COSINE_OF_THE_LIKE,
    FEATURE_WEIGHT,
    TEXT_WEIGHT,
    USE_CASE_WEIGHT,
    Candidate,
    Catalogue,
    Entry,
    days_since,
    demand,
    freshness,
    trust,
)

NAMED_BY_ONE, NAMED_BY_BOTH = 0.35, 0.5

Part = tuple[float, str]
"""How much something gives, and the words for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """How alike two tools are, side by side, 0 to 1; None where either of them does not state that side."""

    use_cases: float | None
    features: float | None
    text: float | None
    audience: float | None

    @property
    def parts(self) -> tuple[float, float, float, float]:
        """What each side gives: 0.35 use cases + 0.25 features + 0.25 texts + 0.15 audience.

        What either tool does not state counts neither for nor against: the other weights take its place, and the
        result is trusted less, by the square root of the weight that was left. With everything stated these are the
        plain products.
        """
        values = (self.use_cases, self.features, self.text, self.audience)
        weights = (USE_CASE_WEIGHT, FEATURE_WEIGHT, TEXT_WEIGHT, AUDIENCE_WEIGHT)
        trusted = trust(math.fsum(weight for weight, value in zip(weights, values, strict=True) if value is not None))
        one, two, three, four = (trusted * weight * (value or 0) for weight, value in zip(weights, values, strict=True))
        return one, two, three, four


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Every number behind a score; all but `days` and `asked` lie between 0 and 1."""

    score: float
    comparability: float
    likeness: Likeness
    naming: float
    contrast: float
    freshness: float
    days: float  # since the newer review
    demand: float
    asked: int  # clicks and votes of both


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighing:
    """A pair with its numbers; `one` is the tool whose slug comes first."""

    catalogue: Catalogue
    one: Entry
    other: Entry
    numbers: Numbers

    @property
    def slug(self) -> str:
        """The comparison's."""
        return comparison_slug(self.one.candidate.slug, self.other.candidate.slug)

    @property
    def proposal(self) -> Proposal:
        """What is shown and stored. The points of the reasons add up to the score; the first three say most."""
        a, b = self.one.candidate.slug, self.other.candidate.slug
        return Proposal(a=a, b=b, score=self.numbers.score, reasons=explain(self))


def weigh(catalogue: Catalogue, one: Entry, other: Entry, *, now: datetime) -> Weighing:
    """Score two tools. Which of them is given first makes no difference (but give the same one first in a loop)."""
    a, b = one.candidate, other.candidate
    likeness, naming = _likeness(catalogue, one, other), _naming(one, other)
    comparability = min(1.0, math.fsum((*likeness.parts, naming)))
    contrast = math.fsum(_contrast(a, b))
    newer = max(a.reviewed_at, b.reviewed_at)
    fresh, wanted = freshness(newer, now=now), demand(asked := max(0, a.demand) + max(0, b.demand))
    numbers = Numbers(
        score=comparability * (0.55 + 0.20 * contrast + 0.15 * fresh + 0.10 * wanted),
        comparability=comparability,
        likeness=likeness,
        naming=naming,
        contrast=contrast,
        freshness=fresh,
        days=days_since(newer, now=now),
        demand=wanted,
        asked=asked,
    )
    first, second = (one, other) if a.slug < b.slug else (other, one)
    return Weighing(catalogue=catalogue, one=first, other=second, numbers=numbers)


def _likeness(catalogue: Catalogue, one: Entry, other: Entry) -> Likeness:
    mine, theirs = one.facets, other.facets
    text = min(1.0, one.vector.cosine(other.vector) / COSINE_OF_THE_LIKE) if one.vector and other.vector else None
    return Likeness(
        use_cases=_tag_likeness(catalogue, mine.use_cases, theirs.use_cases),
        features=_tag_likeness(catalogue, mine.features, theirs.features),
        text=text,
        audience=_tag_likeness(catalogue, mine.audience, theirs.audience),
    )


def _tag_likeness(catalogue: Catalogue, mine: frozenset[str], theirs: frozenset[str]) -> float | None:
    return catalogue.jaccard(mine, theirs) if mine and theirs else None


def _naming(one: Entry, other: Entry) -> float:
    names, named = other.candidate.slug in one.named, one.candidate.slug in other.named
    return NAMED_BY_BOTH if names and named else NAMED_BY_ONE if names or named else 0.0


def _contrast(a: Candidate, b: Candidate) -> tuple[float, float, float, float]:
    """0.4 distance of the results + 0.3 another price + 0.2 shared lenses that part + 0.1 open against closed."""
    priced = PricingModel.UNKNOWN not in (a.price, b.price) and a.price is not b.price
    opened = priced and PricingModel.OPEN_SOURCE in (a.price, b.price)
    shared = len(a.verdicts.keys() & b.verdicts.keys())
    parted = len(_parted(a, b)) / shared if shared else 0.0
    return 0.4 * abs(_ship_share(a) - _ship_share(b)), 0.3 * priced, 0.2 * parted, 0.1 * opened


def _parted(a: Candidate, b: Candidate) -> list[str]:
    """Lenses that judged both and decided differently."""
    return [lens for lens, decision in a.verdicts.items() if b.verdicts.get(lens, decision) is not decision]


def _ship_share(candidate: Candidate) -> float:
    ships = sum(decision is Decision.SHIP for decision in candidate.verdicts.values())
    return ships / max(1, len(candidate.verdicts))


def explain(weighing: Weighing) -> tuple[Reason, ...]:
    """The score taken apart, the largest part first; the points add up to the score."""
    numbers, a, b = weighing.numbers, weighing.one.candidate, weighing.other.candidate
    alike = _alike(weighing)
    total = math.fsum(points for points, _ in alike) or 1.0
    parts = [
        *((0.55 * points / total, words) for points, words in alike),
        *((0.20 * points, words) for points, words in zip(_contrast(a, b), _contrast_words(a, b), strict=True)),
        (0.15 * numbers.freshness, f"Newer review: {_ago(round(numbers.days))}."),
        (0.10 * numbers.demand, "One click or vote." if numbers.asked == 1 else f"{numbers.asked} clicks and votes."),
    ]
    found = [Reason(words=words, points=numbers.comparability * points) for points, words in parts if points > 0]
    return tuple(sorted(found, key=lambda reason: (-reason.points, reason.words)))


def _alike(weighing: Weighing) -> list[Part]:
    """What the pair's comparability is made of, in proportion."""
    one, other = weighing.one, weighing.other
    mine, theirs = one.facets, other.facets
    uses, features, text, audience = weighing.numbers.likeness.parts
    shared = weighing.catalogue.vocabulary.shared(one.vector, other.vector, limit=3)
    return [
        (uses, f"Same use: {_listed(sorted(mine.use_cases & theirs.use_cases))}."),
        (features, f"In common: {_listed(sorted(mine.features & theirs.features))}."),
        (text, f"Texts speak of the same: {_listed(shared)}."),
        (audience, f"Same readers: {_listed(sorted(mine.audience & theirs.audience))}."),
        (weighing.numbers.naming, _naming_words(one, other)),
    ]


def _contrast_words(a: Candidate, b: Candidate) -> tuple[str, str, str, str]:
    parted, shared = sorted(_parted(a, b)), len(a.verdicts.keys() & b.verdicts.keys())
    return (
        f"Panel ship {_ship_share(a):.0%} against {_ship_share(b):.0%}.",
        f"{a.price.label} against {b.price.label.lower()}.",
        f"{len(parted)} of {shared} shared lenses part: {_listed(parted)}.",
        "Open source against closed.",
    )


def _naming_words(one: Entry, other: Entry) -> str:
    a, b = one.candidate, other.candidate
    if b.slug in one.named and a.slug in other.named:
        return f"The texts of {a.name} and {b.name} name each other as rivals."
    namer, named = (a, b) if b.slug in one.named else (b, a)
    return f"The texts of {namer.name} name {named.name} as a rival."


def _listed(names: Collection[str]) -> str:
    return ", ".join(name.removeprefix("use-").removeprefix("for-").replace("-", " ") for name in names)


def _ago(days: int) -> str:
    return {0: "today", 1: "yesterday"}.get(days, f"{days} days ago")
