"""Pace: how long a host asks us to wait, in every spelling in use, and how far apart requests to it stand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from core.clock import from_iso, in_seconds

_EPOCH = 1_000_000_000
"""A "reset" beyond this is seconds since 1970, below it seconds from now: four vendors, two meanings each."""
_LONGEST = timedelta(days=1)

# `"api";r=0;t=55`, and as earlier drafts had it `limit=100, remaining=0, reset=55`.
_RATE_LIMIT = re.compile(r"\br(?:emaining)?\s*=\s*(\d{1,9})\s*[;,]\s*(?:t|reset)\s*=\s*(\d{1,9})")
_RESETS = ("ratelimit-reset", "x-rate-limit-reset", "x-ratelimit-reset")
_REMAINING = ("ratelimit-remaining", "x-rate-limit-remaining", "x-ratelimit-remaining")

GAPS: Mapping[str, tuple[str, float]] = {
    # One request every three seconds over all of arXiv's hosts (info.arxiv.org/help/api/tou).
    "arxiv.org": ("arxiv.org", 3.0),
    "rss.arxiv.org": ("arxiv.org", 3.0),
    "export.arxiv.org": ("arxiv.org", 3.0),
    # About one anonymous feed a minute and address.
    "www.reddit.com": ("reddit.com", 65.0),
    "old.reddit.com": ("reddit.com", 65.0),
    # 30 requests a minute at most; the makers ask for less.
    "lobste.rs": ("lobste.rs", 3.0),
    # Search: 10 requests a minute without a key.
    "api.github.com": ("api.github.com", 6.5),
}
"""Host -> (the queue it shares, seconds between the starts of two requests), where the default is too fast."""


def wait_after(headers: Mapping[str, str], *, now: datetime) -> datetime | None:
    """When a host that refused us (429, 503, 403) may be asked again; None where it does not say.

    Read in this order: `Retry-After` (seconds or an HTTP date, RFC 9110), `RateLimit: "api";r=0;t=55`, then the
    `...-Reset` spellings. Never more than a day ahead. Header names in lower case.
    """
    text = headers.get("retry-after", "").strip()
    seconds = int(text) if text.isdecimal() and len(text) < 10 else None  # noqa: PLR2004 - digits of a day fit
    instant = now + timedelta(seconds=seconds) if seconds is not None else _http_date(text)
    instant = instant or _rate_limit(headers, now=now) or _reset(headers, now=now)
    return None if instant is None else min(max(instant, now), now + _LONGEST)


def budget_left(headers: Mapping[str, str]) -> int | None:
    """How many requests a host still grants until its next reset, where its answer says so. Names in lower case."""
    left = _remaining(headers)
    return int(left) if left is not None and 0 <= left < _EPOCH else None


def rest_until(headers: Mapping[str, str], *, now: datetime) -> datetime | None:
    """When the next request is welcome, from the headers of an answer that was given: None while some remain."""
    left = _remaining(headers)
    return wait_after(headers, now=now) if left is not None and left <= 0 else None


def _remaining(headers: Mapping[str, str]) -> float | None:
    """How many requests an answer says remain; None where it says nothing that is a number."""
    limit = _RATE_LIMIT.search(headers.get("ratelimit", ""))
    text = limit[1] if limit else next((headers[name] for name in _REMAINING if name in headers), None)
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _http_date(text: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(text)
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _rate_limit(headers: Mapping[str, str], *, now: datetime) -> datetime | None:
    """Hugging Face's header; its clients add a second to what it says."""
    found = _RATE_LIMIT.search(headers.get("ratelimit", ""))
    return now + timedelta(seconds=min(int(found[2]) + 1, 86_400)) if found else None


def _reset(headers: Mapping[str, str], *, now: datetime) -> datetime | None:
    text = next((headers[name] for name in _RESETS if name in headers), "").strip()
    try:
        value = in_seconds(float(text))
        return datetime.fromtimestamp(value, UTC) if value > _EPOCH else now + timedelta(seconds=max(value, 0.0))
    except (ValueError, OverflowError, OSError):
        return _date(text)


def _date(text: str) -> datetime | None:
    try:
        return from_iso(text)
    except ValueError:
        return _http_date(text)
