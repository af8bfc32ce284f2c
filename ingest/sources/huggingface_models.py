"""Models on Hugging Face: the listing of `GET /api/models`, trending first unless the address says otherwise.

Limits: 500 requests in 5 minutes without a key (huggingface.co/docs/hub/rate-limits). Without `full=true` a record
has neither author nor last change; neither is needed here.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import AliasChoices, Field

from core.sighting import Sighting, Thing
from core.source import Parsed, Response, Source
from core.text import clean
from ingest import pricing
from ingest.sources import hub
from ingest.sources.adapter import Adapter, Foreign, Options, When
from ingest.sources.bodies import list_of
from ingest.sources.entries import LeftOut, external_id, gather, instant, named, signals
from ingest.sources.paging import following
from ingest.wording import AUTHOR, NAME, TAGLINE


class ModelOptions(Options):
    """`pages` of the listing are read; `quantised` and `unsuitable` let in what is otherwise left out."""

    pages: int = Field(default=1, ge=1, le=10)
    quantised: bool = False
    unsuitable: bool = False


class Model(Foreign):
    """A record of the listing."""

    id: str = Field(validation_alias=AliasChoices("id", "modelId"))
    tags: list[str] = Field(default_factory=list)
    pipeline_tag: str | None = None
    likes: float | None = None
    downloads: float | None = None
    trendingScore: float | None = None  # noqa: N815 - the API's own spelling
    createdAt: When = None  # noqa: N815 - the API's own spelling
    private: bool = False


def parse(source: Source, response: Response, now: datetime) -> Parsed:
    """Sightings of models; quantised copies and what is not suitable for work are left out and counted."""
    options = ModelOptions.model_validate(source.options)

    def read(entry: object) -> Sighting | LeftOut:
        return _read(source, Model.model_validate(entry), options, now)

    return gather(list_of(response), read, following=following(response, pages=options.pages))


def _read(source: Source, model: Model, options: ModelOptions, now: datetime) -> Sighting | LeftOut:
    reason = hub.PRIVATE if model.private else None
    reason = reason or hub.unwanted(model.id, model.tags, quantised=options.quantised, unsuitable=options.unsuitable)
    if reason:
        return LeftOut(reason)
    owner, _, name = external_id(model.id).rpartition("/")
    url = hub.page("model", external_id(model.id))
    licence = hub.tagged(model.tags, "license")
    return Sighting(
        source=source.key,
        external_id=external_id(model.id),
        url=url,
        name=clean(name, limit=NAME),
        thing=Thing.MODEL,
        tagline=_tagline(model.pipeline_tag, owner),
        author=clean(owner, limit=AUTHOR),
        created_at=instant(model.createdAt, now=now),
        category=clean(model.pipeline_tag or "", limit=NAME) or None,
        tags=hub.topics(model.tags),
        signals=signals(likes=model.likes, downloads=model.downloads, trending=model.trendingScore),
        licence=clean(licence, limit=NAME).lower() if licence else None,
        identifiers=named(hub.identifier("model", model.id)),
        mentions=hub.cited(model.tags),
        pricing=pricing.from_licence(licence, url=url, at=now),
    )


def _tagline(pipeline: str | None, owner: str) -> str:
    """The listing has no words of the maker's; say what it does say."""
    what = f"{pipeline} model" if pipeline else "model"
    return clean(f"{what[0].upper()}{what[1:]} by {owner}" if owner else what.capitalize(), limit=TAGLINE)


ADAPTER = Adapter(
    kind="huggingface-models",
    default_url="https://huggingface.co/api/models?sort=trendingScore&limit=50&full=true",
    options=ModelOptions,
    requests=hub.listing,
    parse=parse,
)
