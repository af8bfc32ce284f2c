"""The log of decisions: rows are only ever added."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from store import audit
from tests.conftest import NOW


def _note(connection: Connection, *actions: str, subject: str = "tool:ada") -> None:
    for number, action in enumerate(actions):
        at = NOW + timedelta(minutes=number)
        audit.note(connection, now=at, actor="editor@example.com", action=action, subject=subject, after=number)


def _refuses(connection: Connection, statement: str) -> None:
    before = audit.entries(connection)
    said = statement.format(at=before[0]["id"], other=before[1]["id"])
    with pytest.raises(sa.exc.DatabaseError, match="append-only"), connection.begin_nested():
        connection.execute(sa.text(said))
    assert audit.entries(connection) == before


FORBIDDEN = {
    "update": "UPDATE audit SET actor = 'nobody'",
    "update of one": "UPDATE audit SET action = 'other' WHERE id = {at}",
    "delete": "DELETE FROM audit",
    "delete of one": "DELETE FROM audit WHERE id = {at}",
    "upsert": """INSERT INTO audit (id, at, actor, action, subject) VALUES ({at}, CURRENT_TIMESTAMP, 'a', 'b', 'c')
        ON CONFLICT (id) DO UPDATE SET actor = 'nobody'""",
}
IN_ITS_OWN_WORDS = {
    "sqlite": (
        "REPLACE INTO audit (id, at, actor, action, subject) VALUES ({at}, '2026-11-20', 'a', 'b', 'c')",
        "UPDATE OR REPLACE audit SET id = {at} WHERE id = {other}",
    ),
    "postgresql": ("TRUNCATE audit", "TRUNCATE audit CASCADE"),
}


@pytest.mark.parametrize("statement", FORBIDDEN.values(), ids=FORBIDDEN)
def test_the_database_refuses_to_change_or_forget_an_entry(store: Connection, statement: str) -> None:
    _note(store, "tool.merge", "tool.split")
    _refuses(store, statement)


def test_it_refuses_what_only_one_engine_can_say_as_well(store: Connection) -> None:
    _note(store, "tool.merge", "tool.split")
    for statement in IN_ITS_OWN_WORDS[store.dialect.name]:
        _refuses(store, statement)


def test_entries_are_read_newest_first_of_one_subject_or_of_all(store: Connection) -> None:
    _note(store, "one", "two", "three")
    _note(store, "four", subject="tool:bea")
    assert [each["action"] for each in audit.entries(store, limit=2)] == ["four", "three"]
    mine = audit.entries(store, subject="tool:ada")
    assert [each["action"] for each in mine] == ["three", "two", "one"]
    assert mine[0]["at"] == NOW + timedelta(minutes=2)
    assert (mine[0]["before"], mine[0]["after"]) == (None, 2)


def test_what_is_rolled_back_was_never_noted(store: Connection) -> None:
    with suppress(ZeroDivisionError), store.begin_nested():
        _note(store, "one")
        _ = 1 / 0
    assert audit.entries(store) == []
