"""People, reminders and alarms on the command line, and races of operators over who is left."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from app import reviewing, staffing
from app.cli import run
from app.commands import staff
from core.errors import Refused, VerdictsError
from core.panel import Role
from store import schema
from tests.app.making import shelve
from tests.conftest import NOW

BUILDER, ONE, OTHER = "builder@example.com", "one@example.com", "other@example.com"


@pytest.fixture
def cli(product, monkeypatch, capsys) -> Callable[..., Any]:
    """Runs a command on the product of the test. Returns its exit code and its JSON document."""

    @contextmanager
    def opened(*_: Any, **__: Any):
        yield product

    monkeypatch.setattr(staff, "open_product", opened)
    reviewing.invite(product, BUILDER, roles=[Role.REVIEWER], lenses=["builder"], name="Bo", actor="test")
    reviewing.invite(product, ONE, roles=[Role.OPERATOR], actor="test")

    def called(*arguments: str) -> tuple[int, Any]:
        code = run(list(arguments), as_json=True, debug=False)
        return code, json.loads(capsys.readouterr().out)

    return called


def test_a_person_is_changed_let_go_and_let_in_again(cli, product):
    code, data = cli("people", "change", BUILDER, "--lens", "skeptic", "--name", "Bea")
    assert (code, data["name"], data["roles"], data["lenses"]) == (0, "Bea", ["reviewer"], ["skeptic"])
    code, data = cli("people", "deactivate", BUILDER)
    assert (code, data["active"]) == (0, False)
    assert cli("people", "deactivate", BUILDER)[0] == 0  # again is harmless
    code, data = cli("people", "reactivate", BUILDER)
    assert (code, data["active"], data["lenses"]) == (0, True, ["skeptic"])
    code, data = cli("people", "deactivate", ONE)
    assert code == 1
    assert "last operator" in data["error"]
    assert cli("people", "change", "nobody@example.com", "--role", "editor")[0] == 1


def test_reminders_are_shown_before_they_are_sent(cli, product):
    shelve(product, "Ada")
    with product.database.write() as connection:
        connection.execute(sa.update(schema.seat).where(schema.seat.c.lens == "builder").values(due_at=NOW))
    planned = cli("reminders", "send", "--dry-run")
    assert planned[1]["reminders"] == [
        {"to": BUILDER, "tool": "ada", "lens": "builder", "step": "due", "due": "2026-11-20T09:00:00Z"}
    ]
    assert cli("reminders", "send") == planned
    assert cli("reminders", "send")[1]["reminders"] == []


def test_alarms_are_listed_and_mailed(cli, product):
    shelve(product, "Ada")
    code, data = cli("alarms", "list", "--check")
    assert code == 0
    assert "lens:skeptic" in {each["key"] for each in data}
    assert {each["to"] for each in cli("alarms", "send", "--dry-run")[1]["alarms"]} == {ONE}
    assert len(cli("alarms", "send")[1]["alarms"]) == len(data)
    assert cli("alarms", "send")[1]["alarms"] == []


def test_of_two_operators_who_let_each_other_go_at_once_one_stays(product_on_both):
    product = product_on_both
    for email in (ONE, OTHER):
        reviewing.invite(product, email, roles=[Role.OPERATOR], actor="test")
    both = [staffing.find(product, email) for email in (ONE, OTHER)]

    def let_go(person: Any) -> bool:
        try:
            staffing.deactivate(product, person.id, seen=staffing.mark(person), actor="test")
        except VerdictsError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(let_go, both)) == [False, True]
    last = next(each for each in (staffing.find(product, email) for email in (ONE, OTHER)) if each.active)
    with pytest.raises(Refused, match="last operator"):
        staffing.deactivate(product, last.id, seen=staffing.mark(last), actor="test")


def test_a_seat_of_a_lens_that_is_taken_away_is_freed(product):
    reviewing.invite(product, BUILDER, roles=[Role.REVIEWER], lenses=["builder", "skeptic"], actor="test")
    shelve(product, "Ada")
    lease = reviewing.claim(product, BUILDER, lens="builder")
    person = staffing.find(product, BUILDER)
    words = {"name": "", "roles": [Role.REVIEWER], "actor": "test"}
    _, after = staffing.change(product, person.id, lenses=["skeptic"], seen=staffing.mark(person), **words)
    with product.database.read() as connection:
        state = connection.scalar(sa.select(schema.seat.c.state).where(schema.seat.c.id == lease.seat))
    assert (state, after.lenses) == ("open", ("skeptic",))
