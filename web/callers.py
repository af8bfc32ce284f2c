"""Who asks: the address a request came from, as far as the server knows it."""

from __future__ import annotations

from starlette.requests import Request

from app.limiting import Caller


def caller(request: Request) -> Caller:
    """The peer; behind a proxy on this machine, the address that the proxy names (uvicorn reads X-Forwarded-For)."""
    return Caller(address=request.client.host if request.client else None)
