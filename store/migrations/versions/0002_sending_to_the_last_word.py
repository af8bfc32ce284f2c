"""Attempts, control messages, rate limits, and what an event says beyond its kind."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.types import Id, Instant

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what is new."""
    op.create_table(
        "attempt",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("batch", Id, nullable=False),
        sa.Column("provider_batch", sa.Text(), nullable=True),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("send_at", Instant(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("answer", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name=op.f("ck_attempt_ended")),
        sa.CheckConstraint(
            "outcome IN ('taken', 'not_taken', 'uncertain', 'called_off')", name=op.f("ck_attempt_outcome")
        ),
        sa.ForeignKeyConstraint(["batch"], ["batch.id"], name=op.f("fk_attempt_batch")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
    )
    op.create_index(op.f("ix_attempt_batch"), "attempt", ["batch"], unique=False)
    op.create_index("ix_attempt_send_at", "attempt", ["send_at"], unique=False)
    op.create_table(
        "control",
        sa.Column("attempt", sa.Text(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("sent_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["attempt"], ["attempt.id"], name=op.f("fk_control_attempt")),
        sa.PrimaryKeyConstraint("attempt", name=op.f("pk_control")),
    )
    op.create_table(
        "bucket",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_bucket")),
    )
    op.create_table(
        "unreadable",
        sa.Column("id", Id, nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unreadable")),
    )
    op.add_column("edition", sa.Column("send_at", Instant(), nullable=True))
    op.add_column("edition", sa.Column("wave_percent", sa.Integer(), nullable=True))
    op.add_column("edition", sa.Column("cancelled_at", Instant(), nullable=True))
    op.add_column("batch", sa.Column("evidence", sa.Text(), nullable=True))
    op.add_column("event", sa.Column("attempt", sa.Text(), nullable=True))
    op.add_column("event", sa.Column("address", sa.Text(), nullable=True))
    op.add_column("event", sa.Column("reason", sa.Text(), nullable=True))
    op.add_column("event", sa.Column("url", sa.Text(), nullable=True))
    op.add_column("event", sa.Column("machine", sa.Boolean(), nullable=True))
    op.create_index(
        "ix_event_waiting",
        "event",
        ["id"],
        unique=False,
        sqlite_where=sa.text("applied_at IS NULL"),
        postgresql_where=sa.text("applied_at IS NULL"),
    )
    _remember_attempts()


def _remember_attempts() -> None:
    """Tries that were under way or had ended before there was a table of them, as their batches have them."""
    op.execute(
        """
        INSERT INTO attempt (id, batch, provider_batch, started_at, send_at, outcome, ended_at, answer)
        SELECT attempt, id, provider_batch, started_at, coalesce(send_at, started_at),
               CASE state WHEN 'sending' THEN NULL WHEN 'uncertain' THEN 'uncertain'
                          WHEN 'sent' THEN 'taken' WHEN 'confirmed' THEN 'taken' ELSE 'not_taken' END,
               CASE state WHEN 'sending' THEN NULL ELSE coalesce(settled_at, started_at) END,
               answer
        FROM batch WHERE attempt IS NOT NULL
        """
    )


def downgrade() -> None:
    """Take it away again."""
    op.drop_index(
        "ix_event_waiting",
        table_name="event",
        sqlite_where=sa.text("applied_at IS NULL"),
        postgresql_where=sa.text("applied_at IS NULL"),
    )
    for name in ("machine", "url", "reason", "address", "attempt"):
        op.drop_column("event", name)
    op.drop_column("batch", "evidence")
    for name in ("cancelled_at", "wave_percent", "send_at"):
        op.drop_column("edition", name)
    op.drop_table("unreadable")
    op.drop_table("bucket")
    op.drop_table("control")
    op.drop_index("ix_attempt_send_at", table_name="attempt")
    op.drop_index(op.f("ix_attempt_batch"), table_name="attempt")
    op.drop_table("attempt")
