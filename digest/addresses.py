"""Addresses that a mail may link to."""

from __future__ import annotations

from urllib.parse import urlsplit

_URL_CHARACTERS = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/?#[]@!$&'()*+,;=%"  # RFC 3986
)


def safe_url(url: str | None, *, schemes: tuple[str, ...] = ("https",)) -> str | None:
    """The URL when a mail may link to it: one of the schemes, a host, no user name, RFC 3986 characters only."""
    if not url or len(url) > 500 or not _URL_CHARACTERS.issuperset(url):  # noqa: PLR2004 - longer is no page's address
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in schemes and parts.hostname and "@" not in parts.netloc else None
