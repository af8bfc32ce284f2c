"""Real servers on loopback: a mail server that can be told to misbehave, and the provider's API with its rules."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jsonschema

SCHEMA = Path(__file__).parents[3] / "shared" / "email" / "tsg_mail_v3.json"


class MailServer:
    """SMTP on loopback. `replies` maps (verb, address) or verb to a reply; `drop` names where it hangs up.

    Drops: "rcpt" before answering RCPT, "data" inside the content, "dot" after the final dot with the mail kept,
    "dot-lost" after the final dot with the mail lost. Each drop happens once.
    """

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.mails: list[tuple[str, str, bytes]] = []
        self.replies: dict[Any, str] = {}
        self.drop: list[str] = []
        self.connections = 0
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        workers = []
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                break
            self.connections += 1
            self._open.append(connection)
            worker = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            worker.start()
            workers.append(worker)
        for connection in self._open:
            connection.close()
        for worker in workers:
            worker.join(timeout=2)

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            connection.sendall(self.replies.get("GREETING", "220 ready").encode() + b"\r\n")
            envelope = {"MAIL": "", "RCPT": ""}
            for raw in lines:
                verb = re.split(r"[: \r]", raw.decode())[0].upper()
                if verb in envelope:
                    envelope[verb] = raw.decode().split("<")[1].split(">")[0]
                reply = self._reply(verb, envelope, connection, lines)
                if reply is None:
                    return
                connection.sendall(reply.encode() + b"\r\n")

    def _reply(self, verb: str, envelope: dict[str, str], connection: socket.socket, lines: Any) -> str | None:
        """What to say; None: hang up."""
        told = self.replies.get((verb, envelope["RCPT"])) or self.replies.get(verb)
        if verb == "QUIT" or (verb == "RCPT" and self._drops("rcpt")):
            return None
        if verb == "DATA" and told is None:
            connection.sendall(b"354 go on\r\n")
            return self._take(envelope, lines)
        return told or ("250-here\r\n250-SIZE 33554432\r\n250 8BITMIME" if verb == "EHLO" else "250 fine")

    def _take(self, envelope: dict[str, str], lines: Any) -> str | None:
        content = self._content(lines)
        if content is None or self._drops("dot-lost"):
            return None
        reply = self.replies.get(("DOT", envelope["RCPT"])) or self.replies.get("DOT") or "250 kept"
        if reply.startswith("250"):
            self.mails.append((envelope["MAIL"], envelope["RCPT"], content))
        return None if self._drops("dot") else reply

    def _content(self, lines: Any) -> bytes | None:
        if self._drops("data"):
            return None
        kept = []
        for raw in lines:
            if raw == b".\r\n":
                return b"".join(kept)
            kept.append(raw[1:] if raw.startswith(b".") else raw)
        return None

    def _drops(self, where: str) -> bool:
        if where in self.drop:
            self.drop.remove(where)
            return True
        return False


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Provider:
    """The provider's mail API. `answers` holds what the next sends get instead of a verdict by the rules.

    An answer is (status, headers, body), or "drop-before" (nothing taken, no answer), "drop-after" (taken, no answer),
    "stall" (taken, no answer in time). `accepted` are the bodies that were taken, `faults` the rules that requests
    broke, `cancelled` the batches called off.
    """

    answers: list[Any] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    accepted: list[dict[str, Any]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    batches: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    batch_answer: Any = None
    cancel_answer: Any = None
    released: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        provider = self

        class Handler(_Handler):
            state = provider

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: Provider

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        found = re.fullmatch(r"/v3/user/scheduled_sends/(.+)", self.path)
        self.state.requests.append(Request("GET", self.path, dict(self.headers), None))
        if found:
            known = [{"batch_id": found[1], "status": "cancel"}] if found[1] in self.state.cancelled else []
            return self._answer((200, {}, known))
        return self._answer((200, {}, {}))

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"] or 0))
        body = json.loads(raw or b"null")
        self.state.requests.append(Request("POST", self.path, dict(self.headers), body))
        route = {
            "/v3/mail/batch": self._batch,
            "/v3/mail/send": self._send,
            "/v3/user/scheduled_sends": self._cancel,
        }.get(self.path)
        if route is None:
            return self._answer((404, {}, {"errors": [{"message": "no such path", "field": None}]}))
        return route(body, len(raw))

    def _batch(self, _body: Any, _size: int) -> None:
        if self.state.batch_answer:
            return self._answer(self.state.batch_answer)
        batch = f"batch-{len(self.state.batches)}"
        self.state.batches.add(batch)
        return self._answer((201, {}, {"batch_id": batch}))

    def _cancel(self, body: Any, _size: int) -> None:
        if self.state.cancel_answer:
            return self._answer(self.state.cancel_answer)
        if body["batch_id"] in self.state.cancelled or body["batch_id"] not in self.state.batches:
            return self._answer((400, {}, {"errors": [{"message": "status exists or no such batch", "field": None}]}))
        self.state.cancelled.add(body["batch_id"])
        return self._answer((201, {}, body))

    def _send(self, body: Any, size: int) -> None:
        faults = broken_rules(body, size, self.state.batches, now=time.time())
        self.state.faults += faults
        answer = self.state.answers.pop(0) if self.state.answers else None
        if answer == "drop-before":
            return self._hang_up()
        if answer is None or isinstance(answer, str):
            self.state.accepted.append(body)
        if answer == "drop-after":
            return self._hang_up()
        if answer == "stall":
            self.state.released.wait(timeout=10)
            return self._hang_up()
        if answer is not None:
            return self._answer(answer)
        if faults:
            self.state.accepted.pop()
            return self._answer((400, {}, {"errors": [{"message": faults[0], "field": None}]}))
        return self._answer((202, {"X-Message-Id": f"message-{len(self.state.accepted)}"}, b""))

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.close()
        self.wfile.close = lambda: None  # type: ignore[method-assign] - the base class would flush into a closed socket

    def _answer(self, answer: tuple[int, dict[str, str], Any]) -> None:
        status, headers, body = answer
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def broken_rules(body: Any, size: int, batches: set[str], *, now: float) -> list[str]:
    """Which of the provider's rules a request breaks: its published schema's, then those that the schema lacks."""
    return [*schema_faults(body), *_shape_faults(body), *_limit_faults(body, size, batches, now)]


def schema_faults(body: Any) -> list[str]:
    if not SCHEMA.exists():
        return []
    return [f"{'.'.join(map(str, error.path))}: {error.message}"[:300] for error in _validator().iter_errors(body)]


_VALIDATORS: list[Any] = []


def _validator() -> Any:
    if not _VALIDATORS:
        document = json.loads(SCHEMA.read_text())
        schema = document["components"]["requestBodies"]["PostMailSend"]["content"]["application/json"]["schema"]
        # The file's own mistake: it calls the top-level custom_args a string; the provider takes an object.
        schema["properties"]["custom_args"] = {"type": "object", "additionalProperties": {"type": "string"}}
        schema["components"] = document["components"]
        _VALIDATORS.append(jsonschema.Draft202012Validator(schema))
    return _VALIDATORS[0]


def _shape_faults(body: Any) -> list[str]:
    faults = []
    for place, one in enumerate(body.get("personalizations", [])):
        if not all(isinstance(value, str) for value in one.get("custom_args", {}).values()):
            faults.append(f"personalizations.{place}.custom_args holds something else than strings")
        if not all("@" in to["email"] for to in one["to"]):
            faults.append(f"personalizations.{place}.to is no address")
        if not all(name.startswith("wv_") for name in one.get("custom_args", {})):
            faults.append(f"personalizations.{place}.custom_args could hide an event's own field")
    kinds = [part["type"] for part in body.get("content", [])]
    if kinds != ["text/plain", "text/html"]:
        faults.append(f"content is {kinds}, text comes first")
    return faults


def _limit_faults(body: Any, size: int, batches: set[str], now: float) -> list[str]:
    faults = []
    people = body.get("personalizations", [])
    addresses = Counter(to["email"].casefold() for one in people for to in one["to"])
    if not 1 <= len(people) <= 1_000 or sum(addresses.values()) > 1_000:
        faults.append("between 1 and 1000 recipients")
    faults += [f"{address} stands {count} times" for address, count in addresses.items() if count > 1]
    for place, one in enumerate(people):
        if len(json.dumps(one.get("substitutions", {}))) > 10_000:
            faults.append(f"personalizations.{place}.substitutions is above 10000 bytes")
    if size > 30_000_000:
        faults.append("above 30 MB")
    if "batch_id" in body and body["batch_id"] not in batches:
        faults.append("unknown batch_id")
    if "send_at" in body and not now - 60 <= body["send_at"] <= now + 72 * 3600:
        faults.append("send_at outside the next 72 hours")
    if len(body.get("categories", [])) > 10:
        faults.append("more than 10 categories")
    return faults


def delivered(body: dict[str, Any]) -> list[dict[str, Any]]:
    """What the provider would send for a request: one dict per recipient, its substitutions made one by one."""
    mails = []
    for one in body["personalizations"]:
        filled = {part["type"]: part["value"] for part in body["content"]} | {"subject": body["subject"]}
        for mark, value in one.get("substitutions", {}).items():
            filled = {name: text.replace(mark, value) for name, text in filled.items()}
        mails.append(
            {
                "to": one["to"][0]["email"],
                "subject": filled["subject"],
                "text": filled["text/plain"],
                "html": filled["text/html"],
                "headers": {**body.get("headers", {}), **one.get("headers", {})},
                "delivery": one["custom_args"].get("wv_delivery"),
            }
        )
    return mails
