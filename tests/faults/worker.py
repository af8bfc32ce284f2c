"""A worker: a real process that sends an edition, with the product's own code, on a clock that the harness moves."""

from __future__ import annotations

import signal
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app import sending
from app.settings import MailKind
from app.wiring import Product
from core.errors import VerdictsError
from digest.transports import open_transport
from digest.transports.standin import StandIn  # noqa: F401 - loaded once, by the server that workers are forked from
from store.connect import Database
from tests.sending.stage import WEEK, Small, sendgrid_settings, to_sendgrid


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a worker works."""

    folder: Path
    database: str
    transport: str
    address: str
    fence: int
    lines: int = 1
    size: int = 4  # of a batch


class Warped:
    """Real time and an offset that all processes of a scenario share."""

    def __init__(self, offset: Any) -> None:
        self.offset = offset

    def __call__(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.offset.value)

    def sleep(self, seconds: float) -> None:
        """Move the clock for everybody instead of waiting."""
        with self.offset.get_lock():
            self.offset.value += max(seconds, 0.0)
        time.sleep(0.001)


def product_at(place: Place, clock: Warped, **more: Any) -> Product:
    settings = sendgrid_settings(
        place.folder, place.database, mail=MailKind(place.transport), smtp_url="smtp://127.0.0.1:1", **more
    )
    return Product(settings=settings, database=Database(settings.database), clock=clock)


def transport_at(place: Place, clock: Warped) -> Small:
    if place.transport == "sendgrid":
        return to_sendgrid(place.address, size=place.size, clock=clock, fence_minutes=place.fence, timeout=0.4)
    opened = open_transport(place.transport, outbox=place.folder / "outbox", smtp_url=place.address)
    return Small(inner=opened, size=place.size)


def work(place: Place, offset: Any) -> None:
    """Send until nothing can be done now, or SIGTERM comes. Exit code 3 when a rule of the product said no."""
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    clock = Warped(offset)
    product = product_at(place, clock, send_lines=place.lines)
    try:
        # The harness's own way to the provider, for every line.
        sending.opened_transport = lambda _: closing(transport_at(place, clock))  # type: ignore[assignment]
        sending.send(product, WEEK, actor="worker", sleep=clock.sleep, stopping=lambda: bool(asked))
    except VerdictsError:
        sys.exit(3)
