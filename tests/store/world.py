"""One valid row, or a few, in every table: what the tests of single constraints and invariants start from.

Two tools were compared and sent (ada, bea), one is in review (dot), one waits (cyd), one was merged into ada (eve).
Week 47 is being sent, in four batches that stand in four states; week 48 is a draft.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.engine import Connection

from core.comparison import Cell, Community, ComparisonView, ScorecardRow, Side, Split
from core.fact import Pricing, PricingModel
from core.panel import Basis, Decision, Tally
from store import schema
from tests.conftest import NOW

LATER = NOW + timedelta(hours=1)

ADA, BEA, CYD, DOT, EVE = 1, 2, 3, 4, 5
STATUSES = {ADA: "paired", BEA: "paired", CYD: "queued", DOT: "in_review", EVE: "merged"}
SLUGS = {ADA: "ada", BEA: "bea", CYD: "cyd", DOT: "dot", EVE: "eve"}
REVIEWER, EDITOR = 1, 2
BUILDER, SKEPTIC = "builder", "skeptic"
SENT_WEEK, DRAFT_WEEK = "2026-W47", "2026-W48"
SENT, UNCERTAIN, PENDING, SENDING = 1, 2, 3, 4


def build(connection: Connection) -> None:
    """Write every row of the world."""
    for table in schema.metadata.sorted_tables:
        for row in WORLD[table.name]:
            connection.execute(sa.insert(table).values(**row))
    _go_on_counting(connection)


def _go_on_counting(connection: Connection) -> None:
    """PostgreSQL's counters do not see rows that brought their own ids."""
    if connection.dialect.name != "postgresql":
        return
    for table in schema.metadata.sorted_tables:
        if "id" in table.c and isinstance(table.c.id.type, sa.BigInteger):
            name = sa.literal(f'"{table.name}"')
            counter = sa.func.pg_get_serial_sequence(name, "id")
            connection.execute(sa.select(sa.func.setval(counter, sa.select(sa.func.max(table.c.id)).scalar_subquery())))


def _tool(at: int) -> dict[str, Any]:
    return {
        "id": at,
        "slug": SLUGS[at],
        "name": SLUGS[at].title(),
        "tagline": "",
        "description": "",
        "category": "agents",
        "tags": [],
        "edited": [],
        "status": STATUSES[at],
        "merged_into": ADA if at == EVE else None,
        "priority": 10.0 * at,
        "priority_reasons": [],
        "queue_reason": "",
        "first_seen": NOW,
    }


def _sighting(at: int, *, tool: int, first_tool: int) -> dict[str, Any]:
    entry = {"source": "shelf", "external_id": str(at), "url": f"https://shelf.example/{at}", "name": "An entry"}
    return {
        "id": at,
        **entry,
        "tool": tool,
        "first_tool": first_tool,
        "content": entry | {"thing": "launch"},
        "content_hash": "1:0",
        "first_seen": NOW,
        "last_seen": NOW,
    }


def _seat(at: int, tool: int, lens: str, *, submitted: bool = False, panel: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "id": at,
        "tool": tool,
        "lens": lens,
        "state": "submitted" if submitted else "open",
        "holder": REVIEWER if submitted else None,
        "fence": 1 if submitted else 0,
        "panel_submitted": panel,
        "priority": 10.0 * tool,
        "waiting": STATUSES[tool] in ("queued", "in_review"),
        **more,
    }


def _verdict(at: int, seat: int) -> dict[str, Any]:
    return {
        "id": at,
        "seat": seat,
        "version": 1,
        "person": REVIEWER,
        "state": "submitted",
        "decision": "ship",
        "quote": "It did what it said.",
        "basis": "docs",
        "disclosure": "",
        "machine": False,
        "reason": "",
        "submitted_at": NOW,
    }


def _person(at: int, name: str) -> dict[str, Any]:
    address = f"{name}@example.com"
    return {
        "id": at,
        "email": address,
        "email_key": address,
        "name": name,
        "machine": False,
        "active": True,
        "invited_at": NOW,
    }


def _lens(key: str, position: int) -> dict[str, Any]:
    words = {"name": key.title(), "motto": "", "asks": "", "excites": "", "tires": ""}
    return {"key": key, "position": position, "active": True, **words}


def _edition(week: str, number: int, **more: Any) -> dict[str, Any]:
    words = {"subject": "s", "preheader": "p", "intro": "", "left_over": 0, "version": 1, "assembled_at": NOW}
    return {"week": week, "number": number, "state": "draft", **words, **more}


def _batch(at: int, state: str, **more: Any) -> dict[str, Any]:
    return {"id": at, "week": SENT_WEEK, "state": state, "recipients": 1, "content_hash": "hash", **more}


def _delivery(at: int, state: str, **more: Any) -> dict[str, Any]:
    return {"id": at, "week": SENT_WEEK, "subscriber": at, "batch": at, "state": state, "updated_at": NOW, **more}


def _subscriber(at: int) -> dict[str, Any]:
    address = f"reader{at}@example.com"
    return {
        "id": at,
        "address": address,
        "address_key": address,
        "name": "",
        "state": "active",
        "categories": [],
        "created_at": NOW,
        "confirmed_at": NOW,
    }


def _attempt(name: str, batch: int, outcome: str | None) -> dict[str, Any]:
    times = {"started_at": NOW, "send_at": NOW, "ended_at": NOW if outcome else None}
    return {"id": name, "batch": batch, "outcome": outcome, **times}


def _correction(at: int, **about: int) -> dict[str, Any]:
    said = {"claim": "It is free.", "note": "", "at": NOW}
    return {"id": at, "state": "rejected", "decided_at": NOW, **said, **about}


def _view() -> Any:
    """The approved view of ada and bea, as it is kept."""
    pricing = Pricing(model=PricingModel.UNKNOWN)
    panel = Tally(ships=1, skips=0, ship_percent=100, closed=False)
    a, b = (
        Side(
            slug=SLUGS[at],
            name=SLUGS[at].title(),
            tagline="",
            category="agents",
            homepage=None,
            description="",
            described_at=None,
            panel=panel,
            community=Community(),
            pricing=pricing,
        )
        for at in (ADA, BEA)
    )
    cell = Cell(
        decision=Decision.SHIP,
        quote="It did what it said.",
        basis=Basis.DOCS,
        reviewer="reviewer",
        machine=False,
        submitted_at=NOW,
    )
    row = ScorecardRow(lens=BUILDER, lens_name="Builder", motto="", a=cell, b=cell)
    view = ComparisonView(
        slug="ada-vs-bea",
        version=1,
        a=a,
        b=b,
        rows=(row,),
        split=Split(both_ship=("Builder",), both_skip=(), only_a=(), only_b=()),
        approved_by="editor",
        approved_at=NOW,
        published_at=NOW,
    )
    return TypeAdapter(ComparisonView).dump_python(view, mode="json")


_APPROVED = {"approved_version": 1, "approved_by": EDITOR, "approved_at": NOW, "approved_view": _view()}
_FROZEN = {"html": "<p>", "text": "t", "content_hash": "hash", "approved_by": EDITOR, "approved_at": NOW}

WORLD: dict[str, list[dict[str, Any]]] = {
    "source": [
        {"key": "shelf", "kind": "feed", "url": "u", "schedule": "s", "enabled": True, "state": "on", "cursor": {}}
    ],
    "fetch": [
        {
            "id": 1,
            "source": "shelf",
            "at": NOW,
            "outcome": "ok",
            "bytes": 1,
            "entries": 5,
            "new": 5,
            "changed": 0,
            "new_tools": 5,
            "merged": 0,
            "bad": 0,
            "left_out": {},
            "seconds": 0.1,
        }
    ],
    "tool": [_tool(at) for at in SLUGS],
    "tool_slug": [{"slug": slug, "tool": at} for at, slug in SLUGS.items()],
    "sighting": [
        *(_sighting(at, tool=at, first_tool=at) for at in (ADA, BEA, CYD, DOT)),
        _sighting(EVE, tool=ADA, first_tool=EVE),
    ],
    "identifier": [{"scheme": "hf", "value": "owner/ada", "tool": ADA}],
    "signal": [{"sighting": 1, "name": "likes", "value": 3.0, "observed_at": NOW}],
    "merge": [
        {
            "id": 1,
            "winner": ADA,
            "loser": EVE,
            "loser_status": "kept",
            "rule": "editor",
            "evidence": [],
            "moved": {"sightings": [EVE], "identifiers": []},
            "by": "editor@example.com",
            "at": NOW,
        }
    ],
    "duplicate": [{"id": 1, "low": CYD, "high": DOT, "score": 0.5, "reasons": [], "asked_at": NOW}],
    "proposal": [{"low": ADA, "high": CYD, "answer": "rejected", "reason": "dull", "answered_by": "e@x", "at": NOW}],
    "rival": [
        {"name": "Zork", "named_by": ["ada"], "times": 1, "at": NOW},
        {"name": "Yak", "named_by": [], "times": 0, "at": NOW, "dismissed_by": "e", "dismissed_at": NOW},
    ],
    "suggestion": [{"low": CYD, "high": DOT, "score": 0.5, "reasons": [], "numbers": {}, "at": NOW}],
    "tool_version": [{"newer": DOT, "older": CYD, "by": "editor@example.com", "at": NOW}],
    "fact": [{"id": 1, "tool": ADA, "field": "licence", "value": "mit", "source_url": "u", "observed_at": NOW}],
    "pricing": [
        {
            "id": 1,
            "tool": ADA,
            "model": "paid",
            "amount": "10",
            "currency": "EUR",
            "per": "month",
            "flags": [],
            "source_url": "u",
            "quote": "",
            "rule": "",
            "confidence": "A",
            "observed_at": NOW,
        }
    ],
    "lens": [_lens(BUILDER, 1), _lens(SKEPTIC, 2)],
    "person": [_person(REVIEWER, "reviewer"), _person(EDITOR, "editor")],
    "person_role": [{"person": REVIEWER, "role": "reviewer"}, {"person": EDITOR, "role": "editor"}],
    "person_lens": [{"person": REVIEWER, "lens": BUILDER}],
    "sign_in": [{"token_hash": "a", "person": REVIEWER, "made_at": NOW, "expires_at": LATER}],
    "session": [
        {"token_hash": "b", "person": REVIEWER, "started_at": NOW, "seen_at": NOW, "expires_at": LATER, "agent": ""}
    ],
    "passkey": [
        {
            "id": 1,
            "person": REVIEWER,
            "credential": "Y3JlZA",
            "public_key": "a2V5",
            "uses": 0,
            "name": "Laptop",
            "made_at": NOW,
        }
    ],
    "challenge": [{"value_hash": "c", "person": REVIEWER, "expires_at": LATER}],
    "seat": [
        _seat(1, ADA, BUILDER, submitted=True, panel=1),
        _seat(2, BEA, BUILDER, submitted=True, panel=1),
        _seat(3, CYD, BUILDER),
        _seat(4, CYD, SKEPTIC),
        _seat(5, DOT, BUILDER, submitted=True, panel=1),
        _seat(6, DOT, SKEPTIC, panel=1),
        _seat(7, ADA, SKEPTIC, panel=1, state="leased", holder=EDITOR, lease_until=LATER),
    ],
    "look": [{"tool": ADA, "person": REVIEWER, "at": NOW}],
    "draft": [
        {"seat": 3, "person": REVIEWER, "quote": "So far", "disclosure": "", "version": 1, "saved_at": NOW},
    ],
    "decline": [{"seat": 6, "person": REVIEWER, "reason": "later", "at": NOW, "until": LATER}],
    "verdict": [_verdict(1, 1), _verdict(2, 2), _verdict(3, 5)],
    "comparison": [
        {
            "id": 1,
            "low": ADA,
            "high": BEA,
            "slug": "ada-vs-bea",
            "state": "published",
            "version": 1,
            "fingerprint": "f",
            "published_at": NOW,
            "made_at": NOW,
            "score": 0.5,
            "reasons": [],
            **_APPROVED,
        },
        {
            "id": 2,
            "low": ADA,
            "high": CYD,
            "slug": "ada-vs-cyd",
            "state": "draft",
            "version": 1,
            "fingerprint": "",
            "made_at": NOW,
            "score": 0.5,
            "reasons": [],
        },
    ],
    "edition": [_edition(SENT_WEEK, 1, **_FROZEN | {"state": "sending"}), _edition(DRAFT_WEEK, 2)],
    "edition_comparison": [
        {"week": SENT_WEEK, "position": 1, "comparison": 1, "comparison_version": 1, "slug": "ada-vs-bea"}
    ],
    "edition_variant": [
        {
            "week": SENT_WEEK,
            "number": 2,
            "places": [],
            "best_of": ["ada-vs-bea"],
            "subject": "s",
            "html": "<p>",
            "text": "t",
            "content_hash": "hash of the best-of",
        },
        {
            "week": SENT_WEEK,
            "number": 1,
            "places": [1],
            "subject": "s",
            "html": "<p>",
            "text": "t",
            "content_hash": "hash of variant 1",
        },
    ],
    "edition_taste": [{"week": SENT_WEEK, "taste": "agents", "variant": 1}],
    "subscriber": [_subscriber(at) for at in (SENT, UNCERTAIN, PENDING, SENDING)],
    "consent": [
        {"id": at, "subscriber": at, "at": NOW, "kind": "confirmed", "text": "Yes.", "source": "web"}
        for at in (SENT, UNCERTAIN, PENDING, SENDING)
    ],
    "suppression": [{"address_hash": "h", "reason": "bounced", "at": NOW}],
    "suppressed_domain": [{"domain": "elsewhere.example", "note": "They asked.", "at": NOW}],
    "former_address": [{"subscriber": SENT, "address_hash": "f", "at": NOW}],
    "batch": [
        _batch(SENT, "sent", attempt="one", attempts=1, started_at=NOW),
        _batch(UNCERTAIN, "uncertain", attempt="two", attempts=1, started_at=NOW),
        _batch(PENDING, "pending"),
        _batch(SENDING, "sending", attempt="four", attempts=1, started_at=NOW, owner="worker", lease_until=LATER),
    ],
    "attempt": [
        _attempt("one", SENT, "taken"),
        _attempt("two", UNCERTAIN, "uncertain"),
        _attempt("four", SENDING, None),
    ],
    "control": [{"attempt": "two", "mark": "m", "sent_at": NOW}],
    "bucket": [{"name": "smtp", "tokens": 1.0, "at": NOW}],
    "delivery": [
        _delivery(SENT, "accepted"),
        _delivery(UNCERTAIN, "uncertain"),
        _delivery(PENDING, "in_batch"),
        _delivery(SENDING, "in_batch"),
    ],
    "event": [
        {
            "id": 1,
            "provider_id": "p",
            "natural_key": "n",
            "kind": "processed",
            "delivery": SENT,
            "at": NOW,
            "received_at": NOW,
            "payload": {},
        }
    ],
    "unreadable": [{"id": 1, "received_at": NOW, "reason": "no JSON", "payload": "?"}],
    "vote": [{"comparison": 1, "subscriber": 1, "choice": ADA, "at": NOW, "state": "counted", "reason": ""}],
    "form_use": [{"form": "subscribe", "who": "192.0.2.0/24", "hour": NOW, "uses": 1}],
    "correction": [_correction(1, comparison=1), _correction(2, tool=ADA)],
    "shelf": [{"comparison": 1, "category": "agents", "approved_at": NOW}],
    "exhibit": [
        {"tool": at, "comparison": 1, "category": "agents", "name": SLUGS[at].title(), "approved_at": NOW}
        for at in (ADA, BEA)
    ],
    "said": [
        {
            "tool": at,
            "lens": BUILDER,
            "comparison": 1,
            "category": "agents",
            "decision": "ship",
            "quote": "It did what it said.",
            "submitted_at": NOW,
            "approved_at": NOW,
        }
        for at in (ADA, BEA)
    ],
    "verdict_change": [
        {
            "id": 1,
            "tool": ADA,
            "lens": BUILDER,
            "lens_name": "Builder",
            "comparison": 1,
            "before": "skip",
            "after": "ship",
            "quote": "Not yet.",
            "submitted_at": NOW,
            "at": NOW,
        }
    ],
    "search_word": [{"word": word, "comparison": 1} for word in ("ada", "bea")],
    "category_quorum": [{"category": "agents", "quorum": 3}],
    "reminder_mail": [{"id": 1, "person": REVIEWER, "day": "2026-11-20", "claimed_at": NOW, "sent_at": NOW}],
    "reminder": [{"seat": 3, "person": REVIEWER, "rung": "due", "mail": 1, "due_at": NOW}],
    "alarm": [
        {
            "key": "source:shelf",
            "since": NOW,
            "mark": "m",
            "acknowledged_at": NOW,
            "acknowledged_by": EDITOR,
            "acknowledged_mark": "m",
        }
    ],
    "alarm_told": [{"alarm": "source:shelf", "person": EDITOR, "at": NOW}],
    "audit": [{"id": 1, "at": NOW, "actor": "system", "action": "tool.merge", "subject": "tool:eve"}],
}
