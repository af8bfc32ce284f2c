"""The deployments of prefect.yaml, served by this process: what `verdicts up` runs beside a local Prefect server.

prefect.yaml stays the one place where rhythms, limits and entry points are written down; `prefect deploy --all`
reads the same file for a server with workers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from prefect import serve
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.deployments.runner import RunnerDeployment
from prefect.flows import load_flow_from_entrypoint
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType

FILE = Path(__file__).parents[1] / "prefect.yaml"
_AT_ONCE = 4


def written() -> list[dict[str, Any]]:
    """The deployments as prefect.yaml has them."""
    found: list[dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["deployments"]
    return found


def names() -> tuple[list[str], list[str]]:
    """Of the flows and of their deployments."""
    listed = written()
    flows = {load_flow_from_entrypoint(each["entrypoint"], use_placeholder_flow=False).name for each in listed}
    return sorted(flows), [each["name"] for each in listed]


def deployments(time_zone: str | None = None) -> list[RunnerDeployment]:
    """Them as objects; `time_zone` replaces the zone of the weekly ones, which people wait for."""
    return [_deployment(each, time_zone) for each in written()]


def _deployment(entry: dict[str, Any], time_zone: str | None) -> RunnerDeployment:
    flow: Any = load_flow_from_entrypoint(entry["entrypoint"], use_placeholder_flow=False)
    made: RunnerDeployment = flow.to_deployment(
        name=entry["name"],
        description=entry["description"],
        parameters=entry.get("parameters", {}),
        schedules=[_schedule(each, time_zone) for each in entry["schedules"]],
        concurrency_limit=ConcurrencyLimitConfig(**entry["concurrency_limit"]),
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    return made


def _schedule(entry: dict[str, str], time_zone: str | None) -> Any:
    zone = time_zone if time_zone and entry["slug"] == "weekly" else entry["timezone"]
    return Cron(entry["cron"], timezone=zone, slug=entry["slug"])


def main() -> None:
    """Serve them until told to stop."""
    from app.settings import read_settings  # noqa: PLC0415 - after Prefect's own settings are in place

    serve(*deployments(read_settings().time_zone), limit=_AT_ONCE, print_starting_message=False)


if __name__ == "__main__":
    main()
