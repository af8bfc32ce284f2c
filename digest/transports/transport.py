"""What every transport can do, and sending a single letter through any of them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from core.delivery import Answer, AnswerKind, Attempt, Capabilities, Mail, Outgoing, Recipient
from core.errors import DeliveryError

LETTER = 0
"""Batch and delivery of a letter: it has no row in the ledger, and no event of its own moves one."""


CALL_OFF_MARGIN = timedelta(minutes=10)
"""Later than this before `send_at` the provider does not promise that a cancellation holds."""


class Transport(Protocol):
    """A way out for mails. One thread at a time; `close` when done.

    The order of one batch: `open_attempt`, commit the attempt, `send`, settle the answer (digest/ledger.py).
    """

    @property
    def capabilities(self) -> Capabilities:
        """What this transport can do."""

    def open_attempt(self, now: datetime) -> Attempt:
        """A new attempt, with `send_at` always set: the instant from which mails go out, also their date.

        Raises DeliveryError when the provider gives no fence; nothing has been handed over then.
        """

    def send(self, outgoing: Outgoing, attempt: Attempt) -> Answer:
        """Hand a batch over. Never raises for what a server or a recipient does: the answer says it."""

    def call_off(self, attempt: Attempt, *, now: datetime) -> bool:
        """Whether the attempt is surely called off: nothing of it went out or will. False proves nothing."""

    def seen(self, attempt: Attempt, *, addresses: Sequence[str], since: datetime) -> bool | None:
        """Whether the provider's record shows a mail of this attempt to one of these addresses, made after `since`.

        None where there is no record to ask, or it gave no answer. False is no proof that the attempt was not taken
        unless the record is known to be up to date.
        """

    def close(self) -> None:
        """Let go of connections. Closing twice is harmless."""


def new_attempt(now: datetime, *, fence: str | None = None, send_at: datetime | None = None) -> Attempt:
    """An attempt with an id that no other has; without `send_at` it goes out `now`."""
    return Attempt(id=uuid.uuid4().hex, fence=fence, send_at=send_at or now)


def date_of(attempt: Attempt) -> datetime:
    """The instant from which an attempt's mails go out. Raises DeliveryError when it has none."""
    if attempt.send_at is None:
        raise DeliveryError("The attempt has no date.", mend="Open it with open_attempt.", permanent=True)
    return attempt.send_at


def send_letter(transport: Transport, *, kind: str, mail: Mail, recipient: Recipient, now: datetime) -> Answer:
    """Send one small mail (`confirm`, `welcome`, `sign-in`) at once, without the delay of a fence.

    `recipient.delivery` is not looked at: the attempt's id tells letters apart. Raises DeliveryError unless the
    letter was taken, for good (`permanent`) or for now.
    """
    return _send_one(transport, kind=kind, mail=mail, recipient=recipient, attempt=new_attempt(now))


def send_control(transport: Transport, *, mail: Mail, recipient: Recipient, attempt: Attempt) -> Answer:
    """Send a control message: a letter whose attempt the caller knows, to look for it in the provider's record.
    Raises DeliveryError unless it was taken."""
    return _send_one(transport, kind="control", mail=mail, recipient=recipient, attempt=attempt)


def _send_one(transport: Transport, *, kind: str, mail: Mail, recipient: Recipient, attempt: Attempt) -> Answer:
    letter = replace(recipient, delivery=LETTER)
    outgoing = Outgoing(batch=LETTER, week=f"{kind}-{attempt.id[:16]}", mail=mail, recipients=(letter,))
    answer = transport.send(outgoing, attempt)
    if LETTER in answer.refused:
        raise DeliveryError(
            f"The {kind} mail was refused: {answer.refused[LETTER]}.", mend="Check the address.", permanent=True
        )
    if answer.kind is not AnswerKind.ACCEPTED or answer.later or answer.uncertain:
        raise DeliveryError(
            f"The {kind} mail was not taken ({answer.kind}): {answer.detail}.",
            mend="Ask for it again; if that does not help, run `verdicts doctor`.",
            permanent=answer.kind is AnswerKind.UNAUTHORISED,
            retry_after=answer.not_before,
        )
    return answer
