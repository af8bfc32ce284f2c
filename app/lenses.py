"""The lenses file: points of view as data."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from itertools import count
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from app import reviewing
from app.wiring import Product
from core.errors import UsageError
from core.panel import Lens
from store import people, tools

STANDARD = Path(__file__).parents[1] / "lenses.toml"
"""Builder, Skeptic, Futurist, Founder, Creator."""

_LENSES = TypeAdapter(tuple[Lens, ...])


def read_lenses(path: Path) -> tuple[Lens, ...]:
    """The `[[lens]]` entries of a TOML file. Raises UsageError, naming what is wrong."""
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
        found = _LENSES.validate_python(entries.get("lens", []))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise UsageError(
            f"{path} cannot be read: {why}.", mend="It must be a TOML file with [[lens]] entries."
        ) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"{path.name} is wrong at lens {where}: {first['msg']}.", mend="Mend that entry.") from None
    if not found:
        raise UsageError(f"{path} has no [[lens]] entry.", mend="Is it another file? lenses.toml shows how one looks.")
    for name in ("key", "position"):
        given = Counter(getattr(each, name) for each in found)
        twice = [value for value, times in given.items() if times > 1]
        if twice:
            raise UsageError(f"{path.name} gives {name} {twice[0]!r} to two lenses.", mend="Each needs its own.")
    return found


def load_lenses(product: Product, path: Path = STANDARD, *, overwrite: bool = False) -> int:
    """Add the lenses of a file, or bring them up to date. Returns how many were taken.

    A lens that the desk has changed is left as it is, and so is the order once the desk has changed it; with
    `overwrite` the file's word counts again.
    """
    found = read_lenses(path)
    with product.database.write() as connection:
        edited = set() if overwrite else people.edited_lenses(connection)
        taken = _beside(edited, found, people.lenses(connection)) if edited else found
        people.keep_lenses(connection, sorted(taken, key=lambda lens: lens.position))
        people.take_file_s_word(connection, [each.key for each in taken])
        tools.seat_queued(connection)
        reviewing.give_due_dates(product, connection)
    return len(taken)


def _beside(edited: Collection[str], found: Collection[Lens], there: Collection[Lens]) -> list[Lens]:
    """The lenses of a file that go beside those that the desk has changed: known ones at their place, new ones last."""
    places = {each.key: each.position for each in there}
    last = count(max(places.values(), default=0) + 1)
    return [
        replace(each, position=places[each.key] if each.key in places else next(last))
        for each in sorted(found, key=lambda lens: lens.position)
        if each.key not in edited
    ]


def load_standard_lenses(product: Product) -> None:
    """Give a new installation its first lenses; one that has any is left alone."""
    with product.database.read() as connection:
        there = people.lenses(connection)
    if not there:
        load_lenses(product)
