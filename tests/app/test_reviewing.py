"""The panel: who may claim and submit what, and what becomes of leases, declines and late words."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app import editing, reviewing
from app.commands import panel as commands
from app.lenses import STANDARD, load_lenses, read_lenses
from app.wiring import Product
from core.errors import NotFound, Refused, StaleFence, UsageError
from core.panel import Basis, Decision, DeclineReason, Lease, Role
from core.tool import ToolStatus
from review.queue import order
from store import audit, schema
from tests.app.making import EDITOR, LENSES, approve, hold, judge, review, rows, seat_panel, shelve, submit
from tests.conftest import NOW

BUILDER = "builder@example.com"
SECOND = "second@example.com"


@pytest.fixture
def panel(product: Product) -> Product:
    """A panel, and one tool that waits for it."""
    seat_panel(product)
    shelve(product, "Ada")
    return product


def words(product: Product, lease: Lease, email: str = BUILDER, **more: Any) -> reviewing.Submitted:
    values: dict[str, Any] = {"decision": Decision.SHIP, "quote": "Good.", "basis": Basis.DOCS} | more
    return reviewing.submit(product, email, seat=lease.seat, fence=lease.fence, **values)


def drafts(product: Product) -> list[str]:
    with product.database.read() as connection:
        return list(connection.scalars(sa.select(schema.draft.c.quote)))


def another_builder(product: Product) -> None:
    reviewing.invite(product, SECOND, roles=[Role.REVIEWER], lenses=["builder"], actor="test")


# ------------------------------------------------------------ people


def test_an_invitation_is_a_link_that_nobody_can_guess_and_the_database_does_not_know(product):
    made = reviewing.invite(product, EDITOR, roles=[Role.EDITOR], name="Noor\r\nBcc: x", actor="test")
    token = made.sign_in_url.rpartition("/")[2]
    assert len(token) >= 40
    assert token not in str(rows(product))
    assert made.person.name == "Noor Bcc: x"
    assert made.sign_in_url.startswith("http://127.0.0.1:8000/desk/sign-in/")


def test_inviting_again_adds_roles_and_lenses_and_takes_none_away(product):
    reviewing.invite(product, BUILDER, roles=[Role.REVIEWER], lenses=["builder"], name="Pat", actor="test")
    again = reviewing.invite(product, BUILDER.upper(), roles=[Role.EDITOR], actor="test").person
    assert (again.name, again.roles, again.lenses) == ("Pat", {Role.REVIEWER, Role.EDITOR}, ("builder",))
    more = reviewing.invite(product, BUILDER, roles=[Role.REVIEWER], lenses=["skeptic"], actor="test").person
    assert more.lenses == ("builder", "skeptic")
    assert len(reviewing.everybody(product)) == 1


@pytest.mark.parametrize(
    ("email", "asked", "error", "message"),
    [
        ("no address", {"roles": [Role.EDITOR]}, Refused, "'no address' is not an e-mail address"),
        ("a@b@c", {"roles": [Role.EDITOR]}, Refused, "not an e-mail address"),
        ("x" * 10_000 + "@example.com", {"roles": [Role.EDITOR]}, Refused, "not an e-mail address"),
        (BUILDER, {"roles": [Role.REVIEWER]}, Refused, "at least one lens"),
        (BUILDER, {"roles": [Role.REVIEWER], "lenses": ["x-ray"]}, NotFound, "no lens 'x-ray'.*builder"),
    ],
)
def test_nobody_is_invited_without_an_address_or_a_lens(product, email, asked, error, message):
    with pytest.raises(error, match=message) as refusal:
        reviewing.invite(product, email, actor="test", **asked)
    assert len(str(refusal.value)) < 400
    assert reviewing.everybody(product) == []


def test_a_person_does_not_become_a_program(panel):
    with pytest.raises(Refused, match="known as a person"):
        reviewing.invite(panel, BUILDER, roles=[Role.REVIEWER], lenses=["builder"], machine=True, actor="test")
    for _ in range(2):
        made = reviewing.invite(
            panel, "bot@example.com", roles=[Role.REVIEWER], lenses=["builder"], machine=True, actor="test"
        )
        assert made.person.machine


# ------------------------------------------------------------ claiming


def test_a_claim_gives_seat_fence_and_lease(panel):
    lease = reviewing.claim(panel, BUILDER)
    assert (lease.tool_slug, lease.lens, lease.fence) == ("ada", "builder", 1)
    assert lease.until == NOW + timedelta(minutes=30)


def test_claiming_again_gives_the_same_seat_and_a_longer_lease(panel):
    first = reviewing.claim(panel, BUILDER)
    again = reviewing.claim(panel.at(NOW + timedelta(minutes=20)), BUILDER)
    assert (again.seat, again.fence) == (first.seat, first.fence)
    assert again.until == NOW + timedelta(minutes=50)


def test_the_lease_lasts_as_long_as_the_setting_says(panel):
    settings = panel.settings.model_copy(update={"seat_minutes": 5})
    assert reviewing.claim(replace(panel, settings=settings), BUILDER).until == NOW + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("email", "asked", "error", "message"),
    [
        ("nobody@example.com", {}, NotFound, "Nobody here has the address.*people invite"),
        (EDITOR, {}, Refused, "not a reviewer.*--role reviewer"),
        (BUILDER, {"lens": "skeptic"}, Refused, "does not look through the lens 'skeptic'.*Theirs: builder"),
        (BUILDER, {"lens": "x-ray"}, Refused, "does not look through"),
        (BUILDER, {"tool": "bea"}, NotFound, "no tool 'bea'"),
    ],
)
def test_only_a_reviewer_claims_and_only_through_their_own_lens(panel, email, asked, error, message):
    with pytest.raises(error, match=message):
        reviewing.claim(panel, email, **asked)


def test_a_seat_that_somebody_holds_is_given_to_nobody_else_until_the_lease_is_over(panel):
    another_builder(panel)
    first = reviewing.claim(panel, BUILDER)
    with pytest.raises(NotFound, match=r"No seat of ada waits for builder\..*queue list"):
        reviewing.claim(panel, SECOND, tool="ada")
    later = panel.at(first.until + timedelta(seconds=1))
    taken = reviewing.claim(later, SECOND)
    assert (taken.seat, taken.fence) == (first.seat, first.fence + 1)


def test_of_many_who_claim_at_once_no_two_get_one_seat(product_on_both):
    product = product_on_both
    shelve(product, *(f"Tool {number}" for number in range(6)))
    people = [f"builder{number}@example.com" for number in range(8)]
    for each in people:
        reviewing.invite(product, each, roles=[Role.REVIEWER], lenses=["builder"], actor="test")

    def claim(email: str) -> int | None:
        try:
            return reviewing.claim(product, email).seat
        except NotFound:
            return None

    with ThreadPoolExecutor(8) as pool:
        seats = [each for each in pool.map(claim, people) if each is not None]
    assert len(seats) == len(set(seats)) == 6
    hold(product)


def test_the_tool_whose_panel_is_most_complete_comes_first_then_the_highest_priority(panel):
    shelve(panel, "Ada", "Bea", "A much longer name")
    by_priority = [each.slug for each in editing.list_tools(panel)]
    assert reviewing.claim(panel, "creator@example.com").tool_slug == by_priority[0]
    submit(panel, by_priority[-1], "skeptic")
    assert reviewing.claim(panel, BUILDER).tool_slug == by_priority[-1]
    assert reviewing.queue(panel, email="founder@example.com")[0].tool_slug == by_priority[-1]


def test_the_queue_of_a_reviewer_holds_their_lenses_and_says_nothing_of_verdicts(panel):
    submit(panel, "ada", "skeptic", ship=False)
    assert {each.lens for each in reviewing.queue(panel, email=BUILDER)} == {"builder"}
    everybody = reviewing.queue(panel)
    assert {each.lens for each in everybody} == set(LENSES) - {"skeptic"}
    assert not any(word in str(everybody).lower() for word in ("ship", "skip", "quote"))


# ------------------------------------------------------------ submitting


def test_a_panel_closes_at_its_quorum_and_a_tie_is_no_majority(panel):
    signs = {"builder": True, "skeptic": False, "futurist": True, "founder": False}
    tallies = [submit(panel, "ada", lens, ship=ship).tally for lens, ship in signs.items()]
    assert [(each.ship_percent, each.count, each.closed) for each in tallies] == [
        (100, "1-0", False),
        (50, "1-1", False),
        (67, "2-1", False),
        (50, "2-2", True),
    ]
    assert editing.show_tool(panel, "ada").dossier.tool.status is ToolStatus.REVIEWED
    with pytest.raises(NotFound):
        reviewing.claim(panel, "creator@example.com")
    hold(panel)


def test_a_verdict_that_was_under_way_when_the_panel_closed_still_counts(panel):
    lease = reviewing.claim(panel, "creator@example.com")
    judge(panel, "ada", "++++")
    done = words(panel, lease, "creator@example.com", decision=Decision.SKIP)
    assert (done.tally.count, done.tally.ship_percent, done.tally.closed) == ("4-1", 80, True)
    hold(panel)


def test_a_stale_fence_is_refused_and_the_words_are_kept(panel):
    another_builder(panel)
    lost = reviewing.claim(panel, BUILDER)
    later = panel.at(lost.until + timedelta(minutes=1))
    kept = reviewing.claim(later, SECOND)
    with pytest.raises(StaleFence, match=r"gone to somebody else.*Your text is kept"):
        words(later, lost, quote="An hour of work.")
    assert drafts(later) == ["An hour of work."]
    with pytest.raises(StaleFence, match=f"Fence {kept.fence + 5} of seat {kept.seat} is out of date"):
        words(later, replace(kept, fence=kept.fence + 5), SECOND)
    assert words(later, kept, SECOND).tally.count == "1-0"
    assert words(later, kept, SECOND).tally.count == "1-0"  # pressed twice
    with pytest.raises(StaleFence, match="already submitted"):
        words(later, kept, SECOND, quote="Something else.")
    hold(panel)


def test_a_lease_that_ran_out_still_counts_while_nobody_else_has_claimed_the_seat(panel):
    lease = reviewing.claim(panel, BUILDER)
    assert words(panel.at(lease.until + timedelta(days=1)), lease).tally.count == "1-0"


def test_the_draft_goes_when_the_verdict_is_in(panel):
    lease = reviewing.claim(panel, BUILDER)
    with pytest.raises(StaleFence):
        words(panel, replace(lease, fence=9))
    assert drafts(panel) == ["Good."]
    words(panel, lease)
    assert drafts(panel) == []


@pytest.mark.parametrize(
    "take_away", [editing.reject_tool, lambda p, slug, actor: editing.merge_tools(p, "bea", slug, actor=actor)]
)
def test_words_on_a_tool_that_was_taken_away_meanwhile_are_kept_as_a_draft(panel, take_away):
    shelve(panel, "Bea")
    lease = reviewing.claim(panel, BUILDER, tool="ada")
    take_away(panel, "ada", actor="test")
    with pytest.raises(StaleFence, match=r"ada was (rejected|merged) meanwhile.*Your text is kept"):
        words(panel, lease, quote="An hour of work.")
    assert drafts(panel) == ["An hour of work."]
    hold(panel)


@pytest.mark.parametrize(
    ("email", "more", "error", "message"),
    [
        (EDITOR, {}, Refused, "not a reviewer"),
        ("skeptic@example.com", {}, StaleFence, "never yours"),
        (BUILDER, {"quote": " \u200b\n "}, Refused, "needs a quote"),
        (BUILDER, {"quote": "x" * 4001}, Refused, "4001 characters; 4000 is the limit"),
    ],
)
def test_a_verdict_is_refused_from_the_wrong_hands_or_without_words(panel, email, more, error, message):
    lease = reviewing.claim(panel, BUILDER)
    with pytest.raises(error, match=message):
        words(panel, lease, email, **more)
    assert reviewing.judged_lenses(panel, "ada") == frozenset()
    hold(panel)


def test_an_unknown_seat_is_not_found(panel):
    lease = reviewing.claim(panel, BUILDER)
    with pytest.raises(NotFound, match=r"no seat 4711\."):
        words(panel, replace(lease, seat=4711))
    with pytest.raises(NotFound, match=r"no seat 4711\."):
        reviewing.decline(panel, BUILDER, 4711, reason=DeclineReason.LATER)


def test_a_quote_is_one_line_of_plain_text(panel):
    lease = reviewing.claim(panel, BUILDER)
    words(panel, lease, quote="  Two\r\nlines,\tand \u202ehidden\u202c marks.\x00 ", disclosure="I\nknow them.")
    with panel.database.read() as connection:
        row = connection.execute(sa.select(schema.verdict)).one()
    assert (row.quote, row.disclosure) == ("Two lines, and hidden marks.", "I know them.")


def test_a_program_s_verdict_carries_its_label(panel):
    reviewing.invite(panel, "bot@example.com", roles=[Role.REVIEWER], lenses=["builder"], machine=True, actor="test")
    lease = reviewing.claim(panel, "bot@example.com")
    words(panel, lease, "bot@example.com")
    with panel.database.read() as connection:
        assert connection.scalars(sa.select(schema.verdict.c.machine)).all() == [True]


# ------------------------------------------------------------ declining


def test_declined_later_comes_back_after_a_week(panel):
    lease = reviewing.claim(panel, BUILDER)
    assert reviewing.decline(panel, BUILDER, lease.seat, reason=DeclineReason.LATER) == ["builder"]
    with pytest.raises(NotFound):
        reviewing.claim(panel.at(NOW + timedelta(days=6)), BUILDER)
    assert reviewing.claim(panel.at(NOW + timedelta(days=8)), BUILDER).seat == lease.seat


def test_a_declined_seat_is_free_at_once_for_somebody_else_and_no_alarm_while_there_is_one(panel):
    another_builder(panel)
    lease = reviewing.claim(panel, BUILDER)
    assert reviewing.decline(panel, BUILDER, lease.seat, reason=DeclineReason.NOT_MY_FIELD) == []
    assert reviewing.claim(panel, SECOND).seat == lease.seat
    assert reviewing.decline(panel, SECOND, lease.seat, reason=DeclineReason.NOT_MY_FIELD) == ["builder"]
    hold(panel)


def test_a_conflict_of_interest_ends_every_seat_of_that_tool(panel):
    reviewing.invite(panel, BUILDER, roles=[Role.REVIEWER], lenses=["skeptic"], actor="test")
    lease = reviewing.claim(panel, BUILDER, lens="builder")
    reviewing.decline(panel, BUILDER, lease.seat, reason=DeclineReason.CONFLICT)
    for lens in ("builder", "skeptic"):
        with pytest.raises(Refused, match="conflict of interest"):
            reviewing.claim(panel.at(NOW + timedelta(days=400)), BUILDER, lens=lens, tool="ada")


def test_a_submitted_seat_cannot_be_declined(panel):
    lease = reviewing.claim(panel, BUILDER)
    words(panel, lease)
    with pytest.raises(Refused, match="already submitted"):
        reviewing.decline(panel, BUILDER, lease.seat, reason=DeclineReason.LATER)
    with pytest.raises(Refused, match="not a reviewer"):
        reviewing.decline(panel, EDITOR, lease.seat, reason=DeclineReason.LATER)


# ------------------------------------------------------------ out of the queue and back


def test_a_rejected_tool_that_is_queued_again_goes_on_where_its_panel_stood(panel):
    submit(panel, "ada", "builder")
    assert editing.reject_tool(panel, "ada", actor="test").status is ToolStatus.REJECTED
    with pytest.raises(NotFound):
        reviewing.claim(panel, "skeptic@example.com")
    hold(panel)
    assert editing.queue_tool(panel, "ada", actor="test").status is ToolStatus.IN_REVIEW
    assert submit(panel, "ada", "skeptic").tally.count == "2-0"
    hold(panel)


def test_a_tool_with_a_closed_panel_is_reviewed_again_after_its_rejection(product):
    review(product, "Ada")
    editing.reject_tool(product, "ada", actor="test")
    assert editing.queue_tool(product, "ada", actor="test").status is ToolStatus.REVIEWED
    hold(product)


def test_a_tool_in_review_is_not_queued_a_second_time(panel):
    submit(panel, "ada", "builder")
    with pytest.raises(Refused, match="in review; it has left the queue"):
        editing.queue_tool(panel, "ada", actor="test")


# ------------------------------------------------------------ lenses


def test_a_lens_that_is_added_gets_a_seat_on_every_tool_that_waits(product, tmp_path):
    review(product, "Ada", "Bea")
    shelve(product, "Cid")
    approve(product, "ada", "bea")
    file = tmp_path / "lenses.toml"
    file.write_text(STANDARD.read_text() + _lens("lawyer", 6))
    assert load_lenses(product, file) == 6
    reviewing.invite(product, "lawyer@example.com", roles=[Role.REVIEWER], lenses=["lawyer"], actor="test")
    assert [each.tool_slug for each in reviewing.queue(product, email="lawyer@example.com")] == ["cid"]
    hold(product)


def _lens(key: str, position: int) -> str:
    return (
        f'\n[[lens]]\nkey = "{key}"\nname = "{key.capitalize()}"\nmotto = "m"\nasks = "a"\nexcites = "e"\ntires = "t"\n'
        f"position = {position}\n"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[lens]\n", "cannot be read.*TOML"),
        ('[[lens]]\nkey = "x"\n', r"wrong\.toml is wrong at lens 0\.name"),
        ("lens = 7\n", "wrong.toml is wrong at lens"),
        ("[[source]]\n", r"has no \[\[lens\]\] entry"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_a_lenses_file_with_a_mistake_is_refused_by_name(tmp_path, text, message):
    file = tmp_path / "wrong.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError, match=message):
        read_lenses(file)


# ------------------------------------------------------------ dates, looks, versions


def test_what_comes_into_the_queue_is_due_in_a_week_to_the_end_of_that_day(panel):
    [seat] = [each for each in reviewing.queue(panel) if each.lens == "builder"]
    assert seat.due_at == NOW.replace(hour=0, minute=0) + timedelta(days=8)
    shelve(panel.at(NOW + timedelta(days=1)), "Bea")
    days = {each.tool_slug: each.due_at for each in reviewing.queue(panel)}
    assert days["bea"] - days["ada"] == timedelta(days=1)


def test_a_tool_that_comes_back_keeps_its_date_and_a_claim_dates_what_has_none(panel):
    with panel.database.write() as connection:
        connection.execute(sa.update(schema.seat).values(due_at=None))
    reviewing.claim(panel, BUILDER)
    assert all(each.due_at for each in reviewing.queue(panel))


def test_the_queue_s_order_in_sql_is_the_one_of_the_rules(panel):
    shelve(panel, "Bea", "Cyd", "Dot")
    submit(panel, "cyd", "skeptic")
    with panel.database.write() as connection:
        late = sa.update(schema.seat).where(schema.seat.c.lens == "founder")
        connection.execute(late.values(due_at=NOW, priority=7.0))
        connection.execute(sa.update(schema.seat).where(schema.seat.c.lens == "creator").values(due_at=None))
    rows_of = reviewing.queue(panel, limit=100)
    assert len(rows_of) == 19
    assert rows_of == sorted(rows_of, key=order)


def test_a_panel_shown_ends_withdrawing_and_is_logged_once(panel):
    skeptic = "skeptic@example.com"
    words(panel, reviewing.claim(panel, skeptic), skeptic, quote="Well.")
    lease = reviewing.claim(panel, BUILDER)
    words(panel, lease, looks=True)
    with pytest.raises(Refused, match="Revise your verdict instead"):
        reviewing.withdraw(panel, BUILDER, lease.seat, version=1)
    reviewing.show_panel(panel, BUILDER, lease.seat)
    assert [each.quote for each in reviewing.shown_panel(panel, BUILDER, 1).verdicts] == ["Good.", "Well."]
    assert reviewing.shown_panel(panel, skeptic, 1).hidden
    assert not reviewing.shown_panel(panel, EDITOR, 1).hidden
    hold(panel)


def test_who_asks_again_to_be_shown_what_was_submitted_blind_has_looked(panel):
    skeptic = "skeptic@example.com"
    words(panel, reviewing.claim(panel, skeptic), skeptic)
    lease = reviewing.claim(panel, BUILDER)
    words(panel, lease)
    assert words(panel, lease, looks=True).tally.total == 2
    with pytest.raises(Refused, match="Revise your verdict instead"):
        reviewing.withdraw(panel, BUILDER, lease.seat, version=1)
    hold(panel)


def test_own_verdicts_from_other_seats_are_nothing_that_is_seen(panel):
    reviewing.invite(panel, BUILDER, roles=[], lenses=["founder"], actor="test")
    for lens in ("builder", "founder"):
        words(panel, reviewing.claim(panel, BUILDER, lens=lens), looks=True)
    reviewing.withdraw(panel, BUILDER, 1, version=1)
    hold(panel)


def test_the_log_says_that_a_verdict_was_given_and_not_which(panel):
    words(panel, reviewing.claim(panel, BUILDER), quote="Zanzibar.")
    with panel.database.read() as connection:
        logged = str(audit.entries(connection))
    assert "verdict.submit" in logged
    assert "anzibar" not in logged
    assert "ship" not in logged


def test_by_command_a_verdict_given_blind_is_withdrawn_and_one_that_was_shown_is_revised(panel, monkeypatch):
    monkeypatch.setenv("VERDICTS_VAR", str(panel.settings.var))
    monkeypatch.setenv("VERDICTS_CLOCK", NOW.isoformat())
    monkeypatch.setenv("VERDICTS_DATABASE_URL", panel.settings.database)
    lease = reviewing.claim(panel, BUILDER)
    said = {"as_": BUILDER, "seat": lease.seat, "verdict": Decision.SHIP, "quote": "Yes.", "basis": Basis.DOCS}
    hidden = commands.submit(**said, fence=lease.fence, blind=True)
    assert hidden.data == {"tool": "ada", "panel_ship": None, "count": None, "closed": None}
    assert commands.withdraw(as_=BUILDER, seat=lease.seat).data == {"tool": "ada", "seat": lease.seat}
    skeptic = "skeptic@example.com"
    words(panel, reviewing.claim(panel, skeptic), skeptic)
    shown = commands.submit(**said, fence=lease.fence + 1)
    assert shown.data["count"] == "2-0"
    with pytest.raises(Refused):
        commands.withdraw(as_=BUILDER, seat=lease.seat, version=2)
    again = said | {"quote": "No.", "verdict": Decision.SKIP}
    assert commands.revise(**again, version=2, reason="It broke.").data["version"] == 3
    held = reviewing.claim(panel, "founder@example.com")
    commands.break_lease(held.seat, as_=EDITOR, fence=held.fence, reason="Away.")
    with pytest.raises(Refused, match="not an editor"):
        commands.break_lease(held.seat, as_=BUILDER, fence=held.fence, reason="Away.")
    hold(panel)
