"""Datasets on Hugging Face: `GET /api/datasets`, trending first unless the address says otherwise."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from core.sighting import Sighting, Thing
from core.source import Parsed, Response, Source
from core.text import clean
from ingest import pricing
from ingest.sources import hub
from ingest.sources.adapter import Adapter, Foreign, Options, When
from ingest.sources.bodies import list_of
from ingest.sources.entries import LeftOut, external_id, gather, instant, named, signals
from ingest.sources.paging import following
from ingest.wording import AUTHOR, NAME, SUMMARY, TAGLINE, plain


class DatasetOptions(Options):
    """`pages` of the listing are read; `unsuitable` lets in what is not suitable for work."""

    pages: int = Field(default=1, ge=1, le=10)
    unsuitable: bool = False


class Dataset(Foreign):
    """A record of the listing."""

    id: str
    tags: list[str] = Field(default_factory=list)
    description: str | None = None
    likes: float | None = None
    downloads: float | None = None
    trendingScore: float | None = None  # noqa: N815 - the API's own spelling
    createdAt: When = None  # noqa: N815 - the API's own spelling
    private: bool = False


def parse(source: Source, response: Response, now: datetime) -> Parsed:
    """Sightings of datasets."""
    options = DatasetOptions.model_validate(source.options)

    def read(entry: object) -> Sighting | LeftOut:
        return _read(source, Dataset.model_validate(entry), options, now)

    return gather(list_of(response), read, following=following(response, pages=options.pages))


def _read(source: Source, dataset: Dataset, options: DatasetOptions, now: datetime) -> Sighting | LeftOut:
    reason = hub.PRIVATE if dataset.private else None
    reason = reason or hub.unwanted(dataset.id, dataset.tags, quantised=True, unsuitable=options.unsuitable)
    if reason:
        return LeftOut(reason)
    owner, _, name = external_id(dataset.id).rpartition("/")
    url = hub.page("dataset", external_id(dataset.id))
    licence = hub.tagged(dataset.tags, "license")
    return Sighting(
        source=source.key,
        external_id=external_id(dataset.id),
        url=url,
        name=clean(name, limit=NAME),
        thing=Thing.DATASET,
        tagline=clean(f"Dataset by {owner}" if owner else "Dataset", limit=TAGLINE),
        summary=plain(dataset.description or "", limit=SUMMARY),
        author=clean(owner, limit=AUTHOR),
        created_at=instant(dataset.createdAt, now=now),
        tags=hub.topics(dataset.tags),
        signals=signals(likes=dataset.likes, downloads=dataset.downloads, trending=dataset.trendingScore),
        licence=clean(licence, limit=NAME).lower() if licence else None,
        identifiers=named(hub.identifier("dataset", dataset.id)),
        mentions=hub.cited(dataset.tags),
        pricing=pricing.from_licence(licence, url=url, at=now),
    )


ADAPTER = Adapter(
    kind="huggingface-datasets",
    default_url="https://huggingface.co/api/datasets?sort=trendingScore&limit=50&full=true",
    options=DatasetOptions,
    requests=hub.listing,
    parse=parse,
)
