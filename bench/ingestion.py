"""Ingestion against a peer: `python -m bench.ingestion [--feeds N]`.

A loopback server in its own process serves N distinct feeds of 30 entries with ETags, each on an address of its own
(127.x.y.z), so that a connection budget per host costs what it costs in life. Three passes: cold; all 304; a new ETag
with the same body. The product's whole path runs (fetch, parse, identity, matching, pricing, priority, health, store);
the peer is the `reader` library, installed into an environment of its own. Each pass is a process of its own on both
sides. Figures are CPU seconds of that whole process (user and system; its start included, with modules that were compiled
before), entries per second of wall time, and the peak of its memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

from bench._words import WORDS

ENTRIES = 30
FOLDER = Path("var/bench/ingestion")
PEER = "reader"
PEER_PACKAGES = (PEER, "sgmllib3k")  # the second is what its feed parser imports and does not name
PASSES = ("cold", "304", "same body")


def address(number: int) -> str:
    return f"127.{1 + number // 62500}.{number // 250 % 250}.{1 + number % 250}"


# ------------------------------------------------------------ the feeds


def feed(number: int) -> bytes:
    """An Atom feed, the same for the same number: 30 entries with a summary and HTML content of about 2 KB each."""
    random_ = random.Random(number)
    entries = "".join(_entry(number, place, random_) for place in range(ENTRIES))
    return (
        '<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom">'
        f"<title>Notes {number}</title><id>tag:example.org,2026:{number}</id>"
        f"<updated>2026-11-20T08:00:00Z</updated>{entries}</feed>"
    ).encode()


def _entry(number: int, place: int, random_: random.Random) -> str:
    name = f"{random_.choice(WORDS).title()}{random_.choice(WORDS).title()}{number}x{place}"
    paragraphs = "".join(
        f'&lt;p&gt;{" ".join(random_.choices(WORDS, k=60))} &lt;a href="https://site{number}.example/{place}/{i}"&gt;'
        f"{random_.choice(WORDS)}&lt;/a&gt;.&lt;/p&gt;"
        for i in range(4)
    )
    return (
        f"<entry><id>tag:example.org,2026:{number}/{place}</id><title>{name}: {' '.join(random_.choices(WORDS, k=6))}"
        f'</title><link href="https://site{number}.example/tools/{place}"/><updated>2026-11-{1 + place % 19:02}T08:00:00Z'
        f"</updated><published>2026-11-{1 + place % 19:02}T08:00:00Z</published><author><name>Author {number}</name>"
        f"</author><summary>{' '.join(random_.choices(WORDS, k=25))}</summary>"
        f'<content type="html">{paragraphs}</content></entry>'
    )


async def serve(feeds: int) -> None:
    """The server: bodies made once, ETag by generation. A line on standard input moves it to the next generation."""
    bodies = [feed(number) for number in range(feeds)]
    generation = 1

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                number = int(head.split(b" ", 2)[1].rsplit(b"/", 1)[-1])
                etag = f'"{generation}-{number}"'.encode()
                if etag in head:
                    writer.write(b"HTTP/1.1 304 Not Modified\r\nETag: " + etag + b"\r\n\r\n")
                else:
                    body = bodies[number]
                    writer.write(
                        b"HTTP/1.1 200 OK\r\nContent-Type: application/atom+xml\r\nETag: %b\r\nContent-Length: %d\r\n\r\n"
                        % (etag, len(body))
                    )
                    writer.write(body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "0.0.0.0", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    async with server:
        while await loop.run_in_executor(None, sys.stdin.readline):
            generation += 1
            print(generation, flush=True)


# ------------------------------------------------------------ the two runners, each a process of its own


def run_product(feeds: int) -> int:
    """One pass of ours. Returns how many entries were taken."""
    from app import ingesting  # noqa: PLC0415 - a process of its own measures its own start, too
    from app.wiring import open_product  # noqa: PLC0415

    with open_product() as product:
        records = ingesting.ingest(product, everything=True)
    assert len(records) == feeds
    assert all(each.outcome in ("ok", "not_modified") for each in records), [
        each.error for each in records if each.error
    ][:3]
    return sum(each.entries for each in records)


PEER_CODE = """
import sys
from reader import make_reader
path, port, feeds, first = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "cold"
def address(number): return f"127.{1 + number // 62500}.{number // 250 % 250}.{1 + number % 250}"
reader = make_reader(path)
if first:
    for number in range(feeds):
        reader.add_feed(f"http://{address(number)}:{port}/{number}")
reader.update_feeds(workers=10, scheduled=False)
"""


def prepare_product(port: int, feeds: int) -> dict[str, str]:
    """Sources, a fresh database, and the environment that points at them."""
    shutil.rmtree(FOLDER / "product", ignore_errors=True)
    (FOLDER / "product").mkdir(parents=True)
    sources = FOLDER / "product" / "sources.toml"
    entries = (
        f'[[source]]\nkey = "f{number}"\nkind = "feed"\nurl = "http://{address(number)}:{port}/{number}"\n'
        'schedule = "0 * * * *"\n'
        for number in range(feeds)
    )
    sources.write_text("\n".join(entries), encoding="utf-8")
    environment = {
        **plain_environment(),
        "VERDICTS_ENV_FILE": "",
        "VERDICTS_VAR": str(FOLDER / "product"),
        "VERDICTS_SOURCES": str(sources),
        "VERDICTS_CLOCK": "2026-11-20T09:00:00Z",
        "VERDICTS_ALLOW_PRIVATE_HOSTS": " ".join(address(number) for number in range(feeds)),
    }
    subprocess.run([sys.executable, "-m", "app", "db", "upgrade"], check=True, env=environment, capture_output=True)
    modules = (
        "app.ingesting, app.applying, app.reviewing, ingest.fetch, ingest.reading, ingest.sources.feed, fastfeedparser"
    )
    warm_up(Path(sys.executable), f"import {modules}")
    return environment


def plain_environment() -> dict[str, str]:
    """Ours, but that Python keeps what it has compiled: otherwise every start would be measured compiling."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def warm_up(python: Path, program: str) -> None:
    """Let the modules of this program be compiled and read from the disk once."""
    subprocess.run([str(python), "-c", program], check=True, env=plain_environment(), capture_output=True)


def prepare_peer() -> Path:
    """The peer's interpreter, its environment made when there is none."""
    python = FOLDER / "peer" / "bin" / "python"
    if not python.exists():
        uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
        subprocess.run([uv, "venv", "-q", str(FOLDER / "peer")], check=True)
        subprocess.run([uv, "pip", "install", "-q", "--python", str(python), *PEER_PACKAGES], check=True)
    warm_up(python.absolute(), "from reader import make_reader; make_reader(':memory:').close(); import feedparser")
    return python.absolute()


def measured(command: list[str], environment: dict[str, str]) -> dict[str, float]:
    """CPU seconds, wall seconds and peak memory (MB) of a command and its children."""
    begun = time.monotonic()
    child = subprocess.Popen(command, env=environment)
    _, status, usage = os.wait4(child.pid, 0)
    assert status == 0, f"{command} ended with {status}"
    return {
        "cpu": usage.ru_utime + usage.ru_stime,
        "wall": time.monotonic() - begun,
        "peak": usage.ru_maxrss / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--feeds", type=int, default=1000)
    parser.add_argument("--alone", action="store_true", help="without the peer")
    parser.add_argument("--serve", type=int)
    parser.add_argument("--product", type=int)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    if options.serve:
        asyncio.run(serve(options.serve))
    elif options.product:
        run_product(options.product)
    else:
        compare(options.feeds, alone=options.alone)


def compare(feeds: int, *, alone: bool) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "bench.ingestion", "--serve", str(feeds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        port = int(server.stdout.readline())
        environment = prepare_product(port, feeds)
        peer = None if alone else prepare_peer()
        database = FOLDER / "peer.db"
        for leftover in FOLDER.glob("peer.db*"):
            leftover.unlink()
        results: dict[str, dict[str, dict[str, float]]] = {}
        for name in PASSES:
            if name == "same body":
                server.stdin.write("\n")
                server.stdin.flush()
                server.stdout.readline()
            ours = measured([sys.executable, "-m", "bench.ingestion", "--product", str(feeds)], environment)
            theirs = peer and measured(
                [str(peer), "-c", PEER_CODE, str(database), str(port), str(feeds), name], plain_environment()
            )
            results[name] = {"product": ours} | ({PEER: theirs} if theirs else {})
        server.stdin.close()
    show(results, feeds)


def show(results: dict[str, dict[str, dict[str, float]]], feeds: int) -> None:
    print(f"{feeds} feeds of {ENTRIES} entries; entries/s by wall time\n")
    print(f"{'pass':<10} {'':<8} {'CPU s':>8} {'entries/s':>10} {'peak MB':>8} {'CPU ratio':>10}")
    for name, both in results.items():
        for who, figures in both.items():
            ratio = f"{both[PEER]['cpu'] / figures['cpu']:.1f}" if PEER in both else ""
            rate = feeds * ENTRIES / figures["wall"]
            print(f"{name:<10} {who:<8} {figures['cpu']:>8.2f} {rate:>10.0f} {figures['peak']:>8.0f} {ratio:>10}")
    (FOLDER / "figures.json").write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
