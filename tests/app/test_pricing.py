"""Prices from tools' own pages: asked politely, kept with evidence, never over an editor's value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest

from app import editing, ingesting, pricing
from app.wiring import Product
from core.errors import Refused, SourcesFileError
from core.fact import Confidence, Pricing, PricingModel
from ingest import fetch
from store import tools
from tests.app.hostile import Hostile, models
from tests.app.making import bring, hold, sighting
from tests.conftest import NOW

PLANS = (200, {"Content-Type": "text/html"}, b"<html><body><h3>Free</h3><h3>Pro</h3><p>$20 / month</p></body></html>")
HOME = (200, {"Content-Type": "text/html"}, b"<html><body><a href='/plans'>Plans</a></body></html>")


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hostile]:
    short = partial(fetch.Limits, connect=1.0, read=0.3, total=1.0, gap=0.0, retries=0)
    monkeypatch.setattr(fetch, "Limits", short)
    with Hostile() as server:
        yield server


def shelved(product: Product, site: Hostile, *names: str) -> Product:
    """The product with a tool for each name, whose homepage lies on the site."""
    bring(product, *(sighting(name, homepage=site.url(f"/{name.lower()}")) for name in names))
    return replace(
        product, settings=product.settings.model_copy(update={"allow_private_hosts": frozenset({site.host})})
    )


def price_of(product: Product, slug: str) -> Pricing:
    return editing.show_tool(product, slug).dossier.pricing


def test_a_price_is_read_from_the_tools_own_pages(product, site):
    site.answers = {"/ada": HOME, "/plans": PLANS}
    product = shelved(product, site, "Ada")
    [read] = pricing.read_unknown(product, limit=5)
    assert (read.slug, read.error) == ("ada", None)
    kept = price_of(product, "ada")
    assert (kept.model, kept.rule, kept.confidence) == (PricingModel.FREEMIUM, "R5", Confidence.B)
    assert kept.entry_price is not None
    assert kept.entry_price.amount == Decimal(20)
    assert (kept.source_url, kept.observed_at) == (site.url("/plans"), NOW)
    assert "$20" in kept.quote
    assert pricing.read_unknown(product, limit=5) == []
    hold(product)


def test_ingesting_again_does_not_take_the_read_price_back(product, site):
    site.answers = {"/ada": HOME, "/plans": PLANS}
    product = shelved(product, site, "Ada")
    pricing.read_unknown(product, limit=5)
    before = price_of(product, "ada")
    bring(
        product, sighting("Ada", homepage=site.url("/ada"), summary="Other words about an AI agent, and a free plan.")
    )
    assert price_of(product, "ada") == before


def test_one_page_that_fails_takes_no_other_along_and_is_not_asked_again_at_once(product, site):
    site.answers = {"/ada": HOME, "/plans": PLANS, "/bea": (500, {}, b""), "/cyd": site.hang}
    product = shelved(product, site, "Ada", "Bea", "Cyd")
    reads = {each.slug: each for each in pricing.read_unknown(product, limit=5)}
    assert reads["ada"].pricing is not None
    assert "500" in str(reads["bea"].error)
    assert reads["cyd"].error
    assert price_of(product, "bea").model is PricingModel.UNKNOWN
    assert "500" in price_of(product, "bea").quote
    assert pricing.read_unknown(product, limit=5) == []
    assert len(pricing.read_unknown(product.at(NOW + pricing.AGAIN + timedelta(days=1)), limit=5)) == 2


def test_robots_txt_is_obeyed(product, site):
    site.answers = {"/robots.txt": (200, {}, b"User-agent: *\nDisallow: /"), "/ada": HOME, "/plans": PLANS}
    [read] = pricing.read_unknown(shelved(product, site, "Ada"), limit=5)
    assert "robots.txt" in str(read.error)
    assert "/ada" not in site.asked


def test_a_run_looks_at_so_many_tools_and_no_more(product, site):
    site.fallback = HOME
    product = shelved(product, site, "Ada", "Bea", "Cyd")
    assert len(pricing.read_unknown(product, limit=2)) == 2
    assert len(pricing.read_unknown(product, limit=2)) == 1


def test_an_editors_price_stays(product, site):
    site.answers = {"/ada": HOME, "/plans": PLANS}
    product = shelved(product, site, "Ada")
    set_by_hand = Pricing(model=PricingModel.PAID, source_url="https://x.example", observed_at=NOW, rule="R1")
    with product.database.write() as connection:
        tools.keep_price(connection, tools.find(connection, "ada").id, set_by_hand, now=NOW, by="editor@example.com")
    assert pricing.read_unknown(product, limit=5) == []
    assert pricing.read_one(product, "ada").pricing is not None
    assert price_of(product, "ada").model is PricingModel.PAID


def test_a_licence_outranks_a_page(product, site):
    site.answers = {"/ada": HOME, "/plans": PLANS}
    product = shelved(product, site, "Ada")
    licence = Pricing(model=PricingModel.OPEN_SOURCE, source_url="https://x.example", observed_at=NOW, rule="R2")
    with product.database.write() as connection:
        tools.keep_price(connection, tools.find(connection, "ada").id, licence, now=NOW)
    pricing.read_one(product, "ada")
    price = price_of(product, "ada")
    assert (price.model, price.rule) == (PricingModel.OPEN_SOURCE, "R2")


def test_the_price_of_a_hosted_plan_stands_beside_a_licence_and_outlives_its_next_reading(product, site):
    site.answers = {"/ada": HOME, "/plans": PLANS}
    product = shelved(product, site, "Ada")
    licence = Pricing(
        model=PricingModel.OPEN_SOURCE, source_url="https://x.example", quote="licence: mit", observed_at=NOW, rule="R2"
    )
    with product.database.write() as connection:
        tools.keep_price(connection, tools.find(connection, "ada").id, licence, now=NOW)
    pricing.read_one(product, "ada")
    with product.database.write() as connection:
        tools.keep_price(connection, tools.find(connection, "ada").id, licence, now=NOW)
    price = price_of(product, "ada")
    assert price.model is PricingModel.OPEN_SOURCE
    assert str(price.entry_price) == "20 USD per month"
    assert price.source_url == "https://x.example"
    assert price.quote.startswith(f"licence: mit / hosted, says {site.url('/plans')}")


@pytest.mark.parametrize(
    "page", [None, "https://github.com/a/b", "https://www.producthunt.com/products/a", "https://openai.com"]
)
def test_a_page_of_somebody_elses_is_not_asked(product, page):
    bring(product, sighting("Ada", homepage=page))
    assert pricing.read_unknown(product, limit=5) == []
    with pytest.raises(Refused, match="no page of its own"):
        pricing.read_one(product, "ada")


def test_ingestion_looks_only_when_it_is_told_to(product, site):
    site.answers = {"/list": models("one"), "/ada": HOME, "/plans": PLANS}
    product = shelved(product, site, "Ada")
    source = (
        f'[[source]]\nkey = "list"\nkind = "huggingface-models"\nurl = "{site.url("/list")}"\nschedule = "0 * * * *"\n'
    )
    product.settings.sources.write_text(source, encoding="utf-8")
    ingesting.ingest(product, everything=True)
    assert price_of(product, "ada").model is PricingModel.UNKNOWN
    product.settings.sources.write_text("[ingest]\nread_pricing_pages = true\n" + source, encoding="utf-8")
    ingesting.ingest(product, everything=True)
    assert price_of(product, "ada").model is PricingModel.FREEMIUM


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("pages = 3", r"line 2, key 'pages': unknown key 'pages'.*read_pricing_pages, pricing_pages"),
        ('read_pricing_pages = "yes"', "no switch.*true or false"),
        ("pricing_pages = 0", "out of range.*1 to 500"),
    ],
)
def test_an_error_in_the_table_names_line_key_and_what_was_expected(product, line, message):
    product.settings.sources.write_text(f"[ingest]\n{line}\n", encoding="utf-8")
    with pytest.raises(SourcesFileError, match=message):
        ingesting.ingest(product)
