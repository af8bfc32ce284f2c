"""What the operator decides: when, how fast, to whom again, and when it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from app import alarming, composing, rehearsing, scheduling, sending
from app.pace import Pace
from core.delivery import Capabilities, DeliveryState
from core.edition import EditionState
from core.errors import Conflict, Refused, UsageError
from store import deliveries, events
from store.schema import batch, edition
from tests.sending.stage import FROZEN, WEEK, mailed, readers, states


def schedule(stage, **plan):
    chosen = {"send_at": None, "percent_per_hour": None, **plan}
    return scheduling.schedule(stage.product, WEEK, actor="oz@example.org", **chosen)


# --- a set time


def test_nothing_goes_out_before_its_time(stage):
    schedule(stage, send_at=stage.clock() + timedelta(hours=3))
    assert sending.to_send(stage.product) == []
    with pytest.raises(Refused, match="is to go out at"):
        stage.send()
    stage.clock.move(hours=3)
    assert sending.to_send(stage.product) == [WEEK]
    assert stage.send().state is EditionState.SENT


@pytest.mark.parametrize(
    ("text", "zone", "instant"),
    [
        ("2026-11-27 09:00", "Europe/Berlin", datetime(2026, 11, 27, 8, tzinfo=UTC)),
        ("2026-07-27T09:00", "Europe/Berlin", datetime(2026, 7, 27, 7, tzinfo=UTC)),
        ("2026-11-27T09:00:00+05:30", "Europe/Berlin", datetime(2026, 11, 27, 3, 30, tzinfo=UTC)),
        ("2026-11-27T09:00:00Z", "America/New_York", datetime(2026, 11, 27, 9, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_in_its_zone(text, zone, instant):
    assert scheduling.read_time(text, zone) == instant


@pytest.mark.parametrize(
    ("text", "zone"), [("soon", "UTC"), ("2026-11-27 09:00", "Mars/Olympus"), ("2026-03-29 02:30", "Europe/Berlin")]
)
def test_a_time_that_is_none_is_refused(text, zone):
    with pytest.raises(UsageError):
        scheduling.read_time(text, zone)


def test_a_time_that_has_passed_and_a_share_that_is_none_are_refused(stage):
    with pytest.raises(Refused, match="has passed"):
        schedule(stage, send_at=stage.clock() - timedelta(minutes=1))
    with pytest.raises(UsageError):
        schedule(stage, percent_per_hour=0)


def test_once_sending_has_begun_its_time_stays(stage):
    stage.send()
    with pytest.raises(Refused):
        schedule(stage, send_at=stage.clock() + timedelta(hours=3))


# --- waves and rates


def test_waves_send_so_many_percent_an_hour(stage):
    schedule(stage, percent_per_hour=30)
    sent = [stage.send().sent]
    for _ in range(3):
        stage.clock.move(hours=1)
        sent.append(stage.send().sent)
    assert sent == [3, 6, 9, 10]


def test_a_rate_is_kept_over_workers_and_restarts(stage):
    limited = stage.product.settings.model_copy(update={"rate_per_minute": 4})
    object.__setattr__(stage.product, "settings", limited)
    begun = stage.clock()
    assert stage.send().state is EditionState.SENT
    # 10 mails at 4 a minute: the first four at once, then a minute for every four.
    assert timedelta(seconds=60) <= stage.clock() - begun <= timedelta(seconds=140)


def test_a_bucket_never_holds_more_than_a_minute_s_worth(stage):
    pace = Pace(name="x", per_minute=60, capabilities=Capabilities(largest_batch=1))
    start = stage.clock()
    with stage.product.database.write() as connection:
        pace.spend(connection, 30, now=start)
        for hours, tokens in ((0, 30.0), (5, 60.0)):
            assert pace._tokens(connection, now=start + timedelta(hours=hours)) == tokens
        pace.spend(connection, 100, now=start)
        may, due = pace.may_claim(connection, now=start)
    assert not may
    assert due > start


# --- the end


def test_an_edition_whose_window_has_passed_is_never_sent(stage):
    stage.clock.move(hours=97)
    assert sending.to_send(stage.product) == []
    with pytest.raises(Refused, match="window has passed"):
        stage.send()
    assert stage.provider.requests == []


def test_half_sent_it_pauses_when_its_window_passes(stage):
    stage.misbehave("slow-down:1")
    stage.send(stopping=iter([False, True, True]).__next__)
    stage.clock.move(hours=97)
    with pytest.raises(Refused, match="window has passed"):
        stage.send()
    assert sending.status(stage.product, WEEK).state is EditionState.PAUSED
    with pytest.raises(Refused, match="window has passed"):
        sending.resume(stage.product, WEEK, actor="oz@example.org")


def test_cancelled_nobody_who_waits_gets_it_and_what_the_provider_holds_is_called_off(stage, monkeypatch):
    monkeypatch.setattr("app.scheduling.opened_transport", lambda _: _Open(stage.transport))
    stage.send(stopping=iter([False, True, True]).__next__)
    assert states(stage.product.database) == {"accepted": 4, "in_batch": 6}
    done = scheduling.cancel(stage.product, WEEK, actor="oz@example.org")
    assert (done.state, done.suppressed, done.pending) == (EditionState.PAUSED, 10, 0)
    stage.clock.move(minutes=40)
    assert mailed(stage.provider) == []
    for again in (stage.send, lambda: sending.resume(stage.product, WEEK, actor="oz@example.org")):
        with pytest.raises(Refused, match="cancelled"):
            again()


class _Open:
    def __init__(self, transport):
        self.transport = transport

    def __enter__(self):
        return self.transport

    def __exit__(self, *_):
        return None


def test_a_draft_and_a_sent_edition_cannot_be_cancelled(stage):
    stage.send()
    with pytest.raises(Refused):
        scheduling.cancel(stage.product, WEEK, actor="oz@example.org")


# --- again


def test_retry_takes_the_failed_and_nobody_else(stage, monkeypatch):
    monkeypatch.setattr("app.scheduling.opened_transport", lambda _: _Open(stage.transport))
    stage.misbehave("bad-recipient:1")
    assert stage.send().failed == 1
    with pytest.raises(UsageError):
        scheduling.retry(stage.product, WEEK, only=["everybody"], actor="oz@example.org")
    assert scheduling.retry(stage.product, WEEK, only=["unsent"], actor="oz@example.org").pending == 0
    stage.misbehave()
    done = scheduling.retry(stage.product, WEEK, only=["failed", "unsent"], actor="oz@example.org")
    assert (done.state, done.pending) == (EditionState.SENDING, 1)
    assert stage.send().state is EditionState.SENT
    stage.clock.move(minutes=40)
    assert sorted(mailed(stage.provider)) == sorted(readers(10))


def test_who_left_meanwhile_is_not_retried(stage, monkeypatch):
    monkeypatch.setattr("app.scheduling.opened_transport", lambda _: _Open(stage.transport))
    stage.misbehave("bad-recipient")
    failed = stage.send()
    assert failed.failed == 10
    with stage.product.database.write() as connection:
        connection.execute(sa.text("UPDATE subscriber SET state = 'unsubscribed'"))
    stage.misbehave()
    scheduling.retry(stage.product, WEEK, only=["failed"], actor="oz@example.org")
    assert stage.send().suppressed == 10
    assert stage.provider.account.messages == []


def test_an_approved_edition_that_nobody_sends_is_an_alarm_until_it_is_cancelled(stage):
    def heard() -> list[str]:
        found = alarming.standing(stage.product)
        return [each.title for each in found if each.key == f"unsent:{WEEK}"]

    assert heard() == []
    stage.clock.move(hours=7)
    assert heard() == [f"Edition {WEEK} is due and nobody sends it"]
    stage.clock.move(hours=stage.product.settings.send_window_hours)
    assert heard() == [f"Edition {WEEK} was not sent"]
    scheduling.cancel(stage.product, WEEK, actor="oz@example.org")
    assert heard() == []


# --- reading, testing, workers


def test_every_row_s_last_word_can_be_read(stage):
    stage.misbehave("bad-recipient:1")
    stage.send()
    stage.clock.move(minutes=31)
    stage.report()
    with stage.product.database.read() as connection:
        every = events.last_words(connection, WEEK, state=None, limit=100)
        refused = events.last_words(connection, WEEK, state=DeliveryState.REFUSED, limit=100)
    assert len(every) == 10
    assert {each.event for each in every} == {"delivered", None}
    assert [each.word for each in refused] == ["does not contain a valid address"]


def test_a_test_send_goes_to_one_address_at_once_and_touches_no_row(stage, monkeypatch):
    monkeypatch.setattr("app.rehearsing.opened_transport", lambda _: _Open(stage.transport))
    monkeypatch.setattr(composing, "preview", lambda *_: FROZEN)
    subject = rehearsing.send_test(stage.product, WEEK, "edith@verdicts.example", actor="oz@example.org")
    assert subject.startswith("[Test] ")
    (gone,) = stage.provider.account.went_out()
    assert (gone.to, gone.subject) == ("edith@verdicts.example", subject)
    assert "{{" not in gone.text
    assert states(stage.product.database) == {}


def test_an_edition_is_cut_into_ranges_that_any_worker_can_take(stage):
    sending.start(stage.product, WEEK, stage.transport, actor="test")
    with stage.product.database.read() as connection:
        ranges = deliveries.ranges(connection, WEEK, recipients=8)
        last = connection.scalar(sa.select(sa.func.max(batch.c.id)))
    assert len(ranges) == 2
    assert stage.send(ids=ranges[1]).sent == 2
    assert ranges[1][1] == last
    assert stage.send(ids=ranges[0]).state is EditionState.SENT


def test_told_to_stop_a_worker_leaves_no_lease_behind(stage):
    stage.send(stopping=iter([False, True, True]).__next__)
    with stage.product.database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).where(batch.c.owner.is_not(None))) == 0


def test_a_worker_that_fails_between_claim_and_attempt_gives_its_claim_back(stage):
    stage.transport.open_attempt = lambda now: 1 / 0
    with pytest.raises(ZeroDivisionError):
        stage.send()
    with stage.product.database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).where(batch.c.owner.is_not(None))) == 0


def test_the_commit_after_the_answer_is_insisted_on(stage, monkeypatch):
    real, tries = deliveries.settle, []

    def locked(*arguments, **more):
        tries.append(1)
        if len(tries) <= 3:
            raise Conflict("The database was busy.")
        return real(*arguments, **more)

    monkeypatch.setattr(deliveries, "settle", locked)
    assert stage.send().state is EditionState.SENT
    assert len([each for each in stage.provider.requests if each.path == "/v3/mail/send"]) == 3


def test_a_content_that_no_longer_matches_is_refused_before_any_request(stage):
    with stage.product.database.write() as connection:
        connection.execute(sa.update(edition).values(html="<p>other</p>"))
    with pytest.raises(Refused, match="not what was approved"):
        stage.send()
    assert stage.provider.requests == []
    with stage.product.database.write() as connection:
        connection.execute(sa.update(edition).values(html=FROZEN.html))
