"""Pricing pages: what a tool's own pages say about the cost of beginning (rules R3 and R5). Pure.

R3: structured offers, as JSON-LD (also where it is malformed), microdata or product metadata. R5: the visible text of the
page about prices: amounts with a period, and a plan that is called free. When the two contradict each other the answer is
unknown, with both quotes for the editor. Nothing is converted; a price without a period is no entry price, except a
product's, which is paid once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Any
from urllib.parse import urljoin

import lxml.html
from lxml.etree import LxmlError

from core.fact import Confidence, Per, Price, Pricing, PricingModel
from core.text import clean
from ingest.hosts import registrable
from ingest.identity import domain_of
from ingest.pricing import contradiction
from ingest.shared_hosts import HOSTING_SUFFIXES
from ingest.wording import web_url, words

_QUOTE = 200
_MOST_SCRIPTS = 50
_MOST_OFFERS = 200
_MOST_NODES = 5_000
_MOST_TEXT = 200_000
_DEAREST = Decimal(1_000_000)

_SCRIPT = re.compile(r"<script\b[^<>]{0,300}\bapplication/ld\+json\b[^<>]{0,300}>", re.IGNORECASE)
_COMMENT = re.compile(r"(?m)(?<![:\"'\w])//[^\n]*$|/\*.{0,2000}?\*/", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f]+")
_KINDS = words("SoftwareApplication WebApplication MobileApplication VideoGame Product")
_PERIODS = {"MON": Per.MONTH, "P1M": Per.MONTH, "MONTH": Per.MONTH, "ANN": Per.YEAR, "P1Y": Per.YEAR, "YEAR": Per.YEAR}
_SYMBOLS = {"$": "USD", "US$": "USD", "€": "EUR", "£": "GBP"}
_LINK = re.compile(r"pricing|plans\b|price|tarifs|preise", re.IGNORECASE)
_HIDDEN = ("script", "style", "noscript", "template", "svg", "head")
_BLOCKS = frozenset(
    [
        "p",
        "div",
        "li",
        "ul",
        "ol",
        "tr",
        "td",
        "th",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "section",
        "article",
        "br",
        "dt",
        "dd",
        "table",
        "header",
        "footer",
        "button",
    ]
)
_MONEY = re.compile(
    r"""(?<![\w$€£.,])(?:(?P<symbol>US\$|[$€£])\s?(?P<amount>\d{1,3}(?:[,.]\d{3})+(?:\.\d{2})?|\d{1,6}(?:[.,]\d{1,2})?)
    (?:\s?(?P<code>USD|EUR|GBP))?|(?P<amount2>\d{1,6}(?:[.,]\d{1,2})?)\s?(?P<code2>USD|EUR|GBP|€|£))(?![\d.,]*\d)
    (?P<period>(?:\s|\n){0,3}(?:/|per\b|a\b|each\b|pro\b|par\b|im\b)?\s{0,2}
      (?P<seat>(?:user|seat|member|editor|nutzer|utilisateur)\b)?\s{0,2}(?:/|per\b|a\b|pro\b|,)?\s{0,2}
      (?P<unit>month|mo\b|monthly|monat|mois|year|yr\b|yearly|annually|jahr|an\b|lifetime|one[- ]time|once)\b)?""",
    re.IGNORECASE | re.VERBOSE,
)
_FREE_PLAN = re.compile(
    r"(?im)^\s*(?:free(?: (?:plan|tier|forever|starter))?|(?:US)?[$€£]\s?0(?:[.,]00)?|kostenlos|gratuit)\s*$"
)
_CONTACT = re.compile(r"\b(?:contact (?:us|sales)|talk to sales|request a quote|book a demo)\b", re.IGNORECASE)
_ANNUAL = re.compile(r"\bbilled (?:annually|yearly)\b", re.IGNORECASE)
_TRIAL = re.compile(r"\b(?:free trial|\d{1,2}[- ]day trial|try (?:it )?(?:for )?free)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page as it came, at the address where it came from."""

    url: str
    body: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class _Offer:
    """One price; the currency and period where they are stated."""

    amount: Decimal
    currency: str | None
    per: Per | None

    @property
    def price(self) -> Price | None:
        """As a price, when nothing of it has to be guessed."""
        whole = self.amount > 0 and self.currency and self.per
        return Price(amount=self.amount, currency=self.currency, per=self.per) if whole else None  # type: ignore[arg-type]  # whole

    def __str__(self) -> str:
        return f"{self.amount} {self.currency or ''}".strip()


def same_site(one: str, other: str) -> bool:
    """Whether two addresses lie on one registrable domain."""
    domains = [domain_of(each) for each in (one, other)]
    sites = {registrable(each, shared=HOSTING_SUFFIXES) for each in domains if each}
    return None not in domains and len(sites) == 1


def link_to_prices(page: Page) -> str:
    """The address of the page about prices: the first link of this page whose words or address say so and that stays
    on the site, else `/pricing`."""
    tree = _tree(page.body)
    for anchor in islice([] if tree is None else tree.iter("a"), _MOST_NODES):
        target = web_url(anchor.get("href"), base=page.url)
        said = f"{anchor.get('href', '')[:300]} {anchor.text_content()[:100]}"
        if target and _LINK.search(said) and same_site(target, page.url):
            return target
    return urljoin(page.url, "/pricing")


def read_pages(home: Page | None, prices: Page | None) -> Pricing | None:
    """What a tool's own page and its page about prices say together; None when neither says anything."""
    structured = [read for page in (prices, home) if page and (read := from_markup(page))]
    text = from_text_of(prices) if prices else None
    return _settled([*structured[:1], *([text] if text else [])])


def _settled(reads: list[Pricing]) -> Pricing | None:
    known = [read for read in reads if read.model is not PricingModel.UNKNOWN]
    if len({read.model for read in known}) > 1:
        return contradiction(known)
    return next(iter([*known, *reads]), None)


# ------------------------------------------------------------ R3: structured offers


def from_markup(page: Page) -> Pricing | None:
    """R3: the offers that a page states for machines. All of them zero is `free`, some `freemium`, none `paid`."""
    offers = list(islice(_stated(page), _MOST_OFFERS))
    amounts = [each.amount for each in offers]
    if not amounts:
        return None
    paid = sorted((each for each in offers if each.amount > 0), key=lambda each: each.amount)
    free = len(paid) < len(offers)
    model = PricingModel.FREEMIUM if paid and free else PricingModel.PAID if paid else PricingModel.FREE
    quote = f"offers: {', '.join(map(str, offers[:8]))}"
    return _read(page, model, rule="R3", quote=quote, price=next((each.price for each in paid if each.price), None))


def _stated(page: Page) -> Iterator[_Offer]:
    text = page.body.decode("utf-8", "replace")
    found = [offer for block in _json_blocks(text) for offer in _offers_of(block, page.at.date())]
    if found:
        yield from found
        return
    tree = _tree(page.body)
    if tree is not None:
        yield from _microdata(tree)
        yield from _metadata(tree)


def _json_blocks(text: str) -> Iterator[Any]:
    """The JSON-LD of a page: strictly, else without comments and control characters, else not at all."""
    for opening in islice(_SCRIPT.finditer(text), _MOST_SCRIPTS):
        end = text.find("</script", opening.end())
        if end < 0:
            return
        raw = text[opening.end() : min(end, opening.end() + _MOST_TEXT)]
        for attempt in (raw, _CONTROL.sub(" ", _COMMENT.sub("", raw))):
            try:
                yield json.loads(attempt)
            except (ValueError, RecursionError):
                continue
            break


def _offers_of(block: Any, today: date) -> Iterator[_Offer]:
    for node in _nodes(block):
        kinds = set(_texts(node.get("@type")))
        if not kinds & _KINDS:
            continue
        offers = [
            one for each in _listed(node.get("offers")) if isinstance(each, Mapping) for one in _offer(each, today)
        ]
        once = Per.ONCE if "Product" in kinds else None
        yield from (_Offer(one.amount, one.currency, one.per or once) for one in offers)
        if not offers and str(node.get("isAccessibleForFree")).lower() == "true":
            yield _Offer(Decimal(0), None, None)


def _nodes(block: Any) -> Iterator[Mapping[str, Any]]:
    """Every object of a block, without recursion: depth is the page's choice."""
    waiting, seen = [block], 0
    while waiting and seen < _MOST_NODES:
        value, seen = waiting.pop(0), seen + 1
        if isinstance(value, Mapping):
            yield value
            waiting += [each for key, each in value.items() if key != "offers"]
        elif isinstance(value, list):
            waiting += value[:_MOST_NODES]


def _offer(offer: Mapping[str, Any], today: date) -> Iterator[_Offer]:
    """The prices of an Offer or AggregateOffer that are still valid."""
    if str(offer.get("priceValidUntil", "9"))[:10] < today.isoformat():
        return
    specified = [each for each in _listed(offer.get("priceSpecification")) if isinstance(each, Mapping)]
    nested = [each for each in _listed(offer.get("offers")) if isinstance(each, Mapping)]
    for each in (offer, *specified, *nested):
        amount = _amount(each.get("price", each.get("lowPrice")))
        if amount is not None:
            currency = str(each.get("priceCurrency") or offer.get("priceCurrency") or "").upper()
            yield _Offer(amount, currency if re.fullmatch("[A-Z]{3}", currency) else None, _period(each))


def _period(offer: Mapping[str, Any]) -> Per | None:
    quantity = next((each for each in _listed(offer.get("referenceQuantity")) if isinstance(each, Mapping)), {})
    said = [offer.get("unitCode"), offer.get("billingDuration"), offer.get("unitText"), quantity.get("unitCode")]
    return next((_PERIODS[str(each).upper()] for each in said if str(each).upper() in _PERIODS), None)


def _listed(value: Any) -> list[Any]:
    return value[:_MOST_OFFERS] if isinstance(value, list) else [value]


def _texts(value: Any) -> Iterator[str]:
    return (each.rpartition("/")[2] for each in _listed(value) if isinstance(each, str))


def _amount(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = re.sub(r"[^\d.,\-]", "", str(value)[:40])
    if re.fullmatch(r"\d{1,3}(?:[,.]\d{3})+(?:\.\d{1,2})?", text) or "." in text:
        text = text.replace(",", "") if text.count(".") <= 1 else text.replace(".", "")
    try:
        amount = Decimal(text.replace(",", "."))
    except InvalidOperation:
        return None
    return amount if 0 <= amount < _DEAREST else None


def _microdata(tree: lxml.html.HtmlElement) -> Iterator[_Offer]:
    for node in islice(tree.iterfind(".//*[@itemprop]"), _MOST_NODES):
        if node.get("itemprop") not in ("price", "lowPrice"):
            continue
        amount = _amount(node.get("content") or node.text_content()[:40])
        scope = next((each for each in node.iterancestors() if each.get("itemscope") is not None), None)
        if amount is not None and scope is not None:
            stated = scope.find(".//*[@itemprop='priceCurrency']")
            currency = (
                (stated.get("content") or stated.text_content()[:8]).strip().upper() if stated is not None else ""
            )
            yield _Offer(amount, currency if re.fullmatch("[A-Z]{3}", currency) else None, None)


def _metadata(tree: lxml.html.HtmlElement) -> Iterator[_Offer]:
    said = {each.get("property"): each.get("content") for each in islice(tree.iter("meta"), _MOST_NODES)}
    for prefix in ("product:price", "og:price"):
        amount = _amount(said.get(f"{prefix}:amount"))
        if amount is not None:
            currency = str(said.get(f"{prefix}:currency") or "").upper()
            yield _Offer(amount, currency if re.fullmatch("[A-Z]{3}", currency) else None, None)
            return


# ------------------------------------------------------------ R5: visible text


def from_text_of(page: Page) -> Pricing | None:
    """R5: amounts with a period beside a plan that is called free are `freemium`, alone `paid`; the plan alone is
    `free` (B); nothing but "contact sales" is `paid` without a price (C)."""
    text = _visible(page.body)
    prices = [(match, price) for match in islice(_MONEY.finditer(text), _MOST_OFFERS) if (price := _price(match))]
    paid = sorted((each for each in prices if each[1].amount > 0), key=lambda each: _order(each[1]))
    free = _FREE_PLAN.search(text) or next((match for match, price in prices if price.amount == 0), None)
    flags = ("trial",) if _TRIAL.search(text) else ()
    if paid:
        match, price = paid[0]
        quote = _around(text, match) + (f" / {_around(text, free)}" if free else "")
        model = PricingModel.FREEMIUM if free else PricingModel.PAID
        return _read(page, model, rule="R5", quote=quote, price=_monthly(price, text), flags=flags)
    if free:
        return _read(page, PricingModel.FREE, rule="R5", quote=_around(text, free), flags=flags)
    if found := _CONTACT.search(text):
        quote = _around(text, found)
        return _read(page, PricingModel.PAID, rule="R5", quote=quote, flags=flags, confidence=Confidence.C)
    return None


def _price(match: re.Match[str]) -> Price | None:
    """The price that a text states, None without a period."""
    amount = _amount(match["amount"] or match["amount2"])
    unit = (match["unit"] or "").lower()
    if amount is None or not unit:
        return None
    code = (match["code"] or match["code2"] or "").upper()
    currency = _SYMBOLS.get(code, code) or _SYMBOLS[match["symbol"].upper()]
    per = Per.ONCE if unit[0] in "lo" else Per.MONTH if unit[:2] == "mo" else Per.YEAR
    return Price(amount=amount, currency=currency, per=Per.USER_MONTH if match["seat"] and per is Per.MONTH else per)


def _order(price: Price) -> tuple[int, Decimal]:
    """Monthly prices before yearly ones before those that are paid once; the lowest of them first."""
    return (Per.MONTH, Per.USER_MONTH, Per.YEAR, Per.ONCE).index(price.per) // 2 + (price.per is Per.ONCE), price.amount


def _monthly(price: Price, text: str) -> Price:
    """A yearly price as a monthly one, where the page says that months are billed by the year."""
    if price.per is not Per.YEAR or not _ANNUAL.search(text):
        return price
    return Price(amount=(price.amount / 12).quantize(Decimal("0.01")), currency=price.currency, per=Per.MONTH)


def _visible(body: bytes) -> str:
    """The words that a reader sees, a line for each block."""
    tree = _tree(body)
    if tree is None:
        return ""
    for hidden in list(islice(tree.iter(*_HIDDEN), _MOST_NODES)):
        hidden.drop_tree() if hidden.getparent() is not None else None
    parts: list[str] = []
    for node in islice(tree.iter(), 4 * _MOST_NODES):
        if isinstance(node.tag, str):
            parts += ["\n" if node.tag in _BLOCKS else " ", node.text or ""]
        parts += ["\n" if node.tag in _BLOCKS else "", node.tail or ""]
    lines = (" ".join(line.split()) for line in "".join(parts)[:_MOST_TEXT].split("\n"))
    return "\n".join(line for line in lines if line)


# ------------------------------------------------------------ both


def _tree(body: bytes) -> lxml.html.HtmlElement | None:
    """The page as a tree. The parser gives up nesting beyond 256 levels, which bounds its work."""
    try:
        parser = lxml.html.HTMLParser(encoding="utf-8", huge_tree=False)
        return lxml.html.document_fromstring(body or b" ", parser=parser)
    except (LxmlError, ValueError, AssertionError):
        return None


def _around(text: str, match: re.Match[str]) -> str:
    start = max(0, match.start() - 40)
    return " ".join(text[start : match.end() + 40].split())[: _QUOTE // 2]


def _read(
    page: Page,
    model: PricingModel,
    *,
    rule: str,
    quote: str,
    price: Price | None = None,
    flags: Iterable[str] = (),
    confidence: Confidence = Confidence.B,
) -> Pricing:
    return Pricing(
        model=model,
        entry_price=price,
        flags=tuple(flags),
        source_url=page.url,
        quote=clean(quote, limit=_QUOTE),
        rule=rule,
        confidence=confidence,
        observed_at=page.at,
    )
