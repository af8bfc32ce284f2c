"""Who gets in, how, and how they get out."""

from __future__ import annotations

import re
import time
from datetime import timedelta

import pytest
from playwright.sync_api import Page

from app import limiting, signing_in
from core.errors import Refused
from store import audit, sessions
from tests.chromium import needs_chromium
from tests.desk.conftest import BUILDER, CHIEF, EDITOR, session_of
from tests.web.test_load import counted

SIGN_IN = "/desk/sign-in"


def mailed_link(product) -> str:
    letters = sorted(product.settings.outbox_folder.rglob("*.eml"))
    assert len(letters) == 1
    text = letters[0].read_text().replace("=\n", "").replace("=3D", "=")
    return re.search(r"http://localhost:\d+(/desk/sign-in/[\w-]+)", text)[1]


def wait_for_mail(product, site) -> str:
    """The letter goes out behind the answer."""
    for _ in range(100):
        if list(product.settings.outbox_folder.rglob("*.eml")):
            break
        time.sleep(0.02)
    return mailed_link(product)


def test_who_is_not_signed_in_is_sent_to_the_entrance_and_led_back(stranger):
    answer = stranger.get("/desk/me?a=1")
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/desk/sign-in?to=%2Fdesk%2Fme%3Fa%3D1",
    )
    assert 'value="/desk/me?a=1"' in stranger.get(answer.headers["location"]).text


def test_a_mailed_link_signs_in_once_by_its_button_and_leads_where_the_visitor_was_headed(stranger, site, product):
    asked = stranger.post(SIGN_IN, data={"address": BUILDER, "to": "/desk/me?a=1"})
    assert asked.status_code == 200
    link = wait_for_mail(product, site)
    for _ in range(3):  # scanners follow it
        assert stranger.get(link).status_code == 200
    done = stranger.post(link, data={"zone": "Europe/Berlin"})
    assert (done.status_code, done.headers["location"]) == (303, "/desk/me?a=1")
    assert "httponly" in done.headers["set-cookie"].lower()
    page = stranger.get("/desk/me")
    assert "Europe/Berlin" in page.text
    assert stranger.get(link).status_code == 400
    assert "has been used" in stranger.post(link).text


def test_known_and_unknown_addresses_get_the_same_answer_and_only_the_known_one_a_mail(stranger, site, product):
    known = stranger.post(SIGN_IN, data={"address": BUILDER})
    wait_for_mail(product, site)
    unknown = stranger.post(SIGN_IN, data={"address": "nobody@example.com"})
    assert known.status_code == unknown.status_code == 200
    assert known.text.replace(BUILDER, "") == unknown.text.replace("nobody@example.com", "")
    assert {**known.headers, "date": "", "content-length": ""} == {**unknown.headers, "date": "", "content-length": ""}
    assert len(list(product.settings.outbox_folder.rglob("*.eml"))) == 1


def test_a_mailbox_is_not_filled_however_many_ask(product, monkeypatch):
    monkeypatch.setattr(
        limiting, "LIMITS", {**limiting.LIMITS, "sign-in-mail": limiting.Limit(per_address=5, per_network=5)}
    )
    for _ in range(9):
        signing_in.send_link(product, BUILDER)
    assert len(list(product.settings.outbox_folder.rglob("*.eml"))) == 5


def test_asking_too_often_from_one_place_is_refused_with_a_time(stranger, monkeypatch):
    monkeypatch.setattr(
        limiting, "LIMITS", {**limiting.LIMITS, "sign-in": limiting.Limit(per_address=2, per_network=9)}
    )
    answers = [stranger.post(SIGN_IN, data={"address": "a@example.com"}) for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"]


def test_a_link_ends_after_fifteen_minutes(product, hand, stranger):
    signing_in.send_link(product, BUILDER)
    hand.turn(minutes=15)
    answer = stranger.post(mailed_link(product))
    assert answer.status_code == 400
    assert "fifteen minutes are over" in answer.text


def test_a_link_of_somebody_who_left_signs_nobody_in(product, stranger):
    signing_in.send_link(product, BUILDER)
    with product.database.write() as connection:
        connection.exec_driver_sql("UPDATE person SET active = false WHERE email = 'builder@example.com'")
    assert stranger.post(mailed_link(product)).status_code == 400


def test_a_session_ends_with_its_time_with_idleness_and_with_its_person(product, hand):
    secret = session_of(product, BUILDER)
    assert signing_in.visitor(product, secret).person.email == BUILDER
    hand.turn(days=13)
    assert signing_in.visitor(product, secret)
    hand.turn(days=13)
    assert signing_in.visitor(product, secret)
    hand.turn(days=5)
    assert signing_in.visitor(product, secret) is None
    secret = session_of(product, BUILDER)
    hand.turn(days=14)
    assert signing_in.visitor(product, secret) is None


def test_a_forged_cookie_is_nobody(stranger):
    stranger.cookies.set("desk", "x" * 43)
    assert stranger.get("/desk/me").status_code == 303


def test_secrets_are_kept_as_hashes(product):
    secret = session_of(product, BUILDER)
    with product.database.read() as connection:
        [kept] = connection.exec_driver_sql("SELECT token_hash FROM session").all()
    assert secret not in kept[0]


def test_sign_out_ends_this_session_and_everywhere_ends_all(signed_in):
    one, other, another = signed_in(BUILDER), signed_in(BUILDER), signed_in(EDITOR)
    assert one.post("/desk/sign-out").headers["location"] == SIGN_IN
    assert [each.get("/desk/me").status_code for each in (one, other, another)] == [303, 200, 200]
    third = signed_in(BUILDER)
    assert third.post("/desk/me/end-all").status_code == 303
    assert [each.get("/desk/me").status_code for each in (other, third, another)] == [303, 303, 200]


def test_one_session_ends_from_another_and_not_somebody_else_s(signed_in, product):
    mine, lost, theirs = signed_in(BUILDER), signed_in(BUILDER), signed_in(EDITOR)
    keys = {}
    with product.database.read() as connection:
        for client in (lost, theirs):
            secret = client.cookies["desk"]
            keys[client] = signing_in.hash_secret(secret)
            assert sessions.live(connection, keys[client], now=product.now, idle_since=product.now - timedelta(days=1))
    done = mine.post("/desk/me/end", data={"session": keys[lost]})
    assert done.status_code == 303
    assert "That session is over." in mine.get("/desk/me").text
    assert "That session is over." not in mine.get("/desk/me").text  # it is said once
    assert mine.post("/desk/me/end", data={"session": keys[theirs]}).status_code == 404
    assert [each.get("/desk/me").status_code for each in (mine, lost, theirs)] == [200, 303, 200]


def test_the_own_page_takes_as_many_statements_with_more_sessions(signed_in, product):
    client = signed_in(CHIEF)
    client.get("/desk/me")
    with counted(product) as few:
        client.get("/desk/me")
    for _ in range(5):
        session_of(product, CHIEF)
    with counted(product) as many:
        assert client.get("/desk/me").text.count("A test's browser".replace("'", "&#39;")) == 6
    assert len(few) == len(many) <= 12


def test_a_note_of_another_session_is_not_shown(signed_in):
    mine, theirs = signed_in(BUILDER), signed_in(EDITOR)
    note = mine.post("/desk/me/zone", data={"zone": "Asia/Tokyo"}).cookies["desk-note"]
    theirs.cookies.set("desk-note", note, path="/desk")
    assert "in that zone now" not in theirs.get("/desk/me").text


def test_no_link_leads_away(stranger):
    for away in (
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/deskevil",
        "/desk/../x\n",
        "javascript:1",
    ):
        assert 'name="to" value=""' in stranger.get(SIGN_IN, params={"to": away}).text


def test_a_zone_that_is_none_is_refused(signed_in):
    for wrong in ("Mars/Olympus", "../etc/passwd", "", "x" * 5000):
        answer = signed_in(BUILDER).post("/desk/me/zone", data={"zone": wrong})
        assert answer.status_code == 400
        assert "is not a time zone" in answer.text


def test_coming_and_going_is_in_the_log(signed_in, product):
    signed_in(CHIEF).post("/desk/sign-out")
    with product.database.read() as connection:
        done = [each["action"] for each in audit.entries(connection, subject=f"person:{CHIEF}")]
    assert done[:2] == ["person.sign_out", "person.sign_in"]


def test_a_post_of_another_site_is_refused(signed_in):
    answer = signed_in(BUILDER).post("/desk/me/zone", data={"zone": "UTC"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_a_link_of_nobody_is_refused_with_a_sentence(product):
    with pytest.raises(Refused, match="Ask for a new one"):
        signing_in.check(product, "x" * 43)


@needs_chromium
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without JavaScript"])
def test_who_asks_for_a_page_gets_there_by_the_mailed_link(site, product, chromium, scripts):
    def journey(page: Page) -> list[str]:
        seen = [page.locator("h1").inner_text()]
        page.get_by_label("Your e-mail address").fill(BUILDER)
        page.get_by_role("button", name="Send me a link").click()
        page.get_by_text("a link is on its way").wait_for()
        page.goto(site.address + wait_for_mail(product, site))
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/desk/mine")
        page.goto(site.address + "/desk/me")
        return [*seen, page.locator("h1").inner_text(), page.get_by_label("Times are shown in").input_value()]

    seen = chromium.look("/desk/mine", journey, scripts=scripts, cookies={})
    zone = chromium.look("/desk/me", lambda page: page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone"))
    assert seen == ["Sign in", "Builder", zone if scripts else "UTC"]


@needs_chromium
def test_a_passkey_is_made_signs_in_and_can_be_removed(site, product, chromium):
    def journey(page: Page) -> list[str]:
        cdp = page.context.new_cdp_session(page)
        cdp.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        page.get_by_label("Name of this device").fill("Laptop <b>")
        page.get_by_role("button", name="Add a passkey").click()
        page.get_by_text("The passkey is kept").wait_for()
        seen = [page.locator("#passkeys-head + ul b").inner_text()]
        page.get_by_role("button", name="Sign out", exact=True).click()
        page.get_by_role("button", name="Use a passkey").click()
        page.wait_for_url("**/desk/queue")
        page.goto(site.address + "/desk/me")
        seen.append(page.locator("h1").inner_text())
        page.get_by_role("button", name="Remove Laptop").click()
        page.get_by_text("signs nobody in").wait_for()
        page.get_by_role("button", name="Sign out", exact=True).click()
        page.get_by_role("button", name="Use a passkey").click()
        problem = page.get_by_role("alert")
        problem.wait_for()
        return [*seen, problem.inner_text()]

    chromium.confirm = True
    try:
        seen = chromium.look("/desk/me", journey, cookies={"desk": session_of(product, CHIEF)})
    finally:
        chromium.confirm = None
    assert seen[:2] == ["Laptop <b>", "Chief"]
    assert "not known here" in seen[2]
