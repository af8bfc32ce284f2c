"""The subscriber's pages: subscribe, confirm, move to another address, leave, and the way back. GET and HEAD change
nothing, since scanners follow every link."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app import limiting, subscribing
from app.wiring import Product
from core.errors import Refused
from web.answers import FOR_NOBODY
from web.callers import caller
from web.counting import Counting
from web.forms import Form, show_and_act
from web.pages import Pages

DECOY = "website"
"""A field that nobody sees: who fills it in is a program."""

_SOURCE = re.compile(r"[A-Za-z0-9:-]{1,200}")
_METHODS = ["GET", "POST"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberPages:
    """Handlers of forms and of the links in mails."""

    product: Product
    pages: Pages
    counting: Counting

    def routes(self) -> list[Route]:
        """Their addresses."""
        pairs = {
            "/subscribe": (self.show_subscribe, self.subscribe),
            "/confirm/{token}": (self.show_confirm, self.confirm),
            "/unsubscribe/{token}": (self.show_unsubscribe, self.unsubscribe),
            "/undo/{token}": (self.show_undo, self.undo),
            "/move/{token}": (self.show_move, self.move),
        }
        return [
            Route(path, show_and_act(show=show, act=act, base_url=self.pages.base_url), methods=_METHODS)
            for path, (show, act) in pairs.items()
        ]

    def show_subscribe(self, request: Request) -> Response:
        """The form on a page of its own."""
        return self.pages.published(request, "subscribe.html", address="", problem="")

    def subscribe(self, request: Request, form: Form) -> Response:
        """Ask for a confirmation mail. The answer is the same for known and unknown addresses, and so is the time it
        takes: everything that depends on the address is done when the answer is on its way."""
        address = form.get("address", "").strip()
        asking = caller(request)
        limiting.use(self.product, "subscribe", asking)
        try:
            wanted = subscribing.wanted_address(self.product, address)
        except Refused as refusal:
            return self.pages.private("subscribe.html", status=400, address=address, problem=refusal.on_page)
        answer = self.pages.private("check_your_mail.html", address=address, again="/subscribe")
        if form.get(DECOY):
            self.counting.refused("subscribe", "decoy")
        else:
            source = _source(form.get("source", ""))
            answer.background = BackgroundTask(
                subscribing.subscribe, self.product, wanted, source=source, network=asking.network
            )
        return answer

    def show_confirm(self, request: Request) -> Response:
        """One button; nothing is confirmed yet."""
        return self._show(request, subscribing.check_confirm, "confirm.html")

    def confirm(self, request: Request, _form: Form) -> Response:
        """Confirm the address."""
        network = caller(request).network
        return self._show(
            request, lambda *given: subscribing.confirm(*given, network=network).address, "confirmed.html", kind="new"
        )

    def show_undo(self, request: Request) -> Response:
        """One button; nobody is back yet."""
        return self._show(request, subscribing.check_undo, "confirm.html")

    def undo(self, request: Request, _form: Form) -> Response:
        """Put the address back on the list."""
        undo = partial(subscribing.undo, network=caller(request).network)
        return self._show(request, undo, "confirmed.html", kind="back")

    def show_move(self, request: Request) -> Response:
        """One button; nothing has moved yet."""
        return self._show(request, subscribing.check_move, "confirm.html")

    def move(self, request: Request, _form: Form) -> Response:
        """Send the mail to this address from now on."""
        move = partial(subscribing.move, network=caller(request).network)
        return self._show(request, move, "confirmed.html", kind="moved")

    def show_unsubscribe(self, request: Request) -> Response:
        """One button; nobody has left yet."""
        return self._show(request, subscribing.check_unsubscribe, "unsubscribe.html")

    def unsubscribe(self, request: Request, form: Form) -> Response:
        """Take the address off the list; a mail provider's one-click post (RFC 8058) gets a plain answer."""
        one_click = form.get("List-Unsubscribe") == "One-Click"
        token = request.path_params["token"]
        try:
            source = "one click" if one_click else "link"
            address = subscribing.unsubscribe(self.product, token, source=source, network=caller(request).network)
            if one_click:
                return _plain("Unsubscribed.")
            back = subscribing.way_back(self.product, token)
        except Refused as refusal:
            stale = self._stale_link(refusal)
            return _plain(refusal.on_page, status=400) if one_click else stale
        path = back.removeprefix(self.product.settings.base_url) if back else ""
        return self.pages.private("unsubscribed.html", address=address, undo=path)

    def _show(self, request: Request, do: Callable[[Product, str], str], template: str, **more: Any) -> Response:
        """The page about the address that `do` finds behind the link."""
        try:
            address = do(self.product, request.path_params["token"])
        except Refused as refusal:
            return self._stale_link(refusal)
        return self.pages.private(template, address=address, **more)

    def _stale_link(self, refusal: Refused) -> Response:
        self.counting.refused("link", "refused")
        return self.pages.private("stale_link.html", status=400, problem=refusal.on_page, again="/subscribe")


def _plain(text: str, *, status: int = 200) -> Response:
    return PlainTextResponse(f"{text}\n", status_code=status, headers={"Cache-Control": FOR_NOBODY})


def _source(text: str) -> str:
    # A hidden field is as free to lie as any other: what does not look like ours is not kept.
    return text if _SOURCE.fullmatch(text) else "web"
