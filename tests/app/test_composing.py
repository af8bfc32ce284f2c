"""The edition up to the moment it is frozen."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default
from functools import partial

import pytest
import sqlalchemy as sa

from app import best_of, composing, editing, figures, publishing, reviewing, sending, subscribing
from app.wiring import Product
from core.edition import EditionState
from core.errors import NotFound, Refused, StaleVersion
from core.panel import Role
from core.sighting import Thing
from core.subscriber import Rhythm
from core.week import Week
from digest.marks import vote_url
from digest.render import fit
from store import audit, comparisons, corrections, editions, schema, subscribers, votes
from tests.app.making import CHANGES, EDITOR, WEEK, approve, enrol, hold, judge, publish, review, rows, shelve
from tests.conftest import NOW


def actions(product: Product) -> list[str]:
    """The audit log, the oldest entry first."""
    with product.database.read() as connection:
        return [str(each["action"]) for each in reversed(audit.entries(connection))]


CATEGORIES = ("coding", "agents", "research", "data", "productivity", "infrastructure")


def pairs(product: Product, count: int) -> list[str]:
    """So many approved pairs, two of a category at the most."""
    names = [f"Tool {chr(97 + number)}" for number in range(2 * count)]
    review(product, *names)
    slugs = [name.lower().replace(" ", "-") for name in names]
    for place, slug in enumerate(slugs):
        editing.edit_tool(product, slug, {"category": CATEGORIES[place // 4]}, actor="test")
    return [approve(product, slugs[at], slugs[at + 1]).slug for at in range(0, 2 * count, 2)]


def sized(product: Product, size: int) -> Product:
    return replace(product, settings=product.settings.model_copy(update={"edition_size": size}))


def test_assembling_twice_changes_nothing(product):
    pairs(product, 3)
    first = composing.assemble(product, WEEK)
    before = rows(product)
    assert composing.assemble(product.at(NOW + timedelta(hours=1)), WEEK) == first
    assert rows(product) == before
    assert (first.number, first.state, len(first.comparisons)) == (1, EditionState.DRAFT, 3)
    assert composing.preview(product, WEEK) == composing.preview(product, WEEK)


def test_an_edition_takes_as_many_as_its_size_and_says_how_many_more_there_are(product):
    slugs = pairs(product, 3)
    small = sized(product, 2)
    made = composing.assemble(small, WEEK)
    assert len(made.comparisons) == 2
    frozen = composing.preview(small, WEEK)
    assert "1 more on the web" in frozen.text
    assert "1 more on the web" in frozen.html
    [left] = set(slugs) - set(made.comparisons)
    assert left not in frozen.html + frozen.text
    composing.approve(small, WEEK, email=EDITOR)
    assert composing.assemble(small, Week(2026, 48)).comparisons == (left,)
    hold(product)


def test_an_edition_is_cut_to_what_fits_into_a_mail_and_stays_the_same_when_assembled_again(product, monkeypatch):
    pairs(product, 3)
    whole = composing.assemble(product, WEEK)
    room = len(composing.preview(product, WEEK).html.encode()) - 1
    monkeypatch.setattr(composing, "fit", partial(fit, limit=room))
    cut = composing.assemble(product, WEEK)
    assert cut.comparisons == whole.comparisons[:2]
    assert "1 more on the web" in composing.preview(product, WEEK).text
    before = rows(product)
    assert composing.assemble(product, WEEK) == cut
    assert rows(product) == before


def test_a_tool_stands_in_an_edition_once(product):
    review(product, "Ada", "Bea", "Cid")
    approve(product, "ada", "bea")
    approve(product, "bea", "cid")
    assert len(composing.assemble(product, WEEK).comparisons) == 1


def test_nothing_approved_is_nothing_to_assemble(product):
    with pytest.raises(Refused, match=r"No approved comparison waits to be sent\. .*comparisons propose"):
        composing.assemble(product, WEEK)
    for ask in (composing.preview, partial(composing.approve, email=EDITOR)):
        reviewing.invite(product, EDITOR, roles=[Role.EDITOR], actor="test")
        with pytest.raises(NotFound, match=r"no edition 2026-W47.*edition assemble --week 2026-W47"):
            ask(product, WEEK)


def test_approving_an_edition_twice_is_approving_it_once_and_freezes_it_for_good(product):
    publish(product)
    frozen = composing.preview(product, WEEK)
    before = rows(product)
    again = composing.approve(product.at(NOW + timedelta(days=1)), WEEK, email=EDITOR)
    assert (again.content_hash, again.approved_by, again.approved_at) == (frozen.sha256, "Noor", NOW)
    assert composing.assemble(product, WEEK) == again
    assert rows(product) == before
    judge_more(product)
    assert composing.preview(product, WEEK) == frozen
    assert actions(product).count("edition.approve") == 1


def judge_more(product: Product) -> None:
    editing.edit_tool(product, "ada", {"tagline": "Changed after approval"}, actor="test")
    editing.show_comparison(product, "ada-vs-bea")


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_an_edition_with_a_comparison_that_changed_is_not_frozen(product, change):
    review(product, "Ada", "Bea")
    approve(product, "ada", "bea")
    composing.assemble(product, WEEK)
    change(product)
    with pytest.raises(StaleVersion, match=r"has changed since it was approved\. Approve it again, then .*assemble"):
        composing.approve(product, WEEK, email=EDITOR)
    editing.approve_comparison(product, "ada-vs-bea", email=EDITOR)
    composing.assemble(product, WEEK)
    assert composing.approve(product, WEEK, email=EDITOR).state is EditionState.APPROVED
    hold(product)


def test_a_comparison_is_sent_once_and_editions_are_numbered(product):
    first = publish(product)
    with pytest.raises(Refused, match="No approved comparison waits"):
        composing.assemble(product, Week(2026, 48))
    shelve(product, "Cid", "Dot")
    for slug in ("cid", "dot"):
        judge(product, slug)
    second = publish(product, "cid", "dot", week=Week(2026, 48))
    assert (first.number, second.number) == (1, 2)
    assert (first.comparisons, second.comparisons) == (("ada-vs-bea",), ("cid-vs-dot",))
    hold(product)


def test_a_preview_for_eyes_holds_no_marks_and_belongs_to_nobody(product):
    publish(product)
    enrol(product, 1)
    copy = composing.reading_copy(product, composing.preview(product, WEEK))
    assert "{{" not in copy.html + copy.text
    assert "http://127.0.0.1:8000/unsubscribe/preview" in copy.text


def test_hostile_words_reach_neither_markup_nor_marks(product):
    evil = "<script>alert(1)</script> {{unsubscribe_url}} </mj-text><mj-raw> & \" ' http://evil.example"
    review(product, "Ada", "Bea")
    editing.edit_tool(product, "ada", {"name": evil[:80], "tagline": evil, "description": evil}, actor="test")
    shelve(product, "Cid", thing=Thing.LAUNCH)
    approve(product, "ada", "bea")
    composing.assemble(product, WEEK)
    frozen = composing.approve(product, WEEK, email=EDITOR).frozen
    assert frozen is not None
    assert "<script>" not in frozen.html
    assert "<mj-" not in frozen.html
    assert frozen.html.count("{{unsubscribe_url}}") == 1
    assert 'href="http://evil' not in frozen.html


# ------------------------------------------------------------ variants


def choosing(product: Product, **choices: int) -> None:
    """So many readers for each choice, written with two underscores between categories; `all` chose nothing."""
    for words, count in choices.items():
        keys = [] if words == "all" else words.split("__")
        with product.database.write() as connection:
            for address in enrol_in(connection, product, count, prefix=words):
                subscribers.choose(connection, address, keys)


def enrol_in(connection, product: Product, count: int, *, prefix: str) -> list[int]:
    return [
        subscribing._add(
            connection,
            f"{prefix}{number}@readers.example",
            consent="Yes, please.",
            name="",
            categories=(),
            confirmed_at=None,
            now=product.now,
        ).id
        for number in range(count)
    ]


def test_a_variant_for_each_pick_of_the_readers_is_frozen_with_the_edition(product):
    pairs(product, 3)  # two of coding, one of agents
    choosing(product, all=1, agents=2, coding=3, agents__research=1, research=1, agents__coding=1)
    composing.assemble(product, WEEK)
    planned = composing.variants(product, WEEK)
    edition = composing.approve(product, WEEK, email=EDITOR)
    made = composing.variants(product, WEEK)
    assert made == planned
    assert [(each.number, set(each.tastes)) for each in made] == [(1, {"coding"}), (2, {"agents", "agents,research"})]
    for each in made:
        assert each.frozen.comparisons == tuple(edition.comparisons[place - 1] for place in each.places)
        assert each.frozen.text.count("Read the whole comparison") == len(each.places)
        assert "Also in this edition" in each.frozen.html
        assert all(f"/compare/{slug}" in each.frozen.html for slug in edition.comparisons)
        assert edition.frozen is not None
        assert each.frozen.subject != edition.frozen.subject
    assert actions(product).count("edition.approve") == 1
    hold(product)


def test_a_preview_shows_what_readers_of_these_categories_get_before_and_after_approval(product):
    pairs(product, 3)
    choosing(product, agents=1)
    composing.assemble(product, WEEK)
    before = composing.preview(product, WEEK, categories=["agents"])
    rare = composing.preview(product, WEEK, categories=["coding"])
    assert (len(before.comparisons), len(rare.comparisons)) == (1, 2)
    composing.approve(product, WEEK, email=EDITOR)
    assert composing.preview(product, WEEK, categories=["agents"]) == before
    whole = composing.preview(product, WEEK)
    assert composing.preview(product, WEEK, categories=["coding"]) == whole, "nobody had chosen it"
    assert composing.preview(product, WEEK, categories=["research"]) == whole


def test_an_editor_s_own_subject_stands_over_every_variant(product):
    pairs(product, 3)
    choosing(product, agents=1)
    composing.assemble(product, WEEK)
    with product.database.write() as connection:
        connection.execute(sa.update(schema.edition).values(subject="What we would ship"))
    composing.approve(product, WEEK, email=EDITOR)
    [made] = composing.variants(product, WEEK)
    assert made.frozen.subject == "What we would ship"


def test_readers_get_the_variant_of_their_choice_and_each_batch_holds_one(product):
    pairs(product, 3)
    choosing(product, all=2, agents=2, coding=1)
    composing.assemble(product, WEEK)
    composing.approve(product, WEEK, email=EDITOR)
    status = sending.send(product, WEEK, actor="test")
    assert status.sent == 5
    mails = sent_texts(product)
    fronts = {name: text.count("Read the whole comparison") for name, text in mails.items()}
    assert fronts == {"all0": 3, "all1": 3, "agents0": 1, "agents1": 1, "coding0": 2}
    with product.database.read() as connection:
        batches = connection.execute(sa.select(schema.batch.c.variant, schema.batch.c.recipients)).all()
    assert sorted(batches) == [(0, 2), (1, 2), (2, 1)]
    assert not any("{{" in text for text in mails.values())
    hold(product)


def sent_texts(product: Product) -> dict[str, str]:
    """The text part of each mail in the outbox, by the local part of its address."""
    found = {}
    for file in product.settings.outbox_folder.rglob("*.eml"):
        mail = message_from_bytes(file.read_bytes(), policy=default)
        body = mail.get_body(preferencelist=("plain",))
        assert body is not None
        found[str(mail["To"]).partition("@")[0].rpartition("<")[2]] = body.get_content()
    return found


def test_a_variant_that_was_changed_after_its_approval_is_not_sent(product):
    pairs(product, 3)
    choosing(product, agents=1)
    composing.assemble(product, WEEK)
    composing.approve(product, WEEK, email=EDITOR)
    with product.database.write() as connection:
        connection.execute(sa.update(schema.edition_variant).values(text="Buy this"))
    with pytest.raises(Refused, match="Variant 1 of edition 2026-W47 is not what was approved"):
        sending.send(product, WEEK, actor="test")
    assert sent_texts(product) == {}


# ------------------------------------------------------------ the best of a month

FIRST, SECOND, DECEMBER = Week(2026, 47), Week(2026, 48), Week(2026, 49)
THEN = NOW + timedelta(weeks=2)


def month(product: Product, *, cancelled: Week | None = None) -> tuple[list[str], Product]:
    """Two editions of November with two comparisons each, and December's first as a draft with one. Returns the
    comparisons of November in their order, and the product in that week."""
    pairs(product, 5)
    sent: list[str] = []
    for week, instant in ((FIRST, NOW), (SECOND, NOW + timedelta(weeks=1))):
        small = sized(product, 2).at(instant)
        composing.assemble(small, week)
        sent += composing.approve(small, week, email=EDITOR).comparisons
    if cancelled:
        with product.database.write() as connection:
            out = sa.update(schema.edition).where(schema.edition.c.week == str(cancelled))
            connection.execute(out.values(state="paused", cancelled_at=NOW))
    then = product.at(THEN)
    composing.assemble(then, DECEMBER)
    return sent, then


def monthly(product: Product, count: int, *categories: str) -> list[int]:
    with product.database.write() as connection:
        ids = enrol_in(connection, product, count, prefix="monthly")
        for each in ids:
            subscribers.choose(connection, each, categories)
            subscribers.keep_wishes(connection, each, rhythm=Rhythm.MONTHLY, language=None, time_zone=None)
    return ids


def vote(product: Product, slug: str, *readers: int, state: str = "counted") -> None:
    with product.database.write() as connection:
        found = comparisons.find(connection, slug)
        _, choice = comparisons.pair(connection, found.id)
        for reader in readers:
            votes.cast(connection, comparison_id=found.id, subscriber=reader, choice=choice, now=NOW)
            cast = sa.update(schema.vote).where(
                schema.vote.c.comparison == found.id, schema.vote.c.subscriber == reader
            )
            connection.execute(cast.values(state=state))


def test_monthly_readers_get_the_best_of_the_month_before_with_its_first_edition(product):
    sent, then = month(product)
    choosing(product, all=1, coding=1)
    one, two = monthly(product, 2, "coding")
    vote(product, sent[3], one, two)
    vote(product, sent[2], one)
    vote(product, sent[0], one, two, state="excluded")
    small = sized(then, 3)
    planned = composing.preview_best_of(small, DECEMBER)
    composing.approve(small, DECEMBER, email=EDITOR)
    made = composing.variants(small, DECEMBER)[-1]
    assert (made.frozen, made.best_of, made.tastes) == (planned, True, ())
    assert composing.preview_best_of(small, DECEMBER) == planned
    assert made.frozen.comparisons == (sent[3], sent[2], *sorted(sent[:2])[:1])
    assert made.frozen.subject.startswith("Best of November 2026: ")
    status = sending.send(small, DECEMBER, actor="test")
    assert status.sent == 4
    mails = sent_texts(product)
    this_week = composing.preview(small, DECEMBER).comparisons
    for name in ("monthly0", "monthly1"):
        text = mails[name]
        assert "BEST OF NOVEMBER 2026: PANEL SHIP" in text
        assert "Your monthly mail: the best comparisons of November 2026" in " ".join(text.split())
        assert text.count("Read the whole comparison") == 3
        assert "1 more of November 2026 on the web" in text
        assert all(f"/compare/{slug}" in text.partition("NEW THIS WEEK")[2] for slug in this_week)
        assert "{{" not in text
    assert f"/editions/{DECEMBER}/best-of\n" in mails["monthly0"].replace("\r\n", "\n")
    shown = publishing.best_of(small, DECEMBER)
    assert tuple(view.slug for view in shown.comparisons) == made.frozen.comparisons
    assert shown.intro.startswith("Your monthly mail: the best comparisons of November 2026")
    assert not any("Best of" in mails[name] or "BEST OF" in mails[name] for name in ("all0", "coding0"))
    hold(product)


def test_only_the_first_edition_of_a_month_that_goes_out_has_a_best_of(product):
    sent, then = month(product)
    monthly(product, 1)
    with product.database.read() as connection:
        assert [editions.best_of(connection, week) for week in (FIRST, SECOND)] == [None, None], "nothing in October"
    with pytest.raises(NotFound, match="goes with the first edition of a month"):
        composing.preview_best_of(then, SECOND)
    for week, what in ((SECOND, "No best-of went out"), (DECEMBER, "There is no edition")):
        with pytest.raises(NotFound, match=what):
            publishing.best_of(then, week)
    composing.approve(sized(then, 1), DECEMBER, email=EDITOR)
    assert [each.best_of for each in composing.variants(then, DECEMBER)] == [True]
    shelve(then, "Yak", "Zoe")
    for slug in ("yak", "zoe"):
        judge(then, slug)
    publish(then.at(THEN + timedelta(weeks=1)), "yak", "zoe", week=Week(2026, 50))
    assert composing.variants(then, Week(2026, 50)) == []
    assert len(sent) == 4
    hold(product)


def test_an_edition_that_was_called_off_gives_a_best_of_nothing_and_takes_nobody_s(product):
    sent, then = month(product, cancelled=FIRST)
    made = composing.preview_best_of(then, DECEMBER)
    assert set(made.comparisons) == set(sent[2:])
    composing.approve(then, DECEMBER, email=EDITOR)
    with product.database.write() as connection:
        out = sa.update(schema.edition).where(schema.edition.c.week == str(DECEMBER))
        connection.execute(out.values(state="paused", cancelled_at=NOW))
    shelve(then, "Yak", "Zoe")
    for slug in ("yak", "zoe"):
        judge(then, slug)
    later = then.at(THEN + timedelta(weeks=1))
    publish(later, "yak", "zoe", week=Week(2026, 50))
    assert set(composing.preview_best_of(later, Week(2026, 50)).comparisons) == set(sent[2:])


def test_what_was_retired_since_is_not_in_the_best_of(product):
    sent, then = month(product)
    with product.database.write() as connection:
        retire = sa.update(schema.comparison).where(schema.comparison.c.slug.in_(sent[1:]))
        connection.execute(retire.values(state="retired"))
    assert composing.preview_best_of(then, DECEMBER).comparisons == (sent[0],)
    with product.database.write() as connection:
        connection.execute(
            sa.update(schema.comparison).where(schema.comparison.c.slug.in_(sent)).values(state="retired")
        )
    with pytest.raises(NotFound, match="has no best-of"):
        composing.preview_best_of(then, DECEMBER)
    composing.approve(then, DECEMBER, email=EDITOR)
    assert composing.variants(then, DECEMBER) == []


def _click(product: Product, delivery: int, slug: str, *, at: datetime, machine: bool = False) -> None:
    click = {
        "provider_id": f"{at}",
        "natural_key": f"{at}",
        "kind": "click",
        "delivery": delivery,
        "at": at,
        "received_at": NOW,
        "payload": {},
        "url": f"https://verdicts.example/compare/{slug}",
        "machine": machine,
    }
    with product.database.write() as connection:
        connection.execute(sa.insert(schema.event).values(**click))


def test_clicks_of_people_decide_between_comparisons_with_as_many_votes(product):
    sent, then = month(product)
    enrol(product, 1)
    sending.send(product, FIRST, actor="test")
    with product.database.read() as connection:
        delivery = connection.scalar(sa.select(schema.delivery.c.id))
    _click(product, delivery, sent[1], at=NOW + timedelta(hours=1))
    _click(product, delivery, sent[0], at=NOW + timedelta(hours=2), machine=True)
    assert composing.preview_best_of(then, DECEMBER).comparisons[0] == sent[1]


def test_clicks_on_a_best_of_are_counted_by_comparison_beside_those_on_the_edition(product):
    sent, then = month(product)
    monthly(product, 1)
    composing.approve(then, DECEMBER, email=EDITOR)
    sending.send(then, DECEMBER, actor="test")
    with product.database.read() as connection:
        delivery = connection.scalar(sa.select(schema.delivery.c.id).where(schema.delivery.c.week == str(DECEMBER)))
    _click(product, delivery, sent[2], at=THEN + timedelta(hours=1))
    found = figures.figures(then, DECEMBER)
    assert {each.slug: each.clickers for each in found.best_of} == dict.fromkeys(sent, 0) | {sent[2]: 1}
    [own] = found.comparisons
    assert (own.clickers, own.slug in sent, found.clickers) == (0, False, 1)


def test_a_vote_that_is_over_or_nearly_so_is_told_without_its_links(product):
    sent, _ = month(product)
    closing = product.at(NOW + timedelta(days=26))
    made = composing.preview_best_of(closing, DECEMBER)
    linked = {slug for slug in sent if str(vote_url(slug)) in made.html}
    assert linked == {slug for slug in sent if str(vote_url(slug)) in made.text} == set(sent[2:])
    assert made.text.count("The vote has closed: 0 of 10 votes, too few for a result.") == 2
    assert all(str(vote_url(slug)) in composing.preview_best_of(product.at(THEN), DECEMBER).html for slug in sent)


def test_a_best_of_takes_one_of_the_variants_and_monthly_readers_tastes_take_none(product, monkeypatch):
    sent, then = month(product)
    shelve(then, "Yak", "Zoe")
    for slug in ("yak", "zoe"):
        judge(then, slug)
        editing.edit_tool(then, slug, {"category": "robotics-and-3d"}, actor="test")
    approve(then, "yak", "zoe")
    composing.assemble(then, DECEMBER)
    monthly(product, 5, "robotics-and-3d")
    choosing(product, research=1)
    made = composing.variants(then, DECEMBER)
    assert [(each.number, each.tastes, each.best_of) for each in made] == [(1, ("research",), False), (2, (), True)]
    monkeypatch.setattr(composing, "LIMIT", 2)
    [only] = composing.variants(then, DECEMBER)
    assert (only.number, only.best_of, len(only.frozen.comparisons)) == (1, True, len(sent))


def test_a_best_of_is_cut_to_what_fits_into_a_mail(product, monkeypatch):
    sent, then = month(product)
    room = len(composing.preview_best_of(then, DECEMBER).html.encode()) - 1
    monkeypatch.setattr(best_of, "fit", partial(fit, limit=room))
    made = composing.preview_best_of(then, DECEMBER)
    assert len(made.comparisons) == len(sent) - 1
    assert "1 more of November 2026 on the web" in made.text


def test_a_best_of_tells_what_was_corrected_since_the_one_before(product):
    _, then = month(product)
    with product.database.read() as connection:
        slug = editions.find(connection, FIRST).comparisons[0]
    correct(product.at(NOW + timedelta(days=3)), "It was never free.", slug=slug)
    assert "CORRECTED SINCE THE LAST BEST-OF" in composing.preview_best_of(then, DECEMBER).text
    assert "It was never free." in composing.preview_best_of(then, DECEMBER).html
    assert "It was never free." not in composing.preview(then, DECEMBER).html, "the second edition had told it"


# ------------------------------------------------------------ corrections


def correct(product: Product, note: str, *, slug: str = "ada-vs-bea") -> None:
    with product.database.write() as connection:
        at = corrections.add(
            connection,
            comparison_id=comparisons.find(connection, slug).id,
            tool_id=None,
            claim="It is wrong.",
            source_url=None,
            now=product.now,
        )
        corrections.decide(connection, at, state=corrections.ACCEPTED, note=note, now=product.now)


def test_a_correction_stands_in_the_edition_after_it_and_in_that_one_only(product):
    publish(product)
    later = product.at(NOW + timedelta(days=3))
    correct(later, "It was never free.")
    shelve(later, "Cid", "Dot")
    for slug in ("cid", "dot"):
        judge(later, slug)
    second = publish(later, "cid", "dot", week=Week(2026, 48))
    assert second.frozen is not None
    assert "It was never free." in second.frozen.text
    assert "/compare/ada-vs-bea" in second.frozen.html
    last = product.at(NOW + timedelta(days=9))
    shelve(last, "Eve", "Fay")
    for slug in ("eve", "fay"):
        judge(last, slug)
    third = publish(last, "eve", "fay", week=Week(2026, 49))
    assert third.frozen is not None
    assert "It was never free." not in third.frozen.text


# ------------------------------------------------------------ cost


def test_assembling_and_approving_cost_no_more_statements_for_more_comparisons(product):
    said: list[str] = []
    sa.event.listen(product.database.engine, "before_cursor_execute", lambda *told: said.append(told[2]))

    def statements() -> int:
        said.clear()
        composing.assemble(product, WEEK)
        return len([each for each in said if "INTO edition_comparison" not in each])

    slugs = pairs(product, 6)
    with product.database.write() as connection:
        later = sa.update(schema.comparison).where(schema.comparison.c.slug.in_(slugs[1:]))
        connection.execute(later.values(state="draft"))
    few = statements()
    assert len(composing.preview(product, WEEK).comparisons) == 1
    with product.database.write() as connection:
        connection.execute(sa.update(schema.comparison).values(state="approved"))
    assert statements() <= few + 5, "each comparison had cost ten"
