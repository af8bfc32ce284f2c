"""Worklists: what editors walk at the desk, page by page. Each list is one walk of an index, however long it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from core.comparison import ComparisonState
from core.edition import EditionState
from core.errors import NotFound
from core.tool import Reason, ToolStatus
from core.week import Week
from store.audit import Entry
from store.comparisons import approver
from store.connect import chunked
from store.intake import source
from store.schema import (
    audit,
    comparison,
    duplicate,
    edition,
    edition_comparison,
    merge,
    person,
    proposal,
    sighting,
    suggestion,
    tool,
    tool_slug,
)

_WINDOW = 1000
"""So many rows of an index are looked at for one page when a second filter leaves rows out; the next page goes on."""


# ------------------------------------------------------------ same tool?


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A "same tool?" question with the tools as they stand today: who was merged stands under who took it in."""

    id: int
    low: int
    high: int
    a: int
    b: int
    a_slug: str
    b_slug: str
    a_name: str
    b_name: str
    score: float
    reasons: tuple[Reason, ...]
    answer: str
    answered_by: str | None
    answered_at: datetime | None


_ONE, _OTHER = tool.alias("one"), tool.alias("other")
_A, _B = (sa.func.coalesce(each.c.merged_into, each.c.id) for each in (_ONE, _OTHER))
_NOW_A, _NOW_B = tool.alias("now_a"), tool.alias("now_b")
_QUESTIONS = (
    sa.select(
        duplicate,
        _NOW_A.c.id.label("a"),
        _NOW_B.c.id.label("b"),
        _NOW_A.c.slug.label("a_slug"),
        _NOW_B.c.slug.label("b_slug"),
        _NOW_A.c.name.label("a_name"),
        _NOW_B.c.name.label("b_name"),
    )
    .join(_ONE, _ONE.c.id == duplicate.c.low)
    .join(_OTHER, _OTHER.c.id == duplicate.c.high)
    .join(_NOW_A, _NOW_A.c.id == _A)
    .join(_NOW_B, _NOW_B.c.id == _B)
)


def questions(connection: Connection, *, limit: int, after: tuple[float, int] | None = None) -> list[Question]:
    """Open questions about two tools that still are two, the surest first; `after` is score and number of the last."""
    query = _QUESTIONS.where(duplicate.c.answer == "open", _A != _B)
    if after is not None:
        query = query.where(sa.tuple_(duplicate.c.score, duplicate.c.id) < sa.tuple_(*map(sa.literal, after)))
    query = query.order_by(duplicate.c.score.desc(), duplicate.c.id.desc()).limit(limit)
    return [_question(row) for row in connection.execute(query)]


def question(connection: Connection, at: int) -> Question:
    """One question, answered or not. Raises NotFound."""
    row = connection.execute(_QUESTIONS.where(duplicate.c.id == at)).one_or_none()
    if row is None:
        raise NotFound(f"There is no question {at}.", mend="`verdicts duplicates list` shows those that are open.")
    return _question(row)


def questions_of(connection: Connection, numbers: Sequence[int]) -> list[Question]:
    """These questions, in the order given."""
    parts = (connection.execute(_QUESTIONS.where(duplicate.c.id.in_(part))) for part in chunked(list(numbers)))
    rows = {row.id: row for found in parts for row in found}
    return [_question(rows[each]) for each in dict.fromkeys(numbers) if each in rows]


def question_about(connection: Connection, one: int, other: int) -> int | None:
    """The number of the question about these two, None when nobody asked."""
    low, high = sorted((one, other))
    found: int | None = connection.scalar(
        sa.select(duplicate.c.id).where(duplicate.c.low == low, duplicate.c.high == high)
    )
    return found


def _question(row: Row[Any]) -> Question:
    return Question(
        id=row.id,
        low=row.low,
        high=row.high,
        a=row.a,
        b=row.b,
        a_slug=row.a_slug,
        b_slug=row.b_slug,
        a_name=row.a_name,
        b_name=row.b_name,
        score=row.score,
        reasons=tuple(Reason(words=words, points=points) for words, points in row.reasons),
        answer=row.answer,
        answered_by=row.answered_by,
        answered_at=row.answered_at,
    )


def reopen(connection: Connection, one: int, other: int) -> None:
    """Ask again about two tools; what nobody had asked (there is no reason) is forgotten instead."""
    low, high = sorted((one, other))
    these = sa.and_(duplicate.c.low == low, duplicate.c.high == high)
    opened = {"answer": "open", "answered_at": None, "answered_by": None}
    reasons = connection.scalar(sa.select(duplicate.c.reasons).where(these))
    change = sa.update(duplicate).values(**opened) if reasons else sa.delete(duplicate)
    connection.execute(change.where(these))


# ------------------------------------------------------------ merges that can be undone


def live_comparisons(connection: Connection, at: int) -> list[list[Any]]:
    """The comparisons of a tool that are not retired, each with its state."""
    query = sa.select(comparison.c.id, comparison.c.state).where(
        sa.or_(comparison.c.low == at, comparison.c.high == at), comparison.c.state != ComparisonState.RETIRED
    )
    return [[row.id, row.state] for row in connection.execute(query.order_by(comparison.c.id))]


def remember_comparisons(connection: Connection, loser: int, states: Sequence[Sequence[Any]]) -> None:
    """Keep with a tool's last merge what its comparisons were, so that undoing it can put them back."""
    row = connection.execute(_last_merge(loser)).one()
    moved = {**row.moved, "comparisons": [list(each) for each in states]}
    connection.execute(sa.update(merge).where(merge.c.id == row.id).values(moved=moved))


def _last_merge(loser: int) -> sa.Select[Any]:
    return (
        sa.select(merge).where(merge.c.loser == loser, merge.c.undone_at.is_(None)).order_by(merge.c.id.desc()).limit(1)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """A merge that stands: which tool went into which, the sightings it moved that are still there, and the states
    that the loser's comparisons had."""

    winner: int
    loser: int
    sightings: tuple[tuple[str, str], ...]
    comparisons: tuple[tuple[int, str], ...]


def merged(connection: Connection, loser: int) -> Merged:
    """The last merge of a tool. Raises NotFound when none stands."""
    row = connection.execute(_last_merge(loser)).one_or_none()
    if row is None:
        raise NotFound("That merge has been undone already.", mend="Look at the tool's page.")
    keys: list[tuple[str, str]] = []
    for part in chunked(list(row.moved["sightings"])):
        query = sa.select(sighting.c.source, sighting.c.external_id).where(
            sighting.c.id.in_(part), sighting.c.tool == row.winner
        )
        keys += [(each.source, each.external_id) for each in connection.execute(query.order_by(sighting.c.id))]
    states = tuple((at, state) for at, state in row.moved.get("comparisons", ()))
    return Merged(winner=row.winner, loser=row.loser, sightings=tuple(keys), comparisons=states)


def restore_comparisons(connection: Connection, states: Sequence[tuple[int, str]]) -> int:
    """Put comparisons that were retired meanwhile back into these states. Returns how many."""
    restored = 0
    for at, state in states:
        where = sa.and_(comparison.c.id == at, comparison.c.state == ComparisonState.RETIRED)
        restored += connection.execute(sa.update(comparison).where(where).values(state=state)).rowcount
    return restored


# ------------------------------------------------------------ tools


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolLine:
    """A tool in a list. `key` is where the next page goes on when this line is the last."""

    id: int
    slug: str
    name: str
    tagline: str
    category: str
    status: ToolStatus
    priority: float
    queue_reason: str
    version: int
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a list of tools is filtered by; empty: not at all."""

    status: ToolStatus | None = None
    category: str = ""
    source: str = ""
    words: tuple[str, ...] = ()  # each somewhere in its name; where no name has them, `begins` is looked for
    begins: str = ""  # of any of its addresses


_LINE = (
    tool.c.id,
    tool.c.slug,
    tool.c.name,
    tool.c.tagline,
    tool.c.category,
    tool.c.status,
    tool.c.priority,
    tool.c.queue_reason,
    tool.c.version,
)


def tool_lines(connection: Connection, wanted: Wanted, *, limit: int, after: str = "") -> tuple[list[ToolLine], str]:
    """A page of tools, and where the next one begins (empty: there is none).

    By name when words of one are wanted (by address when no name has them), the newest sighting first when a source
    is, else the highest priority first.
    """
    if wanted.words and not after.startswith(_ADDRESS):
        found, more = _by_name(connection, wanted, limit=limit, after=after)
        if found or more or after or not wanted.begins:
            return found, more
    if wanted.begins:
        return _by_address(connection, wanted, limit=limit, after=after)
    if wanted.source:
        return _by_sighting(connection, wanted, limit=limit, after=after)
    return _by_priority(connection, wanted, limit=limit, after=after)


def _by_priority(connection: Connection, wanted: Wanted, *, limit: int, after: str) -> tuple[list[ToolLine], str]:
    query = sa.select(*_LINE).order_by(tool.c.priority.desc(), tool.c.id.desc()).limit(limit + 1)
    query = query.where(*_filters(wanted))
    if after:
        priority, _, at = after.partition("~")
        there = sa.tuple_(sa.literal(float(priority)), sa.literal(int(at)))
        query = query.where(sa.tuple_(tool.c.priority, tool.c.id) < there)
    found = [_line(row, key=f"{row.priority!r}~{row.id}") for row in connection.execute(query)]
    return found[:limit], found[limit - 1].key if len(found) > limit else ""


def _filters(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    filters = [tool.c.status == wanted.status] if wanted.status else []
    if wanted.category:
        filters.append(tool.c.category == wanted.category)
    return filters


_ADDRESS = "@"
"""What a place in a list by address begins with."""


def _by_name(connection: Connection, wanted: Wanted, *, limit: int, after: str) -> tuple[list[ToolLine], str]:
    # A walk of the index of names: a word may stand anywhere in one.
    has = [tool.c.name.icontains(word, autoescape=True) for word in wanted.words]
    walk = sa.select(tool.c.id).where(*has).order_by(tool.c.name, tool.c.id)
    if after:
        last = sa.select(tool.c.name).where(tool.c.id == int(after)).scalar_subquery()
        walk = walk.where(sa.tuple_(tool.c.name, tool.c.id) > sa.tuple_(last, sa.literal(int(after))))
    walked = walk.limit(_WINDOW).subquery()
    query = sa.select(tool.c.id.label("key"), *_LINE).join(walked, walked.c.id == tool.c.id)
    return _filtered(connection.execute(query.order_by(tool.c.name, tool.c.id)).all(), wanted, limit=limit)


def _by_address(connection: Connection, wanted: Wanted, *, limit: int, after: str) -> tuple[list[ToolLine], str]:
    # No slug holds a tilde; every sign of theirs sorts before it.
    begins = (tool_slug.c.slug >= wanted.begins, tool_slug.c.slug < wanted.begins + "~")
    key = (sa.literal(_ADDRESS) + tool_slug.c.slug).label("key")
    walk = sa.select(key, tool_slug.c.slug, tool_slug.c.tool).where(*begins).order_by(tool_slug.c.slug)
    if after:
        walk = walk.where(tool_slug.c.slug > after.removeprefix(_ADDRESS))
    walked = walk.limit(_WINDOW).subquery()
    query = sa.select(walked.c.key, *_LINE).join(tool, tool.c.id == walked.c.tool).order_by(walked.c.slug)
    rows = connection.execute(query).all()
    return _filtered(rows, wanted, limit=limit)


def _by_sighting(connection: Connection, wanted: Wanted, *, limit: int, after: str) -> tuple[list[ToolLine], str]:
    walk = sa.select(sighting.c.id.label("key"), sighting.c.tool).where(sighting.c.source == wanted.source)
    if after:
        walk = walk.where(sighting.c.id < int(after))
    walked = walk.order_by(sighting.c.id.desc()).limit(_WINDOW).subquery()
    query = sa.select(walked.c.key, *_LINE).join(tool, tool.c.id == walked.c.tool).order_by(walked.c.key.desc())
    return _filtered(connection.execute(query).all(), wanted, limit=limit)


def _filtered(rows: Sequence[Any], wanted: Wanted, *, limit: int) -> tuple[list[ToolLine], str]:
    """The first lines of a window that pass the filters, each tool once; and where to go on."""
    found: dict[int, ToolLine] = {}
    for row in rows:
        fits = wanted.status in (None, row.status) and wanted.category in ("", row.category)
        if fits and row.id not in found:
            if len(found) == limit:
                return list(found.values()), next(reversed(found.values())).key
            found[row.id] = _line(row, key=str(row.key))
    return list(found.values()), str(rows[-1].key) if len(rows) == _WINDOW else ""


def _line(row: Any, *, key: str) -> ToolLine:
    return ToolLine(
        id=row.id,
        slug=row.slug,
        name=row.name,
        tagline=row.tagline,
        category=row.category,
        status=ToolStatus(row.status),
        priority=row.priority,
        queue_reason=row.queue_reason,
        version=row.version,
        key=key,
    )


def lines_of(connection: Connection, slugs: Sequence[str]) -> list[ToolLine]:
    """These tools, by their present slugs, in the order given."""
    rows: dict[str, ToolLine] = {}
    for part in chunked(list(slugs)):
        for row in connection.execute(sa.select(*_LINE).where(tool.c.slug.in_(part))):
            rows[row.slug] = _line(row, key="")
    return [rows[each] for each in dict.fromkeys(slugs) if each in rows]


def edited_fields(connection: Connection, at: int) -> tuple[str, ...]:
    """What an editor has set of a tool."""
    return tuple(connection.scalar(sa.select(tool.c.edited).where(tool.c.id == at)) or ())


def addresses(connection: Connection, at: int) -> list[str]:
    """Every address that a tool has had, or that leads to it since a merge."""
    own = sa.select(tool_slug.c.slug).join(tool, tool.c.id == tool_slug.c.tool)
    both = sa.union(own.where(tool.c.id == at), own.where(tool.c.merged_into == at))
    return sorted(connection.scalars(both))


def trail(connection: Connection, subjects: Sequence[str], *, limit: int) -> list[Entry]:
    """What was done to something that goes, or went, by these names in the log; the newest first."""
    query = sa.select(audit).where(audit.c.subject.in_(list(subjects))).order_by(audit.c.id.desc()).limit(limit)
    return [Entry(**row) for row in connection.execute(query).mappings()]


def taken_in(connection: Connection, at: int, *, limit: int = 50) -> list[tuple[str, str]]:
    """Tools that were merged into this one: address and name."""
    query = sa.select(tool.c.slug, tool.c.name).where(tool.c.merged_into == at).order_by(tool.c.slug).limit(limit)
    return [(row.slug, row.name) for row in connection.execute(query)]


def touch(connection: Connection, at: int) -> None:
    """Count a change of what is known of a tool beside its own row: a fact, a price."""
    connection.execute(sa.update(tool).where(tool.c.id == at).values(version=tool.c.version + 1))


def source_keys(connection: Connection) -> list[str]:
    """Every source by its key."""
    return list(connection.scalars(sa.select(source.c.key).order_by(source.c.key)))


def suggestions(connection: Connection, wanted: Wanted, *, limit: int = 20) -> list[tuple[str, str]]:
    """Addresses that begin like this, or of tools with these words in their names: for a field that names a tool."""
    found, _ = _by_address(connection, wanted, limit=limit, after="") if wanted.begins else ([], "")
    if not found:
        found, _ = _by_name(connection, wanted, limit=limit, after="")
    return [(each.slug, each.name) for each in found if each.status is not ToolStatus.MERGED]


# ------------------------------------------------------------ comparisons


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonLine:
    """A comparison in a list. `stale`: what would be published has changed since it was approved."""

    id: int
    slug: str
    a_name: str
    b_name: str
    state: ComparisonState
    version: int
    approved_version: int | None
    approved_by: str | None
    approved_at: datetime | None
    published_at: datetime | None
    made_at: datetime
    score: float
    week: str | None

    @property
    def stale(self) -> bool:
        """Whether its approval is for an older version."""
        return self.approved_version is not None and self.approved_version < self.version


_COMPARISONS: sa.Select[Any] = (
    sa.select(
        comparison.c.id,
        comparison.c.slug,
        comparison.c.state,
        comparison.c.version,
        comparison.c.approved_version,
        comparison.c.approved_by,
        comparison.c.approved_at,
        comparison.c.published_at,
        comparison.c.made_at,
        comparison.c.score,
        edition_comparison.c.week,
        person.c.name.label("approver"),
        _ONE.c.name.label("low_name"),
        _OTHER.c.name.label("high_name"),
        _ONE.c.slug.label("low_slug"),
        _OTHER.c.slug.label("high_slug"),
    )
    .join(_ONE, _ONE.c.id == comparison.c.low)
    .join(_OTHER, _OTHER.c.id == comparison.c.high)
    .outerjoin(person, person.c.id == comparison.c.approved_by)
    .outerjoin(edition_comparison, edition_comparison.c.comparison == comparison.c.id)
)


def comparison_lines(
    connection: Connection, *, state: ComparisonState | None, limit: int, below: int | None = None
) -> list[ComparisonLine]:
    """Comparisons in a state, the newest first; without a state those whose approval is stale."""
    query = _COMPARISONS.where(
        comparison.c.approved_version < comparison.c.version if state is None else comparison.c.state == state
    )
    if state is None:  # what is retired waits for nobody
        query = query.where(comparison.c.state != ComparisonState.RETIRED)
    if below is not None:
        query = query.where(comparison.c.id < below)
    return [_comparison(row) for row in connection.execute(query.order_by(comparison.c.id.desc()).limit(limit))]


def comparisons_of(connection: Connection, at: int, *, limit: int = 50) -> list[ComparisonLine]:
    """The comparisons that a tool stands in, the newest first."""
    query = _COMPARISONS.where(sa.or_(comparison.c.low == at, comparison.c.high == at))
    return [_comparison(row) for row in connection.execute(query.order_by(comparison.c.id.desc()).limit(limit))]


def comparison_lines_of(connection: Connection, ids: Sequence[int]) -> dict[int, ComparisonLine]:
    """These comparisons, by id, in the order given."""
    parts = (connection.execute(_COMPARISONS.where(comparison.c.id.in_(part))) for part in chunked(list(ids)))
    found = {row.id: _comparison(row) for rows in parts for row in rows}
    return {at: found[at] for at in dict.fromkeys(ids) if at in found}


def _comparison(row: Any) -> ComparisonLine:
    names = (row.low_name, row.high_name) if row.low_slug < row.high_slug else (row.high_name, row.low_name)
    return ComparisonLine(
        id=row.id,
        slug=row.slug,
        a_name=names[0],
        b_name=names[1],
        state=ComparisonState(row.state),
        version=row.version,
        approved_version=row.approved_version,
        approved_by=approver(row),
        approved_at=row.approved_at,
        published_at=row.published_at,
        made_at=row.made_at,
        score=row.score,
        week=row.week,
    )


def counts(connection: Connection) -> dict[str, int]:
    """How many comparisons are in which state, and how many approvals are stale."""
    by_state = sa.select(comparison.c.state, sa.func.count()).group_by(comparison.c.state)
    found = {row[0]: row[1] for row in connection.execute(by_state)}
    stale = sa.select(sa.func.count()).where(
        comparison.c.approved_version < comparison.c.version, comparison.c.state != ComparisonState.RETIRED
    )
    return {**found, "stale": connection.scalar(stale) or 0}


def reasons_of(connection: Connection, at: int) -> tuple[Reason, ...]:
    """Why a comparison was made: what spoke for the pair then."""
    stored = connection.scalar(sa.select(comparison.c.reasons).where(comparison.c.id == at)) or ()
    return tuple(Reason(words=words, points=points) for words, points in stored)


def newest_standing(connection: Connection, *, limit: int) -> list[int]:
    """Comparisons that are approved or published, the newest approval first."""
    walks = [
        sa.select(comparison.c.id, comparison.c.approved_at)
        .where(comparison.c.state == state)
        .order_by(comparison.c.approved_at.desc())
        .limit(limit)
        for state in (ComparisonState.APPROVED, ComparisonState.PUBLISHED)
    ]
    rows = [row for walk in walks for row in connection.execute(walk)]
    return [row.id for row in sorted(rows, key=lambda row: row.approved_at, reverse=True)[:limit]]


def set_state(
    connection: Connection, at: int, *, before: Sequence[ComparisonState], after: ComparisonState, version: int
) -> bool:
    """Change a comparison's state if it is one of `before` and still at this version. Returns whether it was."""
    where = sa.and_(comparison.c.id == at, comparison.c.state.in_(before), comparison.c.version == version)
    return connection.execute(sa.update(comparison).where(where).values(state=after)).rowcount == 1


def in_approved(connection: Connection, at: int) -> bool:
    """Whether a tool stands in a comparison that is approved or published."""
    query = sa.select(comparison.c.id).where(
        sa.or_(comparison.c.low == at, comparison.c.high == at),
        comparison.c.state.in_((ComparisonState.APPROVED, ComparisonState.PUBLISHED)),
    )
    return connection.scalar(query.limit(1)) is not None


# ------------------------------------------------------------ pairs that pairing suggests


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggested:
    """A pair as pairing weighed it at its last look. `numbers`: everything that went into the score, by name."""

    a: str
    b: str
    a_name: str
    b_name: str
    category: str
    score: float
    reasons: tuple[Reason, ...]
    numbers: dict[str, float]
    at: datetime


def suggest(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Replace what was suggested before: each row holds low, high, score, reasons, numbers and at."""
    connection.execute(sa.delete(suggestion))
    if rows:
        connection.execute(sa.insert(suggestion), list(rows))


def suggested(connection: Connection, *, limit: int) -> list[Suggested]:
    """Suggested pairs that no editor has answered since, of two tools that still may be paired; the best first."""
    answered = sa.exists().where(
        proposal.c.low == suggestion.c.low, proposal.c.high == suggestion.c.high, proposal.c.at >= suggestion.c.at
    )
    judged = [each.c.status.in_((ToolStatus.REVIEWED, ToolStatus.PAIRED)) for each in (_ONE, _OTHER)]
    query = (
        sa.select(
            suggestion,
            _ONE.c.slug.label("one"),
            _OTHER.c.slug.label("other"),
            _ONE.c.name.label("one_name"),
            _OTHER.c.name.label("other_name"),
            _ONE.c.category,
        )
        .join(_ONE, _ONE.c.id == suggestion.c.low)
        .join(_OTHER, _OTHER.c.id == suggestion.c.high)
        .where(~answered, *judged)
        .order_by(suggestion.c.score.desc(), suggestion.c.low)
        .limit(limit)
    )
    return [_suggested(row) for row in connection.execute(query)]


def _suggested(row: Row[Any]) -> Suggested:
    (a, a_name), (b, b_name) = sorted(((row.one, row.one_name), (row.other, row.other_name)))
    return Suggested(
        a=a,
        b=b,
        a_name=a_name,
        b_name=b_name,
        category=row.category,
        score=row.score,
        reasons=tuple(Reason(words=words, points=points) for words, points in row.reasons),
        numbers=row.numbers,
        at=row.at,
    )


def withdraw_suggestion(connection: Connection, one: int, other: int) -> None:
    """Take a pair from the suggestions."""
    low, high = sorted((one, other))
    connection.execute(sa.delete(suggestion).where(suggestion.c.low == low, suggestion.c.high == high))


def forget_answer(connection: Connection, one: int, other: int) -> bool:
    """Take what an editor said of a pair back. Returns whether one had."""
    low, high = sorted((one, other))
    return connection.execute(sa.delete(proposal).where(proposal.c.low == low, proposal.c.high == high)).rowcount > 0


# ------------------------------------------------------------ editions


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionLine:
    """An edition in a list."""

    week: Week
    number: int
    state: EditionState
    subject: str
    comparisons: int
    assembled_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    sent_at: datetime | None


def edition_lines(connection: Connection, *, limit: int, below: int | None = None) -> list[EditionLine]:
    """Editions in any state, the newest first; below a number when given."""
    placed = sa.select(sa.func.count()).where(edition_comparison.c.week == edition.c.week).scalar_subquery()
    columns = (
        edition.c.week,
        edition.c.number,
        edition.c.state,
        edition.c.subject,
        edition.c.assembled_at,
        edition.c.approved_by,
        edition.c.approved_at,
        edition.c.sent_at,
        person.c.name.label("approver"),
        placed.label("placed"),
    )
    query: sa.Select[Any] = sa.select(*columns).outerjoin(person, person.c.id == edition.c.approved_by)
    if below is not None:
        query = query.where(edition.c.number < below)
    return [
        EditionLine(
            week=Week.parse(row.week),
            number=row.number,
            state=EditionState(row.state),
            subject=row.subject,
            comparisons=row.placed,
            assembled_at=row.assembled_at,
            approved_by=approver(row),
            approved_at=row.approved_at,
            sent_at=row.sent_at,
        )
        for row in connection.execute(query.order_by(edition.c.number.desc()).limit(limit))
    ]


def waiting(connection: Connection, *, limit: int) -> list[ComparisonLine]:
    """Approved comparisons that stand in no edition, the newest approval first."""
    query = _COMPARISONS.where(
        comparison.c.state == ComparisonState.APPROVED, edition_comparison.c.comparison.is_(None)
    )
    return [
        _comparison(row)
        for row in connection.execute(query.order_by(comparison.c.approved_at.desc(), comparison.c.id).limit(limit))
    ]


def arranged(connection: Connection, week: Week) -> bool:
    """Whether an editor has put this week's draft in order."""
    return connection.scalar(sa.select(edition.c.arranged_at).where(edition.c.week == str(week))) is not None


def mark_arranged(connection: Connection, week: Week, *, now: datetime | None) -> None:
    """Write down that an editor has put a draft in order; None: the assembler may again."""
    connection.execute(sa.update(edition).where(edition.c.week == str(week)).values(arranged_at=now))
