from __future__ import annotations

import base64
import functools
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from core.delivery import DeliveryState, EventKind
from core.errors import ParseError, Refused
from digest.events import CLOCK_SKEW, REPLAY_WINDOW, BadEvent, Event, apply_rank, parse_events, verify
from tests.digest.samples import steady

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())


def public(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, encoding: Encoding = Encoding.DER) -> str:
    data = key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    return data.decode() if encoding is Encoding.PEM else base64.b64encode(data).decode()


def sign(body: bytes, at: datetime, key: ec.EllipticCurvePrivateKey = KEY) -> tuple[str, str]:
    timestamp = str(int(at.timestamp()))
    proof = key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return base64.b64encode(proof).decode(), timestamp


def raw(**changes: object) -> dict[str, object]:
    known = {
        "email": "reader1@example.org",
        "timestamp": int(NOW.timestamp()),
        "event": "delivered",
        "sg_event_id": "id-1",
        "wv_delivery": "41",
        "wv_attempt": "abc",
        "response": "250 OK",
    }
    return {**known, **changes}


def parse(*entries: object) -> tuple[Event | BadEvent, ...]:
    return parse_events(json.dumps(entries).encode())


def event(**changes: object) -> Event:
    (one,) = parse(raw(**changes))
    assert isinstance(one, Event)
    return one


# --- reading


def test_an_event_names_kind_delivery_attempt_and_time():
    one = event()
    assert (one.kind, one.delivery, one.attempt) == (EventKind.DELIVERED, 41, "abc")
    assert (one.provider_id, one.at, one.address) == ("id-1", NOW, "reader1@example.org")
    assert one.reason == "250 OK"


@pytest.mark.parametrize(
    ("name", "type_", "kind"),
    [
        ("processed", None, "processed"),
        ("deferred", None, "deferred"),
        ("dropped", None, "dropped"),
        ("bounce", "bounce", "bounce"),
        ("bounce", None, "bounce"),
        ("bounce", "blocked", "blocked"),
        ("open", None, "open"),
        ("click", None, "click"),
        ("spamreport", None, "spam_report"),
        ("unsubscribe", None, "unsubscribe"),
        ("group_unsubscribe", None, "unsubscribe"),
    ],
)
def test_the_provider_s_names_are_ours(name, type_, kind):
    assert event(event=name, **({"type": type_} if type_ else {})).kind == kind


@pytest.mark.parametrize(
    "bad",
    [
        7,
        None,
        [],
        raw(event="sneezed"),
        raw(event=None),
        raw(timestamp="soon"),
        raw(timestamp=-1),
        raw(timestamp=True),
        raw(timestamp=10**30),
        {},
    ],
)
def test_a_bad_event_never_takes_its_neighbours_along(bad):
    before, wrong, after = parse(raw(), bad, raw(sg_event_id="id-2"))
    assert isinstance(before, Event)
    assert isinstance(wrong, BadEvent)
    assert wrong.index == 1
    assert wrong.reason
    assert isinstance(after, Event)


@pytest.mark.parametrize("argument", [None, 41, "", "four", "-1", "4.1", "9" * 40, "٤١", {"a": 1}])
def test_a_delivery_that_is_not_ours_is_none(argument):
    assert event(wv_delivery=argument).delivery is None


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"\xff\xfe", b"\x1f\x8b\x08\x00gzip", b"[" * 100_000, b"nonsense", b'"text"', b"[1]" * 3]
)
def test_a_body_that_is_no_list_of_events_is_a_parse_error(body):
    with pytest.raises(ParseError):
        parse_events(body)


def test_a_body_that_is_far_too_long_is_not_even_read():
    with pytest.raises(ParseError, match="limit"):
        parse_events(b" " * 6_000_000)


@steady
@given(
    body=st.binary(max_size=60)
    | st.recursive(st.none() | st.text(max_size=5), st.lists).map(lambda any_: json.dumps(any_).encode())
)
def test_whatever_comes_is_events_or_a_parse_error(body):
    try:
        events = parse_events(body)
    except ParseError:
        return
    assert all(isinstance(one, Event | BadEvent) for one in events)


def test_a_repeated_event_with_a_new_id_has_the_same_key():
    assert event().key == event(sg_event_id="id-2", sg_message_id="x").key


@pytest.mark.parametrize(
    "change",
    [{"event": "open"}, {"wv_delivery": "42"}, {"wv_attempt": "b"}, {"timestamp": 5}, {"url": "https://x.example/"}],
)
def test_different_events_have_different_keys(change):
    assert event().key != event(**change).key


def test_control_characters_do_not_reach_the_record():
    assert event(reason="a\x00b\x1b[31m", email="x\ud800@y").reason == "ab[31m"


# --- the signature


@pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM])
def test_what_the_provider_signed_is_let_in(encoding):
    body = json.dumps([raw()]).encode()
    verify(body, *sign(body, NOW), public(KEY, encoding), now=NOW)


def test_one_changed_byte_is_refused():
    body = b"[1]"
    with pytest.raises(Refused, match="not signed"):
        verify(b"[2]", *sign(body, NOW), public(KEY), now=NOW)


def test_another_account_s_key_is_refused():
    body = b"[1]"
    with pytest.raises(Refused):
        verify(body, *sign(body, NOW, ec.generate_private_key(ec.SECP256R1())), public(KEY), now=NOW)


def test_a_timestamp_that_was_not_signed_is_refused():
    proof, _ = sign(b"[1]", NOW)
    with pytest.raises(Refused):
        verify(b"[1]", proof, str(int(NOW.timestamp()) + 1), public(KEY), now=NOW)


@pytest.mark.parametrize("age", [REPLAY_WINDOW + timedelta(seconds=1), -CLOCK_SKEW - timedelta(seconds=1)])
def test_an_old_or_future_signature_is_refused(age):
    proof, timestamp = sign(b"[1]", NOW - age)
    with pytest.raises(Refused, match="too long ago"):
        verify(b"[1]", proof, timestamp, public(KEY), now=NOW)


@pytest.mark.parametrize("age", [timedelta(hours=24), timedelta(0), -timedelta(minutes=5)])
def test_a_retry_of_the_same_day_is_let_in(age):
    verify(b"[1]", *sign(b"[1]", NOW - age), public(KEY), now=NOW)


@pytest.mark.parametrize(
    ("signature", "timestamp"),
    [
        ("", "1"),
        ("not base64!", None),
        ("AAAA", None),
        (None, ""),
        (None, "soon"),
        (None, "1e9"),
        (None, "9" * 40),
        (None, "١"),
    ],
)
def test_odd_headers_are_refused(signature, timestamp):
    proof, signed = sign(b"[1]", NOW)
    with pytest.raises(Refused):
        verify(
            b"[1]",
            proof if signature is None else signature,
            signed if timestamp is None else timestamp,
            public(KEY),
            now=NOW,
        )


@pytest.mark.parametrize(
    "key",
    ["", "nonsense", public(rsa.generate_private_key(65537, 2048)), public(ec.generate_private_key(ec.SECP384R1()))],
)
def test_a_key_that_is_none_of_the_provider_s_is_refused(key):
    with pytest.raises(Refused, match="public key"):
        verify(b"[1]", *sign(b"[1]", NOW), key, now=NOW)


# --- the rank


@steady
@given(start=st.sampled_from(DeliveryState), kinds=st.lists(st.sampled_from(EventKind), max_size=8), data=st.data())
def test_the_order_and_number_of_reports_do_not_matter(start, kinds, data):
    repeated = kinds + data.draw(st.lists(st.sampled_from(kinds), max_size=5)) if kinds else []
    shuffled = data.draw(st.permutations(repeated))
    assert functools.reduce(apply_rank, shuffled, start) == functools.reduce(apply_rank, kinds, start)


@pytest.mark.parametrize(
    ("current", "kind", "then"),
    [
        ("accepted", "delivered", "delivered"),
        ("accepted", "deferred", "accepted"),
        ("uncertain", "processed", "accepted"),
        ("uncertain", "deferred", "accepted"),
        ("in_batch", "processed", "accepted"),
        ("bounced", "delivered", "bounced"),
        ("bounced", "open", "bounced"),
        ("delivered", "bounce", "bounced"),
        ("accepted", "blocked", "bounced"),
        ("accepted", "dropped", "refused"),
        ("refused", "delivered", "refused"),
        ("delivered", "spam_report", "complained"),
        ("complained", "delivered", "complained"),
        ("complained", "bounce", "complained"),
        ("accepted", "click", "delivered"),
        ("accepted", "unsubscribe", "delivered"),
    ],
)
def test_a_report_moves_a_delivery_up_and_never_down(current, kind, then):
    assert apply_rank(DeliveryState(current), EventKind(kind)) == then
