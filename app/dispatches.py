"""Editions on their way, as an operator watches them; what is done about them is app/sending, settling and scheduling's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app import figures, settling
from app.figures import Progress
from app.settling import Settled
from app.wiring import Product
from core.delivery import DeliveryState
from core.errors import NotFound, StaleVersion
from core.week import Week
from store import dispatches, events
from store.dispatches import Dispatch
from store.events import LastWord

PAGE = 20
WORDS = 50

TROUBLED = (DeliveryState.REFUSED, DeliveryState.BOUNCED, DeliveryState.COMPLAINED, DeliveryState.UNCERTAIN)
"""States of a mail that did not get through, or may not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """An edition with how far it is."""

    dispatch: Dispatch
    progress: Progress


def listed(product: Product, *, before: str = "") -> Sequence[Dispatch]:
    """A page of approved editions, the newest first, and one more when there is another page."""
    with product.database.read() as connection:
        return dispatches.listed(connection, before=before, limit=PAGE + 1)


def live(product: Product, week: Week) -> Live:
    """One edition, from its batches: as quick for a million readers as for ten. Raises NotFound."""
    with product.database.read() as connection:
        found = dispatches.find(connection, week)
    return Live(dispatch=found, progress=figures.progress(product, week))


def words(product: Product, week: Week, state: DeliveryState, *, after: int = 0) -> Sequence[LastWord]:
    """A page of an edition's mails in one state with the last word on each, and one more when there is another page."""
    with product.database.read() as connection:
        dispatches.find(connection, week)
        return events.last_words(connection, week, state=state, limit=WORDS + 1, after=after)


def settle(product: Product, week: Week, batch: int, *, attempt: str, sent: bool, actor: str) -> Settled:
    """Say whether the attempt of an uncertain batch that was seen went out. Raises NotFound, and StaleVersion when the
    batch is settled, or uncertain about another attempt."""
    doubt = next((each for each in figures.progress(product, week).doubts if each.batch == batch), None)
    if doubt is None or doubt.attempt != attempt:
        raise StaleVersion(f"Batch {batch} has moved on since you opened the page.", mend="Look at it again.")
    try:
        return settling.settle_by_hand(product, week, batch, sent=sent, actor=actor)
    except NotFound:  # settled in between
        raise StaleVersion(f"Batch {batch} was settled meanwhile.", mend="Look at how.") from None
