"""`verdicts comparisons`."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter

from app import editing, pairing, suggesting
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
    """Pairs worth comparing, best first, with the reasons. What looks like one product twice becomes a question."""
    with open_product() as product:
        found = pairing.proposals(product, limit=limit)
        asked = pairing.ask_duplicates(product)
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
        {"a": each.a, "b": each.b, "score": f"{each.score:.2f}", "reasons": " ".join(w.words for w in each.reasons)}
        for each in found
    ]
    words = [] if rows else ["No good pair among the tools whose panel is closed."]
    if asked:
        words.append(f"{asked} pairs look like one product twice: `verdicts duplicates list` asks about them.")
    return Report(data=data, rows=rows, text="\n".join(words))


@app.command
def accept(a: str, b: str, *, as_: Annotated[str, Parameter(name="--as")]) -> Report:
    """Take a proposed pair, as an editor: it becomes a comparison in draft."""
    with open_product() as product:
        found = pairing.accept(product, a, b, by=as_)
    return Report(data=_row(found), text=f"{found.slug}: {found.state}, version {found.version}.")


@app.command
def reject(a: str, b: str, *, as_: Annotated[str, Parameter(name="--as")], reason: str) -> Report:
    """Turn a proposed pair down, as an editor: it comes again only after a verdict or a fact has changed."""
    with open_product() as product:
        pairing.reject(product, a, b, by=as_, reason=reason)
    return Report(data={"a": a, "b": b, "reason": reason}, text=f"{a} and {b} are not proposed until one changes.")


@app.command
def answers(*, limit: Count = 50) -> Report:
    """What editors said of proposed pairs, the newest first."""
    with open_product() as product:
        found = pairing.answers(product, limit=limit)
    rows = [{"a": e.a, "b": e.b, "answer": e.answer, "reason": e.reason, "by": e.by, "at": e.at} for e in found]
    return Report(data=rows, rows=rows, text="" if rows else "No proposal has been answered yet.")


@app.command
def rivals(*, limit: Count = 50) -> Report:
    """Products that verdicts and descriptions name as rivals and that nobody has ingested, most often named first."""
    with open_product() as product:
        found = pairing.rivals(product, limit=limit)
    data = [{"name": each.name, "named_by": list(each.named_by)} for each in found]
    rows = [{"name": e.name, "times": len(e.named_by), "named_by": ", ".join(e.named_by[:5])} for e in found]
    return Report(data=data, rows=rows, text="" if rows else "Every rival that is named has been ingested.")


@app.command
def dismiss(name: str, *, as_: Annotated[str, Parameter(name="--as")], undo: bool = False) -> Report:
    """List a rival no more, as an editor; `--undo` takes that back."""
    with open_product() as product:
        (suggesting.list_rival_again if undo else suggesting.dismiss_rival)(product, name, by=as_)
    return Report(
        data={"name": name, "dismissed": not undo}, text=f"{name} is listed {'again' if undo else 'no more'}."
    )


@app.command
def create(a: str, b: str) -> Report:
    """Put two reviewed tools side by side."""
    with open_product() as product:
        found = editing.create_comparison(product, a, b, actor=COMMAND_LINE)
    return Report(data=_row(found), text=f"{found.slug}: {found.state}, version {found.version}.")


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


@app.command
def withdraw(slug: str, *, as_: Annotated[str, Parameter(name="--as")], version: RowId) -> Report:
    """Take the approval of a comparison back that has not gone out."""
    with open_product() as product:
        found = editing.withdraw_approval(product, slug, email=as_, version=version)
    return Report(data=_row(found), text=f"{found.slug} is {found.state}.")


@app.command
def retire(slug: str, *, as_: Annotated[str, Parameter(name="--as")], version: RowId) -> Report:
    """Take a comparison out of sight, wherever it stands."""
    with open_product() as product:
        found = editing.retire_comparison(product, slug, email=as_, version=version)
    return Report(data=_row(found), text=f"{found.slug} is {found.state}.")


@app.command(name="bring-back")
def bring_back(slug: str, *, as_: Annotated[str, Parameter(name="--as")]) -> Report:
    """Put a retired comparison back where it stood."""
    with open_product() as product:
        found = editing.bring_back(product, slug, email=as_)
    return Report(data=_row(found), text=f"{found.slug} is {found.state}.")


@app.command
def changes() -> Report:
    """Look for what has changed since it was approved, among the newest approvals."""
    with open_product() as product:
        editing.look_for_changes(product)
        rows = [
            {"slug": each.slug, "state": each.state, "version": each.version, "approved_version": each.approved_version}
            for each in editing.comparison_lines(product, state=None, limit=100)[0]
        ]
    return Report(data=rows, rows=rows, text="" if rows else "Every approval still stands.")
