"""Adapters: what a kind of source is asked, and how its answer is read. Data and pure functions; no I/O.

The recipe for one more is in docs/sources.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from core.source import Cursor, Parsed, Request, Response, Source


class Options(BaseModel):
    """Options of an adapter as they stand in sources.toml. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


_MOST_ITEMS = 200


class Foreign(BaseModel):
    """A record of a source: only the fields that are used are named, all others are skipped unread.

    A field with a default that holds something else than it should costs itself, not the entry: sources send `null`
    for an empty list and change what they do not promise. What is lost so shows in the shares of ingest/health.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    @field_validator("*", mode="wrap")
    @classmethod
    def _or_nothing(cls, value: Any, read: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        try:
            return read(value)
        except ValidationError:
            field = cls.model_fields[str(info.field_name)]
            if field.is_required():
                raise
            if isinstance(value, list) and _readable([], read) == []:
                return [item for each in value[:_MOST_ITEMS] for item in _readable([each], read) or ()]
            return field.get_default(call_default_factory=True)


def _readable(items: list[Any], read: ValidatorFunctionWrapHandler) -> list[Any] | None:
    """A list as its field takes it; None where the field takes no such list."""
    try:
        found = read(items)
    except ValidationError:
        return None
    return found if isinstance(found, list) else None


Number = str | int
"""An id: APIs write the same one as a text and as a number."""

When = str | float | None
"""A date: ISO 8601, or seconds since 1970."""


NAME_OF_VARIABLE = r"^[A-Z][A-Z0-9_]{0,60}$"
TokenName = Annotated[str, Field(pattern=NAME_OF_VARIABLE)]
"""The name of the environment variable that holds a key; the fetcher puts the key in its place."""


def bearer(token_env: str | None) -> dict[str, str]:
    """The header that carries the key of this environment variable; none without a name."""
    return {"Authorization": f"Bearer ${{{token_env}}}"} if token_env else {}


Requests = Callable[[Source, Cursor, datetime], tuple[Request, ...]]
Parse = Callable[[Source, Response, datetime], Parsed]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """One kind of source.

    `requests(source, cursor, now)` says what to ask; `parse(source, response, now)` reads one answer. A bad entry
    becomes a BadEntry beside its neighbours; a body of the wrong shape raises ParseError, and nothing else is raised.
    `default_url` is empty where the operator has to name an address. `fragile` says that the site refuses
    anonymous readers now and then: being refused degrades such a source instead of failing it.
    """

    kind: str
    default_url: str
    options: type[Options]
    requests: Requests
    parse: Parse
    fragile: bool = False
