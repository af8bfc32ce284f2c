"""SMTP: one connection, kept between batches, and an outcome for each recipient (RFC 5321).

What decides is the final dot. Lost before it, the server has no complete mail: surely not taken. Lost after it and
before the reply, the mail may be on its way: uncertain, and nothing is sent again by guess.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit

from core.delivery import Answer, AnswerKind, Attempt, Capabilities, Outgoing, Recipient
from core.errors import DeliveryError, SettingsError
from digest.transports.message import Messages, envelope_address, sendable
from digest.transports.transport import date_of, new_attempt

LARGEST_BATCH = 100
"""A worker killed in the middle leaves at most so many deliveries uncertain; a batch costs three small transactions."""

_TIMEOUT = 30.0
_DATA_OK = 354
_DONE = 250
_FORWARDED = 251
_CLOSING = 421


_Steps = tuple[tuple[str, tuple[int, ...]], ...]
"""Commands of one mail, each with the replies that let it go on."""


class _Outcome(StrEnum):
    """What became of one recipient's mail."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    LATER = "later"
    UNCERTAIN = "uncertain"


class _SenderRefused(Exception):  # noqa: N818 - a turn of the conversation, not an error of the tree
    """The server does not take mail from us at all; no recipient can be blamed."""


class _Lost(Exception):  # noqa: N818
    """The connection is gone, with nothing of the present mail taken."""


@dataclass(slots=True)
class _Tally:
    """Outcomes as they come in. `halted` says why the rest was not tried."""

    refused: dict[int, str]
    accepted: set[int] = field(default_factory=set)
    later: set[int] = field(default_factory=set)
    uncertain: set[int] = field(default_factory=set)
    detail: str = ""

    def note(self, delivery: int, outcome: _Outcome, words: str) -> None:
        """Put one delivery where its outcome says."""
        if outcome is _Outcome.REFUSED:
            self.refused[delivery] = words
            return
        {"accepted": self.accepted, "later": self.later, "uncertain": self.uncertain}[outcome].add(delivery)
        if outcome is not _Outcome.ACCEPTED:
            self.detail = words

    def answer(self) -> Answer:
        """All of it as the answer for the batch."""
        tried = self.accepted or self.refused or self.uncertain
        return Answer(
            kind=AnswerKind.ACCEPTED if tried else AnswerKind.LATER,
            refused=self.refused,
            uncertain=frozenset(self.uncertain),
            later=frozenset(self.later),
            detail=self.detail,
        )


class Smtp:
    """A relay. `url` is `smtp://user:password@host:port` (STARTTLS where the server offers it) or `smtps://...`.

    Raises SettingsError for another URL, and for a password that would cross a network in the clear.
    """

    def __init__(self, url: str, *, timeout: float = _TIMEOUT, context: ssl.SSLContext | None = None) -> None:
        self._url = _read_url(url)
        self._timeout = timeout
        self._context = context or ssl.create_default_context()
        self._connection: smtplib.SMTP | None = None

    @property
    def capabilities(self) -> Capabilities:
        """Small batches: an attempt can neither be called off nor repeated."""
        return Capabilities(largest_batch=LARGEST_BATCH)

    def open_attempt(self, now: datetime) -> Attempt:
        """An attempt dated now."""
        return new_attempt(now)

    def send(self, outgoing: Outgoing, attempt: Attempt) -> Answer:
        """Send to each recipient in turn. A lost connection is opened anew; when that fails the rest waits."""
        fine, refused = sendable(outgoing)
        tally = _Tally(refused=refused)
        try:
            messages = Messages(outgoing, date=date_of(attempt))
            self._connect()
        except DeliveryError as error:
            kind = AnswerKind.UNAUTHORISED if error.permanent else AnswerKind.LATER
            return Answer(kind=kind, detail=str(error))
        try:
            self._send_all(fine, messages, tally)
        except (_SenderRefused, DeliveryError) as error:
            self._drop()
            if not (tally.accepted or tally.uncertain):
                return Answer(kind=AnswerKind.UNAUTHORISED, detail=str(error))
            self._leave(fine, tally, str(error))
        return tally.answer()

    def _send_all(self, recipients: Sequence[Recipient], messages: Messages, tally: _Tally) -> None:
        for recipient in recipients:
            try:
                outcome, words = self._with_one_reconnect(recipient, messages)
            except _Lost as error:
                self._leave(recipients, tally, str(error))
                return
            tally.note(recipient.delivery, outcome, words)

    def _leave(self, recipients: Sequence[Recipient], tally: _Tally, words: str) -> None:
        """Everybody without an outcome waits for later."""
        done = tally.accepted | tally.uncertain | tally.later | tally.refused.keys()
        tally.later |= {recipient.delivery for recipient in recipients} - done
        tally.detail = words

    def _with_one_reconnect(self, recipient: Recipient, messages: Messages) -> tuple[_Outcome, str]:
        try:
            message = messages.build(recipient)
        except DeliveryError as error:
            return _Outcome.REFUSED, str(error)
        try:
            return self._converse(recipient, messages.sender.address, message)
        except _Lost:
            self._drop()
        try:
            self._connect()
        except DeliveryError as error:
            raise _Lost(str(error)) from error
        return self._converse(recipient, messages.sender.address, message)

    def _converse(self, recipient: Recipient, sender: str, message: bytes) -> tuple[_Outcome, str]:
        """MAIL, RCPT, DATA, content, dot. Raises _Lost while nothing is taken, _SenderRefused for a 5xx to MAIL."""
        connection = self._connection
        if connection is None:
            raise _Lost("not connected")
        mail = f"MAIL FROM:<{sender}>"
        if connection.has_extn("size"):
            mail += f" SIZE={len(message)}"
        steps = (
            (mail, (_DONE,)),
            (f"RCPT TO:<{envelope_address(recipient.address)}>", (_DONE, _FORWARDED)),
            ("DATA", (_DATA_OK,)),
        )
        refusal = (
            self._pipelined(connection, steps) if connection.has_extn("pipelining") else self._asked(connection, steps)
        )
        if refusal is not None:
            return refusal
        _push(connection, message)
        return self._final_dot(connection)

    def _asked(self, connection: smtplib.SMTP, steps: _Steps) -> tuple[_Outcome, str] | None:
        """One command after the other; the first refusal, None when the server waits for the content."""
        for command, expected in steps:
            code, words = _ask(connection, command)
            if code not in expected:
                return self._refusal(command, code, words)
        return None

    def _pipelined(self, connection: smtplib.SMTP, steps: _Steps) -> tuple[_Outcome, str] | None:
        """All commands in one journey (RFC 2920). A server that wants the content although it has refused what came
        before is left at once: the next word to it would be content."""
        _push(connection, "".join(f"{command}\r\n" for command, _ in steps).encode("ascii"))
        replies = [_read(connection) for _ in steps]
        for (command, expected), (code, words) in zip(steps, replies, strict=True):
            if code not in expected:
                if replies[-1][0] == _DATA_OK:
                    self._drop()
                return self._refusal(command, code, words)
        return None

    def _refusal(self, command: str, code: int, words: str) -> tuple[_Outcome, str]:
        if code in (_CLOSING, -1):  # -1: what came was no reply at all
            raise _Lost(f"{code} {words}")
        permanent = code >= 500  # noqa: PLR2004 - RFC 5321 section 4.2.1
        too_large = code == 552  # noqa: PLR2004 - this mail, not every mail
        if permanent and command.startswith("MAIL") and not too_large:
            raise _SenderRefused(f"{code} {words}")
        self._reset()
        return (_Outcome.REFUSED if permanent else _Outcome.LATER), f"{code} {words}"

    def _final_dot(self, connection: smtplib.SMTP) -> tuple[_Outcome, str]:
        """From here on, silence means that the mail may have been taken."""
        try:
            connection.send(b".\r\n")
            code, reply = connection.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            return _Outcome.UNCERTAIN, f"connection lost after the final dot: {error}"
        words = f"{code} {reply.decode('utf-8', 'replace')}"
        if code == _DONE:
            return _Outcome.ACCEPTED, words
        if code == _CLOSING:
            self._drop()
        return (_Outcome.REFUSED if code >= 500 else _Outcome.LATER), words  # noqa: PLR2004 - RFC 5321

    def _reset(self) -> None:
        """Clear a conversation that stopped half-way, so that the next MAIL is not refused for it."""
        if self._connection is not None:
            try:
                self._connection.rset()
            except (OSError, smtplib.SMTPException):
                self._drop()

    # --- the connection

    def _connect(self) -> None:
        """Raises DeliveryError: permanent when the server does not let us in, for now when it is not there."""
        if self._connection is not None:
            return
        connection: smtplib.SMTP | None = None
        try:
            connection = self._dial()
            self._introduce(connection)
        except (smtplib.SMTPException, OSError) as error:
            if connection is not None:
                connection.close()
            raise _refused_by(self._url, error) from error
        self._connection = connection

    def _dial(self) -> smtplib.SMTP:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "smtps":
            return smtplib.SMTP_SSL(host, port or 465, timeout=self._timeout, context=self._context)
        return smtplib.SMTP(host, port or 25, timeout=self._timeout)

    def _introduce(self, connection: smtplib.SMTP) -> None:
        if connection.sock is not None:  # the content and the dot are two writes: the second must not wait
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.ehlo_or_helo_if_needed()
        if self._url.scheme == "smtp" and connection.has_extn("starttls"):
            connection.starttls(context=self._context)
            connection.ehlo_or_helo_if_needed()
        if self._url.username:
            encrypted = isinstance(connection.sock, ssl.SSLSocket)
            if not encrypted and not _is_loopback(self._url.hostname or ""):
                raise smtplib.SMTPAuthenticationError(
                    530, b"the server offers no encryption and the password stays here"
                )
            connection.login(unquote(self._url.username), unquote(self._url.password or ""))

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def call_off(self, attempt: Attempt, *, now: datetime) -> bool:  # noqa: ARG002 - the protocol's shape
        """What is sent is sent."""
        return False

    def seen(self, attempt: Attempt, *, addresses: Sequence[str], since: datetime) -> bool | None:  # noqa: ARG002
        """There is no record to ask."""
        return None

    def close(self) -> None:
        """Say goodbye where somebody still listens."""
        if self._connection is not None:
            try:
                self._connection.quit()
            except (OSError, smtplib.SMTPException):
                self._connection.close()
            self._connection = None


def _ask(connection: smtplib.SMTP, command: str) -> tuple[int, str]:
    try:
        code, reply = connection.docmd(command)
    except (OSError, smtplib.SMTPException) as error:
        raise _Lost(f"connection lost: {error}") from error
    return code, reply.decode("utf-8", "replace")


def _read(connection: smtplib.SMTP) -> tuple[int, str]:
    try:
        code, reply = connection.getreply()
    except (OSError, smtplib.SMTPException) as error:
        raise _Lost(f"connection lost: {error}") from error
    return code, reply.decode("utf-8", "replace")


def _push(connection: smtplib.SMTP, message: bytes) -> None:
    try:
        connection.send(message)
    except (OSError, smtplib.SMTPException) as error:
        raise _Lost(f"connection lost: {error}") from error


def _refused_by(url: SplitResult, error: Exception) -> DeliveryError:
    locked_out = isinstance(error, smtplib.SMTPAuthenticationError) and error.smtp_code >= 500  # noqa: PLR2004
    untrusted = isinstance(error, (ssl.SSLCertVerificationError, smtplib.SMTPNotSupportedError))
    return DeliveryError(
        f"The mail server {url.hostname}:{url.port or url.scheme} does not let us in: {error}.",
        mend="Check VERDICTS_SMTP_URL and the server's certificate." if locked_out or untrusted else "Is it up?",
        permanent=locked_out or untrusted,
    )


def _read_url(url: str) -> SplitResult:
    # The URL holds a password: it is not repeated in the message.
    wrong = SettingsError("VERDICTS_SMTP_URL is no mail server.", mend="Write smtp://user:password@host:port.")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("smtp", "smtps") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise wrong from None
    if not usable:
        raise wrong
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
