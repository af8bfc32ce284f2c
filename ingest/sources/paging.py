"""Paging: addresses with parameters, and the next page that a Link header names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from core.source import Request, Response

_LINK = re.compile(
    r"<([^<>]{1,4000})>\s*((?:;\s*[a-z]+\s*=\s*(?:\"[^\"]{0,200}\"|[^\s;,\"]{1,200})\s*)*)", re.IGNORECASE
)
_NEXT = re.compile(r";\s*rel\s*=\s*\"?(?:[^\"]*\s)?next(?:\s[^\"]*)?\"?\s*(?:;|$)", re.IGNORECASE)


def with_query(url: str, parameters: Mapping[str, object], *, override: bool = False) -> str:
    """The address with parameters added. One that the address has already is kept, or replaced with `override`."""
    parts = urlsplit(url)
    present = parse_qsl(parts.query, keep_blank_values=True)
    if override:
        present = [(name, value) for name, value in present if name not in parameters]
    names = {name for name, _ in present}
    added = [(name, str(value)) for name, value in parameters.items() if name not in names]
    return urlunsplit(parts._replace(query=urlencode([*present, *added])))


def next_page(response: Response) -> str | None:
    """The address that the Link header calls `next` (RFC 8288), made absolute: it may be relative.

    Another origin than the response's is not followed.
    """
    for target, attributes in _LINK.findall(response.headers.get("link", "")):
        if _NEXT.search(attributes):
            address = urljoin(response.url, target)
            return address if _origin(address) == _origin(response.url) else None
    return None


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def following(response: Response, *, pages: int) -> tuple[Request, ...]:
    """The request for the next page while fewer than `pages` pages have been asked for; else nothing.

    A page's number is counted in its slot: `page 2`, `page 3` ...
    """
    slot = response.request.slot
    number = int(slot.rpartition(" ")[2]) if slot.startswith("page ") else 1
    address = next_page(response) if number < pages else None
    if address is None:
        return ()
    return (replace(response.request, url=address, slot=f"page {number + 1}"),)
