"""Sending: mails as values, one delivery per edition and subscriber, batches, and a provider's answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class DeliveryState(StrEnum):
    """The last word on one recipient's mail, in the order in which they can follow each other."""

    PENDING = "pending"
    IN_BATCH = "in_batch"
    SUPPRESSED = "suppressed"  # left, bounced or complained before the batch was claimed
    ACCEPTED = "accepted"
    UNCERTAIN = "uncertain"
    REFUSED = "refused"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class BatchState(StrEnum):
    """A batch's life.

    pending -> claimed -> sending -> sent -> confirmed; a claim that runs out goes back to pending, an attempt
    that runs out or whose answer is lost becomes uncertain, a refusal is failed (or split, or pending again).
    """

    PENDING = "pending"
    CLAIMED = "claimed"
    SENDING = "sending"
    SENT = "sent"
    UNCERTAIN = "uncertain"
    CONFIRMED = "confirmed"
    FAILED = "failed"


class AttemptOutcome(StrEnum):
    """What became of one try at handing a batch over."""

    TAKEN = "taken"
    NOT_TAKEN = "not_taken"  # surely
    UNCERTAIN = "uncertain"
    CALLED_OFF = "called_off"  # the provider confirmed that it will not send it


class Evidence(StrEnum):
    """What settled an uncertain batch."""

    ANSWER = "answer"  # the attempt's own answer, come after its lease had run out
    CALLED_OFF = "called_off"
    EVENT = "event"
    LOG = "log"  # a row of the provider's log carries the attempt's id
    ABSENCE = "absence"  # no trace of it, while a control message accepted later is visible
    OPERATOR_SENT = "operator_sent"
    OPERATOR_NOT_SENT = "operator_not_sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail before it has recipients. Texts may hold substitution marks (see `Recipient`)."""

    sender: str  # "Weekly Verdicts <verdicts@example.com>"
    subject: str
    html: str
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)  # the same for everybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One recipient of a batch.

    `substitutions` maps marks such as `{{unsubscribe_url}}` to this person's text; every mark of the mail must be
    among them. Values are plain text; whoever puts one into HTML escapes it. `headers` are this person's alone.
    """

    delivery: int
    address: str
    name: str = ""
    substitutions: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at handing a batch over, committed before the request. `fence` is the provider's handle for calling
    it off (SendGrid's batch_id), with the instant from which the provider would send."""

    id: str
    fence: str | None = None
    send_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A batch on its way: content and recipients, fixed when it was claimed."""

    batch: int
    week: str
    mail: Mail
    recipients: tuple[Recipient, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a transport can do."""

    largest_batch: int
    fence: bool = False  # an attempt can be called off before its time
    idempotent: bool = False  # handing the same attempt over twice delivers once
    events: bool = False  # the provider reports what became of each mail
    lines: int = 1  # how many of it may work side by side in one process


class AnswerKind(StrEnum):
    """Our reading of what a transport came back with, for the whole batch."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # this batch, for good
    TOO_LARGE = "too_large"  # split it
    UNAUTHORISED = "unauthorised"  # nobody's mail will go out until an operator acts
    LATER = "later"  # surely not taken; try again, not before `not_before`
    UNCERTAIN = "uncertain"  # may have been taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a transport came back with. `refused` (delivery -> reason), `uncertain` and `later` (surely not taken, to
    be tried again) speak of single recipients where the transport knows; `detail` keeps the provider's own words."""

    kind: AnswerKind
    message_id: str | None = None
    not_before: datetime | None = None
    refused: Mapping[int, str] = field(default_factory=dict)
    uncertain: frozenset[int] = frozenset()
    later: frozenset[int] = frozenset()
    detail: str = ""


_ADDRESS = re.compile(r"[^\s<>\"'(),:;@]{1,64}@[^\s<>\"'(),:;@]{1,255}")


def without_addresses(words: str) -> str:
    """What a provider said, without the addresses it quotes: a batch's answer outlives the people in the batch."""
    return _ADDRESS.sub("(address)", words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What an answer means for the rows: the batch's next state, each delivery that differs from `deliveries`,
    whether the edition must be paused, and whether the batch is to be split in two.

    A delivery that becomes `pending` leaves the batch and waits for another one, not before `not_before`; one that
    stays `in_batch` goes out with this batch's next attempt."""

    batch: BatchState
    deliveries: DeliveryState
    exceptions: Mapping[int, DeliveryState] = field(default_factory=dict)
    pause: bool = False
    split: bool = False
    not_before: datetime | None = None


class EventKind(StrEnum):
    """What a provider reports. The order is the rank: a later report of a lower rank never undoes a higher one."""

    PROCESSED = "processed"
    DEFERRED = "deferred"
    DELIVERED = "delivered"
    OPEN = "open"
    CLICK = "click"
    BLOCKED = "blocked"
    BOUNCE = "bounce"
    DROPPED = "dropped"
    UNSUBSCRIBE = "unsubscribe"
    SPAM_REPORT = "spam_report"
