"""What a tool's own pages say about the cost of beginning."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.fact import Confidence, Per, Price, PricingModel
from ingest.pricing_page import Page, from_markup, from_text_of, link_to_prices, read_pages, same_site
from tests.conftest import CAPTURES
from tests.ingest.making import NOW

URL = "https://foo.example/pricing"


def page(body: str | bytes, url: str = URL) -> Page:
    return Page(url=url, body=body if isinstance(body, bytes) else body.encode(), at=NOW)


def ld(text: str) -> Page:
    return page(f'<html><script type="application/ld+json">{text}</script></html>')


def app(offers: str, kind: str = "SoftwareApplication") -> Page:
    return ld(f'{{"@type": "{kind}", "offers": {offers}}}')


def capture(name: str) -> Page:
    path = CAPTURES / "pricing" / name
    if not path.exists():
        pytest.skip("the captures are not here")
    return page(path.read_bytes())


# ------------------------------------------------------------ R3


@pytest.mark.parametrize(
    ("offers", "model", "amount"),
    [
        ('{"price": "0"}', "free", None),
        ('{"price": 0, "priceCurrency": "USD"}', "free", None),
        ('[{"price": "0"}, {"price": "20", "priceCurrency": "USD"}]', "freemium", None),
        ('{"@type": "AggregateOffer", "lowPrice": "9.50", "priceCurrency": "eur"}', "paid", None),
        (
            '{"priceSpecification": {"@type": "UnitPriceSpecification", "price": "12", "priceCurrency": "EUR", "unitCode": "MON"}}',
            "paid",
            Price(amount=Decimal(12), currency="EUR", per=Per.MONTH),
        ),
        (
            '{"offers": [{"price": "0"}, {"price": "1,200.50", "priceCurrency": "USD", "billingDuration": "P1Y"}]}',
            "freemium",
            Price(amount=Decimal("1200.50"), currency="USD", per=Per.YEAR),
        ),
    ],
)
def test_structured_offers_are_read(offers: str, model: str, amount: Price | None) -> None:
    read = from_markup(app(offers))
    assert read is not None
    assert (read.model, read.entry_price, read.rule, read.confidence) == (model, amount, "R3", Confidence.B)
    assert read.quote.startswith("offers: ")
    assert (read.source_url, read.observed_at) == (URL, NOW)


def test_a_products_price_is_paid_once() -> None:
    read = from_markup(app('{"price": "49", "priceCurrency": "USD"}', kind="Product"))
    assert read is not None
    assert read.entry_price == Price(amount=Decimal(49), currency="USD", per=Per.ONCE)


def test_offers_lie_in_graphs_and_lists_and_under_full_names() -> None:
    graph = '{"@graph": [{"@type": "WebSite"}, {"@type": ["Thing", "https://schema.org/WebApplication"], "offers": [{"price": "5"}]}]}'
    read = from_markup(ld(f"[{graph}]"))
    assert read is not None
    assert read.model is PricingModel.PAID


@pytest.mark.parametrize(
    "text",
    [
        '{"@type": "SoftwareApplication", "offers": {"price": "7"}, // the starter\n "name": "x"}',
        '{"@type": "SoftwareApplication", /* old */ "offers": {"price": "7"}}',
        '{"@type": "SoftwareApplication", "description": "one\n\ttwo", "offers": {"price": "7"}}',
        '{"@type": "SoftwareApplication", "url": "https://foo.example/a", "d": "x\ny", "offers": {"price": "7"}}',
    ],
)
def test_comments_and_control_characters_do_not_hide_an_offer(text: str) -> None:
    read = from_markup(ld(text))
    assert read is not None
    assert read.model is PricingModel.PAID


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        '{"@type": "NewsArticle", "offers": {"price": "7"}}',
        '{"@type": "SoftwareApplication"}',
        '{"@type": "SoftwareApplication", "offers": {"price": "ask us"}}',
        '{"@type": "SoftwareApplication", "offers": {"price": "-1"}}',
        '{"@type": "SoftwareApplication", "offers": {"price": true}}',
        '{"@type": "SoftwareApplication", "offers": {"price": "7", "priceValidUntil": "2019-10-01"}}',
        "[" * 5_000,
    ],
)
def test_what_is_no_offer_of_a_tool_is_no_evidence(text: str) -> None:
    assert from_markup(ld(text)) is None


def test_free_of_charge_without_an_offer_is_free() -> None:
    read = from_markup(ld('{"@type": "WebApplication", "isAccessibleForFree": true}'))
    assert read is not None
    assert read.model is PricingModel.FREE


def test_microdata_and_product_metadata_are_read() -> None:
    scope = '<div itemscope itemtype="https://schema.org/Offer"><b itemprop="price">$12.00</b><meta itemprop="priceCurrency" content="USD"></div>'
    metadata = (
        '<meta property="product:price:amount" content="15"><meta property="product:price:currency" content="EUR">'
    )
    for body, words in ((scope, "offers: 12.00 USD"), (metadata, "offers: 15 EUR")):
        read = from_markup(page(f"<html><body>{body}</body></html>"))
        assert read is not None
        assert (read.model, read.quote) == (PricingModel.PAID, words)


# ------------------------------------------------------------ R5


@pytest.mark.parametrize(
    ("body", "model", "price"),
    [
        ("<h3>Free</h3><h3>Pro</h3><p>$20 / month</p><h3>Team</h3><p>$50/month</p>", "freemium", "20 USD per month"),
        (
            "<h3>Pro</h3><p><b>$20</b> <span>per user</span> <span>per month</span></p>",
            "paid",
            "20 USD per user and month",
        ),
        ("<h3>$0</h3><p>€9,50 pro Monat</p>", "freemium", "9.50 EUR per month"),
        ("<p>120 USD per year</p>", "paid", "120 USD per year"),
        ("<p>$120 per year, billed annually</p>", "paid", "10 USD per month"),
        ("<p>$1,200/yr</p><p>$15/mo</p>", "paid", "15 USD per month"),
        ("<p>$49 one-time</p>", "paid", "49 USD once"),
        ("<h2>Free plan</h2><p>Everything, for everybody.</p>", "free", None),
        ("<h2>Enterprise</h2><a>Contact sales</a>", "paid", None),
    ],
)
def test_the_visible_text_of_a_pricing_page_is_read(body: str, model: str, price: str | None) -> None:
    read = from_text_of(page(f"<html><body>{body}</body></html>"))
    assert read is not None
    assert (read.model, str(read.entry_price) if read.entry_price else None, read.rule) == (model, price, "R5")
    assert 0 < len(read.quote) <= 200


@pytest.mark.parametrize(
    "body",
    [
        "<p>We raised $20 million</p>",
        "<p>Feel free to write</p>",
        "<script>var price = '$20 / month'</script>",
        "<template><h3>Free</h3></template><p>$20</p>",
        "<p>20 months</p>",
    ],
)
def test_what_is_no_price_proves_nothing(body: str) -> None:
    assert from_text_of(page(f"<html><body>{body}</body></html>")) is None


def test_a_trial_is_a_flag_and_contact_alone_is_weak() -> None:
    read = from_text_of(page("<p>$20 per month</p><p>14-day trial</p>"))
    assert read is not None
    assert read.flags == ("trial",)
    weak = from_text_of(page("<p>Contact sales</p>"))
    assert weak is not None
    assert weak.confidence is Confidence.C


def test_two_rules_that_contradict_each_other_are_unknown_with_both_quotes() -> None:
    body = '<script type="application/ld+json">{"@type": "WebApplication", "offers": {"price": "20", "priceCurrency": "USD"}}</script><h2>Free</h2>'
    read = read_pages(None, page(body))
    assert read is not None
    assert read.model is PricingModel.UNKNOWN
    assert "20 USD" in read.quote
    assert "Free" in read.quote


def test_the_page_about_prices_speaks_before_the_homepage() -> None:
    home = page('<script type=\'application/ld+json\'>{"@type": "WebApplication", "offers": {"price": "0"}}</script>')
    read = read_pages(home, None)
    assert read is not None
    assert read.model is PricingModel.FREE
    assert read_pages(page("<p>hello</p>"), None) is None


# ------------------------------------------------------------ where to look


@pytest.mark.parametrize(
    ("anchor", "target"),
    [
        ('<a href="/plans">Plans</a>', "https://foo.example/plans"),
        ('<a href="https://app.foo.example/x">Pricing</a>', "https://app.foo.example/x"),
        ('<a href="https://elsewhere.example/pricing">Pricing</a>', "https://foo.example/pricing"),
        ('<a href="javascript:pricing()">Pricing</a>', "https://foo.example/pricing"),
        ("<p>no link</p>", "https://foo.example/pricing"),
    ],
)
def test_the_page_about_prices_is_looked_for_on_the_site(anchor: str, target: str) -> None:
    assert link_to_prices(page(f"<html><body>{anchor}</body></html>", "https://foo.example/")) == target


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://foo.com", "http://www.docs.foo.com/x", True),
        ("https://foo.co.uk", "https://bar.co.uk", False),
        ("https://foo.vercel.app", "https://bar.vercel.app", False),
        ("https://foo.com", "https://foo.com.evil.example", False),
        ("https://foo.com", "not an address at all", False),
    ],
)
def test_a_site_is_what_somebody_has_registered(one: str, other: str, same: bool) -> None:  # noqa: FBT001 - a case
    assert same_site(one, other) is same


# ------------------------------------------------------------ real pages, and hostile ones


@pytest.mark.parametrize(
    ("name", "quote"),
    [
        ("jsonld_product_offer_parallels_2019.html", None),  # valid until 2019
        ("jsonld_with_comments_extruct.html", None),
        ("jsonld_control_chars_extruct.html", None),
        ("microdata_product_extruct.html", "offers: 119.99 USD"),
        ("og_github_repo_page_metascraper.html", None),
        ("og_indiehackers_metascraper.html", None),
        ("fairkom_open_source_about.html", None),
    ],
)
def test_captured_pages_say_what_they_say(name: str, quote: str | None) -> None:
    read = from_markup(capture(name))
    assert (read.quote if read else None) == quote


def test_every_torn_capture_is_read_or_gives_nothing() -> None:
    paths = sorted((CAPTURES / "pricing").glob("*.html"))
    if not paths:
        pytest.skip("the captures are not here")
    for path in paths:
        body = path.read_bytes()
        for end in range(0, len(body), 1_000 if len(body) < 60_000 else 20_000):
            read_pages(page(body[:end]), page(body[:end]))


@settings(deadline=None, max_examples=60)
@given(body=st.binary(max_size=300))
def test_arbitrary_bytes_never_break_the_reader(body: bytes) -> None:
    for whole in (body, b"<html>" + body, b'<script type="application/ld+json">' + body, b"$" + body + b"/month"):
        read_pages(page(whole), page(whole))
        link_to_prices(page(whole))


@pytest.mark.parametrize(
    "body",
    [
        "<div>" * 100_000,
        "$1" * 200_000,
        "$1,000" * 60_000,
        "<a href=pricing>" * 30_000,
        '<script type="application/ld+json">' * 30_000,
        '<script type="application/ld+json">' + "/*" * 200_000,
        '<script type="application/ld+json">' + "//" * 200_000,
        "free" + " " * 400_000,
        "$1" + " \n" * 200_000,
    ],
    ids=["deep", "money", "thousands", "links", "scripts", "comments", "lines", "space", "space after money"],
)
def test_a_hostile_page_takes_no_time(body: str) -> None:
    begun = time.process_time()
    read_pages(page(body), page(body))
    link_to_prices(page(body))
    assert time.process_time() - begun < 3
