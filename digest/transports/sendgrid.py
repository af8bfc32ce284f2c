"""SendGrid's v3 API, through its own package.

There is no idempotency key, so an attempt is fenced: it carries a `batch_id` and a `send_at` some time ahead, and on
doubt the whole batch is cancelled at the provider before anybody tries again. Only 202 means taken. Everything that
the package leaves open is closed here: every request has a timeout, one connection is kept for all of them, redirects
are not followed (a POST would become a GET, and the key would go to another host), and its debug log, which prints key
and payload, stays silent.
"""

from __future__ import annotations

import http.client
import json
import logging
import math
import re
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain
from typing import Any

import orjson
import python_http_client
import sendgrid

from core.clock import Clock, system_clock
from core.delivery import Answer, AnswerKind, Attempt, Capabilities, Outgoing, Recipient
from core.errors import DeliveryError
from digest import marks
from digest.transports.line import Line
from digest.transports.message import check_headers, envelope_address, read_sender, sendable, wanted_marks
from digest.transports.record import Record
from digest.transports.transport import CALL_OFF_MARGIN, LETTER, new_attempt

LARGEST_BATCH = 1_000
ARGS_PREFIX = "wv_"
"""Custom arguments come back among the provider's own event fields, so ours are told apart by their names."""

LARGEST_REQUEST = 25_000_000  # bytes; the provider's limit is about 30 MB
LARGEST_SUBSTITUTIONS = 10_000  # bytes per recipient
_WIDEST = 4  # bytes of a character
FURTHEST_AHEAD = timedelta(hours=72)

_TIMEOUT = 30.0
_LINES = 8
"""As many attempts as may have to be called off at one time: the provider holds ten cancellations."""

_RETRY_AFTER = timedelta(minutes=1)
_PERSONALIZATION = re.compile(r"personalizations[.\[](\d+)")
_NAME_NOT_SAFE = re.compile(r'[,;<>"@\x00-\x1f\x7f]+')  # a comma makes the API see two recipients
_NEEDS_ESCAPING = "&<>\"'"  # what html.escape changes
_OK, _REDIRECTED = 200, 300
_RESERVED = frozenset({"x-sg-id", "x-sg-eid", "received", "dkim-signature", "reply-to"})


class _Client(python_http_client.Client):  # type: ignore[misc]
    """The package's client, for its addresses and headers; its requests go over our `Line`."""

    def _build_client(self, name: str | None = None) -> _Client:
        return _Client(
            host=self.host,
            version=self._version,
            request_headers=self.request_headers,
            url_path=[*self._url_path, name] if name else self._url_path,
            timeout=self.timeout,
        )

    def address(self, query: Mapping[str, Any] | None = None) -> str:
        """The URL of this place of the API."""
        return str(self._build_url(query))


def _silence(name: str) -> None:
    # A filter, not a level: a later logging configuration sets levels anew.
    logger = logging.getLogger(name)
    if not any(isinstance(found, _Nothing) for found in logger.filters):
        logger.addFilter(_Nothing())


class _Nothing(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - the library's shape
        """No record passes."""
        return False


class SendGrid:
    """The provider. `fence_minutes` is how far ahead a batch is scheduled; 0 sends at once, without a fence."""

    def __init__(
        self,
        key: str,
        *,
        url: str | None,
        fence_minutes: int,
        timeout: float = _TIMEOUT,
        clock: Clock = system_clock,
    ) -> None:
        for name in ("python_http_client", "python_http_client.client", "sendgrid"):
            _silence(name)
        api = sendgrid.SendGridAPIClient(key, host=(url or "https://api.sendgrid.com").rstrip("/"))
        headers = dict(api.client.request_headers)
        api.client = _Client(host=api.host, request_headers=headers, version=3, timeout=timeout)
        self._api = api
        self._line = Line(timeout=timeout)
        self._fence = timedelta(minutes=fence_minutes)
        self._clock = clock

    @property
    def capabilities(self) -> Capabilities:
        """A thousand recipients in a request; with a fence an attempt can be called off for a while."""
        return Capabilities(largest_batch=LARGEST_BATCH, fence=bool(self._fence), events=True, lines=_LINES)

    def open_attempt(self, now: datetime) -> Attempt:
        """An attempt with a `batch_id` of its own, if there is to be a fence. Raises DeliveryError without one."""
        if not self._fence:
            return new_attempt(now)
        answer, body = self.ask("mail", "batch")
        batch_id = body.get("batch_id") if answer is None and isinstance(body, dict) else None
        if answer is not None or not isinstance(batch_id, str) or not batch_id:
            unauthorised = answer is not None and answer.kind is AnswerKind.UNAUTHORISED
            raise DeliveryError(
                f"SendGrid gave no batch id: {answer.detail if answer else body}.",
                mend="Check SENDGRID_API_KEY." if unauthorised else "Try again later.",
                permanent=unauthorised,
                retry_after=answer.not_before if answer else None,
            )
        return new_attempt(now, fence=batch_id, send_at=_whole_second(now + min(self._fence, FURTHEST_AHEAD)))

    def send(self, outgoing: Outgoing, attempt: Attempt) -> Answer:
        """Hand a batch over in one request."""
        fine, refused = sendable(outgoing)
        fine = _within_limits(fine, outgoing, refused)
        if not fine:
            return Answer(kind=AnswerKind.REFUSED, refused=refused, detail="no recipient is left")
        try:
            payload = compose_request(outgoing, fine, attempt)
        except DeliveryError as error:
            return Answer(kind=AnswerKind.UNAUTHORISED, detail=str(error))
        data = orjson.dumps(payload)
        del payload  # while the provider thinks, only the bytes are kept
        if len(fine) > LARGEST_BATCH or len(data) > LARGEST_REQUEST:
            return Answer(kind=AnswerKind.TOO_LARGE, refused=refused, detail="more than one request holds")
        answer, body = self._post(data)
        named = _named(body, fine) if answer.kind is AnswerKind.REFUSED else {}
        return replace(answer, refused={**refused, **named})

    def _post(self, payload: bytes) -> tuple[Answer, bytes]:
        client = self._api.client.mail.send
        try:
            status, headers, body = self._line.exchange("POST", client.address(), client.request_headers, payload)
        except (OSError, http.client.HTTPException) as error:
            return _unanswered(error), b""
        return read_status(status, headers, body, now=self._clock()), body

    def ask(
        self,
        *path: str,
        body: Mapping[str, Any] | None = None,
        get: bool = False,
        query: Mapping[str, Any] | None = None,
    ) -> tuple[Answer | None, Any]:
        """A side question to the API: (None, the JSON answer), or (what went wrong, {})."""
        client = self._api.client
        for step in path:
            client = client._(step)
        method, payload = ("GET", None) if get else ("POST", orjson.dumps(body) if body is not None else b"")
        try:
            status, headers, answer = self._line.exchange(
                method, client.address(query), client.request_headers, payload
            )
        except (OSError, http.client.HTTPException) as error:
            return _unanswered(error), {}
        if not _OK <= status < _REDIRECTED:
            return read_status(status, headers, answer, now=self._clock()), {}
        return None, _json(answer)

    def call_off(self, attempt: Attempt, *, now: datetime) -> bool:
        """Cancel an attempt's batch. Asked within ten minutes of its time, the provider's word would not hold: False.

        An attempt that is cancelled already counts as called off. A provider holds ten cancellations at one time.
        """
        if attempt.fence is None or attempt.send_at is None or now + CALL_OFF_MARGIN >= attempt.send_at:
            return False
        wrong, _ = self.ask("user", "scheduled_sends", body={"batch_id": attempt.fence, "status": "cancel"})
        return wrong is None or self._is_cancelled(attempt.fence)

    def _is_cancelled(self, batch_id: str) -> bool:
        wrong, rows = self.ask("user", "scheduled_sends", batch_id, get=True)
        return wrong is None and isinstance(rows, list) and {"batch_id": batch_id, "status": "cancel"} in rows

    def seen(self, attempt: Attempt, *, addresses: Sequence[str], since: datetime) -> bool | None:
        """Whether the provider's log shows a mail of this attempt to one of these addresses."""
        return Record(self.ask).shows(attempt, addresses=addresses, since=since)

    @property
    def record(self) -> Record:
        """The provider's own record of what it did."""
        return Record(self.ask)

    def close(self) -> None:
        """Let go of the connection."""
        self._line.close()


# --- the request


def compose_request(outgoing: Outgoing, recipients: Sequence[Recipient], attempt: Attempt) -> dict[str, Any]:
    """The body of `POST /v3/mail/send`. Raises DeliveryError for a bad sender or header.

    A mark in the HTML has a key of its own where escaping changes anybody's value: the provider puts one value into
    both parts, and as it stands.
    """
    mail = outgoing.mail
    sender = read_sender(mail)
    check_headers(mail.headers)
    wanted = wanted_marks(mail)
    ids = {f"{ARGS_PREFIX}attempt": attempt.id}
    if outgoing.batch != LETTER:
        ids[f"{ARGS_PREFIX}batch"] = str(outgoing.batch)
    html, values = _values(mail.html, recipients, wanted)
    payload: dict[str, Any] = {
        "personalizations": [_personalization(each, ids, own) for each, own in zip(recipients, values, strict=True)],
        "from": {"email": sender.address, "name": sender.name} if sender.name else {"email": sender.address},
        "subject": mail.subject,
        "content": [{"type": "text/plain", "value": mail.text}, {"type": "text/html", "value": html}],
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
            "subscription_tracking": {"enable": False},
        },
    }
    if mail.headers:
        payload["headers"] = _free(mail.headers)
    if attempt.fence is not None and attempt.send_at is not None:
        payload |= {"batch_id": attempt.fence, "send_at": int(attempt.send_at.timestamp())}
    return payload


def _values(
    html: str, recipients: Sequence[Recipient], wanted: Sequence[str]
) -> tuple[str, Iterable[Mapping[str, str]]]:
    """The HTML as it is sent, and the substitutions of each recipient.

    A mark within a value is disarmed, since the provider expands what it finds, in whatever order."""
    given = [_only(each.substitutions, wanted) for each in recipients]
    every = "\n".join(chain.from_iterable([each.values() for each in given]))
    if not any(sign in every for sign in ("{{", *_NEEDS_ESCAPING)):
        return html, given
    if "{{" in every:
        given = [{mark: marks.disarm(value) for mark, value in each.items()} for each in given]
    in_html = {mark: "{{html_" + mark[2:] for mark in marks.marks(html) if _needs_escaping(mark, given)}
    own_html = "".join(in_html.get(part, part) for part in marks.segments(html))
    keys = in_html.items()
    return own_html, [own | {key: marks.value(own[mark], html=True) for mark, key in keys} for own in given]


def _needs_escaping(mark: str, given: Sequence[dict[str, str]]) -> bool:
    column = "\n".join([each[mark] for each in given])
    return any(sign in column for sign in _NEEDS_ESCAPING)


def _only(given: Mapping[str, str], wanted: Sequence[str]) -> dict[str, str]:
    if isinstance(given, dict) and len(given) == len(wanted):
        return given
    return {mark: given[mark] for mark in wanted}


def _personalization(recipient: Recipient, ids: Mapping[str, str], values: Mapping[str, str]) -> dict[str, Any]:
    name = " ".join(_NAME_NOT_SAFE.sub(" ", recipient.name).split()) if recipient.name else ""
    address = envelope_address(recipient.address)
    made: dict[str, Any] = {
        "to": [{"email": address, "name": name} if name else {"email": address}],
        "custom_args": dict(ids),
    }
    if recipient.delivery != LETTER:
        made["custom_args"][f"{ARGS_PREFIX}delivery"] = str(recipient.delivery)
    if values:
        made["substitutions"] = values
    if recipient.headers:
        made["headers"] = _free(recipient.headers)
    return made


def _free(headers: Mapping[str, str]) -> Mapping[str, str]:
    if not _reserved(tuple(headers)):
        return headers
    return {name: text for name, text in headers.items() if name.lower() not in _RESERVED}


@lru_cache(maxsize=64)
def _reserved(names: tuple[str, ...]) -> bool:
    return any(name.lower() in _RESERVED for name in names)


def _within_limits(
    recipients: Sequence[Recipient], outgoing: Outgoing, refused: dict[int, str]
) -> tuple[Recipient, ...]:
    wanted = wanted_marks(outgoing.mail)
    keys = _bytes("".join(wanted))
    longest = max(map(len, chain.from_iterable([each.substitutions.values() for each in recipients])), default=0)
    if 2 * (keys + _WIDEST * longest * len(wanted)) <= LARGEST_SUBSTITUTIONS:
        return tuple(recipients)  # whoever has nothing but the longest is within the limit, too
    fine = []
    for recipient in recipients:
        used = 2 * (keys + _bytes("".join([recipient.substitutions[mark] for mark in wanted])))
        if used > LARGEST_SUBSTITUTIONS:
            refused[recipient.delivery] = f"substitutions of {used} bytes, {LARGEST_SUBSTITUTIONS} is the limit"
        else:
            fine.append(recipient)
    return tuple(fine)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _whole_second(instant: datetime) -> datetime:
    return datetime.fromtimestamp(math.ceil(instant.timestamp()), UTC)


# --- the answer


def read_status(status: int, headers: Mapping[str, str] | None, body: bytes, *, now: datetime) -> Answer:
    """The provider's status as our answer. `now` is when it came.

    202 is taken. 400 is refused, 413 too large, 429 later. 401, 403, and every other 4xx, say that key, account or
    address of the API are wrong: nobody's mail goes out until an operator acts. The rest (200 of a sandbox, a
    redirect, 5xx, a request timeout) may have been taken.
    """
    detail = _detail(status, body)
    found = headers or {}
    if status == 202:  # noqa: PLR2004
        return Answer(kind=AnswerKind.ACCEPTED, message_id=found.get("X-Message-Id"), detail=detail)
    if status == 429:  # noqa: PLR2004
        return Answer(kind=AnswerKind.LATER, not_before=_reset_time(found, now), detail=detail)
    kinds = {400: AnswerKind.REFUSED, 413: AnswerKind.TOO_LARGE, 408: AnswerKind.UNCERTAIN}
    unclear = AnswerKind.UNAUTHORISED if 400 <= status < 500 else AnswerKind.UNCERTAIN  # noqa: PLR2004
    return Answer(kind=kinds.get(status, unclear), detail=detail)


def _detail(status: int, body: bytes) -> str:
    return f"{status} {body[:2_000].decode('utf-8', 'replace')}".strip()


def _reset_time(headers: Mapping[str, str], now: datetime) -> datetime:
    """When a 429 ends: a Unix time, or seconds from now; at most an hour ahead, whatever it says."""
    for name, base in (("X-RateLimit-Reset", 0.0), ("Retry-After", now.timestamp())):
        text = (headers.get(name) or "").strip()
        if text.isdecimal() and len(text) < 12:  # noqa: PLR2004 - a later year than computers know
            when = datetime.fromtimestamp(base + int(text), UTC)
            return min(max(when, now), now + timedelta(hours=1))
    return now + _RETRY_AFTER


def _unanswered(error: Exception) -> Answer:
    """No answer came. Where not even a connection was made nothing was taken; otherwise nobody knows."""
    never = isinstance(error, (ConnectionRefusedError, socket.gaierror))
    kind = AnswerKind.LATER if never else AnswerKind.UNCERTAIN
    return Answer(kind=kind, detail=f"{type(error).__name__}: {error}")


def _named(body: bytes, recipients: Sequence[Recipient]) -> dict[int, str]:
    """The recipients that a 400 names by their place in the request."""
    told = _json(body)
    errors = told.get("errors") if isinstance(told, dict) else None
    named = {}
    for error in errors if isinstance(errors, list) else []:
        found = _PERSONALIZATION.search(str(error.get("field"))) if isinstance(error, dict) else None
        if found and int(found[1]) < len(recipients):
            named[recipients[int(found[1])].delivery] = str(error.get("message"))
    return named


def _json(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError:
        return {}
