"""Several processes and one host: they take turns, at its pace, and tell each other when it wants rest."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from core.errors import FetchError
from core.source import Request, Validators
from ingest.fetch import Fetcher
from ingest.turns import Turns
from tests.ingest.servers import Asked, Writer, reply, serving

ASK = """
import asyncio, sys
from pathlib import Path
import ingest.fetch
from core.source import Request, Validators

ingest.fetch.GAPS = {"127.0.0.1": ("loopback", float(sys.argv[3]))}

async def main():
    fetcher = ingest.fetch.Fetcher(
        contact="", version="0", allow_private_hosts=frozenset({"127.0.0.1"}), shared=Path(sys.argv[2])
    )
    async with fetcher:
        await asyncio.gather(*(fetcher.fetch(Request(url=f"{sys.argv[1]}/{n}"), Validators()) for n in range(4)))

asyncio.run(main())
"""


def asking(url: str, shared: Path, gap: float) -> list[subprocess.Popen[bytes]]:
    """Two processes that ask the same host four times each."""
    return [subprocess.Popen([sys.executable, "-c", ASK, url, str(shared), str(gap)]) for _ in range(2)]


async def spans_of(shared: Path, *, gap: float) -> list[tuple[float, float]]:
    """When each of eight requests by two processes began and ended."""
    spans: list[tuple[float, float]] = []

    async def slow(_: Asked, writer: Writer) -> None:
        begun = time.monotonic()
        await asyncio.sleep(0.03)
        spans.append((begun, time.monotonic()))
        writer.write(reply(body=b"x"))

    async with serving({"*": slow}) as server:
        processes = asking(server.url, shared, gap)
        while any(each.poll() is None for each in processes):  # noqa: ASYNC110 - a process tells no event
            await asyncio.sleep(0.02)
    assert [each.returncode for each in processes] == [0, 0]
    return sorted(spans)


def test_two_processes_never_ask_one_host_at_once(tmp_path: Path) -> None:
    spans = asyncio.run(spans_of(tmp_path / "turns", gap=0.0))
    assert len(spans) == 8
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans))


def test_two_processes_keep_the_gap_of_one_host_between_them(tmp_path: Path) -> None:
    spans = asyncio.run(spans_of(tmp_path / "turns", gap=0.12))
    starts = [begun for begun, _ in spans]
    # The gap lies between the starts of requests as they leave; a busy machine may delay the first on its way, so
    # single gaps say little. Two processes that knew nothing of each other would need half of the time.
    assert starts[-1] - starts[0] > 7 * 0.12 * 0.75


def test_a_rest_that_one_process_was_asked_for_is_kept_by_the_next(tmp_path: Path) -> None:
    async def ask(url: str) -> FetchError:
        allowed = frozenset({"127.0.0.1"})
        async with Fetcher(contact="", version="0", allow_private_hosts=allowed, shared=tmp_path / "turns") as fetcher:
            with pytest.raises(FetchError) as error:
                await fetcher.fetch(Request(url=url), Validators())
        return error.value

    async def both() -> tuple[FetchError, FetchError, list[str]]:
        async with serving({"*": reply(429, Retry_After="600")}) as server:
            return await ask(server.url), await ask(server.url), server.paths()

    first, second, asked = asyncio.run(both())
    assert first.http_status == 429
    assert (second.http_status, second.retry_after) == (None, first.retry_after)
    assert len(asked) == 1


def test_a_process_that_dies_lets_go_of_its_turn(tmp_path: Path) -> None:
    hold = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom ingest.turns import Turns\n"
        "async def main():\n    async with Turns(Path(sys.argv[1])).of('a'):\n"
        "        print('held', flush=True)\n        await asyncio.sleep(60)\nasyncio.run(main())"
    )

    async def turn(turns: Turns) -> None:
        async with turns.of("a"):
            pass

    async def test() -> None:
        turns = Turns(tmp_path / "turns")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(turn(turns), 0.15)
        holder.kill()
        await asyncio.wait_for(turn(turns), 5)
        turns.close()

    with subprocess.Popen([sys.executable, "-c", hold, str(tmp_path / "turns")], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        asyncio.run(test())


@pytest.mark.parametrize("written", [b"", b"short", b"\xff" * 16 * 65_536])
def test_a_damaged_file_delays_nobody(tmp_path: Path, written: bytes) -> None:
    path = tmp_path / "turns"
    path.write_bytes(written)

    async def test() -> None:
        allowed = frozenset({"127.0.0.1"})
        async with (
            serving({"*": reply(body=b"x")}) as server,
            Fetcher(contact="", version="0", allow_private_hosts=allowed, shared=path) as fetcher,
        ):
            await asyncio.wait_for(fetcher.fetch(Request(url=server.url), Validators()), 5)

    asyncio.run(test())


def test_a_start_from_before_the_machine_was_booted_is_none(tmp_path: Path) -> None:
    async def test() -> float:
        turns = Turns(tmp_path / "turns")
        async with turns.of("a") as turn:
            turn.next_start, turn.rest = time.monotonic() + 10_000, 0.0
        async with turns.of("a") as turn:
            met = turn.next_start
        turns.close()
        return met

    assert asyncio.run(test()) == 0.0


def test_without_a_file_everybody_keeps_an_own_pace(tmp_path: Path) -> None:
    (tmp_path / "no folder").write_text("")
    turns = Turns(tmp_path / "no folder" / "turns")

    async def test() -> float:
        async with turns.of("a") as turn:
            return turn.next_start

    assert asyncio.run(test()) == 0.0
