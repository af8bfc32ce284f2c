"""The pages for everyone: home, comparisons, editions, tools, lenses, categories, search, methodology."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app import exhibiting, publishing
from app.method import method
from app.wiring import Product
from core.clock import from_iso
from core.errors import NotFound, UsageError
from core.week import Week
from store.shelves import Place
from web import moved
from web.pages import Pages

_PLACE = re.compile(r"([0-9T:.Z-]{20,27})~([0-9]{1,18})")
_T = TypeVar("_T")
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicPages:
    """Handlers; each loads one view and shows it."""

    product: Product
    pages: Pages

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route("/", self.home),
            Route("/compare/{slug}", self.comparison),
            Route("/editions", self.editions),
            Route("/editions/{week}", self.edition),
            Route("/editions/{week}/best-of", self.best_of),
            Route("/tools/{slug}", self.tool),
            Route("/lenses/{key}", self.lens),
            Route("/categories/{key}", self.category),
            Route("/search", self.search),
            Route("/methodology", self.methodology),
        ]

    def home(self, request: Request) -> Response:
        """The latest edition, the newest comparisons, the subscribe box."""
        home = publishing.home(self.product)
        return self.pages.published(request, "home.html", home=home, modified=home.modified)

    def comparison(self, request: Request) -> Response:
        """Two tools side by side. Another order or an old slug moves for good to the canonical address."""
        slug = request.path_params["slug"]
        try:
            page = publishing.comparison_page(self.product, slug)
        except NotFound:
            return moved.comparison(self.product, slug, to="/compare/{}")
        return self.pages.published(request, "comparison.html", view=page.view, page=page, modified=page.modified)

    def tool(self, request: Request) -> Response:
        """A tool that stands in an approved comparison. An old slug moves for good to the present one."""
        slug = request.path_params["slug"]
        try:
            page = exhibiting.tool(self.product, slug)
        except NotFound:
            return moved.tool(self.product, slug, to="/tools/{}")
        return self.pages.published(request, "tool.html", page=page, modified=page.modified)

    def lens(self, request: Request) -> Response:
        """A point of view, and what it says."""
        page = exhibiting.lens(self.product, request.path_params["key"])
        return self.pages.published(request, "lens.html", page=page, modified=page.modified)

    def category(self, request: Request) -> Response:
        """The comparisons of a category, the newest first."""
        after = _parsed(request, "after", _place)
        page = exhibiting.category(self.product, request.path_params["key"], after=after)
        return self.pages.published(request, "category.html", page=page, first=after is None, modified=page.modified)

    def search(self, request: Request) -> Response:
        """Comparisons with all the words."""
        found = exhibiting.search(self.product, request.query_params.get("q", ""))
        return self.pages.published(request, "search.html", found=found)

    def methodology(self, request: Request) -> Response:
        """The rules in force."""
        return self.pages.published(request, "methodology.html", method=method(self.product))

    def editions(self, request: Request) -> Response:
        """Every approved edition, newest first."""
        below = _parsed(request, "below", _number)
        found = publishing.archive(self.product, below=below)
        shown = found[: publishing.EDITIONS_A_PAGE]
        more = shown[-1].number if len(found) > len(shown) else None
        modified = publishing.newer(*(each.approved_at for each in shown))
        return self.pages.published(request, "editions.html", editions=shown, more=more, modified=modified)

    def edition(self, request: Request) -> Response:
        """One approved edition."""
        edition = publishing.edition(self.product, _week(request))
        return self.pages.published(request, "edition.html", edition=edition, modified=edition.modified)

    def best_of(self, request: Request) -> Response:
        """What monthly readers got with the first edition of a month."""
        edition = publishing.best_of(self.product, _week(request))
        return self.pages.published(request, "edition.html", edition=edition, modified=edition.modified)


def _week(request: Request) -> Week:
    text = request.path_params["week"]
    try:
        week = Week.parse(text)
    except UsageError:
        raise HTTPException(404) from None
    if str(week) != text:  # other digits, or space around it
        raise HTTPException(404)
    return week


def _parsed(request: Request, name: str, read: Callable[[str], _T]) -> _T | None:
    """A parameter of the query, None when it is not there. Raises HTTPException 404 for what none of our links hold."""
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        return read(text)
    except ValueError:
        raise HTTPException(404) from None


def _number(text: str) -> int:
    if not (_NUMBER.fullmatch(text) and text.isascii()):
        raise ValueError(text)
    return int(text)


def _place(text: str) -> Place:
    found = _PLACE.fullmatch(text)
    if found is None or not text.isascii():
        raise ValueError(text)
    return Place(approved_at=from_iso(found[1]), comparison=int(found[2]))
