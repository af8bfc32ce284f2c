"""Alarms: what needs an operator, since when, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from app import alarming
from web.desk.room import OPERATORS, Desk, DeskRoute, Undo, Visit

PATH = "/desk/alarms"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmPages:
    """Handlers of alarms."""

    desk: Desk

    def routes(self) -> list[DeskRoute]:
        """Their addresses, all of them an operator's."""
        route = self.desk.route
        return [
            route(PATH, show=self.show, roles=OPERATORS),
            route(f"{PATH}/seen", act=self.acknowledge, roles=OPERATORS),
            route(f"{PATH}/speak", act=self.speak, roles=OPERATORS),
        ]

    def show(self, visit: Visit) -> Response:
        """What stands now, loud ones first; nothing is written by looking."""
        found = alarming.standing(self.desk.product)
        return self.desk.page(
            visit,
            "alarms.html",
            loud=[each for each in found if not each.is_quiet],
            quiet=[each for each in found if each.is_quiet],
        )

    def acknowledge(self, visit: Visit) -> Response:
        """Somebody has seen it: it is quiet until it says something else."""
        key, seen = visit.text("key"), visit.text("seen")
        done = alarming.acknowledge(self.desk.product, key, seen=seen, by=visit.who.person)
        undo = Undo(address=f"{PATH}/speak", label="Undo", fields={"key": key, "seen": seen})
        return self.desk.done(
            visit, to=PATH, said=f"Seen: {done.title}. It is quiet until something about it changes.", undo=undo
        )

    def speak(self, visit: Visit) -> Response:
        """Let it speak again."""
        key, seen = visit.text("key"), visit.text("seen")
        done = alarming.acknowledge(self.desk.product, key, seen=seen, by=visit.who.person, take_back=True)
        undo = Undo(address=f"{PATH}/seen", label="Undo", fields={"key": key, "seen": seen})
        return self.desk.done(visit, to=PATH, said=f"{done.title}: it speaks again.", undo=undo)
