"""Resemblance: whether a new sighting and a known tool without a common identifier are one product, scored in words.

Four kinds of evidence count, each once: the name (0.5), a link (one speaks of the other: 0.4; both speak of the same
paper or model: 0.15), the maker (0.3), the domain of the homepage (0.3), and a similar description (0.2). They are one
without asking only when the *names agree and* a link, the maker or the domain says so too: name and description
alone would join three wrong pairs in a hundred. Sizes and versions of one family by one maker are a question.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from core.identifier import Identifier, Scheme
from core.intent import Candidate
from core.sighting import Sighting
from core.text import slugify
from core.tool import Reason
from ingest.identity import domain_of, on_shared_hosting
from ingest.shared_hosts import BIG_DOMAINS, CONTENT_HOSTS
from ingest.wording import split_title, words

ASK_FROM = 0.5
"""A resemblance below this is not worth an editor's time."""

_ALIKE = 80
_LEAST_TEXT = 30
_PAGES = frozenset({"huggingface.co", "github.com", "arxiv.org", "producthunt.com", "openrouter.ai"})


@dataclass(frozen=True, slots=True)
class Resemblance:
    """How much speaks for one product. `certain`: enough to join without asking."""

    score: float
    reasons: tuple[Reason, ...]
    certain: bool


def resemblance(sightings: Sequence[Sighting], candidate: Candidate) -> Resemblance:
    """What speaks for these sightings and a known tool being one product."""
    named = _same_name(sightings, candidate)
    sure = [
        reason
        for reason in (_link(sightings, candidate), _maker(sightings, candidate), _domain(sightings, candidate))
        if reason
    ]
    hints = [reason for reason in (_common(sightings, candidate), _description(sightings, candidate)) if reason]
    family = None if named else _family(sightings, candidate, sure)
    reasons = tuple(reason for reason in (named, family, *sure, *hints) if reason)
    score = round(min(1.0, sum(reason.points for reason in reasons)), 2) if named or family else 0.0
    return Resemblance(score, reasons, certain=bool(named and sure))


def _same_name(sightings: Sequence[Sighting], candidate: Candidate) -> Reason | None:
    key = name_key(candidate.name)
    found = sorted(one.name for one in sightings if len(key) >= SHORTEST_KEY and name_key(one.name) == key)
    return Reason(words=f"The names agree: {found[0]} and {candidate.name}.", points=0.5) if found else None


def _family(sightings: Sequence[Sighting], candidate: Candidate, sure: Iterable[Reason]) -> Reason | None:
    """New version? The same family by the same maker."""
    key = family_key(candidate.name)
    kin = sorted(one.name for one in sightings if len(key) >= SHORTEST_KEY and family_key(one.name) == key)
    if not kin or not any(sure):
        return None
    return Reason(words=f"New version? {kin[0]} and {candidate.name} are of one family.", points=0.4)


def _link(sightings: Sequence[Sighting], candidate: Candidate) -> Reason | None:
    spoken = {name for one in sightings for name in one.mentions} & candidate.identifiers
    named = {name for one in sightings for name in one.identifiers} & candidate.mentions
    found = sorted(spoken | named)
    return Reason(words=f"One links to the other: {found[0]}.", points=0.4) if found else None


def _common(sightings: Sequence[Sighting], candidate: Candidate) -> Reason | None:
    found = sorted({name for one in sightings for name in one.mentions} & candidate.mentions)
    return Reason(words=f"Both speak of {found[0]}.", points=0.15) if found else None


def _maker(sightings: Sequence[Sighting], candidate: Candidate) -> Reason | None:
    ours = {key for one in sightings for key in _makers(one.identifiers, [one.author])}
    found = sorted(ours & _makers(candidate.identifiers, candidate.owners))
    return Reason(words=f"The maker is the same: {found[0]}.", points=0.3) if found else None


def _makers(identifiers: Iterable[Identifier], names: Iterable[str]) -> set[str]:
    """Owners as keys: from ids of the form owner/name, and as named."""
    schemes = (Scheme.GITHUB, Scheme.HF, Scheme.HF_DATASET, Scheme.HF_SPACE, Scheme.OPENROUTER)
    owners = [one.value.partition("/")[0] for one in identifiers if one.scheme in schemes]
    keys = {_NOT_KEY.sub("", name.casefold()) for name in (*owners, *names)}
    return {key for key in keys if len(key) >= SHORTEST_KEY}


def _domain(sightings: Sequence[Sighting], candidate: Candidate) -> Reason | None:
    theirs = _own_domain(candidate.homepage)
    found = theirs is not None and any(_own_domain(one.homepage) == theirs for one in sightings)
    return Reason(words=f"The homepages lie on one domain: {theirs}.", points=0.3) if found else None


def _own_domain(homepage: str | None) -> str | None:
    """The domain of a homepage, where it can be the product's own."""
    domain = domain_of(homepage) if homepage and not on_shared_hosting(homepage) else None
    return None if domain in CONTENT_HOSTS | BIG_DOMAINS | _PAGES else domain


def _description(sightings: Sequence[Sighting], candidate: Candidate) -> Reason | None:
    texts = [f"{one.tagline} {one.summary}"[:300] for one in sightings]
    known = candidate.text[:300]
    best = max(
        (fuzz.token_set_ratio(text, known) for text in texts if min(len(text), len(known)) >= _LEAST_TEXT), default=0
    )
    return Reason(words=f"The descriptions agree by {best:.0f} %.", points=0.2) if best >= _ALIKE else None
