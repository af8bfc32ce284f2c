"""An edition in three variants: who is to get which, and whether what arrived is exactly that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy

import sqlalchemy as sa

from app.sending import Links
from app.tokens import Purpose
from app.wiring import Product
from core.edition import Frozen, Variant
from digest.compose import day
from digest.marks import CONFIRMED_ON, PREFERENCES_URL, UNSUBSCRIBE_URL, marks, substitute
from store import subscribers
from store.connect import Database
from store.schema import delivery, subscriber
from tests.sending.stage import FROZEN

SLUGS = ("ada-vs-bea", "cyd-vs-dot")
_VOTES = "".join(f'<a href="{{{{vote_url:{slug}}}}}">Vote</a>' for slug in SLUGS)

OWN, TASTED, BEST_OF = range(3)
CONTENTS = (
    FROZEN,
    Frozen(
        subject="Agents first",
        html=FROZEN.html.replace("Hello", "Agents, and then the rest"),
        text=FROZEN.text.replace("Hello", "Agents, and then the rest"),
        comparisons=(),
    ),
    Frozen(
        subject="Best of November",
        html=FROZEN.html.replace("Hello", f"The best of a month {_VOTES}"),
        text=FROZEN.text.replace("Hello", "The best of a month {{vote_url:cyd-vs-dot}}"),
        comparisons=SLUGS,
    ),
)
VARIANTS = (
    Variant(number=TASTED, places=(), tastes=("agents",), frozen=CONTENTS[TASTED]),
    Variant(number=BEST_OF, places=(), tastes=(), frozen=CONTENTS[BEST_OF], best_of=True),
)
_VOTE = re.compile(r"https://verdicts\.example/vote/([a-zA-Z0-9._-]+)")


def variant_of(address: str, *, varied: bool) -> int:
    """Which variant somebody is to get: reader 1 their taste's, reader 2 the best of a month, reader 3 the edition."""
    number = re.match(r"reader(\d+)@", address)
    return (TASTED, BEST_OF, OWN)[(int(number[1]) - 1) % 3] if varied and number else OWN


def choose(database: Database) -> None:
    """Every reader's choice. Some monthly readers have a taste, too: the rhythm decides."""
    with database.write() as connection:
        for at, address in connection.execute(sa.select(subscriber.c.id, subscriber.c.address)).all():
            variant = variant_of(address, varied=True)
            values = {
                "rhythm": "monthly" if variant == BEST_OF else "weekly",
                "taste": "agents" if variant == TASTED or address == "reader8@example.org" else "",
            }
            connection.execute(sa.update(subscriber).where(subscriber.c.id == at).values(**values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A mail as somebody found it in their mailbox."""

    to: str
    subject: str
    text: str
    html: str


def parsed(to: str, raw: bytes) -> Arrived:
    """A message as a mail program reads it."""
    mail = message_from_bytes(raw, policy=policy.default)
    text, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    plain, rich = (each.get_content().replace("\r\n", "\n") for each in (text, html))
    return Arrived(to=to, subject=mail["Subject"], text=plain, html=rich)


def wrongly_written(product: Product, mails: list[Arrived], *, varied: bool) -> Iterator[str]:
    """In words, every mail that is not, to the letter, its reader's variant with their own links, and every row that
    tells of another variant."""
    rows = _variants_of_rows(product.database)
    for mail in mails:
        variant = variant_of(mail.to, varied=varied)
        if rows.get(mail.to) != variant:
            yield f"{mail.to} has variant {rows.get(mail.to)} in the ledger, not {variant}"
        if _read_votes(product, mail) != _expected(product, mail.to, CONTENTS[variant]):
            yield f"{mail.to} got {mail.subject!r}, which is not variant {variant} to the letter"


def _variants_of_rows(database: Database) -> dict[str, int]:
    with database.read() as connection:
        query = sa.select(subscriber.c.address, delivery.c.variant)
        return {row[0]: row[1] for row in connection.execute(query.where(delivery.c.subscriber == subscriber.c.id))}


def _expected(product: Product, address: str, content: Frozen) -> Arrived:
    with product.database.read() as connection:
        person = subscribers.find(connection, address)
    assert person is not None
    assert person.confirmed_at is not None
    links = Links(product)
    values = {
        UNSUBSCRIBE_URL: links.unsubscribe(person),
        PREFERENCES_URL: links.preferences(person),
        CONFIRMED_ON: day(person.confirmed_at),
    }
    values |= {
        mark: f"vote {mark[len('{{vote_url:') : -2]} of {person.id}" for mark in marks(content.html) if "vote" in mark
    }
    return Arrived(
        to=address,
        subject=content.subject,
        text=substitute(content.text, values, html=False),
        html=substitute(content.html, values, html=True),
    )


def _read_votes(product: Product, mail: Arrived) -> Arrived:
    """The mail with what its vote links say in their place: when they run out depends on when they were made."""

    def read(found: re.Match[str]) -> str:
        who, slug, _ = product.signer.read(Purpose.VOTE, found[1], now=product.now)
        return f"vote {slug} of {who}"

    return Arrived(to=mail.to, subject=mail.subject, text=_VOTE.sub(read, mail.text), html=_VOTE.sub(read, mail.html))
