"""The public pages under load: `python -m bench.pages [--tools N] [--comparisons N] [--seconds N] [--keep]`.

A SQLite database with 100,000 tools and 20,000 approved comparisons, the real server with two worker processes, and
`wrk` (Debian's package) from another process on loopback. Beside it runs the same server, whose one page is the same
bytes as a static string: what the server can do at all on this machine, now. Measured: one comparison page, asked for
again and again; the same without the answers kept in memory; 20,000 comparison pages in turn; and each other kind of
page, alone, with a tenth of the tools and with all of them.

Targets: 1,500 requests a second, the 99th percentile under 50 ms at about that rate, at least 0.6 of the static string.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import orjson
import sqlalchemy as sa
import uvicorn
from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.category import CATEGORIES
from core.comparison import Cell, Community, ComparisonView, ScorecardRow, Side, Split
from core.fact import Confidence, Fact, Pricing, PricingModel
from core.panel import Basis, Decision, Tally
from core.words import words
from store import schema
from store.connect import Database
from store.migrate import upgrade

FOLDER = Path("var/bench/pages")
PAGE = FOLDER / "page.html"
WORKERS = 2
TARGETS = {"requests/s": 1500, "p99 ms": 50, "ratio": 0.6}
_NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
_LENSES = ("Builder", "Skeptic", "Futurist", "Founder")
_KEYS = tuple(CATEGORIES)
_QUOTE = "It does one thing and says where it ends; the second run gave the same answer as the first, on a laptop. " * 3


# ------------------------------------------------------------ content


def side(number: int) -> Side:
    """A tool as a comparison shows it."""
    ships = number % 5
    return Side(
        slug=f"tool-{number}",
        name=f"Tool {number}",
        tagline=f"Reads {_KEYS[number % 13]} and answers in the style of {number % 997}",
        category=_KEYS[number % 13],
        homepage=f"https://tool{number}.example/",
        description="Reads images, documents and short films and answers in text. " * 6,
        described_at=_NOW,
        panel=Tally(ships=ships, skips=4 - ships, ship_percent=25 * ships, closed=True),
        community=Community(),
        pricing=Pricing(
            model=PricingModel.OPEN_SOURCE,
            source_url=f"https://tool{number}.example/licence",
            confidence=Confidence.A,
            observed_at=_NOW,
        ),
        facts=tuple(
            Fact(field=each, value=f"{number % 97}", source_url=f"https://tool{number}.example/", observed_at=_NOW)
            for each in ("licence", "parameters", "context_length")
        ),
    )


def _cell(number: int, lens: int) -> Cell:
    ship = lens < number % 5
    return Cell(
        decision=Decision.SHIP if ship else Decision.SKIP,
        quote=_QUOTE,
        basis=Basis.HANDS_ON,
        reviewer="Mara Lindqvist",
        machine=False,
        submitted_at=_NOW - timedelta(days=1),
    )


def view(number: int) -> ComparisonView:
    """The comparison of tools `2n` and `2n + 1`."""
    a, b = sorted((side(2 * number), side(2 * number + 1)), key=lambda each: each.slug)
    numbers = [int(each.slug.removeprefix("tool-")) for each in (a, b)]
    rows = tuple(
        ScorecardRow(
            lens=name.lower(),
            lens_name=name,
            motto="Show me where it breaks.",
            a=_cell(numbers[0], lens),
            b=_cell(numbers[1], lens),
        )
        for lens, name in enumerate(_LENSES)
    )
    return ComparisonView(
        slug=f"{a.slug}-vs-{b.slug}",
        version=1,
        a=a,
        b=b,
        rows=rows,
        split=Split(both_ship=_LENSES[:1], both_skip=_LENSES[1:2], only_a=_LENSES[2:3], only_b=_LENSES[3:]),
        approved_by="Noor Haddad",
        approved_at=_NOW,
        published_at=None,
    )


def fill(database: Database, *, tools: int, comparisons: int) -> None:
    """Write everything in large strokes: what approval would write, row for row."""
    upgrade(database)
    with database.write() as connection:
        if connection.scalar(sa.select(sa.func.count()).select_from(schema.tool)):
            return
        person = {"id": 1, "email": "e@x.example", "email_key": "e@x.example", "name": "Noor", "machine": False}
        connection.execute(sa.insert(schema.person).values(**person, active=True, invited_at=_NOW))
        for start in range(0, tools, 5000):
            numbers = range(start, min(start + 5000, tools))
            connection.execute(sa.insert(schema.tool), [_tool_row(number) for number in numbers])
            connection.execute(sa.insert(schema.tool_slug), [{"slug": f"tool-{n}", "tool": n + 1} for n in numbers])
        for start in range(0, comparisons, 1000):
            _fill_comparisons(connection, range(start, min(start + 1000, comparisons)))
    with database.write() as connection:
        connection.exec_driver_sql("ANALYZE")


def _tool_row(number: int) -> dict[str, object]:
    return {
        "id": number + 1,
        "slug": f"tool-{number}",
        "name": f"Tool {number}",
        "tagline": "",
        "description": "",
        "category": _KEYS[number % 13],
        "tags": [],
        "edited": [],
        "status": "reviewed" if number % 2 else "queued",
        "priority": 1.0,
        "priority_reasons": [],
        "queue_reason": "",
        "first_seen": _NOW,
    }


_VIEW = TypeAdapter(ComparisonView)


def _fill_comparisons(connection: sa.Connection, numbers: range) -> None:
    made = [(number + 1, view(number)) for number in numbers]
    at = {each: _NOW - timedelta(minutes=each) for each, _ in made}
    tables: dict[sa.Table, list[dict[str, object]]] = {
        schema.comparison: [
            {
                "id": each,
                "low": 2 * each - 1,
                "high": 2 * each,
                "slug": shown.slug,
                "state": "approved",
                "version": 1,
                "fingerprint": "x",
                "approved_version": 1,
                "approved_by": 1,
                "approved_at": at[each],
                "approved_view": _VIEW.dump_python(shown, mode="json"),
                "made_at": _NOW,
                "score": 1.0,
                "reasons": [],
            }
            for each, shown in made
        ],
        schema.shelf: [
            {"comparison": each, "category": key, "approved_at": at[each]}
            for each, shown in made
            for key in {shown.a.category, shown.b.category}
        ],
        schema.exhibit: [
            {"tool": tool, "comparison": each, "category": one.category, "name": one.name, "approved_at": at[each]}
            for each, shown in made
            for tool, one in _tools(shown)
        ],
        schema.said: [
            {
                "tool": tool,
                "lens": name.lower(),
                "comparison": each,
                "category": one.category,
                "decision": "ship" if lens < (tool - 1) % 5 else "skip",
                "quote": _QUOTE,
                "submitted_at": _NOW,
                "approved_at": at[each],
            }
            for each, shown in made
            for tool, one in _tools(shown)
            for lens, name in enumerate(_LENSES)
        ],
        schema.search_word: [
            {"word": word, "comparison": each}
            for each, shown in made
            for word in {w for _, one in _tools(shown) for text in (one.name, one.tagline) for w in words(text)}
        ],
    }
    for table, rows in tables.items():
        connection.execute(sa.insert(table), rows)


def _tools(shown: ComparisonView) -> list[tuple[int, Side]]:
    return [(int(each.slug.removeprefix("tool-")) + 1, each) for each in (shown.a, shown.b)]


# ------------------------------------------------------------ servers


def static() -> Starlette:
    """The same page as a string: what the server can do at all."""
    body = PAGE.read_bytes()
    headers = orjson.loads((FOLDER / "headers.json").read_bytes())

    async def page(_request: Request) -> Response:
        return Response(body, headers=headers)

    return Starlette(routes=[Route("/{path:path}", page)])


def bare() -> Starlette:
    """The product without kept answers."""
    from app.wiring import open_product  # noqa: PLC0415 - workers of the static server need no product
    from web.application import create_app  # noqa: PLC0415

    return create_app(open_product().__enter__(), keep_seconds=0)


@contextmanager
def serving(command: list[str], *, database: str) -> Iterator[str]:
    """A server with two workers, until the block ends. Gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "VERDICTS_VAR": str(FOLDER), "VERDICTS_DATABASE_URL": database}
    process = subprocess.Popen(
        [*command, "--port", str(port), "--workers", str(WORKERS)],
        env=environment,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)


def _wait(address: str) -> None:
    for _ in range(200):
        try:
            if httpx.get(f"{address}/robots.txt").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(f"No server at {address}.")


PRODUCT = [sys.executable, "-m", "web"]
BARE = [sys.executable, "-m", "bench.pages", "--serve", "bare"]
STATIC = [sys.executable, "-m", "bench.pages", "--serve", "static"]


# ------------------------------------------------------------ measuring


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk saw. Latencies in ms."""

    rate: float
    p50: float
    p99: float
    errors: int

    def __str__(self) -> str:
        return f"{self.rate:8.0f} requests/s   p50 {self.p50:7.1f} ms   p99 {self.p99:7.1f} ms   errors {self.errors}"


_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


def load(url: str, *, seconds: int, connections: int = 16, script: Path | None = None) -> Load:
    """Ask with wrk: one thread, so many connections."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    out = subprocess.run(
        [*command, *(["-s", str(script)] if script else []), url], capture_output=True, text=True, check=True
    ).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    parts = {name: re.search(rf"^\s+{name}%\s+([\d.]+)(us|ms|s|m)\s*$", out, re.MULTILINE) for name in ("50", "99")}
    if rate is None or None in parts.values():
        raise RuntimeError(f"wrk did not say what it saw:\n{out}")
    errors = sum(int(each) for each in re.findall(r"(?:connect|read|write|timeout|responses:) (\d+)", out))
    p50, p99 = (float(found[1]) * _UNITS[found[2]] for found in parts.values() if found)
    return Load(float(rate[1]), p50, p99, errors)


def slowest(address: str, paths: list[str], *, tries: int = 15) -> dict[str, float]:
    """The median of single requests in ms, page by page."""
    found = {}
    with httpx.Client(base_url=address, timeout=60) as client:
        for path in paths:
            took = []
            for _ in range(tries):
                begun = time.perf_counter()
                response = client.get(path)
                took.append(1000 * (time.perf_counter() - begun))
                assert response.status_code == 200, (path, response.status_code)
            found[path] = sorted(took)[tries // 2]
    return found


PATHS = [
    "/",
    "/compare/tool-10-vs-tool-11",
    "/tools/tool-10",
    "/lenses/builder",
    "/categories/agents",
    "/editions",
    "/search?q=tool+agents",
    "/search?q=to",
    "/feed.atom",
    "/categories/agents/feed.atom",
    "/changes.atom",
    "/llms.txt",
    "/sitemap.xml",
    "/sitemaps/comparisons-1.xml",
    "/badge/tool-10.svg",
    "/images/compare/tool-10-vs-tool-11.png",
    "/api/tools",
    "/api/comparisons",
    "/methodology",
]


def _paced() -> Path:
    """A script that asks at the target's rate: 32 connections, each 20 ms after its last answer."""
    script = FOLDER / "paced.lua"
    script.write_text("delay = function() return 20 end\n")
    return script


def _urls(comparisons: int) -> Path:
    """A script that walks through the comparisons in an order without pattern."""
    script = FOLDER / "walk.lua"
    script.write_text(
        f"local n = 0\nrequest = function()\n n = (n * 21 + 4099) % {comparisons}\n"
        " local a, b = 'tool-' .. 2*n, 'tool-' .. (2*n+1)\n if b < a then a, b = b, a end\n"
        " return wrk.format('GET', '/compare/' .. a .. '-vs-' .. b)\nend\n"
    )
    return script


def _database(name: str, *, tools: int, comparisons: int) -> str:
    path = FOLDER / f"{name}.db"
    url = f"sqlite:///{path}"
    database = Database(url)
    fill(database, tools=tools, comparisons=comparisons)
    from app.lenses import load_lenses  # noqa: PLC0415
    from app.settings import Settings  # noqa: PLC0415
    from app.wiring import Product  # noqa: PLC0415

    load_lenses(Product(settings=Settings(_env_file=None, var=FOLDER, database_url=url), database=database))
    database.close()
    return url


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tools", type=int, default=100_000)
    parser.add_argument("--comparisons", type=int, default=20_000)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--keep", action="store_true", help="keep the database for the next run")
    parser.add_argument("--serve", choices=("bare", "static"))
    parser.add_argument("--port", type=int)
    parser.add_argument("--workers", type=int)
    asked = parser.parse_args()
    if asked.serve:
        uvicorn.run(
            f"bench.pages:{asked.serve}",
            factory=True,
            port=asked.port,
            workers=asked.workers,
            access_log=False,
            server_header=False,
        )
        return
    if shutil.which("wrk") is None:
        sys.exit("There is no wrk here: install Debian's package (apt-get install wrk), then run this again.")
    measure(tools=asked.tools, comparisons=asked.comparisons, seconds=asked.seconds)
    if not asked.keep:
        shutil.rmtree(FOLDER)


def measure(*, tools: int, comparisons: int, seconds: int) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    print(f"{os.cpu_count()} cores, load average before {os.getloadavg()[0]:.1f}, {WORKERS} workers")
    whole = _database("whole", tools=tools, comparisons=comparisons)
    tenth = _database("tenth", tools=tools // 10, comparisons=comparisons // 10)
    page = "/compare/tool-10-vs-tool-11"
    with serving(PRODUCT, database=whole) as address:
        answer = httpx.get(address + page, headers={"Accept-Encoding": "identity"})
        PAGE.write_bytes(answer.content)
        kept = {name: value for name, value in answer.headers.items() if name not in ("content-length", "date")}
        (FOLDER / "headers.json").write_bytes(orjson.dumps(kept))
        print(f"{tools} tools, {comparisons} comparisons; the page has {len(answer.content)} bytes")
        load(address + page, seconds=2)
        ours = load(address + page, seconds=seconds)
        paced = load(address + page, seconds=seconds, connections=32, script=_paced())
        walk = load(address, seconds=seconds, script=_urls(comparisons))
    with serving(STATIC, database=whole) as address:
        load(address + page, seconds=2)
        string = load(address + page, seconds=seconds)
        string_paced = load(address + page, seconds=seconds, connections=32, script=_paced())
    with serving(PRODUCT, database=whole) as address:
        load(address + page, seconds=2)
        again = load(address + page, seconds=seconds)
    with serving(BARE, database=whole) as address:
        load(address + page, seconds=1)
        unkept = load(address + page, seconds=seconds)
        large = slowest(address, PATHS)
    with serving(BARE, database=tenth) as address:
        small = slowest(address, PATHS)
    mean = (ours.rate + again.rate) / 2
    for name, result in (
        ("one page, kept", ours),
        ("one page, kept, again", again),
        ("the same bytes, static", string),
        ("one page at the target's rate", paced),
        ("static at the target's rate", string_paced),
        ("one page, made each time", unkept),
        (f"{comparisons} pages in turn", walk),
    ):
        print(f"  {name:30} {result}")
    figures = {"requests/s": mean, "p99 ms": paced.p99, "ratio": mean / string.rate}
    for name, target in TARGETS.items():
        met = figures[name] <= target if name == "p99 ms" else figures[name] >= target
        print(f"  {name:12} {figures[name]:10.2f}   target {target:8}   {'met' if met else 'NOT MET'}")
    print("  median of single requests in ms, made each time: with a tenth of it all, with all of it")
    for path in PATHS:
        print(f"    {path:44} {small[path]:8.1f} {large[path]:8.1f}")


if __name__ == "__main__":
    main()
