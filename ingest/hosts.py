"""Hosts: one spelling of a host's name."""

from __future__ import annotations

import re
from ipaddress import ip_address

import idna

_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.\-]*[a-z0-9_])?")
_LONGEST = 253  # RFC 1035

_ALIASES = {
    "old.reddit.com": "reddit.com",
    "np.reddit.com": "reddit.com",
    "new.reddit.com": "reddit.com",
    "m.reddit.com": "reddit.com",
    "hf.co": "huggingface.co",
    "m.youtube.com": "youtube.com",
    "twitter.com": "x.com",
    "mobile.twitter.com": "x.com",
    "export.arxiv.org": "arxiv.org",
}


def host_key(name: str) -> str | None:
    """A host as it is compared: lower-case IDNA, without leading `www.` or trailing dot, known aliases followed.

    None for what is no host.
    """
    if ":" in name:
        return _ipv6(name)
    try:
        name = name if name.isascii() else idna.encode(name, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        return None
    name = name.lower().strip(".")
    while name.startswith("www.") and "." in name[4:]:
        name = name[4:]
    name = _ALIASES.get(name, name)
    return name if _NAME.fullmatch(name) and len(name) <= _LONGEST and ".." not in name else None


def _ipv6(name: str) -> str | None:
    try:
        return f"[{ip_address(name).compressed}]"
    except ValueError:
        return None
