"""The desk's menu: what somebody with these roles can open."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from core.panel import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the menu. `here` marks where the visitor is."""

    title: str
    path: str
    here: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Lines that belong together, for those with a role."""

    title: str
    entries: tuple[Entry, ...]


_GROUPS: tuple[tuple[str, Role, tuple[tuple[str, str], ...]], ...] = (
    ("Review", Role.REVIEWER, (("Queue", "/desk/queue"), ("My verdicts", "/desk/mine"))),
    (
        "Edit",
        Role.EDITOR,
        (
            ("Panels", "/desk/panels"),
            ("Same tool?", "/desk/duplicates"),
            ("Pairs", "/desk/pairs"),
            ("Comparisons", "/desk/comparisons"),
            ("Tools", "/desk/tools"),
            ("Editions", "/desk/editions"),
            ("Corrections", "/desk/corrections"),
            ("Votes", "/desk/votes"),
        ),
    ),
    (
        "Operate",
        Role.OPERATOR,
        (
            ("Alarms", "/desk/alarms"),
            ("Sources", "/desk/sources"),
            ("Sending", "/desk/sending"),
            ("Subscribers", "/desk/subscribers"),
            ("People", "/desk/people"),
            ("Lenses", "/desk/lenses"),
            ("Reminders", "/desk/reminders"),
            ("Log", "/desk/log"),
        ),
    ),
)


def menu(roles: Collection[Role], *, path: str) -> tuple[Group, ...]:
    """The groups for these roles; the entry that `path` lies under is marked."""
    return tuple(
        Group(title=title, entries=tuple(_entry(name, at, path) for name, at in entries))
        for title, role, entries in _GROUPS
        if role in roles
    )


_UNDER = {"/desk/seats": "/desk/queue", "/desk/bulk/tools": "/desk/tools", "/desk/bulk/duplicates": "/desk/duplicates"}
"""Pages that lie elsewhere than the list that leads to them."""


def _entry(title: str, at: str, path: str) -> Entry:
    places = [at, *(page for page, under in _UNDER.items() if under == at)]
    return Entry(title=title, path=at, here=any(path == each or path.startswith(f"{each}/") for each in places))


def first_page(roles: Collection[Role]) -> str:
    """Where somebody with these roles begins."""
    groups = menu(roles, path="")
    return groups[0].entries[0].path if groups else "/desk/me"
