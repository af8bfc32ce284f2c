"""`verdicts comparisons`."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter

from app import editing, pairing
from app.commands import Count, RowId
from app.commands.tools import panel_data, pricing_data
from app.editing import ComparisonSheet
from app.report import COMMAND_LINE, Report
from app.wiring import open_product
from core.comparison import Cell, Comparison, Side

app = App(name="comparisons")


@app.command(name="list")
def list_() -> Report:
    """All comparisons, the newest first."""
    with open_product() as product:
        rows = [_row(each) for each in editing.list_comparisons(product)]
    return Report(data=rows, rows=rows, text="" if rows else "No comparisons yet.")


def _row(found: Comparison) -> dict[str, Any]:
    return {
        "slug": found.slug,
        "a": found.a,
        "b": found.b,
        "state": found.state,
        "version": found.version,
        "approved_version": found.approved_version,
        "approved_by": found.approved_by,
        "approved_at": found.approved_at,
    }


@app.command
def propose(*, limit: Count = 10) -> Report:
    """Pairs worth comparing, best first, with the reasons."""
    with open_product() as product:
        found = pairing.propose(product, limit=limit)
    data = [
        {
            "a": each.a,
            "b": each.b,
            "score": round(each.score, 3),
            "reasons": [{"reason": why.words, "points": round(why.points, 3)} for why in each.reasons],
        }
        for each in found
    ]
    rows = [
        {"a": each.a, "b": each.b, "score": f"{each.score:.2f}", "reasons": "; ".join(w.words for w in each.reasons)}
        for each in found
    ]
    return Report(data=data, rows=rows, text="" if rows else "No good pair among the tools whose panel is closed.")


@app.command
def create(a: str, b: str) -> Report:
    """Put two reviewed tools side by side."""
    with open_product() as product:
        found = editing.create_comparison(product, a, b, actor=COMMAND_LINE)
    return Report(data=_row(found), text=f"{found.slug} is a {found.state}, version {found.version}.")


@app.command
def show(slug: str) -> Report:
    """A comparison as it would be published now."""
    with open_product() as product:
        sheet = editing.show_comparison(product, slug)
    return Report(data=_sheet(sheet), text=_words(sheet))


def _sheet(sheet: ComparisonSheet) -> dict[str, Any]:
    view = sheet.view
    return {
        **_row(sheet.comparison),
        "title": view.title,
        "sides": [_side(view.a), _side(view.b)],
        "scorecard": [{"lens": row.lens, "a": _cell(row.a), "b": _cell(row.b)} for row in view.rows],
        "split": {
            "both_ship": list(view.split.both_ship),
            "both_skip": list(view.split.both_skip),
            "only_a": list(view.split.only_a),
            "only_b": list(view.split.only_b),
        },
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "slug": side.slug,
        "name": side.name,
        "category": side.category,
        "panel": panel_data(side.panel),
        "community": {"percent": side.community.percent, "note": side.community.note},
        "pricing": pricing_data(side.pricing),
        "first_look": side.first_look,
    }


def _cell(cell: Cell | None) -> dict[str, Any] | None:
    if cell is None:
        return None
    return {
        "verdict": cell.decision,
        "quote": cell.quote,
        "basis": cell.basis,
        "reviewer": cell.reviewer,
        "machine": cell.machine,
    }


def _words(sheet: ComparisonSheet) -> str:
    view, found = sheet.view, sheet.comparison
    lines = [
        f"{view.title} ({found.slug}), {found.state}, version {found.version}",
        f"  {view.a.name}: panel {view.a.panel_label}, community {view.a.community.label}, {view.a.pricing.model.label}",
        f"  {view.b.name}: panel {view.b.panel_label}, community {view.b.community.label}, {view.b.pricing.model.label}",
    ]
    for row in view.rows:
        for side, cell in ((view.a, row.a), (view.b, row.b)):
            said = f"{cell.decision.upper()}  {cell.quote}" if cell else "no verdict yet"
            lines.append(f"  {row.lens_name} on {side.name}: {said}")
    return "\n".join(lines)


@app.command
def approve(slug: str, *, as_: Annotated[str, Parameter(name="--as")], version: RowId | None = None) -> Report:
    """Approve a comparison as an editor; --version refuses when it has changed since you read it."""
    with open_product() as product:
        found = editing.approve_comparison(product, slug, email=as_, version=version)
    return Report(data=_row(found), text=f"{found.slug} is {found.state} at version {found.version}.")
