"""Bringing a database to this program's revision, with Alembic."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy.engine import Connection

from core.errors import DatabaseNotReady
from store.connect import Database

_FOLDER = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> str:
    """Run every revision that is missing, all in one transaction. Returns the revision reached.

    Raises DatabaseNotReady, and changes nothing, when a newer program has been here.
    """
    if database.path is not None:
        database.path.parent.mkdir(parents=True, exist_ok=True)
    with database.write() as connection:
        _lock(connection)
        try:
            command.upgrade(_config(connection), "head")
        except CommandError as error:
            raise DatabaseNotReady(
                f"The database is at a revision that this program does not know ({error}).",
                mend="Use the newer program that upgraded it.",
            ) from error
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
