from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from core.delivery import AnswerKind
from digest.transports import smtp
from digest.transports.smtp import Smtp
from tests.digest.servers import MailServer
from tests.digest.test_transports import NOW, AnyPort, Keeper, outgoing, recipient


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1, signed by itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    today = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + signed.public_bytes(Encoding.PEM))
    return path


@pytest.fixture(params=["smtps", "smtp"])
def place(request: pytest.FixtureRequest, certificate: Path) -> Iterator[tuple[str, Keeper]]:
    """A server that knows ada's password and speaks TLS from the start (smtps) or insists on STARTTLS (smtp)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    keeper = Keeper()

    def login(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"ada", b"pass:word"), handled=False)

    kwargs: dict[str, Any] = {"authenticator": login}
    if request.param == "smtps":
        kwargs |= {"ssl_context": context, "auth_require_tls": False}
    else:
        kwargs |= {"tls_context": context, "require_starttls": True, "auth_required": True}
    controller = AnyPort(keeper, hostname="127.0.0.1", port=0, **kwargs)
    controller.start()
    yield f"{request.param}://ada:%s@127.0.0.1:{controller.port}", keeper
    controller.stop()


def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


def test_mail_crosses_encrypted_and_after_a_login(place, certificate):
    url, keeper = place
    transport = Smtp(url % "pass%3Aword", timeout=5, context=trusting(certificate))
    answer = transport.send(outgoing(recipient(1)), transport.open_attempt(NOW))
    transport.close()
    assert answer.kind is AnswerKind.ACCEPTED
    assert len(keeper.kept) == 1


def test_a_wrong_password_pauses_the_edition(place, certificate):
    url, keeper = place
    transport = Smtp(url % "wrong", timeout=5, context=trusting(certificate))
    answer = transport.send(outgoing(recipient(1)), transport.open_attempt(NOW))
    assert answer.kind is AnswerKind.UNAUTHORISED
    assert keeper.kept == []


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(place):
    url, keeper = place
    transport = Smtp(url % "pass%3Aword", timeout=5)
    answer = transport.send(outgoing(recipient(1)), transport.open_attempt(NOW))
    assert answer.kind is AnswerKind.UNAUTHORISED
    assert "certificate" in answer.detail
    assert keeper.kept == []


def test_a_password_does_not_cross_a_network_in_the_clear(monkeypatch):
    server = MailServer()
    monkeypatch.setattr(smtp, "_is_loopback", lambda host: False)
    transport = Smtp(f"smtp://ada:secret@127.0.0.1:{server.port}", timeout=2)
    answer = transport.send(outgoing(recipient(1)), transport.open_attempt(NOW))
    server.close()
    assert answer.kind is AnswerKind.UNAUTHORISED
    assert "the password stays here" in answer.detail
    assert server.mails == []
