"""What resembles a batch, looked up in a real database, and what becomes of it there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import permutations

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from app import applying, editing
from app import questions as asked
from app.questions import Answer
from app.wiring import Product
from core.identifier import Identifier
from core.intent import Ask, NewTool
from core.sighting import Sighting, Thing
from core.source import Cursor, Outcome, Reading, Source
from core.tool import ToolStatus
from ingest.match import decide
from store import candidates, schema, sources, tools
from store.connect import Database
from tests.app.making import hold, rows, sighting
from tests.conftest import NOW
from tests.ingest.pairs import Truth, pairs

SHELVES = ("one", "other", "third", "shelf")


class Undo(Exception):  # noqa: N818 - no error: a test's way to leave a transaction
    """Ends a transaction without a trace."""


def ready(product: Product) -> None:
    with product.database.write() as connection:
        shelve(connection)


def shelve(connection: Connection) -> None:
    listed = [Source(key=key, kind="feed", url=f"https://{key}.example/", schedule="0 * * * *") for key in SHELVES]
    sources.sync(connection, listed)


def bring(connection: Connection, *entries: Sighting) -> None:
    """What ingestion does with these entries, in a transaction of the test's."""
    applying.apply(connection, [_reading(entries)])


def _reading(entries: Iterable[Sighting]) -> Reading:
    return Reading(source="one", at=NOW, outcome=Outcome.OK, cursor=Cursor(), sightings=tuple(entries))


def clusters(connection: Connection) -> set[frozenset[str]]:
    found: dict[int, set[str]] = {}
    for row in connection.execute(sa.select(schema.sighting.c.tool, schema.sighting.c.external_id)):
        found.setdefault(row.tool, set()).add(row.external_id)
    return {frozenset(each) for each in found.values()}


def questions(connection: Connection) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(schema.duplicate)) or 0


def apart(one: Sighting, number: int, **more: object) -> Sighting:
    return replace(one, external_id=str(number), **more)


# ------------------------------------------------------------ the labelled pairs


def test_the_labelled_pairs_come_out_right_through_the_database(product):
    ready(product)
    wrong, missed, sharing = [], [], 0
    seen: Counter[str] = Counter()
    for pair in pairs():
        seen[pair.kind] += 1
        if seen[pair.kind] > 4:
            continue  # the rule is the same, and each pair costs a transaction
        try:
            with product.database.write() as connection:
                bring(connection, replace(pair.one, source="one"))
                other = replace(pair.other, source="other")
                intents = decide([other], tools.known(connection, [other]), now=NOW)
                joined = not any(isinstance(each, NewTool) for each in intents)
                asked = any(isinstance(each, Ask) for each in intents)
                raise Undo
        except Undo:
            pass
        if joined and pair.truth is not Truth.SAME:
            wrong.append(pair.kind)
        if pair.truth is Truth.VERSION:
            assert asked, pair.kind
        if pair.truth is Truth.SAME and pair.share_an_identifier:
            sharing += 1
            missed += [] if joined else [pair.kind]
    assert wrong == []
    assert len(missed) <= 0.05 * sharing, missed


# ------------------------------------------------------------ order and repetition


NAMES = ("Quillon", "Marrow", "Vesper")


@st.composite
def worlds(draw: st.DrawFn) -> list[Sighting]:
    """Sightings of three products that contradict nobody: each shows a part of what its product has."""
    found = []
    for number, name in enumerate(NAMES):
        spelt = (name, f"{name} AI", f"Show HN: {name} – agents", name.upper())
        for part in range(draw(st.integers(1, 4))):
            ids = draw(
                st.sets(
                    st.sampled_from(
                        [f"github:m{number}/{name.lower()}", f"url:{name.lower()}.example", f"producthunt:{name}"]
                    )
                )
            )
            more = draw(st.sets(st.sampled_from(["author", "homepage"])))
            found.append(
                sighting(
                    draw(st.sampled_from(spelt)),
                    source=draw(st.sampled_from(SHELVES)),
                    external_id=f"{number}.{part}",
                    identifiers=frozenset(map(Identifier.parse, ids)),
                    homepage=f"https://{name.lower()}.example/{part}" if "homepage" in more else None,
                    author=f"m{number}" if "author" in more else "",
                )
            )
    return found


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds(), data=st.data())
def test_neither_order_nor_company_nor_repetition_changes_the_clusters(product, world, data):
    ready(product)
    whole = arrived(product, [world])
    for _ in range(2):
        order = data.draw(st.permutations(world))
        again = data.draw(st.lists(st.sampled_from(world), max_size=3))
        cut = data.draw(st.integers(0, len(order)))
        assert arrived(product, [order[:cut], order[cut:]]) == whole
        assert arrived(product, [[one] for one in (*order, *again)]) == whole


def arrived(product: Product, batches: Sequence[Sequence[Sighting]]) -> set[frozenset[str]]:
    """The clusters after these batches, one after the other; nothing stays."""
    found: set[frozenset[str]] = set()
    try:
        with product.database.write() as connection:
            for batch in batches:
                bring(connection, *batch)
            found = clusters(connection)
            raise Undo
    except Undo:
        return found


def test_whatever_comes_first_a_chain_of_witnesses_ends_in_one_tool(product):
    ready(product)
    chain = [
        sighting("Quillon", external_id="a", identifiers=frozenset(), homepage=None, author="acme"),
        sighting(
            "Quillon AI", external_id="b", identifiers=frozenset(), homepage="https://quillon.example", author="Acme HQ"
        ),
        sighting(
            "quillon", external_id="c", identifiers=frozenset(), homepage="https://quillon.example/start", author=""
        ),
    ]
    for order in permutations(chain):
        assert arrived(product, [[one] for one in order]) == {frozenset("abc")}


def test_bringing_everything_again_changes_no_row(product):
    ready(product)
    world = [
        sighting(name, external_id=f"{name}{part}", source=shelf, identifiers=frozenset(), author=name)
        for name in ("Quillon", "Marrow 2B", "Marrow 7B", "Vesper")
        for part, shelf in enumerate(SHELVES)
    ]
    with product.database.write() as connection:
        bring(connection, *world)
    before = rows(product)
    for _ in range(2):
        with product.database.write() as connection:
            bring(connection, *reversed(world))
    assert rows(product) == before
    hold(product)


# ------------------------------------------------------------ merged, split, decided


def two_and_their_question(product: Product) -> tuple[str, str]:
    """Two tools of one name, and nothing else in common."""
    ready(product)
    with product.database.write() as connection:
        bring(connection, sighting("Quillon", source="one"))
        bring(connection, sighting("Quillon", source="other", homepage="https://q.example", identifiers=frozenset()))
        assert questions(connection) == 1
    return "quillon", "quillon-2"


def test_a_merge_redirects_the_slug_and_a_split_restores_the_rows(product):
    one, other = two_and_their_question(product)
    but = ("fetch", "source", "audit", "merge", "duplicate", "seat", "fact", "pricing")
    before = rows(product, but=but)
    editing.merge_tools(product, one, other, actor="test")
    assert editing.show_tool(product, other).dossier.tool.slug == one
    editing.split_tool(product, one, ["other/quillon"], actor="test")
    assert without_versions(rows(product, but=but)) == without_versions(before)
    assert editing.show_tool(product, other).dossier.tool.slug == other
    hold(product)


def without_versions(found: dict[str, list[tuple]]) -> dict[str, list[tuple]]:
    """A tool's version counts its changes, and `described_at` is when its words last changed."""
    kept = [each.name for each in schema.tool.c if each.name not in ("version", "described_at")]
    places = [place for place, each in enumerate(schema.tool.c) if each.name in kept]
    return {**found, "tool": sorted(tuple(row[place] for place in places) for row in found["tool"])}


@pytest.mark.parametrize("same", [True, False])
def test_a_decided_pair_is_not_asked_again(product, same):
    one, _ = two_and_their_question(product)
    [open_one] = asked.open_questions(product)
    asked.answer(product, open_one.id, Answer.SAME if same else Answer.DIFFERENT, actor="test")
    with product.database.write() as connection:
        for number in range(3):
            bring(connection, sighting("Quillon", source="third", external_id=f"more{number}"))
    assert asked.open_questions(product) == []
    assert len([each for each in editing.list_tools(product) if each.status is not ToolStatus.MERGED]) == (
        1 if same else 2
    )
    assert len(editing.show_tool(product, one).dossier.sightings) == (5 if same else 4)


# ------------------------------------------------------------ what is looked up


@pytest.fixture
def shelved(database: Database) -> Iterator[Connection]:
    with database.write() as connection:
        shelve(connection)
        yield connection


def test_candidates_are_found_by_name_by_family_and_by_what_is_mentioned(shelved):
    code = Identifier.parse("github:acme/other")
    for number, name in enumerate(("Quillon", "Quillon-7B", "Marrow", "Elsewhere")):
        more = {"identifiers": frozenset({code})} if name == "Elsewhere" else {"identifiers": frozenset()}
        bring(shelved, apart(sighting(name), number, author=f"maker {number}", homepage=None, **more))
    asked = apart(sighting("quillon AI"), 9, identifiers=frozenset(), mentions=frozenset({code}))
    found = candidates.resembling(shelved, [asked], ())
    assert [each.names for each in found] == [("Quillon",), ("Quillon-7B",), ("Elsewhere",)]
    assert found[2].identifiers == {code}
    assert found[0].owners == {"maker 0"}


def test_a_tool_is_found_by_every_name_it_was_seen_under_and_gives_them_all(shelved):
    mine = frozenset({Identifier.parse("url:quillon.example")})
    bring(shelved, apart(sighting("Quillon"), 1, identifiers=mine), apart(sighting("Old name"), 2, identifiers=mine))
    [found] = candidates.resembling(shelved, [apart(sighting("Old Name"), 3, identifiers=frozenset())], ())
    assert found.names == ("Old name", "Quillon")


def test_a_writer_is_no_maker(shelved):
    bring(
        shelved,
        apart(sighting("Quillon"), 1, thing=Thing.ARTICLE, author="Ann Writer", homepage="https://blog.example"),
    )
    [found] = candidates.resembling(shelved, [apart(sighting("Quillon"), 2)], ())
    assert (found.owners, found.homepages) == (frozenset(), frozenset())


def test_statements_do_not_grow_with_the_batch(shelved):
    def statements(batch: list[Sighting]) -> int:
        count = 0

        def note(*_: object) -> None:
            nonlocal count
            count += 1

        sa.event.listen(shelved, "before_cursor_execute", note)
        tools.known(shelved, batch)
        sa.event.remove(shelved, "before_cursor_execute", note)
        return count

    bring(
        shelved, *(apart(sighting("Quillon"), number, identifiers=frozenset(), author="acme") for number in range(40))
    )
    few, many = ([apart(sighting(f"Quillon {n}"), 1000 + n) for n in range(count)] for count in (2, 200))
    assert statements(many) == statements(few)


def test_of_a_crowd_of_one_name_only_the_newest_are_compared(shelved):
    for number in range(0, 400, 100):
        entries = [
            apart(sighting("Atlas"), each, identifiers=frozenset({Identifier.parse(f"url:a{each}.example")}))
            for each in range(number, number + 100)
        ]
        bring(shelved, *(replace(one, author=f"x{one.external_id}", homepage=None) for one in entries))
    found = candidates.resembling(shelved, [apart(sighting("Atlas"), 1000, identifiers=frozenset())], ())
    assert 90 <= len(found) <= 200
