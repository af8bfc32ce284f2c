"""Workers: processes of their own for what has to be killed when it does not end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import orjson

_SECONDS = 20.0
_RUN = (sys.executable, "-P", "-m", "ingest.sources.feed_worker")
_FORBIDDEN = ContextVar("_FORBIDDEN", default=False)


class NeedsWorkerError(Exception):
    """This body has to be read in a process of its own, for which there is no time here."""


@contextmanager
def without_workers() -> Iterator[None]:
    """Within this block nothing waits for a worker: what needs one raises NeedsWorkerError."""
    token = _FORBIDDEN.set(True)
    try:
        yield
    finally:
        _FORBIDDEN.reset(token)


def entries_in_worker(mode: str, body: bytes) -> list[Mapping[str, Any]] | None:
    """What a feed parser (see feed_worker) finds; None when it refuses, dies or takes longer than 20 s."""
    if _FORBIDDEN.get():
        raise NeedsWorkerError
    try:
        done = subprocess.run([*_RUN, mode], input=body, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603 - our own module
        answer = orjson.loads(done.stdout) if done.returncode == 0 else None
    except (subprocess.TimeoutExpired, orjson.JSONDecodeError):
        return None
    return answer if isinstance(answer, list) else None
