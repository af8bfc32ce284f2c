"""Editions: one weekly mail, an ordered list of approved comparisons."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.week import Week


class EditionState(StrEnum):
    """An edition's life. From `approved` on its content is frozen."""

    DRAFT = "draft"
    APPROVED = "approved"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """What was approved, byte for byte what is sent."""

    subject: str
    html: str
    text: str
    comparisons: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """The content hash of an edition: every part, with its length before it, so that no two contents look alike."""
        digest = hashlib.sha256()
        for part in (self.subject, self.html, self.text, *self.comparisons):
            data = part.encode()
            digest.update(len(data).to_bytes(8, "big") + data)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """An edition as readers with certain tastes (core/category.py) get it: the comparisons at `places` (from 1) stand
    in front. Counted from 1: variant 0 is the edition's own content.

    With `best_of` it is the mail of monthly readers, whatever their taste: comparisons of the month before, so that
    it has no places and serves no taste.
    """

    number: int
    places: tuple[int, ...]
    tastes: tuple[str, ...]
    frozen: Frozen
    best_of: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """An edition as editors see it. `frozen` is None while it is a draft; `number` counts from 1."""

    week: Week
    number: int
    state: EditionState
    subject: str
    preheader: str
    intro: str
    comparisons: tuple[str, ...]
    version: int
    frozen: Frozen | None = None
    content_hash: str | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None
