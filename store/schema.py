"""Every table but those of sources and their runs (store/intake), with what its columns mean and when they are null.

Identity is a unique key, a state is a CHECK, so that a wrong row cannot be written by any program. Payloads that
nobody searches are JSON. Instants are UTC (`Instant`). A change here needs a revision in `migrations/`; a test
compares the two.
"""

from __future__ import annotations

import sqlalchemy as sa

from core.comparison import ComparisonState
from core.delivery import AttemptOutcome, BatchState, DeliveryState, EventKind
from core.edition import EditionState
from core.fact import Confidence, Per, PricingModel
from core.panel import Basis, Decision, DeclineReason, Role, SeatState, VerdictState
from core.subscriber import Rhythm, SubscriberState
from core.tool import ToolStatus
from store.intake import check, metadata, partial
from store.types import Id, Instant, one_of

# ---------------------------------------------------------------- tools

tool = sa.Table(
    "tool",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("slug", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("tagline", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("described_at", Instant),  # when the description was last changed
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("homepage", sa.Text),
    # Fields an editor has set; ingestion leaves those alone.
    sa.Column("edited", sa.JSON, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("merged_into", Id, sa.ForeignKey("tool.id")),
    sa.Column("priority", sa.Float, nullable=False),
    sa.Column("priority_reasons", sa.JSON, nullable=False),  # [[words, points], ...]
    sa.Column("queue_reason", sa.Text, nullable=False),  # why it is in the queue, or why not
    sa.Column("first_seen", Instant, nullable=False),
    sa.Column("panel_closed_at", Instant),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    one_of("status", ToolStatus),
    check("(status = 'merged') = (merged_into IS NOT NULL)", name="merged"),
    check("merged_into <> id", name="not_into_itself"),
    sa.Index("ix_tool_status_priority", "status", "priority"),
    sa.Index("ix_tool_status_category", "status", "category", "priority"),
    sa.Index("ix_tool_category_priority", "category", "priority"),
    sa.Index("ix_tool_priority", "priority"),
    sa.Index("ix_tool_name", "name"),  # walked by whoever looks for a word inside a name
    partial("ix_tool_merged_into", "merged_into", where="merged_into IS NOT NULL"),
    # Panels as editors list them: those under way by their tools' age, those closed by the day on which they closed.
    partial("ix_tool_in_review", "id", where="status = 'in_review'"),
    partial("ix_tool_panel_closed_at", "panel_closed_at", "id", where="panel_closed_at IS NOT NULL"),
)

tool_slug = sa.Table(
    "tool_slug",
    metadata,
    # Every slug a tool has ever had, the present one included: old addresses lead on. By bytes on both engines: what
    # begins alike is then a range of the key.
    sa.Column("slug", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), primary_key=True),
    sa.Column("tool", Id, sa.ForeignKey("tool.id"), nullable=False, index=True),
)

sighting = sa.Table(
    "sighting",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("source", sa.Text, sa.ForeignKey("source.key"), nullable=False),
    sa.Column("external_id", sa.Text, nullable=False),
    sa.Column("tool", Id, sa.ForeignKey("tool.id"), nullable=False, index=True),
    # The tool it first belonged to, so that a merge can be undone.
    sa.Column("first_tool", Id, sa.ForeignKey("tool.id"), nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("content", sa.JSON, nullable=False),  # the rest of the sighting, as core/sighting has it
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("first_seen", Instant, nullable=False),
    sa.Column("last_seen", Instant, nullable=False),
    # The name as it is compared (core/names); empty: it says too little.
    sa.Column("name_key", sa.Text, nullable=False, server_default=""),
    sa.Column("family_key", sa.Text, nullable=False, server_default=""),
    sa.UniqueConstraint("source", "external_id"),
    sa.Index("ix_sighting_source_id", "source", "id"),  # the newest of one source
    sa.Index("ix_sighting_name_key", "name_key", "tool"),
    sa.Index("ix_sighting_family_key", "family_key", "tool"),
)

identifier = sa.Table(
    "identifier",
    metadata,
    sa.Column("scheme", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, primary_key=True),
    sa.Column("tool", Id, sa.ForeignKey("tool.id"), nullable=False, index=True),
)

signal = sa.Table(
    "signal",
    metadata,
    # The newest figure of each kind per sighting; percentiles within a source are taken from here.
    sa.Column("sighting", Id, sa.ForeignKey("sighting.id"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Float, nullable=False),
    sa.Column("observed_at", Instant, nullable=False),
)

merge = sa.Table(
    "merge",
    metadata,
    # A merge is a row; undoing it needs what it moved.
    sa.Column("id", Id, primary_key=True),
    sa.Column("winner", Id, sa.ForeignKey("tool.id"), nullable=False),
    sa.Column("loser", Id, sa.ForeignKey("tool.id"), nullable=False),
    sa.Column("loser_status", sa.Text, nullable=False),  # what the loser was before
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("evidence", sa.JSON, nullable=False),
    sa.Column("moved", sa.JSON, nullable=False),  # {"sightings": [...], "identifiers": [...]}
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("undone_at", Instant),
    check("winner <> loser", name="two_tools"),
    sa.Index("ix_merge_loser", "loser"),
)

duplicate = sa.Table(
    "duplicate",
    metadata,
    # "Same tool?" asked once per pair; `different` is also the cannot-link row.
    sa.Column("id", Id, primary_key=True),
    sa.Column("low", Id, sa.ForeignKey("tool.id"), nullable=False),
    sa.Column("high", Id, sa.ForeignKey("tool.id"), nullable=False),
    sa.Column("score", sa.Float, nullable=False),
    sa.Column("reasons", sa.JSON, nullable=False),
    sa.Column("answer", sa.Text, nullable=False, server_default="open"),
    sa.Column("asked_at", Instant, nullable=False),
    sa.Column("answered_at", Instant),
    sa.Column("answered_by", sa.Text),
    sa.UniqueConstraint("low", "high"),
    check("low < high", name="ordered"),
    check("answer IN ('open', 'same', 'different')", name="answer"),
    check("(answer = 'open') = (answered_at IS NULL)", name="answered"),
    sa.Index("ix_duplicate_high", "high"),
    sa.Index("ix_duplicate_answer_score", "answer", "score"),
)

tool_version = sa.Table(
    "tool_version",
    metadata,
    # An editor's word that a tool is a newer version of another: two tools, never a pair.
    sa.Column("newer", Id, sa.ForeignKey("tool.id"), primary_key=True),
    sa.Column("older", Id, sa.ForeignKey("tool.id"), nullable=False, index=True),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    check("newer <> older", name="two_tools"),
)

fact = sa.Table(
    "fact",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("tool", Id, sa.ForeignKey("tool.id"), nullable=False),
    sa.Column("field", sa.Text, nullable=False),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("source_url", sa.Text, nullable=False),
    sa.Column("observed_at", Instant, nullable=False),
    sa.Column("superseded_at", Instant),  # null: current
    # The editor who set it; null: read by rule. With an empty value: what this source says there is not so.
    sa.Column("by", sa.Text),
    sa.UniqueConstraint("tool", "field", "source_url", "observed_at"),
    partial("uq_fact_current", "tool", "field", "source_url", unique=True, where="superseded_at IS NULL"),
)

pricing = sa.Table(
    "pricing",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("tool", Id, sa.ForeignKey("tool.id"), nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("amount", sa.Text),  # a decimal number as written; null: not stated
    sa.Column("currency", sa.Text),
    sa.Column("per", sa.Text),
    sa.Column("flags", sa.JSON, nullable=False),
    sa.Column("source_url", sa.Text),
    sa.Column("quote", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("confidence", sa.Text, nullable=False),
    sa.Column("observed_at", Instant),
    sa.Column("by", sa.Text),  # the editor who set it; null: read by rule
    sa.Column("superseded_at", Instant),  # null: current
    one_of("model", PricingModel),
    one_of("confidence", Confidence),
    one_of("per", Per),
    check("model = 'unknown' OR (source_url IS NOT NULL AND observed_at IS NOT NULL)", name="evidence"),
    check("(amount IS NULL) = (currency IS NULL) AND (amount IS NULL) = (per IS NULL)", name="price"),
    partial("uq_pricing_current", "tool", unique=True, where="superseded_at IS NULL"),
)

# ---------------------------------------------------------------- people and panel

lens = sa.Table(
    "lens",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("motto", sa.Text, nullable=False),
    sa.Column("asks", sa.Text, nullable=False),
    sa.Column("excites", sa.Text, nullable=False),
    sa.Column("tires", sa.Text, nullable=False),
    sa.Column("position", sa.Integer, nullable=False, unique=True),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("edited_at", Instant),  # when the desk changed it: a lenses file leaves it alone; null: as a file said
)

category_quorum = sa.Table(
    "category_quorum",
    metadata,
    # Verdicts that close a panel of this category, where it is not the setting's number.
    sa.Column("category", sa.Text, primary_key=True),
    sa.Column("quorum", sa.Integer, nullable=False),
    check("quorum BETWEEN 1 AND 20", name="quorum"),
)

person = sa.Table(
    "person",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("email_key", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("machine", sa.Boolean, nullable=False),  # a program: its verdicts carry the label
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("invited_at", Instant, nullable=False),
    sa.Column("time_zone", sa.Text),  # IANA name in which the desk shows times; null: UTC
)

person_role = sa.Table(
    "person_role",
    metadata,
    sa.Column("person", Id, sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("role", sa.Text, primary_key=True),
    one_of("role", Role),
)

person_lens = sa.Table(
    "person_lens",
    metadata,
    sa.Column("person", Id, sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("lens", sa.Text, sa.ForeignKey("lens.key"), primary_key=True),
)

sign_in = sa.Table(
    "sign_in",
    metadata,
    # One e-mailed sign-in link: only the hash of its token is kept.
    sa.Column("token_hash", sa.Text, primary_key=True),
    sa.Column("person", Id, sa.ForeignKey("person.id"), nullable=False, index=True),
    sa.Column("made_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("used_at", Instant),
)

session = sa.Table(
    "session",
    metadata,
    sa.Column("token_hash", sa.Text, primary_key=True),
    sa.Column("person", Id, sa.ForeignKey("person.id"), nullable=False, index=True),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("seen_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("revoked_at", Instant),
    sa.Column("agent", sa.Text, nullable=False),
)

passkey = sa.Table(
    "passkey",
    metadata,
    # A public key that a person's device holds the other half of (W3C Web Authentication, Level 2).
    sa.Column("id", Id, primary_key=True),
    sa.Column("person", Id, sa.ForeignKey("person.id"), nullable=False, index=True),
    sa.Column("credential", sa.Text, nullable=False, unique=True),  # the device's id of the key, base64url
    sa.Column("public_key", sa.Text, nullable=False),  # COSE, base64url
    sa.Column("uses", sa.BigInteger, nullable=False),  # the device's own counter; 0: it does not count
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("made_at", Instant, nullable=False),
    sa.Column("used_at", Instant),
)

challenge = sa.Table(
    "challenge",
    metadata,
    # What a device was asked to sign: each serves once, for a few minutes.
    sa.Column("value_hash", sa.Text, primary_key=True),
    sa.Column("person", Id, sa.ForeignKey("person.id"), index=True),  # null: to sign in, nobody knows whom yet
    sa.Column("expires_at", Instant, nullable=False, index=True),
)

seat = sa.Table(
    "seat",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("tool", Id, sa.ForeignKey("tool.id"), nullable=False),
    sa.Column("lens", sa.Text, sa.ForeignKey("lens.key"), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    # Who holds it, or held it last when submitted.
    sa.Column("holder", Id, sa.ForeignKey("person.id")),
    sa.Column("lease_until", Instant),
    sa.Column("fence", sa.Integer, nullable=False, server_default="0"),  # counts claims; a submit names it
    sa.Column("begun_at", Instant),  # when the present holder claimed it
    sa.Column("due_at", Instant),
    # Copies of the tool's figures, so that "next" is one index walk: verdicts in on its panel, its priority, and
    # whether it is in the queue. Without the last the walk would begin with the seats that closed panels left open.
    sa.Column("panel_submitted", sa.Integer, nullable=False, server_default="0"),
    sa.Column("priority", sa.Float, nullable=False, server_default="0"),
    sa.Column("waiting", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.UniqueConstraint("tool", "lens"),
    one_of("state", SeatState),
    check("(state = 'open') = (holder IS NULL)", name="held"),
    check("(state = 'leased') = (lease_until IS NOT NULL)", name="leased"),
    sa.Index(
        "ix_seat_next",
        "lens",
        "state",
        "waiting",
        sa.text("panel_submitted DESC"),
        sa.text("(due_at IS NULL)"),
        "due_at",
        sa.text("priority DESC"),
        "id",
    ),
    sa.Index("ix_seat_holder", "holder", "state"),
    # Nobody holds two seats of one lens.
    partial("uq_seat_lease", "holder", "lens", unique=True, where="state = 'leased'"),
    # What is due and not done, by its time.
    partial(
        "ix_seat_due",
        "lens",
        "due_at",
        "id",
        where="waiting = 1 AND state <> 'submitted'",
        on_postgresql="waiting AND state <> 'submitted'",
    ),
)

look = sa.Table(
    "look",
    metadata,
    # Who has been shown the others' verdicts on a tool, and when first: from then on they give no other verdict on it.
    sa.Column("tool", Id, sa.ForeignKey("tool.id"), primary_key=True),
    sa.Column("person", Id, sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("at", Instant, nullable=False),
)

draft = sa.Table(
    "draft",
    metadata,
    # A reviewer's unfinished words. They outlive the lease.
    sa.Column("seat", Id, sa.ForeignKey("seat.id"), primary_key=True),
    sa.Column("person", Id, sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("decision", sa.Text),
    sa.Column("quote", sa.Text, nullable=False),
    sa.Column("basis", sa.Text),
    sa.Column("disclosure", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("saved_at", Instant, nullable=False),
    one_of("decision", Decision),
    one_of("basis", Basis),
    sa.Index("ix_draft_person", "person", "saved_at"),
)

decline = sa.Table(
    "decline",
    metadata,
    sa.Column("seat", Id, sa.ForeignKey("seat.id"), primary_key=True),
    sa.Column("person", Id, sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("until", Instant),  # "later" ends; null: for good
    one_of("reason", DeclineReason),
    sa.Index("ix_decline_person", "person"),
)

verdict = sa.Table(
    "verdict",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("seat", Id, sa.ForeignKey("seat.id"), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("person", Id, sa.ForeignKey("person.id"), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("decision", sa.Text, nullable=False),
    sa.Column("quote", sa.Text, nullable=False),
    sa.Column("basis", sa.Text, nullable=False),
    sa.Column("disclosure", sa.Text, nullable=False),
    sa.Column("machine", sa.Boolean, nullable=False),
    sa.Column("checked_by", Id, sa.ForeignKey("person.id")),  # who read a machine's verdict; null: nobody yet
    sa.Column("reason", sa.Text, nullable=False),  # why it was revised or withdrawn
    sa.Column("opened_at", Instant),
    sa.Column("submitted_at", Instant, nullable=False),
    sa.UniqueConstraint("seat", "version"),
    one_of("state", VerdictState),
    one_of("decision", Decision),
    one_of("basis", Basis),
    sa.Index("ix_verdict_person", "person", "id"),
    # Seats that were judged more than once, and machine-written verdicts that nobody has read.
    # With the version, though it is implied: without it SQLite walks every verdict instead.
    partial("ix_verdict_again", "seat", "version", where="version > 1"),
    partial("ix_verdict_unread", "seat", where="machine AND checked_by IS NULL"),
    # No seat has two verdicts that count.
    partial("uq_verdict_counts", "seat", unique=True, where="state = 'submitted'"),
)

# ---------------------------------------------------------------- comparisons and editions

comparison = sa.Table(
    "comparison",
    metadata,
    sa.Column("id", Id, primary_key=True),
    # The pair is unordered: smaller tool id first. The address orders by slug instead.
    sa.Column("low", Id, sa.ForeignKey("tool.id"), nullable=False),
    sa.Column("high", Id, sa.ForeignKey("tool.id"), nullable=False),
    sa.Column("slug", sa.Text, nullable=False, unique=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    # What `version` was counted for: the hash of everything an editor approves.
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("approved_version", sa.Integer),
    sa.Column("approved_by", Id, sa.ForeignKey("person.id")),
    sa.Column("approved_at", Instant),
    # The view as it was approved: what the page and the mail show until somebody approves again.
    sa.Column("approved_view", sa.JSON),
    sa.Column("published_at", Instant),
    sa.Column("made_at", Instant, nullable=False),
    sa.Column("score", sa.Float, nullable=False),
    sa.Column("reasons", sa.JSON, nullable=False),
    sa.UniqueConstraint("low", "high"),
    one_of("state", ComparisonState),
    check("low < high", name="ordered"),
    check(
        "(approved_version IS NULL) = (approved_by IS NULL) AND (approved_version IS NULL) = (approved_at IS NULL)"
        " AND (approved_version IS NULL) = (approved_view IS NULL)",
        name="approval",
    ),
    check("state NOT IN ('approved', 'published') OR approved_version IS NOT NULL", name="approved"),
    check("approved_version <= version", name="approved_version"),
    check("state <> 'published' OR published_at IS NOT NULL", name="published"),
    sa.Index("ix_comparison_state", "state", "approved_at"),
    # A tool's public comparisons. Without statistics SQLite prefers what fixes more columns: so these beat the one above.
    sa.Index("ix_comparison_low", "low", "state", "approved_at"),
    sa.Index("ix_comparison_high", "high", "state", "approved_at"),
    sa.Index("ix_comparison_standing", "state", "id"),
    partial("ix_comparison_stale", "id", where="approved_version < version"),
)

proposal = sa.Table(
    "proposal",
    metadata,
    # What an editor said of a pair that was proposed; it comes again only after a verdict or version has changed.
    sa.Column("low", Id, sa.ForeignKey("tool.id"), primary_key=True),
    sa.Column("high", Id, sa.ForeignKey("tool.id"), primary_key=True, index=True),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),  # empty when accepted without a word
    sa.Column("answered_by", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    check("low < high", name="ordered"),
    check("answer IN ('accepted', 'rejected')", name="answer"),
    check("answer <> 'rejected' OR reason <> ''", name="reason"),
)

suggestion = sa.Table(
    "suggestion",
    metadata,
    # Pairs as pairing weighed them at its last look, which replaces them all. Weighing takes a look at every tool that
    # was judged; the page that lists them does not.
    sa.Column("low", Id, sa.ForeignKey("tool.id"), primary_key=True),
    sa.Column("high", Id, sa.ForeignKey("tool.id"), primary_key=True),
    sa.Column("score", sa.Float, nullable=False),
    sa.Column("reasons", sa.JSON, nullable=False),
    sa.Column("numbers", sa.JSON, nullable=False),
    sa.Column("at", Instant, nullable=False),
    check("low < high", name="ordered"),
)

rival = sa.Table(
    "rival",
    metadata,
    # Products that texts name as rivals and that nobody has ingested, as pairing found them at its last look; those that
    # an editor has dismissed stay, so that they do not come again.
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("named_by", sa.JSON, nullable=False),  # addresses of tools
    sa.Column("times", sa.Integer, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("dismissed_by", sa.Text),  # an editor; null: nobody
    sa.Column("dismissed_at", Instant),
    check("(dismissed_by IS NULL) = (dismissed_at IS NULL)", name="dismissed"),
)

edition = sa.Table(
    "edition",
    metadata,
    sa.Column("week", sa.Text, primary_key=True),  # 2026-W48
    sa.Column("number", sa.Integer, nullable=False, unique=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("preheader", sa.Text, nullable=False),
    sa.Column("intro", sa.Text, nullable=False),
    sa.Column("left_over", sa.Integer, nullable=False),  # approved comparisons that did not fit: "n more on the web"
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("assembled_at", Instant, nullable=False),
    # From here on null until it is approved, and never changed afterwards.
    sa.Column("html", sa.Text),
    sa.Column("text", sa.Text),
    sa.Column("content_hash", sa.Text),
    sa.Column("approved_by", Id, sa.ForeignKey("person.id")),
    sa.Column("approved_at", Instant),
    sa.Column("recipients_fixed_at", Instant),  # when the delivery rows were made
    sa.Column("sent_at", Instant),
    sa.Column("paused_because", sa.Text),
    sa.Column("send_at", Instant),  # no mail goes out before then; null: as soon as it is approved
    sa.Column("wave_percent", sa.Integer),  # so many percent of the recipients an hour; null: all at once
    sa.Column("cancelled_at", Instant),  # paused for good; null: not
    sa.Column("local_hour", sa.Integer),  # each reader gets it at this hour of their own day; null: all at one time
    sa.Column("arranged_at", Instant),  # an editor has put it in order; null: only the assembler has
    one_of("state", EditionState),
    check(
        "(state = 'draft') = (content_hash IS NULL) AND (content_hash IS NULL) = (html IS NULL)"
        " AND (content_hash IS NULL) = (text IS NULL) AND (content_hash IS NULL) = (approved_by IS NULL)"
        " AND (content_hash IS NULL) = (approved_at IS NULL)",
        name="frozen",
    ),
    check("(state = 'sent') = (sent_at IS NOT NULL)", name="sent"),
    check("local_hour BETWEEN 0 AND 23", name="local_hour"),
)

edition_comparison = sa.Table(
    "edition_comparison",
    metadata,
    sa.Column("week", sa.Text, sa.ForeignKey("edition.week"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    # A comparison is sent once.
    sa.Column("comparison", Id, sa.ForeignKey("comparison.id"), nullable=False, unique=True),
    sa.Column("comparison_version", sa.Integer, nullable=False),
    # Its address when the edition was approved, as the frozen mail has it; null while it is a draft.
    sa.Column("slug", sa.Text),
)

# ---------------------------------------------------------------- subscribers

# What readers get who chose categories: the same edition with theirs in front; and what monthly readers get with the
# first edition of a month. Written when the edition is approved, and never changed afterwards. The edition's own content
# is variant 0 and stands in its row.
edition_variant = sa.Table(
    "edition_variant",
    metadata,
    sa.Column("week", sa.Text, sa.ForeignKey("edition.week"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("places", sa.JSON, nullable=False),  # which positions of the edition stand in front, in order
    # The addresses of its comparisons, for the best of the month before; null: one with comparisons of this edition.
    sa.Column("best_of", sa.JSON(none_as_null=True)),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("html", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    check("number BETWEEN 1 AND 63", name="number"),
    partial("uq_edition_variant_best_of", "week", unique=True, where="best_of IS NOT NULL"),
)

# Which tastes get which variant; a taste that is not here gets variant 0.
edition_taste = sa.Table(
    "edition_taste",
    metadata,
    sa.Column("week", sa.Text, primary_key=True),
    sa.Column("taste", sa.Text, primary_key=True),
    sa.Column("variant", sa.Integer, nullable=False),
    sa.ForeignKeyConstraint(["week", "variant"], ["edition_variant.week", "edition_variant.number"]),
)

subscriber = sa.Table(
    "subscriber",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("address_key", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("categories", sa.JSON, nullable=False),  # empty: all
    # The same choice as one word that can be grouped by (core/category.py): agents,coding; empty: all.
    sa.Column("taste", sa.Text, nullable=False, server_default=""),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("confirmed_at", Instant),
    sa.Column("asked_at", Instant),  # when the last confirmation mail went out
    sa.Column("left_at", Instant),
    sa.Column("time_zone", sa.Text),  # IANA name; null: not said
    sa.Column("language", sa.Text),  # BCP 47 tag; null: not said
    sa.Column("paused_until", Instant),  # no edition before; null: not paused
    sa.Column("rhythm", sa.Text, nullable=False, server_default="weekly"),
    sa.Column("asks", sa.Integer, nullable=False, server_default="0"),  # confirmation mails of the present request
    one_of("state", SubscriberState),
    one_of("rhythm", Rhythm),
    check("state <> 'active' OR confirmed_at IS NOT NULL", name="confirmed"),
    sa.Index("ix_subscriber_state", "state", "id"),
    sa.Index("ix_subscriber_confirmed", "confirmed_at", "left_at"),
    partial("ix_subscriber_left", "left_at", "state", where="left_at IS NOT NULL"),
)

consent = sa.Table(
    "consent",
    metadata,
    # The trail: who agreed to what, when, where. Kept as long as the subscriber.
    sa.Column("id", Id, primary_key=True),
    sa.Column("subscriber", Id, sa.ForeignKey("subscriber.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),  # the words that were agreed to
    sa.Column("source", sa.Text, nullable=False),  # web, import, command line
    sa.Column("network", sa.Text),  # shortened address of the network; null: not over the web
    check("kind IN ('asked', 'confirmed', 'imported', 'withdrawn')", name="kind"),
)

suppression = sa.Table(
    "suppression",
    metadata,
    # Addresses never to be mailed again, by hash, so that erasing a person does not forget their wish.
    sa.Column("address_hash", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    check("reason IN ('bounced', 'complained', 'erased', 'manual')", name="reason"),
    sa.Index("ix_suppression_reason", "reason", "at"),
)

suppressed_domain = sa.Table(
    "suppressed_domain",
    metadata,
    # Nobody whose address ends in this domain is mailed.
    sa.Column("domain", sa.Text, primary_key=True),  # in lower case, as in address_key
    sa.Column("note", sa.Text, nullable=False),  # why, in the operator's words
    sa.Column("at", Instant, nullable=False),
)

former_address = sa.Table(
    "former_address",
    metadata,
    # Addresses that a subscriber had before, by hash: their old links still lead out, and an erasure covers them.
    sa.Column("subscriber", Id, sa.ForeignKey("subscriber.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("address_hash", sa.Text, primary_key=True),
    sa.Column("at", Instant, nullable=False),
)

# ---------------------------------------------------------------- sending

batch = sa.Table(
    "batch",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("week", sa.Text, sa.ForeignKey("edition.week"), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("recipients", sa.Integer, nullable=False),
    sa.Column("variant", sa.Integer, nullable=False, server_default="0"),
    sa.Column("content_hash", sa.Text, nullable=False),  # the variant's, fixed when the batch was made
    sa.Column("owner", sa.Text),  # which worker; null: nobody
    sa.Column("lease_until", Instant),
    sa.Column("fence", sa.Integer, nullable=False, server_default="0"),  # counts claims
    # The try under way, committed before its request.
    sa.Column("attempt", sa.Text),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("provider_batch", sa.Text),  # the provider's handle for calling the attempt off
    sa.Column("send_at", Instant),
    sa.Column("started_at", Instant),
    sa.Column("not_before", Instant),
    sa.Column("message_id", sa.Text),
    sa.Column("answer", sa.Text, nullable=False, server_default=""),  # the provider's own words
    sa.Column("settled_at", Instant),
    sa.Column("evidence", sa.Text),  # what settled it after it had been uncertain; null: it never was, or is
    one_of("state", BatchState),
    check("(state IN ('claimed', 'sending')) = (lease_until IS NOT NULL)", name="lease"),
    check("state NOT IN ('claimed', 'sending') OR owner IS NOT NULL", name="owner"),
    check("state NOT IN ('sending', 'sent', 'uncertain', 'confirmed') OR attempt IS NOT NULL", name="attempt"),
    sa.Index("ix_batch_week_state", "week", "state"),
)

attempt = sa.Table(
    "attempt",
    metadata,
    # Every try, the present one included: an answer or event names the try it is about, and what was called off
    # counts against the provider's limit until its time has passed.
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("batch", Id, sa.ForeignKey("batch.id"), nullable=False, index=True),
    sa.Column("provider_batch", sa.Text),  # null: it cannot be called off
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("send_at", Instant, nullable=False),
    sa.Column("outcome", sa.Text),  # null: under way
    sa.Column("ended_at", Instant),
    sa.Column("answer", sa.Text, nullable=False, server_default=""),  # the provider's own words
    one_of("outcome", AttemptOutcome),
    check("(outcome IS NULL) = (ended_at IS NULL)", name="ended"),
    sa.Index("ix_attempt_send_at", "send_at"),
)

control = sa.Table(
    "control",
    metadata,
    # A mail to ourselves, accepted after an uncertain attempt's time: once the provider's log shows it, the log is up
    # to date, and what it does not show of that attempt was not taken.
    sa.Column("attempt", sa.Text, sa.ForeignKey("attempt.id"), primary_key=True),
    sa.Column("mark", sa.Text, nullable=False),  # the control's own id at the provider
    sa.Column("sent_at", Instant, nullable=False),
    sa.Column("seen_at", Instant),  # null: the log does not show it yet
)

bucket = sa.Table(
    "bucket",
    metadata,
    # A rate limit that outlives processes and is shared by all of them: mails that may go out now.
    sa.Column("name", sa.Text, primary_key=True),  # of the transport
    sa.Column("tokens", sa.Float, nullable=False),  # below zero after a batch larger than what was left
    sa.Column("at", Instant, nullable=False),
)

delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("week", sa.Text, sa.ForeignKey("edition.week"), nullable=False),
    # Null once the person was erased; the row stays for the edition's figures.
    sa.Column("subscriber", Id, sa.ForeignKey("subscriber.id", ondelete="SET NULL")),
    sa.Column("batch", Id, sa.ForeignKey("batch.id"), index=True),
    sa.Column("variant", sa.Integer, nullable=False, server_default="0"),  # fixed with the recipients
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("word", sa.Text, nullable=False, server_default=""),  # the last word: a refusal, a bounce's reason
    sa.Column("updated_at", Instant, nullable=False),
    sa.UniqueConstraint("week", "subscriber"),
    one_of("state", DeliveryState),
    check("state IN ('pending', 'suppressed') OR batch IS NOT NULL", name="in_batch"),
    sa.Index("ix_delivery_week_state", "week", "state", "variant", "id"),  # what is pending, in the order of batching
    sa.Index("ix_delivery_subscriber", "subscriber"),
)

event = sa.Table(
    "event",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("provider_id", sa.Text, nullable=False, unique=True),
    sa.Column("natural_key", sa.Text, nullable=False, unique=True),  # the same report under a new id is still one
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("delivery", Id, sa.ForeignKey("delivery.id"), index=True),  # null: not about one of ours
    sa.Column("at", Instant, nullable=False),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("payload", sa.JSON, nullable=False),  # as it came, without address, network and mail program
    sa.Column("applied_at", Instant),
    sa.Column("attempt", sa.Text),  # null: not about one of ours; no foreign key, since a restored backup may lack it
    sa.Column("address", sa.Text),  # null once applied: the row stays, the person may ask to be erased
    sa.Column("reason", sa.Text),
    sa.Column("url", sa.Text),  # of a click
    sa.Column("machine", sa.Boolean),  # a program's open or click, says the provider; null: it does not say
    one_of("kind", EventKind),
    # What readers ask for, counted from this alone.
    partial("ix_event_click", "at", "url", "delivery", "machine", where="kind = 'click'"),
    partial("ix_event_waiting", "id", where="applied_at IS NULL"),
)

unreadable = sa.Table(
    "unreadable",
    metadata,
    # Entries of a provider's report that could not be read; their neighbours were.
    sa.Column("id", Id, primary_key=True),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
)

vote = sa.Table(
    "vote",
    metadata,
    sa.Column("comparison", Id, sa.ForeignKey("comparison.id"), primary_key=True),
    sa.Column("subscriber", Id, sa.ForeignKey("subscriber.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("choice", Id, sa.ForeignKey("tool.id"), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),  # why it was set aside or excluded
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),  # counts choices; a page names the one it saw
    sa.Column("network", sa.Text),  # /24 or /48 it came from; null: not known
    sa.Column("decided_at", Instant),  # when an editor settled it; null: no editor has
    check("state IN ('counted', 'set_aside', 'excluded')", name="state"),
    sa.Index("ix_vote_subscriber", "subscriber"),
    sa.Index("ix_vote_network", "comparison", "network", "at"),
    # Counted from this alone: a page with thousands of votes reads none of them.
    sa.Index("ix_vote_tally", "comparison", "choice", "state", "at", "decided_at"),
    partial("ix_vote_set_aside", "at", where="state = 'set_aside'"),
)

form_use = sa.Table(
    "form_use",
    metadata,
    # How often a form was used: a limit that holds over all web processes. Rows are forgotten after their hour.
    sa.Column("form", sa.Text, primary_key=True),
    sa.Column("who", sa.Text, primary_key=True),  # a network, or the keyed hash of an address; never an address
    sa.Column("hour", Instant, primary_key=True),
    sa.Column("uses", sa.Integer, nullable=False),
    sa.Index("ix_form_use_hour", "hour"),
)

correction = sa.Table(
    "correction",
    metadata,
    # What a reader says is wrong, and what an editor answered. Only the editor's words are ever public.
    sa.Column("id", Id, primary_key=True),
    # What it is about: one of the two.
    sa.Column("comparison", Id, sa.ForeignKey("comparison.id")),
    sa.Column("tool", Id, sa.ForeignKey("tool.id")),
    sa.Column("claim", sa.Text, nullable=False),
    sa.Column("source_url", sa.Text),  # as the reader gave it; null: none
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),  # the editor's words; empty while it is open
    sa.Column("at", Instant, nullable=False),
    sa.Column("decided_at", Instant),
    check("state IN ('open', 'accepted', 'rejected')", name="state"),
    check("(comparison IS NULL) <> (tool IS NULL)", name="about"),
    check("(state = 'open') = (decided_at IS NULL)", name="decided"),
    check("state <> 'accepted' OR note <> ''", name="note"),
    sa.Index("ix_correction_state", "state", "id"),  # the queue and the public log, each in its order
    sa.Index("ix_correction_comparison", "comparison"),
    sa.Index("ix_correction_tool", "tool"),
)

# ---------------------------------------------------------------- shelves
# What approval put where readers find it, so that no page reads more than it shows. Derived from approved views alone;
# whether a row is shown is always the comparison's state to say.

shelf = sa.Table(
    "shelf",
    metadata,
    # A comparison stands on the shelf of each of its tools' categories.
    sa.Column("comparison", Id, sa.ForeignKey("comparison.id"), primary_key=True),
    sa.Column("category", sa.Text, primary_key=True),
    sa.Column("approved_at", Instant, nullable=False),
    sa.Index("ix_shelf_category", "category", "approved_at", "comparison"),
)

exhibit = sa.Table(
    "exhibit",
    metadata,
    # A tool as its newest approved comparison shows it.
    sa.Column("tool", Id, sa.ForeignKey("tool.id"), primary_key=True),
    sa.Column("comparison", Id, sa.ForeignKey("comparison.id"), nullable=False, index=True),
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("approved_at", Instant, nullable=False),
)

said = sa.Table(
    "said",
    metadata,
    # What a lens says of a tool, as the newest approved comparison shows it. No foreign key to the lens: a view keeps
    # the lenses of its day.
    sa.Column("tool", Id, sa.ForeignKey("tool.id"), primary_key=True),
    sa.Column("lens", sa.Text, primary_key=True),
    sa.Column("comparison", Id, sa.ForeignKey("comparison.id"), nullable=False, index=True),
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("decision", sa.Text, nullable=False),
    sa.Column("quote", sa.Text, nullable=False),
    sa.Column("submitted_at", Instant, nullable=False),
    sa.Column("approved_at", Instant, nullable=False),
    one_of("decision", Decision),
    # Reaches as far as a lens's ship rate needs.
    sa.Index("ix_said_lens_newest", "lens", "approved_at", "tool", "comparison", "category", "decision"),
)

verdict_change = sa.Table(
    "verdict_change",
    metadata,
    # A published verdict that an approval replaced or took away: the history readers see.
    sa.Column("id", Id, primary_key=True),
    sa.Column("tool", Id, sa.ForeignKey("tool.id"), nullable=False, index=True),
    sa.Column("lens", sa.Text, nullable=False),
    sa.Column("lens_name", sa.Text, nullable=False),
    sa.Column("comparison", Id, sa.ForeignKey("comparison.id"), nullable=False, index=True),
    sa.Column("before", sa.Text, nullable=False),
    sa.Column("after", sa.Text),  # null: withdrawn
    sa.Column("quote", sa.Text, nullable=False),  # the words that were replaced
    sa.Column("submitted_at", Instant, nullable=False),  # when those were said
    sa.Column("at", Instant, nullable=False),
)

search_word = sa.Table(
    "search_word",
    metadata,
    # Which approved comparisons have a word. By bytes on both engines: a prefix is then a range of the key.
    sa.Column("word", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), primary_key=True),
    sa.Column("comparison", Id, sa.ForeignKey("comparison.id"), primary_key=True, index=True),
)

# ---------------------------------------------------------------- reminders and alarms

reminder_mail = sa.Table(
    "reminder_mail",
    metadata,
    # One mail of reminders to one person, at most one a day. Written before it is sent: one that was claimed and never
    # sent is forgotten with its reminders after a while, and made anew.
    sa.Column("id", Id, primary_key=True),
    sa.Column("person", Id, sa.ForeignKey("person.id"), nullable=False),
    sa.Column("day", sa.Text, nullable=False),  # 2026-11-22 in the person's zone
    sa.Column("claimed_at", Instant, nullable=False),
    sa.Column("sent_at", Instant),  # null: under way, or it could not go out
    sa.UniqueConstraint("person", "day"),
)

reminder = sa.Table(
    "reminder",
    metadata,
    # A step of the ladder that somebody was told of: never twice.
    sa.Column("seat", Id, sa.ForeignKey("seat.id"), primary_key=True),
    sa.Column("person", Id, sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("rung", sa.Text, primary_key=True),
    sa.Column("mail", Id, sa.ForeignKey("reminder_mail.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("due_at", Instant, nullable=False),  # of the seat, at that time
    check("rung IN ('soon', 'due', 'late', 'reopened')", name="rung"),
)

alarm = sa.Table(
    "alarm",
    metadata,
    # What stood when it was last looked, so that it is known since when, and who has seen it. Alarms themselves are
    # derived from the other tables.
    sa.Column("key", sa.Text, primary_key=True),  # source:hf-models, lens:skeptic ...
    sa.Column("since", Instant, nullable=False),
    sa.Column("mark", sa.Text, nullable=False),  # hash of what it says
    # Quiet as long as it says what was acknowledged.
    sa.Column("acknowledged_at", Instant),
    sa.Column("acknowledged_by", Id, sa.ForeignKey("person.id")),
    sa.Column("acknowledged_mark", sa.Text),
    # What a check has found that is too slow for a page; null: every look derives it anew.
    sa.Column("found", sa.JSON(none_as_null=True)),
    check(
        "(acknowledged_at IS NULL) = (acknowledged_by IS NULL)"
        " AND (acknowledged_at IS NULL) = (acknowledged_mark IS NULL)",
        name="acknowledged",
    ),
)

alarm_told = sa.Table(
    "alarm_told",
    metadata,
    # When an operator was last mailed about an alarm.
    sa.Column("alarm", sa.Text, sa.ForeignKey("alarm.key", ondelete="CASCADE"), primary_key=True),
    sa.Column("person", Id, sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("at", Instant, nullable=False),
)

# ---------------------------------------------------------------- audit

audit = sa.Table(
    "audit",
    metadata,
    # Append-only: triggers refuse UPDATE and DELETE.
    sa.Column("id", Id, primary_key=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),  # an address, or "system"
    sa.Column("action", sa.Text, nullable=False),  # verdict.submit, comparison.approve ...
    sa.Column("subject", sa.Text, nullable=False),  # tool:smolvlm2-2b, edition:2026-W48 ...
    sa.Column("before", sa.JSON(none_as_null=True)),
    sa.Column("after", sa.JSON(none_as_null=True)),
    sa.Index("ix_audit_subject", "subject", "id"),
    sa.Index("ix_audit_actor", "actor", "id"),
    sa.Index("ix_audit_action", "action", "id"),
    sa.Index("ix_audit_actor_action", "actor", "action", "id"),
    sa.Index("ix_audit_at", "at"),
)

# ---------------------------------------------------------------- all of them


def described() -> sa.MetaData:
    """Every table with the conditions of its indexes (see `partial`), for whoever makes or compares tables."""
    for index in (index for table in metadata.tables.values() for index in table.indexes):
        for dialect, condition in index.info.get("where", {}).items():
            index.dialect_kwargs[f"{dialect}_where"] = sa.text(condition)
    return metadata
