"""What the tests of the store begin with: a source, lenses, people; and values with all that matters left to the test."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.engine import Connection

from core.comparison import Community, Comparison, ComparisonView, Side, Split
from core.edition import Edition, Frozen, Variant
from core.fact import Confidence, Fact, Per, Price, Pricing, PricingModel
from core.identifier import Identifier, Scheme
from core.intent import Assessment, NewTool, SeenAgain
from core.panel import Basis, Decision, Lease, Lens, Person, Role, Tally
from core.sighting import Sighting, Signal, Thing
from core.source import Source
from core.tool import Priority, Reason, Tool, ToolStatus
from core.week import Week
from review.tally import tally
from store import comparisons, editions, people, reviews, sources, tools
from store.checks import violations
from store.connect import Database
from tests.conftest import NOW

SHELF = Source(key="shelf", kind="feed", url="https://shelf.example/", schedule="0 * * * *")
KEYS = ("builder", "skeptic", "futurist", "founder", "creator")
QUORUM = 4


@contextmanager
def kept_sound(database: Database) -> Iterator[Connection]:
    """A transaction after which every invariant holds."""
    with database.write() as connection:
        yield connection
        assert violations(connection) == []


def lens(key: str, position: int, *, active: bool = True) -> Lens:
    return Lens(key=key, name=key.title(), motto="", asks="", excites="", tires="", position=position, active=active)


def settle_in(connection: Connection, *, lenses: int = len(KEYS)) -> None:
    """A source and the first lenses."""
    sources.sync(connection, [SHELF])
    people.keep_lenses(connection, [lens(key, at) for at, key in enumerate(KEYS[:lenses], start=1)])


def invite(
    connection: Connection, name: str, *lenses: str, role: Role = Role.REVIEWER, machine: bool = False
) -> Person:
    return people.invite(
        connection,
        email=f"{name}@example.com",
        name=name.title(),
        roles=[role],
        lenses=lenses,
        machine=machine,
        now=NOW,
    )


def sighting(name: str, /, **more: Any) -> Sighting:
    slug = name.lower().replace(" ", "-")
    values: dict[str, Any] = {
        "source": SHELF.key,
        "external_id": slug,
        "url": f"https://shelf.example/{slug}",
        "name": name,
        "thing": Thing.LAUNCH,
        "signals": (Signal(name="likes", value=3.0),),
        "identifiers": frozenset({Identifier(Scheme.URL, f"{slug}.example")}),
    }
    return Sighting(**values | more)


def priority(score: float) -> Priority:
    return Priority(score=score, reasons=(Reason(words="likes", points=score),))


def pricing(model: PricingModel = PricingModel.PAID, amount: str | None = "10", **more: Any) -> Pricing:
    price = Price(amount=Decimal(amount), currency="EUR", per=Per.MONTH) if amount else None
    values = {"source_url": "https://shelf.example/price", "quote": "10 EUR", "rule": "R1", "observed_at": NOW}
    return Pricing(model=model, entry_price=price, confidence=Confidence.A, **values | more)


def fact(field: str, value: str, *, url: str = "https://shelf.example/", at: datetime = NOW) -> Fact:
    return Fact(field=field, value=value, source_url=url, observed_at=at)


def assessment(name: str, /, **more: Any) -> Assessment:
    values: dict[str, Any] = {
        "name": name,
        "tagline": f"{name} in a line",
        "description": f"{name} at length",
        "category": "agents",
        "tags": ("agent",),
        "homepage": None,
        "facts": (),
        "pricing": Pricing(model=PricingModel.UNKNOWN),
        "priority": priority(10.0),
        "queue": True,
        "queue_reason": "New.",
    }
    return Assessment(**values | more)


def add(connection: Connection, *names: str, now: datetime = NOW, **more: Any) -> list[int]:
    """A tool for each name, with one sighting. `more` goes into the assessments."""
    made = [(NewTool(sightings=(sighting(name),)), assessment(name, **more)) for name in names]
    return tools.add(connection, made, now=now)


def see(connection: Connection, tool: int, one: Sighting, *, first: bool = True, now: datetime = NOW) -> None:
    """One more sighting of a known tool."""
    tools.see_again(connection, [SeenAgain(sighting=one, tool=tool, first=first, changed=not first)], now=now)


def get(connection: Connection, at: int) -> Tool:
    return tools.get(connection, [at])[at]


def claim(
    connection: Connection,
    reviewer: Person,
    *,
    tool: int | None = None,
    lenses: tuple[str, ...] | None = None,
    now: datetime = NOW,
    minutes: int = 30,
) -> Lease | None:
    return reviews.claim(
        connection,
        reviewer,
        lenses=reviewer.lenses if lenses is None else lenses,
        tool_id=tool,
        now=now,
        until=now + timedelta(minutes=minutes),
    )


def submit(
    connection: Connection,
    reviewer: Person,
    lease: Lease,
    *,
    ship: bool = True,
    quote: str = "It did what it said.",
    now: datetime = NOW,
) -> int:
    """A verdict, and what follows from it for the panel, as the use case does it."""
    at = say(connection, reviewer, lease, ship=ship, quote=quote, now=now)
    settle_panel(connection, at, now=now)
    return at


def say(
    connection: Connection,
    reviewer: Person,
    lease: Lease,
    *,
    ship: bool = True,
    quote: str = "Yes.",
    now: datetime = NOW,
) -> int:
    return reviews.submit(
        connection,
        reviewer,
        seat_id=lease.seat,
        fence=lease.fence,
        decision=Decision.SHIP if ship else Decision.SKIP,
        quote=quote,
        basis=Basis.DOCS,
        disclosure="",
        now=now,
    )


def settle_panel(connection: Connection, tool: int, *, now: datetime = NOW) -> None:
    result = tally(reviews.verdicts(connection, [tool])[tool], quorum=QUORUM)
    reviews.settle_panel(connection, tool, submitted=result.total, closed=result.closed, now=now)


def judge(connection: Connection, tool: int, verdicts: str = "+++-", *, now: datetime = NOW) -> None:
    """One verdict per sign from the lenses in their order."""
    for key, sign in zip(KEYS, verdicts, strict=False):
        reviewer = invite(connection, key, key)
        lease = claim(connection, reviewer, tool=tool, now=now)
        assert lease is not None
        submit(connection, reviewer, lease, ship=sign == "+", now=now)


def view(connection: Connection, found: Comparison) -> ComparisonView:
    """A comparison as an editor would approve it, without verdicts."""
    a, b = (
        Side(
            slug=each.slug,
            name=each.name,
            tagline=each.tagline,
            category=each.category,
            homepage=None,
            description=each.description,
            described_at=None,
            panel=Tally(ships=3, skips=1, ship_percent=75, closed=True),
            community=Community(),
            pricing=Pricing(model=PricingModel.UNKNOWN),
        )
        for each in (tools.find(connection, slug) for slug in (found.a, found.b))
    )
    nothing = Split(both_ship=(), both_skip=(), only_a=(), only_b=())
    return ComparisonView(
        slug=found.slug,
        version=found.version,
        a=a,
        b=b,
        rows=(),
        split=nothing,
        approved_by="Noor",
        approved_at=NOW,
        published_at=None,
    )


def pair(connection: Connection, one: int, other: int, *, score: float = 0.5, now: datetime = NOW) -> Comparison:
    """A draft of two tools, looked at once."""
    made = comparisons.create(
        connection, get(connection, one), get(connection, other), score=score, reasons=(), now=now
    )
    comparisons.refresh(connection, made.id, fingerprint="as it was")
    return comparisons.find(connection, made.slug)


def approve(connection: Connection, found: Comparison, *, now: datetime = NOW) -> Comparison:
    """The present version, approved by Noor; its tools count as paired."""
    noor = invite(connection, "noor", role=Role.EDITOR)
    comparisons.approve(connection, found, version=found.version, view=view(connection, found), by=noor.id, now=now)
    for at in comparisons.pair(connection, found.id):
        tools.set_status(connection, at, ToolStatus.PAIRED)
    return comparisons.find(connection, found.slug)


def approved(connection: Connection, one: str, other: str, *, score: float = 0.5, now: datetime = NOW) -> Comparison:
    """Two new tools side by side, approved."""
    return approve(connection, pair(connection, *add(connection, one, other), score=score, now=now), now=now)


def draft(connection: Connection, week: Week, *ids: int, subject: str = "Two of them", now: datetime = NOW) -> Edition:
    words = {"subject": subject, "preheader": "and more", "intro": "", "left_over": 0}
    return editions.keep_draft(connection, week, comparisons=ids, now=now, **words)  # type: ignore[arg-type]


def frozen(found: Edition, *, html: str = "<p>mail</p>") -> Frozen:
    return Frozen(subject=found.subject, html=html, text="mail", comparisons=found.comparisons)


def freeze(connection: Connection, found: Edition, *, variants: Sequence[Variant] = (), now: datetime = NOW) -> Edition:
    """An edition approved, and its comparisons with it published, as the use case does it."""
    noor = invite(connection, "noor", role=Role.EDITOR)
    editions.approve(connection, found, frozen=frozen(found), variants=variants, by=noor.id, now=now)
    comparisons.publish(connection, editions.comparison_ids(connection, found.week), now=now)
    return editions.find(connection, found.week)


def later(**delta: float) -> datetime:
    return NOW + timedelta(**delta)


def wait_for_a_lock(database: Database) -> None:
    """Return once somebody waits for a lock on PostgreSQL. Fails when nobody does within ten seconds."""
    waiting, give_up = "SELECT count(*) FROM pg_locks WHERE NOT granted", time.monotonic() + 10
    while True:
        with database.read() as connection:
            if connection.exec_driver_sql(waiting).scalar_one():
                return
        assert time.monotonic() < give_up, "nobody waits"
        time.sleep(0.005)
