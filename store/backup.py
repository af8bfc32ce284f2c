"""A copy of a SQLite database, taken while it is in use."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from core.errors import Refused, UsageError
from store.connect import Database


def backup(database: Database, target: Path) -> int:
    """Copy the database to `target` (SQLite's online backup). Returns its size in bytes.

    Raises UsageError for PostgreSQL, which has its own tool, and where there is no file; Refused when the target
    exists.
    """
    if database.dialect != "sqlite":
        raise UsageError("This is a PostgreSQL database.", mend="Back it up with pg_dump.")
    source = database.path
    if source is None or not source.exists():
        raise UsageError("There is no database file.", mend="Run `verdicts db upgrade`, which makes it.")
    with _reserved(target), closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
    return target.stat().st_size


@contextmanager
def _reserved(target: Path) -> Iterator[None]:
    """An empty file of our own under that name. It goes away again when the block fails: half a copy is no backup."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.touch(exist_ok=False)
    except FileExistsError:
        raise Refused(f"{target} exists.", mend="Choose a new name; a backup never replaces another.") from None
    try:
        yield
    except BaseException:
        target.unlink()
        raise
