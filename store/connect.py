"""Connections: one transaction at a time, the same manners on SQLite and PostgreSQL.

SQLite runs in WAL mode with foreign keys on and a busy timeout; a writing transaction begins with BEGIN IMMEDIATE,
so that two writers wait for each other instead of failing half-way. A commit is on the disk before it returns: what
the ledger of sending has written down must survive a power cut. `insert_for`, `among` and `rows_of` are the dialect switches
that statements share.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.pool import StaticPool

from core.errors import Conflict, DatabaseNotReady, SettingsError, VerdictsError

# The newest revision of migrations/; a test holds it against the chain.
HEAD = "0017"

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

_BUSY_SECONDS = 30
_LOOK_AGAIN = 0.001  # seconds
_READ_ONLY = "verdicts_read_only"
_IN_MEMORY = (None, "", ":memory:")


class Database:
    """One database. Thread-safe; `close` gives its connections back."""

    def __init__(self, url: str) -> None:
        """`url` is `sqlite:///path`, `sqlite://` (in memory, for tests) or `postgresql://...`."""
        self._url = _address(url)
        self.engine = _engine(self._url)
        self._turn = _turn_of(self._url)
        self._spares = False

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @property
    def path(self) -> Path | None:
        """The file of a SQLite database, None for any other."""
        name = self._url.database
        return Path(name) if self.dialect == "sqlite" and name else None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may change rows: committed at the end, rolled back on any exception."""
        with self._my_turn(), _explained(), self.engine.begin() as connection:
            yield connection

    def spare_memory(self) -> None:
        """Keep fewer pages of a file in memory from now on: for work that touches each row once or twice."""
        if not self._spares and self.dialect == "sqlite" and self._url.database not in _IN_MEMORY:
            self._spares = True
            sa.event.listen(self.engine, "connect", _keep_few_pages)
            self.engine.dispose()  # those that are open have their pages already

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        """Threads of one process queue up for SQLite's only place for writers here: SQLite itself lets them sleep, up
        to a tenth of a second, and look again."""
        if self.dialect != "sqlite":
            yield
            return
        if not self._turn.acquire(timeout=_BUSY_SECONDS):
            raise _busy()
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that cannot change anything; on SQLite it waits for no writer."""
        with _explained(), self.engine.connect() as plain:
            connection = plain.execution_options(**{_READ_ONLY: True, "postgresql_readonly": True})
            with connection.begin():
                yield connection

    def require_current(self) -> None:
        """Raise DatabaseNotReady unless the schema is at this program's revision."""
        found = self._revision()
        if found is None:
            raise DatabaseNotReady("The database has no tables yet.", mend="Run `verdicts db upgrade`.")
        if found != HEAD:
            # Revisions are numbered: a higher one was made by a newer program, and no upgrade of ours leads back.
            mend = "Run `verdicts db upgrade`." if found < HEAD else "Use the newer program that upgraded it."
            raise DatabaseNotReady(f"The database is at revision {found}, this program needs {HEAD}.", mend=mend)

    def _revision(self) -> str | None:
        path = self.path
        if path is not None and str(path) != ":memory:" and not path.exists():
            return None
        with self.read() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None
            revision: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
            return revision

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()


_TURNS: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()


def _turn_of(url: URL) -> threading.Lock:
    """The lock of a file's writers, the same for every `Database` of this process; a database in memory has its own."""
    fresh = threading.Lock()
    if url.database in _IN_MEMORY:
        return fresh
    return _TURNS.setdefault(str(Path(url.database).resolve()), fresh)


def _address(url: str) -> URL:
    try:
        parsed = make_url(url)
    except sa.exc.ArgumentError:
        raise SettingsError(
            "VERDICTS_DATABASE_URL is not a database address.",
            mend="Write sqlite:///path/to/file.db or postgresql://user:password@host/name.",
        ) from None
    if parsed.drivername in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername in ("sqlite", "postgresql+psycopg"):
        return parsed
    raise SettingsError(
        f"VERDICTS_DATABASE_URL names {parsed.drivername!r}, which is not supported.",
        mend="Use sqlite:/// or postgresql://.",
    )


def _engine(url: URL) -> sa.Engine:
    common: dict[str, Any] = {"json_serializer": _to_json, "json_deserializer": _from_json}
    if url.drivername != "sqlite":
        options = f"-c timezone=UTC -c lock_timeout={_BUSY_SECONDS}s -c statement_timeout=300s"
        arguments = {"options": options, "connect_timeout": 10}
        return sa.create_engine(url, connect_args=arguments, pool_pre_ping=True, **common)
    if url.database in _IN_MEMORY:
        # One connection for all threads: each new one would be an empty database.
        common |= {"poolclass": StaticPool}
    else:
        common |= {"pool_use_lifo": True}  # the connection whose cache is warm
    engine = sa.create_engine(
        url, connect_args={"check_same_thread": False, "timeout": _BUSY_SECONDS, "isolation_level": None}, **common
    )
    sa.event.listen(engine, "connect", _set_manners)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _to_json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _from_json(stored: Any) -> Any:
    # To SQLite a column of type JSON is numeric: of a text that is but a number it keeps the number.
    return stored if isinstance(stored, int | float) else orjson.loads(stored)


def _set_manners(connection: Any, record: object) -> None:  # noqa: ARG001 - signature of the event
    cursor = connection.cursor()
    # Of a new file only, and before anything else. Rows that hold texts of a thousand characters leave half of a page of
    # 4 KB empty.
    cursor.execute("PRAGMA page_size = 8192")
    _turn_on_wal(cursor)
    for pragma in ("synchronous = FULL", "foreign_keys = ON", "cache_size = -16000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _keep_few_pages(connection: Any, record: object) -> None:  # noqa: ARG001 - signature of the event
    connection.execute("PRAGMA cache_size = -8000")


def _turn_on_wal(cursor: Any) -> None:
    """Of several processes that open a new file at once, SQLite refuses all but one this switch, and at once: the busy
    timeout does not apply to it."""
    give_up = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return


def _begin(connection: Connection) -> None:
    read_only = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if read_only else 'OFF'}")
    if read_only:
        connection.exec_driver_sql("BEGIN")
    else:
        _begin_writing(connection.connection.cursor())


def _begin_writing(cursor: Any) -> None:
    """Wait for another process's transaction by looking again soon. SQLite's own way is to sleep for up to a tenth of a
    second between two looks: of two processes that write much, both are idle then for a third of their time."""
    give_up = time.monotonic() + _BUSY_SECONDS
    cursor.execute("PRAGMA busy_timeout = 0")
    try:
        while not _begins(cursor):
            if time.monotonic() > give_up:
                raise _busy()
            time.sleep(_LOOK_AGAIN)
    finally:
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
        cursor.close()


def _begins(cursor: Any) -> bool:
    try:
        cursor.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            return False
        raise
    return True


@contextmanager
def _explained() -> Iterator[None]:
    """Say what a database's own error means for the operator."""
    try:
        yield
    except sa.exc.OperationalError as error:
        raise _operational(error) from error
    except sqlite3.OperationalError as error:  # at the beginning of a transaction
        raise DatabaseNotReady(f"The database cannot be used: {error}.", mend="Check VERDICTS_DATABASE_URL.") from error
    except sa.exc.ProgrammingError as error:
        if "does not exist" in str(error.orig):
            raise _not_ready(error) from error
        raise
    except sa.exc.DatabaseError as error:
        if "not a database" in str(error.orig):
            raise DatabaseNotReady(
                "VERDICTS_DATABASE_URL names a file that is no SQLite database.", mend="Name another, or move it away."
            ) from error
        raise


def _operational(error: sa.exc.OperationalError) -> VerdictsError:
    cause = str(error.orig).strip().splitlines()[0] if error.orig else str(error)
    if "no such table" in cause or "no such column" in cause:
        return _not_ready(error)
    if "locked" in cause or "lock timeout" in cause:
        return _busy()
    if "deadlock" in cause:
        return Conflict("Somebody else changed the same rows at the same time.", mend="Nothing was changed; try again.")
    return DatabaseNotReady(f"The database cannot be used: {cause}.", mend="Check VERDICTS_DATABASE_URL.")


def _busy() -> Conflict:
    return Conflict(f"The database was busy for {_BUSY_SECONDS} s.", mend="Nothing was changed; try again.")


def _not_ready(error: sa.exc.DBAPIError) -> DatabaseNotReady:
    cause = str(error.orig).strip().splitlines()[0]
    return DatabaseNotReady(f"The database is not at this version ({cause}).", mend="Run `verdicts db upgrade`.")


def insert_for(connection: Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT, for the connection's engine."""
    # Each dialect is loaded where it is used: the other's costs every command a tenth of a second.
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite  # noqa: PLC0415

    return sqlite.insert(table)


def among(connection: Connection, column: sa.ColumnElement[str], values: Sequence[str]) -> sa.ColumnElement[bool]:
    """`column IN values`, all of them one parameter: a list of a thousand costs as much to write as to look up."""
    if connection.dialect.name == "postgresql":
        return column == sa.any_(sa.literal(list(values), sa.ARRAY(sa.Text)))
    each = sa.func.json_each(orjson.dumps(values).decode()).table_valued("value")
    return column.in_(sa.select(each.c.value))


def rows_of(connection: Connection, names: Sequence[str], rows: Sequence[Sequence[str]]) -> sa.Subquery:
    """Rows of texts as a table with columns of these names, to be joined; all of them are one parameter, or one a column.
    Engines answer a list of pairs by reading the whole table, and a join by its index."""
    if connection.dialect.name == "postgresql":
        columns = [sa.literal([row[place] for row in rows], sa.ARRAY(sa.Text)) for place in range(len(names))]
        together = sa.func.unnest(*columns).table_valued(*names).render_derived()
        return sa.select(together).subquery()
    each = sa.func.json_each(orjson.dumps([*map(tuple, rows)]).decode()).table_valued("value")
    parts = [sa.func.json_extract(each.c.value, f"$[{place}]").label(name) for place, name in enumerate(names)]
    return sa.select(*parts).subquery()


def chunked(values: list[Any], size: int = 500) -> Iterator[list[Any]]:
    """Slices small enough for any engine's limit of bound parameters."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
