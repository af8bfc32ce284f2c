"""New repositories on GitHub through its search API (docs.github.com/rest/search).

Limits: 10 searches a minute without a key, 30 with one; at most 1,000 results. A name may change, the number of a
repository does not: both are identifiers.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field

from core.identifier import Identifier, Scheme
from core.sighting import Sighting, Thing
from core.source import BadEntry, Cursor, Parsed, Request, Response, Source
from core.text import clean
from ingest import pricing
from ingest.identity import github_repository, homepage_identity, mentioned, own_page
from ingest.sources.adapter import Adapter, Foreign, Options, TokenName, When, bearer
from ingest.sources.bodies import json_of, list_of
from ingest.sources.entries import LeftOut, gather, instant, signals
from ingest.sources.paging import following, with_query
from ingest.wording import AUTHOR, NAME, SUMMARY, TAGLINE, plain, tags_of, web_url


class SearchOptions(Options):
    """Each of `queries` is asked for repositories made in the last `days` with at least `stars`. With `token_env` the
    key in that environment variable is sent. An address with a `q` of its own is asked as it stands."""

    queries: list[str] = Field(
        default=["topic:llm", "topic:ai-agents", "topic:generative-ai"], min_length=1, max_length=8
    )
    days: int = Field(default=30, ge=1, le=365)
    stars: int = Field(default=50, ge=0, le=100_000)
    pages: int = Field(default=1, ge=1, le=5)
    token_env: TokenName | None = None


class Login(Foreign):
    """The owner."""

    login: str = ""


class Licence(Foreign):
    """What GitHub recognised in the licence file."""

    spdx_id: str | None = None


class Repository(Foreign):
    """A result of the search."""

    id: int
    full_name: str
    owner: Login | None = None
    description: str | None = None
    homepage: str | None = None
    created_at: When = None
    stargazers_count: float | None = None
    forks_count: float | None = None
    language: str | None = None
    topics: list[str] = Field(default_factory=list)
    license: Licence | None = None
    archived: bool = False
    fork: bool = False


def requests(source: Source, _cursor: Cursor, now: datetime) -> tuple[Request, ...]:
    """One request per query, or the address as it stands."""
    options = SearchOptions.model_validate(source.options)
    if "q" in dict(parse_qsl(urlsplit(source.url).query)):
        return (_request(source.url, options),)
    since = f"{now - timedelta(days=options.days):%Y-%m-%d}"
    return tuple(_request(_search(source.url, query, since, options), options) for query in options.queries)


def _search(url: str, query: str, since: str, options: SearchOptions) -> str:
    words = f"{query} created:>={since} stars:>={options.stars}"
    return with_query(url, {"q": words, "sort": "stars", "order": "desc", "per_page": 100})


def _request(url: str, options: SearchOptions) -> Request:
    headers = {"X-GitHub-Api-Version": "2022-11-28", **bearer(options.token_env)}
    return Request(url=url, accept="application/vnd.github+json", headers=headers)


def parse(source: Source, response: Response, now: datetime) -> Parsed:
    """Sightings of repositories; forks and archived ones are left out. A search that GitHub broke off (it says so) is
    shown as one bad entry."""
    options = SearchOptions.model_validate(source.options)
    items, body = list_of(response, "items"), json_of(response)

    def read(entry: object) -> Sighting | LeftOut:
        return _read(source, Repository.model_validate(entry), now)

    parsed = gather(items, read, following=following(response, pages=options.pages))
    return _broken_off(parsed) if body.get("incomplete_results") is True else parsed


def _broken_off(parsed: Parsed) -> Parsed:
    bad = BadEntry(where="the search", reason="GitHub broke it off before it was complete")
    return Parsed(
        sightings=parsed.sightings, bad=(bad, *parsed.bad), left_out=parsed.left_out, following=parsed.following
    )


def _read(source: Source, repository: Repository, now: datetime) -> Sighting | LeftOut:
    if repository.fork or repository.archived:
        return LeftOut("a fork" if repository.fork else "archived")
    name = github_repository(repository.full_name)
    if name is None:
        raise ValueError(f"{clean(repository.full_name, limit=60)!r} is no repository")
    url = f"https://github.com/{repository.full_name.strip()}"
    homepage = own_page(web_url(repository.homepage))
    identifiers = {name, Identifier(Scheme.GITHUB_ID, str(repository.id))} | homepage_identity(homepage)
    licence = repository.license.spdx_id if repository.license else None
    text = plain(repository.description or "", limit=SUMMARY)
    return Sighting(
        source=source.key,
        external_id=str(repository.id),
        url=url,
        name=clean(url.rpartition("/")[2], limit=NAME),
        thing=Thing.REPOSITORY,
        tagline=clean(text, limit=TAGLINE),
        summary=text,
        author=clean(repository.owner.login if repository.owner else "", limit=AUTHOR),
        created_at=instant(repository.created_at, now=now),
        homepage=homepage,
        tags=tags_of([*repository.topics, *([repository.language] if repository.language else [])]),
        signals=signals(stars=repository.stargazers_count, forks=repository.forks_count),
        licence=clean(licence, limit=NAME).lower() if licence else None,
        identifiers=frozenset(identifiers),
        mentions=mentioned([homepage] if homepage else [], besides=frozenset(identifiers)),
        pricing=pricing.first(pricing.from_licence(licence, url=url, at=now), pricing.from_text(text, url=url, at=now)),
    )


ADAPTER = Adapter(
    kind="github-search",
    default_url="https://api.github.com/search/repositories",
    options=SearchOptions,
    requests=requests,
    parse=parse,
)
