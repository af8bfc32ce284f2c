"""`verdicts subscribers`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from app import subscribing
from app.commands import Count
from app.report import COMMAND_LINE, Report
from app.wiring import open_product
from core.errors import UsageError
from core.subscriber import Subscriber

app = App(name="subscribers")


@app.command
def add(
    email: str,
    *,
    confirmed: Annotated[bool, Parameter(negative="")] = False,
    consent: str | None = None,
    name: str = "",
) -> Report:
    """Add one address. With --confirmed and the text the person agreed to it is active at once; else it is asked."""
    if confirmed != bool(consent):
        raise UsageError("--confirmed and --consent go together.", mend="Say with --consent what the person agreed to.")
    with open_product() as product:
        found = subscribing.add(product, email, consent=consent, name=name, actor=COMMAND_LINE)
    return Report(data=_row(found), text=f"{found.address} is {found.state}.")


def _row(found: Subscriber) -> dict[str, Any]:
    return {
        "email": found.address,
        "state": found.state,
        "name": found.name,
        "categories": list(found.categories),
        "confirmed_at": found.confirmed_at,
    }


@app.command(name="import")
def import_(file: Path) -> Report:
    """Add the rows of a CSV file: email,consent[,name,categories,confirmed_at]. Exit code 1 when one was refused."""
    with open_product() as product:
        done = subscribing.import_file(product, file, actor=COMMAND_LINE)
    refused = [{"row": row, "reason": reason} for row, reason in done.refused]
    text = f"{done.added} added, {done.known} known, {len(refused)} refused."
    data = {"added": done.added, "known": done.known, "refused": refused}
    return Report(data=data, rows=refused, text=text, ok=not refused)


@app.command
def export(file: Path) -> Report:
    """Write every subscriber into a CSV file."""
    with open_product() as product, file.open("w", newline="", encoding="utf-8") as target:
        count = subscribing.export_csv(product, target)
    return Report(data={"file": str(file), "subscribers": count}, text=f"{count} subscribers in {file}.")


@app.command
def erase(email: str) -> Report:
    """Forget a person for good; no import can bring them back."""
    with open_product() as product:
        subscribing.erase(product, email, actor=COMMAND_LINE)
    return Report(data={"erased": True}, text="Erased.")


@app.command(name="list")
def list_(*, limit: Count = 50) -> Report:
    """Subscribers, the oldest first."""
    with open_product() as product:
        data = [_row(each) for each in subscribing.listed(product, limit=limit)]
    rows = [{**each, "categories": ", ".join(each["categories"]) or "all"} for each in data]
    return Report(data=data, rows=rows, text="" if rows else "Nobody yet.")
