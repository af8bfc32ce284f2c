"""What subscribers ask for: pauses, rhythm, zone and language, another address; and domains never to be mailed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.types import Id, Instant

revision = "0009"
down_revision = "0008"

_LEFT = sa.text("left_at IS NOT NULL")
_RHYTHM = "rhythm IN ('weekly', 'monthly')"


def upgrade() -> None:
    """Add what is new. Who waits for a confirmation has been asked once."""
    op.add_column("subscriber", sa.Column("time_zone", sa.Text(), nullable=True))
    op.add_column("subscriber", sa.Column("language", sa.Text(), nullable=True))
    op.add_column("subscriber", sa.Column("paused_until", Instant(), nullable=True))
    op.add_column("subscriber", sa.Column("asks", sa.Integer(), server_default="0", nullable=False))
    _add_rhythm()
    op.execute("UPDATE subscriber SET asks = 1 WHERE state = 'pending'")
    op.create_index("ix_subscriber_confirmed", "subscriber", ["confirmed_at", "left_at"])
    op.create_index(
        "ix_subscriber_left", "subscriber", ["left_at", "state"], sqlite_where=_LEFT, postgresql_where=_LEFT
    )
    op.create_table(
        "former_address",
        sa.Column("subscriber", Id, nullable=False),
        sa.Column("address_hash", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber"], ["subscriber.id"], name=op.f("fk_former_address_subscriber"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("subscriber", "address_hash", name=op.f("pk_former_address")),
    )
    op.create_table(
        "suppressed_domain",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_suppressed_domain")),
    )
    op.create_index("ix_suppression_reason", "suppression", ["reason", "at"])


def _add_rhythm() -> None:
    # SQLite takes a CHECK with a new column only; to rebuild the table would delete what refers to it.
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "ALTER TABLE subscriber ADD COLUMN rhythm TEXT DEFAULT 'weekly' NOT NULL "
            f"CONSTRAINT ck_subscriber_rhythm CHECK ({_RHYTHM})"
        )
    else:
        op.add_column("subscriber", sa.Column("rhythm", sa.Text(), server_default="weekly", nullable=False))
        op.create_check_constraint(op.f("ck_subscriber_rhythm"), "subscriber", _RHYTHM)


def downgrade() -> None:
    """Take it away again."""
    op.drop_index("ix_suppression_reason", table_name="suppression")
    op.drop_table("suppressed_domain")
    op.drop_table("former_address")
    op.drop_index("ix_subscriber_left", table_name="subscriber")
    op.drop_index("ix_subscriber_confirmed", table_name="subscriber")
    for name in ("rhythm", "asks", "paused_until", "language", "time_zone"):
        op.drop_column("subscriber", name)
