"""What crawlers read: the sitemap with its parts (sitemaps.org), and llms.txt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app import announcing
from app.announcing import Address
from app.publishing import newer
from app.wiring import Product
from core.category import category_name
from core.clock import to_iso
from store.shelves import categories
from web import reading, xml
from web.answers import public_answer
from web.pages import Pages

SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
_TOGETHER = 3
"""Up to this many parts stand in one file; a larger site has an index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlerPages:
    """Handlers."""

    product: Product
    pages: Pages

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route("/sitemap.xml", self.sitemap),
            Route("/sitemaps/{part}.xml", self.part),
            Route("/llms.txt", self.llms),
        ]

    def sitemap(self, request: Request) -> Response:
        """Every public address; on a large site, the parts that list them."""
        parts = announcing.sitemap_parts(self.product)
        if len(parts) <= _TOGETHER:
            found = [each for part in parts for each in announcing.sitemap_part(self.product, part)]
            return self._addresses(request, found)
        root = xml.root("sitemapindex", namespace=SITEMAP)
        for part in parts:
            xml.add(xml.add(root, "sitemap"), "loc", f"{self.pages.base_url}/sitemaps/{part}.xml")
        return self._answer(request, root, [])

    def part(self, request: Request) -> Response:
        """The addresses of one part."""
        return self._addresses(request, announcing.sitemap_part(self.product, request.path_params["part"]))

    def _addresses(self, request: Request, found: Sequence[Address]) -> Response:
        root = xml.root("urlset", namespace=SITEMAP)
        for each in found:
            line = xml.add(root, "url")
            xml.add(line, "loc", self.pages.base_url + each.path)
            if each.modified is not None:
                xml.add(line, "lastmod", to_iso(each.modified))
        return self._answer(request, root, found)

    def _answer(self, request: Request, root: etree._Element, found: Sequence[Address]) -> Response:
        modified = self.pages.since(newer(*(each.modified for each in found)))
        return public_answer(request, xml.document(root), media_type="application/xml", modified=modified)

    def llms(self, request: Request) -> Response:
        """What language models should know of the site, in Markdown (llmstxt.org)."""
        found = announcing.feed(self.product)
        with self.product.database.read() as connection:
            keys = categories(connection)
        lines = _llms(self.pages.base_url, found, keys)
        body = "\n".join(lines).encode("utf-8", "replace")
        return public_answer(
            request, body, media_type="text/plain; charset=utf-8", modified=self.pages.since(found.modified)
        )


def _llms(base: str, found: announcing.FeedView, keys: Sequence[str]) -> list[str]:
    newest = [
        f"- [{_plain(view.title)}]({base}/compare/{view.slug}): {_plain(reading.summary(view))}"
        for view in found.comparisons
    ]
    return [
        "# Weekly Verdicts",
        "",
        "> New AI tools, judged in pairs by a panel of lenses: ship or skip.",
        "",
        "Panel figures count verdicts and are never mixed with readers' votes. Quote a percentage with its count.",
        "",
        "## How to read it",
        "",
        f"- [Methodology]({base}/methodology): lenses, quorum, tie rule, votes, sources",
        f"- [JSON API]({base}/api/openapi.json): tools, comparisons and editions, read-only",
        f"- [Corrections]({base}/corrections): what was wrong and what was changed",
        f"- [Changed verdicts]({base}/changes.atom): Atom feed",
        "",
        "## Categories",
        "",
        *(f"- [{category_name(key)}]({base}/categories/{key})" for key in keys),
        "",
        "## Newest comparisons",
        "",
        *newest,
        "",
    ]


def _plain(text: str) -> str:
    """Text from outside on one line of Markdown, without the characters that would make a link or markup of it."""
    return " ".join("".join(each for each in text if each not in "[]()<>`*_#|\\").split())
