"""The chain of revisions and the schema say the same, on both engines, whatever way a database came here."""

from __future__ import annotations

import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from core.errors import DatabaseNotReady
from store import migrate
from store.checks import violations
from store.connect import HEAD, Database
from store.schema import described
from tests.conftest import _create, _named
from tests.store.world import WORLD

# SQLite's reflection does not see indexes on expressions, and says so; the texts are compared below.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index"),
    pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index"),
]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without any table, of each engine in turn."""
    database = _empty(request, request.param, tmp_path)
    yield database
    database.close()


def _empty(request: pytest.FixtureRequest, dialect: str, folder: Path) -> Database:
    if dialect == "sqlite":
        return Database(f"sqlite:///{folder / 'empty.db'}")
    server = request.getfixturevalue("postgres")
    name = f"e{uuid.uuid4().hex}"
    _create(server, name)
    return Database(_named(server, name))


def _described(database: Database) -> set[str]:
    """Everything that a database holds besides rows: columns, constraints, indexes, triggers, each as one line."""
    with database.read() as connection:
        lines = _sqlite(connection) if database.dialect == "sqlite" else _postgresql(connection)
        return {re.sub(r"\s+", " ", line.replace('"', "")) for line in lines if "alembic" not in line}


def _sqlite(connection: Connection) -> Iterator[str]:
    inspector = sa.inspect(connection)
    columns = sa.text("SELECT * FROM pragma_table_info(:table)")
    for table in inspector.get_table_names():
        for row in connection.execute(columns, {"table": table}).mappings():
            yield f"{table} {row['name']} {row['type']} {row['notnull']} {row['dflt_value']} {row['pk']}"
        for check in inspector.get_check_constraints(table):
            yield f"{table} {check['name']} {check['sqltext']}"
        for key in inspector.get_unique_constraints(table):
            yield f"{table} {key['name']} {key['column_names']}"
        for reference in inspector.get_foreign_keys(table):
            yield f"{table} {reference['name']} {sorted(reference.items())}"
    made = "SELECT sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
    yield from connection.exec_driver_sql(made).scalars()


def _postgresql(connection: Connection) -> Iterator[str]:
    queries = (
        """SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default, collation_name)
           FROM information_schema.columns WHERE table_schema = 'public'""",
        """SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint
           WHERE connamespace = 'public'::regnamespace""",
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    )
    for query in queries:
        yield from connection.exec_driver_sql(query).scalars()


def _to(database: Database, revision: str) -> None:
    with database.write() as connection:
        config = migrate._config(connection)
        (command.downgrade if revision == "base" else command.upgrade)(config, revision)


def _stamp(database: Database, revision: str) -> None:
    with database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :at"), {"at": revision})


def test_the_program_wants_the_end_of_the_chain() -> None:
    chain = ScriptDirectory.from_config(migrate._config(None))
    assert chain.get_heads() == [HEAD]
    assert migrate.newest() == HEAD


def test_revisions_are_numbered_in_their_order() -> None:
    numbers = [each.revision for each in ScriptDirectory.from_config(migrate._config(None)).walk_revisions()]
    assert numbers == sorted(numbers, reverse=True)
    assert all(re.fullmatch(r"\d{4}", each) for each in numbers)


def test_a_migrated_database_has_what_the_schema_says(database: Database) -> None:
    # Of an empty text as default Alembic thinks on SQLite that it differs; defaults are compared as texts below.
    options = {"compare_type": True, "compare_server_default": database.dialect == "postgresql"}
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), described()) == []


def test_a_migrated_database_holds_what_one_made_from_the_schema_holds(
    database: Database, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    bare = _empty(request, database.dialect, tmp_path)
    tables = described()
    tables.create_all(bare.engine)
    made = _described(bare)
    bare.close()
    assert len(made) > len(tables.tables)
    # Only the chain makes the triggers of the log; test_audit looks at those.
    triggers = {line for line in _described(database) if "TRIGGER audit_" in line or line == "audit_refuse"}
    assert triggers
    assert _described(database) - triggers == made


def test_an_empty_database_is_brought_to_the_newest_revision(empty: Database) -> None:
    with pytest.raises(DatabaseNotReady, match=r"no tables yet.*verdicts db upgrade"):
        empty.require_current()
    assert migrate.upgrade(empty) == HEAD
    empty.require_current()


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    before = _described(database)
    assert migrate.upgrade(database) == HEAD
    assert _described(database) == before


def test_two_processes_that_upgrade_at_once_both_find_it_done(empty: Database) -> None:
    url = empty.engine.url.render_as_string(hide_password=False)
    program = f"from store import connect, migrate; print(migrate.upgrade(connect.Database({url!r})))"
    both = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(2)
    ]
    assert [process.communicate()[0].strip() for process in both] == [HEAD, HEAD]
    empty.require_current()


def test_down_to_nothing_and_up_again_leads_to_the_same_schema(database: Database) -> None:
    before = _described(database)
    _to(database, "base")
    assert _described(database) == set()
    migrate.upgrade(database)
    assert _described(database) == before


def test_every_revision_can_be_taken_back_by_itself(empty: Database) -> None:
    steps = [each.revision for each in ScriptDirectory.from_config(migrate._config(None)).walk_revisions()][::-1]
    for step in steps:
        before = _described(empty)
        _to(empty, step)
        with empty.write() as connection:
            command.downgrade(migrate._config(connection), "-1")
        assert _described(empty) == before, step
        _to(empty, step)


def test_rows_of_the_first_schema_survive_every_upgrade(empty: Database) -> None:
    _to(empty, "0001")
    with empty.write() as connection:
        old = sa.MetaData()
        old.reflect(connection)
        written = {table.name: _write(connection, table) for table in old.sorted_tables if table.name in WORLD}
    migrate.upgrade(empty)
    with empty.read() as connection:
        for name, count in written.items():
            assert connection.scalar(sa.select(sa.func.count()).select_from(described().tables[name])) == count
        assert violations(connection) == []


def _write(connection: Connection, table: sa.Table) -> int:
    """The world's rows, with the columns that there were."""
    for row in WORLD[table.name]:
        connection.execute(sa.insert(table).values({name: row[name] for name in row.keys() & table.c.keys()}))
    return len(WORLD[table.name])


def test_an_older_database_is_refused_until_it_is_upgraded(database: Database) -> None:
    _stamp(database, "0001")
    with pytest.raises(DatabaseNotReady, match=f"at revision 0001, this program needs {HEAD}.*verdicts db upgrade"):
        database.require_current()


def test_a_newer_database_is_left_alone(database: Database) -> None:
    _stamp(database, "9999")
    before = _described(database)
    with pytest.raises(DatabaseNotReady, match=r"at revision 9999.*Use the newer program"):
        database.require_current()
    with pytest.raises(DatabaseNotReady, match=r"9999.*Use the newer program"):
        migrate.upgrade(database)
    assert _described(database) == before
