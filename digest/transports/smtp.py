"""SMTP: one connection, kept between batches, and an outcome for each recipient (RFC 5321).

What decides is the final dot. Lost before it, the server has no complete mail: surely not taken. Lost after it and
before the reply, the mail may be on its way: uncertain, and nothing is sent again by guess.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit

from core.delivery import Answer, AnswerKind, Attempt, Capabilities, Outgoing, Recipient
from core.errors import DeliveryError, SettingsError
from digest.transports.dialogue import NO_REPLY, Dialogue, Lost
from digest.transports.message import Messages, envelope_address, sendable
from digest.transports.seal import Seal
from digest.transports.transport import date_of, new_attempt

LARGEST_BATCH = 250
"""A worker killed in the middle leaves at most so many deliveries uncertain; a batch costs three small transactions."""

_TIMEOUT = 30.0
_LINES = 20  # connections that a relay takes from one sender without asking why
_DATA_OK = 354
_DONE = 250
_FORWARDED = 251
_CLOSING = 421
_EXPECTED = ((_DONE,), (_DONE, _FORWARDED), (_DATA_OK,))
"""What lets MAIL, RCPT and DATA go on."""


class _Outcome(StrEnum):
    """What became of one recipient's mail."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    LATER = "later"
    UNCERTAIN = "uncertain"


class _SenderRefused(Exception):  # noqa: N818 - a turn of the conversation, not an error of the tree
    """The server does not take mail from us at all; no recipient can be blamed."""


@dataclass(frozen=True, slots=True)
class _Letter:
    """One mail, made: the commands of its envelope, and its content in parts without the final dot."""

    recipient: Recipient
    envelope: tuple[bytes, bytes, bytes]
    content: list[bytes]


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

    def __init__(
        self, url: str, *, seal: Seal | None = None, timeout: float = _TIMEOUT, context: ssl.SSLContext | None = None
    ) -> None:
        self._url = _read_url(url)
        self._seal = seal
        self._timeout = timeout
        self._context = context
        self._line: Dialogue | None = None

    @property
    def capabilities(self) -> Capabilities:
        """Small batches: an attempt can neither be called off nor repeated."""
        return Capabilities(largest_batch=LARGEST_BATCH, lines=_LINES)

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
        left, lost = deque(recipients), -1
        while left:
            try:
                self._connect()
                self._converse(left, messages, tally)
            except (Lost, DeliveryError) as error:
                self._drop()
                if isinstance(error, DeliveryError) or left[0].delivery == lost:  # it is not this one mail
                    self._leave(recipients, tally, str(error))
                    return
                lost = left[0].delivery

    def _leave(self, recipients: Sequence[Recipient], tally: _Tally, words: str) -> None:
        """Everybody without an outcome waits for later."""
        done = tally.accepted | tally.uncertain | tally.later | tally.refused.keys()
        tally.later |= {recipient.delivery for recipient in recipients} - done
        tally.detail = words

    def _converse(self, left: deque[Recipient], messages: Messages, tally: _Tally) -> None:
        """Mail after mail over the open connection, until nobody is left or the connection is closed. Whoever has an
        outcome leaves `left`. Raises Lost while nothing of the first of `left` is taken, _SenderRefused for a 5xx to
        MAIL.

        With PIPELINING the next mail's commands travel with the final dot of the one before (RFC 2920 section 3.1
        allows that): one journey for each mail.
        """
        letter = self._next_letter(left, messages, tally)
        announced = False
        while letter is not None and self._line is not None:
            refusal = self._offer(self._line, letter, announced=announced)
            if refusal is None:
                self._line.pour(letter.content)  # without its dot nothing is taken
            left.popleft()
            following = self._next_letter(left, messages, tally)  # made while the server reads
            ahead = following if self._goes_ahead() else None
            tally.note(letter.recipient.delivery, *(refusal or self._final_dot(self._line, ahead)))
            announced = refusal is None and ahead is not None
            if refusal is not None:
                self._reset()
            letter = following

    def _goes_ahead(self) -> bool:
        return self._line is not None and self._line.pipelines

    def _next_letter(self, left: deque[Recipient], messages: Messages, tally: _Tally) -> _Letter | None:
        while left:
            try:
                return self._letter(left[0], messages)
            except DeliveryError as error:
                tally.note(left.popleft().delivery, _Outcome.REFUSED, str(error))
        return None

    def _letter(self, recipient: Recipient, messages: Messages) -> _Letter:
        content = messages.parts(recipient)
        if self._seal is not None:
            content = [self._seal.sign(b"".join(content))]
        size = f" SIZE={sum(map(len, content))}" if self._line is not None and self._line.wants_size else ""
        mail = f"MAIL FROM:<{messages.sender.address}>{size}\r\n"
        rcpt = f"RCPT TO:<{envelope_address(recipient.address)}>\r\n"
        return _Letter(recipient, (mail.encode("ascii"), rcpt.encode("ascii"), b"DATA\r\n"), content)

    def _offer(self, line: Dialogue, letter: _Letter, *, announced: bool) -> tuple[_Outcome, str] | None:
        """MAIL, RCPT, DATA: the first refusal, None when the server waits for the content. All in one journey where
        the server allows it, and not even that when they were `announced` with the mail before."""
        if not line.pipelines:
            for command, expected in zip(letter.envelope, _EXPECTED, strict=True):
                line.push(command)
                code, words = line.read()
                if code not in expected:
                    return self._refusal(command, code, words)
            return None
        if not announced:
            line.push(b"".join(letter.envelope))
        replies = [line.read() for _ in letter.envelope]
        for command, expected, (code, words) in zip(letter.envelope, _EXPECTED, replies, strict=True):
            if code not in expected:
                if replies[-1][0] == _DATA_OK:
                    # It wants the content although it has refused what came before: the next word would be content.
                    self._drop()
                return self._refusal(command, code, words)
        return None

    def _refusal(self, command: bytes, code: int, words: str) -> tuple[_Outcome, str]:
        if code in (_CLOSING, NO_REPLY):
            raise Lost(words)
        permanent = code >= 500  # noqa: PLR2004 - RFC 5321 section 4.2.1
        too_large = code == 552  # noqa: PLR2004 - this mail, not every mail
        if permanent and command.startswith(b"MAIL") and not too_large:
            raise _SenderRefused(words)
        return (_Outcome.REFUSED if permanent else _Outcome.LATER), words

    def _final_dot(self, line: Dialogue | None, ahead: _Letter | None) -> tuple[_Outcome, str]:
        """The dot, and the commands of the mail after it. From here on, silence means that the mail may have been
        taken."""
        if line is None:  # pragma: no cover - the content has just been written
            return _Outcome.LATER, "not connected"
        try:
            line.push(b".\r\n" + (b"".join(ahead.envelope) if ahead else b""))
            code, words = line.read()
        except Lost as error:
            self._drop()
            return _Outcome.UNCERTAIN, f"after the final dot: {error}"
        if code == _DONE:
            return _Outcome.ACCEPTED, words
        if code in (_CLOSING, NO_REPLY):
            self._drop()
        if not 400 <= code < 600:  # noqa: PLR2004 - RFC 5321: nothing else is a refusal
            return _Outcome.UNCERTAIN, words
        return (_Outcome.REFUSED if code >= 500 else _Outcome.LATER), words  # noqa: PLR2004

    def _reset(self) -> None:
        """Clear a conversation that stopped half-way, so that the next MAIL is not refused for it."""
        if self._line is not None:
            try:
                self._line.push(b"RSET\r\n")
                self._line.read()
            except Lost:
                self._drop()

    # --- the connection

    def _connect(self) -> None:
        """Raises DeliveryError: permanent when the server does not let us in, for now when it is not there."""
        if self._line is not None:
            return
        connection: smtplib.SMTP | None = None
        try:
            connection = self._dial()
            self._introduce(connection)
        except (smtplib.SMTPException, OSError) as error:
            if connection is not None:
                connection.close()
            raise _refused_by(self._url, error) from error
        if connection.sock is not None:
            self._line = Dialogue(connection, connection.sock)

    def _dial(self) -> smtplib.SMTP:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "smtps":
            return smtplib.SMTP_SSL(host, port or 465, timeout=self._timeout, context=self._context or _trusted())
        return smtplib.SMTP(host, port or 25, timeout=self._timeout)

    def _introduce(self, connection: smtplib.SMTP) -> None:
        if connection.sock is not None:  # the content and the dot are two writes: the second must not wait
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.ehlo_or_helo_if_needed()
        if self._url.scheme == "smtp" and connection.has_extn("starttls"):
            connection.starttls(context=self._context or _trusted())
            connection.ehlo_or_helo_if_needed()
        if self._url.username:
            encrypted = isinstance(connection.sock, ssl.SSLSocket)
            if not encrypted and not _is_loopback(self._url.hostname or ""):
                raise smtplib.SMTPAuthenticationError(
                    530, b"the server offers no encryption and the password stays here"
                )
            connection.login(unquote(self._url.username), unquote(self._url.password or ""))

    def _drop(self) -> None:
        if self._line is not None:
            self._line.hang_up()
            self._line = None

    def call_off(self, attempt: Attempt, *, now: datetime) -> bool:  # noqa: ARG002 - the protocol's shape
        """What is sent is sent."""
        return False

    def seen(self, attempt: Attempt, *, addresses: Sequence[str], since: datetime) -> bool | None:  # noqa: ARG002
        """There is no record to ask."""
        return None

    def close(self) -> None:
        """Say goodbye where somebody still listens."""
        if self._line is not None:
            self._line.say_goodbye()
            self._line = None


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    """The authorities of this machine, read once for all lines: they take more than a megabyte."""
    return ssl.create_default_context()


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
