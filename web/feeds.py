"""Atom feeds (RFC 4287): all comparisons, those of a category, and verdicts that changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from lxml import etree
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app import announcing, exhibiting
from app.publishing import newer
from app.wiring import Product
from core.category import category_name
from core.clock import to_iso
from core.comparison import ComparisonView
from store.shelves import Change
from web import reading, xml
from web.answers import public_answer
from web.pages import Pages

ATOM = "http://www.w3.org/2005/Atom"
MEDIA_TYPE = "application/atom+xml"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPages:
    """Handlers."""

    product: Product
    pages: Pages

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route("/feed.atom", self.everything),
            Route("/categories/{key}/feed.atom", self.category),
            Route("/changes.atom", self.changes),
        ]

    def everything(self, request: Request) -> Response:
        """The newest comparisons."""
        found = announcing.feed(self.product)
        return self._comparisons(request, found, title="Weekly Verdicts")

    def category(self, request: Request) -> Response:
        """The newest comparisons of one category."""
        key = request.path_params["key"]
        return self._comparisons(
            request, announcing.feed(self.product, key), title=f"Weekly Verdicts: {category_name(key)}"
        )

    def changes(self, request: Request) -> Response:
        """Verdicts that were replaced."""
        found = exhibiting.changes(self.product)
        modified = self.pages.since(newer(*(each.at for each in found)))
        root = self._feed(request.url.path, title="Weekly Verdicts: changed verdicts", updated=modified, page="/")
        for each in found:
            self._change(root, each)
        return public_answer(request, xml.document(root), media_type=MEDIA_TYPE, modified=modified)

    def _comparisons(self, request: Request, found: announcing.FeedView, *, title: str) -> Response:
        modified = self.pages.since(found.modified)
        page = f"/categories/{found.category}" if found.category else "/"
        root = self._feed(
            request.url.path, title=title, updated=newer(*map(_approved, found.comparisons)) or modified, page=page
        )
        for view in found.comparisons:
            self._comparison(root, view)
        return public_answer(request, xml.document(root), media_type=MEDIA_TYPE, modified=modified)

    def _feed(self, path: str, *, title: str, updated: datetime, page: str) -> etree._Element:
        root = xml.root("feed", namespace=ATOM)
        xml.add(root, "id", self.pages.base_url + path)
        xml.add(root, "title", title)
        xml.add(root, "updated", to_iso(updated))
        xml.add(root, "link", rel="self", type=MEDIA_TYPE, href=self.pages.base_url + path)
        xml.add(root, "link", rel="alternate", type="text/html", href=self.pages.base_url + page)
        xml.add(xml.add(root, "author"), "name", "Weekly Verdicts")
        return root

    def _comparison(self, root: etree._Element, view: ComparisonView) -> None:
        address = f"{self.pages.base_url}/compare/{view.slug}"
        entry = xml.add(root, "entry")
        xml.add(entry, "id", self._tag(f"compare/{view.slug}"))
        xml.add(entry, "title", view.title)
        xml.add(entry, "link", rel="alternate", type="text/html", href=address)
        xml.add(entry, "updated", to_iso(_approved(view)))
        for key in dict.fromkeys((view.a.category, view.b.category)):
            xml.add(entry, "category", term=key, label=category_name(key))
        xml.add(entry, "summary", " ".join((reading.summary(view), reading.split_sentence(view))).strip())

    def _change(self, root: etree._Element, change: Change) -> None:
        entry = xml.add(root, "entry")
        xml.add(entry, "id", self._tag(f"change/{change.id}"))
        xml.add(entry, "title", f"{change.tool_name}: {change.words}")
        address = f"{self.pages.base_url}/tools/{change.tool_slug}#history"
        xml.add(entry, "link", rel="alternate", type="text/html", href=address)
        xml.add(entry, "updated", to_iso(change.at))
        xml.add(entry, "category", term=change.category, label=category_name(change.category))
        xml.add(entry, "summary", f"Before: {change.before}. “{change.quote}”")

    def _tag(self, name: str) -> str:
        # RFC 4151: stays the same when the site moves from http to https.
        return f"tag:{urlsplit(self.pages.base_url).hostname},2026:{name}"


def _approved(view: ComparisonView) -> datetime:
    found = newer(view.approved_at, view.published_at)
    if found is None:  # pragma: no cover - what is public was approved
        raise ValueError(view.slug)
    return found
