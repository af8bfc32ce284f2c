"""One week by hand: every command as a process, its JSON as scripts rely on it, and the mails that come out."""

from __future__ import annotations

import csv
import email
import email.policy
import json
import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from app.samples import SampleServer
from tests.app.installation import Installation, install

WEEK = "2026-W47"
PANEL = "panel@example.com"
SECOND = "second@example.com"
EDITOR = "noor@example.com"
PAIR = "aider-vs-opencode"
JUDGED = {
    "aider": [("builder", "ship"), ("skeptic", "ship"), ("futurist", "skip")],
    "opencode": [("builder", "ship"), ("skeptic", "skip"), ("futurist", "skip")],
}
QUOTE = 'It asks <before> it edits & keeps 100 % of "my" tests; 3 of 4 runs were right – fine {{by}} me.'
CONSENT = "Yes, send me Weekly Verdicts once a week."
OPENED = ("ada@example.com", "ben@example.org")

TOOL_ROW = {"slug", "name", "status", "category", "priority"}
COMPARISON_ROW = {"slug", "a", "b", "state", "version", "approved_version", "approved_by", "approved_at"}
EDITION_ROW = {"week", "number", "state", "subject", "preheader", "comparisons", "version", "sha256", "approved_by"}
STATUS = {"week", "state", "recipients", "pending", "sent", "uncertain", "failed", "delivered", "bounced"}
FETCH_ROW = {
    *("key", "outcome", "http_status", "entries", "new", "changed", "new_tools", "merged"),
    *("bytes", "seconds", "error"),
}


@dataclass
class Record:
    """What every command of the week came back with, under names of our own."""

    installation: Installation
    said: dict[str, Any] = field(default_factory=dict)

    def note(self, name: str, *arguments: str) -> Any:
        self.said[name] = self.installation.ask(*arguments)
        return self.said[name]

    def note_all(self, commands: dict[str, tuple[str, ...]]) -> None:
        """Commands that do not wait for each other, two at a time."""
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(self.note, name, *arguments) for name, arguments in commands.items()]:
                done.result()

    def __getitem__(self, name: str) -> Any:
        return self.said[name]

    @property
    def mails(self) -> list[EmailMessage]:
        return [
            email.message_from_bytes(path.read_bytes(), policy=email.policy.default)  # type: ignore[misc]
            for path in sorted((self.installation.folder / "outbox").glob(f"{WEEK}-*.eml"))
        ]


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory, samples: SampleServer) -> Record:
    """The week, once, in order."""
    folder = tmp_path_factory.mktemp("week")
    record = Record(install(folder, samples, VERDICTS_QUORUM="3"))
    _look_for_tools(record)
    _tidy_the_shelf(record)
    _judge(record)
    _compare(record)
    _enrol(record, folder)
    _send(record, folder)
    _look_back(record, folder)
    return record


def _look_for_tools(record: Record) -> None:
    record.note("upgrade", "db", "upgrade")
    record.note("ingested", "ingest", "--all")
    record.note("ingested again", "ingest", "--all")
    record.note("paused", "sources", "pause", "bench-notes")
    record.note_all(
        {
            "sources": ("sources", "list"),
            "checked": ("sources", "check", "hn"),
            "tools": ("tools", "list", "--limit", "100"),
            "queued": ("tools", "list", "--status", "queued", "--limit", "3"),
            "tool": ("tools", "show", "metaclaw"),
            "duplicates": ("duplicates", "list"),
        }
    )
    record.note("resumed", "sources", "resume", "bench-notes")


def _tidy_the_shelf(record: Record) -> None:
    record.note("merged", "tools", "merge", "vllm", "llamafile")
    [brought] = [
        each for each in record.installation.ask("tools", "show", "vllm")["sightings"] if "llamafile" in each["title"]
    ]
    record.note("split", "tools", "split", "vllm", f"{brought['source']}/{brought['external_id']}")
    record.note("rejected", "tools", "reject", "goose")
    record.note("edited", "tools", "edit", "goose", "--name", "Goose, the agent", "--new-slug", "goose-agent")


def _judge(record: Record) -> None:
    lenses = [part for lens, _ in JUDGED["aider"] for part in ("--lens", lens)]
    record.note_all(
        {
            "reviewer": ("people", "invite", PANEL, "--role", "reviewer", *lenses, "--name", "Pat"),
            "second": ("people", "invite", SECOND, "--role", "reviewer", *lenses, "--name", "Sam"),
            "editor": ("people", "invite", EDITOR, "--role", "editor", "--role", "operator", "--name", "Noor"),
        }
    )
    record.note_all({"people": ("people", "list"), "queue": ("queue", "list", "--as", PANEL, "--limit", "5")})
    with ThreadPoolExecutor(2) as pool:
        # A reviewer holds one seat of a lens at a time: each judges a tool through all of their lenses.
        for done in [pool.submit(_judge_tool, record, *each) for each in zip(JUDGED, (PANEL, SECOND), strict=True)]:
            done.result()
    seat = record.installation.ask("queue", "claim", "--as", PANEL)
    record.note("declined", "queue", "decline", "--as", PANEL, str(seat["seat"]), "--reason", "not-my-field")


def _judge_tool(record: Record, slug: str, reviewer: str) -> None:
    for lens, verdict in JUDGED[slug]:
        seat = record.note(f"claim {slug}", "queue", "claim", "--as", reviewer, "--lens", lens, "--tool", slug)
        words = ("--quote", f"{QUOTE} ({lens} on {slug})", "--basis", "hands-on")
        place = ("--seat", str(seat["seat"]), "--fence", str(seat["fence"]))
        record.note(f"verdict {slug}", "verdict", "submit", "--as", reviewer, *place, "--verdict", verdict, *words)


def _compare(record: Record) -> None:
    record.note("proposed", "comparisons", "propose", "--limit", "5")
    record.note("created", "comparisons", "create", "opencode", "aider")
    record.note("approved", "comparisons", "approve", PAIR, "--as", EDITOR, "--version", "1")
    record.note("comparison", "comparisons", "show", PAIR)


def _enrol(record: Record, folder: Path) -> None:
    record.note("added", "subscribers", "add", OPENED[0], "--confirmed", "--consent", CONSENT, "--name", "Ada")
    record.note("asked", "subscribers", "add", "pending@example.com")
    (folder / "list.csv").write_text(
        f'email,consent,name\n{OPENED[1]},"{CONSENT}",Ben\n{OPENED[0]},"{CONSENT}",Ada\ngone@example.com,"{CONSENT}",\n'
    )
    record.note("imported", "subscribers", "import", str(folder / "list.csv"))
    record.note("erased", "subscribers", "erase", "gone@example.com")
    out = str(folder / "out.csv")
    record.note_all({"exported": ("subscribers", "export", out), "subscribers": ("subscribers", "list")})


def _send(record: Record, folder: Path) -> None:
    record.note("assembled", "edition", "assemble", "--week", WEEK)
    record.note("preview", "edition", "preview", WEEK, "--out", str(folder / "preview"))
    record.note("frozen", "edition", "approve", WEEK, "--as", EDITOR)
    record.note("sent", "edition", "send", WEEK)
    record.note("sent again", "edition", "send", WEEK)


def _look_back(record: Record, folder: Path) -> None:
    record.note_all(
        {
            "status": ("edition", "status", WEEK),
            "violations": ("check",),
            "doctor": ("doctor",),
            "settings": ("settings",),
            "backup": ("db", "backup", str(folder / "copy.db")),
        }
    )


# ------------------------------------------------------------ ingestion


def test_ingest_says_of_each_source_what_came_of_it(week):
    rows = week["ingested"]["sources"]
    assert [row["key"] for row in rows] == ["hf-models", "hf-papers", "hn", "tool-drawer", "bench-notes"]
    assert all(row.keys() >= FETCH_ROW for row in rows)
    assert {(row["outcome"], row["http_status"], row["error"]) for row in rows} == {("ok", 200, None)}
    assert all(row["entries"] == row["new"] > 0 and row["bytes"] > 1000 for row in rows)


def test_ingest_a_second_time_finds_nothing_new(week):
    rows = week["ingested again"]["sources"]
    assert {(row["outcome"], row["new"], row["changed"], row["new_tools"]) for row in rows} == {
        ("not_modified", 0, 0, 0)
    }


def test_sources_list_check_pause_and_resume(week):
    rows = {row["key"]: row for row in week["sources"]}
    assert rows.keys() == {"hf-models", "hf-papers", "hn", "tool-drawer", "bench-notes"}
    assert (
        rows["hn"].items()
        >= {
            "key": "hn",
            "kind": "hackernews",
            "state": "on",
            "last_success": "2026-11-20T09:00:00Z",
            "last_error": None,
            "entries_median": 12,
            "next_due": "2026-11-20T09:07:00Z",
        }.items()
    )
    assert week["paused"] == {"key": "bench-notes", "state": "paused"}
    assert rows["bench-notes"]["state"] == "paused"
    assert week["resumed"] == {"key": "bench-notes", "state": "on"}
    assert week["checked"]["outcome"] == "ok"
    assert all(entry.keys() >= {"name", "url", "identifiers"} for entry in week["checked"]["entries"])


def test_tools_list_gives_the_highest_priority_first(week):
    rows = week["tools"]
    assert all(row.keys() >= TOOL_ROW for row in rows)
    priorities = [row["priority"] for row in rows]
    assert priorities == sorted(priorities, reverse=True)
    assert week["queued"] == [row for row in rows if row["status"] == "queued"][:3]


def test_tools_show_gives_everything_known_of_a_tool(week):
    tool = week["tool"]
    assert tool.keys() >= {*TOOL_ROW, "identifiers", "sightings", "facts", "pricing", "panel"}
    assert set(tool["identifiers"]) >= {"arxiv:2603.17187", "github:aiming-lab/metaclaw"}
    assert {each["source"] for each in tool["sightings"]} == {"hf-papers", "hn"}
    assert all(each.keys() >= {"source", "external_id", "url", "title"} for each in tool["sightings"])
    assert all(each.keys() >= {"field", "value", "source_url", "observed_at"} for each in tool["facts"])
    assert tool["pricing"].keys() >= {"model", "entry_price", "source_url", "observed_at"}
    assert tool["priority"].keys() == {"score", "reasons"}
    assert tool["priority"]["score"] == pytest.approx(
        sum(each["points"] for each in tool["priority"]["reasons"]), abs=1
    )
    assert tool["panel"].items() >= {"ship_percent": None, "count": "0-0", "verdicts": 0, "closed": False}.items()


def test_tools_merge_split_reject_and_edit(week):
    assert week["duplicates"] == []
    assert (week["merged"]["slug"], week["split"]["slug"]) == ("vllm", "llamafile")
    assert week["split"]["status"] == "queued"
    assert (week["rejected"]["slug"], week["rejected"]["status"]) == ("goose", "rejected")
    assert (week["edited"]["slug"], week["edited"]["name"]) == ("goose-agent", "Goose, the agent")


# ------------------------------------------------------------ panel


def test_people_invite_gives_a_link_to_sign_in(week):
    assert week["reviewer"].keys() == {"email", "sign_in_url"}
    assert week["reviewer"]["email"] == PANEL
    assert re.fullmatch(r"http://127\.0\.0\.1:8000/desk/sign-in/[\w-]{40,}", week["reviewer"]["sign_in_url"])
    assert week["people"] == [
        {"email": EDITOR, "name": "Noor", "roles": ["editor", "operator"], "lenses": []},
        {"email": PANEL, "name": "Pat", "roles": ["reviewer"], "lenses": ["builder", "skeptic", "futurist"]},
        {"email": SECOND, "name": "Sam", "roles": ["reviewer"], "lenses": ["builder", "skeptic", "futurist"]},
    ]


def test_queue_claim_and_decline(week):
    assert {row["lens"] for row in week["queue"]} <= {"builder", "skeptic", "futurist"}
    assert week["claim opencode"].keys() == {"seat", "tool", "lens", "fence", "lease_until"}
    assert (week["claim opencode"]["tool"], week["claim opencode"]["lens"], week["claim opencode"]["fence"]) == (
        "opencode",
        "futurist",
        1,
    )
    assert week["claim opencode"]["lease_until"] == "2026-11-20T09:30:00Z"
    assert week["declined"]["reason"] == "not-my-field"


def test_verdict_submit_gives_the_panel_so_far(week):
    assert week["verdict aider"] == {"tool": "aider", "panel_ship": 67, "count": "2-1", "closed": True}
    assert week["verdict opencode"] == {"tool": "opencode", "panel_ship": 33, "count": "1-2", "closed": True}


# ------------------------------------------------------------ comparisons


def test_comparisons_propose_explains_each_pair(week):
    [pair] = week["proposed"]
    assert {pair["a"], pair["b"]} == {"aider", "opencode"}
    assert 0 < pair["score"] <= 1
    assert pair["reasons"]
    assert all(each.keys() == {"reason", "points"} for each in pair["reasons"])


def test_comparisons_create_approve_and_show(week):
    created, approved, shown = week["created"], week["approved"], week["comparison"]
    assert created.keys() & approved.keys() >= COMPARISON_ROW
    assert (created["slug"], created["a"], created["b"]) == (PAIR, "aider", "opencode")
    assert (created["state"], created["version"], created["approved_version"]) == ("draft", 1, None)
    assert (approved["state"], approved["approved_version"], approved["approved_by"]) == ("approved", 1, "Noor")
    assert shown.keys() >= {*COMPARISON_ROW, "title", "sides", "scorecard", "split"}
    assert shown["title"] == "Aider vs OpenCode"
    assert [row["lens"] for row in shown["scorecard"]] == ["builder", "skeptic", "futurist"]
    assert shown["scorecard"][0]["a"]["quote"] == f"{QUOTE} (builder on aider)"
    assert shown["split"] == {"both_ship": ["Builder"], "both_skip": ["Futurist"], "only_a": ["Skeptic"], "only_b": []}


# ------------------------------------------------------------ subscribers


def test_subscribers_add_import_export_erase_and_list(week):
    assert (week["added"]["email"], week["added"]["state"]) == (OPENED[0], "active")
    assert (week["asked"]["email"], week["asked"]["state"]) == ("pending@example.com", "pending")
    assert week["imported"] == {
        "added": 2,
        "known": 1,
        "refused": [],
        "dry_run": False,
        "refused_rows": 0,
        "refused_file": None,
    }
    assert week["erased"] == {"erased": True}
    assert week["exported"]["subscribers"] == 3
    with (week.installation.folder / "out.csv").open(newline="") as file:
        assert [row["email"] for row in csv.DictReader(file)] == [OPENED[0], "pending@example.com", OPENED[1]]
    assert [row["email"] for row in week["subscribers"]] == [OPENED[0], "pending@example.com", OPENED[1]]


def test_an_address_that_is_asked_gets_one_letter_with_a_link(week):
    [path] = (week.installation.folder / "outbox").glob("confirm-*.eml")
    letter = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert letter["To"] == "pending@example.com"
    assert "http://127.0.0.1:8000/confirm/" in letter.get_body(("plain",)).get_content()  # type: ignore[attr-defined]


# ------------------------------------------------------------ the edition


def test_edition_assemble_approve_send_and_status(week):
    assert all(week[name].keys() >= EDITION_ROW for name in ("assembled", "frozen"))
    assert (week["assembled"]["state"], week["assembled"]["comparisons"]) == ("draft", [PAIR])
    assert (week["frozen"]["state"], week["frozen"]["approved_by"]) == ("approved", "Noor")
    assert week["frozen"]["sha256"] == week["preview"]["sha256"]
    assert all(week[name].keys() >= STATUS for name in ("sent", "status"))
    figures = {name: week["sent"][name] for name in STATUS}
    assert figures == {
        "week": WEEK,
        "state": "sent",
        "recipients": 2,
        "pending": 0,
        "sent": 2,
        "uncertain": 0,
        "failed": 0,
        "delivered": 0,
        "bounced": 0,
    }
    for later in ("sent again", "status"):
        assert {name: week[later][name] for name in STATUS} == figures


def test_edition_preview_writes_what_is_mailed(week):
    html, text = (Path(week["preview"][kind]).read_text(encoding="utf-8") for kind in ("html", "text"))
    subject = week["preview"]["subject"]
    assert subject == week["frozen"]["subject"]
    for mail in week.mails:
        assert mail["Subject"] == subject
        assert _fixed(_part(mail, "html")) == _fixed(html)
        assert _fixed(_part(mail, "plain")) == _fixed(text)


def _fixed(text: str) -> str:
    """A mail or preview without what differs from reader to reader."""
    personal = r"http://127\.0\.0\.1:8000/(?:unsubscribe|preferences|vote)/[\w.:~-]+|\{\{[a-z_:0-9-]+\}\}|(?<=Hello) (?:Ada|Ben)\b"
    return re.sub(r"\s+", " ", re.sub(personal, "", text)).replace("(your date)", "").replace("20 November 2026", "")


def _part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def test_every_active_subscriber_has_one_mail_of_both_kinds(week):
    assert sorted(str(mail["To"]) for mail in week.mails) == ["Ada <ada@example.com>", "Ben <ben@example.org>"]
    for mail in week.mails:
        assert mail.get_content_type() == "multipart/alternative"
        assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
        assert not mail.defects


def test_every_mail_carries_the_headers_of_a_list(week):
    for mail in week.mails:
        assert len(mail.get_all("Message-ID", [])) == len(mail.get_all("Date", [])) == 1
        assert parsedate_to_datetime(mail["Date"]).isoformat() == "2026-11-20T09:00:00+00:00"
        assert re.fullmatch(r"<http://127\.0\.0\.1:8000/unsubscribe/[\w.-]+>", mail["List-Unsubscribe"])
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert mail["List-Id"]
    assert len({mail["Message-ID"] for mail in week.mails}) == 2
    assert len({mail["List-Unsubscribe"] for mail in week.mails}) == 2


def test_every_link_number_and_quote_of_the_html_is_in_the_text(week):
    for mail in week.mails:
        page = BeautifulSoup(_part(mail, "html"), "lxml")
        text = re.sub(r"\s+", " ", _part(mail, "plain"))
        links = {str(link["href"]) for link in page.find_all("a")}
        assert len(links) > 5
        assert not [link for link in links if link not in text]
        for hidden in page(["style", "script", "title"]):
            hidden.decompose()
        words = re.sub(r"\s+", " ", page.get_text(" "))
        quotes = re.findall("“(.*?)”", words)
        assert len(quotes) == 2
        assert not [quote for quote in quotes if f"“{quote}”" not in text]
        figures = set(re.findall(r"\d+(?:[.,]\d+)*", words))
        assert figures >= {"67", "33", "100"}
        assert not [figure for figure in figures if figure not in text]


def test_a_quote_reaches_the_reader_as_it_was_written(week):
    said = QUOTE.replace("{{", "{ {")  # parted, so that no reviewer can write a substitution mark
    for mail in week.mails:
        assert re.sub(r"\s+", " ", _part(mail, "plain")).count(said) == 2
        page = BeautifulSoup(_part(mail, "html"), "lxml")
        assert re.sub(r"\s+", " ", page.get_text(" ")).count(said) == 2


# ------------------------------------------------------------ afterwards


def test_check_finds_every_invariant_unbroken(week):
    assert week["violations"] == {"violations": []}


def test_doctor_finds_all_well(week):
    assert all(each.keys() >= {"what", "well", "detail"} and each["well"] for each in week["doctor"])


def test_settings_lists_names_values_and_meanings(week):
    rows = {row["name"]: row for row in week["settings"]}
    assert rows["VERDICTS_QUORUM"] == {
        "name": "VERDICTS_QUORUM",
        "value": "3",
        "meaning": rows["VERDICTS_QUORUM"]["meaning"],
    }
    assert all(row["meaning"] for row in rows.values())


def test_a_backup_is_the_whole_database(week):
    assert week["backup"].keys() == {"file", "bytes"}
    with closing(sqlite3.connect(week["backup"]["file"])) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT count(*) FROM delivery").fetchone() == (2,)


def test_every_decision_stands_in_the_audit_log(week):
    with closing(sqlite3.connect(week.installation.folder / "verdicts.db")) as database:
        rows = database.execute("SELECT action, actor, after FROM audit").fetchall()
    actions = [action for action, _, _ in rows]
    assert actions.count("verdict.submit") == 6
    assert {
        *("source.pause", "source.resume", "tool.merge", "tool.split", "tool.reject", "tool.edit"),
        *("person.invite", "seat.decline", "comparison.create", "comparison.approve", "edition.approve"),
        *("edition.send", "edition.sent", "subscriber.add", "subscriber.import", "subscriber.erase"),
    } <= set(actions)
    approvals = [(actor, json.loads(after)) for action, actor, after in rows if action == "edition.approve"]
    assert approvals == [(EDITOR, {"sha256": week["frozen"]["sha256"], "comparisons": [PAIR], "variants": 0})]
