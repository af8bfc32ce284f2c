"""Spaces on Hugging Face: `GET /api/spaces`. The plain listing has neither title nor words; `expand` asks for them.

Trending is not new: most of what trends is months old. What is too old for the queue is kept out of it later, by
its date.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from core.identifier import Identifier, Scheme
from core.sighting import Sighting, Thing
from core.source import Cursor, Parsed, Request, Response, Source
from core.text import clean
from ingest import pricing
from ingest.identity import hugging_face, mentioned
from ingest.sources import hub
from ingest.sources.adapter import Adapter, Foreign, Options, When
from ingest.sources.bodies import list_of
from ingest.sources.entries import LeftOut, external_id, gather, instant, named, signals
from ingest.sources.paging import following
from ingest.wording import AUTHOR, NAME, TAGLINE, plain, web_url


class SpaceOptions(Options):
    """`pages` of the listing are read; `unsuitable` lets in what is not suitable for work."""

    pages: int = Field(default=1, ge=1, le=10)
    unsuitable: bool = False


class Card(Foreign):
    """The header of a space's README, as far as its author filled it in."""

    title: str | None = None
    short_description: str | None = None
    license: str | list[str] | None = None
    models: list[str] | None = None


class Space(Foreign):
    """A record of the listing."""

    id: str
    tags: list[str] = Field(default_factory=list)
    likes: float | None = None
    trendingScore: float | None = None  # noqa: N815 - the API's own spelling
    createdAt: When = None  # noqa: N815 - the API's own spelling
    subdomain: str | None = None
    cardData: Card | None = None  # noqa: N815 - the API's own spelling
    private: bool = False


def requests(source: Source, _cursor: Cursor, _now: datetime) -> tuple[Request, ...]:
    """One request: the address as it stands."""
    return (Request(url=source.url, accept="application/json"),)


def parse(source: Source, response: Response, now: datetime) -> Parsed:
    """Sightings of spaces."""
    options = SpaceOptions.model_validate(source.options)

    def read(entry: object) -> Sighting | LeftOut:
        return _read(source, Space.model_validate(entry), options, now)

    return gather(list_of(response), read, following=following(response, pages=options.pages))


def _read(source: Source, space: Space, options: SpaceOptions, now: datetime) -> Sighting | LeftOut:
    reason = hub.PRIVATE if space.private else None
    reason = reason or hub.unwanted(space.id, space.tags, quantised=True, unsuitable=options.unsuitable)
    if reason:
        return LeftOut(reason)
    card = space.cardData or Card()
    owner, _, name = external_id(space.id).rpartition("/")
    url = hub.page("space", external_id(space.id))
    homepage = web_url(f"https://{space.subdomain}.hf.space") if space.subdomain else None
    licence = _licence(card) or hub.tagged(space.tags, "license")
    tagline = plain(card.short_description or "", limit=TAGLINE)
    return Sighting(
        source=source.key,
        external_id=external_id(space.id),
        url=url,
        name=plain(card.title or "", limit=NAME) or clean(name, limit=NAME),
        thing=Thing.SPACE,
        tagline=tagline,
        author=clean(owner, limit=AUTHOR),
        created_at=instant(space.createdAt, now=now),
        homepage=homepage,
        tags=hub.topics(space.tags),
        signals=signals(likes=space.likes, trending=space.trendingScore),
        licence=clean(licence, limit=NAME).lower() if licence else None,
        identifiers=named(hub.identifier("space", space.id)),
        mentions=hub.cited(space.tags) | _models(card) | mentioned([homepage] if homepage else []),
        pricing=pricing.first(
            pricing.from_licence(licence, url=url, at=now), pricing.from_text(tagline, url=url, at=now)
        ),
    )


def _licence(card: Card) -> str | None:
    return card.license if isinstance(card.license, str) else next(iter(card.license or ()), None)


def _models(card: Card) -> frozenset[Identifier]:
    """The models that a space shows: it may be a stranger's demonstration of them."""
    found = (hugging_face(Scheme.HF, model) for model in (card.models or ())[:20])
    return frozenset(one for one in found if one is not None)


ADAPTER = Adapter(
    kind="huggingface-spaces",
    default_url="https://huggingface.co/api/spaces?sort=trendingScore&limit=50&expand=cardData&expand=createdAt"
    "&expand=likes&expand=subdomain&expand=tags&expand=trendingScore",
    options=SpaceOptions,
    requests=requests,
    parse=parse,
)
