"""How fast mails may go out: the rate limit, kept in the database and shared by every worker, and the fence's limit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.delivery import Capabilities
from store import attempts

MOST_IN_FLIGHT = 8
"""Fenced attempts that may have to be called off at one time. The provider holds ten cancellations; two places are
left for claims that meet at the limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The limits of one transport. `name` is the bucket's; `per_minute` None: no limit."""

    name: str
    per_minute: int | None
    capabilities: Capabilities

    @property
    def is_free(self) -> bool:
        """Whether there is nothing to look at."""
        return self.per_minute is None and not self.capabilities.fence

    def may_claim(self, connection: Any, *, now: datetime) -> tuple[bool, datetime | None]:
        """Whether a batch may be claimed now, else when to ask again (None: nobody knows).

        Holds the bucket's row until the end of the transaction, so that two workers do not both take the last place.
        """
        if self.is_free:
            return True, None
        tokens = self._tokens(connection, now=now)
        if self.capabilities.fence and attempts.in_flight(connection, now=now) >= MOST_IN_FLIGHT:
            return False, None
        if self.per_minute is not None and tokens <= 0:
            return False, now + timedelta(minutes=(1 - tokens) / self.per_minute)
        return True, None

    def spend(self, connection: Any, mails: int, *, now: datetime) -> None:
        """So many mails are on their way. A batch larger than what is left is paid for by the wait before the next."""
        if self.per_minute is not None:
            attempts.fill(connection, self.name, tokens=self._tokens(connection, now=now) - mails, now=now)

    def _tokens(self, connection: Any, *, now: datetime) -> float:
        full = float(self.per_minute or 0)
        tokens, at = attempts.level(connection, self.name, full=full, now=now)
        minutes = max((now - at).total_seconds(), 0) / 60
        return min(full, tokens + minutes * full)
