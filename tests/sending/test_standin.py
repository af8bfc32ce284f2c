"""The stand-in answers as the provider does: its rules are held against the provider's own file where that is there."""

from __future__ import annotations

import copy
import http.client
import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UsageError
from digest.transports.standin import FAULTS, breaches, read_fault
from digest.transports.standin.account import MOST_CANCELLED, Account
from tests.conftest import NOW
from tests.digest.samples import steady
from tests.digest.servers import SCHEMA, schema_faults
from tests.sending.stage import Clock

FINE: dict[str, Any] = {
    "personalizations": [
        {
            "to": [{"email": "ada@example.org", "name": "Ada"}],
            "cc": [{"email": "bo@example.org"}],
            "subject": "Hello",
            "headers": {"X-One": "1"},
            "substitutions": {"{{a}}": "b"},
            "custom_args": {"wv_delivery": "1"},
            "send_at": int(NOW.timestamp()) + 60,
        },
        {"to": [{"email": "cy@example.org"}], "from": {"email": "we@example.org"}},
    ],
    "from": {"email": "we@example.org", "name": "We"},
    "reply_to": {"email": "re@example.org"},
    "subject": "Hello",
    "content": [{"type": "text/plain", "value": "hi"}, {"type": "text/html", "value": "<p>hi"}],
    "attachments": [{"content": "aGk=", "filename": "a.txt", "type": "text/plain", "disposition": "inline"}],
    "headers": {"List-Id": "x"},
    "categories": ["weekly"],
    "custom_args": {"wv_batch": "1"},
    "send_at": int(NOW.timestamp()) + 3600,
    "batch_id": "known",
    "asm": {"group_id": 1, "groups_to_display": [1, 2]},
    "ip_pool_name": "pool",
    "mail_settings": {"sandbox_mode": {"enable": False}, "footer": {"enable": True, "text": "x", "html": "y"}},
    "tracking_settings": {
        "click_tracking": {"enable": False, "enable_text": False},
        "open_tracking": {"enable": True, "substitution_tag": "%x"},
        "ganalytics": {"enable": False, "utm_source": "a"},
        "subscription_tracking": {"enable": False},
    },
}


def broken(body: Any, size: int = 100) -> list[str]:
    return [each.field for each in breaches(body, size=size, batches={"known"}, now=NOW)]


def places(value: Any, road: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [road] if road else []
    if isinstance(value, dict):
        return found + [each for key, inner in value.items() for each in places(inner, (*road, key))]
    if isinstance(value, list):
        return found + [each for at, inner in enumerate(value) for each in places(inner, (*road, at))]
    return found


PLACES = places(FINE)
GONE = object()
WRONG = [GONE, None, 7, "", "x", [], {}, [7], {"a": 7}, True, "x" * 300, list(range(30))]


def changed(road: tuple[Any, ...], value: Any) -> dict[str, Any]:
    body = copy.deepcopy(FINE)
    *inner, last = road
    place: Any = body
    for step in inner:
        place = place[step]
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return body


def test_a_request_that_is_fine_breaks_no_rule():
    assert broken(FINE) == []
    assert schema_faults(FINE) == []


@pytest.mark.skipif(not SCHEMA.exists(), reason="the provider's file is not here")
@steady
@given(road=st.sampled_from(PLACES), value=st.sampled_from(WRONG))
def test_whatever_the_provider_s_file_refuses_is_refused(road, value):
    body = changed(road, value)
    if schema_faults(body):
        assert broken(body)


@pytest.mark.skipif(not SCHEMA.exists(), reason="the provider's file is not here")
def test_the_file_and_the_rules_agree_on_every_single_change():
    missed = [
        (road, value)
        for road in PLACES
        for value in WRONG
        if schema_faults(body := changed(road, value)) and not broken(body)
    ]
    assert missed == []


def person(number: int, **more: Any) -> dict[str, Any]:
    return {"to": [{"email": f"r{number}@example.org"}], **more}


BEYOND_THE_FILE = {
    "an address twice": {"personalizations": [person(1), person(2), person(1)]},
    "an address twice, in capitals": {"personalizations": [person(1), {"to": [{"email": "R1@EXAMPLE.org"}]}]},
    "nobody": {"personalizations": []},
    "more than a thousand": {
        "personalizations": [{"to": [{"email": f"r{n}-{m}@example.org"} for m in range(2)]} for n in range(501)]
    },
    "large substitutions": {"personalizations": [person(1, substitutions={"{{a}}": "x" * 10_001})]},
    "large arguments": {"personalizations": [person(1, custom_args={"a": "x" * 10_001})]},
    "a reserved header": {"personalizations": [person(1, headers={"Reply-To": "x@example.org"})]},
    "too far ahead": {"send_at": int((NOW + timedelta(hours=73)).timestamp())},
    "an unknown batch": {"batch_id": "unknown"},
    "HTML before text": {"content": FINE["content"][::-1]},
    "no subject": {"subject": ""},
    "no content": {"content": []},
    "eleven categories": {"categories": [str(n) for n in range(11)]},
    "two kinds of reply": {"reply_to_list": [{"email": "a@example.org"}]},
}


@pytest.mark.parametrize("case", BEYOND_THE_FILE)
def test_what_the_file_leaves_out_is_refused_too(case):
    assert broken({**FINE, **BEYOND_THE_FILE[case]})


def test_more_than_thirty_megabytes_is_refused():
    assert broken(FINE, size=30_000_001) == [""]


# --- scheduled sends


def body(batch: str, address: str, at: Any) -> dict[str, Any]:
    return {
        "personalizations": [{"to": [{"email": address}]}],
        "subject": "s",
        "content": [{"type": "text/plain", "value": "x"}],
        "batch_id": batch,
        "send_at": int(at.timestamp()),
    }


def test_a_batch_cancelled_in_time_never_goes_out_and_one_cancelled_late_does():
    clock = Clock(NOW)
    account = Account(clock=clock)
    early, late = account.new_batch(), account.new_batch()
    for batch, address in ((early, "early@example.org"), (late, "late@example.org")):
        account.accept(body(batch, address, NOW + timedelta(minutes=30)))
    assert account.set_status(early, "cancel") == ""
    clock.move(minutes=25)
    assert account.set_status(late, "cancel") == ""
    clock.move(minutes=10)
    assert [each.to for each in account.went_out()] == ["late@example.org"]


def test_what_arrives_for_a_batch_that_was_cancelled_does_not_go_out():
    clock = Clock(NOW)
    account = Account(clock=clock)
    batch = account.new_batch()
    account.set_status(batch, "cancel")
    account.accept(body(batch, "a@example.org", NOW + timedelta(minutes=30)))
    clock.move(hours=1)
    assert account.went_out() == []


def test_ten_batches_are_cancelled_at_one_time_and_no_more():
    clock = Clock(NOW)
    account = Account(clock=clock)
    batches = [account.new_batch() for _ in range(MOST_CANCELLED + 1)]
    for number, batch in enumerate(batches):
        account.accept(body(batch, f"r{number}@example.org", NOW + timedelta(minutes=30)))
    assert [account.set_status(each, "cancel") for each in batches[:MOST_CANCELLED]] == [""] * MOST_CANCELLED
    assert "maximum" in account.set_status(batches[-1], "cancel")
    clock.move(minutes=31)
    assert "maximum" not in account.set_status(batches[-1], "cancel")


def test_a_status_is_given_once_and_only_to_a_batch_that_exists():
    account = Account(clock=Clock(NOW))
    batch = account.new_batch()
    assert account.set_status(batch, "pause") == ""
    assert "already" in account.set_status(batch, "cancel")
    assert "not exist" in account.set_status("nobody's", "cancel")


# --- misbehaviour, and the command


@pytest.mark.parametrize(
    ("text", "left", "after"),
    [("redirect", -1, 0), ("redirect:3", 3, 0), ("redirect:1+2", 1, 2), ("redirect:+2", -1, 2)],
)
def test_a_fault_is_written_with_its_times(text, left, after):
    fault = read_fault(text)
    assert (fault.left, fault.after) == (left, after)


@pytest.mark.parametrize("text", ["nonsense", "redirect:x", "redirect:1+x", ""])
def test_a_fault_that_is_none_is_refused(text):
    with pytest.raises(UsageError):
        read_fault(text)


def test_a_fault_strikes_as_often_as_it_says():
    fault = read_fault("redirect:2+1")
    assert [fault.strikes() for _ in range(5)] == [False, True, True, False, False]


def test_every_fault_is_described():
    assert all(words and not words.endswith(".") for words in FAULTS.values())


def test_the_command_serves_until_it_is_told_to_stop():
    command = [sys.executable, "-m", "app", "dev", "sendgrid", "--port", "0", "--misbehave", "forbidden", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ) as child:
        assert child.stderr is not None
        lines = [child.stderr.readline() for _ in range(4)]
        address = urlsplit(lines[2].split("=", 1)[1].strip())
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=5)
        connection.request("POST", "/v3/mail/send", body=json.dumps({}), headers={"Authorization": "Bearer any"})
        assert connection.getresponse().status == 403
        connection.close()
        child.send_signal(signal.SIGTERM)
        out, _ = child.communicate(timeout=10)
    assert json.loads(out) == {"accepted": 0, "sent": 0}
