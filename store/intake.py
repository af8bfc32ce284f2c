"""The tables of sources and their runs, and what all tables have in common.

Apart from store/schema because a run in which nothing is new, as most are, needs these two alone: the others and their
values are a tenth of a second of its start. Rules as there.
"""

from __future__ import annotations

import sqlalchemy as sa

from core.source import Outcome, SourceState
from store.types import Id, Instant, one_of

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def check(condition: str, *, name: str) -> sa.CheckConstraint:
    """A CHECK of a table."""
    return sa.CheckConstraint(condition, name=name)


def partial(name: str, *columns: str, where: str, on_postgresql: str | None = None, unique: bool = False) -> sa.Index:
    """An index of some rows; `on_postgresql`: how PostgreSQL puts the condition, when not alike.

    The condition is kept aside until `schema.described`: an index that is told at once loads both dialects, a twentieth of every
    start, and queries need none.
    """
    conditions = {"sqlite": where, "postgresql": on_postgresql or where}
    return sa.Index(name, *columns, unique=unique, info={"where": conditions})


source = sa.Table(
    "source",
    metadata,
    # What sources.toml says, copied at every run so that pages can show it without the file.
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("schedule", sa.Text, nullable=False),
    sa.Column("enabled", sa.Boolean, nullable=False),
    # What became of it.
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("cursor", sa.JSON, nullable=False),  # validators per slot and the adapter's marks
    sa.Column("last_success", Instant),  # null: never read
    sa.Column("last_error", sa.Text),  # null: the last run was read
    sa.Column("failing_since", Instant),  # null: the last run was read
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),  # in a row
    sa.Column("next_due", Instant),  # null: never asked; set before the fetch, so that a crash cannot hammer a host
    sa.Column("not_before", Instant),  # the host asked us to wait until then
    sa.Column("moved_to", sa.Text),  # where a permanent redirect led
    sa.Column("budget_left", sa.Integer),  # requests that the host still grants; null: it does not say
    one_of("state", SourceState),
    check("(last_error IS NULL) = (failing_since IS NULL)", name="failing"),
)

fetch = sa.Table(
    "fetch",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("source", sa.Text, sa.ForeignKey("source.key"), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("http_status", sa.Integer),  # null: no answer at all
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("entries", sa.Integer, nullable=False),
    sa.Column("new", sa.Integer, nullable=False),
    sa.Column("changed", sa.Integer, nullable=False),
    sa.Column("new_tools", sa.Integer, nullable=False),
    sa.Column("merged", sa.Integer, nullable=False),
    sa.Column("bad", sa.Integer, nullable=False),
    sa.Column("left_out", sa.JSON, nullable=False),  # reason -> count
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("error", sa.Text),
    one_of("outcome", Outcome),
    sa.Index("ix_fetch_source_at", "source", "at"),
    # Runs that showed something: the last one of a source that is quiet for months.
    partial("ix_fetch_filled", "source", "at", where="entries > 0"),
)
