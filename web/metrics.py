"""`/metrics` for Prometheus: what the database holds, and what this process has answered and refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app import measuring
from app.wiring import Product
from web.answers import FOR_NOBODY
from web.counting import Counting

_LOOPBACK = ("127.0.0.1", "::1")
_KINDS = frozenset(
    [
        "compare",
        "editions",
        "tools",
        "lenses",
        "categories",
        "search",
        "methodology",
        "corrections",
        "subscribe",
        "confirm",
        "unsubscribe",
        "preferences",
        "vote",
        "desk",
        "api",
        "images",
        "badge",
        "sitemaps",
        "static",
        "webhooks",
    ]
)


@dataclass(frozen=True, slots=True)
class _Stock(Collector):
    """Figures of the database, read at each scrape."""

    product: Product

    def collect(self) -> Iterator[Metric]:
        """Each figure by state."""
        for name, (words, label, values) in measuring.stock(self.product).items():
            family = GaugeMetricFamily(f"verdicts_{name}", words, labels=[label] if label else None)
            for key, value in values.items():
                family.add_metric([key] if label else [], value)
            yield family


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Handler of the address."""

    product: Product
    counting: Counting

    def routes(self) -> list[Route]:
        """Its address."""
        return [Route("/metrics", self.metrics)]

    def metrics(self, request: Request) -> Response:
        """The figures, for this machine alone: behind a proxy that names its callers, others get 404."""
        if request.client is None or request.client.host not in _LOOPBACK:
            raise HTTPException(404)
        stock = CollectorRegistry()
        stock.register(_Stock(self.product))
        body = generate_latest(stock) + generate_latest(self.counting.registry)
        return Response(body, media_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": FOR_NOBODY})


class CountedAnswers:
    """ASGI middleware that counts and times every answer of the application."""

    def __init__(self, app: ASGIApp, *, counting: Counting) -> None:
        self.app = app
        self.counting = counting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and count it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 500

        async def watch(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            self.counting.answered(_kind(scope["path"]), status, time.perf_counter() - begun)


def _kind(path: str) -> str:
    """What an address is of: a closed set, so that nobody can make labels."""
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    return first if first in _KINDS else "home" if path == "/" else "other"
