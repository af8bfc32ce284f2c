"""The best of a month: which of its comparisons a monthly reader's mail holds, and in which order. Pure.

The rule: how many readers voted on a comparison (counted votes), then how many of them clicked on it (as far as clicks
look like a person's), then the contrast of the panel (the distance of the two shares in percentage points), then its
address, so that the order is total and the same on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.comparison import ComparisonView


def best(
    views: Sequence[ComparisonView], clicks: Mapping[str, int], *, limit: int
) -> tuple[tuple[ComparisonView, ...], tuple[ComparisonView, ...]]:
    """The best of these, the best first and at most `limit`, and the others in the same order.

    `clicks` says how many readers clicked on a comparison, by address. The same comparisons give the same order in
    whatever order they come.
    """
    ordered = sorted(views, key=lambda view: (-voters(view), -clicks.get(view.slug, 0), -contrast(view), view.slug))
    return tuple(ordered[:limit]), tuple(ordered[limit:])


def voters(view: ComparisonView) -> int:
    """How many votes on a comparison count; both sides know it."""
    return max(view.a.community.votes, view.b.community.votes)


def contrast(view: ComparisonView) -> int:
    """How far apart the panel sees the two, in percentage points; 0 while it has not judged one of them."""
    a, b = view.a.panel.ship_percent, view.b.panel.ship_percent
    return 0 if a is None or b is None else abs(a - b)
