"""Wrong states that no program can write: each CHECK, key and reference refuses the row it is there for.

Every case starts from the rows of world.py, which are right, and breaks one thing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from store.schema import metadata
from tests.store.world import DRAFT_WEEK, LATER, WORLD

# Text columns that hold one of a few words.
WORDS = (
    "source.state",
    "fetch.outcome",
    "tool.status",
    "duplicate.answer",
    "proposal.answer",
    "pricing.model",
    "pricing.confidence",
    "pricing.per",
    "person_role.role",
    "seat.state",
    "draft.decision",
    "draft.basis",
    "decline.reason",
    "verdict.state",
    "verdict.decision",
    "verdict.basis",
    "comparison.state",
    "edition.state",
    "subscriber.state",
    "subscriber.rhythm",
    "consent.kind",
    "suppression.reason",
    "batch.state",
    "attempt.outcome",
    "delivery.state",
    "event.kind",
    "vote.state",
    "correction.state",
    "said.decision",
    "reminder.rung",
)

# CHECK -> statements, each of which breaks it.
STATES: dict[str, tuple[str, ...]] = {
    "ck_source_failing": (
        "UPDATE source SET last_error = 'gone'",
        "UPDATE source SET failing_since = CURRENT_TIMESTAMP",
    ),
    "ck_tool_merged": (
        "UPDATE tool SET merged_into = 2 WHERE id = 1",
        "UPDATE tool SET merged_into = NULL WHERE id = 5",
        "UPDATE tool SET status = 'merged' WHERE id = 3",
        "UPDATE tool SET status = 'kept' WHERE id = 5",
    ),
    "ck_tool_not_into_itself": ("UPDATE tool SET merged_into = 5 WHERE id = 5",),
    "ck_merge_two_tools": ("UPDATE merge SET winner = loser",),
    "ck_rival_dismissed": (
        "UPDATE rival SET dismissed_by = 'e' WHERE name = 'Zork'",
        "UPDATE rival SET dismissed_at = NULL WHERE name = 'Yak'",
    ),
    "ck_suggestion_ordered": ("UPDATE suggestion SET high = 1",),
    "ck_tool_version_two_tools": ("UPDATE tool_version SET older = newer",),
    "ck_duplicate_ordered": (
        "UPDATE duplicate SET low = high",
        "UPDATE duplicate SET low = high, high = low",
    ),
    "ck_proposal_ordered": ("UPDATE proposal SET low = 3, high = 1",),
    "ck_proposal_reason": ("UPDATE proposal SET reason = ''",),
    "ck_duplicate_answered": (
        "UPDATE duplicate SET answer = 'same'",
        "UPDATE duplicate SET answered_at = asked_at",
    ),
    "ck_pricing_evidence": (
        "UPDATE pricing SET source_url = NULL",
        "UPDATE pricing SET observed_at = NULL",
    ),
    "ck_pricing_price": (
        "UPDATE pricing SET amount = NULL",
        "UPDATE pricing SET currency = NULL",
        "UPDATE pricing SET per = NULL",
    ),
    "ck_seat_held": (
        "UPDATE seat SET holder = 1 WHERE id = 3",
        "UPDATE seat SET holder = NULL WHERE id = 1",
        "UPDATE seat SET state = 'submitted' WHERE id = 3",
    ),
    "ck_seat_leased": (
        "UPDATE seat SET lease_until = CURRENT_TIMESTAMP WHERE id = 1",
        "UPDATE seat SET state = 'leased', holder = 1 WHERE id = 3",
    ),
    "ck_comparison_ordered": ("UPDATE comparison SET low = 2, high = 1 WHERE id = 1",),
    "ck_comparison_approval": (
        "UPDATE comparison SET approved_by = NULL WHERE id = 1",
        "UPDATE comparison SET approved_at = NULL WHERE id = 1",
        "UPDATE comparison SET approved_view = NULL WHERE id = 1",
        "UPDATE comparison SET approved_version = 1 WHERE id = 2",
    ),
    "ck_comparison_approved": ("UPDATE comparison SET state = 'approved' WHERE id = 2",),
    "ck_comparison_approved_version": ("UPDATE comparison SET approved_version = 2 WHERE id = 1",),
    "ck_comparison_published": ("UPDATE comparison SET published_at = NULL WHERE id = 1",),
    "ck_edition_local_hour": ("UPDATE edition SET local_hour = 24", "UPDATE edition SET local_hour = -1"),
    "ck_edition_frozen": (
        "UPDATE edition SET state = 'approved' WHERE number = 2",
        "UPDATE edition SET state = 'draft' WHERE number = 1",
        "UPDATE edition SET html = NULL WHERE number = 1",
        "UPDATE edition SET text = NULL WHERE number = 1",
        "UPDATE edition SET approved_by = NULL WHERE number = 1",
        "UPDATE edition SET approved_at = NULL WHERE number = 1",
    ),
    "ck_edition_sent": (
        "UPDATE edition SET state = 'sent' WHERE number = 1",
        "UPDATE edition SET sent_at = approved_at WHERE number = 1",
    ),
    "ck_edition_variant_number": (
        "UPDATE edition_variant SET number = 0 WHERE number = 2",
        "UPDATE edition_variant SET number = 64 WHERE number = 2",
    ),
    "ck_subscriber_confirmed": ("UPDATE subscriber SET confirmed_at = NULL WHERE id = 1",),
    "ck_batch_lease": (
        "UPDATE batch SET lease_until = NULL WHERE id = 4",
        "UPDATE batch SET lease_until = CURRENT_TIMESTAMP WHERE id = 3",
    ),
    "ck_batch_owner": ("UPDATE batch SET owner = NULL WHERE id = 4",),
    "ck_batch_attempt": ("UPDATE batch SET attempt = NULL WHERE id = 1",),
    "ck_attempt_ended": (
        "UPDATE attempt SET ended_at = NULL WHERE id = 'one'",
        "UPDATE attempt SET ended_at = started_at WHERE id = 'four'",
    ),
    "ck_correction_about": (
        "UPDATE correction SET comparison = NULL WHERE id = 1",
        "UPDATE correction SET tool = 1 WHERE id = 1",
    ),
    "ck_correction_decided": (
        "UPDATE correction SET state = 'open'",
        "UPDATE correction SET decided_at = NULL",
    ),
    "ck_correction_note": ("UPDATE correction SET state = 'accepted'",),
    "ck_category_quorum_quorum": (
        "UPDATE category_quorum SET quorum = 0",
        "UPDATE category_quorum SET quorum = 21",
    ),
    "ck_alarm_acknowledged": (
        "UPDATE alarm SET acknowledged_at = NULL",
        "UPDATE alarm SET acknowledged_by = NULL",
        "UPDATE alarm SET acknowledged_mark = NULL",
    ),
    "ck_delivery_in_batch": (
        "UPDATE delivery SET batch = NULL WHERE id = 1",
        "UPDATE delivery SET batch = NULL WHERE id = 3",
    ),
}

# What no two rows may share -> how a row that shares it differs otherwise.
TWINS: dict[str, dict[str, Any]] = {
    "tool.slug": {"id": 900},
    "sighting.source, sighting.external_id": {"id": 900},
    "duplicate.low, duplicate.high": {"id": 900},
    "fact.tool, fact.field, fact.source_url, fact.observed_at": {"id": 900, "superseded_at": LATER},
    "fact.tool, fact.field, fact.source_url": {"id": 900, "observed_at": LATER},
    "pricing.tool": {"id": 900},
    "lens.position": {"key": "futurist"},
    "reminder_mail.person, reminder_mail.day": {"id": 900},
    "person.email_key": {"id": 900},
    "passkey.credential": {"id": 900},
    "seat.tool, seat.lens": {"id": 900},
    "seat.holder, seat.lens": {
        "id": 900,
        "tool": 2,
        "lens": "skeptic",
        "state": "leased",
        "holder": 2,
        "lease_until": LATER,
    },
    "verdict.seat, verdict.version": {"id": 900, "state": "revised"},
    "verdict.seat": {"id": 900, "version": 2},
    "comparison.slug": {"id": 900, "high": 4},
    "comparison.low, comparison.high": {"id": 900, "slug": "bea-vs-ada"},
    "edition.number": {"week": "2026-W40"},
    "edition_comparison.comparison": {"week": DRAFT_WEEK},
    "edition_variant.week": {"number": 3},
    "subscriber.address_key": {"id": 900},
    "delivery.week, delivery.subscriber": {"id": 900},
    "event.provider_id": {"id": 900, "natural_key": "another"},
    "event.natural_key": {"id": 900, "provider_id": "another"},
}


def _refusal(connection: Connection, statement: sa.Executable) -> str:
    """What the database says to a statement that it refuses."""
    with pytest.raises(sa.exc.IntegrityError) as refused:
        connection.execute(statement)
    return str(refused.value.orig)


def _names(column: str) -> tuple[sa.Table, str]:
    table, _, name = column.partition(".")
    return metadata.tables[table], name


@pytest.mark.parametrize("column", WORDS)
def test_a_state_is_one_of_its_words(lived_in: Connection, column: str) -> None:
    table, name = _names(column)
    said = _refusal(lived_in, sa.update(table).values({name: "nonsense"}))
    assert f"ck_{table.name}_{name}" in said


@pytest.mark.parametrize(
    ("check", "statement"), [(check, each) for check, statements in STATES.items() for each in statements]
)
def test_a_wrong_state_is_refused(lived_in: Connection, check: str, statement: str) -> None:
    assert check in _refusal(lived_in, sa.text(statement))


def _all_checks() -> Iterator[str]:
    for table in metadata.sorted_tables:
        for constraint in table.constraints:
            if isinstance(constraint, sa.CheckConstraint):
                yield str(constraint.name)


def test_the_world_of_these_tests_has_a_row_in_every_table() -> None:
    assert set(WORLD) == set(metadata.tables)


def test_every_check_has_a_case() -> None:
    words = {f"ck_{column.replace('.', '_')}" for column in WORDS}
    assert words | set(STATES) == set(_all_checks())


def _all_keys() -> Iterator[str]:
    for table in metadata.sorted_tables:
        for constraint in table.constraints:
            if isinstance(constraint, sa.UniqueConstraint):
                yield _key(constraint.columns)
        for index in table.indexes:
            if index.unique:
                yield _key(index.columns)


def _key(columns: Any) -> str:
    return ", ".join(f"{column.table.name}.{column.name}" for column in columns)


def test_every_unique_key_has_a_case() -> None:
    assert set(_all_keys()) == set(TWINS)


@pytest.mark.parametrize("key", TWINS)
def test_two_rows_never_share_a_key(lived_in: Connection, key: str) -> None:
    table = metadata.tables[key.partition(".")[0]]
    said = _refusal(lived_in, sa.insert(table).values(**WORLD[table.name][0] | TWINS[key]))
    columns = key.replace(f"{table.name}.", "")
    assert said.endswith(f" {key}") if lived_in.dialect.name == "sqlite" else f"({columns})=" in said.replace('"', "")


def test_what_does_not_count_any_more_may_stand_beside_what_does(lived_in: Connection) -> None:
    for name in ("fact", "pricing"):
        table, again = metadata.tables[name], {"id": 900, "observed_at": LATER}
        lived_in.execute(sa.update(table).values(superseded_at=LATER))
        lived_in.execute(sa.insert(table).values(**WORLD[name][0] | again))
    lived_in.execute(sa.text("UPDATE verdict SET state = 'revised' WHERE id = 1"))
    lived_in.execute(sa.insert(metadata.tables["verdict"]).values(**WORLD["verdict"][0] | {"id": 900, "version": 2}))


def test_an_erased_reader_s_deliveries_are_no_twins(lived_in: Connection) -> None:
    lived_in.execute(sa.text("DELETE FROM subscriber WHERE id IN (1, 2)"))
    left = lived_in.execute(sa.text("SELECT count(*) FROM delivery WHERE subscriber IS NULL")).scalar_one()
    assert left == 2


def _references() -> Iterator[str]:
    for table in metadata.sorted_tables:
        for column in table.columns:
            if column.foreign_keys:
                yield f"{table.name}.{column.name}"


@pytest.mark.parametrize("reference", sorted(_references()))
def test_a_reference_leads_to_a_row(lived_in: Connection, reference: str) -> None:
    table, name = _names(reference)
    column = table.c[name]
    holders = [row for row in WORLD[table.name] if row.get(name) is not None]
    row = (holders or WORLD[table.name])[0]
    nobody: Any = "nobody"
    if isinstance(column.type, sa.Integer):
        nobody = 999_999 if name == "high" else -1  # `low < high` holds with either
    this = sa.and_(*(key == row[key.name] for key in table.primary_key))
    said = _refusal(lived_in, sa.update(table).where(this).values({name: nobody}))
    assert "FOREIGN KEY" in said.upper()
