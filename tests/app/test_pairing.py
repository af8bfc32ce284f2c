"""Which two to compare: proposals and their answers, demand, versions of one product, rivals that nobody has ingested."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import editing, pairing, suggesting
from core.errors import NotFound, Refused
from core.fact import Fact
from store import proposals as kept
from store import schema, tools, versions
from tests.app.making import EDITOR, WEEK, approve, bring, enrol, judge, publish, review, sighting, subscriber
from tests.conftest import NOW

WEEKS = timedelta(weeks=1)


def pairs(product):
    return [(each.a, each.b) for each in pairing.proposals(product)]


@pytest.fixture
def judged(product):
    review(product, "Ada", "Bea")
    return product


@pytest.fixture
def judged_on_both(product_on_both):
    review(product_on_both, "Ada", "Bea")
    return product_on_both


# ------------------------------------------------------------ answers


def test_an_accepted_pair_becomes_a_draft_with_its_reasons(judged):
    assert pairs(judged) == [("ada", "bea")]
    [proposed] = pairing.proposals(judged)
    made = pairing.accept(judged, "bea", "ada", by=EDITOR)
    assert (made.slug, made.state) == ("ada-vs-bea", "draft")
    with judged.database.read() as connection:
        row = connection.execute(sa.select(schema.comparison)).one()
    assert row.score == pytest.approx(proposed.score)
    assert row.reasons[0][0] == proposed.reasons[0].words
    assert pairs(judged) == []
    assert [(each.a, each.b, each.answer, each.by) for each in pairing.answers(judged)] == [
        ("ada", "bea", "accepted", EDITOR)
    ]
    assert editing.show_comparison(judged, "ada-vs-bea").comparison.version == 1


def test_a_pair_that_was_turned_down_is_not_proposed_again_and_the_reason_is_kept(judged):
    pairing.reject(judged, "ada", "bea", by=EDITOR, reason="  One is a\nplug-in of the other. ")
    assert pairs(judged) == []
    [said] = pairing.answers(judged)
    assert (said.answer, said.reason, said.by, said.at) == ("rejected", "One is a plug-in of the other.", EDITOR, NOW)
    assert editing.list_comparisons(judged) == []


def test_a_pair_that_was_turned_down_comes_again_when_a_fact_has_changed(judged_on_both):
    judged = judged_on_both
    pairing.reject(judged, "ada", "bea", by=EDITOR, reason="dull")
    later = judged.at(NOW + WEEKS)
    with later.database.write() as connection:
        at = tools.find(connection, "ada").id
        for value, when in (("1.0", NOW), ("2.0", later.now)):
            said = Fact(field="licence", value=value, source_url="https://ada.example/", observed_at=when)
            tools.keep_fact(connection, at, said, by="t", now=when)
    assert pairs(later) == [("ada", "bea")]


def test_a_pair_that_was_turned_down_comes_again_when_a_verdict_has_changed(judged):
    pairing.reject(judged, "ada", "bea", by=EDITOR, reason="dull")
    later = judged.at(NOW + WEEKS)
    with later.database.write() as connection:
        newest = sa.select(sa.func.max(schema.verdict.c.id)).scalar_subquery()
        connection.execute(
            sa.update(schema.verdict).where(schema.verdict.c.id == newest).values(submitted_at=later.now)
        )
    assert pairs(later) == [("ada", "bea")]


def test_popularity_alone_brings_no_pair_back(judged):
    pairing.reject(judged, "ada", "bea", by=EDITOR, reason="dull")
    later = judged.at(NOW + WEEKS)
    with later.database.write() as connection:
        at = tools.find(connection, "ada").id
        for value, when in (("1", NOW), ("2", later.now)):
            said = Fact(field="stars", value=value, source_url="https://ada.example/", observed_at=when)
            tools.keep_fact(connection, at, said, by="t", now=when)
    assert pairs(later) == []


def test_a_pair_that_has_not_gone_out_is_never_proposed_again(judged):
    approve(judged, "ada", "bea")
    later = judged.at(NOW + WEEKS)
    with later.database.write() as connection:
        connection.execute(sa.update(schema.verdict).values(submitted_at=later.now))
    assert pairs(later) == []


def test_a_pair_that_went_out_comes_again_after_a_change(product):
    publish(product, week=WEEK)
    assert pairs(product) == []
    later = product.at(NOW + WEEKS)
    with later.database.write() as connection:
        connection.execute(sa.update(schema.verdict).values(submitted_at=later.now))
    assert pairs(later) == [("ada", "bea")]
    pairing.reject(later, "ada", "bea", by=EDITOR, reason="seen enough")
    assert pairs(later) == []


def test_only_an_editor_answers_with_a_reason_about_two_judged_tools(judged):
    bring(judged, sighting("Cid"))
    for ask, error in (
        (lambda: pairing.reject(judged, "ada", "bea", by=EDITOR, reason=" "), Refused),
        (lambda: pairing.reject(judged, "ada", "ada", by=EDITOR, reason="x"), Refused),
        (lambda: pairing.reject(judged, "ada", "cid", by=EDITOR, reason="x"), Refused),
        (lambda: pairing.reject(judged, "ada", "nobody", by=EDITOR, reason="x"), NotFound),
        (lambda: pairing.reject(judged, "ada", "bea", by="builder@example.com", reason="x"), Refused),
        (lambda: pairing.accept(judged, "ada", "bea", by="builder@example.com"), Refused),
        (lambda: pairing.accept(judged, "ada", "cid", by=EDITOR), Refused),
    ):
        with pytest.raises(error):
            ask()
    assert pairing.answers(judged) == []
    assert editing.list_comparisons(judged) == []


# ------------------------------------------------------------ demand


def test_votes_and_clicks_of_people_count_as_demand_for_both_tools(product_on_both):
    product = product_on_both
    publish(product)
    [address] = enrol(product, 1)
    with product.database.write() as connection:
        reader = subscriber(product, address).id
        at = connection.scalar(sa.select(schema.comparison.c.id))
        vote = {"comparison": at, "subscriber": reader, "choice": 1, "at": NOW, "state": "counted", "reason": ""}
        connection.execute(sa.insert(schema.vote).values(**vote))
        batch = {"id": 1, "week": str(WEEK), "state": "pending", "recipients": 3, "content_hash": "x"}
        connection.execute(sa.insert(schema.batch).values(**batch))
        for number, machine in ((1, None), (2, False), (3, True)):
            delivery = {"id": number, "week": str(WEEK), "batch": 1, "state": "delivered", "updated_at": NOW}
            connection.execute(sa.insert(schema.delivery).values(**delivery))
            for twice in range(2):
                click = {
                    "provider_id": f"{number}-{twice}",
                    "natural_key": f"{number}-{twice}",
                    "kind": "click",
                    "delivery": number,
                    "at": NOW,
                    "received_at": NOW,
                    "payload": {},
                    "url": "https://verdicts.example/compare/ada-vs-bea?from=mail#panel",
                    "machine": machine,
                }
                connection.execute(sa.insert(schema.event).values(**click))
    with product.database.read() as connection:
        assert kept.demand(connection, since=NOW - WEEKS) == {"ada": 3, "bea": 3}
        assert kept.demand(connection, since=NOW + WEEKS) == {}
    before = pairing.why(product, "ada", "bea")
    assert "6 clicks and votes." in [each.words for each in before.reasons]


# ------------------------------------------------------------ versions and rivals


@pytest.fixture
def versions_of_one(product):
    review(product, "Smolvlm 2B", "Smolvlm 7B")
    return product


def test_two_versions_of_one_product_are_asked_about_once_and_never_proposed(versions_of_one):
    assert pairs(versions_of_one) == []
    assert pairing.ask_duplicates(versions_of_one) + len(asked(versions_of_one)) >= 1
    assert len(asked(versions_of_one)) == 1
    assert pairing.ask_duplicates(versions_of_one) == 0


def asked(product):
    with product.database.read() as connection:
        return connection.execute(sa.select(schema.duplicate)).all()


def test_versions_by_an_editors_word_are_never_a_pair_and_no_question(judged):
    with judged.database.write() as connection:
        one, other = (tools.find(connection, slug).id for slug in ("ada", "bea"))
        versions.declare(connection, newer=one, older=other, by=EDITOR, now=NOW)
    assert pairs(judged) == []
    assert pairing.ask_duplicates(judged) == 0


def test_a_rival_that_nobody_has_ingested_is_suggested_with_who_names_it(judged_on_both):
    judged = judged_on_both
    review_words = "Unlike Zork Studio it is calm; an alternative to Bea and Quux."
    bring(judged, sighting("Dot"), sighting("Quux"))
    judge(judged, "dot", quote=review_words)
    assert [(each.name, each.named_by) for each in pairing.rivals(judged)] == [("Zork Studio", ("dot",))]
    suggesting.look(judged)
    assert [(each.name, each.named_by) for each in suggesting.unknown_rivals(judged)] == [("Zork Studio", ("dot",))]


def test_a_dismissed_rival_is_listed_no_more_until_that_is_taken_back(judged_on_both):
    judged = judged_on_both
    bring(judged, sighting("Dot"))
    judge(judged, "dot", quote="Unlike Zork Studio it is calm.")
    suggesting.look(judged)
    suggesting.dismiss_rival(judged, "Zork Studio", by=EDITOR)
    suggesting.dismiss_rival(judged, "Never named", by=EDITOR)
    suggesting.look(judged)
    assert pairing.rivals(judged) == suggesting.unknown_rivals(judged) == []
    for name in ("Zork Studio", ""):
        with pytest.raises(Refused):
            suggesting.dismiss_rival(judged, name, by=EDITOR)
    suggesting.list_rival_again(judged, "Zork Studio", by=EDITOR)
    assert [each.name for each in suggesting.unknown_rivals(judged)] == ["Zork Studio"]
    with pytest.raises(NotFound):
        suggesting.list_rival_again(judged, "Zork Studio", by=EDITOR)
