"""The command line as scripts and impatient people meet it: quick, complete, and polite when something is wrong."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from cyclopts import App

from app import cli, editing
from app.cli import GROUPS, run
from app.wiring import Product
from core.version import VERSION
from core.week import Week
from tests.app.hostile import Hostile
from tests.app.installation import CLOCK, ROOT
from tests.app.making import enrol, judge, publish, review, shelve

CONTRACT = """
db upgrade | db backup | check | doctor | settings | web | up | demo
sources list | sources check | sources pause | sources resume | sources import-opml | ingest
tools list | tools show | tools merge | tools split | tools reject | tools edit
duplicates list | duplicates resolve
people invite | queue list | queue claim | queue decline | verdict submit
comparisons propose | comparisons create | comparisons show | comparisons approve
edition assemble | edition preview | edition approve | edition send | edition pause | edition resume | edition status
subscribers add | subscribers import | subscribers export | subscribers erase | subscribers list
"""
COMMANDS = [each.strip().split() for line in CONTRACT.strip().splitlines() for each in line.split("|")]


@pytest.fixture
def here(product: Product, monkeypatch: pytest.MonkeyPatch) -> Product:
    """The commands of this process work on the product of the test."""
    monkeypatch.setenv("VERDICTS_VAR", str(product.settings.var))
    monkeypatch.setenv("VERDICTS_SOURCES", str(product.settings.sources))
    monkeypatch.setenv("VERDICTS_CLOCK", CLOCK)
    return product


Said = Callable[..., Any]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Said:
    """Runs a command with --json, and gives its exit code and its one document."""

    def command(*arguments: str) -> tuple[int, Any]:
        capsys.readouterr()
        code = run(list(arguments), as_json=True, debug=False)
        output = capsys.readouterr()
        assert "Traceback" not in output.err
        return code, json.loads(output.out)

    return command


# ------------------------------------------------------------ help


def test_help_answers_at_once():
    command = [str(Path(sys.executable).with_name("verdicts")), "--help"]
    times = []
    for _ in range(3):
        began = os.times()
        subprocess.run(command, check=True, capture_output=True)
        ended = os.times()
        # What it takes, not what the machine does beside it.
        times.append(ended.children_user + ended.children_system - began.children_user - began.children_system)
    assert 0 < min(times) < 0.5


def test_help_lists_every_group_and_each_of_them_has_help(capsys):
    assert run(["--help"], as_json=False, debug=False) == 0
    listed = set(re.findall(r"^│ ([a-z]+) ", capsys.readouterr().out, re.MULTILINE))
    assert listed == set(GROUPS)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_of_the_contract_exists_and_says_what_it_does(capsys, command):
    assert run([*command, "--help"], as_json=False, debug=False) == 0
    usage, words, *_ = capsys.readouterr().out.split("\n\n")
    assert usage.startswith(f"Usage: verdicts {' '.join(command)}")
    assert words.strip()


def leaves() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every command with its function."""
    for group, (where, _) in GROUPS.items():
        module, _, name = where.partition(":")
        found = getattr(import_module(module), name)
        yield from _below(group, found) if isinstance(found, App) else [(group, found)]


def _below(path: str, app: App) -> Iterator[tuple[str, Callable[..., Any]]]:
    for name in app:
        below = app[name]
        if not name.startswith("-") and below.default_command is not None:
            yield f"{path} {name}", below.default_command


def test_every_command_says_what_it_does_and_bounds_the_numbers_it_takes():
    """SQLite takes no number above 2**63 - 1, and LIMIT -1 means no limit."""
    found = dict(leaves())
    assert found.keys() >= {" ".join(command) for command in COMMANDS}
    for name, function in found.items():
        assert function.__doc__, name
        for parameter, kind in get_type_hints(function, include_extras=True).items():
            free = int in (kind, *get_args(kind)) and "Number(" not in str(kind)
            assert not free, f"{name}: {parameter}"


def test_the_version_is_that_of_the_product(capsys):
    assert run(["--version"], as_json=False, debug=False) == 0
    assert capsys.readouterr().out.strip() == VERSION


def loaded(code: str, *, environment: dict[str, str] | None = None) -> set[str]:
    """Modules that are loaded once a fresh process has run this."""
    script = f"{code}\nimport sys\nprint('MODULES', *sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return set(done.stdout.rpartition("MODULES ")[2].split())


def test_help_loads_neither_database_nor_parsers_nor_prefect():
    found = loaded("from app.cli import run\nrun(['--help'], as_json=False, debug=False)")
    heavy = {"prefect", "sqlalchemy", "pydantic", "httpx", "lxml", "jinja2", "sendgrid", "alembic"}
    assert "app.cli" in found
    assert not heavy & found


def test_no_command_that_runs_no_flow_loads_prefect(installed):
    made = installed()
    commands = [
        ["db", "upgrade"],
        ["ingest", "--all"],
        ["tools", "list"],
        ["tools", "show", "metaclaw"],
        ["duplicates", "list"],
        ["people", "invite", "a@example.com", "--role", "editor"],
        ["queue", "list"],
        ["comparisons", "propose"],
        ["edition", "assemble"],
        ["edition", "send", "2026-W47"],
        ["subscribers", "add", "b@example.com"],
        ["sources", "list"],
        ["check"],
        ["doctor"],
        ["settings"],
    ]
    code = f"from app.cli import run\nfor each in {commands!r}: run(each, as_json=True, debug=False)"
    found = loaded(code, environment=made.environment)
    assert {"sqlalchemy", "app.ingesting", "ingest.fetch", "app.editing", "app.sending"} <= found
    assert not [name for name in found if name.partition(".")[0] in ("prefect", "starlette", "uvicorn", "flows", "web")]


# ------------------------------------------------------------ wrong use


@pytest.mark.parametrize(
    "arguments",
    [
        ["nosuch"],
        ["tools", "nosuch"],
        ["tools", "show"],
        ["tools", "show", "one", "two"],
        ["tools", "list", "--limit", "many"],
        ["tools", "list", "--limit", "0"],
        ["tools", "list", "--limit", "99999999999999999999999"],
        ["tools", "list", "--status", "lost"],
        ["tools", "list", "--colour"],
        ["tools", "split", "ada"],
        ["tools", "split", "ada", "nothing"],
        ["duplicates", "resolve", "1", "perhaps"],
        ["duplicates", "resolve", "99999999999999999999999", "same"],
        ["people", "invite", "a@example.com"],
        ["people", "invite", "a@example.com", "--role", "king"],
        ["queue", "claim"],
        ["queue", "decline", "--as", "a@example.com", "one", "--reason", "later"],
        ["queue", "decline", "--as", "a@example.com", "1", "--reason", "tired"],
        ["verdict", "submit", "--as", "a@example.com", "--seat", "1"],
        ["comparisons", "show", "ada"],
        ["comparisons", "show", "a-vs-b-vs-c"],
        ["comparisons", "create", "ada"],
        ["edition", "status"],
        ["edition", "status", "next week"],
        ["edition", "assemble", "--week", "2026-W54"],
        ["edition", "preview", "2026-W47"],
        ["edition", "preview", "2026-W47", "--out", "here", "--for", "agents", "--best-of"],
        ["subscribers", "add", "a@example.com", "--confirmed"],
        ["subscribers", "add", "a@example.com", "--consent", "Yes."],
        ["subscribers", "import", "nowhere.csv"],
        ["subscribers", "export", "nowhere/out.csv"],
        ["sources", "import-opml", "nowhere.opml"],
        ["lenses", "nowhere.toml"],
        ["web", "--port", "70000"],
        ["web", "--workers", "0"],
        ["tools", "list", "a", "b"],
    ],
    ids=" ".join,
)
def test_wrong_use_is_one_sentence_and_exit_code_2(here, say, arguments):
    shelve(here, "Ada")
    here.settings.sources.write_text("")
    code, said = say(*arguments)
    assert code == 2
    assert said.keys() == {"error", "mend"}
    assert said["error"]
    assert said["mend"]
    assert "should not have happened" not in said["error"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["edition", "status", "2030-W10"], "There is no edition 2030-W10."),
        (["edition", "send", "2030-W10"], "There is no edition 2030-W10."),
        (["tools", "show", "nowhere"], "There is no tool 'nowhere'."),
        (["sources", "pause", "nowhere"], "There is no source 'nowhere'."),
        (["ingest", "nowhere"], "There is no source 'nowhere'."),
        (["duplicates", "resolve", "7", "same"], "There is no open question 7."),
        (["queue", "claim", "--as", "nobody@example.com"], "Nobody here has the address nobody@example.com."),
        (["comparisons", "create", "ada", "nowhere"], "There is no tool 'nowhere'."),
        (["comparisons", "show", "ada-vs-nowhere"], "There is no tool 'nowhere'."),
        (["subscribers", "erase", "nobody@example.com"], "There is no subscriber nobody@example.com."),
        (["people", "invite", "a@example.com", "--role", "reviewer"], "A reviewer needs at least one lens."),
        (["people", "invite", "nobody", "--role", "editor"], "'nobody' is not an e-mail address"),
        (["edition", "assemble"], "No approved comparison waits to be sent."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_names_the_thing_and_the_mend_and_has_exit_code_1(here, say, arguments, message):
    shelve(here, "Ada")
    here.settings.sources.write_text("")
    code, said = say(*arguments)
    assert code == 1
    assert said["error"].startswith(message)
    assert said["mend"]


def test_an_argument_that_is_no_text_is_wrong_use(installed):
    made = installed()
    done = made.start("tools", "show", os.fsdecode(b"caf\xe9"), "--json")
    output, _ = done.communicate(timeout=30)
    assert done.returncode == 2
    assert json.loads(output)["error"] == "Argument 3 is not in UTF-8."


def test_errors_go_to_standard_error_with_and_without_json(here, capsys):
    for as_json in (True, False):
        assert run(["tools", "show", "nowhere"], as_json=as_json, debug=False) == 1
        output = capsys.readouterr()
        assert output.err == "There is no tool 'nowhere'. `verdicts tools list` shows them.\n"
        assert bool(output.out) is as_json


def test_the_flags_may_stand_anywhere_and_more_than_once(here, capsys):
    for arguments in (["--json", "check"], ["check", "--json"], ["--json", "check", "--json"]):
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        assert ended.value.code == 0
        assert json.loads(capsys.readouterr().out) == {"violations": []}


# ------------------------------------------------------------ files and tables that are not as they should be


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[source]\n", "sources.toml, line 1"),
        (
            '[[source]]\nkey = "x"\n\nkind = "telepathy"\n',
            "sources.toml, line 4, key 'kind': there is no kind 'telepathy'",
        ),
        ('[[source]]\nkey = "x"\nkind = "feed"\nschedule = "0 * * * *"\n', "sources.toml, line 1: 'url' is missing"),
        ('[[source]]\nkey = "x"\nkind = "hackernews"\nschedule = "often"\n', "line 4, key 'schedule'"),
        ('[[source]]\nkey = "x"\nkind = "hackernews"\nschedule = "0 * * * *"\ncolour = 1\n', "unknown key 'colour'"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_a_broken_sources_file_names_line_and_key(here, say, text, message):
    here.settings.sources.write_bytes(text if isinstance(text, bytes) else text.encode())
    for arguments in (["sources", "list"], ["ingest", "--all"], ["sources", "pause", "x"], ["sources", "check", "x"]):
        code, said = say(*arguments)
        assert code == 2
        assert message in said["error"]
        assert said["mend"]


def test_a_mark_of_byte_order_in_front_of_the_sources_is_no_error(here, say):
    here.settings.sources.write_text('\ufeff[[source]]\nkey = "x"\nkind = "hackernews"\nschedule = "0 * * * *"\n')
    code, said = say("sources", "list")
    assert (code, [each["key"] for each in said]) == (0, ["x"])


def test_a_sources_file_that_is_not_there_is_named(here, say):
    code, said = say("ingest")
    assert (code, str(here.settings.sources) in said["error"]) == (2, True)


@pytest.mark.parametrize("command", [["tools", "list"], ["check"], ["sources", "list"], ["subscribers", "list"]])
def test_a_database_without_tables_says_how_to_make_them(monkeypatch, tmp_path, say, command):
    monkeypatch.setenv("VERDICTS_VAR", str(tmp_path / "new"))
    assert say(*command) == (2, {"error": "The database has no tables yet.", "mend": "Run `verdicts db upgrade`."})
    assert not (tmp_path / "new").exists()


def test_a_table_that_is_missing_is_a_database_that_is_not_ready(here, say):
    with closing(sqlite3.connect(here.settings.var / "verdicts.db")) as database:
        database.execute("DROP TABLE sighting")
    code, said = say("check")
    assert code == 2
    assert "no such table" in said["error"]
    assert said["mend"] == "Run `verdicts db upgrade`."


def test_a_database_of_another_version_is_not_touched(here, say):
    with closing(sqlite3.connect(here.settings.var / "verdicts.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '0000'")
    code, said = say("tools", "list")
    assert (code, said["mend"]) == (2, "Run `verdicts db upgrade`.")
    assert "revision 0000" in said["error"]


def test_a_folder_that_cannot_be_made_is_named(monkeypatch, tmp_path, say):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VERDICTS_VAR", str(tmp_path / "file" / "var"))
    code, said = say("db", "upgrade")
    assert code == 2
    assert str(tmp_path / "file") in said["error"]


def test_a_backup_replaces_no_file(here, say):
    target = here.settings.var / "copy.db"
    code, said = say("db", "backup", str(target))
    assert (code, said["bytes"]) == (0, target.stat().st_size)
    code, said = say("db", "backup", str(target))
    assert (code, said["mend"]) == (1, "Choose a new name; a backup never replaces another.")


def test_upgrading_twice_is_upgrading_once(here, say):
    assert say("db", "upgrade") == say("db", "upgrade")
    assert say("check") == (0, {"violations": []})


def test_a_broken_invariant_is_exit_code_1(here, say):
    shelve(here, "Ada")
    with closing(sqlite3.connect(here.settings.var / "verdicts.db")) as database, database:
        database.execute("UPDATE seat SET panel_submitted = 3")
    code, said = say("check")
    assert code == 1
    assert [each.keys() for each in said["violations"]] == [{"rule", "rows"}]


# ------------------------------------------------------------ what nobody expected


def test_a_surprise_is_a_sentence_and_a_traceback_only_when_asked_for(here, say, monkeypatch):
    monkeypatch.setattr(editing, "list_tools", lambda *_, **__: 1 / 0)
    code, said = say("tools", "list")
    assert code == 1
    assert said["error"] == "This should not have happened: ZeroDivisionError: division by zero"
    assert "--debug" in said["mend"]
    with pytest.raises(ZeroDivisionError):
        run(["tools", "list"], as_json=True, debug=True)


def test_ctrl_c_is_exit_code_130(here, monkeypatch):
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(editing, "list_tools", interrupted)
    assert run(["tools", "list"], as_json=False, debug=False) == 130


@pytest.mark.parametrize(("unbuffered", "shown"), [("", ["--json"]), ("1", ["--json"]), ("1", [])])
def test_a_reader_who_goes_away_is_no_error(product, installed, unbuffered, shown):
    shelve(product, *(f"Tool number {number}" for number in range(100)))
    made = installed(VERDICTS_VAR=str(product.settings.var), PYTHONUNBUFFERED=unbuffered)
    process = made.start("tools", "list", "--limit", "1000", *shown)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")


def test_interrupted_for_real_a_command_ends_without_a_traceback(installed, samples):
    with Hostile() as server:
        server.answers["/slow"] = server.hang
        made = installed(VERDICTS_ALLOW_PRIVATE_HOSTS=server.host)
        (made.folder / "sources.toml").write_text(
            f'[[source]]\nkey = "slow"\nkind = "feed"\nurl = "{server.url("/slow")}"\nschedule = "0 * * * *"\n'
        )
        made.ask("db", "upgrade")
        process = made.start("ingest", "--all")
        while not server.asked:
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors


# ------------------------------------------------------------ for people


def test_people_get_tables_and_no_markup_of_strangers(here, capsys):
    shelve(here, "Ada")
    editing.edit_tool(here, "ada", {"name": "[bold red]Ada[/] :smile:"}, actor="test")
    assert run(["tools", "list"], as_json=False, debug=False) == 0
    shown = capsys.readouterr().out
    assert "[bold red]Ada[/] :smile:" in shown
    assert "\x1b" not in shown
    assert run(["tools", "show", "ada"], as_json=False, debug=False) == 0
    assert "Panel     no verdict yet" in capsys.readouterr().out


def test_every_list_that_is_empty_says_what_to_do(here, capsys):
    here.settings.sources.write_text("")
    for command in (["tools"], ["duplicates"], ["people"], ["queue"], ["comparisons"], ["subscribers"], ["sources"]):
        assert run([*command, "list"], as_json=False, debug=False) == 0
        assert capsys.readouterr().out.strip()


def test_words_for_people_never_stand_in_the_json(here, say):
    review(here, "Ada", "Bea")
    enrol(here, 2)
    here.settings.sources.write_text("")
    for command in (
        ["tools", "list"],
        ["tools", "show", "ada"],
        ["comparisons", "propose"],
        ["comparisons", "list"],
        ["queue", "list"],
        ["people", "list"],
        ["sources", "list"],
        ["duplicates", "list"],
        ["settings"],
        ["doctor"],
        ["ingest"],
    ):
        code, said = say(*command)
        assert code == 0, (command, said)
        assert isinstance(said, list | dict)


def test_edition_preview_and_variants_show_what_monthly_readers_get(here, say, tmp_path):
    publish(here)
    shelve(here, "Cid", "Dot")
    for slug in ("cid", "dot"):
        judge(here, slug)
    asked = ("edition", "preview", "2026-W47", "--best-of", "--out", str(tmp_path / "none"))
    code, said = say(*asked)
    assert (code, "has no best-of" in said["error"]) == (1, True)
    publish(here, "cid", "dot", week=Week(2026, 49))
    code, said = say("edition", "preview", "2026-W49", "--best-of", "--out", str(tmp_path / "best"))
    assert code == 0
    assert said["subject"] == "Best of November 2026: Ada vs Bea"
    assert "BEST OF NOVEMBER 2026" in (tmp_path / "best" / "edition.txt").read_text(encoding="utf-8")
    code, rows = say("edition", "variants", "2026-W49")
    assert code == 0
    assert [(row["variant"], row["best_of"], row["comparisons"], row["choices"]) for row in rows] == [
        (1, True, ["ada-vs-bea"], 0)
    ]
    assert rows[0]["sha256"] == said["sha256"]
