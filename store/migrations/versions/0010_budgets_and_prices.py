"""Budgets of sources, and what a price is for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.types import Id, Instant

revision = "0010"
down_revision = "0009"

_PER = "per IN ('month', 'year', 'user_month', '1M_tokens', 'once')"


def upgrade() -> None:
    """Add what is left of a host's budget, say what an entry price may be for, and find a source's newest entries."""
    op.add_column("source", sa.Column("budget_left", sa.Integer(), nullable=True))
    op.create_index("ix_sighting_source_id", "sighting", ["source", "id"])
    if op.get_bind().dialect.name == "sqlite":
        _rebuild(sa.CheckConstraint(_PER, name=op.f("ck_pricing_per")))
    else:
        op.create_check_constraint(op.f("ck_pricing_per"), "pricing", _PER)


def downgrade() -> None:
    """Forget all of it."""
    op.drop_index("ix_sighting_source_id", "sighting")
    if op.get_bind().dialect.name == "sqlite":
        _rebuild()
    else:
        op.drop_constraint(op.f("ck_pricing_per"), "pricing", type_="check")
    op.drop_column("source", "budget_left")


def _rebuild(*checks: sa.CheckConstraint) -> None:
    """The table made anew with these checks besides its old ones: SQLite adds none to a table that is there, and no
    other table refers to this one."""
    op.create_table(
        "pricing_new",
        sa.Column("id", Id, nullable=False),
        sa.Column("tool", Id, nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("amount", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("per", sa.Text(), nullable=True),
        sa.Column("flags", sa.JSON(), nullable=False),
        sa.Column("source_url", sa.Text(), nullable=True),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Text(), nullable=False),
        sa.Column("observed_at", Instant(), nullable=True),
        sa.Column("by", sa.Text(), nullable=True),
        sa.Column("superseded_at", Instant(), nullable=True),
        sa.CheckConstraint("confidence IN ('A', 'B', 'C')", name=op.f("ck_pricing_confidence")),
        sa.CheckConstraint(
            "model = 'unknown' OR (source_url IS NOT NULL AND observed_at IS NOT NULL)",
            name=op.f("ck_pricing_evidence"),
        ),
        sa.CheckConstraint(
            "model IN ('open_source', 'free', 'freemium', 'paid', 'unknown')", name=op.f("ck_pricing_model")
        ),
        *checks,
        sa.CheckConstraint(
            "(amount IS NULL) = (currency IS NULL) AND (amount IS NULL) = (per IS NULL)", name=op.f("ck_pricing_price")
        ),
        sa.ForeignKeyConstraint(["tool"], ["tool.id"], name=op.f("fk_pricing_tool")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pricing")),
    )
    # The columns in their order, which is that of the old table.
    op.execute("INSERT INTO pricing_new SELECT * FROM pricing")
    op.drop_table("pricing")
    op.rename_table("pricing_new", "pricing")
    current = sa.text("superseded_at IS NULL")
    op.create_index("uq_pricing_current", "pricing", ["tool"], unique=True, sqlite_where=current)
