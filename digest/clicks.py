"""Whose click is it: a reader's, or that of a program that follows every link of a mail? Pure.

Mail filters fetch all links of a mail, most of them within a minute of its arrival and several in a second. A person
follows one link, then reads. So a program's are: what the provider says is one, several links of one mail within
seconds of each other, and whatever is clicked in the very seconds in which the mail arrives.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

BURST = timedelta(seconds=10)
BURST_LINKS = 3
"""So many different links of one mail within so short a time are followed by no person."""

ARRIVING = timedelta(seconds=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """One click on one delivery's mail. `machine`: the provider says that a program made it."""

    delivery: int
    url: str
    at: datetime
    machine: bool
    delivered_at: datetime | None


def human(clicks: Iterable[Click]) -> list[Click]:
    """The clicks that look like a person's, by delivery and time."""
    ordered = sorted(clicks, key=lambda each: (each.delivery, each.at))
    return [
        each
        for _, group in groupby(ordered, key=attrgetter("delivery"))
        for each in _outside_bursts(list(group))
        if not _is_a_program(each)
    ]


def _is_a_program(click: Click) -> bool:
    return click.machine or (click.delivered_at is not None and click.at - click.delivered_at < ARRIVING)


def _outside_bursts(mail: Sequence[Click]) -> list[Click]:
    """The clicks on one mail, ordered by time, that belong to no burst. A burst may begin before a click or at it."""
    inside: set[int] = set()
    end = 0
    for start, first in enumerate(mail):
        while end < len(mail) and mail[end].at <= first.at + BURST:
            end += 1
        if len({each.url for each in mail[start:end]}) >= BURST_LINKS:
            inside |= set(range(start, end))
    return [each for at, each in enumerate(mail) if at not in inside]
