"""Entries: each read on its own, so that a bad one becomes a value beside its neighbours."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice

from pydantic import ValidationError

from core.clock import from_iso, in_seconds
from core.errors import ParseError
from core.identifier import Identifier
from core.sighting import Sighting, Signal
from core.source import BadEntry, Parsed, Request
from core.text import clean

MOST_ENTRIES = 5_000
"""Entries of one response that are read; a body that holds more is no listing of new tools."""
_LONGEST_ID = 300
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_MOST_BAD_KEPT = 100


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An entry that was understood and is not wanted, with the reason as the operator reads it."""

    reason: str


Read = Callable[[object], Sighting | LeftOut]


def gather(
    entries: Iterable[object],
    read: Read,
    *,
    following: tuple[Request, ...] = (),
    empty_is_normal: bool = False,
    marks: Mapping[str, str] | None = None,
) -> Parsed:
    """Read every entry by itself.

    `read` takes one entry and returns a Sighting or LeftOut; a ValueError (pydantic's is one) or ParseError from it
    makes a BadEntry. Entries that share an id are told apart by `told_apart`.
    """
    sightings: list[Sighting] = []
    bad: list[BadEntry] = []
    left_out: Counter[str] = Counter()
    everything = iter(entries)
    for number, entry in enumerate(islice(everything, MOST_ENTRIES), 1):
        try:
            result = _with_name(read(entry))
        except (ValueError, OverflowError, ParseError) as error:
            bad.append(BadEntry(where=_where(number, entry), reason=_reason(error)))
            continue
        if isinstance(result, LeftOut):
            left_out[result.reason] += 1
        else:
            sightings.append(result)
    beyond = sum(1 for _ in everything)
    left_out.update({f"beyond the first {MOST_ENTRIES} entries": beyond} if beyond else {})
    return Parsed(
        sightings=told_apart(sightings),
        bad=tuple(bad[:_MOST_BAD_KEPT]),
        left_out=dict(left_out),
        following=following,
        empty_is_normal=empty_is_normal,
        marks=marks or {},
    )


def _with_name(result: Sighting | LeftOut) -> Sighting | LeftOut:
    if isinstance(result, Sighting) and not result.name:
        raise ValueError("the entry has no name")
    return result


def _where(number: int, entry: object) -> str:
    named = entry.get("id") or entry.get("objectID") if isinstance(entry, dict) else None
    return f"entry {number} (id {clean(str(named), limit=60)})" if named else f"entry {number}"


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return clean(f"{place}: {first['msg']}", limit=300)
    return clean(str(error) or type(error).__name__, limit=300)


def told_apart(sightings: Sequence[Sighting]) -> tuple[Sighting, ...]:
    """Sightings with distinct ids. An exact repetition goes; different entries that share an id all get a mark of
    their address and name added (of their content where that is shared too), whatever order they came in."""
    groups: dict[str, list[Sighting]] = {}
    for sighting in sightings:
        groups.setdefault(sighting.external_id, []).append(sighting)
    return tuple(one for group in groups.values() for one in _distinct(group))


def _distinct(alike: Sequence[Sighting]) -> Iterator[Sighting]:
    if len(alike) == 1:  # nearly always, and hashing costs
        yield alike[0]
        return
    group = {one.content_hash: one for one in reversed(alike)}
    if len(group) == 1:
        yield alike[0]
        return
    marks = Counter(map(_mark, group.values()))
    for content_hash, sighting in group.items():
        mark = _mark(sighting)
        yield replace(
            sighting, external_id=f"{sighting.external_id}#{mark if marks[mark] == 1 else content_hash[2:14]}"
        )


def _mark(sighting: Sighting) -> str:
    return hashlib.sha256(f"{sighting.url}\n{sighting.name}".encode(errors="replace")).hexdigest()[:12]


def external_id(value: object) -> str:
    """An entry's id as text of at most 300 characters; a longer one keeps its beginning and gets its hash.

    Raises ValueError when there is none.
    """
    text = clean(str(value), limit=20_000) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not text:
        raise ValueError("the entry has no id")
    if len(text) <= _LONGEST_ID:
        return text
    return f"{text[:200]}~{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def instant(value: object, *, now: datetime) -> datetime | None:
    """A source's date as an instant in UTC: ISO 8601 text, or seconds or milliseconds since 1970.

    None for what is missing, unreadable, before 1990 or more than a day ahead of `now`: such dates are mistakes,
    and a wrong date is worse than none.
    """
    try:
        read = _read_instant(value)
    except (ValueError, OverflowError, OSError, TypeError):
        return None
    if read is None or read < _EARLIEST or (read - now).total_seconds() > 86_400:  # noqa: PLR2004 - a day, for clocks and zones
        return None
    return read.replace(microsecond=0)


def _read_instant(value: object) -> datetime | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return datetime.fromtimestamp(in_seconds(value), UTC)
    return from_iso(value) if isinstance(value, str) and len(value) < 60 else None  # noqa: PLR2004 - no date is longer


def signals(**values: object) -> tuple[Signal, ...]:
    """Figures of popularity by name; what is no finite number from 0 on is left out."""
    return tuple(
        Signal(name=name, value=float(value))
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1e15  # noqa: PLR2004 - beyond is noise
    )


def named(identifier: Identifier | None) -> frozenset[Identifier]:
    """One identifier or none as a set."""
    return frozenset() if identifier is None else frozenset({identifier})
