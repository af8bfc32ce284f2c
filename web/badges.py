"""Badges: a tool's panel verdict as a small SVG that its makers may show."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app import exhibiting
from app.wiring import Product
from core.errors import NotFound
from core.panel import Decision
from web import moved, reading, xml
from web.answers import public_answer
from web.pages import Pages

SVG = "http://www.w3.org/2000/svg"
_LETTER = 6.6  # pixels of a letter at 11 px, wide enough for every stack that a reader may have
_HEIGHT = 22
_COLOURS = {Decision.SHIP: "#0a6240", Decision.SKIP: "#a02c12", None: "#4b5d53"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BadgePages:
    """Handlers."""

    product: Product
    pages: Pages

    def routes(self) -> list[Route]:
        """Their address."""
        return [Route("/badge/{slug}.svg", self.badge)]

    def badge(self, request: Request) -> Response:
        """A tool's badge; other sites may show it, also by a slug that the tool once had. 404 for a tool that is not on
        show."""
        slug = request.path_params["slug"]
        try:
            page = exhibiting.in_short(self.product, slug)
        except NotFound:
            return moved.tool(self.product, slug, to="/badge/{}.svg")
        call = reading.panel_call(page.side.panel)
        words = f"{call.value}, {page.side.panel_label}" if call else "no verdict yet"
        body = xml.document(_svg("Weekly Verdicts", words, _COLOURS[call]))
        answer = public_answer(
            request,
            body,
            media_type="image/svg+xml",
            modified=self.pages.since(page.modified),
            cache="public, max-age=3600",
        )
        answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return answer


def _svg(left: str, right: str, colour: str) -> etree._Element:
    first, second = (round(len(text) * _LETTER) + 14 for text in (left, right))
    size = {"width": str(first + second), "height": str(_HEIGHT)}
    root = xml.root("svg", namespace=SVG)
    for name, value in {**size, "role": "img", "aria-label": xml.fit(f"{left}: {right}")}.items():
        root.set(name, value)
    xml.add(root, "title", f"{left}: {right}")
    xml.add(root, "rect", width=str(first), height=str(_HEIGHT), fill="#12231b")
    xml.add(root, "rect", x=str(first), width=str(second), height=str(_HEIGHT), fill=colour)
    for text, start, width in ((left, 0, first), (right, first, second)):
        place = {"x": str(start + 7), "y": "15", "fill": "#ffffff", "textLength": str(width - 14)}
        place |= {"font-family": "Verdana,DejaVu Sans,sans-serif", "font-size": "11"}
        xml.add(root, "text", text, **place)
    return root
