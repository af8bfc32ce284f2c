"""Which tools to compare next: neighbours through the gates, weighed, and a greedy choice among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from core.comparison import Proposal
from review.catalogue import Candidate, Catalogue
from review.gates import Duplicate, barrier, duplicates, is_judged
from review.weighing import Numbers, Weighing, weigh

__all__ = ["Candidate", "Catalogue", "Duplicate", "PairingResult", "nearest", "propose"]

PROPOSED_FROM = 0.15
"""Comparability below this is no proposal, however interesting the contrast."""

PER_CATEGORY = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingResult:
    """What to compare, best first; what to ask; the numbers behind each proposal, by comparison slug; and rivals that
    texts name and nobody has ingested, with the slugs of the tools whose texts name them."""

    proposals: tuple[Proposal, ...]
    duplicates: tuple[Duplicate, ...]
    numbers: Mapping[str, Numbers] = field(default_factory=dict)
    unknown_rivals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def propose(
    candidates: Iterable[Candidate] | Catalogue,
    *,
    compared: Mapping[str, datetime],
    now: datetime,
    limit: int,
    among: Collection[str] | None = None,
    apart: Collection[str] = (),
) -> PairingResult:
    """Propose up to `limit` pairs, a tool in one at most, a category in two at most.

    `candidates` is the whole catalogue, since rarity is measured on it; tools whose panel is open take part in that
    alone. `compared` maps comparison slugs to the instant at which a pair was compared or turned down; it may come
    again after a change to either tool. `among` limits the work to pairs with one of these slugs (this week's).
    `apart` holds comparison slugs of tools that an editor declared different.
    """
    catalogue = candidates if isinstance(candidates, Catalogue) else Catalogue(candidates)
    weighings: dict[str, Weighing] = {}
    for slug in catalogue.entries if among is None else sorted(among):
        # A choice of `limit` pairs takes 2 * limit tools at most, so one more neighbour is always enough.
        near = nearest(catalogue, slug, compared=compared, now=now, apart=apart)[: 2 * limit + 1]
        weighings.update((weighing.slug, weighing) for weighing in near)
    chosen = _choose(weighings.values(), limit=limit)
    return PairingResult(
        proposals=tuple(weighing.proposal for weighing in chosen),
        duplicates=duplicates(catalogue, among=among, apart=apart),
        numbers={weighing.slug: weighing.numbers for weighing in chosen},
        unknown_rivals={name: tuple(sorted(by)) for name, by in sorted(catalogue.unknown_rivals.items())},
    )


def nearest(
    catalogue: Catalogue,
    slug: str,
    *,
    compared: Mapping[str, datetime],
    now: datetime,
    apart: Collection[str] = (),
) -> list[Weighing]:
    """Everything that one tool could be compared with, best first. Raises KeyError for a slug not in the catalogue."""
    entry = catalogue.entries[slug]
    if not is_judged(entry.candidate):
        return []
    others = (catalogue.entries[other] for other in catalogue.neighbours(slug, now=now))
    free = (other for other in others if barrier(catalogue, entry, other, compared=compared, apart=apart) is None)
    weighings = (weigh(catalogue, entry, other, now=now) for other in free)
    return sorted((one for one in weighings if one.numbers.comparability >= PROPOSED_FROM), key=_rank)


def _rank(weighing: Weighing) -> tuple[float, str]:
    return -weighing.numbers.score, weighing.slug


def _choose(weighings: Iterable[Weighing], *, limit: int) -> list[Weighing]:
    """Greedily, best first: a tool once, a category twice."""
    chosen: list[Weighing] = []
    taken: set[str] = set()
    per_category: Counter[str] = Counter()
    for weighing in sorted(weighings, key=_rank):
        a, b = weighing.one.candidate, weighing.other.candidate
        full = any(per_category[category] >= PER_CATEGORY for category in (a.category, b.category))
        if len(chosen) < limit and not full and not taken & {a.slug, b.slug}:
            chosen.append(weighing)
            taken |= {a.slug, b.slug}
            per_category.update({a.category, b.category})
    return chosen
