"""The rounds of ingestion as an operator watches them: each source's state and runs, paused, resumed or asked soon."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from app.wiring import Product
from core.clock import to_iso
from core.errors import Refused, StaleVersion
from core.source import SourceState
from store import audit, fetches
from store.fetches import Record, SourceRow

PAGE = 50
RUNS = 60
"""So many runs of a source are plotted."""

RECORDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A page of sources and one more when there is another page, and how many there are in each state."""

    rows: Sequence[SourceRow]
    states: dict[str, int]


def watch(product: Product, *, after: str = "", state: str = "") -> Watch:
    """Sources by key, of one state when said. Four statements at the most, however many there are."""
    with product.database.read() as connection:
        return Watch(
            rows=fetches.page(connection, after=after, state=state, runs=RUNS, limit=PAGE + 1),
            states=fetches.states(connection),
        )


def schedules_page() -> str | None:
    """Where Prefect shows its runs, as far as this process knows; None: it was not told."""
    api = os.environ.get("PREFECT_API_URL", "")
    return api.removesuffix("/").removesuffix("/api") if api.startswith(("http://", "https://")) else None


def source(product: Product, key: str, *, before: int | None = None) -> tuple[SourceRow, list[Record]]:
    """One source with its newest runs, or those before a run, and one more when there are further ones. Raises
    NotFound."""
    with product.database.read() as connection:
        found = fetches.find(connection, key, runs=RUNS)
        return found, fetches.records(connection, key, before=before, limit=RECORDS + 1)


def switch(product: Product, key: str, *, on: bool, seen: str, actor: str) -> SourceRow:
    """Ask a source again, or not any more. Again is harmless. Raises NotFound, StaleVersion when it is not what was
    `seen`, and Refused for one that sources.toml has switched off."""
    now = product.now
    with product.database.write() as connection:
        before = fetches.find(connection, key, runs=0)
        wanted = SourceState.ON if on else SourceState.PAUSED
        if before.state == "off":
            raise Refused(f"{key} is switched off in sources.toml.", mend="Switch it on there.")
        if before.state == wanted or (on and before.state == "failing"):
            return before
        if not fetches.switch(connection, key, seen=seen, state=wanted):
            raise StaleVersion(f"{key} is {before.state} by now.", mend="Look at it again; nothing was changed.")
        verb = "source.resume" if on else "source.pause"
        change = {"before": before.state, "after": wanted}
        audit.note(connection, now=now, actor=actor, action=verb, subject=f"source:{key}", **change)
        return fetches.find(connection, key, runs=0)


def ask(product: Product, key: str, *, actor: str) -> SourceRow:
    """Let the next run ask a source, whatever its schedule says, and though it should rest. Raises NotFound, and
    Refused for one that is not asked at all."""
    now = product.now
    with product.database.write() as connection:
        before = fetches.find(connection, key, runs=0)
        if before.state not in (SourceState.ON, "failing"):
            raise Refused(f"{key} is {before.state}.", mend="Let it be asked again first.")
        if before.next_due is not None and before.next_due <= now and before.not_before is None:
            return before
        fetches.ask_next(connection, key, now=now)
        was = {
            "next_due": to_iso(before.next_due) if before.next_due else None,
            "not_before": to_iso(before.not_before) if before.not_before else None,
        }
        audit.note(
            connection,
            now=now,
            actor=actor,
            action="source.ask",
            subject=f"source:{key}",
            before=was,
            after={"next_due": to_iso(now)},
        )
        return fetches.find(connection, key, runs=0)
