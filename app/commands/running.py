"""`verdicts up`, `web`, `demo`: the commands that start other parts of the product.

They start them as processes (`python -m ...`): app imports neither the flows nor the web pages.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from app import reviewing
from app import up as supervisor
from app.commands import Port, Workers
from app.lenses import STANDARD, load_lenses, load_standard_lenses, read_lenses
from app.report import Report
from app.settings import read_settings
from app.wiring import open_product
from core.errors import VerdictsError
from store import migrate


def up() -> Report:
    """The product on this machine: database upgraded, schedules served, web pages, first ingestion. Ctrl-C ends it."""
    settings = read_settings()
    with open_product(settings, require_current=False) as product:
        migrate.upgrade(product.database)
        load_standard_lenses(product)
        nobody = not reviewing.everybody(product)
    with supervisor.running(settings) as (places, children):
        _say(f"web       {places.web}")
        _say(f"desk      {places.web}/desk")
        _say(f"Prefect   {places.prefect}")
        _say(f"mails     {settings.outbox_folder if settings.mail == 'outbox' else settings.mail}")
        _say(f"logs      {places.logs}")
        _say("The first ingestion is under way: `verdicts sources list` shows how it went. Ctrl-C ends everything.")
        if nobody:
            _say("Nobody has a place at the desk yet. This prints the link that signs you in:")
            _say(
                "  .venv/bin/verdicts people invite YOU@EXAMPLE.ORG --role operator --role editor --role reviewer --lens builder"
            )
        dead = supervisor.watch(children)
        if dead is not None:
            raise VerdictsError(f"{dead.name} has ended, so everything was.", mend=f"Its log is {dead.log}.")
    return Report(data={"ended": True}, text="Ended.")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def web(*, port: Port | None = None, workers: Workers = 1) -> None:
    """The web server alone, on this machine's loopback address. --workers: processes, each with its own kept answers."""
    chosen = read_settings().web_port if port is None else port
    _become("web", "--port", str(chosen), "--workers", str(workers))


def demo() -> None:
    """A whole week, offline, on the bundled samples: ingestion to outbox. Everything lies under var/demo."""
    _become("flows.demo", *(["--json"] if "--json" in sys.argv else []))


def _become(module: str, *arguments: str) -> None:
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606 - our own module


def lenses(file: Path | None = None, *, overwrite: Annotated[bool, Parameter(negative="")] = False) -> Report:
    """Load the lenses of FILE (the standard five without one): new ones are added, known ones brought up to date.

    What was changed at the desk is left as it is; with --overwrite the file's word counts again.
    """
    chosen = file or STANDARD
    with open_product() as product:
        taken = load_lenses(product, chosen, overwrite=overwrite)
    left = len(read_lenses(chosen)) - taken
    text = f"{taken} lenses." + (f" {left} changed at the desk were left as they are." if left else "")
    return Report(data={"lenses": taken, "left": left}, text=text)
