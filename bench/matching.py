"""Matching new sightings against a million known tools: `python -m bench.matching [TOOLS] [NEW]`.

The known tools are generated once into a SQLite database under var/bench: product names of which each is borne by four
tools, one in five of a family of models with twenty thousand sizes and copies, one in fifty of a name that two thousand
share. Of the new
sightings a third shares an identifier with a known tool, a third only the name (half of those the maker, too), and a
third is new. Measured is all that ingestion does to decide: what the store knows of a batch, and the decision. The
same is done for a quarter and a half of the new ones, to show how the time grows; the floor is the exact look-up of
the identifiers alone.
"""

from __future__ import annotations

import random
import resource
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import orjson
import sqlalchemy as sa

from bench._words import WORDS
from core.identifier import Identifier, Scheme
from core.intent import Ask, Merge, NewTool, SeenAgain
from core.names import keys_of
from core.sighting import Sighting, Thing
from core.text import slugify
from ingest.match import decide
from store import candidates, migrate, tools
from store.connect import HEAD, Database

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
FOLDER = Path("var/bench/matching")
BATCH = 1_500
ROWS = 20_000
_FAMILIES = ("Qwen3", "Llama", "Gemma", "Mistral", "Phi", "DeepSeek", "Granite", "Yi", "Olmo", "Falcon")
_SYLLABLES = [first + last for first in "bdfgklmnprst" for last in ("a", "e", "i", "o", "u")]
_COMMON = ("Atlas", "Echo", "Nova", "Orbit", "Pulse", "Scout", "Spark", "Muse", "Pilot", "Relay")


def coined(pick: random.Random) -> str:
    """One of 216,000 names."""
    return "".join(pick.choices(_SYLLABLES, k=3)).title()


def tool_sighting(number: int) -> Sighting:
    """The one sighting of a known tool; the same for the same number."""
    pick = random.Random(number)
    owner = f"maker{pick.randrange(200_000)}"
    if number % 5 == 0:
        name = f"{pick.choice(_FAMILIES)}-{pick.randrange(1, 400)}B-{pick.choice(('Instruct', 'Base', 'Chat'))}"
        identifiers = {Identifier(Scheme.HF, f"{owner}/{name}-{number}")}
    else:
        name = pick.choice(_COMMON) if number % 50 == 1 else coined(pick)
        identifiers = {Identifier(Scheme.URL, f"tool{number}.example"), Identifier(Scheme.GITHUB, f"{owner}/r{number}")}
    return Sighting(
        source="bench",
        external_id=str(number),
        url=f"https://tool{number}.example/",
        name=name,
        thing=Thing.MODEL if number % 5 == 0 else Thing.LAUNCH,
        summary=" ".join(pick.choices(WORDS, k=25)),
        author=owner,
        homepage=f"https://tool{number}.example/",
        identifiers=frozenset(identifiers),
    )


def new_sighting(number: int, known: int) -> Sighting:
    """One that nobody has seen: the same thing again, the same name, or something else."""
    pick = random.Random(-1 - number)
    base = tool_sighting(pick.randrange(known))
    kind = number % 6
    fresh = frozenset({Identifier(Scheme.URL, f"new{number}.example")})
    return Sighting(
        source="new",
        external_id=str(number),
        url=f"https://new{number}.example/",
        name=base.name if kind < 4 else f"{coined(pick)}{coined(pick)}",
        thing=Thing.LAUNCH,
        summary=" ".join(pick.choices(WORDS, k=25)),
        author=base.author if kind in (0, 2) else f"someone{number}",
        homepage=f"https://new{number}.example/",
        identifiers=fresh | base.identifiers if kind < 2 else fresh,
    )


# ------------------------------------------------------------ the known tools


def prepared(count: int) -> Database:
    """The database with so many tools, made when it is not there."""
    path = FOLDER / f"{count}-{HEAD}.db"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        database = Database(f"sqlite:///{unfinished}")
        migrate.upgrade(database)
        database.close()
        with closing(sqlite3.connect(unfinished)) as connection:
            fill(connection, count)
        unfinished.rename(path)
    return Database(f"sqlite:///{path}")


def fill(connection: sqlite3.Connection, count: int) -> None:
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute(
        "INSERT INTO source (key, kind, url, schedule, enabled, state, cursor) VALUES ('bench', 'feed', '', '', 1, 'on', '{}')"
    )
    stamp = connection.execute("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')").fetchone()[0]
    for first in range(0, count, ROWS):
        ones = [(number + 1, tool_sighting(number)) for number in range(first, min(count, first + ROWS))]
        connection.executemany(
            "INSERT INTO tool (id, slug, name, tagline, description, category, tags, edited, status, priority,"
            " priority_reasons, queue_reason, first_seen) VALUES (?, ?, ?, '', ?, 'agents', '[]', '[]', 'kept', 0, '[]', '', ?)",
            [(at, f"{slugify(one.name)}-{at}", one.name, one.summary, stamp) for at, one in ones],
        )
        connection.executemany(
            "INSERT INTO sighting (source, external_id, tool, first_tool, url, name, content, content_hash, first_seen,"
            " last_seen, name_key, family_key) VALUES ('bench', ?, ?, ?, ?, ?, ?, '2:0', ?, ?, ?, ?)",
            [
                (one.external_id, at, at, one.url, one.name, content(one), stamp, stamp, *keys_of(one.name))
                for at, one in ones
            ],
        )
        connection.executemany(
            "INSERT INTO identifier (scheme, value, tool) VALUES (?, ?, ?)",
            [(each.scheme.value, each.value, at) for at, one in ones for each in one.identifiers],
        )
    connection.commit()
    connection.execute("ANALYZE")
    connection.commit()


def content(one: Sighting) -> str:
    return orjson.dumps(tools._content(one)).decode()  # noqa: SLF001 - as it is stored


# ------------------------------------------------------------ measuring


def batches(new: int, known: int) -> Iterator[list[Sighting]]:
    ones = [new_sighting(number, known) for number in range(new)]
    return (ones[start : start + BATCH] for start in range(0, new, BATCH))


def measure(database: Database, new: int, known: int) -> tuple[float, float, float, dict[str, int]]:
    """Wall seconds of asking the store, of deciding and of the exact look-up alone, and what was decided."""
    asking = deciding = exact = 0.0
    counts: dict[str, int] = {}
    for batch in batches(new, known):
        with database.read() as connection:
            start = time.perf_counter()
            candidates.owners_of(connection, {each for one in batch for each in one.identifiers})  # the floor
            begun = time.perf_counter()
            found = tools.known(connection, batch)
            middle = time.perf_counter()
            intents = decide(batch, found, now=NOW)
            exact, asking, deciding = (
                exact + begun - start,
                asking + middle - begun,
                deciding + time.perf_counter() - middle,
            )
        for kind in (NewTool, SeenAgain, Merge, Ask):
            counts[kind.__name__] = counts.get(kind.__name__, 0) + sum(isinstance(one, kind) for one in intents)
    return asking, deciding, exact, counts


def main(arguments: Sequence[str]) -> None:
    known, new = (int(value) for value in (*arguments, *("1000000", "10000")[len(arguments) :]))
    start = time.perf_counter()
    database = prepared(known)
    with database.read() as connection:
        connection.execute(sa.text("SELECT count(*) FROM tool")).scalar()
    print(f"{known:,} known tools at hand after {time.perf_counter() - start:.1f} s (not counted)")
    for part in (new // 4, new // 2, new):
        begun = time.process_time()
        asking, deciding, exact, counts = measure(database, part, known)
        cpu = time.process_time() - begun
        total = asking + deciding
        print(
            f"{part:>7,} new  {total:6.2f} s (store {asking:.2f}, decision {deciding:.2f}; CPU of both and the floor"
            f" {cpu:.2f})  {1e6 * total / part:5.0f} µs each  {total / exact:4.1f} times the exact look-up  {counts}"
        )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    database.close()


if __name__ == "__main__":
    main(sys.argv[1:])
