"""The lenses file: points of view as data."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from app import reviewing
from app.wiring import Product
from core.errors import UsageError
from core.panel import Lens
from store import people

STANDARD = Path(__file__).parents[1] / "lenses.toml"
"""Builder, Skeptic, Futurist, Founder, Creator."""

_LENSES = TypeAdapter(tuple[Lens, ...])


def read_lenses(path: Path) -> tuple[Lens, ...]:
    """The `[[lens]]` entries of a TOML file. Raises UsageError, naming what is wrong."""
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
        return _LENSES.validate_python(entries.get("lens", []))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(
            f"{path} cannot be read: {error}.", mend="It must be a TOML file with [[lens]] entries."
        ) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"{path.name} is wrong at lens {where}: {first['msg']}.", mend="Mend that entry.") from None


def load_lenses(product: Product, path: Path = STANDARD) -> int:
    """Add the lenses of a file, or bring them up to date. Returns how many."""
    found = read_lenses(path)
    reviewing.keep_lenses(product, found)
    return len(found)


def load_standard_lenses(product: Product) -> None:
    """Give a new installation its first lenses; one that has any is left alone."""
    with product.database.read() as connection:
        there = people.lenses(connection)
    if not there:
        load_lenses(product)
