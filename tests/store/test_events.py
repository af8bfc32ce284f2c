"""What a provider reports: kept once, whatever it is called when it comes again."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from core.delivery import EventKind
from store import events, schema
from store.events import Report
from tests.conftest import NOW


def _report(number: int) -> Report:
    return Report(
        provider_id=f"provider-{number}",
        key=f"key-{number}",
        kind=EventKind.DELIVERED,
        delivery=None,
        attempt=None,
        address="reader@example.com",
        reason="",
        url=None,
        machine=False,
        at=NOW,
        payload={"number": number},
    )


def _kept(connection: Connection) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(schema.event)).scalar_one()


def test_new_reports_are_counted_and_known_ones_are_not_kept_again(store: Connection) -> None:
    assert events.keep(store, [_report(1), _report(2)], now=NOW) == 2
    assert events.keep(store, [_report(1), _report(3)], now=NOW) == 1
    assert events.keep(store, [_report(3)], now=NOW) == 0
    assert _kept(store) == 3


def test_a_report_is_known_by_its_natural_key_under_a_new_id_and_by_its_id(store: Connection) -> None:
    events.keep(store, [_report(1)], now=NOW)
    assert events.keep(store, [replace(_report(1), provider_id="another")], now=NOW) == 0
    assert events.keep(store, [replace(_report(1), key="another")], now=NOW) == 0


def test_one_post_may_say_the_same_twice(store: Connection) -> None:
    assert events.keep(store, [_report(1), _report(1)], now=NOW) == 1


def test_a_post_of_a_thousand_is_kept_whole(store: Connection) -> None:
    assert events.keep(store, [_report(number) for number in range(1000)], now=NOW) == 1000


def test_a_mail_that_we_do_not_know_is_not_referred_to(store: Connection) -> None:
    assert events.keep(store, [replace(_report(1), delivery=10**12)], now=NOW) == 1
    assert [each.delivery for each in events.waiting(store, limit=10)] == [None]


def test_reports_wait_in_the_order_in_which_they_came_until_they_are_applied(store: Connection) -> None:
    events.keep(store, [_report(number) for number in range(5)], now=NOW)
    waiting = events.waiting(store, limit=3)
    assert [each.kind for each in waiting] == [EventKind.DELIVERED] * 3
    events.mark_applied(store, [each.id for each in waiting], now=NOW)
    rest = events.waiting(store, limit=10)
    assert len(rest) == 2
    assert min(each.id for each in rest) > max(each.id for each in waiting)
    assert events.waiting(store, limit=10, after=rest[0].id) == rest[1:]
    addresses = sa.select(schema.event.c.address).order_by(schema.event.c.id)
    assert list(store.execute(addresses).scalars()) == [None] * 3 + ["reader@example.com"] * 2
