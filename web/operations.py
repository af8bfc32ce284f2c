"""Addresses for machines: health, readiness, robots."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app import health
from app.wiring import Product

ROBOTS = "Sitemap: {base}/sitemap.xml\nUser-agent: *\nDisallow: /confirm/\nDisallow: /unsubscribe/\nDisallow: /preferences/\nDisallow: /vote/\nDisallow: /desk\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """Handlers that answer in plain text."""

    product: Product

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

    def robots(self, _request: Request) -> Response:
        """What crawlers should leave alone: pages that belong to one reader."""
        return _plain(ROBOTS.format(base=self.product.settings.base_url), cache="public, max-age=3600")


def _plain(text: str, *, status: int = 200, cache: str = "no-store") -> Response:
    return PlainTextResponse(text, status_code=status, headers={"Cache-Control": cache})
