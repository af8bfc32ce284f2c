"""What an operator sees of the sources."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from app import health, ingesting
from app.wiring import Product
from core.source import Cursor, Outcome, Reading, Source
from store import sources
from tests.app.making import sighting
from tests.conftest import NOW

LISTED = """
[[source]]
key = "shelf"
kind = "feed"
url = "https://feed.example/new"
schedule = "0 * * * *"

[[source]]
key = "off"
kind = "feed"
url = "https://off.example/"
schedule = "0 * * * *"
enabled = false
"""


def listing(product: Product) -> Product:
    product.settings.sources.write_text(LISTED, encoding="utf-8")
    ingesting.statuses(product)
    return product


def run(product: Product, hour: int, outcome: Outcome, entries: int, **more: object) -> None:
    at = NOW + timedelta(hours=hour)
    shown = tuple(sighting(f"Tool {number}", external_id=f"{hour}-{number}") for number in range(entries))
    reading = Reading(source="shelf", at=at, outcome=outcome, cursor=Cursor(), sightings=shown, **more)  # type: ignore[arg-type]
    ingesting.store(product, [reading])


def test_a_source_is_shown_with_all_that_an_operator_asks_for(product: Product) -> None:
    listing(product)
    run(product, 0, Outcome.OK, 3, budget_left=499)
    run(product, 1, Outcome.OK, 1, budget_left=498)
    run(product, 2, Outcome.NOT_MODIFIED, 0)
    run(product, 3, Outcome.FAILED, 0, error="It broke.", budget_left=12)
    shelf, off = health.source_health(product)
    assert (shelf.key, shelf.kind, shelf.url, shelf.state) == ("shelf", "feed", "https://feed.example/new", "failing")
    assert (shelf.last_success, shelf.last_non_empty) == (NOW + timedelta(hours=2), NOW + timedelta(hours=1))
    assert (shelf.entries_median, shelf.consecutive_failures, shelf.last_error) == (1, 1, "It broke.")
    assert shelf.waits_until is not None
    assert shelf.waits_until > NOW + timedelta(hours=3)
    assert (shelf.budget_left, shelf.runs) == (12, (0, 0, 1, 3))
    assert (off.state, off.runs, off.last_success, off.budget_left) == ("off", (), None, None)


def test_of_many_runs_the_last_sixty_are_shown(product: Product) -> None:
    listing(product)
    for hour in range(62):
        run(product, hour, Outcome.OK if hour else Outcome.EMPTY, hour % 2)
    assert health.source_health(product)[0].runs == tuple(hour % 2 for hour in range(61, 1, -1))


def test_the_number_of_statements_does_not_grow_with_the_sources(product: Product) -> None:
    def asked(count: int) -> int:
        one = '[[source]]\nkey = "k{0}"\nkind = "feed"\nurl = "https://k.example/{0}"\nschedule = "0 * * * *"\n'
        product.settings.sources.write_text("".join(one.format(number) for number in range(count)), encoding="utf-8")
        health.source_health(product)
        statements = []

        def note(_: object, __: object, statement: str, *___: object) -> None:
            statements.append(statement)

        sa.event.listen(product.database.engine, "before_cursor_execute", note)
        try:
            assert len(health.source_health(product)) == count
        finally:
            sa.event.remove(product.database.engine, "before_cursor_execute", note)
        return len(statements)

    assert asked(3) == asked(30)


def test_a_source_of_the_store_alone_is_not_shown(product: Product) -> None:
    listing(product)
    with product.database.write() as connection:
        sources.sync(connection, [Source(key="gone", kind="feed", url="https://g.example/", schedule="0 * * * *")])
    assert [each.key for each in health.source_health(product)] == ["shelf", "off"]
