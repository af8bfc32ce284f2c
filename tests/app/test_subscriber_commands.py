"""`verdicts subscribers`, run in this process: what each command prints as JSON, and its exit code."""

from __future__ import annotations

import io
import json
import sys
from types import SimpleNamespace
from typing import Any, Protocol

import pytest

from app.cli import run
from app.sending import Links
from core.subscriber import SubscriberState
from tests.app.making import subscriber

ADA = "ada@example.com"


class Ask(Protocol):
    """Runs a command, which must leave with this exit code. Returns its JSON."""

    def __call__(self, *arguments: str, code: int = 0) -> Any: ...


@pytest.fixture
def ask(product, monkeypatch, capsys) -> Ask:
    """`verdicts subscribers ...` on the database of this test's product."""
    monkeypatch.setenv("VERDICTS_VAR", str(product.settings.var))
    monkeypatch.setenv("VERDICTS_DATABASE_URL", product.settings.database)
    monkeypatch.setenv("VERDICTS_CLOCK", product.now.isoformat())

    def command(*arguments: str, code: int = 0) -> Any:
        assert run(["subscribers", *arguments], as_json=True, debug=False) == code, capsys.readouterr()
        return json.loads(capsys.readouterr().out)

    return command


@pytest.fixture
def ada(ask) -> str:
    ask("add", ADA, "--confirmed", "--consent", "Yes.")
    return ADA


def test_a_dry_run_and_an_import_say_the_same_and_tell_each_refused_row(ask, product, tmp_path):
    file = tmp_path / "list.csv"
    file.write_text(f"email,consent\n{ADA},Yes\nbad,Yes\n")
    tried = ask("import", str(file), "--dry-run", "--report", str(tmp_path / "why.csv"), code=1)
    assert (tried["added"], tried["refused_rows"], tried["dry_run"]) == (1, 1, True)
    assert (tmp_path / "why.csv").read_text().startswith("row,reason\n2,")
    assert subscriber(product, ADA) is None
    done = ask("import", str(file), code=1)
    assert done | {"dry_run": True, "refused_file": tried["refused_file"]} == tried


def test_data_holds_a_person_and_is_refused_for_nobody(ask, ada):
    assert ask("data", ada)["subscriber"]["address"] == ada
    assert "no subscriber" in ask("data", "bea@example.com", code=1)["error"]


def test_an_address_and_a_domain_are_suppressed_and_permitted_by_the_same_words(ask, product, ada):
    ask("suppress", ada)
    found = subscriber(product, ada)
    assert found is not None
    assert found.state is SubscriberState.UNSUBSCRIBED
    assert ask("permit", ada) == {"permitted": ada}
    assert ask("suppress", "@Example.ORG", "--note", "They asked.") == {"suppressed": "example.org"}
    assert "domain" in ask("add", "a@example.org", "--confirmed", "--consent", "Yes.", code=1)["error"]
    ask("permit", "@example.org")
    ask("permit", "@example.org", code=1)


def test_a_mail_on_standard_input_ends_the_subscription_that_it_names(ask, product, ada, monkeypatch):
    found = subscriber(product, ada)
    assert found is not None
    secret = Links(product).unsubscribe(found).rpartition("/")[2]
    for text, expected in ((b"Subject: hello\n\n", None), (f"Subject: unsubscribe {secret}\n\n".encode(), ada)):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text)))
        assert ask("unsubscribe-mail") == {"unsubscribed": expected}


def test_growth_is_told_by_week(ask, ada):
    told = ask("growth", "--weeks", "2")
    assert [each["week"] for each in told] == ["2026-W46", "2026-W47"]
    assert told[1] == {"week": "2026-W47", "active": 1, "pending": 0, "joined": 1, "lost": {"erased": 0}}
    ask("growth", "--weeks", "100000", code=2)


def test_an_export_is_a_file(ask, ada, tmp_path):
    assert ask("export", str(tmp_path / "out.csv"))["subscribers"] == 1
