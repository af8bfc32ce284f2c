"""A source server on loopback that behaves as badly as it is told to."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

Answer = tuple[int, dict[str, str], bytes]


def model(name: str, **more: Any) -> dict[str, Any]:
    """One entry of the Hugging Face list of models."""
    return {
        "id": f"maker/{name}",
        "modelId": f"maker/{name}",
        "createdAt": "2026-11-18T10:00:00.000Z",
        "lastModified": "2026-11-19T10:00:00.000Z",
        "likes": 40,
        "downloads": 4000,
        "pipeline_tag": "text-generation",
        "tags": ["license:mit", "text-generation"],
        "private": False,
        "gated": False,
    } | more


def models(*names: str, **more: Any) -> Answer:
    """An honest list of models."""
    return 200, {"Content-Type": "application/json"}, json.dumps([model(name, **more) for name in names]).encode()


def tagged(answer: Answer) -> Answer:
    """The same with an ETag, which the server then honours."""
    status, headers, body = answer
    return status, headers | {"ETag": f'"{hashlib.sha256(body).hexdigest()[:16]}"'}, body


@dataclass
class Hostile:
    """Answers by path; `fallback` for every other. `asked` counts requests per path; `released` lets those go that were left hanging."""

    answers: dict[str, Answer | Callable[[Any], None]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    released: threading.Event = field(default_factory=threading.Event)
    fallback: Answer | Callable[[Any], None] = (404, {}, b"not here")

    def __enter__(self) -> Self:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server._answer(self)

            do_POST = do_GET  # noqa: N815 - the name is http.server's

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def url(self, path: str) -> str:
        return f"http://{self.host}{path}"

    def _answer(self, handler: Any) -> None:
        path = urlsplit(handler.path).path
        self.asked[path] += 1
        answer = self.answers.get(path, self.fallback)
        if callable(answer):
            answer(handler)
            return
        status, headers, body = answer
        if headers.get("ETag") and handler.headers.get("If-None-Match") == headers["ETag"]:
            status, body = 304, b""
        try:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            return  # the other side had enough

    def hang(self, handler: Any) -> None:
        """Take the request, and say nothing."""
        self.released.wait(timeout=30)
        handler.close_connection = True
