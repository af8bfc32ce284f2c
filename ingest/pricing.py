"""The pricing read: what a listing itself says about the cost of beginning, by ordered rules. No evidence, no claim.

Rules, first that fires wins: R2 licence in a structured field, R4 prices of a models API, R6 words of a tagline or
summary. (R1 is an editor's overrule, kept by the store; R3 and R5 read the tool's own pages: see pricing_page.) Amounts are never converted, and bare "free" proves nothing: it cannot tell free from freemium.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation

from core.fact import Confidence, Per, Price, Pricing, PricingModel
from ingest.wording import words

_QUOTE = 200

_OSI = words(
    "0bsd afl-3.0 apache-2.0 artistic-2.0 blueoak-1.0.0 bsd bsd-1-clause bsd-2-clause bsd-2-clause-patent bsd-3-clause "
    "bsl-1.0 cal-1.0 cddl-1.0 ecl-2.0 epl-1.0 epl-2.0 eupl-1.1 eupl-1.2 gpl gpl-2.0 gpl-3.0 agpl-3.0 isc lgpl lgpl-2.1 "
    "lgpl-3.0 lppl-1.3c mit mit-0 mpl-2.0 ms-pl ms-rl mulanpsl-2.0 ncsa ofl-1.1 osl-3.0 postgresql unlicense upl-1.0 "
    "zlib"
)
"""Licences that the Open Source Initiative has approved, as SPDX and Hugging Face write them, in lower case.
`bsl-1.0` is the Boost licence; the Business Source Licence is `busl-1.1`."""

_SOURCE_AVAILABLE = re.compile(
    r"^(?:busl|sspl|elastic|fsl|polyform|commons-clause|sustainable-use|fair)|commons-clause"
)
_OPEN_WEIGHTS = re.compile(
    r"^(?:cc-by-nc|llama|gemma|openmdw|nvidia-open|qwen|deepseek|falcon|apple-a|mrl|fair-noncommercial)|openrail|bigscience",
)
_SILENT = frozenset({"", "other", "noassertion", "none", "unknown"})

_FREEMIUM = re.compile(r"\b(?:free tier|free plan|freemium|free forever)\b", re.IGNORECASE)
_TRIAL = re.compile(r"\b(?:free trial|try (?:it )?(?:for )?free|\d{1,2}[- ]day trial)\b", re.IGNORECASE)
_OPEN_SOURCE = re.compile(r"\bopen[- ]source[d]?\b", re.IGNORECASE)
_FREE = re.compile(r"(?<![\w-])free\b", re.IGNORECASE)  # nothing that is hands-free or ad-free
_DENIED = re.compile(
    r"(?:\bno|\bnot(?: an?)?|\bwithout(?: an?| any)?|(?:n't|n’t|\bnot) (?:have|offer|provide|include) (?:an?|any)|\blacks an?)\s+$",
    re.IGNORECASE,
)
_FLAGS = ((_TRIAL, "trial"), (_OPEN_SOURCE, "says_open_source"), (_FREE, "says_free"))

UNKNOWN = Pricing(model=PricingModel.UNKNOWN)


def from_licence(licence: str | None, *, url: str, at: datetime) -> Pricing | None:
    """R2: an OSI licence is `open_source` (A); source-available and open-weights licences only raise a flag.

    `licence` as the source writes it, in lower case; `url` where it stands. None when the field says nothing.
    """
    name = re.sub(r"-(?:only|or-later)$", "", (licence or "").strip().lower())
    if name in _OSI:
        return _licensed(name, PricingModel.OPEN_SOURCE, flags=(), url=url, at=at)
    if name in _SILENT:
        return None
    if _SOURCE_AVAILABLE.search(name):
        return _licensed(name, PricingModel.UNKNOWN, flags=("source_available",), url=url, at=at)
    if _OPEN_WEIGHTS.search(name):
        return _licensed(name, PricingModel.UNKNOWN, flags=("open_weights",), url=url, at=at)
    return None


def _licensed(name: str, model: PricingModel, *, flags: tuple[str, ...], url: str, at: datetime) -> Pricing:
    quote = f"licence: {name}"[:_QUOTE]
    return Pricing(
        model=model, flags=flags, source_url=url, quote=quote, rule="R2", confidence=Confidence.A, observed_at=at
    )


def from_token_prices(
    prompt: object, completion: object, *, besides: Sequence[object] = (), url: str, at: datetime
) -> Pricing | None:
    """R4: prices of a models API in USD per token. Both zero is `free`; above zero is `paid` with the lower of the two
    for a million tokens; a negative one stands for "depends" and proves nothing, like anything unreadable. Where
    tokens cost nothing and something else does (`besides`: a request, a picture) nothing is known of tokens either."""
    amounts = [_amount(prompt), _amount(completion)]
    if any(amount is None or amount < 0 for amount in amounts):
        return None
    known = [amount for amount in amounts if amount is not None]
    if not any(known) and any(map(_amount, besides)):
        return None
    quote = f"prompt {prompt} USD, completion {completion} USD per token"[:_QUOTE]
    free = not any(known)
    return Pricing(
        model=PricingModel.FREE if free else PricingModel.PAID,
        entry_price=None if free else _per_million(min(amount for amount in known if amount > 0)),
        flags=() if free else ("usage_based",),
        source_url=url,
        quote=quote,
        rule="R4",
        confidence=Confidence.A,
        observed_at=at,
    )


def _amount(value: object) -> Decimal | None:
    text = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    try:
        amount = Decimal(text) if 0 < len(text) < 40 else None  # noqa: PLR2004 - no price is longer
    except InvalidOperation:
        return None
    return amount if amount is not None and amount.is_finite() and amount < 1_000 else None  # noqa: PLR2004 - USD a token


def _per_million(amount: Decimal) -> Price:
    million = (amount * 1_000_000).quantize(Decimal("0.000001")).normalize()
    return Price(amount=million, currency="USD", per=Per.MILLION_TOKENS)


def from_text(*texts: str, url: str, at: datetime) -> Pricing | None:
    """R6: words of a tagline or summary. "Free tier" and its like are `freemium` (C); a trial, "open source" and bare
    "free" only raise flags. None when nothing of it is said."""
    text = "\n".join(texts)
    said = {flag: match for pattern, flag in _FLAGS if (match := _said(pattern, text))}
    found = _said(_FREEMIUM, text)
    evidence = found or next(iter(said.values()), None)
    if evidence is None:
        return None
    return Pricing(
        model=PricingModel.FREEMIUM if found else PricingModel.UNKNOWN,
        flags=tuple(flag for flag in said if not (found and flag == "says_free")),
        source_url=url,
        quote=_around(text, evidence),
        rule="R6",
        confidence=Confidence.C,
        observed_at=at,
    )


def _said(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """Where a text first says it without saying that there is none: `no free plan`."""
    return next(
        (one for one in pattern.finditer(text) if not _DENIED.search(text[max(0, one.start() - 30) : one.start()])),
        None,
    )


def _around(text: str, match: re.Match[str]) -> str:
    start = max(0, match.start() - 80)
    return " ".join(text[start : start + _QUOTE].split())


def first(*reads: Pricing | None) -> Pricing | None:
    """One sighting's read: the first rule that knows a model, with the flags of all; None when nothing was said."""
    said = [read for read in reads if read is not None]
    return combined(said) if said else None


def combined(reads: Sequence[Pricing]) -> Pricing:
    """The read of a tool from the reads of its listings.

    The lowest rule number with a known model wins and lower rules only add flags. Two models by rules of equal rank
    contradict each other: unknown, with both quotes for the editor.
    """
    if not reads:
        return UNKNOWN
    ordered = sorted(reads, key=lambda read: (read.rule, read.source_url or "", read.quote))
    known = [read for read in ordered if read.model is not PricingModel.UNKNOWN]
    if not known:
        return _flagged(ordered[0], ordered)
    rank = [read for read in known if read.rule == known[0].rule]
    models = {read.model for read in rank}
    if len(models) > 1:
        return _flagged(contradiction(rank), ordered)
    return _flagged(min(rank, key=_entry), ordered)


def _entry(read: Pricing) -> tuple[Decimal, str, str]:
    amount = read.entry_price.amount if read.entry_price else Decimal(0)
    return amount, read.source_url or "", read.quote


def contradiction(reads: Sequence[Pricing]) -> Pricing:
    """Unknown, with the quotes of two reads that name different models."""
    one = reads[0]
    other = next(read for read in reads if read.model is not one.model)
    half = _QUOTE // 2 - 2
    return Pricing(
        model=PricingModel.UNKNOWN,
        source_url=one.source_url,
        quote=f"{one.quote[:half]} / {other.quote[:half]}",
        rule=one.rule,
        confidence=Confidence.C,
        observed_at=one.observed_at,
    )


def _flagged(read: Pricing, reads: Iterable[Pricing]) -> Pricing:
    flags = tuple(sorted({flag for one in reads for flag in one.flags}))
    return Pricing(
        model=read.model,
        entry_price=read.entry_price,
        flags=flags,
        source_url=read.source_url,
        quote=read.quote,
        rule=read.rule,
        confidence=read.confidence,
        observed_at=read.observed_at,
    )
