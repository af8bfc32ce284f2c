"""What editors walk: each list page by page to its end, on both engines, and every walk an index walk on SQLite."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from core.comparison import ComparisonState
from core.errors import NotFound, Refused
from core.tool import ToolStatus
from store import versions, votes, worklists
from store.worklists import Wanted
from tests.conftest import NOW
from tests.store.world import ADA, BEA, CYD, DOT, EVE


@pytest.mark.parametrize(
    ("wanted", "slugs"),
    [
        (Wanted(), {"ada", "bea", "cyd", "dot", "eve"}),
        (Wanted(status=ToolStatus.QUEUED), {"cyd"}),
        (Wanted(category="agents"), {"ada", "bea", "cyd", "dot", "eve"}),
        (Wanted(begins="b"), {"bea"}),
        (Wanted(words=("y", "C")), {"cyd"}),
        (Wanted(words=("e",)), {"bea", "eve"}),
        (Wanted(words=("nobody",), begins="b"), {"bea"}),
        (Wanted(words=("%",)), set()),
        (Wanted(begins="d", status=ToolStatus.QUEUED), set()),
    ],
)
def test_tools_are_walked_to_the_end_and_each_once(lived_in, wanted, slugs):
    found, after = [], ""
    for _ in range(6):
        page, after = worklists.tool_lines(lived_in, wanted, limit=2, after=after)
        found += [each.slug for each in page]
        if not after:
            break
    assert sorted(found) == sorted(slugs)


def test_votes_set_aside_follow_each_other_and_each_stands_once(lived_in):
    lived_in.execute(sa.text("UPDATE vote SET state = 'set_aside'"))
    [first] = votes.aside(lived_in, limit=5)
    at, pair, reader = first.place
    assert votes.aside(lived_in, limit=5, after=first.place) == []
    for before in ((at - timedelta(hours=1), pair, reader), (at, pair - 1, reader), (at, pair, reader - 1)):
        assert votes.aside(lived_in, limit=5, after=before) == [first]


def test_a_question_goes_on_about_who_took_a_tool_in(lived_in):
    [asked] = worklists.questions(lived_in, limit=5)
    assert (asked.a_slug, asked.b_slug) == ("cyd", "dot")
    assert worklists.questions(lived_in, limit=5, after=(asked.score, asked.id)) == []
    lived_in.execute(
        sa.text("UPDATE tool SET status = 'merged', merged_into = :to WHERE id = :at"), {"to": ADA, "at": DOT}
    )
    [asked] = worklists.questions(lived_in, limit=5)
    assert {asked.a_slug, asked.b_slug} == {"cyd", "ada"}
    lived_in.execute(
        sa.text("UPDATE tool SET status = 'merged', merged_into = :to WHERE id = :at"), {"to": ADA, "at": CYD}
    )
    assert worklists.questions(lived_in, limit=5) == []
    with pytest.raises(NotFound):
        worklists.question(lived_in, 77)


def test_a_question_without_a_reason_is_forgotten_and_another_asked_again(lived_in):
    worklists.reopen(lived_in, CYD, DOT)
    assert worklists.question_about(lived_in, DOT, CYD) is None


def test_versions_make_lines_and_never_circles(lived_in):
    assert versions.lines(lived_in) == {CYD: CYD, DOT: CYD}
    versions.declare(lived_in, newer=ADA, older=DOT, by="x", now=NOW)
    assert set(versions.lines(lived_in).values()) == {ADA}
    with pytest.raises(Refused):
        versions.declare(lived_in, newer=CYD, older=ADA, by="x", now=NOW)
    assert [(each.slug, each.newer) for each in versions.relatives(lived_in, DOT)] == [("cyd", False), ("ada", True)]
    assert versions.revoke(lived_in, DOT, ADA)
    assert not versions.revoke(lived_in, DOT, ADA)


def test_what_was_merged_stands_in_its_winner_s_line(lived_in):
    versions.declare(lived_in, newer=EVE, older=BEA, by="x", now=NOW)
    assert versions.lines(lived_in)[ADA] == versions.lines(lived_in)[BEA]


def test_comparisons_are_listed_by_state_and_staleness(lived_in):
    [first] = worklists.comparison_lines(lived_in, state=ComparisonState.PUBLISHED, limit=5)
    assert worklists.comparison_lines(lived_in, state=ComparisonState.PUBLISHED, limit=5, below=first.id) == []
    assert worklists.comparison_lines(lived_in, state=None, limit=5) == []
    lived_in.execute(sa.text("UPDATE comparison SET version = version + 1 WHERE id = :at"), {"at": first.id})
    assert [each.stale for each in worklists.comparison_lines(lived_in, state=None, limit=5)] == [True]
    assert worklists.counts(lived_in)["stale"] == 1
    assert worklists.newest_standing(lived_in, limit=5)[0] == first.id


def test_a_suggestion_waits_until_both_are_judged_and_nobody_has_answered(lived_in):
    assert worklists.suggested(lived_in, limit=5) == []
    lived_in.execute(sa.text("UPDATE tool SET status = 'reviewed' WHERE id IN (:a, :b)"), {"a": CYD, "b": DOT})
    [found] = worklists.suggested(lived_in, limit=5)
    assert (found.a, found.b) == ("cyd", "dot")
    worklists.withdraw_suggestion(lived_in, DOT, CYD)
    assert worklists.suggested(lived_in, limit=5) == []


PLANS = {
    "questions": lambda at: worklists.questions(at, limit=5, after=(0.5, 9)),
    "tools": lambda at: worklists.tool_lines(at, Wanted(), limit=5, after="3.0~9"),
    "of a status": lambda at: worklists.tool_lines(at, Wanted(status=ToolStatus.QUEUED), limit=5, after="3.0~9"),
    "of a category": lambda at: worklists.tool_lines(at, Wanted(category="agents"), limit=5, after="3.0~9"),
    "of both": lambda at: worklists.tool_lines(
        at, Wanted(status=ToolStatus.QUEUED, category="agents"), limit=5, after="3.0~9"
    ),
    "by address": lambda at: worklists.tool_lines(at, Wanted(begins="a"), limit=5),
    "drafts": lambda at: worklists.comparison_lines(at, state=ComparisonState.DRAFT, limit=5, below=9),
    "stale": lambda at: worklists.comparison_lines(at, state=None, limit=5, below=9),
    "of a tool": lambda at: worklists.comparisons_of(at, ADA),
    "waiting": lambda at: worklists.waiting(at, limit=5),
    "editions": lambda at: worklists.edition_lines(at, limit=5, below=9),
    "votes set aside": lambda at: votes.aside(at, limit=5, after=(NOW, 1, 1)),
    "trail": lambda at: worklists.trail(at, ["tool:ada"], limit=5),
}


_SORTED = ("trail", "of a tool", "by address")
"""What sorts the few rows of one tool, or those of its window."""


# PostgreSQL plans by size, and these tables are small.
@pytest.mark.parametrize("inhabited", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", PLANS)
def test_no_list_reads_or_sorts_everything(lived_in, name):
    sent = []

    def note(_connection, _cursor, statement, parameters, *_rest) -> None:
        sent.append((statement, parameters))

    sa.event.listen(lived_in.engine, "before_cursor_execute", note)
    try:
        PLANS[name](lived_in)
    finally:
        sa.event.remove(lived_in.engine, "before_cursor_execute", note)
    assert sent
    for statement, parameters in tuple(sent):
        plan = [row[-1] for row in lived_in.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
        whole = [each for each in plan if each.startswith("SCAN") and "USING" not in each and each != "SCAN anon_1"]
        sorts = [each for each in plan if "TEMP B-TREE FOR ORDER BY" in each and name not in _SORTED]
        assert (whole, sorts) == ([], []), (statement, plan)
