"""Which two to compare: the reviewed tools as candidates, the pairs that review/pairing proposes, and what editors
answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from app.reviewing import require_editor
from app.wiring import Product
from core.comparison import Comparison, Proposal, comparison_slug
from core.errors import Refused
from core.intent import Ask
from core.panel import Verdict
from core.text import clean
from core.tool import Reason, Tool, ToolDossier, ToolStatus
from ingest.identity import domain_of, on_shared_hosting
from review.catalogue import Candidate, Catalogue
from review.gates import Duplicate, duplicates
from review.pairing import PairingResult, nearest
from review.pairing import propose as propose_pairs
from store import audit, comparisons, merges, reviews, tools, versions
from store import proposals as kept
from store import rivals as named
from store.proposals import ACCEPTED, REJECTED, Answered

REVIEWED = (ToolStatus.REVIEWED, ToolStatus.PAIRED)
_CATALOGUE = 200_000
FRESHEST = 500
"""Proposals begin with so many of the tools that changed last; whatever is older was offered in its own week."""
DEMAND_OF = timedelta(days=90)
"""Clicks and votes of so long speak for a tool."""
_LONGEST_REASON = 500
_KIN = 0.6
"""What a duplicate question from the panel's side weighs among those of ingestion, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """A product that texts name as a rival and that nobody has ingested: something to look for."""

    name: str
    named_by: tuple[str, ...]  # addresses of tools


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """Everything that pairing looks at."""

    catalogue: Catalogue
    settled: Mapping[str, datetime]
    apart: frozenset[str]
    ids: Mapping[str, int]


# ------------------------------------------------------------ proposals


def proposals(product: Product, *, limit: int = 10) -> list[Proposal]:
    """Pairs worth comparing among tools whose panel is closed, best first, with every reason.

    A pair that was compared or turned down is proposed again only after a verdict or a fact of either has changed.
    """
    return list(weighed(product, limit=limit).proposals)


def weighed(product: Product, *, limit: int) -> PairingResult:
    """The same with every number behind each."""
    return _propose(product, _load(product), limit=limit)


def _propose(product: Product, field: _Field, *, limit: int) -> PairingResult:
    candidates = [entry.candidate for entry in field.catalogue.entries.values()]
    newest = sorted(candidates, key=lambda each: (each.changed_at or each.reviewed_at, each.slug), reverse=True)
    return propose_pairs(
        field.catalogue,
        compared=field.settled,
        apart=field.apart,
        now=product.now,
        limit=limit,
        among={each.slug for each in newest[:FRESHEST]},
    )


def why(product: Product, a: str, b: str) -> Proposal | None:
    """Score and reasons with which this pair would be proposed; None when nothing speaks for it."""
    field = _load(product)
    if a not in field.catalogue.entries:
        return None
    slug = comparison_slug(a, b)
    settled = {each: at for each, at in field.settled.items() if each != slug}
    for weighing in nearest(field.catalogue, a, compared=settled, apart=field.apart, now=product.now):
        if weighing.slug == slug:
            return weighing.proposal
    return None


def accept(product: Product, a: str, b: str, *, by: str) -> Comparison:
    """An editor takes a proposed pair: it becomes a comparison, in draft. One that is there already stays as it is.

    `by` is the editor's address. Raises NotFound, Refused for one tool twice or a panel that is not closed, and what
    `require_editor` raises.
    """
    proposed = why(product, *sorted((a, b)))
    score, reasons = (proposed.score, proposed.reasons) if proposed else (0.0, (Reason(words="by hand", points=0.0),))
    now = product.now
    with product.database.write() as connection:
        editor = require_editor(connection, by)
        one, other = _both(connection, a, b)
        made = comparisons.create(connection, one, other, score=score, reasons=reasons, now=now)
        kept.answer(connection, one.id, other.id, answer=ACCEPTED, reason="", by=editor.email, now=now)
        subject = f"comparison:{made.slug}"
        audit.note(connection, now=now, actor=editor.email, action="proposal.accept", subject=subject)
        return made


def reject(product: Product, a: str, b: str, *, by: str, reason: str) -> None:
    """An editor turns a pair down: it is not proposed again until a verdict or a fact of either has changed.

    Raises NotFound, Refused for one tool twice, an open panel or no reason, and what `require_editor` raises.
    """
    because = clean(reason, limit=_LONGEST_REASON)
    if not because:
        raise Refused("A pair is turned down for a reason.", mend="Say in a few words why the two are not compared.")
    now = product.now
    with product.database.write() as connection:
        editor = require_editor(connection, by)
        one, other = _both(connection, a, b)
        kept.answer(connection, one.id, other.id, answer=REJECTED, reason=because, by=editor.email, now=now)
        subject = f"comparison:{comparison_slug(one.slug, other.slug)}"
        change = {"after": {"reason": because}}
        audit.note(connection, now=now, actor=editor.email, action="proposal.reject", subject=subject, **change)


def answers(product: Product, *, limit: int = 50) -> list[Answered]:
    """What editors said of proposed pairs, the newest first."""
    with product.database.read() as connection:
        return kept.answers(connection, limit=limit)


def _both(connection: Any, a: str, b: str) -> tuple[Tool, Tool]:
    one, other = tools.find(connection, a), tools.find(connection, b)
    if one.id == other.id:
        raise Refused(f"{a} and {b} are one tool.", mend="A pair needs two.")
    for each in (one, other):
        if each.status not in REVIEWED:
            raise Refused(f"The panel of {each.slug} is not closed.", mend="Only judged tools are paired.")
    return one, other


# ------------------------------------------------------------ what pairing finds beside pairs


def ask_duplicates(product: Product) -> int:
    """Put reviewed tools that look like one product, or like two versions of one, before an editor as "same tool?".

    A pair that was asked about before is not asked again. Returns how many questions are new.
    """
    field = _load(product)
    found = duplicates(field.catalogue, apart=field.apart)
    with product.database.write() as connection:
        return tools.ask(connection, [_question(each, field.ids) for each in found], now=product.now)


def _question(found: Duplicate, ids: Mapping[str, int]) -> Ask:
    reasons = (Reason(words=found.reason, points=_KIN),)
    return Ask(one=ids[found.a], other=ids[found.b], score=_KIN, reasons=reasons)


def rivals(product: Product, *, limit: int = 50) -> list[Rival]:
    """Products that verdicts and descriptions name as rivals, that nobody has ingested and no editor has dismissed; the
    most often named first."""
    found = _load(product).catalogue.unknown_rivals
    with product.database.read() as connection:
        unknown, left_out = not_ingested(connection, found), named.dismissed(connection, found)
    listed = [Rival(name=name, named_by=tuple(sorted(by))) for name, by in unknown.items() if name not in left_out]
    return sorted(listed, key=lambda each: (-len(each.named_by), each.name))[:limit]


_By = TypeVar("_By")


def not_ingested(connection: Any, rivals: Mapping[str, _By]) -> dict[str, _By]:
    """Those of these rivals whose name no tool bears. `connection` is opaque here."""
    known = kept.known_names(connection, sorted(rivals))
    return {name: by for name, by in rivals.items() if name not in known}


# ------------------------------------------------------------ the candidates


def _load(product: Product) -> _Field:
    with product.database.read() as connection:
        reviewed = [each for status in REVIEWED for each in tools.listed(connection, status=status, limit=_CATALOGUE)]
        ids = [each.id for each in reviewed]
        said = reviews.verdicts(connection, ids)
        dossiers = tools.dossiers(connection, reviewed)
        settled = kept.settled(connection)
        asked = kept.demand(connection, since=product.now - DEMAND_OF)
        moved = kept.moved(connection)
        lines = versions.lines(connection)
        kept_apart = merges.kept_apart(connection)
    slugs = {each.id: each.slug for each in reviewed}
    apart = frozenset(
        comparison_slug(slugs[low], slugs[high]) for low, high in kept_apart if low in slugs and high in slugs
    )
    candidates = [
        _candidate(dossiers[at], said[at], demand=asked[slugs[at]], moved=moved.get(at), line=lines.get(at))
        for at in ids
        if said.get(at)
    ]
    ids_by_slug = {slug: at for at, slug in slugs.items()}
    return _Field(catalogue=Catalogue(candidates), settled=settled, apart=apart, ids=ids_by_slug)


def _candidate(
    dossier: ToolDossier, said: Sequence[Verdict], *, demand: int, moved: datetime | None, line: int | None
) -> Candidate:
    tool = dossier.tool
    reviewed_at = max(each.submitted_at for each in said)
    return Candidate(
        slug=tool.slug,
        name=tool.name,
        category=tool.category,
        closed=tool.status in REVIEWED,
        reviewed_at=reviewed_at,
        tags=tool.tags,
        texts=(tool.tagline, tool.description, *(each.quote for each in said)),
        verdicts={each.lens: each.decision for each in said},
        price=dossier.pricing.model,
        identifiers=frozenset(dossier.identifiers),
        domains=_domains(tool.homepage),
        changed_at=max(reviewed_at, moved) if moved else reviewed_at,
        demand=demand,
        line=line,
    )


def _domains(homepage: str | None) -> frozenset[str]:
    if homepage is None or on_shared_hosting(homepage):
        return frozenset()
    return frozenset(filter(None, [domain_of(homepage)]))
