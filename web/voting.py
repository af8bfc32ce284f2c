"""The vote page: GET shows both tools with the choice so far and changes nothing, POST commits one choice."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app import limiting, voting
from app.wiring import Product
from core.errors import NotFound, Refused, StaleVersion
from web.callers import caller
from web.counting import Counting
from web.forms import Form, show_and_act
from web.pages import Pages


@dataclass(frozen=True, slots=True, kw_only=True)
class VotePages:
    """Handlers of the links under each comparison of a mail."""

    product: Product
    pages: Pages
    counting: Counting

    def routes(self) -> list[Route]:
        """Their address."""
        endpoint = show_and_act(show=self.show, act=self.act, base_url=self.pages.base_url)
        return [Route("/vote/{token}", endpoint, methods=["GET", "POST"])]

    def show(self, request: Request) -> Response:
        """Both tools, the choice so far, and a button each while the vote is open."""
        try:
            ballot = voting.ballot(self.product, request.path_params["token"])
        except (Refused, NotFound) as refusal:
            return self._refuse(refusal)
        return self.pages.private("vote.html", ballot=ballot, problem="", done=False)

    def act(self, request: Request, form: Form) -> Response:
        """Take the choice. A page that is out of date is shown anew, with the choice as it is."""
        token = request.path_params["token"]
        try:
            limiting.use(self.product, "vote", caller(request))
            ballot = voting.vote(
                self.product,
                token,
                choice=form.get("choice", ""),
                nonce=form.get("nonce", ""),
                caller=caller(request),
            )
        except StaleVersion as stale:
            self.counting.refused("vote", "stale")
            ballot = voting.ballot(self.product, token)
            return self.pages.private("vote.html", status=409, ballot=ballot, problem=stale.on_page, done=False)
        except limiting.TooMany:
            raise
        except (Refused, NotFound) as refusal:
            return self._refuse(refusal)
        return self.pages.private("vote.html", ballot=ballot, problem="", done=True)

    def _refuse(self, refusal: Refused | NotFound) -> Response:
        self.counting.refused("vote", "refused")
        return self.pages.private("stale_link.html", status=400, problem=refusal.on_page, again="")
