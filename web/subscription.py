"""The subscriber's pages: subscribe, confirm, leave. GET and HEAD change nothing, since scanners follow every link."""

from __future__ import annotations

import re
from dataclasses import dataclass

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
        }
        return [
            Route(path, show_and_act(show=show, act=act, base_url=self.pages.base_url), methods=_METHODS)
            for path, (show, act) in pairs.items()
        ]

    def show_subscribe(self, request: Request) -> Response:
        """The form on a page of its own."""
        return self.pages.published(request, "subscribe.html", address="", problem="")

    def subscribe(self, request: Request, form: Form) -> Response:
        """Ask for a confirmation mail. The answer is the same for known and unknown addresses."""
        address = form.get("address", "").strip()
        asking = caller(request)
        limiting.use(self.product, "subscribe", asking)
        try:
            subscribing.subscribe(self.product, address, source=_source(form.get("source", "")), network=asking.network)
        except Refused as refusal:
            return self.pages.private("subscribe.html", status=400, address=address, problem=str(refusal))
        return self.pages.private("check_your_mail.html", address=address)

    def show_confirm(self, request: Request) -> Response:
        """One button; nothing is confirmed yet."""
        try:
            address = subscribing.check_confirm(self.product, request.path_params["token"])
        except Refused as refusal:
            return self._stale_link(refusal)
        return self.pages.private("confirm.html", address=address)

    def confirm(self, request: Request, _form: Form) -> Response:
        """Confirm the address."""
        try:
            subscriber = subscribing.confirm(self.product, request.path_params["token"])
        except Refused as refusal:
            return self._stale_link(refusal)
        return self.pages.private("confirmed.html", address=subscriber.address)

    def show_unsubscribe(self, request: Request) -> Response:
        """One button; nobody has left yet."""
        try:
            address = subscribing.check_unsubscribe(self.product, request.path_params["token"])
        except Refused as refusal:
            return self._stale_link(refusal)
        return self.pages.private("unsubscribe.html", address=address)

    def unsubscribe(self, request: Request, form: Form) -> Response:
        """Take the address off the list; a mail provider's one-click post (RFC 8058) gets a plain answer."""
        one_click = form.get("List-Unsubscribe") == "One-Click"
        try:
            address = subscribing.unsubscribe(self.product, request.path_params["token"])
        except Refused as refusal:
            stale = self._stale_link(refusal)
            return _plain(str(refusal), status=400) if one_click else stale
        return _plain("Unsubscribed.") if one_click else self.pages.private("unsubscribed.html", address=address)

    def _stale_link(self, refusal: Refused) -> Response:
        self.counting.refused("link", "refused")
        return self.pages.private("stale_link.html", status=400, problem=str(refusal), again="/subscribe")


def _plain(text: str, *, status: int = 200) -> Response:
    return PlainTextResponse(f"{text}\n", status_code=status, headers={"Cache-Control": FOR_NOBODY})


def _source(text: str) -> str:
    # A hidden field is as free to lie as any other: what does not look like ours is not kept.
    return text if _SOURCE.fullmatch(text) else "web"
