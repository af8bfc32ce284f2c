"""Pages of a list: so many rows, and the address of the next page, which begins behind the last row shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """What one page shows. `further` and `first`: addresses of the next page and of the first; None: there is none, or
    this is it."""

    rows: Sequence[Row]
    further: str | None
    first: str | None


def page(
    path: str,
    rows: Sequence[Row],
    *,
    size: int,
    behind: Callable[[Row], object],
    kept: Mapping[str, str],
    after: str,
) -> Page[Row]:
    """One page of `size` rows. `rows` are one more when there is a next page; `behind` is what the next page begins
    behind; `kept` are the filters, which stay; `after` is where this page began."""
    shown = rows[:size]
    chosen = {name: value for name, value in kept.items() if value}
    further = _address(path, chosen | {"after": str(behind(shown[-1]))}) if len(rows) > size else None
    return Page(rows=shown, further=further, first=_address(path, chosen) if after else None)


def _address(path: str, parameters: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(parameters)}" if parameters else path
