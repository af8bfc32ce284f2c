"""Categories: the fixed set in which readers choose and pages list, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

OTHER = "other"

CATEGORIES: Mapping[str, str] = MappingProxyType(
    {
        "language-models": "Language models",
        "vision-language-models": "Vision-language models",
        "image-and-video": "Image and video",
        "speech-and-audio": "Speech and audio",
        "agents": "Agents",
        "coding": "Coding",
        "search-and-retrieval": "Search and retrieval",
        "productivity": "Productivity",
        "data": "Data",
        "infrastructure": "Infrastructure",
        "robotics-and-3d": "Robotics and 3D",
        "research": "Research",
        OTHER: "Other",
    },
)
"""Slug -> name."""


def taste(chosen: Iterable[str]) -> str:
    """A choice of categories as one word, the same for the same choice: `agents,coding`. Empty stands for all of
    them, which is also what choosing none or every one means; unknown ones are left aside."""
    known = set(chosen) & CATEGORIES.keys()
    return "" if len(known) == len(CATEGORIES) else ",".join(sorted(known))


def category_name(slug: str) -> str:
    """The name of a category; a slug that no longer exists is shown as Other."""
    return CATEGORIES.get(slug, CATEGORIES[OTHER])
