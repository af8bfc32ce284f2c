"""Pages: templates and values become HTML answers. Everything shown is escaped; nothing missing passes silently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.subscribing import CONSENT
from core.category import CATEGORIES, category_name
from core.clock import to_iso
from digest import markdown
from web import reading
from web.answers import FOR_NOBODY, public_answer
from web.assets import FOLDER as ASSETS
from web.assets import Asset
from web.linked_data import comparison_data, tool_data
from web.links import outward

FOLDER = Path(__file__).parent.parent / "templates" / "pages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """The templates with everything they call on."""

    environment: Environment
    base_url: str  # without a slash at its end
    made: datetime  # the newest of templates and assets

    def html(self, template: str, **values: Any) -> str:
        """One page as text. Raises jinja2.UndefinedError when the template asks for more than it is given."""
        return self.environment.get_template(template).render(values)

    def published(
        self, request: Request, template: str, *, modified: datetime | None = None, **values: Any
    ) -> Response:
        """A page for everyone, with validators. `modified`: the newest instant that its content names."""
        body = _encode(self.html(template, path=request.url.path, **values))
        return public_answer(request, body, media_type="text/html", modified=self.since(modified))

    def since(self, modified: datetime | None) -> datetime:
        """When a page last changed: with its content, or with its template."""
        return self.made if modified is None else max(modified, self.made)

    def private(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page for one reader: kept nowhere, found by no search engine."""
        headers = {"Cache-Control": FOR_NOBODY, "X-Robots-Tag": "noindex"}
        return HTMLResponse(_encode(self.html(template, path=None, **values)), status_code=status, headers=headers)


def make_pages(*, base_url: str, assets: Mapping[str, Asset]) -> Pages:
    """Templates from the project's folder, with the filters and the asset addresses that they use."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    public = base_url.rstrip("/")
    environment.globals |= {
        "all_categories": CATEGORIES,
        "asset": lambda name: assets[name].address,
        "base_url": public,
        "consent": CONSENT,
        "comparison_data": comparison_data,
        "paired_facts": reading.paired_facts,
        "panel_call": reading.panel_call,
        "agreement": reading.agreement,
        "shipped_and_skipped": reading.shipped_and_skipped,
        "summary": reading.summary,
        "tab_title": reading.tab_title,
        "tool_data": tool_data,
        "tool_summary": reading.tool_summary,
    }
    environment.filters |= {
        "byline": reading.byline,
        "category_name": category_name,
        "day": reading.day,
        "evidence": reading.evidence,
        "fact_words": reading.fact_words,
        "field_label": reading.field_label,
        "instant": to_iso,
        "markdown": markdown.html,
        "name_size": reading.name_size,
        "outward": outward,
        "place": reading.place,
        "paragraphs": reading.paragraphs,
        "week_span": reading.week_span,
    }
    return Pages(environment=environment, base_url=public, made=_made())


def _made() -> datetime:
    files = [*FOLDER.iterdir(), *ASSETS.iterdir()]
    return datetime.fromtimestamp(max((each.stat().st_mtime for each in files), default=0), UTC)


def _encode(html: str) -> bytes:
    # A lone surrogate that slipped in from a source costs one character, not the page.
    return html.encode("utf-8", "replace")
