"""The desk behind a real server on loopback: a product of each test's own, with people of every role."""

from __future__ import annotations

import shutil
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from app import limiting, reviewing, signing_in
from app.limiting import Limit
from app.settings import Settings
from app.wiring import Product
from core.panel import Role
from store.connect import Database
from tests.chromium import Chromium
from tests.conftest import NOW
from tests.databases import built_upon
from tests.templates import compiled_templates
from tests.web.conftest import Served, serving
from web.application import create_app

__all__ = ["compiled_templates"]  # a fixture of these tests, too

BUILDER, SECOND_BUILDER, SKEPTIC, EDITOR, OPERATOR, CHIEF = (
    f"{name}@example.com" for name in ("builder", "second", "skeptic", "editor", "operator", "chief")
)
"""Reviewers of one lens each (two of builder), one person for each other role, and one with every role."""


@dataclass
class Hand:
    """The test's hand on the clock."""

    now: datetime = NOW

    def turn(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture(scope="session", autouse=True)
def generous_limits() -> Iterator[None]:
    """All tests come from one address; those of the limits ask for the real ones."""
    with pytest.MonkeyPatch.context() as patch:
        generous = Limit(per_address=100_000, per_network=100_000)
        patch.setattr(limiting, "LIMITS", dict.fromkeys(limiting.LIMITS, generous))
        yield


@pytest.fixture(scope="session")
def server() -> Iterator[Served]:
    with serving("localhost") as running:  # by name: passkeys are bound to one
        yield running


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture(scope="session")
def peopled_template(furnished_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the standard lenses and one person for every role."""
    return built_upon(furnished_template, tmp_path_factory.mktemp("peopled"), people)


@pytest.fixture
def start(peopled_template: Path) -> Path:
    """The database that `product` begins with a copy of."""
    return peopled_template


@pytest.fixture
def product(tmp_path: Path, start: Path, server: Served, hand: Hand) -> Iterator[Product]:
    """A product with the standard lenses and one person for every role; its clock is in the test's hand."""
    shutil.copy(start, tmp_path / "verdicts.db")
    settings = Settings(_env_file=None, var=tmp_path, base_url=server.address, secret_key="k" * 40)
    opened = Product(settings=settings, database=Database(settings.database), clock=lambda: hand.now)
    yield opened
    opened.database.close()


def people(product: Product) -> None:
    """Everybody of the constants above."""
    reviewer, everything = [Role.REVIEWER], list(Role)
    for email, roles, lenses in (
        (BUILDER, reviewer, ["builder"]),
        (SECOND_BUILDER, reviewer, ["builder"]),
        (SKEPTIC, reviewer, ["skeptic"]),
        (EDITOR, [Role.EDITOR], []),
        (OPERATOR, [Role.OPERATOR], []),
        (CHIEF, everything, ["futurist"]),
    ):
        name = email.partition("@")[0].title()
        reviewing.invite(product, email, roles=roles, lenses=lenses, name=name, actor="test")


@pytest.fixture
def site(server: Served, product: Product) -> Served:
    """The server, with this test's product behind it."""
    server.stage.app = create_app(product)
    return server


def session_of(product: Product, email: str) -> str:
    """The secret of a new session of this person: what the cookie holds."""
    link = reviewing.invite(product, email, roles=[], actor="test").sign_in_url
    return signing_in.sign_in(product, link.rsplit("/", 1)[1], agent="A test's browser").secret


@pytest.fixture(scope="session")
def certificates() -> ssl.SSLContext:
    """Read once: no test needs them, and every client that reads them for itself takes longer than its test."""
    return httpx.create_ssl_context()


@pytest.fixture
def signed_in(site: Served, product: Product, certificates: ssl.SSLContext) -> Iterator[Callable[[str], httpx.Client]]:
    """Makes a client that is signed in as this person; it follows no redirect by itself."""
    opened: list[httpx.Client] = []

    def make(email: str) -> httpx.Client:
        cookies = {"desk": session_of(product, email)}
        client = httpx.Client(base_url=site.address, timeout=30, cookies=cookies, verify=certificates)
        opened.append(client)
        return client

    yield make
    for client in opened:
        client.close()


@pytest.fixture
def stranger(site: Served, certificates: ssl.SSLContext) -> Iterator[httpx.Client]:
    """A client that is not signed in."""
    with httpx.Client(base_url=site.address, timeout=30, verify=certificates) as client:
        yield client


@pytest.fixture(scope="session")
def chromium(server: Served) -> Iterator[Chromium]:
    browser = Chromium(server.address)
    yield browser
    browser.close()
