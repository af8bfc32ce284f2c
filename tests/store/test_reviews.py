"""Who gets which seat, and what becomes of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from threading import Thread

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from bench import seats
from core.errors import NotFound, Refused, StaleFence
from core.panel import Basis, Decision, DeclineReason, Lease, Person, SeatState
from core.tool import ToolStatus
from store import people, reviews, schema, tools
from store.checks import violations
from store.connect import Database
from tests.conftest import NOW
from tests.store.making import (
    KEYS,
    add,
    claim,
    get,
    invite,
    judge,
    later,
    lens,
    priority,
    say,
    settle_in,
    settle_panel,
    submit,
    wait_for_a_lock,
)


def _slug(lease: Lease | None) -> str | None:
    return None if lease is None else lease.tool_slug


def _due(connection: Connection, tool: int, at: datetime | None) -> None:
    connection.execute(sa.update(schema.seat).where(schema.seat.c.tool == tool).values(due_at=at))


def _decline(
    connection: Connection,
    reviewer: Person,
    seat: int,
    reason: DeclineReason = DeclineReason.NOT_MY_FIELD,
    until: datetime | None = None,
) -> int:
    return reviews.turn_down(connection, reviewer, seat, reason=reason, now=NOW, until=until)


def _all(connection: Connection, reviewer: Person, *, now: datetime = NOW) -> list[str]:
    """Every seat that this reviewer is given, in turn."""
    given_out = []
    while lease := claim(connection, reviewer, now=now):
        given_out.append(lease.tool_slug)
        submit(connection, reviewer, lease, now=now)
    return given_out


# ------------------------------------------------------------ which seat comes next


def test_the_most_complete_panel_comes_first(store: Connection) -> None:
    add(store, "Ada", priority=priority(90))
    (bea,) = add(store, "Bea", priority=priority(1))
    (cyd,) = add(store, "Cyd", priority=priority(2))
    judge(store, bea, "+-")
    judge(store, cyd, "+")
    assert _all(store, invite(store, "rae", "creator")) == ["bea", "cyd", "ada"]


def test_of_panels_as_complete_the_one_that_is_due_comes_first_and_one_without_a_day_last(store: Connection) -> None:
    ada, bea, cyd = add(store, "Ada", "Bea", "Cyd")
    _due(store, ada, None)
    _due(store, bea, later(days=2))
    _due(store, cyd, later(days=1))
    assert _all(store, invite(store, "rae", "builder")) == ["cyd", "bea", "ada"]


def test_then_the_highest_priority_and_then_the_oldest_tool(store: Connection) -> None:
    add(store, "Ada", "Bea", priority=priority(5))
    add(store, "Cyd", priority=priority(50))
    assert _all(store, invite(store, "rae", "builder")) == ["cyd", "ada", "bea"]


def test_of_several_lenses_the_best_seat_of_all_comes_first(store: Connection) -> None:
    ada, bea = add(store, "Ada", "Bea", priority=priority(5))
    judge(store, bea, "++")  # builder and skeptic
    judge(store, ada, "+")  # builder
    lease = claim(store, invite(store, "rae", "builder", "skeptic", "futurist"))
    assert lease is not None
    assert (lease.tool_slug, lease.lens) == ("bea", "futurist")


def test_the_queue_lists_seats_in_the_order_in_which_they_are_given_out(store: Connection) -> None:
    ada, bea, cyd, _ = add(store, "Ada", "Bea", "Cyd", "Dot", priority=priority(5))
    judge(store, bea, "++")
    _due(store, cyd, later(days=1))
    tools.set_status(store, ada, ToolStatus.REJECTED)
    reviewer = invite(store, "rae", "creator")
    listed = [row.tool_slug for row in reviews.queue(store, lenses=["creator"], now=NOW)]
    assert listed == ["bea", "cyd", "dot"]
    assert [row.tool_slug for row in reviews.queue(store, lenses=["creator"], limit=2, now=NOW)] == listed[:2]
    assert _all(store, reviewer) == listed


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 2), st.none() | st.integers(0, 2), st.integers(0, 2), st.booleans()),
        min_size=1,
        max_size=6,
    )
)
def test_queue_and_claims_agree_whatever_the_seats(
    shared: Database, rows: list[tuple[int, int | None, int, bool]]
) -> None:
    with shared.engine.connect() as connection, connection.begin() as transaction:
        settle_in(connection)
        for number, (said, due, score, expired) in enumerate(rows):
            (tool,) = add(connection, f"Tool {number}", priority=priority(score))
            judge(connection, tool, "+" * said)
            _due(connection, tool, None if due is None else later(days=due))
            if expired:
                assert claim(connection, invite(connection, f"gone{number}", "creator"), tool=tool, minutes=1)
        now = later(hours=1)
        queue = [row.id for row in reviews.queue(connection, lenses=["creator"], now=now)]
        reviewer, given_out = invite(connection, "rae", "creator"), []
        while lease := claim(connection, reviewer, now=now):
            given_out.append(lease.seat)
            submit(connection, reviewer, lease, now=now)
        transaction.rollback()
    # A submit moves other seats of its tool, never those of this lens.
    assert given_out == queue


def test_a_lens_that_is_not_in_use_any_more_is_not_looked_through(store: Connection) -> None:
    add(store, "Ada")
    reviewer = invite(store, "rae", "builder")
    people.keep_lenses(store, [lens("builder", 1, active=False)])
    assert claim(store, reviewer) is None
    assert "builder" not in {row.lens for row in reviews.queue(store, now=NOW)}


def test_seats_of_tools_that_have_left_the_queue_are_not_given_out(store: Connection) -> None:
    closed, rejected, kept = add(store, "Ada", "Bea", "Cyd")
    judge(store, closed, "++++")
    tools.set_status(store, rejected, ToolStatus.REJECTED)
    tools.set_status(store, kept, ToolStatus.KEPT)
    reviewer = invite(store, "rae", "creator")
    assert claim(store, reviewer) is None
    assert [claim(store, reviewer, tool=at) for at in (closed, rejected, kept)] == [None, None, None]
    assert reviews.queue(store, now=NOW) == []


def test_a_tool_may_be_picked(store: Connection) -> None:
    add(store, "Ada", priority=priority(90))
    (bea,) = add(store, "Bea")
    reviewer = invite(store, "rae", "builder")
    assert _slug(claim(store, reviewer, tool=bea)) == "bea"


def test_a_reviewer_gets_seats_of_the_lenses_named_only(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    reviewer = invite(store, "rae", "builder", "skeptic")
    lease = claim(store, reviewer, lenses=("skeptic",), tool=ada)
    assert lease is not None
    assert lease.lens == "skeptic"
    assert claim(store, reviewer, lenses=()) is None


# ------------------------------------------------------------ leases


def test_a_claim_leases_the_seat_with_a_fence(store: Connection) -> None:
    add(store, "Ada")
    reviewer = invite(store, "rae", "builder")
    lease = claim(store, reviewer)
    assert lease is not None
    assert (lease.fence, lease.until, lease.lens) == (1, later(minutes=30), "builder")
    (row,) = reviews.queue(store, lenses=["builder"], now=NOW)
    assert (row.state, row.holder, row.lease_until) == (SeatState.LEASED, "rae@example.com", later(minutes=30))


def test_what_was_begun_comes_first_with_a_longer_lease_and_the_same_fence(store: Connection) -> None:
    ada, bea = add(store, "Ada", "Bea")
    reviewer = invite(store, "rae", "builder")
    first = claim(store, reviewer, tool=bea)
    judge(store, ada, "+++")  # makes Ada's panel the more complete one
    again = claim(store, reviewer, now=later(minutes=10))
    assert first is not None
    assert again is not None
    assert (again.seat, again.fence, again.until) == (first.seat, first.fence, later(minutes=40))


def test_of_several_begun_the_oldest_comes_first(store: Connection) -> None:
    ada, bea = add(store, "Ada", "Bea")
    reviewer = invite(store, "rae", "builder")
    claim(store, reviewer, tool=bea, now=NOW)
    claim(store, reviewer, tool=ada, now=later(minutes=1))
    assert _slug(claim(store, reviewer, now=later(minutes=2))) == "bea"


def test_two_reviewers_of_a_lens_get_different_seats(store: Connection) -> None:
    add(store, "Ada", "Bea")
    leases = [claim(store, invite(store, name, "builder")) for name in ("rae", "sam", "tom")]
    assert [_slug(each) for each in leases] == ["ada", "bea", None]


def test_a_lease_that_ran_out_is_given_to_somebody_else_with_a_new_fence(store: Connection) -> None:
    add(store, "Ada")
    rae, sam = invite(store, "rae", "builder"), invite(store, "sam", "builder")
    old = claim(store, rae)
    assert claim(store, sam, now=later(minutes=29)) is None
    new = claim(store, sam, now=later(minutes=30))
    assert old is not None
    assert new is not None
    assert (new.seat, new.fence) == (old.seat, old.fence + 1)


def test_a_lost_seat_of_a_nearly_complete_panel_does_not_wait_behind_open_ones(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    judge(store, ada, "+++")
    rae, sam = invite(store, "rae", "founder"), invite(store, "sam", "founder")
    claim(store, rae)
    add(store, "Bea", "Cyd", priority=priority(90))
    assert _slug(claim(store, sam, now=later(hours=1))) == "ada"


def test_a_lease_that_ran_out_is_its_holder_s_again_while_nobody_has_taken_it(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    reviewer = invite(store, "rae", "builder")
    first = claim(store, reviewer)
    add(store, "Bea", priority=priority(90))
    again = claim(store, reviewer, now=later(hours=1))
    assert first is not None
    assert again is not None
    assert (again.seat, again.fence) == (first.seat, first.fence)
    assert submit(store, reviewer, first, now=later(hours=1)) == ada


def test_what_was_begun_on_a_tool_that_left_the_queue_does_not_come_up_again(store: Connection) -> None:
    ada, _ = add(store, "Ada", "Bea")
    reviewer = invite(store, "rae", "builder")
    claim(store, reviewer, tool=ada)
    tools.set_status(store, ada, ToolStatus.REJECTED)
    assert _slug(claim(store, reviewer)) == "bea"


# ------------------------------------------------------------ declined


def test_a_declined_seat_is_freed_for_others_and_never_offered_to_the_same_reviewer(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    rae, sam = invite(store, "rae", "builder"), invite(store, "sam", "builder")
    lease = claim(store, rae)
    assert lease is not None
    assert _decline(store, rae, lease.seat) == ada
    assert claim(store, rae, now=later(days=365)) is None
    assert _slug(claim(store, sam)) == "ada"


def test_a_declined_seat_leaves_other_lenses_of_the_tool(store: Connection) -> None:
    add(store, "Ada")
    reviewer = invite(store, "rae", "builder", "skeptic")
    lease = claim(store, reviewer)
    assert lease is not None
    _decline(store, reviewer, lease.seat)
    other = claim(store, reviewer)
    assert other is not None
    assert {lease.lens, other.lens} == {"builder", "skeptic"}


def test_a_conflict_of_interest_excludes_the_whole_tool(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    add(store, "Bea", priority=priority(1))
    reviewer = invite(store, "rae", "builder", "skeptic")
    held = claim(store, reviewer, lenses=("skeptic",), tool=ada)
    lease = claim(store, reviewer, lenses=("builder",), tool=ada)
    assert lease is not None
    assert held is not None
    _decline(store, reviewer, lease.seat, DeclineReason.CONFLICT)
    assert _slug(claim(store, reviewer)) == "bea"
    assert claim(store, reviewer, tool=ada) is None
    with pytest.raises(StaleFence):
        submit(store, reviewer, held)


def test_later_brings_a_seat_back(store: Connection) -> None:
    add(store, "Ada")
    reviewer = invite(store, "rae", "builder")
    lease = claim(store, reviewer)
    assert lease is not None
    _decline(store, reviewer, lease.seat, DeclineReason.LATER, until=later(days=7))
    assert claim(store, reviewer, now=later(days=6)) is None
    assert _slug(claim(store, reviewer, now=later(days=7))) == "ada"


def test_the_last_word_on_a_seat_counts(store: Connection) -> None:
    add(store, "Ada")
    reviewer = invite(store, "rae", "builder")
    lease = claim(store, reviewer)
    assert lease is not None
    _decline(store, reviewer, lease.seat, DeclineReason.NOT_MY_FIELD)
    _decline(store, reviewer, lease.seat, DeclineReason.LATER, until=later(days=7))
    assert claim(store, reviewer, now=later(days=8)) is not None


def test_what_somebody_else_holds_is_not_freed_by_a_decline(store: Connection) -> None:
    add(store, "Ada")
    rae, sam = invite(store, "rae", "builder"), invite(store, "sam", "builder")
    lease = claim(store, rae)
    assert lease is not None
    _decline(store, sam, lease.seat)
    assert submit(store, rae, lease)


def test_a_submitted_verdict_is_not_declined(store: Connection) -> None:
    add(store, "Ada")
    reviewer = invite(store, "rae", "builder")
    lease = claim(store, reviewer)
    assert lease is not None
    submit(store, reviewer, lease)
    with pytest.raises(Refused, match="already submitted"):
        _decline(store, reviewer, lease.seat)
    with pytest.raises(NotFound, match=r"no seat 999999999.*verdicts queue list"):
        _decline(store, reviewer, 999_999_999)


def test_a_lens_that_nobody_is_left_for_is_an_alarm(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    rae, sam = invite(store, "rae", "builder"), invite(store, "sam", "builder")
    lease = claim(store, rae)
    assert lease is not None
    _decline(store, rae, lease.seat)
    assert reviews.abandoned_lenses(store, ada, now=NOW) == []
    _decline(store, sam, lease.seat, DeclineReason.LATER, until=later(days=7))
    assert reviews.abandoned_lenses(store, ada, now=NOW) == ["builder"]
    assert reviews.abandoned_lenses(store, ada, now=later(days=8)) == []


def test_a_conflict_in_one_lens_leaves_nobody_for_the_other_either(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    reviewer = invite(store, "rae", "builder", "skeptic")
    lease = claim(store, reviewer, lenses=("builder",))
    assert lease is not None
    _decline(store, reviewer, lease.seat, DeclineReason.CONFLICT)
    assert sorted(reviews.abandoned_lenses(store, ada, now=NOW)) == ["builder", "skeptic"]


def test_a_lens_without_any_reviewer_and_one_that_has_its_verdict_are_no_alarm(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    rae, sam = invite(store, "rae", "builder"), invite(store, "sam", "builder")
    lease = claim(store, rae)
    assert lease is not None
    submit(store, rae, lease)
    _decline(store, sam, lease.seat)
    assert reviews.abandoned_lenses(store, ada, now=NOW) == []


# ------------------------------------------------------------ verdicts


def test_a_submit_turns_the_lease_into_a_verdict(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    reviewer = invite(store, "rae", "builder", machine=True)
    lease = claim(store, reviewer)
    assert lease is not None
    assert submit(store, reviewer, lease, ship=False, quote="Not yet.", now=later(minutes=5)) == ada
    (said,) = reviews.verdicts(store, [ada])[ada]
    assert (said.decision, said.quote, said.basis, said.version) == (Decision.SKIP, "Not yet.", Basis.DOCS, 1)
    assert (said.reviewer, said.machine, said.lens, said.submitted_at) == ("Rae", True, "builder", later(minutes=5))
    opened = store.execute(sa.select(schema.verdict.c.opened_at)).scalar_one()
    assert opened == NOW


def test_a_second_submit_is_refused(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    reviewer = invite(store, "rae", "builder")
    lease = claim(store, reviewer)
    assert lease is not None
    submit(store, reviewer, lease)
    with pytest.raises(StaleFence, match="already submitted from seat"):
        submit(store, reviewer, lease, ship=False)
    (said,) = reviews.verdicts(store, [ada])[ada]
    assert said.decision is Decision.SHIP


def test_a_submit_needs_the_fence_of_its_own_claim(store: Connection) -> None:
    add(store, "Ada")
    rae, sam = invite(store, "rae", "builder"), invite(store, "sam", "builder")
    old = claim(store, rae)
    new = claim(store, sam, now=later(hours=1))
    assert old is not None
    assert new is not None
    for reviewer, lease, words in (
        (rae, old, "gone to somebody else"),
        (rae, new, "gone to somebody else"),
        (sam, old, f"Fence 1 of seat {new.seat} is out of date; yours is 2"),
    ):
        with pytest.raises(StaleFence, match=words):
            submit(store, reviewer, lease)
    submit(store, sam, new)


def test_nobody_submits_from_a_seat_that_is_open(store: Connection) -> None:
    add(store, "Ada")
    reviewer = invite(store, "rae", "builder")
    (row,) = reviews.queue(store, lenses=["builder"], now=NOW)
    guess = Lease(seat=row.id, tool_slug="ada", lens="builder", fence=0, until=NOW)
    with pytest.raises(StaleFence, match="never yours"):
        submit(store, reviewer, guess)
    with pytest.raises(NotFound, match="no seat 999999999"):
        submit(store, reviewer, Lease(seat=999_999_999, tool_slug="", lens="", fence=1, until=NOW))


def test_verdicts_come_in_the_order_of_their_lenses_each_with_its_own_tool(store: Connection) -> None:
    ada, bea, cyd = add(store, "Ada", "Bea", "Cyd")
    judge(store, ada, "+-+")
    judge(store, bea, "-")
    people.keep_lenses(store, [lens("builder", 3), lens("futurist", 1)])
    found = reviews.verdicts(store, [ada, bea, cyd])
    assert {at: [each.lens for each in said] for at, said in found.items()} == {
        ada: ["futurist", "skeptic", "builder"],
        bea: ["builder"],
    }


def test_a_reviewer_without_a_name_is_never_shown_by_address(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    reviewer = people.invite(
        store, email="x@example.com", name="", roles=[], lenses=["builder"], machine=False, now=NOW
    )
    lease = claim(store, reviewer)
    assert lease is not None
    submit(store, reviewer, lease)
    assert [each.reviewer for each in reviews.verdicts(store, [ada])[ada]] == ["A reviewer"]


def test_the_panel_closes_at_its_quorum(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    stages = []
    for key in KEYS[:4]:
        reviewer = invite(store, key, key)
        lease = claim(store, reviewer)
        assert lease is not None
        submit(store, reviewer, lease, now=later(days=1))
        stages.append(get(store, ada).status)
    assert stages == [ToolStatus.IN_REVIEW] * 3 + [ToolStatus.REVIEWED]
    assert store.execute(sa.select(schema.tool.c.panel_closed_at)).scalar_one() == later(days=1)


def test_a_seat_that_was_begun_before_the_panel_closed_may_still_be_submitted(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    last = invite(store, "creator", "creator")
    lease = claim(store, last)
    judge(store, ada, "++++")
    assert lease is not None
    submit(store, last, lease)
    assert len(reviews.verdicts(store, [ada])[ada]) == 5
    assert get(store, ada).status is ToolStatus.REVIEWED


def test_a_machine_s_verdicts_are_counted_until_a_person_has_read_them(store: Connection) -> None:
    ada, bea = add(store, "Ada", "Bea")
    for key, machine in (("builder", True), ("skeptic", False)):
        reviewer = invite(store, key, key, machine=machine)
        lease = claim(store, reviewer, tool=ada)
        assert lease is not None
        submit(store, reviewer, lease)
    assert reviews.unchecked_machine_verdicts(store, [ada, bea]) == 1
    reviews.check_machine_verdicts(store, [bea], by=invite(store, "noor"))
    assert reviews.unchecked_machine_verdicts(store, [ada, bea]) == 1
    reviews.check_machine_verdicts(store, [ada, bea], by=invite(store, "noor"))
    assert reviews.unchecked_machine_verdicts(store, [ada, bea]) == 0


# ------------------------------------------------------------ drafts


def _save(connection: Connection, reviewer: Person, seat: int, quote: str) -> None:
    reviews.save_draft(
        connection, reviewer, seat_id=seat, decision=None, quote=quote, basis=Basis.DOCS, disclosure="", now=NOW
    )


def _drafts(connection: Connection) -> list[tuple[str, int]]:
    query = sa.select(schema.draft.c.quote, schema.draft.c.version).order_by(schema.draft.c.quote)
    return [(row.quote, row.version) for row in connection.execute(query)]


def test_a_draft_is_kept_whoever_holds_the_seat_and_goes_with_the_submit(store: Connection) -> None:
    add(store, "Ada")
    rae, sam = invite(store, "rae", "builder"), invite(store, "sam", "builder")
    lease = claim(store, rae)
    assert lease is not None
    _save(store, rae, lease.seat, "Mine")
    _save(store, rae, lease.seat, "Mine, longer")
    _save(store, sam, lease.seat, "Another's")
    assert _drafts(store) == [("Another's", 1), ("Mine, longer", 2)]
    submit(store, rae, lease)
    assert _drafts(store) == [("Another's", 1)]
    with pytest.raises(NotFound):
        _save(store, rae, 999_999_999, "Nowhere")


def test_a_reviewer_who_does_everything_at_once_leaves_the_store_sound(store: Connection) -> None:
    ids = add(store, *(f"Tool {number}" for number in range(4)))
    reviewers = [invite(store, key, *KEYS) for key in KEYS]
    for step, at in enumerate(ids):
        for place, reviewer in enumerate(reviewers):
            now = NOW + timedelta(hours=step)
            lease = claim(store, reviewer, tool=at, now=now)
            if lease is None:
                continue
            if (step + place) % 3 == 0:
                _decline(store, reviewer, lease.seat, list(DeclineReason)[place % 3], until=later(days=7))
            elif (step + place) % 3 == 1:
                submit(store, reviewer, lease, now=now)
        assert violations(store) == []


# ------------------------------------------------------------ many at once


def test_six_processes_clear_three_hundred_seats_and_none_is_judged_twice_lost_or_stuck(database_url: str) -> None:
    done = seats.clear(database_url, processes=6, seats=300)
    assert (done.judged, done.verdicts, done.left, done.broken) == (300, 300, 0, 0)
    assert done.refused > 0, "nobody came back late: the test has not shown what it is for"


def test_two_verdicts_at_the_same_moment_both_count(postgres_url: str) -> None:
    # Each transaction would see but its own verdict, if the second did not wait for the first.
    first, second = Database(postgres_url), Database(postgres_url)
    with first.write() as connection:
        settle_in(connection)
        (ada,) = add(connection, "Ada")
        rae, sam = invite(connection, "rae", "builder"), invite(connection, "sam", "skeptic")
        mine, theirs = claim(connection, rae), claim(connection, sam)
    assert mine is not None
    assert theirs is not None

    def submit_too() -> None:
        with second.write() as connection:
            submit(connection, sam, theirs)

    with first.write() as connection:
        say(connection, rae, mine)
        thread = Thread(target=submit_too)
        thread.start()
        wait_for_a_lock(first)
        settle_panel(connection, ada)
    thread.join()
    with first.read() as connection:
        assert violations(connection) == []
        assert {row.submitted_on_panel for row in reviews.queue(connection, now=NOW)} == {2}
        assert len(reviews.verdicts(connection, [ada])[ada]) == 2
    first.close()
    second.close()
