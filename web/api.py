"""A small read-only JSON API over what is public: tools, comparisons, editions. Described by /api/openapi.json."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app import announcing, exhibiting, publishing
from app.announcing import ToolEntry
from app.publishing import EditionView, newer
from app.wiring import Product
from core.category import CATEGORIES, OTHER
from core.clock import to_iso
from core.comparison import Cell, ComparisonView, Side
from core.errors import NotFound, UsageError
from core.week import Week
from store.editions import ShelvedEdition
from web import moved
from web.answers import FOR_NOBODY, public_answer
from web.links import outward
from web.openapi import LARGEST_LIMIT, document
from web.pages import Pages

Json = dict[str, Any]
Read = Callable[[Request], tuple[Any, datetime | None]]
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_DEFAULT_LIMIT = 20


class Find(Protocol):
    """Where something is now (web/moved.py)."""

    def __call__(self, product: Product, slug: str, *, to: str) -> Response:
        """A redirect. Raises NotFound."""


_MOVED: dict[str, Find] = {"/api/tools/{slug}": moved.tool, "/api/comparisons/{slug}": moved.comparison}


class ParameterError(Exception):
    """A parameter of the query is not what the description says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiPages:
    """Handlers. Every answer may be read by any site: it holds nothing that is not public."""

    product: Product
    pages: Pages

    def routes(self) -> list[Route]:
        """Their addresses."""
        found: dict[str, Read] = {
            "/api/tools": self.tools,
            "/api/tools/{slug}": self.tool,
            "/api/comparisons": self.comparisons,
            "/api/comparisons/{slug}": self.comparison,
            "/api/editions": self.editions,
            "/api/editions/{week}": self.edition,
            "/api/openapi.json": self.description,
        }
        return [Route(path, self._answering(read, path)) for path, read in found.items()]

    def _answering(self, read: Read, path: str) -> Callable[[Request], Response]:
        def endpoint(request: Request) -> Response:
            try:
                data, modified = read(request)
            except ParameterError as error:
                return _problem(400, str(error))
            except (NotFound, UsageError):
                answer = self._elsewhere(request, path)
            else:
                answer = public_answer(
                    request, _bytes(data), media_type="application/json", modified=self.pages.since(modified)
                )
            answer.headers["Access-Control-Allow-Origin"] = "*"
            answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
            return answer

        return endpoint

    def _elsewhere(self, request: Request, path: str) -> Response:
        """What has moved, by its old slug or in another order; the problem 404 for anything else."""
        try:
            if find := _MOVED.get(path):
                return find(self.product, request.path_params["slug"], to=path.replace("{slug}", "{}"))
        except NotFound:
            pass
        return _problem(404, "There is nothing public at this address.")

    def description(self, _request: Request) -> tuple[Any, datetime | None]:
        """The OpenAPI document."""
        return document(self.pages.base_url), None

    def tools(self, request: Request) -> tuple[Any, datetime | None]:
        """Tools on show, in slices."""
        limit, before = _slice(request)
        found, more = announcing.tools(self.product, limit=limit, before=before)
        return self._sliced("tools", [self._tool_row(each) for each in found], limit=limit, more=more), None

    def tool(self, request: Request) -> tuple[Any, datetime | None]:
        """One tool with what each lens says of it."""
        page = exhibiting.tool(self.product, request.path_params["slug"])
        return {
            **self._side(page.side),
            "verdicts": [{"lens": each.lens, **_cell(each.cell)} for each in page.said],
            "comparisons": [self._link(f"/compare/{each.view.slug}") for each in page.stands],
            "history": [
                {
                    "lens": each.lens,
                    "before": each.before,
                    "after": each.after,
                    "quote": each.quote,
                    "at": to_iso(each.at),
                }
                for each in page.changes
            ],
        }, page.modified

    def comparisons(self, request: Request) -> tuple[Any, datetime | None]:
        """Comparisons, in slices."""
        limit, before = _slice(request)
        found, more = announcing.comparisons(self.product, limit=limit, before=before)
        rows = [self._comparison_row(each) for each in found]
        return self._sliced("comparisons", rows, limit=limit, more=more), None

    def comparison(self, request: Request) -> tuple[Any, datetime | None]:
        """One comparison with its scorecard."""
        page = publishing.comparison_page(self.product, request.path_params["slug"])
        view = page.view
        data = {
            **self._comparison_row(view),
            "scorecard": [
                {
                    "lens": row.lens,
                    "a": None if row.a is None else _cell(row.a),
                    "b": None if row.b is None else _cell(row.b),
                }
                for row in view.rows
            ],
            "split": {
                "both_ship": view.split.both_ship,
                "both_skip": view.split.both_skip,
                "only_a": view.split.only_a,
                "only_b": view.split.only_b,
            },
        }
        return data, page.modified

    def editions(self, request: Request) -> tuple[Any, datetime | None]:
        """Editions, in slices."""
        limit, before = _slice(request)
        found, more = announcing.editions(self.product, limit=limit, before=before)
        rows = [self._edition_row(each) for each in found]
        modified = newer(*(each.approved_at for each in found))
        return self._sliced("editions", rows, limit=limit, more=more), modified

    def edition(self, request: Request) -> tuple[Any, datetime | None]:
        """One edition with its comparisons."""
        found = publishing.edition(self.product, Week.parse(request.path_params["week"]))
        return self._edition(found), found.modified

    # ------------------------------------------------------------ values as JSON

    def _sliced(self, kind: str, rows: Sequence[Json], *, limit: int, more: int | None) -> Json:
        following = None if more is None else f"{self.pages.base_url}/api/{kind}?limit={limit}&before={more}"
        return {kind: rows, "next": following}

    def _link(self, path: str) -> str:
        return self.pages.base_url + path

    def _side(self, side: Side) -> Json:
        home = outward(side.homepage)
        pricing = side.pricing
        price = pricing.entry_price
        return {
            "slug": side.slug,
            "name": side.name,
            "tagline": side.tagline,
            "category": side.category if side.category in CATEGORIES else OTHER,
            "url": self._link(f"/tools/{side.slug}"),
            "homepage": home.href if home else None,
            "panel": {
                "ships": side.panel.ships,
                "skips": side.panel.skips,
                "ship_percent": side.panel.ship_percent,
                "closed": side.panel.closed,
            },
            "first_look": side.first_look,
            "pricing": {
                "model": pricing.model,
                "amount": None if price is None else f"{price.amount:f}",
                "currency": None if price is None else price.currency,
                "per": None if price is None else price.per,
                "source_url": _address(pricing.source_url),
                "observed_at": None if pricing.observed_at is None else to_iso(pricing.observed_at),
            },
            "facts": [
                {
                    "field": fact.field,
                    "value": fact.value,
                    "source_url": _address(fact.source_url),
                    "observed_at": to_iso(fact.observed_at),
                }
                for fact in side.facts
            ],
        }

    def _tool_row(self, entry: ToolEntry) -> Json:
        return {**self._side(entry.side), "comparison": self._link(f"/compare/{entry.comparison}")}

    def _comparison_row(self, view: ComparisonView) -> Json:
        return {
            "slug": view.slug,
            "title": view.title,
            "url": self._link(f"/compare/{view.slug}"),
            "version": view.version,
            "approved_at": None if view.approved_at is None else to_iso(view.approved_at),
            "a": {**self._side(view.a), "community": _community(view.a)},
            "b": {**self._side(view.b), "community": _community(view.b)},
        }

    def _edition_row(self, found: ShelvedEdition) -> Json:
        return {**self._heading(found), "comparisons": found.comparisons}

    def _edition(self, found: EditionView) -> Json:
        return {
            **self._heading(found),
            "preheader": found.preheader,
            "intro": found.intro,
            "comparisons": [self._comparison_row(view) for view in found.comparisons],
        }

    def _heading(self, found: ShelvedEdition | EditionView) -> Json:
        return {
            "week": str(found.week),
            "number": found.number,
            "subject": found.subject,
            "url": self._link(f"/editions/{found.week}"),
            "approved_at": None if found.approved_at is None else to_iso(found.approved_at),
        }


def _cell(cell: Cell) -> Json:
    return {
        "verdict": cell.decision,
        "quote": cell.quote,
        "basis": cell.basis,
        "reviewer": cell.reviewer.partition("@")[0],
        "machine": cell.machine,
        "disclosure": cell.disclosure,
        "submitted_at": to_iso(cell.submitted_at),
    }


def _community(side: Side) -> Json:
    # Below the minimum only the number of votes is public, as on the page.
    shown = side.community.percent is not None
    return {
        "votes": side.community.votes,
        "chosen": side.community.chosen if shown else None,
        "percent": side.community.percent,
    }


def _address(url: str | None) -> str | None:
    found = outward(url)
    return found.href if found else None


def _slice(request: Request) -> tuple[int, int | None]:
    """`limit` and `before` of the query. Raises ParameterError."""
    unknown = set(request.query_params) - {"limit", "before"}
    if unknown:
        raise ParameterError("The parameters are limit and before.")
    numbers = {name: _number(name, value) for name, value in request.query_params.items()}
    limit = numbers.get("limit", _DEFAULT_LIMIT)
    if not 1 <= limit <= LARGEST_LIMIT:
        raise ParameterError(f"limit must be from 1 to {LARGEST_LIMIT}.")
    return limit, numbers.get("before")


def _number(name: str, text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ParameterError(f"{name} must be a whole number.")
    return int(text)


def _problem(status: int, detail: str) -> Response:
    """A refusal as RFC 9457 writes it."""
    body = _bytes({"status": status, "detail": detail})
    headers = {"Cache-Control": FOR_NOBODY, "Access-Control-Allow-Origin": "*"}
    return Response(body, status_code=status, media_type="application/problem+json", headers=headers)


def _bytes(data: Any) -> bytes:
    try:
        return orjson.dumps(data)
    except TypeError:  # a lone surrogate that slipped in from a source costs one character, not the answer
        return orjson.dumps(_spelled(data))


def _spelled(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _spelled(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_spelled(value) for value in data]
    return data.encode("utf-8", "replace").decode() if isinstance(data, str) else data
