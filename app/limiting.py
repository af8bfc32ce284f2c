"""Limits of the public forms: per address and per network, in the database, so that they hold over all processes.

A use that is refused is not written down: a flood costs one read each.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.wiring import Product
from core.errors import Refused
from store import form_uses


class TooMany(Refused):
    """Somebody has used a form too often. `retry_after` is when the next use will be taken."""

    def __init__(self, message: str, *, retry_after: datetime) -> None:
        super().__init__(message, mend="Try again within the hour.")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Where a request came from. None: not known (a socket without an address)."""

    address: str | None = None

    @property
    def network(self) -> str | None:
        """Enough to see a burst and too little to name anybody: /24, or /48 for IPv6."""
        try:
            found = ipaddress.ip_address(self.address or "")
        except ValueError:
            return None
        prefix = 24 if found.version == 4 else 48  # noqa: PLR2004 - the versions of IP
        return str(ipaddress.ip_network((found, prefix), strict=False))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Uses of one form in an hour."""

    per_address: int
    per_network: int


LIMITS = {
    "subscribe": Limit(per_address=10, per_network=100),
    "correction": Limit(per_address=5, per_network=25),
    # One reader votes on eight comparisons and may change their mind; an office shares one address.
    "vote": Limit(per_address=300, per_network=1000),
    "preferences": Limit(per_address=60, per_network=600),
    "move": Limit(per_address=3, per_network=3),  # counted by subscriber: each use is a mail to a stranger's address
    "sign-in": Limit(per_address=10, per_network=60),
    "sign-in-mail": Limit(per_address=5, per_network=5),  # counted by mailbox
}
"""Leaving has none: a mail provider posts for many people at once (RFC 8058), and nobody may be kept from leaving."""


def use(product: Product, form: str, caller: Caller) -> None:
    """Count one use of a form. Raises TooMany, and counts nothing, when an hour's uses are spent."""
    limit, now = LIMITS[form], product.now
    spent = {
        who: most
        for who, most in ((_hidden(product, caller.address), limit.per_address), (caller.network, limit.per_network))
        if who is not None
    }
    with product.database.read() as connection:
        full = any(form_uses.uses(connection, form=form, who=who, now=now) >= most for who, most in spent.items())
    if full:
        next_hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        raise TooMany("This form was used very often from where you are.", retry_after=next_hour)
    with product.database.write() as connection:
        for who in spent:
            form_uses.count(connection, form=form, who=who, now=now)


def _hidden(product: Product, address: str | None) -> str | None:
    """An address as it may be stored: keyed, so that nobody can try all addresses against it."""
    if address is None:
        return None
    return hmac.new(product.signer.key, address.encode(), hashlib.sha256).hexdigest()[:32]
