"""Votes: a link shows, a button commits, and what looks like a program or a crowd waits for an editor."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from bs4 import BeautifulSoup

from app import subscribing, voting
from app.limiting import Caller
from app.tokens import Purpose
from app.wiring import Product, open_product
from core.comparison import Community
from core.edition import Edition, EditionState
from core.errors import NotFound, Refused
from core.week import Week
from digest import compose
from store import audit
from tests.web import shelf
from tests.web.conftest import Served, settings
from tests.web.samples import APPROVED, PARTIAL, VIEW
from web.application import create_app

NOW = APPROVED + timedelta(days=1)
CLOSES = APPROVED + timedelta(days=28)
A, B = VIEW.a.slug, VIEW.b.slug


@pytest.fixture
def product(tmp_path: Path, sqlite_template: Path) -> Iterator[Product]:
    """An edition that went out yesterday."""
    shutil.copy(sqlite_template, tmp_path / "verdicts.db")
    with open_product(settings(tmp_path)) as opened:
        shelf.publish(opened, VIEW, PARTIAL)
        shelf.edition(opened, Week(2026, 47), [VIEW.slug], subject="Yesterday's")
        yield opened.at(NOW)


@pytest.fixture
def site(server: Served, client: httpx.Client, product: Product) -> httpx.Client:
    server.stage.app = create_app(product)
    return client


@pytest.fixture
def reader(product: Product) -> str:
    return shelf.reader(product)


@pytest.fixture
def link(product: Product, reader: str) -> str:
    return shelf.link(product, Purpose.VOTE, reader, VIEW.slug, expires=CLOSES)


def words(response: httpx.Response) -> str:
    return " ".join(BeautifulSoup(response.text, "lxml").select_one("main").get_text(" ").split())


def nonce(response: httpx.Response) -> str:
    return BeautifulSoup(response.text, "lxml").select_one("input[name=nonce]")["value"]


def press(site: httpx.Client, link: str, choice: str) -> httpx.Response:
    """What a reader does: open the link, press a button."""
    return site.post(link, data={"nonce": nonce(site.get(link)), "choice": choice})


@pytest.fixture
def later(server: Served, site: httpx.Client, product: Product):
    """Put the clock of the site forward, from NOW."""

    def move(**by: float) -> Product:
        moved = product.at(NOW + timedelta(**by))
        server.stage.app = create_app(moved)
        return moved

    return move


# ------------------------------------------------------------ the page


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_opening_the_link_changes_nothing(site, product, link, method):
    assert site.request(method, link).status_code == 200
    assert shelf.tallied(product, VIEW.slug) == {}


def test_the_page_shows_both_tools_with_a_button_each_and_the_day_on_which_it_closes(site, link):
    soup = BeautifulSoup(site.get(link).text, "lxml")
    assert [button["value"] for button in soup.select("main button")] == [A, B]
    assert "change it until 18 December 2026" in words(site.get(link))
    assert "Your vote so far" not in words(site.get(link))


def test_a_button_has_the_name_that_the_mail_s_link_ends_with(site, link):
    """The digest's vote links end with `#for-` and the tool's address, so that the button is in sight."""
    soup = BeautifulSoup(site.get(link).text, "lxml")
    linked = compose.compose(
        edition=Edition(
            week=Week(2026, 47),
            number=1,
            state=EditionState.DRAFT,
            subject="",
            preheader="",
            intro="",
            comparisons=(),
            version=1,
        ),
        views=[VIEW],
        left_over=0,
        base_url="https://verdicts.example",
        postal_address="1 Panel Street",
    )
    anchors = [vote.anchor for vote in linked.blocks[0].votes]
    assert anchors == [f"for-{A}", f"for-{B}"]
    assert [soup.find(id=anchor).get("value") for anchor in anchors] == [A, B]


def test_a_button_commits_and_the_page_shows_the_choice_from_then_on(site, product, link):
    assert f"Your vote goes to {VIEW.b.name}" in words(press(site, link, B))
    assert shelf.tallied(product, VIEW.slug) == {B: 1}
    assert f"Your vote so far: {VIEW.b.name}" in words(site.get(link))


def test_a_reader_has_one_vote_and_may_change_it(site, product, later, link):
    press(site, link, A)
    later(hours=1)
    press(site, link, B)
    assert shelf.tallied(product, VIEW.slug) == {B: 1}


def test_a_vote_closes_four_weeks_after_its_edition_and_stays_readable_until_the_link_runs_out(
    site, product, later, reader, link
):
    press(site, link, A)
    lasting = shelf.link(product, Purpose.VOTE, reader, VIEW.slug)
    ballot = nonce(site.get(lasting))
    later(days=27)
    assert site.get(link).status_code == 200
    later(days=28)
    assert site.get(link).status_code == 400
    assert "The vote closed on 18 December 2026" in words(site.get(lasting))
    assert "<button" not in BeautifulSoup(site.get(lasting).text, "lxml").select_one("form").decode()
    assert site.post(lasting, data={"nonce": ballot, "choice": B}).status_code == 400
    assert shelf.tallied(product, VIEW.slug) == {A: 1}


def test_it_is_kept_nowhere(site, link):
    assert site.get(link).headers["cache-control"] == "no-store"
    assert site.get(link).headers["x-robots-tag"] == "noindex"


# ------------------------------------------------------------ forged, spent, not theirs


def test_a_ballot_serves_once(site, product, link):
    spent = nonce(site.get(link))
    assert site.post(link, data={"nonce": spent, "choice": A}).status_code == 200
    again = site.post(link, data={"nonce": spent, "choice": B})
    assert again.status_code == 409
    assert f"Your vote so far: {VIEW.a.name}" in words(again)
    assert shelf.tallied(product, VIEW.slug) == {A: 1}


def test_the_answer_loaded_again_is_the_answer(site, product, link):
    form = {"nonce": nonce(site.get(link)), "choice": A}
    first, again = (words(site.post(link, data=form)) for _ in range(2))
    assert first == again
    assert shelf.tallied(product, VIEW.slug) == {A: 1}


def test_a_ballot_is_its_readers_alone(site, product, link):
    other = shelf.link(product, Purpose.VOTE, shelf.reader(product), VIEW.slug)
    assert site.post(link, data={"nonce": nonce(site.get(other)), "choice": A}).status_code == 400
    assert shelf.tallied(product, VIEW.slug) == {}


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"choice": A},
        {"choice": A, "nonce": ""},
        {"choice": A, "nonce": "forged"},
        {"choice": A, "nonce": "WzEsMSwwLDBd.forged"},
        {"choice": A, "nonce": "x" * 10_000},
    ],
)
def test_a_post_without_a_true_ballot_is_refused(site, product, link, form):
    assert site.post(link, data=form).status_code == 400
    assert shelf.tallied(product, VIEW.slug) == {}


@pytest.mark.parametrize("choice", ["", "neither", "<script>", PARTIAL.a.slug, "x" * 5000])
def test_only_one_of_the_two_can_be_chosen(site, product, link, choice):
    assert press(site, link, choice).status_code == 400
    assert shelf.tallied(product, VIEW.slug) == {}


def test_a_ballot_runs_out_after_a_day(site, product, later, link):
    old = nonce(site.get(link))
    later(hours=25)
    assert site.post(link, data={"nonce": old, "choice": A}).status_code == 400
    assert shelf.tallied(product, VIEW.slug) == {}


def test_a_link_of_another_purpose_a_forged_or_an_expired_one_is_refused_and_counted(server, site, product, reader):
    expired = shelf.link(product, Purpose.VOTE, reader, VIEW.slug, expires=NOW - timedelta(seconds=1))
    foreign = shelf.link(product, Purpose.PREFERENCES, reader).replace("/preferences/", "/vote/")
    for link in (expired, foreign, "/vote/forged", "/vote/preview", "/vote/" + "x" * 3000):
        assert site.get(link).status_code == 400
        assert site.post(link, data={"choice": A}).status_code == 400


@pytest.mark.parametrize("why", ["not public", "in no edition", "erased", "left", "too late"])
def test_who_or_what_cannot_be_voted_is_refused(site, product, why):
    since = APPROVED + timedelta(hours=1) if why == "too late" else APPROVED
    reader = shelf.reader(product, confirmed_at=since)
    slug = {"not public": "nothing-vs-something", "in no edition": PARTIAL.slug}.get(why, VIEW.slug)
    link = shelf.link(product, Purpose.VOTE, reader, slug)
    if why == "erased":
        subscribing.erase(product, reader, actor="test")
    if why == "left":
        site.post(shelf.link(product, Purpose.UNSUBSCRIBE, reader))
    assert site.get(link).status_code == 400
    assert site.post(link, data={"choice": A, "nonce": "x"}).status_code == 400


def test_another_site_cannot_press_the_button(site, product, link):
    form = {"nonce": nonce(site.get(link)), "choice": A}
    assert site.post(link, data=form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert shelf.tallied(product, VIEW.slug) == {}


# ------------------------------------------------------------ shown, ordered, forgotten


def cast_all(product: Product, choices: list[str], *, networks: list[str]) -> list[str]:
    """One reader each votes, from the addresses given in turn."""
    links = []
    for number, choice in enumerate(choices):
        link = shelf.link(product, Purpose.VOTE, shelf.reader(product), VIEW.slug).removeprefix("/vote/")
        found = voting.ballot(product, link)
        caller = Caller(address=networks[number % len(networks)])
        voting.vote(product, link, choice=choice, nonce=found.nonce, caller=caller)
        links.append(link)
    return links


APART = [f"10.{number}.0.1" for number in range(30)]


def test_from_ten_votes_on_readers_see_a_percentage(site, product):
    cast_all(product, [A] * 6 + [B] * 3, networks=APART)
    page = f"/compare/{VIEW.slug}"
    shown = [
        text.get_text(" ", strip=True) for text in BeautifulSoup(site.get(page).text, "lxml").select("#community .side")
    ]
    assert shown == [f"{VIEW.a.name} — 9 of 10 votes", f"{VIEW.b.name} — 9 of 10 votes"]
    cast_all(product, [B], networks=APART)
    shown = [
        text.get_text(" ", strip=True) for text in BeautifulSoup(site.get(page).text, "lxml").select("#community .side")
    ]
    assert shown == [f"{VIEW.a.name} 60 % 6 of 10 votes", f"{VIEW.b.name} 40 % 4 of 10 votes"]


def test_an_erased_subscriber_takes_their_vote_along(site, product, reader, link):
    press(site, link, A)
    subscribing.erase(product, reader, actor="test")
    assert shelf.tallied(product, VIEW.slug) == {}


@pytest.mark.parametrize(
    ("chosen", "votes", "bound"),
    [(5, 5, 0.566), (10, 10, 0.722), (9, 10, 0.596), (1, 1, 0.207), (0, 10, 0.0), (0, 0, 0)],
)
def test_the_lower_bound_is_wilsons(chosen, votes, bound):
    assert Community(chosen=chosen, votes=votes).lower_bound == pytest.approx(bound, abs=0.001)


# ------------------------------------------------------------ set aside


def test_both_choices_within_a_minute_are_set_aside_and_an_editor_counts_them(site, product, later, link):
    press(site, link, A)
    product = later(seconds=59)
    assert press(site, link, B).status_code == 200
    assert shelf.tallied(product, VIEW.slug) == {}
    (row,) = voting.set_aside(product)
    assert (row.comparison, row.choice, row.reason) == (VIEW.slug, B, "both choices within 60 s")
    assert voting.settle(product, VIEW.slug, [row.reader], count=True, email="noor@verdicts.example") == [row.reader]
    assert shelf.tallied(product, VIEW.slug) == {B: 1}
    assert voting.set_aside(product) == []


def test_a_change_of_mind_after_a_minute_counts(site, product, later, link):
    press(site, link, A)
    later(seconds=60)
    press(site, link, B)
    assert shelf.tallied(product, VIEW.slug) == {B: 1}


def test_the_same_choice_twice_is_no_change_of_mind(site, product, link):
    press(site, link, A)
    press(site, link, A)
    assert shelf.tallied(product, VIEW.slug) == {A: 1}


def test_a_crowd_from_one_network_is_set_aside_whole_and_its_neighbours_are_not(product):
    cast_all(product, [A] * 3, networks=APART)
    cast_all(product, [B] * (voting.BURST - 1), networks=[f"192.0.2.{number}" for number in range(1, 200)])
    assert shelf.tallied(product, VIEW.slug) == {A: 3, B: voting.BURST - 1}
    cast_all(product, [B], networks=["192.0.2.250"])
    assert shelf.tallied(product, VIEW.slug) == {A: 3}
    assert len(voting.set_aside(product)) == voting.BURST


def test_votes_of_one_network_over_hours_are_no_crowd(product):
    for hour in range(voting.BURST + 2):
        cast_all(product.at(NOW + timedelta(hours=hour)), [A], networks=["192.0.2.7"])
    assert shelf.tallied(product, VIEW.slug) == {A: voting.BURST + 2}


def test_what_an_editor_has_settled_no_rule_touches_again(product):
    cast_all(product, [A] * voting.BURST, networks=["192.0.2.7"])
    voting.settle(product, VIEW.slug, count=True, email="noor@verdicts.example")
    cast_all(product, [A], networks=["192.0.2.7"])
    assert shelf.tallied(product, VIEW.slug) == {A: voting.BURST}
    assert len(voting.set_aside(product)) == 1


def test_an_excluded_vote_stays_out_whatever_its_reader_chooses_next(site, product, later, link):
    press(site, link, A)
    product = later(seconds=30)
    press(site, link, B)
    voting.settle(product, VIEW.slug, count=False, email="noor@verdicts.example")
    product = later(hours=2)
    assert press(site, link, A).status_code == 200
    assert shelf.tallied(product, VIEW.slug) == {}


def test_every_setting_aside_and_every_decision_is_logged_without_an_address(product):
    cast_all(product, [A] * voting.BURST, networks=["192.0.2.7"])
    voting.settle(product, VIEW.slug, count=False, email="noor@verdicts.example")
    with product.database.read() as connection:
        logged = audit.entries(connection, subject=f"comparison:{VIEW.slug}")
    assert [(each["action"], each["actor"]) for each in logged[:2]] == [
        ("vote.exclude", "noor@verdicts.example"),
        ("vote.set_aside", "system"),
    ]
    assert not re.search(r"reader\.example|192\.0\.2", str(logged))


def test_only_an_editor_settles_and_only_what_is_there(product):
    with pytest.raises(NotFound):
        voting.settle(product, VIEW.slug, count=True, email="noor@verdicts.example")
    with pytest.raises((NotFound, Refused)):
        voting.settle(product, VIEW.slug, count=True, email="nobody@verdicts.example")
