"""My page: what I hold, what I have begun, what I have said, and how far others agree."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from app import queueing, reminding
from web.desk.reminders import WHY
from web.desk.room import REVIEWERS, Desk, DeskRoute, Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class MinePages:
    """Handlers of a reviewer's own page."""

    desk: Desk

    def routes(self) -> list[DeskRoute]:
        """Their addresses."""
        return [self.desk.route("/desk/mine", show=self.show, roles=REVIEWERS)]

    def show(self, visit: Visit) -> Response:
        """Everything that is the visitor's, verdicts by the page."""
        before = visit.number("after") if visit.text("after") else None
        found = queueing.mine(self.desk.product, visit.who.person.email, before=before)
        return self.desk.page(
            visit,
            "mine.html",
            mine=found,
            reminders=None if before is not None else reminding.mine(self.desk.product, visit.who.person),
            why=WHY,
            first="/desk/mine" if before is not None else "",
            further=f"/desk/mine?after={found.further}" if found.further else "",
        )
