"""Answers kept in memory: what is public is made once a minute for all its readers, not once for each.

A kept answer goes out before routing, templates, compression and the database. What may be kept says so itself: a GET
without a query, answered 200 with `Cache-Control: public`. When its minute is over, one request makes it anew and the
others get the old one meanwhile, so that no crowd waits behind an expired page.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

KEPT_SECONDS = 60.0
MOST_BYTES = 96 * 1024 * 1024
_REMAKE_WITHIN = 10.0
_LARGEST = 1024 * 1024
_OK, _NOT_MODIFIED = 200, 304

Key = tuple[str, bool]
"""Path, and whether the asker reads gzip."""


@dataclass(slots=True)
class Kept:
    """An answer. `until` is when it is made anew, by the clock of this process."""

    headers: list[tuple[bytes, bytes]]
    body: bytes
    tag: str
    modified: str
    until: float

    @property
    def size(self) -> int:
        """Bytes, roughly."""
        return len(self.body) + 500


@dataclass(slots=True)
class Shelf:
    """The answers kept by one process, the longest unasked first. Used from one event loop."""

    most_bytes: int = MOST_BYTES
    answers: OrderedDict[Key, Kept] = field(default_factory=OrderedDict)
    bytes: int = 0

    def find(self, key: Key, *, now: float) -> Kept | None:
        """The answer, unless it is time to make it anew and nobody is at it yet."""
        found = self.answers.get(key)
        if found is None:
            return None
        if found.until <= now:
            found.until = now + _REMAKE_WITHIN  # whoever comes meanwhile gets the old one
            return None
        self.answers.move_to_end(key)
        return found

    def keep(self, key: Key, answer: Kept) -> None:
        """Keep an answer; those that nobody asked for longest make room."""
        self.drop(key)
        self.answers[key] = answer
        self.bytes += answer.size
        while self.bytes > self.most_bytes:
            self.drop(next(iter(self.answers)))

    def drop(self, key: Key) -> None:
        """Forget an answer, if it is there."""
        gone = self.answers.pop(key, None)
        if gone is not None:
            self.bytes -= gone.size


class KeptAnswers:
    """ASGI middleware, the outermost: answers from memory, or asks the application and keeps what it may."""

    def __init__(
        self, app: ASGIApp, *, seconds: float = KEPT_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.app = app
        self.seconds = seconds
        self.clock = clock
        self.shelf = Shelf()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if not self.seconds or scope["type"] != "http" or scope["method"] != "GET" or scope["query_string"]:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        key = (scope["path"], "gzip" in headers.get("accept-encoding", ""))
        kept = self.shelf.find(key, now=self.clock())
        if kept is None:
            await self._ask(key, scope, receive, send)
        elif _holds(headers, kept):
            await _answer(send, status=304, headers=_validators(kept), body=b"")
        else:
            await _answer(send, status=200, headers=kept.headers, body=kept.body)

    async def _ask(self, key: Key, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on to the application, and keep the answer if it is whole and public."""
        start: Message | None = None
        parts: list[bytes] = []

        async def watch(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))
                if not message.get("more_body", False):
                    self._consider(key, start, b"".join(parts))
            await send(message)

        await self.app(scope, receive, watch)

    def _consider(self, key: Key, start: Message | None, body: bytes) -> None:
        if start is None or start["status"] == _NOT_MODIFIED:  # confirmed to somebody who had it; nothing to keep
            return
        headers = MutableHeaders(raw=list(start["headers"]))
        public = headers.get("cache-control", "").startswith("public") and {"etag", "last-modified"} <= set(
            headers.keys()
        )
        if start["status"] != _OK or not public or "set-cookie" in headers or len(body) > _LARGEST:
            self.shelf.drop(key)
            return
        kept = Kept(
            headers=headers.raw,
            body=body,
            tag=headers["etag"],
            modified=headers["last-modified"],
            until=self.clock() + self.seconds,
        )
        self.shelf.keep(key, kept)


def _holds(headers: Headers, kept: Kept) -> bool:
    """Whether the asker names this very answer; any other spelling gets it whole."""
    held = headers.get("if-none-match")
    if held is None:
        return headers.get("if-modified-since") == kept.modified
    return kept.tag in held


def _validators(kept: Kept) -> list[tuple[bytes, bytes]]:
    return [each for each in kept.headers if each[0] not in (b"content-length", b"content-type", b"content-encoding")]


async def _answer(send: Send, *, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
