"""Bodies: from bytes to the records they hold, with a ParseError for a page in disguise."""

from __future__ import annotations

import json
from typing import Any

import orjson

from core.errors import ParseError
from core.source import Response
from core.text import clean
from ingest.sources.mending import as_utf8

_HTML = (b"<!doctype html", b"<html", b"<head", b"<body")
_EXCERPT = 120
_DIGITS = 40


def json_of(response: Response) -> Any:
    """The JSON of a body. Raises ParseError for HTML, for an empty body and for what is no JSON."""
    if looks_like_html(response.body):
        raise ParseError(f"{response.url} answered with an HTML page instead of JSON: {excerpt(response.body)}")
    try:
        return orjson.loads(response.body)
    except orjson.JSONDecodeError as error:
        try:
            return _read_leniently(response.body)
        except (ValueError, RecursionError):
            raise ParseError(f"{response.url} answered with something that is no JSON ({error}).") from None


def _read_leniently(body: bytes) -> Any:
    """JSON with what the strict parser refuses a whole body for: `NaN`, `1e999`, half a surrogate pair, a letter in
    another encoding. Such a value costs the entry that holds it at most. Raises ValueError and RecursionError."""
    encoding = json.detect_encoding(body)
    text = as_utf8(body) if encoding.startswith("utf-8") else body.decode(encoding, "replace")
    return json.loads(text.removeprefix("\ufeff"), parse_int=_whole)


def _whole(digits: str) -> int | float:
    # Python refuses to read thousands of digits, and no field of ours means them.
    return int(digits) if len(digits) <= _DIGITS else float("-inf" if digits.startswith("-") else "inf")


def list_of(response: Response, *path: str) -> list[Any]:
    """The list that stands at `path` (names of nested objects) of a JSON body. Raises ParseError when there is none."""
    value = json_of(response)
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, list):
        where = ".".join(path) or "the body"
        raise ParseError(f"{response.url} promised a list at {where}{_complaint(json_of(response))}.")
    return value


def _complaint(value: object) -> str:
    """What an API's own error object says, ready to follow a message."""
    if not isinstance(value, dict):
        return f" and sent a {type(value).__name__}"
    words = value.get("error") or value.get("errors") or value.get("message")
    return f" and said: {clean(str(words), limit=_EXCERPT)}" if words else f" and sent {sorted(value)[:8]}"


def looks_like_html(body: bytes) -> bool:
    """Whether a body begins like a web page."""
    return body[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_HTML)


def excerpt(body: bytes) -> str:
    """The beginning of a body, as a text that is safe to show."""
    return repr(clean(body[:600].decode("utf-8", "replace"), limit=_EXCERPT))
