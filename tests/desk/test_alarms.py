"""Alarms: what needs an operator, derived from how things stand; mailed once a day, and quiet once seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup

from app import alarming, letters, reviewing, staffing
from app.alarming import Facts, Unsent, alarms
from core.errors import DeliveryError
from core.panel import DeclineReason, Role
from core.source import Cursor, FetchRecord, Outcome, Reading, Source
from store import alarms as book
from store import schema, sources
from store.alarms import Doubt, Draft, LensState, SourceTrouble
from tests.app.making import hold, shelve
from tests.conftest import NOW
from tests.desk.conftest import BUILDER, CHIEF, OPERATOR
from tests.web.test_load import counted

DAY = timedelta(days=1)
LENS = LensState(key="skeptic", name="Skeptic", reviewers=1, waits=True, late=0, late_since=None)
TROUBLE = SourceTrouble(key="shelf", kind="failing", since=NOW - DAY, failures=4, error="timeout after 10.2 s")
UNSENT = Unsent(week="2026-W47", due_at=NOW - DAY, closes_at=NOW + 3 * DAY)
WELL = Facts(now=NOW, lenses=(LENS,), quorum=1)


@pytest.fixture
def desk(signed_in):
    return signed_in(OPERATOR)


def keys(facts: Facts) -> list[str]:
    return [each.key for each in alarms(facts)]


def soup(answer) -> BeautifulSoup:
    return BeautifulSoup(answer.text, "lxml")


def standing(product) -> list[str]:
    return [each.key for each in alarming.standing(product) if not each.is_quiet]


# ------------------------------------------------------------ the pure part


def test_where_all_is_well_there_is_no_alarm():
    assert alarms(WELL) == []


@pytest.mark.parametrize(
    ("facts", "key", "words"),
    [
        ({"lenses": (replace(LENS, reviewers=0),)}, "lens:skeptic", "Nobody looks through Skeptic"),
        ({"lenses": (replace(LENS, late=3, late_since=NOW - 4 * DAY),)}, "late:skeptic", "3 seats of Skeptic are"),
        ({"lenses": (replace(LENS, late=1000, late_since=NOW),)}, "late:skeptic", "1,000 or more seats"),
        ({"quorum": 2}, "quorum", "2 verdicts, 1 lens"),
        ({"sources": (TROUBLE,)}, "failing:shelf", "shelf has failed 4 times in a row"),
        ({"sources": (replace(TROUBLE, kind="gone"),)}, "gone:shelf", "gone for good"),
        ({"sources": (replace(TROUBLE, kind="silent"),)}, "silent:shelf", "nothing for two weeks"),
        ({"unasked_since": NOW - DAY}, "unasked", "nobody asks them"),
        (
            {"drafts": (Draft(week="2026-W47", assembled_at=NOW - DAY, send_at=None),)},
            "unapproved:2026-W47",
            "Edition 2026-W47 is not approved",
        ),
        ({"unsent": (UNSENT,)}, "unsent:2026-W47", "is due and nobody sends it"),
        ({"unsent": (replace(UNSENT, closes_at=NOW),)}, "unsent:2026-W47", "was not sent"),
        (
            {"doubts": (Doubt(week="2026-W46", batches=(3, 4), since=NOW, paused_because=None),)},
            "uncertain:2026-W46",
            "2 uncertain batches",
        ),
        (
            {"doubts": (Doubt(week="2026-W46", batches=(), since=None, paused_because="key refused"),)},
            "paused:2026-W46",
            "is paused",
        ),
        ({"free_bytes": 1_000_000}, "disk", "Only 1 MB"),
        ({"broken": ("a seat says so",)}, "invariants", "1 rule of the database is broken"),
    ],
)
def test_each_trouble_is_one_alarm_with_what_where_and_what_to_do(facts, key, words):
    (found,) = alarms(replace(WELL, **facts))
    assert found.key == key
    assert words in found.title
    assert found.mend
    assert found.page.startswith("/desk/")


@pytest.mark.parametrize(
    "facts",
    [
        {"lenses": (replace(LENS, reviewers=0, waits=False),)},
        {"unasked_since": NOW - timedelta(hours=5)},
        {"unsent": (replace(UNSENT, due_at=NOW - timedelta(hours=5)),)},
        {"drafts": (Draft(week="2026-W47", assembled_at=NOW - timedelta(hours=23), send_at=None),)},
        {"drafts": (Draft(week="2026-W47", assembled_at=NOW - 9 * DAY, send_at=NOW + 2 * DAY),)},
    ],
)
def test_what_is_not_yet_trouble_is_none(facts):
    assert keys(replace(WELL, **facts)) == []


def test_an_edition_is_asked_for_the_day_before_its_time():
    draft = Draft(week="2026-W47", assembled_at=NOW - 9 * DAY, send_at=NOW + DAY)
    assert keys(replace(WELL, drafts=(draft,))) == ["unapproved:2026-W47"]


def test_a_figure_that_moves_is_the_same_alarm_and_another_cause_is_not():
    def mark(**facts: object) -> str:
        return alarms(replace(WELL, **facts))[0].mark

    late = [replace(LENS, late=many, late_since=NOW) for many in (3, 4, 40)]
    assert mark(lenses=(late[0],)) == mark(lenses=(late[1],)) != mark(lenses=(late[2],))
    errors = [replace(TROUBLE, error=each) for each in ("timeout after 10.2 s", "timeout after 9.8 s", "403 Forbidden")]
    assert mark(sources=(errors[0],)) == mark(sources=(errors[1],)) != mark(sources=(errors[2],))
    doubts = [Doubt(week="2026-W46", batches=each, since=NOW, paused_because=None) for each in ((1,), (1, 2))]
    assert mark(doubts=(doubts[0],)) != mark(doubts=(doubts[1],))


def test_of_a_hundred_sources_in_trouble_a_few_are_told_one_by_one():
    many = tuple(replace(TROUBLE, key=f"s{at}") for at in range(11))
    found = alarms(replace(WELL, sources=many))
    assert len(found) == 11
    assert found[-1].key == "failing"


# ------------------------------------------------------------ derived from the product


@pytest.fixture
def well(product):
    """A product in which nothing needs anybody: every lens in use has a reviewer."""
    for key in ("founder", "creator"):
        reviewing.invite(product, f"{key}@example.com", roles=[Role.REVIEWER], lenses=[key], actor="test")
    return product


def test_nothing_needs_anybody_and_the_page_says_so(desk, well):
    assert standing(well) == []
    assert "Nothing needs you" in desk.get("/desk/alarms").text


def test_a_lens_without_a_reviewer_speaks_once_something_waits(desk, product):
    assert standing(product) == []
    shelve(product, "Ada")
    assert set(standing(product)) == {"lens:founder", "lens:creator"}
    card = soup(desk.get("/desk/alarms")).select_one(".alarm")
    assert card.h3.a["href"] == "/desk/lenses/founder"
    assert "What to do: Give somebody the lens" in card.get_text()


def test_a_seat_that_everybody_has_declined_speaks(well):
    shelve(well, "Ada")
    seat = next(each.id for each in reviewing.queue(well, email=BUILDER))
    for email in (BUILDER, "second@example.com"):
        assert standing(well) == []
        reviewing.decline(well, email, seat, reason=DeclineReason.NOT_MY_FIELD)
    assert standing(well) == [f"deserted:{seat}"]


def test_what_is_three_days_late_speaks_per_lens(well):
    shelve(well, "Ada", "Bea")
    seat = schema.seat
    with well.database.write() as connection:
        connection.execute(sa.update(seat).values(due_at=NOW))
        connection.execute(sa.update(seat).where(seat.c.lens == "skeptic").values(due_at=NOW - 3 * DAY))
    (found,) = alarming.standing(well)
    assert (found.key, found.since) == ("late:skeptic", NOW)
    assert found.title == "2 seats of Skeptic are three days late"


def run(product, key: str, outcome: Outcome, at, *, entries: int = 0, gone: bool = False) -> None:
    error = "No answer." if outcome is Outcome.FAILED else None
    reading = Reading(source=key, at=at, outcome=outcome, cursor=Cursor(), error=error, gone=gone)
    record = FetchRecord(source=key, at=at, outcome=outcome, entries=entries, error=error)
    with product.database.write() as connection:
        sources.finish(connection, [(reading, record)])


def test_sources_that_fail_are_gone_or_silent_speak_and_others_do_not(well):
    named = ("fails", "fresh", "gone", "silent", "quiet", "new")
    with well.database.write() as connection:
        found = [Source(key=key, kind="feed", url=f"https://{key}.example/", schedule="0 * * * *") for key in named]
        sources.sync(connection, found)
    for hours in (30, 20, 10):
        run(well, "fails", Outcome.FAILED, NOW - timedelta(hours=hours))
    run(well, "fresh", Outcome.FAILED, NOW)
    run(well, "gone", Outcome.FAILED, NOW, gone=True)
    run(well, "silent", Outcome.OK, NOW - 20 * DAY, entries=3)
    run(well, "silent", Outcome.NOT_MODIFIED, NOW)
    run(well, "quiet", Outcome.OK, NOW - 10 * DAY, entries=3)
    run(well, "quiet", Outcome.NOT_MODIFIED, NOW)
    assert standing(well) == ["gone:gone", "failing:fails", "silent:silent"]
    since = {each.key: each.since for each in alarming.standing(well)}
    assert since["silent:silent"] == NOW - 20 * DAY
    assert since["failing:fails"] == NOW - timedelta(hours=30)


def test_sources_that_nobody_asks_speak(well):
    with well.database.write() as connection:
        sources.sync(connection, [Source(key="s", kind="feed", url="https://s.example/", schedule="0 * * * *")])
        sources.start(connection, {"s": NOW - DAY})
    assert standing(well) == ["unasked"]
    run(well, "s", Outcome.FAILED, NOW)  # from now on it rests for a while
    assert standing(well) == []


def test_a_broken_rule_is_found_by_the_slow_check_and_stays_until_the_next(well):
    shelve(well, "Ada")
    with well.database.write() as connection:
        connection.execute(sa.text("UPDATE seat SET panel_submitted = 3"))
    assert standing(well) == []
    assert [each.key for each in alarming.look(well, thorough=True)] == ["invariants"]
    assert [each.key for each in alarming.look(well)] == ["invariants"]
    with well.database.write() as connection:
        connection.execute(sa.text("UPDATE seat SET panel_submitted = 0"))
    assert alarming.look(well, thorough=True) == []
    hold(well)


# ------------------------------------------------------------ seen, and told


def test_what_somebody_has_seen_is_quiet_until_it_changes_and_speaks_again_when_asked(desk, product):
    shelve(product, "Ada")
    form = soup(desk.get("/desk/alarms")).select_one(".alarm form")
    fields = {each["name"]: each["value"] for each in form.select("input")}
    assert desk.post(form["action"], data=fields).status_code == 303
    page = soup(desk.get("/desk/alarms"))
    quiet = page.select_one("[aria-labelledby=quiet-head]")
    assert "seen by Operator" in quiet.get_text()
    assert standing(product) == ["lens:creator"]
    note = page.select_one(".note form")
    undo = {each["name"]: each["value"] for each in note.select("input")}
    assert desk.post(note["action"], data=undo).status_code == 303
    assert len(standing(product)) == 2


@pytest.mark.parametrize(
    ("fields", "status"),
    [({}, 404), ({"key": "lens:nothing", "seen": "x"}, 404), ({"key": "lens:founder", "seen": "stale"}, 409)],
)
def test_an_alarm_that_is_over_or_says_something_else_is_not_marked_as_seen(desk, product, fields, status):
    shelve(product, "Ada")
    assert desk.post("/desk/alarms/seen", data=fields).status_code == status
    assert len(standing(product)) == 2


def test_every_operator_is_mailed_once_a_day_and_not_of_what_somebody_has_seen(product, hand):
    def told() -> dict[str, list[str]]:
        return {each.person.email: [alarm.key for alarm in each.alarms] for each in alarming.tell(product)}

    shelve(product, "Ada")
    both = {each: ["lens:founder", "lens:creator"] for each in (CHIEF, OPERATOR)}
    assert told() == both
    assert told() == {}
    assert len(list(product.settings.outbox_folder.rglob("*.eml"))) == 2
    founder = next(each for each in alarming.standing(product) if each.key == "lens:founder")
    alarming.acknowledge(product, founder.key, seen=founder.mark, by=staffing.find(product, OPERATOR))
    hand.turn(days=1)
    assert told() == {each: ["lens:creator"] for each in (CHIEF, OPERATOR)}
    hand.turn(hours=12)
    with product.database.write() as connection:
        connection.execute(sa.delete(schema.alarm_told))
    assert told() == {}  # 21:00 is a quiet hour


def test_an_alarm_that_ended_and_comes_back_is_told_anew(product, hand):
    shelve(product, "Ada")
    alarming.tell(product)
    for key in ("founder", "creator"):
        reviewing.invite(product, f"{key}@example.com", roles=[Role.REVIEWER], lenses=[key], actor="test")
    assert alarming.tell(product) == []
    with product.database.read() as connection:
        assert book.kept(connection) == {}
    person = staffing.find(product, "founder@example.com")
    staffing.deactivate(product, person.id, seen=staffing.mark(person), actor="test")
    hand.turn(hours=1)
    assert [alarm.key for each in alarming.tell(product) for alarm in each.alarms] == ["lens:founder"] * 2


def test_a_mail_that_cannot_go_out_is_tried_again(product, monkeypatch):
    shelve(product, "Ada")

    def fail(*_) -> None:
        raise DeliveryError("No connection.")

    with monkeypatch.context() as patch:
        patch.setattr(letters, "post", fail)
        assert {each.problem for each in alarming.tell(product)} == {"No connection."}
    assert {each.problem for each in alarming.tell(product)} == {""}


def test_the_page_takes_as_many_statements_whatever_there_is(desk, product):
    def look() -> int:
        with counted(product) as sent:
            assert desk.get("/desk/alarms").status_code == 200
        return len(sent)

    shelve(product, "Ada")
    before = look()
    shelve(product, *(f"Tool {at}" for at in range(20)))
    with product.database.write() as connection:
        sources.sync(
            connection,
            [
                Source(key=f"s{at}", kind="feed", url=f"https://s{at}.example/", schedule="0 * * * *")
                for at in range(30)
            ],
        )
    for at in range(30):
        for _ in range(3):
            run(product, f"s{at}", Outcome.FAILED, NOW)
    alarming.look(product)
    assert look() == before
