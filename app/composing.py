"""The edition: assembled from approved comparisons, previewed, and frozen by an editor's approval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from app import best_of
from app.editing import refresh
from app.reviewing import require_editor
from app.wiring import Product
from core.category import taste
from core.comparison import ComparisonState, ComparisonView
from core.edition import Edition, EditionState, Frozen, Variant
from core.errors import NotFound, Refused, StaleVersion
from core.subscriber import Rhythm
from core.week import Week
from digest.compose import Correction, Digest, choose, compose, hello, suggest_preheader, suggest_subject
from digest.marks import CONFIRMED_ON, HELLO, marks, substitute
from digest.render import fit, render_digest
from digest.variants import LIMIT, places, plan
from store import audit, comparisons, corrections, editions, subscribers, worklists

MOST_CORRECTIONS = 5
"""More than this a mail leaves to the log on the web."""

_FIRST_LOOKS_BACK = timedelta(days=7)


def assemble(product: Product, week: Week) -> Edition:
    """Put approved comparisons that were never sent into the week's draft: the strongest first (digest/compose says
    what that is), a tool once, a category at most twice, and as many as fit.

    Doing it again brings the draft up to date; one that an editor has put in order keeps its order and words, and an
    edition that is approved already is returned untouched. Raises Refused when nothing is approved.
    """
    now = product.now
    with product.database.write() as connection:
        if editions.exists(connection, week) and editions.find(connection, week).state is not EditionState.DRAFT:
            return editions.find(connection, week)
        placed = editions.comparison_ids(connection, week)
        if worklists.arranged(connection, week):
            return _as_arranged(connection, week, placed, now=now)
        ids = _still_approved(product, connection, [*placed, *comparisons.waiting(connection)])
        if not ids:
            raise Refused(
                "No approved comparison waits to be sent.", mend="`verdicts comparisons propose` shows good pairs."
            )
        return _draft(product, connection, week, ids, now=now)


def _as_arranged(connection: Any, week: Week, ids: Sequence[int], *, now: datetime) -> Edition:
    """The draft as an editor left it, with its comparisons at the versions that are approved by now."""
    draft, others = editions.find(connection, week), {*ids, *comparisons.waiting(connection)} - set(ids)
    words = {"subject": draft.subject, "preheader": draft.preheader, "intro": draft.intro}
    return editions.keep_draft(connection, week, comparisons=ids, left_over=len(others), now=now, **words)


def _still_approved(product: Product, connection: Any, ids: Sequence[int]) -> list[int]:
    """Those of these whose approval still stands after a fresh look at verdicts and facts."""
    refresh(product, connection, comparisons.by_ids(connection, ids))
    return [each.id for each in comparisons.by_ids(connection, ids) if each.state is ComparisonState.APPROVED]


def _draft(product: Product, connection: Any, week: Week, ids: Sequence[int], *, now: datetime) -> Edition:
    """The draft with as many of these as its size allows, then as many of those as fit into a mail."""
    draft = editions.find(connection, week) if editions.exists(connection, week) else _blank(week)
    by_slug = {each.slug: each.id for each in comparisons.by_ids(connection, ids)}
    taken, _ = choose(
        comparisons.approved_views(connection, limit=len(ids), ids=ids), limit=product.settings.edition_size
    )
    words = replace(draft, subject=suggest_subject(taken), preheader=suggest_preheader(taken))
    corrected = _corrected(connection, week, until=now)
    _, cut = fit(_compose(product, words, taken, left=len(ids) - len(taken), corrected=corrected))
    taken = taken[: len(taken) - cut]
    return editions.keep_draft(
        connection,
        week,
        subject=suggest_subject(taken),
        preheader=suggest_preheader(taken),
        intro=draft.intro,
        comparisons=[by_slug[view.slug] for view in taken],
        left_over=len(ids) - len(taken),
        now=now,
    )


def _corrected(connection: Any, week: Week, *, until: datetime) -> list[Correction]:
    """What was corrected since the content of the last edition was put together: each stands in one edition."""
    after = editions.assembled_before(connection, week) or until - _FIRST_LOOKS_BACK
    return _corrected_since(connection, after, until=until)


def _corrected_since(connection: Any, after: datetime, *, until: datetime) -> list[Correction]:
    found = corrections.decided(connection, after=after, until=until, limit=MOST_CORRECTIONS)
    return [Correction(about=each.about, name=each.name, note=each.note) for each in found]


def _blank(week: Week) -> Edition:
    """An edition before there is one: enough to measure its mail."""
    return Edition(
        week=week,
        number=0,
        state=EditionState.DRAFT,
        subject="",
        preheader="",
        intro="",
        comparisons=(),
        version=0,
    )


def _compose(
    product: Product,
    edition: Edition,
    views: Sequence[ComparisonView],
    *,
    also: Sequence[ComparisonView] = (),
    left: int,
    corrected: Sequence[Correction],
) -> Digest:
    settings = product.settings
    return compose(
        edition=edition,
        views=views,
        also=also,
        left_over=left,
        corrections=corrected,
        base_url=settings.base_url,
        postal_address=settings.postal_address or "No postal address is set (VERDICTS_POSTAL_ADDRESS).",
    )


def preview_best_of(product: Product, week: Week) -> Frozen:
    """What monthly readers would get now with this week's edition; after approval, exactly what they get. Raises
    NotFound, also when they get the edition itself."""
    with product.database.read() as connection:
        found = editions.find(connection, week)
        if found.frozen is not None and (number := editions.best_of(connection, week)):
            return editions.content(connection, week, number)
        if found.frozen is None:
            sheet, clicked = _sheet(connection, found), best_of.clicks(product, connection, week)
            if made := _best_of(product, connection, sheet, clicked):
                return made
    raise NotFound(
        f"Edition {week} has no best-of: it goes with the first edition of a month, and holds what the month before sent.",
        mend="Monthly readers get the edition as it is; preview it without --best-of.",
    )


def preview(product: Product, week: Week, *, categories: Sequence[str] = ()) -> Frozen:
    """The edition as it would be sent now to who chose these categories; after approval, exactly what is sent to them.
    Raises NotFound."""
    with product.database.read() as connection:
        found, wish = editions.find(connection, week), taste(categories)
        if found.frozen is not None:
            return editions.content(connection, week, editions.variant_of(connection, week, wish))
        sheet = _sheet(connection, found)
    front = places(sheet.views, wish) if wish else ()
    return _render(product, sheet, front or _everything(sheet))


def variants(product: Product, week: Week) -> list[Variant]:
    """The variants of an edition beside its own content: those that were frozen with it, or those that approving the
    draft now would make. Raises NotFound."""
    with product.database.read() as connection:
        found = editions.find(connection, week)
        if found.frozen is not None:
            return editions.variants(connection, week)
        clicked = best_of.clicks(product, connection, week)
        return _variants(product, connection, _sheet(connection, found), clicked)


def reading_copy(product: Product, frozen: Frozen) -> Frozen:
    """A frozen edition with its marks filled in for nobody in particular: for eyes, never for sending.

    The personal links lead to pages that say they belong to a mail.
    """
    base = product.settings.base_url
    fill = {mark: f"{base}/{mark.strip('{}').partition('_')[0]}/preview" for mark in marks(frozen.html + frozen.text)}
    fill |= {CONFIRMED_ON: "(your date)", HELLO: hello("")}
    return replace(
        frozen, html=substitute(frozen.html, fill, html=True), text=substitute(frozen.text, fill, html=False)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sheet:
    """A draft with all that its mails are made of."""

    edition: Edition
    views: Sequence[ComparisonView]
    left: int
    corrected: Sequence[Correction]


def _sheet(connection: Any, found: Edition) -> _Sheet:
    ids, until = editions.comparison_ids(connection, found.week), editions.assembled_at(connection, found.week)
    return _Sheet(
        edition=found,
        views=comparisons.approved_views(connection, limit=len(ids), ids=ids),
        left=editions.left_over(connection, found.week),
        corrected=_corrected(connection, found.week, until=until) if until else (),
    )


def _everything(sheet: _Sheet) -> tuple[int, ...]:
    return tuple(range(1, len(sheet.views) + 1))


def _render(product: Product, sheet: _Sheet, front: Sequence[int]) -> Frozen:
    """The mail with the comparisons at these places in front, under the editor's words or those that suit them."""
    views = [sheet.views[place - 1] for place in front]
    also = [view for place, view in enumerate(sheet.views, start=1) if place not in front]
    edition = sheet.edition
    if also and edition.subject == suggest_subject(sheet.views):
        edition = replace(edition, subject=suggest_subject(views))
    if also and edition.preheader == suggest_preheader(sheet.views):
        edition = replace(edition, preheader=suggest_preheader(views))
    return render_digest(_compose(product, edition, views, also=also, left=sheet.left, corrected=sheet.corrected))


def _variants(product: Product, connection: Any, sheet: _Sheet, clicked: Counter[str]) -> list[Variant]:
    """What goes with the edition for readers with these tastes, the monthly readers' mail last where there is one."""
    best = _best_of(product, connection, sheet, clicked)
    # With a best-of, what monthly readers chose needs no variant, and one of the numbers is taken.
    readers = subscribers.tastes(connection, rhythm=Rhythm.WEEKLY if best else None)
    picks = plan(sheet.views, readers, limit=LIMIT - 1 if best else LIMIT)
    made = [
        Variant(number=number, places=pick.places, tastes=pick.tastes, frozen=_render(product, sheet, pick.places))
        for number, pick in enumerate(picks, start=1)
    ]
    if best is not None:
        made.append(Variant(number=len(made) + 1, places=(), tastes=(), frozen=best, best_of=True))
    return made


def _best_of(product: Product, connection: Any, sheet: _Sheet, clicked: Counter[str]) -> Frozen | None:
    """The monthly readers' mail that goes with this edition, None where they get the edition like everybody."""
    week = sheet.edition.week
    found = best_of.gather(product, connection, week, clicked=clicked)
    if found is None or not sheet.views:
        return None
    until = editions.assembled_at(connection, week)
    told = _corrected_since(connection, found.since, until=until) if found.since and until else ()
    return best_of.render(product, sheet.edition, found, also=sheet.views, corrections=told)


def approve(product: Product, week: Week, *, email: str, version: int | None = None) -> Edition:
    """Freeze the edition: subject, HTML, text and the list are stored with their hash, and are what is sent. So are its
    variants, for the tastes that readers have at this moment, and the best of the month before, if this is the first
    edition of its month.

    An edition that is approved already is returned as it is. `version`: the one that was read. Raises NotFound,
    StaleVersion and Refused.
    """
    now = product.now
    with product.database.read() as connection:  # before anybody has to wait for us
        clicked = best_of.clicks(product, connection, week)
    with product.database.write() as connection:
        editor = require_editor(connection, email)
        found = editions.find(connection, week)
        if found.state is not EditionState.DRAFT:
            return found
        if version is not None and version != found.version:
            raise StaleVersion(f"Edition {week} has changed since you read it.", mend="Look at it again, then approve.")
        ids = editions.comparison_ids(connection, week)
        if _still_approved(product, connection, ids) != ids or not editions.approved_versions(connection, week):
            raise StaleVersion(
                f"A comparison of edition {week} has changed since it was approved.",
                mend=f"Approve it again, then `verdicts edition assemble --week {week}`.",
            )
        sheet = _sheet(connection, found)
        frozen = _render(product, sheet, _everything(sheet))
        made = _variants(product, connection, sheet, clicked)
        editions.approve(connection, found, frozen=frozen, variants=made, by=editor.id, now=now)
        comparisons.publish(connection, ids, now=now)
        content = {"sha256": frozen.sha256, "comparisons": list(frozen.comparisons), "variants": len(made)}
        audit.note(
            connection,
            now=now,
            actor=editor.email,
            action="edition.approve",
            subject=f"edition:{week}",
            after=content,
        )
        return editions.find(connection, week)


def draft_digest(product: Product, connection: Any, found: Edition) -> Digest:
    """Everything that a draft would print, however long it is; `digest.render.fit` says how much of it fits."""
    sheet = _sheet(connection, found)
    return _compose(product, sheet.edition, sheet.views, left=sheet.left, corrected=sheet.corrected)
