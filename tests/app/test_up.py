"""`verdicts up`: everything starts, everything answers, everything ends together."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.app.hostile import Hostile
from tests.app.installation import Installation

ANSWER = 60  # seconds


def processes() -> list[tuple[int, int, int, str]]:
    """(pid, parent, group, command) of everything that runs."""
    if not Path("/proc/self/stat").exists():  # macOS
        listed = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid=,pgid=,args="], capture_output=True, text=True, check=True
        )
        rows = [line.split(None, 3) for line in listed.stdout.splitlines()]
        return [(int(row[0]), int(row[1]), int(row[2]), row[3]) for row in rows if len(row) > 3]
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended while we looked
            state, parent, group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if state != "Z":
                found.append((int(folder.name), int(parent), int(group), command))
    return found


def family(pid: int) -> dict[int, str]:
    """Everything that a process has started, and what that has: pid -> command."""
    found: dict[int, str] = {}
    known = {pid}
    for _ in range(5):
        found |= {at: command for at, parent, _, command in processes() if parent in known}
        known |= found.keys()
    return found


@dataclass
class Running:
    """A `verdicts up` under way, with what it said on standard error."""

    process: subprocess.Popen[str]
    said: str = ""

    def wait_for(self, words: str, *, seconds: float = 240) -> str:
        """Read standard error until these words stand in it."""
        assert self.process.stderr is not None
        deadline = time.monotonic() + seconds
        while words not in self.said:
            line = self.process.stderr.readline()
            assert line, self.said
            assert time.monotonic() < deadline, self.said
            self.said += line
        return self.said

    def address(self, name: str) -> str:
        found = re.search(rf"^{name} +(http://127\.0\.0\.1:\d+)$", self.said, re.MULTILINE)
        assert found, self.said
        return found[1]

    def end(self) -> tuple[Any, str]:
        """Its one document, and everything that it said."""
        output, rest = self.process.communicate(timeout=60)
        return (json.loads(output) if output else None), self.said + rest


@contextmanager
def up(made: Installation) -> Iterator[Running]:
    process = made.start("up", "--json")
    try:
        yield Running(process)
    finally:
        left = family(process.pid) if process.poll() is None else {}
        for pid in (process.pid, *left):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if process.stdout and not process.stdout.closed:
            process.communicate()


def until(holds: Callable[[], bool], *, seconds: float = 120, every: float = 0.1) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(every)


def count(folder: Path, table: str) -> int:
    with closing(sqlite3.connect(folder / "verdicts.db")) as database:
        return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - a literal


def waiting_deployments(prefect: str) -> set[str]:
    """Those of which the server itself has put a run into its queue.

    A server at its first runs on a busy machine has been seen to answer later than after httpx's five seconds.
    """
    asked = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    runs = httpx.post(f"{prefect}/api/flow_runs/filter", json=asked, timeout=ANSWER).json()
    return {run["deployment_id"] for run in runs if run["auto_scheduled"]}


def nobody_is_left_of(started: dict[int, str]) -> bool:
    """Neither these processes nor any in a group that one of them led."""
    return not [each for each in processes() if each[0] in started or each[2] in started]


def test_everything_starts_answers_and_ends_with_ctrl_c(installed):
    made = installed(VERDICTS_WEB_PORT="0")
    with up(made) as running:
        running.wait_for("first ingestion is under way")
        assert httpx.get(f"{running.address('web')}/healthz", timeout=ANSWER).status_code == 200
        assert httpx.get(f"{running.address('Prefect')}/api/health", timeout=ANSWER).json() is True
        until(lambda: count(made.folder, "fetch") == 5)
        assert count(made.folder, "tool") == 47
        # A server that answers and schedules nothing looks well.
        until(lambda: len(waiting_deployments(running.address("Prefect"))) == 8, every=2)
        started = family(running.process.pid)
        assert sum("-m prefect server" in command or "-m web" in command for command in started.values()) == 2
        began = time.monotonic()
        running.process.send_signal(signal.SIGINT)
        said, errors = running.end()
        assert time.monotonic() - began < 60
        assert (running.process.returncode, said) == (0, {"ended": True})
        assert "Traceback" not in errors
        until(lambda: nobody_is_left_of(started), seconds=20)
    assert {path.name for path in (made.folder / "logs").glob("*.log")} == {
        *("prefect-server.log", "web.log", "schedules.log", "first-ingestion.log")
    }
    assert made.ask("check") == {"violations": []}


def test_a_child_that_dies_ends_everything_and_names_its_log(installed):
    with Hostile() as elsewhere:  # a Prefect server that takes its time: nobody here waits for one to start
        elsewhere.fallback = elsewhere.hang
        made = installed(VERDICTS_WEB_PORT="0", PREFECT_API_URL=f"http://{elsewhere.host}/api")
        with up(made) as running:
            running.wait_for("first ingestion is under way")
            started = family(running.process.pid)
            [web] = [pid for pid, command in started.items() if "-m web --port" in command]
            os.kill(web, signal.SIGKILL)
            said, errors = running.end()
            assert running.process.returncode == 1
            assert said == {
                "error": "web has ended, so everything was.",
                "mend": f"Its log is {made.folder / 'logs' / 'web.log'}.",
            }
            assert errors.splitlines()[-1] == f"{said['error']} {said['mend']}"
            until(lambda: nobody_is_left_of(started), seconds=20)
            elsewhere.released.set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_while_it_starts_it_leaves_nobody_behind(installed, number):
    made = installed(VERDICTS_WEB_PORT="0")
    with up(made) as running:
        until(lambda: any("prefect server start" in each for each in family(running.process.pid).values()))
        started = family(running.process.pid)
        running.process.send_signal(number)
        said, errors = running.end()
        assert (running.process.returncode, said) == (130, None)
        assert "Traceback" not in errors
        until(lambda: nobody_is_left_of(started), seconds=20)
