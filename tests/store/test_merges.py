"""Two tools become one, and one becomes two again; nothing is thrown away, and no address is lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from core.comparison import ComparisonState
from core.errors import NotFound, Refused
from core.identifier import Identifier, Scheme
from core.intent import Ask, Merge, NewTool
from core.tool import Reason, ToolStatus
from store import comparisons, merges, people, schema, tools, worklists
from tests.conftest import NOW
from tests.store.making import add, assessment, claim, fact, get, invite, judge, later, lens, see, sighting

SHARED = Identifier(Scheme.URL, "shared.example")


def merge(connection: Connection, winner: int, loser: int, *, rule: str = "editor") -> bool:
    decided = Merge(winner=winner, loser=loser, rule=rule, evidence=("same page",))
    return merges.apply(connection, decided, by="editor@example.com", now=later(hours=1))


def split(connection: Connection, whole: int, *names: str) -> int:
    keys = [("shelf", name) for name in names]
    return merges.split(connection, get(connection, whole), keys, by="editor@example.com", now=later(hours=2))


def _belongings(connection: Connection, *ids: int) -> dict[int, tuple[Any, ...]]:
    """What a merge moves, per tool: sightings, identifiers, status, and where it leads."""
    seen, names = tools.seen(connection, ids), tools.identifiers_of(connection, ids)
    rows = tools.get(connection, ids)
    return {at: (seen.get(at), names.get(at), rows[at].status, rows[at].merged_into) for at in ids}


def test_the_winner_takes_sightings_and_identifiers_and_the_loser_leads_to_it(store: Connection) -> None:
    ada, bea = add(store, "Ada", "Bea")
    assert merge(store, ada, bea)
    assert {seen.sighting.name for seen in tools.seen(store, [ada])[ada]} == {"Ada", "Bea"}
    assert tools.identifiers_of(store, [ada, bea]) == {ada: sighting("Ada").identifiers | sighting("Bea").identifiers}
    loser = get(store, bea)
    assert (loser.status, loser.merged_into) == (ToolStatus.MERGED, ada)
    assert tools.find(store, "bea").id == ada


def test_addresses_of_a_chain_of_merges_all_lead_to_its_end(store: Connection) -> None:
    ada, bea, cyd = add(store, "Ada", "Bea", "Cyd")
    tools.edit(store, get(store, bea), {"slug": "beatrice"}, now=NOW)
    merge(store, bea, cyd)
    merge(store, ada, bea)
    assert {tools.find(store, slug).id for slug in ("ada", "bea", "beatrice", "cyd")} == {ada}
    assert get(store, cyd).merged_into == ada


def test_a_merge_is_a_row_with_rule_evidence_and_everything_it_moved(store: Connection) -> None:
    ada, bea = add(store, "Ada", "Bea")
    merge(store, ada, bea, rule="same github id")
    row = store.execute(sa.select(schema.merge)).one()
    assert (row.winner, row.loser, row.loser_status, row.rule) == (ada, bea, "queued", "same github id")
    assert (row.evidence, row.by, row.at, row.undone_at) == (["same page"], "editor@example.com", later(hours=1), None)
    assert row.moved["identifiers"] == ["url:bea.example"]
    assert len(row.moved["sightings"]) == 1


@pytest.mark.parametrize("again", [(0, 1), (1, 0), (2, 1), (1, 2)])
def test_what_is_merged_already_is_not_merged_again(store: Connection, again: tuple[int, int]) -> None:
    three = add(store, "Ada", "Bea", "Cyd")
    merge(store, three[0], three[1])
    before = _belongings(store, *three)
    assert not merge(store, three[again[0]], three[again[1]])
    assert _belongings(store, *three) == before


def test_the_seats_of_a_merged_tool_are_not_given_out(store: Connection) -> None:
    ada, bea = add(store, "Ada", "Bea")
    merge(store, ada, bea)
    reviewer = invite(store, "rae", "builder")
    lease = claim(store, reviewer)
    assert lease is not None
    assert lease.tool_slug == "ada"
    assert claim(store, reviewer, tool=bea) is None


def test_comparisons_of_a_merged_tool_go_out_of_sight(store: Connection) -> None:
    ada, bea, cyd = add(store, "Ada", "Bea", "Cyd")
    kept, gone = (
        comparisons.create(store, get(store, ada), get(store, other), score=0, reasons=(), now=NOW)
        for other in (cyd, bea)
    )
    merge(store, ada, bea)
    assert comparisons.find(store, gone.slug).state is ComparisonState.RETIRED
    assert comparisons.find(store, kept.slug).state is ComparisonState.DRAFT


# ------------------------------------------------------------ undone


def test_a_split_restores_what_a_merge_had_joined(store: Connection) -> None:
    ada, bea = add(store, "Ada", "Bea")
    see(store, bea, sighting("Bea too"))
    judge(store, bea, "+-")
    before = _belongings(store, ada, bea)
    merge(store, ada, bea)
    assert split(store, ada, "bea", "bea-too") == bea
    assert _belongings(store, ada, bea) == before
    assert tools.find(store, "bea").id == bea
    assert store.execute(sa.select(schema.merge.c.undone_at)).scalar_one() == later(hours=2)


def test_a_split_gives_back_an_identifier_that_both_name(store: Connection) -> None:
    # Bea had it first; that Ada names it too is why they were merged.
    made = [
        (NewTool(sightings=(sighting(name, identifiers=frozenset({SHARED})),)), assessment(name))
        for name in ("Bea", "Ada")
    ]
    bea, ada = tools.add(store, made, now=NOW)
    before = _belongings(store, ada, bea)
    assert before[bea][1] == {SHARED}
    merge(store, ada, bea)
    split(store, ada, "bea")
    assert _belongings(store, ada, bea) == before


def test_merging_and_splitting_over_and_over_leads_back_every_time(store: Connection) -> None:
    ada, bea = add(store, "Ada", "Bea")
    before = _belongings(store, ada, bea)
    for _ in range(3):
        assert merge(store, ada, bea)
        assert split(store, ada, "bea") == bea
        assert _belongings(store, ada, bea) == before


def test_a_part_that_was_split_off_comes_back_as_itself_after_a_merge(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    see(store, ada, sighting("Bea"))
    part = split(store, ada, "bea")
    before = _belongings(store, ada, part)
    merge(store, ada, part)
    assert split(store, ada, "bea") == part
    assert _belongings(store, ada, part) == before


def test_a_chain_comes_apart_link_by_link(store: Connection) -> None:
    ada, bea, cyd = add(store, "Ada", "Bea", "Cyd")
    before = _belongings(store, ada, bea, cyd)
    merge(store, bea, cyd)
    merge(store, ada, bea)
    assert split(store, ada, "cyd") == cyd
    assert split(store, ada, "bea") == bea
    assert _belongings(store, ada, bea, cyd) == before


def test_what_a_merge_brought_may_go_back_piece_by_piece(store: Connection) -> None:
    ada, bea = add(store, "Ada", "Bea")
    see(store, bea, sighting("Bea too"))
    before = _belongings(store, ada, bea)
    merge(store, ada, bea)
    assert split(store, ada, "bea") == bea
    assert {seen.sighting.name for seen in tools.seen(store, [ada])[ada]} == {"Ada", "Bea too"}
    assert split(store, ada, "bea-too") == bea
    assert _belongings(store, ada, bea) == before


def test_sightings_that_no_merge_had_brought_become_a_new_tool(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    see(store, ada, sighting("Bea"))
    part = split(store, ada, "bea")
    row = get(store, part)
    assert (row.slug, row.name, row.status, row.version) == ("bea", "Bea", ToolStatus.QUEUED, 2)
    assert tools.identifiers_of(store, [ada, part]) == {
        ada: sighting("Ada").identifiers,
        part: sighting("Bea").identifiers,
    }
    lease = claim(store, invite(store, "rae", "builder"), tool=part)
    assert lease is not None


def test_a_tool_that_comes_back_has_a_seat_for_every_lens_of_today(store: Connection) -> None:
    ada, bea = add(store, "Ada", "Bea")
    judge(store, bea, "+")
    merge(store, ada, bea)
    people.keep_lenses(store, [lens("artist", 9)])
    tools.seat_queued(store)
    split(store, ada, "bea")
    assert get(store, bea).status is ToolStatus.IN_REVIEW
    lease = claim(store, invite(store, "rae", "artist"), tool=bea)
    assert lease is not None


def test_after_a_split_no_fact_of_the_part_stays_with_the_whole(store: Connection) -> None:
    (ada,) = add(store, "Ada", facts=(fact("licence", "mit", url="ada"),))
    (bea,) = add(store, "Bea", facts=(fact("licence", "gpl", url="bea"),))
    merge(store, ada, bea)
    both = assessment("Ada", facts=(fact("licence", "mit", url="ada"), fact("licence", "gpl", url="bea")))
    tools.reassess(store, {ada: both}, now=later(hours=1))
    split(store, ada, "bea")
    mine = {ada: fact("licence", "mit", url="ada"), bea: fact("licence", "gpl", url="bea")}
    tools.reassess(
        store, {at: assessment(get(store, at).name, facts=(said,)) for at, said in mine.items()}, now=later(hours=2)
    )
    found = tools.dossiers(store, [get(store, ada), get(store, bea)])
    assert {at: found[at].facts for at in (ada, bea)} == {at: (said,) for at, said in mine.items()}


def test_a_tool_keeps_at_least_one_sighting(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    see(store, ada, sighting("Bea"))
    with pytest.raises(Refused, match="would leave ada without any sighting"):
        split(store, ada, "ada", "bea")
    assert len(tools.seen(store, [ada])[ada]) == 2


def test_a_split_names_sightings_that_the_tool_has(store: Connection) -> None:
    ada, _ = add(store, "Ada", "Bea")
    see(store, ada, sighting("Ada too"))
    with pytest.raises(NotFound, match=r"ada has no sighting shelf/bea.*verdicts tools show ada"):
        split(store, ada, "ada-too", "bea")
    with pytest.raises(Refused, match="No sighting of ada is named"):
        split(store, ada)
    assert len(tools.seen(store, [ada])[ada]) == 2


def test_a_sighting_named_twice_is_taken_out_once(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    see(store, ada, sighting("Bea"))
    part = split(store, ada, "bea", "bea")
    assert len(tools.seen(store, [part])[part]) == 1


# ------------------------------------------------------------ kept apart


def _ask(connection: Connection, one: int, other: int, score: float = 0.6) -> int:
    question = Ask(one=one, other=other, score=score, reasons=(Reason(words="alike", points=score),))
    return tools.ask(connection, [question], now=later(days=1))


def test_a_pair_declared_different_is_not_asked_about_again_and_is_known_to_be_apart(store: Connection) -> None:
    ada, bea = add(store, "Ada", "Bea")
    _ask(store, ada, bea)
    merges.keep_apart(store, bea, ada, by="editor@example.com", now=NOW)
    assert _ask(store, ada, bea) == 0
    assert worklists.questions(store, limit=9) == []
    assert merges.kept_apart(store) == [(ada, bea)]
    assert tools.known(store, [sighting("Ada")]).apart == {(ada, bea)}
    assert tools.known(store, [sighting("Bea")]).apart == {(ada, bea)}


def test_a_pair_may_be_declared_different_before_anybody_asked(store: Connection) -> None:
    ada, bea = add(store, "Ada", "Bea")
    merges.keep_apart(store, ada, bea, by="editor@example.com", now=NOW)
    assert _ask(store, bea, ada) == 0


def test_a_split_keeps_the_two_apart_and_a_later_merge_by_hand_joins_them_all_the_same(store: Connection) -> None:
    ada, bea = add(store, "Ada", "Bea")
    merge(store, ada, bea)
    split(store, ada, "bea")
    assert merges.kept_apart(store) == [(ada, bea)]
    merge(store, ada, bea)
    assert merges.kept_apart(store) == []


def test_questions_are_shown_the_surest_first_until_they_are_answered(store: Connection) -> None:
    ada, bea, cyd = add(store, "Ada", "Bea", "Cyd")
    _ask(store, ada, bea, 0.4)
    _ask(store, bea, cyd, 0.7)
    shown = worklists.questions(store, limit=9)
    assert [(each.a_slug, each.b_slug, each.score) for each in shown] == [("bea", "cyd", 0.7), ("ada", "bea", 0.4)]
    assert merges.question(store, shown[0].id) == (bea, cyd)
    merge(store, bea, cyd)
    assert [each.b_slug for each in worklists.questions(store, limit=9)] == ["bea"]
    with pytest.raises(NotFound, match=r"no open question.*verdicts duplicates list"):
        merges.question(store, shown[0].id)


def test_a_changed_sighting_after_a_merge_stays_with_the_winner(store: Connection) -> None:
    ada, bea = add(store, "Ada", "Bea")
    merge(store, ada, bea)
    changed = replace(sighting("Bea"), summary="New words.", identifiers=frozenset({SHARED}))
    assert tools.known(store, [changed]).sightings["shelf", "bea"].tool == ada
    see(store, ada, changed, first=False, now=later(days=1))
    assert tools.known(store, [changed]).tool_of == {SHARED: ada}
