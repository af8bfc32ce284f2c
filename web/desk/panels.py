"""Panels for editors: how far each is, what was said, and what to do when one is stuck."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from app import overseeing
from app.overseeing import Show
from core.errors import NotFound, VerdictsError
from core.panel import VerdictState
from web.desk.room import EDITORS, Desk, DeskRoute, Visit

TITLES = {
    Show.OPEN: "Under way",
    Show.CLOSED: "Closed",
    Show.UNREAD: "To be read",
    Show.DESERTED: "Nobody left",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelPages:
    """Handlers of panels."""

    desk: Desk

    def routes(self) -> list[DeskRoute]:
        """Their addresses."""
        route = self.desk.route
        return [
            route("/desk/panels", show=self.listed, roles=EDITORS),
            route("/desk/panels/{slug}", show=self.panel, roles=EDITORS),
            route("/desk/panels/{slug}/show", act=self.give_up_judging, roles=EDITORS),
            route("/desk/panels/{slug}/read", act=self.mark_read, roles=EDITORS),
            route("/desk/panels/{slug}/seats/{seat}/break", act=self.break_lease, roles=EDITORS),
            route("/desk/panels/{slug}/seats/{seat}/reopen", act=self.reopen, roles=EDITORS),
        ]

    def listed(self, visit: Visit) -> Response:
        """Panels of one kind; how far they are, never what anybody said."""
        try:
            show = Show(visit.text("show", Show.OPEN) or Show.OPEN)
        except ValueError:
            raise NotFound("There is no such list of panels.", mend="Open Panels from the menu.") from None
        after = visit.text("after")
        found = overseeing.listed(self.desk.product, show, after=after)
        here = f"/desk/panels?{urlencode({'show': show})}"
        return self.desk.page(
            visit,
            "panels.html",
            panels=found,
            show=show,
            titles=TITLES,
            first=here if after else "",
            further=f"{here}&{urlencode({'after': found.further})}" if found.further else "",
        )

    def panel(self, visit: Visit) -> Response:
        """One panel; an old address leads on."""
        return self._page(visit)

    def _page(self, visit: Visit, *, status: int = 200, problem: str = "", at: int = 0) -> Response:
        found = overseeing.panel(self.desk.product, visit.who.person.email, visit.word("slug"))
        if found.tool.slug != visit.word("slug") and not problem:
            return RedirectResponse(_at(found.tool.slug), status_code=303)
        return self.desk.page(
            visit,
            "panel.html",
            status=status,
            view=found,
            counts=VerdictState.SUBMITTED,
            problem=problem,
            problem_at=at,
            typed=visit.text("reason") if problem else "",
        )

    def give_up_judging(self, visit: Visit) -> Response:
        """Show the verdicts to an editor who reviews, too."""
        slug = visit.word("slug")
        overseeing.give_up_judging(self.desk.product, visit.who.person.email, slug)
        return self.desk.done(visit, to=_at(slug), said="These are the verdicts. You judge this tool no more.")

    def mark_read(self, visit: Visit) -> Response:
        """The machine-written verdicts of a tool have been read."""
        slug = visit.word("slug")
        overseeing.mark_read(self.desk.product, visit.who.person.email, slug)
        return self.desk.done(visit, to=_at(slug), said="Marked as read by you.")

    def break_lease(self, visit: Visit) -> Response:
        """Take a seat from its holder, with a reason."""
        mark = {"fence": visit.number("fence")}
        return self._decide(
            visit, overseeing.break_lease, mark, said="The seat is free again; its holder keeps their draft."
        )

    def reopen(self, visit: Visit) -> Response:
        """Take a verdict away and let its seat wait again, with a reason."""
        mark = {"version": visit.number("version")}
        return self._decide(
            visit, overseeing.reopen, mark, said="The seat waits again; what was said is kept as withdrawn."
        )

    def _decide(self, visit: Visit, act: Callable[..., str], mark: Mapping[str, int], *, said: str) -> Response:
        """`act` on a seat as it was read, by its `mark`; what is refused is shown beside the reason as typed."""
        seat = visit.number("seat")
        try:
            slug = act(self.desk.product, visit.who.person.email, seat, reason=visit.text("reason"), **mark)
        except NotFound:
            raise
        except VerdictsError as error:
            return self._page(visit, status=409, problem=error.on_page, at=seat)
        return self.desk.done(visit, to=_at(slug), said=said)


def _at(slug: str) -> str:
    return f"/desk/panels/{slug}"
