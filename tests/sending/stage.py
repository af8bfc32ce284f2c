"""An approved edition with readers, a provider on loopback, and a clock that can be moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.settings import MailKind, Settings
from app.wiring import Product
from core.delivery import Answer, Attempt, Capabilities, Outgoing
from core.edition import Frozen, Variant
from core.panel import Role
from core.subscriber import SubscriberState, address_key
from core.week import Week
from digest.transports.sendgrid import SendGrid
from digest.transports.standin import StandIn
from digest.transports.transport import Transport
from store import editions, people
from store.connect import Database
from store.schema import consent, delivery, subscriber

WEEK = Week(2026, 48)
FROZEN = Frozen(
    subject="Two tools, side by side",
    html='<p>Hello</p><a href="{{unsubscribe_url}}">Unsubscribe</a> {{preferences_url}} {{confirmed_on}}',
    text="Hello\n{{unsubscribe_url}} {{preferences_url}} {{confirmed_on}}",
    comparisons=(),
)


class Clock:
    """The time, from a start that was chosen, moved by hand. `sleep` moves it, too."""

    def __init__(self, start: datetime | None = None) -> None:
        self.now = start or datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)

    def sleep(self, seconds: float) -> None:
        self.move(seconds=max(seconds, 0.001))


def sendgrid_settings(var: Any, database_url: str, **changes: Any) -> Settings:
    chosen = {
        "var": var,
        "database_url": database_url,
        "base_url": "https://verdicts.example",
        "secret_key": "k" * 40,
        "mail": MailKind.SENDGRID,
        "sendgrid_api_key": "SG.key",
        "from_address": "Weekly Verdicts <verdicts@verdicts.example>",
        "postal_address": "1 Panel Street",
        **changes,
    }
    return Settings(_env_file=None, **chosen)


def approve_edition(
    product: Product,
    week: Week = WEEK,
    frozen: Frozen = FROZEN,
    *,
    comparisons: Sequence[int] = (),
    variants: Sequence[Variant] = (),
) -> None:
    """A frozen edition, as a rule without comparisons: what is sent does not depend on them."""
    with product.database.write() as connection:
        editor = people.invite(
            connection,
            email="edith@verdicts.example",
            name="Edith",
            roles=(Role.EDITOR,),
            lenses=(),
            machine=False,
            now=product.now,
        )
        made = editions.keep_draft(
            connection,
            week,
            subject=frozen.subject,
            preheader="",
            intro="",
            comparisons=comparisons,
            left_over=0,
            now=product.now,
        )
        editions.approve(connection, made, frozen=frozen, variants=variants, by=editor.id, now=product.now)


def add_readers(database: Database, addresses: Sequence[str], *, now: datetime) -> None:
    """Active subscribers, in bulk."""
    confirmed = now - timedelta(days=30)
    with database.write() as connection:
        for start in range(0, len(addresses), 10_000):
            part = addresses[start : start + 10_000]
            rows = [
                {
                    "address": each,
                    "address_key": address_key(each),
                    "name": "",
                    "state": SubscriberState.ACTIVE,
                    "categories": [],
                    "created_at": confirmed,
                    "confirmed_at": confirmed,
                }
                for each in part
            ]
            connection.execute(sa.insert(subscriber), rows)
        agreed = sa.select(
            subscriber.c.id,
            sa.literal(confirmed, consent.c.at.type),
            sa.literal("imported"),
            sa.literal("yes"),
            sa.literal("test"),
        )
        connection.execute(sa.insert(consent).from_select(["subscriber", "at", "kind", "text", "source"], agreed))


def readers(count: int, *, first: int = 1) -> list[str]:
    return [f"reader{number}@example.org" for number in range(first, first + count)]


@dataclass
class Small:
    """A transport in smaller batches, so that a few readers make many of them."""

    inner: Transport
    size: int

    @property
    def capabilities(self) -> Capabilities:
        known = self.inner.capabilities
        return Capabilities(
            largest_batch=self.size,
            fence=known.fence,
            idempotent=known.idempotent,
            events=known.events,
            lines=known.lines,
        )

    def open_attempt(self, now: datetime) -> Attempt:
        return self.inner.open_attempt(now)

    def send(self, outgoing: Outgoing, attempt: Attempt) -> Answer:
        return self.inner.send(outgoing, attempt)

    def call_off(self, attempt: Attempt, *, now: datetime) -> bool:
        return self.inner.call_off(attempt, now=now)

    def seen(self, attempt: Attempt, *, addresses: Sequence[str], since: datetime) -> bool | None:
        return self.inner.seen(attempt, addresses=addresses, since=since)

    def close(self) -> None:
        self.inner.close()


def to_sendgrid(
    url: str, *, size: int, clock: Callable[[], datetime], fence_minutes: int = 30, timeout: float = 1.0
) -> Small:
    """SendGrid's transport to a stand-in."""
    api = SendGrid("SG.key", url=url, fence_minutes=fence_minutes, timeout=timeout, clock=clock)
    return Small(inner=api, size=size)


def states(database: Database, week: Week = WEEK) -> dict[str, int]:
    """How many deliveries are in which state."""
    with database.read() as connection:
        query = sa.select(delivery.c.state, sa.func.count()).where(delivery.c.week == str(week))
        return {row[0]: row[1] for row in connection.execute(query.group_by(delivery.c.state))}


def mailed(provider: StandIn) -> list[str]:
    """The address of every mail of an edition that left the provider, in order; twice when it left twice."""
    return [each.to for each in provider.account.went_out() if "wv_delivery" in each.args]
