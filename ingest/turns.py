"""Turns: one host is asked by one process at a time, at its pace, however many processes fetch on this machine.

A file of small records, one per host (by hash: two hosts may share one, and then wait for each other). Whoever asks a
host holds the lock on its record, so a process that dies lets go of it; the record says when the next request may
start (monotonic clock, which all processes of a machine share) and until when the host wants rest. Where the file cannot
be had, or the system has no such locks (Windows), every process keeps its own pace.
"""

from __future__ import annotations

import asyncio
import os
import random
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_RECORD = struct.Struct("<dd")
_RECORDS = 65_536
_LONGEST = 120.0
"""No gap between two requests is longer: a later start was written before the machine was booted."""
_LOOK = 0.03


@dataclass(slots=True)
class Turn:
    """What processes tell each other of one host: `next_start` (seconds of the monotonic clock) and `rest` (seconds
    since 1970, 0 for none). What is set here is written down when the turn ends."""

    next_start: float = 0.0
    rest: float = 0.0


class Turns:
    """The file. `path` None: nothing is shared."""

    def __init__(self, path: Path | None) -> None:
        self._file = _opened(path)
        self._held: dict[int, int] = {}  # record -> turns of this process on it

    def close(self) -> None:
        """Let go of everything."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @asynccontextmanager
    async def of(self, name: str) -> AsyncIterator[Turn]:
        """Wait for the turn of this host's queue, and keep it until the block ends."""
        if self._file is None:
            yield Turn()
            return
        place = crc32(name.encode("utf-8", "replace")) % _RECORDS * _RECORD.size
        await self._lock(place)
        try:
            turn = self._read(place)
            try:
                yield turn
            finally:
                if self._file is not None:
                    os.pwrite(self._file, _RECORD.pack(turn.next_start, turn.rest), place)
        finally:
            self._unlock(place)

    async def _lock(self, place: int) -> None:
        # A process's locks do not exclude each other; its own semaphores do.
        while not self._held.get(place) and not self._try(place):  # noqa: ASYNC110 - another process tells no event
            await asyncio.sleep(_LOOK * random.uniform(0.7, 1.3))  # noqa: S311 - jitter, no secret
        self._held[place] = self._held.get(place, 0) + 1

    def _try(self, place: int) -> bool:
        assert self._file is not None  # noqa: S101 - `of` has looked
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, _RECORD.size, place)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def _unlock(self, place: int) -> None:
        self._held[place] -= 1
        if not self._held[place]:
            del self._held[place]
            if self._file is not None:
                fcntl.lockf(self._file, fcntl.LOCK_UN, _RECORD.size, place)

    def _read(self, place: int) -> Turn:
        assert self._file is not None  # noqa: S101 - `of` has looked
        written = os.pread(self._file, _RECORD.size, place)
        next_start, rest = _RECORD.unpack(written) if len(written) == _RECORD.size else (0.0, 0.0)
        return Turn(next_start if next_start - time.monotonic() < _LONGEST else 0.0, rest)


def _opened(path: Path | None) -> int | None:
    if path is None or fcntl is None:
        return None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
