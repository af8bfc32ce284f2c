"""What stands between two tools and a comparison, whatever it might be worth."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from core.comparison import comparison_slug
from review.catalogue import Candidate, Catalogue, Entry

VERDICTS_NEEDED = 3
LENSES_SHARED = 2
DUPLICATES_PER_NAME = 100
"""A crowd of tools under one name is not asked about in full: the work would grow with its square."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """Two reviewed tools that look like one product or two versions of one: a question, never a pair."""

    a: str
    b: str
    reason: str


def barrier(
    catalogue: Catalogue,
    one: Entry,
    other: Entry,
    *,
    compared: Mapping[str, datetime],
    apart: Collection[str] = (),
) -> str | None:
    """Why two tools are not to be compared, in words; None when nothing stands between them."""
    a, b = one.candidate, other.candidate
    slug = comparison_slug(a.slug, b.slug)
    if not (is_judged(a) and is_judged(b)):
        return f"A panel is still open, or has fewer than {VERDICTS_NEEDED} verdicts."
    if len(a.verdicts.keys() & b.verdicts.keys()) < LENSES_SHARED:
        return f"Fewer than {LENSES_SHARED} lenses judged both."
    if kinship := _kinship(one, other, apart=slug in apart):
        return kinship
    if slug in compared and compared[slug] >= max(_changed(a), _changed(b)):
        return "Compared before, and nothing has changed since."
    if not _may_meet(catalogue, one, other):
        return "Different categories, no rare tag in common, and neither names the other."
    return None


def _kinship(one: Entry, other: Entry, *, apart: bool) -> str | None:
    if _same_line(one.candidate, other.candidate):
        return "An editor says that both are versions of one product."
    return None if apart else family(one, other)


def _same_line(a: Candidate, b: Candidate) -> bool:
    return a.line is not None and a.line == b.line


def is_judged(candidate: Candidate) -> bool:
    """Whether a panel has said enough: closed, with three verdicts or more."""
    return candidate.closed and len(candidate.verdicts) >= VERDICTS_NEEDED


def _changed(candidate: Candidate) -> datetime:
    return max(candidate.reviewed_at, candidate.changed_at or candidate.reviewed_at)


def _may_meet(catalogue: Catalogue, one: Entry, other: Entry) -> bool:
    a, b = one.candidate, other.candidate
    if a.category == b.category or b.slug in one.named or a.slug in other.named:
        return True
    return any(catalogue.is_rare(tag) for tag in one.facets.all & other.facets.all)


def family(one: Entry, other: Entry) -> str | None:
    """Why two tools look like one product or two versions of one, in words; None when they do not."""
    a, b = sorted((one.candidate, other.candidate), key=lambda candidate: candidate.slug)
    if shared := sorted(map(str, a.identifiers & b.identifiers)):
        return f"Both are {shared[0]}."
    if one.stem == other.stem and any(one.stem):
        return f"{a.name} and {b.name} differ only in version or size."
    makers = sorted(one.makers & other.makers)
    if makers and (set(one.stem) <= set(other.stem) or set(other.stem) <= set(one.stem)):
        return f"{a.name} and {b.name} come from {makers[0]}, and one name holds the other."
    return None


def duplicates(
    catalogue: Catalogue, *, among: Collection[str] | None = None, apart: Collection[str] = ()
) -> tuple[Duplicate, ...]:
    """Reviewed tools of one family, by slug. `among` and `apart` as in `review.pairing.propose`."""
    wanted = None if among is None else {key for slug in among for key in _kin(catalogue.entries[slug])}
    groups: dict[object, list[Entry]] = defaultdict(list)
    for entry in catalogue.entries.values():
        if is_judged(entry.candidate):
            for key in _kin(entry):
                if wanted is None or key in wanted:
                    groups[key].append(entry)
    found = (pair for group in groups.values() for pair in _questions(group, among=among, apart=apart))
    return tuple(sorted(set(found), key=lambda pair: (pair.a, pair.b)))


def _kin(entry: Entry) -> Iterator[object]:
    """Under which keys a tool meets its kin: every rule of `family` needs one of these in common."""
    yield entry.stem
    yield from entry.candidate.identifiers
    yield from itertools.product(entry.makers, set(entry.stem))


def _questions(group: list[Entry], *, among: Collection[str] | None, apart: Collection[str]) -> Iterator[Duplicate]:
    pairs = (
        (one, other)
        for one, other in itertools.combinations(group, 2)
        if among is None or one.candidate.slug in among or other.candidate.slug in among
    )
    asked = (_question(one, other, apart=apart) for one, other in pairs)
    return itertools.islice((question for question in asked if question), DUPLICATES_PER_NAME)


def _question(one: Entry, other: Entry, *, apart: Collection[str]) -> Duplicate | None:
    a, b = sorted((one.candidate.slug, other.candidate.slug))
    settled = comparison_slug(a, b) in apart or _same_line(one.candidate, other.candidate)
    reason = None if settled else family(one, other)
    return Duplicate(a=a, b=b, reason=reason) if reason else None
