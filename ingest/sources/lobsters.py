"""Lobsters: `newest.json` or another of its listings. Low volume, and its makers ask readers to go slow."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from core.identifier import Identifier, Scheme
from core.names import split_title
from core.sighting import Sighting, Thing
from core.source import Cursor, Parsed, Request, Response, Source
from core.text import clean
from ingest import pricing
from ingest.identity import identify, mentioned, own_page
from ingest.sources.adapter import Adapter, Foreign, Number, Options, When
from ingest.sources.bodies import list_of
from ingest.sources.entries import LeftOut, external_id, gather, instant, signals
from ingest.wording import AUTHOR, NAME, SUMMARY, TAGLINE, links, plain, tags_of, web_url


class StoryOptions(Options):
    """Stories with one of `tags` are taken; all of them when the list is empty."""

    tags: list[str] = Field(default=["ai", "ml", "vibecoding"], max_length=50)


class Submitter(Foreign):
    """Who submitted, as the site said it until 2023."""

    username: str = ""


class Story(Foreign):
    """A story of the listing."""

    short_id: Number
    title: str
    url: str | None = None
    description: str | None = None
    submitter_user: str | Submitter | None = None
    user_is_author: bool = False
    tags: list[str]
    score: float | None = None
    flags: float | None = None
    comment_count: float | None = None
    created_at: When = None


def requests(source: Source, _cursor: Cursor, _now: datetime) -> tuple[Request, ...]:
    """One request: the address as it stands."""
    return (Request(url=source.url, accept="application/json"),)


def parse(source: Source, response: Response, now: datetime) -> Parsed:
    """Sightings of stories with a wanted tag."""
    wanted = frozenset(StoryOptions.model_validate(source.options).tags)

    def read(entry: object) -> Sighting | LeftOut:
        story = Story.model_validate(entry)
        if wanted and not wanted & set(story.tags):
            return LeftOut("none of the wanted tags")
        return _read(source, story, now)

    return gather(list_of(response), read)


def _read(source: Source, story: Story, now: datetime) -> Sighting:
    number, headline = external_id(story.short_id), plain(story.title, limit=NAME + TAGLINE)
    if not headline:
        raise ValueError("the story has no title")
    # A story by its author presents something of theirs, like a Show HN.
    name, tagline = split_title(headline) if story.user_is_author else (headline, "")
    target, text = web_url(story.url), story.description or ""
    identifiers = identify([target]) | {Identifier(Scheme.LOBSTERS, number)}
    url = f"https://lobste.rs/s/{number}"
    return Sighting(
        source=source.key,
        external_id=number,
        url=url if number.isalnum() else "https://lobste.rs/",
        name=clean(name, limit=NAME),
        thing=Thing.LAUNCH if story.user_is_author else Thing.ARTICLE,
        tagline=clean(tagline, limit=TAGLINE),
        summary=plain(text, limit=SUMMARY),
        author=clean(_submitter(story), limit=AUTHOR),
        created_at=instant(story.created_at, now=now),
        homepage=own_page(target) if story.user_is_author else None,
        tags=tags_of(story.tags),
        signals=signals(score=story.score, comments=story.comment_count, flags=story.flags),
        identifiers=identifiers,
        mentions=mentioned([*([target] if target else []), *links(text)[:10]], besides=identifiers),
        pricing=pricing.from_text(tagline, plain(text, limit=SUMMARY), url=url, at=now),
    )


def _submitter(story: Story) -> str:
    user = story.submitter_user
    return user.username if isinstance(user, Submitter) else user or ""


ADAPTER = Adapter(
    kind="lobsters",
    default_url="https://lobste.rs/newest.json",
    options=StoryOptions,
    requests=requests,
    parse=parse,
)
