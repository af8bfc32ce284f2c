"""Variants: an edition for readers who chose categories, made once for all who are to see the same.

The edition is one list of comparisons. A reader who chose categories gets those in which either tool is of such a
category in front, whole and in the edition's order; the others follow with a line each. Choices that pick the same
comparisons share a variant, so there are far fewer variants than choices, and the commonest come first when there are
more than an edition may have. Variant 0 is the edition itself: for who chose nothing, who chose all that is in it, who
chose nothing that is in it this week, and whose pick is too rare. The best of a month (digest/best_of.py) is a variant,
too, whatever the reader chose, and takes one of the numbers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.category import CATEGORIES, OTHER
from core.comparison import ComparisonView

LIMIT = 64
"""How many variants an edition may have, variant 0 included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """One variant to be: the places (from 1) of the comparisons that stand in front, the tastes that get it, and how
    many readers had one of them when it was planned."""

    places: tuple[int, ...]
    tastes: tuple[str, ...]
    readers: int


def places(views: Sequence[ComparisonView], taste: str) -> tuple[int, ...]:
    """Which comparisons of an edition a taste (core/category.py) puts in front: their places, from 1."""
    wanted = set(taste.split(","))
    return tuple(place for place, view in enumerate(views, start=1) if wanted & _categories(view))


def _categories(view: ComparisonView) -> set[str]:
    return {side.category if side.category in CATEGORIES else OTHER for side in (view.a, view.b)}


def plan(views: Sequence[ComparisonView], readers: Mapping[str, int], *, limit: int = LIMIT) -> tuple[Pick, ...]:
    """The variants of an edition beside variant 0, the one with the most readers first; at most `limit` - 1.

    `readers` says how many have which taste. The same inputs give the same order.
    """
    tastes: dict[tuple[int, ...], list[str]] = defaultdict(list)
    count: Counter[tuple[int, ...]] = Counter()
    for taste, many in readers.items():
        picked = places(views, taste) if taste else ()
        if 0 < len(picked) < len(views):
            tastes[picked].append(taste)
            count[picked] += many
    ranked = sorted(count, key=lambda picked: (-count[picked], picked))
    return tuple(
        Pick(places=picked, tastes=tuple(sorted(tastes[picked])), readers=count[picked])
        for picked in ranked[: limit - 1]
    )
