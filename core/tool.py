"""Tools: what the panel judges. One per real product, however many sources saw it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.fact import Fact, Pricing
from core.identifier import Identifier


class ToolStatus(StrEnum):
    """Where a tool stands on its way to the reader."""

    KEPT = "kept"  # seen and stored, not for the queue (old, off topic); an editor can overrule
    QUEUED = "queued"
    IN_REVIEW = "in_review"  # a verdict is in, the panel is not complete
    REVIEWED = "reviewed"  # panel closed
    PAIRED = "paired"  # stands in an approved comparison
    REJECTED = "rejected"
    MERGED = "merged"  # into another tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One part of a score, in words: which signal gave how much."""

    words: str
    points: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Priority:
    """How soon a tool should be reviewed: 0 to 100, the sum of its reasons."""

    score: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool with what is needed to list it."""

    id: int
    slug: str
    name: str
    tagline: str
    description: str
    described_at: datetime | None
    category: str
    tags: tuple[str, ...]
    homepage: str | None
    status: ToolStatus
    merged_into: int | None
    priority: Priority
    first_seen: datetime
    version: int
    queue_reason: str = ""  # what the rule said about the queue, either way


@dataclass(frozen=True, slots=True, kw_only=True)
class SightingRow:
    """A sighting as a tool's page lists it."""

    source: str
    external_id: str
    url: str
    title: str
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolDossier:
    """Everything that is known of one tool, verdicts excepted (those pass through review/blind)."""

    tool: Tool
    identifiers: tuple[Identifier, ...]
    sightings: tuple[SightingRow, ...]
    facts: tuple[Fact, ...]
    pricing: Pricing
