"""Values of the panel for tests, with the fields that matter given and the rest filled in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from core.comparison import Community, Comparison, ComparisonState
from core.fact import Pricing, PricingModel
from core.panel import Basis, Decision, Lens, SeatRow, SeatState, Verdict
from core.tool import Priority, Tool, ToolDossier, ToolStatus
from review.pairing import Candidate
from review.scorecard import Contender

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
SHIP, SKIP = Decision.SHIP, Decision.SKIP
KEYS = ("builder", "skeptic", "futurist", "founder", "creator")
LENSES = tuple(
    Lens(key=key, name=key.title(), motto=f"{key}?", asks="", excites="", tires="", position=at)
    for at, key in enumerate(KEYS)
)


def a_verdict(lens="builder", decision=SHIP, **given):
    fields = {
        "seat": 1,
        "lens": lens,
        "version": 1,
        "decision": decision,
        "quote": f"{lens} says so",
        "basis": Basis.HANDS_ON,
        "reviewer": f"{lens}@example.com",
        "machine": False,
        "disclosure": "",
        "submitted_at": NOW - timedelta(days=1),
    }
    return Verdict(**fields | given)


def panel(letters):
    """`+-+` is Builder ships, Skeptic skips, Futurist ships; a dot leaves a lens out."""
    marks = {"+": SHIP, "-": SKIP}
    return tuple(a_verdict(key, marks[letter]) for key, letter in zip(KEYS, letters, strict=False) if letter != ".")


def a_tool(slug="alpha", **given):
    fields = {
        "id": 1,
        "slug": slug,
        "name": slug.title(),
        "tagline": "t",
        "description": "d",
        "described_at": NOW,
        "category": "agents",
        "tags": (),
        "homepage": None,
        "status": ToolStatus.REVIEWED,
        "merged_into": None,
        "priority": Priority(score=0, reasons=()),
        "first_seen": NOW,
        "version": 1,
    }
    return Tool(**fields | given)


def a_contender(slug="alpha", *, verdicts=(), votes=Community(), facts=(), pricing=None, **tool):  # noqa: B008 - frozen
    dossier = ToolDossier(
        tool=a_tool(slug, **tool),
        identifiers=(),
        sightings=(),
        facts=facts,
        pricing=pricing or Pricing(model=PricingModel.UNKNOWN),
    )
    return Contender(dossier=dossier, verdicts=verdicts, community=votes)


def a_comparison(**given):
    comparison = Comparison(
        id=1,
        slug="alpha-vs-beta",
        a="alpha",
        b="beta",
        state=ComparisonState.DRAFT,
        version=1,
        approved_version=None,
        approved_by=None,
        approved_at=None,
        published_at=None,
    )
    return replace(comparison, **given)


def a_seat(**given):
    fields = {
        "id": 1,
        "tool_slug": "alpha",
        "tool_name": "Alpha",
        "lens": "builder",
        "state": SeatState.OPEN,
        "submitted_on_panel": 0,
        "priority": 50.0,
        "due_at": None,
        "holder": None,
        "lease_until": None,
    }
    return SeatRow(**fields | given)


def a_candidate(slug, letters="++++", **given):
    fields = {
        "slug": slug,
        "name": slug.title(),
        "category": "agents",
        "closed": True,
        "reviewed_at": NOW - timedelta(days=1),
        "verdicts": {verdict.lens: verdict.decision for verdict in panel(letters)},
    }
    return Candidate(**fields | given)


verdict_lists = st.lists(
    st.tuples(st.sampled_from(KEYS), st.sampled_from(Decision)), unique_by=lambda pair: pair[0], max_size=5
).map(lambda pairs: tuple(a_verdict(lens, decision) for lens, decision in pairs))
"""Panels of up to five lenses, in any order."""
