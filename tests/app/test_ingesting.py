"""Ingestion against servers that misbehave, processes that are killed, and processes that work at the same time."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from app import applying, cli, editing, ingesting
from app.commands import sources as commands
from app.opml import import_opml
from app.samples import SampleServer
from app.wiring import Product
from core.errors import NotFound, SourcesFileError, UsageError
from core.sighting import Signal
from core.source import Cursor, FetchRecord, Outcome, Reading, SourceState
from ingest import fetch
from store import sources
from tests.app.hostile import Hostile, model, models, tagged
from tests.app.installation import Installation
from tests.app.making import SHELF, bring, hold, rows, sighting
from tests.conftest import NOW


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hostile]:
    """A server, and a fetcher whose patience is a test's."""
    short = partial(fetch.Limits, connect=3.0, read=1.0, total=6.0, gap=0.0, retries=1, backoff=0.01)
    monkeypatch.setattr(fetch, "Limits", short)
    with Hostile() as server:
        yield server


def on(product: Product, server: Hostile, *paths: str, schedule: str = "0 * * * *") -> Product:
    """The product with one source of models per path, named after it."""
    path = product.settings.sources
    path.write_text("".join(entry(server, name, schedule=schedule) for name in paths), encoding="utf-8")
    return allowing(product, server)


def entry(server: Hostile, path: str, *, schedule: str = "0 * * * *", kind: str = "huggingface-models") -> str:
    lines = (
        f'key = "{path.strip("/")}"',
        f'kind = "{kind}"',
        f'url = "{server.url(path)}"',
        f'schedule = "{schedule}"',
    )
    return "[[source]]\n" + "\n".join(lines) + "\n"


def allowing(product: Product, server: Hostile) -> Product:
    settings = product.settings.model_copy(update={"allow_private_hosts": frozenset({server.host})})
    return replace(product, settings=settings)


def outcomes(records: list[FetchRecord]) -> dict[str, Outcome]:
    return {each.source: each.outcome for each in records}


def count(product: Product, table: str) -> int:
    return len(rows(product, but=())[table])


# ------------------------------------------------------------ servers that misbehave


def test_a_source_that_misbehaves_fails_with_a_reason_and_the_others_are_stored(product, hostile):
    hostile.answers = {
        "/good": models("good"),
        "/error": (500, {}, b"oh"),
        "/garbage": (200, {"Content-Type": "application/json"}, bytes(range(256)) * 20),
        "/page": (200, {"Content-Type": "text/html"}, b"<!doctype html><title>Log in</title>"),
        "/other-shape": (200, {"Content-Type": "application/json"}, b'{"error": "moved to v2"}'),
        "/nothing": (200, {"Content-Type": "application/json"}, b"[]"),
        "/huge": (200, {"Content-Type": "application/json"}, b"[" + b" " * 20_000_000 + b"]"),
        "/silent": hostile.hang,
        "/circle": (302, {"Location": "/circle"}, b""),
        "/outward": (302, {"Location": "http://127.0.0.2:1/secret"}, b""),
        "/late": models("late"),
    }
    product = on(product, hostile, *hostile.answers)
    began = time.monotonic()
    records = {each.source: each for each in ingesting.ingest(product, everything=True)}
    assert time.monotonic() - began < 20
    fine = {"good": Outcome.OK, "late": Outcome.OK, "nothing": Outcome.EMPTY}
    assert {key: each.outcome for key, each in records.items() if each.outcome is not Outcome.FAILED} == fine
    assert all(each.error for key, each in records.items() if key not in fine)
    assert records["error"].http_status == 500
    assert "10,000,000 bytes" in str(records["huge"].error)
    assert "stopped answering" in str(records["silent"].error)
    assert "redirects more than" in str(records["circle"].error)
    assert "127.0.0.2" in str(records["outward"].error)
    assert {each.name for each in editing.list_tools(product)} == {"good", "late"}
    known = {each.source.key: each for each in ingesting.statuses(product)}
    assert all((each.last_error is None) == (key in fine) for key, each in known.items())
    hold(product)


def test_the_records_come_in_the_order_of_the_file_whichever_source_answers_first(product, hostile):
    hostile.answers = {"/slow": hostile.hang, "/quick": models("quick")}
    assert list(outcomes(ingesting.ingest(on(product, hostile, "/slow", "/quick"), everything=True))) == [
        "slow",
        "quick",
    ]


def test_a_source_that_once_gave_entries_and_now_gives_none_has_failed(product, hostile):
    hostile.answers["/list"] = models("one", "two")
    product = on(product, hostile, "/list")
    ingesting.ingest(product, everything=True)
    hostile.answers["/list"] = (200, {"Content-Type": "application/json"}, b"[]")
    [record] = ingesting.ingest(product, everything=True)
    assert record.outcome is Outcome.FAILED
    assert "format may have changed" in str(record.error)


def test_one_bad_entry_takes_no_neighbour_along(product, hostile):
    status, headers, body = models("fine")
    hostile.answers["/list"] = (status, headers, body[:-1] + b', {"id": 7}, null]')
    [record] = ingesting.ingest(on(product, hostile, "/list"), everything=True)
    assert record.bad == 2
    assert {each.name for each in editing.list_tools(product)} == {"fine"}
    hold(product)


def test_figures_and_texts_at_the_edge_of_the_world_are_stored_or_refused(product_on_both, hostile):
    odd = {
        "likes": 10**400,
        "downloads": -5,
        "pipeline_tag": "\u0000",
        "tags": ["\ud800", "license:\u0000", "x" * 100_000],
    }
    hostile.answers = {"/odd": models("odd", **odd), "/good": models("good")}
    product = on(product_on_both, hostile, "/odd", "/good")
    assert outcomes(ingesting.ingest(product, everything=True))["good"] is Outcome.OK
    hold(product)


def test_entries_that_cannot_be_stored_are_a_failed_run_and_no_more(product):
    poison = sighting("Poison", signals=(Signal(name="points", value=float("nan")),))
    record = bring(product, sighting("Fine"), poison)
    assert record.outcome is Outcome.FAILED
    assert "could not be stored" in str(record.error)
    assert not editing.list_tools(product)
    assert bring(product, sighting("Fine")).outcome is Outcome.OK
    hold(product)


def test_entries_that_cannot_be_stored_take_no_other_source_along(product):
    poison = sighting("Poison", source="poisoned", signals=(Signal(name="points", value=float("nan")),))
    good = [sighting("Ada"), sighting("Bea", source="third")]
    readings = [
        Reading(source=each.source, at=NOW, outcome=Outcome.OK, cursor=Cursor(), sightings=(each,))
        for each in (good[0], poison, good[1])
    ]
    with product.database.write() as connection:
        sources.sync(connection, [replace(SHELF, key=each.source) for each in readings])
    records = ingesting.store(product, readings)
    assert outcomes(records) == {"shelf": Outcome.OK, "poisoned": Outcome.FAILED, "third": Outcome.OK}
    assert {each.name for each in editing.list_tools(product)} >= {"Ada", "Bea"}
    hold(product)


def test_the_command_fails_when_a_source_failed_and_stores_the_others(product, hostile, monkeypatch, capsys):
    hostile.answers = {"/bad": (404, {}, b""), "/good": models("good")}
    made = on(product, hostile, "/bad", "/good")
    for name, value in {
        "VAR": str(made.settings.var),
        "SOURCES": str(made.settings.sources),
        "ALLOW_PRIVATE_HOSTS": hostile.host,
    }.items():
        monkeypatch.setenv(f"VERDICTS_{name}", value)
    assert cli.run(["ingest", "--all"], as_json=True, debug=False) == 1
    said = json.loads(capsys.readouterr().out)["sources"]
    assert [(row["key"], row["outcome"], row["http_status"]) for row in said] == [
        ("bad", "failed", 404),
        ("good", "ok", 200),
    ]
    assert [each.name for each in editing.list_tools(made)] == ["good"]


# ------------------------------------------------------------ the same again


def test_looking_at_a_source_says_what_would_be_left_out_and_why(product, hostile, monkeypatch, capsys):
    status, headers, _ = models()
    entries = [model("good"), model("small-GGUF"), {"tags": []}]
    hostile.answers["/list"] = (status, headers, json.dumps(entries).encode())
    product = on(product, hostile, "/list")
    monkeypatch.setattr("app.commands.sources.open_product", lambda: nullcontext(product))
    report = commands.check("list")
    assert report.text.splitlines() == [
        "1 entries would be taken, 1 could not be read.",
        "Left out, a quantised copy: 1",
        "Not read, entry 3: id: Field required",
    ]
    assert report.data["left_out"] == {"a quantised copy": 1}


@pytest.mark.parametrize("dressed", [tagged, lambda answer: answer], ids=["with an ETag", "the whole body again"])
def test_ingesting_twice_changes_no_row(product_on_both, hostile, dressed):
    hostile.answers["/list"] = dressed(models("one", "two", "three"))
    product = on(product_on_both, hostile, "/list")
    ingesting.ingest(product, everything=True)
    before = rows(product)
    [again] = ingesting.ingest(product, everything=True)
    assert (again.outcome, again.new, again.changed) == (Outcome.NOT_MODIFIED, 0, 0)
    assert rows(product) == before


def test_the_same_entries_in_another_body_change_no_row(product_on_both, hostile):
    hostile.answers["/list"] = models("one", "two", "three")
    product = on(product_on_both, hostile, "/list")
    ingesting.ingest(product, everything=True)
    before = rows(product)
    status, headers, body = models("one", "two", "three")
    hostile.answers["/list"] = (status, headers, body + b"\n\n")
    [again] = ingesting.ingest(product, everything=True)
    assert (again.outcome, again.entries, again.new, again.changed) == (Outcome.OK, 3, 0, 0)
    assert rows(product) == before


def test_the_sample_week_read_again_changes_no_row_even_when_no_source_remembers_that_it_was_read(product, samples):
    product.settings.sources.write_text(samples.sources_toml(), encoding="utf-8")
    allowed = frozenset({samples.base_url.removeprefix("http://")})
    product = replace(product, settings=product.settings.model_copy(update={"allow_private_hosts": allowed}))
    ingesting.ingest(product, everything=True)
    before = rows(product)
    assert len(before["tool"]) == 47
    with closing(sqlite3.connect(product.settings.var / "verdicts.db")) as database, database:
        database.execute("UPDATE source SET cursor = '{}'")
    again = ingesting.ingest(product, everything=True)
    assert {(each.outcome, each.new, each.changed, each.new_tools) for each in again} == {(Outcome.OK, 0, 0, 0)}
    assert rows(product) == before
    hold(product)


# ------------------------------------------------------------ killed, and at once


def test_a_run_killed_half_way_is_completed_by_the_next_one(product, installed, samples):
    made = installed()
    for after in random.sample(range(1, 6), k=3):
        _kill_after(made, samples, requests=after)
        hold(product)
    assert {row["outcome"] for row in made.ask("ingest", "--all")["sources"]} <= {"ok", "not_modified"}
    assert _counted(product) == WHOLE
    hold(product)


WHOLE = {"tool": 47, "tool_slug": 47, "sighting": 48, "merge": 0, "duplicate": 0}
"""What the samples hold."""


def _counted(product: Product) -> dict[str, int]:
    return {name: count(product, name) for name in WHOLE}


def _kill_after(made: Installation, samples: SampleServer, *, requests: int) -> None:
    """Kill an ingestion a moment after the server has answered so many requests."""
    seen = len(samples.requests)
    process = made.start("ingest", "--all")
    while len(samples.requests) < seen + requests and process.poll() is None:
        time.sleep(0.001)
    time.sleep(random.uniform(0, 0.1))  # noqa: S311 - any moment will do
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)
    process.communicate()


def test_two_processes_that_ingest_at_once_double_nothing(product_on_both, installed):
    made = installed(VERDICTS_DATABASE_URL=product_on_both.settings.database)
    both = [made.start("ingest", "--all", "--json") for _ in range(2)]
    for process in both:
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, output + errors
    assert _counted(product_on_both) == WHOLE
    hold(product_on_both)


def test_what_cannot_be_stored_is_looked_at_once_more(product_on_both, monkeypatch):
    """As for the slower of two processes: what it thought new has been written by the other one."""
    decide = applying.decide
    stale = [2]

    def decided(*given, **more):
        return decide(*given, **more) * (stale.pop() if stale else 1)

    monkeypatch.setattr(applying, "decide", decided)
    record = bring(product_on_both, sighting("Ada"), sighting("Bea"))
    assert not stale
    assert (record.outcome, record.new_tools) == (Outcome.OK, 2)
    assert [each.name for each in editing.list_tools(product_on_both)] == ["Ada", "Bea"]
    hold(product_on_both)


# ------------------------------------------------------------ who is asked, and when


def test_a_paused_source_is_asked_by_name_only(product, hostile):
    hostile.answers = {"/one": models("one"), "/two": models("two")}
    product = on(product, hostile, "/one", "/two")
    assert ingesting.pause(product, "one", on=False, actor="test") is SourceState.PAUSED
    assert set(outcomes(ingesting.ingest(product, everything=True))) == {"two"}
    assert ingesting.ingest(product) == []
    assert hostile.asked == {"/two": 1}
    assert set(outcomes(ingesting.ingest(product, ["one"]))) == {"one"}
    assert ingesting.pause(product, "one", on=True, actor="test") is SourceState.ON
    assert set(outcomes(ingesting.ingest(product, everything=True))) == {"one", "two"}


def test_a_source_that_is_gone_is_switched_off_and_can_be_asked_again(product, hostile):
    hostile.answers["/old"] = (410, {}, b"")
    product = on(product, hostile, "/old")
    [record] = ingesting.ingest(product, everything=True)
    assert (record.outcome, record.http_status) == (Outcome.FAILED, 410), record.error
    [status] = ingesting.statuses(product)
    assert status.state is SourceState.GONE
    assert ingesting.ingest(product, everything=True) == []
    assert hostile.asked["/old"] == 1
    ingesting.pause(product, "old", on=True, actor="test")
    hostile.answers["/old"] = models("back")
    assert outcomes(ingesting.ingest(product, everything=True)) == {"old": Outcome.OK}


def test_a_source_that_moved_is_followed_and_the_new_address_shown(product, hostile):
    hostile.answers = {"/old": (301, {"Location": "/new"}, b""), "/new": models("one")}
    product = on(product, hostile, "/old")
    assert outcomes(ingesting.ingest(product, everything=True)) == {"old": Outcome.OK}
    assert [each.moved_to for each in ingesting.statuses(product)] == [hostile.url("/new")]


def test_a_source_is_due_when_its_schedule_says_so(product, hostile):
    hostile.answers["/list"] = models("one")
    product = on(product, hostile, "/list", schedule="30 */6 * * *")
    assert outcomes(ingesting.ingest(product)) == {"list": Outcome.OK}, "one that was never asked is due"
    [status] = ingesting.statuses(product)
    assert status.next_due == datetime(2026, 11, 20, 12, 30, tzinfo=NOW.tzinfo)
    assert ingesting.ingest(product) == []
    assert ingesting.ingest(product.at(status.next_due - timedelta(seconds=1))) == []
    assert outcomes(ingesting.ingest(product.at(status.next_due))) == {"list": Outcome.NOT_MODIFIED}


def test_the_next_time_is_kept_before_the_first_request_so_that_a_crash_cannot_hammer_a_host(product, hostile):
    kept = []

    def look(handler):
        with closing(sqlite3.connect(product.settings.var / "verdicts.db")) as database:
            kept.append(database.execute("SELECT next_due FROM source").fetchone()[0])
        handler.send_error(500)

    hostile.answers["/list"] = look
    ingesting.ingest(on(product, hostile, "/list"), everything=True)
    assert kept
    assert all(kept)


def test_a_host_that_asks_for_rest_is_left_alone_until_then(product, hostile):
    hostile.answers["/list"] = (429, {"Retry-After": "7200"}, b"")
    product = on(product, hostile, "/list")
    ingesting.ingest(product)
    assert hostile.asked["/list"] == 1
    [status] = ingesting.statuses(product)
    assert status.not_before is not None
    assert NOW + timedelta(hours=2) <= status.not_before < NOW + timedelta(hours=2, minutes=1)
    hostile.answers["/list"] = models("one")
    assert ingesting.ingest(product.at(NOW + timedelta(minutes=90))) == []
    assert outcomes(ingesting.ingest(product.at(NOW + timedelta(hours=3)))) == {"list": Outcome.OK}
    assert ingesting.statuses(product)[0].not_before is None


def test_a_group_holds_the_due_sources_of_one_rhythm(product, hostile):
    schedules = {"/hourly": "7 * * * *", "/six": "17 */6 * * *", "/daily": "0 3 * * *", "/weekly": "0 3 * * 1"}
    hostile.answers = {path: models(path.strip("/")) for path in schedules}
    text = "".join(entry(hostile, path, schedule=schedule) for path, schedule in schedules.items())
    product.settings.sources.write_text(text, encoding="utf-8")
    product = allowing(product, hostile)
    assert set(outcomes(ingesting.ingest(product, group="hourly"))) == {"hourly"}
    assert set(outcomes(ingesting.ingest(product, group="six-hourly"))) == {"six"}
    assert set(outcomes(ingesting.ingest(product, group="daily"))) == {"daily", "weekly"}
    assert ingesting.ingest(product) == []
    assert [ingesting.require_rhythm(each) for each in ("hourly", "six-hourly", "daily")]
    with pytest.raises(UsageError, match="hourly, six-hourly or daily"):
        ingesting.require_rhythm("weekly")


def test_a_source_that_left_the_file_keeps_its_history_and_is_not_asked(product, hostile):
    hostile.answers = {"/one": models("one"), "/two": models("two")}
    ingesting.ingest(on(product, hostile, "/one", "/two"), everything=True)
    product = on(product, hostile, "/two")
    assert set(outcomes(ingesting.ingest(product, everything=True))) == {"two"}
    assert [each.source.key for each in ingesting.statuses(product)] == ["two"]
    assert count(product, "fetch") == 3


def test_checking_a_source_stores_nothing(product, hostile):
    hostile.answers["/list"] = tagged(models("one"))
    product = on(product, hostile, "/list")
    before = rows(product, but=())
    reading = ingesting.check(product, "list")
    assert [each.name for each in reading.sightings] == ["one"]
    assert rows(product, but=()) == before


@pytest.mark.parametrize("ask", [lambda p: ingesting.ingest(p, ["nowhere"]), lambda p: ingesting.check(p, "nowhere")])
def test_an_unknown_key_is_answered_with_the_known_ones(product, hostile, ask):
    with pytest.raises(NotFound, match=r"no source 'nowhere'.*Sources are: one, two"):
        ask(on(product, hostile, "/one", "/two"))


def test_without_a_sources_file_the_mend_is_named(product):
    with pytest.raises(SourcesFileError, match=r"no sources file .*sources\.toml\. Copy sources\.toml"):
        ingesting.ingest(product)


# ------------------------------------------------------------ feeds from a reader's list


OPML = """<?xml version="1.0"?><opml version="2.0"><body><outline text="AI">
<outline type="rss" text="First" xmlUrl="https://one.example/feed"/>
<outline type="rss" title="First" xmlUrl="https://two.example/feed?a=1&amp;b=2"/>
<outline type="rss" text="Known" xmlUrl="https://known.example/feed"/>
<outline type="rss" text="Local" xmlUrl="file:///etc/passwd"/><outline text="A folder"/></outline></body></opml>"""


def test_import_opml_appends_what_the_file_does_not_name_yet(product):
    known = (
        '# ours\n[[source]]\nkey = "first"\nkind = "feed"\nurl = "https://known.example/feed"\nschedule = "0 * * * *"\n'
    )
    sources_file = product.settings.sources
    sources_file.write_text(known)
    file = sources_file.with_name("feeds.opml")
    file.write_text(OPML)
    done = import_opml(product, file)
    assert (done.added, done.known) == (("first-2", "first-3"), 1)
    assert [url for url, _ in done.refused] == ["file:///etc/passwd"]
    assert sources_file.read_text().startswith(known)
    assert [(each.source.key, each.source.kind) for each in ingesting.statuses(product)] == [
        ("first", "feed"),
        ("first-2", "feed"),
        ("first-3", "feed"),
    ]
    assert ingesting.statuses(product)[2].source.url == "https://two.example/feed?a=1&b=2"
    again = import_opml(product, file)
    assert (again.added, again.known) == ((), 3)


def test_an_opml_file_that_is_none_changes_nothing(product):
    sources_file = product.settings.sources
    sources_file.write_text("", encoding="utf-8")
    wrong: list[tuple[str, Callable[[Path], object]]] = [
        ("not-xml.opml", lambda file: file.write_text("<opml>")),
        ("html.opml", lambda file: file.write_text("<html/>")),
        ("large.opml", lambda file: file.write_text("<opml>" + " " * 5_000_000 + "</opml>")),
        (
            "entities.opml",
            lambda file: file.write_text('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><c>&b;</c>'),
        ),
    ]
    for name, write in wrong:
        file = sources_file.with_name(name)
        write(file)
        with pytest.raises(UsageError, match=name):
            import_opml(product, file)
    assert sources_file.read_text() == ""
