"""Reddit: the Atom feed of one or several subreddits (`/r/A+B/top.rss?t=day`), or the API's listing with a key.

Anonymous readers get about one feed a minute and are refused now and then; such a run is degraded, not failed. The feed
has no votes: the place in `top.rss` is the only sign of popularity. What is deleted at Reddit has to be deleted here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from core.errors import ParseError
from core.identifier import Identifier, Scheme
from core.names import split_title
from core.sighting import Sighting, Signal, Thing
from core.source import Cursor, Parsed, Request, Response, Source
from core.text import clean, slugify
from ingest import pricing
from ingest.identity import domain_of, identify, mentioned, own_page
from ingest.sources.adapter import Adapter, Foreign, Options, TokenName, bearer
from ingest.sources.bodies import json_of, list_of
from ingest.sources.entries import LeftOut, external_id, gather, instant, signals
from ingest.sources.feed import ACCEPT, dated
from ingest.sources.syndication import Entry, entries_of
from ingest.wording import AUTHOR, NAME, SUMMARY, TAGLINE, links, plain, tags_of, web_url

_ID = re.compile(r"t3_([a-z0-9]{3,12})$|/comments/([a-z0-9]{3,12})/", re.IGNORECASE)
_LINK = re.compile(r"<a\s[^<>]{0,300}?href=\"([^\"<>]{1,2000})\"[^<>]{0,100}>\s*\[link\]", re.IGNORECASE)
_BODY = re.compile(r"<div class=\"md\">(.*?)</div>", re.DOTALL)
_OWN_HOSTS = ("reddit.com", "redd.it", "redditmedia.com", "redditstatic.com", "reddituploads.com")
_ANNOUNCES = re.compile(
    r"\b(?:introducing|announcing|releas(?:e|ed|ing)|open[- ]sourc(?:e|ed|ing)|launch(?:ed|ing)?|i(?:'ve)? (?:built|made|created|wrote)"
    r"|we(?:'ve)? (?:built|made|created)|show(?:case|off)|just shipped)\b|^\s*\[p\]",
    re.IGNORECASE,
)


_PREFIX = re.compile(
    r"^\s*(?:\[[a-z]{1,12}\]\s*)?(?:(?:introducing|announcing|meet|just shipped|showcase|(?:i|we)(?:['’]ve)?(?: just)? (?:built|made"
    r"|created|wrote|released|launched|open[- ]sourced))\s+)?",
    re.IGNORECASE,
)
_NAME_WORDS = 3
_ARTICLES = frozenset(["a", "an", "another", "my", "our", "some", "the", "this"])


class PostOptions(Options):
    """With `token_env` the key in that environment variable is sent, for addresses of oauth.reddit.com."""

    token_env: TokenName | None = None


class Post(Foreign):
    """A post of the API's listing."""

    id: str
    title: str
    permalink: str
    author: str = ""
    url: str | None = None
    url_overridden_by_dest: str | None = None
    selftext: str | None = None
    is_self: bool = False
    over_18: bool = False
    score: float | None = None
    num_comments: float | None = None
    created_utc: float | None = None
    subreddit: str = ""


class Child(Foreign):
    """The envelope of a post."""

    data: Post


@dataclass(frozen=True, slots=True, kw_only=True)
class _Submission:
    """A post from either format. `target` is what it links to, `text` what it says."""

    id: str
    url: str
    title: str
    author: str
    text: str
    target: str | None
    links: tuple[str, ...]
    created_at: datetime | None
    tags: tuple[str, ...]
    signals: tuple[Signal, ...]


def requests(source: Source, _cursor: Cursor, _now: datetime) -> tuple[Request, ...]:
    """One request: the address as it stands."""
    options = PostOptions.model_validate(source.options)
    return (Request(url=source.url, accept=ACCEPT, headers=bearer(options.token_env)),)


def parse(source: Source, response: Response, now: datetime) -> Parsed:
    """Sightings of posts, from a feed or from the API's listing."""
    if response.body.lstrip()[:1] in (b"{", b"["):
        return _listing(source, response, now)
    ranked = "/top" in urlsplit(response.request.url).path
    entries = entries_of(response)
    places = {id(entry): place for place, entry in enumerate(entries, 1)}

    def read(entry: object) -> Sighting | LeftOut:
        if not isinstance(entry, Entry):
            raise ParseError("an entry of a feed is expected")
        return _read(source, _from_feed(entry, places[id(entry)] if ranked else None, now), now)

    return gather(entries, read)


def _listing(source: Source, response: Response, now: datetime) -> Parsed:
    if isinstance(json_of(response), list):
        raise ParseError(f"{response.url} answered with a thread instead of a listing.")

    def read(entry: object) -> Sighting | LeftOut:
        post = Child.model_validate(entry).data
        return LeftOut("not suitable for work") if post.over_18 else _read(source, _from_api(post, now), now)

    return gather(list_of(response, "data", "children"), read)


def _from_feed(entry: Entry, place: int | None, now: datetime) -> _Submission:
    found = _ID.search(entry.id.strip()) or _ID.search(entry.link)
    url = web_url(entry.link)
    if found is None or url is None:
        raise ValueError("the entry has no post id or address")
    linked, body = _LINK.search(entry.content), _BODY.search(entry.content)
    return _Submission(
        id=found[1] or found[2],
        url=url,
        title=plain(entry.title, limit=NAME + TAGLINE),
        author=clean(entry.author, limit=AUTHOR),
        text=plain(body[1] if body else "", limit=SUMMARY),
        target=_outside(web_url(linked[1].replace("&amp;", "&")) if linked else None),
        links=_all_outside(links(body[1] if body else "")),
        created_at=dated(entry, now=now),
        tags=tags_of(entry.tags),
        signals=signals(rank=place),
    )


def _from_api(post: Post, now: datetime) -> _Submission:
    url = web_url(post.permalink, base="https://www.reddit.com")
    if url is None:
        raise ValueError("the post has no address")
    target = None if post.is_self else web_url(post.url_overridden_by_dest or post.url)
    return _Submission(
        id=external_id(post.id),
        url=url,
        title=plain(post.title, limit=NAME + TAGLINE),
        author=clean(f"/u/{post.author}" if post.author else "", limit=AUTHOR),
        text=plain(post.selftext or "", limit=SUMMARY),
        target=_outside(target),
        links=_all_outside(links(post.selftext or "")),
        created_at=instant(post.created_utc, now=now),
        tags=tags_of([post.subreddit]),
        signals=signals(score=post.score, comments=post.num_comments),
    )


def _outside(url: str | None) -> str | None:
    """The address unless it is Reddit's own (a thread, an image, a video)."""
    host = urlsplit(url).hostname or "" if url else ""
    return None if any(host == own or host.endswith(f".{own}") for own in _OWN_HOSTS) else url


def _all_outside(urls: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(url for url in urls if _outside(url))


def _read(source: Source, post: _Submission, now: datetime) -> Sighting:
    if not post.title:
        raise ValueError("the post has no title")
    head, rest = split_title(post.title)
    target = post.target or next((url for url in post.links[:1] if _is_meant(url, head)), None)
    found = identify([target])
    launch = bool(_ANNOUNCES.search(post.title)) or _strong(found) or bool(target and rest and _is_meant(target, head))
    name, tagline = (_bare(head), rest) if launch else (post.title, "")
    identifiers = found | {Identifier(Scheme.REDDIT, post.id.lower())}
    return Sighting(
        source=source.key,
        external_id=external_id(post.id),
        url=post.url,
        name=clean(name, limit=NAME),
        thing=Thing.LAUNCH if launch else Thing.ARTICLE,
        tagline=clean(tagline, limit=TAGLINE),
        summary=post.text,
        author=post.author,
        created_at=post.created_at,
        homepage=own_page(target) if launch else None,
        tags=post.tags,
        signals=post.signals,
        identifiers=identifiers,
        mentions=mentioned([*([target] if target else []), *post.links[:10]], besides=identifiers),
        pricing=pricing.from_text(tagline, post.text, url=post.url, at=now),
    )


def _bare(head: str) -> str:
    """`I built Foo` and `[P] Foo` as `Foo`; what is described instead of named ("I built a search") stays a sentence."""
    rest = _PREFIX.sub("", head).strip()
    described = len(rest.split()) > _NAME_WORDS or rest.partition(" ")[0].lower() in _ARTICLES
    return head if described or not rest else rest


def _is_meant(url: str, name: str) -> bool:
    """Whether the first link of a text post is what the post is about: a repository or model, or a page whose domain
    carries the name."""
    key = slugify(name).replace("-", "")
    return _strong(identify([url])) or (len(key) > 3 and key in (domain_of(url) or "").replace("-", ""))  # noqa: PLR2004 - shorter ones occur by chance


def _strong(identifiers: frozenset[Identifier]) -> bool:
    return any(one.scheme is not Scheme.URL for one in identifiers)


ADAPTER = Adapter(
    kind="reddit",
    default_url="https://www.reddit.com/r/LocalLLaMA+StableDiffusion+MachineLearning/top.rss?t=day&limit=50",
    options=PostOptions,
    requests=requests,
    parse=parse,
    fragile=True,
)
