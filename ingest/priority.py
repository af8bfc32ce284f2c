"""Priority: how soon a tool should be reviewed, 0 to 100, as the sum of reasons in words.

Popularity gives at most 60: a figure counts as its percentile within its own source, because likes, points and
stars cannot be compared; the best site gives up to 40, the second 13, the third 7. Freshness gives at most 25:
all of it on the first day, none from the thirtieth, and half of it where no source says when the thing appeared.
Independent sites give at most 15; two sources of one site are one witness.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.sighting import Seen, Sighting
from core.tool import Priority, Reason
from ingest.identity import domain_of

Scales = Mapping[tuple[str, str], Sequence[float]]
"""(source key, signal name) -> a sorted sample of that signal's values in that source."""

NOT_POPULARITY = frozenset({"parameters", "context", "rank", "flags", "forks"})
"""Signals that are facts, or that count the other way."""

_POPULARITY = (40.0, 13.0, 7.0)
_FRESHNESS, _FRESH_DAYS = 25.0, 30.0
_SITES = (0.0, 10.0, 15.0)
_PRIOR = 4
"""So many values at the middle are imagined beside every sample: the best of two is not yet extraordinary."""


@dataclass(frozen=True, slots=True, order=True)
class _Figure:
    """One figure with its place in its source; the order is the rank."""

    share: float
    source: str
    name: str
    value: float

    @property
    def words(self) -> str:
        """As the queue shows it."""
        return (
            f"{self.value:,.0f} {self.name.replace('_', ' ')} in {self.source}: above {self.share:.0%} of what it shows"
        )


def prioritise(
    seen: Sequence[Seen], *, scales: Scales, newest: datetime, now: datetime, dated: bool = True
) -> Priority:
    """The priority of a tool. `newest` is when it last appeared as something new (see ingest/assess); where that is not
    `dated` it is only known since then, and counts half."""
    fresh = _freshness(newest, now, dated=dated)
    reasons = [*_popularity([one.sighting for one in seen], scales), *fresh, *_breadth(seen)]
    return Priority(score=round(sum((reason.points for reason in reasons), 0.0), 1), reasons=tuple(reasons))


def percentile(value: float, sample: Sequence[float]) -> float:
    """The share of a sorted sample that lies below a value, equals counting half, drawn to the middle while the
    sample is small. Between 0 and 1."""
    below, through = bisect_left(sample, value), bisect_right(sample, value)
    return (below + (through - below) / 2 + _PRIOR / 2) / (len(sample) + _PRIOR)


def _popularity(sightings: Sequence[Sighting], scales: Scales) -> list[Reason]:
    best: dict[str, _Figure] = {}
    for sighting in sightings:
        for signal in sighting.signals:
            if signal.name not in NOT_POPULARITY and signal.value > 0:
                share = percentile(signal.value, scales.get((sighting.source, signal.name), ()))
                figure = _Figure(share, sighting.source, signal.name, signal.value)
                best[_site(sighting)] = max(best.get(_site(sighting), figure), figure)
    ranked = sorted(best.values(), key=lambda figure: (-figure.share, figure.source))
    return [
        Reason(words=figure.words, points=round(most * figure.share, 1))
        for most, figure in zip(_POPULARITY, ranked, strict=False)
    ]


def _site(sighting: Sighting) -> str:
    return domain_of(sighting.url) or sighting.source


def _freshness(newest: datetime, now: datetime, *, dated: bool) -> list[Reason]:
    days = max(0.0, (now - newest).total_seconds() / 86_400)
    most = _FRESHNESS if dated else _FRESHNESS / 2
    points = round(most * max(0.0, 1 - max(0.0, days - 1) / (_FRESH_DAYS - 1)), 1)
    age = "today" if days < 1 else f"{int(days)} day{'s' if int(days) > 1 else ''} ago"
    words = f"New: first appeared {age}" if dated else f"Perhaps new: first seen {age}, and nothing says how old it is"
    return [Reason(words=words, points=points)] if points else []


def _breadth(seen: Sequence[Seen]) -> list[Reason]:
    sites = sorted({_site(one.sighting) for one in seen})
    points = _SITES[min(len(sites), len(_SITES)) - 1] if sites else 0.0
    return [Reason(words=f"Seen on {len(sites)} sites: {', '.join(sites)}", points=points)] if points else []
