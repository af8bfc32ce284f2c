"""Pages for what went wrong: the same design, plain words, and nothing of the inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import format_datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ExceptionHandler

from app.limiting import TooMany
from core.errors import NotFound
from web.counting import Counting
from web.pages import Pages
from web.protection import OtherSite

_WORDS = {
    400: ("That request makes no sense to us", "Something in the address or the form is not as it should be."),
    401: (
        "You are not signed in",
        "Sign in again in another tab, come back here and press once more: your text stays.",
    ),
    403: ("Not from here", "This form was sent from another site. Open the page on this site and try again."),
    404: ("No verdict here", "There is no such page, or it has not been published."),
    405: ("Not this way", "This address does not take that kind of request."),
    409: ("Changed meanwhile", "What you were looking at has changed. Open it again."),
    413: ("Too much", "That is more than this form takes."),
    429: ("Once more, slowly", "This form was used very often from where you are. Try again within the hour."),
    500: ("Our fault", "Something broke on our side. It has been logged; please try again in a while."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FailurePages:
    """Exception handlers."""

    pages: Pages
    counting: Counting
    headers: Mapping[str, str]  # of every answer; the last handler stands outside the middleware that adds them

    def handlers(self) -> dict[type[Exception], ExceptionHandler]:
        """Which handler answers what."""
        return {
            HTTPException: self.refused,
            OtherSite: self.other_site,
            NotFound: self.not_found,
            TooMany: self.too_many,
            Exception: self.broken,
        }

    def refused(self, _request: Request, error: Exception) -> Response:
        """An HTTPException, with its status and headers."""
        if not isinstance(error, HTTPException):
            raise TypeError(error)
        response = self._page(error.status_code)
        response.headers.update(error.headers or {})
        return response

    def other_site(self, request: Request, error: Exception) -> Response:
        """A post on behalf of another site: counted, since it is how a forged button shows."""
        self.counting.refused(request.url.path.split("/")[1], "other_site")
        return self.refused(request, error)

    def not_found(self, _request: Request, _error: Exception) -> Response:
        """Nothing by that name, or nothing that is published: the same words for both."""
        return self._page(404)

    def too_many(self, request: Request, error: Exception) -> Response:
        """A form that was used too often; says when it may be used again."""
        if not isinstance(error, TooMany):
            raise TypeError(error)
        self.counting.refused(request.url.path.split("/")[1], "too_many")
        response = self._page(429)
        response.headers["Retry-After"] = format_datetime(error.retry_after, usegmt=True)
        return response

    def broken(self, _request: Request, _error: Exception) -> Response:
        """Anything that nobody expected. The server logs it, since Starlette raises it again after this answer."""
        try:
            response = self._page(500)
        except Exception:  # noqa: BLE001 -- the page of last resort must not need the templates
            response = PlainTextResponse("Something broke on our side.\n", status_code=500)
        response.headers.update(self.headers)
        return response

    def _page(self, status: int) -> Response:
        heading, words = _WORDS.get(status, _WORDS[400])
        return self.pages.private("failure.html", status=status, code=status, heading=heading, words=words)
