"""`verdicts tools` and `verdicts duplicates`."""

from __future__ import annotations

from typing import Any

from cyclopts import App

from app import editing, pricing, questions
from app.commands import Count, RowId
from app.editing import ToolView
from app.questions import Answer
from app.report import COMMAND_LINE, Report
from app.wiring import open_product
from core.fact import Pricing
from core.panel import Tally
from core.tool import Priority, Tool, ToolStatus
from store.worklists import Question

app = App(name="tools")
duplicates = App(name="duplicates")


@app.command(name="list")
def list_(*, status: ToolStatus | None = None, limit: Count = 50) -> Report:
    """Tools by priority, highest first."""
    with open_product() as product:
        rows = [_row(each) for each in editing.list_tools(product, status=status, limit=limit)]
    return Report(data=rows, rows=rows, text="" if rows else "No tools yet: run `verdicts ingest --all`.")


def _row(tool: Tool) -> dict[str, Any]:
    return {
        "slug": tool.slug,
        "name": tool.name,
        "status": tool.status,
        "category": tool.category,
        "priority": round(tool.priority.score, 1),
    }


@app.command
def show(slug: str) -> Report:
    """Everything known of a tool."""
    with open_product() as product:
        view = editing.show_tool(product, slug)
    return Report(data=_sheet(view), text=_words(view))


def _sheet(view: ToolView) -> dict[str, Any]:
    dossier = view.dossier
    tool = dossier.tool
    return {
        **_row(tool),
        "tagline": tool.tagline,
        "description": tool.description,
        "tags": list(tool.tags),
        "homepage": tool.homepage,
        "queue_reason": tool.queue_reason,
        "identifiers": [str(each) for each in dossier.identifiers],
        "sightings": [
            {"source": each.source, "external_id": each.external_id, "url": each.url, "title": each.title}
            for each in dossier.sightings
        ],
        "facts": [
            {
                "field": each.field,
                "value": each.value,
                "source_url": each.source_url,
                "observed_at": each.observed_at,
            }
            for each in dossier.facts
        ],
        "pricing": pricing_data(dossier.pricing),
        "priority": _priority(tool.priority),
        "panel": panel_data(view.panel),
    }


def pricing_data(read: Pricing) -> dict[str, Any]:
    """A pricing read as JSON."""
    return {
        "model": read.model,
        "entry_price": str(read.entry_price) if read.entry_price else None,
        "source_url": read.source_url,
        "observed_at": read.observed_at,
        "quote": read.quote,
        "rule": read.rule,
        "confidence": read.confidence,
        "flags": list(read.flags),
    }


def _priority(priority: Priority) -> dict[str, Any]:
    reasons = [{"reason": each.words, "points": round(each.points, 1)} for each in priority.reasons]
    return {"score": round(priority.score, 1), "reasons": reasons}


def panel_data(tally: Tally) -> dict[str, Any]:
    """A panel's result as JSON: whole percent or null, ships and skips."""
    return {
        "ship_percent": tally.ship_percent,
        "count": tally.count,
        "verdicts": tally.total,
        "closed": tally.closed,
    }


def _words(view: ToolView) -> str:
    dossier, tool = view.dossier, view.dossier.tool
    price = f", {dossier.pricing.entry_price}" if dossier.pricing.entry_price else ""
    lines = [
        f"{tool.name} ({tool.slug}), {tool.category}, {tool.status.value.replace('_', ' ')}",
        *([tool.tagline] if tool.tagline else []),
        "",
        *([f"Queue     {tool.queue_reason}{_overrule(tool)}"] if tool.queue_reason else []),
        f"Panel     {view.panel.ship_percent if view.panel.total else '—'} % ship, {view.panel.count}"
        if view.panel.total
        else "Panel     no verdict yet",
        f"Entry     {dossier.pricing.model.label}{price}{_evidence(dossier.pricing)}",
        f"Priority  {tool.priority.score:.1f}",
        *(f"          {each.points:+.1f}  {each.words}" for each in tool.priority.reasons),
        f"Known as  {', '.join(map(str, dossier.identifiers))}",
        "Seen in",
        *(f"  {each.source}/{each.external_id}  {each.url}" for each in dossier.sightings),
        "Facts",
        *(f"  {each.field}: {each.value}  ({each.source_url}, {each.observed_at:%Y-%m-%d})" for each in dossier.facts),
    ]
    return "\n".join(lines)


def _overrule(tool: Tool) -> str:
    return f" Put it there all the same: verdicts tools queue {tool.slug}" if tool.status is ToolStatus.KEPT else ""


def _evidence(read: Pricing) -> str:
    """What a price rests on, in brackets; empty where nothing was said."""
    if not read.quote:
        return ""
    seen = f", seen {read.observed_at:%Y-%m-%d}" if read.observed_at else ""
    return f'  ("{read.quote}", rule {read.rule}{seen})'


@app.command
def edit(
    slug: str,
    *,
    name: str | None = None,
    tagline: str | None = None,
    description: str | None = None,
    category: str | None = None,
    new_slug: str | None = None,
) -> Report:
    """Set fields by hand; ingestion leaves those alone from now on. Old addresses lead to the new one."""
    given = {"name": name, "tagline": tagline, "description": description, "category": category, "slug": new_slug}
    changes = {field: value for field, value in given.items() if value is not None}
    with open_product() as product:
        tool = editing.edit_tool(product, slug, changes, actor=COMMAND_LINE)
    return _moved(tool)


@app.command
def merge(a: str, b: str) -> Report:
    """Make two tools one: B becomes part of A, and its address leads there."""
    with open_product() as product:
        tool = editing.merge_tools(product, a, b, actor=COMMAND_LINE)
    return Report(data=_row(tool), text=f"{b} is now part of {tool.slug}.")


@app.command
def split(slug: str, *sightings: str) -> Report:
    """Take sightings, written SOURCE/ID, out of a tool: what one merge too many has joined."""
    with open_product() as product:
        tool = editing.split_tool(product, slug, sightings, actor=COMMAND_LINE)
    return Report(data=_row(tool), text=f"{len(sightings)} sightings are now in {tool.slug}.")


@app.command
def reject(slug: str) -> Report:
    """Take a tool out of the queue for good."""
    with open_product() as product:
        return _moved(editing.reject_tool(product, slug, actor=COMMAND_LINE))


@app.command
def queue(slug: str) -> Report:
    """Put a tool into the queue that a rule kept out, or bring a rejected one back."""
    with open_product() as product:
        return _moved(editing.queue_tool(product, slug, actor=COMMAND_LINE))


@app.command
def price(slug: str) -> Report:
    """Read the price on the tool's own pages now. A price that an editor has set stays."""
    with open_product() as product:
        read = pricing.read_one(product, slug)
    data = {"slug": read.slug, "pricing": pricing_data(read.pricing) if read.pricing else None, "error": read.error}
    return Report(data=data, text=pricing.shown(read), ok=read.error is None)


def _moved(tool: Tool) -> Report:
    return Report(data=_row(tool), text=f"{tool.name} ({tool.slug}) is {tool.status.value.replace('_', ' ')}.")


@duplicates.command(name="list")
def list_duplicates() -> Report:
    """Open questions with score and reasons."""
    with open_product() as product:
        found = questions.open_questions(product)
    rows = [_question(each) for each in found]
    shown = [{**each, "reasons": "; ".join(words for words, _ in each["reasons"])} for each in rows]
    return Report(data=rows, rows=shown, text="" if rows else "No open questions.")


@duplicates.command
def resolve(question: RowId, answer: Answer, *, chosen: str = "") -> Report:
    """Answer a question: same tool, different ones for good, or one a newer version of the other.

    --chosen names the tool that stays (same), or the newer one (version).
    """
    with open_product() as product:
        done = questions.answer(product, question, answer, chosen=chosen, actor=COMMAND_LINE)
    return Report(data={"id": question, "answer": answer}, text=f"{done.said}.")


@duplicates.command
def reopen(question: RowId) -> Report:
    """Take an answer back: a merge is undone, and the question is open again."""
    with open_product() as product:
        done = questions.take_back(product, question, actor=COMMAND_LINE)
    return Report(data={"id": question, "answer": "open"}, text=f"{done}.")


def _question(found: Question) -> dict[str, Any]:
    return {
        "id": found.id,
        "a": found.a_slug,
        "b": found.b_slug,
        "score": found.score,
        "reasons": [[each.words, each.points] for each in found.reasons],
    }
