"""What a whole catalogue of reviewed tools knows: how rare a word or tag is, who names whom, who is near whom.

An inverted index makes the neighbours of one tool a matter of milliseconds in a hundred thousand tools. Within a
category every shared word and tag counts; across categories only rare shared tags and names lead from one tool to
another, because only those let a pair through the gates.
"""

from __future__ import annotations

import itertools
import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

from core.fact import PricingModel
from core.identifier import Identifier
from core.panel import Decision
from review.facets import Facets, facets
from review.family import makers, name_key, stem
from review.rivals import rivals
from review.vocabulary import Vector, Vocabulary, idf

RARE = 0.05
"""A tag on fewer than this share of the catalogue lets two tools of different categories meet."""

READ_POSTINGS, READ_POSTINGS_UNTAGGED = 15_000, 60_000
"""So many places of the index are read for the words of one tool, its rarest words first: what many say tells least, and
takes longest. A tool without tags has nothing else to be found by."""

BY_LIKENESS, BY_CONTRAST, BY_TEXT = 800, 200, 120
"""How many of the neighbours in its category, and of those outside, are put in order by their results, prices, reviews
and demand; how many of these by their whole texts; and how many are looked at closely in the end. bench/pairing.py says how many
of the ten best pairs that finds."""

USE_CASE_WEIGHT, FEATURE_WEIGHT, TEXT_WEIGHT, AUDIENCE_WEIGHT = 0.35, 0.25, 0.25, 0.15

COSINE_OF_THE_LIKE = 0.4
"""Texts this like count as fully alike: two descriptions of one thing by two people are rarely nearer."""

DAYS_OF_FRESHNESS = 14

FULL_DEMAND = 1_000
"""Clicks and votes of both tools together at which demand counts in full (logarithmic below)."""

_SIDES = (
    (USE_CASE_WEIGHT, attrgetter("use_cases")),
    (FEATURE_WEIGHT, attrgetter("features")),
    (AUDIENCE_WEIGHT, attrgetter("audience")),
)
_SECONDS_PER_DAY = 86_400
_NAMESAKES = 3  # more tools than this under one name, and a text that says the name says none of them
_SOME_TEXT = 0.4 * TEXT_WEIGHT  # what the texts of strangers are taken to give until they are read


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A tool as pairing sees it.

    `texts` are its tagline, description and the quotes of its verdicts. `domains` are those of its own pages, shared
    hosts left out. `reviewed_at` is the instant of its newest verdict, `changed_at` that of the newest change to a
    verdict or version, where it differs. `demand` counts clicks and votes. `line`: what all versions of one product
    share, where an editor has said that they are.
    """

    slug: str
    name: str
    category: str
    closed: bool
    reviewed_at: datetime
    tags: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    verdicts: Mapping[str, Decision] = field(default_factory=dict)  # lens -> decision
    price: PricingModel = PricingModel.UNKNOWN
    identifiers: frozenset[Identifier] = frozenset()
    domains: frozenset[str] = frozenset()
    changed_at: datetime | None = None
    demand: int = 0
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entry:
    """A candidate, read: everything that is compared, ready to compare."""

    candidate: Candidate
    facets: Facets
    vector: Vector
    named: frozenset[str]  # slugs of tools that its texts name as rivals
    stem: tuple[str, ...]
    makers: frozenset[str]


@dataclass(slots=True)
class _Posting:
    """The closed tools of one category that have a word or tag, by number; weights for words only."""

    tools: array[int] = field(default_factory=lambda: array("I"))
    weights: array[float] = field(default_factory=lambda: array("f"))


_NOBODY = _Posting()


@dataclass(frozen=True, slots=True)
class _Short:
    """A tool in short, for the first look: which lenses ship and skip, as bits; the result; the price; when it was
    reviewed; how often it was asked for; which sides it states, as bits."""

    ships: int
    skips: int
    share: float
    price: PricingModel
    reviewed_at: datetime
    demand: int
    stated: int


def trust(stated: float) -> float:
    """How far a likeness is trusted of which so much of the weight is stated: what is not counts neither for nor
    against, so the rest takes its place, less the more is missing."""
    return 1 / math.sqrt(stated) if stated else 0.0


_STATED_WEIGHTS = (USE_CASE_WEIGHT, FEATURE_WEIGHT, AUDIENCE_WEIGHT, TEXT_WEIGHT)
_TRUST = tuple(
    trust(math.fsum(weight for at, weight in enumerate(_STATED_WEIGHTS) if bits >> at & 1)) for bits in range(16)
)


class Catalogue:
    """Candidates with an index over them; never changed once built. The order of the candidates makes no difference."""

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        ordered = sorted(candidates, key=lambda candidate: candidate.slug)
        sorted_tags = [facets(candidate.tags) for candidate in ordered]
        held = Counter(tag for one in sorted_tags for tag in one.all)
        self._rare_tags = frozenset(tag for tag, holders in held.items() if holders < RARE * len(ordered))
        self._weights = {tag: idf(holders, len(ordered)) for tag, holders in held.items()}
        self.vocabulary = Vocabulary(candidate.texts for candidate in ordered)
        self._names = _name_index(ordered)
        self.unknown_rivals: dict[str, set[str]] = defaultdict(set)
        """Rival names that no tool here bears -> slugs of the tools whose texts name them."""
        parts = zip(ordered, sorted_tags, self.vocabulary.vectors, strict=True)
        self._entries = [self._read(candidate, tags, vector) for candidate, tags, vector in parts]
        self.entries = {entry.candidate.slug: entry for entry in self._entries}
        """Every candidate by its slug, in the order of the slugs."""
        self._index()

    def _read(self, candidate: Candidate, tags: Facets, vector: Vector) -> Entry:
        return Entry(
            candidate=candidate,
            facets=tags,
            vector=vector,
            named=self._named(candidate),
            stem=stem(candidate.name),
            makers=makers(candidate.identifiers, candidate.domains),
        )

    def _named(self, candidate: Candidate) -> frozenset[str]:
        named: set[str] = set()
        for name in (name for text in candidate.texts for name in rivals(text)):
            slugs = self._bearing(name)
            if not slugs:
                self.unknown_rivals[name].add(candidate.slug)
            elif len(slugs) <= _NAMESAKES:
                named |= slugs
        return frozenset(named - {candidate.slug})

    def _bearing(self, name: str) -> set[str]:
        """The tools that a name in a text can mean: exactly so called, or else those of that stem."""
        return self._names.get(name_key(name)) or self._names.get(_stem_key(name)) or set()

    def _index(self) -> None:
        self._totals = [array("f", (self._weight(of(entry.facets)) for entry in self._entries)) for _, of in _SIDES]
        lenses = {
            key: 1 << at for at, key in enumerate(sorted({k for e in self._entries for k in e.candidate.verdicts}))
        }
        self._shorts = [_short(entry, lenses) for entry in self._entries]
        self._number = {slug: number for number, slug in enumerate(self.entries)}
        self._by_word: dict[str, dict[int, _Posting]] = defaultdict(lambda: defaultdict(_Posting))
        self._by_tag: dict[str, dict[str, _Posting]] = defaultdict(lambda: defaultdict(_Posting))
        self._by_common_tag: dict[str, set[int]] = defaultdict(set)
        self._by_rare_tag: dict[str, array[int]] = defaultdict(lambda: array("I"))
        self._naming: dict[str, array[int]] = defaultdict(lambda: array("I"))
        for number, entry in enumerate(self._entries):
            if entry.candidate.closed:
                self._index_words(number, entry)
                self._index_tags(number, entry)
                for other in entry.named:
                    self._naming[other].append(number)

    def _index_words(self, number: int, entry: Entry) -> None:
        postings, holders = self._by_word[entry.candidate.category], self.vocabulary.holders
        for word, weight in zip(entry.vector.words, entry.vector.weights, strict=True):
            if holders[word] > 1:  # what nobody else says leads nowhere
                posting = postings[word]
                posting.tools.append(number)
                posting.weights.append(weight)

    def _index_tags(self, number: int, entry: Entry) -> None:
        postings = self._by_tag[entry.candidate.category]
        for tag in entry.facets.all:
            postings[tag].tools.append(number)
            if tag in self._rare_tags:
                self._by_rare_tag[tag].append(number)
            else:
                self._by_common_tag[tag].add(number)

    def is_rare(self, tag: str) -> bool:
        """Whether fewer than one tool in twenty bears the tag."""
        return tag in self._rare_tags

    def jaccard(self, one: frozenset[str], other: frozenset[str]) -> float:
        """Likeness of two sets of tags, rare tags weighing more: shared over all, 0 to 1."""
        shared = one & other
        return self._weight(shared) / self._weight(one | other) if shared else 0.0

    def _weight(self, tags: Iterable[str]) -> float:
        return math.fsum(self._weights[tag] for tag in tags)

    def neighbours(self, slug: str, *, now: datetime) -> list[str]:
        """Slugs of the closed tools that the tool may be compared with: those that it names or that name it, then up
        to `BY_TEXT` others, roughly the best first."""
        entry, mine = self.entries[slug], self._number[slug]
        said = self._near_by_words(entry)
        near, far = defaultdict[int, float](float, said), defaultdict[int, float](float)
        self._near_by_tags(entry, near, far)
        named = dict.fromkeys(self._near_by_name(entry))
        for number in (mine, *named):
            near.pop(number, None)
            far.pop(number, None)
        worth, text = self._worth(mine, now=now), self._text(entry)
        rough = {number: near[number] * worth(number) for number in _largest(near, BY_LIKENESS)}
        rough_far = {number: (far[number] + _SOME_TEXT) * worth(number) for number in _largest(far, BY_LIKENESS)}
        whole = {
            number: (near[number] - said.get(number, 0.0) + text(number)) * worth(number)
            for number in _largest(rough, BY_CONTRAST)
        }
        whole |= {number: (far[number] + text(number)) * worth(number) for number in _largest(rough_far, BY_CONTRAST)}
        return [self._entries[number].candidate.slug for number in (*named, *_largest(whole, BY_TEXT))]

    def _worth(self, mine: int, *, now: datetime) -> Callable[[int], float]:
        """What lifts a pair of this tool, given the other: how far likeness is trusted, contrast, freshness, demand.
        As `review.weighing.weigh` has it, but for rounding."""
        a = self._shorts[mine]
        judged = a.ships | a.skips

        def worth(number: int) -> float:
            b = self._shorts[number]
            shared = judged & (b.ships | b.skips)
            parted = (a.ships & b.skips) | (a.skips & b.ships)
            contrast = 0.4 * abs(a.share - b.share) + 0.2 * parted.bit_count() / max(1, shared.bit_count())
            if a.price is not b.price and PricingModel.UNKNOWN not in (a.price, b.price):
                contrast += 0.4 if PricingModel.OPEN_SOURCE in (a.price, b.price) else 0.3
            fresh = freshness(max(a.reviewed_at, b.reviewed_at), now=now)
            return _TRUST[a.stated & b.stated] * (
                0.55 + 0.2 * contrast + 0.15 * fresh + 0.1 * demand(a.demand + b.demand)
            )

        return worth

    def _text(self, entry: Entry) -> Callable[[int], float]:
        """What the texts of this tool and another give, but for rounding."""
        like, entries = entry.vector.likeness(), self._entries
        gives = TEXT_WEIGHT / COSINE_OF_THE_LIKE
        return lambda number: min(TEXT_WEIGHT, gives * like(entries[number].vector))

    def _near_by_words(self, entry: Entry) -> dict[int, float]:
        """Tools of the category -> what the texts give by the rarest words, roughly."""
        postings = self._by_word.get(entry.candidate.category, {})
        words = zip(entry.vector.words, entry.vector.weights, strict=True)
        held = [(postings[word], weight) for word, weight in words if word in postings]
        held.sort(key=lambda each: len(each[0].tools))
        rough = defaultdict[int, float](float)
        left = READ_POSTINGS if entry.facets.all else READ_POSTINGS_UNTAGGED
        for posting, weight in held:
            left -= len(posting.tools)
            if left < 0:
                break
            gives = weight * TEXT_WEIGHT / COSINE_OF_THE_LIKE
            for number, theirs in zip(posting.tools, posting.weights, strict=True):
                rough[number] += gives * theirs
        return {number: min(TEXT_WEIGHT, gives) for number, gives in rough.items()}

    def _near_by_tags(self, entry: Entry, near: dict[int, float], far: dict[int, float]) -> None:
        category = entry.candidate.category
        rare = {tag: self._strangers(tag, category) for tag in entry.facets.all if tag in self._rare_tags}
        strangers = set(itertools.chain.from_iterable(rare.values()))
        for (weight, of), totals in zip(_SIDES, self._totals, strict=True):
            tags = of(entry.facets)
            total = self._weight(tags)
            for rough in (near, far):
                shared = defaultdict[int, float](float)
                for tag in tags:
                    gives = self._weights[tag]
                    found = self._bearers(tag, category) if rough is near else self._met(tag, rare, strangers)
                    if len(tags) == 1:
                        shared |= dict.fromkeys(found, gives)
                        break
                    for number in found:
                        shared[number] += gives
                for number, both in shared.items():
                    rough[number] += weight * both / (total + totals[number] - both)

    def _met(self, tag: str, rare: Mapping[str, list[int]], strangers: AbstractSet[int]) -> Iterable[int]:
        """Tools outside with this tag: a rare one leads to them, any other counts once a rare one has."""
        return rare[tag] if tag in rare else self._by_common_tag.get(tag, frozenset()) & strangers

    def _bearers(self, tag: str, category: str) -> Iterable[int]:
        """Tools of the category with this tag."""
        return self._by_tag.get(category, {}).get(tag, _NOBODY).tools

    def _strangers(self, tag: str, category: str) -> list[int]:
        """Tools of other categories with this tag, when it is a rare one."""
        home = set(self._by_tag.get(category, {}).get(tag, _NOBODY).tools)
        return [number for number in self._by_rare_tag.get(tag, ()) if number not in home]

    def _near_by_name(self, entry: Entry) -> Iterator[int]:
        """Closed tools that the tool names, and those that name it."""
        named = (slug for slug in entry.named if self.entries[slug].candidate.closed)
        yield from (self._number[slug] for slug in named)
        yield from self._naming.get(entry.candidate.slug, ())


def _short(entry: Entry, lenses: Mapping[str, int]) -> _Short:
    candidate = entry.candidate
    ships = sum(lenses[key] for key, decision in candidate.verdicts.items() if decision is Decision.SHIP)
    skips = sum(lenses[key] for key, decision in candidate.verdicts.items() if decision is Decision.SKIP)
    sides = (*(of(entry.facets) for _, of in _SIDES), entry.vector)
    return _Short(
        ships=ships,
        skips=skips,
        share=ships.bit_count() / max(1, len(candidate.verdicts)),
        price=candidate.price,
        reviewed_at=candidate.reviewed_at,
        demand=candidate.demand,
        stated=sum(1 << at for at, side in enumerate(sides) if side),
    )


def freshness(reviewed_at: datetime, *, now: datetime) -> float:
    """1 for what was reviewed just now, less by the day."""
    return math.exp(-days_since(reviewed_at, now=now) / DAYS_OF_FRESHNESS)


def days_since(instant: datetime, *, now: datetime) -> float:
    """Days from an instant to now; none while it is to come."""
    return max(0.0, (now - instant).total_seconds() / _SECONDS_PER_DAY)


def demand(asked: int) -> float:
    """How much readers ask for what they clicked and voted for so often, 0 to 1."""
    return min(1.0, math.log1p(max(0, asked)) / math.log1p(FULL_DEMAND))


def _largest(rough: Mapping[int, float], most: int) -> list[int]:
    """The numbers with the largest values, the largest first."""
    if len(rough) > most:  # floats alone are sorted much faster than pairs
        least = sorted(rough.values(), reverse=True)[most - 1]
        rough = {number: value for number, value in rough.items() if value >= least}
    return sorted(rough, key=lambda number: (-rough[number], number))[:most]


def _name_index(candidates: Iterable[Candidate]) -> dict[str, set[str]]:
    """Name key and stem key -> slugs."""
    index: dict[str, set[str]] = defaultdict(set)
    for candidate in candidates:
        index[name_key(candidate.name)].add(candidate.slug)
        index[_stem_key(candidate.name)].add(candidate.slug)
    index.pop("", None)
    return dict(index)


def _stem_key(name: str) -> str:
    return "".join(stem(name))
