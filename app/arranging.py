"""An edition in an editor's hands: its order and words, what is in and what is out, where the mail is cut, and its
approval at the version that was read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from app import best_of, composing
from app.reviewing import require_editor
from app.wiring import Product
from core.comparison import ComparisonState, ComparisonView
from core.edition import Edition, EditionState, Frozen
from core.errors import Refused, RenderError, StaleVersion
from core.text import clean
from core.week import Week
from digest.compose import Digest, suggest_preheader, suggest_subject
from digest.render import SIZE_LIMIT, fit
from store import audit, comparisons, editions, worklists
from store.worklists import ComparisonLine, EditionLine

A_PAGE = 50
WAITING = 60
LONGEST_SUBJECT = 150
LONGEST_PREHEADER = 200
LONGEST_INTRO = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A comparison of an edition, in its place. `standing`: its approval is for what would be published now; `above`:
    the mail has room for it."""

    line: ComparisonLine
    standing: bool
    above: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """An edition as its composer sees it. `size`: bytes of the rendered mail, of `limit`; `suggested_*`: the words that
    suit the comparisons that are in."""

    edition: Edition
    slots: tuple[Slot, ...]
    waiting: tuple[ComparisonLine, ...]
    left_over: int
    size: int
    limit: int
    suggested_subject: str
    suggested_preheader: str
    arranged: bool
    best_of: bool  # monthly readers get the best of the month before instead
    problem: str

    @property
    def draft(self) -> bool:
        """Whether it may still be changed."""
        return self.edition.state is EditionState.DRAFT

    @property
    def below(self) -> int:
        """How many do not fit into the mail."""
        return sum(not each.above for each in self.slots)


def listed(product: Product, *, below: int | None = None) -> list[EditionLine]:
    """A page of editions in any state and one more, the newest first."""
    with product.database.read() as connection:
        return worklists.edition_lines(connection, limit=A_PAGE + 1, below=below)


def show(product: Product, week: Week) -> Arrangement:
    """An edition with everything to compose it by. Raises NotFound."""
    with product.database.read() as connection:
        found = editions.find(connection, week)
        ids = editions.comparison_ids(connection, week)
        lines = worklists.comparison_lines_of(connection, ids)
        views = comparisons.approved_views(connection, limit=len(ids), ids=ids)
        frozen, cut, problem = _rendered(product, connection, found, lines)
        above = _above([lines[at] for at in ids], cut)
        settled = found.frozen is not None
        slots = tuple(
            Slot(line=lines[at], standing=settled or _standing(lines[at]), above=settled or at in above) for at in ids
        )
        return Arrangement(
            edition=found,
            slots=slots,
            waiting=tuple(worklists.waiting(connection, limit=WAITING)) if found.frozen is None else (),
            left_over=editions.left_over(connection, week),
            size=len(frozen.html.encode()) if frozen else 0,
            limit=SIZE_LIMIT,
            suggested_subject=suggest_subject(views),
            suggested_preheader=suggest_preheader(views),
            arranged=worklists.arranged(connection, week),
            best_of=bool(editions.best_of(connection, week)) if settled else best_of.is_due(connection, week),
            problem=problem,
        )


def _standing(line: ComparisonLine) -> bool:
    return line.state in (ComparisonState.APPROVED, ComparisonState.PUBLISHED) and not line.stale


def _above(lines: Sequence[ComparisonLine], cut: int) -> set[int]:
    """Those that the mail has room for. What is not approved (any more) is in no mail, and takes none."""
    shown = [each.id for each in lines if each.state in (ComparisonState.APPROVED, ComparisonState.PUBLISHED)]
    return {each.id for each in lines} - set(shown[len(shown) - cut :] if cut else ())


def _rendered(
    product: Product, connection: Any, found: Edition, lines: dict[int, ComparisonLine]
) -> tuple[Frozen | None, int, str]:
    """The mail as far as it fits, how many comparisons were cut, and what stands against it in words."""
    if found.frozen is not None:
        return found.frozen, 0, ""
    try:
        frozen, cut = _fit(composing.draft_digest(product, connection, found))
    except RenderError as error:
        return None, len(lines), str(error)
    return frozen, cut, ""


@lru_cache(maxsize=8)
def _fit(digest: Digest) -> tuple[Frozen, int]:
    """Rendering takes longer than everything else of the page; the same digest gives the same mail."""
    return fit(digest)


def preview(product: Product, week: Week) -> Frozen:
    """The mail as it would be sent now, as far as it fits, or exactly as it was approved; for eyes.

    Raises NotFound, and RenderError for an edition without anything in it.
    """
    with product.database.read() as connection:
        found = editions.find(connection, week)
        frozen = found.frozen or _fit(composing.draft_digest(product, connection, found))[0]
    return composing.reading_copy(product, frozen)


def preview_best_of(product: Product, week: Week) -> Frozen:
    """What monthly readers would get with it, or get; for eyes. Raises NotFound where that is the edition itself."""
    return composing.reading_copy(product, composing.preview_best_of(product, week))


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What an editor writes of an edition. Empty subject or preheader: those that suit its comparisons."""

    subject: str
    preheader: str
    intro: str

    def cleaned(self) -> Words:
        """The same as they may be stored. Raises Refused for what is too long; nothing is cut in silence."""
        intro = self.intro.replace("\r\n", "\n").strip()
        for name, text, longest in (
            ("subject", self.subject, LONGEST_SUBJECT),
            ("preheader", self.preheader, LONGEST_PREHEADER),
            ("intro", intro, LONGEST_INTRO),
        ):
            if len(text) > longest:
                raise Refused(f"The {name} has {len(text)} characters, {longest} is the most.", mend="Shorten it.")
        lines = (clean(line, limit=LONGEST_INTRO) for line in intro.split("\n"))
        return Words(
            subject=clean(self.subject, limit=LONGEST_SUBJECT),
            preheader=clean(self.preheader, limit=LONGEST_PREHEADER),
            intro="\n".join(lines).strip(),
        )


def arrange(
    product: Product, week: Week, *, version: int, order: Sequence[str], words: Words | None = None, email: str
) -> Edition:
    """Give a draft this order, by address, and these words. From now on the assembler leaves its order alone.

    Nothing is written when nothing differs. Raises NotFound, StaleVersion when the draft has changed since, Conflict
    when a comparison went into another edition, and Refused for one that is not approved or an edition that is.
    """
    now = product.now
    with product.database.write() as connection:
        editor = require_editor(connection, email)
        found = _read_at(connection, week, version)
        ids = [comparisons.find(connection, slug).id for slug in dict.fromkeys(order)]
        before = editions.comparison_ids(connection, week)
        _require_approved(connection, [each for each in ids if each not in before])
        said = (words or Words(subject=found.subject, preheader=found.preheader, intro=found.intro)).cleaned()
        said = _unsuggested(said, _last_views(connection, before))
        views = comparisons.approved_views(connection, limit=len(ids), ids=ids)
        done = editions.keep_draft(
            connection,
            week,
            subject=said.subject or suggest_subject(views),
            preheader=said.preheader or suggest_preheader(views),
            intro=said.intro,
            comparisons=ids,
            left_over=_left_over(connection, before, ids),
            now=now,
        )
        if done.version != found.version:
            worklists.mark_arranged(connection, week, now=now)
            _note(connection, found, done, editor=editor.email, now=now)
        return done


def _last_views(connection: Any, ids: Sequence[int]) -> list[ComparisonView]:
    """What the suggested words were made of: each as it was approved, also where that approval is stale by now."""
    return [view for view in (comparisons.last_approved(connection, each) for each in ids) if view is not None]


def _left_over(connection: Any, before: Sequence[int], ids: Sequence[int]) -> int:
    """How many approved comparisons would be in no edition with this one arranged like that."""
    out = [each for each in comparisons.by_ids(connection, before) if each.id not in ids]
    approved = {each.id for each in out if each.state is ComparisonState.APPROVED}
    return len(approved | (set(comparisons.waiting(connection)) - set(ids)))


def _unsuggested(said: Words, views: Sequence[ComparisonView]) -> Words:
    """The words without those that were suggested for the comparisons so far: a suggestion goes with them."""
    return replace(
        said,
        subject="" if said.subject == suggest_subject(views) else said.subject,
        preheader="" if said.preheader == suggest_preheader(views) else said.preheader,
    )


def _read_at(connection: Any, week: Week, version: int) -> Edition:
    found = editions.find(connection, week)
    if found.state is not EditionState.DRAFT:
        raise Refused(f"Edition {week} is {found.state}; nothing of it can be changed.", mend="Compose the next one.")
    if found.version != version:
        raise StaleVersion(
            f"Edition {week} has changed since you opened this page.", mend="Look at it again, then decide."
        )
    return found


def _require_approved(connection: Any, ids: Sequence[int]) -> None:
    for each in comparisons.by_ids(connection, ids):
        if each.state is not ComparisonState.APPROVED:
            raise Refused(f"{each.slug} is {each.state}.", mend="Only what is approved and was never sent goes in.")


def _note(connection: Any, before: Edition, after: Edition, *, editor: str, now: Any) -> None:
    def told(edition: Edition) -> dict[str, Any]:
        return {
            "subject": edition.subject,
            "preheader": edition.preheader,
            "intro": edition.intro,
            "comparisons": list(edition.comparisons),
        }

    old, new = told(before), told(after)
    changed = [name for name in old if old[name] != new[name]]
    if not changed:
        return
    audit.note(
        connection,
        now=now,
        actor=editor,
        action="edition.arrange",
        subject=f"edition:{before.week}",
        before={name: old[name] for name in changed},
        after={name: new[name] for name in changed},
    )


def assemble_anew(product: Product, week: Week, *, version: int, email: str) -> Edition:
    """Let the assembler choose and order again, from everything that is approved and was never sent; the intro stays.

    Raises StaleVersion and Refused.
    """
    with product.database.write() as connection:
        require_editor(connection, email)
        _read_at(connection, week, version)
        worklists.mark_arranged(connection, week, now=None)
    return composing.assemble(product, week)


def approve(product: Product, week: Week, *, version: int, email: str) -> Edition:
    """Freeze the edition at the version that was read. What does not fit into the mail is left out first, and stays
    approved for the next one. Doing it again changes nothing.

    Raises StaleVersion, Refused, and RenderError for an edition without anything in it.
    """
    with product.database.read() as connection:
        found = editions.find(connection, week)
        if found.state is not EditionState.DRAFT:
            return found
        _read_at(connection, week, version)
        _, cut = _fit(composing.draft_digest(product, connection, found))
        lines = worklists.comparison_lines_of(connection, editions.comparison_ids(connection, week))
    if cut:
        above = _above(list(lines.values()), cut)
        order = [each.slug for each in lines.values() if each.id in above]
        found = arrange(product, week, version=version, order=order, email=email)
    return composing.approve(product, week, email=email, version=found.version)
