"""How far an edition is."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import figures, scheduling
from core.errors import NotFound
from core.week import Week
from store import dispatches
from store.schema import delivery, subscriber
from tests.sending.stage import WEEK


def progress(stage):
    return figures.progress(stage.product, WEEK)


def test_before_between_and_after(stage):
    assert (progress(stage).recipients, progress(stage).done_at) == (0, None)
    begun = stage.clock()
    stage.provider.at = lambda point: stage.clock.move(seconds=60) if point == "before" else None
    stage.send(stopping=iter([False, True, True]).__next__)
    half = progress(stage)
    assert (half.recipients, half.handed_over, half.waiting, half.percent) == (10, 4, 6, 40.0)
    assert half.per_minute == pytest.approx(4)
    assert half.done_at == stage.clock() + timedelta(minutes=1.5)
    assert stage.clock() == begun + timedelta(minutes=1)
    stage.send()
    done = progress(stage)
    assert (done.handed_over, done.waiting, done.done_at, done.percent) == (10, 0, None, 100.0)


def test_who_was_refused_alone_or_left_meanwhile_is_not_counted_as_handed_over(stage):
    stage.send(stopping=iter([False, True, True]).__next__)
    with stage.product.database.write() as connection:
        waiting = connection.scalars(
            sa.select(delivery.c.subscriber).where(delivery.c.state == "in_batch").order_by(delivery.c.id)
        ).all()
        gone, odd = (sa.update(subscriber).where(subscriber.c.id == each) for each in waiting[:2])
        connection.execute(gone.values(state="unsubscribed"))
        # Stored before such addresses were refused at the door.
        connection.execute(odd.values(address="jörg@example.org", address_key="jörg@example.org"))
    status = stage.send()
    found = progress(stage)
    assert (found.handed_over, found.failed, found.suppressed, found.percent) == (8, 1, 1, 100.0)
    assert (status.sent, status.failed, status.suppressed) == (8, 1, 1)
    with stage.product.database.read() as connection:
        assert dispatches.find(connection, WEEK).handed_over == 8


def test_a_wave_to_come_says_when(stage):
    scheduling.schedule(stage.product, WEEK, send_at=None, percent_per_hour=30, actor="oz@example.org")
    begun = stage.clock()
    stage.send()
    found = progress(stage)
    assert found.next_at == begun + timedelta(hours=1)
    assert found.done_at is not None
    assert found.done_at >= begun + timedelta(hours=3)


def test_a_doubt_is_shown_with_what_is_known_of_it(stage):
    stage.misbehave("error-before:1", "cancel-refused", "log-away")
    stage.send()
    (doubt,) = progress(stage).doubts
    assert (doubt.recipients, doubt.answer[:3], doubt.control_sent_at) == (4, "500", None)
    assert doubt.callable_until is not None
    assert timedelta(minutes=19) < doubt.callable_until - doubt.since <= timedelta(minutes=21)
    assert progress(stage).uncertain == 4


def test_its_cost_does_not_grow_with_the_readers(stage):
    stage.send(stopping=iter([False, True, True]).__next__)
    said = []
    sa.event.listen(stage.product.database.engine, "before_cursor_execute", lambda *told: said.append(told[2]))
    progress(stage)
    assert len([each for each in said if each.startswith("SELECT")]) <= 9
    assert not any("FROM delivery" in each and "count" in each and "batch.id" not in each for each in said)


def test_an_edition_that_there_is_none_of_is_not_found(stage):
    with pytest.raises(NotFound):
        figures.progress(stage.product, Week(2020, 1))
