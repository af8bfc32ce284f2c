"""Pages: templates and values become HTML answers. Everything shown is escaped; nothing missing passes silently."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.subscribing import CONSENT
from core.category import category_name
from core.clock import to_iso
from web import reading
from web.assets import Asset
from web.linked_data import comparison_data
from web.links import outward

FOLDER = Path(__file__).parent.parent / "templates" / "pages"
FOR_EVERYONE = "public, max-age=60"
"""Published pages: a minute without asking, then an ETag decides."""
FOR_NOBODY = "no-store"
"""Pages whose address holds a token, and answers to a post."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """The templates with everything they call on."""

    environment: Environment
    base_url: str  # without a slash at its end

    def html(self, template: str, **values: Any) -> str:
        """One page as text. Raises jinja2.UndefinedError when the template asks for more than it is given."""
        return self.environment.get_template(template).render(values)

    def published(self, request: Request, template: str, **values: Any) -> Response:
        """A page for everyone: 200 with an ETag, or 304 where the reader has this very page."""
        body = _encode(self.html(template, path=request.url.path, **values))
        tag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {"ETag": tag, "Cache-Control": FOR_EVERYONE}
        if _has(request, tag):
            return Response(status_code=304, headers=headers)
        return HTMLResponse(body, headers=headers)

    def private(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page for one reader: kept nowhere, found by no search engine."""
        headers = {"Cache-Control": FOR_NOBODY, "X-Robots-Tag": "noindex"}
        return HTMLResponse(_encode(self.html(template, path=None, **values)), status_code=status, headers=headers)


def make_pages(*, base_url: str, assets: Mapping[str, Asset]) -> Pages:
    """Templates from the project's folder, with the filters and the asset addresses that they use."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    public = base_url.rstrip("/")
    environment.globals |= {
        "asset": lambda name: assets[name].address,
        "base_url": public,
        "consent": CONSENT,
        "comparison_data": comparison_data,
        "paired_facts": reading.paired_facts,
        "panel_call": reading.panel_call,
        "agreement": reading.agreement,
        "summary": reading.summary,
    }
    environment.filters |= {
        "byline": reading.byline,
        "category_name": category_name,
        "day": reading.day,
        "evidence": reading.evidence,
        "instant": to_iso,
        "name_size": reading.name_size,
        "outward": outward,
        "paragraphs": reading.paragraphs,
        "week_span": reading.week_span,
    }
    return Pages(environment=environment, base_url=public)


def _encode(html: str) -> bytes:
    # A lone surrogate that slipped in from a source costs one character, not the page.
    return html.encode("utf-8", "replace")


def _has(request: Request, tag: str) -> bool:
    # If-None-Match compares weakly (RFC 9110, 13.1.2): the W/ in front does not count.
    held = {piece.strip().removeprefix("W/") for piece in request.headers.get("if-none-match", "").split(",")}
    return "*" in held or tag.removeprefix("W/") in held
