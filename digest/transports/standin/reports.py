"""The stand-in's event webhook: signs like the provider, posts like the provider, and misbehaves like it."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

DOUBLES = 46
"""The most copies of one event that were ever seen."""

_LARGEST_POST = 1_000
_TIMEOUT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One post of the webhook, ready to go: the raw body and its headers."""

    body: bytes
    headers: dict[str, str]


@dataclass(kw_only=True)
class Reporter:
    """Makes and sends posts. `strikes` says which fault takes place now."""

    strikes: Callable[[str], bool]
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def public_key(self) -> str:
        """The key that VERDICTS_SENDGRID_WEBHOOK_KEY wants."""
        data = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(data).decode()

    def posts(self, events: Sequence[dict[str, Any]], *, now: datetime) -> Iterator[Post]:
        """These events as the provider would post them, with whatever misbehaviour is switched on."""
        if not events or self.strikes("events-lost"):
            return
        entries = list(events)
        if self.strikes("events-foreign"):
            entries += [_foreign(each) for each in events]
        if self.strikes("events-renamed"):
            entries += [{**each, "sg_event_id": secrets.token_urlsafe(16)} for each in events]
        if self.strikes("events-doubled"):
            entries *= DOUBLES
        if self.strikes("events-shuffled"):
            secrets.SystemRandom().shuffle(entries)
        signed_at = now - timedelta(hours=24) if self.strikes("events-late") else now
        if self.strikes("events-broken"):
            yield self._signed(b'[{"event": "delivered", "email": "\xff\xfe"}]', signed_at)
        if self.strikes("events-oversized"):
            yield self._signed(b"[" + b" " * 6_000_000 + b"]", signed_at)
        if self.strikes("events-badly-signed"):
            other = Reporter(strikes=lambda _: False)
            yield from other.posts([{**each, "event": "bounce"} for each in events], now=signed_at)
        for start in range(0, len(entries), _LARGEST_POST):
            body = json.dumps(entries[start : start + _LARGEST_POST]).encode()
            yield self._signed(body, signed_at, compress=self.strikes("events-gzipped"))

    def _signed(self, body: bytes, at: datetime, *, compress: bool = False) -> Post:
        timestamp = str(int(at.timestamp()))
        proof = self.key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        headers = {
            "Content-Type": "application/json",
            "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(proof).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
        }
        if compress:
            return Post(body=gzip.compress(body), headers=headers | {"Content-Encoding": "gzip"})
        return Post(body=body, headers=headers)


def _foreign(event: dict[str, Any]) -> dict[str, Any]:
    """An event of another installation of the same account, which numbers its deliveries like we do."""
    return {
        **event,
        "email": f"stranger-{secrets.token_hex(4)}@elsewhere.example",
        "event": "spamreport",
        "wv_attempt": secrets.token_hex(16),
        "sg_event_id": secrets.token_urlsafe(16),
    }


def deliver(post: Post, url: str) -> int:
    """Post it. Returns the status; 0 when nobody answered."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT)
    try:
        connection.request("POST", parts.path or "/", body=post.body, headers=post.headers)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()
