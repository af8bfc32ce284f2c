"""Corrections: a reader reports, an editor answers, and what was accepted stands in a public log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.publishing import newer
from app.reviewing import require_editor
from app.wiring import Product
from core.errors import NotFound, Refused
from core.text import clean
from store import audit, comparisons, corrections, shelves, tools
from store.corrections import Corrected, Report

LONGEST_CLAIM = 2000
LONGEST_SOURCE = 500
LOG_A_PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A public page that a report can be about: `about` is `compare/SLUG` or `tools/SLUG`."""

    about: str
    name: str
    comparison: int | None
    tool: int | None


def subject(product: Product, about: str) -> Subject:
    """The page that is meant. Raises NotFound unless it is public."""
    kind, _, slug = about.partition("/")
    with product.database.read() as connection:
        if kind == "compare":
            at, _, _ = comparisons.public_pair(connection, slug)
            view = comparisons.approved_view(connection, slug)
            return Subject(about=about, name=view.title, comparison=at, tool=None)
        found = tools.find(connection, slug)
        if kind != "tools" or found.slug != slug or not shelves.of_tool(connection, found.id, limit=1):
            raise NotFound(f"There is no page {clean(about, limit=80)!r}.")
        return Subject(about=about, name=found.name, comparison=None, tool=found.id)


def report(product: Product, about: str, *, claim: str, source_url: str) -> int:
    """Keep what a reader says is wrong. Returns its number. Raises NotFound, and Refused when there are no words."""
    meant = subject(product, about)
    words, source = clean(claim, limit=LONGEST_CLAIM), clean(source_url, limit=LONGEST_SOURCE)
    if not words:
        raise Refused("Nothing was written.", mend="Say in a sentence what is wrong.")
    with product.database.write() as connection:
        return corrections.add(
            connection,
            comparison_id=meant.comparison,
            tool_id=meant.tool,
            claim=words,
            source_url=source or None,
            now=product.now,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionLog:
    """One page of the public log; `more` is the number below which the next one begins, None on the last."""

    entries: tuple[Corrected, ...]
    more: int | None
    modified: datetime | None


def log(product: Product, *, before: int | None = None) -> CorrectionLog:
    """What was corrected, the newest first."""
    with product.database.read() as connection:
        found = corrections.log(connection, limit=LOG_A_PAGE + 1, before=before)
    entries = tuple(found[:LOG_A_PAGE])
    more = entries[-1].id if len(found) > LOG_A_PAGE else None
    return CorrectionLog(entries=entries, more=more, modified=newer(*(each.at for each in entries)))


# ------------------------------------------------------------ editors


def queue(
    product: Product, *, limit: int = 50, state: str = corrections.OPEN, after: int | None = None
) -> list[Report]:
    """Reports in a state: those that wait the oldest first, those that are settled the newest first; behind number
    `after`."""
    with product.database.read() as connection:
        return corrections.waiting(connection, limit=limit, state=state, after=after)


def settle(product: Product, at: int, *, accept: bool, note: str, email: str) -> str:
    """Accept a report with words for the public log, or reject it with words for the audit log.

    Returns what it was about. Raises NotFound, and Refused for one that is settled, without words, or by somebody who is
    no editor.
    """
    words = clean(note, limit=LONGEST_CLAIM)
    if not words:
        raise Refused("A decision needs a note.", mend="Say what was wrong and what was changed, or why nothing was.")
    state = corrections.ACCEPTED if accept else corrections.REJECTED
    with product.database.write() as connection:
        editor = require_editor(connection, email)
        about = corrections.decide(connection, at, state=state, note=words, now=product.now)
        audit.note(
            connection,
            now=product.now,
            actor=editor.email,
            action="correction.accept" if accept else "correction.reject",
            subject=f"correction:{at}",
            after={"about": about, "note": words},
        )
        return about
