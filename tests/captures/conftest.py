"""Real responses, kept outside the project. Where the folder is missing, these tests are skipped and say so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from core.source import Parsed
from tests.ingest.making import NOW, parsed

CAPTURES = Path(__file__).parents[3] / "shared" / "captures"


@pytest.fixture(scope="session")
def captures() -> Path:
    """The folder of captures."""
    if not CAPTURES.is_dir():
        pytest.skip(f"no captures of real responses at {CAPTURES}")
    return CAPTURES


Reader = Callable[..., Parsed]


@pytest.fixture
def read(captures: Path) -> Reader:
    """Read one capture with the adapter of a kind: `read(kind, path, **options)`."""

    def reading(kind: str, path: str, *, now: datetime = NOW, **options: Any) -> Parsed:
        return parsed(kind, (captures / path).read_bytes(), now=now, **options)

    return reading


@pytest.fixture
def read_json(captures: Path) -> Callable[[str], Any]:
    """The JSON of one capture."""
    return lambda path: orjson.loads((captures / path).read_bytes())
