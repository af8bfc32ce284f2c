"""The weekly flows: assemble the edition, and send what an editor has approved."""

from __future__ import annotations

from prefect import flow, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from app import editing, sending
from app.wiring import open_product
from core.errors import Refused
from core.week import Week

_HOUR = 3600
_ACTOR = "schedule"


@flow(name="assemble", timeout_seconds=600, retries=2, retry_delay_seconds=60)
def assemble(week: str | None = None) -> State[None]:
    """Put the week's draft together (this week's without `week`). Running it again changes nothing."""
    with open_product() as product:
        wanted = Week.parse(week) if week else Week.of(product.now)
        try:
            made = editing.assemble(product, wanted)
        except Refused as nothing:
            return Completed(name="NothingToAssemble", message=str(nothing))
        base_url = product.settings.base_url
    create_link_artifact(
        key="edition", link=f"{base_url}/editions/{wanted}", description=f"Edition {made.number}: {made.subject}"
    )
    return Completed(message=f"Edition {wanted}: {len(made.comparisons)} comparisons, {made.state}.")


@flow(name="send", timeout_seconds=12 * _HOUR)
def send() -> State[None]:
    """Send every edition that is approved or half sent. Approval itself is an editor's, never a schedule's."""
    with open_product() as product:
        weeks = [str(week) for week in sending.to_send(product)]
    unfinished = [week for week in weeks if not send_edition(week)]
    if unfinished:
        return Completed(name="CompletedWithFailures", message=f"Not wholly sent: {', '.join(unfinished)}.")
    return Completed(message=f"Sent: {', '.join(weeks) or 'nothing was waiting'}.")


@task(retries=3, retry_delay_seconds=[10, 60, 300], retry_jitter_factor=0.5, cache_policy=NO_CACHE)
def send_edition(week: str) -> bool:
    """One edition as far as it can be sent now. Batches are leased in our own database: a retry, or a second
    worker, goes on where this one stopped. Returns whether every mail was handed over."""
    with open_product() as product:
        done = sending.send(product, Week.parse(week), actor=_ACTOR)
    figures = f"{done.sent} sent, {done.pending} pending, {done.uncertain} uncertain, {done.failed} failed"
    create_markdown_artifact(key="sent", markdown=f"**{week}** is {done.state}: {figures} of {done.recipients}.")
    return not (done.pending or done.uncertain or done.failed)
