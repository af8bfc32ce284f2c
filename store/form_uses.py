"""How often forms are used: counters in the database, so that a limit holds over every process."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from store.connect import insert_for
from store.schema import form_use


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)


def uses(connection: Connection, *, form: str, who: str, now: datetime) -> int:
    """How often somebody has used a form in the present hour."""
    query = sa.select(form_use.c.uses).where(
        form_use.c.form == form, form_use.c.who == who, form_use.c.hour == _hour(now)
    )
    return connection.scalar(query) or 0


def count(connection: Connection, *, form: str, who: str, now: datetime) -> None:
    """Count one use."""
    insert = insert_for(connection, form_use).values(form=form, who=who, hour=_hour(now), uses=1)
    again = insert.on_conflict_do_update(index_elements=["form", "who", "hour"], set_={"uses": form_use.c.uses + 1})
    connection.execute(again)


def forget(connection: Connection, *, before: datetime) -> int:
    """Drop the counters of hours before this instant. Returns how many."""
    return connection.execute(sa.delete(form_use).where(form_use.c.hour < _hour(before))).rowcount
