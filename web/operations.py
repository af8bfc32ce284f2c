"""Addresses for machines: health, readiness, robots."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app import health
from app.wiring import Product
from web.answers import FOR_NOBODY, public_answer
from web.pages import Pages

ROBOTS = "Sitemap: {base}/sitemap.xml\nUser-agent: *\nDisallow: /confirm/\nDisallow: /unsubscribe/\nDisallow: /preferences/\nDisallow: /undo/\nDisallow: /move/\nDisallow: /vote/\nDisallow: /desk\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """Handlers that answer in plain text."""

    product: Product
    pages: Pages

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [Route("/healthz", self.alive), Route("/readyz", self.ready), Route("/robots.txt", self.robots)]

    def alive(self, _request: Request) -> Response:
        """This process answers; nothing else is asked."""
        return _plain("ok\n")

    def ready(self, _request: Request) -> Response:
        """200 when the product can do its work, 503 with the cause when it cannot."""
        able, words = health.ready(self.product)
        return _plain(f"{words}\n", status=200 if able else 503)

    def robots(self, request: Request) -> Response:
        """What crawlers should leave alone: pages that belong to one reader."""
        body = ROBOTS.format(base=self.pages.base_url).encode()
        kind, lasts = "text/plain; charset=utf-8", "public, max-age=3600"
        return public_answer(request, body, media_type=kind, modified=self.pages.made, cache=lasts)


def _plain(text: str, *, status: int = 200) -> Response:
    return PlainTextResponse(text, status_code=status, headers={"Cache-Control": FOR_NOBODY})
