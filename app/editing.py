"""Editors: tools and duplicates, pairs and comparisons. The edition of them is app/composing.py's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from app import applying
from app.pairing import REVIEWED, why
from app.questions import merge, require_seen
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
from core.errors import NotFound, Refused, StaleVersion, UsageError
from core.fact import FIGURES
from core.identifier import Identifier
from core.panel import Tally
from core.text import clean, slugify
from core.tool import Reason, Tool, ToolDossier, ToolStatus
from review.differences import Difference, differences
from review.scorecard import Contender, compare, fingerprint
from review.tally import tally
from store import audit, comparisons, merges, people, reviews, tools, versions, votes, worklists
from store.audit import Entry
from store.comparisons import UNNAMED_EDITOR
from store.worklists import ComparisonLine

_MANY = 100_000  # comparisons of one tool
_TAGS = 20
_LONGEST_URL = 2000
_LONGEST = 4000  # characters of a paragraph; mails and pages cut what they have no room for

_TRAIL = 60  # entries of the log
_STANDING = (ComparisonState.APPROVED, ComparisonState.PUBLISHED)
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
        quorum = people.quorum_of(connection, found.id, default=product.settings.quorum)
        return ToolView(dossier=tools.dossier(connection, found), panel=tally(said, quorum=quorum))


def find_by_identifier(product: Product, identifier: Identifier) -> Tool | None:
    """The tool that an identifier names, None when nobody has seen it."""
    with product.database.read() as connection:
        return tools.by_identifier(connection, identifier)


def merge_tools(
    product: Product, winner: str, loser: str, *, actor: str, seen: Mapping[str, int] | None = None
) -> Tool:
    """Make two tools one; the second's addresses lead to the first. `seen` holds the versions that were read.

    Raises NotFound, StaleVersion and Refused.
    """
    now = product.now
    with product.database.write() as connection:
        one, other = tools.find(connection, winner), tools.find(connection, loser)
        if one.id == other.id:
            raise Refused(f"{winner} and {loser} are one tool already.")
        require_seen([each for each in (one, other) if each.slug in (seen or {})], seen)
        merge(connection, one, other, actor=actor, now=now)
        return tools.find(connection, one.slug)


def split_tool(product: Product, slug: str, keys: Sequence[str], *, actor: str, version: int | None = None) -> Tool:
    """Take sightings, written `source/external-id`, out of a tool. Returns the tool they are in now."""
    now = product.now
    wanted = [_sighting_key(each) for each in keys]
    if not wanted:
        raise UsageError("Name the sightings to take out.", mend="Write SOURCE/ID, as `verdicts tools show` does.")
    with product.database.write() as connection:
        whole = _read_at(connection, slug, version)
        part = merges.split(connection, whole, wanted, by=actor, now=now)
        applying.reassess(connection, [whole.id, part], now=now)
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


def _read_at(connection: Any, slug: str, version: int | None) -> Tool:
    """The tool, if it still is at the version that was read. Raises NotFound and StaleVersion."""
    found = tools.find(connection, slug)
    if version is not None:
        require_seen([found], {found.slug: version})
    return found


def reject_tool(product: Product, slug: str, *, actor: str, version: int | None = None) -> Tool:
    """Take a tool out of the queue for good; its comparisons disappear from sight. Doing it again changes nothing."""
    now = product.now
    with product.database.write() as connection:
        found = _read_at(connection, slug, version)
        if found.status is ToolStatus.REJECTED:
            return found
        states = worklists.live_comparisons(connection, found.id)
        tools.set_status(connection, found.id, ToolStatus.REJECTED, by_hand=True)
        merges.retire_comparisons(connection, found.id)
        change = {"before": found.status, "after": {"status": ToolStatus.REJECTED, "comparisons": states}}
        audit.note(connection, now=now, actor=actor, action="tool.reject", subject=f"tool:{found.slug}", **change)
        return tools.get(connection, [found.id])[found.id]


def reinstate_tool(product: Product, slug: str, *, actor: str) -> Tool:
    """Take a rejection back: the tool stands where it stood, and so do its comparisons. Raises Refused when it is not
    rejected (any more)."""
    now = product.now
    with product.database.write() as connection:
        found = tools.find(connection, slug)
        done = audit.search(connection, subject=f"tool:{found.slug}", action="tool.reject", limit=1)
        if found.status is not ToolStatus.REJECTED or not done:
            raise Refused(f"{found.slug} is not rejected.", mend="Look at it again.")
        status = ToolStatus(done[0].before)
        tools.set_status(connection, found.id, ToolStatus.QUEUED if status is ToolStatus.IN_REVIEW else status)
        if status is ToolStatus.IN_REVIEW:
            said = reviews.verdicts(connection, [found.id]).get(found.id, ())
            reviews.settle_panel(connection, found.id, submitted=len(said), closed=False, now=now)
        worklists.restore_comparisons(connection, [tuple(each) for each in done[0].after["comparisons"]])
        change = {"before": ToolStatus.REJECTED, "after": status}
        audit.note(connection, now=now, actor=actor, action="tool.reinstate", subject=f"tool:{found.slug}", **change)
        return tools.get(connection, [found.id])[found.id]


def queue_tool(product: Product, slug: str, *, actor: str, version: int | None = None) -> Tool:
    """Overrule the rule that kept a tool out of the queue. Raises Refused for one that is past it."""
    now = product.now
    with product.database.write() as connection:
        found = _read_at(connection, slug, version)
        if found.status is ToolStatus.QUEUED:
            return found
        if found.status not in (ToolStatus.KEPT, ToolStatus.REJECTED):
            raise Refused(f"{found.slug} is {found.status.value.replace('_', ' ')}; it has left the queue.")
        tools.set_status(connection, found.id, ToolStatus.QUEUED, by_hand=True)
        # Verdicts given before it was rejected still count: it goes on where it stood.
        quorum = people.quorum_of(connection, found.id, default=product.settings.quorum)
        said = tally(reviews.verdicts(connection, [found.id]).get(found.id, ()), quorum=quorum)
        if said.total:
            reviews.settle_panel(connection, found.id, submitted=said.total, closed=said.closed, now=now)
        done = tools.get(connection, [found.id])[found.id]
        change = {"before": found.status, "after": done.status}
        audit.note(connection, now=now, actor=actor, action="tool.queue", subject=f"tool:{found.slug}", **change)
        return done


def edit_tool(
    product: Product, slug: str, changes: Mapping[str, str], *, actor: str, version: int | None = None
) -> Tool:
    """Set name, tagline, description, category, tags (with commas between), homepage or slug by hand; ingestion leaves
    those alone from now on. Raises StaleVersion when the tool is no longer at the version that was read."""
    now = product.now
    allowed = ("name", "tagline", "description", "category", "tags", "homepage", "slug")
    unknown = sorted(set(changes) - set(allowed))
    if unknown:
        raise UsageError(f"{unknown[0]!r} cannot be edited.", mend=f"Fields are: {', '.join(allowed)}.")
    if changes.get("category", OTHER) not in CATEGORIES:
        raise Refused(f"There is no category {changes['category']!r}.", mend=f"Categories: {', '.join(CATEGORIES)}.")
    said = {name: _said(name, value) for name, value in changes.items()}
    if not said.get("name", "a name"):
        raise Refused("A tool needs a name.", mend="Say what its makers call it.")
    with product.database.write() as connection:
        found = _read_at(connection, slug, version)
        before = {name: _plain(getattr(found, name)) for name in said}
        said = {name: value for name, value in said.items() if value != before[name] or version is None}
        moves = said.get("slug", found.slug) != found.slug
        if moves:
            _require_free_address(connection, found, said["slug"])
        tools.edit(connection, found, said, now=now)
        if moves:
            _readdress(connection, found.id, old=found.slug, new=said["slug"])
        if any(before[name] != value for name, value in said.items()):
            change = {"before": {name: before[name] for name in said}, "after": said}
            audit.note(connection, now=now, actor=actor, action="tool.edit", subject=f"tool:{found.slug}", **change)
        return tools.get(connection, [found.id])[found.id]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _said(field: str, text: str) -> Any:
    """An editor's words as they may be stored: plain text, in paragraphs where there is room for them."""
    if field == "homepage":
        return checked_url(text) if text.strip() else None
    if field == "tags":
        return list(dict.fromkeys(filter(None, (clean(each, limit=40).lower() for each in text.split(",")))))[:_TAGS]
    if field == "description":
        parts = (clean(part, limit=_LONGEST) for part in text.replace("\r\n", "\n").split("\n\n"))
        return "\n\n".join(filter(None, parts))
    return clean(text, limit=_LONGEST) if field in ("name", "tagline") else text


def checked_url(text: str) -> str:
    """A web address as an editor gives it. Raises Refused for anything else."""
    url = clean(text, limit=_LONGEST_URL + 1)
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    except ValueError:
        fits = False
    if not fits or " " in url or len(url) > _LONGEST_URL:
        raise Refused(f"{clean(text, limit=80)!r} is not a web address.", mend="Write it like https://example.com/.")
    return url


def _require_free_address(connection: Any, found: Tool, slug: str) -> None:
    """Raise Refused unless the tool may move to this address now."""
    if slugify(slug) != slug:
        raise Refused(f"{slug!r} cannot be an address.", mend=f"Write it like {slugify(slug)}.")
    holder = _holder(connection, slug)
    if holder is not None and holder.id != found.id:
        raise Refused(f"{slug} is or was the address of {holder.slug}.", mend="Choose another one.")
    if any(each.status is ToolStatus.MERGED for each in worklists.lines_of(connection, [slug])):
        raise Refused(f"{slug} is the address of a tool that was merged into another.", mend="Choose another one.")


def _holder(connection: Any, slug: str) -> Tool | None:
    try:
        return tools.find(connection, slug)
    except NotFound:
        return None


def _readdress(connection: Any, at: int, *, old: str, new: str) -> None:
    """Comparisons of a tool that has moved move with it."""
    for each in worklists.comparisons_of(connection, at, limit=_MANY):
        one, other = split_comparison_slug(each.slug)
        comparisons.rename(connection, each.id, comparison_slug(new, other if one == old else one))


# ------------------------------------------------------------ comparisons


def create_comparison(
    product: Product, one: str, other: str, *, actor: str, weighed: tuple[float, Sequence[Reason]] | None = None
) -> Comparison:
    """Put two reviewed tools side by side; a pair that is there already is returned as it is. `weighed`: score and
    reasons of the pair where they are known, so that not every tool has to be looked at.

    Raises NotFound, and Refused for one tool twice, two versions of one, or a tool whose panel is not closed.
    """
    now = product.now
    with product.database.read() as connection:
        first, second = sorted((tools.find(connection, one), tools.find(connection, other)), key=lambda tool: tool.slug)
        lines = versions.lines(connection)
    if first.id == second.id:
        raise Refused(f"{one} and {other} are one tool.", mend="A comparison needs two.")
    _require_judged((first, second))
    if first.id in lines and lines[first.id] == lines.get(second.id):
        raise Refused(f"{first.slug} and {second.slug} are versions of one product.", mend="Choose another rival.")
    if weighed is None:
        proposed = why(product, first.slug, second.slug)
        weighed = (proposed.score, proposed.reasons) if proposed else (0.0, _BY_HAND)
    score, reasons = weighed
    with product.database.write() as connection:
        made = comparisons.create(connection, first, second, score=score, reasons=reasons, now=now)
        new = not comparisons.fingerprints(connection, [made.id])[made.id]
        _refresh(product, connection, made)
        if new:
            audit.note(connection, now=now, actor=actor, action="comparison.create", subject=f"comparison:{made.slug}")
        return comparisons.find(connection, made.slug)


def _require_judged(both: Iterable[Tool]) -> None:
    for each in both:
        if each.status in (ToolStatus.REJECTED, ToolStatus.MERGED):
            raise Refused(f"{each.slug} was {each.status}.", mend="Choose a tool that the panel has judged.")
        if each.status not in REVIEWED:
            raise Refused(f"The panel of {each.slug} is not closed.", mend="It needs more verdicts.")


def refresh(product: Product, connection: Any, found: Sequence[Comparison]) -> list[ComparisonView]:
    """The views of these comparisons as they would be published now, in the same order.

    A change since the last look counts as a new version. However many they are, the number of statements is bounded,
    but for the few that each changed one costs.
    """
    return _views(product, connection, _readdressed(connection, found)) or []


def _views(
    product: Product, connection: Any, found: Sequence[Comparison], *, only_look: bool = False
) -> list[ComparisonView] | None:
    """The same under the addresses that they have; None when one has changed and it may not be written down."""
    contenders, lenses = _contenders(connection, found), people.lenses(connection)
    quorums = people.quorums(connection)
    known = comparisons.fingerprints(connection, [each.id for each in found])

    def view(each: Comparison) -> ComparisonView:
        a, b = contenders[each.id]
        return compare(each, a=a, b=b, lenses=lenses, quorum=product.settings.quorum, quorums=quorums)

    views = {each.id: view(each) for each in found}
    prints = {at: fingerprint(_lasting(each)) for at, each in views.items()}
    changed = [at for at, now in prints.items() if now != known[at]]
    if changed and only_look:
        return None
    for at in changed:
        comparisons.refresh(connection, at, fingerprint=prints[at])
    views |= {each.id: view(each) for each in comparisons.by_ids(connection, changed)}
    return [views[each.id] for each in found]


def _refresh(product: Product, connection: Any, found: Comparison) -> ComparisonView:
    return refresh(product, connection, [found])[0]


def _lasting(view: ComparisonView) -> ComparisonView:
    """The view without figures of popularity: they move at every ingestion, and no editor approves them."""
    a, b = (
        replace(side, facts=tuple(each for each in side.facts if each.field not in FIGURES))
        for side in (view.a, view.b)
    )
    return replace(view, a=a, b=b)


def _readdressed(connection: Any, found: Sequence[Comparison]) -> list[Comparison]:
    """The same comparisons under the addresses that their tools' slugs make today."""
    ids = [each.id for each in found]
    at = comparisons.pairs(connection, ids)
    both = tools.get(connection, sorted({tool for pair in at.values() for tool in pair}))
    present = {each.id: comparison_slug(*(both[tool].slug for tool in at[each.id])) for each in found}
    moved = [each.id for each in found if each.slug != present[each.id]]
    for each in moved:
        comparisons.rename(connection, each, present[each])
    return comparisons.by_ids(connection, ids) if moved else list(found)


def _contenders(connection: Any, found: Sequence[Comparison]) -> dict[int, tuple[Contender, Contender]]:
    """Both tools of each comparison, in the order of its address, with all that is said of them."""
    at = comparisons.pairs(connection, [each.id for each in found])
    both = tools.get(connection, sorted({tool for pair in at.values() for tool in pair}))
    said = reviews.verdicts(connection, list(both))
    dossiers = tools.dossiers(connection, list(both.values()))
    polls = votes.counted(connection, [each.slug for each in found])

    def contender(tool: int, chosen: Mapping[str, int]) -> Contender:
        community = Community(chosen=chosen.get(both[tool].slug, 0), votes=sum(chosen.values()))
        return Contender(dossier=dossiers[tool], verdicts=said.get(tool, ()), community=community)

    def sides(each: Comparison) -> tuple[Contender, Contender]:
        (one, other), chosen = at[each.id], polls.get(each.slug, {})
        return contender(one, chosen), contender(other, chosen)

    return {each.id: sides(each) for each in found}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonSheet:
    """A comparison as an editor sees it: its state, what would be published now, what an editor approved last (None:
    nothing yet) and how the two differ. `unread`: verdicts by a machine that no person has checked."""

    comparison: Comparison
    view: ComparisonView
    approved: ComparisonView | None
    differences: tuple[Difference, ...]
    unread: int
    line: ComparisonLine
    reasons: tuple[Reason, ...]
    trail: tuple[Entry, ...]


def show_comparison(product: Product, slug: str) -> ComparisonSheet:
    """A comparison as it stands. Only what has changed since the last look is written down. Raises NotFound."""
    with product.database.read() as connection:
        found = comparisons.find(connection, slug)
        [pair] = comparisons.pairs(connection, [found.id]).values()
        both = tools.get(connection, pair)
        moved = found.slug != comparison_slug(*(each.slug for each in both.values()))
        views = None if moved else _views(product, connection, [found], only_look=True)
        if views:
            return _sheet(connection, found, views[0])
    with product.database.write() as connection:
        view = _refresh(product, connection, comparisons.find(connection, slug))
        return _sheet(connection, comparisons.find(connection, view.slug), view)


def _sheet(connection: Any, found: Comparison, view: ComparisonView) -> ComparisonSheet:
    approved = comparisons.last_approved(connection, found.id)
    pair = comparisons.pair(connection, found.id)
    return ComparisonSheet(
        comparison=found,
        view=view,
        approved=approved,
        differences=differences(approved, view) if approved else (),
        unread=reviews.unchecked_machine_verdicts(connection, pair),
        line=worklists.comparison_lines_of(connection, [found.id])[found.id],
        reasons=worklists.reasons_of(connection, found.id),
        trail=tuple(worklists.trail(connection, [f"comparison:{found.slug}"], limit=_TRAIL)),
    )


def list_comparisons(product: Product) -> list[Comparison]:
    """All comparisons, the newest first."""
    with product.database.read() as connection:
        return comparisons.listed(connection)


def comparison_lines(
    product: Product, *, state: ComparisonState | None, limit: int, below: int | None = None
) -> tuple[list[ComparisonLine], dict[str, int]]:
    """Comparisons in a state, the newest first (None: those whose approval is stale), and how many are in which."""
    with product.database.read() as connection:
        found = worklists.comparison_lines(connection, state=state, limit=limit, below=below)
        return found, worklists.counts(connection)


def approve_comparison(
    product: Product, slug: str, *, email: str, version: int | None = None, machine_read: bool = True
) -> Comparison:
    """Approve a comparison as an editor. `version` is the one that was read; without it, the present one.
    `machine_read`: the editor has read what a machine wrote.

    Raises StaleVersion when it has changed since, and Refused when the person is no editor, a tool of the pair has
    left the panel's list (rejected, merged), or a machine's words were not read.
    """
    now = product.now
    with product.database.write() as connection:
        editor = require_editor(connection, email)
        view = _refresh(product, connection, comparisons.find(connection, slug))
        found = comparisons.find(connection, view.slug)
        _require_version(found, version)
        if found.approved_version == found.version and found.state in _STANDING:
            return found
        pair = comparisons.pair(connection, found.id)
        _require_judged(tools.get(connection, pair).values())
        if not machine_read and reviews.unchecked_machine_verdicts(connection, pair):
            raise Refused("A machine wrote some of these verdicts.", mend="Read each, tick it, then approve.")
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


def _require_version(found: Comparison, version: int | None) -> None:
    if version is not None and version != found.version:
        raise StaleVersion(
            f"{found.slug} is at version {found.version}, not {version}.", mend="Look at it again, then decide."
        )


def withdraw_approval(product: Product, slug: str, *, email: str, version: int) -> Comparison:
    """Take the approval of a comparison back that has not gone out: it is a draft again, and no edition takes it.

    Raises StaleVersion when it has changed since, and Refused when it is not approved or has gone out.
    """
    now = product.now
    with product.database.write() as connection:
        editor = require_editor(connection, email)
        found = comparisons.find(connection, slug)
        _require_version(found, version)
        if not worklists.set_state(
            connection, found.id, before=[ComparisonState.APPROVED], after=ComparisonState.DRAFT, version=version
        ):
            raise Refused(f"{found.slug} is {found.state}.", mend="What has gone out is retired instead.")
        _unpair(connection, comparisons.pair(connection, found.id))
        subject = f"comparison:{found.slug}"
        audit.note(connection, now=now, actor=editor.email, action="comparison.withdraw", subject=subject)
        return comparisons.find(connection, found.slug)


def retire_comparison(product: Product, slug: str, *, email: str, version: int) -> Comparison:
    """Take a comparison out of sight, wherever it stands; it can be brought back. Raises StaleVersion and Refused."""
    now = product.now
    with product.database.write() as connection:
        editor = require_editor(connection, email)
        found = comparisons.find(connection, slug)
        _require_version(found, version)
        if not worklists.set_state(
            connection,
            found.id,
            before=[ComparisonState.DRAFT, *_STANDING],
            after=ComparisonState.RETIRED,
            version=version,
        ):
            raise Refused(f"{found.slug} is {found.state} already.")
        _unpair(connection, comparisons.pair(connection, found.id))
        change = {"before": found.state, "after": ComparisonState.RETIRED}
        subject = f"comparison:{found.slug}"
        audit.note(connection, now=now, actor=editor.email, action="comparison.retire", subject=subject, **change)
        return comparisons.find(connection, found.slug)


def bring_back(product: Product, slug: str, *, email: str) -> Comparison:
    """Put a retired comparison back: published if it had gone out, approved if what was approved still is what would be
    published, else a draft. Raises Refused when it is not retired, or a tool of it is no longer one."""
    now = product.now
    with product.database.write() as connection:
        editor = require_editor(connection, email)
        view = _refresh(product, connection, comparisons.find(connection, slug))
        found = comparisons.find(connection, view.slug)
        pair = comparisons.pair(connection, found.id)
        _require_judged(tools.get(connection, pair).values())
        after = _standing(found)
        if not worklists.set_state(
            connection, found.id, before=[ComparisonState.RETIRED], after=after, version=found.version
        ):
            raise Refused(f"{found.slug} is {found.state}; nothing is to be brought back.")
        for each in pair if after in _STANDING else ():
            tools.set_status(connection, each, ToolStatus.PAIRED)
        change = {"before": ComparisonState.RETIRED, "after": after}
        subject = f"comparison:{found.slug}"
        audit.note(connection, now=now, actor=editor.email, action="comparison.bring_back", subject=subject, **change)
        return comparisons.find(connection, found.slug)


def _standing(found: Comparison) -> ComparisonState:
    if found.approved_version is not None and found.published_at is not None:
        return ComparisonState.PUBLISHED
    return ComparisonState.APPROVED if found.approved_version == found.version else ComparisonState.DRAFT


def _unpair(connection: Any, pair: Sequence[int]) -> None:
    """A tool that stands in no approved comparison any more is merely reviewed."""
    for each in tools.get(connection, pair).values():
        if each.status is ToolStatus.PAIRED and not worklists.in_approved(connection, each.id):
            tools.set_status(connection, each.id, ToolStatus.REVIEWED)


def look_for_changes(product: Product, *, limit: int = 500) -> int:
    """Compare what stands approved with what would be published now, for the newest approvals. Returns how many have
    changed since they were last looked at."""
    with product.database.write() as connection:
        found = worklists.newest_standing(connection, limit=limit)
        before = {each.id: each.version for each in comparisons.by_ids(connection, found)}
        refresh(product, connection, comparisons.by_ids(connection, found))
        return sum(before[each.id] != each.version for each in comparisons.by_ids(connection, found))
