"""The pricing read: ordered rules, and no claim without evidence."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.fact import Confidence, Pricing, PricingModel
from ingest.pricing import combined, first, from_licence, from_text, from_token_prices
from tests.ingest.making import NOW

URL = "https://example.com"


@pytest.mark.parametrize(
    "licence", ["MIT", "apache-2.0", "BSD-3-Clause", "agpl-3.0-only", "GPL-2.0-or-later", "mpl-2.0"]
)
def test_a_licence_of_the_osi_is_open_source(licence: str) -> None:
    read = from_licence(licence, url=URL, at=NOW)
    assert read
    assert (read.model, read.confidence, read.rule, read.source_url) == (
        PricingModel.OPEN_SOURCE,
        Confidence.A,
        "R2",
        URL,
    )


@pytest.mark.parametrize(
    ("licence", "flag"),
    [
        ("busl-1.1", "source_available"),
        ("SSPL-1.0", "source_available"),
        ("elastic-2.0", "source_available"),
        ("apache-2.0-with-commons-clause", "source_available"),
        ("fair-code", "source_available"),
        ("llama3.1", "open_weights"),
        ("gemma", "open_weights"),
        ("cc-by-nc-4.0", "open_weights"),
        ("openrail", "open_weights"),
        ("openmdw-1.0", "open_weights"),
    ],
)
def test_other_open_words_are_a_flag_and_no_value(licence: str, flag: str) -> None:
    read = from_licence(licence, url=URL, at=NOW)
    assert read
    assert (read.model, read.flags) == (PricingModel.UNKNOWN, (flag,))


@pytest.mark.parametrize("licence", [None, "", "other", "NOASSERTION", "unknown", "cc-by-4.0", "proprietary"])
def test_a_field_that_says_nothing_is_no_evidence(licence: str | None) -> None:
    assert from_licence(licence, url=URL, at=NOW) is None


def test_a_price_is_for_a_million_tokens_of_the_cheaper_kind() -> None:
    read = from_token_prices("0.000003", "0.000015", url=URL, at=NOW)
    assert read
    assert str(read.entry_price) == "3 USD per 1M tokens"
    assert read.flags == ("usage_based",)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999", "-0.1", "9" * 50, "", True, float("nan"), None, ["0"]])
def test_a_price_that_is_none_is_unknown(text: object) -> None:
    assert from_token_prices(text, "0.1", url=URL, at=NOW) is None


@pytest.mark.parametrize(
    ("text", "model", "flags"),
    [
        ("It has a free tier.", "freemium", ()),
        ("Free forever for small teams", "freemium", ()),
        ("Start your 14-day trial", "unknown", ("trial",)),
        ("Try for free", "unknown", ("trial", "says_free")),
        ("An open-source agent", "unknown", ("says_open_source",)),
        ("A free tool", "unknown", ("says_free",)),
    ],
)
def test_words_prove_freemium_and_nothing_else(text: str, model: str, flags: Sequence[str]) -> None:
    read = from_text(text, url=URL, at=NOW)
    assert read
    assert (read.model, read.flags, read.confidence) == (model, flags, Confidence.C)
    assert read.quote == text


@pytest.mark.parametrize(
    "text",
    [
        "No free plan. Plans start at $19 per month.",
        "There isn't a bug, but it doesn't have a free tier",
        "Works without any free plan",
        "Not open source",
        "Hands-free coding, ad-free and gluten-free",
    ],
)
def test_what_is_denied_or_part_of_another_word_is_no_evidence(text: str) -> None:
    assert from_text(text, url=URL, at=NOW) is None


def test_what_is_denied_first_and_said_later_is_said() -> None:
    read = from_text("No free trial needed: there is a free plan, and it is open source.", url=URL, at=NOW)
    assert read
    assert (read.model, read.flags) == ("freemium", ("says_open_source",))


def test_words_without_a_price_are_no_evidence() -> None:
    assert from_text("Freedom and freely moving agents", url=URL, at=NOW) is None
    assert first(None, None) is None


def test_the_quote_is_short() -> None:
    read = from_text("x " * 500 + "free plan" + " y" * 500, url=URL, at=NOW)
    assert read
    assert "free plan" in read.quote
    assert len(read.quote) <= 200


def pricing(rule: str, model: PricingModel, *flags: str, quote: str = "q") -> Pricing:
    return Pricing(rule=rule, model=model, flags=flags, quote=quote, source_url=URL, observed_at=NOW)


def test_the_higher_rule_wins_and_the_lower_adds_its_flags() -> None:
    read = combined([pricing("R4", PricingModel.PAID, "usage_based"), pricing("R2", PricingModel.OPEN_SOURCE)])
    assert (read.model, read.flags, read.rule) == (PricingModel.OPEN_SOURCE, ("usage_based",), "R2")


def test_a_rule_that_knows_nothing_lets_the_next_one_speak() -> None:
    read = combined([pricing("R2", PricingModel.UNKNOWN, "open_weights"), pricing("R6", PricingModel.FREEMIUM)])
    assert (read.model, read.flags) == (PricingModel.FREEMIUM, ("open_weights",))


def test_a_contradiction_of_equals_is_unknown_with_both_quotes() -> None:
    read = combined([pricing("R4", PricingModel.PAID, quote="costs"), pricing("R4", PricingModel.FREE, quote="gratis")])
    assert read.model is PricingModel.UNKNOWN
    assert "costs" in read.quote
    assert "gratis" in read.quote


def test_no_read_at_all_is_unknown() -> None:
    assert combined([]).model is PricingModel.UNKNOWN
    assert combined([]).source_url is None


READS = st.lists(
    st.builds(
        pricing,
        st.sampled_from(["R2", "R4", "R6"]),
        st.sampled_from(list(PricingModel)),
        st.sampled_from("abc"),
        quote=st.sampled_from("xyz"),
    ),
    max_size=5,
)


@given(READS)
def test_the_order_of_the_reads_does_not_matter(reads: list[Pricing]) -> None:
    assert combined(reads) == combined(reads[::-1])
