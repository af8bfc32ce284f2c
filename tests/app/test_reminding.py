"""Reminders: the ladder, told once, once a day, never at night; and what a crash in between may cost."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app import letters, reminding, reviewing
from app.reminding import remind
from app.settings import Settings
from app.wiring import Product
from core.errors import DeliveryError, StaleFence
from core.panel import Basis, Decision, DeclineReason, Role
from review.queue import Rung, rung
from store import audit, schema
from tests.app.making import hold, shelve
from tests.conftest import NOW

BUILDER, SECOND, SKEPTIC = "builder@example.com", "second@example.com", "skeptic@example.com"
EDITOR, OPERATOR = "editor@example.com", "operator@example.com"
DAY = timedelta(days=1)


@pytest.fixture
def panel(product: Product) -> Product:
    """Two builders, a skeptic, an editor, an operator and a program; one tool that waits, due at NOW."""
    people = (
        (BUILDER, [Role.REVIEWER], ["builder"]),
        (SECOND, [Role.REVIEWER], ["builder"]),
        (SKEPTIC, [Role.REVIEWER], ["skeptic"]),
        (EDITOR, [Role.EDITOR], []),
        (OPERATOR, [Role.OPERATOR], []),
    )
    for email, roles, lenses in people:
        reviewing.invite(product, email, roles=roles, lenses=lenses, name=email.partition("@")[0], actor="test")
    reviewing.invite(product, "bot@example.com", roles=[Role.REVIEWER], lenses=["builder"], machine=True, actor="test")
    shelve(product, "Ada")
    due(product, NOW)
    return product


def due(product: Product, at: datetime, *lenses: str) -> None:
    """Let the seats of these lenses be due then (builder and skeptic), and the others never."""
    with product.database.write() as connection:
        connection.execute(sa.update(schema.seat).values(due_at=None))
        chosen = schema.seat.c.lens.in_(lenses or ("builder", "skeptic"))
        connection.execute(sa.update(schema.seat).where(chosen).values(due_at=at))


def told(product: Product, **more: bool) -> dict[str, list[str]]:
    """What a run tells whom."""
    return {
        each.person.email.partition("@")[0]: [f"{step.seat.lens} {step.rung}" for step in each.steps]
        for each in remind(product, **more).digests
    }


def mails(product: Product) -> list[str]:
    return [re.search(r"^To: (.*)$", each.read_text(), re.MULTILINE)[1] for each in _letters(product)]


def _letters(product: Product) -> list:
    return sorted(product.settings.outbox_folder.rglob("*.eml"))


def later(product: Product, **by: float) -> Product:
    return product.at(NOW + timedelta(**by))


# ------------------------------------------------------------ the ladder


@given(minutes=st.integers(-60 * 24 * 5, 60 * 24 * 9))
def test_the_steps_are_those_of_the_ladder(minutes):
    due_at = NOW - timedelta(minutes=minutes)
    found = [step for step, (first, last) in reminding._STEPS.items() if NOW + first < due_at <= NOW + last]
    expected = rung(due_at, now=NOW)
    assert found == ([] if expected is Rung.QUIET else [expected])


def test_a_seat_is_told_step_by_step_to_whom_each_step_concerns(panel):
    due(panel, NOW + 1.5 * DAY, "builder")
    assert told(panel) == {}
    soon = {"builder": ["builder soon"], "second": ["builder soon"]}
    assert told(later(panel, days=1)) == soon
    assert told(later(panel, days=2)) == {"builder": ["builder due"], "second": ["builder due"]}
    late = {name: ["builder late"] for name in ("builder", "second", "editor")}
    assert told(later(panel, days=3)) == late
    assert told(later(panel, days=4)) == {}
    assert told(later(panel, days=5)) == {"operator": ["builder reopened"]}
    assert told(later(panel, days=6)) == {}
    assert Counter(mails(panel)) == {BUILDER: 3, SECOND: 3, EDITOR: 1, OPERATOR: 1}
    hold(panel)


def test_of_a_held_seat_only_its_holder_hears(panel):
    reviewing.claim(panel, BUILDER)
    assert told(panel) == {"builder": ["builder due"], "skeptic": ["skeptic due"]}


def test_a_lease_that_ran_out_frees_the_seat_for_the_others_to_hear_of(panel):
    reviewing.claim(panel, BUILDER)
    assert set(told(later(panel, hours=2))) == {"builder", "second", "skeptic"}


def test_who_has_declined_or_judged_does_not_hear(panel):
    seat = reviewing.queue(panel, email=BUILDER)[0].id
    reviewing.decline(panel, BUILDER, seat, reason=DeclineReason.NOT_MY_FIELD)
    lease = reviewing.claim(panel, SKEPTIC)
    words = {"decision": Decision.SHIP, "quote": "Good.", "basis": Basis.DOCS}
    reviewing.submit(panel, SKEPTIC, seat=lease.seat, fence=lease.fence, **words)
    assert told(panel) == {"second": ["builder due"]}


def test_who_has_gone_does_not_hear_and_a_program_never_does(panel):
    with panel.database.write() as connection:
        connection.execute(sa.text("UPDATE person SET active = false WHERE email = 'second@example.com'"))
    assert set(told(panel)) == {"builder", "skeptic"}


def test_a_mail_holds_everything_and_says_who_where_and_until_when(panel):
    shelve(panel, "Bea", "Cid")
    due(panel, NOW + DAY / 2)
    assert told(panel)["builder"] == ["builder soon"] * 3
    text = next(each.read_text() for each in _letters(panel) if f"To: {BUILDER}" in each.read_text())
    plain = text.replace("=\n", "")
    for words in ("Hello builder", "Ada, Builder", "Bea, Builder", "Cid, Builder", "Friday 20 November, 21:00"):
        assert words in plain
    assert len(re.findall(r"/desk/seats/\d+", plain.split("text/html")[0])) == 3


# ------------------------------------------------------------ reopening


def test_three_days_late_the_lease_is_broken_logged_and_the_words_stay(panel):
    lease = reviewing.claim(panel, BUILDER)
    at = later(panel, days=3, hours=1)
    done = remind(at)
    assert [each.seat for each in done.reopened] == [lease.seat]
    with panel.database.read() as connection:
        (entry,) = audit.search(connection, subject=f"seat:{lease.seat}", limit=5)
    assert (entry.action, entry.actor, entry.before["holder"]) == ("seat.reopen", "system", "builder")
    with pytest.raises(StaleFence):
        reviewing.submit(
            at, BUILDER, seat=lease.seat, fence=lease.fence, decision=Decision.SHIP, quote="Late.", basis=Basis.DOCS
        )
    with panel.database.read() as connection:
        assert connection.scalar(sa.select(schema.draft.c.quote)) == "Late."
    hold(panel)


def test_who_claims_a_seat_after_that_keeps_it(panel):
    at = later(panel, days=3, hours=1)
    lease = reviewing.claim(at, SECOND)
    assert remind(at).reopened == ()
    assert remind(later(panel, days=3, hours=1, minutes=20)).reopened == ()
    words = {"decision": Decision.SHIP, "quote": "In time.", "basis": Basis.DOCS}
    reviewing.submit(at, SECOND, seat=lease.seat, fence=lease.fence, **words)


# ------------------------------------------------------------ once, once a day, never at night


def test_nobody_is_told_twice_of_one_step_nor_mailed_twice_a_day(panel):
    assert len(told(panel)) == 3
    assert told(panel) == told(later(panel, minutes=50)) == {}
    shelve(panel, "Bea")
    due(panel, NOW)
    assert told(later(panel, hours=2)) == {}
    assert told(later(panel, days=1, hours=-1)) == {name: [f"{lens} due"] for name, lens in _BUILDERS_AND_SKEPTIC}


_BUILDERS_AND_SKEPTIC = (("builder", "builder"), ("second", "builder"), ("skeptic", "skeptic"))


def test_two_runs_at_once_mail_nobody_twice(panel):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: remind(panel), range(4)))
    assert sorted(mails(panel)) == [BUILDER, SECOND, SKEPTIC]


def test_quiet_hours_are_those_of_each_person_s_own_zone(panel):
    with panel.database.write() as connection:
        for email, zone in ((BUILDER, "Asia/Tokyo"), (SECOND, "America/New_York")):
            person = schema.person
            connection.execute(sa.update(person).where(person.c.email == email).values(time_zone=zone))
    assert set(told(panel)) == {"builder", "skeptic"}  # 18:00 in Tokyo, 04:00 in New York
    assert set(told(later(panel, hours=3))) == set()
    assert set(told(later(panel, hours=4))) == {"second"}  # 08:00


@pytest.mark.parametrize(
    ("hours", "quiet"),
    [("20-8", {20, 23, 0, 7}), ("0-0", set()), ("8-8", set()), ("1-5", {1, 4}), ("23-0", {23})],
)
def test_quiet_hours_run_over_midnight(panel, hours, quiet):
    begins, _, ends = hours.partition("-")
    found = {
        hour
        for hour in (0, 1, 4, 5, 7, 8, 12, 19, 20, 23)
        if reminding.is_quiet((int(begins), int(ends)), now=NOW.replace(hour=hour), zone=ZoneInfo("UTC"))
    }
    assert found & {0, 1, 4, 5, 7, 8, 12, 19, 20, 23} == found
    assert quiet <= found
    assert (not quiet) == (not found)


@pytest.mark.parametrize("hours", ["8", "24-8", "night", "20-8-9", "-1-5"])
def test_hours_that_are_none_are_refused(hours):
    with pytest.raises(ValidationError, match="two hours of the day"):
        Settings(_env_file=None, quiet_hours=hours)


def test_another_setting_of_quiet_hours_holds(panel):
    product = replace(panel, settings=panel.settings.model_copy(update={"quiet_hours": "9-10"}))
    assert told(product) == {}
    assert told(product.at(NOW + timedelta(hours=1))) != {}


def test_a_dry_run_tells_and_changes_nothing(panel):
    lease = reviewing.claim(panel, BUILDER)
    at = later(panel, days=3, hours=1)
    before = told(at, dry_run=True)
    assert before == {"operator": ["builder reopened", "skeptic reopened"]}
    assert [each.seat for each in remind(at, dry_run=True).reopened] == [lease.seat]
    assert mails(panel) == []
    assert told(at) == before


# ------------------------------------------------------------ what goes wrong in between


def test_a_mail_that_cannot_go_out_is_tried_again_and_takes_nobody_along(panel, monkeypatch):
    plain = letters.post

    def post(product, kind, address, context):
        if address == BUILDER:
            raise DeliveryError("The mailbox is full.")
        plain(product, kind, address, context)

    monkeypatch.setattr(letters, "post", post)
    problems = {each.person.email: each.problem for each in remind(panel).digests}
    assert problems == {BUILDER: "The mailbox is full.", SECOND: "", SKEPTIC: ""}
    monkeypatch.setattr(letters, "post", plain)
    assert told(later(panel, hours=1)) == {"builder": ["builder due"]}
    assert sorted(mails(panel)) == [BUILDER, SECOND, SKEPTIC]


@pytest.mark.parametrize("mailed", [False, True])
def test_a_run_that_dies_at_its_worst_moment_doubles_one_mail_at_most_and_loses_none(panel, monkeypatch, mailed):
    plain = letters.post

    def post(product, kind, address, context):
        if mailed:
            plain(product, kind, address, context)
        raise KeyboardInterrupt

    monkeypatch.setattr(letters, "post", post)
    with pytest.raises(KeyboardInterrupt):
        remind(panel)
    monkeypatch.setattr(letters, "post", plain)
    assert len(told(later(panel, minutes=5))) == 2  # whose mail was begun is left alone for a while
    assert told(later(panel, hours=1)) == {"builder": ["builder due"]}
    assert Counter(mails(panel)) == {BUILDER: 1 + mailed, SECOND: 1, SKEPTIC: 1}
    assert told(later(panel, hours=2)) == {}


# ------------------------------------------------------------ what is shown


def test_what_was_told_and_what_comes_next_can_be_seen(panel):
    remind(panel)
    last = reminding.told(panel, email=BUILDER)
    assert [(each.tool_slug, each.lens, each.rung, each.sent_at) for each in last] == [("ada", "builder", "due", NOW)]
    coming = reminding.coming(panel)
    assert [(each.rung, each.at, sorted(each.hears)) for each in coming if each.seat.lens == "builder"] == [
        (Rung.LATE, NOW + DAY, ["editor", "reviewer"]),
        (Rung.REOPENED, NOW + 3 * DAY, ["operator"]),
    ]


def test_an_instant_is_told_in_words_of_the_reader_s_zone():
    instant = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    assert reminding.in_words(instant, ZoneInfo("Europe/Berlin")) == "Monday 23 November, 00:30 (Europe/Berlin)"
