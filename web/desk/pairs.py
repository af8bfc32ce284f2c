"""Pairs: what pairing suggests with its reasons, accepted or turned down, and pairs by hand."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from app import pairing, suggesting
from core.errors import VerdictsError
from web.desk.room import EDITORS, Desk, DeskRoute, Undo, Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Handlers."""

    desk: Desk

    def routes(self) -> list[DeskRoute]:
        """Their addresses."""
        route = self.desk.route
        return [
            route("/desk/pairs", roles=EDITORS, show=self.listed, act=self.pair),
            route("/desk/pairs/look", roles=EDITORS, act=self.look),
            route("/desk/pairs/reject", roles=EDITORS, act=self.reject),
            route("/desk/pairs/again", roles=EDITORS, act=self.again),
            route("/desk/rivals/dismiss", roles=EDITORS, act=self.dismiss_rival),
            route("/desk/rivals/again", roles=EDITORS, act=self.list_rival_again),
        ]

    def listed(self, visit: Visit) -> Response:
        """What is suggested, the best first."""
        return self._list(visit, one=visit.text("one"), other=visit.text("other"))

    def _list(self, visit: Visit, *, status: int = 200, problem: str = "", **typed: str) -> Response:
        given = {"one": "", "other": "", "reason": ""} | typed
        product = self.desk.product
        return self.desk.page(
            visit,
            "pairs.html",
            status=status,
            pairs=suggesting.listed(product),
            answers=suggesting.answered(product),
            rivals=suggesting.unknown_rivals(product),
            problem=problem,
            typed=given,
        )

    def pair(self, visit: Visit) -> Response:
        """Accept a suggestion, or pair two by hand: either way a draft, and on to its page."""
        one, other = _slug(visit.text("one")), _slug(visit.text("other"))
        try:
            made = suggesting.accept(self.desk.product, one, other, by=visit.who.person.email)
        except VerdictsError as error:
            return self._list(
                visit, status=400, problem=error.on_page, one=visit.text("one"), other=visit.text("other")
            )
        undo = None
        if made.state == "draft":
            address = f"/desk/comparisons/{made.slug}/retire"
            undo = Undo(address=address, label="Take it away again", fields={"version": str(made.version)})
        said = f"{made.a} and {made.b} stand side by side as a {made.state}."
        return self.desk.done(visit, to=f"/desk/comparisons/{made.slug}", said=said, undo=undo)

    def look(self, visit: Visit) -> Response:
        """Weigh everything again."""
        found = suggesting.look(self.desk.product)
        said = f"{found} pairs found." if found else "No pair speaks for itself among the tools whose panel is closed."
        return self.desk.done(visit, to="/desk/pairs", said=said)

    def reject(self, visit: Visit) -> Response:
        """Turn a pair down, with the reason."""
        one, other, reason = visit.text("one"), visit.text("other"), visit.text("reason")
        try:
            pairing.reject(self.desk.product, one, other, by=visit.who.person.email, reason=reason)
        except VerdictsError as error:
            return self._list(visit, status=400, problem=error.on_page, reason=reason)
        undo = Undo(address="/desk/pairs/again", label="Suggest it again", fields={"one": one, "other": other})
        said = f"{one} and {other} come up again only after a verdict or fact has changed."
        return self.desk.done(visit, to="/desk/pairs", said=said, undo=undo)

    def again(self, visit: Visit) -> Response:
        """Take a rejection back."""
        one, other = visit.text("one"), visit.text("other")
        suggesting.ask_again(self.desk.product, one, other, by=visit.who.person.email)
        return self.desk.done(visit, to="/desk/pairs", said=f"{one} and {other} are suggested again.")

    def dismiss_rival(self, visit: Visit) -> Response:
        """List a rival that nobody has ingested no more."""
        name = visit.text("name")
        suggesting.dismiss_rival(self.desk.product, name, by=visit.who.person.email)
        undo = Undo(address="/desk/rivals/again", label="List it again", fields={"name": name})
        return self.desk.done(visit, to="/desk/pairs", said=f"{name} is listed no more.", undo=undo)

    def list_rival_again(self, visit: Visit) -> Response:
        """Take a dismissal back."""
        name = visit.text("name")
        suggesting.list_rival_again(self.desk.product, name, by=visit.who.person.email)
        return self.desk.done(visit, to="/desk/pairs", said=f"{name} is listed again.")


def _slug(text: str) -> str:
    """An address as somebody may paste it: the whole of it, or its last part."""
    return text.rstrip("/").rpartition("/")[2].lower()[:80]
