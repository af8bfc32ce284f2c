"""The product, wired once: settings, database and clock, handed to every use case."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from app.settings import SECRET_KEY_LENGTH, Settings, read_settings
from core.clock import Clock, system_clock
from core.errors import SettingsError
from store.connect import Database

if TYPE_CHECKING:
    from app.tokens import Signer

TURNS = "hosts.turns"
"""The file below VERDICTS_VAR in which processes keep their turns at hosts."""


@dataclass(frozen=True, kw_only=True)
class Product:
    """Everything a use case needs. `clock` gives the present instant in UTC."""

    settings: Settings
    database: Database
    clock: Clock = system_clock

    @property
    def now(self) -> datetime:
        """The present instant."""
        return self.clock()

    @cached_property
    def signer(self) -> Signer:
        """Signs the links that go into mails."""
        from app.tokens import Signer  # noqa: PLC0415 - most commands sign nothing

        return Signer(_secret_key(self.settings))

    def at(self, instant: datetime) -> Product:
        """The same product with its clock stopped."""
        return replace(self, clock=lambda: instant)


@contextmanager
def open_product(settings: Settings | None = None, *, require_current: bool = True) -> Iterator[Product]:
    """The product for as long as the block lasts.

    Raises SettingsError, and DatabaseNotReady unless the schema is at this program's revision.
    """
    chosen = settings or read_settings()
    database = Database(chosen.database)
    try:
        if require_current:
            database.require_current()
        stopped = chosen.clock
        yield Product(settings=chosen, database=database, clock=system_clock if stopped is None else lambda: stopped)
    finally:
        database.close()


def _secret_key(settings: Settings) -> str:
    """The key that was set, or the one kept under VAR, made when there is none."""
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    kept = settings.var / "secret.key"
    kept.parent.mkdir(parents=True, exist_ok=True)
    if not kept.exists():
        # Another process may win the race; then its key is the key.
        with suppress(FileExistsError):
            _write_once(kept, secrets.token_urlsafe(48))
    key = kept.read_text().strip()
    if len(key) < SECRET_KEY_LENGTH:  # cut short by a full disk, or emptied: anybody could sign with it
        raise SettingsError(
            f"{kept} holds no key of {SECRET_KEY_LENGTH} characters.",
            mend="Restore it from a backup; without one delete it: a new one is made, and links in mails already sent end.",
        )
    return key


def _write_once(path: Path, text: str) -> None:
    # Link after writing, so that a second process never reads half a key.
    whole = path.with_name(f".{path.name}.{os.getpid()}")
    whole.touch(mode=0o600)
    with whole.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())  # a key that a power cut emptied would end every link
    try:
        os.link(whole, path)
    finally:
        whole.unlink()
