"""Editing at the desk: versions of one product, facts by an editor, editions arranged by hand, and the walks of lists."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.types import Id, Instant

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add what editors decide, and an index for each list that they walk."""
    op.create_table(
        "tool_version",
        sa.Column("newer", Id, nullable=False),
        sa.Column("older", Id, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.CheckConstraint("newer <> older", name=op.f("ck_tool_version_two_tools")),
        sa.ForeignKeyConstraint(["newer"], ["tool.id"], name=op.f("fk_tool_version_newer")),
        sa.ForeignKeyConstraint(["older"], ["tool.id"], name=op.f("fk_tool_version_older")),
        sa.PrimaryKeyConstraint("newer", name=op.f("pk_tool_version")),
    )
    op.create_index("ix_tool_version_older", "tool_version", ["older"])
    op.create_table(
        "suggestion",
        sa.Column("low", Id, nullable=False),
        sa.Column("high", Id, nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("numbers", sa.JSON(), nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.CheckConstraint("low < high", name=op.f("ck_suggestion_ordered")),
        sa.ForeignKeyConstraint(["low"], ["tool.id"], name=op.f("fk_suggestion_low")),
        sa.ForeignKeyConstraint(["high"], ["tool.id"], name=op.f("fk_suggestion_high")),
        sa.PrimaryKeyConstraint("low", "high", name=op.f("pk_suggestion")),
    )
    op.add_column("fact", sa.Column("by", sa.Text(), nullable=True))
    op.add_column("edition", sa.Column("arranged_at", Instant, nullable=True))
    op.drop_index("ix_tool_status_category", "tool")
    op.create_index("ix_tool_status_category", "tool", ["status", "category", "priority"])
    op.create_index("ix_tool_category_priority", "tool", ["category", "priority"])
    op.create_index("ix_comparison_standing", "comparison", ["state", "id"])
    stale = sa.text("approved_version < version")
    op.create_index("ix_comparison_stale", "comparison", ["id"], sqlite_where=stale, postgresql_where=stale)
    _compare_slugs('"C"')


def downgrade() -> None:
    """Take it all away again."""
    _compare_slugs('"default"')
    op.drop_index("ix_comparison_stale", "comparison")
    op.drop_index("ix_comparison_standing", "comparison")
    op.drop_index("ix_tool_category_priority", "tool")
    op.drop_index("ix_tool_status_category", "tool")
    op.create_index("ix_tool_status_category", "tool", ["status", "category"])
    op.drop_column("edition", "arranged_at")
    op.drop_column("fact", "by")
    op.drop_table("suggestion")
    op.drop_index("ix_tool_version_older", "tool_version")
    op.drop_table("tool_version")


def _compare_slugs(collation: str) -> None:
    # By bytes, as SQLite does: the beginning of a slug is then a range of the key.
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE tool_slug ALTER COLUMN slug TYPE text COLLATE {collation}")
