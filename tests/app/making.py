"""What the tests of the use cases begin with: tools, a panel, comparisons, editions, readers; all through the front door."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from app import composing, editing, health, ingesting, reviewing, subscribing
from app.wiring import Product
from core.comparison import Comparison
from core.edition import Edition
from core.fact import Per, Price, Pricing, PricingModel
from core.identifier import Identifier, Scheme
from core.panel import Basis, Decision, Role
from core.sighting import Sighting, Signal, Thing
from core.source import Cursor, FetchRecord, Outcome, Reading, Source
from core.subscriber import Subscriber
from core.week import Week
from store import schema, sources
from store.subscribers import find
from tests.conftest import NOW

SHELF = Source(key="shelf", kind="feed", url="https://feed.example/new", schedule="0 * * * *")
LENSES = ("builder", "skeptic", "futurist", "founder", "creator")
EDITOR = "editor@example.com"
WEEK = Week.of(NOW)


def sighting(name: str, **more: Any) -> Sighting:
    """An entry that enters the queue: a fresh launch that has to do with AI."""
    address = name.lower().replace(" ", "-")
    values: dict[str, Any] = {
        "source": SHELF.key,
        "external_id": address,
        "url": f"https://feed.example/{address}",
        "name": name,
        "thing": Thing.LAUNCH,
        "tagline": f"{name} is an AI agent for code",
        "summary": f"{name} is an AI agent that reads a repository and writes the tests that are missing.",
        "created_at": NOW - timedelta(days=2),
        "homepage": f"https://{address}.example/",
        "signals": (Signal(name="points", value=float(len(name))),),
        "identifiers": frozenset({Identifier(Scheme.URL, f"{address}.example")}),
    }
    return Sighting(**(values | more))


def bring(product: Product, *entries: Sighting) -> FetchRecord:
    """Ingest these entries as one run of their source."""
    source = entries[0].source
    with product.database.write() as connection:
        known = [each for each in (SHELF,) if each.key == source] or [
            Source(key=source, kind="feed", url=f"https://{source}.example/", schedule="0 * * * *")
        ]
        sources.sync(connection, known)
    reading = Reading(source=source, at=product.now, outcome=Outcome.OK, cursor=Cursor(), sightings=entries)
    return ingesting.store(product, [reading])[0]


def shelve(product: Product, *names: str, **more: Any) -> None:
    """Bring a tool for each name into the queue, launched two days ago by the product's clock."""
    more = {"created_at": product.now - timedelta(days=2)} | more
    bring(product, *(sighting(name, **more) for name in names))


def seat_panel(product: Product) -> None:
    """A reviewer behind each lens, and an editor."""
    for lens in LENSES:
        reviewing.invite(
            product,
            f"{lens}@example.com",
            roles=[Role.REVIEWER],
            lenses=[lens],
            name=lens.capitalize(),
            actor="test",
        )
    reviewing.invite(product, EDITOR, roles=[Role.EDITOR], name="Noor", actor="test")


def judge(product: Product, slug: str, verdicts: str = "+++-", *, quote: str = "It did what it said.") -> None:
    """One verdict per sign, `+` ships and `-` skips, from the lenses in their order."""
    for lens, sign in zip(LENSES, verdicts, strict=False):
        submit(product, slug, lens, ship=sign == "+", quote=quote)


def submit(product: Product, slug: str, lens: str, *, ship: bool = True, **more: Any) -> reviewing.Submitted:
    """The reviewer behind a lens claims their seat of a tool, and submits."""
    reviewer = f"{lens}@example.com"
    lease = reviewing.claim(product, reviewer, lens=lens, tool=slug)
    values = {"quote": "It did what it said.", "basis": Basis.HANDS_ON} | more
    decision = Decision.SHIP if ship else Decision.SKIP
    return reviewing.submit(product, reviewer, seat=lease.seat, fence=lease.fence, decision=decision, **values)


def review(product: Product, *names: str, verdicts: str = "+++-") -> None:
    """Bring tools, and let the panel judge each."""
    seat_panel(product)
    shelve(product, *names)
    for name in names:
        judge(product, name.lower().replace(" ", "-"), verdicts)


def approve(product: Product, one: str, other: str) -> Comparison:
    """Put a pair side by side, approved."""
    made = editing.create_comparison(product, one, other, actor="test")
    return editing.approve_comparison(product, made.slug, email=EDITOR)


def publish(product: Product, one: str = "ada", other: str = "bea", *, week: Week = WEEK) -> Edition:
    """An approved edition with one comparison; both tools are made when nobody knows them."""
    if not editing.list_tools(product):
        review(product, one.capitalize(), other.capitalize())
    approve(product, one, other)
    composing.assemble(product, week)
    return composing.approve(product, week, email=EDITOR)


def enrol(product: Product, count: int, *, prefix: str = "reader") -> list[str]:
    """So many active subscribers, in one transaction. Returns their addresses."""
    addresses = [f"{prefix}{number}@readers.example" for number in range(count)]
    with product.database.write() as connection:
        for address in addresses:
            subscribing._add(
                connection, address, consent="Yes, please.", name="", categories=(), confirmed_at=None, now=product.now
            )
    return addresses


def subscriber(product: Product, address: str) -> Subscriber | None:
    """What the product holds of an address."""
    with product.database.read() as connection:
        return find(connection, address)


def rows(product: Product, *, but: Iterable[str] = ("fetch", "source")) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, those named in `but` left out."""
    with product.database.read() as connection:
        return {
            table.name: sorted(
                (tuple(map(repr, row)) for row in connection.execute(sa.select(table))),
            )
            for table in schema.metadata.sorted_tables
            if table.name not in but
        }


def hold(product: Product) -> None:
    """Every invariant of the store holds."""
    assert health.violations(product) == []


def licence(product: Product) -> None:
    """A tool of the pair shows another licence."""
    bring(product, sighting("Ada", licence="agpl-3.0"))


def price(product: Product) -> None:
    """It asks for money."""
    asked = Price(amount=Decimal(20), currency="USD", per=Per.MONTH)
    paid = Pricing(model=PricingModel.PAID, entry_price=asked, source_url="https://ada.example/", observed_at=NOW)
    bring(product, sighting("Ada", pricing=paid))


def words(product: Product) -> None:
    """It is described in other words."""
    editing.edit_tool(product, "ada", {"description": "Something else entirely."}, actor="test")


CHANGES = (licence, price, words)
"""What asks for approval again."""
