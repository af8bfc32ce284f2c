"""The preference page: the categories a subscriber wants, and the way out."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app import limiting, subscribing
from app.subscribing import Preferences
from app.wiring import Product
from core.errors import Refused
from web.callers import caller
from web.counting import Counting
from web.forms import Form, show_and_act
from web.pages import Pages


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
        """The categories with those chosen so far; nothing is changed."""
        try:
            found = subscribing.preferences(self.product, request.path_params["token"])
        except Refused as refusal:
            return self._refuse(refusal)
        return self._page(found, saved=False)

    def act(self, request: Request, form: Form) -> Response:
        """Keep what is ticked. Each category is a field of its own; anything else in the form is left aside."""
        try:
            limiting.use(self.product, "preferences", caller(request))
            wanted = [name.removeprefix("category:") for name in form if name.startswith("category:")]
            found = subscribing.choose(self.product, request.path_params["token"], wanted)
        except limiting.TooMany:
            raise
        except Refused as refusal:
            return self._refuse(refusal)
        return self._page(found, saved=True)

    def _page(self, found: Preferences, *, saved: bool) -> Response:
        leave = found.unsubscribe_url.removeprefix(self.product.settings.base_url)
        return self.pages.private("preferences.html", preferences=found, leave=leave, saved=saved)

    def _refuse(self, refusal: Refused) -> Response:
        self.counting.refused("preferences", "refused")
        return self.pages.private("stale_link.html", status=400, problem=str(refusal), again="")
