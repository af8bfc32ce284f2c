"""Letters to the people who run the panel: reminders for reviewers and editors, alarms for operators.

Each function gives the values that the templates of its letter print (digest/render.py, `render_letter`), beside the
address of the home page and the postal address, which all letters print. Both letters are lists, and a list in a mail
has an end: what is beyond `LONGEST` lines is counted and left to the desk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.errors import RenderError
from core.text import clean

LONGEST = 25

_NAME_LENGTH = 80
_WORDS_LENGTH = 600

_GROUPS = (  # the most urgent first; the keys are the rungs of the reminder ladder
    ("late", "Late"),
    ("due", "Due now"),
    ("soon", "Due soon"),
    ("reopened", "Open to everybody again"),
)
_PLACES = {rung: place for place, (rung, _) in enumerate(_GROUPS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatDue:
    """One seat that waits. `due` is a date in words, in the reader's zone; `rung` is late, due, soon or reopened;
    `holder` is who has claimed it, empty when that is the reader or nobody."""

    tool: str
    lens: str
    due: str
    rung: str
    url: str
    holder: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The seats of one rung under its heading."""

    title: str
    seats: tuple[SeatDue, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One thing that needs an operator: what, since when (a date in words, or empty), more words, and what to do."""

    title: str
    url: str
    since: str = ""
    words: str = ""
    mend: str = ""


def reminder(*, name: str, seats: Sequence[SeatDue], desk_url: str) -> dict[str, Any]:
    """The letter `reminder`, one person's of one day: their seats, the most urgent first, in the given order within a
    rung. Raises RenderError for no seats, or a rung that no reminder speaks of.
    """
    unknown = {each.rung for each in seats} - _PLACES.keys()
    if not seats or unknown:
        raise RenderError(f"A reminder cannot be made of {sorted(unknown) or 'no seats'}.", mend="Leave it out.")
    ordered = sorted((_seat(each) for each in seats), key=lambda each: _PLACES[each.rung])
    shown = ordered[:LONGEST]
    groups = [
        Group(title=title, seats=tuple(each for each in shown if each.rung == rung))
        for rung, title in _GROUPS
        if any(each.rung == rung for each in shown)
    ]
    return {
        "name": clean(name, limit=_NAME_LENGTH),
        "seats": ordered,
        "groups": groups,
        "late": sum(each.rung == "late" for each in ordered),
        "left_over": len(ordered) - len(shown),
        "desk_url": desk_url,
    }


def _seat(seat: SeatDue) -> SeatDue:
    return replace(
        seat,
        tool=clean(seat.tool, limit=_NAME_LENGTH),
        lens=clean(seat.lens, limit=_NAME_LENGTH),
        holder=clean(seat.holder, limit=_NAME_LENGTH),
    )


def alarm(*, alarms: Sequence[Alarm], desk_url: str) -> dict[str, Any]:
    """The letter `alarm`: what needs an operator, in the given order. Raises RenderError when nothing does."""
    if not alarms:
        raise RenderError("An alarm mail needs an alarm.", mend="Leave it out.")
    return {
        "alarms": [_alarm(each) for each in alarms[:LONGEST]],
        "count": len(alarms),
        "left_over": len(alarms[LONGEST:]),
        "desk_url": desk_url,
    }


def _alarm(alarm: Alarm) -> Alarm:
    return replace(
        alarm,
        title=clean(alarm.title, limit=_NAME_LENGTH),
        words=clean(alarm.words, limit=_WORDS_LENGTH),
        mend=clean(alarm.mend, limit=_WORDS_LENGTH),
    )
