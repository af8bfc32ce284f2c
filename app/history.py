"""The log of decisions, as an operator searches it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.wiring import Product
from store import audit
from store.audit import Entry

PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """A page of the log, with one entry more when there is another page, and what can be asked for."""

    entries: Sequence[Entry]
    actions: Sequence[str]
    actors: Sequence[str]


def search(
    product: Product,
    *,
    actor: str = "",
    action: str = "",
    subject: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    before_id: int | None = None,
) -> Book:
    """Entries newest first, by somebody, of one action, about a subject, of a time; those
    older than `before_id` when it is given."""
    with product.database.read() as connection:
        return Book(
            entries=audit.search(
                connection,
                actor=actor,
                action=action,
                subject=subject,
                since=since,
                until=until,
                before_id=before_id,
                limit=PAGE + 1,
            ),
            actions=audit.actions(connection),
            actors=audit.actors(connection),
        )
