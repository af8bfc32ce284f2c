"""What the stand-in's account holds: batch ids, scheduled sends, messages and what became of each, suppression lists.

A message of the future is kept until its time; one whose batch was cancelled in time never goes out. What becomes of
a mail is told by its address: a local part that begins with bounce, blocked, deferred, dropped, spam, unsubscribe or
click has that fate, every other is delivered.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from core.clock import Clock, to_iso

MOST_CANCELLED = 10
"""Batches that may be cancelled or paused at one time."""

MARGIN = timedelta(minutes=10)
"""A batch that is cancelled later than this before its time goes out in spite of it."""

_FATES: Mapping[str, tuple[str, ...]] = {
    "bounce": ("processed", "bounce"),
    "blocked": ("processed", "blocked"),
    "deferred": ("processed", "deferred", "delivered"),
    "dropped": ("dropped",),
    "spam": ("processed", "delivered", "spamreport"),
    "unsubscribe": ("processed", "delivered", "unsubscribe"),
    "click": ("processed", "delivered", "click"),
}
_FATE = ("processed", "delivered")
_STATUS = {"bounce": "bounced", "blocked": "blocked", "dropped": "dropped", "deferred": "deferred"}
_REASONS = {"bounce": "550 5.1.1 no such user", "blocked": "421 try later", "dropped": "Bounced Address"}
_LISTS = {"bounce": "bounces", "spamreport": "spam_reports", "unsubscribe": "unsubscribes", "blocked": "blocks"}


@dataclass(slots=True, kw_only=True)
class Message:
    """One mail to one recipient, its substitutions made. `went_out` is None while it waits, or was cancelled."""

    id: str
    to: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str]
    args: Mapping[str, str]
    batch_id: str | None
    send_at: datetime
    accepted_at: datetime
    went_out: datetime | None = None
    cancelled: bool = False
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def status(self) -> str:
        """The word of the log for what became of it."""
        names = [each["event"] if each.get("type") != "blocked" else "blocked" for each in self.events]
        return next(
            (_STATUS[name] for name in reversed(names) if name in _STATUS), "delivered" if names else "processed"
        )


@dataclass(kw_only=True)
class Account:
    """One account. `clock` is its time; everything else it has is in memory."""

    clock: Clock
    batches: set[str] = field(default_factory=set)
    statuses: dict[str, tuple[str, datetime]] = field(default_factory=dict)  # batch id -> (cancel or pause, when)
    messages: list[Message] = field(default_factory=list)
    lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def new_batch(self) -> str:
        """A batch id."""
        with self.lock:
            made = secrets.token_urlsafe(18)
            self.batches.add(made)
            return made

    def accept(self, body: Mapping[str, Any]) -> str:
        """Take a request that broke no rule. Returns the X-Message-Id."""
        now = self.clock()
        request_id = secrets.token_urlsafe(16)
        with self.lock:
            for place, one in enumerate(body["personalizations"]):
                for box in one["to"]:
                    self.messages.append(_message(body, one, box["email"], f"{request_id}.recv-{place}", now))
        self.advance()
        return request_id

    def set_status(self, batch_id: str, status: str) -> str:
        """Cancel or pause a batch. Returns what is wrong with that, nothing when it was done."""
        now = self.clock()
        with self.lock:
            if batch_id not in self.batches:
                return "batch id does not exist"
            if batch_id in self.statuses:
                return "a status update already exists for this batch_id"
            if self._held(now) >= MOST_CANCELLED:
                return "maximum number of cancellations and pauses reached"
            self.statuses[batch_id] = (status, now)
        return ""

    def _held(self, now: datetime) -> int:
        """Cancellations and pauses that count: those whose batch has mails whose time has not come, or no mails."""
        waiting = {each.batch_id for each in self.messages if each.send_at > now}
        used = {each.batch_id for each in self.messages}
        return sum(batch in waiting or batch not in used for batch in self.statuses)

    def advance(self) -> list[dict[str, Any]]:
        """Let everything whose time has come go out. Returns the events of it."""
        now = self.clock()
        made: list[dict[str, Any]] = []
        with self.lock:
            for each in self.messages:
                if each.went_out is None and not each.cancelled and each.send_at <= now and not self._paused(each):
                    if self._is_cancelled(each):
                        each.cancelled = True
                    else:
                        each.went_out = max(each.send_at, each.accepted_at)
                        made += self._happen(each)
        return made

    def _is_cancelled(self, message: Message) -> bool:
        status, at = self.statuses.get(message.batch_id or "", ("", datetime.max.replace(tzinfo=UTC)))
        return status == "cancel" and at <= message.send_at - MARGIN

    def _paused(self, message: Message) -> bool:
        return self.statuses.get(message.batch_id or "", ("",))[0] == "pause"

    def _happen(self, message: Message) -> list[dict[str, Any]]:
        local = message.to.partition("@")[0].casefold()
        fate = next((names for word, names in _FATES.items() if local.startswith(word)), _FATE)
        at = message.went_out or message.send_at
        for seconds, name in enumerate(fate):
            message.events.append(_event(message, name, at + timedelta(seconds=seconds)))
            if name in _LISTS:
                row = {"email": message.to, "created": int(at.timestamp()), "reason": _REASONS.get(name, "")}
                self.lists.setdefault(_LISTS[name], []).append(row)
        return message.events

    def find(self, *, to: str | None, since: datetime | None, limit: int) -> list[dict[str, Any]]:
        """Rows of the log: mails that were processed, the newest first."""
        self.advance()
        with self.lock:
            rows = [
                each
                for each in reversed(self.messages)
                if each.events
                and (to is None or each.to.casefold() == to.casefold())
                and (since is None or each.accepted_at >= since)
            ]
        return [_row(each) for each in rows[:limit]]

    def detail(self, message_id: str) -> dict[str, Any] | None:
        """One mail of the log with its events; None when there is none."""
        with self.lock:
            found = next((each for each in self.messages if each.id == message_id and each.events), None)
        if found is None:
            return None
        events = [
            {name: value for name, value in each.items() if name not in found.args} | {"custom_args": dict(found.args)}
            for each in found.events
        ]
        return _row(found) | {"events": events, "custom_args": dict(found.args), "api_key_id": "key", "client_ip": ""}

    def went_out(self) -> Sequence[Message]:
        """Every mail that has left the house."""
        self.advance()
        with self.lock:
            return [each for each in self.messages if each.went_out is not None]


def _message(body: Mapping[str, Any], one: Mapping[str, Any], address: str, message_id: str, now: datetime) -> Message:
    parts = {part["type"]: part["value"] for part in body.get("content", [])}
    texts = {"subject": one.get("subject", body.get("subject", "")), **parts}
    for mark, value in one.get("substitutions", {}).items():
        texts = {name: text.replace(mark, value) for name, text in texts.items()}
    send_at = one.get("send_at", body.get("send_at"))
    return Message(
        id=message_id,
        to=address,
        subject=texts["subject"],
        text=texts.get("text/plain", ""),
        html=texts.get("text/html", ""),
        headers={**body.get("headers", {}), **one.get("headers", {})},
        args={**body.get("custom_args", {}), **one.get("custom_args", {})},
        batch_id=body.get("batch_id"),
        send_at=now if send_at is None else max(datetime.fromtimestamp(send_at, UTC), now),
        accepted_at=now,
    )


def _event(message: Message, name: str, at: datetime) -> dict[str, Any]:
    made = {
        **message.args,
        "email": message.to,
        "timestamp": int(at.timestamp()),
        "event": "bounce" if name == "blocked" else name,
        "sg_event_id": secrets.token_urlsafe(16),
        "sg_message_id": message.id,
    }
    if name in ("bounce", "blocked"):
        made["type"] = name
    if name in _REASONS:
        made["reason"] = _REASONS[name]
    if name == "delivered":
        made["response"] = "250 OK"
    if name == "click":
        made |= {"url": "https://verdicts.example/compare/a-vs-b", "timestamp": int(at.timestamp()) + 90}
    return made


def _row(message: Message) -> dict[str, Any]:
    return {
        "from_email": "",
        "sg_message_id": message.id,
        "subject": message.subject,
        "to_email": message.to,
        "status": message.status,
        "sg_message_id_created_at": to_iso(message.accepted_at),
    }
