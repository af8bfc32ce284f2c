"""A copy of a SQLite database, taken while it is in use."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from core.errors import Refused, UsageError
from store.connect import Database


def backup(database: Database, target: Path) -> int:
    """Copy the database to `target` (SQLite's online backup). Returns its size in bytes.

    Raises UsageError for PostgreSQL, which has its own tool, and Refused when the file exists.
    """
    source = database.path
    if source is None:
        raise UsageError("This is a PostgreSQL database.", mend="Back it up with pg_dump.")
    if target.exists():
        raise Refused(f"{target} exists.", mend="Choose a new name; a backup never replaces another.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
    return target.stat().st_size
