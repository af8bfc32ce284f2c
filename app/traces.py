"""What this machine has handed over, kept outside the database: a database that was restored from a backup does not know
what was sent after the backup was made, and would send it again.

One file per edition under VERDICTS_VAR/sent, a line per attempt, written after the attempt's commit and before its
request. An attempt in the file that the database does not know proves that the database is older than the sending.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from app.wiring import Product
from core.errors import SettingsError
from core.week import Week
from store import attempts

_LOOKED_AT = 64
"""The last lines of a file: a restored database lacks the latest attempts first."""

_ID = 32  # letters


def leave(product: Product, week: Week, attempt: str) -> None:
    """Note an attempt that is about to be made. Raises SettingsError where nothing can be written."""
    with _opened(product, week) as file:
        file.write(f"{attempt}\n".encode())


def unknown(product: Product, week: Week) -> int:
    """How many of the latest attempts of this machine the database does not know; 0 is as it should be. Raises
    SettingsError where nothing can be written: then nothing may be sent."""
    with _opened(product, week) as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _LOOKED_AT * (_ID + 1)))
        whole = [line.strip().decode("ascii", "replace") for line in file if line.endswith(b"\n")]
    lines = sorted({line for line in whole if len(line) == _ID})  # the first may be half a line
    with product.database.read() as connection:
        return len(lines) - attempts.known(connection, lines)


def forget(product: Product, week: Week) -> None:
    """What this machine has sent is known to whoever asks for this."""
    _path(product, week).unlink(missing_ok=True)


@contextmanager
def _opened(product: Product, week: Week) -> Iterator[BinaryIO]:
    path = _path(product, week)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b", buffering=0) as file:  # each write goes to the end, whole
            yield file
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error}.", mend="Check VERDICTS_VAR.") from error


def _path(product: Product, week: Week) -> Path:
    return product.settings.var / "sent" / f"{week}.attempts"
