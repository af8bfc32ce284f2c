"""Names that can be compared: every sighting carries the keys of its name, indexed."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from core.names import keys_of

revision = "0005"
down_revision = "0004"

_KEYS = ("name_key", "family_key")
_GONE = ("pypi", "npm")  # schemes that are no more: such pages are identified by their address
_ROWS = 1_000
_SIGHTING = sa.table(
    "sighting", *map(sa.column, ("id", "name", "name_key", "family_key")), sa.column("content", sa.JSON())
)
_IDENTIFIER = sa.table("identifier", *map(sa.column, ("scheme", "value", "tool")))
_MERGE = sa.table("merge", sa.column("id"), sa.column("moved", sa.JSON()))


def upgrade() -> None:
    """Add the keys, and write them for every sighting that is there."""
    for key in _KEYS:
        op.add_column("sighting", sa.Column(key, sa.Text(), server_default="", nullable=False))
    _fill(op.get_bind())
    for key in _KEYS:
        op.create_index(f"ix_sighting_{key}", "sighting", [key, "tool"], unique=False)


def _fill(connection: Any) -> None:
    last = 0
    page = sa.select(_SIGHTING).order_by(_SIGHTING.c.id).limit(_ROWS)
    changed = sa.update(_SIGHTING).where(_SIGHTING.c.id == sa.bindparam("at"))
    written = changed.values({each: sa.bindparam(each) for each in (*_KEYS, "content")})
    while rows := connection.execute(page.where(_SIGHTING.c.id > last)).all():
        pairs = [(row, keys_of(row.name)) for row in rows]
        connection.execute(
            written,
            [
                {"at": row.id, "name_key": name, "family_key": family, "content": _without_gone(row.content)}
                for row, (name, family) in pairs
            ],
        )
        last = rows[-1].id
    connection.execute(sa.delete(_IDENTIFIER).where(_IDENTIFIER.c.scheme.in_(_GONE)))
    for row in connection.execute(sa.select(_MERGE)).all():
        kept = [name for name in row.moved["identifiers"] if name.partition(":")[0] not in _GONE]
        if kept != row.moved["identifiers"]:
            moved = {**row.moved, "identifiers": kept}
            connection.execute(sa.update(_MERGE).where(_MERGE.c.id == row.id).values(moved=moved))


def _without_gone(content: dict[str, Any]) -> dict[str, Any]:
    kept = dict(content)
    for field in ("identifiers", "mentions"):
        if field in kept:
            kept[field] = [name for name in kept[field] if name["scheme"] not in _GONE]
    return kept


def downgrade() -> None:
    """Take them away again."""
    for key in _KEYS:
        op.drop_index(f"ix_sighting_{key}", table_name="sighting")
    for key in _KEYS:
        op.drop_column("sighting", key)
