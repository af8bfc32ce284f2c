"""The bundled samples: a server that answers as the real sources do, and the sample panel that judges their tools.

Everything lies in the folder samples/ beside this package; its README says what is real in it and what is made up.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from core.errors import UsageError
from core.identifier import Identifier
from core.panel import Basis, Decision, Role

FOLDER = Path(__file__).parents[1] / "samples"

ROUTES = {
    "/api/models": ("api/models.json", "application/json; charset=utf-8"),
    "/api/daily_papers": ("api/daily_papers.json", "application/json; charset=utf-8"),
    "/api/v1/search_by_date": ("api/v1/search_by_date.json", "application/json; charset=utf-8"),
    "/atom/everything/": ("feeds/tool-drawer.atom", "application/atom+xml; charset=utf-8"),
    "/feed.xml": ("feeds/bench-notes.rss", "application/rss+xml; charset=utf-8"),
}
"""Path as at the real source -> file in the folder, content type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    """One answer, ready to send."""

    content: bytes
    content_type: str
    etag: str


def _bodies(folder: Path) -> dict[str, _Body]:
    return {path: _body(folder / name, content_type) for path, (name, content_type) in ROUTES.items()}


def _body(file: Path, content_type: str) -> _Body:
    content = file.read_bytes()
    return _Body(content=content, content_type=content_type, etag=f'"{hashlib.sha256(content).hexdigest()[:32]}"')


class SampleServer:
    """Serves the samples on loopback, on a port that the system chooses, for as long as the `with` block lasts.

    Query strings are ignored. Answers carry an ETag and honour If-None-Match (RFC 9110, 13.1.2). `requests` lists
    what was asked, as (path with query, status), in order of arrival.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self.requests: list[tuple[str, int]] = []
        bodies = _bodies(folder)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(bodies, self.requests))
        # The small threads of single connections are joined on close, so that no socket outlives the block.
        self._server.daemon_threads = False
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="samples")

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:PORT`, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def sources_toml(self, folder: Path = FOLDER) -> str:
        """The demo's sources file, pointing at this server."""
        return (folder / "sources.toml").read_text(encoding="utf-8").replace("{base}", self.base_url)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(bodies: dict[str, _Body], log: list[tuple[str, int]]) -> type[BaseHTTPRequestHandler]:
    """The request handler class over these bodies; http.server wants a class, so the values come by closure."""

    class Handler(BaseHTTPRequestHandler):
        """GET and HEAD of the known paths. One request per connection (HTTP/1.0), so that closing waits for nobody."""

        timeout = 10

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def _answer(self, *, with_body: bool) -> None:
            body = bodies.get(urlsplit(self.path).path)
            status = _status(body, self.headers.get("If-None-Match"))
            log.append((self.path, int(status)))
            self.send_response(status)
            content = self._head(body, status)
            self.end_headers()
            if with_body:
                self.wfile.write(content)

        def _head(self, body: _Body | None, status: HTTPStatus) -> bytes:
            if body is not None:
                self.send_header("ETag", body.etag)
            if status == HTTPStatus.NOT_MODIFIED:
                return b""
            content = b"not here\n" if body is None else body.content
            self.send_header("Content-Type", "text/plain; charset=utf-8" if body is None else body.content_type)
            self.send_header("Content-Length", str(len(content)))
            return content

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
            """Say nothing: `requests` keeps what was asked."""

    return Handler


def _status(body: _Body | None, if_none_match: str | None) -> HTTPStatus:
    if body is None:
        return HTTPStatus.NOT_FOUND
    asked = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return HTTPStatus.NOT_MODIFIED if body.etag in asked or asked == ["*"] else HTTPStatus.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePerson:
    """Somebody of the sample panel."""

    email: str
    name: str
    roles: frozenset[Role]
    lenses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleVerdict:
    """What the sample reviewer of a lens says of a tool."""

    lens: str
    decision: Decision
    quote: str
    basis: Basis
    disclosure: str = ""


def _identifier(value: object) -> object:
    return Identifier.parse(value) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleTool:
    """A tool of the sample sources: how an editor words it, and the verdicts on it, at most one per lens."""

    identifier: Annotated[Identifier, BeforeValidator(_identifier)]
    slug: str
    name: str
    category: str
    tagline: str
    description: str
    verdict: tuple[SampleVerdict, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePanel:
    """The sample panel; field names are those of the file."""

    person: tuple[SamplePerson, ...]
    tool: tuple[SampleTool, ...]

    def reviewer(self, lens: str) -> SamplePerson:
        """Who sits behind a lens."""
        return next(person for person in self.person if lens in person.lenses)

    def having(self, role: Role) -> SamplePerson:
        """The first person with this role."""
        return next(person for person in self.person if role in person.roles)


def load_panel(text: str) -> SamplePanel:
    """Read a panel file (TOML, see samples/panel.toml). Raises UsageError, naming what is wrong."""
    try:
        panel = TypeAdapter(SamplePanel).validate_python(_toml(text))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"The panel file is wrong at {where}: {first['msg']}.", mend="Mend that entry.") from error
    for complaint in _complaints(panel):
        raise UsageError(f"The panel file is wrong: {complaint}.", mend="Mend that entry.")
    return panel


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"The panel file is not TOML: {error}.", mend="Mend that line.") from error


def _complaints(panel: SamplePanel) -> list[str]:
    """What is well-formed and still makes no sense."""
    seated = {lens for person in panel.person for lens in person.lenses}
    found: list[str] = []
    for tool in panel.tool:
        judged = [verdict.lens for verdict in tool.verdict]
        found += [
            f"{tool.slug} is judged through {lens}, behind which nobody sits" for lens in judged if lens not in seated
        ]
        if len(set(judged)) < len(judged):
            found.append(f"{tool.slug} is judged twice by one lens")
    return found
