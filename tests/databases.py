"""Databases that are built once and copied for each test: judging tools takes a second, copying a file none."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from app.settings import Settings
from app.wiring import Product
from store.connect import Database

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def built_upon(start: Path, folder: Path, build: Callable[[Product], object]) -> Path:
    """A copy of a SQLite database with what `build` puts into it."""
    path = Path(shutil.copy(start, folder / "built.db"))
    settings = Settings(_env_file=None, var=folder, database_url=f"sqlite:///{path}", secret_key="k" * 40)  # type: ignore[call-arg, arg-type]
    product = Product(settings=settings, database=Database(settings.database), clock=lambda: NOW)
    build(product)
    product.database.close()
    return path
