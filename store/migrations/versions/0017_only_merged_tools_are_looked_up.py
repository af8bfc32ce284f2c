"""Tools are looked up by the one that they were merged into: only those that were need an entry there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Leave the others out."""
    op.drop_index("ix_tool_merged_into", table_name="tool")
    merged = sa.text("merged_into IS NOT NULL")
    op.create_index("ix_tool_merged_into", "tool", ["merged_into"], sqlite_where=merged, postgresql_where=merged)


def downgrade() -> None:
    """All of them again."""
    op.drop_index("ix_tool_merged_into", table_name="tool")
    op.create_index("ix_tool_merged_into", "tool", ["merged_into"])
