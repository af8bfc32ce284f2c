"""What a panel's verdicts add up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from datetime import timedelta

from core.panel import Decision, Tally, Verdict


def tally(verdicts: Sequence[Verdict], *, quorum: int) -> Tally:
    """Count the verdicts of one tool. Closed from `quorum` verdicts of different lenses on."""
    ships = sum(verdict.decision is Decision.SHIP for verdict in verdicts)
    lenses = {verdict.lens for verdict in verdicts}
    return Tally(
        ships=ships,
        skips=len(verdicts) - ships,
        ship_percent=percent(ships, len(verdicts)),
        closed=len(lenses) >= quorum,
    )


def percent(part: int, total: int) -> int | None:
    """Whole percent, halves up; None of nothing. Integers throughout: `round` would take 12.5 down to 12."""
    return None if total == 0 else (200 * part + total) // (2 * total)


def ships(result: Tally) -> bool:
    """Whether the panel says ship: more ships than skips. A tie is a skip, and so is an empty panel."""
    return result.ships > result.skips


QUICK = timedelta(seconds=20)
LONG = 60
"""Words of a tool's own texts that nobody has read, let alone judged, in that time."""


def is_quick(seconds: int | None, *, words: int) -> bool:
    """Whether a verdict came sooner than a tool of so many words can be read. It is shown to editors; it blocks
    nothing."""
    return seconds is not None and seconds < QUICK.total_seconds() and words >= LONG


def is_split(result: Tally) -> bool:
    """Whether the panel is of two minds: two or more in the minority, or a share of ships from 40 to 60 percent."""
    minority = min(result.ships, result.skips)
    return minority >= 2 or (minority > 0 and 4 * result.total <= 10 * result.ships <= 6 * result.total)  # noqa: PLR2004


def alpha(units: Iterable[Sequence[Hashable]]) -> float | None:
    """Krippendorff's alpha for nominal values: 1 where all agree, about 0 where they agree as by chance.

    `units`: what several people said of one thing, one value per person; those with fewer than two say nothing. None
    when no unit is left, and when only one value was ever given, since then there is no chance to correct for.
    Source: K. Krippendorff, Content Analysis, 4th ed., chapter 12 (alpha = 1 - Do / De by coincidences).
    """
    pairs = [Counter(unit) for unit in units if len(unit) > 1]
    totals: Counter[Hashable] = sum(pairs, Counter())
    count = totals.total()
    expected = count * count - sum(each * each for each in totals.values())
    if not expected:
        return None
    observed = sum((unit.total() ** 2 - sum(n * n for n in unit.values())) / (unit.total() - 1) for unit in pairs)
    return 1 - observed * (count - 1) / expected
