"""Editions: assembled as drafts, frozen by approval, then only ever read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from core.edition import Edition, EditionState, Frozen, Variant
from core.errors import Conflict, NotFound, Refused, StaleVersion
from core.week import Week
from store.comparisons import approver
from store.schema import comparison, edition, edition_comparison, edition_taste, edition_variant, person

_PUBLIC = (EditionState.APPROVED, EditionState.SENDING, EditionState.PAUSED, EditionState.SENT)


def find(connection: Connection, week: Week) -> Edition:
    """The edition of a week. Raises NotFound."""
    row = connection.execute(_select().where(edition.c.week == str(week))).one_or_none()
    if row is None:
        raise NotFound(f"There is no edition {week}.", mend=f"`verdicts edition assemble --week {week}` makes it.")
    return _edition(connection, row)


def state(connection: Connection, week: Week) -> EditionState | None:
    """The state of a week's edition without the rest of it; None when there is none."""
    found = connection.scalar(sa.select(edition.c.state).where(edition.c.week == str(week)))
    return None if found is None else EditionState(found)


def exists(connection: Connection, week: Week) -> bool:
    """Whether this week has an edition, in whatever state."""
    return connection.scalar(sa.select(edition.c.week).where(edition.c.week == str(week))) is not None


def _select() -> sa.Select[Any]:
    return sa.select(edition, person.c.name.label("approver")).outerjoin(person, person.c.id == edition.c.approved_by)


def _edition(connection: Connection, row: Row[Any]) -> Edition:
    slugs = _slugs(connection, row.week)
    frozen = None
    if row.content_hash is not None:
        frozen = Frozen(subject=row.subject, html=row.html, text=row.text, comparisons=slugs)
    return Edition(
        week=Week.parse(row.week),
        number=row.number,
        state=EditionState(row.state),
        subject=row.subject,
        preheader=row.preheader,
        intro=row.intro,
        comparisons=slugs,
        version=row.version,
        frozen=frozen,
        content_hash=row.content_hash,
        approved_by=approver(row),
        approved_at=row.approved_at,
    )


def _slugs(connection: Connection, week: str) -> tuple[str, ...]:
    """The addresses of an edition's comparisons, in order: as they were when it was approved, else those of today."""
    query = (
        sa.select(sa.func.coalesce(edition_comparison.c.slug, comparison.c.slug))
        .join(edition_comparison, edition_comparison.c.comparison == comparison.c.id)
        .where(edition_comparison.c.week == week)
        .order_by(edition_comparison.c.position)
    )
    return tuple(connection.scalars(query))


def comparison_ids(connection: Connection, week: Week) -> list[int]:
    """The comparisons of an edition, in order."""
    query = sa.select(edition_comparison.c.comparison).where(edition_comparison.c.week == str(week))
    return list(connection.scalars(query.order_by(edition_comparison.c.position)))


def approved_versions(connection: Connection, week: Week) -> bool:
    """Whether every comparison of the edition still stands at the version that was put in, and is approved."""
    query = (
        sa.select(sa.func.count())
        .select_from(edition_comparison)
        .join(comparison, comparison.c.id == edition_comparison.c.comparison)
        .where(
            edition_comparison.c.week == str(week),
            sa.or_(
                comparison.c.approved_version.is_(None),
                comparison.c.approved_version != edition_comparison.c.comparison_version,
                comparison.c.version != comparison.c.approved_version,
            ),
        )
    )
    return not connection.scalar(query)


def keep_draft(
    connection: Connection,
    week: Week,
    *,
    subject: str,
    preheader: str,
    intro: str,
    comparisons: Sequence[int],
    left_over: int,
    now: datetime,
) -> Edition:
    """Make the week's draft, or replace its content. Assembling the same again changes nothing, unless one of the
    comparisons was approved anew meanwhile.

    Raises Refused when the edition is approved already, Conflict when a comparison stands in another edition.
    """
    words = {"subject": subject, "preheader": preheader, "intro": intro, "left_over": left_over}
    row = connection.execute(sa.select(edition).where(edition.c.week == str(week))).one_or_none()
    if row is None:
        number = 1 + (connection.scalar(sa.select(sa.func.max(edition.c.number))) or 0)
        made = {"week": str(week), "number": number, "state": EditionState.DRAFT, "version": 1, "assembled_at": now}
        connection.execute(sa.insert(edition).values(**made, **words))
        _place(connection, week, comparisons)
        return find(connection, week)
    if row.state != EditionState.DRAFT:
        raise Refused(f"Edition {week} is {row.state}; its content is frozen.", mend="Assemble another week.")
    same = all(getattr(row, name) == value for name, value in words.items())
    same = same and comparison_ids(connection, week) == list(comparisons) and approved_versions(connection, week)
    if not same:
        changed = {**words, "version": edition.c.version + 1, "assembled_at": now}
        connection.execute(sa.update(edition).where(edition.c.week == str(week)).values(**changed))
        _place(connection, week, comparisons)
    return find(connection, week)


def _place(connection: Connection, week: Week, comparisons: Sequence[int]) -> None:
    connection.execute(sa.delete(edition_comparison).where(edition_comparison.c.week == str(week)))
    for position, at in enumerate(comparisons, start=1):
        version = sa.select(comparison.c.approved_version).where(comparison.c.id == at).scalar_subquery()
        row = {"week": str(week), "position": position, "comparison": at, "comparison_version": version}
        try:
            connection.execute(sa.insert(edition_comparison).values(**row))
        except sa.exc.IntegrityError as error:
            raise Conflict(
                f"Comparison {at} stands in another edition or is not approved.", mend="Assemble again."
            ) from error


def approve(
    connection: Connection, found: Edition, *, frozen: Frozen, variants: Sequence[Variant] = (), by: int, now: datetime
) -> None:
    """Freeze a draft: what is stored here is what is sent, its variants and its list of addresses included, wherever a
    tool may move.

    Raises StaleVersion when it changed meanwhile.
    """
    values = {
        "state": EditionState.APPROVED,
        "subject": frozen.subject,
        "html": frozen.html,
        "text": frozen.text,
        "content_hash": frozen.sha256,
        "approved_by": by,
        "approved_at": now,
    }
    same = sa.and_(
        edition.c.week == str(found.week), edition.c.state == EditionState.DRAFT, edition.c.version == found.version
    )
    if connection.execute(sa.update(edition).where(same).values(**values)).rowcount == 1:
        slug = sa.select(comparison.c.slug).where(comparison.c.id == edition_comparison.c.comparison).scalar_subquery()
        placed = edition_comparison.c.week == str(found.week)
        connection.execute(sa.update(edition_comparison).where(placed).values(slug=slug))
        _keep_variants(connection, found.week, variants)
        if _slugs(connection, str(found.week)) == frozen.comparisons:
            return
    raise StaleVersion(f"Edition {found.week} has changed since you read it.", mend="Look at it again, then approve.")


def _keep_variants(connection: Connection, week: Week, variants: Sequence[Variant]) -> None:
    for each in variants:
        row = {
            "week": str(week),
            "number": each.number,
            "places": list(each.places),
            "best_of": list(each.frozen.comparisons) if each.best_of else None,
            "subject": each.frozen.subject,
            "html": each.frozen.html,
            "text": each.frozen.text,
            "content_hash": each.frozen.sha256,
        }
        connection.execute(sa.insert(edition_variant).values(**row))
        served = [{"week": str(week), "taste": taste, "variant": each.number} for taste in each.tastes]
        if served:
            connection.execute(sa.insert(edition_taste), served)


def contents(connection: Connection, week: Week) -> dict[int, str]:
    """The content hash of each variant of an approved edition, its own content (0) first."""
    own = sa.select(sa.literal(0).label("number"), edition.c.content_hash).where(
        edition.c.week == str(week), edition.c.content_hash.is_not(None)
    )
    others = sa.select(edition_variant.c.number, edition_variant.c.content_hash).where(
        edition_variant.c.week == str(week)
    )
    rows = [*connection.execute(own), *connection.execute(others.order_by("number"))]
    return {row.number: row.content_hash for row in rows}


def content(connection: Connection, week: Week, variant: int) -> Frozen:
    """What the readers of a variant get. Raises NotFound, and Refused when it is not what was approved."""
    if variant == 0:
        found = find(connection, week)
        frozen, approved = found.frozen, found.content_hash
    else:
        frozen, approved = _variant_content(connection, week, variant)
    if frozen is None:
        raise Refused(f"Edition {week} is not approved.", mend=f"`verdicts edition approve {week} --as EMAIL`.")
    if frozen.sha256 != approved:
        raise Refused(
            f"Variant {variant} of edition {week} is not what was approved.", mend="Restore it; it was not sent."
        )
    return frozen


def _variant_content(connection: Connection, week: Week, variant: int) -> tuple[Frozen, str]:
    query = sa.select(edition_variant).where(edition_variant.c.week == str(week), edition_variant.c.number == variant)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"Edition {week} has no variant {variant}.")
    return _variant_frozen(row, _slugs(connection, str(week))), row.content_hash


def _variant_frozen(row: Row[Any], slugs: Sequence[str]) -> Frozen:
    front = tuple(slugs[place - 1] for place in row.places if place <= len(slugs))
    if row.best_of is not None:
        front = tuple(row.best_of)
    return Frozen(subject=row.subject, html=row.html, text=row.text, comparisons=front)


def variants(connection: Connection, week: Week) -> list[Variant]:
    """The variants that were frozen with an edition, beside its own content."""
    slugs, tastes = _slugs(connection, str(week)), _tastes(connection, week)
    query = sa.select(edition_variant).where(edition_variant.c.week == str(week)).order_by(edition_variant.c.number)
    return [
        Variant(
            number=row.number,
            places=tuple(row.places),
            tastes=tuple(tastes[row.number]),
            frozen=_variant_frozen(row, slugs),
            best_of=row.best_of is not None,
        )
        for row in connection.execute(query)
    ]


def _tastes(connection: Connection, week: Week) -> dict[int, list[str]]:
    served: dict[int, list[str]] = defaultdict(list)
    query = sa.select(edition_taste.c.variant, edition_taste.c.taste).where(edition_taste.c.week == str(week))
    for variant, taste in connection.execute(query.order_by(edition_taste.c.taste)):
        served[variant].append(taste)
    return served


def variant_of(connection: Connection, week: Week, taste: str) -> int:
    """Which variant of an approved edition readers with this taste get."""
    query = sa.select(edition_taste.c.variant).where(edition_taste.c.week == str(week), edition_taste.c.taste == taste)
    return connection.scalar(query) or 0


def best_of(connection: Connection, week: Week) -> int | None:
    """Which variant of an approved edition monthly readers get; None when they get what others of their taste get."""
    query = sa.select(edition_variant.c.number).where(
        edition_variant.c.week == str(week), edition_variant.c.best_of.is_not(None)
    )
    found: int | None = connection.scalar(query)
    return found


def best_of_slugs(connection: Connection, week: Week) -> tuple[str, ...]:
    """The comparisons of an approved edition's best-of as its mail names them; none where it has no best-of."""
    query = sa.select(edition_variant.c.best_of).where(
        edition_variant.c.week == str(week), edition_variant.c.best_of.is_not(None)
    )
    return tuple(connection.scalar(query) or ())


def gone_out(connection: Connection, weeks: Sequence[Week]) -> list[Week]:
    """Those of these weeks whose edition has been approved and was not called off since, in their order."""
    out = sa.and_(edition.c.state.in_(_PUBLIC), edition.c.cancelled_at.is_(None))
    query = sa.select(edition.c.week).where(edition.c.week.in_([str(each) for each in weeks]), out)
    return [Week.parse(each) for each in connection.scalars(query.order_by(edition.c.week))]


def votes_opened(connection: Connection, weeks: Sequence[Week]) -> dict[int, datetime]:
    """The comparisons of these approved editions, with the instant from which readers could vote on each."""
    query = (
        sa.select(
            edition_comparison.c.comparison, sa.func.coalesce(edition.c.recipients_fixed_at, edition.c.approved_at)
        )
        .join(edition, edition.c.week == edition_comparison.c.week)
        .where(edition.c.week.in_([str(each) for each in weeks]), edition.c.approved_at.is_not(None))
        .order_by(edition.c.week, edition_comparison.c.position)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def assembled_at(connection: Connection, week: Week) -> datetime | None:
    """When the week's edition got its present content; None while there is none."""
    found: datetime | None = connection.scalar(sa.select(edition.c.assembled_at).where(edition.c.week == str(week)))
    return found


def assembled_before(connection: Connection, week: Week) -> datetime | None:
    """When the content of the last edition before this week was put together; None when there was none."""
    out = sa.and_(edition.c.state.in_(_PUBLIC), edition.c.cancelled_at.is_(None))
    query = sa.select(edition.c.assembled_at).where(edition.c.week < str(week), out)
    found: datetime | None = connection.scalar(query.order_by(edition.c.week.desc()).limit(1))
    return found


def move(
    connection: Connection,
    week: Week,
    *,
    before: Sequence[EditionState],
    after: EditionState,
    because: str | None = None,
    now: datetime,
) -> bool:
    """Change the state if it is one of `before`. Returns whether it was."""
    values: dict[str, Any] = {"state": after, "paused_because": because}
    if after is EditionState.SENT:
        values["sent_at"] = now
    where = sa.and_(edition.c.week == str(week), edition.c.state.in_(before))
    return connection.execute(sa.update(edition).where(where).values(**values)).rowcount == 1


def paused_because(connection: Connection, week: Week) -> str | None:
    """Why sending was paused, None when it was not or nobody said."""
    found: str | None = connection.scalar(sa.select(edition.c.paused_because).where(edition.c.week == str(week)))
    return found


def public(connection: Connection, *, limit: int = 100) -> list[Edition]:
    """Editions that an editor has approved, the newest first."""
    rows = connection.execute(
        _select().where(edition.c.state.in_(_PUBLIC)).order_by(edition.c.number.desc()).limit(limit)
    ).all()
    return [_edition(connection, row) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelvedEdition:
    """An approved edition as the archive lists it."""

    week: Week
    number: int
    subject: str
    comparisons: int
    approved_at: datetime | None


def shelved(connection: Connection, *, limit: int, below: int | None = None) -> list[ShelvedEdition]:
    """Approved editions, the newest first, below a number when given; each with how many comparisons it has."""
    placed = sa.select(sa.func.count()).where(edition_comparison.c.week == edition.c.week).scalar_subquery()
    columns = (edition.c.week, edition.c.number, edition.c.subject, edition.c.approved_at, placed.label("placed"))
    query = sa.select(*columns).where(edition.c.state.in_(_PUBLIC)).order_by(edition.c.number.desc()).limit(limit)
    return [
        ShelvedEdition(
            week=Week.parse(row.week),
            number=row.number,
            subject=row.subject,
            comparisons=row.placed,
            approved_at=row.approved_at,
        )
        for row in connection.execute(query if below is None else query.where(edition.c.number < below))
    ]


def find_public(connection: Connection, week: Week) -> Edition:
    """An edition that an editor has approved. Raises NotFound for any other, whether it exists or not."""
    row = connection.execute(_select().where(edition.c.week == str(week), edition.c.state.in_(_PUBLIC))).one_or_none()
    if row is None:
        raise NotFound(f"There is no edition {week}.")
    return _edition(connection, row)


def left_over(connection: Connection, week: Week) -> int:
    """How many approved comparisons did not fit into this edition."""
    return connection.scalar(sa.select(edition.c.left_over).where(edition.c.week == str(week))) or 0


def to_send(connection: Connection) -> list[Week]:
    """Weeks whose edition is approved or half sent, the oldest first."""
    states = (EditionState.APPROVED, EditionState.SENDING)
    query = sa.select(edition.c.week).where(edition.c.state.in_(states)).order_by(edition.c.number)
    return [Week.parse(each) for each in connection.scalars(query)]
