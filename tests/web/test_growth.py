"""No page slows down with the number of tools: what the database does for each page is counted, not timed.

The world is the benchmark's (bench/pages.py), in two sizes, without the statistics of ANALYZE: no installation has to
run it. Its smaller size already fills every page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa
from starlette.types import ASGIApp

from app.lenses import load_standard_lenses
from app.wiring import Product
from bench.pages import PATHS, SMALL, ask, fill
from store.connect import Database
from tests.web.conftest import settings
from web.application import create_app

GROWN = {"tools": 4 * SMALL["tools"], "comparisons": 4 * SMALL["comparisons"]}
MORE = [
    "/categories/agents?after=2026-11-20T05:00:00Z~200",
    "/editions?below=80",
    "/corrections?before=300",
    "/search?q=tool+10",
    "/search?q=answers+style+7",
    "/api/tools?before=300",
    "/api/comparisons?before=300",
    "/api/editions?before=80",
]
EVERY = [*PATHS, *MORE]
# One line more per 500 tools, and no more work.
AN_INDEX = "/sitemap.xml"
MOST_OF_A_SEARCH = 60_000
MANY = {
    *("tool", "tool_slug", "comparison", "shelf", "exhibit", "said", "verdict_change", "search_word"),
    *("correction", "vote", "subscriber", "edition_comparison", "fact", "sighting", "verdict", "seat"),
}
"""Tables that grow with the tools and their readers."""


@dataclass
class World:
    """A site of one size, and what its database is asked and does."""

    app: ASGIApp
    statements: list[tuple[str, object]] = field(default_factory=list)
    steps: int = 0

    def step(self) -> int:
        """The database has done ten instructions more; 0 lets it go on."""
        self.steps += 10
        return 0

    def look(self, path: str) -> tuple[list[tuple[str, object]], int]:
        """Statements and instructions of one page, once everything that is kept between pages is there."""
        asyncio.run(ask(self.app, path))
        self.statements.clear()
        self.steps = 0
        asyncio.run(ask(self.app, path))
        return list(self.statements), self.steps


def grown(folder, name: str, size: dict[str, int]) -> Iterator[tuple[World, Database]]:
    database = Database(f"sqlite:///{folder / name}.db")
    product = Product(settings=settings(folder), database=database)
    fill(database, **size)
    load_standard_lenses(product)
    world = World(app=create_app(product))

    def note(_connection, _cursor, statement, parameters, *_rest) -> None:
        if statement.startswith(("SELECT", "WITH")):
            world.statements.append((statement, parameters))

    def watch(connection, *_rest) -> None:
        connection.set_progress_handler(world.step, 10)

    database.engine.dispose()
    sa.event.listen(database.engine, "connect", watch)
    sa.event.listen(database.engine, "before_cursor_execute", note)
    yield world, database
    database.close()


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    for world, _ in grown(tmp_path_factory.mktemp("small"), "small", SMALL):
        yield world


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    yield from grown(tmp_path_factory.mktemp("large"), "large", GROWN)


@pytest.mark.parametrize("path", EVERY)
def test_a_page_asks_as_much_of_the_database_with_four_times_the_tools(small, large, path):
    asked, steps = small.look(path)
    asked_again, steps_again = large[0].look(path)
    assert len(asked_again) == len(asked)
    # A search looks at so many comparisons at most, and the smaller world has fewer with the word.
    assert steps_again <= (MOST_OF_A_SEARCH if path.startswith("/search") else 1.2 * steps + 500)


@pytest.mark.parametrize("path", EVERY)
def test_no_page_reads_a_table_from_end_to_end(large, path):
    world, database = large
    asked, _ = world.look(path)
    assert asked
    with database.read() as connection:
        for statement, parameters in asked:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            scanned = [row.detail for row in plan if row.detail.startswith("SCAN ") and _table(row.detail) in MANY]
            sorts = any("TEMP B-TREE FOR ORDER BY" in row.detail for row in plan)
            # A walk in the table's or an index's own order is well where the statement says how far.
            assert not scanned or ("LIMIT" in statement and not sorts) or path == AN_INDEX, (statement, scanned)


def _table(line: str) -> str:
    return line.split()[1]
