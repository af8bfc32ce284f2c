"""Subscribers as an operator meets them: never a list, always somebody who was asked for by their exact address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app import growth, subscribing
from app.growth import WeekOfGrowth
from app.reviewing import checked_address
from app.wiring import Product
from core.errors import NotFound, Refused, StaleVersion
from core.subscriber import Subscriber, SubscriberState
from store import audit, subscribers
from store.subscribers import Consent

WEEKS = 26
_SLIP = timedelta(hours=1)
"""How long an operator may take back having ended somebody's subscription."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readership:
    """How many subscribers are in which state, week by week how it came, and domains that are never mailed."""

    counts: Mapping[str, int]
    weeks: Sequence[WeekOfGrowth]
    domains: Mapping[str, str]


def readership(product: Product) -> Readership:
    """The list as a whole. A fixed number of statements, each along an index."""
    weeks = growth.growth(product, weeks=WEEKS)
    with product.database.read() as connection:
        return Readership(
            counts=subscribers.counts(connection), weeks=weeks, domains=subscribers.suppressed_domains(connection)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One subscriber with their trail of consent; `suppressed` says why they are not mailed, None when they are."""

    subscriber: Subscriber
    trail: Sequence[Mapping[str, Any]]
    suppressed: str | None


def find(product: Product, address: str) -> int | None:
    """The number of the subscriber with exactly this address, None when there is none. Raises Refused for what is no
    address."""
    wanted = checked_address(address, new=False)
    with product.database.read() as connection:
        found = subscribers.find(connection, wanted)
    return None if found is None else found.id


def reader(product: Product, at: int) -> Reader:
    """One subscriber. Raises NotFound."""
    with product.database.read() as connection:
        found = _get(connection, at)
        return Reader(
            subscriber=found,
            trail=subscribers.trail(connection, at),
            suppressed=subscribers.suppressed(connection, found.address),
        )


def _get(connection: Any, at: int) -> Subscriber:
    found = subscribers.get(connection, at)
    if found is None:
        raise NotFound(f"There is no subscriber {at}.", mend="Look for the address; they may have been erased.")
    return found


def _require_same(found: Subscriber, seen: str) -> None:
    if found.state != seen:
        raise StaleVersion(f"This subscriber is {found.state} by now.", mend="Look again; nothing was changed.")


def sign_off(product: Product, at: int, *, seen: str, actor: str) -> Subscriber:
    """End somebody's subscription, because they asked for it some other way. Again is harmless. `seen` is the state
    that was shown. Raises NotFound, StaleVersion."""
    now = product.now
    with product.database.write() as connection:
        found = _get(connection, at)
        if found.state is SubscriberState.UNSUBSCRIBED:
            return found
        _require_same(found, seen)
        if subscribers.leave(connection, at, now=now):
            subscribers.note_consent(connection, at, Consent(kind="withdrawn", text="", source="operator"), now=now)
            _note(connection, product, at, "unsubscribe", actor=actor, before=found.state)
    return found


def sign_on_again(product: Product, at: int, *, actor: str) -> Subscriber:
    """Take back that an operator ended a subscription, within an hour: the consent of before stands. Raises NotFound,
    and Refused when it is too late."""
    now = product.now
    with product.database.write() as connection:
        found = _get(connection, at)
        if found.state is SubscriberState.ACTIVE:
            return found
        if subscribers.suppressed(connection, found.address) or not subscribers.stay(connection, at, since=now - _SLIP):
            raise Refused("This can no longer be taken back.", mend="Only that person can subscribe again.")
        trail = Consent(kind="confirmed", text="Ended by mistake; the consent of before stands.", source="operator")
        subscribers.note_consent(connection, at, trail, now=now)
        _note(connection, product, at, "resubscribe", actor=actor, before=found.state)
    return found


def _note(connection: Any, product: Product, at: int, verb: str, *, actor: str, before: str) -> None:
    audit.note(
        connection,
        now=product.now,
        actor=actor,
        action=f"subscriber.{verb}",
        subject=f"subscriber:{at}",
        before={"state": before},
    )


def erase(product: Product, at: int, *, seen: str, actor: str) -> None:
    """Forget somebody for good. Raises NotFound, StaleVersion."""
    with product.database.read() as connection:
        found = _get(connection, at)
    _require_same(found, seen)
    subscribing.erase(product, found.address, actor=actor)


def stop_mailing(product: Product, at: int, *, seen: str, actor: str) -> Subscriber:
    """Never mail this address again. Raises NotFound, StaleVersion."""
    with product.database.read() as connection:
        found = _get(connection, at)
    _require_same(found, seen)
    subscribing.stop_mailing(product, found.address, actor=actor)
    return found
