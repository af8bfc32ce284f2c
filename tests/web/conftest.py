"""A real product with sample content behind a real server on loopback, once for all tests of the pages."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from app import limiting
from app.lenses import load_standard_lenses
from app.limiting import Limit
from app.settings import Settings
from app.wiring import Product, open_product
from core.week import Week
from store.migrate import upgrade
from tests.templates import compiled_templates
from tests.web import shelf
from tests.web.samples import EVERY, PARTIAL, VIEW, draft_view
from web.application import create_app

__all__ = ["compiled_templates"]  # a fixture of these tests, too

BASE_URL = "https://verdicts.example"
WEEK = Week(2026, 48)


@pytest.fixture(scope="session", autouse=True)
def generous_limits() -> Iterator[None]:
    """All tests come from one address; those of the limits ask for the real ones."""
    with pytest.MonkeyPatch.context() as patch:
        generous = Limit(per_address=100_000, per_network=100_000)
        patch.setattr(limiting, "LIMITS", dict.fromkeys(limiting.LIMITS, generous))
        yield


@dataclass
class Stage:
    """An ASGI application that hands on to whichever application is on stage."""

    app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


@dataclass
class Served:
    """A running server."""

    address: str
    stage: Stage = field(repr=False)


@contextmanager
def serving(name: str) -> Iterator[Served]:
    """A server on loopback that is asked for by this name."""
    stage = Stage()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(stage, log_level="critical", lifespan="off", ws="none", access_log=False)
        running = uvicorn.Server(config)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        deadline = time.monotonic() + 10
        while not running.started and time.monotonic() < deadline:
            time.sleep(0.01)
        try:
            yield Served(address=f"http://{name}:{listener.getsockname()[1]}", stage=stage)
        finally:
            running.should_exit = True
            thread.join()


@pytest.fixture(scope="session")
def server() -> Iterator[Served]:
    with serving("127.0.0.1") as running:
        yield running


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    var = tmp_path_factory.mktemp("web")
    with open_product(settings(var), require_current=False) as opened:
        upgrade(opened.database)
        load_standard_lenses(opened)
        shelf.rename(opened, "old-claw", "skillclaw")
        shelf.publish(opened, *EVERY)
        shelf.vote(opened, VIEW, for_a=5, for_b=9)
        shelf.vote(opened, PARTIAL, for_a=0, for_b=7)
        shelf.draft(opened, draft_view())
        shelf.edition(
            opened,
            WEEK,
            [VIEW.slug],
            subject="A model that fits a laptop, and skills that spread",
            intro="Nothing in common but the week they came out in.\n\nOne of them convinced everybody.",
        )
        shelf.edition(opened, Week(2026, 49), [PARTIAL.slug], approved=False, subject="Not approved yet")
        yield opened


def settings(var: Path) -> Settings:
    return Settings(_env_file=None, var=var, base_url=BASE_URL, secret_key="k" * 40)


@pytest.fixture(scope="session")
def application(product: Product) -> ASGIApp:
    return create_app(product)


@pytest.fixture(scope="session")
def client(server: Served) -> Iterator[httpx.Client]:
    """It follows no redirect by itself. One for all tests: making one costs as much as fifty requests."""
    with httpx.Client(base_url=server.address, timeout=30) as opened:
        yield opened


@pytest.fixture
def site(server: Served, client: httpx.Client, application: ASGIApp) -> httpx.Client:
    """A client of the pages."""
    server.stage.app = application
    return client


@pytest.fixture
def fresh(tmp_path: Path, sqlite_template: Path) -> Iterator[Product]:
    """A product of this test's own, in which nothing has been published."""
    shutil.copy(sqlite_template, tmp_path / "verdicts.db")
    with open_product(settings(tmp_path)) as opened:
        yield opened


@pytest.fixture
def fresh_site(server: Served, client: httpx.Client, fresh: Product) -> httpx.Client:
    """A client of the pages over it."""
    server.stage.app = create_app(fresh)
    return client
