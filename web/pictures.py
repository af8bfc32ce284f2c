"""Pictures for link previews (OpenGraph), 1200 x 630: a comparison or a tool in the site's own shapes.

Drawn when asked for. Letters are those of the typeface that Pillow carries; what it has no glyph for is left out, so a
name in another script is given by its address.
"""

from __future__ import annotations

import io
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app import exhibiting, publishing
from app.wiring import Product
from core.comparison import Side
from core.errors import NotFound
from core.panel import Decision
from web import moved, reading
from web.answers import public_answer
from web.pages import Pages

SIZE = (1200, 630)
_MARGIN = 64
_PAPER, _SHEET, _BAND, _INK, _SOFT = "#eef3ea", "#fafcf7", "#dde8d8", "#12231b", "#4b5d53"
_MARK, _SHIP, _SKIP = "#d6ec4c", "#0a6240", "#a02c12"
_BOLD = 1  # pixels around each letter: the typeface comes in one weight, the site's names and figures are heavy
_LASTS = "public, max-age=3600"


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturePages:
    """Handlers."""

    product: Product
    pages: Pages

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route("/images/compare/{slug}.png", self.comparison),
            Route("/images/tools/{slug}.png", self.tool),
            Route("/images/site.png", self.site),
        ]

    def comparison(self, request: Request) -> Response:
        """Both names with their panel figures. 404 for what is not public."""
        slug = request.path_params["slug"]
        try:
            page = publishing.comparison_page(self.product, slug)
        except NotFound:
            return moved.comparison(self.product, slug, to="/images/compare/{}.png")
        body = draw(page.view.a, page.view.b)
        return self._answer(request, body, modified=page.modified)

    def tool(self, request: Request) -> Response:
        """One name with its panel figure. 404 for what is not on show."""
        slug = request.path_params["slug"]
        try:
            page = exhibiting.in_short(self.product, slug)
        except NotFound:
            return moved.tool(self.product, slug, to="/images/tools/{}.png")
        return self._answer(request, draw(page.side), modified=page.modified)

    def site(self, request: Request) -> Response:
        """The picture of every page that has none of its own."""
        return self._answer(request, draw_site(), modified=None)

    def _answer(self, request: Request, body: bytes, *, modified: datetime | None) -> Response:
        since = self.pages.since(modified)
        answer = public_answer(request, body, media_type="image/png", modified=since, cache=_LASTS)
        answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return answer


def draw(*sides: Side) -> bytes:
    """The picture of one or two sides, as PNG."""
    image, pen = _sheet()
    width = (SIZE[0] - 2 * _MARGIN) // len(sides)
    for number, side in enumerate(sides):
        _side(pen, side, left=_MARGIN + number * width, width=width)
    if len(sides) > 1:
        _spine(pen, "vs")
    return _png(image)


@lru_cache(maxsize=1)
def draw_site() -> bytes:
    """The picture of the site: its two words, on both sides of the spine."""
    image, pen = _sheet()
    _spine(pen, "or")
    quarter = SIZE[0] // 4
    for center, call in ((quarter + 16, Decision.SHIP), (SIZE[0] - quarter - 16, Decision.SKIP)):
        _stamp(pen, call, center=center, middle=358, size=2.6)
    pen.text((SIZE[0] - _MARGIN, 92), "New AI tools, judged in pairs", font=_font(30), fill=_SOFT, anchor="rm")
    return _png(image)


def _sheet() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", SIZE, _PAPER)
    pen = ImageDraw.Draw(image)
    _masthead(pen)
    pen.rectangle((_MARGIN, 150, SIZE[0] - _MARGIN, SIZE[1] - _MARGIN), fill=_SHEET, outline=_INK, width=3)
    return image, pen


def _spine(pen: ImageDraw.ImageDraw, word: str) -> None:
    middle = SIZE[0] // 2
    pen.rectangle((middle - 42, 153, middle + 42, SIZE[1] - _MARGIN - 3), fill=_BAND)
    pen.text((middle, 330), word, font=_font(38), fill=_SOFT, anchor="mm")


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", optimize=False, compress_level=6)
    return out.getvalue()


def _masthead(pen: ImageDraw.ImageDraw) -> None:
    pen.text((_MARGIN, 92), "Weekly", font=_font(44), fill=_INK, anchor="lm", stroke_width=_BOLD)
    start = _MARGIN + pen.textlength("Weekly ", font=_font(44))
    end = start + pen.textlength("Verdicts", font=_font(44)) + 24
    pen.polygon([(start, 58), (end, 58), (end + 30, 92), (end, 126), (start, 126)], fill=_MARK)
    pen.text((start + 14, 92), "Verdicts", font=_font(44), fill=_INK, anchor="lm", stroke_width=_BOLD)


def _side(pen: ImageDraw.ImageDraw, side: Side, *, left: int, width: int) -> None:
    center, room = left + width // 2, width - 130
    for number, line in enumerate(_lines(pen, _drawable(side), room=room)):
        pen.text((center, 212 + number * 54), line, font=_font(46), fill=_INK, anchor="mm", stroke_width=_BOLD)
    percent = side.panel.ship_percent
    pen.text(
        (center, 390),
        "no verdict yet" if percent is None else f"{percent} %",
        font=_font(40 if percent is None else 92),
        fill=_INK,
        anchor="mm",
        stroke_width=0 if percent is None else 2 * _BOLD,
    )
    call = reading.panel_call(side.panel)
    if call is not None:
        pen.text((center, 456), f"panel ship, {side.panel.count}", font=_font(28), fill=_SOFT, anchor="mm")
        _stamp(pen, call, center=center, middle=515)


def _stamp(pen: ImageDraw.ImageDraw, call: Decision, *, center: int, middle: int, size: float = 1) -> None:
    """Ship is solid and points onward, skip is hollow and stands: as everywhere on the site."""
    wide, high, point = (round(size * each) for each in (70, 27, 20))
    left, right, top, bottom = center - wide, center + wide, middle - high, middle + high
    ship = call is Decision.SHIP
    if ship:
        edge = [(left, top), (right - point, top), (right, middle), (right - point, bottom), (left, bottom)]
        pen.polygon(edge, fill=_SHIP)
    else:
        pen.rectangle((left, top, right, bottom), outline=_SKIP, width=round(4 * size))
    place = (center - (round(8 * size) if ship else 0), middle)
    ink = "#ffffff" if ship else _SKIP
    pen.text(
        place, call.value.capitalize(), font=_font(round(32 * size)), fill=ink, anchor="mm", stroke_width=round(size)
    )


def _drawable(side: Side) -> str:
    """The name in the letters of the typeface, or its address where nothing of it is left."""
    folded = unicodedata.normalize("NFKC", side.name)[:120]
    name = "".join(each for each in folded if " " <= each <= "\u017f" and each.isprintable())
    return " ".join(name.split()) or side.slug


def _lines(pen: ImageDraw.ImageDraw, text: str, *, room: int) -> list[str]:
    """At most two lines that fit; an ellipsis says that more was there."""
    lines: list[str] = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if not lines[-1] or pen.textlength(longer, font=_font(46)) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    shown = lines[:2]
    shown[-1] += "…" if len(lines) > len(shown) else ""
    return [_cut(pen, line, room=room) for line in shown]


def _cut(pen: ImageDraw.ImageDraw, line: str, *, room: int) -> str:
    cut = line
    while cut and pen.textlength(cut, font=_font(46)) > room:
        cut = cut.removesuffix("…")[:-1] + "…"
    return cut


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
