"""Which two to compare: the reviewed tools as candidates, and the pairs that review/pairing proposes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.wiring import Product
from core.comparison import Proposal, comparison_slug
from core.panel import Verdict
from core.tool import ToolDossier, ToolStatus
from ingest.identity import domain_of, on_shared_hosting
from review.catalogue import Candidate, Catalogue
from review.pairing import nearest
from review.pairing import propose as propose_pairs
from store import comparisons, merges, reviews, tools

REVIEWED = (ToolStatus.REVIEWED, ToolStatus.PAIRED)
_CATALOGUE = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """Everything that pairing looks at."""

    catalogue: Catalogue
    compared: Mapping[str, datetime]
    apart: frozenset[str]


def propose(product: Product, *, limit: int = 10) -> list[Proposal]:
    """Pairs worth comparing among tools whose panel is closed, best first, with every reason."""
    field = _load(product)
    result = propose_pairs(field.catalogue, compared=field.compared, apart=field.apart, now=product.now, limit=limit)
    return list(result.proposals)


def why(product: Product, a: str, b: str) -> Proposal | None:
    """Score and reasons with which this pair would be proposed; None when nothing speaks for it."""
    field = _load(product)
    if a not in field.catalogue.entries:
        return None
    slug = comparison_slug(a, b)
    for weighing in nearest(field.catalogue, a, compared=field.compared, apart=field.apart, now=product.now):
        if weighing.slug == slug:
            return weighing.proposal
    return None


def _load(product: Product) -> _Field:
    with product.database.read() as connection:
        reviewed = [each for status in REVIEWED for each in tools.listed(connection, status=status, limit=_CATALOGUE)]
        ids = [each.id for each in reviewed]
        said = reviews.verdicts(connection, ids)
        dossiers = tools.dossiers(connection, reviewed)
        compared = comparisons.compared(connection)
        kept_apart = merges.kept_apart(connection)
    slugs = {each.id: each.slug for each in reviewed}
    apart = frozenset(
        comparison_slug(slugs[low], slugs[high]) for low, high in kept_apart if low in slugs and high in slugs
    )
    catalogue = Catalogue([_candidate(dossiers[at], said[at]) for at in ids if said.get(at)])
    return _Field(catalogue=catalogue, compared=compared, apart=apart)


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
