"""The ingestion flow: one run reads the sources of one rhythm that are due."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from app import ingesting
from app.commands.sources import record_row
from app.wiring import open_product
from core.source import FetchRecord, Outcome

_MINUTES = 60


@task(retries=2, retry_delay_seconds=[30, 120], retry_jitter_factor=0.5, cache_policy=NO_CACHE)
def read_sources(group: str | None, keys: Sequence[str], *, every: bool) -> list[FetchRecord]:
    """Read and store one group of sources. What goes wrong in a source is a record; only a failure of the whole
    (no database) raises and is tried again, and repeats nothing that was stored."""
    with open_product() as product:
        return ingesting.ingest(product, keys, everything=every, group=group)


@flow(name="ingest", timeout_seconds=30 * _MINUTES)
def ingest(group: str | None = None, keys: list[str] | None = None, *, every: bool = False) -> State[None]:
    """Read the sources that are due: of one rhythm (hourly, six-hourly, daily), those named, or every one."""
    records = read_sources(ingesting.require_rhythm(group) if group else None, keys or [], every=every)
    rows = [record_row(each) for each in records]
    if rows:
        create_table_artifact(key="ingested", table=rows, description="What was read, by source.")
    failed = [each.source for each in records if each.outcome is Outcome.FAILED]
    if failed:
        return Completed(name="CompletedWithFailures", message=f"Failed: {', '.join(failed)}.")
    return Completed(message=f"{len(records)} sources, {sum(each.new for each in records)} new entries.")


if __name__ == "__main__":
    # The first ingestion of `verdicts up`: whatever is due, of every rhythm.
    ingest()
