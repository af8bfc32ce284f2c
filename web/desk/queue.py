"""The queue: one big button for the next seat, and below it what waits."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.responses import Response

from app import queueing, reviewing
from core.category import CATEGORIES
from core.errors import NotFound
from store.panels import Wanted
from web.desk.room import REVIEWERS, Desk, DeskRoute, Visit

_STATES = {"free": True, "held": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePages:
    """Handlers of the queue."""

    desk: Desk

    def routes(self) -> list[DeskRoute]:
        """Their addresses."""
        return [
            self.desk.route("/desk/queue", show=self.show, roles=REVIEWERS),
            self.desk.route("/desk/queue/next", act=self.claim, roles=REVIEWERS),
        ]

    def show(self, visit: Visit) -> Response:
        """What the visitor holds, and what waits for them in the order in which it is given out."""
        product, email = self.desk.product, visit.who.person.email
        lens, category, source, state = (visit.text(name) for name in ("lens", "category", "source", "state"))
        wanted = Wanted(lenses=[lens] if lens else [], category=category, source=source, free=_STATES.get(state))
        after = visit.text("after")
        chosen = {"lens": lens, "category": category, "source": source, "state": state}
        found = queueing.queue(product, email, wanted, after=after)
        return self.desk.page(
            visit,
            "queue.html",
            queue=found,
            chosen=chosen,
            filtered=any(chosen.values()),
            categories=CATEGORIES,
            first=_address(chosen) if after else "",
            further=_address(chosen | {"after": found.further}) if found.further else "",
        )

    def claim(self, visit: Visit) -> Response:
        """The best seat for the visitor's lenses, or for the one that was chosen."""
        lens = visit.text("lens") or None
        try:
            lease = reviewing.claim(self.desk.product, visit.who.person.email, lens=lens)
        except NotFound as nothing:
            if lens and lens not in visit.who.person.lenses:
                raise
            return self.desk.done(visit, to="/desk/queue", said=f"{nothing.message} You are done for now.")
        return self.desk.done(visit, to=f"/desk/seats/{lease.seat}", said="The seat is yours.")


def _address(chosen: dict[str, str]) -> str:
    parameters = {name: value for name, value in chosen.items() if value}
    return f"/desk/queue?{urlencode(parameters)}" if parameters else "/desk/queue"
