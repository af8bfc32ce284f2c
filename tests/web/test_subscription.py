"""Subscribing, confirming and leaving, as browsers, scanners and mail providers do it."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from bs4 import BeautifulSoup

from app import subscribing
from app.sending import Links
from app.tokens import Purpose
from app.wiring import Product
from core.subscriber import SubscriberState
from store import subscribers
from tests.app.making import rows
from tests.web import shelf
from web.forms import LARGEST

INJECTED = (
    f"{'x' * 10_000}@example.com",
    "ada@example.com\r\nBcc: eve@example.com",
    "ada@example.com, eve@example.com",
    "Ada <ada@example.com>",
)
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def address(site: httpx.Client, product: Product) -> str:
    """Somebody who has asked to subscribe."""
    made = f"{uuid4()}@reader.example"
    assert site.post("/subscribe", data={"address": made, "source": "home"}).status_code == 200
    shelf.asked(product, made)
    return made


def confirm_path(product: Product, address: str) -> str:
    return f"/confirm/{shelf.token(product, Purpose.CONFIRM, address)}"


def leave_path(product: Product, address: str) -> str:
    return f"/unsubscribe/{shelf.token(product, Purpose.UNSUBSCRIBE, address)}"


def heading(response: httpx.Response) -> str:
    return BeautifulSoup(response.text, "lxml").select_one("h1").get_text()


# ------------------------------------------------------------ subscribe


def test_who_subscribes_is_told_to_look_for_the_mail_and_is_not_on_the_list_yet(site, product, address):
    assert shelf.state(product, address) is SubscriberState.PENDING


def test_a_known_address_gets_the_same_answer_as_an_unknown_one(site, product, address):
    known, unknown = (f"{uuid4()}@reader.example" for _ in range(2))
    site.post("/subscribe", data={"address": known})
    shelf.asked(product, known)
    site.post(confirm_path(product, known))
    again, first = (site.post("/subscribe", data={"address": each}) for each in (known, unknown))
    assert again.status_code == first.status_code == 200
    assert again.text.replace(known, "X") == first.text.replace(unknown, "X")


@pytest.mark.parametrize("wrong", ["", "nobody", "a b@c", "@", "<script>alert(1)</script>", "x" * 400, *INJECTED])
def test_what_is_no_address_comes_back_in_the_form_with_the_reason(site, wrong):
    response = site.post("/subscribe", data={"address": wrong})
    assert response.status_code == 400
    soup = BeautifulSoup(response.text, "lxml")
    field = soup.select_one("input[name=address]")
    assert field["value"] == wrong.replace("\r\n", "\n")
    assert soup.select_one(f"#{field['aria-describedby']}").get_text(strip=True)
    assert [script for script in soup.select("script") if "alert" in str(script)] == []


def test_the_form_says_what_is_agreed_to_and_that_it_is_confirmed_by_mail(site):
    words = BeautifulSoup(site.get("/").text, "lxml").select_one(".subscribe").get_text(" ")
    assert "I can leave at any time" in words
    assert "Until you press it, nothing else comes" in words


def test_the_form_can_be_sent_as_multipart(site, product):
    made = f"{uuid4()}@reader.example"
    assert site.post("/subscribe", files={"address": (None, made)}).status_code == 200
    shelf.asked(product, made)
    assert shelf.state(product, made) is SubscriberState.PENDING


def settled(product: Product, kind: str, many: int) -> list[Path]:
    """The letters of this kind, once there are so many: they go out after the answer."""
    give_up = time.monotonic() + 5
    while len(found := sorted(product.settings.outbox_folder.glob(f"{kind}-*.eml"))) < many:
        assert time.monotonic() < give_up, f"{len(found)} letters"
        time.sleep(0.01)
    return found


def test_the_letter_follows_the_answer(fresh_site, fresh):
    fresh_site.post("/subscribe", data={"address": "ada@reader.example"})
    assert len(settled(fresh, "confirm", 1)) == 1


def test_while_the_mail_is_down_known_and_unknown_addresses_get_the_same_answer(fresh_site, fresh):
    fresh_site.post("/subscribe", data={"address": "ada@reader.example"})
    settled(fresh, "confirm", 1)
    fresh_site.post(confirm_path(fresh, "ada@reader.example"))
    folder = fresh.settings.outbox_folder
    folder.rename(folder.with_name("moved"))
    folder.write_text("a file where the folder should be")
    known, unknown = "ada@reader.example", "bea@reader.example"
    again, first = (fresh_site.post("/subscribe", data={"address": each}) for each in (known, unknown))
    assert again.status_code == first.status_code == 200
    assert again.text.replace(known, "X") == first.text.replace(unknown, "X")


def test_who_fills_in_the_field_that_nobody_sees_is_answered_and_forgotten(site, product):
    made = f"{uuid4()}@reader.example"
    response = site.post("/subscribe", data={"address": made, "website": "https://spam.example"})
    assert heading(response) == "Now check your mail"
    with product.database.read() as connection:
        assert subscribers.find(connection, made) is None


def test_the_decoy_is_out_of_sight_of_people_and_of_screen_readers(site):
    decoy = BeautifulSoup(site.get("/subscribe").text, "lxml").select_one("input[name=website]")
    assert decoy["tabindex"] == "-1"
    assert decoy["autocomplete"] == "off"
    assert decoy.find_parent(attrs={"aria-hidden": "true", "class": "decoy"})


# ------------------------------------------------------------ links from mails


def every_link(product: Product, address: str) -> list[str]:
    """Every link of every mail to this address."""
    with product.database.read() as connection:
        person = subscribers.find(connection, address)
    assert person is not None
    links, later = Links(product), product.now + timedelta(days=1)
    made = [links.confirm(person, expires=later), links.unsubscribe(person), links.preferences(person)]
    made.append(subscribing.way_back(product, made[1].rpartition("/")[2]) or "")
    made.append(subscribing._move_url(product, person, "new@reader.example", expires=later))
    return [each.removeprefix(product.settings.base_url) for each in made if each]


@pytest.mark.parametrize("state", [SubscriberState.PENDING, SubscriberState.ACTIVE, SubscriberState.UNSUBSCRIBED])
def test_a_thousand_crawls_of_every_link_change_nothing(fresh_site, fresh, state):
    """Scanners fetch what is in a mail, with GET and HEAD, again and again, and follow what they find."""
    ada = "ada@reader.example"
    fresh_site.post("/subscribe", data={"address": ada})
    settled(fresh, "confirm", 1)
    if state is not SubscriberState.PENDING:
        fresh_site.post(confirm_path(fresh, ada))
    if state is SubscriberState.UNSUBSCRIBED:
        fresh_site.post(leave_path(fresh, ada))
    paths = every_link(fresh, ada)
    before, mails = rows(fresh), len(list(fresh.settings.outbox_folder.iterdir()))
    crawls = 1000 // 3 // (2 * len(paths)) + 1
    for path in paths * crawls:
        for method in ("GET", "HEAD"):
            assert fresh_site.request(method, path).status_code in (200, 400)
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert fresh_site.request(method, paths[1]).status_code == 405
    assert rows(fresh) == before
    assert len(list(fresh.settings.outbox_folder.iterdir())) == mails
    assert shelf.state(fresh, ada) is state


def test_the_goodbye_page_has_a_button_that_takes_it_back(site, product, address):
    site.post(confirm_path(product, address))
    goodbye = BeautifulSoup(site.post(leave_path(product, address)).text, "lxml")
    form = goodbye.select_one("main form")
    assert form["method"] == "post"
    back = form["action"]
    assert heading(site.get(back)) == "One press to go"
    assert shelf.state(product, address) is SubscriberState.UNSUBSCRIBED
    for _ in range(2):
        assert heading(site.post(back)) == "You are on the list again"
    assert shelf.state(product, address) is SubscriberState.ACTIVE


def test_who_never_confirmed_is_shown_no_way_back(site, product, address):
    goodbye = BeautifulSoup(site.post(leave_path(product, address)).text, "lxml")
    assert goodbye.select("main form") == []


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_at_a_link_changes_nothing(site, product, address, method):
    for path in (confirm_path(product, address), leave_path(product, address)):
        assert site.request(method, path).status_code == 200
        assert shelf.state(product, address) is SubscriberState.PENDING


def test_a_link_shows_the_address_and_one_button_that_posts_to_the_same_place(site, product, address):
    for path in (confirm_path(product, address), leave_path(product, address)):
        soup = BeautifulSoup(site.get(path).text, "lxml")
        assert address in soup.get_text()
        form = soup.select_one("main form")
        assert form["method"] == "post"
        assert "action" not in form.attrs
        assert len(soup.select("button")) == 1


def test_the_button_confirms_and_pressing_it_again_is_harmless(site, product, address):
    for _ in range(2):
        assert heading(site.post(confirm_path(product, address))) == "You are on the list"
    assert shelf.state(product, address) is SubscriberState.ACTIVE


def test_each_step_of_the_trail_says_from_which_network_it_came_shortened(fresh_site, fresh):
    ada = "ada@reader.example"
    fresh_site.post("/subscribe", data={"address": ada})
    settled(fresh, "confirm", 1)
    fresh_site.post(confirm_path(fresh, ada))
    gone = fresh_site.post(leave_path(fresh, ada))
    fresh_site.post(BeautifulSoup(gone.text, "lxml").select_one("main form")["action"])
    with fresh.database.read() as connection:
        steps = subscribers.trail(connection, subscribers.find(connection, ada).id)
    assert [(each["kind"], each["source"], each["network"]) for each in steps] == [
        ("asked", "web", "127.0.0.0/24"),
        ("confirmed", "mail", "127.0.0.0/24"),
        ("withdrawn", "link", "127.0.0.0/24"),
        ("confirmed", "undo", "127.0.0.0/24"),
    ]


def test_the_button_takes_off_the_list_and_pressing_it_again_is_harmless(site, product, address):
    site.post(confirm_path(product, address))
    for _ in range(2):
        assert heading(site.post(leave_path(product, address))) == "You are off the list"
    assert shelf.state(product, address) is SubscriberState.UNSUBSCRIBED


@pytest.mark.parametrize("how", [{"data": ONE_CLICK}, {"files": {"List-Unsubscribe": (None, "One-Click")}}])
def test_a_mail_provider_unsubscribes_with_one_post_and_gets_a_plain_answer(site, product, address, how):
    response = site.post(leave_path(product, address), **how)
    assert (response.status_code, response.text) == (200, "Unsubscribed.\n")
    assert response.headers["content-type"].startswith("text/plain")
    assert shelf.state(product, address) is SubscriberState.UNSUBSCRIBED


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("kind", ["confirm", "unsubscribe", "undo", "move"])
@pytest.mark.parametrize("token", ["forged", "a.b.c", "%00", "x" * 3000])
def test_a_forged_link_is_refused_kindly(site, method, kind, token):
    response = site.request(method, f"/{kind}/{token}")
    assert response.status_code == 400
    assert heading(response) == "This link does not work any more"


def test_a_forged_one_click_post_is_refused_in_plain_text(site):
    response = site.post("/unsubscribe/forged", data=ONE_CLICK)
    assert response.status_code == 400
    assert response.headers["content-type"].startswith("text/plain")


def test_a_link_serves_only_its_own_purpose(site, product, address):
    confirm, leave = confirm_path(product, address), leave_path(product, address)
    assert site.post(confirm.replace("/confirm/", "/unsubscribe/")).status_code == 400
    assert site.post(leave.replace("/unsubscribe/", "/confirm/")).status_code == 400
    assert shelf.state(product, address) is SubscriberState.PENDING


def test_pages_of_one_reader_are_kept_nowhere(site, product, address):
    for path in (confirm_path(product, address), leave_path(product, address)):
        for response in (site.get(path), site.post(path)):
            assert response.headers["cache-control"] == "no-store"
            assert response.headers["x-robots-tag"] == "noindex"
            assert "etag" not in response.headers


# ------------------------------------------------------------ posts from elsewhere


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://verdicts.example"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "https://verdicts.example.elsewhere.example"},
        {"Origin": "null"},
    ],
)
def test_a_post_on_behalf_of_another_site_is_refused(site, product, address, headers):
    for path in ("/subscribe", confirm_path(product, address), leave_path(product, address)):
        response = site.post(path, data={"address": address}, headers=headers)
        assert response.status_code == 403
        assert "sent from another site" in response.text
    assert shelf.state(product, address) is SubscriberState.PENDING


@pytest.mark.parametrize(
    "headers",
    [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": "https://verdicts.example"}, None],
)
def test_a_post_from_this_site_or_from_no_browser_is_taken(site, product, address, headers):
    origin = {"Origin": str(site.base_url).rstrip("/")}
    assert site.post(confirm_path(product, address), headers=origin if headers is None else headers).status_code == 200
    assert shelf.state(product, address) is SubscriberState.ACTIVE


# ------------------------------------------------------------ bodies


def test_a_body_above_the_cap_is_refused_whether_its_length_is_said_or_not(site):
    for content in (b"address=" + b"x" * LARGEST, iter([b"address="] + [b"x" * 1024] * 20)):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        response = site.post("/subscribe", content=content, headers=headers)
        assert response.status_code == 413
        assert heading(response) == "Too much"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x00\xff\xfe", "application/x-www-form-urlencoded"),
        (b"address=%ff%fe", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % number for number in range(50)), "application/x-www-form-urlencoded"),
        (b"garbage", "multipart/form-data; boundary=x"),
        (b"garbage", "multipart/form-data"),
        (b'{"address": "a@b.example"}', "application/json"),
        (b"", "text/plain"),
    ],
)
def test_a_body_that_is_no_form_is_refused(site, content, kind):
    assert site.post("/subscribe", content=content, headers={"Content-Type": kind}).status_code == 400


def test_a_file_in_the_form_is_refused(site):
    response = site.post("/subscribe", files={"address": ("a.txt", b"a@b.example")})
    assert response.status_code == 400
