"""Which two to compare: the reviewed tools as candidates, and the pairs that review/pairing proposes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from app.wiring import Product
from core.comparison import Proposal, comparison_slug
from core.panel import Verdict
from core.tool import ToolDossier, ToolStatus
from ingest.identity import domain_of, on_shared_hosting
from review.catalogue import Candidate
from review.pairing import propose as propose_pairs
from store import comparisons, merges, reviews, tools

REVIEWED = (ToolStatus.REVIEWED, ToolStatus.PAIRED)
_CATALOGUE = 200_000


def propose(product: Product, *, limit: int = 10, among: Collection[str] | None = None) -> list[Proposal]:
    """Pairs worth comparing among tools whose panel is closed, best first, with every reason.

    `among` keeps to pairs with one of these slugs.
    """
    with product.database.read() as connection:
        reviewed = [each for status in REVIEWED for each in tools.listed(connection, status=status, limit=_CATALOGUE)]
        ids = [each.id for each in reviewed]
        said = reviews.verdicts(connection, ids)
        dossiers = tools.dossiers(connection, reviewed)
        compared = comparisons.compared(connection)
        slugs = {each.id: each.slug for each in reviewed}
        apart = {
            comparison_slug(slugs[low], slugs[high])
            for low, high in merges.kept_apart(connection)
            if low in slugs and high in slugs
        }
    found = [_candidate(dossiers[at], said[at]) for at in ids if said.get(at)]
    result = propose_pairs(found, compared=compared, now=product.now, limit=limit, among=among, apart=apart)
    return list(result.proposals)


def _candidate(dossier: ToolDossier, said: Sequence[Verdict]) -> Candidate:
    tool = dossier.tool
    return Candidate(
        slug=tool.slug,
        name=tool.name,
        category=tool.category,
        closed=tool.status in REVIEWED,
        reviewed_at=max(each.submitted_at for each in said),
        tags=tool.tags,
        texts=(tool.tagline, tool.description, *(each.quote for each in said)),
        verdicts={each.lens: each.decision for each in said},
        price=dossier.pricing.model,
        identifiers=frozenset(dossier.identifiers),
        domains=_domains(tool.homepage),
    )


def _domains(homepage: str | None) -> frozenset[str]:
    if homepage is None or on_shared_hosting(homepage):
        return frozenset()
    return frozenset(filter(None, [domain_of(homepage)]))
