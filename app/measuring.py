"""Figures for the operator's monitoring: how much there is of everything, and in which state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.wiring import Product
from store import comparisons, corrections, deliveries, editions, sources, subscribers, tools, votes

Figures = Mapping[str, tuple[str, str, Mapping[str, float]]]
"""Name -> what it is, the label's name (empty: none), label -> value."""


def stock(product: Product) -> Figures:
    """How much there is now."""
    with product.database.read() as connection:
        return {
            "tools": ("Tools by status.", "status", tools.counts(connection)),
            "comparisons": ("Comparisons by state.", "state", comparisons.counts(connection)),
            "subscribers": ("Subscribers by state.", "state", subscribers.counts(connection)),
            "deliveries": ("Deliveries of the newest public edition by state.", "state", _deliveries(connection)),
            "sources": ("Sources by state.", "state", sources.counts(connection)),
            "votes": ("Votes by state.", "state", votes.counts(connection)),
            "corrections": ("Readers' reports by state.", "state", corrections.counts(connection)),
        }


def _deliveries(connection: Any) -> dict[str, float]:
    newest = editions.shelved(connection, limit=1)
    found = deliveries.counts(connection, newest[0].week) if newest else {}
    return {str(state): count for state, count in found.items()}
