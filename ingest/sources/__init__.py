"""The adapters, one file per kind of source. A file is imported when its kind is first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, cast

from core.errors import UsageError

if TYPE_CHECKING:
    from ingest.sources.adapter import Adapter

KINDS = (
    "huggingface-models",
    "huggingface-spaces",
    "huggingface-datasets",
    "huggingface-trending",
    "huggingface-papers",
    "hackernews",
    "github-search",
    "github-trending",
    "github-releases",
    "producthunt-feed",
    "producthunt-graphql",
    "arxiv",
    "reddit",
    "lobsters",
    "openrouter",
    "yc-launches",
    "feed",
)


@cache  # asked several times for each source
def _imported(kind: str) -> Adapter:
    return cast("Adapter", import_module(f"ingest.sources.{kind.replace('-', '_')}").ADAPTER)


class _Adapters(Mapping[str, "Adapter"]):
    """Kind -> adapter, each imported on first use: `verdicts --help` must not pay for parsers."""

    def __getitem__(self, kind: str) -> Adapter:
        if kind not in KINDS:
            raise KeyError(kind)
        return _imported(kind)

    def __iter__(self) -> Iterator[str]:
        return iter(KINDS)

    def __len__(self) -> int:
        return len(KINDS)


ADAPTERS: Mapping[str, Adapter] = _Adapters()


def adapter_of(kind: str) -> Adapter:
    """The adapter of a kind. Raises UsageError for one that does not exist."""
    try:
        return ADAPTERS[kind]
    except KeyError:
        raise UsageError(f"There is no source kind {kind!r}.", mend=f"Use one of {', '.join(KINDS)}.") from None
