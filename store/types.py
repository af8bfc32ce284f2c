"""Column types that the two engines understand alike."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

# SQLite counts rows up by itself only in a column of type INTEGER.
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class Instant(sa.TypeDecorator[datetime]):
    """An aware instant, kept and returned in UTC. Refuses a naive one: its zone cannot be guessed."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Into the database: SQLite has no zones, so it gets the UTC clock time."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        instant = value.astimezone(UTC)
        return instant.replace(tzinfo=None) if dialect.name == "sqlite" else instant

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - signature of TypeDecorator
        """Out of the database: always aware, always UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def one_of(column: str, words: type[StrEnum]) -> sa.CheckConstraint:
    """The CHECK that a text column holds one of an enum's values."""
    return sa.CheckConstraint(f"{column} IN ({', '.join(repr(word.value) for word in words)})", name=column)
