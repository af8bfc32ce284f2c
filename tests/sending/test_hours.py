"""Each reader at the same hour of their own day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from app import scheduling
from app.hours import by_time, next_time
from core.edition import EditionState
from core.errors import Refused, UsageError
from store.schema import batch, subscriber
from tests.digest.samples import steady
from tests.sending.stage import WEEK

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC")


@steady
@given(
    hour=st.integers(0, 23),
    zone=st.sampled_from(ZONES),
    after=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda each: each.replace(tzinfo=UTC)),  # noqa: DTZ001
)
def test_it_is_that_hour_there_and_no_day_is_lost(hour, zone, after):
    found = next_time(hour, zone, after=after)
    local = found.astimezone(ZoneInfo(zone))
    assert timedelta(0) <= found - after <= timedelta(hours=25)
    skipped = local.replace(hour=hour, minute=0).astimezone(UTC).astimezone(ZoneInfo(zone)).hour != hour
    assert (local.hour, local.minute) == (hour, 0) or skipped or local.hour == hour + 1


def test_an_hour_that_clocks_skip_is_the_next_one():
    assert next_time(2, "Europe/Berlin", after=datetime(2026, 3, 28, 12, tzinfo=UTC)) == datetime(
        2026, 3, 29, 1, tzinfo=UTC
    )


def test_zones_of_one_clock_go_together_and_none_has_the_house_s():
    after = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)
    found = by_time([None, "Europe/Paris", "Asia/Tokyo", "no/zone"], 8, otherwise="Europe/Berlin", after=after)
    assert found == [
        (datetime(2026, 11, 22, 7, tzinfo=UTC), [None, "Europe/Paris"]),
        (datetime(2026, 11, 22, 8, tzinfo=UTC), ["no/zone"]),
        (datetime(2026, 11, 22, 23, tzinfo=UTC), ["Asia/Tokyo"]),
    ]


def schedule(stage, **plan):
    chosen = {"send_at": None, "percent_per_hour": None, **plan}
    return scheduling.schedule(stage.product, WEEK, actor="oz@example.org", **chosen)


def test_every_reader_gets_it_at_that_hour_of_theirs(stage_on_both):
    stage = stage_on_both
    stage.clock.now = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
    stage.clock.now += timedelta(days=365 * 10)  # its edition was approved in real time: later than that
    move_window(stage)
    with stage.product.database.write() as connection:
        for at, zone in enumerate(("Asia/Tokyo", "Europe/Berlin", "Europe/Paris", "America/New_York"), start=1):
            where = subscriber.c.address == f"reader{at}@example.org"
            connection.execute(sa.update(subscriber).where(where).values(time_zone=zone))
    assert schedule(stage, local_hour=8).local_hour == 8
    sent = []
    for _ in range(30):
        done = stage.send()
        sent.append(done.sent)
        if done.state is EditionState.SENT:
            break
        stage.clock.move(hours=1)
    stage.clock.move(hours=1)
    stage.provider.account.advance()
    hours = {}
    for each in stage.provider.account.went_out():
        hours.setdefault(each.to, []).append(each.went_out)
    zones = dict(
        zip(
            ("reader1", "reader2", "reader3", "reader4"),
            ("Asia/Tokyo", "Europe/Berlin", "Europe/Paris", "America/New_York"),
            strict=True,
        )
    )
    assert len(hours) == 10
    for address, (at,) in hours.items():
        local = at.astimezone(ZoneInfo(zones.get(address.split("@")[0], "UTC")))
        assert local.hour == 8, (address, local)
    with stage.product.database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(batch)) >= 4


def move_window(stage):
    with stage.product.database.write() as connection:
        connection.execute(sa.text("UPDATE edition SET approved_at = :now"), {"now": stage.clock()})


def test_by_hour_and_by_percent_exclude_each_other_and_a_window_must_hold_a_day(stage):
    with pytest.raises(UsageError):
        schedule(stage, local_hour=8, percent_per_hour=20)
    with pytest.raises(UsageError):
        schedule(stage, local_hour=24)
    short = stage.product.settings.model_copy(update={"send_window_hours": 12})
    object.__setattr__(stage.product, "settings", short)
    with pytest.raises(Refused, match="everywhere"):
        schedule(stage, local_hour=8)
