"""The scorecard of a comparison: one row per lens, and where the lenses agree and part."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from core.clock import to_iso
from core.comparison import Cell, Community, Comparison, ComparisonView, ScorecardRow, Side, Split
from core.fact import FIGURES, Fact, Pricing
from core.panel import Basis, Decision, Lens, Verdict
from core.tool import ToolDossier
from review.tally import tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """Everything about one tool that its side of a comparison shows. `verdicts` are those that count."""

    dossier: ToolDossier
    verdicts: tuple[Verdict, ...]
    community: Community


def compare(
    comparison: Comparison,
    *,
    a: Contender,
    b: Contender,
    lenses: Sequence[Lens],
    quorum: int,
    quorums: Mapping[str, int] = MappingProxyType({}),
) -> ComparisonView:
    """Everything the comparison page and the block in the mail show. `quorums`: by category, where it is another."""
    card = rows(lenses, a.verdicts, b.verdicts)
    return ComparisonView(
        slug=comparison.slug,
        version=comparison.version,
        a=side(a, quorum=quorums.get(a.dossier.tool.category, quorum)),
        b=side(b, quorum=quorums.get(b.dossier.tool.category, quorum)),
        rows=card,
        split=split(card),
        approved_by=comparison.approved_by,
        approved_at=comparison.approved_at,
        published_at=comparison.published_at,
    )


def side(contender: Contender, *, quorum: int) -> Side:
    """One tool as its side of a comparison shows it."""
    tool = contender.dossier.tool
    return Side(
        slug=tool.slug,
        name=tool.name,
        tagline=tool.tagline,
        category=tool.category,
        homepage=tool.homepage,
        description=tool.description,
        described_at=tool.described_at,
        panel=tally(contender.verdicts, quorum=quorum),
        community=contender.community,
        pricing=contender.dossier.pricing,
        facts=contender.dossier.facts,
        first_look=is_first_look(contender.verdicts),
    )


def is_first_look(verdicts: Sequence[Verdict]) -> bool:
    """Whether there are verdicts and none of them comes from somebody who had hands on the tool."""
    return bool(verdicts) and all(verdict.basis is not Basis.HANDS_ON for verdict in verdicts)


def rows(lenses: Sequence[Lens], a: Sequence[Verdict], b: Sequence[Verdict]) -> tuple[ScorecardRow, ...]:
    """One row per lens that judged either tool, in the lenses' own order; two lenses never share a row.

    A verdict from a lens that is not among `lenses` would vanish from the page while its vote counts, so that is
    refused with a KeyError: pass retired lenses too.
    """
    by_a, by_b = _by_lens(a), _by_lens(b)
    known = {lens.key: lens for lens in lenses}
    judged = sorted((known[key] for key in by_a | by_b), key=lambda lens: (lens.position, lens.key))
    return tuple(
        ScorecardRow(
            lens=lens.key,
            lens_name=lens.name,
            motto=lens.motto,
            a=_cell(by_a.get(lens.key)),
            b=_cell(by_b.get(lens.key)),
        )
        for lens in judged
    )


def _by_lens(verdicts: Sequence[Verdict]) -> dict[str, Verdict]:
    return {verdict.lens: verdict for verdict in verdicts}


def _cell(verdict: Verdict | None) -> Cell | None:
    if verdict is None:
        return None
    return Cell(
        decision=verdict.decision,
        quote=verdict.quote,
        basis=verdict.basis,
        reviewer=verdict.reviewer,
        machine=verdict.machine,
        submitted_at=verdict.submitted_at,
        disclosure=verdict.disclosure,
    )


def split(card: Sequence[ScorecardRow]) -> Split:
    """Where the lenses that judged both tools agree and where they part."""
    ship, skip = Decision.SHIP, Decision.SKIP
    return Split(
        both_ship=_names(card, a=ship, b=ship),
        both_skip=_names(card, a=skip, b=skip),
        only_a=_names(card, a=ship, b=skip),
        only_b=_names(card, a=skip, b=ship),
    )


def _names(card: Sequence[ScorecardRow], *, a: Decision, b: Decision) -> tuple[str, ...]:
    return tuple(
        row.lens_name
        for row in card
        if row.a is not None and row.b is not None and (row.a.decision, row.b.decision) == (a, b)
    )


def fingerprint(view: ComparisonView) -> str:
    """A hash of everything that an editor approves: texts, verdicts, facts, prices. The leading number is the version
    of this rule.

    When it differs from the one that was approved, the comparison asks for approval again. Left out are votes, the
    approval itself, figures of popularity, which move at every ingestion, and the days on which facts and prices were
    seen: a source that says the same again next week changes nothing that needs a second look.
    """
    content = [_side_content(view.a), _side_content(view.b), [_row_content(row) for row in view.rows]]
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return "1:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _side_content(one: Side) -> list[object]:
    texts = [one.slug, one.name, one.tagline, one.category, one.homepage, one.description]
    facts = sorted({_fact_content(fact) for fact in one.facts if fact.field not in FIGURES})
    return [texts, one.first_look, one.panel.count, facts, _pricing_content(one.pricing)]


def _fact_content(fact: Fact) -> tuple[str, str, str]:
    return fact.field, fact.value, fact.source_url


def _pricing_content(pricing: Pricing) -> list[object]:
    entry = None if pricing.entry_price is None else str(pricing.entry_price)
    return [pricing.model, entry, sorted(pricing.flags), pricing.source_url]


def _row_content(row: ScorecardRow) -> list[object]:
    return [row.lens, row.lens_name, row.motto, _cell_content(row.a), _cell_content(row.b)]


def _cell_content(cell: Cell | None) -> list[object] | None:
    if cell is None:
        return None
    day = to_iso(cell.submitted_at)
    return [cell.decision, cell.quote, cell.basis, cell.reviewer, cell.machine, cell.disclosure, day]
