"""Housekeeping: what nobody should have to think of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from prefect import flow, get_run_logger
from prefect.artifacts import create_table_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import State, StateType
from prefect.states import Completed, Crashed

from app import editing, health, pairing, suggesting, tidying, webhooks
from app.wiring import open_product
from flows.deployments import names

_LONGEST = timedelta(hours=13)
"""An hour more than the longest timeout of any flow: what still says Running then has lost its process."""


@flow(name="housekeeping", timeout_seconds=1800)
def keep_house() -> State[None]:
    """Forget what has expired, apply what the provider has reported, ask about judged tools that look like one product,
    weigh pairs and look for changes since the approvals for the desk, look for broken invariants, and end runs whose process has died."""
    with open_product() as product:
        forgotten = tidying.tidy(product)
        webhooks.apply_events(product)
        pairing.ask_duplicates(product)
        suggesting.look(product)
        editing.look_for_changes(product)
        broken = health.violations(product)
    reaped = reap(now=datetime.now(UTC))
    get_run_logger().info("forgotten: %s; runs ended: %s", forgotten, reaped)
    if broken:
        create_table_artifact(key="violations", table=[{"rule": str(each["rule"])} for each in broken])
        return Completed(name="CompletedWithFailures", message=f"{len(broken)} invariants are broken.")
    return Completed(message=f"Forgotten: {forgotten}. Runs ended: {reaped}.")


def reap(*, now: datetime) -> int:
    """Mark runs of ours as crashed that say Running long after every timeout: their machine or worker died without a
    word, and each of them would hold a place in its deployment's limit for ever. Returns how many.

    Other projects may share the server: ours are the runs of the deployments of prefect.yaml, by the names of both the
    flow and the deployment.
    """
    flows, deployments = names()
    stale = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING])),
        start_time=FlowRunFilterStartTime(before_=now - _LONGEST),
    )
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=flows)),
            flow_run_filter=stale,
            deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=deployments)),
        )
        for run in runs:
            client.set_flow_run_state(run.id, Crashed(message="No process has reported for too long."), force=True)
    return len(runs)
