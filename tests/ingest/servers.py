"""A server on loopback that answers with the bytes a test gives it, faults included."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Writer = asyncio.StreamWriter
Answer = Callable[[Asked, Writer], Awaitable[None]] | bytes


@dataclass
class Server:
    """Its address and what it was asked. `answers` may be changed while it runs; "*" answers what has no answer."""

    port: int
    answers: dict[str, Answer | list[Answer]]
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def paths(self) -> list[str]:
        return [one.path for one in self.asked]

    def answer(self, path: str) -> Answer:
        """The answer of a path; of a list the next, the last one for ever."""
        answer = self.answers.get(path, self.answers.get("*", reply(404)))
        if isinstance(answer, list):
            return answer.pop(0) if len(answer) > 1 else answer[0]
        return answer


def reply(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    """A complete response; underscores in header names stand for dashes."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [
        f"HTTP/1.1 {status} X",
        *(f"{name}: {value}" for name, value in {"Content-Length": str(len(body)), **given}.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if status == 304 else body)


def redirect(target: str, status: int = 301) -> bytes:
    return reply(status, Location=target)


@asynccontextmanager
async def serving(answers: dict[str, Answer | list[Answer]]) -> AsyncIterator[Server]:
    """A server that runs inside the `async with`; every connection is closed when it ends."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: Writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while True:
                    asked = await _read(reader)
                    server.asked.append(asked)
                    answer = server.answer(asked.path)
                    if isinstance(answer, bytes):
                        writer.write(answer)
                        await writer.drain()
                    else:
                        await answer(asked, writer)
        finally:
            writer.close()
            tasks.discard(task)

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    server = Server(port=listener.sockets[0].getsockname()[1], answers=answers)
    try:
        yield server
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await listener.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:]) if name}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, path, headers, body)
