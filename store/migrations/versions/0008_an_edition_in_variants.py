"""An edition in variants: what readers get who chose categories, and who gets which."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the variants, and each subscriber's choice as one word. What is on its way goes on as variant 0."""
    op.create_table(
        "edition_variant",
        sa.Column("week", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("places", sa.JSON(), nullable=False),
        sa.Column("best_of", sa.JSON()),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.CheckConstraint("number BETWEEN 1 AND 63", name=op.f("ck_edition_variant_number")),
        sa.ForeignKeyConstraint(["week"], ["edition.week"], name=op.f("fk_edition_variant_week")),
        sa.PrimaryKeyConstraint("week", "number", name=op.f("pk_edition_variant")),
    )
    told = sa.text("best_of IS NOT NULL")
    op.create_index(
        "uq_edition_variant_best_of",
        "edition_variant",
        ["week"],
        unique=True,
        sqlite_where=told,
        postgresql_where=told,
    )
    op.create_table(
        "edition_taste",
        sa.Column("week", sa.Text(), nullable=False),
        sa.Column("taste", sa.Text(), nullable=False),
        sa.Column("variant", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["week", "variant"],
            ["edition_variant.week", "edition_variant.number"],
            name=op.f("fk_edition_taste_week_variant"),
        ),
        sa.PrimaryKeyConstraint("week", "taste", name=op.f("pk_edition_taste")),
    )
    for table in ("batch", "delivery"):
        op.add_column(table, sa.Column("variant", sa.Integer(), server_default="0", nullable=False))
    op.drop_index("ix_delivery_week_state", table_name="delivery")
    op.create_index("ix_delivery_week_state", "delivery", ["week", "state", "variant", "id"])
    op.add_column("subscriber", sa.Column("taste", sa.Text(), server_default="", nullable=False))
    _fill_in_tastes()


def _fill_in_tastes() -> None:
    # Readers are many, choices are few. Frozen here: what the product calls a category may change, this may not.
    connection = op.get_bind()
    said = sa.text("SELECT DISTINCT CAST(categories AS TEXT) FROM subscriber WHERE CAST(categories AS TEXT) <> '[]'")
    keep = sa.text("UPDATE subscriber SET taste = :taste WHERE CAST(categories AS TEXT) = :said")
    for choice in connection.scalars(said).all():
        connection.execute(keep, {"said": choice, "taste": ",".join(sorted(set(json.loads(choice))))})


def downgrade() -> None:
    """Take them away again."""
    op.drop_column("subscriber", "taste")
    op.drop_index("ix_delivery_week_state", table_name="delivery")
    op.create_index("ix_delivery_week_state", "delivery", ["week", "state"])
    for table in ("batch", "delivery"):
        op.drop_column(table, "variant")
    op.drop_table("edition_taste")
    op.drop_index("uq_edition_variant_best_of", table_name="edition_variant")
    op.drop_table("edition_variant")
