"""Daily papers on Hugging Face: `GET /api/daily_papers`, papers that readers submitted, with their votes.

Three dates stand in a record: the day of the batch (`paper.submittedOnDailyAt`, since March 2025), the paper's own
(`paper.publishedAt`), and a top-level `publishedAt` that has changed its meaning over the years and is ignored.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from core.identifier import Identifier, Scheme
from core.sighting import Sighting, Thing
from core.source import Cursor, Parsed, Request, Response, Source
from core.text import clean
from ingest.identity import arxiv_id, homepage_identity, identify, mentioned
from ingest.sources.adapter import Adapter, Foreign, Options, When
from ingest.sources.bodies import list_of
from ingest.sources.entries import LeftOut, external_id, gather, instant, signals
from ingest.sources.hub import SITE
from ingest.sources.paging import following
from ingest.wording import AUTHOR, NAME, SUMMARY, TAGLINE, paper_title, plain, tags_of, web_url


class PaperOptions(Options):
    """`pages` of the listing are read."""

    pages: int = Field(default=1, ge=1, le=10)


class Named(Foreign):
    """An author or organisation."""

    name: str = ""
    fullname: str = ""


class Paper(Foreign):
    """The paper inside an item."""

    id: str
    title: str = ""
    summary: str = ""
    authors: list[Named] = Field(default_factory=list)
    organization: Named | None = None
    publishedAt: When = None  # noqa: N815 - the API's own spelling
    submittedOnDailyAt: When = None  # noqa: N815 - the API's own spelling
    upvotes: float | None = None
    githubRepo: str | None = None  # noqa: N815 - the API's own spelling
    githubStars: float | None = None  # noqa: N815 - the API's own spelling
    projectPage: str | None = None  # noqa: N815 - the API's own spelling
    ai_keywords: list[str] | None = None


class Item(Foreign):
    """One line of the daily list; it repeats the paper's words."""

    paper: Paper
    title: str = ""
    summary: str = ""
    numComments: float | None = None  # noqa: N815 - the API's own spelling


def requests(source: Source, _cursor: Cursor, _now: datetime) -> tuple[Request, ...]:
    """One request: the newest hundred, some four days, so that votes are read again while they grow."""
    return (Request(url=source.url, accept="application/json"),)


def parse(source: Source, response: Response, now: datetime) -> Parsed:
    """Sightings of papers."""
    options = PaperOptions.model_validate(source.options)

    def read(entry: object) -> Sighting | LeftOut:
        return _read(source, Item.model_validate(entry), now)

    return gather(list_of(response), read, following=following(response, pages=options.pages))


def _read(source: Source, item: Item, now: datetime) -> Sighting:
    paper = item.paper
    number = arxiv_id(paper.id)
    if number is None:
        raise ValueError(f"{clean(paper.id, limit=40)!r} is no arXiv id")
    name, tagline = paper_title(clean(paper.title or item.title, limit=NAME + TAGLINE))
    if not name:
        raise ValueError("the paper has no title")
    project, repository = web_url(paper.projectPage), web_url(paper.githubRepo)
    own = {Identifier(Scheme.ARXIV, number)} | identify([repository]) | homepage_identity(project)
    identifiers = frozenset(own)
    return Sighting(
        source=source.key,
        external_id=external_id(paper.id),
        url=f"{SITE}/papers/{number}",
        name=clean(name, limit=NAME),
        thing=Thing.PAPER,
        tagline=clean(tagline, limit=TAGLINE),
        summary=plain(paper.summary or item.summary, limit=SUMMARY),
        author=_author(paper),
        created_at=instant(paper.submittedOnDailyAt, now=now) or instant(paper.publishedAt, now=now),
        homepage=project if project and homepage_identity(project) else repository,
        tags=tags_of(paper.ai_keywords),
        signals=signals(upvotes=paper.upvotes, comments=item.numComments, stars=paper.githubStars),
        identifiers=identifiers,
        mentions=mentioned([url for url in (project, repository) if url], besides=identifiers),
    )


def _author(paper: Paper) -> str:
    """The organisation where one is named, else the first author."""
    if paper.organization and (paper.organization.fullname or paper.organization.name):
        return clean(paper.organization.fullname or paper.organization.name, limit=AUTHOR)
    names = [author.name for author in paper.authors if author.name]
    return clean(names[0] + (" et al." if len(names) > 1 else ""), limit=AUTHOR) if names else ""


ADAPTER = Adapter(
    kind="huggingface-papers",
    default_url="https://huggingface.co/api/daily_papers?limit=100",
    options=PaperOptions,
    requests=requests,
    parse=parse,
)
