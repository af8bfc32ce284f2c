"""The description of the JSON API (OpenAPI 3.1). A test holds every answer of the running server against it."""

from __future__ import annotations

from typing import Any

from core.category import CATEGORIES
from core.fact import Per, PricingModel
from core.panel import Basis, Decision
from core.version import VERSION

Json = dict[str, Any]
LARGEST_LIMIT = 50

_TEXT: Json = {"type": "string"}
_WHOLE: Json = {"type": "integer", "minimum": 0}
_FLAG: Json = {"type": "boolean"}
_INSTANT: Json = {"type": "string", "format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}
_ADDRESS: Json = {"type": "string", "format": "uri", "pattern": "^(?i:https?)://"}
_PERCENT: Json = {"type": ["integer", "null"], "minimum": 0, "maximum": 100}


def _or_null(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


def _one_of(*words: str) -> Json:
    return {"type": "string", "enum": list(words)}


def _list(schema: Json) -> Json:
    return {"type": "array", "items": schema}


def _object(**properties: Json) -> Json:
    """An object with exactly these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


_VERDICT = {
    "verdict": _one_of(*Decision),
    "quote": _TEXT,
    "basis": _one_of(*Basis),
    "reviewer": _TEXT,
    "machine": _FLAG | {"description": "Written by a program, and read by a person before it was published."},
    "disclosure": _TEXT,
    "submitted_at": _INSTANT,
}
_SIDE = {
    "slug": _TEXT,
    "name": _TEXT,
    "tagline": _TEXT,
    "category": _one_of(*CATEGORIES),
    "url": _ADDRESS,
    "homepage": _or_null(_ADDRESS),
    "panel": _ref("Panel"),
    "first_look": _FLAG | {"description": "Nobody on the panel had hands on it."},
    "pricing": _ref("Pricing"),
    "facts": _list(_ref("Fact")),
}
_COMPARISON = {
    "slug": _TEXT,
    "title": _TEXT,
    "url": _ADDRESS,
    "version": _WHOLE,
    "approved_at": _or_null(_INSTANT),
    "a": _ref("Side"),
    "b": _ref("Side"),
}
_EDITION = {
    "week": {"type": "string", "pattern": r"^\d{4}-W\d\d$"},
    "number": _WHOLE,
    "subject": _TEXT,
    "url": _ADDRESS,
    "approved_at": _or_null(_INSTANT),
}
_CELL = _or_null(_ref("Verdict"))
_NAMES = _list(_TEXT)
SCHEMAS: Json = {
    "Panel": _object(ships=_WHOLE, skips=_WHOLE, ship_percent=_PERCENT, closed=_FLAG),
    "Pricing": _object(
        model=_one_of(*PricingModel),
        amount={"type": ["string", "null"], "pattern": r"^\d+(\.\d+)?$"},
        currency=_or_null(_TEXT),
        per=_or_null(_one_of(*Per)),
        source_url=_or_null(_ADDRESS),
        observed_at=_or_null(_INSTANT),
    ),
    "Fact": _object(field=_TEXT, value=_TEXT, source_url=_or_null(_ADDRESS), observed_at=_INSTANT),
    "Community": _object(votes=_WHOLE, chosen=_or_null(_WHOLE), percent=_PERCENT)
    | {"description": "Readers' votes. Below 10 only their number is public."},
    "Verdict": _object(**_VERDICT),
    "LensVerdict": _object(lens=_TEXT, **_VERDICT),
    "Change": _object(
        lens=_TEXT, before=_one_of(*Decision), after=_or_null(_one_of(*Decision)), quote=_TEXT, at=_INSTANT
    ),
    "Side": _object(**_SIDE, community=_ref("Community")),
    "Tool": _object(**_SIDE, comparison=_ADDRESS),
    "ToolInFull": _object(
        **_SIDE,
        verdicts=_list(_ref("LensVerdict")),
        comparisons=_list(_ADDRESS),
        history=_list(_ref("Change")),
    ),
    "Comparison": _object(**_COMPARISON),
    "ComparisonInFull": _object(
        **_COMPARISON,
        scorecard=_list(_object(lens=_TEXT, a=_CELL, b=_CELL)),
        split=_object(both_ship=_NAMES, both_skip=_NAMES, only_a=_NAMES, only_b=_NAMES),
    ),
    "Edition": _object(**_EDITION, comparisons=_WHOLE),
    "EditionInFull": _object(**_EDITION, preheader=_TEXT, intro=_TEXT, comparisons=_list(_ref("Comparison"))),
    "Problem": _object(status={"type": "integer"}, detail=_TEXT),
}


def _answers(schema: Json) -> Json:
    problem = {"content": {"application/problem+json": {"schema": _ref("Problem")}}}
    return {
        "200": {"description": "What is public.", "content": {"application/json": {"schema": schema}}},
        "304": {"description": "You have this very answer (If-None-Match, If-Modified-Since)."},
        "400": {"description": "A parameter is not as described.", **problem},
        "404": {"description": "Nothing public is there.", **problem},
    }


_MOVED: Json = {
    "301": {
        "description": "Its address has changed, or is spelled otherwise.",
        "headers": {"Location": {"schema": _TEXT}},
    }
}


def _parameter(name: str, place: str, schema: Json, description: str) -> Json:
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "schema": schema,
        "description": description,
    }


def _several(kind: str, schema: str) -> Json:
    limit = {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": 20}
    return {
        "get": {
            "operationId": f"list_{kind}",
            "summary": f"Public {kind}, the newest first.",
            "parameters": [
                _parameter("limit", "query", limit, "How many."),
                _parameter("before", "query", {"type": "integer", "minimum": 0}, "As `next` gives it."),
            ],
            "responses": _answers(_object(**{kind: _list(_ref(schema)), "next": _or_null(_ADDRESS)})),
        }
    }


def _one(kind: str, schema: str, *, by: str) -> Json:
    return {
        "get": {
            "operationId": f"get_{kind}",
            "summary": f"One {kind}.",
            "parameters": [_parameter(by, "path", _TEXT, f"The {by} that the list gives.")],
            "responses": _answers(_ref(schema)) | (_MOVED if by == "slug" else {}),
        }
    }


def document(base_url: str) -> Json:
    """The whole description, for the server at this address."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Weekly Verdicts",
            "version": VERSION,
            "description": "What is public, as JSON. Read-only, without a key. Panel figures count verdicts and are "
            "never mixed with readers' votes.",
        },
        "servers": [{"url": base_url}],
        "paths": {
            "/api/tools": _several("tools", "Tool"),
            "/api/tools/{slug}": _one("tool", "ToolInFull", by="slug"),
            "/api/comparisons": _several("comparisons", "Comparison"),
            "/api/comparisons/{slug}": _one("comparison", "ComparisonInFull", by="slug"),
            "/api/editions": _several("editions", "Edition"),
            "/api/editions/{week}": _one("edition", "EditionInFull", by="week"),
        },
        "components": {"schemas": SCHEMAS},
    }
