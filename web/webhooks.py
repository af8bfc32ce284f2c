"""The provider's reports. Answered with 2xx only once they are kept; what is not the provider's gets 4xx."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app import webhooks
from app.wiring import Product
from core.errors import DatabaseNotReady, ParseError, Refused, SettingsError, VerdictsError
from digest.events import LARGEST_BODY

_SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
_TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"
_ENCODINGS = ("", "identity", "gzip")
_STATUS: dict[type[VerdictsError], int] = {DatabaseNotReady: 503, SettingsError: 404, Refused: 403, ParseError: 400}
_CHEAP = 200
"""Reports that are applied right after the answer; a larger post waits for the schedule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderWebhooks:
    """Handlers of posts by mail providers."""

    product: Product

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [Route("/webhooks/sendgrid", self.sendgrid, methods=["POST"])]

    async def sendgrid(self, request: Request) -> Response:
        """Keep one post of SendGrid's event webhook.

        404 while no key is set, 413 for a body that is too long, 415 for one in an encoding that nobody uses, 403 for
        a wrong signature, 400 for what is no list of reports. A database that is away answers 503, and the provider
        tries again.
        """
        encoding = request.headers.get("content-encoding", "").strip().lower()
        if encoding not in _ENCODINGS:
            return _plain("This encoding is not read here.", status=415)
        body = await _body(request)
        if body is None:
            return _plain(f"The body has more than {LARGEST_BODY} bytes.", status=413)
        return await run_in_threadpool(self._receive, request, body, compressed=encoding == "gzip")

    def _receive(self, request: Request, body: bytes, *, compressed: bool) -> Response:
        signature, timestamp = (request.headers.get(name, "") for name in (_SIGNATURE, _TIMESTAMP))
        try:
            received = webhooks.receive(
                self.product, body, signature=signature, timestamp=timestamp, compressed=compressed
            )
        except VerdictsError as error:
            status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 503)
            return _plain(error.message, status=status)
        apply = BackgroundTask(webhooks.apply_events, self.product) if 0 < received.kept <= _CHEAP else None
        return Response(status_code=204, background=apply)


def _plain(text: str, *, status: int) -> Response:
    return PlainTextResponse(f"{text}\n", status_code=status, headers={"Cache-Control": "no-store"})


async def _body(request: Request) -> bytes | None:
    """The raw body, read no further than the largest that is taken; None for a larger one."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_BODY:
            return None
        parts.append(part)
    return b"".join(parts)
