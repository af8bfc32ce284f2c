"""The flow that fills the gaps of what the mail provider reported."""

from __future__ import annotations

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from app import reconciling
from app.reconciling import Reconciled
from app.wiring import open_product


@flow(name="reconcile-events", timeout_seconds=1800)
def reconcile() -> State[None]:
    """Pull logs and suppression lists, apply what waits, settle what is uncertain. Again, it changes nothing."""
    done = pull()
    figures = f"{done.missing} missing, {done.applied} applied, {done.settled} settled, {done.uncertain} uncertain"
    for problem in done.problems:
        get_run_logger().warning(problem)
    name = "CompletedWithFailures" if done.problems else "Completed"
    return Completed(name=name, message=f"{figures}.")


@task(retries=2, retry_delay_seconds=[30, 120], retry_jitter_factor=0.5, cache_policy=NO_CACHE)
def pull() -> Reconciled:
    """One run of it; what was kept stays kept when it is tried again."""
    with open_product() as product:
        return reconciling.reconcile(product)
