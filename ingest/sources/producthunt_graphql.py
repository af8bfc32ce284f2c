"""Product Hunt's GraphQL API (api.producthunt.com/v2/docs): launches with votes, comments, topics and true dates.

It needs a key, and commercial use needs Product Hunt's permission. 6,250 points in 15 minutes; twenty posts a page.
A day there is one of Los Angeles, and a launch begins at a minute past midnight.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson
from pydantic import Field

from core.clock import to_iso
from core.errors import ParseError
from core.identifier import Identifier, Scheme
from core.sighting import Sighting, Thing
from core.source import Cursor, Parsed, Request, Response, Source
from core.text import clean
from ingest import pricing
from ingest.sources.adapter import Adapter, Foreign, Number, Options, TokenName, When, bearer
from ingest.sources.bodies import json_of
from ingest.sources.entries import LeftOut, external_id, gather, instant, signals
from ingest.sources.producthunt_feed import product_of
from ingest.wording import AUTHOR, NAME, SUMMARY, TAGLINE, plain, tags_of, web_url

_QUERY = (
    "query($first:Int!,$after:String,$postedAfter:DateTime,$topic:String){"
    "posts(first:$first,after:$after,postedAfter:$postedAfter,topic:$topic,order:NEWEST){"
    "nodes{id name tagline description url website votesCount commentsCount createdAt featuredAt"
    " topics(first:5){nodes{slug}} makers{name}} pageInfo{hasNextPage endCursor}}}"
)
_REDACTED = "[REDACTED]"


class PostOptions(Options):
    """Launches of the last `days` in a `topic` (all when empty), `pages` of twenty; `featured`: only those that Product
    Hunt put on its front page. `token_env` names the environment variable with the key."""

    token_env: TokenName = "PRODUCTHUNT_TOKEN"  # noqa: S105 - the name of a variable, not its value
    topic: str = Field(default="artificial-intelligence", max_length=100)
    days: int = Field(default=2, ge=1, le=30)
    pages: int = Field(default=3, ge=1, le=10)
    featured: bool = True


class Topic(Foreign):
    """A topic of a post."""

    slug: str = ""


class Topics(Foreign):
    """The list of topics."""

    nodes: list[Topic] = Field(default_factory=list)


class Maker(Foreign):
    """Who made it; the name may come back redacted."""

    name: str = ""


class Post(Foreign):
    """A launch."""

    id: Number
    name: str
    tagline: str | None = None
    description: str | None = None
    url: str
    votesCount: float | None = None  # noqa: N815 - the API's own spelling
    commentsCount: float | None = None  # noqa: N815 - the API's own spelling
    createdAt: When = None  # noqa: N815 - the API's own spelling
    featuredAt: When  # noqa: N815 - the API's own spelling; null where it is not featured
    topics: Topics | None = None
    makers: list[Maker] = Field(default_factory=list)


def requests(source: Source, _cursor: Cursor, now: datetime) -> tuple[Request, ...]:
    """The first page of launches."""
    options = PostOptions.model_validate(source.options)
    # To the hour: the same question within it finds the same answer by its hash.
    since = (now - timedelta(days=options.days)).replace(minute=0, second=0, microsecond=0)
    variables = {"first": 20, "postedAfter": to_iso(since), "topic": options.topic or None}
    headers = {"Content-Type": "application/json", **bearer(options.token_env)}
    body = orjson.dumps({"query": _QUERY, "variables": variables})
    return (
        Request(url=source.url, method="POST", headers=headers, body=body, accept="application/json", slot="page 1"),
    )


def parse(source: Source, response: Response, now: datetime) -> Parsed:
    """Sightings of launches. Raises ParseError for an answer that is only errors, which arrives with status 200."""
    options = PostOptions.model_validate(source.options)
    posts = _posts(response)

    def read(entry: object) -> Sighting | LeftOut:
        return _read(source, Post.model_validate(entry), options, now)

    return gather(_nodes(response, posts), read, following=_following(response.request, posts, options))


def _nodes(response: Response, posts: dict[str, Any]) -> list[Any]:
    """The posts of a page, which stand there in one of the two ways of GraphQL."""
    nodes, edges = posts.get("nodes"), posts.get("edges")
    if isinstance(nodes, list):
        return nodes
    if isinstance(edges, list):
        return [edge.get("node") if isinstance(edge, dict) else edge for edge in edges]
    raise ParseError(f"{response.url} sent posts without a list of them, but with {sorted(posts)[:8]}.")


def _posts(response: Response) -> dict[str, Any]:
    body = json_of(response)
    data = body.get("data") if isinstance(body, dict) else None
    posts = data.get("posts") if isinstance(data, dict) else None
    if not isinstance(posts, dict):
        errors = body.get("errors") if isinstance(body, dict) else body
        raise ParseError(f"{response.url} sent no posts and said: {clean(str(errors), limit=200)}")
    return posts


def _following(request: Request, posts: dict[str, Any], options: PostOptions) -> tuple[Request, ...]:
    page = posts.get("pageInfo")
    number = int(request.slot.removeprefix("page ")) if request.slot.startswith("page ") else 1
    if not isinstance(page, dict) or page.get("hasNextPage") is not True or number >= options.pages:
        return ()
    try:
        body = orjson.loads(request.body or b"{}")
        body["variables"]["after"] = clean(str(page.get("endCursor")), limit=200)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ()
    return (replace(request, body=orjson.dumps(body), slot=f"page {number + 1}"),)


def _read(source: Source, post: Post, options: PostOptions, now: datetime) -> Sighting | LeftOut:
    if options.featured and not post.featuredAt:
        return LeftOut("not featured")
    number, name, url = external_id(post.id), plain(post.name, limit=NAME), web_url(post.url)
    if url is None or not name:
        raise ValueError("the post has no address or name")
    url = url.partition("?")[0]  # all that follows names our own application
    tagline, summary = plain(post.tagline or "", limit=TAGLINE), plain(post.description or "", limit=SUMMARY)
    topics = tags_of([topic.slug for topic in post.topics.nodes] if post.topics else [])
    makers = [maker.name for maker in post.makers if maker.name and maker.name != _REDACTED]
    return Sighting(
        source=source.key,
        external_id=number,
        url=url,
        name=name,
        thing=Thing.LAUNCH,
        tagline=tagline,
        summary=summary,
        author=clean(", ".join(makers[:3]), limit=AUTHOR),
        created_at=instant(post.featuredAt, now=now) or instant(post.createdAt, now=now),
        category=next(iter(topics), None),
        tags=topics,
        signals=signals(votes=post.votesCount, comments=post.commentsCount),
        identifiers=frozenset({Identifier(Scheme.PRODUCTHUNT_POST, number), *product_of(url, name)}),
        pricing=pricing.from_text(tagline, summary, url=url, at=now),
    )


ADAPTER = Adapter(
    kind="producthunt-graphql",
    default_url="https://api.producthunt.com/v2/api/graphql",
    options=PostOptions,
    requests=requests,
    parse=parse,
)
