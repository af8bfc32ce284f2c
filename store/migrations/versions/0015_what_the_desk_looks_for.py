"""Indexes of what the desk looks for: words inside a tool's name, and seats that were judged more than once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_AGAIN = sa.text("version > 1")


def upgrade() -> None:
    """Add the one, and the version to the other."""
    op.create_index("ix_tool_name", "tool", ["name"], unique=False)
    _again(["seat", "version"])


def downgrade() -> None:
    """Take them back."""
    _again(["seat"])
    op.drop_index("ix_tool_name", table_name="tool")


def _again(columns: list[str]) -> None:
    op.drop_index("ix_verdict_again", table_name="verdict", sqlite_where=_AGAIN, postgresql_where=_AGAIN)
    op.create_index("ix_verdict_again", "verdict", columns, unique=False, sqlite_where=_AGAIN, postgresql_where=_AGAIN)
