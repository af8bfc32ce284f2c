"""Installations in which `verdicts` runs as a process, and the sample sources they read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.samples import SampleServer
from tests.app.installation import Installation, install


@pytest.fixture(scope="session")
def samples() -> Iterator[SampleServer]:
    """The sample sources on loopback."""
    with SampleServer() as server:
        yield server


@pytest.fixture
def installed(tmp_path: Path, samples: SampleServer) -> Callable[..., Installation]:
    """Makes an installation in the test's own folder; a migrated database may be given, else there is none."""
    return lambda **settings: install(tmp_path, samples, **settings)
