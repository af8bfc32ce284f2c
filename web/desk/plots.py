"""Plots made on the server: bars as outlines of an SVG, without a line of script or style."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

HEIGHT = 40
_STEP = 4
_WIDTH = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Bars side by side, the last one at the right edge: one outline for all bars of a kind (its class: `some`, `none`
    or `lost`), since a page may show thousands of bars."""

    width: int
    height: int
    outlines: tuple[tuple[str, str], ...]


def bars(values: Sequence[tuple[int, str]], *, places: int) -> Plot:
    """Bars for (value, kind), oldest first, of `places` places; fewer stand at the right. What is 0 is a short mark, so
    that it can be told from a run that was not made."""
    most = max((value for value, _ in values), default=0) or 1
    drawn: dict[str, list[str]] = defaultdict(list)
    for at, (value, kind) in enumerate(values, start=places - len(values)):
        height = max(2 if value else 1, round(value / most * HEIGHT))
        drawn[kind].append(f"M{at * _STEP} {HEIGHT}v-{height}h{_WIDTH}v{height}z")
    return Plot(
        width=places * _STEP, height=HEIGHT, outlines=tuple((kind, "".join(each)) for kind, each in drawn.items())
    )
