"""One transaction at a time, the same manners on both engines."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from threading import Thread

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from core.errors import Conflict, DatabaseNotReady, SettingsError
from core.source import Source
from store import audit, connect, reviews, sources, subscribers, tools
from store.connect import Database, chunked
from store.intake import source
from store.schema import audit as log
from tests.conftest import NOW
from tests.store.making import add, wait_for_a_lock

SHELF = Source(key="shelf", kind="feed", url="https://shelf.example/", schedule="0 * * * *")


def _note(connection: Connection, at: datetime) -> datetime:
    """An instant through the database and back."""
    audit.note(connection, now=at, actor="test", action="clock.read", subject="clock")
    return connection.execute(sa.select(log.c.at).order_by(log.c.id.desc()).limit(1)).scalar_one()


# ------------------------------------------------------------ instants


def test_a_naive_instant_is_refused(store: Connection) -> None:
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(sa.exc.StatementError, match="has no time zone"):
        _note(store, naive)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    clock=st.datetimes(min_value=datetime(1971, 1, 2), max_value=datetime(2200, 1, 1)),  # noqa: DTZ001 - a zone follows
    minutes=st.integers(min_value=-14 * 60, max_value=14 * 60),
)
def test_an_instant_comes_back_aware_and_in_utc_whatever_zone_went_in(
    store: Connection, clock: datetime, minutes: int
) -> None:
    instant = clock.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    found = _note(store, instant)
    assert found == instant
    assert found.tzinfo is UTC


def test_an_instant_in_a_condition_is_compared_in_utc(store: Connection) -> None:
    far_east = timezone(timedelta(hours=14))
    _note(store, NOW)
    later = sa.select(log.c.at).where(log.c.at > (NOW - timedelta(seconds=1)).astimezone(far_east))
    earlier = sa.select(log.c.at).where(log.c.at < (NOW + timedelta(seconds=1)).astimezone(far_east))
    assert store.scalar(later) == store.scalar(earlier) == NOW


# ------------------------------------------------------------ addresses


@pytest.mark.parametrize("url", ["mysql://host/name", "sqlite+aiosqlite:///x.db", "postgresql+asyncpg://host/name"])
def test_an_unknown_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=r"not supported\. Use sqlite"):
        Database(url)


@pytest.mark.parametrize("url", ["", "verdicts.db", "://"])
def test_what_is_no_address_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(SettingsError, match="VERDICTS_DATABASE_URL is not a database address"):
        Database(url)


def test_an_address_of_postgresql_may_be_written_as_its_own_tools_write_it() -> None:
    for url in ("postgresql://host/name", "postgres://host/name", "postgresql+psycopg://host/name"):
        database = Database(url)
        assert database.dialect == "postgresql"
        assert database.path is None
        database.close()


def test_a_database_in_memory_is_one_for_all_threads() -> None:
    database = Database("sqlite://")
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE seen (at TEXT)")
    found: list[int] = []

    def look() -> None:
        with database.read() as connection:
            found.append(connection.exec_driver_sql("SELECT count(*) FROM seen").scalar_one())

    thread = Thread(target=look)
    thread.start()
    thread.join()
    database.close()
    assert found == [0]


# ------------------------------------------------------------ errors that name the mend


@pytest.mark.parametrize("name", ["tool", "subscriber"])
def test_a_missing_table_is_explained(database: Database, name: str) -> None:
    with database.write() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {name} RENAME TO elsewhere")
    with (
        pytest.raises(DatabaseNotReady, match=r"not at this version.*verdicts db upgrade"),
        database.read() as connection,
    ):
        (tools.counts if name == "tool" else subscribers.counts)(connection)


def test_a_missing_column_is_explained(database: Database) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE tool RENAME COLUMN tagline TO slogan")
    with (
        pytest.raises(DatabaseNotReady, match=r"not at this version.*verdicts db upgrade"),
        database.read() as connection,
    ):
        tools.listed(connection)


def test_a_database_that_is_not_there_is_explained(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/none.db", "postgresql://nobody@127.0.0.1:1/none"):
        database = Database(url)
        with pytest.raises(DatabaseNotReady, match=r"verdicts db upgrade|VERDICTS_DATABASE_URL"):
            database.require_current()
        database.close()
    assert not (tmp_path / "none.db").exists(), "looking must not make it"


# ------------------------------------------------------------ two at once


@pytest.fixture
def hasty(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A database that waits for others only a second."""
    monkeypatch.setattr(connect, "_BUSY_SECONDS", 1)
    opened = Database(database_url)
    yield opened
    opened.close()


def test_a_locked_database_is_a_conflict_and_nothing_is_changed(hasty: Database) -> None:
    with hasty.write() as connection:
        sources.sync(connection, [SHELF])
    with hasty.write() as holder:
        holder.execute(sa.update(source).values(url="held"))
        with pytest.raises(Conflict, match=r"busy for 1 s\. Nothing was changed"):
            _note_and_move(hasty)
    with hasty.read() as connection:
        assert connection.scalar(sa.select(source.c.url)) == "held"
        assert connection.scalar(sa.select(sa.func.count()).select_from(log)) == 0


def test_a_transaction_of_another_process_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Database(f"sqlite:///{tmp_path / 'a.db'}")) as database:
        with database.write() as connection:
            connection.execute(sa.text("CREATE TABLE t (x)"))
        other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)  # what a second process is to SQLite
        other.execute("BEGIN IMMEDIATE")
        naps: list[float] = []
        monkeypatch.setattr(connect.time, "sleep", lambda nap: (naps.append(nap), other.execute("COMMIT")))
        with database.write() as connection:
            # Whatever else has to wait in it, for a checkpoint, waits as long as ever.
            assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one() == 30_000
        assert naps == [0.001]
        other.close()


def _note_and_move(database: Database) -> None:
    with database.write() as connection:
        audit.note(connection, now=NOW, actor="a", action="b", subject="c")
        connection.execute(sa.update(source).values(url="late"))


def test_two_that_lock_each_other_out_are_a_conflict_for_one_of_them(postgres_url: str) -> None:
    database = Database(postgres_url)
    with database.write() as connection:
        sources.sync(connection, [SHELF, Source(key="rack", kind="feed", url="u", schedule="s")])

    def change(connection: sa.Connection, key: str) -> None:
        connection.execute(sa.update(source).where(source.c.key == key).values(url="changed"))

    outcomes: list[object] = []

    def other() -> None:
        try:
            with database.write() as connection:
                change(connection, "rack")
                change(connection, "shelf")
        except Conflict as conflict:
            outcomes.append(conflict)

    try:
        with database.write() as connection:
            change(connection, "shelf")
            thread = Thread(target=other)
            thread.start()
            wait_for_a_lock(database)
            change(connection, "rack")
    except Conflict as conflict:
        outcomes.append(conflict)
    thread.join()
    database.close()
    assert [str(each) for each in outcomes] == [
        "Somebody else changed the same rows at the same time. Nothing was changed; try again."
    ]


def test_readers_do_not_wait_for_a_writer_nor_see_half_of_what_it_writes(hasty: Database) -> None:
    with hasty.write() as writer:
        sources.sync(writer, [SHELF])
        with hasty.read() as reader:
            assert reader.scalar(sa.select(sa.func.count()).select_from(source)) == 0


def test_a_writer_does_not_wait_for_readers(hasty: Database) -> None:
    with hasty.read() as reader:
        reader.scalar(sa.select(sa.func.count()).select_from(source))
        with hasty.write() as writer:
            sources.sync(writer, [SHELF])


def test_a_reading_transaction_cannot_change_anything(database: Database) -> None:
    with pytest.raises(Exception, match=r"read-?only"), database.read() as connection:
        sources.sync(connection, [SHELF])
    with database.write() as connection:  # the same connection, back from the pool, may write again
        sources.sync(connection, [SHELF])
        assert connection.scalar(sa.select(sa.func.count()).select_from(source)) == 1


def test_an_exception_takes_everything_back(database: Database) -> None:
    with suppress(ZeroDivisionError), database.write() as connection:
        sources.sync(connection, [SHELF])
        _ = 1 / 0
    with database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(source)) == 0


def test_processes_that_open_a_new_file_at_once_wait_for_each_other(tmp_path: Path) -> None:
    program = f"""
import pathlib, time
from store.connect import Database
database = Database("sqlite:///{tmp_path}/new.db")
pathlib.Path("{tmp_path}", str(time.monotonic_ns())).touch()
while len(list(pathlib.Path("{tmp_path}").glob("[0-9]*"))) < 3:
    time.sleep(0.001)
with database.write() as connection:
    connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS seen (at TEXT)")
"""
    started = [subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE) for _ in range(3)]
    assert [process.communicate()[1].decode()[-300:] for process in started] == ["", "", ""]


# ------------------------------------------------------------ manners


def test_a_commit_on_sqlite_is_on_the_disk_before_it_returns(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with database.read() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
        }
    database.close()
    assert found == {"journal_mode": "wal", "synchronous": 2}  # 2: FULL


@pytest.mark.parametrize(
    "value",
    [{"word": "naïve 🙂", "list": [1, 2.5, None, True], "deep": {"a": {}}}, [], "later", "12", 12, 1.5, True, 2**53],
)
def test_what_is_stored_as_json_comes_back_as_it_was(store: Connection, value: object) -> None:
    audit.note(store, now=NOW, actor="test", action="json.keep", subject="json", before=None, after=value)
    row = store.execute(sa.select(log.c.before, log.c.after)).one()
    assert (row.after, type(row.after)) == (value, type(value))
    assert row.before is None


def test_chunks_hold_every_value_once_and_in_order() -> None:
    values = list(range(1201))
    parts = list(chunked(values))
    assert [len(part) for part in parts] == [500, 500, 201]
    assert [value for part in parts for value in part] == values


def test_more_tools_than_an_engine_binds_parameters_can_be_asked_for(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    most = {"sqlite": 32_766, "postgresql": 65_535}[store.dialect.name]
    many = [*range(10**9, 10**9 + most), ada]
    assert tools.get(store, many).keys() == {ada}
    assert reviews.verdicts(store, many) == {}


def test_a_file_that_is_no_database_is_refused_with_the_mend(tmp_path):
    path = tmp_path / "notes.db"
    path.write_text("These are notes, and not a database at all. " * 100)
    database = Database(f"sqlite:///{path}")
    with pytest.raises(DatabaseNotReady, match="no SQLite database"):
        database.require_current()
    database.close()


def test_a_new_file_has_larger_pages_and_one_that_is_there_keeps_its_own(tmp_path):
    with closing(sqlite3.connect(tmp_path / "old.db")) as plain:
        plain.execute("PRAGMA page_size = 4096")
        plain.execute("CREATE TABLE kept (id INTEGER)")
    for name, size in (("old.db", 4096), ("new.db", 8192)):
        database = Database(f"sqlite:///{tmp_path / name}")
        with database.read() as connection:
            assert connection.scalar(sa.text("PRAGMA page_size")) == size
        database.close()


def test_who_sends_keeps_few_pages_in_memory_and_an_in_memory_database_keeps_its_rows(tmp_path):
    file, memory = Database(f"sqlite:///{tmp_path / 'x.db'}"), Database("sqlite://")
    for each in (file, memory):
        with each.write() as connection:
            connection.execute(sa.text("CREATE TABLE kept (id INTEGER)"))
        each.spare_memory()
        each.spare_memory()
        with each.read() as connection:
            assert connection.scalar(sa.text("SELECT count(*) FROM kept")) == 0
            pages = connection.scalar(sa.text("PRAGMA cache_size"))
        assert (pages == -8000) is (each is file)
        each.close()


def test_writers_of_one_process_wait_in_line_whatever_opened_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(connect, "_BUSY_SECONDS", 0.05)
    one, other = (Database(f"sqlite:///{tmp_path / 'x.db'}") for _ in range(2))
    with one.write(), pytest.raises(Conflict, match="busy"), other.write():
        pass
    with other.write():
        pass
    one.close()
    other.close()
