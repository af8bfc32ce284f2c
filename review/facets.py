"""Tags by what they speak of: what a tool is used for, what it has, whom it is for."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass

_TASK = re.compile(r"[a-z]+(?:-[a-z]+)*-to-[a-z]+(?:-[a-z]+)*")
_HUB_TASKS = (
    "automatic-speech-recognition feature-extraction fill-mask image-classification image-segmentation "
    "object-detection question-answering reinforcement-learning robotics sentence-similarity summarization "
    "text-classification text-generation text-ranking token-classification translation voice-activity-detection"
)
_TASKS = frozenset(_HUB_TASKS.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Facets:
    """The tags of a tool, sorted."""

    use_cases: frozenset[str]
    features: frozenset[str]
    audience: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """Every tag that counts."""
        return self.use_cases | self.features | self.audience


def facets(tags: Iterable[str]) -> Facets:
    """Sort tags: `use-...` and the tasks of model hubs (`text-to-speech`) are use cases, `for-...` the audience.

    Tags with a colon are a hub's own book-keeping (`region:us`, `license:mit`) and are left out. Blanks and hyphens
    are one.
    """
    known = {sys.intern(tag.strip().casefold().replace(" ", "-")) for tag in tags if tag.strip() and ":" not in tag}
    audience = frozenset(tag for tag in known if tag.startswith("for-"))
    use_cases = frozenset(tag for tag in known if tag.startswith("use-") or tag in _TASKS or _TASK.fullmatch(tag))
    return Facets(use_cases=use_cases, features=frozenset(known - audience - use_cases), audience=audience - use_cases)
