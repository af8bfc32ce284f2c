"""A real Prefect server and a real worker, from the lock: deployed, run, completed; and what a crash leaves behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.samples import SampleServer

ROOT = Path(__file__).parents[2]
PREFECT = [sys.executable, "-W", "ignore", "-m", "prefect"]


@dataclass(frozen=True)
class Installation:
    """A folder with sources, a database and a Prefect server of its own."""

    folder: Path
    environment: dict[str, str]

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, capture_output=True, text=True, env=self.environment, cwd=ROOT, timeout=150, check=False
        )
        assert not check or done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done

    def python(self, code: str) -> str:
        return self.run(sys.executable, "-W", "ignore", "-c", code).stdout.strip()

    def count(self, table: str) -> int:
        with closing(sqlite3.connect(self.folder / "verdicts.db")) as connection:
            return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - a literal


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(*command: str, environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A child in a session of its own, ended with everything it started."""
    with log.open("ab") as out:
        child = subprocess.Popen(
            command, env=environment, cwd=ROOT, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True
        )
    try:
        yield child
    finally:
        with suppress(ProcessLookupError):  # the test has killed it
            os.killpg(child.pid, signal.SIGTERM)
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


@pytest.fixture(scope="module")
def samples() -> Iterator[SampleServer]:
    with SampleServer() as server:
        yield server


def install(folder: Path, samples: SampleServer, **more: str) -> Installation:
    (folder / "sources.toml").write_text(samples.sources_toml(), encoding="utf-8")
    environment = {
        **os.environ,
        "VERDICTS_VAR": str(folder),
        "VERDICTS_SOURCES": str(folder / "sources.toml"),
        "VERDICTS_ENV_FILE": "",
        "VERDICTS_ALLOW_PRIVATE_HOSTS": samples.base_url.removeprefix("http://"),
        "VERDICTS_CLOCK": "2026-11-20T09:00:00Z",
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_CLI_PROMPT": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        **more,
    }
    made = Installation(folder=folder, environment=environment)
    made.run(sys.executable, "-m", "app", "db", "upgrade")
    return made


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, samples: SampleServer) -> Iterator[Installation]:
    """An installation whose Prefect server is up."""
    folder = tmp_path_factory.mktemp("served")
    port = free_port()
    made = install(folder, samples, PREFECT_API_URL=f"http://127.0.0.1:{port}/api")
    command = [*PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-ui"]
    with process(*command, environment=made.environment, log=folder / "server.log") as server:
        wait_for(port, server, folder / "server.log")
        yield made


def wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert server.poll() is None, log.read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(log.read_text())


RUN = """
from prefect.deployments import run_deployment
run = run_deployment("ingest/ingest-hourly", parameters={"every": True}, timeout=100, poll_interval=0.5, as_subflow=False)
print(run.state.type.value, run.state.name)
"""
SCHEDULES = """
import json, time
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    deployed = client.read_deployments()
    print(json.dumps({each.name: len(each.schedules) for each in deployed}))
    waiting = {}
    for _ in range(120):
        runs = [run for run in client.read_flow_runs() if run.auto_scheduled and run.state.is_scheduled()]
        waiting = {run.deployment_id for run in runs}
        if len(waiting) == len(deployed):
            break
        time.sleep(0.5)
    print(json.dumps(sorted(each.name for each in deployed if each.id in waiting)))
"""


def test_deployed_from_the_lock_a_worker_runs_the_ingestion_to_completed(served):
    served.run(*PREFECT, "work-pool", "create", "verdicts", "--type", "process")
    served.run(*PREFECT, "deploy", "--all")
    served.run(*PREFECT, "deploy", "--all")
    schedules, waiting = map(json.loads, served.python(SCHEDULES).splitlines())
    assert len(schedules) == 8
    assert set(schedules.values()) == {1}, "deploying again must not double a schedule"
    assert waiting == sorted(schedules), f"no run waits of the others: {(served.folder / 'server.log').read_text()}"
    worker = [*PREFECT, "worker", "start", "--pool", "verdicts", "--limit", "1"]
    with process(*worker, environment=served.environment, log=served.folder / "worker.log"):
        assert served.python(RUN) == "COMPLETED Completed", (served.folder / "worker.log").read_text()
    assert served.count("tool") > 30
    assert served.count("fetch") == 5


REAP = """
from datetime import UTC, datetime, timedelta
from prefect.client.orchestration import get_client
from prefect import flow
from prefect.states import Running
from flows.daily import keep_house, reap
now = datetime.now(UTC)

@flow
def train(): ...

ours = keep_house.to_deployment("housekeeping").apply()
with get_client(sync_client=True) as client:
    runs = [client.create_flow_run_from_deployment(ours) for _ in range(2)]
    theirs = client.create_flow_run(train)
    client.set_flow_run_state(theirs.id, Running(), force=True)
    for run in runs:
        client.set_flow_run_state(run.id, Running(), force=True)
    for later in (1, 14):
        ended = reap(now=now + timedelta(hours=later))
        print(ended, {client.read_flow_run(run.id).state.name for run in runs})
    print(client.read_flow_run(theirs.id).state.name)
"""


def test_a_run_that_outlives_every_timeout_is_ended(served):
    early, late, theirs = served.python(REAP).splitlines()
    assert early == "0 {'Running'}"
    ended, states = late.split(" ", 1)
    assert states == "{'Crashed'}"
    assert int(ended) >= 2, "the other tests of this server may have left some behind, too"
    assert theirs == "Running", "another project's run on the same server is not ours to end"


def test_a_flow_killed_half_way_is_completed_by_the_next_run(tmp_path, samples, served):
    # With a server of its own, most of the test's time would go into starting one.
    made = install(tmp_path, samples, PREFECT_API_URL=served.environment["PREFECT_API_URL"])
    command = [sys.executable, "-W", "ignore", "-m", "flows.ingestion"]
    with process(*command, environment=made.environment, log=tmp_path / "first.log") as first:
        while made.count("fetch") == 0:
            assert first.poll() is None, (tmp_path / "first.log").read_text()
            time.sleep(0.002)
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    before = made.count("fetch")
    made.run(sys.executable, "-m", "app", "ingest", "--all")
    again = json.loads(made.run(sys.executable, "-m", "app", "ingest", "--all", "--json").stdout)
    assert {each["outcome"] for each in again["sources"]} == {"not_modified"}
    assert before <= 5
    assert made.count("sighting") == 48
    assert json.loads(made.run(sys.executable, "-m", "app", "check", "--json").stdout) == {"violations": []}
