"""Dead and slow hosts among many: they cost no more than the slowest answer that is allowed."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from core.clock import system_clock
from core.source import Cursor, Outcome, Reading, Source
from ingest.fetch import Fetcher, Limits
from ingest.reading import Asked, read_all
from tests.ingest.making import atom, entry

LIMITS = Limits(connect=0.5, read=1.0, total=1.5, gap=0.0, retries=1, backoff=0.01)
FEED = atom(*(entry(number) for number in range(30))).encode()


@asynccontextmanager
async def hosts() -> AsyncIterator[int]:
    """A server on every loopback address: /feed answers, /silent never does, /drip sends a byte now and then, /reset
    hangs up."""
    tasks: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                if b" /silent" in head:
                    await asyncio.sleep(60)
                if b" /reset" in head:
                    break
                length = len(FEED) if b" /feed" in head else 100_000
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/atom+xml\r\nContent-Length: %d\r\n\r\n" % length
                )
                while b" /drip" in head:
                    writer.write(b"<")
                    await writer.drain()
                    await asyncio.sleep(0.1)
                writer.write(FEED)
                await writer.drain()
        writer.close()
        tasks.discard(task)

    server = await asyncio.start_server(answer, "0.0.0.0", 0, backlog=512)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def closed_port() -> int:
    """A port at which every address of this machine refuses."""
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        return int(taken.getsockname()[1])


def feeds(port: int, paths: Sequence[str]) -> list[Asked]:
    """A feed on a host of its own for each path; those of "refused" lie where nobody listens."""
    refusing = closed_port()
    return [
        Asked(
            source=Source(
                key=f"{number}",
                kind="feed",
                url=f"http://127.0.7.{number + 1}:{refusing if path == 'refused' else port}/{path}",
                schedule="0 * * * *",
            ),
            cursor=Cursor(),
        )
        for number, path in enumerate(paths)
    ]


async def asked(port: int, paths: Sequence[str]) -> tuple[float, list[Reading]]:
    allowed = frozenset(f"127.0.7.{number + 1}" for number in range(len(paths)))
    begun = time.monotonic()
    async with Fetcher(contact="", version="0", allow_private_hosts=allowed, limits=LIMITS) as fetcher:
        readings = [each async for each in read_all(feeds(port, paths), fetcher=fetcher, clock=system_clock)]
    return time.monotonic() - begun, readings


def test_twenty_dead_or_slow_hosts_among_two_hundred_cost_what_one_costs() -> None:
    async def both() -> tuple[float, float, list[Reading]]:
        async with hosts() as port:
            without, _ = await asked(port, ["feed"] * 180)
            # The dead ones first, where they could hold up the most.
            spent, readings = await asked(port, ["silent", "refused", "drip", "reset"] * 5 + ["feed"] * 180)
            return without, spent, readings

    without, spent, readings = asyncio.run(both())
    assert spent < without + LIMITS.total + 2
    outcomes = [each.outcome for each in readings]
    assert outcomes.count(Outcome.OK) == 180
    assert outcomes.count(Outcome.FAILED) == 20
