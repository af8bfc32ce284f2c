"""One installation in a folder of its own, and `verdicts` run in it as a real process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from app.samples import SampleServer
from tests.app.command import command
from tests.forks import FORKS

ROOT = Path(__file__).parents[2]
CLOCK = "2026-11-20T09:00:00Z"


@dataclass(frozen=True)
class Done:
    """What a command came back with. `data` is its one JSON document."""

    code: int
    data: Any
    errors: str


@dataclass(frozen=True)
class Installation:
    """A folder with settings of its own."""

    folder: Path
    environment: dict[str, str] = field(repr=False)

    def start(self, *arguments: str, **more: Any) -> subprocess.Popen[str]:
        """The command as a process under way."""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
        return subprocess.Popen(
            [sys.executable, "-m", "app", *arguments], env=self.environment, cwd=ROOT, text=True, **pipes
        )

    def run(self, *arguments: str, code: int | None = None) -> Done:
        """The command with --json, to its end. Standard output holds one JSON document and nothing else; `code` is
        the exit code that it must have."""
        with tempfile.TemporaryDirectory() as name:
            written = Path(name, "output"), Path(name, "errors")
            process = FORKS.Process(target=command, args=([*arguments, "--json"], self.environment, ROOT, *written))
            process.start()
            process.join(120)
            process.kill()  # does nothing to what has ended
            output, errors = (path.read_text(encoding="utf-8") for path in written)
        assert "Traceback" not in errors, errors
        assert code is None or process.exitcode == code, f"{arguments}: {process.exitcode}\n{output}\n{errors}"
        return Done(code=process.exitcode, data=json.loads(output), errors=errors)

    def ask(self, *arguments: str) -> Any:
        """The JSON of a command that does its work."""
        return self.run(*arguments, code=0).data

    def refuse(self, *arguments: str, code: int) -> str:
        """What a command says that is refused: message and mend, the same on standard error."""
        done = self.run(*arguments, code=code)
        assert done.data.keys() == {"error", "mend"}
        assert done.errors.strip() == f"{done.data['error']} {done.data['mend']}".strip()
        return done.errors.strip()

    def having(self, **settings: str) -> Installation:
        """The same with other settings."""
        return replace(self, environment=self.environment | settings)


def install(folder: Path, samples: SampleServer, **settings: str) -> Installation:
    """A folder with the sample sources, the clock stopped in their week."""
    sources = folder / "sources.toml"
    sources.write_text(samples.sources_toml(), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VERDICTS_")}
    return Installation(
        folder=folder,
        environment=environment
        | {
            "VERDICTS_VAR": str(folder),
            "VERDICTS_SOURCES": str(sources),
            "VERDICTS_ENV_FILE": "",
            "VERDICTS_ALLOW_PRIVATE_HOSTS": samples.base_url.removeprefix("http://"),
            "VERDICTS_CLOCK": CLOCK,
            "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }
        | settings,
    )
