"""The public pages under load: `python -m bench.pages [--tools N] [--comparisons N] [--seconds N] [--keep]`.

A SQLite database with 100,000 tools and 20,000 approved comparisons, the real server with two worker processes, and
`wrk` (Debian's package) from another process on loopback. Beside it runs the same server, whose one page is the same
bytes as a static string: what the server can do at all on this machine, now. Measured: one comparison page, asked for
again and again; the same without the answers kept in memory; 20,000 comparison pages in turn; and each other kind of
page, alone: the seconds of processor that the server spends on it with 1,000 tools and with all of them
(`--growth` prints this table only, and needs no `wrk`).

Targets: 1,500 requests a second, the 99th percentile under 50 ms at about that rate, at least 0.6 of the static string;
no page costs more than 1.5 times as much with a hundred times the tools.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
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
from starlette.types import ASGIApp, Message

from core.category import CATEGORIES
from core.comparison import Cell, Community, ComparisonView, ScorecardRow, Side, Split
from core.fact import Confidence, Fact, Pricing, PricingModel
from core.panel import Basis, Decision, Tally
from core.week import Week
from core.words import words
from store import schema
from store.connect import Database
from store.migrate import upgrade

FOLDER = Path("var/bench/pages")
PAGE = FOLDER / "page.html"
WORKERS = 2
TARGETS = {"requests/s": 1500, "p99 ms": 50, "ratio": 0.6}
MOST_GROWTH = 1.5
SMALL = {"tools": 1_000, "comparisons": 500}
_TRIES = 9
_OK = 200
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
        _fill_surroundings(connection, comparisons)


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
                # One in ten was taken back since: its rows stay on the shelves and must be stepped over.
                "state": "retired" if each % 10 == 3 else "approved",
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


VOTED, VOTERS, WEEKS = 30, 1_000, 100
"""How many comparisons have how many votes each, and how many editions there were: these grow with the years and the
readers, not with the tools."""


def _fill_surroundings(connection: sa.Connection, comparisons: int) -> None:
    """What has gathered around the comparisons: replaced verdicts, corrections, editions, votes."""
    numbers = range(1, comparisons + 1)
    readers = [f"r{number}@x.example" for number in range(VOTERS)]
    weeks = [Week(2020 + number // 52, number % 52 + 1) for number in range(min(WEEKS, comparisons // 5))]
    tables: dict[sa.Table, list[dict[str, object]]] = {
        schema.verdict_change: [
            {
                "tool": 2 * each,
                "lens": "skeptic",
                "lens_name": "Skeptic",
                "comparison": each,
                "before": "skip",
                "after": "ship",
                "quote": _QUOTE,
                "submitted_at": _NOW,
                "at": _NOW - timedelta(minutes=each),
            }
            for each in numbers
        ],
        schema.correction: [
            {
                "comparison": each if each % 2 else None,
                "tool": None if each % 2 else 2 * each,
                "claim": "It is not free.",
                "state": "accepted",
                "note": "The price was corrected.",
                "at": _NOW,
                "decided_at": _NOW - timedelta(minutes=each),
            }
            for each in numbers
        ],
        schema.subscriber: [
            {
                "id": number,
                "address": address,
                "address_key": address,
                "name": "",
                "state": "active",
                "categories": [],
                "created_at": _NOW,
                "confirmed_at": _NOW,
            }
            for number, address in enumerate(readers, start=1)
        ],
        schema.vote: [
            {"comparison": each, "subscriber": reader, "choice": 2 * each - reader % 2, "at": _NOW} | _COUNTED
            for each in numbers[:VOTED]
            for reader in range(1, VOTERS + 1)
        ],
        schema.edition: [_edition_row(week, number) for number, week in enumerate(weeks, start=1)],
        schema.edition_comparison: [
            {"week": str(week), "position": place, "comparison": 5 * number + place, "comparison_version": 1}
            for number, week in enumerate(weeks)
            for place in range(1, 6)
        ],
    }
    for table, rows in tables.items():
        if rows:
            connection.execute(sa.insert(table), rows)


_COUNTED = {"state": "counted", "reason": ""}


def _edition_row(week: Week, number: int) -> dict[str, object]:
    return {
        "week": str(week),
        "number": number,
        "state": "sent",
        "subject": f"What came out in {week}",
        "preheader": "",
        "intro": "",
        "left_over": 0,
        "version": 1,
        "assembled_at": _NOW,
        "html": "<p>mail</p>",
        "text": "mail",
        "content_hash": "x",
        "approved_by": 1,
        "approved_at": _NOW - timedelta(weeks=300 - number),
        "recipients_fixed_at": _NOW,
        "sent_at": _NOW,
    }


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
def serving(command: list[str], *, database: str) -> Iterator[tuple[str, int]]:
    """A server with two workers, until the block ends. Gives its address and the group of its processes."""
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
        yield address, process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)


def spent(group: int) -> float:
    """Seconds of processor that the processes of a group have used so far."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # gone meanwhile
            fields = stat.read_text().rpartition(")")[2].split()
            ticks += (int(fields[11]) + int(fields[12])) * (int(fields[2]) == group)
    return ticks / os.sysconf("SC_CLK_TCK")


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


@dataclass(frozen=True, slots=True)
class Cost:
    """What one page costs, made anew: ms of processor (the median of several), statements, bytes sent."""

    ms: float
    statements: int
    bytes: int


async def ask(app: ASGIApp, path: str) -> int:
    """One request. Returns the bytes of its answer; raises RuntimeError unless it is a 200."""
    status, size = await answered(app, path)
    if status != _OK:
        raise RuntimeError(f"{path}: {status}")
    return size


async def answered(app: ASGIApp, path: str, cookie: str = "") -> tuple[int, int]:
    """One request, without a network. Returns the answer's status and bytes."""
    plain, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": plain,
        "raw_path": plain.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"bench.example"), (b"accept-encoding", b"gzip"), (b"cookie", cookie.encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], sum(len(message.get("body", b"")) for message in sent)


async def costs(apps: Sequence[tuple[ASGIApp, list[str]]], paths: Sequence[str]) -> dict[str, list[Cost]]:
    """Every page of each application, in turns, so that a busy moment of the machine falls on all alike. Beside each
    application stands the list to which its database writes what it is sent."""
    found = {}
    for path in paths:
        took: list[list[float]] = [[] for _ in apps]
        last = [(0, 0)] * len(apps)
        for _ in range(_TRIES):
            for number, (app, sent) in enumerate(apps):
                sent.clear()
                begun = time.process_time()
                size = await ask(app, path)
                took[number].append(1000 * (time.process_time() - begun))
                last[number] = len(sent), size
        found[path] = [Cost(sorted(each)[_TRIES // 2], *rest) for each, rest in zip(took, last, strict=True)]
    return found


def growth(small: str, large: str) -> dict[str, list[Cost]]:
    """What each page costs on two databases, given by their addresses."""
    from app.settings import Settings  # noqa: PLC0415 - workers of the static server need no product
    from app.wiring import open_product  # noqa: PLC0415
    from web.application import create_app  # noqa: PLC0415

    apps: list[tuple[ASGIApp, list[str]]] = []
    with ExitStack() as stack:
        for url in (small, large):
            settings = Settings(_env_file=None, var=FOLDER, database_url=url, secret_key=secrets.token_hex(20))
            product = stack.enter_context(open_product(settings))
            sent: list[str] = []
            sa.event.listen(product.database.engine, "before_cursor_execute", partial(_note, sent))
            apps.append((create_app(product), sent))
        return asyncio.run(costs(apps, PATHS))


def _note(sent: list[str], _connection: object, _cursor: object, statement: str, *_rest: object) -> None:
    if not statement.startswith(("PRAGMA", "BEGIN")):
        sent.append(statement)


def _grows(small: Cost, large: Cost) -> bool:
    # Below a millisecond it is the clock, or one more line of an index.
    return large.ms / small.ms > MOST_GROWTH and large.ms - small.ms > 1


def print_growth(found: dict[str, list[Cost]]) -> None:
    """The table of both sizes, page by page."""
    print(f"  {'each page, made anew':44} {'ms CPU':>8} {'ms CPU':>8} {'ratio':>6} {'statements':>11} {'bytes':>15}")
    for path, (small, large) in found.items():
        ratio = large.ms / small.ms
        print(
            f"    {path:42} {small.ms:8.2f} {large.ms:8.2f} {ratio:6.2f} {small.statements:5} {large.statements:5}"
            f" {small.bytes:7} {large.bytes:7}{'   GROWS' if _grows(small, large) else ''}"
        )


PATHS = [
    "/",
    "/compare/tool-10-vs-tool-11",
    "/tools/tool-10",
    "/lenses/builder",
    "/categories/agents",
    "/editions",
    "/editions/2020-W01",
    "/search?q=tool+agents",
    "/search?q=to",
    "/search?q=agents+answers+style+to",
    "/corrections",
    "/feed.atom",
    "/categories/agents/feed.atom",
    "/changes.atom",
    "/llms.txt",
    "/sitemap.xml",
    "/sitemaps/pages.xml",
    "/sitemaps/comparisons-1.xml",
    "/sitemaps/tools-1.xml",
    "/badge/tool-10.svg",
    "/images/compare/tool-10-vs-tool-11.png",
    "/images/tools/tool-10.png",
    "/api/tools",
    "/api/tools/tool-10",
    "/api/comparisons",
    "/api/comparisons/tool-10-vs-tool-11",
    "/api/editions",
    "/api/editions/2020-W01",
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
        # Every tenth was taken back, so that it is no page; its neighbour stands in.
        " local m = n % 10 == 2 and n + 1 or n\n"
        " local a, b = 'tool-' .. 2*m, 'tool-' .. (2*m+1)\n if b < a then a, b = b, a end\n"
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
    parser.add_argument("--growth", action="store_true", help="only what each page costs, small and large")
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
    if asked.growth:
        compare_sizes(tools=asked.tools, comparisons=asked.comparisons)
    elif shutil.which("wrk") is None:
        sys.exit("There is no wrk here: install Debian's package (apt-get install wrk), then run this again.")
    else:
        measure(tools=asked.tools, comparisons=asked.comparisons, seconds=asked.seconds)
    if not asked.keep:
        shutil.rmtree(FOLDER)


def compare_sizes(*, tools: int, comparisons: int) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    small = _database("small", **SMALL)
    large = _database("whole", tools=tools, comparisons=comparisons)
    print(
        f"  {SMALL['tools']:,} tools, {SMALL['comparisons']:,} comparisons; {tools:,} tools, {comparisons:,} comparisons"
    )
    print_growth(growth(small, large))


def measure(*, tools: int, comparisons: int, seconds: int) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    print(f"{os.cpu_count()} cores, load average before {os.getloadavg()[0]:.1f}, {WORKERS} workers")
    whole = _database("whole", tools=tools, comparisons=comparisons)
    page = "/compare/tool-10-vs-tool-11"
    with serving(PRODUCT, database=whole) as (address, group):
        answer = httpx.get(address + page, headers={"Accept-Encoding": "identity"})
        PAGE.write_bytes(answer.content)
        kept = {name: value for name, value in answer.headers.items() if name not in ("content-length", "date")}
        (FOLDER / "headers.json").write_bytes(orjson.dumps(kept))
        print(f"{tools} tools, {comparisons} comparisons; the page has {len(answer.content)} bytes")
        load(address + page, seconds=2)
        ours = load(address + page, seconds=seconds)
        paced = load(address + page, seconds=seconds, connections=32, script=_paced())
        before = spent(group)
        walk = load(address, seconds=seconds, script=_urls(comparisons))
        a_page = (spent(group) - before) / (walk.rate * seconds)
    with serving(STATIC, database=whole) as (address, _):
        load(address + page, seconds=2)
        string = load(address + page, seconds=seconds)
        string_paced = load(address + page, seconds=seconds, connections=32, script=_paced())
    with serving(PRODUCT, database=whole) as (address, _):
        load(address + page, seconds=2)
        again = load(address + page, seconds=seconds)
    with serving(BARE, database=whole) as (address, _):
        load(address + page, seconds=1)
        unkept = load(address + page, seconds=seconds)
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
    print(f"  {'a page of the walk':30} {1000 * a_page:8.2f} ms of processor, both workers and the kernel's part")
    figures = {"requests/s": mean, "p99 ms": paced.p99, "ratio": mean / string.rate}
    for name, target in TARGETS.items():
        met = figures[name] <= target if name == "p99 ms" else figures[name] >= target
        print(f"  {name:12} {figures[name]:10.2f}   target {target:8}   {'met' if met else 'NOT MET'}")
    compare_sizes(tools=tools, comparisons=comparisons)


if __name__ == "__main__":
    main()
