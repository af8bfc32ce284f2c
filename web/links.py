"""Links that lead out of the site. Every address from outside is hostile until it has passed here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

LONGEST = 2000
"""Longer addresses are not worth a link; every browser takes this many characters."""

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
# A backslash is a slash to browsers but not to urlsplit, so the two would disagree about the host.
_FORBIDDEN = re.compile(r'[\x00-\x20\x7f-\xa0\\"<>^`{|}\u2028\u2029\ud800-\udfff]')


@dataclass(frozen=True, slots=True, kw_only=True)
class Outward:
    """A link that may be followed: `href` as given, `host` as readers see it, `place` with the path on it."""

    href: str
    host: str
    place: str


def outward(url: str | None) -> Outward | None:
    """The link to show for an address from outside; None when it must stay plain text.

    Only http and https pass, and only without user information, which is how an address pretends to be
    somebody else's. The host is shown in ASCII (IDNA), so that look-alike letters are seen for what they are.
    """
    if not url or len(url) > LONGEST or _FORBIDDEN.search(url):
        return None
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode().lower()
        _ = parts.port  # raises ValueError when it is no number
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or not _HOST.fullmatch(host):
        return None
    shown = host.removeprefix("www.")
    return Outward(href=url, host=shown, place=shown + parts.path.rstrip("/"))
