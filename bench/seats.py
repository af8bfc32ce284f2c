"""Many reviewers clear one queue at once: nobody judges a seat twice, none is lost, none gets stuck.

    python -m bench.seats [PROCESSES] [SEATS] [DATABASE_URL]

Every process is a reviewer who looks through all lenses, claims and submits until nothing waits. Beside each sits a
colleague who claims now and then, stays away until the lease has run out, and submits late: the store has to take
that verdict when nobody else has the seat, and to refuse it when somebody has. Without an address the database is a
new SQLite file.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.errors import StaleFence
from core.fact import Pricing, PricingModel
from core.intent import Assessment, NewTool
from core.panel import Basis, Decision, Lease, Lens, Person, Role
from core.sighting import Sighting, Thing
from core.source import Source
from core.tool import Priority
from review.tally import tally
from store import people, reviews, sources, tools
from store.checks import violations
from store.connect import Database

LENSES = ("builder", "skeptic", "futurist", "founder")
AWAY_EVERY = 10  # claims
LEASE = timedelta(minutes=30)
SHORT_LEASE = timedelta(milliseconds=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """What became of a queue. `judged` counts accepted submits, `verdicts` what the database holds afterwards."""

    seats: int
    judged: int
    refused: int
    verdicts: int
    left: int
    seconds: float
    broken: int


def fill(url: str, *, reviewers: int, seats: int) -> int:
    """Put tools with this many seats in all into an empty database, and reviewers beside them. Returns how many seats."""
    from store import migrate  # noqa: PLC0415 - Alembic is slow to load, and every process loads this module

    database = Database(url)
    migrate.upgrade(database)
    now = datetime.now(UTC)
    with database.write() as connection:
        sources.sync(connection, [Source(key="shelf", kind="feed", url="https://shelf.example/", schedule="0 * * * *")])
        people.keep_lenses(
            connection,
            [
                Lens(key=key, name=key, motto="", asks="", excites="", tires="", position=at)
                for at, key in enumerate(LENSES)
            ],
        )
        for name in (f"{kind}{number}" for kind in ("here", "away") for number in range(reviewers)):
            people.invite(
                connection,
                email=f"{name}@example.com",
                name=name,
                roles=[Role.REVIEWER],
                lenses=LENSES,
                machine=False,
                now=now,
            )
        tools.add(connection, [_tool(number) for number in range(seats // len(LENSES))], now=now)
    database.close()
    return seats // len(LENSES) * len(LENSES)


def _tool(number: int) -> tuple[NewTool, Assessment]:
    name = f"Tool {number}"
    seen = Sighting(
        source="shelf", external_id=str(number), url="https://shelf.example/", name=name, thing=Thing.LAUNCH
    )
    said = Assessment(
        name=name,
        tagline="",
        description="",
        category="agents",
        tags=(),
        homepage=None,
        facts=(),
        pricing=Pricing(model=PricingModel.UNKNOWN),
        priority=Priority(score=float(number % 100), reasons=()),
        queue=True,
        queue_reason="",
    )
    return NewTool(sightings=(seen,)), said


class Reviewer:
    """One process' work, and its count of it."""

    def __init__(self, database: Database, number: int) -> None:
        self._database = database
        with database.read() as connection:
            self._here = people.find(connection, f"here{number}@example.com")
            self._away = people.find(connection, f"away{number}@example.com")
        self._held: Lease | None = None
        self.judged = self.refused = 0

    def clear(self) -> None:
        """Claim and submit until nothing waits for anybody."""
        claims = 0
        while True:
            lease = self._claim(self._here, LEASE)
            if lease is not None:
                claims += 1
                self._submit(self._here, lease)
                if claims % AWAY_EVERY == 0:
                    self._come_back()
                    self._held = self._claim(self._away, SHORT_LEASE)
            elif self._held is not None:
                self._come_back()
            elif self._waits():
                time.sleep(0.01)  # somebody holds the last ones
            else:
                return

    def _waits(self) -> bool:
        with self._database.read() as connection:
            return bool(reviews.queue(connection, limit=1, now=datetime.now(UTC)))

    def _come_back(self) -> None:
        """The colleague submits what was claimed long ago."""
        if self._held is not None:
            time.sleep(SHORT_LEASE.total_seconds())
            self._submit(self._away, self._held)
            self._held = None

    def _claim(self, person: Person, lasts: timedelta) -> Lease | None:
        now = datetime.now(UTC)
        with self._database.write() as connection:
            return reviews.claim(connection, person, lenses=LENSES, tool_id=None, now=now, until=now + lasts)

    def _submit(self, person: Person, lease: Lease) -> None:
        try:
            with self._database.write() as connection:
                now = datetime.now(UTC)
                at = reviews.submit(
                    connection,
                    person,
                    seat_id=lease.seat,
                    fence=lease.fence,
                    decision=Decision.SHIP,
                    quote="It did what it said.",
                    basis=Basis.DOCS,
                    disclosure="",
                    now=now,
                )
                result = tally(reviews.verdicts(connection, [at])[at], quorum=len(LENSES))
                reviews.settle_panel(connection, at, submitted=result.total, closed=result.closed, now=now)
        except StaleFence:
            self.refused += 1
        else:
            self.judged += 1


def _work(url: str, number: int) -> tuple[int, int]:
    database = Database(url)
    reviewer = Reviewer(database, number)
    reviewer.clear()
    database.close()
    return reviewer.judged, reviewer.refused


def clear(url: str, *, processes: int, seats: int) -> Cleared:
    """Fill an empty database and let this many processes clear it."""
    there = fill(url, reviewers=processes, seats=seats)
    # Each process is its own, but the imports are done once for all of them.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["review.tally", "store.checks", "store.connect", "store.people", "store.tools"])
    with context.Pool(processes) as pool:
        pool.map(abs, range(processes), chunksize=1)  # every process is up
        began = time.perf_counter()
        done = pool.starmap(_work, [(url, number) for number in range(processes)], chunksize=1)
        seconds = time.perf_counter() - began
    database = Database(url)
    with database.read() as connection:
        ids = [tool.id for tool in tools.listed(connection, limit=seats)]
        verdicts = sum(map(len, reviews.verdicts(connection, ids).values()))
        left = len(reviews.queue(connection, limit=seats, now=datetime.now(UTC)))
        broken = len(violations(connection))
    database.close()
    judged, refused = (sum(counts) for counts in zip(*done, strict=True))
    return Cleared(
        seats=there, judged=judged, refused=refused, verdicts=verdicts, left=left, seconds=seconds, broken=broken
    )


def main(processes: int, seats: int, url: str | None) -> None:
    """Clear a queue and say how it went."""
    with tempfile.TemporaryDirectory() as folder:
        done = clear(url or f"sqlite:///{folder}/seats.db", processes=processes, seats=seats)
    print(f"{done.seats} seats, {processes} processes: {done.judged} judged, {done.refused} late submits refused,")
    print(f"{done.verdicts} verdicts, {done.left} left, {done.broken} rules broken, {done.seconds:.1f} s")
    assert done.judged == done.verdicts == done.seats
    assert done.left == done.broken == 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("processes", type=int, nargs="?", default=10)
    parser.add_argument("seats", type=int, nargs="?", default=3000)
    parser.add_argument("url", nargs="?", help="of an empty database; without it SQLite in a temporary folder")
    options = parser.parse_args()
    main(options.processes, options.seats, options.url)
