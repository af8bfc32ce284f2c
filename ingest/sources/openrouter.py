"""Models at OpenRouter: `GET /api/v1/models`, the best structured source of prices. No key.

Prices are texts in USD per token; "0" is free, "-1" stands for a router whose price depends, which is unknown and not
negative. `name:free` and the like are variants of one model.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from pydantic import Field

from core.fact import Pricing
from core.identifier import Scheme
from core.sighting import Sighting, Thing
from core.source import Cursor, Parsed, Request, Response, Source
from core.text import clean
from ingest import pricing
from ingest.identity import hugging_face, openrouter_model
from ingest.sources.adapter import Adapter, Foreign, Options
from ingest.sources.bodies import list_of
from ingest.sources.entries import LeftOut, external_id, gather, instant, named, signals
from ingest.sources.feed import OLD
from ingest.wording import AUTHOR, NAME, SUMMARY, TAGLINE, plain, tags_of

_MODEL = re.compile(r"~?[\w.\-]{1,80}/[\w.\-]{1,150}(?::[\w.\-]{1,40})?")


class ModelOptions(Options):
    """Models that were added in the last `days`; the listing holds the whole catalogue."""

    days: int = Field(default=90, ge=1, le=3_650)


class Architecture(Foreign):
    """What goes in and what comes out."""

    input_modalities: list[str] = Field(default_factory=list)
    output_modalities: list[str] = Field(default_factory=list)


class Prices(Foreign):
    """USD per token, as texts; numbers are taken too."""

    prompt: str | float | None = None
    completion: str | float | None = None
    request: str | float | None = None
    image: str | float | None = None


class Model(Foreign):
    """A model of the listing."""

    id: str
    name: str = ""
    created: float | None = None
    description: str | None = None
    hugging_face_id: str | None = None
    context_length: float | None = None
    architecture: Architecture = Field(default_factory=Architecture)
    pricing: Prices = Field(default_factory=Prices)


def requests(source: Source, _cursor: Cursor, _now: datetime) -> tuple[Request, ...]:
    """One request: the address as it stands."""
    return (Request(url=source.url, accept="application/json"),)


def parse(source: Source, response: Response, now: datetime) -> Parsed:
    """Sightings of models; variants of one model and models older than the window are left out."""
    options = ModelOptions.model_validate(source.options)

    def read(entry: object) -> Sighting | LeftOut:
        return _read(source, Model.model_validate(entry), options, now)

    return gather(list_of(response, "data"), read)


def _read(source: Source, model: Model, options: ModelOptions, now: datetime) -> Sighting | LeftOut:
    number, created = external_id(model.id), instant(model.created, now=now)
    if not _MODEL.fullmatch(number):
        raise ValueError(f"{clean(number, limit=60)!r} is no model")
    if ":" in number:
        return LeftOut("a variant of a model")
    if created and created < now - timedelta(days=options.days):
        return LeftOut(OLD)
    vendor, _, short = plain(model.name, limit=NAME).partition(": ")
    url = f"https://openrouter.ai/{number}"
    weights = hugging_face(Scheme.HF, model.hugging_face_id or "")
    summary = plain(model.description or "", limit=SUMMARY)
    return Sighting(
        source=source.key,
        external_id=number,
        url=url,
        name=short or vendor or number.partition("/")[2],
        thing=Thing.MODEL,
        tagline=clean(summary.partition(". ")[0], limit=TAGLINE),
        summary=summary,
        author=clean(vendor if short else number.partition("/")[0], limit=AUTHOR),
        created_at=created,
        category=_category(model.architecture),
        tags=tags_of([f"{kind} input" for kind in model.architecture.input_modalities if kind != "text"]),
        signals=signals(context=model.context_length),
        identifiers=named(openrouter_model(number)) | named(weights),
        pricing=_pricing(model.pricing, url, now),
    )


def _pricing(prices: Prices, url: str, now: datetime) -> Pricing | None:
    besides = (prices.request, prices.image)
    return pricing.from_token_prices(prices.prompt, prices.completion, besides=besides, url=url, at=now)


def _category(architecture: Architecture) -> str | None:
    """The kind of model in Hugging Face's words, from what goes in and comes out."""
    taken, given = set(architecture.input_modalities), set(architecture.output_modalities)
    if "image" in given or "video" in given:
        return "text-to-image" if "image" in given else "text-to-video"
    if "audio" in given:
        return "text-to-speech"
    if {"image", "video"} & taken:
        return "image-text-to-text"
    return "text-generation" if "text" in given else None


ADAPTER = Adapter(
    kind="openrouter",
    default_url="https://openrouter.ai/api/v1/models",
    options=ModelOptions,
    requests=requests,
    parse=parse,
)
