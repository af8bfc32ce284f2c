"""What the provider reports: verified, kept, and only then answered; applied afterwards, in order of rank.

Keeping and applying are two steps, so that a report is never lost to something that goes wrong with another one, and
the provider, which tries again for a day when it is not answered, is answered at once.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app import sending
from app.wiring import Product
from core.delivery import BatchState, DeliveryState, EventKind, Evidence
from core.errors import ParseError, Refused, SettingsError
from core.subscriber import SubscriberState, address_key
from digest import ledger
from digest.events import LARGEST_BODY, BadEvent, Event, apply_rank, parse_events, verify
from store import audit, events, subscribers, uncertain
from store.events import Report, Waiting
from store.subscribers import Consent

_SLICE = 500
_PERSONAL = ("email", "ip", "useragent", "smtp-id")
"""What a report says of a person beyond the mail itself is not kept: the event's row outlives the subscription."""

_RANK = {kind: rank for rank, kind in enumerate(EventKind)}

_STRIKES = {
    EventKind.BOUNCE: SubscriberState.BOUNCED,
    EventKind.SPAM_REPORT: SubscriberState.COMPLAINED,
    EventKind.UNSUBSCRIBE: SubscriberState.UNSUBSCRIBED,
}
_DROPPED_BECAUSE = {
    "bounced address": SubscriberState.BOUNCED,
    "invalid": SubscriberState.BOUNCED,
    "spam reporting address": SubscriberState.COMPLAINED,
    "unsubscribed address": SubscriberState.UNSUBSCRIBED,
}
"""The provider's reasons for not even trying: what its own lists say of the address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """How many reports of a post were new, known already, and unreadable."""

    kept: int
    known: int
    unreadable: int


def receive(product: Product, body: bytes, *, signature: str, timestamp: str, compressed: bool = False) -> Received:
    """Keep a post of the provider's. `body` are the bytes as they came, `compressed` says that they are gzip.

    Raises Refused when the provider did not sign them, or too long ago, SettingsError when no key is set, ParseError
    when they are no list of reports. What single entries are wrong is kept beside the others.
    """
    key = product.settings.sendgrid_webhook_key
    if not key:
        raise SettingsError("VERDICTS_SENDGRID_WEBHOOK_KEY is not set.", mend="docs/sending.md says where it stands.")
    plain = _inflate(body) if compressed else body
    try:
        verify(body, signature, timestamp, key, now=product.now)
    except Refused:
        if not compressed:
            raise
        verify(plain, signature, timestamp, key, now=product.now)  # compressed on its way, by somebody in between
    return keep(product, parse_events(plain))


def _inflate(body: bytes) -> bytes:
    reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        plain = reader.decompress(body, LARGEST_BODY + 1)
    except zlib.error as error:
        raise ParseError(f"The body is no gzip: {error}.") from error
    if len(plain) > LARGEST_BODY or not reader.eof:
        raise ParseError(f"The body holds more than {LARGEST_BODY} bytes, or was cut short.")
    return plain


def keep(product: Product, found: Sequence[Event | BadEvent]) -> Received:
    """Keep what was parsed, in one transaction."""
    good = [_report(each) for each in found if isinstance(each, Event)]
    bad = [(each.reason, json.dumps(_impersonal(each.payload))) for each in found if isinstance(each, BadEvent)]
    with product.database.write() as connection:
        kept = events.keep(connection, good, now=product.now)
        events.keep_unreadable(connection, bad, now=product.now)
    return Received(kept=kept, known=len(good) - kept, unreadable=len(bad))


def _report(event: Event) -> Report:
    return Report(
        provider_id=event.provider_id,
        key=event.key,
        kind=event.kind,
        delivery=event.delivery,
        attempt=event.attempt,
        address=event.address,
        reason=event.reason,
        url=event.url or None,
        machine=event.machine,
        at=event.at,
        payload=_impersonal(event.payload),
    )


def _impersonal(payload: str) -> Any:
    try:
        entry = json.loads(payload)
    except ValueError:  # cut at its limit
        return {}
    return {name: value for name, value in entry.items() if name not in _PERSONAL} if isinstance(entry, dict) else entry


# ------------------------------------------------------------ applying


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """How many reports were applied, batches confirmed, and subscribers who bounced, complained or left."""

    events: int
    confirmed: int
    struck: int


def apply_events(product: Product) -> Applied:
    """Apply every report that waits. Again, or by two at once, it changes nothing more. Reports about an attempt whose
    answer is still awaited wait, too."""
    done = struck = last = 0
    while True:
        with product.database.write() as connection:
            found = events.waiting(connection, limit=_SLICE, after=last)
            if not found:
                break
            last = found[-1].id
            applied, hit = _apply_slice(connection, found, after=found[0].id - 1, now=product.now)
            done, struck = done + applied, struck + hit
    with product.database.write() as connection:
        confirmed = events.confirm_batches(connection, now=product.now)
    for week in sending.to_send(product):
        sending.finish(product, week, actor=audit.SYSTEM)
    return Applied(events=done, confirmed=confirmed, struck=struck)


def _apply_slice(connection: Any, found: Sequence[Waiting], *, after: int, now: datetime) -> tuple[int, int]:
    """How many were applied, and how many subscribers were struck."""
    if _settle_doubts(connection, found, now=now):
        found = events.waiting(connection, limit=_SLICE, after=after)
    ready = [each for each in found if not _is_awaited(each)]
    ours = events.known_attempts(connection, {each.attempt for each in ready if each.attempt})
    struck = 0
    for each in sorted(ready, key=lambda one: (_RANK[one.kind], one.at)):
        mine = each if each.attempt in ours or _same_address(each) else _disowned(each)
        _lift(connection, mine, now=now)
        struck += _strike(connection, mine, now=now)
    events.mark_applied(connection, [each.id for each in ready], now=now)
    return len(ready), struck


def _settle_doubts(connection: Any, found: Iterable[Waiting], *, now: datetime) -> bool:
    """A report of an attempt whose answer was lost is the evidence that it was taken."""
    doubtful = {each.attempt for each in found if each.batch_state is BatchState.UNCERTAIN and _is_present(each)}
    settlement = ledger.resolve(reported=True, called_off=False)
    if not doubtful or settlement is None:
        return False
    for doubt in uncertain.about(connection, sorted(each for each in doubtful if each)):
        if uncertain.resolve(connection, doubt, settlement, evidence=Evidence.EVENT, now=now):
            audit.note(
                connection,
                now=now,
                actor=audit.SYSTEM,
                action="batch.settle",
                subject=f"batch:{doubt.id}",
                after={"evidence": Evidence.EVENT, "week": doubt.week, "recipients": doubt.recipients},
            )
    return True


def _is_present(each: Waiting) -> bool:
    """Whether a report is about the attempt that its batch is at."""
    return each.attempt is not None and each.attempt == each.batch_attempt


def _is_awaited(each: Waiting) -> bool:
    """Whether the answer to the very request that a report is about may still come."""
    return each.batch_state is BatchState.SENDING and _is_present(each)


def _same_address(each: Waiting) -> bool:
    return each.known_address is not None and address_key(each.known_address) == address_key(each.address)


def _disowned(each: Waiting) -> Waiting:
    """A report that names a delivery of ours by chance: another installation's, of the same account."""
    return Waiting(
        id=each.id,
        kind=each.kind,
        at=each.at,
        attempt=None,
        address=each.address,
        reason=each.reason,
        delivery=None,
        state=None,
        batch=None,
        batch_state=None,
        batch_attempt=None,
        subscriber=None,
        known_address=None,
    )


def _lift(connection: Any, each: Waiting, *, now: datetime) -> None:
    if each.delivery is None or each.batch is None:
        return
    # Earlier reports of this very slice have moved it, too.
    state = events.state_of(connection, each.delivery)
    after = apply_rank(state, each.kind)
    if after is not state:
        word = each.reason if after is not DeliveryState.DELIVERED else ""
        events.lift(connection, each.delivery, before=state, after=after, word=word, now=now)


def _strike(connection: Any, each: Waiting, *, now: datetime) -> bool:
    """Whether a report has changed what a subscriber is."""
    after = _STRIKES.get(each.kind)
    if each.kind is EventKind.DROPPED:
        after = _DROPPED_BECAUSE.get(each.reason.strip().casefold())
    if after is None:
        return False
    at = each.subscriber
    if at is None and each.address:
        known = subscribers.find(connection, each.address)
        at = known.id if known else None
    if at is None or not events.strike(connection, at, after=after, at=each.at, now=now):
        return False
    address = each.known_address or each.address
    if after is SubscriberState.UNSUBSCRIBED:
        trail = Consent(kind="withdrawn", text="", source="provider")
        subscribers.note_consent(connection, at, trail, now=now)
    elif address:
        subscribers.suppress(connection, address, reason=after.value, now=now)
    audit.note(connection, now=now, actor=audit.SYSTEM, action=f"subscriber.{after.value}", subject=f"subscriber:{at}")
    return True
