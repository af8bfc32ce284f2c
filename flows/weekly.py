"""The weekly flows: assemble the edition, and send what an editor has approved."""

from __future__ import annotations

from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner

from app import composing, figures, sending
from app.sending import SendingStatus
from app.wiring import open_product
from core.errors import Refused
from core.week import Week

_HOUR = 3600
_ACTOR = "schedule"
# Each task has VERDICTS_SEND_LINES of its own. The type is invariant in a parameter that nobody can name.
_SEVERAL: Any = ThreadPoolTaskRunner(max_workers=2)
_RANGE = 10_000
"""Recipients of one task: a run stays below a hundred tasks for a million of them."""


@flow(name="assemble", timeout_seconds=600, retries=2, retry_delay_seconds=60)
def assemble(week: str | None = None) -> State[None]:
    """Put the week's draft together (this week's without `week`). Running it again changes nothing."""
    with open_product() as product:
        wanted = Week.parse(week) if week else Week.of(product.now)
        try:
            made = composing.assemble(product, wanted)
        except Refused as nothing:
            return Completed(name="NothingToAssemble", message=str(nothing))
        base_url = product.settings.base_url
    create_link_artifact(
        key="edition", link=f"{base_url}/editions/{wanted}", description=f"Edition {made.number}: {made.subject}"
    )
    return Completed(message=f"Edition {wanted}: {len(made.comparisons)} comparisons, {made.state}.")


@flow(name="send", timeout_seconds=12 * _HOUR, task_runner=_SEVERAL)
def send() -> State[None]:
    """Send every edition that is due or half sent. Approval itself is an editor's, never a schedule's."""
    with open_product() as product:
        weeks = [str(week) for week in sending.to_send(product)]
    unfinished = [week for week in weeks if not _send_edition(week)]
    if unfinished:
        return Completed(name="CompletedWithFailures", message=f"Not wholly sent: {', '.join(unfinished)}.")
    return Completed(message=f"Sent: {', '.join(weeks) or 'nothing was waiting'}.")


def _send_edition(week: str) -> bool:
    """One edition, its open batches in ranges, several at a time; then whatever no range has finished. Returns
    whether every mail was handed over."""
    try:
        ranges = prepare(week)
    except Refused as refusal:
        get_run_logger().warning("%s", refusal)
        return False
    shown = create_progress_artifact(progress=0.0, key=f"sending-{week.lower()}", description=f"Edition {week}")
    running = [send_range.submit(week, ids) for ids in ranges]
    for future in running:
        future.wait()
        _show_progress(shown, week)
    # A range whose worker failed is not lost: its batches are claimed by this one.
    done = send_range(week, None)
    _show_progress(shown, week)
    figures = f"{done.sent} sent, {done.pending} pending, {done.uncertain} uncertain, {done.failed} failed"
    create_markdown_artifact(key="sent", markdown=f"**{week}** is {done.state}: {figures} of {done.recipients}.")
    return not (done.pending or done.uncertain or done.failed)


def _show_progress(artifact: Any, week: str) -> None:
    with open_product() as product:
        found = figures.progress(product, Week.parse(week))
    update_progress_artifact(artifact, progress=found.percent)


@task(retries=3, retry_delay_seconds=[10, 60, 300], retry_jitter_factor=0.5, cache_policy=NO_CACHE)
def prepare(week: str) -> list[tuple[int, int]]:
    """Fix the recipients and their batches, once. Returns the open batches in ranges (first, last) of ten thousand."""
    with open_product() as product:
        return sending.prepare(product, Week.parse(week), actor=_ACTOR, recipients=_RANGE)


@task(retries=3, retry_delay_seconds=[10, 60, 300], retry_jitter_factor=0.5, cache_policy=NO_CACHE)
def send_range(week: str, ids: tuple[int, int] | None) -> SendingStatus:
    """The batches of a range (all without one) as far as they can be sent now. They are leased in our own database: a
    retry, or a worker on another machine, goes on where this one stopped. Returns the whole edition's figures."""
    with open_product() as product:
        return sending.send(product, Week.parse(week), actor=_ACTOR, ids=ids)
