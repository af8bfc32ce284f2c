"""One command of `verdicts` in a process that was forked for it (tests/forks.py has the reason)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from app.cli import GROUPS, main

# What a command loads when it is called is there already. No command but those that run flows loads Prefect.
for where, _ in GROUPS.values():
    import_module(where.partition(":")[0])


def command(arguments: list[str], environment: Mapping[str, str], folder: Path, output: Path, errors: Path) -> None:
    """The command as a shell would run it: in a folder, with exactly this environment, its output in files."""
    for number, path in ((1, output), (2, errors)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    main(arguments)
