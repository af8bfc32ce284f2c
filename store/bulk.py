"""Rows in bulk: a thousand of one shape in one go, at half of what the general way takes.

What SQLAlchemy does for each row and column (names, defaults, types) is done here once per statement and column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql.compiler import SQLCompiler


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
    columns = [_stored(table.c[name].type, [row[name] for row in rows], dialect) for name in order]
    _execute(connection, compiled, order, columns)


def update(connection: Connection, statement: sa.Update, rows: Sequence[Mapping[str, Any]]) -> None:
    """Run an UPDATE once for each row, whose keys are the names of its parameters."""
    if not rows:
        return
    dialect = connection.dialect
    compiled = statement.compile(dialect=dialect)
    same, order = compiled.params, compiled.positiontup or list(compiled.params)
    given = [[row[name] for row in rows] if name in rows[0] else [same[name]] * len(rows) for name in order]
    types = (compiled.binds[name].type for name in order)
    columns = [_stored(of, values, dialect) for of, values in zip(types, given, strict=True)]
    _execute(connection, compiled, order, columns)


def _execute(connection: Connection, compiled: SQLCompiler, names: list[str], columns: list[list[Any]]) -> None:
    values = list(zip(*columns, strict=True))
    if compiled.positional:
        connection.exec_driver_sql(str(compiled), values)
    else:
        connection.exec_driver_sql(str(compiled), [dict(zip(names, each, strict=True)) for each in values])


def _stored(of: sa.types.TypeEngine[Any], values: list[Any], dialect: sa.Dialect) -> list[Any]:
    """A column's values as the driver takes them. An instant that stands in every row is written once."""
    process: Callable[[Any], Any] | None = of.dialect_impl(dialect).bind_processor(dialect)
    if process is None:
        return values
    if all(value is values[0] for value in values):
        return [process(values[0])] * len(values)
    return [process(value) for value in values]
