"""Real servers on loopback: a mail server that can be told to misbehave, and the provider's API with its rules."""

from __future__ import annotations

import json
import re
import socket
import threading
from pathlib import Path
from typing import Any

import jsonschema

from digest.transports.standin import Fault, StandIn

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


class Provider(StandIn):
    """The provider's mail API: the stand-in that ships with the product, held against the provider's own file.

    `answers` holds what the next sends get instead of a verdict by the rules: (status, headers, body), or "drop-before"
    (nothing taken, no answer), "drop-after" (taken, no answer), "stall" (taken, no answer in time).
    """

    def __init__(self) -> None:
        super().__init__(instead=self._own_answer)
        self._answers: list[Any] = []
        self.batch_answer: Any = None
        self.cancel_answer: Any = None

    @property
    def answers(self) -> list[Any]:
        return self._answers

    @answers.setter
    def answers(self, wanted: list[Any]) -> None:
        words = {"drop-before": "hang-up-before", "drop-after": "hang-up-after", "stall": "stall-after"}
        self.misbehave(*(Fault(word=words[each], left=1) for each in wanted if isinstance(each, str)))
        self._answers = [each for each in wanted if not isinstance(each, str)]

    def _own_answer(self, path: str) -> Any:
        if path == "/v3/mail/send":
            return self._answers.pop(0) if self._answers else None
        return self.batch_answer if path == "/v3/mail/batch" else self.cancel_answer

    @property
    def cancelled(self) -> set[str]:
        return set(self.account.statuses)

    @property
    def broken(self) -> list[str]:
        """Rules that requests broke: the stand-in's, the file's, and our own about what comes back in events."""
        found = [f"{each.field}: {each.message}" for each in self.breaches]
        for body in self.accepted:
            found += [*schema_faults(body), *_our_faults(body)]
        return found


def _our_faults(body: Any) -> list[str]:
    return [
        f"personalizations.{place}.custom_args could hide an event's own field"
        for place, one in enumerate(body["personalizations"])
        if not all(name.startswith("wv_") for name in one.get("custom_args", {}))
    ]


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
