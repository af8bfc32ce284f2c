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
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

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
        homepages=frozenset(one.homepage for one in sightings if one.homepage).union(*(one.homepages for one in known)),
        identifiers=_all([*(one.identifiers for one in sightings), *(one.identifiers for one in known)]),
        mentions=_all([*(one.mentions for one in sightings), *(one.mentions for one in known)]),
    )


def _all(sets: Iterable[frozenset[Identifier]]) -> frozenset[Identifier]:
    return frozenset[Identifier]().union(*sets)


def resemblance(one: Candidate, other: Candidate) -> Resemblance:
    """What speaks for these two being one product."""
    named = _same_name(one, other)
    family = None if named else _family(one, other)
    if not named and not family:
        return Resemblance(0.0, (), certain=False)
    link, maker, domain = _link(one, other), _maker(one, other), _domain(one, other)
    sure = [reason for reason in (link, maker, domain) if reason]
    if family and not sure:
        return Resemblance(0.0, (), certain=False)
    hints = [reason for reason in (_common(one, other), _description(one, other)) if reason]
    reasons = tuple(reason for reason in (named, family, *sure, *hints) if reason)
    score = round(min(1.0, sum(reason.points for reason in reasons)), 2)
    doubtful = _is_generic(one) or _holds_data(one) != _holds_data(other) or (sure == [link] and _strangers(one, other))
    return Resemblance(score, reasons, certain=bool(named and sure and not doubtful))


def _same_name(one: Candidate, other: Candidate) -> Reason | None:
    return _agreeing(one, other, name_key, "The names agree: {} and {}.", points=0.5)


def _family(one: Candidate, other: Candidate) -> Reason | None:
    return _agreeing(one, other, family_key, KIN + " {} and {} are of one family.", points=0.4)


def _agreeing(
    one: Candidate, other: Candidate, key_of: Callable[[str], str], words: str, *, points: float
) -> Reason | None:
    """The first two names, in order, that have a key in common."""
    ours, theirs = ({key_of(name): name for name in reversed(each.names)} for each in (one, other))
    common = sorted(key for key in ours.keys() & theirs.keys() if len(key) >= SHORTEST_KEY)
    return Reason(words=words.format(ours[common[0]], theirs[common[0]]), points=points) if common else None


def _is_generic(one: Candidate) -> bool:
    return all(name_key(name) in _GENERIC for name in one.names)


def _holds_data(one: Candidate) -> bool:
    return any(name.scheme is Scheme.HF_DATASET for name in one.identifiers)


def _strangers(one: Candidate, other: Candidate) -> bool:
    """Whether the makers of both are known, and none is the same."""
    ours, theirs = (_owners(each.identifiers) for each in (one, other))
    return bool(ours and theirs)


def _link(one: Candidate, other: Candidate) -> Reason | None:
    found = sorted((one.mentions & other.identifiers) | (one.identifiers & other.mentions))
    return Reason(words=f"One links to the other: {found[0]}.", points=0.4) if found else None


def _common(one: Candidate, other: Candidate) -> Reason | None:
    found = sorted(one.mentions & other.mentions)
    return Reason(words=f"Both speak of {found[0]}.", points=0.15) if found else None


def _maker(one: Candidate, other: Candidate) -> Reason | None:
    found = sorted(_makers(one) & _makers(other))
    return Reason(words=f"The maker is the same: {found[0]}.", points=0.3) if found else None


def _makers(one: Candidate) -> set[str]:
    """Owners as keys: from ids of the form owner/name, and as named."""
    return _owners(one.identifiers) | {key for name in one.owners for key in map(_maker_key, name.split(", "))} - {""}


def _owners(identifiers: Iterable[Identifier]) -> set[str]:
    return {_maker_key(one.value.partition("/")[0]) for one in identifiers if one.scheme in _OWNED} - {""}


def _maker_key(name: str) -> str:
    """`Acme AI (W24)`, `/u/acme` and `acme-hq` all give `acme`; empty for what names nobody."""
    key = _NOT_KEY.sub("", _ASIDE.sub("", name).strip().removeprefix("/u/").casefold())
    short = _CORPORATE.sub("", key)
    key = short if len(short) >= SHORTEST_KEY else key
    return key if len(key) >= SHORTEST_KEY and key not in _NOBODY else ""


def _domain(one: Candidate, other: Candidate) -> Reason | None:
    found = sorted(_own_domains(one) & _own_domains(other))
    return Reason(words=f"The homepages lie on one domain: {found[0]}.", points=0.3) if found else None


def _own_domains(one: Candidate) -> set[str]:
    """The domains of its homepages, where they can be the product's own."""
    domains = {domain_of(page) for page in one.homepages if not on_shared_hosting(page)}
    return {each for each in domains if each} - CONTENT_HOSTS - BIG_DOMAINS - _PAGES


def _description(one: Candidate, other: Candidate) -> Reason | None:
    ours, theirs = one.text[:300], other.text[:300]
    if min(len(ours), len(theirs)) < _LEAST_TEXT:
        return None
    alike = fuzz.token_set_ratio(ours, theirs)
    return Reason(words=f"The descriptions agree by {alike:.0f} %.", points=0.2) if alike >= _ALIKE else None
