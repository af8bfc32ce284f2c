"""A product that sends through a stand-in of the provider, both on a clock that can be moved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app import sending, webhooks
from app.lenses import load_standard_lenses
from app.sending import SendingStatus
from app.wiring import Product
from digest.transports.standin import StandIn, read_fault
from store import checks
from store.connect import Database
from tests.sending.stage import (
    WEEK,
    Clock,
    Small,
    add_readers,
    approve_edition,
    readers,
    sendgrid_settings,
    to_sendgrid,
)


@dataclass
class Stage:
    product: Product
    provider: StandIn
    clock: Clock
    transport: Small

    def send(self, **more: object) -> SendingStatus:
        return sending.send(self.product, WEEK, actor="test", transport=self.transport, sleep=self.clock.sleep, **more)  # type: ignore[arg-type]

    def misbehave(self, *words: str) -> None:
        self.provider.misbehave(*map(read_fault, words))

    def report(self) -> webhooks.Applied:
        """Whatever has happened by now is posted, kept and applied."""
        self.provider.account.advance()
        for post in self.provider.reporter.posts(self.provider.new_events(), now=self.clock()):
            webhooks.receive(
                self.product,
                post.body,
                signature=post.headers["X-Twilio-Email-Event-Webhook-Signature"],
                timestamp=post.headers["X-Twilio-Email-Event-Webhook-Timestamp"],
                compressed=post.headers.get("Content-Encoding") == "gzip",
            )
        return webhooks.apply_events(self.product)

    def violations(self) -> list[dict[str, object]]:
        with self.product.database.read() as connection:
            return checks.violations(connection)


def make_stage(tmp_path: Path, database_url: str, *, count: int = 10, size: int = 4) -> Stage:
    clock = Clock()
    provider = StandIn(clock=clock)
    settings = sendgrid_settings(
        tmp_path,
        database_url,
        sendgrid_url=provider.url,
        sendgrid_webhook_key=provider.reporter.public_key,
    )
    product = Product(settings=settings, database=Database(settings.database), clock=clock)
    load_standard_lenses(product)
    approve_edition(product)
    add_readers(product.database, readers(count), now=clock())
    return Stage(product, provider, clock, to_sendgrid(provider.url, size=size, clock=clock))


@pytest.fixture
def stage(tmp_path: Path, sqlite_url: str) -> Iterator[Stage]:
    made = make_stage(tmp_path, sqlite_url)
    yield made
    assert made.violations() == []
    made.transport.close()
    made.provider.close()
    made.product.database.close()


@pytest.fixture
def stage_on_both(tmp_path: Path, database_url: str) -> Iterator[Stage]:
    made = make_stage(tmp_path, database_url)
    yield made
    assert made.violations() == []
    made.transport.close()
    made.provider.close()
    made.product.database.close()
