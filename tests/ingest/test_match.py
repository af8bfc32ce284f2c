"""Which sightings show one tool."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.identifier import Identifier
from core.intent import Ask, Candidate, Intent, Known, KnownSighting, Merge, NewTool, SeenAgain
from core.sighting import Sighting, Thing
from ingest.match import EXCLUSIVE, decide
from tests.ingest.making import NOW, ids, sighting


def of(intents: Sequence[Intent], kind: type) -> list:
    return [one for one in intents if isinstance(one, kind)]


def clusters(intents: Sequence[Intent]) -> set[frozenset[str]]:
    return {frozenset(one.external_id for one in new.sightings) for new in of(intents, NewTool)}


def decided(*batch: Sighting, known: Known | None = None) -> tuple[Intent, ...]:
    return decide(batch, known or Known(), now=NOW)


class Store:
    """What the store does with intents, in memory: enough to ask what it knows."""

    def __init__(self) -> None:
        self.tools = 0
        self.owner: dict[Identifier, int] = {}
        self.home: dict[tuple[str, str], tuple[int, str]] = {}
        self.apart: set[tuple[int, int]] = set()
        self.asked: set[frozenset[int]] = set()
        self.shown: dict[tuple[str, str], frozenset[Identifier]] = {}

    def known(self, batch: Sequence[Sighting]) -> Known:
        wanted = {name for one in batch for name in one.identifiers}
        tool_of = {name: self.owner[name] for name in wanted if name in self.owner}
        stored = {(one.source, one.external_id): self.home.get((one.source, one.external_id)) for one in batch}
        tools = {*tool_of.values(), *(home[0] for home in stored.values() if home)}
        return Known(
            tool_of=tool_of,
            identifiers_of={tool: frozenset(name for name, of in self.owner.items() if of == tool) for tool in tools},
            sightings={key: KnownSighting(tool=home[0], content_hash=home[1]) for key, home in stored.items() if home},
            apart=frozenset(self.apart),
        )

    def apply(self, intents: Sequence[Intent]) -> None:
        for merge in of(intents, Merge):
            self.owner = {name: merge.winner if tool == merge.loser else tool for name, tool in self.owner.items()}
            self.home = {
                key: (merge.winner if tool == merge.loser else tool, digest)
                for key, (tool, digest) in self.home.items()
            }
        for new in of(intents, NewTool):
            self.tools += 1
            for one in new.sightings:
                self._keep(one, self.tools)
        for again in of(intents, SeenAgain):
            self._keep(again.sighting, again.tool)
        for ask in of(intents, Ask):
            pair = frozenset(ref if isinstance(ref, int) else self.home[ref][0] for ref in (ask.one, ask.other))
            self.asked.add(pair)

    def _keep(self, one: Sighting, tool: int) -> None:
        self.home[one.source, one.external_id] = (tool, one.content_hash)
        self.shown[one.source, one.external_id] = one.identifiers
        for name in one.identifiers:
            self.owner.setdefault(name, tool)

    def take(self, *batch: Sighting) -> tuple[Intent, ...]:
        intents = decide(batch, self.known(batch), now=NOW)
        self.apply(intents)
        return intents


# --- what joins -------------------------------------------------------------------------------------------------


def test_sightings_with_a_common_identifier_are_one_tool() -> None:
    batch = [
        sighting("a", "github:x/y"),
        sighting("b", "github:x/y", "hn:1"),
        sighting("c", "hn:1"),
        sighting("d", "hn:2"),
    ]
    assert clusters(decided(*batch)) == {frozenset("abc"), frozenset("d")}


def test_different_kinds_of_one_product_join() -> None:
    batch = [
        sighting("paper", "arxiv:1", "github:x/y"),
        sighting("repository", "github:x/y", "github-id:7", "url:y.dev"),
        sighting("post", "url:y.dev"),
    ]
    assert clusters(decided(*batch)) == {frozenset({"paper", "repository", "post"})}


def test_a_sighting_of_a_known_identifier_is_seen_again() -> None:
    known = Known(tool_of={Identifier.parse("github:x/y"): 4}, identifiers_of={4: ids("github:x/y")})
    [again] = decided(sighting("a", "github:x/y", "hn:1"), known=known)
    assert again == SeenAgain(sighting=sighting("a", "github:x/y", "hn:1"), tool=4, first=True, changed=False)


def test_a_known_sighting_stays_with_its_tool_whatever_it_says_now() -> None:
    store = Store()
    store.take(sighting("a", "github:x/y"))
    [again] = store.take(sighting("a", "url:elsewhere.dev", name="Renamed"))
    assert (again.tool, again.first, again.changed) == (1, False, True)


def test_two_known_tools_merge_by_a_sighting_that_names_both() -> None:
    store = Store()
    store.take(sighting("a", "arxiv:1"))
    store.take(sighting("b", "github:x/y"))
    merge, again = store.take(sighting("c", "arxiv:1", "github:x/y"))
    assert (merge.winner, merge.loser, again.tool) == (1, 2, 1)
    assert merge.rule == "same github identifier"
    assert merge.evidence == ("github:x/y",)


def test_a_renamed_repository_is_recognised_by_its_number() -> None:
    store = Store()
    store.take(sighting("a", "github:old/name", "github-id:7"))
    [again] = store.take(sighting("b", "github:new/name", "github-id:7"))
    assert again.tool == 1


# --- what must not join -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", sorted(EXCLUSIVE))
def test_two_ids_of_an_exclusive_scheme_are_asked_about_and_never_joined(scheme: str) -> None:
    one, other = sighting("a", f"{scheme}:1", "url:org.dev"), sighting("b", f"{scheme}:2", "url:org.dev")
    intents = decided(one, other)
    assert clusters(intents) == {frozenset("a"), frozenset("b")}
    [ask] = of(intents, Ask)
    assert {ask.one, ask.other} == {("s", "a"), ("s", "b")}
    assert "url:org.dev" in ask.reasons[0].words
    assert ask.score == sum(reason.points for reason in ask.reasons)


def test_a_name_registered_again_by_someone_else_is_another_repository() -> None:
    store = Store()
    store.take(sighting("a", "github:x/y", "github-id:7"))
    intents = store.take(sighting("b", "github:x/y", "github-id:8"))
    assert len(of(intents, NewTool)) == 1
    assert store.asked == {frozenset({1, 2})}


def test_a_second_repository_with_the_same_homepage_stays_its_own() -> None:
    store = Store()
    store.take(sighting("a", "github:org/one", "url:org.dev"))
    store.take(sighting("b", "github:org/two", "url:org.dev"))
    store.take(sighting("c", "url:org.dev"))
    assert [store.home["s", key][0] for key in "abc"] == [1, 2, 1]
    assert store.asked == {frozenset({1, 2})}


def test_an_address_that_a_crowd_shares_is_nobodys_and_no_question() -> None:
    batch = [sighting(each, f"github:org/{each}", "url:org.dev", name=4 * each) for each in "uvwxyz"]
    intents = decided(*batch)
    assert len(of(intents, NewTool)) == 6
    assert of(intents, Ask) == []


def test_what_an_editor_has_declared_apart_stays_apart_without_a_question() -> None:
    store = Store()
    store.take(sighting("a", "arxiv:1"))
    store.take(sighting("b", "github:x/y"))
    store.apart.add((1, 2))
    intents = store.take(sighting("c", "arxiv:1", "github:x/y"))
    assert of(intents, Merge) == of(intents, Ask) == []


# --- laws -------------------------------------------------------------------------------------------------------

NAMES = [
    "github:a/b",
    "github:a/c",
    "github-id:1",
    "github-id:2",
    "hf:a/b",
    "hf:a/B",
    "arxiv:1",
    "arxiv:2",
    "url:a.dev",
    "url:b.dev",
    "hn:1",
    "hn:2",
]
BATCHES = st.lists(st.sets(st.sampled_from(NAMES), max_size=4), min_size=1, max_size=9).map(
    lambda sets: [sighting(f"{number:02}", *sorted(names)) for number, names in enumerate(sets)],
)


@given(BATCHES, BATCHES, st.integers())
@settings(deadline=None)
def test_the_order_of_a_batch_does_not_matter(earlier: list[Sighting], batch: list[Sighting], seed: int) -> None:
    store = Store()
    store.take(*[replace(one, source="earlier") for one in earlier])
    shuffled = random.Random(seed).sample(batch, len(batch))  # noqa: S311 - an order, no secret
    assert decide(batch, store.known(batch), now=NOW) == decide(shuffled, store.known(shuffled), now=NOW)


@given(BATCHES, BATCHES)
@settings(deadline=None)
def test_deciding_again_changes_nothing(earlier: list[Sighting], batch: list[Sighting]) -> None:
    store = Store()
    store.take(*[replace(one, source="earlier") for one in earlier])
    store.take(*batch)
    again = store.take(*batch)
    assert [type(one) for one in again] == [SeenAgain] * len(batch)
    assert not any(one.first or one.changed for one in of(again, SeenAgain))


@given(BATCHES, BATCHES)
@settings(deadline=None)
def test_no_tool_ever_holds_two_ids_of_an_exclusive_scheme(earlier: list[Sighting], batch: list[Sighting]) -> None:
    single = [one for one in (*[replace(one, source="earlier") for one in earlier], *batch) if _consistent(one)]
    store = Store()
    store.take(*single)
    for tool in range(1, store.tools + 1):
        names = [name for name, owner in store.owner.items() if owner == tool]
        # Two names with one number are a repository that was renamed, whichever tool owns the number.
        mine = [store.shown[key] for key, (home, _) in store.home.items() if home == tool]
        numbers = {name.value for shown in mine for name in shown if name.scheme == "github-id"}
        for scheme in EXCLUSIVE:
            values = {name.value for name in names if name.scheme is scheme}
            assert len(values) <= 1 or (scheme == "github" and len(numbers) == 1)


def _consistent(one: Sighting) -> bool:
    return all(sum(name.scheme is scheme for name in one.identifiers) <= 1 for scheme in EXCLUSIVE)


@given(BATCHES)
@settings(deadline=None)
def test_every_sighting_finds_exactly_one_place(batch: list[Sighting]) -> None:
    intents = decided(*batch)
    placed = [one.external_id for new in of(intents, NewTool) for one in new.sightings]
    placed += [again.sighting.external_id for again in of(intents, SeenAgain)]
    assert sorted(placed) == sorted(one.external_id for one in batch)


def test_one_key_twice_in_a_batch_counts_once() -> None:
    batch = [sighting("a", "hn:1"), sighting("a", "hn:1", name="Other words")]
    assert decided(*batch) == decided(*reversed(batch))
    assert len(of(decided(*batch), NewTool)[0].sightings) == 1


def test_a_thousand_sightings_take_no_time() -> None:
    batch = [
        sighting(str(number), f"github:o/{number}", "url:org.dev", f"hn:{number % 400}") for number in range(1_000)
    ]
    assert len(clusters(decided(*batch))) > 100


# --- resemblance ------------------------------------------------------------------------------------------------


def known_with(*candidates: Candidate) -> Known:
    return Known(candidates=candidates)


FOO = Candidate(
    tool=3,
    names=("Foo",),
    owners=frozenset({"acme"}),
    homepages=frozenset({"https://foo.dev"}),
    identifiers=ids("github:acme/foo"),
)


def test_a_name_alone_is_a_question() -> None:
    intents = decided(sighting("a", name="Foo AI", homepage="https://other.dev"), known=known_with(FOO))
    assert len(of(intents, NewTool)) == 1
    [ask] = of(intents, Ask)
    assert (ask.one, ask.other, ask.score) == (3, ("s", "a"), 0.5)


@pytest.mark.parametrize(
    "fields",
    [
        {"homepage": "https://foo.dev/start"},
        {"author": "Acme"},
        {"mentions": ids("github:acme/foo")},
        {"identifiers": ids("hf:acme/Foo")},
    ],
)
def test_a_name_and_one_more_witness_join(fields: dict) -> None:
    one = sighting("a", **{"name": "Show HN: Foo – does bar", **fields})
    [again] = decided(one, known=known_with(FOO))
    assert (again.tool, again.first) == (3, True)


def test_other_witnesses_without_the_name_do_not_join() -> None:
    one = sighting("a", name="Bar", author="Acme", homepage="https://foo.dev/bar")
    assert [type(intent) for intent in decided(one, known=known_with(FOO))] == [NewTool]


def test_versions_and_sizes_of_one_family_are_a_question() -> None:
    known = known_with(Candidate(tool=5, names=("Qwen3-8B",), identifiers=ids("hf:Qwen/Qwen3-8B")))
    intents = decided(
        sighting("a", "hf:Qwen/Qwen3.5-32B-Instruct", name="Qwen3.5-32B-Instruct", thing=Thing.MODEL), known=known
    )
    [ask] = of(intents, Ask)
    assert ask.reasons[0].words.startswith("New version?")
    assert len(of(intents, NewTool)) == 1


def test_sizes_that_come_together_are_a_chain_of_questions_and_not_every_pair() -> None:
    batch = [
        sighting(size, f"hf:acme/Foo-{size}", name=f"Foo-{size}", author="acme") for size in ("1B", "3B", "7B", "70B")
    ]
    intents = decided(*batch)
    assert len(of(intents, NewTool)) == 4
    assert 3 <= len(of(intents, Ask)) <= 4


def test_a_copy_under_another_owner_is_not_even_a_question() -> None:
    known = known_with(Candidate(tool=5, names=("Foo",), identifiers=ids("hf:acme/Foo")))
    assert [type(one) for one in decided(sighting("a", "hf:copycat/Foo", name="Foo"), known=known)] == [NewTool]


def test_fifty_tools_of_one_name_are_no_question() -> None:
    known = known_with(*(Candidate(tool=number, names=("Atlas",)) for number in range(1, 51)))
    assert [type(one) for one in decided(sighting("a", name="Atlas"), known=known)] == [NewTool]


def test_two_that_resemble_a_third_beyond_doubt_are_one_like_it() -> None:
    known = known_with(FOO, Candidate(tool=4, names=("foo",), homepages=frozenset({"https://foo.app"})))
    one = sighting("a", name="Foo", author="acme", homepage="https://foo.app")
    merge, again = decided(one, known=known)
    assert (merge.winner, merge.loser, merge.rule) == (3, 4, "same name and another witness")
    assert any("maker" in words for words in merge.evidence)
    assert (again.tool, again.first) == (3, True)


def test_two_that_resemble_a_third_but_differ_are_questions() -> None:
    other = Candidate(tool=4, names=("foo",), homepages=frozenset({"https://foo.app"}), identifiers=ids("github:b/foo"))
    intents = decided(
        sighting("a", name="Foo", author="acme", homepage="https://foo.app"), known=known_with(FOO, other)
    )
    assert [(ask.one, ask.score) for ask in of(intents, Ask)] == [(3, 0.8), (4, 0.8)]


def test_two_of_one_batch_resemble_each_other_like_those_of_two() -> None:
    one, other = sighting("a", name="Foo", author="acme"), sighting("b", name="Foo AI", author="Acme HQ")
    assert clusters(decided(one, other)) == {frozenset("ab")}
    assert clusters(decided(one, replace(other, author="someone"))) == {frozenset("a"), frozenset("b")}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"name": "Demo", "author": "acme"}, {"name": "demo", "author": "acme"}),
        ({"identifiers": ids("hf-space:bob/foo"), "mentions": ids("hf:acme/foo")}, {"identifiers": ids("hf:acme/foo")}),
        ({"identifiers": ids("hf-dataset:acme/foo")}, {"identifiers": ids("hf:acme/foo")}),
        ({"author": "ann", "thing": Thing.ARTICLE}, {"author": "ann", "thing": Thing.ARTICLE}),
    ],
    ids=["a generic name", "a stranger's demonstration", "data and model", "two articles of one writer"],
)
def test_what_looks_alike_without_being_one_is_not_joined(one: dict, other: dict) -> None:
    intents = decided(sighting("a", **{"name": "Foo", **one}), sighting("b", **{"name": "Foo", **other}))
    assert len(of(intents, NewTool)) == 2


def test_parts_of_a_series_of_articles_are_no_versions_of_each_other() -> None:
    one = sighting("1", "url:blog.example/diary-1", name="Diary #1: Beginnings", thing=Thing.ARTICLE)
    other = sighting(
        "2", "url:blog.example/diary-2", name="Diary #2: Ends", thing=Thing.ARTICLE, mentions=one.identifiers
    )
    assert not any(isinstance(each, Ask) for each in decide([one, other], Known(), now=NOW))
    with_makers = [replace(each, thing=Thing.LAUNCH, author="acme") for each in (one, other)]
    assert any(isinstance(each, Ask) for each in decide(with_makers, Known(), now=NOW))
