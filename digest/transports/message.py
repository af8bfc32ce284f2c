"""A batch's mails as bytes: compiled once, cut at the marks, put together per recipient.

The standard library takes milliseconds for a message; an edition's messages differ in a few short values. So the
two bodies are encoded once, piece by piece, as quoted-printable (RFC 2045 section 6.7), and a recipient's values are
encoded and put between the pieces. A soft line break stands on each side of a value, so that no line grows beyond 76
characters and the decoded text is exact. No line begins with a dot: SMTP has nothing to stuff.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, parseaddr
from functools import lru_cache

from core.delivery import Mail, Outgoing, Recipient
from core.errors import DeliveryError, RenderError
from core.subscriber import address_key
from digest import marks

_UNSAFE = re.compile(rb"[^\x20-\x3c\x3e-\x7e\t]")
_TRAILING = re.compile(rb"[ \t](?=\n|\Z)")
_LINE = re.compile(rb".{1,73}(?<!=)(?<!=.)")  # never ends inside =XX
_SOFT = b"=\r\n"
_PLAIN = re.compile(r"[A-Za-z0-9:/._~-]+").fullmatch  # nothing to encode or to escape
_LINE_ROOM = 73  # characters of a line, with room for a soft break and an encoded dot

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,75}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_OURS = frozenset({"from", "to", "cc", "bcc", "subject", "date", "message-id", "mime-version", "sender", "reply-to"})
_LINE_LIMIT = 78  # RFC 5322 section 2.1.1
_HARD_LIMIT = 998


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who a mail is from: `name` may be empty, `address` is also where bounces go."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        """The part behind the at sign."""
        return self.address.rpartition("@")[2]


def read_sender(mail: Mail) -> Sender:
    """The sender of a mail. Raises DeliveryError when it is no address: nothing can be sent from it."""
    name, address = parseaddr(mail.sender)
    if _CONTROL.search(mail.sender) or not _ADDRESS.fullmatch(address):
        raise DeliveryError(
            f"{mail.sender!r} is not a sender.",
            mend='Set VERDICTS_FROM like "Weekly Verdicts <verdicts@your.domain>".',
            permanent=True,
        )
    return Sender(name=name, address=address)


def wanted_marks(mail: Mail) -> tuple[str, ...]:
    """Every mark of a mail's subject and bodies."""
    return tuple(dict.fromkeys(mark for part in (mail.subject, mail.html, mail.text) for mark in marks.marks(part)))


def sendable(outgoing: Outgoing) -> tuple[tuple[Recipient, ...], dict[int, str]]:
    """The recipients whose mail can be made, and delivery -> reason for those whose cannot.

    Refused are an address that is none (or has letters beyond ASCII before the at sign, which few servers take), an
    address that the batch holds already, a missing substitution, and a line break where a header would be.
    """
    wanted = dict.fromkeys(wanted_marks(outgoing.mail))
    fine: list[Recipient] = []
    refused: dict[int, str] = {}
    seen: set[str] = set()
    for recipient in outgoing.recipients:
        key = address_key(recipient.address)
        try:
            _require_sendable(recipient, wanted, twice=key in seen)
        except (ValueError, RenderError, DeliveryError) as error:
            refused[recipient.delivery] = str(error)
        else:
            fine.append(recipient)
        seen.add(key)
    return tuple(fine), refused


def _require_sendable(recipient: Recipient, wanted: dict[str, None], *, twice: bool) -> None:
    if twice:
        raise ValueError("the batch holds this address twice")
    envelope_address(recipient.address)
    if not recipient.substitutions.keys() >= wanted.keys():
        marks.require(tuple(wanted), recipient.substitutions)
    check_headers(recipient.headers)


@lru_cache(maxsize=2_048)
def envelope_address(address: str) -> str:
    """The address as SMTP wants it, an international domain in its ASCII form. Raises ValueError."""
    local, _, domain = address.strip().rpartition("@")
    if not domain.isascii():
        domain = domain.encode("idna").decode()  # UnicodeError is a ValueError
    plain = f"{local}@{domain}"
    if not _ADDRESS.fullmatch(plain) or ".." in plain:
        raise ValueError("not an address that mail servers take")
    return plain


def check_headers(headers: Mapping[str, str]) -> None:
    """Raises DeliveryError for a header that would break out of its line, or replace one that we write ourselves."""
    _check_names(tuple(headers))
    for name, text in headers.items():
        if not text.isprintable() and _CONTROL.search(text):
            raise DeliveryError(f"The header {name} holds a line break.", mend="Leave it out.", permanent=True)


@lru_cache(maxsize=64)
def _check_names(names: tuple[str, ...]) -> None:
    for name in names:
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _OURS or name.lower().startswith("content-"):
            raise DeliveryError(f"{name!r} cannot be a further header.", mend="Leave it out.", permanent=True)


class Messages:
    """The messages of one batch. Raises DeliveryError when no mail can be made of it: bad sender, bad headers."""

    def __init__(self, outgoing: Outgoing, *, date: datetime) -> None:
        mail = outgoing.mail
        self.sender = read_sender(mail)
        check_headers(mail.headers)
        self._week = outgoing.week
        self._subject = marks.segments(mail.subject)
        self._same_subject = None if len(self._subject) > 1 else _header("Subject", _one_line(mail.subject))
        self._head = b"".join(
            (
                _mailbox("From", self.sender.name, self.sender.address),
                _header("Date", format_datetime(date, usegmt=True)),
                *(_header(name, text) for name, text in mail.headers.items()),
                b'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="',
                _boundary(mail.text, mail.html),
                b'"\r\n',
            )
        )
        self._body = _compile_body(mail.text, mail.html)
        self._marks = tuple(dict.fromkeys((*marks.marks(mail.text), *marks.marks(mail.html))))

    def message_id(self, recipient: Recipient) -> str:
        """The same for one delivery of one week, whenever and however often it is sent; nobody else's."""
        return f"<{self._week}.{recipient.delivery}@{self.sender.domain}>"

    def build(self, recipient: Recipient) -> bytes:
        """One recipient's message, CRLF line ends, ASCII only."""
        return b"".join(self.parts(recipient))

    def parts(self, recipient: Recipient) -> list[bytes]:
        """The same, not put together: nearly all of it is everybody's, and need not be copied."""
        return [*self._headers(recipient), *self._pieces(recipient)]

    def _headers(self, recipient: Recipient) -> tuple[bytes, ...]:
        """This person's own headers, then everybody's."""
        return (
            _mailbox("To", recipient.name, envelope_address(recipient.address)),
            self._same_subject or self._own_subject(recipient),
            _header("Message-ID", self.message_id(recipient)),
            *[_header(name, text) for name, text in recipient.headers.items()],
            self._head,
        )

    def _own_subject(self, recipient: Recipient) -> bytes:
        values = recipient.substitutions
        subject = "".join(values[part] if at % 2 else part for at, part in enumerate(self._subject))
        return _header("Subject", _one_line(subject))

    def _pieces(self, recipient: Recipient) -> list[bytes]:
        """The blank line and the body."""
        encoded = {mark: _encode_value(recipient.substitutions[mark]) for mark in self._marks}
        return [piece if isinstance(piece, bytes) else encoded[piece[0]][piece[1]] for piece in self._body]


@lru_cache(maxsize=8)  # batch after batch is of one edition
def _compile_body(text: str, html: str) -> tuple[bytes | tuple[str, bool], ...]:
    """Fixed bytes, and (mark, html) where a value goes."""
    pieces: list[bytes | tuple[str, bool]] = []
    ready = b""
    for kind, part, is_html in ((b"plain", text, False), (b"html", html, True)):
        head = b"\r\n--%b\r\nContent-Type: text/%b; charset=utf-8\r\n" % (_boundary(text, html), kind)
        fixed, *rest = marks.segments(part)
        ready += head + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + quoted_printable(fixed)
        for mark, following in zip(rest[::2], rest[1::2], strict=True):
            pieces += [ready + _SOFT, (mark, is_html)]
            ready = _SOFT + quoted_printable(following)
    return (*pieces, ready + b"\r\n--%b--\r\n" % _boundary(text, html))


@lru_cache(maxsize=8)
def _boundary(text: str, html: str) -> bytes:
    return b"=_" + hashlib.sha256(f"{text}\0{html}".encode()).hexdigest()[:32].encode()


def _encode_value(plain: str) -> tuple[bytes, bytes]:
    """A value as it stands in the text part and in the HTML part."""
    if _PLAIN(plain):
        same = plain.encode()
        if len(same) > _LINE_ROOM or same.startswith(b"."):
            lines = [same[at : at + _LINE_ROOM] for at in range(0, len(same), _LINE_ROOM)]
            same = _SOFT.join([b"=2E" + line[1:] if line.startswith(b".") else line for line in lines])
        return same, same
    return _encode(plain), _encode(marks.value(plain, html=True))


@lru_cache(maxsize=256)
def quoted_printable(text: str) -> bytes:
    """Text as quoted-printable in UTF-8: lines of at most 76 characters, none beginning with a dot, CRLF line ends."""
    return _encode(text)


def _encode(text: str) -> bytes:
    data = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    return b"\r\n".join(_encode_line(line) for line in data.split(b"\n"))


def _encode_line(line: bytes) -> bytes:
    escaped = _UNSAFE.sub(lambda found: b"=%02X" % found[0][0], line)
    escaped = _TRAILING.sub(lambda found: b"=%02X" % found[0][0], escaped)
    chunks = _LINE.findall(escaped)
    return _SOFT.join(b"=2E" + chunk[1:] if chunk.startswith(b".") else chunk for chunk in chunks)


def _one_line(text: str) -> str:
    whole = text.encode("utf-8", "replace").decode()  # a lone surrogate cannot be sent
    return " ".join(_CONTROL.sub(" ", whole).split())


def _header(name: str, text: str) -> bytes:
    """One header, folded between its words; text beyond ASCII as encoded words (RFC 2047). `text` is one line."""
    if not text.isascii():
        return _ascii_lines(name, Header(text, "utf-8", maxlinelen=75, header_name=name).encode())
    if len(name) + 2 + len(text) <= (_HARD_LIMIT if " " not in text else _LINE_LIMIT):
        return f"{name}: {text}\r\n".encode("ascii")
    return _ascii_lines(name, _fold(name, text))


def _ascii_lines(name: str, text: str) -> bytes:
    lines = text.splitlines()
    if max(len(line) for line in lines) + len(name) + 2 > _HARD_LIMIT:
        raise DeliveryError(f"The header {name} is too long.", mend="Shorten it.", permanent=True)
    folded = "\r\n".join(lines)
    return f"{name}: {folded}\r\n".encode("ascii")


def _fold(name: str, text: str) -> str:
    lines, used = [""], len(name) + 2
    for word in text.split(" "):
        if lines[-1] and used + 1 + len(word) > _LINE_LIMIT:
            lines.append("")
            used = 0
        lines[-1] += f" {word}" if lines[-1] or len(lines) > 1 else word
        used += 1 + len(word)
    return "\n".join(lines)


def _mailbox(header: str, name: str, address: str) -> bytes:
    plain = _one_line(name)[:100]
    if not plain:
        return f"{header}: {address}\r\n".encode("ascii")
    if plain.isascii():
        quoted = plain.replace("\\", "\\\\").replace('"', '\\"')
        shown = f'"{quoted}"'
    else:
        shown = Header(plain, "utf-8", maxlinelen=60, header_name=header).encode(linesep="\n")
    return _ascii_lines(header, f"{shown}\n <{address}>")
