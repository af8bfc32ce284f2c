"""What has changed between two views of one comparison: the approved one and the present one, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core.comparison import Cell, ComparisonView, ScorecardRow, Side
from core.fact import FIGURES, Pricing


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field that reads differently now. An empty text: nothing there."""

    where: str
    what: str
    before: str
    after: str


def differences(old: ComparisonView, new: ComparisonView) -> tuple[Difference, ...]:
    """Every difference that a reader could see, in the order of the page. Figures of popularity, votes and addresses do
    not count: no editor approves them."""
    sides = {side.slug: side for side in (old.a, old.b)}
    pairs = [(sides.get(new.a.slug, old.a), new.a), (sides.get(new.b.slug, old.b), new.b)]
    found = [each for before, after in pairs for each in _of_side(before, after)]
    return (*found, *_of_rows(old, new))


def _of_side(old: Side, new: Side) -> Iterator[Difference]:
    before, after = _told(old), _told(new)
    for what in dict.fromkeys([*before, *after]):
        if before.get(what, "") != after.get(what, ""):
            yield Difference(where=new.name, what=what, before=before.get(what, ""), after=after.get(what, ""))


def _told(side: Side) -> dict[str, str]:
    told = {
        "Name": side.name,
        "Tagline": side.tagline,
        "Category": side.category_label,
        "Home page": side.homepage or "",
        "Description": side.description,
        "Panel ship": side.panel_label,
        "First look": "yes" if side.first_look else "",
        "Price": _price(side.pricing),
    }
    facts = {f"{each.field} ({each.source_url})": each.value for each in side.facts if each.field not in FIGURES}
    return told | facts


def _price(read: Pricing) -> str:
    parts = [read.model.label, str(read.entry_price) if read.entry_price else "", *read.flags, read.source_url or ""]
    return ", ".join(filter(None, parts))


def _of_rows(old: ComparisonView, new: ComparisonView) -> Iterator[Difference]:
    before, after = _by_lens(old), _by_lens(new)
    for lens in dict.fromkeys([*after, *before]):
        for side, name in (("a", new.a.name), ("b", new.b.name)):
            one, other = (_cell(rows.get(lens), side) for rows in (before, after))
            if one != other:
                lens_name = (after.get(lens) or before[lens]).lens_name
                yield Difference(where=name, what=f"{lens_name}’s verdict", before=one, after=other)


def _by_lens(view: ComparisonView) -> Mapping[str, ScorecardRow]:
    return {row.lens: row for row in view.rows}


def _cell(row: ScorecardRow | None, side: str) -> str:
    cell: Cell | None = getattr(row, side) if row else None
    if cell is None:
        return ""
    parts = [cell.decision.value.upper(), f"“{cell.quote}”", cell.basis.label, cell.reviewer, cell.disclosure]
    return ", ".join(filter(None, [*parts, "machine-written" if cell.machine else ""]))
