"""Proposals and their answers, and the indexes that keep pages as quick as they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.types import Id, Instant

revision = "0011"
down_revision = "0010"

_CLICK = sa.text("kind = 'click'")
_LENS_NEWEST = ["lens", "approved_at", "tool"]


def upgrade() -> None:
    """Add the editors' answers to proposals; index what pages ask for."""
    op.create_table(
        "proposal",
        sa.Column("low", Id, nullable=False),
        sa.Column("high", Id, nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("answered_by", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.CheckConstraint("low < high", name=op.f("ck_proposal_ordered")),
        sa.CheckConstraint("answer IN ('accepted', 'rejected')", name=op.f("ck_proposal_answer")),
        sa.CheckConstraint("answer <> 'rejected' OR reason <> ''", name=op.f("ck_proposal_reason")),
        sa.ForeignKeyConstraint(["low"], ["tool.id"], name=op.f("fk_proposal_low")),
        sa.ForeignKeyConstraint(["high"], ["tool.id"], name=op.f("fk_proposal_high")),
        sa.PrimaryKeyConstraint("low", "high", name=op.f("pk_proposal")),
    )
    op.create_index(op.f("ix_proposal_high"), "proposal", ["high"], unique=False)
    op.drop_index(op.f("ix_comparison_high"), table_name="comparison")
    op.create_index("ix_comparison_low", "comparison", ["low", "state", "approved_at"], unique=False)
    op.create_index("ix_comparison_high", "comparison", ["high", "state", "approved_at"], unique=False)
    op.create_index("ix_vote_tally", "vote", ["comparison", "choice", "state", "at", "decided_at"], unique=False)
    op.create_index(
        "ix_event_click",
        "event",
        ["at", "url", "delivery", "machine"],
        unique=False,
        sqlite_where=_CLICK,
        postgresql_where=_CLICK,
    )
    op.drop_index("ix_correction_state", table_name="correction")
    op.create_index("ix_correction_state", "correction", ["state", "id"], unique=False)
    op.drop_index("ix_said_lens_newest", table_name="said")
    op.create_index("ix_said_lens_newest", "said", [*_LENS_NEWEST, "comparison", "category", "decision"], unique=False)


def downgrade() -> None:
    """Take both away."""
    op.drop_index("ix_said_lens_newest", table_name="said")
    op.create_index("ix_said_lens_newest", "said", _LENS_NEWEST, unique=False)
    op.drop_index("ix_correction_state", table_name="correction")
    op.create_index("ix_correction_state", "correction", ["state", "decided_at"], unique=False)
    op.drop_index("ix_event_click", table_name="event", sqlite_where=_CLICK, postgresql_where=_CLICK)
    op.drop_index("ix_vote_tally", table_name="vote")
    op.drop_index("ix_comparison_high", table_name="comparison")
    op.drop_index("ix_comparison_low", table_name="comparison")
    op.create_index(op.f("ix_comparison_high"), "comparison", ["high"], unique=False)
    op.drop_table("proposal")
