"""Merges and splits: two tools become one, and one becomes two again. Nothing is ever thrown away."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from core.errors import NotFound, Refused
from core.identifier import Identifier
from core.intent import Merge, SightingKey
from core.tool import Tool, ToolStatus
from store import tools
from store.connect import insert_for
from store.schema import comparison, duplicate, identifier, merge, sighting, tool, tool_slug


def apply(connection: Connection, decided: Merge, *, by: str, now: datetime) -> bool:
    """Give the loser's sightings and identifiers to the winner, let its addresses lead there, and take its
    comparisons out of sight.

    Returns False when there was nothing left to merge. The loser's seats and verdicts stay with its row: the
    merge can be undone.
    """
    found = tools.get(connection, [decided.winner, decided.loser])
    loser = found[decided.loser]
    if loser.status is ToolStatus.MERGED or found[decided.winner].status is ToolStatus.MERGED:
        return False
    moved = _move(connection, decided)
    values = {
        "winner": decided.winner,
        "loser": decided.loser,
        "loser_status": loser.status,
        "rule": decided.rule,
        "evidence": list(decided.evidence),
        "moved": moved,
        "by": by,
        "at": now,
    }
    connection.execute(sa.insert(merge).values(**values))
    merged = {"status": ToolStatus.MERGED, "merged_into": decided.winner, "version": tool.c.version + 1}
    connection.execute(sa.update(tool).where(tool.c.id == decided.loser).values(**merged))
    # What was merged into the loser before now leads to the winner in one step.
    connection.execute(sa.update(tool).where(tool.c.merged_into == decided.loser).values(merged_into=decided.winner))
    tools.bring_seats_along(connection, [decided.loser])
    retire_comparisons(connection, decided.loser)
    _answer(connection, decided.winner, decided.loser, answer="same", by=by, now=now)
    return True


def _move(connection: Connection, decided: Merge) -> dict[str, list[Any]]:
    ids = list(connection.scalars(sa.select(sighting.c.id).where(sighting.c.tool == decided.loser)))
    names = tools.identifiers_of(connection, [decided.loser]).get(decided.loser, frozenset())
    for table in (sighting, identifier):
        connection.execute(sa.update(table).where(table.c.tool == decided.loser).values(tool=decided.winner))
    return {"sightings": ids, "identifiers": sorted(map(str, names))}


def _answer(connection: Connection, one: int, other: int, *, answer: str, by: str, now: datetime) -> None:
    """Write down what was decided about a pair, asked or not, so that it is not asked again."""
    low, high = sorted((one, other))
    said = {"answer": answer, "answered_at": now, "answered_by": by}
    insert = insert_for(connection, duplicate).values(low=low, high=high, score=1.0, reasons=[], asked_at=now, **said)
    connection.execute(insert.on_conflict_do_update(index_elements=["low", "high"], set_=said))


def question(connection: Connection, at: int) -> tuple[int, int]:
    """The two tools of an open question. Raises NotFound."""
    row = connection.execute(sa.select(duplicate).where(duplicate.c.id == at)).one_or_none()
    if row is None or row.answer != "open":
        raise NotFound(f"There is no open question {at}.", mend="`verdicts duplicates list` shows them.")
    return row.low, row.high


def keep_apart(connection: Connection, one: int, other: int, *, by: str, now: datetime) -> None:
    """Declare two tools different: ingestion never joins them again, nor asks."""
    _answer(connection, one, other, answer="different", by=by, now=now)


def kept_apart(connection: Connection) -> list[tuple[int, int]]:
    """Every pair that an editor has declared different, smaller id first."""
    query = sa.select(duplicate.c.low, duplicate.c.high).where(duplicate.c.answer == "different")
    return [(row.low, row.high) for row in connection.execute(query)]


def split(connection: Connection, whole: Tool, keys: Sequence[SightingKey], *, by: str, now: datetime) -> int:
    """Take these sightings out of a tool, into the tool they came from when a merge had brought them, else into a
    new one. Returns its id. The two are kept apart from now on. Raises NotFound and Refused."""
    rows = [_sighting_of(connection, whole, key) for key in dict.fromkeys(keys)]
    if not rows:
        raise Refused(f"No sighting of {whole.slug} is named.", mend="Name those that belong to another tool.")
    rest = sa.select(sa.func.count()).where(sighting.c.tool == whole.id, sighting.c.id.not_in([r.id for r in rows]))
    if not connection.scalar(rest):
        raise Refused(f"That would leave {whole.slug} without any sighting.", mend="Leave at least one behind.")
    origin = {row.first_tool for row in rows} - {whole.id}
    moves = sa.update(sighting).where(sighting.c.id.in_([row.id for row in rows]))
    if len(origin) == 1:
        target = int(origin.pop())
        connection.execute(moves.values(tool=target))
        given = _revive(connection, target, {row.id for row in rows}, now=now)
    else:
        target, given = _found(connection, whole, rows[0], now), frozenset()
        # From here on they are its own: merged once more, they lead back to it.
        connection.execute(moves.values(tool=target, first_tool=target))
    _give_identifiers(connection, whole.id, target, given)
    tools.retract_facts(connection, whole.id, now=now)
    keep_apart(connection, whole.id, target, by=by, now=now)
    return target


def _sighting_of(connection: Connection, whole: Tool, key: SightingKey) -> Row[Any]:
    where = (sighting.c.source == key[0], sighting.c.external_id == key[1], sighting.c.tool == whole.id)
    row = connection.execute(sa.select(sighting).where(*where)).one_or_none()
    if row is None:
        raise NotFound(
            f"{whole.slug} has no sighting {key[0]}/{key[1]}.", mend=f"`verdicts tools show {whole.slug}` lists them."
        )
    return row


def _revive(connection: Connection, loser: int, back: Collection[int], *, now: datetime) -> frozenset[Identifier]:
    """Undo a tool's last merge. Returns the identifiers that this merge had moved, if all its sightings come back."""
    last = connection.execute(
        sa.select(merge).where(merge.c.loser == loser, merge.c.undone_at.is_(None)).order_by(merge.c.id.desc())
    ).first()
    status = last.loser_status if last else ToolStatus.KEPT
    alive = {"status": status, "merged_into": None, "version": tool.c.version + 1}
    connection.execute(sa.update(tool).where(tool.c.id == loser, tool.c.status == "merged").values(**alive))
    # A lens may have been added while it was away.
    tools.seat_queued(connection, [loser])
    tools.bring_seats_along(connection, [loser])
    if last is None:
        return frozenset()
    connection.execute(sa.update(merge).where(merge.c.id == last.id).values(undone_at=now))
    whole = set(last.moved["sightings"]) <= set(back)
    return frozenset(map(Identifier.parse, last.moved["identifiers"])) if whole else frozenset()


def _found(connection: Connection, whole: Tool, row: Row[Any], now: datetime) -> int:
    """A tool of its own, of the same standing as the whole; its texts come from the next assessment."""
    slug = tools.free_slug(connection, row.name)
    copied = sa.select(tool).where(tool.c.id == whole.id)
    values = dict(connection.execute(copied).mappings().one())
    del values["id"]
    values |= {"slug": slug, "name": row.name, "edited": [], "first_seen": row.first_seen, "version": 1}
    values |= {"status": ToolStatus.QUEUED, "merged_into": None, "panel_closed_at": None, "described_at": now}
    at = int(connection.execute(sa.insert(tool).values(**values).returning(tool.c.id)).scalar_one())
    connection.execute(sa.insert(tool_slug).values(slug=slug, tool=at))
    tools.set_status(connection, at, ToolStatus.QUEUED)
    return at


def _give_identifiers(connection: Connection, whole: int, part: int, given: frozenset[Identifier]) -> None:
    """The part takes those given, and each that its sightings name and the whole's remaining ones do not."""
    seen = tools.seen(connection, [whole, part])
    mine = {each for one in seen.get(part, ()) for each in one.sighting.identifiers}
    theirs = {each for one in seen.get(whole, ()) for each in one.sighting.identifiers}
    for each in sorted(given | (mine - theirs)):
        _hand_over(connection, each, part)


def _hand_over(connection: Connection, each: Identifier, part: int) -> None:
    insert = insert_for(connection, identifier).values(scheme=each.scheme, value=each.value, tool=part)
    connection.execute(insert.on_conflict_do_update(index_elements=["scheme", "value"], set_={"tool": part}))


def retire_comparisons(connection: Connection, at: int) -> int:
    """Take every comparison of a tool that is no longer one out of sight. Returns how many there are."""
    where = sa.or_(comparison.c.low == at, comparison.c.high == at)
    return connection.execute(sa.update(comparison).where(where).values(state="retired")).rowcount
