"""Forms: the one place where a request's body is read, under a cap, before a handler in a thread acts on it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message

from web.protection import refuse_other_sites

LARGEST = 16 * 1024
"""Bytes of body. The longest form holds one e-mail address."""
MOST_FIELDS = 40

Form = Mapping[str, str]
"""The text fields of a post; of a repeated field the last one counts."""
Show = Callable[[Request], Response]
Act = Callable[[Request, Form], Response]


def show_and_act(*, show: Show, act: Act, base_url: str) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint for one address: GET and HEAD `show` and change nothing, POST reads the form and `act`s.

    Both run in threads. Raises HTTPException: 403 for a post from another site, 413 above `LARGEST`, 400 for a
    body that cannot be read.
    """

    async def endpoint(request: Request) -> Response:
        if request.method != "POST":
            return await run_in_threadpool(show, request)
        refuse_other_sites(request, base_url=base_url)
        return await run_in_threadpool(act, request, await read_form(request))

    return endpoint


async def read_form(request: Request, *, largest: int = LARGEST, most_fields: int = MOST_FIELDS) -> dict[str, str]:
    """The text fields of a form in either encoding (RFC 8058 allows both for the one-click post).

    A body of another type is an empty form. Raises HTTPException 413 or 400.
    """
    body = await _read_body(request, largest)
    capped = Request(request.scope, receive=_replay(body))
    form = await capped.form(max_files=0, max_fields=most_fields, max_part_size=largest)
    return {name: value for name, value in form.multi_items() if isinstance(value, str)}


async def _read_body(request: Request, largest: int) -> bytes:
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > largest:
                raise HTTPException(413, "That is more than this form takes.")
    except ClientDisconnect:
        raise HTTPException(400, "The request broke off.") from None
    return body


def _replay(body: bytes) -> Callable[[], Awaitable[Message]]:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
