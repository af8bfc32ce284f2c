"""Editors: tools and duplicates, pairs and comparisons, the edition up to its approval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app import ingesting
from app.pairing import REVIEWED, why
from app.reviewing import require_editor
from app.wiring import Product
from core.category import CATEGORIES, OTHER
from core.comparison import (
    Community,
    Comparison,
    ComparisonState,
    ComparisonView,
    comparison_slug,
    split_comparison_slug,
)
from core.edition import Edition, EditionState, Frozen
from core.errors import NotFound, Refused, StaleVersion, UsageError
from core.fact import FIGURES
from core.identifier import Identifier
from core.intent import Merge
from core.panel import Tally
from core.text import clean, slugify
from core.tool import Reason, Tool, ToolDossier, ToolStatus
from core.week import Week
from digest.compose import choose, compose, suggest_preheader, suggest_subject
from digest.marks import CONFIRMED_ON, marks, substitute
from digest.render import fit, render_digest
from review.scorecard import Contender, compare, fingerprint
from review.tally import tally
from store import audit, comparisons, editions, merges, people, reviews, tools, votes
from store.comparisons import UNNAMED_EDITOR

_MANY = 1_000_000
_LONGEST = 4000  # characters of a paragraph; mails and pages cut what they have no room for

_BY_HAND = (Reason(words="paired by hand", points=0.0),)


# ------------------------------------------------------------ tools


def list_tools(product: Product, *, status: ToolStatus | None = None, limit: int = 50) -> list[Tool]:
    """Tools, the highest priority first."""
    with product.database.read() as connection:
        return tools.listed(connection, status=status, limit=limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolView:
    """A tool with everything known of it, as editors and operators see it."""

    dossier: ToolDossier
    panel: Tally


def show_tool(product: Product, slug: str) -> ToolView:
    """Everything known of a tool; old slugs lead on. Raises NotFound."""
    with product.database.read() as connection:
        found = tools.find(connection, slug)
        said = reviews.verdicts(connection, [found.id]).get(found.id, ())
        return ToolView(dossier=tools.dossier(connection, found), panel=tally(said, quorum=product.settings.quorum))


def find_by_identifier(product: Product, identifier: Identifier) -> Tool | None:
    """The tool that an identifier names, None when nobody has seen it."""
    with product.database.read() as connection:
        return tools.by_identifier(connection, identifier)


def merge_tools(product: Product, winner: str, loser: str, *, actor: str) -> Tool:
    """Make two tools one; the second's addresses lead to the first. Raises NotFound and Refused."""
    now = product.now
    with product.database.write() as connection:
        one, other = tools.find(connection, winner), tools.find(connection, loser)
        if one.id == other.id:
            raise Refused(f"{winner} and {loser} are one tool already.")
        _merge(connection, one, other, actor=actor, now=now)
        return tools.find(connection, one.slug)


def _merge(connection: Any, one: Tool, other: Tool, *, actor: str, now: datetime) -> None:
    decided = Merge(winner=one.id, loser=other.id, rule="editor", evidence=(f"by {actor}",))
    merges.apply(connection, decided, by=actor, now=now)
    retired = merges.retire_comparisons(connection, other.id)
    ingesting.reassess(connection, [one.id], now=now)
    audit.note(
        connection,
        now=now,
        actor=actor,
        action="tool.merge",
        subject=f"tool:{other.slug}",
        after={"into": one.slug, "comparisons_retired": retired},
    )


def split_tool(product: Product, slug: str, keys: Sequence[str], *, actor: str) -> Tool:
    """Take sightings, written `source/external-id`, out of a tool. Returns the tool they are in now."""
    now = product.now
    wanted = [_sighting_key(each) for each in keys]
    if not wanted:
        raise UsageError("Name the sightings to take out.", mend="Write SOURCE/ID, as `verdicts tools show` does.")
    with product.database.write() as connection:
        whole = tools.find(connection, slug)
        part = merges.split(connection, whole, wanted, by=actor, now=now)
        ingesting.reassess(connection, [whole.id, part], now=now)
        made = tools.get(connection, [part])[part]
        audit.note(
            connection,
            now=now,
            actor=actor,
            action="tool.split",
            subject=f"tool:{whole.slug}",
            after={"into": made.slug, "sightings": list(keys)},
        )
        return made


def _sighting_key(text: str) -> tuple[str, str]:
    source, slash, external_id = text.partition("/")
    if not (source and slash and external_id):
        raise UsageError(f"{text!r} does not name a sighting.", mend="Write SOURCE/ID, as `verdicts tools show` does.")
    return source, external_id


def reject_tool(product: Product, slug: str, *, actor: str) -> Tool:
    """Take a tool out of the queue for good; its comparisons disappear from sight."""
    now = product.now
    with product.database.write() as connection:
        found = tools.find(connection, slug)
        tools.set_status(connection, found.id, ToolStatus.REJECTED, by_hand=True)
        merges.retire_comparisons(connection, found.id)
        change = {"before": found.status, "after": ToolStatus.REJECTED}
        audit.note(connection, now=now, actor=actor, action="tool.reject", subject=f"tool:{found.slug}", **change)
        return tools.get(connection, [found.id])[found.id]


def queue_tool(product: Product, slug: str, *, actor: str) -> Tool:
    """Overrule the rule that kept a tool out of the queue. Raises Refused for one that is past it."""
    now = product.now
    with product.database.write() as connection:
        found = tools.find(connection, slug)
        if found.status not in (ToolStatus.KEPT, ToolStatus.REJECTED, ToolStatus.QUEUED):
            raise Refused(f"{found.slug} is {found.status.value.replace('_', ' ')}; it has left the queue.")
        tools.set_status(connection, found.id, ToolStatus.QUEUED, by_hand=True)
        # Verdicts given before it was rejected still count: it goes on where it stood.
        said = tally(reviews.verdicts(connection, [found.id]).get(found.id, ()), quorum=product.settings.quorum)
        if said.total:
            reviews.settle_panel(connection, found.id, submitted=said.total, closed=said.closed, now=now)
        done = tools.get(connection, [found.id])[found.id]
        change = {"before": found.status, "after": done.status}
        audit.note(connection, now=now, actor=actor, action="tool.queue", subject=f"tool:{found.slug}", **change)
        return done


def edit_tool(product: Product, slug: str, changes: Mapping[str, str], *, actor: str) -> Tool:
    """Set name, tagline, description, category or slug by hand; ingestion leaves those alone from now on."""
    now = product.now
    allowed = ("name", "tagline", "description", "category", "slug")
    unknown = sorted(set(changes) - set(allowed))
    if unknown:
        raise UsageError(f"{unknown[0]!r} cannot be edited.", mend=f"Fields are: {', '.join(allowed)}.")
    if changes.get("category", OTHER) not in CATEGORIES:
        raise Refused(f"There is no category {changes['category']!r}.", mend=f"Categories: {', '.join(CATEGORIES)}.")
    changes = {name: _worded(name, value) for name, value in changes.items()}
    if not changes.get("name", "a name"):
        raise Refused("A tool needs a name.", mend="Say what its makers call it.")
    with product.database.write() as connection:
        found = tools.find(connection, slug)
        before = {name: getattr(found, name) for name in changes}
        moves = changes.get("slug", found.slug) != found.slug
        if moves:
            _require_free_address(connection, found, changes["slug"])
        tools.edit(connection, found, changes, now=now)
        if moves:
            _readdress(connection, old=found.slug, new=changes["slug"])
        if before != dict(changes):
            change = {"before": before, "after": dict(changes)}
            audit.note(connection, now=now, actor=actor, action="tool.edit", subject=f"tool:{found.slug}", **change)
        return tools.get(connection, [found.id])[found.id]


def _worded(field: str, text: str) -> str:
    """An editor's words as they may be stored: plain text, in paragraphs where there is room for them."""
    if field == "description":
        parts = (clean(part, limit=_LONGEST) for part in text.replace("\r\n", "\n").split("\n\n"))
        return "\n\n".join(filter(None, parts))
    return clean(text, limit=_LONGEST) if field in ("name", "tagline") else text


def _require_free_address(connection: Any, found: Tool, slug: str) -> None:
    """Raise Refused unless the tool may move to this address now."""
    if slugify(slug) != slug:
        raise Refused(f"{slug!r} cannot be an address.", mend=f"Write it like {slugify(slug)}.")
    holder = _holder(connection, slug)
    if holder is not None and holder.id != found.id:
        raise Refused(f"{slug} is or was the address of {holder.slug}.", mend="Choose another one.")
    if slug in {each.slug for each in tools.listed(connection, status=ToolStatus.MERGED, limit=_MANY)}:
        raise Refused(f"{slug} is the address of a tool that was merged into another.", mend="Choose another one.")
    for each in editions.public(connection):
        waits = each.state is not EditionState.SENT
        if waits and any(found.slug in split_comparison_slug(pair) for pair in each.comparisons):
            raise Refused(
                f"Edition {each.week} carries the address {found.slug} and is not sent yet.", mend="Send it first."
            )


def _holder(connection: Any, slug: str) -> Tool | None:
    try:
        return tools.find(connection, slug)
    except NotFound:
        return None


def _readdress(connection: Any, *, old: str, new: str) -> None:
    """Comparisons of a tool that has moved move with it."""
    for each in comparisons.listed(connection):
        if old in (each.a, each.b):
            other = each.b if each.a == old else each.a
            comparisons.rename(connection, each.id, comparison_slug(new, other))


def duplicate_questions(product: Product) -> list[dict[str, Any]]:
    """Open "same tool?" questions with score and reasons, the surest first.

    A tool that was merged since stands under the one that took it in; who has become one tool that way is no question.
    """
    with product.database.read() as connection:
        asked = [
            {**each, **{side: tools.find(connection, each[side]).slug for side in ("a", "b")}}
            for each in merges.questions(connection)
        ]
    return [each for each in asked if each["a"] != each["b"]]


def answer_duplicate(product: Product, question: int, *, same: bool, actor: str) -> str:
    """Settle a question: merge the two, or keep them apart for good. Returns what was done, in words."""
    now = product.now
    with product.database.write() as connection:
        low, high = merges.question(connection, question)
        asked = tools.get(connection, [low, high])
        one, other = (tools.find(connection, asked[at].slug) for at in (low, high))
        if one.id == other.id:
            raise Refused(f"Both are {one.slug} by now.", mend="`verdicts duplicates list` shows what is still open.")
        if same:
            _merge(connection, one, other, actor=actor, now=now)
            return f"{other.slug} is now part of {one.slug}"
        for pair in {(low, high), (one.id, other.id)}:
            merges.keep_apart(connection, *pair, by=actor, now=now)
        both = {"one": one.slug, "other": other.slug}
        audit.note(connection, now=now, actor=actor, action="tool.keep_apart", subject=f"tool:{one.slug}", after=both)
        return f"{one.slug} and {other.slug} stay two tools"


# ------------------------------------------------------------ comparisons


def create_comparison(product: Product, one: str, other: str, *, actor: str) -> Comparison:
    """Put two reviewed tools side by side; a pair that is there already is returned as it is.

    Raises NotFound, and Refused for one tool twice or a tool whose panel is not closed.
    """
    now = product.now
    with product.database.read() as connection:
        first, second = sorted((tools.find(connection, one), tools.find(connection, other)), key=lambda tool: tool.slug)
    if first.id == second.id:
        raise Refused(f"{one} and {other} are one tool.", mend="A comparison needs two.")
    _require_judged(product, (first, second))
    proposed = why(product, first.slug, second.slug)
    score, reasons = (proposed.score, proposed.reasons) if proposed else (0.0, _BY_HAND)
    with product.database.write() as connection:
        there = comparison_slug(first.slug, second.slug) in comparisons.compared(connection)
        made = comparisons.create(connection, first, second, score=score, reasons=reasons, now=now)
        _refresh(product, connection, made)
        if not there:
            audit.note(connection, now=now, actor=actor, action="comparison.create", subject=f"comparison:{made.slug}")
        return comparisons.find(connection, made.slug)


def _require_judged(product: Product, both: Iterable[Tool]) -> None:
    for each in both:
        if each.status in (ToolStatus.REJECTED, ToolStatus.MERGED):
            raise Refused(f"{each.slug} was {each.status}.", mend="Choose a tool that the panel has judged.")
        if each.status not in REVIEWED:
            raise Refused(
                f"The panel of {each.slug} is not closed.", mend=f"It needs {product.settings.quorum} verdicts."
            )


def _refresh(product: Product, connection: Any, found: Comparison) -> ComparisonView:
    """The view as it would be published now; a change since the last look counts as a new version."""
    view = _view(product, connection, found)
    if comparisons.refresh(connection, found.id, fingerprint=fingerprint(_lasting(view))):
        found = comparisons.find(connection, found.slug)
        view = _view(product, connection, found)
    return view


def _lasting(view: ComparisonView) -> ComparisonView:
    """The view without figures of popularity: they move at every ingestion, and no editor approves them."""
    a, b = (
        replace(side, facts=tuple(each for each in side.facts if each.field not in FIGURES))
        for side in (view.a, view.b)
    )
    return replace(view, a=a, b=b)


def _view(product: Product, connection: Any, found: Comparison) -> ComparisonView:
    at = comparisons.pair(connection, found.id)
    both = tools.get(connection, at)
    said = reviews.verdicts(connection, at)
    dossiers = tools.dossiers(connection, list(both.values()))
    chosen = votes.counted(connection, [found.slug]).get(found.slug, {})
    total = sum(chosen.values())
    a, b = (
        Contender(
            dossier=dossiers[each],
            verdicts=said.get(each, ()),
            community=Community(chosen=chosen.get(both[each].slug, 0), votes=total),
        )
        for each in at
    )
    slug = comparison_slug(both[at[0]].slug, both[at[1]].slug)
    if slug != found.slug:
        comparisons.rename(connection, found.id, slug)
        found = comparisons.find(connection, slug)
    return compare(found, a=a, b=b, lenses=people.lenses(connection), quorum=product.settings.quorum)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonSheet:
    """A comparison as an editor sees it: its state, and what would be published now."""

    comparison: Comparison
    view: ComparisonView


def show_comparison(product: Product, slug: str) -> ComparisonSheet:
    """A comparison as it stands. Raises NotFound."""
    with product.database.write() as connection:
        view = _refresh(product, connection, comparisons.find(connection, slug))
        return ComparisonSheet(comparison=comparisons.find(connection, view.slug), view=view)


def list_comparisons(product: Product) -> list[Comparison]:
    """All comparisons, the newest first."""
    with product.database.read() as connection:
        return comparisons.listed(connection)


def approve_comparison(product: Product, slug: str, *, email: str, version: int | None = None) -> Comparison:
    """Approve a comparison as an editor. `version` is the one that was read; without it, the present one.

    Raises StaleVersion when it has changed since, and Refused when the person is no editor or a tool of the pair has
    left the panel's list (rejected, merged).
    """
    now = product.now
    with product.database.write() as connection:
        editor = require_editor(connection, email)
        view = _refresh(product, connection, comparisons.find(connection, slug))
        found = comparisons.find(connection, view.slug)
        if version is not None and version != found.version:
            raise StaleVersion(
                f"{found.slug} is at version {found.version}, not {version}.", mend="Look at it again, then approve."
            )
        if found.approved_version == found.version and found.state is not ComparisonState.RETIRED:
            return found
        pair = comparisons.pair(connection, found.id)
        _require_judged(product, tools.get(connection, pair).values())
        reviews.check_machine_verdicts(connection, pair, by=editor)
        signed = replace(view, approved_by=editor.name or UNNAMED_EDITOR, approved_at=now)
        comparisons.approve(connection, found, version=found.version, view=signed, by=editor.id, now=now)
        if found.published_at is not None:  # it went out before it was retired: it stands in its edition again
            comparisons.publish(connection, [found.id], now=found.published_at)
        for each in pair:
            tools.set_status(connection, each, ToolStatus.PAIRED)
        audit.note(
            connection,
            now=now,
            actor=editor.email,
            action="comparison.approve",
            subject=f"comparison:{found.slug}",
            before={"version": found.approved_version},
            after={"version": found.version},
        )
        return comparisons.find(connection, found.slug)


# ------------------------------------------------------------ the edition


def assemble(product: Product, week: Week) -> Edition:
    """Put approved comparisons that were never sent into the week's draft: the strongest first (digest/compose says
    what that is), a tool once, a category at most twice, and as many as fit.

    Doing it again brings the draft up to date; an edition that is approved already is returned untouched. Raises
    Refused when nothing is approved.
    """
    now = product.now
    with product.database.write() as connection:
        if editions.exists(connection, week) and editions.find(connection, week).state is not EditionState.DRAFT:
            return editions.find(connection, week)
        placed = editions.comparison_ids(connection, week)
        ids = _still_approved(product, connection, [*placed, *comparisons.waiting(connection)])
        if not ids:
            raise Refused(
                "No approved comparison waits to be sent.", mend="`verdicts comparisons propose` shows good pairs."
            )
        return _draft(product, connection, week, ids, now=now)


def _still_approved(product: Product, connection: Any, ids: Sequence[int]) -> list[int]:
    """Those of these whose approval still stands after a fresh look at verdicts and facts."""
    kept = []
    for each in comparisons.by_ids(connection, ids):
        _refresh(product, connection, each)
        if comparisons.find(connection, each.slug).state is ComparisonState.APPROVED:
            kept.append(each.id)
    return kept


def _draft(product: Product, connection: Any, week: Week, ids: Sequence[int], *, now: datetime) -> Edition:
    """The draft with as many of these as its size allows, then as many of those as fit into a mail."""
    draft = editions.find(connection, week) if editions.exists(connection, week) else _blank(week)
    by_slug = {each.slug: each.id for each in comparisons.by_ids(connection, ids)}
    taken, _ = choose(
        comparisons.approved_views(connection, limit=len(ids), ids=ids), limit=product.settings.edition_size
    )
    words = replace(draft, subject=suggest_subject(taken), preheader=suggest_preheader(taken))
    _, cut = fit(_compose(product, words, taken, len(ids) - len(taken)))
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


def _compose(product: Product, edition: Edition, views: Sequence[ComparisonView], left: int) -> Any:
    settings = product.settings
    return compose(
        edition=edition,
        views=views,
        left_over=left,
        base_url=settings.base_url,
        postal_address=settings.postal_address or "No postal address is set (VERDICTS_POSTAL_ADDRESS).",
    )


def preview(product: Product, week: Week) -> Frozen:
    """The edition as it would be sent now; after approval, exactly what is sent. Raises NotFound."""
    with product.database.read() as connection:
        found = editions.find(connection, week)
        return found.frozen or _render(product, connection, found)


def reading_copy(product: Product, frozen: Frozen) -> Frozen:
    """A frozen edition with its marks filled in for nobody in particular: for eyes, never for sending.

    The personal links lead to pages that say they belong to a mail.
    """
    base = product.settings.base_url
    fill = {mark: f"{base}/{mark.strip('{}').partition('_')[0]}/preview" for mark in marks(frozen.html + frozen.text)}
    fill[CONFIRMED_ON] = "(your date)"
    return replace(
        frozen, html=substitute(frozen.html, fill, html=True), text=substitute(frozen.text, fill, html=False)
    )


def _render(product: Product, connection: Any, found: Edition) -> Frozen:
    ids = editions.comparison_ids(connection, found.week)
    views = comparisons.approved_views(connection, limit=len(ids), ids=ids)
    return render_digest(_compose(product, found, views, editions.left_over(connection, found.week)))


def approve_edition(product: Product, week: Week, *, email: str) -> Edition:
    """Freeze the edition: subject, HTML, text and the list are stored with their hash, and are what is sent.

    An edition that is approved already is returned as it is. Raises NotFound, StaleVersion and Refused.
    """
    now = product.now
    with product.database.write() as connection:
        editor = require_editor(connection, email)
        found = editions.find(connection, week)
        if found.state is not EditionState.DRAFT:
            return found
        ids = editions.comparison_ids(connection, week)
        if _still_approved(product, connection, ids) != ids or not editions.approved_versions(connection, week):
            raise StaleVersion(
                f"A comparison of edition {week} has changed since it was approved.",
                mend=f"Approve it again, then `verdicts edition assemble --week {week}`.",
            )
        frozen = _render(product, connection, found)
        editions.approve(connection, found, frozen=frozen, by=editor.id, now=now)
        comparisons.publish(connection, ids, now=now)
        content = {"sha256": frozen.sha256, "comparisons": list(frozen.comparisons)}
        audit.note(
            connection,
            now=now,
            actor=editor.email,
            action="edition.approve",
            subject=f"edition:{week}",
            after=content,
        )
        return editions.find(connection, week)
