"""prefect.yaml: what it says can be loaded, and says what CONTRACT promises. Prefect itself runs in a child."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cronsim import CronSim

from tests.conftest import NOW

ROOT = Path(__file__).parents[2]
DEPLOYMENTS = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
NAMES = {
    "ingest-hourly",
    "ingest-six-hourly",
    "ingest-daily",
    "panel-reminders",
    "weekly-assemble",
    "weekly-send",
    "reconcile-events",
    "housekeeping",
}


def python(code: str, folder: Path) -> str:
    """What a fresh interpreter prints, with Prefect's home in a folder of the test's own."""
    environment = {**os.environ, "PREFECT_HOME": str(folder), "VERDICTS_VAR": str(folder), "VERDICTS_ENV_FILE": ""}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_rhythm_has_its_deployment():
    assert {each["name"] for each in DEPLOYMENTS} == NAMES


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda each: each["name"])
def test_an_entry_point_is_a_module_path(deployment):
    module, _, flow = deployment["entrypoint"].partition(":")
    assert module.startswith("flows.")
    assert flow
    assert ".py" not in deployment["entrypoint"]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda each: each["name"])
def test_a_schedule_has_a_slug_a_zone_and_a_cron_line_that_comes_round(deployment):
    for schedule in deployment["schedules"]:
        assert schedule["slug"]
        assert schedule["timezone"]
        assert next(CronSim(schedule["cron"], NOW)) > NOW


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda each: each["name"])
def test_a_second_run_waits_or_is_not_started(deployment):
    limit = deployment["concurrency_limit"]
    assert limit["limit"] == 1
    assert limit["collision_strategy"] == ("ENQUEUE" if deployment["name"] == "weekly-send" else "CANCEL_NEW")


def test_every_entry_point_loads_and_serves_by_module_path(tmp_path):
    shown = python(
        "import json; from flows.deployments import deployments;"
        "print(json.dumps([[d.name, d.entrypoint, [str(s.schedule.timezone) for s in d.schedules]]"
        " for d in deployments('Europe/Berlin')]))",
        tmp_path,
    )
    found = {name: (entry, zones) for name, entry, zones in json.loads(shown)}
    assert found.keys() == NAMES
    assert all("/" not in entry and entry.startswith("flows.") for entry, _ in found.values())
    assert found["weekly-assemble"][1] == ["Europe/Berlin"]
    assert found["ingest-hourly"][1] == ["UTC"]


def test_reminders_run_and_say_what_they_did(tmp_path):
    shown = python(
        "from app.wiring import open_product; from store import migrate; from flows.reminders import tell\n"
        "with open_product(require_current=False) as product: migrate.upgrade(product.database)\n"
        "print(tell.fn())",
        tmp_path,
    )
    assert shown.strip() == "(0, 0, 0, [])"


def test_importing_the_flows_switches_telemetry_off_and_keeps_prefect_at_home(tmp_path):
    code = (
        "import os\n"
        "for name in ('DO_NOT_TRACK', 'PREFECT_SERVER_ANALYTICS_ENABLED', 'PREFECT_HOME'):\n"
        "    os.environ.pop(name, None)\n"
        "import flows.ingestion\n"
        "from prefect.settings import get_current_settings\n"
        "s = get_current_settings()\n"
        "print(os.environ['DO_NOT_TRACK'], s.server.analytics_enabled, s.home)"
    )
    track, analytics, home = python(code, tmp_path).split()
    assert (track, analytics) == ("1", "False")
    assert Path(home) == (tmp_path / "prefect").resolve()
