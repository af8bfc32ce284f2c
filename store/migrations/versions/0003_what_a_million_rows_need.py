"""Claims that walk an index, an audit log that cannot be emptied, and the addresses of a frozen edition."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_NEXT = (
    "lens",
    "state",
    "waiting",
    sa.text("panel_submitted DESC"),
    sa.text("(due_at IS NULL)"),
    "due_at",
    sa.text("priority DESC"),
    "id",
)
_INDEXES = (
    ("ix_decline_person", "decline", ("person",)),
    ("ix_duplicate_answer_score", "duplicate", ("answer", "score")),
    ("ix_duplicate_high", "duplicate", ("high",)),
    ("ix_merge_loser", "merge", ("loser",)),
    ("ix_tool_merged_into", "tool", ("merged_into",)),
    ("ix_tool_priority", "tool", ("priority",)),
    ("ix_tool_status_category", "tool", ("status", "category")),
)

# What 0001's triggers let through: SQLite's REPLACE deletes without asking them, PostgreSQL's TRUNCATE has its own.
_APPEND_ONLY = {
    "sqlite": """CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit
        WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
        BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END""",
    "postgresql": """CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit
        FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()""",
}
_AGAIN = {
    "sqlite": "DROP TRIGGER audit_no_replace",
    "postgresql": "DROP TRIGGER audit_no_truncate ON audit",
}


def upgrade() -> None:
    """Add what is new."""
    op.add_column("seat", sa.Column("waiting", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute(
        """
        UPDATE seat SET waiting = (
          SELECT tool.status IN ('queued', 'in_review') FROM tool WHERE tool.id = seat.tool)
        """
    )
    op.drop_index("ix_seat_next", table_name="seat")
    op.create_index("ix_seat_next", "seat", list(_NEXT), unique=False)
    for name, table, columns in _INDEXES:
        op.create_index(name, table, list(columns), unique=False)
    op.add_column("edition_comparison", sa.Column("slug", sa.Text(), nullable=True))
    op.execute(
        """
        UPDATE edition_comparison SET slug = (
          SELECT comparison.slug FROM comparison WHERE comparison.id = edition_comparison.comparison)
        WHERE week IN (SELECT week FROM edition WHERE state <> 'draft')
        """
    )
    op.execute(_APPEND_ONLY[op.get_bind().dialect.name])


def downgrade() -> None:
    """Take it away again."""
    op.execute(_AGAIN[op.get_bind().dialect.name])
    op.drop_column("edition_comparison", "slug")
    for name, table, _ in reversed(_INDEXES):
        op.drop_index(name, table_name=table)
    op.drop_index("ix_seat_next", table_name="seat")
    op.create_index("ix_seat_next", "seat", ["state", "lens", "panel_submitted", "due_at", "priority"], unique=False)
    op.drop_column("seat", "waiting")
