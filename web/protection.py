"""What guards every answer and every POST: security headers, and the refusal of posts from other sites."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def security_headers(base_url: str) -> dict[str, str]:
    """The headers of every answer.

    The referrer stays on the site: the addresses of the subscriber pages hold tokens. (`no-referrer` would also
    take the Origin from our own forms, Fetch standard, "append a request Origin header".) Strict transport is
    asked for only where the public address is https.
    """
    headers = {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if base_url.startswith("https://"):
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return headers


class SecurityHeaders:
    """ASGI middleware that adds the same headers to every answer, whoever made it."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        self.app = app
        self.headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with the headers added where they are missing."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    present.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)


class OtherSite(HTTPException):
    """A post that another site had a reader's browser send."""


def refuse_other_sites(request: Request, *, base_url: str) -> None:
    """Raise OtherSite (403) for a post that a browser sends on behalf of another site.

    Browsers name the relation in Sec-Fetch-Site, older ones the Origin; what carries neither is no browser, and
    the one-click posts of mail providers (RFC 8058) are of that kind.
    """
    if request.method not in _SAFE_METHODS and not _same_site(request.headers, base_url=base_url):
        raise OtherSite(403, "This form was sent from another site.")


def _same_site(headers: Headers, *, base_url: str) -> bool:
    if relation := headers.get("sec-fetch-site"):
        return relation in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return True
    # Behind a proxy the Host may be an inner name: the public address counts, too.
    return urlsplit(origin).netloc in {headers.get("host"), urlsplit(base_url).netloc} - {"", None}
