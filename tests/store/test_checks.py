"""Every invariant is a query that some wrong row breaks, and that the right rows do not."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from store.checks import INVARIANTS, violations

# Rule -> statements that break it, and nothing else unless a state cannot be wrong in one way only.
BROKEN: dict[str, tuple[str, ...]] = {
    "a seat says submitted exactly when a verdict counts": (
        "UPDATE seat SET state = 'open', holder = NULL WHERE id = 1",
    ),
    "a seat knows how many verdicts its panel has": ("UPDATE seat SET panel_submitted = 3 WHERE id = 6",),
    "a seat has its tool's priority": ("UPDATE tool SET priority = 99 WHERE slug = 'cyd'",),
    "a seat knows whether its tool waits": ("UPDATE tool SET status = 'kept' WHERE slug = 'cyd'",),
    "a tool of the queue has a seat for every active lens": ("DELETE FROM seat WHERE id = 4",),
    "a tool that is queued has no verdict, one in review has some": (
        "UPDATE tool SET status = 'in_review' WHERE slug = 'cyd'",
    ),
    "a tool's present slug leads to it": ("UPDATE tool SET slug = 'nowhere' WHERE slug = 'cyd'",),
    "a tool has a sighting, unless it was merged into another": (
        "UPDATE sighting SET tool = 1 WHERE external_id = '4'",
    ),
    "a merge leads to a tool that is not merged itself": (
        "UPDATE tool SET merged_into = 3 WHERE slug = 'eve'",
        "UPDATE sighting SET tool = 1 WHERE tool = 3",
        "UPDATE tool SET status = 'merged', merged_into = 1 WHERE slug = 'cyd'",
        "UPDATE seat SET waiting = (1 = 0) WHERE tool = 3",
    ),
    "nothing belongs to a merged tool": ("UPDATE identifier SET tool = 5",),
    "an approved comparison stands at its approved version": (
        """UPDATE comparison SET state = 'approved', version = 2, approved_version = 1, approved_by = 2,
           approved_at = made_at, approved_view = '{}' WHERE id = 2""",
    ),
    "an edition that went out holds published comparisons at the version it was approved with": (
        "UPDATE edition_comparison SET comparison_version = 2",
    ),
    "a comparison in sight is of two tools that stand": ("UPDATE tool SET status = 'rejected' WHERE slug = 'ada'",),
    "a frozen edition keeps its addresses": ("UPDATE edition_comparison SET slug = NULL",),
    "a published comparison stands in an edition": ("DELETE FROM edition_comparison",),
    "a draft or approved edition has no batch": ("UPDATE edition SET state = 'approved' WHERE number = 1",),
    "an edition that is sent has nothing open": (
        "UPDATE edition SET state = 'sent', sent_at = approved_at WHERE number = 1",
    ),
    "a delivery agrees with its batch": ("UPDATE delivery SET state = 'in_batch' WHERE id = 1",),
    "an uncertain batch has an uncertain delivery": ("UPDATE delivery SET state = 'delivered' WHERE id = 2",),
    "an attempt is open exactly while its batch is being sent": (
        "UPDATE attempt SET outcome = 'taken', ended_at = started_at WHERE id = 'four'",
    ),
    "a mail that was taken had an attempt": ("UPDATE batch SET attempts = 0 WHERE id = 1",),
    "a cancelled edition is paused": ("UPDATE edition SET cancelled_at = approved_at WHERE number = 1",),
    "a delivery and its batch belong to one variant of one edition": (
        "UPDATE delivery SET week = '2026-W48' WHERE id = 3",
    ),
    "a batch carries the content that was approved": ("UPDATE batch SET content_hash = 'another' WHERE id = 3",),
    "the best of a month serves no taste": ("UPDATE edition_taste SET variant = 2",),
    "a vote chooses one of the two": ("UPDATE vote SET choice = 3",),
    "an active subscriber has agreed": ("UPDATE consent SET kind = 'asked' WHERE id = 1",),
}


def _break(connection: Connection, *statements: str) -> set[str]:
    """Which rules are broken once these have run."""
    for statement in statements:
        assert connection.execute(sa.text(statement)).rowcount > 0, f"touched no row: {statement}"
    return {found["rule"] for found in violations(connection)}


def test_the_world_of_these_tests_is_in_order(lived_in: Connection) -> None:
    assert violations(lived_in) == []


def test_every_invariant_has_a_row_that_breaks_it() -> None:
    assert set(BROKEN) == set(INVARIANTS)


@pytest.mark.parametrize("rule", BROKEN)
def test_a_row_that_breaks_an_invariant_is_found(lived_in: Connection, rule: str) -> None:
    assert _break(lived_in, *BROKEN[rule]) == {rule}


@pytest.mark.parametrize(
    ("rule", "statement"),
    [
        ("a seat says submitted exactly when a verdict counts", "UPDATE verdict SET state = 'withdrawn' WHERE id = 1"),
        (
            "a tool that is queued has no verdict, one in review has some",
            "UPDATE tool SET status = 'queued' WHERE slug = 'dot'",
        ),
        ("a delivery agrees with its batch", "UPDATE delivery SET state = 'accepted' WHERE id = 3"),
        ("a delivery agrees with its batch", "UPDATE delivery SET state = 'uncertain' WHERE id = 3"),
        (
            "an edition that is sent has nothing open",
            "UPDATE edition SET state = 'sent', sent_at = approved_at WHERE number = 1",
        ),
        ("a comparison in sight is of two tools that stand", "UPDATE tool SET status = 'rejected' WHERE slug = 'bea'"),
        ("a frozen edition keeps its addresses", "UPDATE edition_comparison SET week = '2026-W48'"),
        (
            "an edition that went out holds published comparisons at the version it was approved with",
            "UPDATE comparison SET state = 'draft' WHERE id = 1",
        ),
        ("a batch carries the content that was approved", "UPDATE batch SET variant = 1 WHERE id = 3"),
        (
            "a delivery and its batch belong to one variant of one edition",
            "UPDATE delivery SET variant = 1 WHERE id = 3",
        ),
        (
            "an active subscriber has agreed",
            """INSERT INTO consent (id, subscriber, at, kind, text, source)
               SELECT 99, subscriber, at, 'withdrawn', '', 'link' FROM consent WHERE id = 1""",
        ),
    ],
)
def test_an_invariant_is_broken_from_its_other_side_too(lived_in: Connection, rule: str, statement: str) -> None:
    assert rule in _break(lived_in, statement)


def test_a_violation_names_the_rule_and_the_first_rows(lived_in: Connection) -> None:
    lived_in.execute(sa.text("UPDATE batch SET content_hash = 'another'"))
    found = violations(lived_in, limit=2)
    assert [each["rule"] for each in found] == ["a batch carries the content that was approved"]
    assert len(found[0]["rows"]) == 2
