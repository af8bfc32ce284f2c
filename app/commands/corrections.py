"""`verdicts corrections`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from app import correcting
from app.commands import Count, RowId
from app.report import Report
from app.wiring import open_product
from store.corrections import Report as Reported

app = App(name="corrections")

As = Annotated[str, Parameter(name="--as")]


@app.command(name="list")
def list_(*, state: Literal["open", "accepted", "rejected"] = "open", limit: Count = 50) -> Report:
    """What readers say is wrong: what waits the oldest first, what is settled the newest first."""
    with open_product() as product:
        rows = [_row(each) for each in correcting.queue(product, state=state, limit=limit)]
    return Report(data=rows, rows=rows, text="" if rows else "Nothing is waiting." if state == "open" else "None.")


def _row(found: Reported) -> dict[str, Any]:
    return {
        "id": found.id,
        "about": found.about,
        "claim": found.claim,
        "source_url": found.source_url,
        "state": found.state,
        "note": found.note,
        "at": found.at,
    }


@app.command
def accept(id_: Annotated[RowId, Parameter(name="ID")], *, as_: As, note: str) -> Report:
    """Accept a report; the note is what the public log says: what was wrong, and what was changed."""
    return _settle(id_, accept=True, note=note, email=as_)


@app.command
def reject(id_: Annotated[RowId, Parameter(name="ID")], *, as_: As, note: str) -> Report:
    """Reject a report; the note says why, and stays inside."""
    return _settle(id_, accept=False, note=note, email=as_)


def _settle(at: int, *, accept: bool, note: str, email: str) -> Report:
    with open_product() as product:
        about = correcting.settle(product, at, accept=accept, note=note, email=email)
    state = "accepted" if accept else "rejected"
    return Report(data={"id": at, "about": about, "state": state}, text=f"Correction {at} of {about} is {state}.")
