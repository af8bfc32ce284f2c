"""Sending: exactly one mail for each reader, whoever dies, doubles, leaves or tampers on the way."""

from __future__ import annotations

import email
import email.policy
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app import composing, editing, sending, subscribing
from app.sending import Links, SendingStatus
from app.settings import Settings
from app.wiring import Product
from core.clock import system_clock, to_iso
from core.delivery import Capabilities
from core.edition import EditionState
from core.errors import NotFound, Refused, SettingsError
from core.subscriber import SubscriberState
from core.week import Week
from digest.transports.outbox import Outbox
from store import schema
from tests.app.installation import Installation
from tests.app.making import WEEK, approve, enrol, hold, publish, review, rows, subscriber
from tests.conftest import NOW
from tests.digest.servers import Provider


def send(product: Product, **more: Any) -> SendingStatus:
    return sending.send(product, WEEK, actor="test", **more)


def mailed(folder: Path) -> Counter[str]:
    """How many mails of the edition lie in an outbox, by address."""
    found = [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default)["To"].addresses[0].addr_spec
        for path in folder.glob(f"{WEEK}-*.eml")
    ]
    return Counter(found)


def outbox(product: Product) -> Counter[str]:
    return mailed(product.settings.outbox_folder)


def leave(product: Product, address: str) -> None:
    person = subscriber(product, address)
    assert person is not None
    subscribing.unsubscribe(product, Links(product).unsubscribe(person).rpartition("/")[2])


def only_fix_recipients(product: Product) -> SendingStatus:
    """Begin to send, and stop before the first batch."""
    return send(product, stopping=lambda: True)


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """An outbox that takes seven mails at a time."""
    monkeypatch.setattr(Outbox, "capabilities", Capabilities(largest_batch=7, idempotent=True))


# ------------------------------------------------------------ the road


def test_each_active_reader_gets_one_mail_and_a_second_run_sends_nothing(product_on_both):
    product = product_on_both
    publish(product)
    addresses = enrol(product, 25)
    leave(product, addresses.pop())
    subscribing.subscribe(product, "pending@example.com", source="web", network=None)
    done = send(product)
    assert (done.state, done.recipients, done.sent, done.pending, done.failed) == (EditionState.SENT, 24, 24, 0, 0)
    assert outbox(product) == Counter(addresses)
    before = rows(product)
    assert send(product.at(NOW + timedelta(days=1))) == done
    assert rows(product) == before
    hold(product)


def test_every_reader_has_links_of_their_own(product):
    publish(product)
    enrol(product, 3)
    send(product)
    mails = [path.read_bytes() for path in product.settings.outbox_folder.glob("*.eml")]
    links = [email.message_from_bytes(mail)["List-Unsubscribe"] for mail in mails]
    assert len(set(links)) == 3
    left = {subscribing.unsubscribe(product, link.strip("<>").rpartition("/")[2]) for link in links}
    assert left == {f"reader{number}@readers.example" for number in range(3)}


def test_a_reader_is_greeted_by_name_whatever_the_name_holds_and_without_one_all_the_same(product):
    publish(product)
    for name in ("Zoë", "", "{{vote_url:a}} <b>&amp;\r\nBcc: x@y.example"):
        address = f"{len(name)}@readers.example"
        subscribing.add(product, address, consent="Yes, please.", name=name, actor="test")
    send(product)
    greeted = set()
    for path in product.settings.outbox_folder.glob("*.eml"):
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert "Bcc" not in mail
        text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
        [line] = [line for line in text.splitlines() if line.startswith("Hello")]
        assert f"<p>{escape(line)}</p>" in html
        greeted.add(line)
    assert greeted == {"Hello Zoë,", "Hello,", "Hello {{vote_url:a}} <b>&amp; Bcc: x@y.example,"}


def test_what_was_approved_is_what_is_mailed_whatever_has_changed_since(product):
    publish(product)
    enrol(product, 1)
    subject = composing.preview(product, WEEK).subject
    editing.edit_tool(product, "ada", {"name": "Something else", "tagline": "Changed"}, actor="test")
    editing.show_comparison(product, "ada-vs-bea")
    send(product)
    [path] = product.settings.outbox_folder.glob("*.eml")
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert mail["Subject"] == subject
    assert "Something else" not in str(mail.get_body(("plain",)).get_content())  # type: ignore[attr-defined]


def test_an_edition_without_readers_is_sent_to_nobody(product):
    publish(product)
    done = send(product)
    assert (done.state, done.recipients, done.sent) == (EditionState.SENT, 0, 0)
    hold(product)


def test_who_subscribes_after_the_recipients_were_fixed_waits_for_the_next_edition(product):
    publish(product)
    first = enrol(product, 2)
    only_fix_recipients(product)
    enrol(product, 2, prefix="late")
    assert send(product).sent == 2
    assert outbox(product) == Counter(first)


def test_who_leaves_after_the_recipients_were_fixed_is_not_mailed(product_on_both):
    product = product_on_both
    publish(product)
    addresses = enrol(product, 5)
    assert only_fix_recipients(product).pending == 5
    leave(product, addresses[0])
    subscribing.erase(product, addresses[1], actor="test")
    done = send(product)
    assert (done.state, done.sent, done.suppressed) == (EditionState.SENT, 3, 2)
    assert outbox(product) == Counter(addresses[2:])
    assert subscriber(product, addresses[1]) is None
    hold(product)


def test_a_batch_that_everybody_has_left_is_closed_without_a_mail(product):
    publish(product)
    addresses = enrol(product, 2)
    only_fix_recipients(product)
    for address in addresses:
        leave(product, address)
    done = send(product)
    assert (done.state, done.sent, done.suppressed) == (EditionState.SENT, 0, 2)
    assert not outbox(product)
    hold(product)


def test_who_is_told_of_each_batch_hears_the_figures_grow(product, small_batches, monkeypatch):
    monkeypatch.setattr(sending, "_TELL_EVERY", 0.0)
    publish(product)
    enrol(product, 20)
    heard: list[int] = []
    send(product, told=lambda status: heard.append(status.sent))
    assert heard == [7, 14, 20]


def test_sending_stops_between_batches_when_asked_and_goes_on_later(product, small_batches):
    publish(product)
    addresses = enrol(product, 20)
    answers = iter([False, True])
    assert send(product, stopping=lambda: next(answers)).sent == 7
    hold(product)
    assert send(product).sent == 20
    assert outbox(product) == Counter(addresses)


# ------------------------------------------------------------ refusals


def test_only_an_approved_edition_is_sent(product):
    review(product, "Ada", "Bea")
    approve(product, "ada", "bea")
    composing.assemble(product, WEEK)
    enrol(product, 1)
    with pytest.raises(Refused, match=r"2026-W47 is not approved\. `verdicts edition approve 2026-W47"):
        send(product)
    with pytest.raises(NotFound, match="no edition 2026-W48"):
        sending.send(product, Week(2026, 48), actor="test")
    for act in (sending.pause, sending.resume):
        with pytest.raises(Refused, match="is draft, not"):
            act(product, WEEK, actor="test")
    assert not outbox(product)


def test_a_paused_edition_is_left_alone_until_it_is_resumed(product, small_batches):
    publish(product)
    addresses = enrol(product, 20)

    def pause_at_once(_: SendingStatus) -> None:
        with suppress(Refused):
            sending.pause(product, WEEK, actor="test")

    paused = send(product, told=pause_at_once)
    assert (paused.state, paused.sent, paused.pending) == (EditionState.PAUSED, 7, 13)
    assert paused.paused_because == "paused by test"
    with pytest.raises(Refused, match=r"is paused\. `verdicts edition resume"):
        send(product)
    hold(product)
    assert sending.resume(product, WEEK, actor="test").state is EditionState.SENDING
    assert send(product).state is EditionState.SENT
    assert outbox(product) == Counter(addresses)
    hold(product)


@pytest.mark.parametrize("column", ["subject", "html", "text"])
@pytest.mark.parametrize("begun", [False, True], ids=["approved", "half sent"])
def test_content_that_is_not_what_was_approved_is_not_sent(product, column, begun):
    publish(product)
    enrol(product, 2)
    if begun:
        only_fix_recipients(product)
    with product.database.write() as connection:
        connection.execute(sa.update(schema.edition).values({column: "Buy now!"}))
    with pytest.raises(Refused, match="is not what was approved"):
        send(product)
    assert not outbox(product)
    assert sending.status(product, WEEK).sent == 0


def test_an_old_edition_is_not_sent_when_a_schedule_or_a_backup_brings_it_back(product):
    publish(product)
    enrol(product, 1)
    late = product.at(NOW + timedelta(hours=product.settings.send_window_hours, minutes=1))
    with pytest.raises(Refused, match="send window has passed"):
        send(late)
    assert not outbox(product)


REAL: dict[str, Any] = {
    "base_url": "https://verdicts.example",
    "secret_key": "a key of thirty-two letters or more",
    "from_address": "Weekly Verdicts <digest@verdicts.example>",
    "postal_address": "1 Example Street, Exampletown",
}


@pytest.mark.parametrize(
    ("mail", "change", "message"),
    [
        ("smtp", {}, "VERDICTS_SMTP_URL is not set"),
        ("sendgrid", {}, "SENDGRID_API_KEY is not set"),
        ("sendgrid", {"from_address": None}, "VERDICTS_FROM is not set"),
        ("sendgrid", {"postal_address": None}, "VERDICTS_POSTAL_ADDRESS is not set"),
        ("sendgrid", {"sendgrid_api_key": "SG.x", "base_url": "http://127.0.0.1:8000"}, "VERDICTS_BASE_URL"),
        ("smtp", {"smtp_url": "smtp://127.0.0.1:9", "base_url": "http://localhost"}, "VERDICTS_BASE_URL"),
    ],
)
def test_a_setting_that_is_missing_is_named_before_the_first_request(product, mail, change, message):
    publish(product)
    enrol(product, 1)
    with_provider = Provider()
    try:
        values = {**REAL, "mail": mail, "sendgrid_url": with_provider.url, **change}
        chosen = Settings(var=product.settings.var, database_url=product.settings.database, **values)
        with pytest.raises(SettingsError, match=message) as refusal:
            send(replace(product, settings=chosen))
        assert refusal.value.mend
        assert with_provider.requests == []
    finally:
        with_provider.close()
    assert sending.status(product, WEEK).state is EditionState.APPROVED


# ------------------------------------------------------------ a provider


def provided(product: Product, provider: Provider) -> Product:
    """The product with SendGrid as its transport, on a clock that runs: the provider looks at the hour."""
    values = {**REAL, "mail": "sendgrid", "sendgrid_api_key": "SG.key", "sendgrid_url": provider.url}
    chosen = Settings(var=product.settings.var, database_url=product.settings.database, **values)
    return replace(product, settings=chosen, clock=system_clock)


@pytest.fixture
def provider() -> Any:
    made = Provider()
    yield made
    made.close()


def addressed(provider: Provider) -> Counter[str]:
    return Counter(to["email"] for body in provider.accepted for one in body["personalizations"] for to in one["to"])


def test_a_provider_gets_every_reader_once(product, provider):
    product = provided(product, provider)
    publish(product)
    addresses = enrol(product, 30)
    done = send(product)
    assert (done.state, done.sent) == (EditionState.SENT, 30)
    assert addressed(provider) == Counter(addresses)
    assert provider.faults == []
    hold(product)


def test_a_refused_key_pauses_the_edition_and_sends_nobody_twice(product, provider):
    product = provided(product, provider)
    publish(product)
    addresses = enrol(product, 3)
    provider.answers = [(401, {}, {"errors": [{"message": "authorization required", "field": None}]})]
    paused = send(product)
    assert (paused.state, paused.sent, paused.pending) == (EditionState.PAUSED, 0, 3)
    assert "authorization required" in str(paused.paused_because)
    sending.resume(product, WEEK, actor="test")
    assert send(product).sent == 3
    assert addressed(provider) == Counter(addresses)
    hold(product)


def test_an_answer_that_was_lost_is_never_guessed_at(product, provider):
    product = provided(product, provider)
    publish(product)
    enrol(product, 3)
    provider.answers = ["drop-after"]
    provider.cancel_answer = (500, {}, {"errors": []})
    for _ in range(2):
        lost = send(product)
        assert (lost.state, lost.sent, lost.uncertain) == (EditionState.SENDING, 0, 3)
        assert max(addressed(provider).values()) == 1
    hold(product)


# ------------------------------------------------------------ several workers, and dead ones


def test_workers_that_send_at_the_same_time_mail_nobody_twice(product_on_both, small_batches):
    product = product_on_both
    publish(product)
    addresses = enrol(product, 150)
    with ThreadPoolExecutor(4) as workers:
        for each in [workers.submit(send, product) for _ in range(4)]:
            assert each.result().failed == 0
    done = send(product)
    assert (done.state, done.sent) == (EditionState.SENT, 150)
    assert outbox(product) == Counter(addresses)
    with product.database.read() as connection:
        audit = connection.scalars(sa.select(schema.audit.c.action)).all()
    assert audit.count("edition.send") == audit.count("edition.sent") == 1
    hold(product)


def test_an_outbox_that_cannot_be_written_keeps_everybody_waiting(product):
    publish(product)
    addresses = enrol(product, 3)
    folder = product.settings.outbox_folder
    folder.write_text("a file where the folder should be")
    waiting = send(product)
    assert (waiting.state, waiting.sent, waiting.pending) == (EditionState.SENDING, 0, 3)
    hold(product)
    folder.unlink()
    assert send(product.at(NOW + timedelta(minutes=2))).sent == 3
    assert outbox(product) == Counter(addresses)


def test_the_command_fails_while_anybody_waits(product, installed):
    publish(product)
    enrol(product, 2)
    product.settings.outbox_folder.write_text("a file where the folder should be")
    waiting = installed().run("edition", "send", str(WEEK), code=1).data
    assert (waiting["state"], waiting["pending"]) == ("sending", 2)


def test_letters_of_other_weeks_are_not_counted_as_mails_of_this_one(product):
    publish(product)
    subscribing.subscribe(product, "pending@example.com", source="web", network=None)
    assert send(product).recipients == 0
    found = subscriber(product, "pending@example.com")
    assert found is not None
    assert found.state is SubscriberState.PENDING
    assert not outbox(product)


READERS = 400


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_worker_killed_at_any_moment_loses_and_doubles_nobody(request, installed, engine):
    """Before the claim, between claim and request, in the middle of the mails, and before the outcome is written."""
    product = request.getfixturevalue("product") if engine == "sqlite" else _on_postgres(request)
    publish(product)
    addresses = enrol(product, READERS)
    made = installed(VERDICTS_DATABASE_URL=product.settings.database, VERDICTS_VAR=str(product.settings.var))
    folder = product.settings.outbox_folder
    moments = sorted(random.sample([0, 1, *random.sample(range(2, READERS), k=2), READERS], k=3))
    for number, moment in enumerate(moments):
        _kill_when(made.having(VERDICTS_CLOCK=_later(number)), partial(_reached, product, moment))
        hold(product)
        assert set(mailed(folder).values()) <= {1}
    last = made.having(VERDICTS_CLOCK=_later(len(moments)))
    status = last.ask("edition", "send", str(WEEK))
    assert (status["state"], status["sent"], status["uncertain"]) == ("sent", READERS, 0)
    assert mailed(folder) == Counter(addresses)
    assert list(folder.glob(".*")) == []
    hold(product)


def _on_postgres(request: pytest.FixtureRequest) -> Product:
    product: Product = request.getfixturevalue("product")
    url = request.getfixturevalue("postgres_url")
    from app.lenses import load_standard_lenses  # noqa: PLC0415 - only here
    from store.connect import Database  # noqa: PLC0415

    other = Database(url)
    request.addfinalizer(other.close)
    made = replace(product, settings=product.settings.model_copy(update={"database_url": _secret(url)}), database=other)
    load_standard_lenses(made)
    return made


def _secret(url: str) -> Any:
    return Settings(database_url=url).database_url  # type: ignore[arg-type]


def _later(runs: int) -> str:
    """The hour of a run: the leases of those before have passed."""
    return to_iso(NOW + timedelta(minutes=6 * runs))


def _count(folder: Path) -> int:
    return sum(1 for _ in folder.glob(f"{WEEK}-*.eml"))


def _reached(product: Product, moment: int) -> bool:
    """Whether so many mails are out; none: whether a worker has begun."""
    if moment:
        return _count(product.settings.outbox_folder) >= moment
    return sending.status(product, WEEK).state is EditionState.SENDING


def _kill_when(made: Installation, reached: Callable[[], bool]) -> None:
    """Kill a worker at the moment, or a heartbeat after; one that has ended by itself was too quick."""
    process = made.start("edition", "send", str(WEEK))
    while process.poll() is None and not reached():
        time.sleep(0.0005)
    time.sleep(random.uniform(0, 0.01))  # noqa: S311 - any moment will do
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)
    process.communicate()
