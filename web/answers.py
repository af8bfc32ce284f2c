"""Answers for everyone: with validators, so that what has not changed is not sent again."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from starlette.requests import Request
from starlette.responses import Response

from core.clock import utc

FOR_EVERYONE = "public, max-age=60"
"""What is published: a minute without asking, then the validators decide."""
FOR_NOBODY = "no-store"
"""Pages whose address holds a token, and answers to a post."""


def public_answer(
    request: Request, body: bytes, *, media_type: str, modified: datetime, cache: str = FOR_EVERYONE
) -> Response:
    """200 with ETag and Last-Modified, or 304 where the asker has this very answer.

    The ETag is exact. Last-Modified is the newest instant that the content names; it serves who sends no ETag, and a
    vote that was erased does not move it.
    """
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
    whole = utc(modified).replace(microsecond=0)
    headers = {"ETag": tag, "Last-Modified": format_datetime(whole, usegmt=True), "Cache-Control": cache}
    if _has(request, tag=tag, modified=whole):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def _has(request: Request, *, tag: str, modified: datetime) -> bool:
    held = request.headers.get("if-none-match")
    if held is not None:
        # It compares weakly (RFC 9110, 13.1.2): the W/ in front does not count. With it, dates do not count (13.1.3).
        tags = {piece.strip().removeprefix("W/") for piece in held.split(",")}
        return "*" in tags or tag.removeprefix("W/") in tags
    since = _instant(request.headers.get("if-modified-since"))
    return since is not None and modified <= since


def _instant(text: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    if found is None:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else utc(found)
