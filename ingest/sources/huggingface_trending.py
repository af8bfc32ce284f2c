"""What trends on Hugging Face now: `GET /api/trending`, at most 20 models, datasets and spaces in one list.

A record of a model has no date, licence or tags here; the listing of models has (`huggingface-models`), and both
become one tool by their id.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from core.sighting import Sighting
from core.source import Cursor, Parsed, Request, Response, Source
from core.text import clean
from ingest.sources import hub
from ingest.sources.adapter import Adapter, Foreign, Options, When
from ingest.sources.bodies import list_of
from ingest.sources.entries import LeftOut, external_id, gather, instant, named, signals
from ingest.wording import AUTHOR, NAME, TAGLINE, plain


class TrendingOptions(Options):
    """`quantised` and `unsuitable` let in what is otherwise left out."""

    quantised: bool = False
    unsuitable: bool = False


class Record(Foreign):
    """A model, dataset or space. The words are there for spaces only."""

    id: str
    title: str | None = None
    shortDescription: str | None = None  # noqa: N815 - the API's own spelling
    tags: list[str] = Field(default_factory=list)
    likes: float | None = None
    downloads: float | None = None
    numParameters: float | None = None  # noqa: N815 - the API's own spelling
    trendingScore: float | None = None  # noqa: N815 - the API's own spelling
    createdAt: When = None  # noqa: N815 - the API's own spelling
    pipeline_tag: str | None = None
    private: bool = False


class Item(Foreign):
    """One line of the list."""

    repoType: Literal["model", "dataset", "space"]  # noqa: N815 - the API's own spelling
    repoData: Record  # noqa: N815 - the API's own spelling


def requests(source: Source, _cursor: Cursor, _now: datetime) -> tuple[Request, ...]:
    """One request: the address as it stands."""
    return (Request(url=source.url, accept="application/json"),)


def parse(source: Source, response: Response, now: datetime) -> Parsed:
    """Sightings of whatever trends."""
    options = TrendingOptions.model_validate(source.options)

    def read(entry: object) -> Sighting | LeftOut:
        return _read(source, Item.model_validate(entry), options, now)

    return gather(list_of(response, "recentlyTrending"), read)


def _read(source: Source, item: Item, options: TrendingOptions, now: datetime) -> Sighting | LeftOut:
    kind, record = item.repoType, item.repoData
    reason = hub.PRIVATE if record.private else None
    reason = reason or hub.unwanted(
        record.id, record.tags, quantised=options.quantised or kind != "model", unsuitable=options.unsuitable
    )
    if reason:
        return LeftOut(reason)
    owner, _, name = external_id(record.id).rpartition("/")
    what = f"{record.pipeline_tag or ''} {kind}".strip()
    return Sighting(
        source=source.key,
        external_id=f"{kind}:{external_id(record.id)}",
        url=hub.page(kind, external_id(record.id)),
        name=plain(record.title or "", limit=NAME) or clean(name, limit=NAME),
        thing=hub.thing(kind),
        tagline=plain(record.shortDescription or "", limit=TAGLINE)
        or clean(f"{what[0].upper()}{what[1:]} by {owner}", limit=TAGLINE),
        author=clean(owner, limit=AUTHOR),
        created_at=instant(record.createdAt, now=now),
        category=clean(record.pipeline_tag or "", limit=NAME) or None,
        tags=hub.topics(record.tags),
        signals=signals(
            likes=record.likes,
            downloads=record.downloads,
            trending=record.trendingScore,
            parameters=record.numParameters,
        ),
        identifiers=named(hub.identifier(kind, record.id)),
        mentions=hub.cited(record.tags),
    )


ADAPTER = Adapter(
    kind="huggingface-trending",
    default_url="https://huggingface.co/api/trending?limit=20",
    options=TrendingOptions,
    requests=requests,
    parse=parse,
)
