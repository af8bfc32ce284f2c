"""Entries into tools: decide on all of them together, and carry it out.

Loaded only when there are entries: a run in which no source has anything new needs nothing of it.
"""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from core.intent import Ask, Assessment, Intent, Merge, NewTool, SeenAgain
from core.sighting import Seen, Sighting
from core.source import Reading
from ingest.assess import assess
from ingest.match import decide
from ingest.priority import Scales
from store import audit, merges, tools


@dataclass(slots=True)
class Counts:
    """What a reading changed."""

    new: int = 0
    changed: int = 0
    new_tools: int = 0
    merged: int = 0


def apply(connection: Any, readings: Sequence[Reading]) -> dict[str, Counts]:
    """Decide on all entries of these readings together, and carry it out. What changed, by source.

    `connection` is opaque here.
    """
    sightings = [one for each in readings for one in each.sightings]
    now = max(each.at for each in readings)
    intents = decide(sightings, tools.known(connection, sightings), now=now)
    made = _of(intents, NewTool)
    again = _of(intents, SeenAgain)
    joined = [each for each in _of(intents, Merge) if merges.apply(connection, each, by=audit.SYSTEM, now=now)]
    tools.see_again(connection, again, now=now)
    scales = _Scales(connection, [one for each in made for one in each.sightings])
    tools.add(connection, [(each, _assess_new(each, scales, now)) for each in made], now=now)
    tools.ask(connection, _of(intents, Ask), now=now)
    touched = {each.tool for each in again} | {each.winner for each in joined}
    touched -= {each.loser for each in joined}
    tools.reassess(connection, assessments(connection, sorted(touched), scales, now=now), now=now)
    for each in joined:
        evidence = {"rule": each.rule, "evidence": list(each.evidence), "into": each.winner}
        audit.note(
            connection, now=now, actor=audit.SYSTEM, action="tool.merge", subject=f"tool:{each.loser}", after=evidence
        )
    return _counted(made, again, joined)


def _counted(made: Sequence[NewTool], again: Sequence[SeenAgain], joined: Sequence[Merge]) -> dict[str, Counts]:
    """What changed, by source. A tool that several sources show for the first time counts for the one that leads;
    a merge for the first source that shows the tool that remains."""
    counts: dict[str, Counts] = defaultdict(Counts)
    for new in made:
        counts[new.sightings[0].source].new_tools += 1
        for one in new.sightings:
            counts[one.source].new += 1
    shown_by: dict[int, str] = {}
    for each in again:
        counts[each.sighting.source].new += each.first
        counts[each.sighting.source].changed += each.changed
        shown_by.setdefault(each.tool, each.sighting.source)
    for merge in joined:
        if merge.winner in shown_by:
            counts[shown_by[merge.winner]].merged += 1
    return counts


_Kind = TypeVar("_Kind")


def _of(intents: Iterable[Intent], kind: type[_Kind]) -> list[_Kind]:
    return [each for each in intents if isinstance(each, kind)]


def _assess_new(new: NewTool, scales: Scales, now: datetime) -> Assessment:
    return assess([Seen(sighting=one, first_seen=now, last_seen=now) for one in new.sightings], scales=scales, now=now)


def assessments(connection: Any, ids: Sequence[int], scales: Scales, *, now: datetime) -> dict[int, Assessment]:
    """What all sightings of each of these tools say together. Tools without any are left out."""
    return {at: assess(seen, scales=scales, now=now) for at, seen in tools.seen(connection, ids).items()}


class _Scales(Mapping[tuple[str, str], Sequence[float]]):
    """(source, signal) -> sorted figures of that signal in that source: those stored, and those about to be.

    Each entry counts once, or reading the same answer again would move its neighbours. `coming` are entries that are
    not stored yet; what is stored of their sources is loaded at once, before they are. Another source's figures are
    loaded when they are first asked for.
    """

    def __init__(self, connection: Any, coming: Sequence[Sighting] = ()) -> None:
        self._connection = connection
        self._coming: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for one in coming:
            for each in one.signals:
                self._coming[one.source][each.name].append(each.value)
        self._loaded = {source: self._load(source) for source in list(self._coming)}

    def __getitem__(self, key: tuple[str, str]) -> Sequence[float]:
        source, signal = key
        if source not in self._loaded:
            self._loaded[source] = self._load(source)
        return self._loaded[source][signal]

    def _load(self, source: str) -> dict[str, list[float]]:
        found = {name: sorted(values) for name, values in tools.samples(self._connection, source).items()}
        for name, values in self._coming[source].items():
            kept = found.setdefault(name, [])
            for value in values:
                insort(kept, value)
        return found

    def __iter__(self) -> Any:
        return ((source, name) for source, names in self._loaded.items() for name in names)

    def __len__(self) -> int:
        return sum(map(len, self._loaded.values()))


def reassess(connection: Any, ids: Sequence[int], *, now: datetime) -> None:
    """Assess tools anew after their sightings were moved about."""
    tools.reassess(connection, assessments(connection, ids, _Scales(connection), now=now), now=now)
