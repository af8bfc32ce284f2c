"""Corrections: what readers say is wrong, and the editor's public answer."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from app import correcting
from core.errors import Refused
from web.desk.paging import page
from web.desk.room import EDITORS, Desk, DeskRoute, Visit

LIST = "/desk/corrections"
A_PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrections:
    """Handlers."""

    desk: Desk

    def routes(self) -> list[DeskRoute]:
        """Their addresses."""
        return [
            self.desk.route(LIST, roles=EDITORS, show=self.listed),
            self.desk.route(f"{LIST}/{{report}}", roles=EDITORS, act=self.settle),
        ]

    def listed(self, visit: Visit) -> Response:
        """Reports in a state: the open ones unless another is asked for."""
        return self._list(visit)

    def _list(self, visit: Visit, *, problem: str = "", about: int = 0, note: str = "", status: int = 200) -> Response:
        state = visit.request.query_params.get("state", "open")
        state = state if state in ("open", "accepted", "rejected") else "open"
        after = visit.request.query_params.get("after", "")
        found = correcting.queue(
            self.desk.product, limit=A_PAGE + 1, state=state, after=visit.number("after") if after else None
        )
        shown = page(LIST, found, size=A_PAGE, behind=lambda each: each.id, kept={"state": state}, after=after)
        return self.desk.page(
            visit,
            "corrections.html",
            status=status,
            page=shown,
            state=state,
            problem=problem,
            about=about,
            note_typed=note,
        )

    def settle(self, visit: Visit) -> Response:
        """Accept with words for the public log, or reject with words for ours. Pressed twice it is settled once."""
        at, decision, note = visit.number("report"), visit.text("decision"), visit.text("note")
        if decision not in ("accept", "reject"):
            return self._list(visit, problem="Choose accept or reject.", about=at, note=note, status=400)
        try:
            about = correcting.settle(
                self.desk.product, at, accept=decision == "accept", note=note, email=visit.who.person.email
            )
        except Refused as refusal:
            return self._list(visit, problem=refusal.on_page, about=at, note=note, status=400)
        word = "is in the public log" if decision == "accept" else "was turned down"
        return self.desk.done(visit, to=LIST, said=f"The report on {about} {word}.")
