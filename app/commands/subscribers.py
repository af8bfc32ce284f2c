"""`verdicts subscribers`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from app import growth as growing
from app import lists, subscribing
from app.commands import Count
from app.report import COMMAND_LINE, Report
from app.wiring import open_product
from core.errors import UsageError
from core.subscriber import Subscriber

app = App(name="subscribers")

Flag = Annotated[bool, Parameter(negative="")]
_LARGEST_MESSAGE = 1_000_000


@app.command
def add(
    email: str,
    *,
    confirmed: Flag = False,
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
def import_(file: Path, *, dry_run: Flag = False, report: Path | None = None) -> Report:
    """Add the rows of a CSV file: email,consent[,name,categories,confirmed_at]. Exit code 1 when one was refused.

    --dry-run changes nothing. --report writes every refused row with its reason into a file; more than 1000 of them are
    written below VERDICTS_VAR in any case.
    """
    with open_product() as product:
        done = lists.import_file(product, file, actor=COMMAND_LINE, dry_run=dry_run, report=report)
    refused = [{"row": row, "reason": reason} for row, reason in done.refused]
    text = f"{done.added} added, {done.known} known, {done.refused_rows} refused."
    if dry_run:
        text = f"A dry run, nothing was changed: {text}"
    if done.refused_file:
        text += f" Every refused row is in {done.refused_file}."
    data = {
        "added": done.added,
        "known": done.known,
        "refused": refused,
        "refused_rows": done.refused_rows,
        "refused_file": str(done.refused_file) if done.refused_file else None,
        "dry_run": dry_run,
    }
    return Report(data=data, rows=refused, text=text, ok=not done.refused_rows)


@app.command
def export(file: Path) -> Report:
    """Write every subscriber into a CSV file that only you can read."""
    with open_product() as product:
        count = lists.export_file(product, file, actor=COMMAND_LINE)
    return Report(data={"file": str(file), "subscribers": count}, text=f"{count} subscribers in {file}.")


@app.command
def data(email: str) -> Report:
    """Everything that is kept of one person, as JSON, to be handed to them."""
    from app.report import json_text  # noqa: PLC0415 - `--help` needs none

    with open_product() as product:
        found = subscribing.data(product, email, actor=COMMAND_LINE)
    return Report(data=found, text=json_text(found))


@app.command
def erase(email: str) -> Report:
    """Forget a person for good; no import can bring them back."""
    with open_product() as product:
        subscribing.erase(product, email, actor=COMMAND_LINE)
    return Report(data={"erased": True}, text="Erased.")


@app.command
def suppress(target: str, *, note: str = "") -> Report:
    """Never mail an address again, or anybody at a domain (written @example.com)."""
    with open_product() as product:
        if target.startswith("@"):
            name = subscribing.stop_domain(product, target, note=note, actor=COMMAND_LINE)
        else:
            name = target
            subscribing.stop_mailing(product, target, actor=COMMAND_LINE)
    return Report(data={"suppressed": name}, text=f"{name} is not mailed any more.")


@app.command
def permit(target: str) -> Report:
    """Take an address, or a domain (written @example.com), off the list of those never to be mailed."""
    with open_product() as product:
        if target.startswith("@"):
            subscribing.allow_domain(product, target, actor=COMMAND_LINE)
        else:
            subscribing.allow_mailing(product, target, actor=COMMAND_LINE)
    return Report(data={"permitted": target}, text=f"{target} may be mailed again.")


@app.command
def unsubscribe_mail() -> Report:
    """Read one mail to the unsubscribe mailbox from standard input, and end the subscription that it names."""
    message = sys.stdin.buffer.read(_LARGEST_MESSAGE)
    with open_product() as product:
        address = subscribing.unsubscribe_by_mail(product, message)
    text = f"{address} is off the list." if address else "This mail names no subscription of ours."
    return Report(data={"unsubscribed": address}, text=text)


@app.command
def growth(*, weeks: Count = 26) -> Report:
    """Subscribers week by week: active at its end, waiting for their confirmation, joined, and lost by why."""
    with open_product() as product:
        found = growing.growth(product, weeks=weeks)
    counted = [
        {"week": str(each.week), "active": each.active, "pending": each.pending, "joined": each.joined}
        for each in found
    ]
    return Report(
        data=[{**row, "lost": dict(each.lost)} for row, each in zip(counted, found, strict=True)],
        rows=[{**row, "lost": _why(each.lost)} for row, each in zip(counted, found, strict=True)],
    )


def _why(lost: Mapping[str, int]) -> str:
    return ", ".join(f"{many} {why}" for why, many in sorted(lost.items()) if many)


@app.command(name="list")
def list_(*, limit: Count = 50) -> Report:
    """Subscribers, the oldest first."""
    with open_product() as product:
        data = [_row(each) for each in subscribing.listed(product, limit=limit)]
    rows = [{**each, "categories": ", ".join(each["categories"]) or "all"} for each in data]
    return Report(data=data, rows=rows, text="" if rows else "Nobody yet.")
