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
from core.errors import NotFound, Refused, StaleFence, StaleVersion
from core.panel import Basis, Decision, DeclineReason, Lease, Person, Role, SeatState
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
    reviewer = invite(store, "rae", "builder", "skeptic")
    claim(store, reviewer, lenses=("skeptic",), tool=bea, now=NOW)
    claim(store, reviewer, lenses=("builder",), tool=ada, now=later(minutes=1))
    assert _slug(claim(store, reviewer, now=later(minutes=2))) == "bea"


def test_a_reviewer_holds_one_seat_of_a_lens_at_a_time(store: Connection) -> None:
    ada, bea = add(store, "Ada", "Bea")
    reviewer = invite(store, "rae", "builder")
    held = claim(store, reviewer, tool=bea)
    assert held is not None
    with pytest.raises(Refused, match="You hold Bea through builder already"):
        claim(store, reviewer, tool=ada)
    assert claim(store, reviewer, tool=bea) is not None


def test_a_lease_that_ran_out_is_laid_down_for_another(store: Connection) -> None:
    ada, bea = add(store, "Ada", "Bea")
    reviewer = invite(store, "rae", "builder")
    old = claim(store, reviewer, tool=bea)
    new = claim(store, reviewer, tool=ada, now=later(hours=1))
    assert old is not None
    assert new is not None
    assert reviews.get_seat(store, old.seat).state is SeatState.OPEN
    assert reviews.get_seat(store, new.seat).holder == reviewer.id


def test_one_seat_can_be_named(store: Connection) -> None:
    add(store, "Ada", "Bea", priority=priority(5))
    reviewer = invite(store, "rae", "builder")
    last = reviews.queue(store, lenses=["builder"], now=NOW)[-1]
    until = later(minutes=30)
    lease = reviews.claim(store, reviewer, lenses=["builder"], tool_id=None, seat_id=last.id, now=NOW, until=until)
    assert lease is not None
    assert lease.seat == last.id


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
    other = reviews.queue(store, lenses=["builder"], now=NOW)[0]
    assert held is not None
    _decline(store, reviewer, other.id, DeclineReason.CONFLICT)
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


# ------------------------------------------------------------ several lenses; blind


def _withdraw(connection: Connection, reviewer: Person, seat: int, *, version: int = 1) -> int:
    return reviews.withdraw(
        connection,
        reviewer,
        seat,
        version=version,
        reason="Too soon.",
        now=later(hours=2),
        until=later(hours=3),
    )


def _revise(connection: Connection, reviewer: Person, seat: int, *, version: int = 1, quote: str = "Better.") -> int:
    return reviews.revise(
        connection,
        reviewer,
        seat_id=seat,
        version=version,
        decision=Decision.SKIP,
        quote=quote,
        basis=Basis.HANDS_ON,
        disclosure="",
        reason="It broke.",
        now=later(hours=2),
    )


def _states(connection: Connection) -> list[tuple[int, str, str]]:
    columns = (schema.verdict.c.version, schema.verdict.c.state, schema.verdict.c.reason)
    return [tuple(row) for row in connection.execute(sa.select(*columns).order_by(schema.verdict.c.id))]


def test_a_person_with_two_lenses_fills_a_seat_for_each_until_they_have_seen_the_others(store: Connection) -> None:
    ada, bea = add(store, "Ada", "Bea")
    reviewer = invite(store, "rae", "builder", "skeptic")
    for key in ("builder", "skeptic"):
        lease = claim(store, reviewer, lenses=(key,), tool=ada)
        assert lease is not None
        submit(store, reviewer, lease)
    lease = claim(store, reviewer, lenses=("builder",), tool=bea)
    assert lease is not None
    submit(store, reviewer, lease)
    reviews.looks(store, reviewer, [bea], now=NOW)
    assert claim(store, reviewer, lenses=("skeptic",), tool=bea) is None


def test_who_has_seen_the_others_gets_no_seat_and_submits_none(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    judge(store, ada, "+")
    rae, sam = invite(store, "rae", "skeptic"), invite(store, "sam", "futurist")
    lease = claim(store, sam)
    assert lease is not None
    reviews.looks(store, rae, [ada], now=NOW)
    reviews.looks(store, rae, [ada], now=later(hours=1))
    assert claim(store, rae) is None
    assert "seen what the others" in reviews.why_not(store, rae, ada)
    reviews.looks(store, sam, [ada], now=NOW)
    with pytest.raises(Refused, match="given blind"):
        submit(store, sam, lease)
    assert reviews.get_seat(store, lease.seat).state is SeatState.OPEN


def test_who_could_still_judge_is_known(store: Connection) -> None:
    ada, bea, cyd = add(store, "Ada", "Bea", "Cyd")
    reviewer = invite(store, "rae", "builder")
    lease = claim(store, reviewer, tool=ada)
    assert lease is not None
    submit(store, reviewer, lease)
    conflict = claim(store, reviewer, tool=cyd)
    assert conflict is not None
    _decline(store, reviewer, conflict.seat, DeclineReason.CONFLICT)
    assert reviews.may_judge(store, reviewer, [ada, bea, cyd]) == {ada, bea}
    reviews.looks(store, reviewer, [ada], now=NOW)
    assert reviews.may_judge(store, reviewer, [ada, bea, cyd]) == {bea}
    assert reviews.may_judge(store, invite(store, "noor", role=Role.EDITOR), [ada, bea]) == frozenset()


# ------------------------------------------------------------ taken back, and said anew


def test_a_withdrawn_verdict_is_a_draft_on_a_seat_of_its_writer_s(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    reviewer = invite(store, "rae", "builder")
    lease = claim(store, reviewer)
    assert lease is not None
    submit(store, reviewer, lease, quote="Yes, but.")
    assert _withdraw(store, reviewer, lease.seat) == ada
    reviews.settle_panel(store, ada, submitted=0, closed=False, now=NOW, again=True)
    assert violations(store) == []
    assert _states(store) == [(1, "withdrawn", "Too soon.")]
    assert reviews.get_draft(store, reviewer, lease.seat).quote == "Yes, but."
    assert get(store, ada).status is ToolStatus.QUEUED
    again = claim(store, reviewer)
    assert again is not None
    assert (again.seat, again.fence) == (lease.seat, lease.fence + 1)
    submit(store, reviewer, again)
    assert [version for version, *_ in _states(store)] == [1, 2]


def test_a_withdrawn_seat_waits_for_anybody_when_its_writer_has_begun_another(store: Connection) -> None:
    ada, _ = add(store, "Ada", "Bea")
    reviewer = invite(store, "rae", "builder")
    lease = claim(store, reviewer, tool=ada)
    assert lease is not None
    submit(store, reviewer, lease)
    assert claim(store, reviewer, now=later(hours=2)) is not None
    _withdraw(store, reviewer, lease.seat)
    reviews.settle_panel(store, ada, submitted=0, closed=False, now=NOW, again=True)
    settled = reviews.get_seat(store, lease.seat)
    assert (settled.state, settled.holder) == (SeatState.OPEN, None)


def test_a_closed_panel_opens_again_when_a_verdict_is_taken_away(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    judge(store, ada, "++++")
    seat_id = reviews.verdicts(store, [ada])[ada][0].seat
    reviews.reopen(store, seat_id, version=1, reason="Not theirs.")
    reviews.settle_panel(store, ada, submitted=3, closed=False, now=NOW, again=True)
    assert get(store, ada).status is ToolStatus.IN_REVIEW
    assert violations(store) == []
    assert claim(store, invite(store, "builder", "builder"), tool=ada) is not None
    with pytest.raises(Refused, match="No verdict is in"):
        reviews.reopen(store, seat_id, version=1, reason="Again.")


def test_nothing_is_taken_away_after_a_look_or_from_an_approved_comparison_or_at_another_version(
    store: Connection,
) -> None:
    ada, bea = add(store, "Ada", "Bea")
    reviewer = invite(store, "rae", "builder")
    leases = []
    for at in (ada, bea):
        lease = claim(store, reviewer, tool=at)
        assert lease is not None
        submit(store, reviewer, lease)
        leases.append(lease.seat)
    with pytest.raises(StaleVersion, match="at version 1, not 2"):
        _withdraw(store, reviewer, leases[0], version=2)
    with pytest.raises(Refused, match="No verdict of yours"):
        _withdraw(store, invite(store, "sam", "builder"), leases[0])
    reviews.looks(store, reviewer, [ada], now=NOW)
    with pytest.raises(Refused, match="Revise your verdict instead"):
        _withdraw(store, reviewer, leases[0])
    tools.set_status(store, bea, ToolStatus.PAIRED)
    with pytest.raises(Refused, match="stands in an approved comparison"):
        _withdraw(store, reviewer, leases[1])


def test_a_revision_is_a_new_version_and_the_old_one_stays_with_the_reason(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    reviewer = invite(store, "rae", "builder")
    lease = claim(store, reviewer)
    assert lease is not None
    submit(store, reviewer, lease)
    assert _revise(store, reviewer, lease.seat) == ada
    assert _states(store) == [(1, "revised", "It broke."), (2, "submitted", "")]
    (said,) = reviews.verdicts(store, [ada])[ada]
    assert (said.version, said.decision, said.quote) == (2, Decision.SKIP, "Better.")
    with pytest.raises(StaleVersion):
        _revise(store, reviewer, lease.seat, quote="Pressed twice.")
    with pytest.raises(Refused, match="Nothing in it is new"):
        _revise(store, reviewer, lease.seat, version=2)
    assert violations(store) == []


# ------------------------------------------------------------ drafts, versions, leases, dates


def test_a_draft_is_written_over_the_version_that_was_read_and_no_other(store: Connection) -> None:
    add(store, "Ada")
    reviewer = invite(store, "rae", "builder")
    lease = claim(store, reviewer)
    assert lease is not None

    def save(quote: str, version: int) -> int:
        return reviews.save_draft(
            store,
            reviewer,
            seat_id=lease.seat,
            decision=None,
            quote=quote,
            basis=None,
            disclosure="",
            now=NOW,
            version=version,
        )

    assert reviews.get_draft(store, reviewer, lease.seat).version == 0
    assert save("one tab", 0) == 1
    with pytest.raises(StaleVersion):
        save("the other tab", 0)
    assert save("one tab goes on", 1) == 2
    with pytest.raises(StaleVersion):
        save("the other tab", 1)
    assert reviews.get_draft(store, reviewer, lease.seat).quote == "one tab goes on"
    reviews.drop_draft(store, reviewer, lease.seat)
    with pytest.raises(StaleVersion):
        save("written over what is gone", 2)


def test_a_lease_is_renewed_by_its_own_claim_only_and_never_made_shorter(store: Connection) -> None:
    add(store, "Ada")
    rae, sam = invite(store, "rae", "builder"), invite(store, "sam", "builder")
    lease = claim(store, rae)
    assert lease is not None
    assert reviews.renew(store, rae, lease.seat, fence=lease.fence, until=later(minutes=5))
    assert reviews.get_seat(store, lease.seat).lease_until == later(minutes=30)
    assert reviews.renew(store, rae, lease.seat, fence=lease.fence, until=later(minutes=50))
    assert reviews.get_seat(store, lease.seat).lease_until == later(minutes=50)
    assert not reviews.renew(store, sam, lease.seat, fence=lease.fence, until=later(hours=9))
    claim(store, sam, now=later(hours=1))
    assert not reviews.renew(store, rae, lease.seat, fence=lease.fence, until=later(hours=9))


def test_a_broken_lease_frees_the_seat_and_keeps_the_draft(store: Connection) -> None:
    add(store, "Ada")
    reviewer = invite(store, "rae", "builder")
    lease = claim(store, reviewer)
    assert lease is not None
    _save(store, reviewer, lease.seat, "So far")
    with pytest.raises(StaleFence, match="another holder"):
        reviews.break_lease(store, lease.seat, fence=lease.fence + 1)
    assert reviews.break_lease(store, lease.seat, fence=lease.fence).holder == reviewer.id
    with pytest.raises(Refused, match="Nobody holds"):
        reviews.break_lease(store, lease.seat, fence=lease.fence)
    with pytest.raises(StaleFence):
        submit(store, reviewer, lease)
    assert reviews.get_draft(store, reviewer, lease.seat).quote == "So far"


def test_a_decline_is_taken_back_but_no_conflict_of_interest(store: Connection) -> None:
    add(store, "Ada")
    reviewer = invite(store, "rae", "builder")
    lease = claim(store, reviewer)
    assert lease is not None
    _decline(store, reviewer, lease.seat)
    assert reviews.take_back_decline(store, reviewer, lease.seat)
    assert not reviews.take_back_decline(store, reviewer, lease.seat)
    assert _slug(claim(store, reviewer)) == "ada"
    _decline(store, reviewer, lease.seat, DeclineReason.CONFLICT)
    with pytest.raises(Refused, match="not taken back"):
        reviews.take_back_decline(store, reviewer, lease.seat)


def test_seats_that_wait_without_a_date_get_one(store: Connection) -> None:
    _, bea = add(store, "Ada", "Bea")
    tools.set_status(store, bea, ToolStatus.REJECTED)
    reviews.give_due_dates(store, due=later(days=7))
    add(store, "Cyd")
    reviews.give_due_dates(store, due=later(days=9))
    rows = reviews.queue(store, lenses=["builder"], now=NOW)
    assert [(row.tool_slug, row.due_at) for row in rows] == [("ada", later(days=7)), ("cyd", later(days=9))]


def test_deserted_seats_are_those_that_nobody_is_left_for(store: Connection) -> None:
    ada, bea, cyd = add(store, "Ada", "Bea", "Cyd")
    rae, sam = invite(store, "rae", "builder", "skeptic"), invite(store, "sam", "builder")
    for at, reviewer, reason in (
        (ada, rae, DeclineReason.NOT_MY_FIELD),
        (ada, sam, DeclineReason.LATER),
        (bea, rae, DeclineReason.CONFLICT),
        (cyd, rae, DeclineReason.NOT_MY_FIELD),
    ):
        lease = claim(store, reviewer, lenses=("builder",), tool=at)
        assert lease is not None
        _decline(store, reviewer, lease.seat, reason, until=later(days=7) if reason == DeclineReason.LATER else None)
    found = [(row.tool_slug, row.lens) for row in reviews.deserted(store, now=NOW)]
    # rae is the only skeptic, and has a conflict with Bea as such, too.
    assert found == [("ada", "builder"), ("bea", "skeptic")]
    assert [row.tool_slug for row in reviews.deserted(store, now=later(days=8))] == ["bea"]
    assert len(reviews.deserted(store, now=NOW, limit=1)) == 1
