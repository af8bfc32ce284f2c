"""The provider's own record, asked for: its log of messages, and its suppression lists.

What the webhook did not bring is found here: evidence about an attempt whose answer was lost, events of mails nobody
reported on, addresses that the provider will not mail. Times are the provider's, in UTC.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from core.clock import to_iso
from core.delivery import Answer, Attempt
from core.errors import DeliveryError

_ATTEMPT_ARG = "wv_attempt"
_MOST_MESSAGES = 20
"""Messages to one address that are looked into: a reader gets one mail of ours a week."""

LISTS: Mapping[str, tuple[str, ...]] = {
    "bounce": ("suppression", "bounces"),
    "dropped": ("suppression", "invalid_emails"),
    "spamreport": ("suppression", "spam_reports"),
    "unsubscribe": ("suppression", "unsubscribes"),
}
"""The provider's lists, by the event that puts an address there. Blocks are for a while, and are not among them; nor
are unsubscribe groups, which our mails belong to none of."""

_PAGE = 500


class Ask(Protocol):
    """A side question to the API: (None, the JSON answer), or (what went wrong, anything)."""

    def __call__(
        self,
        *path: str,
        body: Mapping[str, Any] | None = None,
        get: bool = False,
        query: Mapping[str, Any] | None = None,
    ) -> tuple[Answer | None, Any]:
        """Ask it."""


@dataclass(frozen=True, slots=True)
class Record:
    """Reads the record through a client that is set up already."""

    ask: Ask

    def shows(self, attempt: Attempt, *, addresses: Sequence[str], since: datetime) -> bool | None:
        """Whether a mail of this attempt to one of the addresses is in the log; None when it could not be read."""
        looked = False
        for address in addresses:
            messages = self._messages(address, since=since)
            if messages is None:
                return None
            for message in messages:
                if _attempt(message) == attempt.id:
                    return True
            looked = True
        return False if looked else None

    def events(self, address: str, *, since: datetime) -> list[dict[str, Any]]:
        """Everything that happened to mails to an address, shaped like the entries that the webhook brings. Raises
        DeliveryError when the log could not be read."""
        messages = self._messages(address, since=since)
        if messages is None:
            raise DeliveryError("SendGrid's log could not be read.", mend="Does the key allow reading e-mail logs?")
        return [entry for message in messages for entry in _entries(message)]

    def _messages(self, address: str, *, since: datetime) -> list[dict[str, Any]] | None:
        if "'" in address or "\\" in address:
            return []  # the query language has no way to write them
        wanted = f"to_email = '{address}' AND sg_message_id_created_at >= TIMESTAMP \"{to_iso(since)}\""
        wrong, found = self.ask("logs", body={"query": wanted, "limit": _MOST_MESSAGES})
        rows = found.get("messages") if isinstance(found, dict) else None
        if wrong is not None or not isinstance(rows, list):
            return None
        messages = []
        for row in rows:
            wrong, message = self.ask("logs", str(row.get("sg_message_id", "")), get=True)
            if wrong is not None or not isinstance(message, dict):
                return None
            messages.append(message)
        return messages

    def suppressed(self, *, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
        """Addresses that came on one of the provider's lists, shaped like the entries that the webhook brings. Raises
        DeliveryError when a list could not be read."""
        for name, path in LISTS.items():
            yield from self._list(name, path, since=since, until=until)

    def _list(self, name: str, path: tuple[str, ...], *, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            times = {"start_time": int(since.timestamp()), "end_time": int(until.timestamp())}
            query = {"limit": _PAGE, "offset": offset, **times}
            wrong, rows = self.ask(*path, get=True, query=query)
            if wrong is not None or not isinstance(rows, list):
                raise DeliveryError(
                    f"SendGrid's list of {path[-1]} could not be read: {wrong.detail if wrong else rows}.",
                    mend="Does the key allow reading suppressions?",
                )
            yield from (_listed(name, row) for row in rows if isinstance(row, dict))
            if len(rows) < _PAGE:
                return
            offset += _PAGE


def _attempt(message: Mapping[str, Any]) -> str | None:
    """The attempt that a message of the log belongs to: the arguments stand beside its events, or in each of them."""
    places: list[Any] = [message, *_list_of(message, "events")]
    for place in places:
        found = place.get("custom_args") if isinstance(place, dict) else None
        if isinstance(found, dict) and isinstance(found.get(_ATTEMPT_ARG), str):
            return str(found[_ATTEMPT_ARG])
    return None


def _entries(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    shared = message.get("custom_args")
    for event in _list_of(message, "events"):
        if isinstance(event, dict):
            own = event.get("custom_args")
            arguments = {**(shared if isinstance(shared, dict) else {}), **(own if isinstance(own, dict) else {})}
            plain = {name: value for name, value in event.items() if name != "custom_args"}
            yield {"email": message.get("to_email"), **arguments, **plain}


def _list_of(message: Mapping[str, Any], name: str) -> list[Any]:
    found = message.get(name)
    return found if isinstance(found, list) else []


def _listed(name: str, row: Mapping[str, Any]) -> dict[str, Any]:
    created = row.get("created", row.get("created_at"))
    entry = {"event": name, "email": row.get("email"), "timestamp": created, "reason": row.get("reason") or ""}
    if name == "dropped":
        entry["reason"] = "Invalid"
    return entry
