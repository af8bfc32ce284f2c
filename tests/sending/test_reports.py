"""What the provider reports: kept once, applied in order of rank, whatever shape it comes in."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import figures, reconciling, subscribing, webhooks
from core.errors import ParseError, Refused, SettingsError
from digest.clicks import Click, human
from digest.events import parse_events
from digest.transports import open_transport, record_of
from store import subscribers
from store.schema import event, unreadable
from tests.conftest import NOW
from tests.sending.conftest import make_stage
from tests.sending.stage import WEEK, add_readers, states


def state_of(stage, address):
    with stage.product.database.read() as connection:
        return subscribers.find(connection, address).state


def suppressed(stage, address):
    with stage.product.database.read() as connection:
        return subscribers.suppressed(connection, address)


def count(stage, table):
    with stage.product.database.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table))


def sent(stage, *addresses):
    add_readers_only(stage, addresses)
    stage.send()
    stage.clock.move(minutes=31)
    return stage


def add_readers_only(stage, addresses):
    with stage.product.database.write() as connection:
        for table in ("consent", "subscriber"):
            connection.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608 - a literal
    add_readers(stage.product.database, addresses, now=stage.clock())


FATES = {
    "bounce1@example.org": ("bounced", "bounced", "bounced"),
    "blocked1@example.org": ("bounced", "active", None),
    "deferred1@example.org": ("delivered", "active", None),
    "dropped1@example.org": ("refused", "bounced", "bounced"),
    "spam1@example.org": ("complained", "complained", "complained"),
    "unsubscribe1@example.org": ("delivered", "unsubscribed", None),
    "reader1@example.org": ("delivered", "active", None),
}


@pytest.mark.parametrize(
    "fault",
    ["", "events-doubled", "events-renamed", "events-shuffled", "events-late", "events-gzipped", "events-foreign"],
)
def test_reports_change_the_delivery_and_the_reader_however_they_come(stage_on_both, fault):
    stage = sent(stage_on_both, *FATES)
    stage.misbehave(*([fault] if fault else []))
    stage.report()
    for address, (_, state, reason) in FATES.items():
        assert (address, state_of(stage, address)) == (address, state)
        assert suppressed(stage, address) == reason
    assert states(stage.product.database) == {"bounced": 2, "complained": 1, "delivered": 3, "refused": 1}
    assert stage.report().events == 0


@pytest.mark.parametrize(
    ("fault", "error"),
    [("events-badly-signed", Refused), ("events-oversized", ParseError), ("events-broken", ParseError)],
)
def test_a_post_that_is_not_the_provider_s_changes_nothing(stage, fault, error):
    sent(stage, *FATES)
    stage.misbehave(fault)
    with pytest.raises(error):
        stage.report()
    assert count(stage, event) == 0


def raw(stage, address, kind="delivered", **changes):
    stage.provider.account.advance()
    found = next(each for each in stage.provider.account.messages if each.to == address)
    return {**found.events[0], "event": kind, "sg_event_id": f"{kind}-{address}", **changes}


def keep(stage, *entries):
    return webhooks.keep(stage.product, parse_events(json.dumps(entries).encode()))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(["processed", "delivered", "bounce", "spamreport", "delivered", "click"]), data=st.data())
def test_order_and_repetition_do_not_matter(tmp_path_factory, sqlite_template, order, data):
    folder = tmp_path_factory.mktemp("order")
    (folder / "v.db").write_bytes(sqlite_template.read_bytes())
    stage = make_stage(folder, f"sqlite:///{folder / 'v.db'}", count=1)
    try:
        sent(stage, "reader1@example.org")
        for kind in order:
            keep(stage, raw(stage, "reader1@example.org", kind))
            if data.draw(st.booleans()):
                webhooks.apply_events(stage.product)
        webhooks.apply_events(stage.product)
        assert states(stage.product.database) == {"complained": 1}
        assert state_of(stage, "reader1@example.org") == "complained"
        assert stage.violations() == []
    finally:
        stage.transport.close()
        stage.provider.close()
        stage.product.database.close()


def test_a_bad_entry_is_kept_beside_its_neighbours(stage):
    sent(stage, "reader1@example.org")
    done = keep(stage, raw(stage, "reader1@example.org"), {"event": "sneezed", "email": "x@y.example"}, 7)
    assert (done.kept, done.unreadable) == (1, 2)
    with stage.product.database.read() as connection:
        kept = connection.execute(sa.select(unreadable)).all()
    assert kept[0].reason == "unknown event sneezed"
    assert "x@y.example" not in str(kept)


def test_no_address_is_kept_once_a_report_is_applied(stage):
    sent(stage, *FATES)
    stage.report()
    with stage.product.database.read() as connection:
        rows = connection.execute(sa.select(event.c.payload, event.c.address)).all()
    assert rows
    assert all(each.address is None and "example.org" not in json.dumps(each.payload) for each in rows)


def test_a_report_of_another_installation_changes_nobody_of_ours(stage):
    sent(stage, "reader1@example.org")
    mine = raw(stage, "reader1@example.org", "bounce")
    keep(stage, {**mine, "email": "stranger@elsewhere.example", "wv_attempt": "f" * 32})
    webhooks.apply_events(stage.product)
    assert states(stage.product.database) == {"accepted": 1}
    assert state_of(stage, "reader1@example.org") == "active"


def test_a_bounce_that_names_no_mail_stops_the_address(stage):
    sent(stage, "reader1@example.org")
    keep(stage, {"event": "bounce", "email": "Reader1@Example.org", "timestamp": int(stage.clock().timestamp())})
    webhooks.apply_events(stage.product)
    assert state_of(stage, "reader1@example.org") == "bounced"


def test_a_report_older_than_the_last_confirmation_says_nothing(stage):
    sent(stage, "reader1@example.org")
    old = int((stage.clock() - timedelta(days=60)).timestamp())
    keep(stage, {"event": "unsubscribe", "email": "reader1@example.org", "timestamp": old})
    webhooks.apply_events(stage.product)
    assert state_of(stage, "reader1@example.org") == "active"


def test_a_report_on_a_request_whose_answer_is_awaited_waits(stage):
    applied = []

    def during(point):
        if point == "answered" or applied:
            return
        if point == "after":
            body = stage.provider.account.messages[0]
            keep(
                stage,
                {**body.args, "event": "delivered", "email": body.to, "timestamp": int(stage.clock().timestamp())},
            )
            applied.append(webhooks.apply_events(stage.product).events)

    stage.provider.at = during
    stage.send()
    assert applied == [0]
    assert webhooks.apply_events(stage.product).events == 1
    assert states(stage.product.database) == {"accepted": 9, "delivered": 1}


def test_nobody_who_bounced_is_mailed_the_next_edition(stage):
    sent(stage, "bounce1@example.org", "reader1@example.org")
    stage.report()
    with stage.product.database.read() as connection:
        assert [each.address for each in subscribers.everybody(connection, state="active")] == ["reader1@example.org"]


# --- the post


def receive(stage, body, *, headers=None, **more):
    post = next(iter(stage.provider.reporter.posts([{"event": "x"}], now=stage.clock())))
    signed = stage.provider.reporter._signed(body, stage.clock())
    found = {**post.headers, **signed.headers, **(headers or {})}
    return webhooks.receive(
        stage.product,
        body,
        signature=found["X-Twilio-Email-Event-Webhook-Signature"],
        timestamp=found["X-Twilio-Email-Event-Webhook-Timestamp"],
        **more,
    )


def test_a_signature_over_the_compressed_bytes_counts_as_well(stage):
    assert receive(stage, gzip.compress(b"[]"), compressed=True).kept == 0


def test_a_small_body_that_unpacks_to_a_giant_is_refused_without_unpacking_it(stage):
    with pytest.raises(ParseError, match="more than"):
        receive(stage, gzip.compress(b" " * 200_000_000), compressed=True)


@pytest.mark.parametrize("body", [b"not gzip", gzip.compress(b"[]")[:-6]], ids=["other", "torn"])
def test_what_is_no_gzip_is_refused(stage, body):
    with pytest.raises(ParseError):
        receive(stage, body, compressed=True)


def test_without_a_key_nothing_is_taken(stage):
    closed = replace(stage.product, settings=stage.product.settings.model_copy(update={"sendgrid_webhook_key": None}))
    with pytest.raises(SettingsError, match="WEBHOOK_KEY"):
        webhooks.receive(closed, b"[]", signature="", timestamp="")


# --- the pull side


def test_what_nobody_reported_is_found_in_the_log_and_the_lists(stage, monkeypatch):
    sent(stage, *FATES)
    stage.provider.new_events()  # lost
    stage.clock.move(hours=2)
    monkeypatch.setattr("app.sending.open_transport", lambda *_, **__: stage.transport.inner)
    done = reconciling.reconcile(stage.product)
    assert done.problems == ()
    assert done.missing > 7
    for address, (_, state, _reason) in FATES.items():
        assert (address, state_of(stage, address)) == (address, state)
    assert reconciling.reconcile(stage.product).missing == 0


def test_a_list_that_cannot_be_read_keeps_nothing_else_from_being_done(stage, monkeypatch):
    sent(stage, *FATES)
    stage.clock.move(hours=2)
    stage.misbehave("lists-away")
    monkeypatch.setattr("app.sending.open_transport", lambda *_, **__: stage.transport.inner)
    done = reconciling.reconcile(stage.product)
    assert "could not be read" in done.problems[0]
    assert done.missing > 7


def test_a_transport_without_a_record_has_none(tmp_path):
    assert record_of(open_transport("outbox", outbox=tmp_path)) is None


# --- figures


def click(second, url, *, delivery=1, machine=False, delivered=None):
    arrived = None if delivered is None else NOW + timedelta(seconds=delivered)
    return Click(delivery=delivery, url=url, at=NOW + timedelta(seconds=second), machine=machine, delivered_at=arrived)


@pytest.mark.parametrize(
    ("clicks", "people"),
    [
        ([click(60, "a")], 1),
        ([click(60, "a", machine=True)], 0),
        ([click(1, "a", delivered=0)], 0),
        ([click(30, "a"), click(31, "b"), click(32, "c")], 0),
        ([click(30, "a"), click(31, "b"), click(32, "c"), click(600, "a")], 1),
        ([click(30, "a"), click(31, "a"), click(32, "a")], 3),
        ([click(0, "a"), click(100, "b"), click(200, "c")], 3),
        ([click(30, "a"), click(31, "b", delivery=2), click(32, "c", delivery=3)], 3),
    ],
)
def test_a_program_s_clicks_are_told_from_a_person_s(clicks, people):
    assert len(human(clicks)) == people


def test_the_figures_of_an_edition(stage):
    sent(stage, *FATES, "click1@example.org")
    stage.report()
    found = figures.figures(stage.product, WEEK)
    assert (found.recipients, found.delivered, found.bounced, found.complained) == (8, 4, 3, 1)
    assert (found.clickers, found.scanned, found.unsubscribed) == (1, 0, 1)


def test_an_erased_reader_s_reports_say_nothing_of_them(stage):
    sent(stage, *FATES)
    subscribing.erase(stage.product, "bounce1@example.org", actor="test")
    stage.report()
    assert suppressed(stage, "bounce1@example.org") == "erased"
    assert states(stage.product.database)["bounced"] == 2
    with stage.product.database.read() as connection:
        assert "bounce1@" not in str(connection.execute(sa.select(event)).all())
