"""Previews of what is not approved yet: a comparison as its page and its block in a mail would be."""

from __future__ import annotations

from app import composing
from app.publishing import ComparisonPage
from app.wiring import Product
from core.comparison import ComparisonView
from core.edition import Edition, EditionState, Frozen
from core.week import Week
from digest.compose import compose, suggest_preheader, suggest_subject
from digest.render import render_digest
from store import comparisons, corrections, notices, tools


def page(product: Product, view: ComparisonView) -> ComparisonPage:
    """The public page of a comparison as it would be with this view."""
    with product.database.read() as connection:
        corrected = corrections.of_comparison(connection, comparisons.find(connection, view.slug).id)
        told = notices.of_tools(connection, [tools.find(connection, side.slug).id for side in (view.a, view.b)])
    return ComparisonPage(view=view, others=(), corrections=corrected, stale_since=None, notices=told, modified=None)


def mail(product: Product, view: ComparisonView) -> Frozen:
    """A mail with this comparison alone, its personal links filled in for nobody."""
    settings = product.settings
    edition = Edition(
        week=Week.of(product.now),
        number=0,
        state=EditionState.DRAFT,
        subject=suggest_subject([view]),
        preheader=suggest_preheader([view]),
        intro="",
        comparisons=(view.slug,),
        version=0,
    )
    made = compose(
        edition=edition,
        views=[view],
        left_over=0,
        base_url=settings.base_url,
        postal_address=settings.postal_address or "No postal address is set (VERDICTS_POSTAL_ADDRESS).",
    )
    return composing.reading_copy(product, render_digest(made))
