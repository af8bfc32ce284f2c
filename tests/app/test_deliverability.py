"""An address is typed into a form, and a DNS on loopback says whether its domain takes mail."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace

import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from app import subscribing
from app.wiring import Product
from core.errors import Refused

MAIL = {"good.com.": ("MX", "10 mx.good.com."), "null.com.": ("MX", "0 ."), "plain.com.": ("A", "8.8.8.8")}


def answered(question: bytes) -> bytes:
    """What `MAIL` says of a name; of any other, that it does not exist."""
    asked = dns.message.from_wire(question)
    reply, [wanted] = dns.message.make_response(asked), asked.question
    kind, record = MAIL.get(wanted.name.to_text(), ("", ""))
    if not kind:
        reply.set_rcode(dns.rcode.NXDOMAIN)
    elif dns.rdatatype.to_text(wanted.rdtype) == kind:
        reply.answer.append(dns.rrset.from_text(wanted.name, 60, "IN", kind, record))
    return reply.to_wire()


@pytest.fixture
def names() -> Iterator[dns.resolver.Resolver]:
    """A resolver whose only server answers from `MAIL`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while (asked := server.recvfrom(4096))[0] != b"end":
                server.sendto(answered(asked[0]), asked[1])

        thread = threading.Thread(target=serve)
        thread.start()
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port, resolver.lifetime = ["127.0.0.1"], server.getsockname()[1], 5
        yield resolver
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"end", server.getsockname())
        thread.join()


@pytest.fixture
def asking(product: Product, names: dns.resolver.Resolver, monkeypatch: pytest.MonkeyPatch) -> Product:
    monkeypatch.setattr(subscribing, "_resolver", lambda: names)
    return replace(product, settings=product.settings.model_copy(update={"check_deliverability": True}))


@pytest.mark.parametrize("domain", ["good.com", "plain.com"])
def test_a_domain_that_takes_mail_is_taken(asking, domain):
    assert subscribing.wanted_address(asking, f"Ada@{domain.upper()}") == f"Ada@{domain}"


@pytest.mark.parametrize("domain", ["nowhere.com", "null.com"])
def test_a_domain_that_takes_none_is_refused_only_where_the_settings_ask(asking, product, domain):
    with pytest.raises(Refused, match="would not arrive"):
        subscribing.wanted_address(asking, f"ada@{domain}")
    assert subscribing.wanted_address(product, f"ada@{domain}") == f"ada@{domain}"


def test_a_dns_that_does_not_answer_refuses_nobody(asking, names):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        names.port, names.lifetime = silent.getsockname()[1], 0.1
        assert subscribing.wanted_address(asking, "ada@nowhere.com") == "ada@nowhere.com"
