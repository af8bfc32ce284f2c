"""GitHub's trending page. HTML, therefore subject to robots.txt and off unless an operator sets it up: GitHub's
acceptable use policy allows scraping to researchers and archivists by name, and points everybody else to the API.

The markup has changed before (2019: `ol.repo-list`; 2023: `h1` became `h2`) and the number of rows falls from year to
year, so nothing but a page without any row is taken for a change of format.
"""

from __future__ import annotations

import re
from datetime import datetime
from itertools import islice

from bs4 import BeautifulSoup
from bs4.element import Tag
from pydantic import Field

from core.errors import ParseError
from core.sighting import Sighting, Thing
from core.source import Cursor, Parsed, Request, Response, Source
from core.text import clean
from ingest import pricing
from ingest.identity import github_repository
from ingest.sources.adapter import Adapter, Options
from ingest.sources.bodies import looks_like_html
from ingest.sources.entries import LeftOut, gather, named, signals
from ingest.wording import AUTHOR, NAME, SUMMARY, TAGLINE, tags_of

_NUMBER = re.compile(r"\d[\d,]{0,14}")
# To the row's end, or to where the next one begins or the page breaks off.
_ROW = re.compile(r"<article\b[^<>]{0,500}\bBox-row\b[^<>]{0,500}>.{0,60000}?(?=</article>|<article\b|\Z)", re.DOTALL)
_MOST_ROWS = 100
_MOST_TAGS = 400
_NOTHING = "have any trending repositories"


class TrendingOptions(Options):
    """`stars`: rows with fewer are left out."""

    stars: int = Field(default=0, ge=0)


def requests(source: Source, _cursor: Cursor, _now: datetime) -> tuple[Request, ...]:
    """One page."""
    return (Request(url=source.url, accept="text/html", html=True),)


def parse(source: Source, response: Response, now: datetime) -> Parsed:
    """Sightings of the rows. Raises ParseError for a page without rows that does not say that nothing trends."""
    options = TrendingOptions.model_validate(source.options)
    text = response.body.decode("utf-8", "replace")
    rows = list(islice(_ROW.finditer(text), _MOST_ROWS))
    if not rows and _NOTHING not in text:
        kind = "an HTML page" if looks_like_html(response.body) else "something"
        raise ParseError(f"{response.url} is {kind} without rows of repositories: the markup has changed.")

    def read(entry: object) -> Sighting | LeftOut:
        return _read(source, _row(str(entry)), options, now)

    return gather((row[0] for row in rows), read, empty_is_normal=not rows)


def _row(markup: str) -> Tag:
    """One row as a tree. The page is cut into rows first because the parser is quadratic in the depth of what it is
    given: fifty thousand nested elements took it seven minutes."""
    if markup.count("<") > _MOST_TAGS:
        raise ValueError(f"the row holds more than {_MOST_TAGS} tags")
    return BeautifulSoup(markup, "lxml")


def _read(source: Source, row: Tag, options: TrendingOptions, now: datetime) -> Sighting | LeftOut:
    # The first link of a row may be the sponsor button; the name stands in the heading.
    link = row.select_one("h2 a[href], h1 a[href]")
    path = str(link["href"]).strip("/") if link else ""
    name = github_repository(path)
    if name is None:
        raise ValueError(f"no repository in the row's heading ({clean(path, limit=60)!r})")
    stars = _number(row.select_one('a[href$="/stargazers"]'))
    if stars is not None and stars < options.stars:
        return LeftOut(f"fewer than {options.stars} stars")
    url = f"https://github.com/{path}"
    text = _text(row.select_one("p"), limit=SUMMARY)
    return Sighting(
        source=source.key,
        external_id=name.value,
        url=url,
        name=clean(path.rpartition("/")[2], limit=NAME),
        thing=Thing.REPOSITORY,
        tagline=clean(text, limit=TAGLINE),
        summary=text,
        author=clean(path.partition("/")[0], limit=AUTHOR),
        tags=tags_of([_text(row.select_one('[itemprop="programmingLanguage"]'), limit=50)]),
        signals=signals(
            stars=stars,
            stars_gained=_number(row.select_one("span.d-inline-block.float-sm-right")),
            forks=_number(row.select_one('a[href$="/forks"], a[href*="/network/members"]')),
        ),
        identifiers=named(name),
        pricing=pricing.from_text(text, url=url, at=now),
    )


def _text(element: Tag | None, *, limit: int) -> str:
    return clean(element.get_text(" "), limit=limit) if element else ""


def _number(element: Tag | None) -> float | None:
    """`1,139` from `1,139 stars today`."""
    found = _NUMBER.search(_text(element, limit=200))
    return float(found[0].replace(",", "")) if found else None


ADAPTER = Adapter(
    kind="github-trending",
    default_url="https://github.com/trending?since=daily",
    options=TrendingOptions,
    requests=requests,
    parse=parse,
)
