"""Tools, their sightings, identifiers, facts and prices: what ingestion decided, carried out, and read back.

Everything here takes whole batches, because a source brings hundreds of entries at a time: a fixed number of
statements per batch, not per entry.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from itertools import count
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.engine import Connection, Row

from core.errors import NotFound, Refused
from core.fact import FIGURES, Confidence, Fact, Per, Price, Pricing, PricingModel
from core.identifier import Identifier, Scheme
from core.intent import Ask, Assessment, Known, KnownSighting, NewTool, SeenAgain, SightingKey, ToolRef
from core.names import keys_of
from core.panel import SeatState, VerdictState
from core.sighting import Seen, Sighting, Signal
from core.text import slugify
from core.tool import Priority, Reason, SightingRow, Tool, ToolDossier, ToolStatus
from store import bulk, candidates
from store.connect import among, chunked, insert_for, rows_of
from store.schema import (
    draft,
    duplicate,
    fact,
    identifier,
    lens,
    pricing,
    seat,
    sighting,
    signal,
    tool,
    tool_slug,
    verdict,
)

_SAMPLE = 1000
_DECIDING = 724_154  # the number of an advisory lock; any that nobody else uses
OF_PAGES = ("R3", "R5")
"""The rules by which a tool's own pages are read (ingest/pricing_page)."""
_OPEN = (ToolStatus.KEPT, ToolStatus.QUEUED)
_IN_QUEUE = (ToolStatus.QUEUED, ToolStatus.IN_REVIEW)


# ------------------------------------------------------------ what is known


def known(connection: Connection, sightings: Sequence[Sighting]) -> Known:
    """Everything the store knows of a batch before anything is decided (see core.intent.Known)."""
    _one_at_a_time(connection)
    tool_of = candidates.owners_of(connection, {each for one in sightings for each in one.identifiers})
    stored = _stored(connection, sightings)
    fresh = [one for one in sightings if (one.source, one.external_id) not in stored]
    owners = {tool_of[each] for one in fresh for each in one.identifiers if each in tool_of}
    alike = candidates.resembling(connection, fresh, owners)
    tools = sorted({*tool_of.values(), *(each.tool for each in stored.values())})
    return Known(
        tool_of=tool_of,
        identifiers_of=identifiers_of(connection, tools),
        sightings=stored,
        apart=_apart(connection, sorted({*tools, *(each.tool for each in alike)})),
        candidates=alike,
    )


def _one_at_a_time(connection: Connection) -> None:
    """Who decides what is new must see what the others have stored: two processes would make one tool twice. SQLite
    has but one writer; PostgreSQL waits here for the end of another's transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_DECIDING)))


def _stored(connection: Connection, sightings: Sequence[Sighting]) -> dict[SightingKey, KnownSighting]:
    columns = (sighting.c.source, sighting.c.external_id, sighting.c.tool, sighting.c.content_hash)
    return {
        (row.source, row.external_id): KnownSighting(tool=row.tool, content_hash=row.content_hash)
        for row in connection.execute(_of(connection, sightings, *columns))
    }


def _of(connection: Connection, wanted: Sequence[Sighting], *columns: sa.Column[Any]) -> sa.Select[Any]:
    """These columns of the rows of these sightings, as far as they are stored."""
    these = rows_of(connection, ("source", "external_id"), [(one.source, one.external_id) for one in wanted])
    same = sa.and_(sighting.c.source == these.c.source, sighting.c.external_id == these.c.external_id)
    return sa.select(*columns).join(these, same)


def identifiers_of(connection: Connection, tools: Sequence[int]) -> dict[int, frozenset[Identifier]]:
    """All identifiers of each of these tools."""
    found: dict[int, set[Identifier]] = defaultdict(set)
    for part in chunked(list(tools)):
        for row in connection.execute(sa.select(identifier).where(identifier.c.tool.in_(part))):
            found[row.tool].add(Identifier(Scheme(row.scheme), row.value))
    return {each: frozenset(values) for each, values in found.items()}


def _apart(connection: Connection, tools: Sequence[int]) -> frozenset[tuple[int, int]]:
    pairs: set[tuple[int, int]] = set()
    for part in chunked(list(tools)):
        query = sa.select(duplicate.c.low, duplicate.c.high).where(
            duplicate.c.answer == "different", sa.or_(duplicate.c.low.in_(part), duplicate.c.high.in_(part))
        )
        pairs |= {(row.low, row.high) for row in connection.execute(query)}
    return frozenset(pairs)


def samples(connection: Connection, source: str) -> dict[str, list[float]]:
    """The newest figures of each signal in one source, unsorted: what percentiles are taken from."""
    query = (
        sa.select(signal.c.name, signal.c.value)
        .join(sighting, sighting.c.id == signal.c.sighting)
        .where(sighting.c.source == source)
        .order_by(sighting.c.id.desc())
        .limit(_SAMPLE)
    )
    found: dict[str, list[float]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.name].append(row.value)
    return dict(found)


def seen(connection: Connection, tools: Sequence[int]) -> dict[int, tuple[Seen, ...]]:
    """All sightings of each of these tools, in the order in which they were first seen."""
    found: dict[int, list[Seen]] = defaultdict(list)
    for part in chunked(list(tools)):
        signals = _signals(connection, part)
        query = sa.select(sighting).where(sighting.c.tool.in_(part)).order_by(sighting.c.first_seen, sighting.c.id)
        for row in connection.execute(query):
            stored = _sightings().validate_python({**row.content, "signals": signals.get(row.id, ())})
            found[row.tool].append(Seen(sighting=stored, first_seen=row.first_seen, last_seen=row.last_seen))
    return {each: tuple(values) for each, values in found.items()}


def _signals(connection: Connection, tools: Sequence[int]) -> dict[int, list[Signal]]:
    query = (
        sa.select(signal.c.sighting, signal.c.name, signal.c.value)
        .join(sighting, sighting.c.id == signal.c.sighting)
        .where(sighting.c.tool.in_(tools))
        .order_by(signal.c.sighting, signal.c.name)
    )
    found: dict[int, list[Signal]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.sighting].append(Signal(name=row.name, value=row.value))
    return found


# ------------------------------------------------------------ what was decided


def add(connection: Connection, made: Sequence[tuple[NewTool, Assessment]], *, now: datetime) -> list[int]:
    """Make these tools with their sightings, identifiers, facts and prices; those for the queue get their seats.

    Returns the new tools' ids, in order.
    """
    if not made:
        return []
    slugs = _free_slugs(connection, [assessment.name for _, assessment in made])
    rows = [_tool_row(each, slug, now=now) for (_, each), slug in zip(made, slugs, strict=True)]
    # Rows in bulk, then their ids by what makes them unique: RETURNING in order costs SQLite a statement per row.
    bulk.insert(connection, tool, rows)
    ids = _ids_of(connection, slugs)
    bulk.insert(connection, tool_slug, [{"slug": s, "tool": i} for s, i in zip(slugs, ids, strict=True)])
    _attach(connection, [(one, at) for (new, _), at in zip(made, ids, strict=True) for one in new.sightings], now=now)
    _add_facts(connection, [(at, one) for at, (_, each) in zip(ids, made, strict=True) for one in each.facts])
    _add_prices(connection, [(at, each.pricing) for at, (_, each) in zip(ids, made, strict=True)])
    _seat(connection, [at for at, (_, each) in zip(ids, made, strict=True) if each.queue])
    return ids


def _ids_of(connection: Connection, slugs: Sequence[str]) -> list[int]:
    """The tools with these present slugs, in order."""
    rows = connection.execute(sa.select(tool.c.slug, tool.c.id).where(among(connection, tool.c.slug, list(slugs))))
    found = {row.slug: row.id for row in rows}
    return [found[slug] for slug in slugs]


def _tool_row(assessment: Assessment, slug: str, *, now: datetime) -> dict[str, Any]:
    return {
        **_words(assessment),
        "slug": slug,
        "described_at": now,
        "edited": [],
        "status": ToolStatus.QUEUED if assessment.queue else ToolStatus.KEPT,
        "first_seen": now,
    }


def _words(assessment: Assessment) -> dict[str, Any]:
    return {
        "name": assessment.name,
        "tagline": assessment.tagline,
        "description": assessment.description,
        "category": assessment.category,
        "tags": list(assessment.tags),
        "homepage": assessment.homepage,
        "priority": assessment.priority.score,
        "priority_reasons": [[each.words, each.points] for each in assessment.priority.reasons],
        "queue_reason": assessment.queue_reason,
    }


def _free_slugs(connection: Connection, names: Sequence[str]) -> list[str]:
    """A free slug for each name: the name's own, or `-2`, `-3` ... behind it, where that number is free."""
    wanted = [slugify(name) for name in names]
    taken = _taken(connection, wanted)
    numbers = {base: count(_free_number(connection, base)) for base in taken}
    chosen: list[str] = []
    for base in wanted:
        slug = base
        while slug in taken:
            slug = _numbered(base, next(numbers.setdefault(base, count(2))))
            if slug not in taken and _taken(connection, [slug]):
                taken.add(slug)
        taken.add(slug)
        chosen.append(slug)
    return chosen


def _numbered(base: str, number: int) -> str:
    return f"{base}-{number}"


def free_slug(connection: Connection, name: str) -> str:
    """A slug for a name that nobody has."""
    return _free_slugs(connection, [name])[0]


def _taken(connection: Connection, wanted: Sequence[str]) -> set[str]:
    """Slugs in use among these."""
    slug = tool_slug.c.slug
    return set(connection.scalars(sa.select(slug).where(among(connection, slug, list(wanted)))))


def _free_number(connection: Connection, base: str) -> int:
    """A number from 2 on with which this slug is free, the first one where no number was left out.

    Doubled and then halved, because a name such as `tool` may have a hundred thousand; and by equality alone, because
    what lies between `tool-` and `tool.` depends on the collation of a PostgreSQL database.
    """

    def is_taken(number: int) -> bool:
        return bool(_taken(connection, [_numbered(base, number)]))

    low, high = 1, 2
    while is_taken(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if is_taken(middle) else (low, middle)
    return high


def see_again(connection: Connection, seen_again: Sequence[SeenAgain], *, now: datetime) -> None:
    """Add sightings that are new to known tools, and refresh those that are not."""
    _attach(connection, [(each.sighting, each.tool) for each in seen_again if each.first], now=now)
    old = [each for each in seen_again if not each.first]
    _refresh(connection, [each.sighting for each in old if each.changed], now=now)
    _touch(connection, [each.sighting for each in old], now=now)
    _keep_identifiers(connection, [(each.sighting, each.tool) for each in old if each.changed])


def _attach(connection: Connection, pairs: Sequence[tuple[Sighting, int]], *, now: datetime) -> None:
    if not pairs:
        return
    rows = [_sighting_row(one, now=now) | {"tool": at, "first_tool": at, "first_seen": now} for one, at in pairs]
    bulk.insert(connection, sighting, rows)
    popular = [one for one, _ in pairs if one.signals]
    ids = _sighting_ids(connection, popular)
    _set_signals(connection, [(ids[one.source, one.external_id], one) for one in popular], now=now)
    _keep_identifiers(connection, pairs)


def _sighting_ids(connection: Connection, wanted: Sequence[Sighting]) -> dict[SightingKey, int]:
    """The ids of sightings that are stored."""
    if not wanted:
        return {}
    columns = (sighting.c.source, sighting.c.external_id, sighting.c.id)
    rows = connection.execute(_of(connection, wanted, *columns))
    return {(row.source, row.external_id): row.id for row in rows}


def _sighting_row(one: Sighting, *, now: datetime) -> dict[str, Any]:
    name_key, family_key = keys_of(one.name)
    return {
        "source": one.source,
        "external_id": one.external_id,
        "url": one.url,
        "name": one.name,
        "content": _content(one),
        "content_hash": one.content_hash,
        "last_seen": now,
        "name_key": name_key,
        "family_key": family_key,
    }


def _content(one: Sighting) -> dict[str, Any]:
    """A sighting as JSON holds it: what says something, its figures excepted. By hand, because this is done for every
    entry, and a general serialiser takes three times as long."""
    said = {name: getattr(one, name) for name in _ALWAYS}
    said |= {name: value for name in _SAID if (value := getattr(one, name))}
    if one.created_at is not None:
        said["created_at"] = one.created_at.isoformat()
    if one.tags:
        said["tags"] = list(one.tags)
    for name, named in (("identifiers", one.identifiers), ("mentions", one.mentions)):
        if named:
            said[name] = [{"scheme": each.scheme, "value": each.value} for each in named]
    if one.pricing is not None:
        said["pricing"] = _pricings().dump_python(one.pricing, mode="json", exclude_defaults=True)
    return said


_ALWAYS = ("source", "external_id", "url", "name", "thing")
_SAID = ("tagline", "summary", "author", "homepage", "category", "licence")


@cache
def _sightings() -> TypeAdapter[Sighting]:
    # On first use: a command that reads no tool need not wait for it.
    return TypeAdapter(Sighting)


@cache
def _pricings() -> TypeAdapter[Pricing]:
    return TypeAdapter(Pricing)


def _keep_identifiers(connection: Connection, pairs: Sequence[tuple[Sighting, int]]) -> None:
    """The first tool to claim an identifier keeps it; who else claims it is the matcher's question."""
    rows = {
        (each.scheme, each.value): {"scheme": each.scheme, "value": each.value, "tool": at}
        for one, at in reversed(pairs)
        for each in one.identifiers
    }
    if rows:
        unclaimed = insert_for(connection, identifier).on_conflict_do_nothing()
        bulk.insert(connection, identifier, list(rows.values()), statement=unclaimed)


def _refresh(connection: Connection, changed: Sequence[Sighting], *, now: datetime) -> None:
    for one in changed:
        row = _sighting_row(one, now=now)
        connection.execute(sa.update(sighting).where(_is(one)).values(**row))


def _touch(connection: Connection, again: Sequence[Sighting], *, now: datetime) -> None:
    if not again:
        return
    these = sighting.c.id.in_(_of(connection, again, sighting.c.id))
    connection.execute(sa.update(sighting).where(these).values(last_seen=now))
    popular = [one for one in again if one.signals]
    ids = _sighting_ids(connection, popular)
    _set_signals(connection, [(ids[one.source, one.external_id], one) for one in popular], now=now)


def _is(one: Sighting) -> sa.ColumnElement[bool]:
    return sa.and_(sighting.c.source == one.source, sighting.c.external_id == one.external_id)


def _set_signals(connection: Connection, pairs: Sequence[tuple[int, Sighting]], *, now: datetime) -> None:
    """Keep the newest figures; one that has not moved keeps the day on which it was observed."""
    rows = [
        {"sighting": at, "name": each.name, "value": each.value, "observed_at": now}
        for at, one in pairs
        for each in {each.name: each for each in one.signals}.values()
    ]
    if not rows:
        return
    insert = insert_for(connection, signal)
    newer = {"value": insert.excluded.value, "observed_at": insert.excluded.observed_at}
    moved = signal.c.value != insert.excluded.value
    connection.execute(insert.on_conflict_do_update(index_elements=["sighting", "name"], set_=newer, where=moved), rows)


def reassess(connection: Connection, assessments: Mapping[int, Assessment], *, now: datetime) -> None:
    """Bring known tools up to what their sightings now say.

    Texts follow the sightings only until the review begins, and never where an editor has set them. Facts and
    prices go on: what an editor has approved is kept beside the comparison. A tool that was kept out of the queue
    enters it when its sightings now speak for it.
    """
    ids = list(assessments)
    facts, prices = _current_facts(connection, ids), _current_prices(connection, ids)
    for part in chunked(ids):
        for row in connection.execute(sa.select(tool).where(tool.c.id.in_(part))).all():
            assessment = assessments[row.id]
            _update_words(connection, row, assessment, now=now)
            _keep_facts(connection, row.id, assessment.facts, current=facts.get(row.id, {}), now=now)
            _keep_price(connection, row.id, assessment.pricing, current=prices.get(row.id), now=now, by=None)


def _update_words(connection: Connection, row: Row[Any], assessment: Assessment, *, now: datetime) -> None:
    status = ToolStatus(row.status)
    words = _words(assessment)
    if status not in _OPEN:
        words = {name: words[name] for name in ("priority", "priority_reasons")}
    words = {name: value for name, value in words.items() if name not in row.edited and value != getattr(row, name)}
    if status is ToolStatus.KEPT and assessment.queue and "status" not in row.edited:
        words["status"] = ToolStatus.QUEUED
    if status is ToolStatus.QUEUED and "status" not in row.edited and _should_leave(connection, row.id, assessment):
        words["status"] = ToolStatus.KEPT
    if not words:
        return
    if "description" in words:
        words["described_at"] = now
    connection.execute(sa.update(tool).where(tool.c.id == row.id).values(**words, version=tool.c.version + 1))
    if words.get("status") is ToolStatus.QUEUED:
        _seat(connection, [row.id])
    if "status" in words or "priority" in words:
        bring_seats_along(connection, [row.id])


def _should_leave(connection: Connection, at: int, assessment: Assessment) -> bool:
    """Whether a tool would never have entered the queue had this been known at first: the order in which sources come must
    not matter. What only grew old while it waited stays, and so does what a reviewer has begun."""
    if assessment.queue or not assessment.was_old:
        return False
    begun = sa.select(seat.c.id).where(seat.c.tool == at, seat.c.state != SeatState.OPEN)
    drafted = sa.select(seat.c.id).join(draft, draft.c.seat == seat.c.id).where(seat.c.tool == at)
    return connection.execute(sa.union_all(begun, drafted).limit(1)).first() is None


def _seat(connection: Connection, tools: Sequence[int]) -> None:
    """One open seat per tool and active lens; seats that are there stay as they are."""
    other = seat.alias()
    there = sa.exists().where(other.c.tool == tool.c.id, other.c.lens == lens.c.key)
    said = (
        sa.select(sa.func.count())
        .select_from(verdict.join(other, other.c.id == verdict.c.seat))
        .where(other.c.tool == tool.c.id, verdict.c.state == VerdictState.SUBMITTED)
        .scalar_subquery()
    )
    waits = tool.c.status.in_(_IN_QUEUE)
    missing = sa.select(tool.c.id, lens.c.key, sa.literal("open"), said, tool.c.priority, waits).select_from(
        tool.join(lens, lens.c.active)
    )
    names = ["tool", "lens", "state", "panel_submitted", "priority", "waiting"]
    for part in chunked(list(tools)):
        # In a fixed order: of seats alike in all else the oldest comes first.
        these = missing.where(tool.c.id.in_(part), ~there).order_by(tool.c.id, lens.c.position)
        insert = insert_for(connection, seat).from_select(names, these)
        connection.execute(insert.on_conflict_do_nothing())


def bring_seats_along(connection: Connection, tools: Sequence[int]) -> None:
    """Copy to the seats of these tools what "which seat next" asks of a tool: whether it waits, and its priority."""
    mine = tool.c.id == seat.c.tool
    copies = {
        "waiting": sa.select(tool.c.status.in_(_IN_QUEUE)).where(mine).scalar_subquery(),
        "priority": sa.select(tool.c.priority).where(mine).scalar_subquery(),
    }
    for part in chunked(list(tools)):
        connection.execute(sa.update(seat).where(seat.c.tool.in_(part)).values(**copies))


def seat_queued(connection: Connection, tools: Sequence[int] | None = None) -> None:
    """Give every tool of the queue, or those of these that are in it, a seat for every active lens: after a lens was
    added, or a tool came back."""
    query = sa.select(tool.c.id).where(tool.c.status.in_(_IN_QUEUE))
    if tools is not None:
        query = query.where(tool.c.id.in_(tools))
    _seat(connection, list(connection.scalars(query)))


def ask(connection: Connection, questions: Sequence[Ask], *, now: datetime) -> int:
    """Put pairs before an editor; a pair that was asked about before is not asked again. Returns how many are new."""
    asked = 0
    for each in questions:
        low, high = sorted((_resolve(connection, each.one), _resolve(connection, each.other)))
        if low == high:
            continue
        insert = insert_for(connection, duplicate).values(
            low=low,
            high=high,
            score=each.score,
            reasons=[[reason.words, reason.points] for reason in each.reasons],
            asked_at=now,
        )
        # Counted by what comes back: PostgreSQL's rowcount of such an insert is -1.
        asked += len(connection.execute(insert.on_conflict_do_nothing().returning(duplicate.c.id)).all())
    return asked


def _resolve(connection: Connection, ref: ToolRef) -> int:
    if isinstance(ref, int):
        return ref
    query = sa.select(sighting.c.tool).where(sighting.c.source == ref[0], sighting.c.external_id == ref[1])
    return int(connection.execute(query).scalar_one())


# ------------------------------------------------------------ facts and prices


def _current_facts(connection: Connection, tools: Sequence[int]) -> dict[int, dict[tuple[str, str], Row[Any]]]:
    found: dict[int, dict[tuple[str, str], Row[Any]]] = defaultdict(dict)
    for part in chunked(list(tools)):
        for row in connection.execute(sa.select(fact).where(fact.c.tool.in_(part), fact.c.superseded_at.is_(None))):
            found[row.tool][row.field, row.source_url] = row
    return found


def _keep_facts(
    connection: Connection,
    at: int,
    facts: Sequence[Fact],
    *,
    current: Mapping[tuple[str, str], Row[Any]],
    now: datetime,
) -> None:
    """Add what is new; what says something else than before supersedes it, unless an editor has said it. A source that
    now is silent about a field takes nothing back."""
    newer = {(each.field, each.source_url): each for each in facts}
    free = [(current.get(key), each) for key, each in newer.items()]
    changed = [each for old, each in free if old is None or (old.by is None and old.value != each.value)]
    for each in changed:
        if (each.field, each.source_url) in current:
            where = (fact.c.tool == at, fact.c.field == each.field, fact.c.source_url == each.source_url)
            old = sa.and_(*where, fact.c.superseded_at.is_(None))
            # A figure's history would be a row per run, and nobody reads it.
            gone = sa.delete(fact) if each.field in FIGURES else sa.update(fact).values(superseded_at=now)
            connection.execute(gone.where(old))
    _add_facts(connection, [(at, each) for each in changed])


def _add_facts(connection: Connection, facts: Sequence[tuple[int, Fact]]) -> None:
    """Write down what is claimed from now on; none of it may stand against a current claim."""
    if not facts:
        return
    # The last word of an instant is the one that counts, also when a claim comes back that stood on that day before.
    insert = insert_for(connection, fact)
    said = {"value": insert.excluded.value, "superseded_at": None}
    same = ["tool", "field", "source_url", "observed_at"]
    rows = {(at, each.field, each.source_url): {"tool": at, **_fact_row(each)} for at, each in facts}
    connection.execute(insert.on_conflict_do_update(index_elements=same, set_=said), list(rows.values()))


def retract_facts(connection: Connection, at: int, *, now: datetime) -> None:
    """Supersede everything claimed of a tool, before an assessment claims anew what its sightings still say."""
    stands = sa.and_(fact.c.tool == at, fact.c.superseded_at.is_(None), fact.c.by.is_(None))
    connection.execute(sa.update(fact).where(stands).values(superseded_at=now))


def keep_fact(connection: Connection, at: int, each: Fact, *, by: str, now: datetime) -> None:
    """Let an editor's word stand for what a source says of a field: ingestion leaves it alone from now on. An empty
    value says that it is not so."""
    where = (fact.c.tool == at, fact.c.field == each.field, fact.c.source_url == each.source_url)
    connection.execute(sa.update(fact).where(*where, fact.c.superseded_at.is_(None)).values(superseded_at=now))
    insert = insert_for(connection, fact).values(tool=at, **_fact_row(each), by=by)
    said = {"value": each.value, "superseded_at": None, "by": by}
    same = ["tool", "field", "source_url", "observed_at"]
    connection.execute(insert.on_conflict_do_update(index_elements=same, set_=said))


def release_fact(connection: Connection, at: int, field: str, source_url: str) -> bool:
    """Take an editor's word about a field back: the next assessment says again what the source says. Returns whether
    there was one."""
    theirs = sa.and_(fact.c.tool == at, fact.c.field == field, fact.c.source_url == source_url, fact.c.by.is_not(None))
    return connection.execute(sa.delete(fact).where(theirs, fact.c.superseded_at.is_(None))).rowcount == 1


def facts_by_hand(connection: Connection, at: int) -> list[tuple[Fact, str]]:
    """What editors said of a tool, with who; those with an empty value say what is not so."""
    query = sa.select(fact).where(fact.c.tool == at, fact.c.superseded_at.is_(None), fact.c.by.is_not(None))
    return [(_fact(row), row.by) for row in connection.execute(query.order_by(fact.c.field, fact.c.source_url))]


def _fact(row: Row[Any]) -> Fact:
    return Fact(field=row.field, value=row.value, source_url=row.source_url, observed_at=row.observed_at)


def _fact_row(each: Fact) -> dict[str, Any]:
    return {
        "field": each.field,
        "value": each.value,
        "source_url": each.source_url,
        "observed_at": each.observed_at,
    }


def _add_prices(connection: Connection, prices: Sequence[tuple[int, Pricing]]) -> None:
    bulk.insert(connection, pricing, [_price_row(at, each, by=None) for at, each in prices if each != _UNSAID])


_UNSAID = Pricing(model=PricingModel.UNKNOWN)
"""What is read where nothing is said: a tool without a row. Most entries say nothing of a price."""


def keep_price(connection: Connection, at: int, read: Pricing, *, now: datetime, by: str | None = None) -> None:
    """Replace a tool's pricing read when it says something new. `by` names an editor; an editor's value stays
    until an editor replaces it."""
    _keep_price(connection, at, read, current=_current_prices(connection, [at]).get(at), now=now, by=by)


def _keep_price(
    connection: Connection, at: int, read: Pricing, *, current: Row[Any] | None, now: datetime, by: str | None
) -> None:
    if current is None and by is None and read == _UNSAID:
        return
    if current is not None:
        # An editor who confirms what was read makes it theirs.
        said = _same_claim(_pricing(current), read) and (by is None or current.by is not None)
        if said or (by is None and (current.by is not None or _weaker(read, current))):
            return
        connection.execute(sa.update(pricing).where(pricing.c.id == current.id).values(superseded_at=now))
    connection.execute(sa.insert(pricing).values(**_price_row(at, read, by=by)))


def _weaker(read: Pricing, current: Row[Any]) -> bool:
    """Whether the rule of a listing's read comes after the one by which the tool's own pages were read, it knows
    nothing where those were looked at, or it says less."""
    if read.model is PricingModel.OPEN_SOURCE and read.model == current.model and read.entry_price is None:
        return current.amount is not None  # the licence again; the price of a hosted plan was found beside it
    if current.rule not in OF_PAGES or read.rule in OF_PAGES:
        return False
    return read.model is PricingModel.UNKNOWN or (current.model != PricingModel.UNKNOWN and read.rule > current.rule)


def unpriced(connection: Connection, *, limit: int, since: datetime) -> list[Tool]:
    """Tools of the queue with a homepage whose price nobody knows, whose pages were not looked at since then; highest
    priority first."""
    looked = sa.and_(pricing.c.rule.in_(OF_PAGES), pricing.c.observed_at >= since)
    unknown = sa.and_(pricing.c.model == PricingModel.UNKNOWN, pricing.c.by.is_(None), sa.not_(looked))
    query = (
        sa.select(tool)
        .outerjoin(pricing, sa.and_(pricing.c.tool == tool.c.id, pricing.c.superseded_at.is_(None)))
        .where(tool.c.status == ToolStatus.QUEUED, tool.c.homepage.is_not(None))
        .where(sa.or_(pricing.c.id.is_(None), unknown))
        .order_by(tool.c.priority.desc(), tool.c.id)
        .limit(limit)
    )
    return [_tool(row) for row in connection.execute(query)]


def _current_prices(connection: Connection, tools: Sequence[int]) -> dict[int, Row[Any]]:
    found: dict[int, Row[Any]] = {}
    for part in chunked(list(tools)):
        query = sa.select(pricing).where(pricing.c.tool.in_(part), pricing.c.superseded_at.is_(None))
        found |= {row.tool: row for row in connection.execute(query)}
    return found


def _same_claim(one: Pricing, other: Pricing) -> bool:
    return (one.model, one.entry_price, one.flags, one.source_url) == (
        other.model,
        other.entry_price,
        other.flags,
        other.source_url,
    )


def _price_row(at: int, read: Pricing, *, by: str | None) -> dict[str, Any]:
    price = read.entry_price
    return {
        "tool": at,
        "model": read.model,
        "amount": str(price.amount) if price else None,
        "currency": price.currency if price else None,
        "per": price.per if price else None,
        "flags": list(read.flags),
        "source_url": read.source_url,
        "quote": read.quote,
        "rule": read.rule,
        "confidence": read.confidence,
        "observed_at": read.observed_at,
        "by": by,
    }


def _pricing(row: Row[Any] | None) -> Pricing:
    if row is None:
        return _UNSAID
    price = None
    if row.amount is not None:
        price = Price(amount=Decimal(row.amount), currency=row.currency, per=Per(row.per))
    return Pricing(
        model=PricingModel(row.model),
        entry_price=price,
        flags=tuple(row.flags),
        source_url=row.source_url,
        quote=row.quote,
        rule=row.rule,
        confidence=Confidence(row.confidence),
        observed_at=row.observed_at,
    )


# ------------------------------------------------------------ reading


def find(connection: Connection, slug: str) -> Tool:
    """The tool that a slug leads to: its present one, an old one, or that of a tool merged into it.

    Raises NotFound.
    """
    at = connection.scalar(sa.select(tool_slug.c.tool).where(tool_slug.c.slug == slug))
    if at is None:
        raise NotFound(f"There is no tool {slug!r}.", mend="`verdicts tools list` shows them.")
    found = get(connection, [at])[at]
    # A merge never ends in a merged tool, so one step is enough; the loop says it for chains made by hand.
    while found.merged_into is not None:
        found = get(connection, [found.merged_into])[found.merged_into]
    return found


def get(connection: Connection, ids: Sequence[int]) -> dict[int, Tool]:
    """These tools, by id."""
    found: dict[int, Tool] = {}
    for part in chunked(list(ids)):
        found |= {row.id: _tool(row) for row in connection.execute(sa.select(tool).where(tool.c.id.in_(part)))}
    return found


def listed(connection: Connection, *, status: ToolStatus | None = None, limit: int = 50) -> list[Tool]:
    """Tools by priority, highest first; merged ones only when asked for."""
    query = sa.select(tool).order_by(tool.c.priority.desc(), tool.c.id).limit(limit)
    query = query.where(tool.c.status == status) if status else query.where(tool.c.status != ToolStatus.MERGED)
    return [_tool(row) for row in connection.execute(query)]


def categories(connection: Connection) -> tuple[str, ...]:
    """Categories of the tools that readers get to see, in alphabetical order."""
    shown = (ToolStatus.REVIEWED, ToolStatus.PAIRED)
    query = sa.select(tool.c.category).where(tool.c.status.in_(shown)).distinct().order_by(tool.c.category)
    return tuple(connection.scalars(query))


def counts(connection: Connection) -> dict[str, int]:
    """How many tools stand where."""
    query = sa.select(tool.c.status, sa.func.count()).group_by(tool.c.status)
    return {row[0]: row[1] for row in connection.execute(query)}


def _tool(row: Row[Any]) -> Tool:
    return Tool(
        id=row.id,
        slug=row.slug,
        name=row.name,
        tagline=row.tagline,
        description=row.description,
        described_at=row.described_at,
        category=row.category,
        tags=tuple(row.tags),
        homepage=row.homepage,
        status=ToolStatus(row.status),
        merged_into=row.merged_into,
        priority=Priority(
            score=row.priority,
            reasons=tuple(Reason(words=words, points=points) for words, points in row.priority_reasons),
        ),
        first_seen=row.first_seen,
        version=row.version,
        queue_reason=row.queue_reason,
    )


def dossier(connection: Connection, found: Tool) -> ToolDossier:
    """A tool with everything that is known of it, verdicts excepted."""
    return dossiers(connection, [found])[found.id]


def dossiers(connection: Connection, tools: Sequence[Tool]) -> dict[int, ToolDossier]:
    """The same for many, with a fixed number of statements."""
    ids = [each.id for each in tools]
    identifiers = identifiers_of(connection, ids)
    sightings = _sighting_rows(connection, ids)
    facts = _facts(connection, ids)
    prices = _current_prices(connection, ids)
    return {
        each.id: ToolDossier(
            tool=each,
            identifiers=tuple(sorted(identifiers.get(each.id, ()))),
            sightings=tuple(sightings.get(each.id, ())),
            facts=tuple(facts.get(each.id, ())),
            pricing=_pricing(prices.get(each.id)),
        )
        for each in tools
    }


def _sighting_rows(connection: Connection, tools: Sequence[int]) -> dict[int, list[SightingRow]]:
    found: dict[int, list[SightingRow]] = defaultdict(list)
    for part in chunked(list(tools)):
        query = sa.select(sighting).where(sighting.c.tool.in_(part)).order_by(sighting.c.first_seen, sighting.c.id)
        for row in connection.execute(query):
            found[row.tool].append(
                SightingRow(
                    source=row.source,
                    external_id=row.external_id,
                    url=row.url,
                    title=row.name,
                    first_seen=row.first_seen,
                    last_seen=row.last_seen,
                )
            )
    return found


def _facts(connection: Connection, tools: Sequence[int]) -> dict[int, list[Fact]]:
    found: dict[int, list[Fact]] = defaultdict(list)
    for part in chunked(list(tools)):
        query = sa.select(fact).where(fact.c.tool.in_(part), fact.c.superseded_at.is_(None), fact.c.value != "")
        for row in connection.execute(query.order_by(fact.c.field, fact.c.source_url)):
            found[row.tool].append(_fact(row))
    return found


# ------------------------------------------------------------ editors


def edit(connection: Connection, found: Tool, changes: Mapping[str, Any], *, now: datetime) -> None:
    """Set fields by hand (name, tagline, description, category, slug). Ingestion leaves them alone from now on.

    Raises Refused for a slug that leads to another tool.
    """
    row = connection.execute(sa.select(tool).where(tool.c.id == found.id)).one()
    values = {name: value for name, value in changes.items() if value != getattr(row, name)}
    if not values:
        return
    if "slug" in values:
        _take_slug(connection, found.id, values["slug"])
    if "description" in values:
        values["described_at"] = now
    edited = sorted({*row.edited, *changes})
    changed = sa.update(tool).where(tool.c.id == found.id)
    connection.execute(changed.values(**values, edited=edited, version=tool.c.version + 1))


def _take_slug(connection: Connection, at: int, slug: str) -> None:
    """Let an address lead to this tool. Raises Refused when it leads, or has ever led, to another."""
    connection.execute(insert_for(connection, tool_slug).values(slug=slug, tool=at).on_conflict_do_nothing())
    holder = connection.scalar(sa.select(tool_slug.c.tool).where(tool_slug.c.slug == slug))
    if holder != at:
        raise Refused(f"The address {slug} leads to another tool.", mend="Choose another one.")


def set_status(connection: Connection, at: int, status: ToolStatus, *, by_hand: bool = False) -> None:
    """Move a tool on. `by_hand` tells ingestion to leave the status alone."""
    values: dict[str, Any] = {"status": status, "version": tool.c.version + 1}
    if by_hand:
        edited = connection.scalar(sa.select(tool.c.edited).where(tool.c.id == at)) or []
        values["edited"] = sorted({*edited, "status"})
    connection.execute(sa.update(tool).where(tool.c.id == at).values(**values))
    if status is ToolStatus.QUEUED:
        _seat(connection, [at])
    bring_seats_along(connection, [at])


def by_identifier(connection: Connection, wanted: Identifier) -> Tool | None:
    """The tool that an identifier names."""
    at = candidates.owners_of(connection, [wanted]).get(wanted)
    return None if at is None else get(connection, [at])[at]
