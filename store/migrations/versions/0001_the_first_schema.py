"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.types import Id, Instant

revision = "0001"
down_revision = None

# The audit log only ever grows; whoever tries otherwise gets the database's refusal.
_APPEND_ONLY = {
    "sqlite": (
        "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END",
        "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END",
    ),
    "postgresql": (
        """CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'audit is append-only'; END $$""",
        "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
    ),
}


def upgrade() -> None:
    """Add what is new."""
    op.create_table(
        "audit",
        sa.Column("id", Id, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_at", "audit", ["at"], unique=False)
    op.create_index("ix_audit_subject", "audit", ["subject"], unique=False)
    op.create_table(
        "lens",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("motto", sa.Text(), nullable=False),
        sa.Column("asks", sa.Text(), nullable=False),
        sa.Column("excites", sa.Text(), nullable=False),
        sa.Column("tires", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_lens")),
        sa.UniqueConstraint("position", name=op.f("uq_lens_position")),
    )
    op.create_table(
        "person",
        sa.Column("id", Id, nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("machine", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("invited_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("email_key", name=op.f("uq_person_email_key")),
    )
    op.create_table(
        "source",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cursor", sa.JSON(), nullable=False),
        sa.Column("last_success", Instant(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("failing_since", Instant(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_due", Instant(), nullable=True),
        sa.Column("not_before", Instant(), nullable=True),
        sa.Column("moved_to", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('on', 'paused', 'gone')", name=op.f("ck_source_state")),
        sa.CheckConstraint("(last_error IS NULL) = (failing_since IS NULL)", name=op.f("ck_source_failing")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_source")),
    )
    op.create_table(
        "subscriber",
        sa.Column("id", Id, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("categories", sa.JSON(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("confirmed_at", Instant(), nullable=True),
        sa.Column("asked_at", Instant(), nullable=True),
        sa.Column("left_at", Instant(), nullable=True),
        sa.CheckConstraint("state <> 'active' OR confirmed_at IS NOT NULL", name=op.f("ck_subscriber_confirmed")),
        sa.CheckConstraint(
            "state IN ('pending', 'active', 'unsubscribed', 'bounced', 'complained')", name=op.f("ck_subscriber_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriber")),
        sa.UniqueConstraint("address_key", name=op.f("uq_subscriber_address_key")),
    )
    op.create_index("ix_subscriber_state", "subscriber", ["state", "id"], unique=False)
    op.create_table(
        "suppression",
        sa.Column("address_hash", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.CheckConstraint(
            "reason IN ('bounced', 'complained', 'erased', 'manual')", name=op.f("ck_suppression_reason")
        ),
        sa.PrimaryKeyConstraint("address_hash", name=op.f("pk_suppression")),
    )
    op.create_table(
        "tool",
        sa.Column("id", Id, nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tagline", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("described_at", Instant(), nullable=True),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("homepage", sa.Text(), nullable=True),
        sa.Column("edited", sa.JSON(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("merged_into", Id, nullable=True),
        sa.Column("priority", sa.Float(), nullable=False),
        sa.Column("priority_reasons", sa.JSON(), nullable=False),
        sa.Column("queue_reason", sa.Text(), nullable=False),
        sa.Column("first_seen", Instant(), nullable=False),
        sa.Column("panel_closed_at", Instant(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("(status = 'merged') = (merged_into IS NOT NULL)", name=op.f("ck_tool_merged")),
        sa.CheckConstraint(
            "status IN ('kept', 'queued', 'in_review', 'reviewed', 'paired', 'rejected', 'merged')",
            name=op.f("ck_tool_status"),
        ),
        sa.CheckConstraint("merged_into <> id", name=op.f("ck_tool_not_into_itself")),
        sa.ForeignKeyConstraint(["merged_into"], ["tool.id"], name=op.f("fk_tool_merged_into")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tool")),
        sa.UniqueConstraint("slug", name=op.f("uq_tool_slug")),
    )
    op.create_index("ix_tool_status_priority", "tool", ["status", "priority"], unique=False)
    op.create_table(
        "comparison",
        sa.Column("id", Id, nullable=False),
        sa.Column("low", Id, nullable=False),
        sa.Column("high", Id, nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("approved_version", sa.Integer(), nullable=True),
        sa.Column("approved_by", Id, nullable=True),
        sa.Column("approved_at", Instant(), nullable=True),
        sa.Column("approved_view", sa.JSON(), nullable=True),
        sa.Column("published_at", Instant(), nullable=True),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.CheckConstraint("state <> 'published' OR published_at IS NOT NULL", name=op.f("ck_comparison_published")),
        sa.CheckConstraint(
            "state IN ('proposed', 'draft', 'approved', 'published', 'retired')", name=op.f("ck_comparison_state")
        ),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'published') OR approved_version IS NOT NULL",
            name=op.f("ck_comparison_approved"),
        ),
        sa.CheckConstraint(
            "(approved_version IS NULL) = (approved_by IS NULL) AND (approved_version IS NULL) = (approved_at IS NULL) AND (approved_version IS NULL) = (approved_view IS NULL)",
            name=op.f("ck_comparison_approval"),
        ),
        sa.CheckConstraint("approved_version <= version", name=op.f("ck_comparison_approved_version")),
        sa.CheckConstraint("low < high", name=op.f("ck_comparison_ordered")),
        sa.ForeignKeyConstraint(["approved_by"], ["person.id"], name=op.f("fk_comparison_approved_by")),
        sa.ForeignKeyConstraint(["high"], ["tool.id"], name=op.f("fk_comparison_high")),
        sa.ForeignKeyConstraint(["low"], ["tool.id"], name=op.f("fk_comparison_low")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comparison")),
        sa.UniqueConstraint("low", "high", name=op.f("uq_comparison_low_high")),
        sa.UniqueConstraint("slug", name=op.f("uq_comparison_slug")),
    )
    op.create_index(op.f("ix_comparison_high"), "comparison", ["high"], unique=False)
    op.create_index("ix_comparison_state", "comparison", ["state", "approved_at"], unique=False)
    op.create_table(
        "consent",
        sa.Column("id", Id, nullable=False),
        sa.Column("subscriber", Id, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("network", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('asked', 'confirmed', 'imported', 'withdrawn')", name=op.f("ck_consent_kind")),
        sa.ForeignKeyConstraint(
            ["subscriber"], ["subscriber.id"], name=op.f("fk_consent_subscriber"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index(op.f("ix_consent_subscriber"), "consent", ["subscriber"], unique=False)
    op.create_table(
        "duplicate",
        sa.Column("id", Id, nullable=False),
        sa.Column("low", Id, nullable=False),
        sa.Column("high", Id, nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("answer", sa.Text(), server_default="open", nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("answered_at", Instant(), nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=True),
        sa.CheckConstraint("(answer = 'open') = (answered_at IS NULL)", name=op.f("ck_duplicate_answered")),
        sa.CheckConstraint("answer IN ('open', 'same', 'different')", name=op.f("ck_duplicate_answer")),
        sa.CheckConstraint("low < high", name=op.f("ck_duplicate_ordered")),
        sa.ForeignKeyConstraint(["high"], ["tool.id"], name=op.f("fk_duplicate_high")),
        sa.ForeignKeyConstraint(["low"], ["tool.id"], name=op.f("fk_duplicate_low")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate")),
        sa.UniqueConstraint("low", "high", name=op.f("uq_duplicate_low_high")),
    )
    op.create_table(
        "edition",
        sa.Column("week", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("preheader", sa.Text(), nullable=False),
        sa.Column("intro", sa.Text(), nullable=False),
        sa.Column("left_over", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("assembled_at", Instant(), nullable=False),
        sa.Column("html", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("content_hash", sa.Text(), nullable=True),
        sa.Column("approved_by", Id, nullable=True),
        sa.Column("approved_at", Instant(), nullable=True),
        sa.Column("recipients_fixed_at", Instant(), nullable=True),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.Column("paused_because", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state = 'draft') = (content_hash IS NULL) AND (content_hash IS NULL) = (html IS NULL) AND (content_hash IS NULL) = (text IS NULL) AND (content_hash IS NULL) = (approved_by IS NULL) AND (content_hash IS NULL) = (approved_at IS NULL)",
            name=op.f("ck_edition_frozen"),
        ),
        sa.CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name=op.f("ck_edition_sent")),
        sa.CheckConstraint(
            "state IN ('draft', 'approved', 'sending', 'paused', 'sent')", name=op.f("ck_edition_state")
        ),
        sa.ForeignKeyConstraint(["approved_by"], ["person.id"], name=op.f("fk_edition_approved_by")),
        sa.PrimaryKeyConstraint("week", name=op.f("pk_edition")),
        sa.UniqueConstraint("number", name=op.f("uq_edition_number")),
    )
    op.create_table(
        "fact",
        sa.Column("id", Id, nullable=False),
        sa.Column("tool", Id, nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("source_url", sa.Text(), nullable=False),
        sa.Column("observed_at", Instant(), nullable=False),
        sa.Column("superseded_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["tool"], ["tool.id"], name=op.f("fk_fact_tool")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fact")),
        sa.UniqueConstraint(
            "tool", "field", "source_url", "observed_at", name=op.f("uq_fact_tool_field_source_url_observed_at")
        ),
    )
    op.create_index(
        "uq_fact_current",
        "fact",
        ["tool", "field", "source_url"],
        unique=True,
        sqlite_where=sa.text("superseded_at IS NULL"),
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.create_table(
        "fetch",
        sa.Column("id", Id, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("new_tools", sa.Integer(), nullable=False),
        sa.Column("merged", sa.Integer(), nullable=False),
        sa.Column("bad", sa.Integer(), nullable=False),
        sa.Column("left_out", sa.JSON(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('ok', 'not_modified', 'empty', 'degraded', 'failed')", name=op.f("ck_fetch_outcome")
        ),
        sa.ForeignKeyConstraint(["source"], ["source.key"], name=op.f("fk_fetch_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fetch")),
    )
    op.create_index("ix_fetch_source_at", "fetch", ["source", "at"], unique=False)
    op.create_table(
        "identifier",
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("tool", Id, nullable=False),
        sa.ForeignKeyConstraint(["tool"], ["tool.id"], name=op.f("fk_identifier_tool")),
        sa.PrimaryKeyConstraint("scheme", "value", name=op.f("pk_identifier")),
    )
    op.create_index(op.f("ix_identifier_tool"), "identifier", ["tool"], unique=False)
    op.create_table(
        "merge",
        sa.Column("id", Id, nullable=False),
        sa.Column("winner", Id, nullable=False),
        sa.Column("loser", Id, nullable=False),
        sa.Column("loser_status", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("moved", sa.JSON(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("undone_at", Instant(), nullable=True),
        sa.CheckConstraint("winner <> loser", name=op.f("ck_merge_two_tools")),
        sa.ForeignKeyConstraint(["loser"], ["tool.id"], name=op.f("fk_merge_loser")),
        sa.ForeignKeyConstraint(["winner"], ["tool.id"], name=op.f("fk_merge_winner")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merge")),
    )
    op.create_table(
        "person_lens",
        sa.Column("person", Id, nullable=False),
        sa.Column("lens", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["lens"], ["lens.key"], name=op.f("fk_person_lens_lens")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_person_lens_person")),
        sa.PrimaryKeyConstraint("person", "lens", name=op.f("pk_person_lens")),
    )
    op.create_table(
        "person_role",
        sa.Column("person", Id, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.CheckConstraint("role IN ('reviewer', 'editor', 'operator')", name=op.f("ck_person_role_role")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_person_role_person")),
        sa.PrimaryKeyConstraint("person", "role", name=op.f("pk_person_role")),
    )
    op.create_table(
        "pricing",
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
        sa.CheckConstraint(
            "(amount IS NULL) = (currency IS NULL) AND (amount IS NULL) = (per IS NULL)", name=op.f("ck_pricing_price")
        ),
        sa.ForeignKeyConstraint(["tool"], ["tool.id"], name=op.f("fk_pricing_tool")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pricing")),
    )
    op.create_index(
        "uq_pricing_current",
        "pricing",
        ["tool"],
        unique=True,
        sqlite_where=sa.text("superseded_at IS NULL"),
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.create_table(
        "seat",
        sa.Column("id", Id, nullable=False),
        sa.Column("tool", Id, nullable=False),
        sa.Column("lens", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("holder", Id, nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("begun_at", Instant(), nullable=True),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("panel_submitted", sa.Integer(), server_default="0", nullable=False),
        sa.Column("priority", sa.Float(), server_default="0", nullable=False),
        sa.CheckConstraint("(state = 'leased') = (lease_until IS NOT NULL)", name=op.f("ck_seat_leased")),
        sa.CheckConstraint("(state = 'open') = (holder IS NULL)", name=op.f("ck_seat_held")),
        sa.CheckConstraint("state IN ('open', 'leased', 'submitted')", name=op.f("ck_seat_state")),
        sa.ForeignKeyConstraint(["holder"], ["person.id"], name=op.f("fk_seat_holder")),
        sa.ForeignKeyConstraint(["lens"], ["lens.key"], name=op.f("fk_seat_lens")),
        sa.ForeignKeyConstraint(["tool"], ["tool.id"], name=op.f("fk_seat_tool")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat")),
        sa.UniqueConstraint("tool", "lens", name=op.f("uq_seat_tool_lens")),
    )
    op.create_index("ix_seat_holder", "seat", ["holder"], unique=False)
    op.create_index("ix_seat_next", "seat", ["state", "lens", "panel_submitted", "due_at", "priority"], unique=False)
    op.create_table(
        "session",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("person", Id, nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_session_person")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_session")),
    )
    op.create_index(op.f("ix_session_person"), "session", ["person"], unique=False)
    op.create_table(
        "sighting",
        sa.Column("id", Id, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("tool", Id, nullable=False),
        sa.Column("first_tool", Id, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("first_seen", Instant(), nullable=False),
        sa.Column("last_seen", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["first_tool"], ["tool.id"], name=op.f("fk_sighting_first_tool")),
        sa.ForeignKeyConstraint(["source"], ["source.key"], name=op.f("fk_sighting_source")),
        sa.ForeignKeyConstraint(["tool"], ["tool.id"], name=op.f("fk_sighting_tool")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sighting")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_sighting_source_external_id")),
    )
    op.create_index(op.f("ix_sighting_tool"), "sighting", ["tool"], unique=False)
    op.create_table(
        "sign_in",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("person", Id, nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_sign_in_person")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sign_in")),
    )
    op.create_index(op.f("ix_sign_in_person"), "sign_in", ["person"], unique=False)
    op.create_table(
        "tool_slug",
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("tool", Id, nullable=False),
        sa.ForeignKeyConstraint(["tool"], ["tool.id"], name=op.f("fk_tool_slug_tool")),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_tool_slug")),
    )
    op.create_index(op.f("ix_tool_slug_tool"), "tool_slug", ["tool"], unique=False)
    op.create_table(
        "batch",
        sa.Column("id", Id, nullable=False),
        sa.Column("week", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("recipients", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempt", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("provider_batch", sa.Text(), nullable=True),
        sa.Column("send_at", Instant(), nullable=True),
        sa.Column("started_at", Instant(), nullable=True),
        sa.Column("not_before", Instant(), nullable=True),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("answer", sa.Text(), server_default="", nullable=False),
        sa.Column("settled_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "(state IN ('claimed', 'sending')) = (lease_until IS NOT NULL)", name=op.f("ck_batch_lease")
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'claimed', 'sending', 'sent', 'uncertain', 'confirmed', 'failed')",
            name=op.f("ck_batch_state"),
        ),
        sa.CheckConstraint("state NOT IN ('claimed', 'sending') OR owner IS NOT NULL", name=op.f("ck_batch_owner")),
        sa.CheckConstraint(
            "state NOT IN ('sending', 'sent', 'uncertain', 'confirmed') OR attempt IS NOT NULL",
            name=op.f("ck_batch_attempt"),
        ),
        sa.ForeignKeyConstraint(["week"], ["edition.week"], name=op.f("fk_batch_week")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
    )
    op.create_index("ix_batch_week_state", "batch", ["week", "state"], unique=False)
    op.create_table(
        "decline",
        sa.Column("seat", Id, nullable=False),
        sa.Column("person", Id, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("until", Instant(), nullable=True),
        sa.CheckConstraint(
            "reason IN ('not-my-field', 'conflict-of-interest', 'later')", name=op.f("ck_decline_reason")
        ),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_decline_person")),
        sa.ForeignKeyConstraint(["seat"], ["seat.id"], name=op.f("fk_decline_seat")),
        sa.PrimaryKeyConstraint("seat", "person", name=op.f("pk_decline")),
    )
    op.create_table(
        "draft",
        sa.Column("seat", Id, nullable=False),
        sa.Column("person", Id, nullable=False),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=True),
        sa.Column("disclosure", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("saved_at", Instant(), nullable=False),
        sa.CheckConstraint("basis IN ('hands-on', 'docs')", name=op.f("ck_draft_basis")),
        sa.CheckConstraint("decision IN ('ship', 'skip')", name=op.f("ck_draft_decision")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_draft_person")),
        sa.ForeignKeyConstraint(["seat"], ["seat.id"], name=op.f("fk_draft_seat")),
        sa.PrimaryKeyConstraint("seat", "person", name=op.f("pk_draft")),
    )
    op.create_table(
        "edition_comparison",
        sa.Column("week", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("comparison", Id, nullable=False),
        sa.Column("comparison_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["comparison"], ["comparison.id"], name=op.f("fk_edition_comparison_comparison")),
        sa.ForeignKeyConstraint(["week"], ["edition.week"], name=op.f("fk_edition_comparison_week")),
        sa.PrimaryKeyConstraint("week", "position", name=op.f("pk_edition_comparison")),
        sa.UniqueConstraint("comparison", name=op.f("uq_edition_comparison_comparison")),
    )
    op.create_table(
        "signal",
        sa.Column("sighting", Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("observed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["sighting"], ["sighting.id"], name=op.f("fk_signal_sighting")),
        sa.PrimaryKeyConstraint("sighting", "name", name=op.f("pk_signal")),
    )
    op.create_table(
        "verdict",
        sa.Column("id", Id, nullable=False),
        sa.Column("seat", Id, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("person", Id, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("disclosure", sa.Text(), nullable=False),
        sa.Column("machine", sa.Boolean(), nullable=False),
        sa.Column("checked_by", Id, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opened_at", Instant(), nullable=True),
        sa.Column("submitted_at", Instant(), nullable=False),
        sa.CheckConstraint("basis IN ('hands-on', 'docs')", name=op.f("ck_verdict_basis")),
        sa.CheckConstraint("decision IN ('ship', 'skip')", name=op.f("ck_verdict_decision")),
        sa.CheckConstraint("state IN ('submitted', 'revised', 'withdrawn')", name=op.f("ck_verdict_state")),
        sa.ForeignKeyConstraint(["checked_by"], ["person.id"], name=op.f("fk_verdict_checked_by")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_verdict_person")),
        sa.ForeignKeyConstraint(["seat"], ["seat.id"], name=op.f("fk_verdict_seat")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verdict")),
        sa.UniqueConstraint("seat", "version", name=op.f("uq_verdict_seat_version")),
    )
    op.create_index(op.f("ix_verdict_person"), "verdict", ["person"], unique=False)
    op.create_index(
        "uq_verdict_counts",
        "verdict",
        ["seat"],
        unique=True,
        sqlite_where=sa.text("state = 'submitted'"),
        postgresql_where=sa.text("state = 'submitted'"),
    )
    op.create_table(
        "vote",
        sa.Column("comparison", Id, nullable=False),
        sa.Column("subscriber", Id, nullable=False),
        sa.Column("choice", Id, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('counted', 'set_aside', 'excluded')", name=op.f("ck_vote_state")),
        sa.ForeignKeyConstraint(["choice"], ["tool.id"], name=op.f("fk_vote_choice")),
        sa.ForeignKeyConstraint(["comparison"], ["comparison.id"], name=op.f("fk_vote_comparison")),
        sa.ForeignKeyConstraint(["subscriber"], ["subscriber.id"], name=op.f("fk_vote_subscriber"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("comparison", "subscriber", name=op.f("pk_vote")),
    )
    op.create_index("ix_vote_subscriber", "vote", ["subscriber"], unique=False)
    op.create_table(
        "delivery",
        sa.Column("id", Id, nullable=False),
        sa.Column("week", sa.Text(), nullable=False),
        sa.Column("subscriber", Id, nullable=True),
        sa.Column("batch", Id, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("word", sa.Text(), server_default="", nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'in_batch', 'suppressed', 'accepted', 'uncertain', 'refused', 'delivered', 'bounced', 'complained')",
            name=op.f("ck_delivery_state"),
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'suppressed') OR batch IS NOT NULL", name=op.f("ck_delivery_in_batch")
        ),
        sa.ForeignKeyConstraint(["batch"], ["batch.id"], name=op.f("fk_delivery_batch")),
        sa.ForeignKeyConstraint(
            ["subscriber"], ["subscriber.id"], name=op.f("fk_delivery_subscriber"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["week"], ["edition.week"], name=op.f("fk_delivery_week")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("week", "subscriber", name=op.f("uq_delivery_week_subscriber")),
    )
    op.create_index(op.f("ix_delivery_batch"), "delivery", ["batch"], unique=False)
    op.create_index("ix_delivery_subscriber", "delivery", ["subscriber"], unique=False)
    op.create_index("ix_delivery_week_state", "delivery", ["week", "state"], unique=False)
    op.create_table(
        "event",
        sa.Column("id", Id, nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("natural_key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("delivery", Id, nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("applied_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('processed', 'deferred', 'delivered', 'open', 'click', 'blocked', 'bounce', 'dropped', 'unsubscribe', 'spam_report')",
            name=op.f("ck_event_kind"),
        ),
        sa.ForeignKeyConstraint(["delivery"], ["delivery.id"], name=op.f("fk_event_delivery")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sa.UniqueConstraint("natural_key", name=op.f("uq_event_natural_key")),
        sa.UniqueConstraint("provider_id", name=op.f("uq_event_provider_id")),
    )
    op.create_index(op.f("ix_event_delivery"), "event", ["delivery"], unique=False)
    for statement in _APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    """Take it away again."""
    op.drop_index(op.f("ix_event_delivery"), table_name="event")
    op.drop_table("event")
    op.drop_index("ix_delivery_week_state", table_name="delivery")
    op.drop_index("ix_delivery_subscriber", table_name="delivery")
    op.drop_index(op.f("ix_delivery_batch"), table_name="delivery")
    op.drop_table("delivery")
    op.drop_index("ix_vote_subscriber", table_name="vote")
    op.drop_table("vote")
    op.drop_index(
        "uq_verdict_counts",
        table_name="verdict",
        sqlite_where=sa.text("state = 'submitted'"),
        postgresql_where=sa.text("state = 'submitted'"),
    )
    op.drop_index(op.f("ix_verdict_person"), table_name="verdict")
    op.drop_table("verdict")
    op.drop_table("signal")
    op.drop_table("edition_comparison")
    op.drop_table("draft")
    op.drop_table("decline")
    op.drop_index("ix_batch_week_state", table_name="batch")
    op.drop_table("batch")
    op.drop_index(op.f("ix_tool_slug_tool"), table_name="tool_slug")
    op.drop_table("tool_slug")
    op.drop_index(op.f("ix_sign_in_person"), table_name="sign_in")
    op.drop_table("sign_in")
    op.drop_index(op.f("ix_sighting_tool"), table_name="sighting")
    op.drop_table("sighting")
    op.drop_index(op.f("ix_session_person"), table_name="session")
    op.drop_table("session")
    op.drop_index("ix_seat_next", table_name="seat")
    op.drop_index("ix_seat_holder", table_name="seat")
    op.drop_table("seat")
    op.drop_index(
        "uq_pricing_current",
        table_name="pricing",
        sqlite_where=sa.text("superseded_at IS NULL"),
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.drop_table("pricing")
    op.drop_table("person_role")
    op.drop_table("person_lens")
    op.drop_table("merge")
    op.drop_index(op.f("ix_identifier_tool"), table_name="identifier")
    op.drop_table("identifier")
    op.drop_index("ix_fetch_source_at", table_name="fetch")
    op.drop_table("fetch")
    op.drop_index(
        "uq_fact_current",
        table_name="fact",
        sqlite_where=sa.text("superseded_at IS NULL"),
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.drop_table("fact")
    op.drop_table("edition")
    op.drop_table("duplicate")
    op.drop_index(op.f("ix_consent_subscriber"), table_name="consent")
    op.drop_table("consent")
    op.drop_index("ix_comparison_state", table_name="comparison")
    op.drop_index(op.f("ix_comparison_high"), table_name="comparison")
    op.drop_table("comparison")
    op.drop_index("ix_tool_status_priority", table_name="tool")
    op.drop_table("tool")
    op.drop_table("suppression")
    op.drop_index("ix_subscriber_state", table_name="subscriber")
    op.drop_table("subscriber")
    op.drop_table("source")
    op.drop_table("person")
    op.drop_table("lens")
    op.drop_index("ix_audit_subject", table_name="audit")
    op.drop_index("ix_audit_at", table_name="audit")
    op.drop_table("audit")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_refuse()")
