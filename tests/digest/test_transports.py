"""The same rules for every way out, each against a real server of its protocol on loopback."""

from __future__ import annotations

import email
import email.policy
import logging
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from core.delivery import AnswerKind, BatchState, DeliveryState, Mail, Outgoing, Recipient
from core.errors import DeliveryError, SettingsError
from digest.headers import edition_headers, letter_headers, unsubscribe_headers
from digest.ledger import settle
from digest.marks import marks
from digest.render import render_digest
from digest.transports import Transport, open_transport, send_letter
from digest.transports.message import Messages
from digest.transports.sendgrid import SendGrid, read_status
from digest.transports.smtp import Smtp
from tests.digest.samples import BASE_URL, digest_of, sample_view
from tests.digest.servers import SCHEMA, MailServer, Provider, delivered, schema_faults

NOW = datetime.now(UTC).replace(microsecond=0)


FROZEN = render_digest(digest_of([sample_view()]))
MARKS = marks(FROZEN.html)


def mail(**changes: Any) -> Mail:
    known = Mail(
        sender="Weekly Verdicts <verdicts@verdicts.example>",
        subject=FROZEN.subject,
        html=FROZEN.html,
        text=FROZEN.text,
        headers=edition_headers(title="Weekly Verdicts", base_url=BASE_URL),
    )
    return replace(known, **changes)


def recipient(number: int, **changes: Any) -> Recipient:
    values = {mark: f"https://verdicts.example/t/{number}?a=1&b={mark[2:5]}" for mark in MARKS}
    known = Recipient(
        delivery=number,
        address=f"reader{number}@example.org",
        name="Ada Löwe",
        substitutions=values,
        headers=unsubscribe_headers(url=f"https://verdicts.example/u/{number}", mailto="leave@verdicts.example"),
    )
    return replace(known, **changes)


def outgoing(*recipients: Recipient, **changes: Any) -> Outgoing:
    return Outgoing(batch=7, week="2026-W47", mail=mail(**changes), recipients=recipients)


# --- three ways out, one shape for what arrived


@dataclass
class Arrived:
    to: str
    subject: str
    text: str
    html: str
    headers: dict[str, str]


@dataclass
class Way:
    transport: Transport
    arrived: Any  # () -> list[Arrived]
    dated: bool = True  # whether we write date and message id ourselves


def read_message(raw: bytes) -> Arrived:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert not message.defects
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    return Arrived(
        to=str(message["To"].addresses[0].addr_spec),
        subject=str(message["Subject"]),
        text=plain.get_content(),
        html=html.get_content(),
        headers={name: str(value) for name, value in message.items()},
    )


class Keeper:
    def __init__(self) -> None:
        self.kept: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        self.kept.append(envelope.original_content)
        return "250 kept"


class AnyPort(Controller):
    """The library's controller, on a port that the system chose."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        super()._trigger_server()


@pytest.fixture(params=["outbox", "smtp", "sendgrid"])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Way]:
    if request.param == "outbox":
        transport = open_transport("outbox", outbox=tmp_path / "out")
        yield Way(transport, lambda: [read_message(path.read_bytes()) for path in sorted((tmp_path / "out").iterdir())])
    elif request.param == "smtp":
        keeper = Keeper()
        controller = AnyPort(keeper, hostname="127.0.0.1", port=0)
        controller.start()
        transport = open_transport("smtp", smtp_url=f"smtp://127.0.0.1:{controller.port}")
        try:
            yield Way(transport, lambda: [read_message(raw) for raw in keeper.kept])
        finally:
            transport.close()
            controller.stop()
    else:
        provider = Provider()
        transport = open_transport("sendgrid", sendgrid_key="SG.key", sendgrid_url=provider.url)
        try:
            yield Way(
                transport,
                lambda: [as_arrived(one) for body in provider.accepted for one in delivered(body)],
                dated=False,
            )
            assert provider.broken == []
        finally:
            transport.close()
            provider.close()


def as_arrived(one: dict[str, Any]) -> Arrived:
    return Arrived(to=one["to"], subject=one["subject"], text=one["text"], html=one["html"], headers=one["headers"])


def test_every_recipient_gets_their_own_mail_and_nobody_else_s(way):
    answer = way.transport.send(outgoing(*map(recipient, (1, 2, 3))), way.transport.open_attempt(NOW))
    assert answer.kind is AnswerKind.ACCEPTED
    assert not answer.refused
    got = {one.to: one for one in way.arrived()}
    assert sorted(got) == [f"reader{number}@example.org" for number in (1, 2, 3)]
    for number in (1, 2, 3):
        one = got[f"reader{number}@example.org"]
        assert marks(one.subject + one.text + one.html) == ()
        assert f"Unsubscribe: https://verdicts.example/t/{number}?a=1&b=uns" in one.text
        assert f'<a href="https://verdicts.example/t/{number}?a=1&amp;b=uns">Unsubscribe</a>' in one.html
        assert not re.search(rf"/t/(?!{number}\?)", one.text + one.html)
        assert one.headers["List-Unsubscribe"] == (
            f"<https://verdicts.example/u/{number}>, <mailto:leave@verdicts.example?subject=unsubscribe%20{number}>"
        )
        assert one.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert one.headers["List-Id"] == "Weekly Verdicts <digest.verdicts.example>"
        assert "Auto-Submitted" not in one.headers


def test_what_was_frozen_arrives_byte_for_byte_apart_from_the_marks(way):
    frozen = mail()
    same = recipient(1, substitutions={mark: mark.strip("{}").replace(":", "-") for mark in marks(frozen.html)})
    way.transport.send(outgoing(same), way.transport.open_attempt(NOW))
    (got,) = way.arrived()
    for part, sent in ((got.text, frozen.text), (got.html, frozen.html)):
        expected = re.sub(r"\{\{(.*?)\}\}", lambda found: found[1].replace(":", "-"), sent)
        assert part.replace("\r\n", "\n").rstrip("\n") == expected.rstrip("\n")


def test_one_bad_recipient_never_takes_its_neighbours_along(way):
    bad = [
        recipient(2, address="no-address"),
        recipient(3, address="two@example.org\r\nBcc: all@example.org"),
        recipient(4, headers={"X-Note": "line\r\nBcc: all@example.org"}),
        recipient(5, substitutions={}),
        recipient(6, headers={"Subject": "mine"}),
        recipient(7, address="ünter@example.org"),
        recipient(8, address="READER1@example.org"),
    ]
    answer = way.transport.send(outgoing(recipient(1), *bad), way.transport.open_attempt(NOW))
    assert answer.kind is AnswerKind.ACCEPTED
    assert sorted(answer.refused) == [2, 3, 4, 5, 6, 7, 8]
    assert [one.to for one in way.arrived()] == ["reader1@example.org"]


def test_a_name_that_looks_like_a_mark_or_a_header_stays_a_name(way):
    html = mail().html.replace("<h1>", "<p>{{name}}</p><h1>")
    hostile = recipient(1, name='Eve"\r\nBcc: all@example.org, <x>')
    hostile = replace(hostile, substitutions={**hostile.substitutions, "{{name}}": "{{unsubscribe_url}}<b>"})
    answer = way.transport.send(outgoing(hostile, html=html), way.transport.open_attempt(NOW))
    assert answer.kind is AnswerKind.ACCEPTED
    (got,) = way.arrived()
    assert got.to == "reader1@example.org"
    assert "Bcc" not in got.headers
    assert "unsubscribe_url" in got.html
    assert "<b>" not in got.html.split("<h1>")[0].split("</head>")[1]


def test_a_sender_that_is_no_address_stops_the_edition_and_not_a_recipient(way):
    answer = way.transport.send(
        outgoing(recipient(1), sender="nobody\r\nBcc: x@y.example"), way.transport.open_attempt(NOW)
    )
    assert answer.kind is AnswerKind.UNAUTHORISED
    assert settle(answer, recipients=[1], now=NOW).pause
    assert way.arrived() == []


def test_a_letter_goes_out_at_once_and_says_that_a_program_wrote_it(way):
    letter = Mail(
        sender="verdicts@verdicts.example", subject="Confirm", html="<p>hi</p>", text="hi", headers=letter_headers()
    )
    for _ in range(2):
        send_letter(
            way.transport, kind="confirm", mail=letter, recipient=Recipient(delivery=3, address="a@b.example"), now=NOW
        )
    got = way.arrived()
    assert len(got) == 2
    assert got[0].headers["Auto-Submitted"] == "auto-generated"
    if way.dated:
        assert got[0].headers["Message-ID"] != got[1].headers["Message-ID"]


def test_a_letter_to_no_address_is_an_error(way):
    letter = Mail(sender="verdicts@verdicts.example", subject="Confirm", html="<p>hi</p>", text="hi")
    with pytest.raises(DeliveryError, match="refused"):
        send_letter(way.transport, kind="confirm", mail=letter, recipient=Recipient(delivery=3, address="x"), now=NOW)


@pytest.mark.parametrize("way", ["outbox", "smtp"], indirect=True)
def test_dates_and_message_ids_come_from_the_attempt_and_the_delivery(way):
    attempt = way.transport.open_attempt(datetime(2026, 11, 22, 9, 30, tzinfo=UTC))
    way.transport.send(outgoing(recipient(1), recipient(2)), attempt)
    got = sorted(way.arrived(), key=lambda one: one.to)
    assert [one.headers["Date"] for one in got] == ["Sun, 22 Nov 2026 09:30:00 +0000"] * 2
    assert [one.headers["Message-ID"] for one in got] == [
        "<2026-W47.1@verdicts.example>",
        "<2026-W47.2@verdicts.example>",
    ]


def test_closing_twice_is_harmless(way):
    way.transport.close()
    way.transport.close()


# --- the outbox


def test_a_second_attempt_writes_nothing_anew(tmp_path):
    transport = open_transport("outbox", outbox=tmp_path)
    assert transport.capabilities.idempotent
    transport.send(outgoing(recipient(1)), transport.open_attempt(NOW))
    (path,) = tmp_path.iterdir()
    before = path.read_bytes(), path.stat().st_mtime_ns
    transport.send(outgoing(recipient(1), recipient(2)), transport.open_attempt(NOW + timedelta(hours=1)))
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "2026-W47-1-reader1@example.org.eml",
        "2026-W47-2-reader2@example.org.eml",
    ]


def test_the_same_attempt_gives_the_same_bytes(tmp_path):
    for folder in ("one", "two"):
        transport = open_transport("outbox", outbox=tmp_path / folder)
        transport.send(outgoing(recipient(1)), transport.open_attempt(NOW))
    one, two = [next((tmp_path / folder).iterdir()).read_bytes() for folder in ("one", "two")]
    assert one == two


def test_an_address_cannot_leave_the_folder(tmp_path):
    transport = open_transport("outbox", outbox=tmp_path / "out")
    answer = transport.send(outgoing(recipient(1, address="../../x/y@example.org")), transport.open_attempt(NOW))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert 1 in answer.refused or all(path.parent == tmp_path / "out" for path in (tmp_path / "out").iterdir())


def test_an_outbox_that_cannot_be_written_waits(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    transport = open_transport("outbox", outbox=tmp_path / "file" / "out")
    assert transport.send(outgoing(recipient(1)), transport.open_attempt(NOW)).kind is AnswerKind.LATER


# --- SMTP


@pytest.fixture
def server() -> Iterator[MailServer]:
    running = MailServer()
    yield running
    running.close()


@pytest.fixture
def relay(server: MailServer) -> Iterator[Smtp]:
    transport = Smtp(server.url, timeout=2)
    yield transport
    transport.close()


def send(transport: Transport, *numbers: int):
    return transport.send(outgoing(*map(recipient, numbers)), transport.open_attempt(NOW))


def got(server: MailServer) -> list[str]:
    return [address for _, address, _ in server.mails]


def test_one_connection_serves_many_batches(server, relay):
    for number in range(3):
        assert send(relay, number).kind is AnswerKind.ACCEPTED
    assert server.connections == 1
    assert len(server.mails) == 3
    assert {sender for sender, _, _ in server.mails} == {"verdicts@verdicts.example"}


@pytest.mark.parametrize("where", ["RCPT", "DOT"])
def test_a_refused_recipient_is_refused_in_the_server_s_words_and_a_busy_one_waits(server, relay, where):
    server.replies = {(where, "reader2@example.org"): "550 no such person", (where, "reader3@example.org"): "452 full"}
    answer = send(relay, 1, 2, 3, 4)
    assert answer.kind is AnswerKind.ACCEPTED
    assert answer.refused == {2: "550 no such person"}
    assert answer.later == {3}
    assert got(server) == ["reader1@example.org", "reader4@example.org"]
    settled = settle(answer, recipients=[1, 2, 3, 4], now=NOW)
    assert settled.batch is BatchState.SENT
    assert settled.exceptions == {2: DeliveryState.REFUSED, 3: DeliveryState.PENDING}


@pytest.mark.parametrize("where", ["dot", "dot-lost", "data"])
def test_a_connection_lost_after_the_final_dot_is_uncertain_and_never_sent_again(server, relay, where):
    server.drop = [where]
    answer = send(relay, 1, 2)
    assert answer.uncertain == {1}
    assert not answer.later
    assert got(server).count("reader1@example.org") == (where == "dot")
    assert got(server).count("reader2@example.org") == 1
    assert settle(answer, recipients=[1, 2], now=NOW).batch is BatchState.UNCERTAIN


def test_a_connection_lost_before_the_final_dot_is_opened_anew(server, relay):
    server.drop = ["rcpt"]
    answer = send(relay, 1, 2)
    assert (answer.kind, answer.uncertain, answer.later) == (AnswerKind.ACCEPTED, frozenset(), frozenset())
    assert got(server) == ["reader1@example.org", "reader2@example.org"]
    assert server.connections == 2


def test_a_server_that_closes_for_the_day_leaves_the_rest_for_later(server, relay):
    server.replies = {("RCPT", "reader2@example.org"): "421 closing"}
    answer = send(relay, 1, 2, 3)
    assert answer.later == {2, 3}
    assert got(server) == ["reader1@example.org"]


def test_a_server_that_is_not_there_means_later_for_everybody():
    transport = Smtp("smtp://127.0.0.1:1", timeout=2)
    answer = send(transport, 1)
    assert answer.kind is AnswerKind.LATER
    assert settle(answer, recipients=[1], now=NOW).not_before == NOW + timedelta(minutes=1)


def test_a_refused_sender_pauses_the_edition_and_blames_nobody(server, relay):
    server.replies = {"MAIL": "550 not from here"}
    answer = send(relay, 1, 2)
    assert (answer.kind, answer.refused) == (AnswerKind.UNAUTHORISED, {})
    assert "550 not from here" in answer.detail


def test_a_server_that_refuses_the_login_pauses_the_edition(server):
    server.replies = {"EHLO": "250-here\r\n250 AUTH PLAIN", "AUTH": "535 wrong password"}
    transport = Smtp(f"smtp://user:secret@127.0.0.1:{server.port}", timeout=2)
    answer = send(transport, 1)
    assert answer.kind is AnswerKind.UNAUTHORISED
    assert "secret" not in answer.detail
    assert not server.mails


def test_a_server_that_forgot_its_connection_is_asked_again(server, relay):
    send(relay, 1)
    relay._line._sock.close()
    assert send(relay, 2).kind is AnswerKind.ACCEPTED
    assert got(server) == ["reader1@example.org", "reader2@example.org"]


@pytest.mark.parametrize("url", ["", "http://x", "smtp://", "smtp://host:port", "smtp://user:geheim@:25"])
def test_a_url_that_is_no_mail_server_is_a_settings_error_without_the_password(url):
    with pytest.raises(SettingsError) as caught:
        open_transport("smtp", smtp_url=url)
    assert "geheim" not in str(caught.value)


# --- SendGrid


@pytest.fixture
def provider() -> Iterator[Provider]:
    running = Provider()
    yield running
    running.close()


@pytest.fixture
def api(provider: Provider) -> Iterator[SendGrid]:
    with closing(SendGrid("SG.key", url=provider.url, fence_minutes=30, timeout=0.5, clock=lambda: NOW)) as made:
        yield made


@pytest.mark.skipif(
    not SCHEMA.exists(), reason="the provider's schema is not on this machine; shapes are checked by hand"
)
def test_the_schema_check_of_these_tests_can_fail(provider):
    assert schema_faults({"personalizations": [{"to": [{"name": "x"}]}], "from": {"email": "a@b.example"}})


def test_a_thousand_recipients_go_in_one_request_that_keeps_every_rule(provider):
    with closing(SendGrid("SG.key", url=provider.url, fence_minutes=30, clock=lambda: NOW)) as patient:
        answer = send(patient, *range(1, 1_001))  # the provider of these tests checks each against the schema
    assert provider.broken == []
    assert answer.kind is AnswerKind.ACCEPTED
    assert answer.message_id == provider.account.messages[0].id.partition(".")[0]
    (body,) = provider.accepted
    assert len(body["personalizations"]) == 1_000
    first = body["personalizations"][0]
    assert first["custom_args"]["wv_delivery"] == "1"
    assert first["custom_args"]["wv_batch"] == "7"
    assert first["to"] == [{"email": "reader1@example.org", "name": "Ada Löwe"}]
    assert body["tracking_settings"] == {
        "click_tracking": {"enable": False, "enable_text": False},
        "open_tracking": {"enable": False},
        "subscription_tracking": {"enable": False},
    }


def test_an_attempt_is_fenced_half_an_hour_ahead(provider, api):
    attempt = api.open_attempt(NOW)
    assert {attempt.fence} == provider.account.batches
    assert attempt.send_at == NOW + timedelta(minutes=30)
    api.send(outgoing(recipient(1)), attempt)
    (body,) = provider.accepted
    assert (body["batch_id"], body["send_at"]) == (attempt.fence, int(attempt.send_at.timestamp()))
    assert body["personalizations"][0]["custom_args"]["wv_attempt"] == attempt.id


def test_every_attempt_has_a_fence_of_its_own(api):
    assert len({api.open_attempt(NOW).fence for _ in range(3)}) == 3


def test_without_fence_minutes_mails_go_at_once(provider):
    with closing(SendGrid("SG.key", url=provider.url, fence_minutes=0)) as api:
        attempt = api.open_attempt(NOW)
        assert (attempt.fence, attempt.send_at, api.capabilities.fence) == (None, NOW, False)
        api.send(outgoing(recipient(1)), attempt)
    assert "send_at" not in provider.accepted[0]


def test_a_letter_has_no_fence_and_no_delivery_of_the_ledger(provider, api):
    letter = Mail(sender="verdicts@verdicts.example", subject="Confirm", html="<p>hi</p>", text="hi")
    send_letter(api, kind="confirm", mail=letter, recipient=Recipient(delivery=3, address="a@b.example"), now=NOW)
    (body,) = provider.accepted
    assert "batch_id" not in body
    assert set(body["personalizations"][0]["custom_args"]) == {"wv_attempt"}


def test_an_attempt_is_called_off_once_and_stays_so(provider, api):
    attempt = api.open_attempt(NOW)
    assert api.call_off(attempt, now=NOW + timedelta(minutes=19))
    assert provider.cancelled == {attempt.fence}
    assert api.call_off(attempt, now=NOW + timedelta(minutes=19))


def test_a_call_that_comes_within_ten_minutes_of_the_time_proves_nothing(provider, api):
    attempt = api.open_attempt(NOW)
    assert not api.call_off(attempt, now=NOW + timedelta(minutes=20))
    assert not provider.cancelled


@pytest.mark.parametrize("answer", [(500, {}, b""), (429, {}, b""), (400, {}, {"errors": []}), (401, {}, b"")])
def test_a_refused_call_proves_nothing(provider, api, answer):
    provider.cancel_answer = answer
    assert not api.call_off(api.open_attempt(NOW), now=NOW)


@pytest.mark.parametrize(("status", "permanent"), [(401, True), (403, True), (500, False), (429, False)])
def test_without_a_fence_no_attempt_is_opened(provider, api, status, permanent):
    provider.batch_answer = (status, {}, b"")
    with pytest.raises(DeliveryError) as caught:
        api.open_attempt(NOW)
    assert caught.value.permanent is permanent


BAD_FIELD = {"errors": [{"message": "does not contain a valid address", "field": "personalizations.1.to.0.email"}]}
ANSWERS = [
    ((202, {}, b""), AnswerKind.ACCEPTED),  # no X-Message-Id: still 202
    ((200, {}, b""), AnswerKind.UNCERTAIN),  # sandbox left on
    ((204, {}, b""), AnswerKind.UNCERTAIN),
    ((302, {"Location": "/v3/elsewhere"}, b""), AnswerKind.UNCERTAIN),
    ((400, {}, {"errors": [{"message": "no", "field": None}]}), AnswerKind.REFUSED),
    ((400, {}, b"not json"), AnswerKind.REFUSED),
    ((400, {}, [1]), AnswerKind.REFUSED),
    ((401, {}, b""), AnswerKind.UNAUTHORISED),
    ((403, {}, b""), AnswerKind.UNAUTHORISED),
    ((404, {}, b""), AnswerKind.UNAUTHORISED),
    ((413, {}, b""), AnswerKind.TOO_LARGE),
    ((429, {}, b""), AnswerKind.LATER),
    ((500, {}, b""), AnswerKind.UNCERTAIN),
    ((503, {}, b""), AnswerKind.UNCERTAIN),
    ("drop-before", AnswerKind.UNCERTAIN),
    ("drop-after", AnswerKind.UNCERTAIN),
    ("stall", AnswerKind.UNCERTAIN),
]


@pytest.mark.parametrize(("answer", "kind"), ANSWERS)
def test_only_a_202_is_taken_and_every_doubt_is_uncertain(provider, api, answer, kind):
    provider.answers = [answer]
    assert send(api, 1, 2).kind is kind
    assert [request.path for request in provider.requests] == ["/v3/mail/batch", "/v3/mail/send"]


def test_a_redirect_is_not_followed_with_the_key(provider, api):
    other = Provider()
    try:
        provider.answers = [(302, {"Location": f"{other.url}/v3/mail/send"}, b"")]
        send(api, 1)
        assert other.requests == []
    finally:
        other.close()


def test_a_recipient_that_the_provider_names_is_dropped_and_the_others_go_again(provider, api):
    provider.answers = [(400, {}, BAD_FIELD)]
    answer = send(api, 1, 2, 3)
    assert answer.refused == {2: "does not contain a valid address"}
    settled = settle(answer, recipients=[1, 2, 3], now=NOW)
    assert settled.batch is BatchState.PENDING
    assert settled.deliveries is DeliveryState.IN_BATCH
    assert settled.exceptions == {2: DeliveryState.REFUSED}


def test_a_named_place_counts_those_that_were_sent_and_not_those_left_out(provider, api):
    provider.answers = [(400, {}, BAD_FIELD)]
    answer = api.send(outgoing(recipient(1, address="x"), recipient(2), recipient(3)), api.open_attempt(NOW))
    assert sorted(answer.refused) == [1, 3]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"X-RateLimit-Reset": str(int(NOW.timestamp()) + 90)}, 90),
        ({"X-RateLimit-Reset": "1"}, 0),
        ({"X-RateLimit-Reset": "99999999999"}, 3_600),
        ({"Retry-After": "5"}, 5),
        ({"X-RateLimit-Reset": "soon"}, 60),
        ({}, 60),
    ],
)
def test_a_429_says_when(headers, seconds):
    assert read_status(429, headers, b"", now=NOW).not_before == NOW + timedelta(seconds=seconds)


def test_a_provider_that_is_not_there_took_nothing():
    api = SendGrid("SG.key", url="http://127.0.0.1:1", fence_minutes=0, timeout=0.5)
    assert send(api, 1).kind is AnswerKind.LATER


def test_one_connection_serves_many_requests_and_one_that_was_closed_is_opened_anew(provider, api):
    send(api, 1, 2)
    first = api._line._connection
    send(api, 3)
    assert api._line._connection is first
    provider._server.end_connections()
    time.sleep(0.05)
    assert send(api, 4).kind is AnswerKind.ACCEPTED
    assert api._line._connection is not first
    assert len(provider.accepted) == 3


def test_the_key_is_in_no_log_whatever_the_level(provider, caplog):
    caplog.set_level(logging.DEBUG)
    for name in ("python_http_client", "python_http_client.client"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    with closing(SendGrid("SG.very-secret", url=provider.url, fence_minutes=0)) as api:
        send(api, 1)
    assert provider.requests[0].headers["Authorization"] == "Bearer SG.very-secret"
    assert "secret" not in caplog.text
    assert "reader1" not in caplog.text


def test_values_that_need_no_escaping_are_sent_once(provider, api):
    plain = recipient(1)
    plain = replace(plain, substitutions=dict.fromkeys(plain.substitutions, "https://v.example/t"))
    api.send(outgoing(plain), api.open_attempt(NOW))
    assert not any("html_" in key for key in provider.accepted[0]["personalizations"][0]["substitutions"])


def test_substitutions_above_the_limit_are_refused_alone(provider, api):
    big = recipient(1)
    big = replace(big, substitutions={**big.substitutions, "{{unsubscribe_url}}": "x" * 9_000})
    answer = api.send(outgoing(big, recipient(2)), api.open_attempt(NOW))
    assert sorted(answer.refused) == [1]
    assert len(provider.accepted[0]["personalizations"]) == 1


def test_more_than_a_thousand_is_too_large_and_asks_nobody(provider, api):
    attempt = api.open_attempt(NOW)
    answer = api.send(outgoing(*map(recipient, range(1, 1_002))), attempt)
    assert answer.kind is AnswerKind.TOO_LARGE
    assert not provider.accepted


def test_a_name_with_a_comma_is_one_recipient(provider, api):
    api.send(outgoing(recipient(1, name="Lovelace, Ada; <x@y.example>")), api.open_attempt(NOW))
    assert provider.accepted[0]["personalizations"][0]["to"] == [
        {"email": "reader1@example.org", "name": "Lovelace Ada x y.example"}
    ]


# --- opening


@pytest.mark.parametrize("kind", ["outbox", "smtp", "sendgrid", "pigeon"])
def test_a_transport_without_what_it_needs_is_a_settings_error(kind):
    with pytest.raises(SettingsError):
        open_transport(kind)


def test_the_provider_s_package_is_loaded_only_when_used(tmp_path):
    program = (
        "import sys, pathlib; from digest.transports import open_transport;"
        f"open_transport('outbox', outbox=pathlib.Path({str(tmp_path)!r}));"
        "print([name for name in ('sendgrid', 'smtplib', 'prefect', 'sqlalchemy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_batch_of_a_thousand_is_made_in_a_blink(tmp_path):
    messages = Messages(outgoing(), date=NOW)
    people = [recipient(number) for number in range(1_000)]
    started = time.perf_counter()
    total = sum(len(messages.build(one)) for one in people)
    assert total > 1_000_000
    assert time.perf_counter() - started < 2
