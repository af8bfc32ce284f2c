"""Resemblance: whether two tools, or sightings of them, without a common identifier are one product, scored in words.

Four kinds of evidence count, each once: the name (0.5), a link (one speaks of the other: 0.4; both speak of the same
paper or model: 0.15), the maker (0.3), the domain of the homepage (0.3), and a similar description (0.2). They are one
without asking only when the *names agree and* a link, the maker or the domain says so too: name and description
alone would join three wrong pairs in a hundred. Not even then when the name is one that anybody gives (demo, playground),
when a dataset meets what is none, or when a link is all there is between two makers: that is how forks, wrappers and
strangers' demonstrations look. Sizes and versions of one family by one maker are a question.

Everything here is symmetric: which of two was known first must not matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz

from core.identifier import Identifier, Scheme
from core.intent import Candidate
from core.names import SHORTEST_KEY, family_key, name_key
from core.sighting import Sighting
from core.tool import Reason
from ingest.identity import domain_of, on_shared_hosting
from ingest.shared_hosts import BIG_DOMAINS, CONTENT_HOSTS
from ingest.wording import words

ASK_FROM = 0.5
"""A resemblance below this is not worth an editor's time."""

KIN = "New version?"
"""With this a reason begins that speaks of a family instead of one name."""

_ALIKE = 80
_LEAST_TEXT = 30
_PAGES = frozenset({"huggingface.co", "github.com", "arxiv.org", "producthunt.com", "openrouter.ai"})
_OWNED = (Scheme.GITHUB, Scheme.HF, Scheme.HF_DATASET, Scheme.HF_SPACE, Scheme.OPENROUTER)
_GENERIC = words(
    "agent agents announcement assistant blog changelog chat chatbot demo discussion example help home model models "
    "news newsletter newmodel notebook paper playground project question release releases sandbox showcase test tool "
    "tools tutorial untitled update updates website welcome"
)
"""Name keys that prove nothing, because everybody has one of these."""
_NOBODY = words("admin anonymous deleted editor guest info none staff team unknown user")
_NOT_KEY = re.compile(r"[^\w]|_")
_ASIDE = re.compile(r"\([^()]*\)")
_CORPORATE = re.compile(r"(?:ai|app|com|dev|hq|inc|io|labs?|llc|official|org|team)$")


@dataclass(frozen=True, slots=True)
class Resemblance:
    """How much speaks for one product. `certain`: enough to join without asking."""

    score: float
    reasons: tuple[Reason, ...]
    certain: bool


def profile(sightings: Sequence[Sighting], *known: Candidate, tool: int = 0) -> Candidate:
    """Sightings, and tools that they belong to, as one candidate with this number."""
    texts = [f"{one.tagline} {one.summary}" for one in sightings] + [one.text for one in known]
    return Candidate(
        tool=tool,
        names=tuple(sorted({one.name for one in sightings}.union(*(one.names for one in known)))),
        text=max(texts, key=lambda text: (len(text), text), default=""),
        owners=frozenset(one.maker for one in sightings).union(*(one.owners for one in known)),
        homepages=frozenset(one.own_homepage for one in sightings if one.own_homepage).union(
            *(one.homepages for one in known)
        ),
        identifiers=_all([*(one.identifiers for one in sightings), *(one.identifiers for one in known)]),
        mentions=_all([*(one.mentions for one in sightings), *(one.mentions for one in known)]),
    )


def _all(sets: Iterable[frozenset[Identifier]]) -> frozenset[Identifier]:
    return frozenset[Identifier]().union(*sets)


@dataclass(frozen=True, slots=True, eq=False)
class Traits:
    """A candidate with everything that is compared, worked out once."""

    of: Candidate
    names: Mapping[str, str]  # name key -> a name that has it
    families: Mapping[str, str]
    makers: Mapping[str, str]  # as their ids begin, and as they are named -> one of them as it is written
    owners: frozenset[str]  # as their ids begin
    hosts: Mapping[str, str]  # of its homepages, roughly -> the homepage
    has_data: bool
    is_generic: bool


def traits(one: Candidate) -> Traits:
    """What of a candidate is compared."""
    names, families = _keyed(one.names, name_key), _keyed(one.names, family_key)
    owned = {each.value.partition("/")[0] for each in one.identifiers if each.scheme in _OWNED}
    owners = frozenset(map(_maker_key, owned))
    named = {part.strip() for name in one.owners for part in name.split(", ")}
    return Traits(
        of=one,
        names=names,
        families=families,
        makers={key: written for written in sorted(owned | named, reverse=True) if (key := _maker_key(written))},
        owners=owners - {""},
        hosts={
            page.partition("://")[2].partition("/")[0].lower().removeprefix("www."): page
            for page in sorted(one.homepages)
        },
        has_data=any(each.scheme is Scheme.HF_DATASET for each in one.identifiers),
        is_generic=names.keys() <= _GENERIC,
    )


def _keyed(names: Sequence[str], key_of: Callable[[str], str]) -> Mapping[str, str]:
    return {key: name for name in reversed(names) if (key := key_of(name))}


def resemblance(one: Traits, other: Traits) -> Resemblance:
    """What speaks for these two being one product."""
    named = _agreeing(one.names, other.names, "The names agree: {} and {}.", points=0.5)
    family = (
        None if named else _agreeing(one.families, other.families, KIN + " {} and {} are of one family.", points=0.4)
    )
    if not named and not family:
        return _NOTHING
    link, maker, domain = _link(one, other), _maker(one, other), _domain(one, other)
    sure = [reason for reason in (link, maker, domain) if reason]
    if family and (not sure or (sure == [link] and not (one.makers and other.makers))):
        # Parts of a series link to each other; without makers nothing says that they are a product's versions.
        return _NOTHING
    hints = [reason for reason in (_common(one, other), _description(one, other)) if reason]
    if not sure and not hints and one.makers and other.makers:
        # Of forty such pairs one was one product: names are given twice all the time.
        return _NOTHING
    reasons = tuple(reason for reason in (named, family, *sure, *hints) if reason)
    score = round(min(1.0, sum(reason.points for reason in reasons)), 2)
    strangers = sure == [link] and one.owners and other.owners
    doubtful = one.is_generic or one.has_data != other.has_data or strangers
    return Resemblance(score, reasons, certain=bool(named and sure and not doubtful))


_NOTHING = Resemblance(0.0, (), certain=False)


def _agreeing(ours: Mapping[str, str], theirs: Mapping[str, str], words: str, *, points: float) -> Reason | None:
    common = ours.keys() & theirs.keys()
    if not common:
        return None
    key = min(common)
    return Reason(words=words.format(ours[key], theirs[key]), points=points)


def _link(one: Traits, other: Traits) -> Reason | None:
    found = (one.of.mentions & other.of.identifiers) | (one.of.identifiers & other.of.mentions)
    return Reason(words=f"One links to the other: {min(found)}.", points=0.4) if found else None


def _common(one: Traits, other: Traits) -> Reason | None:
    found = one.of.mentions & other.of.mentions
    return Reason(words=f"Both speak of {min(found)}.", points=0.15) if found else None


def _maker(one: Traits, other: Traits) -> Reason | None:
    found = one.makers.keys() & other.makers.keys()
    if not found:
        return None
    ours, theirs = one.makers[min(found)], other.makers[min(found)]
    written = ours if ours == theirs else " and ".join(sorted((ours, theirs)))
    return Reason(words=f"The maker is the same: {written}.", points=0.3)


def _domain(one: Traits, other: Traits) -> Reason | None:
    # Taking an address apart properly costs more than everything else here: only where the hosts agree.
    found = {_own_domain(one.hosts[host]) for host in one.hosts.keys() & other.hosts.keys()} - {None}
    return Reason(words=f"The homepages lie on one domain: {min(map(str, found))}.", points=0.3) if found else None


def _description(one: Traits, other: Traits) -> Reason | None:
    ours, theirs = one.of.text[:300], other.of.text[:300]
    if min(len(ours), len(theirs)) < _LEAST_TEXT:
        return None
    alike = fuzz.token_set_ratio(ours, theirs, score_cutoff=_ALIKE)
    return Reason(words=f"The descriptions agree by {alike:.0f} %.", points=0.2) if alike else None


@lru_cache(maxsize=4096)
def _maker_key(name: str) -> str:
    """`Acme AI (W24)`, `/u/acme` and `acme-hq` all give `acme`; empty for what names nobody."""
    key = _NOT_KEY.sub("", _ASIDE.sub("", name).strip().removeprefix("/u/").casefold())
    short = _CORPORATE.sub("", key)
    key = short if len(short) >= SHORTEST_KEY else key
    return key if len(key) >= SHORTEST_KEY and key not in _NOBODY else ""


@lru_cache(maxsize=4096)
def _own_domain(page: str) -> str | None:
    """The domain of a homepage, where it can be the product's own."""
    domain = None if on_shared_hosting(page) else domain_of(page)
    return None if domain in CONTENT_HOSTS or domain in BIG_DOMAINS or domain in _PAGES else domain
