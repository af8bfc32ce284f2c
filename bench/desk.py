"""The desk at full size: `python -m bench.desk [--tools N] [--tries N] [--keep]`.

A SQLite database with 100,000 tools, 1,000,000 sightings and 500,000 verdicts (and the drafts, duplicates, comparisons,
editions, fetches and log entries that go with them), and one person with every role. Every page of the desk is asked
for again and again at the server, without a network; the time is the whole answer's, from the request to its last byte.
A route with a part in its address is asked for with one that exists (`SHOWN`); the benchmark fails when a route has
none, so that no page stays unmeasured. Target: 50 ms at the 95th percentile.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import sys
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from pydantic import TypeAdapter
from starlette.types import ASGIApp

from bench.pages import answered, view
from core.category import CATEGORIES
from core.comparison import ComparisonView
from core.panel import Role
from core.week import Week
from store import intake, schema
from store.connect import Database
from store.migrate import upgrade

FOLDER = Path("var/bench/desk")
TARGET = 50
_OK = 200
_NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
_KEYS = tuple(CATEGORIES)
_LENSES = ("builder", "skeptic", "futurist", "founder", "creator")
_QUOTE = "It does one thing and says where it ends; the second run gave the same answer as the first, on a laptop. " * 3
_VIEW = TypeAdapter(ComparisonView)
_SLICE = 5_000
_QUEUED_EVERY = 20
"""One tool in so many waits for its panel."""
_SMALLEST = 32_000
_SIGHTINGS = 10
_SOURCES = 17
_PEOPLE = 50
WEEK = "2026-W48"

_HELD = 60
"""A tool that waits, whose futurist's seat the visitor holds."""

SHOWN: dict[str, str] = {
    "/desk/seats/{seat}": f"/desk/seats/{5 * (_HELD - 1) + 3}",
    "/desk/panels/{slug}": "/desk/panels/tool-1",
    "/desk/duplicates/{question}": "/desk/duplicates/1",
    "/desk/editions/{week}": f"/desk/editions/{WEEK}",
    "/desk/editions/{week}/html": f"/desk/editions/{WEEK}/html",
    "/desk/editions/{week}/text": f"/desk/editions/{WEEK}/text",
    "/desk/comparisons/{slug}": "/desk/comparisons/tool-6-vs-tool-7",
    "/desk/comparisons/{slug}/page": "/desk/comparisons/tool-6-vs-tool-7/page",
    "/desk/comparisons/{slug}/mail": "/desk/comparisons/tool-6-vs-tool-7/mail",
    "/desk/tools/{slug}": "/desk/tools/tool-1",
    "/desk/suggest/tools": "/desk/suggest/tools?q=tool-99",
    "/desk/sources/{source}": "/desk/sources/source-1",
    "/desk/sending/{week}": "/desk/sending/2025-W40",
    "/desk/sending/{week}/figures": "/desk/sending/2025-W40/figures",
    "/desk/sending/{week}/mails": "/desk/sending/2025-W40/mails",
    "/desk/subscribers/{reader}": "/desk/subscribers/1",
    "/desk/people/{person}": "/desk/people/2",
    "/desk/lenses/{lens}": "/desk/lenses/builder",
}
"""What stands for an address with a part, or without what it searches for."""
MORE = (
    "/desk/queue?lens=builder&state=free",
    "/desk/queue?category=agents",
    "/desk/queue?source=source-1&category=agents",
    "/desk/panels?show=closed",
    "/desk/panels?show=unread",
    "/desk/panels?show=deserted",
    "/desk/comparisons?state=approved",
    "/desk/corrections?state=accepted",
    "/desk/comparisons?state=stale",
    "/desk/tools?status=queued",
    "/desk/tools?source=source-1&category=agents",
    "/desk/tools?q=tool+9",
    "/desk/tools?q=nothing",
    "/desk/suggest/tools?q=nothing",
    "/desk/log?actor=p3@x.example",
    "/desk/log?action=verdict.submit",
)
"""The same pages as they are filtered."""


def fill(database: Database, *, tools: int) -> None:
    """Write everything in large strokes."""
    upgrade(database)
    with database.write() as connection:
        if connection.scalar(sa.select(sa.func.count()).select_from(schema.tool)):
            return
        _people(connection)
        for start in range(1, tools + 1, _SLICE):
            _tools(connection, range(start, min(start + _SLICE, tools + 1)))
        for start in range(1, tools // 5 + 1, 1000):
            _comparisons(connection, range(start, min(start + 1000, tools // 5 + 1)))
        _surroundings(connection, tools)


def _people(connection: sa.Connection) -> None:
    tables: dict[sa.Table, list[dict[str, object]]] = {
        schema.lens: [
            {
                "key": key,
                "name": key.title(),
                "motto": "m",
                "asks": "a",
                "excites": "e",
                "tires": "t",
                "position": n,
                "active": True,
            }
            for n, key in enumerate(_LENSES, start=1)
        ],
        schema.person: [
            {
                "id": n,
                "email": f"p{n}@x.example",
                "email_key": f"p{n}@x.example",
                "name": f"Person {n}",
                "machine": False,
                "active": True,
                "invited_at": _NOW,
            }
            for n in range(1, _PEOPLE + 1)
        ],
        schema.person_role: [{"person": n, "role": role} for n in range(1, _PEOPLE + 1) for role in Role],
        schema.person_lens: [
            {"person": n, "lens": _LENSES[(n + more) % 5]}
            for n in range(1, _PEOPLE + 1)
            for more in range(1 if n > 1 else 3)
        ],
        intake.source: [
            {
                "key": f"source-{n}",
                "kind": "feed",
                "url": f"https://s{n}.example/",
                "schedule": "0 * * * *",
                "enabled": True,
                "state": "on",
                "cursor": {},
            }
            for n in range(_SOURCES)
        ],
        intake.fetch: [
            {
                "source": f"source-{n}",
                "at": _NOW - timedelta(hours=hour),
                "outcome": "ok",
                "http_status": 200,
                "bytes": 9000,
                "entries": 30,
                "new": 2,
                "changed": 1,
                "new_tools": 2,
                "merged": 0,
                "bad": 0,
                "left_out": {},
                "seconds": 0.2,
            }
            for n in range(_SOURCES)
            for hour in range(2_000)
        ],
    }
    for table, rows in tables.items():
        connection.execute(sa.insert(table), rows)


def _waits(number: int) -> bool:
    return number % _QUEUED_EVERY == 0


def _tools(connection: sa.Connection, numbers: range) -> None:
    seats = [(number, lens, 5 * (number - 1) + lens + 1) for number in numbers for lens in range(5)]
    # A closed panel has a verdict in each seat; one that waits has one or two.
    judged = [(n, lens, seat) for n, lens, seat in seats if not _waits(n) or (lens < n // _QUEUED_EVERY % 3)]
    tables: dict[sa.Table, list[dict[str, object]]] = {
        schema.tool: [_tool(number) for number in numbers],
        schema.tool_slug: [{"slug": f"tool-{n}", "tool": n} for n in numbers],
        schema.sighting: [_sighting(n, m) for n in numbers for m in range(_SIGHTINGS)],
        schema.signal: [
            {"sighting": _SIGHTINGS * (n - 1) + 1, "name": "points", "value": float(n % 500), "observed_at": _NOW}
            for n in numbers
        ],
        schema.identifier: [{"scheme": "url", "value": f"tool{n}.example", "tool": n} for n in numbers],
        schema.fact: [
            {
                "tool": n,
                "field": field,
                "value": f"{n % 97}",
                "source_url": f"https://tool{n}.example/",
                "observed_at": _NOW,
            }
            for n in numbers
            for field in ("licence", "parameters")
        ],
        schema.pricing: [
            {
                "tool": n,
                "model": "free",
                "flags": [],
                "source_url": f"https://tool{n}.example/",
                "quote": "Free.",
                "rule": "r",
                "confidence": "A",
                "observed_at": _NOW,
            }
            for n in numbers
        ],
        schema.seat: [_seat(n, lens, seat) for n, lens, seat in seats],
        schema.verdict: [_verdict(n, lens, seat) for n, lens, seat in judged],
        schema.audit: [
            {
                "at": _NOW - timedelta(seconds=n),
                "actor": f"p{n % _PEOPLE + 1}@x.example",
                "action": "verdict.submit",
                "subject": f"tool:tool-{n}",
                "after": {"seat": seat},
            }
            for n, _, seat in judged
        ],
    }
    for table, rows in tables.items():
        if rows:
            connection.execute(sa.insert(table), rows)


def _tool(number: int) -> dict[str, object]:
    return {
        "id": number,
        "slug": f"tool-{number}",
        "name": f"Tool {number}",
        "tagline": f"Reads {_KEYS[number % 13]}",
        "description": "Reads images, documents and short films and answers in text. " * 6,
        "category": _KEYS[number % 13],
        "tags": ["vision"],
        "edited": [],
        "status": _status(number),
        "priority": float(number % 100),
        "priority_reasons": [["many points", 3.0]],
        "queue_reason": "new",
        "first_seen": _NOW - timedelta(minutes=number),
        "panel_closed_at": None if _waits(number) else _NOW - timedelta(minutes=number),
    }


def _status(number: int) -> str:
    if not _waits(number):
        return "reviewed"
    return "in_review" if number // _QUEUED_EVERY % 3 else "queued"


def _sighting(number: int, more: int) -> dict[str, object]:
    return {
        "id": _SIGHTINGS * (number - 1) + more + 1,
        "source": f"source-{(number + more) % _SOURCES}",
        "external_id": f"{number}-{more}",
        "tool": number,
        "first_tool": number,
        "url": f"https://s.example/{number}/{more}",
        "name": f"Tool {number}",
        "content": {
            "source": f"source-{(number + more) % _SOURCES}",
            "external_id": f"{number}-{more}",
            "url": f"https://s.example/{number}/{more}",
            "name": f"Tool {number}",
            "thing": "launch",
        },
        "content_hash": "x",
        "first_seen": _NOW,
        "last_seen": _NOW,
        "name_key": f"tool{number}",
        "family_key": f"tool{number}",
    }


def _seat(number: int, lens: int, seat: int) -> dict[str, object]:
    waits = _waits(number)
    done = not waits or lens < number // _QUEUED_EVERY % 3
    holder = 2 + (lens + 5 * (number % 9)) if done else None
    return {
        "id": seat,
        "tool": number,
        "lens": _LENSES[lens],
        "state": "submitted" if done else "open",
        "holder": holder,
        "fence": 1,
        "begun_at": _NOW if done else None,
        "panel_submitted": number // _QUEUED_EVERY % 3 if waits else 5,
        "priority": float(number % 100),
        "waiting": waits,
        "due_at": _NOW + timedelta(hours=number % 300 - 50) if waits else None,
    }


def _verdict(number: int, lens: int, seat: int) -> dict[str, object]:
    return {
        "seat": seat,
        "version": 1,
        # The first person has judged a great deal, too.
        "person": 1 if seat % 50 == 0 else 2 + (lens + 5 * (number % 9)),
        "state": "submitted",
        "decision": "ship" if (number + lens) % 3 else "skip",
        "quote": _QUOTE,
        "basis": "docs",
        "disclosure": "",
        "machine": False,
        "reason": "",
        "opened_at": _NOW - timedelta(minutes=number + 9),
        "submitted_at": _NOW - timedelta(minutes=number),
    }


def _comparisons(connection: sa.Connection, numbers: range) -> None:
    # A row of its own kind for each insert: a key that is None would be written as JSON's null.
    for kind in (True, False):
        rows = [_comparison(number) for number in numbers if _approved(number) is kind]
        connection.execute(sa.insert(schema.comparison), rows)


def _approved(number: int) -> bool:
    return number % 3 > 0


def _comparison(number: int) -> dict[str, object]:
    shown = view(number)
    made: dict[str, object] = {
        "id": number,
        "low": 2 * number,
        "high": 2 * number + 1,
        "slug": shown.slug,
        "state": "draft",
        "version": 1,
        "fingerprint": "x",
        "made_at": _NOW - timedelta(minutes=number),
        "score": 0.4,
        "reasons": [["same category", 0.3]],
    }
    if _approved(number):
        at = _NOW - timedelta(minutes=number)
        view_of_then = _VIEW.dump_python(shown, mode="json")
        made |= {
            "state": "approved",
            "approved_version": 1,
            "approved_by": 1,
            "approved_at": at,
            "approved_view": view_of_then,
        }
    return made


def _surroundings(connection: sa.Connection, tools: int) -> None:
    weeks = [Week(2020 + number // 52, number % 52 + 1) for number in range(300)]
    tables: dict[sa.Table, list[dict[str, object]]] = {
        schema.duplicate: [
            {"low": n, "high": n + 3, "score": 0.5 + n % 50 / 100, "reasons": [["same name", 0.5]], "asked_at": _NOW}
            for n in range(1, tools // 10, 4)
        ],
        schema.correction: [
            {"tool": n, "claim": "It is not free.", "state": "open", "note": "", "at": _NOW - timedelta(minutes=n)}
            for n in range(1, 3000)
        ],
        schema.edition: [
            {
                "week": str(week),
                "number": n,
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
                "approved_at": _NOW,
                "recipients_fixed_at": _NOW,
                "sent_at": _NOW,
            }
            for n, week in enumerate(weeks, start=1)
        ],
        schema.edition_comparison: [
            {
                "week": str(week),
                "position": place,
                "comparison": 3 * (5 * n + place) + 1,
                "comparison_version": 1,
                "slug": f"a{n}-{place}",
            }
            for n, week in enumerate(weeks)
            for place in range(5)
        ],
        schema.subscriber: [
            {
                "id": n,
                "address": f"r{n}@x.example",
                "address_key": f"r{n}@x.example",
                "name": "",
                "state": "active",
                "categories": [],
                "created_at": _NOW - timedelta(days=n % 400),
                "confirmed_at": _NOW - timedelta(days=n % 400),
            }
            for n in range(1, tools + 1)
        ],
        schema.vote: [
            {
                "comparison": pair,
                "subscriber": reader,
                "choice": 2 * pair,
                "at": _NOW - timedelta(minutes=reader),
                "state": "set_aside" if reader % 25 == 0 else "counted",
                "reason": "many from one network" if reader % 25 == 0 else "",
            }
            for pair in range(1, 41)
            for reader in range(1, min(tools, 2500) + 1)
        ],
        schema.draft: [
            {
                "seat": 5 * (_QUEUED_EVERY * n - 1) + 5,
                "person": 1,
                "quote": _QUOTE,
                "disclosure": "",
                "version": 1,
                "saved_at": _NOW,
            }
            for n in range(1, 200)
        ],
    }
    for table, rows in tables.items():
        connection.execute(sa.insert(table), rows)
    _draft_edition(connection)
    held = {"state": "leased", "holder": 1, "lease_until": _NOW + timedelta(hours=1), "begun_at": _NOW}
    seat = 5 * (_HELD - 1) + 3
    connection.execute(sa.update(schema.seat).where(schema.seat.c.id == seat).values(**held))


def _draft_edition(connection: sa.Connection) -> None:
    """The week's edition as an editor finds it: put together, not approved."""
    draft = {"week": WEEK, "number": 999, "state": "draft", "subject": "This week", "preheader": "", "intro": ""}
    connection.execute(sa.insert(schema.edition).values(**draft, left_over=0, version=1, assembled_at=_NOW))
    taken = [{"week": WEEK, "position": n, "comparison": 6_001 + 3 * n, "comparison_version": 1} for n in range(8)]
    connection.execute(sa.insert(schema.edition_comparison), taken)


# ------------------------------------------------------------ measuring


async def measure(app: ASGIApp, paths: list[str], cookie: str, sent: list[str], *, tries: int) -> list[str]:
    """Print a line for each page. Returns those that miss the target or fail."""
    missed = []
    print(f"  {'page':52s} {'p50 ms':>8s} {'p95 ms':>8s} {'cpu ms':>8s} {'SQL':>4s} {'KB':>6s}")
    for path in paths:
        took, cpu = [], []
        status, size = await answered(app, path, f"desk={cookie}")  # templates are compiled once
        for _ in range(tries):
            sent.clear()
            begun, burned = time.perf_counter(), time.process_time()
            status, size = await answered(app, path, f"desk={cookie}")
            took.append(1000 * (time.perf_counter() - begun))
            cpu.append(1000 * (time.process_time() - burned))
        took.sort()
        cpu.sort()
        middle, slow = took[tries // 2], took[int(tries * 0.95)]
        wrong = "" if status == _OK else f"  answered {status}"
        if wrong or slow > TARGET:
            missed.append(path)
        print(f"  {path:52s} {middle:8.1f} {slow:8.1f} {cpu[tries // 2]:8.1f} {len(sent):4d} {size / 1000:6.1f}{wrong}")
    return missed


def addresses(routes: list[str]) -> list[str]:
    """Every page of the desk with parts that exist. Raises SystemExit for a route nobody gave an example of."""
    unknown = [path for path in routes if "{" in path and path not in SHOWN]
    if unknown:
        sys.exit(f"No example of {', '.join(unknown)}: give one in bench/desk.py.")
    return [*(SHOWN.get(path, path) for path in routes), *MORE]


def _note(sent: list[str], _connection: object, _cursor: object, statement: str, *_rest: object) -> None:
    if not statement.startswith(("PRAGMA", "BEGIN")):
        sent.append(statement)


def main() -> None:
    """Fill, measure every page, and exit with 1 when one misses the target."""
    parser = argparse.ArgumentParser(prog="python -m bench.desk")
    parser.add_argument("--tools", type=int, default=100_000)
    parser.add_argument("--tries", type=int, default=40)
    parser.add_argument("--keep", action="store_true", help="use the database of the last run, and keep this one")
    asked = parser.parse_args()
    if asked.tools < _SMALLEST:
        sys.exit(f"Take {_SMALLEST} tools or more: the editions hold comparisons up to that.")
    from app import reviewing, signing_in  # noqa: PLC0415 - the names above serve other benchmarks, too
    from app.settings import Settings  # noqa: PLC0415
    from app.wiring import open_product  # noqa: PLC0415
    from web.application import create_app  # noqa: PLC0415
    from web.desk.room import DeskRoute  # noqa: PLC0415

    if not asked.keep:
        shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{FOLDER / f'{asked.tools}.db'}"
    settings = Settings(_env_file=None, var=FOLDER, database_url=url, secret_key=secrets.token_hex(20))
    begun = time.monotonic()
    database = Database(url)
    fill(database, tools=asked.tools)
    database.close()
    print(f"  filled in {time.monotonic() - begun:.0f} s")
    with open_product(settings) as opened:
        product = opened.at(_NOW)
        sent: list[str] = []
        sa.event.listen(product.database.engine, "before_cursor_execute", partial(_note, sent))
        link = reviewing.invite(product, "p1@x.example", roles=[], actor="bench").sign_in_url
        cookie = signing_in.sign_in(product, link.rsplit("/", 1)[1], agent="bench").secret
        app = create_app(product)
        routes = [
            each.path
            for each in app.routes
            if isinstance(each, DeskRoute) and each.roles and "GET" in (each.methods or ()) and each.path != "/desk"
        ]
        missed = asyncio.run(measure(app, addresses(routes), cookie, sent, tries=asked.tries))
    if not asked.keep:
        shutil.rmtree(FOLDER, ignore_errors=True)
    if missed:
        sys.exit(f"over {TARGET} ms, or no page: {', '.join(missed)}")


if __name__ == "__main__":
    main()
