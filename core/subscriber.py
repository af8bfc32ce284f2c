"""Subscribers: confirmed addresses with their preferences."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class SubscriberState(StrEnum):
    """A subscriber's life; only `active` ones are mailed."""

    PENDING = "pending"  # asked to confirm
    ACTIVE = "active"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """One person's subscription. `address` is as typed, `address_key` what makes it unique."""

    id: int
    address: str
    address_key: str
    name: str
    state: SubscriberState
    categories: tuple[str, ...]
    created_at: datetime
    confirmed_at: datetime | None


def address_key(address: str) -> str:
    """What makes an address unique: the domain in lower case, the local part folded as every large provider does.

    Plus and dot forms are left alone: they are different addresses to their owners.
    """
    local, _, domain = address.strip().rpartition("@")
    return f"{local.casefold()}@{domain.lower().rstrip('.')}"
