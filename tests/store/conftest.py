"""The world of world.py on each engine, made once: every test looks at it in a transaction that is rolled back."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Connection

from store.connect import Database
from tests.conftest import _create, _named
from tests.store import world


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def world_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database that holds the world; not to be changed."""
    if request.param == "sqlite":
        path: Path = tmp_path_factory.mktemp("world") / "world.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        url = f"sqlite:///{path}"
    else:
        server = request.getfixturevalue("postgres")
        name = f"w{uuid.uuid4().hex}"
        _create(server, name, template="template")
        url = _named(server, name)
    database = Database(url)
    with database.write() as connection:
        world.build(connection)
    yield database
    database.close()


@pytest.fixture
def lived_in(world_database: Database) -> Iterator[Connection]:
    """A connection to the world; whatever a test does to it is undone."""
    with world_database.engine.connect() as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()
