"""Matching: which sightings show one tool. Pure.

    gather   every new sighting and every known tool that shares an identifier with the batch becomes a party
    | join   parties that carry the same identifier become one, strong schemes first, unless that would join two
             different ids of one exclusive scheme, or two tools that an editor has declared different
    | liken  a party with a new sighting joins every candidate, and every other such party, that resembles it beyond
             doubt, unless anything keeps one of them apart
    | tell   per party: NewTool, SeenAgain, Merge; per refused join or mere resemblance: Ask

Everything is done in a sorted order, and on whole parties instead of single sightings, so neither the order of a batch
nor that of several batches matters. Deciding again after the intents
were carried out yields only SeenAgain with neither mark: no question is asked without a new or changed sighting.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from core.identifier import Identifier, Scheme
from core.intent import Ask, Candidate, Intent, Known, Merge, NewTool, SeenAgain, SightingKey, ToolRef
from core.names import keys_of
from core.sighting import Sighting
from core.tool import Reason
from ingest.resemblance import ASK_FROM, KIN, Resemblance, Traits, profile, resemblance, traits

EXCLUSIVE = (
    Scheme.GITHUB_ID,
    Scheme.HF,
    Scheme.HF_DATASET,
    Scheme.HF_SPACE,
    Scheme.ARXIV,
    Scheme.PRODUCTHUNT,
    Scheme.OPENROUTER,
    Scheme.YC,
    Scheme.APP_STORE,
    Scheme.PLAY_STORE,
    Scheme.GITHUB,
)
"""Schemes of which one product has one value: two different ones never join without an editor. A GitHub name may
change, so two names do join when the repository's number is the same."""

_CROWD = 4
"""From so many products that share one address on, it is an organisation's, and no question is worth asking."""
_MOST_COMPARED = 30
_MOST_CANDIDATES = 200
_MOST_QUESTIONS = 2
_ASK_DESPITE_IDS = 0.7

_Order = tuple[int, int, str, str]


@dataclass(slots=True, eq=False)
class _Party:
    """Tools and sightings that are one product, as far as is decided."""

    order: _Order
    tools: set[int] = field(default_factory=set)
    fresh: list[Sighting] = field(default_factory=list)  # new ones
    values: dict[Scheme, set[str]] = field(default_factory=dict)  # of exclusive schemes
    into: _Party | None = None
    reasons: list[Identifier] = field(default_factory=list)  # what joined tools that were apart
    likenesses: list[str] = field(default_factory=list)  # in words, where no identifier did

    def root(self) -> _Party:
        """The party that this one has become part of."""
        party = self
        while party.into is not None:
            party = party.into
        return party

    def learn(self, identifiers: Iterable[Identifier]) -> None:
        """Take identifiers on."""
        for one in identifiers:
            if one.scheme in EXCLUSIVE:
                self.values.setdefault(one.scheme, set()).add(one.value)

    def take_in(self, other: _Party, *, by: Identifier | None = None, like: Sequence[Reason] = ()) -> None:
        """Become one with another party, `by` an identifier or because they are alike."""
        if self.tools and other.tools and by:
            self.reasons.append(by)
        self.likenesses += [reason.words for reason in like]
        other.into = self
        self.tools |= other.tools
        self.fresh += other.fresh
        self.reasons += other.reasons
        self.likenesses += other.likenesses
        for scheme, values in other.values.items():
            self.values.setdefault(scheme, set()).update(values)

    @property
    def ref(self) -> ToolRef:
        """The tool that it is or will be."""
        return min(self.tools) if self.tools else min(_key(one) for one in self.fresh)


@dataclass(frozen=True, slots=True)
class _Question:
    """A join that must not happen silently."""

    one: _Party
    other: _Party
    score: float
    reasons: tuple[Reason, ...]


def decide(sightings: Sequence[Sighting], known: Known, *, now: datetime) -> tuple[Intent, ...]:  # noqa: ARG001 - the clock belongs to every decision
    """What to do with a batch. Intents come sorted: merges, then new tools, then sightings of known tools, then
    questions; so that a question can name a tool that was just made."""
    batch = _distinct(sightings)
    parties = _parties(batch, known)
    refusals = list(_joined(batch, parties, known))
    likenesses = list(_likened(parties, known))
    roots = sorted({party.root() for party in parties.values()}, key=lambda party: party.order)
    homes = {_key(one): parties[_key(one)].root() for one in batch}
    return (
        *(merge for party in roots for merge in _merges(party)),
        *(NewTool(sightings=tuple(sorted(party.fresh, key=_key))) for party in roots if not party.tools),
        *(_again(one, homes[_key(one)], known) for one in batch if homes[_key(one)].tools),
        *_questions([*refusals, *likenesses], known),
    )


def _key(sighting: Sighting) -> SightingKey:
    return sighting.source, sighting.external_id


def _distinct(sightings: Sequence[Sighting]) -> list[Sighting]:
    """The batch in order, one sighting per key; of several the choice falls on the content alone."""
    alike: dict[SightingKey, list[Sighting]] = {}
    for one in sightings:
        alike.setdefault(_key(one), []).append(one)
    # Hashing costs; nearly every key has one sighting.
    return [
        several[0] if len(several) == 1 else max(several, key=lambda one: one.content_hash)
        for _, several in sorted(alike.items())
    ]


def _parties(batch: Sequence[Sighting], known: Known) -> Mapping[SightingKey, _Party]:
    """The party of every sighting: its tool's where it is stored already, else one of its own.

    Parties of tools that only own an identifier of the batch stand under the key of no sighting ("", tool id).
    """
    tools: dict[int, _Party] = {}
    parties: dict[SightingKey, _Party] = {}
    owners = {known.tool_of[name] for one in batch for name in one.identifiers if name in known.tool_of}
    homes = {known.sightings[_key(one)].tool for one in batch if _key(one) in known.sightings}
    for tool in sorted(owners | homes):
        tools[tool] = parties["", str(tool)] = _Party(order=(0, tool, "", ""), tools={tool})
        tools[tool].learn(known.identifiers_of.get(tool, ()))
    for one in batch:
        stored = known.sightings.get(_key(one))
        party = tools[stored.tool] if stored else _Party(order=(1, 0, *_key(one)), fresh=[one])
        party.learn(one.identifiers)
        parties[_key(one)] = party
    return parties


def _joined(batch: Sequence[Sighting], parties: Mapping[SightingKey, _Party], known: Known) -> Iterator[_Question]:
    """Join parties identifier by identifier, and yield every join that is refused."""
    carriers: dict[Identifier, list[Sighting]] = {}
    for one in batch:
        for name in one.identifiers:
            carriers.setdefault(name, []).append(one)
    shared = [name for name, several in carriers.items() if len(several) > 1 or name in known.tool_of]
    for name in sorted(shared, key=_strength):
        owner = parties["", str(known.tool_of[name])].root() if name in known.tool_of else None
        members = {parties[_key(one)].root() for one in carriers[name]} | ({owner} if owner else set())
        # Without news nothing is joined or asked: what was decided before stays decided.
        if len(members) > 1 and any(_is_news(one, known) for one in carriers[name]):
            yield from _join(sorted(members, key=lambda party: party.order), owner, name, known)


def _strength(identifier: Identifier) -> tuple[int, Scheme, str]:
    """Exclusive schemes first, pages last."""
    rank = EXCLUSIVE.index(identifier.scheme) if identifier.scheme in EXCLUSIVE else len(EXCLUSIVE)
    return rank + (identifier.scheme is Scheme.URL), identifier.scheme, identifier.value


def _is_news(sighting: Sighting, known: Known) -> bool:
    stored = known.sightings.get(_key(sighting))
    return stored is None or stored.content_hash != sighting.content_hash


def _join(members: Sequence[_Party], owner: _Party | None, by: Identifier, known: Known) -> Iterator[_Question]:
    """Join those that nothing keeps apart, to the identifier's owner where it has one. The others stay; each of them
    is a question, unless they are a crowd."""
    apart = _in_conflict(members, known)
    together = [party for party in members if party not in apart or party is owner]
    anchor = owner or next(iter(together), None) or members[0]
    for party in together:
        if party is not anchor:
            _first(anchor, party).take_in(_second(anchor, party), by=by)
            anchor = anchor.root()
    left = [party for party in members if party in apart and party.root() is not anchor.root()]
    if len(left) < _CROWD:
        yield from (_refusal(anchor, party, by) for party in left)


def _refusal(one: _Party, other: _Party, by: Identifier) -> _Question:
    words = f"Both carry {by}, but {_difference(one, other)}."
    return _Question(one, other, 0.5, (Reason(words=words, points=0.5),))


def _first(one: _Party, other: _Party) -> _Party:
    return min(one, other, key=lambda party: party.order)


def _second(one: _Party, other: _Party) -> _Party:
    return max(one, other, key=lambda party: party.order)


def _in_conflict(members: Sequence[_Party], known: Known) -> set[_Party]:
    """Those that something keeps apart from another member. Members without any exclusive id are free of it."""
    claiming = [party for party in members if party.values or party.tools]
    if len(claiming) > _MOST_COMPARED:
        return set(claiming)
    return {
        party
        for one in range(len(claiming))
        for other in range(one + 1, len(claiming))
        if _apart(claiming[one], claiming[other], known)
        for party in (claiming[one], claiming[other])
    }


def _apart(one: _Party, other: _Party, known: Known) -> bool:
    """Whether two parties must not join silently."""
    if any((min(a, b), max(a, b)) in known.apart for a in one.tools for b in other.tools):
        return True
    return any(_differ(one, other, scheme) for scheme in EXCLUSIVE)


def _differ(one: _Party, other: _Party, scheme: Scheme) -> bool:
    mine, theirs = one.values.get(scheme), other.values.get(scheme)
    if not mine or not theirs or mine & theirs:
        return False
    renamed = one.values.get(Scheme.GITHUB_ID, set()) & other.values.get(Scheme.GITHUB_ID, set())
    return not (scheme is Scheme.GITHUB and renamed)


def _merges(party: _Party) -> Iterator[Merge]:
    """The oldest tool takes the others in."""
    if len(party.tools) < 2:  # noqa: PLR2004 - nearly always
        return
    winner, *losers = sorted(party.tools)
    names = sorted(set(party.reasons), key=_strength)
    rule = f"same {names[0].scheme} identifier" if names else "same name and another witness"
    evidence = (*map(str, names), *dict.fromkeys(party.likenesses))
    for loser in losers:
        yield Merge(winner=winner, loser=loser, rule=rule, evidence=evidence)


def _again(sighting: Sighting, party: _Party, known: Known) -> SeenAgain:
    stored = known.sightings.get(_key(sighting))
    changed = stored is not None and stored.content_hash != sighting.content_hash
    return SeenAgain(sighting=sighting, tool=min(party.tools), first=stored is None, changed=changed)


def _likened(parties: Mapping[SightingKey, _Party], known: Known) -> Iterator[_Question]:
    """Join every party with a new sighting to those that resemble it beyond doubt; yield those in doubt."""
    field = _Field({party.root() for party in parties.values()}, known)
    waiting = deque(party for party in field.parties if party.fresh)
    while waiting:
        party = waiting.popleft()
        if party.into is not None:
            continue
        found = field.resembling(party)
        sure = [(home, likeness) for home, likeness in found if likeness.certain]
        if sure and not _in_conflict([party, *(home for home, _ in sure)], known):
            # What it has become may resemble what neither of them did.
            waiting.append(field.join(party, sure))
        else:
            yield from _in_doubt(party, found, known)


class _Field:
    """Everything that may resemble something: the batch's own parties and the store's candidates, by name.

    What is compared is worked out only for those that have company under one of their keys: most have none.
    """

    def __init__(self, parties: Iterable[_Party], known: Known) -> None:
        stored = {one.tool: one for one in known.candidates}
        self.parties = sorted(parties, key=lambda party: party.order)
        self._known: dict[_Party, list[Candidate]] = {}
        self._traits: dict[_Party, Traits] = {}
        self._keys: dict[_Party, list[str]] = {}
        self._index: dict[str, list[_Party]] = {}
        for party in self.parties:
            self._enter(party, [stored.pop(tool) for tool in sorted(party.tools & stored.keys())])
        for one in sorted(stored.values(), key=lambda candidate: candidate.tool):
            party = _Party(order=(0, one.tool, "", ""), tools={one.tool})
            party.learn(one.identifiers)
            self._enter(party, [one])

    def _enter(self, party: _Party, known: list[Candidate]) -> None:
        self._known[party] = known
        self._traits.pop(party, None)
        self._keys[party] = self._keys_of(party)
        for key in self._keys[party]:
            self._index.setdefault(key, []).append(party)

    def _keys_of(self, party: _Party) -> list[str]:
        """Under what a party is looked up: its names' keys, then those of its families."""
        names = {one.name for one in party.fresh}.union(*(one.names for one in self._known[party]))
        keys = [keys_of(name) for name in sorted(names)]
        return [
            *dict.fromkeys(f"name {name}" for name, _ in keys if name),
            *dict.fromkeys(f"family {family}" for _, family in keys if family),
        ]

    def _traits_of(self, party: _Party) -> Traits:
        if party not in self._traits:
            self._traits[party] = traits(profile(party.fresh, *self._known[party]))
        return self._traits[party]

    def resembling(self, party: _Party) -> list[tuple[_Party, Resemblance]]:
        """Each party that shares a name or family with this one and resembles it; the most alike first."""
        near = {other.root() for key in self._keys[party] for other in self._index[key][:_MOST_CANDIDATES]} - {party}
        if not near:
            return []
        ordered = sorted(near, key=lambda other: other.order)[:_MOST_CANDIDATES]
        scored = [(other, resemblance(self._traits_of(other), self._traits_of(party))) for other in ordered]
        return sorted((one for one in scored if one[1].score), key=lambda one: (-one[1].score, one[0].order))

    def join(self, party: _Party, sure: Sequence[tuple[_Party, Resemblance]]) -> _Party:
        """Make this party and those that resemble it one."""
        for home, likeness in sure:
            one, other = _first(party, home), _second(party, home)
            one.take_in(other, like=likeness.reasons)
            self._enter(one, [*self._known[one], *self._known[other]])
            party = one
        return party


def _in_doubt(party: _Party, found: Sequence[tuple[_Party, Resemblance]], known: Known) -> Iterator[_Question]:
    """At most two questions, of which one about a family: many sizes come out on one day. Where ids differ the
    likeness has to be greater; and a name that several others bear proves nothing by itself."""
    if not found:  # nearly always
        return
    worth = [
        _Question(home, party, likeness.score, likeness.reasons)
        for home, likeness in found
        if likeness.score >= (_ASK_DESPITE_IDS if _apart(home, party, known) else ASK_FROM)
    ]
    more_than_name = [one for one in worth if one.score > ASK_FROM]
    chosen = more_than_name or (worth if len(worth) == 1 else [])
    kin = [one for one in chosen if one.reasons[0].words.startswith(KIN)]
    yield from [one for one in chosen if one not in kin[1:]][:_MOST_QUESTIONS]


def _questions(doubts: Iterable[_Question], known: Known) -> Iterator[Ask]:
    """One question per pair that is still two, in order."""
    asked: dict[tuple[_Party, _Party], _Question] = {}
    for doubt in doubts:
        one, other = doubt.one.root(), doubt.other.root()
        if one is not other and not _declared_apart(one, other, known):
            asked.setdefault((_first(one, other), _second(one, other)), doubt)
    for (one, other), doubt in sorted(asked.items(), key=lambda item: (item[0][0].order, item[0][1].order)):
        yield Ask(one=one.ref, other=other.ref, score=doubt.score, reasons=doubt.reasons)


def _declared_apart(one: _Party, other: _Party, known: Known) -> bool:
    return any((min(a, b), max(a, b)) in known.apart for a in one.tools for b in other.tools)


def _difference(one: _Party, other: _Party) -> str:
    """What keeps two parties apart, in words."""
    for scheme in EXCLUSIVE:
        if _differ(one, other, scheme):
            return f"one is {scheme}:{min(one.values[scheme])}, the other {scheme}:{min(other.values[scheme])}"
    return "others that carry it are different products"
