"""Same tool? What ingestion could not decide, with all there is to decide it by; the answer, and taking it back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app import applying
from app.wiring import Product
from core.errors import NotFound, Refused, StaleVersion
from core.identifier import Scheme
from core.intent import Merge
from core.sighting import Seen
from core.tool import Tool, ToolDossier, ToolStatus
from ingest.identity import domain_of, on_shared_hosting
from review.family import makers
from store import audit, merges, tools, versions, worklists
from store.versions import Relative
from store.worklists import Question

A_PAGE = 50
_EXCLUSIVE = (Scheme.HF, Scheme.HF_DATASET, Scheme.HF_SPACE, Scheme.GITHUB, Scheme.PRODUCTHUNT, Scheme.OPENROUTER)
_SHOWN = 20  # sightings of each tool


class Answer(StrEnum):
    """What an editor may say of two tools that look alike."""

    SAME = "same"
    DIFFERENT = "different"
    VERSION = "version"  # two tools: one is a newer version of the other


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """One of the two, with everything that speaks for or against: the newest sightings first."""

    dossier: ToolDossier
    seen: tuple[Seen, ...]
    sightings: int

    @property
    def tool(self) -> Tool:
        """The tool itself."""
        return self.dossier.tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A question as an editor decides it. `against`: what keeps the two apart, in words."""

    question: Question
    a: Suspect
    b: Suspect
    against: tuple[str, ...]
    relatives: tuple[Relative, ...]


def open_questions(product: Product, *, after: tuple[float, int] | None = None) -> list[Question]:
    """A page of open questions and one more, the surest first."""
    with product.database.read() as connection:
        return worklists.questions(connection, limit=A_PAGE + 1, after=after)


def some(product: Product, numbers: Sequence[int]) -> list[tuple[Question, Tool, Tool]]:
    """Those of these questions that are open, with both tools as they are now."""
    with product.database.read() as connection:
        found = [
            each for each in worklists.questions_of(connection, numbers) if each.answer == "open" and each.a != each.b
        ]
        both = tools.get(connection, sorted({at for each in found for at in (each.a, each.b)}))
    return [(each, both[each.a], both[each.b]) for each in found]


def show(product: Product, at: int) -> Sheet:
    """A question with both tools as they are now. Raises NotFound."""
    with product.database.read() as connection:
        found = worklists.question(connection, at)
        both = tools.get(connection, [found.a, found.b])
        dossiers = tools.dossiers(connection, list(both.values()))
        seen = tools.seen(connection, list(both))
        a, b = (_suspect(dossiers[each], seen.get(each, ())) for each in (found.a, found.b))
        near = versions.relatives(connection, found.a)
    return Sheet(question=found, a=a, b=b, against=against(a.dossier, b.dossier), relatives=near)


def _suspect(dossier: ToolDossier, seen: Sequence[Seen]) -> Suspect:
    newest = sorted(seen, key=lambda each: each.last_seen, reverse=True)[:_SHOWN]
    return Suspect(dossier=dossier, seen=tuple(newest), sightings=len(seen))


def against(one: ToolDossier, other: ToolDossier) -> tuple[str, ...]:
    """What speaks against two tools being one, in words; the reasons for it come with the question."""
    words = [
        f"One is {scheme}:{min(a)}, the other {scheme}:{min(b)}."
        for scheme in _EXCLUSIVE
        for a, b in [(_values(one, scheme), _values(other, scheme))]
        if a and b and not a & b
    ]
    theirs = [makers(each.identifiers, ()) for each in (one, other)]
    if all(theirs) and not theirs[0] & theirs[1]:
        words.append(f"Different makers: {min(theirs[0])} and {min(theirs[1])}.")
    homes = [_home(each.tool.homepage) for each in (one, other)]
    if all(homes) and homes[0] != homes[1]:
        words.append(f"Different homes: {homes[0]} and {homes[1]}.")
    if one.tool.category != other.tool.category:
        words.append(f"Different categories: {one.tool.category} and {other.tool.category}.")
    return tuple(words)


def _values(dossier: ToolDossier, scheme: Scheme) -> set[str]:
    return {each.value for each in dossier.identifiers if each.scheme is scheme}


def _home(url: str | None) -> str | None:
    return domain_of(url) if url and not on_shared_hosting(url) else None


def following(product: Product, sheet: Question) -> int | None:
    """The question after this one, None when it was the last."""
    with product.database.read() as connection:
        found = worklists.questions(connection, limit=1, after=(sheet.score, sheet.id))
    return found[0].id if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What was done, in words; `merged`: the tool that is part of another now."""

    said: str
    merged: str | None = None


def answer(
    product: Product,
    at: int,
    said: Answer,
    *,
    actor: str,
    chosen: str = "",
    seen: Mapping[str, int] | None = None,
) -> Answered:
    """Settle a question. `chosen` is the slug of the tool that stays (same) or is the newer one (version); without it
    the older row stays, and the newer row is the newer version. `seen` holds the versions of the tools that were read.

    Raises NotFound, StaleVersion when a tool has changed since, and Refused.
    """
    now = product.now
    with product.database.write() as connection:
        low, high = merges.question(connection, at)
        asked = tools.get(connection, [low, high])
        one, other = (tools.find(connection, asked[each].slug) for each in (low, high))
        if one.id == other.id:
            raise Refused(f"Both are {one.slug} by now.", mend="`verdicts duplicates list` shows what is still open.")
        require_seen([one, other], seen)
        first, second = _ordered(one, other, chosen, said)
        if said is Answer.SAME:
            merge(connection, first, second, actor=actor, now=now)
            return Answered(said=f"{second.slug} is now part of {first.slug}", merged=second.slug)
        for pair in {(low, high), (one.id, other.id)}:
            merges.keep_apart(connection, *pair, by=actor, now=now)
        words = f"{one.slug} and {other.slug} stay two tools"
        if said is Answer.VERSION:
            versions.declare(connection, newer=first.id, older=second.id, by=actor, now=now)
            words = f"{first.slug} is a newer version of {second.slug}; they are never paired"
        both = {"one": first.slug, "other": second.slug, "answer": said}
        audit.note(connection, now=now, actor=actor, action="tool.keep_apart", subject=f"tool:{first.slug}", after=both)
        return Answered(said=words)


def _ordered(one: Tool, other: Tool, chosen: str, said: Answer) -> tuple[Tool, Tool]:
    if chosen and chosen not in (one.slug, other.slug):
        raise Refused(f"{chosen} is neither of the two.", mend="Choose one of them.")
    swap = chosen == other.slug if chosen else said is Answer.VERSION
    return (other, one) if swap else (one, other)


def require_seen(found: Iterable[Tool], seen: Mapping[str, int] | None) -> None:
    """Raise StaleVersion when one of these tools is no longer at the version that was read."""
    changed = [each.slug for each in found if seen is not None and seen.get(each.slug) != each.version]
    if changed:
        raise StaleVersion(
            f"{' and '.join(changed)} changed since you opened this page.", mend="Look at it again, then decide."
        )


def merge(connection: Any, one: Tool, other: Tool, *, actor: str, now: datetime) -> None:
    """Make the second tool part of the first, in a way that can be undone."""
    states = worklists.live_comparisons(connection, other.id)
    decided = Merge(winner=one.id, loser=other.id, rule="editor", evidence=(f"by {actor}",))
    merges.apply(connection, decided, by=actor, now=now)
    worklists.remember_comparisons(connection, other.id, states)
    applying.reassess(connection, [one.id], now=now)
    audit.note(
        connection,
        now=now,
        actor=actor,
        action="tool.merge",
        subject=f"tool:{other.slug}",
        after={"into": one.slug, "comparisons_retired": len(states)},
    )


def unmerge(product: Product, slug: str, *, actor: str) -> str:
    """Take a tool out of the one it was merged into, with its sightings, identifiers, seats and comparisons; the
    question, if one was asked, is open again. `slug` is the present address of the merged tool.

    Raises NotFound when it is not merged (any more), and Refused when nothing would be left of the other.
    """
    now = product.now
    with product.database.write() as connection:
        loser = _merged_tool(connection, slug)
        done = worklists.merged(connection, loser.id)
        whole = tools.get(connection, [done.winner])[done.winner]
        if whole.status is ToolStatus.MERGED:
            raise Refused(f"{whole.slug} was itself merged since.", mend="Take that merge back first.")
        merges.split(connection, whole, done.sightings, by=actor, now=now)
        worklists.reopen(connection, whole.id, loser.id)
        worklists.restore_comparisons(connection, done.comparisons)
        applying.reassess(connection, [whole.id, loser.id], now=now)
        audit.note(
            connection, now=now, actor=actor, action="tool.unmerge", subject=f"tool:{slug}", before={"into": whole.slug}
        )
        return f"{slug} is a tool of its own again"


def _merged_tool(connection: Any, slug: str) -> Tool:
    found = next((each for each in worklists.lines_of(connection, [slug])), None)
    if found is None or found.status is not ToolStatus.MERGED:
        raise NotFound(f"{slug} is not part of another tool (any more).", mend="Look at the tool's page.")
    return tools.get(connection, [found.id])[found.id]


def take_back(product: Product, at: int, *, actor: str) -> str:
    """Open an answered question again: a merge is undone, a declaration is forgotten. Raises NotFound and Refused."""
    now = product.now
    with product.database.read() as connection:
        found = worklists.question(connection, at)
        both = tools.get(connection, [found.low, found.high])
    if found.answer == "open":
        return "The question is open"
    if found.answer == Answer.SAME:
        merged = [each.slug for each in both.values() if each.status is ToolStatus.MERGED]
        if not merged:
            raise Refused("That merge has been undone already.", mend="Look at both tools' pages.")
        return unmerge(product, merged[0], actor=actor)
    with product.database.write() as connection:
        versions.revoke(connection, found.a, found.b)
        for pair in {(found.low, found.high), tuple(sorted((found.a, found.b)))}:
            if worklists.question_about(connection, *pair) is not None:
                worklists.reopen(connection, *pair)
        slugs = sorted(each.slug for each in both.values())
        audit.note(
            connection,
            now=now,
            actor=actor,
            action="tool.ask_again",
            subject=f"tool:{slugs[0]}",
            after={"one": slugs[0], "other": slugs[-1]},
        )
    return f"It is open again whether {slugs[0]} and {slugs[-1]} are one tool"
