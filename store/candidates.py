"""Candidates: tools that new sightings may show although they share no identifier, looked up by name.

Every sighting carries the keys of its name (core/names), indexed: a batch costs a fixed number of statements, and its
time does not grow with the number of tools, only with how many of them go by the batch's names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from core.identifier import Identifier, Scheme
from core.intent import Candidate
from core.names import keys_of
from core.sighting import Sighting, Thing
from store.connect import among, chunked, rows_of
from store.schema import identifier, sighting, tool

_PER_NAME, _PER_FAMILY = 90, 30
"""So many tools, the newest, are compared for one name or family: with what is mentioned at most 200 per sighting."""
_PER_TOOL = 30
"""So many sightings, the newest, speak for one tool: a repository may have a thousand releases."""
_NOT_MAKERS = (Thing.ARTICLE, Thing.RELEASE)


def resembling(connection: Connection, fresh: Sequence[Sighting], owners: Collection[int]) -> tuple[Candidate, ...]:
    """Tools with a sighting whose name or family is that of one of these new sightings, the owners of what they
    mention, and `owners`: the tools that their identifiers belong to. By tool."""
    if not fresh:
        return ()
    names, families = _keys(connection, fresh, owners)
    named = _called(connection, sighting.c.name_key, names, most=_PER_NAME)
    kin = _called(connection, sighting.c.family_key, families, most=_PER_FAMILY)
    # Nothing resembles a sighting that bears another name, so what is mentioned matters only where a name is known:
    # there it may be one of those beyond the newest. Most entries mention pages that nobody knows.
    met = [one for one in fresh if keys_of(one.name)[0] in named or keys_of(one.name)[1] in kin]
    speaking = fresh if owners else met
    tools = {*owners, *_owning(connection, speaking)}.union(*named.values(), *kin.values())
    return _profiles(connection, sorted(tools))


def _keys(connection: Connection, fresh: Iterable[Sighting], owners: Collection[int]) -> tuple[set[str], set[str]]:
    """Name and family keys of these sightings, and of the tools that they belong to."""
    pairs = {keys_of(one.name) for one in fresh}
    for part in chunked(sorted(owners)):
        query = sa.select(sighting.c.name_key, sighting.c.family_key).where(sighting.c.tool.in_(part)).distinct()
        pairs |= {(row.name_key, row.family_key) for row in connection.execute(query)}
    return {name for name, _ in pairs if name}, {family for _, family in pairs if family}


def _called(connection: Connection, key: sa.Column[Any], wanted: Collection[str], *, most: int) -> dict[str, set[int]]:
    """The newest tools under each of these keys."""
    place = sa.func.dense_rank().over(partition_by=key, order_by=sighting.c.tool.desc()).label("place")
    named = among(connection, key, list(wanted))
    ranked = sa.select(key.label("key"), sighting.c.tool, place).where(named).subquery()
    found: dict[str, set[int]] = defaultdict(set)
    for row in connection.execute(sa.select(ranked.c.key, ranked.c.tool).where(ranked.c.place <= most)):
        found[row.key].add(row.tool)
    return found


def _owning(connection: Connection, fresh: Iterable[Sighting]) -> set[int]:
    """The tools that these sightings mention."""
    return set(owners_of(connection, {each for one in fresh for each in one.mentions}).values())


def owners_of(connection: Connection, wanted: Collection[Identifier]) -> dict[Identifier, int]:
    """The tools that these identifiers belong to; those of nobody are left out."""
    if not wanted:
        return {}
    these = rows_of(connection, ("scheme", "value"), list(wanted))
    same = sa.and_(identifier.c.scheme == these.c.scheme, identifier.c.value == these.c.value)
    rows = connection.execute(sa.select(identifier).join(these, same))
    return {Identifier(Scheme(row.scheme), row.value): row.tool for row in rows}


def _profiles(connection: Connection, tools: Sequence[int]) -> tuple[Candidate, ...]:
    found: list[Candidate] = []
    for part in chunked(list(tools)):
        identifiers: dict[int, set[Identifier]] = defaultdict(set)
        for row in connection.execute(sa.select(identifier).where(identifier.c.tool.in_(part))):
            identifiers[row.tool].add(Identifier(Scheme(row.scheme), row.value))
        seen: dict[int, list[Row[Any]]] = defaultdict(list)
        for row in connection.execute(_newest_sightings(part)):
            seen[row.tool].append(row)
        columns: list[sa.Column[Any]] = [tool.c.id, tool.c.name, tool.c.tagline, tool.c.description]
        rows = connection.execute(sa.select(*columns).where(tool.c.id.in_(part)).order_by(tool.c.id))
        found += [_candidate(row, seen[row.id], frozenset(identifiers[row.id])) for row in rows]
    return tuple(found)


def _newest_sightings(tools: Sequence[int]) -> sa.Select[Any]:
    place = sa.func.row_number().over(partition_by=sighting.c.tool, order_by=sighting.c.id.desc()).label("place")
    columns = (sighting.c.tool, sighting.c.name, sighting.c.content, place)
    ranked = sa.select(*columns).where(sighting.c.tool.in_(tools)).subquery()
    return sa.select(ranked).where(ranked.c.place <= _PER_TOOL)


def _candidate(row: Row[Any], seen: Sequence[Row[Any]], identifiers: frozenset[Identifier]) -> Candidate:
    """`seen` are its sightings; what their content holds is read as it was stored, without checking it anew."""
    said = [each.content for each in seen]
    pages = [each.get("homepage") for each in said if each.get("thing") != Thing.ARTICLE]
    return Candidate(
        tool=row.id,
        names=tuple(sorted({row.name, *(each.name for each in seen)})),
        text=f"{row.tagline} {row.description}",
        owners=frozenset(each.get("author", "") for each in said if each.get("thing") not in _NOT_MAKERS),
        homepages=frozenset(page for page in pages if page),
        identifiers=identifiers,
        mentions=frozenset(
            Identifier(Scheme(name["scheme"]), name["value"]) for each in said for name in each.get("mentions", ())
        ),
    )
