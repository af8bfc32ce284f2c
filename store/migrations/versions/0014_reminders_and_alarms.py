"""Reminders and alarms: who was told what, lenses changed at the desk, a quorum per category, and a log that is read
by who and what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.types import Id, Instant

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the tables, the lens's mark and the indexes."""
    op.add_column("lens", sa.Column("edited_at", Instant()))
    op.create_table(
        "category_quorum",
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("quorum", sa.Integer(), nullable=False),
        sa.CheckConstraint("quorum BETWEEN 1 AND 20", name=op.f("ck_category_quorum_quorum")),
        sa.PrimaryKeyConstraint("category", name=op.f("pk_category_quorum")),
    )
    _add_reminders()
    _add_alarms()
    op.create_index(
        "ix_seat_due",
        "seat",
        ["lens", "due_at", "id"],
        sqlite_where=sa.text("waiting = 1 AND state <> 'submitted'"),
        postgresql_where=sa.text("waiting AND state <> 'submitted'"),
    )
    filled = sa.text("entries > 0")
    op.create_index("ix_fetch_filled", "fetch", ["source", "at"], sqlite_where=filled, postgresql_where=filled)
    op.drop_index("ix_audit_subject", "audit")
    op.create_index("ix_audit_subject", "audit", ["subject", "id"])
    op.create_index("ix_audit_actor", "audit", ["actor", "id"])
    op.create_index("ix_audit_action", "audit", ["action", "id"])
    op.create_index("ix_audit_actor_action", "audit", ["actor", "action", "id"])


def _add_reminders() -> None:
    op.create_table(
        "reminder_mail",
        sa.Column("id", Id, nullable=False),
        sa.Column("person", Id, nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("claimed_at", Instant(), nullable=False),
        sa.Column("sent_at", Instant()),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_reminder_mail_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminder_mail")),
        sa.UniqueConstraint("person", "day", name=op.f("uq_reminder_mail_person_day")),
    )
    op.create_table(
        "reminder",
        sa.Column("seat", Id, nullable=False),
        sa.Column("person", Id, nullable=False),
        sa.Column("rung", sa.Text(), nullable=False),
        sa.Column("mail", Id, nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.CheckConstraint("rung IN ('soon', 'due', 'late', 'reopened')", name=op.f("ck_reminder_rung")),
        sa.ForeignKeyConstraint(["seat"], ["seat.id"], name=op.f("fk_reminder_seat")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_reminder_person")),
        sa.ForeignKeyConstraint(["mail"], ["reminder_mail.id"], name=op.f("fk_reminder_mail"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("seat", "person", "rung", name=op.f("pk_reminder")),
    )
    op.create_index(op.f("ix_reminder_mail"), "reminder", ["mail"])


def _add_alarms() -> None:
    op.create_table(
        "alarm",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("acknowledged_at", Instant()),
        sa.Column("acknowledged_by", Id),
        sa.Column("acknowledged_mark", sa.Text()),
        sa.Column("found", sa.JSON()),
        sa.CheckConstraint(
            "(acknowledged_at IS NULL) = (acknowledged_by IS NULL)"
            " AND (acknowledged_at IS NULL) = (acknowledged_mark IS NULL)",
            name=op.f("ck_alarm_acknowledged"),
        ),
        sa.ForeignKeyConstraint(["acknowledged_by"], ["person.id"], name=op.f("fk_alarm_acknowledged_by")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_alarm")),
    )
    op.create_table(
        "alarm_told",
        sa.Column("alarm", sa.Text(), nullable=False),
        sa.Column("person", Id, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["alarm"], ["alarm.key"], name=op.f("fk_alarm_told_alarm"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_alarm_told_person")),
        sa.PrimaryKeyConstraint("alarm", "person", name=op.f("pk_alarm_told")),
    )


def downgrade() -> None:
    """Take them away again."""
    for name in ("ix_audit_actor_action", "ix_audit_action", "ix_audit_actor", "ix_audit_subject"):
        op.drop_index(name, "audit")
    op.create_index("ix_audit_subject", "audit", ["subject"])
    op.drop_index("ix_fetch_filled", "fetch")
    op.drop_index("ix_seat_due", "seat")
    op.drop_table("alarm_told")
    op.drop_table("alarm")
    op.drop_table("reminder")
    op.drop_table("reminder_mail")
    op.drop_table("category_quorum")
    op.drop_column("lens", "edited_at")
