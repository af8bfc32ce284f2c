"""The pages for everyone: home, comparisons, editions."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from app import publishing
from app.method import method
from app.wiring import Product
from core.comparison import split_comparison_slug
from core.errors import NotFound, UsageError
from core.week import Week
from web.pages import Pages


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
            Route("/methodology", self.methodology),
        ]

    def home(self, request: Request) -> Response:
        """The latest edition, the newest comparisons, the subscribe box."""
        return self.pages.published(request, "home.html", home=publishing.home(self.product))

    def comparison(self, request: Request) -> Response:
        """Two tools side by side. Another order or an old slug moves for good to the canonical address."""
        slug = request.path_params["slug"]
        try:
            view = publishing.comparison(self.product, slug)
        except NotFound:
            return self._moved(slug)
        return self.pages.published(request, "comparison.html", view=view)

    def _moved(self, slug: str) -> Response:
        try:
            one, other = split_comparison_slug(slug.lower())
        except UsageError:
            raise HTTPException(404) from None
        address = publishing.comparison_address(self.product, one, other)
        # Only what is published may be pointed at: a redirect would tell that the pair exists. This also ends
        # every loop, since what is found at an address is shown there, whatever slug it was approved under.
        publishing.comparison(self.product, address)
        return RedirectResponse(f"/compare/{address}", status_code=301)

    def methodology(self, request: Request) -> Response:
        """The rules in force."""
        return self.pages.published(request, "methodology.html", method=method(self.product))

    def editions(self, request: Request) -> Response:
        """Every approved edition, newest first."""
        return self.pages.published(request, "editions.html", editions=publishing.editions(self.product))

    def edition(self, request: Request) -> Response:
        """One approved edition."""
        text = request.path_params["week"]
        try:
            week = Week.parse(text)
        except UsageError:
            raise HTTPException(404) from None
        if str(week) != text:  # other digits, or space around it
            raise HTTPException(404)
        return self.pages.published(request, "edition.html", edition=publishing.edition(self.product, week))
