"""The preference page: looking changes nothing, saving keeps what is ticked."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from bs4 import BeautifulSoup

from app import limiting, subscribing
from app.limiting import Limit
from app.tokens import Purpose
from core.category import CATEGORIES
from core.subscriber import Subscriber, SubscriberState
from core.tool import ToolStatus
from store import subscribers, tools
from tests.web import shelf


@pytest.fixture
def reader(product) -> str:
    with product.database.write() as connection:
        for slug, category in (("skillclaw", "agents"), ("smolvlm2-2b", "vision-language-models")):
            found = tools.find(connection, slug)
            tools.set_status(connection, found.id, ToolStatus.PAIRED)
            tools.edit(connection, found, {"category": category}, now=product.now)
    return shelf.reader(product)


@pytest.fixture
def link(product, reader) -> str:
    return shelf.link(product, Purpose.PREFERENCES, reader)


def chosen(product, address) -> tuple[str, ...]:
    with product.database.read() as connection:
        return subscribers.find(connection, address).categories


def ticked(response) -> list[str]:
    return [box["name"] for box in BeautifulSoup(response.text, "lxml").select("input[type=checkbox][checked]")]


def test_looking_changes_nothing_and_nothing_is_ticked_at_first(site, product, reader, link):
    response = site.get(link)
    assert response.status_code == 200
    assert reader in response.text
    assert ticked(response) == []
    assert chosen(product, reader) == ()


def test_what_is_ticked_is_kept_and_shown_and_can_be_taken_back(site, product, reader, link):
    saved = site.post(link, data={"category:agents": "1"})
    assert "Your categories: Agents." in BeautifulSoup(saved.text, "lxml").select_one(".saved").get_text()
    assert chosen(product, reader) == ("agents",)
    assert ticked(site.get(link)) == ["category:agents"]
    assert "Every category." in site.post(link).text
    assert chosen(product, reader) == ()


def test_the_page_says_what_choosing_categories_does_and_what_a_monthly_reader_gets(site, link):
    said = " ".join(BeautifulSoup(site.get(link).text, "lxml").select_one("form.choices").get_text(" ").split())
    assert "None ticked means everything." in said
    assert "Comparisons of your categories come first in your mail, and the rest of the edition follows" in said
    assert "A week without any of them brings the edition as everybody gets it." in said
    assert "Once a month: the best comparisons of the month before" in said
    assert "whatever categories you chose" in said


def test_what_is_no_category_is_left_aside(site, product, reader, link):
    site.post(link, data={"category:agents": "1", "category:<script>": "1", "category:nothing": "1", "other": "1"})
    assert chosen(product, reader) == ("agents",)


def test_the_page_leads_to_the_way_out(site, product, reader, link):
    leave = BeautifulSoup(site.get(link).text, "lxml").select_one("a[href^='/unsubscribe/']")["href"]
    assert site.get(leave).status_code == 200
    site.post(leave)
    assert shelf.state(product, reader) is SubscriberState.UNSUBSCRIBED
    assert "not on the list at the moment" in site.get(link).text


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("token", ["forged", "preview", "%00", "x" * 3000])
def test_a_forged_link_is_refused(site, method, token):
    assert site.request(method, f"/preferences/{token}").status_code == 400


def test_another_site_cannot_choose(site, product, reader, link):
    form = {"category:agents": "1"}
    assert site.post(link, data=form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert chosen(product, reader) == ()


def kept(product, address) -> Subscriber:
    with product.database.read() as connection:
        found = subscribers.find(connection, address)
    assert found is not None
    return found


def test_rhythm_language_and_zone_are_kept_and_shown(site, product, reader, link):
    wishes = {"rhythm": "monthly", "language": "de", "time_zone": "Europe/Berlin"}
    site.post(link, data={"act": "choose", **wishes})
    found = kept(product, reader)
    assert {"rhythm": found.rhythm, "language": found.language, "time_zone": found.time_zone} == wishes
    page = BeautifulSoup(site.get(link).text, "lxml")
    assert page.select_one("input[name=rhythm][checked]")["value"] == "monthly"
    assert page.select_one("select[name=language] option[selected]")["value"] == "de"
    assert page.select_one("select[name=time_zone] option[selected]").get_text() == "Europe/Berlin"
    site.post(link, data={"act": "choose", "rhythm": "weekly", "language": "", "time_zone": ""})
    assert kept(product, reader).time_zone is None


@pytest.mark.parametrize(
    "wish",
    [
        {"rhythm": "hourly"},
        {"language": "tlh"},
        {"time_zone": "Nowhere/Town"},
        {"act": "pause", "weeks": "99"},
        {"act": "pause", "weeks": "-1"},
        {"act": "pause", "weeks": "٣٣٣٣٣٣٣٣"},
        {"act": "pause", "weeks": "9" * 5000},
        {"act": "pause"},
    ],
)
def test_a_wish_that_there_is_not_is_refused_and_changes_nothing(site, product, reader, link, wish):
    before = kept(product, reader)
    assert site.post(link, data=wish).status_code == 400
    assert kept(product, reader) == before


def test_a_pause_is_shown_and_ended_with_a_button_of_its_own(site, product, reader, link):
    saved = BeautifulSoup(site.post(link, data={"act": "pause", "weeks": "2"}).text, "lxml")
    assert "Paused until" in saved.select_one(".saved").get_text()
    found = kept(product, reader).paused_until
    assert found is not None
    assert abs(found - product.now - timedelta(weeks=2)) < timedelta(minutes=5)
    assert "Nothing comes before" in site.get(link).text
    ended = site.post(link, data={"act": "pause", "weeks": "0"})
    assert "You get the next edition again" in ended.text
    assert kept(product, reader).paused_until is None


def test_another_address_is_asked_for_by_a_mail_and_the_answer_is_the_same_for_a_known_one(site, product, reader, link):
    other = shelf.reader(product)
    new = f"{uuid4()}@reader.example"
    first, second = (site.post(link, data={"act": "move", "address": each}) for each in (new, other))
    assert first.status_code == second.status_code == 200
    assert first.text.replace(new, "X") == second.text.replace(other, "X")
    assert kept(product, reader).address == reader
    wrong = BeautifulSoup(site.post(link, data={"act": "move", "address": "nobody"}).text, "lxml")
    field = wrong.select_one("input[name=address]")
    assert (field["value"], field["aria-invalid"]) == ("nobody", "true")
    assert "not an e-mail address" in wrong.select_one(f"#{field['aria-describedby']}").get_text()


def test_the_page_behind_the_mail_to_the_new_address_moves_the_subscription(site, product, reader, link):
    new = f"{uuid4()}@reader.example"
    path = subscribing._move_url(product, kept(product, reader), new, expires=product.now + timedelta(days=1))
    path = path.removeprefix(product.settings.base_url)
    assert new in site.get(path).text
    assert kept(product, reader).address == reader
    for _ in range(2):
        assert "Your mail comes here now" in site.post(path).text
    assert kept(product, new).address == new
    assert site.get(link).status_code == 400, "links to the old address show nothing"


def test_a_fourth_address_in_an_hour_is_refused(site, product, reader, link, monkeypatch):
    monkeypatch.setitem(limiting.LIMITS, "move", Limit(per_address=3, per_network=3))
    tries = [site.post(link, data={"act": "move", "address": f"{uuid4()}@reader.example"}) for _ in range(4)]
    assert [each.status_code for each in tries] == [200, 200, 200, 429]


def test_the_form_with_everything_ticked_is_taken(site, product, reader, link):
    everything = {f"category:{each}": "1" for each in CATEGORIES}
    whole = everything | {"act": "choose", "rhythm": "weekly", "language": "en", "time_zone": "UTC"}
    assert site.post(link, data=whole).status_code == 200


def test_every_field_of_the_page_has_a_name_to_read_out(site, link):
    page = BeautifulSoup(site.get(link).text, "lxml")
    labelled = {each["for"] for each in page.select("label[for]")}
    fields = page.select("main select, main input:not([type=hidden]):not([type=checkbox]):not([type=radio])")
    assert fields
    assert {each["id"] for each in fields} <= labelled
    ids = [each["id"] for each in page.select("[id]")]
    assert len(ids) == len(set(ids))
