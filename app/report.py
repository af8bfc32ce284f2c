"""What a command says: one value, shown as words and tables to people, as one JSON document with `--json`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

COMMAND_LINE = "command line"
"""The actor of what an operator does here, in the audit log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The result of a command. `ok` False means that the work failed, in part at least: exit code 1."""

    data: Any
    text: str = ""
    rows: Sequence[Mapping[str, Any]] | None = None
    ok: bool = True

    def show(self, *, as_json: bool) -> None:
        """Print it on standard output."""
        if as_json:
            sys.stdout.write(json_text(self.data) + "\n")
        else:
            if self.rows is not None:
                show_table(self.rows)
            if self.text:
                sys.stdout.write(self.text + "\n")


def json_text(data: Any) -> str:
    """One JSON document: instants as ISO 8601 in UTC, decimals as text."""
    import orjson  # noqa: PLC0415 - `--help` needs none

    return orjson.dumps(
        data, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS
    ).decode()


def show_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows as a table with the keys of the first as its head."""
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - `--help` needs none
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    if not rows:
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name, value in rows[0].items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        table.add_column(name.replace("_", " "), justify="right" if number else "left", overflow="fold")
    for row in rows:
        # Text, not markup: what sources write must not colour an operator's terminal.
        table.add_row(*(Text(_cell(value)) for value in row.values()))
    # Without a terminal there is no width to keep to: whoever reads the pipe wants whole lines.
    console = Console(soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 200)
    with console.capture() as shown:
        console.print(table)
    # Not by the console itself: it ends the process with code 1 when the reader of a pipe has gone.
    sys.stdout.write(shown.get())


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if isinstance(value, float):
        return f"{value:.1f}"
    return str(value)


def progress(line: str) -> None:
    """A line about work under way, for a person who waits; on standard error, and only on a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"  {line}\n")
        sys.stderr.flush()
