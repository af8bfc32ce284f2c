"""Filling the gaps of what the provider reported, from its own record; and settling what is uncertain, on schedule."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app import sending, settling, webhooks
from app.wiring import Product
from core.errors import DeliveryError
from digest.events import MOST_EVENTS, parse_events
from digest.transports import Record, record_of
from digest.transports.transport import Transport
from store import audit, events, uncertain

_OVERDUE = timedelta(hours=1)
"""Reports come within seconds; what nobody has reported on an hour after its time is asked for."""

_MOST_ADDRESSES = 200
"""Asked for in one run: two requests each, and the log has a rate limit of its own."""

_LISTS_REACH_BACK = timedelta(days=8)
"""A week and a day: a list is read whole again when a weekly run was missed."""

_LOG_BEFORE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What a run found: events that were missing, how many were applied, uncertain batches settled and left, and what
    could not be read."""

    missing: int
    applied: int
    settled: int
    uncertain: int
    problems: tuple[str, ...]


def reconcile(product: Product) -> Reconciled:
    """Pull what is missing from the provider's log and lists, apply what waits, settle what is uncertain.

    A list that cannot be read is a problem, and keeps nothing else from being done. Raises SettingsError.
    """
    sending.require_sendable(product)
    with sending.opened_transport(product) as transport:
        record = record_of(transport)
        missing, problems = _pull(product, record) if record else (0, [])
        applied = webhooks.apply_events(product).events
        settled, left = _settle(product, transport)
    for week in sending.to_send(product):
        sending.finish(product, week, actor=audit.SYSTEM)
    return Reconciled(
        missing=missing, applied=applied, settled=settled, uncertain=left, problems=tuple(dict.fromkeys(problems))
    )


def _settle(product: Product, transport: Transport) -> tuple[int, int]:
    with product.database.read() as connection:
        weeks = uncertain.weeks(connection)
    looked = [each for week in weeks for each in settling.settle_uncertain(product, week, transport)]
    settled = sum(each.evidence is not None for each in looked)
    return settled, len(looked) - settled


def _pull(product: Product, record: Record) -> tuple[int, list[str]]:
    """How many events were new, and what went wrong."""
    now = product.now
    with product.database.read() as connection:
        silent = events.silent(connection, before=now - _OVERDUE, limit=_MOST_ADDRESSES)
    entries: list[dict[str, Any]] = []
    problems: list[str] = []
    try:
        for address, started_at in silent:
            entries += record.events(address, since=started_at - _LOG_BEFORE)
    except DeliveryError as error:
        problems.append(str(error))
    try:
        entries += record.suppressed(since=now - _LISTS_REACH_BACK, until=now)
    except DeliveryError as error:
        problems.append(str(error))
    return _keep(product, entries), problems


def _keep(product: Product, entries: Sequence[dict[str, Any]]) -> int:
    step = MOST_EVENTS // 10
    parts = (entries[at : at + step] for at in range(0, len(entries), step))
    return sum(webhooks.keep(product, parse_events(json.dumps(part).encode())).kept for part in parts)
