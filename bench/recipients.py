"""The recipients of an edition with variants: `python -m bench.recipients [--readers N] [--database URL]`.

N readers of whom a third chose categories, in hundreds of different choices, and a tenth wants the best of a month; an
edition with 63 variants beside its own content, one of them that best-of. Measured is the transaction that starts it: one
delivery for each reader with its variant fixed, in batches of one variant each. It runs in a process of its own: figures are
its CPU seconds (user and
system; PostgreSQL's are its own), wall seconds, and the peak of its memory. The target is of wall time, on a machine that
does nothing else. Without an address the database is a new SQLite file.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core.category import CATEGORIES, taste
from core.edition import Frozen, Variant
from core.subscriber import Rhythm, SubscriberState
from core.week import Week
from digest.variants import LIMIT
from store import deliveries, editions, schema
from store.connect import Database
from store.migrate import upgrade

FOLDER = Path("var/bench/recipients")
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
WEEK = Week.of(NOW)
SLICE = 20_000
BATCH = 1_000
SECONDS, MEMORY_MB = 30, 300


def make(database: Database, readers: int) -> None:
    """Readers, and an approved edition."""
    upgrade(database)
    chance = random.Random(3)  # the same readers every time
    choices = sorted({taste(chance.sample(sorted(CATEGORIES), chance.randint(1, 4))) for _ in range(600)} - {""})
    for first in range(0, readers, SLICE):
        with database.write() as connection:
            rows = [_reader(number, choices, chance) for number in range(first, min(readers, first + SLICE))]
            connection.execute(sa.insert(schema.subscriber), rows)
    with database.write() as connection:
        _edition(connection, choices)


def _reader(number: int, choices: list[str], chance: random.Random) -> dict[str, Any]:
    wish = chance.choice(choices) if number % 3 == 0 else ""
    address = f"reader{number}@company{number % 50_000}.example"
    return {
        "address": address,
        "address_key": address,
        "name": "",
        "state": SubscriberState.ACTIVE.value,
        "categories": wish.split(",") if wish else [],
        "taste": wish,
        "rhythm": (Rhythm.MONTHLY if number % 10 == 1 else Rhythm.WEEKLY).value,
        "created_at": NOW,
        "confirmed_at": NOW,
    }


def _edition(connection: Any, choices: list[str]) -> None:
    person = {"email": "e@desk.example", "email_key": "e@desk.example", "name": "", "machine": False, "active": True}
    editor = connection.execute(
        sa.insert(schema.person).values(**person, invited_at=NOW).returning(schema.person.c.id)
    ).scalar_one()
    found = editions.keep_draft(
        connection, WEEK, comparisons=(), now=NOW, subject="s", preheader="p", intro="", left_over=0
    )
    # A fifth of the choices gets the edition's own content: what they pick is too rare, or not there.
    variants = [
        Variant(
            number=number,
            places=(),
            tastes=tuple(choices[at] for at in range(number - 1, len(choices) * 4 // 5, LIMIT - 2)),
            frozen=Frozen(subject=f"s{number}", html="<p>", text="t", comparisons=()),
        )
        for number in range(1, LIMIT - 1)
    ]
    best = Frozen(subject="Best of October 2026", html="<p>", text="t", comparisons=("ada-vs-bea",))
    variants.append(Variant(number=LIMIT - 1, places=(), tastes=(), frozen=best, best_of=True))
    frozen = Frozen(subject="s", html="<p>", text="t", comparisons=())
    editions.approve(connection, found, frozen=frozen, variants=variants, by=editor, now=NOW)


def fix(database: Database) -> dict[str, Any]:
    """The whole step, with what it costs."""
    began = time.process_time(), time.perf_counter()
    with database.write() as connection:
        recipients = deliveries.fix_in_batches(connection, WEEK, size=BATCH, now=NOW)
    ended = time.process_time(), time.perf_counter()
    with database.read() as connection:
        variants = connection.scalar(sa.select(sa.func.count(sa.distinct(schema.delivery.c.variant))))
        batches = connection.scalar(sa.select(sa.func.count()).select_from(schema.batch))
    return {
        "recipients": recipients,
        "batches": batches,
        "variants": variants,
        "cpu": ended[0] - began[0],
        "wall": ended[1] - began[1],
        "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main(readers: int, address: str | None) -> None:
    """The step at this size, with the targets beside the figures."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    address = address or f"sqlite:///{FOLDER}/readers.db"
    _step("make", address, readers)
    told = _step("fix", address, readers)
    shutil.rmtree(FOLDER, ignore_errors=True)
    print(f"{told['recipients']:,} recipients, {told['variants']} variants, {told['batches']:,} batches")
    print(
        f"{told['cpu']:.1f} CPU s, {told['wall']:.1f} s (at most {SECONDS}), peak {told['mb']:.0f} MB (at most {MEMORY_MB})"
    )
    if told["wall"] > SECONDS or told["mb"] > MEMORY_MB:
        raise SystemExit("Above its target.")


def _step(name: str, address: str, readers: int) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "bench.recipients",
        "--step",
        name,
        "--database",
        address,
        "--readers",
        str(readers),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout or "{}"))


if __name__ == "__main__":
    reader = argparse.ArgumentParser(prog="python -m bench.recipients")
    reader.add_argument("--readers", type=int, default=1_000_000)
    reader.add_argument("--database")
    reader.add_argument("--step", choices=("make", "fix"))
    given = reader.parse_args()
    if given.step is None:
        main(given.readers, given.database)
    else:
        opened = Database(given.database)
        if given.step == "make":
            make(opened, given.readers)
        else:
            print(json.dumps(fix(opened)))
        opened.close()
