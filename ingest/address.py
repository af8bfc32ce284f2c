"""Addresses that may be connected to: public ones, and those that the operator names.

Every redirect hop passes here, and the connection is made to the address that was checked, so that a name which
resolves differently a moment later gains nothing.
"""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from core.errors import FetchError

Address = IPv4Address | IPv6Address

# Ranges through which an IPv6 address reaches an IPv4 one, or that are only called global: the standard library's
# `is_global` of Python 3.11 lets all of these pass.
_REFUSED = tuple(
    map(
        ip_network,
        (
            "::/96",  # IPv4-compatible (RFC 4291, deprecated)
            "::ffff:0:0/96",  # IPv4-mapped: the inner address is what counts
            "::ffff:0:0:0/96",  # IPv4-translated (RFC 7915)
            "64:ff9b::/96",  # NAT64 (RFC 6052)
            "64:ff9b:1::/48",  # local NAT64 (RFC 8215)
            "100::/64",  # discard (RFC 6666)
            "2001::/23",  # Teredo, ORCHID and other protocol assignments (RFC 2928)
            "2001:db8::/32",
            "2002::/16",  # 6to4 (RFC 3056)
            "3fff::/20",  # documentation (RFC 9637)
            "5f00::/16",  # segment routing (RFC 9602)
            "fec0::/10",  # site-local (RFC 3879)
            "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        ),
    ),
)


def is_public(address: Address) -> bool:
    """Whether an address is an ordinary one of the public internet."""
    if any(address in network for network in _REFUSED if network.version == address.version):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


async def resolve(host: str, port: int, *, private_allowed: bool) -> tuple[str, ...]:
    """The addresses of a host that may be connected to, in the order in which to try them.

    Raises FetchError: permanent when all of them are private, not so when the name cannot be resolved now.
    """
    addresses = _written(host) or await _looked_up(host, port)
    usable = tuple(one for one in addresses if private_allowed or is_public(ip_address(one.partition("%")[0])))
    if not usable:
        raise FetchError(
            f"The host {host} has the private address {next(iter(addresses), '(none)')}.",
            mend="Name it in VERDICTS_ALLOW_PRIVATE_HOSTS if it is yours.",
            permanent=True,
        )
    return usable


def _written(host: str) -> dict[str, None]:
    """An address that is written out, in its one spelling; odd ones (`127.1`, `0x7f000001`) are the resolver's."""
    if ":" not in host and not host[-1:].isdigit():  # a name, as nearly always; `ip_address` takes 5 us to deny it
        return {}
    try:
        return {ip_address(host).compressed: None}
    except ValueError:
        return {}


async def _looked_up(host: str, port: int) -> dict[str, None]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchError(
            f"The host {host} cannot be resolved ({error}).", mend="Check its name in sources.toml."
        ) from None
    return dict.fromkeys(str(entry[4][0]) for entry in found)
