"""The log: who decided what, when, and what it was before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import Response

from app import history
from core.errors import Refused
from core.text import clean
from store.audit import Entry
from web.desk.paging import page
from web.desk.room import OPERATORS, Desk, DeskRoute, Visit

PATH = "/desk/log"
_FILTERS = ("actor", "action", "subject", "since", "until")
_LONGEST = 400
_PAGES: Mapping[str, str] = {
    "tool": "/desk/tools/",
    "comparison": "/desk/comparisons/",
    "edition": "/desk/editions/",
    "source": "/desk/sources/",
    "lens": "/desk/lenses/",
    "seat": "/desk/seats/",
}
"""Where the desk shows what an entry is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing before and after; empty: it was not there, or nobody wrote it down."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An entry as the page tells it. `page` is where the desk shows its subject; None: nowhere."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    page: str | None
    differences: tuple[Difference, ...]


def told(entry: Entry) -> Told:
    """An entry, readable: of two mappings, what differs."""
    return Told(
        id=entry.id,
        at=entry.at,
        actor=entry.actor,
        action=entry.action,
        subject=entry.subject,
        page=_page(entry.subject),
        differences=tuple(_differences(entry.before, entry.after)),
    )


def _page(subject: str) -> str | None:
    noun, _, name = subject.partition(":")
    return _PAGES[noun] + name if noun in _PAGES and name and name.replace("-", "").isalnum() else None


def _differences(before: Any, after: Any) -> list[Difference]:
    if not isinstance(before, Mapping | None) or not isinstance(after, Mapping | None):
        return [Difference(name="", before=_words(before), after=_words(after))]
    one, other = before or {}, after or {}
    names = dict.fromkeys([*one, *other])
    return [
        Difference(name=name.replace("_", " "), before=_words(one.get(name)), after=_words(other.get(name)))
        for name in names
        if name not in one or name not in other or one[name] != other[name]
    ]


def _words(value: Any) -> str:
    """A JSON value as people read it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return clean(", ".join(_words(each) for each in value) or "none", limit=_LONGEST)
    if isinstance(value, Mapping):
        return clean("; ".join(f"{name}: {_words(each)}" for name, each in value.items()), limit=_LONGEST)
    return clean(str(value), limit=_LONGEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPages:
    """Handlers of the log."""

    desk: Desk

    def routes(self) -> list[DeskRoute]:
        """Its one address."""
        return [self.desk.route(PATH, show=self.show, roles=OPERATORS)]

    def show(self, visit: Visit) -> Response:
        """Fifty entries, newest first, by who, action, subject and days of the reader's zone."""
        kept = {name: visit.text(name) for name in _FILTERS}
        after = visit.text("after")
        book = history.search(
            self.desk.product,
            actor=kept["actor"],
            action=kept["action"],
            subject=kept["subject"],
            since=_start_of(kept["since"], visit.who.zone),
            until=_start_of(kept["until"], visit.who.zone, days=1),
            before_id=visit.number("after") if after else None,
        )
        return self.desk.page(
            visit,
            "log.html",
            page=page(
                PATH,
                [told(each) for each in book.entries],
                size=history.PAGE,
                behind=lambda each: each.id,
                kept=kept,
                after=after,
            ),
            kept=kept,
            actions=book.actions,
            actors=book.actors,
        )


def _start_of(day: str, zone: ZoneInfo, *, days: int = 0) -> datetime | None:
    """The first instant of a day, or of one so many days later. Raises Refused for what is no day."""
    if not day:
        return None
    try:
        date = datetime.strptime(day, "%Y-%m-%d").date() + timedelta(days=days)  # noqa: DTZ007 - only its date
    except (ValueError, OverflowError):
        raise Refused(f"{clean(day, limit=40)!r} is not a day.", mend="Write it like 2026-11-22.") from None
    return datetime.combine(date, time(), zone)
