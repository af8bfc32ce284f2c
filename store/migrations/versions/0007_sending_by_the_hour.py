"""Sending by the hour of the reader."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_HOUR = "local_hour BETWEEN 0 AND 23"


def upgrade() -> None:
    """Add the hour; whatever is planned goes out to all at one time."""
    # SQLite takes a CHECK with a new column only; to rebuild the table would delete what refers to it.
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"ALTER TABLE edition ADD COLUMN local_hour INTEGER CONSTRAINT ck_edition_local_hour CHECK ({_HOUR})"
        )
    else:
        op.add_column("edition", sa.Column("local_hour", sa.Integer(), nullable=True))
        op.create_check_constraint(op.f("ck_edition_local_hour"), "edition", _HOUR)


def downgrade() -> None:
    """Take it away again."""
    op.drop_column("edition", "local_hour")
