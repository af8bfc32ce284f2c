"""The log of decisions: rows are only ever added."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
import sqlalchemy as sa

from store import audit
from store.connect import Database
from tests.conftest import NOW


def _note(database: Database, *actions: str, subject: str = "tool:ada") -> None:
    with database.write() as connection:
        for number, action in enumerate(actions):
            at = NOW + timedelta(minutes=number)
            audit.note(connection, now=at, actor="editor@example.com", action=action, subject=subject, after=number)


def _actions(database: Database) -> list[str]:
    with database.read() as connection:
        return [entry["action"] for entry in audit.entries(connection)]


FORBIDDEN = {
    "update": "UPDATE audit SET actor = 'nobody'",
    "update of one": "UPDATE audit SET action = 'other' WHERE id = 1",
    "delete": "DELETE FROM audit",
    "delete of one": "DELETE FROM audit WHERE id = 1",
    "upsert": """INSERT INTO audit (id, at, actor, action, subject) VALUES (1, CURRENT_TIMESTAMP, 'a', 'b', 'c')
        ON CONFLICT (id) DO UPDATE SET actor = 'nobody'""",
}
IN_ITS_OWN_WORDS = {
    "sqlite": (
        "REPLACE INTO audit (id, at, actor, action, subject) VALUES (1, '2026-11-20', 'a', 'b', 'c')",
        "UPDATE OR REPLACE audit SET id = 1 WHERE id = 2",
    ),
    "postgresql": ("TRUNCATE audit", "TRUNCATE audit CASCADE"),
}


@pytest.mark.parametrize("statement", FORBIDDEN.values(), ids=FORBIDDEN)
def test_the_database_refuses_to_change_or_forget_an_entry(database: Database, statement: str) -> None:
    _note(database, "tool.merge", "tool.split")
    with pytest.raises(sa.exc.DatabaseError, match="append-only"), database.write() as connection:
        connection.execute(sa.text(statement))
    assert _actions(database) == ["tool.split", "tool.merge"]


def test_it_refuses_what_only_one_engine_can_say_as_well(database: Database) -> None:
    _note(database, "tool.merge", "tool.split")
    for statement in IN_ITS_OWN_WORDS[database.dialect]:
        with pytest.raises(sa.exc.DatabaseError, match="append-only"), database.write() as connection:
            connection.execute(sa.text(statement))
    assert _actions(database) == ["tool.split", "tool.merge"]


def test_entries_are_read_newest_first_of_one_subject_or_of_all(database: Database) -> None:
    _note(database, "one", "two", "three")
    _note(database, "four", subject="tool:bea")
    with database.read() as connection:
        assert [each["action"] for each in audit.entries(connection, limit=2)] == ["four", "three"]
        mine = audit.entries(connection, subject="tool:ada")
    assert [each["action"] for each in mine] == ["three", "two", "one"]
    assert mine[0]["at"] == NOW + timedelta(minutes=2)
    assert (mine[0]["before"], mine[0]["after"]) == (None, 2)


def test_what_is_rolled_back_was_never_noted(database: Database) -> None:
    with suppress(ZeroDivisionError), database.write() as connection:
        audit.note(connection, now=NOW, actor="a", action="b", subject="c")
        _ = 1 / 0
    assert _actions(database) == []
