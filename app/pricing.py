"""Pricing: what tools' own pages say about the cost of beginning, fetched politely, few per run.

One tool's road:
    choose   in the queue, price unknown, nobody has looked at its pages yet, an editor has not set it
    fetch    its homepage and its page about prices, on one registrable domain, robots.txt obeyed
    read     rules R3 and R5 (ingest/pricing_page; pure)
    keep     the read with its evidence; also that nothing was found, so that nobody looks again at once
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from app.wiring import TURNS, Product
from core.errors import FetchError, Refused
from core.fact import Pricing, PricingModel
from core.source import Request, Validators
from core.tool import Tool
from core.version import VERSION
from ingest.identity import domain_of
from ingest.shared_hosts import BIG_DOMAINS, CONTENT_HOSTS
from ingest.wording import words
from store import tools

if TYPE_CHECKING:
    from ingest.fetch import Fetcher
    from ingest.pricing_page import Page

AGAIN = timedelta(days=90)
"""A page is not asked again before, and what it said is not repeated without a date after."""

_AT_ONCE = 8
_BYTES = 2_000_000
_QUOTE, _LICENCE = 200, 60
_LISTINGS = words(
    "alternativeto.net appsumo.com apps.apple.com arxiv.org chromewebstore.google.com g2.com github.com gitlab.com "
    "huggingface.co news.ycombinator.com openrouter.ai play.google.com producthunt.com reddit.com ycombinator.com"
)
"""Sites whose pages speak of other people's products, and of their own prices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRead:
    """What looking at one tool's pages gave: a pricing read, or why there is none."""

    slug: str
    pricing: Pricing | None = None
    error: str | None = None


def read_unknown(product: Product, *, limit: int) -> list[PageRead]:
    """Look at the pages of at most `limit` tools of the queue whose price is unknown, the highest priority first."""
    with product.database.read() as connection:
        chosen = tools.unpriced(connection, limit=limit, since=product.now - AGAIN)
    return _read(product, chosen)


def read_one(product: Product, slug: str) -> PageRead:
    """Look at one tool's pages now, whatever is known. An editor's price stays all the same. Raises NotFound, and
    Refused for a tool without a page of its own."""
    with product.database.read() as connection:
        found = tools.find(connection, slug)
    if own_page(found) is None:
        raise Refused(f"{found.slug} has no page of its own that could name a price.", mend="Set its price by hand.")
    return _read(product, [found])[0]


def own_page(tool: Tool) -> str | None:
    """The homepage, where it is the maker's: not on a site of listings, posts or repositories."""
    domain = domain_of(tool.homepage) if tool.homepage else None
    return (
        None
        if domain is None or domain in _LISTINGS or domain in CONTENT_HOSTS or domain in BIG_DOMAINS
        else tool.homepage
    )


def _read(product: Product, chosen: Sequence[Tool]) -> list[PageRead]:
    mine = [(tool, page) for tool in chosen if (page := own_page(tool))]
    reads = asyncio.run(_look(product, mine)) if mine else []
    with product.database.write() as connection:
        for (tool, page), read in zip(mine, reads, strict=True):
            found = read.pricing or _nothing_found(page, read.error, product.now)
            known = tools.dossier(connection, tool).pricing
            if (told := _told(known, found)) is not None:
                tools.keep_price(connection, tool.id, told, now=product.now)
    return reads


def _told(known: Pricing, found: Pricing) -> Pricing | None:
    """What is known from now on: what was found, or what an open-source licence says with the price of a hosted plan
    beside it; None when what is known stands."""
    flags = tuple(sorted({*known.flags, *found.flags}))
    if not _outranks(known, found):
        return replace(found, flags=flags)
    if known.model is not PricingModel.OPEN_SOURCE or found.entry_price is None:
        return None
    quote = f"{known.quote[:_LICENCE]} / hosted, says {found.source_url}: {found.quote}"[:_QUOTE]
    return replace(known, entry_price=found.entry_price, flags=flags, quote=quote, observed_at=found.observed_at)


def _outranks(known: Pricing, found: Pricing) -> bool:
    """Whether what is known stands before what was found: a licence or an API's prices do, anything before nothing."""
    if known.model is PricingModel.UNKNOWN or known.rule in tools.OF_PAGES:
        return False
    return found.model is PricingModel.UNKNOWN or known.rule < found.rule


def _nothing_found(page: str, error: str | None, now: datetime) -> Pricing:
    quote = f"not read: {error}" if error else "nothing about prices"
    return Pricing(model=PricingModel.UNKNOWN, source_url=page, rule="R5", quote=quote[:200], observed_at=now)


async def _look(product: Product, chosen: Sequence[tuple[Tool, str]]) -> list[PageRead]:
    # It brings the HTTP client and the parsers along: half a second that `--help` must not pay.
    from ingest.fetch import Fetcher  # noqa: PLC0415

    turns = asyncio.Semaphore(_AT_ONCE)
    settings = product.settings
    async with Fetcher(
        contact=settings.contact or settings.base_url,
        version=VERSION,
        allow_private_hosts=settings.allow_private_hosts,
        clock=product.clock,
        shared=settings.var / TURNS,
    ) as fetcher:

        async def one(tool: Tool, address: str) -> PageRead:
            async with turns:
                try:
                    return PageRead(slug=tool.slug, pricing=await _pages(fetcher, address, product))
                except FetchError as error:
                    return PageRead(slug=tool.slug, error=str(error))
                except Exception as error:  # noqa: BLE001 - one page must never stop the others; the result shows it
                    return PageRead(slug=tool.slug, error=f"{type(error).__name__}: {error}"[:300])

        return list(await asyncio.gather(*(one(tool, address) for tool, address in chosen)))


async def _pages(fetcher: Fetcher, address: str, product: Product) -> Pricing | None:
    """The homepage, then its page about prices; without the latter the former has to do. Raises FetchError."""
    from ingest import pricing_page  # noqa: PLC0415 - see _look

    home = await _page(fetcher, address, product)
    if not pricing_page.same_site(home.url, address):
        raise FetchError(f"{address} leads to another site, {home.url[:200]}.", permanent=True)
    target = pricing_page.link_to_prices(home)
    prices: Page | None = None
    try:
        prices = home if target == home.url else await _page(fetcher, target, product)
    except FetchError:
        # Most sites have none; the homepage's own offers still count.
        prices = None
    if prices and not pricing_page.same_site(prices.url, address):
        prices = None
    return pricing_page.read_pages(home, prices)


async def _page(fetcher: Fetcher, url: str, product: Product) -> Page:
    from ingest.pricing_page import Page  # noqa: PLC0415 - see _look

    request = Request(url=url, accept="text/html", html=True, max_bytes=_BYTES)
    response = await fetcher.fetch(request, Validators())
    return Page(url=response.url, body=response.body, at=product.now)


def shown(read: PageRead) -> str:
    """One line for an operator."""
    if read.pricing is None:
        return f"{read.slug}: {read.error or 'nothing about prices'}"
    price = f", {read.pricing.entry_price}" if read.pricing.entry_price else ""
    return f"{read.slug}: {read.pricing.model.label}{price} ({read.pricing.rule}: {read.pricing.quote})"
