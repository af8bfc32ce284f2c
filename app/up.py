"""The product on one machine: a Prefect server, the schedules, the web server and a first ingestion, as children of
one process that ends them all when it is told to, or when one of them dies."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.settings import Settings
from core.errors import VerdictsError

_START_SECONDS = 90
_GRACE_SECONDS = 20
_PREFECT_PORT = 4200


@dataclass(kw_only=True)
class Child:
    """A process of ours, in a session of its own: Ctrl-C reaches only us, and we end it in order."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    lasting: bool = True  # its end, unless told to, ends everything
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it; what it prints goes into its log."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own commands
                self.command,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def has_died(self) -> bool:
        """Whether it has ended although it should last."""
        return self.lasting and self.process is not None and self.process.poll() is not None

    def stop(self) -> None:
        """End it and whatever it started: asked first, killed after a while."""
        if self.process is None:
            return
        self._signal(signal.SIGTERM)
        try:
            self.process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self.process.wait()
        # A child of the child that outlived it would keep ports and locks.
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, number)
        except (ProcessLookupError, PermissionError):
            return


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where to look while it runs."""

    web: str
    prefect: str
    logs: Path


@contextmanager
def running(settings: Settings) -> Iterator[tuple[Places, Sequence[Child]]]:
    """Everything started and answering, for as long as the block lasts. Raises VerdictsError when a part does not
    come up; whatever had started is ended in any case."""
    logs = settings.var / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    web_port = settings.web_port or _free_port(0)
    api = os.environ.get("PREFECT_API_URL")
    prefect_port = _free_port(_PREFECT_PORT)
    home = str((settings.var / "prefect").resolve())
    environment = {
        "PREFECT_API_URL": api or f"http://127.0.0.1:{prefect_port}/api",
        "PREFECT_HOME": os.environ.get("PREFECT_HOME", home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_CLI_PROMPT": "false",
    }

    def child(name: str, *arguments: str, lasting: bool = True) -> Child:
        command = [sys.executable, "-m", *arguments]
        return Child(name=name, command=command, environment=environment, log=logs / f"{name}.log", lasting=lasting)

    server = ["prefect", "server", "start", "--host", "127.0.0.1", "--port", str(prefect_port)]
    started: list[Child] = []
    # Until `watch` listens, SIGTERM is to interrupt as Ctrl-C does: the children live in sessions of their own.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if api is None:
            _start(child("prefect-server", *server), started, port=prefect_port)
        _start(child("web", "web", "--port", str(web_port)), started, port=web_port)
        _start(child("schedules", "flows.deployments"), started)
        _start(child("first-ingestion", "flows.ingestion", lasting=False), started)
        prefect = (api or environment["PREFECT_API_URL"]).removesuffix("/api")
        yield Places(web=f"http://127.0.0.1:{web_port}", prefect=prefect, logs=logs), started
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):  # an impatient second Ctrl-C must leave nobody behind
            signal.signal(number, signal.SIG_IGN)
        for each in reversed(started):
            each.stop()


def _start(child: Child, started: list[Child], *, port: int | None = None) -> None:
    started.append(child)
    child.start()
    if port is not None:
        _wait_for(child, port)


def _wait_for(child: Child, port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if child.has_died():
            break
        if _answers(port):
            return
        time.sleep(0.1)
    raise VerdictsError(f"{child.name} did not start.", mend=f"Its log is {child.log}.")


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _free_port(wanted: int) -> int:
    """The wanted port when nobody has it, else any."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise VerdictsError("No port of this machine is free.")


def watch(children: Sequence[Child]) -> Child | None:
    """Wait for Ctrl-C or SIGTERM (None), or for a child that dies unasked (that child)."""
    asked = False

    def ask(*_: object) -> None:
        nonlocal asked
        asked = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
    while not asked:
        for each in children:
            if each.has_died():
                return each
        time.sleep(0.2)
    return None
