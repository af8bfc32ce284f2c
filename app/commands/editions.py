"""`verdicts edition`."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from app import composing, crew, sending
from app.commands import Processes, dispatch
from app.commands.dispatch import status_report
from app.report import COMMAND_LINE, Report, progress
from app.sending import SendingStatus
from app.wiring import open_product
from core.category import CATEGORIES
from core.edition import Edition
from core.errors import UsageError
from core.week import Week

app = App(name="edition")

_NEAR = 4  # weeks ahead


@app.command
def assemble(*, week: str | None = None) -> Report:
    """Put approved comparisons that were never sent into the week's draft (this week's without --week)."""
    with open_product() as product:
        this = Week.of(product.now)
        made = composing.assemble(product, Week.parse(week) if week else this)
    many = "1 comparison" if len(made.comparisons) == 1 else f"{len(made.comparisons)} comparisons"
    said = f"Edition {made.number}, {made.week}: {many}, {made.state}."
    return Report(data=_row(made), text=said + _mind(made.week, this))


def _mind(week: Week, this: Week) -> str:
    """What to look at again before an edition of a week far from this one goes out."""
    away = (week.monday - this.monday).days // 7
    if -1 <= away <= _NEAR:
        return ""
    return f"\nMind the week: it is {abs(away)} weeks {'from now' if away > 0 else 'back'}."


def _row(edition: Edition) -> dict[str, Any]:
    return {
        "week": str(edition.week),
        "number": edition.number,
        "state": edition.state,
        "subject": edition.subject,
        "preheader": edition.preheader,
        "comparisons": list(edition.comparisons),
        "version": edition.version,
        "sha256": edition.content_hash,
        "approved_by": edition.approved_by,
        "approved_at": edition.approved_at,
    }


@app.command
def preview(
    week: str,
    *,
    out: Path,
    for_: Annotated[str | None, Parameter(name="--for")] = None,
    best_of: Annotated[bool, Parameter(negative=())] = False,
) -> Report:
    """Write edition.html and edition.txt into a folder: what would be sent now, or what was approved. With --for, to
    readers of these categories: agents,coding. With --best-of, to monthly readers."""
    chosen = [each.strip() for each in (for_ or "").split(",") if each.strip()]
    unknown = sorted(set(chosen) - CATEGORIES.keys())
    if unknown:
        raise UsageError(f"There is no category {unknown[0]!r}.", mend=f"Categories: {', '.join(CATEGORIES)}.")
    if chosen and best_of:
        raise UsageError("Monthly readers get one best-of, whatever they chose.", mend="Say --for or --best-of.")
    with open_product() as product:
        if best_of:
            frozen = composing.preview_best_of(product, Week.parse(week))
        else:
            frozen = composing.preview(product, Week.parse(week), categories=chosen)
        copy = composing.reading_copy(product, frozen)
    out.mkdir(parents=True, exist_ok=True)
    files = {"html": out / "edition.html", "text": out / "edition.txt"}
    files["html"].write_text(copy.html, encoding="utf-8")
    files["text"].write_text(copy.text, encoding="utf-8")
    data = {"subject": frozen.subject, "sha256": frozen.sha256, **{name: str(file) for name, file in files.items()}}
    return Report(data=data, text=f"{frozen.subject}\n{files['html']}\n{files['text']}")


@app.command
def variants(week: str) -> Report:
    """The variants for readers who chose categories, and the best-of for monthly ones: frozen with the edition, or as its
    approval would make them now."""
    with open_product() as product:
        found = composing.variants(product, Week.parse(week))
    rows: list[dict[str, Any]] = [
        {
            "variant": each.number,
            "comparisons": list(each.frozen.comparisons),
            "subject": each.frozen.subject,
            "bytes": len(each.frozen.html.encode()),
            "choices": len(each.tastes),
            "best_of": each.best_of,
            "sha256": each.frozen.sha256,
        }
        for each in found
    ]
    shown = [{**row, "comparisons": len(row["comparisons"]), "sha256": row["sha256"][:12]} for row in rows]
    return Report(data=rows, rows=shown, text="" if rows else "Everybody gets the edition as it is.")


@app.command
def approve(week: str, *, as_: Annotated[str, Parameter(name="--as")]) -> Report:
    """Freeze the edition as an editor: from now on exactly this is sent."""
    with open_product() as product:
        done = composing.approve(product, Week.parse(week), email=as_)
    return Report(data=_row(done), text=f"Edition {done.week} is {done.state}, content {done.content_hash}.")


@app.command
def send(week: str, *, processes: Processes = 1, again: Annotated[bool, Parameter(negative=())] = False) -> Report:
    """Send an approved edition, or go on with one that is half sent. Ctrl-C stops after the batch under way.

    --processes 2 uses two cores. --again: although a restored database does not know what this machine has sent."""
    stop = _Stop()
    with open_product() as product:
        done = crew.send(
            product,
            Week.parse(week),
            actor=COMMAND_LINE,
            processes=processes,
            told=_tell,
            stopping=stop,
            again=again,
        )
    return status_report(done, ok=not (done.pending or done.uncertain or done.failed))


class _Stop:
    """Turns the first SIGINT or SIGTERM into a request to stop after the batch under way."""

    def __init__(self) -> None:
        self._asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, *_: object) -> None:
        self._asked = True

    def __call__(self) -> bool:
        return self._asked


def _tell(status: SendingStatus) -> None:
    progress(f"{status.sent} of {status.recipients} sent")


@app.command
def pause(week: str) -> Report:
    """Stop sending after the batch under way."""
    with open_product() as product:
        return status_report(sending.pause(product, Week.parse(week), actor=COMMAND_LINE))


@app.command
def resume(week: str) -> Report:
    """Let sending go on; `verdicts edition send` or the schedule does it."""
    with open_product() as product:
        return status_report(sending.resume(product, Week.parse(week), actor=COMMAND_LINE))


for _command in dispatch.COMMANDS:
    app.command(_command)
