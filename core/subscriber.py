"""Subscribers: confirmed addresses with their preferences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType


class SubscriberState(StrEnum):
    """A subscriber's life; only `active` ones are mailed."""

    PENDING = "pending"  # asked to confirm
    ACTIVE = "active"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class Rhythm(StrEnum):
    """How often a subscriber wants an edition."""

    WEEKLY = "weekly"
    MONTHLY = "monthly"  # with the first edition of each month, the best of the one before


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
    time_zone: str | None = None
    language: str | None = None
    paused_until: datetime | None = None
    rhythm: Rhythm = Rhythm.WEEKLY


def address_key(address: str) -> str:
    """What makes an address unique: the domain in lower case, the local part folded as every large provider does.

    Plus and dot forms are left alone: they are different addresses to their owners.
    """
    local, _, domain = address.strip().rpartition("@")
    return f"{local.casefold()}@{domain.lower().rstrip('.')}"


LANGUAGES: Mapping[str, str] = MappingProxyType(
    {
        "ar": "العربية",
        "cs": "Čeština",
        "da": "Dansk",
        "de": "Deutsch",
        "en": "English",
        "es": "Español",
        "fi": "Suomi",
        "fr": "Français",
        "hi": "हिन्दी",
        "it": "Italiano",
        "ja": "日本語",
        "ko": "한국어",
        "nl": "Nederlands",
        "pl": "Polski",
        "pt": "Português",
        "ru": "Русский",
        "sv": "Svenska",
        "tr": "Türkçe",
        "uk": "Українська",
        "zh": "中文",
    }
)
"""Languages that a subscriber may name: tag (BCP 47) -> its own name. Editions are in English so far."""
