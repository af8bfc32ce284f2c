"""What SendGrid reports back: a signed body of events becomes values, and a delivery's state follows them. Pure.

Events come late, out of order, several times over and with new ids on a retry. So each carries a natural key beside
the provider's id, and `apply_rank` only ever moves a delivery up: the same set of events leads to the same state in
whatever order and number it arrives.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from core.delivery import DeliveryState, EventKind
from core.errors import ParseError, Refused
from core.text import clean

DELIVERY_ARG = "wv_delivery"
BATCH_ARG = "wv_batch"
ATTEMPT_ARG = "wv_attempt"

REPLAY_WINDOW = timedelta(hours=25)
"""The provider retries for 24 hours with the first timestamp; an hour more for clocks."""

CLOCK_SKEW = timedelta(minutes=10)
LARGEST_BODY = 5_000_000  # bytes; a post of the provider holds a thousand events, well below one million bytes
MOST_EVENTS = 20_000

_KINDS: Mapping[tuple[str, str], EventKind] = {
    ("processed", ""): EventKind.PROCESSED,
    ("deferred", ""): EventKind.DEFERRED,
    ("delivered", ""): EventKind.DELIVERED,
    ("open", ""): EventKind.OPEN,
    ("click", ""): EventKind.CLICK,
    ("bounce", ""): EventKind.BOUNCE,
    ("bounce", "bounce"): EventKind.BOUNCE,
    ("bounce", "blocked"): EventKind.BLOCKED,
    ("blocked", ""): EventKind.BLOCKED,
    ("dropped", ""): EventKind.DROPPED,
    ("spamreport", ""): EventKind.SPAM_REPORT,
    ("unsubscribe", ""): EventKind.UNSUBSCRIBE,
    ("group_unsubscribe", ""): EventKind.UNSUBSCRIBE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One report about one mail.

    `delivery` is ours, from the custom arguments, None for mails that we do not know (another application of the
    same account, a letter). `provider_id` may change when the provider tries again, `key` does not. `machine` marks
    an open or click by a program, `url` is what was clicked. `payload` is the event as it came, for the record.
    """

    kind: EventKind
    delivery: int | None
    attempt: str | None
    provider_id: str
    key: str
    at: datetime
    address: str
    reason: str
    machine: bool
    url: str
    payload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BadEvent:
    """An entry of the body that could not be read; its neighbours could."""

    index: int
    reason: str
    payload: str


def parse_events(body: bytes) -> tuple[Event | BadEvent, ...]:
    """The events of one post, in its order. Raises ParseError when the body as a whole is no list of events."""
    if len(body) > LARGEST_BODY:
        raise ParseError(f"The events have {len(body)} bytes, {LARGEST_BODY} is the limit.")
    try:
        entries = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"The events are no JSON: {error}.") from error
    if not isinstance(entries, list) or len(entries) > MOST_EVENTS:
        raise ParseError("The events are no list of reasonable length.")
    return tuple(_read(index, entry) for index, entry in enumerate(entries))


def _read(index: int, entry: Any) -> Event | BadEvent:
    payload = json.dumps(entry, sort_keys=True)[:10_000]
    try:
        if not isinstance(entry, dict):
            raise TypeError("not an object")
        return _event(entry, payload)
    except (TypeError, ValueError, KeyError, OverflowError, OSError) as error:
        return BadEvent(index=index, reason=clean(str(error), limit=200), payload=payload)


def _event(entry: Mapping[str, Any], payload: str) -> Event:
    kind = _kind(entry)
    at = _instant(entry.get("timestamp"))
    delivery = _number(entry.get(DELIVERY_ARG))
    address = _text(entry, "email", limit=320)
    attempt = _text(entry, ATTEMPT_ARG, limit=64) or None
    url = _text(entry, "url", limit=2_000)
    return Event(
        kind=kind,
        delivery=delivery,
        attempt=attempt,
        provider_id=_text(entry, "sg_event_id", limit=200),
        key=_natural_key(kind, attempt, delivery, address.casefold(), at, url),
        at=at,
        address=address,
        reason=_text(entry, "reason", limit=500) or _text(entry, "response", limit=500),
        machine=entry.get("sg_machine_open") is True,
        url=url,
        payload=payload,
    )


def _kind(entry: Mapping[str, Any]) -> EventKind:
    name = entry.get("event")
    if not isinstance(name, str):
        raise TypeError("no event name")
    kind = _KINDS.get((name, _text(entry, "type", limit=20))) or _KINDS.get((name, ""))
    if kind is None:
        raise ValueError(f"unknown event {name}")
    return kind


def _instant(value: Any) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 253_402_300_800:  # noqa: PLR2004 - year 9999
        raise ValueError("no timestamp")
    return datetime.fromtimestamp(value, UTC)


def _number(value: Any) -> int | None:
    """A delivery id as it was sent out, a decimal string; None for anything else: it is not one of ours."""
    text = value if isinstance(value, str) else ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None  # noqa: PLR2004 - 64 bits


def _text(entry: Mapping[str, Any], name: str, *, limit: int) -> str:
    value = entry.get(name)
    return clean(value, limit=limit) if isinstance(value, str) else ""


def _natural_key(kind: EventKind, *parts: object) -> str:
    """The same for one report however often it is sent, whatever id the provider gives it."""
    text = "\0".join((kind.value, *(str(part) for part in parts)))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


# --- the signature


def verify(body: bytes, signature: str, timestamp: str, public_key: str, *, now: datetime) -> None:
    """Raises Refused unless the provider signed exactly these bytes, not longer ago than `REPLAY_WINDOW`.

    `signature` and `timestamp` are the headers X-Twilio-Email-Event-Webhook-Signature and -Timestamp, `public_key`
    the base64 key of the account's settings page (PEM lines around it do no harm). ECDSA with SHA-256 on P-256
    over the timestamp followed by the raw body.
    """
    signed_at = _signed_at(timestamp)
    if not now - REPLAY_WINDOW <= signed_at <= now + CLOCK_SKEW:
        raise Refused("The events were signed too long ago, or in the future.", mend="Is this machine's clock right?")
    key = load_key(public_key)
    try:
        proof = base64.b64decode(signature, validate=True)
        key.verify(proof, timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise Refused(
            "The events are not signed by the provider.", mend="Is VERDICTS_SENDGRID_WEBHOOK_KEY this account's?"
        ) from error


def _signed_at(timestamp: str) -> datetime:
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) < 12):  # noqa: PLR2004 - seconds since 1970
        raise Refused("The events carry no time of signing.")
    return datetime.fromtimestamp(int(timestamp), UTC)


def load_key(public_key: str) -> ec.EllipticCurvePublicKey:
    """The key of a setting. Raises Refused when it is none, or none on P-256."""
    lines = [line.strip() for line in public_key.strip().splitlines() if "-----" not in line]
    try:
        key = load_der_public_key(base64.b64decode("".join(lines), validate=True))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _no_key() from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _no_key()
    return key


def _no_key() -> Refused:
    return Refused("The webhook's public key is none.", mend="Set VERDICTS_SENDGRID_WEBHOOK_KEY.")


# --- the rank

_MEANS: Mapping[EventKind, DeliveryState] = {
    EventKind.PROCESSED: DeliveryState.ACCEPTED,
    EventKind.DEFERRED: DeliveryState.ACCEPTED,
    EventKind.DELIVERED: DeliveryState.DELIVERED,
    EventKind.OPEN: DeliveryState.DELIVERED,
    EventKind.CLICK: DeliveryState.DELIVERED,
    EventKind.UNSUBSCRIBE: DeliveryState.DELIVERED,
    EventKind.DROPPED: DeliveryState.REFUSED,
    EventKind.BLOCKED: DeliveryState.BOUNCED,
    EventKind.BOUNCE: DeliveryState.BOUNCED,
    EventKind.SPAM_REPORT: DeliveryState.COMPLAINED,
}

_RANK: Mapping[DeliveryState, int] = {
    state: rank
    for rank, state in enumerate(
        (
            DeliveryState.PENDING,
            DeliveryState.IN_BATCH,
            DeliveryState.SUPPRESSED,
            DeliveryState.UNCERTAIN,  # below accepted: any report at all settles the doubt
            DeliveryState.ACCEPTED,
            DeliveryState.DELIVERED,
            DeliveryState.REFUSED,
            DeliveryState.BOUNCED,
            DeliveryState.COMPLAINED,
        )
    )
}


def apply_rank(current: DeliveryState, kind: EventKind) -> DeliveryState:
    """A delivery's state after a report: the higher of the two, so that order and repetition do not matter.

    A late "delivered" never undoes a drop, a bounce or a complaint; a bounce after "delivered" (many servers take a
    mail first and return it later) counts.
    """
    told = _MEANS[kind]
    return told if _RANK[told] > _RANK[current] else current
