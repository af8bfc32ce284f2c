"""Who is at the desk: passkeys, what they were asked to sign, and everybody's time zone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.types import Id, Instant

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the tables and the zone."""
    op.add_column("person", sa.Column("time_zone", sa.Text()))
    op.create_table(
        "passkey",
        sa.Column("id", Id, nullable=False),
        sa.Column("person", Id, nullable=False),
        sa.Column("credential", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("uses", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("used_at", Instant()),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_passkey_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey")),
        sa.UniqueConstraint("credential", name=op.f("uq_passkey_credential")),
    )
    op.create_index(op.f("ix_passkey_person"), "passkey", ["person"])
    op.create_table(
        "challenge",
        sa.Column("value_hash", sa.Text(), nullable=False),
        sa.Column("person", Id),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_challenge_person")),
        sa.PrimaryKeyConstraint("value_hash", name=op.f("pk_challenge")),
    )
    op.create_index(op.f("ix_challenge_person"), "challenge", ["person"])
    op.create_index(op.f("ix_challenge_expires_at"), "challenge", ["expires_at"])


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("challenge")
    op.drop_table("passkey")
    op.drop_column("person", "time_zone")
