"""Who may see what of a tool's verdicts. ONE function decides, and every reader goes through it: pages, JSON, feeds,
search, sort orders, percentages, badges, mails and error texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.panel import Role, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Whoever is looking; no roles: the public.

    `seats` are those from which they have submitted a verdict that counts. Seats and not names: two people may bear
    one name, and a verdict need not carry any.
    """

    roles: frozenset[Role] = frozenset()
    seats: frozenset[int] = frozenset()


PUBLIC = Viewer()


@dataclass(frozen=True, slots=True, kw_only=True)
class Visible:
    """What a viewer may see. Everything shown must be derived from `verdicts` and nothing else.

    `hidden` says that there may be more: then nothing that rests on the others (a percentage, a count of ships, an
    order by result) may be shown, not even that there is none. `why` says so in words for the page.
    """

    verdicts: tuple[Verdict, ...]
    hidden: bool
    why: str = ""


def visible(verdicts: Sequence[Verdict], *, viewer: Viewer, published: bool, may_judge: bool) -> Visible:
    """What the viewer may see of the verdicts on one tool.

    `published`: they stand in a published comparison. `may_judge`: the viewer could still give a verdict on this tool,
    or take theirs back and give another: until they have asked for the panel, which is written down and ends that.
    Then editors see everything, reviewers what is not theirs only after their own, and the public what is published.
    Nothing else lifts the blind from somebody who can still judge: neither that it is published, nor that they are an
    editor too. An operator is the public here.
    """
    if may_judge:
        return _nothing("You see the others' verdicts once yours is in and you have asked for them.")
    if Role.EDITOR in viewer.roles or _has_judged(verdicts, viewer):
        return Visible(verdicts=tuple(verdicts), hidden=False)
    if not published:
        return _nothing("The panel's verdicts appear here when they are published.")
    return Visible(verdicts=tuple(verdicts), hidden=False)


def _has_judged(verdicts: Sequence[Verdict], viewer: Viewer) -> bool:
    return Role.REVIEWER in viewer.roles and any(verdict.seat in viewer.seats for verdict in verdicts)


def _nothing(why: str) -> Visible:
    return Visible(verdicts=(), hidden=True, why=why)
