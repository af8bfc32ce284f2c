"""Tools, sightings, identifiers, facts and prices: what was stored is what is known."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from threading import Thread

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from core.category import CATEGORIES
from core.clock import to_iso
from core.errors import NotFound, Refused
from core.fact import Confidence, Per, Price, Pricing, PricingModel
from core.identifier import Identifier, Scheme
from core.intent import Ask, Known, NewTool, SeenAgain
from core.sighting import Sighting, Signal, Thing
from core.text import slugify
from core.tool import Reason, ToolStatus
from store import people, schema, sources, tools
from store.connect import Database
from tests.conftest import NOW
from tests.store.making import (
    KEYS,
    SHELF,
    add,
    assessment,
    claim,
    fact,
    get,
    invite,
    judge,
    later,
    lens,
    pricing,
    priority,
    see,
    settle_in,
    sighting,
    submit,
    wait_for_a_lock,
)


def _count(connection: Connection, table: sa.Table) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def _rows(connection: Connection) -> dict[str, list[object]]:
    return {table.name: list(connection.execute(sa.select(table)).all()) for table in schema.metadata.sorted_tables}


# ------------------------------------------------------------ what is known


def test_what_was_added_is_known(store: Connection) -> None:
    one, other = sighting("Ada"), sighting("Bea")
    ada, bea = tools.add(store, [(NewTool(sightings=(each,)), assessment(each.name)) for each in (one, other)], now=NOW)
    known = tools.known(store, [one, other, sighting("Cyd")])
    assert known.tool_of == dict.fromkeys(one.identifiers, ada) | dict.fromkeys(other.identifiers, bea)
    assert known.identifiers_of == {ada: one.identifiers, bea: other.identifiers}
    assert {key: each.tool for key, each in known.sightings.items()} == {("shelf", "ada"): ada, ("shelf", "bea"): bea}
    assert known.sightings["shelf", "ada"].content_hash == one.content_hash


def test_a_sighting_that_joined_a_known_tool_is_known_too(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    second = sighting("Ada again", identifiers=frozenset({Identifier(Scheme.HF, "owner/Ada")}))
    see(store, ada, second)
    known = tools.known(store, [second])
    assert known.tool_of == {Identifier(Scheme.HF, "owner/Ada"): ada}
    assert known.identifiers_of[ada] == second.identifiers | sighting("Ada").identifiers


def test_a_changed_sighting_is_known_by_its_new_words_and_identifiers(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    changed = sighting("Ada", summary="New words.", identifiers=frozenset({Identifier(Scheme.DOI, "ada")}))
    see(store, ada, changed, first=False, now=later(hours=1))
    known = tools.known(store, [changed])
    assert known.sightings["shelf", "ada"].content_hash == changed.content_hash
    assert known.tool_of == {Identifier(Scheme.DOI, "ada"): ada}
    (seen,) = tools.seen(store, [ada])[ada]
    assert (seen.sighting, seen.first_seen, seen.last_seen) == (changed, NOW, later(hours=1))


def test_the_first_tool_to_claim_an_identifier_keeps_it(store: Connection) -> None:
    shared = frozenset({Identifier(Scheme.URL, "shared.example")})
    ada, bea = tools.add(
        store,
        [(NewTool(sightings=(sighting(name, identifiers=shared),)), assessment(name)) for name in ("Ada", "Bea")],
        now=NOW,
    )
    see(store, bea, sighting("Bea II", identifiers=shared))
    assert tools.identifiers_of(store, [ada, bea]) == {ada: shared}


def test_identifiers_of_one_scheme_and_of_one_value_are_not_confused(store: Connection) -> None:
    wanted = [Identifier(scheme, value) for scheme in (Scheme.HF, Scheme.GITHUB) for value in ("x/y", "x/z")]
    names = ["Ada", "Bea", "Cyd", "Dot"]
    made = [
        (NewTool(sightings=(sighting(name, identifiers=frozenset({each})),)), assessment(name))
        for name, each in zip(names, wanted, strict=True)
    ]
    ids = tools.add(store, made, now=NOW)
    crossed = sighting("Eve", identifiers=frozenset({wanted[0], wanted[3]}))
    assert tools.known(store, [crossed]).tool_of == {wanted[0]: ids[0], wanted[3]: ids[3]}
    assert [tools.by_identifier(store, each) for each in wanted] == [get(store, at) for at in ids]
    assert tools.by_identifier(store, Identifier(Scheme.HF, "X/y")) is None


def test_a_second_run_of_the_same_entries_adds_no_row(store: Connection) -> None:
    (ada,) = add(store, "Ada", facts=(fact("licence", "mit"),), pricing=pricing())
    before = _rows(store)
    tools.see_again(store, [SeenAgain(sighting=sighting("Ada"), tool=ada, first=False, changed=False)], now=NOW)
    tools.reassess(store, {ada: assessment("Ada", facts=(fact("licence", "mit"),), pricing=pricing())}, now=NOW)
    assert _rows(store) == before


def test_a_batch_costs_a_fixed_number_of_statements(store: Connection) -> None:
    def statements(*names: str) -> int:
        counted = 0

        def count(*_: object) -> None:
            nonlocal counted
            counted += 1

        sa.event.listen(store, "before_cursor_execute", count)
        ids = add(store, *names, facts=(fact("licence", "mit"), fact("stars", "3")), pricing=pricing())
        entries = [sighting(name) for name in names]
        tools.known(store, entries)
        again = [
            SeenAgain(sighting=one, tool=at, first=False, changed=False) for at, one in zip(ids, entries, strict=True)
        ]
        tools.see_again(store, again, now=NOW)
        same = assessment("", facts=(fact("licence", "mit"), fact("stars", "3")), pricing=pricing())
        tools.reassess(store, {at: replace(same, **_words(store, at)) for at in ids}, now=NOW)
        sa.event.remove(store, "before_cursor_execute", count)
        return counted - len(ids)  # _words looks once per tool

    few, many = statements("Ada", "Bea"), statements(*(f"Tool {number}" for number in range(300)))
    assert many <= few + 4, "several rows go into one statement, whatever their number"


def _words(connection: Connection, at: int) -> dict[str, object]:
    row = get(connection, at)
    return {"name": row.name, "tagline": row.tagline, "description": row.description}


def test_who_decides_what_is_new_sees_what_others_have_stored(postgres_url: str) -> None:
    database, entry = Database(postgres_url), sighting("Ada")
    with database.write() as connection:
        settle_in(connection)
    seen: list[Known] = []

    def decide_too() -> None:
        with database.write() as connection:
            seen.append(tools.known(connection, [entry]))

    with database.write() as connection:
        tools.known(connection, [entry])
        other = Thread(target=decide_too)
        other.start()
        wait_for_a_lock(database)
        (ada,) = add(connection, "Ada")
    other.join()
    database.close()
    assert seen[0].tool_of == dict.fromkeys(entry.identifiers, ada)


# ------------------------------------------------------------ round trip

_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)
_WORD = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
_ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
# A day away from the ends of the calendar, where an offset leads out of it.
_INSTANT = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=_ZONES)  # noqa: DTZ001 - a zone follows
_IDENTIFIERS = st.frozensets(st.builds(Identifier, st.sampled_from(Scheme), _WORD), max_size=3)
_PRICE = st.builds(
    Price,
    amount=st.decimals(min_value=0, max_value=10**9, places=2),
    currency=st.sampled_from(["EUR", "USD"]),
    per=st.sampled_from(Per),
)
_PRICING = st.builds(
    Pricing,
    model=st.sampled_from(PricingModel),
    entry_price=st.none() | _PRICE,
    flags=st.lists(_WORD, max_size=2).map(tuple),
    source_url=st.none() | _WORD,
    quote=_TEXT,
    rule=_TEXT,
    confidence=st.sampled_from(Confidence),
    observed_at=st.none() | _INSTANT,
)
# Figures are kept by name, so they come back in the order of their names.
_SIGNALS = st.dictionaries(_WORD, st.floats(allow_nan=False, allow_infinity=False), max_size=3).map(
    lambda found: tuple(Signal(name=name, value=found[name]) for name in sorted(found))
)
_SIGHTINGS = st.builds(
    Sighting,
    source=st.just(SHELF.key),
    external_id=_WORD,
    url=_WORD,
    name=_WORD,
    thing=st.sampled_from(Thing),
    tagline=_TEXT,
    summary=_TEXT,
    author=_TEXT,
    created_at=st.none() | _INSTANT,
    homepage=st.none() | _WORD,
    category=st.none() | st.sampled_from(sorted(CATEGORIES)),
    tags=st.lists(_WORD, max_size=3).map(tuple),
    signals=_SIGNALS,
    licence=st.none() | _WORD,
    identifiers=_IDENTIFIERS,
    mentions=_IDENTIFIERS,
    pricing=st.none() | _PRICING,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=_SIGHTINGS)
def test_any_sighting_comes_back_as_it_went_in(shared: Database, one: Sighting) -> None:
    with shared.engine.connect() as connection, connection.begin() as transaction:
        sources.sync(connection, [SHELF])
        (at,) = tools.add(connection, [(NewTool(sightings=(one,)), assessment(one.name))], now=NOW)
        (seen,) = tools.seen(connection, [at])[at]
        known = tools.known(connection, [one])
        transaction.rollback()
    found = replace(seen.sighting, signals=tuple(sorted(seen.sighting.signals, key=lambda each: each.name)))
    assert found == one
    assert seen.sighting.content_hash == one.content_hash == known.sightings[one.source, one.external_id].content_hash


@given(one=_SIGHTINGS)
def test_the_hash_is_that_of_the_content_as_json(one: Sighting) -> None:
    told = [one.url, one.name, one.thing, one.tagline, one.summary, one.author]
    told += [one.created_at and to_iso(one.created_at), one.homepage, one.category, list(one.tags), one.licence]
    told += [sorted(map(str, one.identifiers)), sorted(map(str, one.mentions))]
    price = one.pricing and str(one.pricing.entry_price) if one.pricing and one.pricing.entry_price else None
    claim = one.pricing and [one.pricing.model, price, sorted(one.pricing.flags), one.pricing.source_url]
    written = json.dumps([*told, claim], ensure_ascii=False, separators=(",", ":")).encode()
    assert one.content_hash == "2:" + hashlib.blake2b(written, digest_size=16).hexdigest()


def test_figures_move_and_what_has_not_moved_keeps_its_day(store: Connection) -> None:
    one = sighting("Ada", signals=(Signal(name="likes", value=3), Signal(name="stars", value=7)))
    (ada,) = tools.add(store, [(NewTool(sightings=(one,)), assessment("Ada"))], now=NOW)
    moved = replace(one, signals=(Signal(name="likes", value=4), Signal(name="stars", value=7)))
    again = SeenAgain(sighting=moved, tool=ada, first=False, changed=False)
    tools.see_again(store, [again], now=later(hours=1))
    kept = store.execute(sa.select(schema.signal.c.name, schema.signal.c.value, schema.signal.c.observed_at))
    assert sorted(kept) == [("likes", 4, later(hours=1)), ("stars", 7, NOW)]
    assert tools.samples(store, SHELF.key) == {"likes": [4], "stars": [7]}


# ------------------------------------------------------------ addresses


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(
        st.lists(st.sampled_from(["Ada", "Ada 2", "ada-2", "Ada 2 2", "工具", "tool", "vs"]), min_size=1, max_size=8),
        min_size=1,
        max_size=4,
    )
)
def test_slugs_never_collide(shared: Database, batches: list[list[str]]) -> None:
    with shared.engine.connect() as connection, connection.begin() as transaction:
        sources.sync(connection, [SHELF])
        for number, names in enumerate(batches):
            made = [
                (NewTool(sightings=(sighting(name, external_id=f"{number}-{at}"),)), assessment(name))
                for at, name in enumerate(names)
            ]
            ids = tools.add(connection, made, now=NOW)
            for at, name in zip(ids, names, strict=True):
                slug = get(connection, at).slug
                assert slug.startswith(slugify(name))
                assert slugify(slug) == slug
                assert tools.find(connection, slug).id == at
        transaction.rollback()


def test_numbers_go_on_where_they_ended(store: Connection) -> None:
    add(store, "Ada")
    for number in range(2, 8):
        made = [(NewTool(sightings=(sighting("Ada", external_id=str(number)),)), assessment("Ada"))]
        (at,) = tools.add(store, made, now=NOW)
        assert get(store, at).slug == f"ada-{number}"


def test_addresses_are_looked_up_by_equality_alone(store: Connection) -> None:
    # What lies between `ada-` and `ada.` depends on a PostgreSQL database's collation: many leave hyphens out.
    said: list[str] = []
    sa.event.listen(store, "before_cursor_execute", lambda *told: said.append(told[2]))
    for number in range(5):
        made = [(NewTool(sightings=(sighting("Ada", external_id=str(number)),)), assessment("Ada"))]
        tools.add(store, made, now=NOW)
    looks = [statement for statement in said if statement.startswith("SELECT") and "tool_slug" in statement]
    assert looks
    assert not [statement for statement in looks if "<" in statement or ">" in statement or "LIKE" in statement]


def test_an_old_address_leads_on(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    tools.edit(store, get(store, ada), {"slug": "ada-lovelace"}, now=NOW)
    tools.edit(store, get(store, ada), {"slug": "countess"}, now=NOW)
    assert {tools.find(store, slug).id for slug in ("ada", "ada-lovelace", "countess")} == {ada}
    assert get(store, ada).slug == "countess"
    tools.edit(store, get(store, ada), {"slug": "ada"}, now=NOW)
    assert tools.find(store, "countess").slug == "ada"


def test_an_address_that_was_ever_another_tool_s_is_refused(store: Connection) -> None:
    ada, bea = add(store, "Ada", "Bea")
    tools.edit(store, get(store, ada), {"slug": "countess"}, now=NOW)
    for taken in ("countess", "ada"):
        with pytest.raises(Refused, match=f"The address {taken} leads to another tool"):
            tools.edit(store, get(store, bea), {"slug": taken}, now=NOW)
    assert get(store, bea).slug == "bea"


def test_a_new_tool_does_not_get_an_address_that_somebody_had(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    tools.edit(store, get(store, ada), {"slug": "countess"}, now=NOW)
    made = [(NewTool(sightings=(sighting("Ada", external_id="other"),)), assessment("Ada"))]
    (other,) = tools.add(store, made, now=NOW)
    assert get(store, other).slug == "ada-2"


def test_an_unknown_address_is_not_found(store: Connection) -> None:
    with pytest.raises(NotFound, match=r"no tool 'nobody'.*verdicts tools list"):
        tools.find(store, "nobody")


# ------------------------------------------------------------ facts


def _facts(connection: Connection, at: int) -> dict[str, str]:
    return {each.field: each.value for each in tools.dossier(connection, get(connection, at)).facts}


def _claim(connection: Connection, at: int, *facts: object, now: object = NOW) -> None:
    name = get(connection, at).name
    tools.reassess(connection, {at: assessment(name, facts=facts)}, now=now)  # type: ignore[arg-type]


def test_a_fact_that_says_something_else_supersedes_the_old_one(store: Connection) -> None:
    (ada,) = add(store, "Ada", facts=(fact("licence", "mit"),))
    _claim(store, ada, fact("licence", "apache-2.0", at=later(days=1)), now=later(days=1))
    assert _facts(store, ada) == {"licence": "apache-2.0"}
    kept = store.execute(sa.select(schema.fact.c.value, schema.fact.c.superseded_at).order_by(schema.fact.c.id))
    assert kept.all() == [("mit", later(days=1)), ("apache-2.0", None)]


def test_the_same_claim_again_changes_nothing(store: Connection) -> None:
    (ada,) = add(store, "Ada", facts=(fact("licence", "mit"),))
    _claim(store, ada, fact("licence", "mit", at=later(days=1)))
    (kept,) = tools.dossier(store, get(store, ada)).facts
    assert kept == fact("licence", "mit")


def test_a_source_that_falls_silent_takes_nothing_back(store: Connection) -> None:
    (ada,) = add(store, "Ada", facts=(fact("licence", "mit"),))
    _claim(store, ada)
    assert _facts(store, ada) == {"licence": "mit"}


def test_where_sources_disagree_both_stand(store: Connection) -> None:
    (ada,) = add(store, "Ada", facts=(fact("licence", "mit", url="a"), fact("licence", "gpl", url="b")))
    values = [(each.source_url, each.value) for each in tools.dossier(store, get(store, ada)).facts]
    assert values == [("a", "mit"), ("b", "gpl")]


def test_a_figure_is_replaced_and_leaves_no_history(store: Connection) -> None:
    (ada,) = add(store, "Ada", facts=(fact("stars", "3"),))
    for day in range(1, 4):
        _claim(store, ada, fact("stars", str(3 + day), at=later(days=day)), now=later(days=day))
    assert _facts(store, ada) == {"stars": "6"}
    assert _count(store, schema.fact) == 1


def test_a_claim_that_changes_within_one_instant_is_the_last_word(store: Connection) -> None:
    (ada,) = add(store, "Ada", facts=(fact("licence", "mit"),))
    for word in ("gpl", "mit", "apache-2.0"):
        _claim(store, ada, fact("licence", word))
        assert _facts(store, ada) == {"licence": word}


def test_a_claim_of_an_earlier_day_may_come_back(store: Connection) -> None:
    (ada,) = add(store, "Ada", facts=(fact("licence", "mit"),))
    _claim(store, ada, fact("licence", "gpl", at=later(days=1)), now=later(days=1))
    _claim(store, ada, fact("licence", "mit"), now=later(days=2))
    assert _facts(store, ada) == {"licence": "mit"}


# ------------------------------------------------------------ prices


def _price(connection: Connection, at: int) -> Pricing:
    return tools.dossier(connection, get(connection, at)).pricing


def _read(connection: Connection, at: int, read: Pricing) -> None:
    tools.reassess(connection, {at: assessment(get(connection, at).name, pricing=read)}, now=later(days=1))


def test_a_price_comes_back_as_it_was_read(store: Connection) -> None:
    read = pricing(amount="12.50", flags=("trial", "usage_based"))
    (ada,) = add(store, "Ada", pricing=read)
    assert _price(store, ada) == read
    assert _price(store, ada).entry_price == Price(amount=Decimal("12.50"), currency="EUR", per=Per.MONTH)


def test_a_price_that_changed_supersedes_the_old_one(store: Connection) -> None:
    (ada,) = add(store, "Ada", pricing=pricing(amount="10"))
    _read(store, ada, pricing(amount="12"))
    assert _price(store, ada) == pricing(amount="12")
    assert _count(store, schema.pricing) == 2


def test_the_same_price_read_again_changes_nothing(store: Connection) -> None:
    (ada,) = add(store, "Ada", pricing=pricing())
    _read(store, ada, pricing(observed_at=later(days=1), quote="another sentence"))
    assert _price(store, ada) == pricing()
    assert _count(store, schema.pricing) == 1


def test_a_read_never_overwrites_an_editor_s_price(store: Connection) -> None:
    (ada,) = add(store, "Ada", pricing=pricing())
    free = pricing(PricingModel.FREE, None)
    tools.keep_price(store, ada, free, now=NOW, by="editor@example.com")
    _read(store, ada, pricing(amount="99"))
    assert _price(store, ada) == free
    tools.keep_price(store, ada, pricing(amount="7"), now=later(days=2), by="editor@example.com")
    assert _price(store, ada) == pricing(amount="7")


def test_an_editor_who_confirms_what_was_read_makes_it_theirs(store: Connection) -> None:
    (ada,) = add(store, "Ada", pricing=pricing())
    tools.keep_price(store, ada, pricing(), now=NOW, by="editor@example.com")
    _read(store, ada, pricing(amount="99"))
    assert _price(store, ada) == pricing()


def test_nothing_is_written_where_nothing_is_said_of_a_price(store: Connection) -> None:
    (ada,) = add(store, "Ada", pricing=Pricing(model=PricingModel.UNKNOWN))
    _read(store, ada, Pricing(model=PricingModel.UNKNOWN))
    assert _count(store, schema.pricing) == 0
    _read(store, ada, pricing())
    assert _price(store, ada) == pricing()


def test_a_tool_without_a_price_is_unknown(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    store.execute(sa.delete(schema.pricing))
    assert _price(store, ada) == Pricing(model=PricingModel.UNKNOWN)


# ------------------------------------------------------------ assessed anew


NEW = {"name": "Ada II", "tagline": "New line", "description": "New text", "category": "coding"}


def _assess(connection: Connection, at: int, **more: object) -> None:
    tools.reassess(connection, {at: assessment("Ada II", **{**NEW, **more})}, now=later(days=1))  # type: ignore[arg-type]


def test_texts_follow_the_sightings_while_nobody_has_judged(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    _assess(store, ada, homepage="https://ada.example/", tags=("new",))
    row = get(store, ada)
    assert {name: getattr(row, name) for name in NEW} == NEW
    assert (row.homepage, row.tags, row.described_at) == ("https://ada.example/", ("new",), later(days=1))
    assert row.slug == "ada"


def test_texts_stand_still_once_the_review_has_begun_but_the_priority_moves(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    judge(store, ada, "+")
    before = get(store, ada)
    _assess(store, ada, priority=priority(77.0))
    row = get(store, ada)
    assert replace(row, priority=before.priority, version=before.version) == before
    assert row.priority == priority(77.0)


@pytest.mark.parametrize("status", [ToolStatus.REVIEWED, ToolStatus.PAIRED, ToolStatus.REJECTED])
def test_texts_of_a_tool_that_has_left_the_queue_stand_still(store: Connection, status: ToolStatus) -> None:
    (ada,) = add(store, "Ada")
    tools.set_status(store, ada, status)
    _assess(store, ada)
    assert (get(store, ada).name, get(store, ada).status) == ("Ada", status)


@pytest.mark.parametrize("field", NEW)
def test_a_field_that_an_editor_set_is_left_alone(store: Connection, field: str) -> None:
    (ada,) = add(store, "Ada")
    mine = {"category": "data"}.get(field, "By hand")
    tools.edit(store, get(store, ada), {field: mine}, now=NOW)
    _assess(store, ada)
    row = get(store, ada)
    assert {name: getattr(row, name) for name in NEW} == NEW | {field: mine}


def test_the_same_assessment_again_is_no_new_version(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    before = get(store, ada)
    tools.reassess(store, {ada: assessment("Ada")}, now=later(days=1))
    assert get(store, ada) == before


def test_a_tool_that_was_kept_out_enters_the_queue_when_its_sightings_speak_for_it(store: Connection) -> None:
    (ada,) = add(store, "Ada", queue=False, queue_reason="Only articles speak of it.")
    assert get(store, ada).status is ToolStatus.KEPT
    assert _count(store, schema.seat) == 0
    _assess(store, ada)
    assert get(store, ada).status is ToolStatus.QUEUED
    assert _count(store, schema.seat) == len(KEYS)


def test_a_tool_that_an_editor_took_out_stays_out(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    tools.set_status(store, ada, ToolStatus.KEPT, by_hand=True)
    _assess(store, ada)
    assert get(store, ada).status is ToolStatus.KEPT


def test_a_tool_of_the_queue_is_not_thrown_out_by_an_assessment(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    _assess(store, ada, queue=False)
    assert get(store, ada).status is ToolStatus.QUEUED


def test_a_tool_that_turns_out_to_have_been_old_leaves_the_queue_unless_somebody_has_begun(store: Connection) -> None:
    ada, bea, cyd = add(store, "Ada", "Bea", "Cyd")
    assert claim(store, invite(store, "rae", KEYS[0]), tool=bea) is not None
    tools.set_status(store, cyd, ToolStatus.QUEUED, by_hand=True)
    for each in (ada, bea, cyd):
        _assess(store, each, queue=False, was_old=True, queue_reason="It appeared on 2023-05-01.")
    assert [get(store, each).status for each in (ada, bea, cyd)] == ["kept", "queued", "queued"]
    waiting = sa.select(sa.func.count()).where(schema.seat.c.tool == ada, schema.seat.c.waiting)
    assert store.scalar(waiting) == 0
    _assess(store, ada)
    assert get(store, ada).status is ToolStatus.QUEUED
    assert store.scalar(waiting) == len(KEYS)


# ------------------------------------------------------------ seats


def _seats(connection: Connection, at: int) -> dict[str, str]:
    query = sa.select(schema.seat.c.lens, schema.seat.c.state).where(schema.seat.c.tool == at)
    return dict(connection.execute(query).all())


def test_every_active_lens_gets_one_seat_once(store: Connection) -> None:
    people.keep_lenses(store, [lens("retired", 9, active=False)])
    (ada,) = add(store, "Ada")
    assert _seats(store, ada) == dict.fromkeys(KEYS, "open")
    tools.seat_queued(store)
    tools.set_status(store, ada, ToolStatus.QUEUED)
    assert _count(store, schema.seat) == len(KEYS)


def test_a_new_lens_gets_a_seat_of_every_tool_that_waits(store: Connection) -> None:
    waiting, begun, done, kept = add(store, "Ada", "Bea", "Cyd", "Dot")
    judge(store, begun, "+-")
    judge(store, done, "++++")
    tools.set_status(store, kept, ToolStatus.KEPT)
    people.keep_lenses(store, [lens("artist", 9)])
    tools.seat_queued(store)
    assert ["artist" in _seats(store, at) for at in (waiting, begun, done, kept)] == [True, True, False, False]
    # Its seat of the panel that has begun is as far along as the others: kept_sound looks at it.
    seat = sa.select(schema.seat.c.panel_submitted).where(schema.seat.c.tool == begun, schema.seat.c.lens == "artist")
    assert store.execute(seat).scalar_one() == 2


def test_seats_that_are_there_stay_as_they_are(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    reviewer = invite(store, "rae", "builder")
    lease = claim(store, reviewer)
    assert lease is not None
    tools.seat_queued(store)
    submit(store, reviewer, lease)
    tools.seat_queued(store)
    assert _seats(store, ada)["builder"] == "submitted"


def test_a_tool_that_came_back_by_hand_waits_again(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    tools.set_status(store, ada, ToolStatus.REJECTED, by_hand=True)
    reviewer = invite(store, "rae", "builder")
    assert claim(store, reviewer) is None
    tools.set_status(store, ada, ToolStatus.QUEUED, by_hand=True)
    assert claim(store, reviewer) is not None


# ------------------------------------------------------------ questions


def _ask(one: int | tuple[str, str], other: int | tuple[str, str]) -> Ask:
    return Ask(one=one, other=other, score=0.6, reasons=(Reason(words="alike", points=0.6),))


def test_a_pair_is_asked_about_once_in_either_order(store: Connection) -> None:
    ada, bea = add(store, "Ada", "Bea")
    assert tools.ask(store, [_ask(bea, ada), _ask(ada, bea)], now=NOW) == 1
    assert tools.ask(store, [_ask(ada, bea)], now=later(days=1)) == 0
    assert _count(store, schema.duplicate) == 1


def test_a_question_may_name_a_tool_by_the_sighting_that_made_it(store: Connection) -> None:
    ada, bea = add(store, "Ada", "Bea")
    assert tools.ask(store, [_ask(("shelf", "bea"), ada)], now=NOW) == 1
    row = store.execute(sa.select(schema.duplicate)).one()
    assert (row.low, row.high, row.answer, row.reasons) == (ada, bea, "open", [["alike", 0.6]])


def test_nobody_is_asked_whether_a_tool_is_itself(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    assert tools.ask(store, [_ask(ada, ("shelf", "ada"))], now=NOW) == 0
    assert _count(store, schema.duplicate) == 0


# ------------------------------------------------------------ lists


def test_tools_are_listed_by_priority_and_merged_ones_only_when_asked_for(store: Connection) -> None:
    low, high, merged = (
        add(store, name, priority=priority(score))[0] for name, score in (("Ada", 1), ("Bea", 9), ("Cyd", 5))
    )
    store.execute(sa.update(schema.sighting).where(schema.sighting.c.tool == merged).values(tool=low))
    store.execute(sa.update(schema.identifier).where(schema.identifier.c.tool == merged).values(tool=low))
    gone = {"status": ToolStatus.MERGED, "merged_into": low}
    store.execute(sa.update(schema.tool).where(schema.tool.c.id == merged).values(**gone))
    tools.bring_seats_along(store, [merged])
    assert [each.id for each in tools.listed(store)] == [high, low]
    assert [each.id for each in tools.listed(store, limit=1)] == [high]
    assert [each.id for each in tools.listed(store, status=ToolStatus.MERGED)] == [merged]
    assert tools.counts(store) == {"queued": 2, "merged": 1}


def test_readers_choose_among_the_categories_of_tools_that_were_reviewed(store: Connection) -> None:
    reviewed, paired, waiting = (
        add(store, name, category=category)[0]
        for name, category in (("Ada", "data"), ("Bea", "coding"), ("Cyd", "agents"))
    )
    tools.set_status(store, reviewed, ToolStatus.REVIEWED)
    tools.set_status(store, paired, ToolStatus.PAIRED)
    assert get(store, waiting).status is ToolStatus.QUEUED
    assert tools.categories(store) == ("coding", "data")


def test_a_dossier_holds_everything_known_of_its_tool_and_nothing_of_others(store: Connection) -> None:
    ada, bea = add(store, "Ada", "Bea", facts=(fact("licence", "mit"),), pricing=pricing())
    see(store, ada, sighting("Ada in the news", thing=Thing.ARTICLE), now=later(hours=1))
    both = tools.dossiers(store, [get(store, ada), get(store, bea)])
    assert [row.title for row in both[ada].sightings] == ["Ada", "Ada in the news"]
    assert [row.first_seen - NOW for row in both[ada].sightings] == [timedelta(0), timedelta(hours=1)]
    assert both[ada].identifiers == (
        Identifier(Scheme.URL, "ada-in-the-news.example"),
        Identifier(Scheme.URL, "ada.example"),
    )
    assert both[bea] == tools.dossier(store, get(store, bea))
    assert both[bea].pricing == pricing()
    assert both[bea].facts == (fact("licence", "mit"),)


def test_editing_to_what_stands_already_is_no_change(store: Connection) -> None:
    (ada,) = add(store, "Ada")
    before = get(store, ada)
    tools.edit(store, before, {"name": "Ada"}, now=later(days=1))
    assert get(store, ada) == before
    tools.edit(store, before, {"description": "By hand"}, now=later(days=1))
    after = get(store, ada)
    assert (after.version, after.described_at) == (before.version + 1, later(days=1))
