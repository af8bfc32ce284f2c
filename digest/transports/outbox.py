"""The outbox: a folder with one .eml file per delivery. The embedded default: no server, no key, nothing leaves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from core.delivery import Answer, AnswerKind, Attempt, Capabilities, Outgoing, Recipient
from core.errors import DeliveryError
from digest.transports.message import Messages, sendable
from digest.transports.transport import date_of, new_attempt

_NOT_SAFE = re.compile(r"[^A-Za-z0-9.@+_-]")


def _words(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}"


class Outbox:
    """Writes each mail under `<week>-<delivery>-<address>.eml`, whole or not at all.

    A file that is there is a mail that went out: it is never written again, so that a second attempt of the same
    delivery, whatever crashed in between, changes nothing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def capabilities(self) -> Capabilities:
        """A thousand files at a time, safe to repeat."""
        return Capabilities(largest_batch=1_000, idempotent=True)

    def open_attempt(self, now: datetime) -> Attempt:
        """An attempt dated now."""
        return new_attempt(now)

    def send(self, outgoing: Outgoing, attempt: Attempt) -> Answer:
        """Write one file per recipient; those that could not be written wait for later."""
        fine, refused = sendable(outgoing)
        later: set[int] = set()
        detail = ""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            messages = Messages(outgoing, date=date_of(attempt))
        except DeliveryError as error:
            return Answer(kind=AnswerKind.UNAUTHORISED, detail=str(error))
        except OSError as error:
            return Answer(kind=AnswerKind.LATER, detail=_words(error))
        for recipient in fine:
            try:
                self._write(outgoing.week, recipient, messages)
            except DeliveryError as error:
                refused[recipient.delivery] = str(error)
            except OSError as error:
                later.add(recipient.delivery)
                detail = _words(error)
        return Answer(kind=AnswerKind.ACCEPTED, refused=refused, later=frozenset(later), detail=detail)

    def _write(self, week: str, recipient: Recipient, messages: Messages) -> None:
        path = self.path(week, recipient)
        if path.exists():
            return
        beside = path.with_name(f".{path.name}.part")
        beside.write_bytes(messages.build(recipient))
        beside.replace(path)

    def path(self, week: str, recipient: Recipient) -> Path:
        """Where a recipient's mail of a week lies."""
        address = _NOT_SAFE.sub("_", recipient.address)[:80]
        return self._folder / f"{_NOT_SAFE.sub('_', week)}-{recipient.delivery}-{address}.eml"

    def call_off(self, attempt: Attempt, *, now: datetime) -> bool:  # noqa: ARG002 - the protocol's shape
        """What is written is written."""
        return False

    def seen(self, attempt: Attempt, *, addresses: Sequence[str], since: datetime) -> bool | None:  # noqa: ARG002
        """There is no record to ask."""
        return None

    def close(self) -> None:
        """Nothing is held."""
