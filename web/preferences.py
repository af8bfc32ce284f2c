"""The preference page: what a subscriber wants and how often, a pause, another address, and the way out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app import limiting, subscribing
from app.subscribing import Preferences
from app.wiring import Product
from core.errors import Refused
from core.subscriber import LANGUAGES
from web.callers import caller
from web.counting import Counting
from web.forms import Form, show_and_act
from web.pages import Pages

PAUSES = (1, 2, 4, 8, 12)
"""Weeks that the page offers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencePages:
    """Handlers of the link at the foot of every mail."""

    product: Product
    pages: Pages
    counting: Counting

    def routes(self) -> list[Route]:
        """Their address."""
        endpoint = show_and_act(show=self.show, act=self.act, base_url=self.pages.base_url)
        return [Route("/preferences/{token}", endpoint, methods=["GET", "POST"])]

    def show(self, request: Request) -> Response:
        """What was chosen so far; nothing is changed."""
        try:
            found = subscribing.preferences(self.product, request.path_params["token"])
        except Refused as refusal:
            return self._refuse(refusal)
        return self._page(found)

    def act(self, request: Request, form: Form) -> Response:
        """Do what the pressed button says: save the choices, pause, go on, or move to another address."""
        acts: dict[str, Callable[[str, Form], Response]] = {"pause": self._pause, "move": self._move}
        try:
            limiting.use(self.product, "preferences", caller(request))
            return acts.get(form.get("act", ""), self._choose)(request.path_params["token"], form)
        except limiting.TooMany:
            raise
        except Refused as refusal:
            return self._refuse(refusal)

    def _choose(self, token: str, form: Form) -> Response:
        """Each category is a field of its own; anything else in the form is left aside."""
        found = subscribing.choose(
            self.product,
            token,
            [name.removeprefix("category:") for name in form if name.startswith("category:")],
            rhythm=form.get("rhythm", "weekly"),
            language=form.get("language", ""),
            time_zone=form.get("time_zone", ""),
        )
        return self._page(found, done="saved")

    def _pause(self, token: str, form: Form) -> Response:
        weeks = form.get("weeks", "")
        found = subscribing.pause(self.product, token, weeks=int(weeks) if weeks.isdecimal() and len(weeks) < 4 else -1)  # noqa: PLR2004 - more digits are no number of weeks
        return self._page(found, done="paused" if found.paused_until else "resumed")

    def _move(self, token: str, form: Form) -> Response:
        """The answer is the same for an address that is known to us and one that is not."""
        address = form.get("address", "").strip()
        try:
            letter = subscribing.ask_move(self.product, token, address)
        except limiting.TooMany:
            raise
        except Refused as refusal:
            found = subscribing.preferences(self.product, token)
            return self._page(found, status=400, address=address, problem=refusal.on_page)
        answer = self.pages.private("check_your_mail.html", address=address, again="")
        if letter is not None:
            answer.background = BackgroundTask(subscribing.send_move, self.product, letter)
        return answer

    def _page(
        self, found: Preferences, *, status: int = 200, done: str = "", address: str = "", problem: str = ""
    ) -> Response:
        return self.pages.private(
            "preferences.html",
            status=status,
            preferences=found,
            leave=found.unsubscribe_url.removeprefix(self.product.settings.base_url),
            done=done,
            address=address,
            problem=problem,
            languages=LANGUAGES,
            time_zones=subscribing.time_zones(),
            pauses=PAUSES,
        )

    def _refuse(self, refusal: Refused) -> Response:
        self.counting.refused("preferences", "refused")
        return self.pages.private("stale_link.html", status=400, problem=refusal.on_page, again="")
