"""Intents: what ingestion decided, as values. `ingest/match` makes them, `store/tools` carries them out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.fact import Fact, Pricing
from core.identifier import Identifier
from core.sighting import Sighting
from core.tool import Priority, Reason

SightingKey = tuple[str, str]
"""(source, external id)"""

ToolRef = int | SightingKey
"""A tool by its id, or, while it has none yet, by the sighting that makes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSighting:
    """A sighting that is stored already."""

    tool: int
    content_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A known tool that a new sighting might show although they share no identifier.

    `names` are its own and those of its sightings, in order; `owners` the makers' names as its sightings give them
    (see `Sighting.maker`), `mentions` what they speak of.
    """

    tool: int
    names: tuple[str, ...]
    text: str = ""  # tagline and description
    owners: frozenset[str] = frozenset()
    homepages: frozenset[str] = frozenset()
    identifiers: frozenset[Identifier] = frozenset()
    mentions: frozenset[Identifier] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the store knows of a batch of sightings before anything is decided.

    `tool_of` holds every identifier of the batch that belongs to a tool (merged tools already followed to the
    tool that took them in); `identifiers_of` all identifiers of each tool named in `tool_of`; `apart` pairs of tools, smaller id first, that an editor has declared different; `candidates` tools with a
    sighting whose name or family (core/names) is that of a sighting of the batch which shares no identifier with
    anything known, at most 200 per sighting.
    """

    tool_of: Mapping[Identifier, int] = field(default_factory=dict)
    identifiers_of: Mapping[int, frozenset[Identifier]] = field(default_factory=dict)
    sightings: Mapping[SightingKey, KnownSighting] = field(default_factory=dict)
    apart: frozenset[tuple[int, int]] = frozenset()
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTool:
    """These sightings (at least one, of one batch) present a tool that nobody has seen."""

    sightings: tuple[Sighting, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenAgain:
    """A sighting of a known tool. `first` when this entry itself is new, `changed` when its words differ from
    those stored; neither: only its figures and the day may have moved."""

    sighting: Sighting
    tool: int
    first: bool
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Two known tools are one. `rule` names the rule, `evidence` what it rests on."""

    winner: int
    loser: int
    rule: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Perhaps one tool, perhaps two: a question for an editor."""

    one: ToolRef
    other: ToolRef
    score: float
    reasons: tuple[Reason, ...]


Intent = NewTool | SeenAgain | Merge | Ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What all sightings of one tool say together: its texts, its facts, its price and its place in the queue.

    `queue` False keeps the tool out of the queue; `queue_reason` says why in words, in either case.
    `was_old`: it was old already when it was first seen, so that it would never have entered.
    """

    name: str
    tagline: str
    description: str
    category: str
    tags: tuple[str, ...]
    homepage: str | None
    facts: tuple[Fact, ...]
    pricing: Pricing
    priority: Priority
    queue: bool
    queue_reason: str
    was_old: bool = False
