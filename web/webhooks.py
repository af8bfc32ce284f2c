"""The provider's reports. Answered with 2xx only once they are kept; what is not the provider's gets 4xx."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app import webhooks
from app.wiring import Product
from core.errors import ParseError, Refused, SettingsError
from digest.events import LARGEST_BODY

_SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
_TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"
_ENCODINGS = ("", "identity", "gzip")
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
            raise HTTPException(415, "This encoding is not read here.")
        body = await _body(request)
        received = await run_in_threadpool(self._receive, request, body, compressed=encoding == "gzip")
        apply = BackgroundTask(webhooks.apply_events, self.product) if 0 < received.kept <= _CHEAP else None
        return Response(status_code=204, background=apply)

    def _receive(self, request: Request, body: bytes, *, compressed: bool) -> webhooks.Received:
        try:
            return webhooks.receive(
                self.product,
                body,
                signature=request.headers.get(_SIGNATURE, ""),
                timestamp=request.headers.get(_TIMESTAMP, ""),
                compressed=compressed,
            )
        except SettingsError as error:
            raise HTTPException(404, str(error)) from error
        except Refused as error:
            raise HTTPException(403, error.message) from error
        except ParseError as error:
            raise HTTPException(400, error.message) from error


async def _body(request: Request) -> bytes:
    """The raw body, read no further than the largest that is taken."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_BODY:
            raise HTTPException(413, f"The body has more than {LARGEST_BODY} bytes.")
        parts.append(part)
    return b"".join(parts)
