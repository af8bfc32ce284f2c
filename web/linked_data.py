"""JSON-LD of a comparison: an ItemList of two SoftwareApplications with their reviews (schema.org)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.exhibiting import ToolPage
from core.clock import to_iso
from core.comparison import Cell, Community, ComparisonView, Side
from core.panel import Decision
from web.links import outward
from web.reading import byline

Node = dict[str, Any]
"""One node of the document, ready for JSON."""


def comparison_data(view: ComparisonView, *, address: str) -> Node:
    """The document for the page at `address` (absolute)."""
    sides = (
        (view.a, [(row.lens_name, row.a) for row in view.rows]),
        (view.b, [(row.lens_name, row.b) for row in view.rows]),
    )
    return {
        "@context": "https://schema.org",
        "@type": "ItemList",
        "name": view.title,
        "url": address,
        "numberOfItems": len(sides),
        "itemListElement": [
            {"@type": "ListItem", "position": position, "item": _application(side, cells)}
            for position, (side, cells) in enumerate(sides, start=1)
        ],
    }


def tool_data(page: ToolPage, *, address: str) -> Node:
    """The document for a tool's page at `address` (absolute)."""
    cells: list[tuple[str, Cell | None]] = [(each.lens_name, each.cell) for each in page.said]
    # Votes belong to one comparison, so the tool alone has no rating by readers.
    side = replace(page.side, community=Community())
    return {"@context": "https://schema.org", **_application(side, cells), "mainEntityOfPage": address}


def _application(side: Side, cells: list[tuple[str, Cell | None]]) -> Node:
    node: Node = {"@type": "SoftwareApplication", "name": side.name, "applicationCategory": side.category_label}
    if side.description or side.tagline:
        node["description"] = side.description or side.tagline
    if link := outward(side.homepage):
        node["url"] = link.href
    if price := side.pricing.entry_price:
        node["offers"] = {"@type": "Offer", "price": f"{price.amount:f}", "priceCurrency": price.currency}
    if reviews := [_review(lens, cell) for lens, cell in cells if cell is not None]:
        node["review"] = reviews
    if (percent := side.community.percent) is not None:
        # Votes are data for machines only once readers see them as a percentage.
        node["aggregateRating"] = _rating(percent, best=100) | {
            "@type": "AggregateRating",
            "ratingCount": side.community.votes,
        }
    return node


def _review(lens: str, cell: Cell) -> Node:
    return {
        "@type": "Review",
        "name": lens,
        "author": _author(cell),
        "datePublished": to_iso(cell.submitted_at),
        "reviewBody": cell.quote,
        "reviewRating": _rating(int(cell.decision is Decision.SHIP), best=1),
    }


def _author(cell: Cell) -> Node:
    # What a machine wrote is never given to a person, not even in data.
    if cell.machine:
        return {"@type": "Organization", "name": f"{byline(cell.reviewer)} (machine-written)"}
    return {"@type": "Person", "name": byline(cell.reviewer)}


def _rating(value: int, *, best: int) -> Node:
    return {"@type": "Rating", "ratingValue": value, "bestRating": best, "worstRating": 0}
