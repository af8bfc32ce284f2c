"""Names on one address: each connection is of the name whose certificate was checked."""

from __future__ import annotations

import asyncio
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from core.clock import system_clock
from core.errors import FetchError
from core.source import Request, Validators
from ingest import fetch
from ingest.fetch import Fetcher, Limits
from tests.ingest.servers import reply

OWN, OTHER = "own.example", "other.example"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Key and certificate of a server that is `own.example` and nobody else."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, OWN)]), system_clock()
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(OWN)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    private = serialization.PrivateFormat.PKCS8
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_a_connection_of_one_name_is_not_used_for_another(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def loopback(host: str, port: int, *, private_allowed: bool) -> tuple[str, ...]:
        return ("127.0.0.1",)

    connections: list[object] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer.get_extra_info("peername"))
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(reply(body=b"x"))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def test() -> None:
        server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_side.load_cert_chain(certificate)
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_side)
        port = server.sockets[0].getsockname()[1]
        async with server, Fetcher(contact="", version="0", limits=Limits(gap=0, retries=0)) as fetcher:
            fetcher._tls = ssl.create_default_context(cafile=str(certificate))
            for path in "ab":
                await fetcher.fetch(Request(url=f"https://{OWN}:{port}/{path}"), Validators())
            assert len(connections) == 1
            with pytest.raises(FetchError, match="CERTIFICATE_VERIFY_FAILED"):
                await fetcher.fetch(Request(url=f"https://{OTHER}:{port}/"), Validators())

    monkeypatch.setattr(fetch, "resolve", loopback)
    asyncio.run(test())
