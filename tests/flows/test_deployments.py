"""prefect.yaml: what it says can be loaded, and says what CONTRACT promises. Prefect itself runs in a child."""

from __future__ import annotations

import json
import os
import signal
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


def test_a_range_whose_worker_dies_is_finished_by_another_that_takes_over_its_leases(tmp_path):
    shown = python(_A_DYING_WORKER, tmp_path)
    killed, *figures = json.loads(shown)
    assert killed == signal.SIGKILL
    assert figures == [[3, 1, 1], "sent", 2_500, 2_500, 2_500]  # ranges and leases, state, sent, recipients, files


_A_DYING_WORKER = """
import json, os, signal, sqlite3
from pathlib import Path
from app.wiring import open_product
from digest.transports.outbox import Outbox
from flows import weekly
from store import migrate
from tests.sending.stage import WEEK, add_readers, approve_edition, readers

weekly._RANGE = 1_000
with open_product(require_current=False) as product:
    migrate.upgrade(product.database)
    approve_edition(product)
    add_readers(product.database, readers(2_500), now=product.now)
    outbox, path = product.settings.outbox_folder, product.database.path
ranges = weekly.prepare.fn(str(WEEK))
child = os.fork()
if child == 0:
    write, written = Outbox._write, []

    def write_some(self, *mail):
        written.append(write(self, *mail))
        if len(written) == 700:
            os.kill(os.getpid(), signal.SIGKILL)

    Outbox._write = write_some
    weekly.send_range.fn(str(WEEK), ranges[0])
_, status = os.waitpid(child, 0)
weekly.send_range.fn(str(WEEK), ranges[1])
with sqlite3.connect(path) as database:
    leased = database.execute("SELECT count(*) FROM batch WHERE lease_until IS NOT NULL").fetchone()[0]
    aged = database.execute("UPDATE batch SET lease_until = '2020-01-01 00:00:00.000000' WHERE lease_until IS NOT NULL")
done = weekly.send_range.fn(str(WEEK), None)
files = len(list(Path(outbox).glob("*.eml")))
found = [[len(ranges), leased, aged.rowcount], done.state, done.sent, done.recipients, files]
print(json.dumps([os.WTERMSIG(status), *found]))
"""
