"""`verdicts sources` and `verdicts ingest`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from app import health, ingesting, opml
from app.health import SourceHealth
from app.report import COMMAND_LINE, Report, progress
from app.wiring import open_product
from core.source import FetchRecord, Outcome, Reading

app = App(name="sources")


@app.command(name="list")
def list_() -> Report:
    """Every source: state, last success, last run with entries, failures in a row, when it is due, until when it is
    left alone, and what its host still grants."""
    with open_product() as product:
        known = health.source_health(product)
    rows = [_row(each) for each in known]
    data = [{**_row(each), "url": each.url, "runs": list(each.runs)} for each in known]
    return Report(data=data, rows=rows, text="" if rows else "sources.toml names no source.")


def _row(one: SourceHealth) -> dict[str, Any]:
    return {
        "key": one.key,
        "kind": one.kind,
        "state": one.state,
        "last_success": one.last_success,
        "last_non_empty": one.last_non_empty,
        "failures": one.consecutive_failures,
        "last_error": one.last_error,
        "entries_median": one.entries_median,
        "next_due": one.next_due,
        "waits_until": one.waits_until,
        "budget_left": one.budget_left,
    }


@app.command
def check(key: str) -> Report:
    """Ask one source once and show what would be taken. Nothing is stored."""
    with open_product() as product:
        reading = ingesting.check(product, key)
    entries = [
        {"name": each.name, "url": each.url, "identifiers": sorted(map(str, each.identifiers))}
        for each in reading.sightings
    ]
    data = {
        "key": key,
        "outcome": reading.outcome,
        "http_status": reading.http_status,
        "error": reading.error,
        "entries": entries,
        "bad": [{"where": each.where, "reason": each.reason} for each in reading.bad],
        "left_out": dict(reading.left_out),
    }
    rows = [{**each, "identifiers": " ".join(each["identifiers"])} for each in entries]
    text = "\n".join(_told(reading, len(entries)))
    return Report(data=data, rows=rows, text=text, ok=reading.outcome is not Outcome.FAILED)


def _told(reading: Reading, taken: int) -> Iterator[str]:
    """What a look at a source came to, in lines: the fault first, then what would be taken and what not, and why."""
    if reading.error:
        yield reading.error
    yield f"{taken} entries would be taken, {len(reading.bad)} could not be read."
    yield from (f"Left out, {reason}: {count}" for reason, count in reading.left_out.items())
    yield from (f"Not read, {each.where}: {each.reason}" for each in reading.bad[:10])


@app.command
def import_opml(file: Path) -> Report:
    """Append the feeds of an OPML file to sources.toml. Exit code 1 when an address was refused."""
    with open_product() as product:
        done = opml.import_opml(product, file)
    refused = [{"url": url, "reason": reason} for url, reason in done.refused]
    text = f"{len(done.added)} added, {done.known} known, {len(refused)} refused."
    data = {"added": list(done.added), "known": done.known, "refused": refused}
    return Report(data=data, rows=refused, text=text, ok=not refused)


@app.command
def pause(key: str) -> Report:
    """Stop asking a source."""
    return _switch(key, on=False)


@app.command
def resume(key: str) -> Report:
    """Ask a source again."""
    return _switch(key, on=True)


def _switch(key: str, *, on: bool) -> Report:
    with open_product() as product:
        state = ingesting.pause(product, key, on=on, actor=COMMAND_LINE)
    return Report(data={"key": key, "state": state}, text=f"{key} is {state}.")


def ingest(*keys: str, every: Annotated[bool, Parameter(name="--all", negative="")] = False) -> Report:
    """Read the sources that are due, those named, or with --all every one that is on.

    Exit code 1 when a source failed; the others are stored all the same.
    """
    with open_product() as product:
        records = ingesting.ingest(product, keys, everything=every, told=_tell)
    data = {"sources": [record_row(each) for each in records]}
    failed = [each for each in records if each.outcome is Outcome.FAILED]
    text = "\n".join(f"{each.source} failed: {each.error}" for each in failed)
    rows = [{name: value for name, value in row.items() if name != "error"} for row in data["sources"]]
    return Report(data=data, rows=rows, text=text or ("" if records else "No source is due."), ok=not failed)


def _tell(record: FetchRecord) -> None:
    progress(f"{record.source}: {record.outcome}, {record.entries} entries, {record.new} new")


def record_row(record: FetchRecord) -> dict[str, Any]:
    """A fetch record as the command line and the flows show it."""
    return {
        "key": record.source,
        "outcome": record.outcome,
        "http_status": record.http_status,
        "entries": record.entries,
        "new": record.new,
        "changed": record.changed,
        "new_tools": record.new_tools,
        "merged": record.merged,
        "left_out": sum(record.left_out.values()),
        "bad": record.bad,
        "bytes": record.bytes,
        "seconds": round(record.seconds, 2),
        "error": record.error,
    }
