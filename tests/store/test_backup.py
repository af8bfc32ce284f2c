"""A copy of a SQLite database that is in use."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import pytest
import sqlalchemy as sa

from core.errors import Refused, UsageError
from store import audit
from store.backup import backup
from store.connect import Database
from tests.conftest import NOW


@pytest.fixture
def live(sqlite_url: str) -> Iterator[Database]:
    opened = Database(sqlite_url)
    yield opened
    opened.close()


def _write(database: Database, number: int) -> None:
    """Two entries that belong together."""
    with database.write() as connection:
        for half in ("first", "second"):
            audit.note(connection, now=NOW, actor="writer", action=half, subject=str(number))


def test_a_backup_taken_while_somebody_writes_is_whole(live: Database, tmp_path: Path) -> None:
    written, enough = 0, Event()

    def write_on() -> None:
        nonlocal written
        while not enough.is_set():
            _write(live, written)
            written += 1

    writer = Thread(target=write_on)
    writer.start()
    copies = [tmp_path / f"{number}.db" for number in range(5)]
    sizes = [backup(live, copy) for copy in copies]
    enough.set()
    writer.join()
    assert sizes == [copy.stat().st_size for copy in copies]
    counts = [_counts(copy) for copy in copies]
    assert all(first == second <= written for first, second in counts)
    assert counts == sorted(counts)


def _counts(path: Path) -> tuple[int, int]:
    """How many first and second halves a copy holds, once it is found to be sound."""
    copy = Database(f"sqlite:///{path}")
    copy.require_current()
    with copy.read() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        query = sa.text("SELECT count(*) FROM audit WHERE action = :half")
        found = [connection.execute(query, {"half": half}).scalar_one() for half in ("first", "second")]
    copy.close()
    return found[0], found[1]


def test_a_writer_is_not_held_up_by_a_backup_under_way(live: Database, tmp_path: Path) -> None:
    _write(live, 0)
    with live.write() as connection:
        audit.note(connection, now=NOW, actor="writer", action="first", subject="1")
        backup(live, tmp_path / "copy.db")  # sees what was committed, and waits for nobody
    assert _counts(tmp_path / "copy.db") == (1, 1)


def test_a_backup_never_replaces_a_file(live: Database, tmp_path: Path) -> None:
    there = tmp_path / "there.db"
    there.write_text("precious")
    with pytest.raises(Refused, match=r"there\.db exists\. Choose a new name"):
        backup(live, there)
    assert there.read_text() == "precious"


def test_a_backup_makes_the_folder_it_goes_to(live: Database, tmp_path: Path) -> None:
    target = tmp_path / "far" / "below" / "copy.db"
    assert backup(live, target) == target.stat().st_size > 0


def test_half_a_backup_is_not_left_behind(tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"this is no database" * 100)
    database = Database(f"sqlite:///{broken}")
    with pytest.raises(sqlite3.DatabaseError):
        backup(database, tmp_path / "copy.db")
    database.close()
    assert not (tmp_path / "copy.db").exists()


def test_a_backup_of_postgresql_is_left_to_its_own_tool(postgres_url: str, tmp_path: Path) -> None:
    database = Database(postgres_url)
    with pytest.raises(UsageError, match=r"PostgreSQL.*pg_dump"):
        backup(database, tmp_path / "copy.db")
    database.close()
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_there_cannot_be_backed_up(tmp_path: Path) -> None:
    for url in ("sqlite://", f"sqlite:///{tmp_path}/none.db"):
        with closing(Database(url)) as database, pytest.raises(UsageError, match="no database file"):
            backup(database, tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == []
