"""Puts sample content into a real database, the way it gets there: tools, approved comparisons, an approved edition."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from app.tokens import Purpose, stamp
from app.wiring import Product
from core.comparison import ComparisonView
from core.edition import Frozen, Variant
from core.errors import NotFound
from core.fact import Pricing, PricingModel
from core.intent import Assessment, NewTool
from core.panel import Person, Role
from core.sighting import Sighting, Thing
from core.source import Source
from core.subscriber import SubscriberState
from core.tool import Priority, Tool
from core.week import Week
from store import comparisons, editions, people, sources, subscribers, tools, votes
from tests.web.samples import APPROVED

SOURCE = Source(key="sample", kind="feed", url="https://feed.example/new", schedule="0 * * * *")


def publish(product: Product, *views: ComparisonView) -> None:
    """Approve each view; what the public reads of it is this very value."""
    with product.database.write() as connection:
        editor = _editor(connection)
        for view in views:
            made = _pair(connection, view)
            comparisons.approve(connection, made, version=made.version, view=view, by=editor.id, now=APPROVED)


def draft(product: Product, view: ComparisonView) -> None:
    """Put a pair side by side without anybody's approval."""
    with product.database.write() as connection:
        _pair(connection, view)


def rename(product: Product, old: str, new: str) -> None:
    """Give a tool another slug."""
    with product.database.write() as connection:
        tools.edit(connection, _tool(connection, old), {"slug": new}, now=APPROVED)


def readdress(product: Product, old: str, new: str) -> None:
    """Give a comparison the address that its tools' present slugs make."""
    with product.database.write() as connection:
        comparisons.rename(connection, comparisons.find(connection, old).id, new)


def vote(product: Product, view: ComparisonView, *, for_a: int, for_b: int) -> None:
    """So many confirmed readers choose each side."""
    with product.database.write() as connection:
        at = comparisons.find(connection, view.slug).id
        for side, number in ((view.a, for_a), (view.b, for_b)):
            choice = tools.find(connection, side.slug).id
            for _ in range(number):
                votes.cast(connection, comparison_id=at, subscriber=_reader(connection), choice=choice, now=APPROVED)


def _reader(connection: Any, *, confirmed_at: datetime = APPROVED) -> int:
    made = subscribers.add(
        connection,
        address=f"{uuid4()}@reader.example",
        name="",
        categories=(),
        trail=subscribers.Consent(kind="imported", text="asked for it", source="sample"),
        confirmed_at=confirmed_at,
        now=confirmed_at,
    )
    return made.id


def edition(
    product: Product,
    week: Week,
    slugs: Sequence[str],
    *,
    approved: bool = True,
    subject: str,
    intro: str = "",
    variants: Sequence[Variant] = (),
) -> None:
    """Make a week's edition of these comparisons."""
    with product.database.write() as connection:
        made = editions.keep_draft(
            connection,
            week,
            subject=subject,
            preheader="Four to nothing against a tie",
            intro=intro,
            comparisons=[comparisons.find(connection, slug).id for slug in slugs],
            left_over=0,
            now=APPROVED,
        )
        if approved:
            frozen = Frozen(subject=subject, html="<p>mail</p>", text="mail", comparisons=tuple(slugs))
            by = _editor(connection).id
            editions.approve(connection, made, frozen=frozen, variants=variants, by=by, now=APPROVED)


def _editor(connection: Any) -> Person:
    return people.invite(
        connection,
        email="noor@verdicts.example",
        name="Noor Haddad",
        roles=(Role.EDITOR,),
        lenses=(),
        machine=False,
        now=APPROVED,
    )


def _pair(connection: Any, view: ComparisonView) -> Any:
    a, b = _tool(connection, view.a.slug), _tool(connection, view.b.slug)
    return comparisons.create(connection, a, b, score=1.0, reasons=(), now=APPROVED)


def _tool(connection: Any, slug: str) -> Tool:
    try:
        return tools.find(connection, slug)
    except NotFound:
        sources.sync(connection, [SOURCE])
        sighting = Sighting(
            source=SOURCE.key, external_id=slug, url=f"https://feed.example/{slug}", name=slug, thing=Thing.LAUNCH
        )
        assessment = Assessment(
            name=slug,
            tagline="",
            description="",
            category="other",
            tags=(),
            homepage=None,
            facts=(),
            pricing=Pricing(model=PricingModel.UNKNOWN),
            priority=Priority(score=1, reasons=()),
            queue=False,
            queue_reason="sample",
        )
        tools.add(connection, [(NewTool(sightings=(sighting,)), assessment)], now=APPROVED)
        return tools.find(connection, slug)


def state(product: Product, address: str) -> SubscriberState | None:
    """What the product holds of an address."""
    with product.database.read() as connection:
        found = subscribers.find(connection, address)
    return found.state if found else None


def reader(product: Product, *, confirmed_at: datetime = APPROVED) -> str:
    """The address of somebody who reads the mail since then."""
    with product.database.write() as connection:
        found = subscribers.get(connection, _reader(connection, confirmed_at=confirmed_at))
    assert found is not None
    return found.address


def asked(product: Product, address: str) -> None:
    """Wait for what a form does once its answer is out: somebody is on the list."""
    give_up = time.monotonic() + 5
    while state(product, address) is None:
        assert time.monotonic() < give_up, f"nobody has asked for {address}"
        time.sleep(0.005)


def link(product: Product, purpose: Purpose, address: str, *more: str, expires: datetime | None = None) -> str:
    """The path that a mail to this address carries."""
    with product.database.read() as connection:
        found = subscribers.find(connection, address)
    assert found is not None
    return f"/{purpose}/{product.signer.sign(purpose, found.id, *more, stamp(found.address_key), expires=expires)}"


def tallied(product: Product, slug: str) -> dict[str, int]:
    """Votes that count, by slug of the tool."""
    with product.database.read() as connection:
        return votes.counted(connection, [slug]).get(slug, {})


def token(product: Product, purpose: Purpose, address: str, *, expires: datetime | None = None) -> str:
    """What a link in a mail to this address carries."""
    with product.database.read() as connection:
        found = subscribers.find(connection, address)
    assert found is not None
    return product.signer.sign(purpose, found.id, stamp(found.address_key), expires=expires)
