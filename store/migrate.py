"""Bringing a database to this program's revision, with Alembic."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from store.connect import Database

_FOLDER = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> str:
    """Run every revision that is missing, each in a transaction. Returns the revision reached."""
    if database.path is not None:
        database.path.parent.mkdir(parents=True, exist_ok=True)
    with database.write() as connection:
        _lock(connection)
        command.upgrade(_config(connection), "head")
    return newest()


def newest() -> str:
    """The newest revision of the chain."""
    head = ScriptDirectory.from_config(_config(None)).get_current_head()
    return head or ""


def _lock(connection: Connection) -> None:
    """Two processes that start together upgrade one after the other; SQLite's BEGIN IMMEDIATE does it already."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(724153)"))


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    return config
