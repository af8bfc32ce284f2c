"""`verdicts edition`."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from app import editing, sending
from app.commands import dispatch
from app.commands.dispatch import status_report
from app.report import COMMAND_LINE, Report, progress
from app.sending import SendingStatus
from app.wiring import open_product
from core.edition import Edition
from core.week import Week

app = App(name="edition")


@app.command
def assemble(*, week: str | None = None) -> Report:
    """Put approved comparisons that were never sent into the week's draft (this week's without --week)."""
    with open_product() as product:
        made = editing.assemble(product, Week.parse(week) if week else Week.of(product.now))
    return Report(
        data=_row(made), text=f"Edition {made.number}, {made.week}: {len(made.comparisons)} comparisons, {made.state}."
    )


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
def preview(week: str, *, out: Path) -> Report:
    """Write edition.html and edition.txt into a folder: what would be sent now, or what was approved."""
    with open_product() as product:
        frozen = editing.preview(product, Week.parse(week))
        copy = editing.reading_copy(product, frozen)
    out.mkdir(parents=True, exist_ok=True)
    files = {"html": out / "edition.html", "text": out / "edition.txt"}
    files["html"].write_text(copy.html, encoding="utf-8")
    files["text"].write_text(copy.text, encoding="utf-8")
    data = {"subject": frozen.subject, "sha256": frozen.sha256, **{name: str(file) for name, file in files.items()}}
    return Report(data=data, text=f"{frozen.subject}\n{files['html']}\n{files['text']}")


@app.command
def approve(week: str, *, as_: Annotated[str, Parameter(name="--as")]) -> Report:
    """Freeze the edition as an editor: from now on exactly this is sent."""
    with open_product() as product:
        done = editing.approve_edition(product, Week.parse(week), email=as_)
    return Report(data=_row(done), text=f"Edition {done.week} is {done.state}, content {done.content_hash}.")


@app.command
def send(week: str) -> Report:
    """Send an approved edition, or go on with one that is half sent. Ctrl-C stops after the batch under way."""
    stop = _Stop()
    with open_product() as product:
        done = sending.send(product, Week.parse(week), actor=COMMAND_LINE, told=_tell, stopping=stop)
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
