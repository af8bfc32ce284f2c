"""Shelves for readers, their corrections, the limits of forms, and what a vote needs to be trusted."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from store.types import Id, Instant

revision = "0004"
down_revision = "0003"

_WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_ASIDE = sa.text("state = 'set_aside'")
_COMPARISON = sa.table(
    "comparison", sa.column("id"), sa.column("approved_view", sa.JSON()), sa.column("approved_at", Instant())
)
_SHELF = sa.table("shelf", sa.column("comparison"), sa.column("category"), sa.column("approved_at", Instant()))
_EXHIBIT = sa.table(
    "exhibit", *map(sa.column, ("tool", "comparison", "category", "name")), sa.column("approved_at", Instant())
)
_SAID = sa.table(
    "said",
    *map(sa.column, ("tool", "lens", "comparison", "category", "decision", "quote")),
    sa.column("submitted_at", Instant()),
    sa.column("approved_at", Instant()),
)
_WORDS = sa.table("search_word", sa.column("word"), sa.column("comparison"))
_TABLES = ("search_word", "verdict_change", "said", "exhibit", "shelf", "correction", "form_use")


def upgrade() -> None:
    """Add what is new, and fill the shelves from the views that were approved."""
    _votes()
    _forms()
    _shelves()
    _fill(op.get_bind())


def _votes() -> None:
    op.add_column("vote", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.add_column("vote", sa.Column("network", sa.Text(), nullable=True))
    op.add_column("vote", sa.Column("decided_at", Instant(), nullable=True))
    op.create_index("ix_vote_network", "vote", ["comparison", "network", "at"], unique=False)
    op.create_index("ix_vote_set_aside", "vote", ["at"], unique=False, sqlite_where=_ASIDE, postgresql_where=_ASIDE)


def _forms() -> None:
    op.create_table(
        "form_use",
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("hour", Instant(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("form", "who", "hour", name=op.f("pk_form_use")),
    )
    op.create_index("ix_form_use_hour", "form_use", ["hour"], unique=False)
    op.create_table(
        "correction",
        sa.Column("id", Id, nullable=False),
        sa.Column("comparison", Id, nullable=True),
        sa.Column("tool", Id, nullable=True),
        sa.Column("claim", sa.Text(), nullable=False),
        sa.Column("source_url", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'accepted', 'rejected')", name=op.f("ck_correction_state")),
        sa.CheckConstraint("(comparison IS NULL) <> (tool IS NULL)", name=op.f("ck_correction_about")),
        sa.CheckConstraint("(state = 'open') = (decided_at IS NULL)", name=op.f("ck_correction_decided")),
        sa.CheckConstraint("state <> 'accepted' OR note <> ''", name=op.f("ck_correction_note")),
        sa.ForeignKeyConstraint(["comparison"], ["comparison.id"], name=op.f("fk_correction_comparison")),
        sa.ForeignKeyConstraint(["tool"], ["tool.id"], name=op.f("fk_correction_tool")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
    )
    op.create_index("ix_correction_state", "correction", ["state", "decided_at"], unique=False)
    op.create_index("ix_correction_comparison", "correction", ["comparison"], unique=False)
    op.create_index("ix_correction_tool", "correction", ["tool"], unique=False)


def _shelves() -> None:
    op.create_table(
        "shelf",
        sa.Column("comparison", Id, nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("approved_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["comparison"], ["comparison.id"], name=op.f("fk_shelf_comparison")),
        sa.PrimaryKeyConstraint("comparison", "category", name=op.f("pk_shelf")),
    )
    op.create_index("ix_shelf_category", "shelf", ["category", "approved_at", "comparison"], unique=False)
    op.create_table(
        "exhibit",
        sa.Column("tool", Id, nullable=False),
        sa.Column("comparison", Id, nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("approved_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["comparison"], ["comparison.id"], name=op.f("fk_exhibit_comparison")),
        sa.ForeignKeyConstraint(["tool"], ["tool.id"], name=op.f("fk_exhibit_tool")),
        sa.PrimaryKeyConstraint("tool", name=op.f("pk_exhibit")),
    )
    op.create_index(op.f("ix_exhibit_comparison"), "exhibit", ["comparison"], unique=False)
    op.create_table(
        "said",
        sa.Column("tool", Id, nullable=False),
        sa.Column("lens", sa.Text(), nullable=False),
        sa.Column("comparison", Id, nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.Column("submitted_at", Instant(), nullable=False),
        sa.Column("approved_at", Instant(), nullable=False),
        sa.CheckConstraint("decision IN ('ship', 'skip')", name=op.f("ck_said_decision")),
        sa.ForeignKeyConstraint(["comparison"], ["comparison.id"], name=op.f("fk_said_comparison")),
        sa.ForeignKeyConstraint(["tool"], ["tool.id"], name=op.f("fk_said_tool")),
        sa.PrimaryKeyConstraint("tool", "lens", name=op.f("pk_said")),
    )
    op.create_index(op.f("ix_said_comparison"), "said", ["comparison"], unique=False)
    op.create_index("ix_said_lens_newest", "said", ["lens", "approved_at", "tool"], unique=False)
    op.create_table(
        "verdict_change",
        sa.Column("id", Id, nullable=False),
        sa.Column("tool", Id, nullable=False),
        sa.Column("lens", sa.Text(), nullable=False),
        sa.Column("lens_name", sa.Text(), nullable=False),
        sa.Column("comparison", Id, nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.Column("submitted_at", Instant(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["comparison"], ["comparison.id"], name=op.f("fk_verdict_change_comparison")),
        sa.ForeignKeyConstraint(["tool"], ["tool.id"], name=op.f("fk_verdict_change_tool")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verdict_change")),
    )
    op.create_index(op.f("ix_verdict_change_comparison"), "verdict_change", ["comparison"], unique=False)
    op.create_index(op.f("ix_verdict_change_tool"), "verdict_change", ["tool"], unique=False)
    op.create_table(
        "search_word",
        sa.Column("word", _WORD, nullable=False),
        sa.Column("comparison", Id, nullable=False),
        sa.ForeignKeyConstraint(["comparison"], ["comparison.id"], name=op.f("fk_search_word_comparison")),
        sa.PrimaryKeyConstraint("word", "comparison", name=op.f("pk_search_word")),
    )
    op.create_index(op.f("ix_search_word_comparison"), "search_word", ["comparison"], unique=False)


# ------------------------------------------------------------ what was approved before there were shelves


def _fill(connection: Any) -> None:
    """Each approved view, the oldest approval first, so that the newest has the last word."""
    slugs = dict(connection.execute(sa.text("SELECT slug, tool FROM tool_slug")).all())
    exhibits: dict[int, dict[str, Any]] = {}
    verdicts: dict[tuple[int, str], dict[str, Any]] = {}
    approved = sa.select(_COMPARISON).where(_COMPARISON.c.approved_view.is_not(None))
    for at, view, approved_at in connection.execute(approved.order_by(_COMPARISON.c.approved_at)).all():
        base = {"comparison": at, "approved_at": approved_at}
        both = [view["a"], view["b"]]
        rows = [{**base, "category": each} for each in {side["category"] for side in both}]
        connection.execute(sa.insert(_SHELF), rows)
        words = {
            word for side in both for text in (side["name"], side["tagline"], side["category"]) for word in _words(text)
        }
        if words:
            connection.execute(sa.insert(_WORDS), [{"word": w, "comparison": at} for w in sorted(words)])
        for letter in "ab":
            side, tool = view[letter], slugs[view[letter]["slug"]]
            exhibits[tool] = {**base, "tool": tool, "category": side["category"], "name": side["name"]}
            for row in view["rows"]:
                if row[letter]:
                    verdicts[tool, row["lens"]] = (
                        _said(row, letter) | base | {"tool": tool, "category": side["category"]}
                    )
    for table, found in ((_EXHIBIT, exhibits), (_SAID, verdicts)):
        if found:
            connection.execute(sa.insert(table), list(found.values()))


def _said(row: dict[str, Any], letter: str) -> dict[str, Any]:
    cell = row[letter]
    said_at = datetime.fromisoformat(cell["submitted_at"])
    return {"lens": row["lens"], "decision": cell["decision"], "quote": cell["quote"], "submitted_at": said_at}


def _words(text: str) -> set[str]:
    folded = unicodedata.normalize("NFKD", text[:2000]).casefold()
    return {word[:40] for word in re.findall(r"\w+", "".join(c for c in folded if not unicodedata.combining(c)))}


def downgrade() -> None:
    """Take it away again."""
    for name in _TABLES:
        op.drop_table(name)
    op.drop_index("ix_vote_set_aside", table_name="vote")
    op.drop_index("ix_vote_network", table_name="vote")
    for column in ("decided_at", "network", "version"):
        op.drop_column("vote", column)
