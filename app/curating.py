"""The catalogue in an editor's hands: finding tools, one tool with its whole history, facts and prices set by hand, and
many tools changed at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from app import applying, editing
from app.questions import Answer, answer, require_seen
from app.wiring import Product
from core.category import CATEGORIES, category_name
from core.errors import NotFound, Refused, VerdictsError
from core.fact import Confidence, Fact, Per, Price, Pricing, PricingModel
from core.sighting import Seen
from core.text import clean, slugify
from core.tool import Tool, ToolDossier, ToolStatus
from store import audit, tools, versions, worklists
from store.audit import Entry
from store.versions import Relative
from store.worklists import ComparisonLine, ToolLine, Wanted

A_PAGE = 50
MOST = 500
"""Rows of one bulk action."""

BY_HAND = "editor"
"""The rule of a price that an editor has set."""

FLAGS = ("trial", "source_available", "open_weights", "usage_based")
_SHOWN = 60  # sightings
_TRAIL = 60  # entries of the log
_FACT = 500  # characters of a fact
_QUOTE = 600


# ------------------------------------------------------------ finding


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolsPage:
    """A page of tools. `more`: where the next one goes on, empty on the last."""

    lines: tuple[ToolLine, ...]
    more: str
    sources: tuple[str, ...]


def find(product: Product, wanted: Wanted, *, after: str = "") -> ToolsPage:
    """A page of tools that fit. Raises NotFound for a place that none of our links hold."""
    with product.database.read() as connection:
        try:
            lines, more = worklists.tool_lines(connection, wanted, limit=A_PAGE, after=after)
        except ValueError:
            raise NotFound("There is no such page of tools.", mend="Begin at the first.") from None
        return ToolsPage(lines=tuple(lines), more=more, sources=tuple(worklists.source_keys(connection)))


def named(text: str) -> tuple[tuple[str, ...], str]:
    """What was typed to find a tool by: the words that its name must hold, and what one of its addresses may begin
    with; `Smol VLM` looks for both words, or for `smol-vlm`."""
    words = tuple(clean(text, limit=80).split())
    return words, slugify(text) if any(map(str.isalnum, text)) else ""


def suggestions(product: Product, text: str) -> list[tuple[str, str]]:
    """Tools that may be meant while somebody types: address and name."""
    words, begins = named(text)
    if not begins:
        return []
    with product.database.read() as connection:
        return worklists.suggestions(connection, Wanted(words=words, begins=begins))


# ------------------------------------------------------------ one tool


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSheet:
    """A tool with everything known of it and everything that was done to it."""

    dossier: ToolDossier
    edited: tuple[str, ...]
    by_hand: Mapping[tuple[str, str], str]  # (field, source) -> the editor who set that fact
    denied: tuple[Fact, ...]
    seen: tuple[Seen, ...]
    sightings: int
    relatives: tuple[Relative, ...]
    taken_in: tuple[tuple[str, str], ...]
    comparisons: tuple[ComparisonLine, ...]
    addresses: tuple[str, ...]
    trail: tuple[Entry, ...]

    @property
    def tool(self) -> Tool:
        """The tool itself."""
        return self.dossier.tool


def show(product: Product, slug: str) -> ToolSheet:
    """Everything of a tool; old addresses lead on. Raises NotFound."""
    with product.database.read() as connection:
        found = tools.find(connection, slug)
        at = found.id
        seen = tools.seen(connection, [at]).get(at, ())
        hand = tools.facts_by_hand(connection, at)
        addresses = worklists.addresses(connection, at)
        newest = sorted(seen, key=lambda each: each.last_seen, reverse=True)[:_SHOWN]
        return ToolSheet(
            dossier=tools.dossier(connection, found),
            edited=worklists.edited_fields(connection, at),
            by_hand={(each.field, each.source_url): by for each, by in hand},
            denied=tuple(each for each, _ in hand if not each.value),
            seen=tuple(newest),
            sightings=len(seen),
            relatives=versions.relatives(connection, at),
            taken_in=tuple(worklists.taken_in(connection, at)),
            comparisons=tuple(worklists.comparisons_of(connection, at)),
            addresses=tuple(addresses),
            trail=tuple(worklists.trail(connection, [f"tool:{each}" for each in addresses], limit=_TRAIL)),
        )


def keep_fact(
    product: Product, slug: str, *, field: str, value: str, source_url: str, seen_on: str, version: int, actor: str
) -> Fact:
    """Set a fact by hand, with its source and the day on which it says so. Raises StaleVersion and Refused."""
    name, said = slugify(field).replace("-", "_"), clean(value, limit=_FACT)
    if not (field.strip() and said):
        raise Refused("A fact needs a field and a value.", mend="Say what is claimed, like licence: apache-2.0.")
    made = Fact(field=name, value=said, source_url=editing.checked_url(source_url), observed_at=_day(product, seen_on))
    return _write_fact(product, slug, made, version=version, actor=actor, action="tool.fact")


def deny_fact(product: Product, slug: str, *, field: str, source_url: str, version: int, actor: str) -> Fact:
    """Say that what a source claims is not so: it is shown no more, whatever the source goes on saying."""
    made = Fact(field=field, value="", source_url=source_url, observed_at=product.now)
    return _write_fact(product, slug, made, version=version, actor=actor, action="tool.deny_fact")


def _write_fact(product: Product, slug: str, made: Fact, *, version: int, actor: str, action: str) -> Fact:
    now = product.now
    with product.database.write() as connection:
        found = _read(connection, slug, version)
        before = _claimed(connection, found, made)
        if not (before or made.value):
            raise NotFound(f"No source says {made.field} there.", mend="Look at the tool again.")
        tools.keep_fact(connection, found.id, made, by=actor, now=now)
        worklists.touch(connection, found.id)
        after = {"field": made.field, "value": made.value, "source": made.source_url}
        _note(connection, found, action, actor=actor, now=now, before=before, after=after)
    return made


def release_fact(product: Product, slug: str, *, field: str, source_url: str, version: int, actor: str) -> None:
    """Take an editor's word on a fact back; what the sightings say stands again. Raises NotFound and StaleVersion."""
    now = product.now
    with product.database.write() as connection:
        found = _read(connection, slug, version)
        before = _claimed(connection, found, Fact(field=field, value="", source_url=source_url, observed_at=now))
        if not tools.release_fact(connection, found.id, field, source_url):
            raise NotFound("No editor has said anything there.", mend="Look at the tool again.")
        applying.reassess(connection, [found.id], now=now)
        worklists.touch(connection, found.id)
        _note(connection, found, "tool.release_fact", actor=actor, now=now, before=before)


def _claimed(connection: Any, found: Tool, made: Fact) -> Any:
    """What stands there now, as the log keeps it."""
    there = tools.dossier(connection, found).facts
    said = next((each for each in there if (each.field, each.source_url) == (made.field, made.source_url)), None)
    return {"field": said.field, "value": said.value, "source": said.source_url} if said else None


def keep_price(
    product: Product,
    slug: str,
    *,
    model: str,
    amount: str,
    currency: str,
    per: str,
    flags: Sequence[str],
    source_url: str,
    quote: str,
    seen_on: str,
    version: int,
    actor: str,
) -> Pricing:
    """Set the price by hand, with its evidence; ingestion leaves it alone from now on. Raises StaleVersion, Refused."""
    now = product.now
    if model not in set(PricingModel):
        raise Refused("What does it cost to begin?", mend=f"Choose one of: {', '.join(PricingModel)}.")
    unknown = model == PricingModel.UNKNOWN
    read = Pricing(
        model=PricingModel(model),
        entry_price=None if unknown else _price(amount, currency, per),
        flags=tuple(each for each in FLAGS if each in flags),
        source_url=None if unknown and not source_url.strip() else editing.checked_url(source_url),
        quote=clean(quote, limit=_QUOTE),
        rule=BY_HAND,
        confidence=Confidence.B,
        observed_at=None if unknown and not seen_on else _day(product, seen_on),
    )
    with product.database.write() as connection:
        found = _read(connection, slug, version)
        before = tools.dossier(connection, found).pricing
        tools.keep_price(connection, found.id, read, now=now, by=actor)
        worklists.touch(connection, found.id)
        _note(connection, found, "tool.price", actor=actor, now=now, before=_told(before), after=_told(read))
    return read


def _price(amount: str, currency: str, per: str) -> Price | None:
    if not amount.strip():
        return None
    try:
        number = Decimal(amount.strip().replace(",", "."))
    except InvalidOperation:
        number = Decimal(-1)
    if not (number.is_finite() and 0 <= number < 10**9):
        raise Refused(f"{clean(amount, limit=40)!r} is not an amount.", mend="Write a number, like 19.99.")
    code = currency.strip().upper()
    if len(code) != 3 or not (code.isascii() and code.isalpha()):  # noqa: PLR2004 - ISO 4217
        raise Refused("A price needs its currency.", mend="Write it in three letters, like USD.")
    if per not in set(Per):
        raise Refused("A price needs what it is for.", mend=f"Choose one of: {', '.join(Per)}.")
    return Price(amount=number, currency=code, per=Per(per))


def _told(read: Pricing) -> dict[str, Any]:
    return {
        "model": read.model,
        "price": str(read.entry_price) if read.entry_price else None,
        "source": read.source_url,
        "quote": read.quote,
    }


def _day(product: Product, text: str) -> datetime:
    """A day as a form gives it. Raises Refused for none, and for one to come."""
    try:
        found = datetime.combine(date.fromisoformat(text.strip()), time(), UTC)
    except ValueError:
        raise Refused("On which day does the source say so?", mend="Write it like 2026-11-22.") from None
    if found.date() > product.now.date():
        raise Refused("That day is still to come.", mend="Write the day on which you looked.")
    return found


def _read(connection: Any, slug: str, version: int) -> Tool:
    found = tools.find(connection, slug)
    require_seen([found], {found.slug: version})
    return found


def _note(connection: Any, found: Tool, action: str, *, actor: str, now: datetime, **change: Any) -> None:
    audit.note(connection, now=now, actor=actor, action=action, subject=f"tool:{found.slug}", **change)


# ------------------------------------------------------------ many at once


class Bulk(StrEnum):
    """What may be done to many tools at once."""

    REJECT = "reject"
    QUEUE = "queue"
    CATEGORY = "category"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One row of a bulk action: what it is now, and what it would be. `why`: why it is left out, empty when it is not."""

    line: ToolLine
    before: str
    after: str
    why: str = ""


def preview(product: Product, action: Bulk, slugs: Sequence[str], *, category: str = "") -> tuple[Change, ...]:
    """Exactly what a bulk action would change. Raises Refused for a category that there is not."""
    if action is Bulk.CATEGORY and category not in CATEGORIES:
        raise Refused("Choose the category to move them into.", mend=f"Categories: {', '.join(CATEGORIES)}.")
    with product.database.read() as connection:
        lines = worklists.lines_of(connection, slugs[:MOST])
    return tuple(_change(each, action, category) for each in lines)


def _change(line: ToolLine, action: Bulk, category: str) -> Change:
    if action is Bulk.CATEGORY:
        before, after = category_name(line.category), category_name(category)
    else:
        before = line.status.replace("_", " ")
        after = "rejected" if action is Bulk.REJECT else "queued"
    return Change(line=line, before=before, after=after, why=_why_not(line, action, before == after))


def _why_not(line: ToolLine, action: Bulk, same: bool) -> str:  # noqa: FBT001 - of two words just compared
    if same:
        return "it is already"
    if line.status is ToolStatus.MERGED:
        return "it is part of another tool"
    if action is Bulk.QUEUE and line.status not in (ToolStatus.KEPT, ToolStatus.REJECTED):
        return "it has left the queue"
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkDone:
    """What a bulk action did: how many rows, and each that was left out with the reason."""

    done: int
    left_out: tuple[tuple[str, str], ...]


def carry_out(product: Product, action: Bulk, seen: Mapping[str, int], *, category: str = "", actor: str) -> BulkDone:
    """Do it to each of these, by address, that still is at the version that was previewed; one that fails or has
    changed is left out and said, and never takes its neighbours along."""
    left_out: list[tuple[str, str]] = []
    rows = list(seen.items())[:MOST]
    for slug, version in rows:
        try:
            if action is Bulk.REJECT:
                editing.reject_tool(product, slug, actor=actor, version=version)
            elif action is Bulk.QUEUE:
                editing.queue_tool(product, slug, actor=actor, version=version)
            else:
                editing.edit_tool(product, slug, {"category": category}, actor=actor, version=version)
        except VerdictsError as error:
            left_out.append((slug, error.message))
    return BulkDone(done=len(rows) - len(left_out), left_out=tuple(left_out))


def tell_apart(product: Product, numbers: Mapping[int, Mapping[str, int]], *, actor: str) -> BulkDone:
    """Answer many "same tool?" questions with *different*: number -> the versions of both tools that were read."""
    left_out: list[tuple[str, str]] = []
    rows = list(numbers.items())[:MOST]
    for at, seen in rows:
        try:
            answer(product, at, Answer.DIFFERENT, seen=seen, actor=actor)
        except VerdictsError as error:
            left_out.append((f"question {at}", error.message))
    return BulkDone(done=len(rows) - len(left_out), left_out=tuple(left_out))
