"""Hosts: one spelling of a host's name, and the domain that it belongs to."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address

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


@lru_cache(maxsize=2_000)
def host_key(name: str) -> str | None:
    """A host as it is compared: lower-case IDNA, without leading `www.` or trailing dot, known aliases followed.

    None for what is no host.
    """
    if ":" in name:
        return _ipv6(name)
    if not name.isascii():
        try:
            name = ascii_host(name)
        except UnicodeError:  # IDNAError is one
            return None
    name = name.lower().strip(".")
    while name.startswith("www.") and "." in name[4:]:
        name = name[4:]
    name = _ALIASES.get(name, name)
    return name if _NAME.fullmatch(name) and len(name) <= _LONGEST and ".." not in name else None


def ascii_host(name: str) -> str:
    """A host's name in ASCII, in lower case. Raises UnicodeError where it has none."""
    if name.isascii():
        return name.lower()
    # Its tables cost 10 ms to load, and nearly every host is ASCII.
    import idna  # noqa: PLC0415

    return idna.encode(name, uts46=True).decode().lower()


# Second-level labels under which country registries hand out domains (`co.uk`, `com.au`, `ac.jp` ...).
_REGISTRY_LABELS = frozenset(
    ["ac", "co", "com", "edu", "gen", "go", "gob", "gov", "gouv", "mil", "ne", "net", "nom", "or", "org", "sch"]
)
_COUNTRY = 2  # letters of a country's top-level domain


def registrable(host: str, *, shared: frozenset[str] = frozenset()) -> str:
    """The part of a host that somebody has registered: `docs.foo.co.uk` gives `foo.co.uk`. Below the suffixes in
    `shared`, under which everybody gets a name, one label more."""
    labels = host.split(".")
    for place in range(1, len(labels)):
        if ".".join(labels[place:]) in shared:
            return ".".join(labels[place - 1 :])
    by_country = len(labels) > 2 and len(labels[-1]) == _COUNTRY and labels[-2] in _REGISTRY_LABELS  # noqa: PLR2004 - name, label, country
    return ".".join(labels[-3:] if by_country else labels[-2:])


def _ipv6(name: str) -> str | None:
    try:
        return f"[{ip_address(name).compressed}]"
    except ValueError:
        return None
