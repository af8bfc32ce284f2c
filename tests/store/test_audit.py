"""The log of decisions: rows are only ever added."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

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


def test_a_search_narrows_by_everything_together_and_goes_on_below_an_id(store: Connection) -> None:
    _note(store, "a.one", "a.two", "b.one")
    audit.note(store, now=NOW + timedelta(days=2), actor="system", action="a.one", subject="tool:bea")

    def found(**by: Any) -> list[str]:
        return [f"{each.actor.partition('@')[0]} {each.action}" for each in audit.search(store, limit=9, **by)]

    assert found() == ["system a.one", "editor b.one", "editor a.two", "editor a.one"]
    assert found(actor="editor@example.com", action="a.one") == ["editor a.one"]
    assert found(action="a.one") == ["system a.one", "editor a.one"]
    assert found(subject="tool:ada", actor="system") == []
    assert found(since=NOW + timedelta(minutes=1), until=NOW + timedelta(days=1)) == ["editor b.one", "editor a.two"]
    assert found(since=NOW + timedelta(days=3)) == []
    newest = audit.search(store, limit=1)[0]
    assert len(found(before_id=newest.id)) == 3
    assert audit.actions(store) == ["a.one", "a.two", "b.one"]
    assert audit.actors(store) == ["editor@example.com", "system"]
