"""DKIM, held against a verifier that is not ours."""

from __future__ import annotations

from base64 import b64encode
from contextlib import closing
from datetime import UTC, datetime
from email import message_from_bytes

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from core.delivery import Mail, Outgoing, Recipient
from core.errors import SettingsError
from digest.headers import unsubscribe_headers
from digest.transports import open_transport
from digest.transports.seal import Seal, open_seal
from tests.digest.servers import MailServer

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
KEY = rsa.generate_private_key(65_537, 2_048)


def pem(key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def dns(public=None):
    """What the domain's DNS says of the selector's key."""
    shown = (public or KEY.public_key()).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    record = b"v=DKIM1; k=rsa; p=" + b64encode(shown)
    return lambda name, timeout=5: record if name == b"week._domainkey.verdicts.example." else None


def verifies(message: bytes, public=None) -> bool:
    try:
        return bool(dkim.DKIM(message).verify(dnsfunc=dns(public)))
    except dkim.DKIMException:
        return False


@pytest.fixture
def signed(tmp_path) -> bytes:
    """A mail of an edition as a server got it."""
    (tmp_path / "key.pem").write_bytes(pem(KEY))
    mail = Mail(
        sender="Weekly Verdicts <we@verdicts.example>",
        subject="Two tools, side by side: ümlauts {{confirmed_on}}",
        html="<p>.dot = é</p>\n" * 200 + "{{confirmed_on}}",
        text=".dot\n" * 200 + "{{confirmed_on}}",
        headers={"List-Id": "Weekly Verdicts <digest.verdicts.example>"},
    )
    reader = Recipient(
        delivery=7,
        address="reader@example.org",
        name="Réader",
        substitutions={"{{confirmed_on}}": "1 November 2026"},
        headers=unsubscribe_headers(url="https://verdicts.example/unsubscribe/" + "t" * 90),
    )
    seal = open_seal(tmp_path / "key.pem", selector="week", domain="verdicts.example")
    server = MailServer()
    try:
        with closing(open_transport("smtp", smtp_url=server.url, seal=seal)) as relay:
            relay.send(Outgoing(batch=1, week="2026-W48", mail=mail, recipients=(reader,)), relay.open_attempt(NOW))
    finally:
        server.close()
    return server.mails[0][2]


def test_a_signed_mail_verifies_and_covers_both_unsubscribe_headers(signed):
    assert verifies(signed)
    named = message_from_bytes(signed)["DKIM-Signature"].split("h=")[1].split(";")[0].split(":")
    named = [each.strip() for each in named]
    assert (named.count("from"), named.count("list-unsubscribe"), named.count("list-unsubscribe-post")) == (2, 2, 2)
    assert max(map(len, signed.split(b"\r\n"))) <= 998


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"=2Edot", b"=2Ednt"),
        (b"List-Unsubscribe-Post: ", b"List-Unsubscribe-Post: x"),
        (b"List-Unsubscribe: <https://verdicts", b"List-Unsubscribe: <https://elsewhere"),
        (b"From: ", b"From: other@elsewhere.example\r\nFrom: "),
        (b"MIME-Version", b"List-Unsubscribe: <https://elsewhere.example/>\r\nMIME-Version"),
    ],
)
def test_whatever_is_changed_on_the_way_shows(signed, old, new):
    assert old in signed
    assert not verifies(signed.replace(old, new, 1))


def test_another_key_does_not_sign_for_us(signed):
    assert not verifies(signed, rsa.generate_private_key(65_537, 2_048).public_key())


def test_settings_that_are_not_whole_or_no_key_are_refused(tmp_path):
    good, bad = tmp_path / "good.pem", tmp_path / "bad.pem"
    good.write_bytes(pem(KEY))
    bad.write_bytes(b"no key")
    other = tmp_path / "other.pem"
    other.write_bytes(pem(ec.generate_private_key(ec.SECP256R1())))
    assert open_seal(None, selector=None, domain=None) is None
    for key, selector, domain in (
        (good, None, "verdicts.example"),
        (None, "week", "verdicts.example"),
        (bad, "week", "verdicts.example"),
        (other, "week", "verdicts.example"),
        (tmp_path / "none.pem", "week", "verdicts.example"),
        (good, "we ek", "verdicts.example"),
        (good, "week", "verdicts.example;"),
    ):
        with pytest.raises(SettingsError):
            open_seal(key, selector=selector, domain=domain)
    with pytest.raises(SettingsError):
        Seal(b"", selector="week", domain="verdicts.example")
