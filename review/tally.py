"""What a panel's verdicts add up to."""

from __future__ import annotations

from collections.abc import Sequence

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
