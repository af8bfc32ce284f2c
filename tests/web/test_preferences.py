"""The preference page: looking changes nothing, saving keeps what is ticked."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup

from app.tokens import Purpose
from core.subscriber import SubscriberState
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
    return [box["name"] for box in BeautifulSoup(response.text, "lxml").select("input[checked]")]


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
