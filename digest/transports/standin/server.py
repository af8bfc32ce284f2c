"""The stand-in's HTTP side: `http.server` of the standard library, one thread per connection, kept alive.

Tests watch and hold it at named points of a request (`at`): "batch", "read" (half of a send's body has come), "before"
(all of it has come, nothing is taken), "after" (taken, not answered), "answered", "cancel-before", "cancel-after".
And they put an answer of their own in place of the one by the rules (`instead`, called with the path).
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from core.clock import Clock, from_iso, system_clock
from digest.transports.standin.account import Account
from digest.transports.standin.faults import Fault
from digest.transports.standin.reports import Reporter, deliver
from digest.transports.standin.rules import Breach, breaches

Answered = tuple[int, Mapping[str, str], Any]
"""Status, headers, body."""

_TICK = 0.2
_STALL = 60.0
_TO = re.compile(r"to_email\s*=\s*'([^']*)'")
_SINCE = re.compile(r"sg_message_id_created_at\s*>=?\s*TIMESTAMP\s*\"([^\"]*)\"")


@dataclass(slots=True, kw_only=True)
class Request:
    """What was asked and answered; `status` 0: not yet, or the connection was closed without an answer."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any = None
    status: int = 0


class StandIn:
    """The server, running from construction until `close`. `webhook` is where events are posted, None: nowhere."""

    def __init__(
        self,
        *,
        port: int = 0,
        clock: Clock = system_clock,
        webhook: str | None = None,
        at: Callable[[str], None] = lambda _: None,
        instead: Callable[[str], Answered | None] = lambda _: None,
    ) -> None:
        self.account = Account(clock=clock)
        self.clock = clock
        self.webhook = webhook
        self.at = at
        self.instead = instead
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.breaches: list[Breach] = []
        self.accepted: list[Any] = []  # the bodies that were taken
        self.closing = threading.Event()
        self._told: set[str] = set()
        self.reporter = Reporter(strikes=self.strikes)
        handler = type("Handler", (_Handler,), {"standin": self})
        self._server = _Server(("127.0.0.1", port), handler)
        self._threads = [
            threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True),
        ]
        if webhook is not None:
            self._threads.append(threading.Thread(target=self._report, daemon=True))
        for each in self._threads:
            each.start()

    @property
    def url(self) -> str:
        """What VERDICTS_SENDGRID_URL wants."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def misbehave(self, *faults: Fault) -> None:
        """Switch faults on, in place of those that were."""
        self.faults = list(faults)

    def strikes(self, word: str) -> bool:
        """Whether a fault takes place now."""
        return any(each.word == word and each.strikes() for each in self.faults)

    def close(self) -> None:
        """Stop answering."""
        self.closing.set()
        self._server.shutdown()
        self._server.end_connections()
        self._server.server_close()
        for each in self._threads:
            each.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _report(self) -> None:
        while not self.closing.wait(_TICK):
            self.post_events()

    def post_events(self) -> None:
        """Post what has happened since; what is not answered with 2xx is posted again, a few times."""
        self.account.advance()
        for post in self.reporter.posts(self.new_events(), now=self.clock()):
            for _ in range(3):
                if self.closing.is_set() or 200 <= deliver(post, self.webhook or "") < 300:  # noqa: PLR2004 - HTTP
                    break

    def new_events(self) -> list[dict[str, Any]]:
        """Events that nobody has been told of, in order."""
        with self.account.lock:
            every = [event for message in self.account.messages for event in message.events]
            fresh = [each for each in every if each["sg_event_id"] not in self._told]
            self._told |= {each["sg_event_id"] for each in fresh}
        return fresh


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        self._open: set[Any] = set()
        super().__init__(*arguments)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Remember the connection for as long as it is served."""
        self._open.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._open.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is no news."""

    def end_connections(self) -> None:
        """Close what clients keep alive."""
        for each in list(self._open):
            try:
                each.shutdown(2)
            except OSError:
                continue


class _HangUp(Exception):  # noqa: N818 - an answer, of a kind
    """Close the connection without one."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    standin: StandIn

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def setup(self) -> None:
        """Answers are small: none of them waits for the next one (Nagle)."""
        super().setup()
        self.connection.setsockopt(6, 1, 1)

    def do_GET(self) -> None:
        """A question."""
        path = urlsplit(self.path).path
        routes = {"user/scheduled_sends": self._status_of, "logs": self._detail, "suppression": self._list}
        found = re.fullmatch(r"/v3/(user/scheduled_sends|logs|suppression)/([^/]+)", path)
        if found is None:
            return self._carry_out(_unknown)
        return self._carry_out(partial(routes[found[1]], found[2]))

    def do_POST(self) -> None:
        """An order."""
        route = {
            "/v3/mail/batch": self._batch,
            "/v3/mail/send": self._send,
            "/v3/user/scheduled_sends": self._cancel,
            "/v3/logs": self._find,
        }.get(self.path, _unknown)
        return self._carry_out(route)

    def _carry_out(self, route: Callable[[], Answered]) -> None:
        """Authorise, answer, and write down what was asked."""
        self._asked = Request(method=self.command, path=self.path, headers=dict(self.headers))
        self.standin.requests.append(self._asked)
        try:
            allowed = (self.headers.get("Authorization") or "").removeprefix("Bearer ").strip()
            status, headers, body = route() if allowed else _refused(401, "authorization required")
        except _HangUp:
            self.close_connection = True
            self.connection.shutdown(2)
            return
        self._asked.status = status
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()
        if self.path == "/v3/mail/send":
            self.standin.at("answered")

    def _json(self, *, halves: bool = False) -> tuple[Any, int]:
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length // 2) if halves else b""
        if halves:
            self.standin.at("read")
        raw += self.rfile.read(length - len(raw))
        if len(raw) < length:
            raise _HangUp  # the client died half-way
        with suppress(ValueError):
            self._asked.body = json.loads(raw or b"null")
        return self._asked.body, length

    # --- the routes

    def _batch(self) -> Answered:
        self._json()
        if told := self.standin.instead(self.path):
            return told
        if self.standin.strikes("no-batch"):
            return _refused(500, "internal error")
        made = self.standin.account.new_batch()
        self.standin.at("batch")
        return 201, {}, {"batch_id": made}

    def _send(self) -> Answered:
        body, size = self._json(halves=True)
        account, strikes = self.standin.account, self.standin.strikes
        found = breaches(body, size=size, batches=account.batches, now=self.standin.clock())
        self.standin.at("before")
        self.standin.breaches += found
        if told := self.standin.instead(self.path):
            return told
        for word, answer in self._refusals(body).items():
            if strikes(word):
                return answer
        if strikes("hang-up-before"):
            raise _HangUp
        if strikes("stall-before"):
            self._stall()
        if found:
            errors = [{"message": each.message, "field": each.field or None, "help": None} for each in found]
            return 400, {}, {"errors": errors}
        message_id = account.accept(body)
        self.standin.accepted.append(body)
        self.standin.at("after")
        if strikes("hang-up-after"):
            raise _HangUp
        if strikes("stall-after"):
            self._stall()
        if strikes("error-after"):
            return _refused(500, "internal error")
        return 202, {} if strikes("no-message-id") else {"X-Message-Id": message_id}, b""

    def _refusals(self, body: Any) -> dict[str, Answered]:
        reset = str(int(self.standin.clock().timestamp()) + 30)
        people = body.get("personalizations", []) if isinstance(body, dict) else []
        place = min(1, len(people) - 1)
        bad = {"message": "does not contain a valid address", "field": f"personalizations.{place}.to.0.email"}
        return {
            "key-revoked": _refused(401, "the provided authorization grant is invalid, expired, or revoked"),
            "forbidden": _refused(403, "access forbidden"),
            "too-large": _refused(413, "payload too large"),
            "slow-down": (429, {"X-RateLimit-Reset": reset}, {"errors": [{"message": "too many requests"}]}),
            "slow-down-silent": _refused(429, "too many requests"),
            "error-before": _refused(500, "internal error"),
            "redirect": (302, {"Location": f"{self.standin.url}/v3/mail/send"}, b""),
            "sandbox": (200, {}, b""),
            "bad-recipient": (400, {}, {"errors": [bad]}),
        }

    def _stall(self) -> None:
        self.standin.closing.wait(_STALL)
        raise _HangUp

    def _cancel(self) -> Answered:
        body, _ = self._json()
        self.standin.at("cancel-before")
        if told := self.standin.instead(self.path):
            return told
        if self.standin.strikes("cancel-refused"):
            return _refused(400, "cannot be cancelled")
        if not isinstance(body, dict) or body.get("status") not in ("cancel", "pause"):
            return _refused(400, "status must be cancel or pause", field="status")
        wrong = self.standin.account.set_status(str(body.get("batch_id")), body["status"])
        if wrong:
            return _refused(400, wrong, field="batch_id")
        self.standin.at("cancel-after")
        if self.standin.strikes("cancel-unanswered"):
            raise _HangUp
        return 201, {}, {"batch_id": body["batch_id"], "status": body["status"]}

    def _status_of(self, batch_id: str) -> Answered:
        status = self.standin.account.statuses.get(batch_id)
        return 200, {}, [{"batch_id": batch_id, "status": status[0]}] if status else []

    def _find(self) -> Answered:
        body, _ = self._json()
        if self.standin.strikes("log-away"):
            return _refused(429, "too many requests")
        query = str(body.get("query", "")) if isinstance(body, dict) else ""
        to, since = _TO.search(query), _SINCE.search(query)
        if self.standin.strikes("log-late"):
            return 200, {}, {"messages": []}
        rows = self.standin.account.find(
            to=to[1] if to else None, since=_instant(since[1]) if since else None, limit=int(body.get("limit", 10))
        )
        return 200, {}, {"messages": rows}

    def _detail(self, message_id: str) -> Answered:
        found = self.standin.account.detail(message_id)
        return (200, {}, found) if found else _refused(404, "message not found")

    def _list(self, name: str) -> Answered:
        if self.standin.strikes("lists-away"):
            return _refused(500, "internal error")
        asked = {key: int(values[0]) for key, values in parse_qs(urlsplit(self.path).query).items()}
        rows = [
            each
            for each in self.standin.account.lists.get(name, [])
            if asked.get("start_time", 0) <= each["created"] <= asked.get("end_time", 2**62)
        ]
        start = asked.get("offset", 0)
        return 200, {}, rows[start : start + asked.get("limit", 500)]


def _refused(status: int, message: str, *, field: str | None = None) -> Answered:
    return status, {}, {"errors": [{"message": message, "field": field, "help": None}]}


def _unknown() -> Answered:
    return _refused(404, "no such path")


def _instant(text: str) -> datetime:
    # Whole seconds are asked for, and the log has fractions.
    return from_iso(text) - timedelta(seconds=1)
