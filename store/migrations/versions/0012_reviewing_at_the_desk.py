"""Reviewing at the desk: who has looked at a panel, one lease per reviewer and lens, and what the desk's lists walk."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.types import Id, Instant

revision = "0012"
down_revision = "0011"

_WALKS = (
    ("ix_draft_person", "draft", ["person", "saved_at"], None),
    ("ix_verdict_again", "verdict", ["seat"], "version > 1"),
    ("ix_verdict_unread", "verdict", ["seat"], "machine AND checked_by IS NULL"),
    ("ix_tool_in_review", "tool", ["id"], "status = 'in_review'"),
    ("ix_tool_panel_closed_at", "tool", ["panel_closed_at", "id"], "panel_closed_at IS NOT NULL"),
)

_ONE_LEASE = """
    UPDATE seat SET state = 'open', holder = NULL, lease_until = NULL, begun_at = NULL
    WHERE state = 'leased' AND EXISTS (
      SELECT 1 FROM seat AS other WHERE other.holder = seat.holder AND other.lens = seat.lens
      AND other.state = 'leased' AND other.id < seat.id)
"""
"""Of several leases of one reviewer through one lens the oldest stays; their drafts stay beside every seat."""


def upgrade() -> None:
    """Add the table and the indexes."""
    op.create_table(
        "look",
        sa.Column("tool", Id, nullable=False),
        sa.Column("person", Id, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["tool"], ["tool.id"], name=op.f("fk_look_tool")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_look_person")),
        sa.PrimaryKeyConstraint("tool", "person", name=op.f("pk_look")),
    )
    op.execute(_ONE_LEASE)
    _index("uq_seat_lease", "seat", ["holder", "lens"], "state = 'leased'", unique=True)
    for name, table, columns in (
        ("ix_seat_holder", "seat", ["holder", "state"]),
        ("ix_verdict_person", "verdict", ["person", "id"]),
    ):
        op.drop_index(name, table_name=table)
        op.create_index(name, table, columns)
    for name, table, columns, where in _WALKS:
        _index(name, table, columns, where)


def _index(name: str, table: str, columns: list[str], where: str | None, *, unique: bool = False) -> None:
    some = None if where is None else sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=some, postgresql_where=some)


def downgrade() -> None:
    """Take them away again."""
    for name, table, *_ in reversed(_WALKS):
        op.drop_index(name, table_name=table)
    for name, table, column in (("ix_verdict_person", "verdict", "person"), ("ix_seat_holder", "seat", "holder")):
        op.drop_index(name, table_name=table)
        op.create_index(name, table, [column])
    op.drop_index("uq_seat_lease", table_name="seat")
    op.drop_table("look")
