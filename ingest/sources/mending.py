"""Mending: XML as it is sent made into XML as it was meant, before a parser sees it.

Three faults are so common that a feed reader has to know them, and the fast parser loses words to each without saying
so: another encoding than the declared one, an ampersand or an HTML entity that XML does not know, and titles of pictures
and episodes (`media:title`, `itunes:title`) that it takes for the entry's own. A body without a fault is looked at for a
tenth of a millisecond and handed on as it is.
"""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterator

_DECLARED = re.compile(rb"^\s*<\?xml[^>]{0,200}?\bencoding\s*=\s*[\"']([\w.:\-]{1,40})[\"']", re.IGNORECASE)
_WESTERN = frozenset(["ascii", "us-ascii", "iso-8859-1", "iso8859-1", "latin-1", "latin1", "windows-1252", "cp1252"])
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"\0<", b"<\0")

_ENCODING = re.compile(r"\s+encoding\s*=\s*[\"'][^\"']{0,40}[\"']", re.IGNORECASE)
_DECLARATION = 400
_HEAD = 4_096
_STRAY = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});)(?:([A-Za-z][A-Za-z0-9]{1,30});)?")
_FOREIGN_TITLE = re.compile(rb"(</?(?:media|itunes):)title\b")


def mended(body: bytes) -> bytes:
    """The body with its encoding, its ampersands and its titles put right; the same object where nothing is wrong."""
    body = _in_utf8(body)
    if _STRAY.search(body):  # most often in a text that may hold it
        body = b"".join(_escaped(body))
    return _FOREIGN_TITLE.sub(rb"\1heading", body) if _has_titles_of_both_kinds(body) else body


def _has_titles_of_both_kinds(body: bytes) -> bool:
    head = body[:_HEAD]
    return (b"xmlns:itunes" in head or b"xmlns:media" in head) and body.count(b"<title") > 1


def _in_utf8(body: bytes) -> bytes:
    """The body in UTF-8, where it is not what it says. What is valid UTF-8 is nearly never anything else, whatever western
    encoding it claims; what claims to be UTF-8, or nothing, and is not, holds the bytes of Windows."""
    if body.isascii() or body.startswith(_WIDE):
        return body
    found = _DECLARED.match(body)
    declared = found[1].decode("ascii").lower() if found else "utf-8"
    if declared not in _WESTERN and declared not in ("utf-8", "utf8"):
        return body
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        text = body.decode("cp1252", "replace") if declared in _WESTERN else as_utf8(body)
    else:
        if declared not in _WESTERN:
            return body
    return (_without_encoding(text) if found else text).encode("utf-8", "replace")


def _without_encoding(text: str) -> str:
    """The text without the encoding in its declaration, which is looked for where it has to stand and nowhere else: a
    search through a hostile megabyte of blanks would not end."""
    text = text.lstrip("\ufeff \t\r\n")
    return _ENCODING.sub("", text[:_DECLARATION], count=1) + text[_DECLARATION:]


_WINDOWS = "windows-bytes"
_MOST_BROKEN = 1_000


def as_utf8(body: bytes) -> str:
    """A text in UTF-8; bytes that cannot be are taken for those of Windows. Where they are many, so are all others: each of
    them costs a call, and a hostile body has millions."""
    text = body.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    if not broken:
        return text
    return body.decode("cp1252", "replace") if broken > _MOST_BROKEN else body.decode("utf-8", _WINDOWS)


def _as_windows(error: UnicodeError) -> tuple[str, int]:
    """Bytes that are no UTF-8 read as Windows-1252, the others as they are: one cut letter spoils no feed."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(_WINDOWS, _as_windows)


def _escaped(body: bytes) -> Iterator[bytes]:
    """The body in pieces: ampersands put right in what is markup, and every CDATA section as it is."""
    outside, *sections = body.split(b"<![CDATA[")
    yield _STRAY.sub(_spelled, outside)
    for section in sections:
        inside, end, outside = section.partition(b"]]>")
        yield b"<![CDATA[" + inside + end
        yield _STRAY.sub(_spelled, outside)


def _spelled(stray: re.Match[bytes]) -> bytes:
    """A stray ampersand escaped, and a named character of HTML by its number."""
    name = stray[1]
    if name is None:
        return b"&amp;"
    character = html.unescape(f"&{name.decode('ascii')};")
    if character.startswith("&"):
        return b"&amp;" + name + b";"
    return "".join(f"&#{ord(one)};" for one in character).encode("ascii")
