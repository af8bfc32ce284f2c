from __future__ import annotations

import email
import email.policy
import quopri
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.delivery import Mail, Outgoing, Recipient
from core.errors import DeliveryError
from digest.headers import unsubscribe_headers
from digest.transports.message import Messages, envelope_address, quoted_printable, read_sender
from tests.digest.samples import steady

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
texts = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=300)


def build(recipient: Recipient, **changes: object) -> bytes:
    known: dict[str, object] = {
        "sender": "W <w@w.example>",
        "subject": "Hello",
        "html": "<p>x</p>",
        "text": "x",
        **changes,
    }
    mail = Mail(**known)  # type: ignore[arg-type]
    return Messages(Outgoing(batch=1, week="2026-W47", mail=mail, recipients=(recipient,)), date=NOW).build(recipient)


def parse(raw: bytes):
    return email.message_from_bytes(raw, policy=email.policy.default)


@steady
@given(text=texts)
def test_quoted_printable_decodes_to_the_same_text_in_short_lines_without_a_leading_dot(text):
    encoded = quoted_printable(text)
    assert quopri.decodestring(encoded).decode().replace("\r\n", "\n") == text
    for line in encoded.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.startswith(b".")
        assert line.isascii()


@steady
@given(before=texts, value=texts, after=texts)
def test_a_value_between_two_pieces_leaves_both_as_they_are(before, value, after):
    person = Recipient(delivery=1, address="a@b.example", substitutions={"{{name}}": value})
    message = parse(build(person, text=f"{before}{{{{name}}}}{after}" if "{" not in before + after else "{{name}}"))
    plain = message.get_body(("plain",)).get_content().replace("\r\n", "\n")
    expected = f"{before}{value}{after}" if "{" not in before + after else value
    assert plain.rstrip("\n") == expected.rstrip("\n")


@steady
@given(name=st.text(max_size=120), subject=st.text(min_size=1, max_size=200))
def test_any_name_and_subject_make_one_message_to_one_address(name, subject):
    raw = build(Recipient(delivery=1, address="a@b.example", name=name), subject=subject.replace("{", "("))
    message = parse(raw)
    assert [one.addr_spec for one in message["To"].addresses] == ["a@b.example"]
    assert sorted(message.keys()) == sorted(
        ["To", "Subject", "Message-ID", "From", "Date", "MIME-Version", "Content-Type"]
    )
    head = raw.split(b"\r\n\r\n")[0]
    assert all(len(line) <= 998 for line in head.split(b"\r\n"))
    assert raw.isascii()


def test_a_long_unsubscribe_address_is_folded_and_not_encoded():
    url = "https://verdicts.example/unsubscribe/" + "t" * 200
    message = parse(
        build(Recipient(delivery=1, address="a@b.example", headers=unsubscribe_headers(url=url, mailto="x@y.example")))
    )
    assert message["List-Unsubscribe"] == f"<{url}>, <mailto:x@y.example?subject=unsubscribe%20{'t' * 200}>"


def test_a_subject_beyond_ascii_and_with_a_mark_reads_as_written():
    person = Recipient(delivery=1, address="a@b.example", substitutions={"{{name}}": "Zoë 👩‍💻"})
    assert parse(build(person, subject="Für {{name}} — die Urteile"))["Subject"] == "Für Zoë 👩‍💻 — die Urteile"


@pytest.mark.parametrize("sender", ["", "nobody", "a@b.example\r\nBcc: c@d.example", "A <a b@c.example>", "<>"])
def test_a_sender_that_is_no_address_is_an_error(sender):
    with pytest.raises(DeliveryError) as caught:
        read_sender(Mail(sender=sender, subject="", html="", text=""))
    assert caught.value.permanent


@pytest.mark.parametrize(
    "header", [{"Bcc": "x@y.example"}, {"content-type": "text/html"}, {"X\r\nY": "z"}, {"X": "a\r\nBcc: b"}, {"": "x"}]
)
def test_a_header_that_breaks_out_or_replaces_ours_is_an_error(header):
    with pytest.raises(DeliveryError):
        build(Recipient(delivery=1, address="a@b.example"), headers=header)


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("Ada@Example.org", "Ada@Example.org"),
        ("a+b.c@x.example", "a+b.c@x.example"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
    ],
)
def test_an_address_reaches_the_envelope_as_mail_servers_take_it(address, plain):
    assert envelope_address(address) == plain


@pytest.mark.parametrize(
    "address",
    [
        "",
        "@",
        "a@",
        "@b.example",
        "a b@c.example",
        "a@b@c.example",
        "<a@b.example>",
        "a@b.example>\r\nDATA",
        "a@" + "b" * 300,
        "a@-b.example",
        "a..b@c.example",
    ],
)
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(ValueError):
        envelope_address(address)
