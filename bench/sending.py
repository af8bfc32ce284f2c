"""Sending against a peer: `python -m bench.sending [--large] [--recipients N]`.

An edition of eight comparisons, 65 KB, to N readers with links of their own: through SendGrid's API in batches of a
thousand, and through SMTP on ten connections, the ledger in SQLite. The sink is a process of its own that reads
everything and keeps nothing. Beside it in the same run: SendGrid's own client with a plain dict and no ledger, and the
sink's limit, which is a client that writes ready-made bytes. Figures are messages per second of wall time, CPU seconds
of the sender (user and system), the peak of its memory, and ratios to the peer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

FOLDER = Path("var/bench/sending")
COMPARISONS = 8
MAIL_BYTES = 65_000
CONNECTIONS = 10
_SLUGS = tuple(f"tool-{number:02}-a-vs-tool-{number:02}-b" for number in range(COMPARISONS))


# ------------------------------------------------------------ the sink


class HttpSink(asyncio.Protocol):
    """Reads requests to their end and answers as the provider would."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.head = b""
        self.left = 0
        self.answer = b""
        self.batches = 0

    def data_received(self, data: bytes) -> None:
        while data:
            if self.left == 0:
                self.head += data
                end = self.head.find(b"\r\n\r\n")
                if end < 0:
                    return
                head, data = self.head[:end], self.head[end + 4 :]
                self.head = b""
                self.left = next(
                    (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
                )
                self.answer = self._answer(head)
                if self.left == 0:
                    self.transport.write(self.answer)
                    continue
            taken = min(self.left, len(data))
            self.left -= taken
            data = data[taken:]
            if self.left == 0:
                self.transport.write(self.answer)

    def _answer(self, head: bytes) -> bytes:
        if b"/mail/batch" in head:
            self.batches += 1
            body = b'{"batch_id": "bench-%d"}' % self.batches
            return b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        return b"HTTP/1.1 202 Accepted\r\nX-Message-Id: bench\r\nContent-Length: 0\r\n\r\n"


class SmtpSink(asyncio.Protocol):
    """The least of a mail server: answers commands in whatever groups they come, and looks for the end of a mail where
    it can only be, before the few commands that follow it."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.inside = False
        self.rest = b""
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        if self.inside:
            window = self.rest + data[-_COMMANDS:] if len(data) >= _COMMANDS else self.rest + data
            end = window.rfind(b"\r\n.\r\n")
            if end < 0:
                self.rest = window[-4:] if len(data) >= _COMMANDS else window[-_COMMANDS:]
                return
            self.inside = False
            self.rest = b""
            self.transport.write(b"250 kept\r\n" + self._answers(window[end + 5 :]))
        else:
            self.transport.write(self._answers(data))

    def _answers(self, data: bytes) -> bytes:
        *lines, self.rest = (self.rest + data).split(b"\r\n")
        said = b""
        for line in lines:
            verb = line[:4].upper()
            if verb == b"DATA":
                self.inside = True
                said += b"354 go on\r\n"
            elif verb == b"EHLO":
                said += b"250-sink\r\n250-PIPELINING\r\n250 SIZE 33554432\r\n"
            else:
                said += b"250 fine\r\n"
        return said


_COMMANDS = 400  # bytes; more than MAIL, RCPT and DATA of any mail here


def sink(kind: str, ready: Any) -> None:
    import uvloop  # noqa: PLC0415

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        protocol = HttpSink if kind == "http" else SmtpSink
        server = await loop.create_server(protocol, "127.0.0.1", 0)
        ready.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(serve())


# ------------------------------------------------------------ the senders, each in a process of its own


def limit_http(port: int, count: int) -> None:
    """Ready-made requests of a thousand recipients."""
    body = json.dumps(payload(1_000)).encode()
    head = b"POST /v3/mail/send HTTP/1.1\r\nHost: sink\r\nContent-Length: %d\r\n\r\n" % len(body)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for _ in range(count // 1_000):
            connection.sendall(head + body)
            connection.recv(1_000)


def limit_smtp(port: int, count: int) -> None:
    """Ready-made mails over ten connections, written in turn by one thread: each one's answers are read only when
    the others have been served."""
    mail = b"x" * 70 + b"\r\n"
    envelope = b"MAIL FROM:<a@b.c>\r\nRCPT TO:<a@b.c>\r\nDATA\r\n"
    mail = mail * (MAIL_BYTES * 21 // 20 // len(mail)) + b".\r\n" + envelope
    lines = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
    for each in lines:
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        each.sendall(envelope)
        each.recv(1_000)
    for _ in range(count // CONNECTIONS):
        for each in lines:
            each.sendall(mail)
        for each in lines:
            each.recv(1_000)
    for each in lines:
        each.close()


def payload(count: int, start: int = 0) -> dict[str, Any]:
    """What somebody writes who has nothing but the provider's client: the same mail, the same links."""
    end = "WzEyMywiMDEyMzQ1Njc4OWFiIiwwXQ.0123456789012345678901234567890123456789012"
    marks = ["{{unsubscribe_url}}", "{{preferences_url}}", *(f"{{{{vote_url:{slug}}}}}" for slug in _SLUGS)]
    people = []
    for number in range(start, start + count):
        links = dict.fromkeys(marks, f"https://verdicts.example/u/{number}/{end}")
        people.append(
            {
                "to": [{"email": f"reader{number}@example.org"}],
                "substitutions": links | {"{{confirmed_on}}": "1 November 2026"},
                "custom_args": {"wv_delivery": str(number), "wv_attempt": "a" * 32},
                "headers": {
                    "List-Unsubscribe": f"<{links[marks[0]]}>",
                    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                },
            }
        )
    return {
        "personalizations": people,
        "from": {"email": "verdicts@verdicts.example"},
        "subject": "Two tools, side by side",
        "content": [{"type": "text/plain", "value": TEXT}, {"type": "text/html", "value": HTML}],
    }


def plain_client(port: int, count: int) -> None:
    """The peer: the provider's own client, a dict, no ledger."""
    import sendgrid  # noqa: PLC0415

    client = sendgrid.SendGridAPIClient("SG.key", host=f"http://127.0.0.1:{port}")
    for start in range(0, count, 1_000):
        assert client.client.mail.send.post(request_body=payload(1_000, start)).status_code == 202


def product_sendgrid(port: int, _count: int) -> None:
    _send(mail="sendgrid", sendgrid_url=f"http://127.0.0.1:{port}", send_lines=2)


def product_sendgrid_2(port: int, _count: int) -> None:
    """By two processes."""
    _send(mail="sendgrid", sendgrid_url=f"http://127.0.0.1:{port}", send_lines=2, processes=2)


def product_smtp(port: int, _count: int) -> None:
    _send(mail="smtp", smtp_url=f"smtp://127.0.0.1:{port}", send_lines=CONNECTIONS)


def product_smtp_2(port: int, _count: int) -> None:
    """The same ten connections, over two processes."""
    _send(mail="smtp", smtp_url=f"smtp://127.0.0.1:{port}", send_lines=CONNECTIONS // 2, processes=2)


def _send(*, processes: int = 1, **settings: Any) -> None:
    from app import crew, sending  # noqa: PLC0415
    from app.settings import Settings  # noqa: PLC0415
    from app.wiring import Product  # noqa: PLC0415
    from core.week import Week  # noqa: PLC0415
    from store.connect import Database  # noqa: PLC0415

    week = Week(2026, 48)
    chosen = Settings(
        _env_file=None,
        var=FOLDER,
        base_url="https://verdicts.example",
        secret_key="k" * 40,
        sendgrid_api_key="SG.key",
        from_address="Weekly Verdicts <verdicts@verdicts.example>",
        postal_address="1 Panel Street",
        lease_seconds=3_600,
        **settings,
    )
    database = Database(chosen.database)
    product = Product(settings=chosen, database=database)
    if processes == 1:
        done = sending.send(product, week, actor="bench")
    else:
        done = crew.send(product, week, actor="bench", processes=processes, told=None, stopping=lambda: False)
    assert (done.state, done.sent) == ("sent", done.recipients), done
    database.close()


SENDERS = {
    each.__name__: each
    for each in (
        limit_http,
        plain_client,
        product_sendgrid,
        product_sendgrid_2,
        limit_smtp,
        product_smtp,
        product_smtp_2,
    )
}


# ------------------------------------------------------------ the stage


def _long(piece: str) -> str:
    links = "".join(f'<a href="{{{{vote_url:{slug}}}}}">Vote</a>' for slug in _SLUGS)
    ends = '<a href="{{unsubscribe_url}}">Leave</a> <a href="{{preferences_url}}">Choose</a> {{confirmed_on}}'
    return piece * ((MAIL_BYTES - len(links) - len(ends)) // len(piece)) + links + ends


HTML = _long('<p style="margin:0 0 12px;color:#222">One tool beside another, judged by four people.</p>\n')
TEXT = "One tool beside another.\n" * 40 + "{{unsubscribe_url}} {{preferences_url}} {{confirmed_on}}"


def prepare(count: int) -> None:
    """An approved edition with eight comparisons, and its readers."""
    import sqlalchemy as sa  # noqa: PLC0415

    from app.wiring import Product  # noqa: PLC0415
    from core.edition import Frozen  # noqa: PLC0415
    from store import migrate, schema  # noqa: PLC0415
    from store.connect import Database  # noqa: PLC0415
    from tests.sending.stage import WEEK, add_readers, approve_edition, sendgrid_settings  # noqa: PLC0415

    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    settings = sendgrid_settings(FOLDER, f"sqlite:///{FOLDER / 'verdicts.db'}")
    database = Database(settings.database)
    migrate.upgrade(database)
    product = Product(settings=settings, database=database)
    now = product.now
    with database.write() as connection:
        made = {
            "email": "edith@verdicts.example",
            "email_key": "edith@verdicts.example",
            "name": "Edith",
            "active": True,
        }
        made |= {"id": 1, "machine": False, "invited_at": now}
        connection.execute(sa.insert(schema.person).values(**made))
        for at, slug in enumerate(_SLUGS):
            ids = [2 * at + 1, 2 * at + 2]
            for number, name in zip(ids, slug.split("-vs-"), strict=True):
                words = dict.fromkeys(("name", "tagline", "description", "category", "queue_reason"), name)
                tool = {"id": number, "slug": name, "tags": [], "edited": [], "status": "kept", **words}
                tool |= {"priority": 0.0, "priority_reasons": [], "first_seen": now}
                connection.execute(sa.insert(schema.tool).values(**tool))
            pair = {"id": at + 1, "low": ids[0], "high": ids[1], "slug": slug, "state": "approved", "version": 1}
            pair |= {"fingerprint": "x", "made_at": now, "score": 1.0, "reasons": []}
            pair |= {"approved_version": 1, "approved_by": 1, "approved_at": now, "approved_view": {}}
            connection.execute(sa.insert(schema.comparison).values(**pair))
    frozen = Frozen(subject="Two tools, side by side", html=HTML, text=TEXT, comparisons=_SLUGS)
    approve_edition(product, WEEK, frozen, comparisons=range(1, COMPARISONS + 1))
    add_readers(database, [f"reader{number}@example.org" for number in range(count)], now=now)
    database.close()


# ------------------------------------------------------------ measuring


def measure(name: str, port: int, count: int) -> dict[str, float]:
    """Run a sender in a process of its own; what it cost, loading its modules included."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.sending", "--role", name, "--port", str(port), "--recipients", str(count)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "VERDICTS_ENV_FILE": ""},
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def play(name: str, port: int, count: int) -> None:
    began, before = time.perf_counter(), _used()
    SENDERS[name](port, count)
    seconds = time.perf_counter() - began
    print(json.dumps({"per_second": count / seconds, "cpu": _used() - before, "peak_mb": _peak()}))


def _peak() -> float:
    """The most memory that this process has held, in MB; the kernel's other figure is inherited from whoever began it."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _used() -> float:
    """CPU seconds of this process and its children."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in both)


def start_sink(context: Any, kind: str) -> tuple[Any, int]:
    ready = context.Queue()
    process = context.Process(target=sink, args=(kind, ready), daemon=True)
    process.start()
    return process, ready.get()


def compare(count: int) -> dict[str, dict[str, float]]:
    context = multiprocessing.get_context("spawn")
    found = {}
    for kind, names in {
        "http": ("limit_http", "plain_client", "product_sendgrid", "product_sendgrid_2"),
        "smtp": ("limit_smtp", "product_smtp", "product_smtp_2"),
    }.items():
        process, port = start_sink(context, kind)
        for name in names:
            if name.startswith("product"):
                prepare(count)
            found[name] = measure(name, port, count)
            print(show(name, found), flush=True)
        process.kill()
        process.join()
    return found


def show(name: str, found: dict[str, dict[str, float]]) -> str:
    one = found[name]
    line = f"{name:18}{one['per_second']:10,.0f} messages/s{one['cpu']:9.1f} CPU s{one['peak_mb']:8.0f} MB"
    if name.startswith("product_sendgrid"):
        peer = found["plain_client"]
        line += f"   {one['per_second'] / peer['per_second']:.2f} of the plain client, {one['cpu'] / peer['cpu']:.1f} its CPU"
    if name.startswith("product"):
        limit = found["limit_http" if name.startswith("product_sendgrid") else "limit_smtp"]
        line += f"   {one['per_second'] / limit['per_second']:.2f} of the sink"
    return line


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.sending")
    parser.add_argument("--large", action="store_true", help="a million recipients")
    parser.add_argument("--recipients", type=int)
    parser.add_argument("--role", choices=sorted(SENDERS))
    parser.add_argument("--port", type=int, default=0)
    chosen = parser.parse_args()
    count = chosen.recipients or (1_000_000 if chosen.large else 100_000)
    if chosen.role:
        play(chosen.role, chosen.port, count)
        return
    print(f"{count:,} recipients, {MAIL_BYTES:,} bytes of HTML, {os.cpu_count()} cores")
    compare(count)
    shutil.rmtree(FOLDER, ignore_errors=True)


if __name__ == "__main__":
    main()
