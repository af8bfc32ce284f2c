"""Rivals that nobody has ingested are kept with the pairs of the last look, and can be dismissed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.types import Instant

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "rival",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("named_by", sa.JSON(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("dismissed_by", sa.Text()),
        sa.Column("dismissed_at", Instant()),
        sa.CheckConstraint("(dismissed_by IS NULL) = (dismissed_at IS NULL)", name=op.f("ck_rival_dismissed")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rival")),
    )


def downgrade() -> None:
    """Forget it."""
    op.drop_table("rival")
