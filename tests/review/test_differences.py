"""What has changed since an approval, field by field, and nothing that no editor approves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from core.comparison import Community
from core.fact import Fact, PricingModel
from core.panel import Decision
from review.differences import differences
from tests.conftest import NOW
from tests.web.samples import VIEW


def told(new) -> list[tuple[str, str, str, str]]:
    return [(each.where, each.what, each.before, each.after) for each in differences(VIEW, new)]


def fact(field: str, value: str) -> Fact:
    return Fact(field=field, value=value, source_url="https://a.example/", observed_at=NOW)


def test_nothing_has_changed():
    assert told(VIEW) == []


def test_votes_days_addresses_and_popularity_do_not_count():
    a = replace(
        VIEW.a,
        slug="moved",
        community=Community(chosen=9, votes=12),
        described_at=NOW + timedelta(days=9),
        facts=(*VIEW.a.facts, fact("stars", "12")),
    )
    assert told(replace(VIEW, slug="moved-vs-x", version=7, a=a)) == []


def test_words_facts_and_prices_are_told_with_what_they_were():
    price = replace(VIEW.b.pricing, model=PricingModel.PAID)
    b = replace(VIEW.b, tagline="Another", facts=(*VIEW.b.facts, fact("size", "9 GB")), pricing=price)
    found = told(replace(VIEW, b=b))
    assert (VIEW.b.name, "Tagline", VIEW.b.tagline, "Another") in found
    assert (VIEW.b.name, "size (https://a.example/)", "", "9 GB") in found
    assert [what for _, what, _, after in found if after.startswith("Paid")] == ["Price"]
    assert len(found) == 3


def test_a_verdict_that_changed_came_or_went_is_told():
    row = next(each for each in VIEW.rows if each.a)
    turned = Decision.SKIP if row.a.decision is Decision.SHIP else Decision.SHIP
    new = replace(row, a=replace(row.a, decision=turned))
    rows = tuple(new if each is row else each for each in VIEW.rows)
    [(where, what, before, after)] = told(replace(VIEW, rows=rows))
    assert (where, what) == (VIEW.a.name, f"{row.lens_name}’s verdict")
    assert before.startswith(row.a.decision.upper())
    assert after.startswith(turned.upper())
    gone = told(replace(VIEW, rows=tuple(each for each in VIEW.rows if each is not row)))
    assert all(after == "" for _, _, _, after in gone)
    assert gone
