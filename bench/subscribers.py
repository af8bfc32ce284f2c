"""Subscribers by the million: `python -m bench.subscribers [--rows N] [--database URL]`.

A list of N rows, one in 200 of which is refused, is tried (`--dry-run`) and imported; a list of N bad rows is refused; the
recipients of an edition are fixed; everybody is exported; growth is counted; and the preference and unsubscribe pages
are asked for with a thousand subscribers and with N. Each step is a process of its own: figures are its CPU seconds
(user and system), wall seconds, and the peak of its memory. The targets are of wall time, on a machine that does nothing
else. Without an address the database is a new SQLite file.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

FOLDER = Path("var/bench/subscribers")
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
BAD_EVERY = 200
FEW = 1000
ASKED = 200  # times each page is asked for
IMPORT_SECONDS, FIX_SECONDS, MEMORY_MB = 60, 30, 300


# ------------------------------------------------------------ lists


def write_lists(rows: int) -> None:
    """The two lists: people of many domains, and rows of which nothing can be taken."""
    chance = random.Random(7)  # the same list every time
    big = ("gmail.com", "outlook.com", "yahoo.com", "icloud.com", "web.de", "orange.fr")
    with (FOLDER / "list.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("email", "consent", "name", "categories", "confirmed_at"))
        for number in range(rows):
            domain = chance.choice(big) if number % 4 else f"company{number % 50_000}.example"
            consent = "" if number % BAD_EVERY == 0 else "I ticked the box below the form."
            wish = "coding;agents" if number % 3 == 0 else ""
            day = f"2026-{1 + number % 10:02}-{1 + number % 28:02}T08:00:00Z"
            writer.writerow((f"first.last{number}@{domain}", consent, f"Reader {number}", wish, day))
    with (FOLDER / "bad.csv").open("w", newline="", encoding="utf-8") as file:
        file.write("email,consent\n")
        file.writelines(f"nobody{number}@@example.com,Yes\n" for number in range(rows))


# ------------------------------------------------------------ steps, each in a process of its own


@contextmanager
def product(database: str) -> Iterator[Any]:
    """The product over the bench's database."""
    from app.settings import Settings  # noqa: PLC0415 - each step loads what it needs
    from app.wiring import open_product  # noqa: PLC0415

    settings = Settings(
        _env_file=None,
        var=FOLDER,
        database_url=database,
        secret_key="k" * 40,
        base_url="https://verdicts.example",
    )
    with open_product(settings, require_current=False) as opened:
        yield opened.at(NOW)


def make(opened: Any) -> dict[str, Any]:
    """The tables."""
    from store.migrate import upgrade  # noqa: PLC0415 - Alembic is slow to load

    return {"revision": upgrade(opened.database)}


def try_list(opened: Any) -> dict[str, Any]:
    """A dry run."""
    return _bring(opened, "list.csv", dry_run=True)


def bring_list(opened: Any) -> dict[str, Any]:
    """The import."""
    return _bring(opened, "list.csv")


def bring_bad(opened: Any) -> dict[str, Any]:
    """The list of which nothing can be taken."""
    return _bring(opened, "bad.csv")


def _bring(opened: Any, name: str, *, dry_run: bool = False) -> dict[str, Any]:
    from app import lists  # noqa: PLC0415

    done = lists.import_file(opened, FOLDER / name, actor="bench", dry_run=dry_run)
    return {"added": done.added, "known": done.known, "refused": done.refused_rows}


def fix(opened: Any) -> dict[str, Any]:
    """The recipients of an edition, with a tenth monthly readers, some paused, and a suppressed domain."""
    import sqlalchemy as sa  # noqa: PLC0415

    from core.week import Week  # noqa: PLC0415
    from store import deliveries, editions, subscribers  # noqa: PLC0415

    week = Week.of(NOW)
    with opened.database.write() as connection:
        connection.execute(sa.text("UPDATE subscriber SET rhythm = 'monthly' WHERE id % 10 = 0"))
        connection.execute(sa.text("UPDATE subscriber SET paused_until = '2027-01-01' WHERE id % 50 = 0"))
        subscribers.suppress_domain(connection, "web.de", note="bench", now=NOW)
        editions.keep_draft(connection, week, comparisons=(), subject="", preheader="", intro="", left_over=0, now=NOW)
    began = time.process_time(), time.perf_counter()
    with opened.database.write() as connection:
        fixed = deliveries.fix_recipients(connection, week, now=NOW)
    spent = time.process_time() - began[0], time.perf_counter() - began[1]
    return {"fixed": fixed, "fix_cpu": spent[0], "fix_wall": spent[1]}


def export(opened: Any) -> dict[str, Any]:
    """Everybody as CSV."""
    from app import lists  # noqa: PLC0415

    return {"exported": lists.export_file(opened, FOLDER / "export.csv", actor="bench")}


def grow(opened: Any) -> dict[str, Any]:
    """Half a year of growth."""
    from app.growth import growth  # noqa: PLC0415

    began = time.perf_counter()
    found = growth(opened)
    return {"active": found[-1].active, "growth_wall": time.perf_counter() - began}


def pages(opened: Any) -> dict[str, Any]:
    """CPU milliseconds, client and server, in the middle and at the 95th percentile of the pages behind a mail's links."""
    from starlette.testclient import TestClient  # noqa: PLC0415

    from app.sending import Links  # noqa: PLC0415
    from app.subscribing import listed  # noqa: PLC0415
    from web.application import create_app  # noqa: PLC0415

    links = Links(opened)
    people = listed(opened, limit=FEW)[-ASKED:]
    with TestClient(create_app(opened), base_url="https://verdicts.example") as client:
        found: dict[str, Any] = {}
        for name, link in {"preferences": links.preferences, "unsubscribe": links.unsubscribe}.items():
            paths = [link(each).removeprefix("https://verdicts.example") for each in people]
            found[f"GET {name}"] = _timed([partial(client.get, path) for path in paths])
            found[f"POST {name}"] = _timed([partial(client.post, path) for path in paths])
    return found


def _timed(calls: list[Callable[[], Any]]) -> list[float]:
    times: list[float] = []
    for call in calls:
        began = time.process_time()
        status = call().status_code
        times.append((time.process_time() - began) * 1000)
        assert status in (200, 429), status
    return [statistics.median(times), statistics.quantiles(times, n=20)[-1]]


STEPS = {each.__name__: each for each in (make, try_list, bring_list, bring_bad, fix, export, grow, pages)}


# ------------------------------------------------------------ all of it


def step(name: str, database: str) -> dict[str, Any]:
    """Run one step in a process of its own. Returns what it says, with its seconds and megabytes."""
    command = [sys.executable, "-m", "bench.subscribers", "--step", name, "--database", database]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout))


def _measured(name: str, database: str) -> dict[str, Any]:
    began = time.perf_counter()
    with product(database) as opened:
        told = STEPS[name](opened)
    spent = resource.getrusage(resource.RUSAGE_SELF)
    figures = {
        "cpu": spent.ru_utime + spent.ru_stime,
        "wall": time.perf_counter() - began,
        "mb": spent.ru_maxrss / 1024,
    }
    return told | figures


def main(rows: int = 1_000_000, database: str | None = None) -> None:
    """Every step, with the targets beside the figures."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    few = f"sqlite:///{FOLDER}/few.db"
    many = database or f"sqlite:///{FOLDER}/many.db"
    write_lists(FEW * 2)
    for name in ("make", "bring_list"):
        step(name, few)
    small = step("pages", few)
    write_lists(rows)
    step("make", many)
    missed: list[str] = []
    for name, most in {
        "try_list": IMPORT_SECONDS,
        "bring_list": IMPORT_SECONDS,
        "bring_bad": IMPORT_SECONDS,
        "grow": IMPORT_SECONDS,
        "fix": FIX_SECONDS,
        "export": IMPORT_SECONDS,
    }.items():
        told = step(name, many)
        print(_line(name, told))
        if told.get("fix_wall", told["wall"]) > most or told["mb"] > MEMORY_MB:
            missed.append(name)
    large = step("pages", many)
    print(f"{'page':18} {FEW * 2:>22,} {rows:>22,}  subscribers")
    for name in [each for each in small if " " in each]:
        pairs = [f"{each[name][0]:6.1f} ms, 95 %: {each[name][1]:5.1f}" for each in (small, large)]
        print(f"{name:18} {pairs[0]} {pairs[1]}")
    shutil.rmtree(FOLDER, ignore_errors=True)
    if missed:
        raise SystemExit(f"Above its target: {', '.join(missed)}.")


def _line(name: str, told: dict[str, Any]) -> str:
    facts = ", ".join(f"{key} {_number(value)}" for key, value in told.items() if key not in ("cpu", "wall", "mb"))
    return f"{name:12} {told['cpu']:6.1f} CPU s {told['wall']:6.1f} s {told['mb']:5.0f} MB  {facts}"


def _number(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    reader = argparse.ArgumentParser(prog="python -m bench.subscribers")
    reader.add_argument("--rows", type=int, default=1_000_000)
    reader.add_argument("--database")
    reader.add_argument("--step", choices=STEPS)
    given = reader.parse_args()
    if given.step:
        print(json.dumps(_measured(given.step, given.database)))
    else:
        main(given.rows, given.database)
