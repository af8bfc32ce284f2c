"""Databases that many tests share: each test works in a transaction of its own, which is rolled back.

What needs several transactions, threads or processes takes a database of its own (`database` of tests/conftest.py).
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy.engine import Connection

from store.checks import violations
from store.connect import Database
from tests.conftest import _create, _named
from tests.store import world
from tests.store.making import settle_in


def _new(request: pytest.FixtureRequest, dialect: str, folders: pytest.TempPathFactory) -> Database:
    name = f"s{uuid.uuid4().hex}"
    if dialect == "sqlite":
        path = folders.mktemp("shared") / f"{name}.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return Database(f"sqlite:///{path}")
    server = request.getfixturevalue("postgres")
    _create(server, name, template="template")
    return Database(_named(server, name))


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A migrated, empty database of each engine in turn, which stays empty."""
    database = _new(request, request.param, tmp_path_factory)
    yield database
    database.close()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def inhabited(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database that holds the world of world.py, and is never changed."""
    database = _new(request, request.param, tmp_path_factory)
    with database.write() as connection:
        world.build(connection)
    yield database
    database.close()


@pytest.fixture
def store(shared: Database) -> Iterator[Connection]:
    """A transaction on a database with a source and lenses. At its end every invariant holds."""
    with shared.engine.connect() as connection, connection.begin() as transaction:
        settle_in(connection)
        yield connection
        assert violations(connection) == []
        transaction.rollback()


@pytest.fixture
def lived_in(inhabited: Database) -> Iterator[Connection]:
    """A transaction on the world of world.py."""
    with inhabited.engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()
