"""Adapters: what a kind of source is asked, and how its answer is read. Data and pure functions; no I/O.

The recipe for one more is in docs/sources.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from core.source import Cursor, Parsed, Request, Response, Source


class Options(BaseModel):
    """Options of an adapter as they stand in sources.toml. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Foreign(BaseModel):
    """A record of a source: only the fields that are used are named, all others are skipped unread."""

    model_config = ConfigDict(extra="ignore", frozen=True)


TokenName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,60}$")]
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
