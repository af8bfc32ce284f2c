"""Addresses that may be connected to."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address

import pytest

from core.errors import FetchError
from ingest.address import is_public, resolve

PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "224.0.0.1",
    "240.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "192.88.99.1",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:7f00:1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001::1",
    "2001:db8::1",
    "100::1",
    "3fff::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_no_way_leads_to_a_private_address(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "140.82.121.4", "2606:4700::1111", "2a00:1450:4001::200e"])
def test_ordinary_addresses_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "::1"])
def test_every_spelling_of_loopback_is_refused(host: str) -> None:
    with pytest.raises(FetchError) as refused:
        asyncio.run(resolve(host, 80, private_allowed=False))
    assert refused.value.permanent or "resolved" in refused.value.message


def test_a_host_that_the_operator_allows_is_resolved() -> None:
    assert asyncio.run(resolve("127.0.0.1", 80, private_allowed=True)) == ("127.0.0.1",)


def test_a_name_that_does_not_exist_can_be_asked_again() -> None:
    with pytest.raises(FetchError) as refused:
        asyncio.run(resolve("name.invalid", 80, private_allowed=False))
    assert not refused.value.permanent
