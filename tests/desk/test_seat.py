"""A seat: what is shown, what is kept, and that nothing typed is ever lost or overwritten."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
from playwright.sync_api import Page

from app import editing, reviewing
from app.wiring import Product
from core.panel import Basis, Decision, Draft, SeatState
from store import panels, people, reviews
from tests.app import making
from tests.chromium import needs_chromium
from tests.desk.conftest import BUILDER, EDITOR, SECOND_BUILDER, SKEPTIC, session_of
from tests.web.test_load import counted

QUOTE = "It did what it said, and it said little. " * 4
HOSTILE = "<script>alert(1)</script>\"'&{{ 7 * 7 }}"
SCRIPT = {"Accept": "application/json"}


@dataclass
class Held:
    """A seat of Ada that the builder holds, and what a form of it would send."""

    product: Product
    seat: int
    fence: int

    @property
    def path(self) -> str:
        return f"/desk/seats/{self.seat}"

    def form(self, **more: str) -> dict[str, str]:
        words = {"decision": "ship", "quote": QUOTE, "basis": "docs", "disclosure": ""}
        return words | {"fence": str(self.fence), "version": "0"} | more

    def draft(self, email: str = BUILDER) -> Draft:
        with self.product.database.read() as connection:
            return reviews.get_draft(connection, people.find(connection, email), self.seat)

    def said(self) -> list[tuple[int, str, str]]:
        with self.product.database.read() as connection:
            at = reviews.get_seat(connection, self.seat).tool
            found = panels.said_on(connection, [at]).get(at, ())
        return [(each.version, each.state.value, each.quote) for each in found if each.seat == self.seat]

    def state(self) -> SeatState:
        with self.product.database.read() as connection:
            return reviews.get_seat(connection, self.seat).state


@pytest.fixture
def held(product) -> Held:
    making.shelve(product, "Ada", "Bea")
    lease = reviewing.claim(product, BUILDER, tool="ada")
    return Held(product=product, seat=lease.seat, fence=lease.fence)


@pytest.fixture
def builder(signed_in) -> httpx.Client:
    return signed_in(BUILDER)


def lose(held: Held, hand) -> int:
    """The lease runs out and the second builder takes the seat. Returns their fence."""
    hand.turn(minutes=31)
    return reviewing.claim(held.product, SECOND_BUILDER, tool="ada").fence


# ------------------------------------------------------------ what is shown


def test_the_page_holds_what_a_reviewer_needs(builder, held):
    page = builder.get(held.path).text
    for part in ("Ada is an AI agent that reads", "ada.example", "shelf: ", "3 points", "What would I build", "Asks"):
        assert part in page
    assert 'rel="nofollow noopener noreferrer"' in page
    assert "yours until" in page


def test_a_seat_of_another_lens_is_nobody_else_s_business(signed_in, held):
    skeptic = signed_in(SKEPTIC)
    for refused in (skeptic.get(held.path), skeptic.post(f"{held.path}/draft", data=held.form())):
        assert refused.status_code == 400
        assert "looks through" in refused.text
    assert skeptic.post(f"{held.path}/submit", data=held.form()).status_code == 400
    assert held.state() is SeatState.LEASED
    for forged in ("0", "999999", "99999999999999999999", "1e3", "-1"):
        assert skeptic.get(f"/desk/seats/{forged}").status_code == 404


def test_hostile_text_in_every_field_is_just_text(builder, held):
    builder.post(f"{held.path}/draft", data=held.form(quote=HOSTILE, disclosure=HOSTILE))
    page = builder.get(held.path).text
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)") == 2
    builder.post(f"{held.path}/submit", data=held.form(quote=HOSTILE, disclosure=HOSTILE, version="1"))
    reviewing.show_panel(held.product, BUILDER, held.seat)
    page = builder.get(held.path).text
    assert "<script>alert" not in page
    assert "{{ 7 * 7 }}" in page


def test_the_page_takes_a_fixed_number_of_statements(builder, held, product):
    builder.get(held.path)
    with counted(product) as few:
        builder.get(held.path)
    for number in range(30):
        identifiers = making.sighting("Ada").identifiers
        making.bring(product, making.sighting("Ada", external_id=f"again-{number}", identifiers=identifiers))
    with counted(product) as many:
        assert "Seen 31 times" in builder.get(held.path).text
    assert len(few) == len(many) <= 32


# ------------------------------------------------------------ drafts


def test_a_draft_is_kept_with_a_button_and_renews_the_lease(builder, held, hand):
    hand.turn(minutes=20)
    saved = builder.post(f"{held.path}/draft", data=held.form(quote="So far\r\nso good"))
    assert saved.headers["location"] == held.path
    assert "Your draft is saved." in builder.get(held.path).text
    assert (held.draft().quote, held.draft().version) == ("So far\nso good", 1)
    hand.turn(minutes=20)
    with pytest.raises(Exception, match="No seat of ada waits"):
        reviewing.claim(held.product, SECOND_BUILDER, tool="ada")


def test_the_script_saves_as_it_goes_and_hears_the_version(builder, held):
    first = builder.post(f"{held.path}/draft", data=held.form(), headers=SCRIPT).json()
    assert (first["version"], first["lost"]) == (1, "")
    again = builder.post(f"{held.path}/draft", data=held.form(version="1"), headers=SCRIPT).json()
    assert again["version"] == 1  # the same words twice are one saving
    third = builder.post(f"{held.path}/draft", data=held.form(quote="Else", version="1"), headers=SCRIPT).json()
    assert third["version"] == 2


def test_two_tabs_never_overwrite_each_other(builder, held):
    builder.post(f"{held.path}/draft", data=held.form(quote="from tab one"))
    by_script = builder.post(f"{held.path}/draft", data=held.form(quote="from tab two"), headers=SCRIPT)
    assert by_script.status_code == 409
    assert by_script.json()["newer"]["quote"] == "from tab one"
    by_button = builder.post(f"{held.path}/draft", data=held.form(quote="from tab two"))
    assert by_button.status_code == 409
    assert "from tab one" in by_button.text
    assert ">from tab two</textarea>" in by_button.text
    assert held.draft().quote == "from tab one"
    # Submitting from the older tab would publish over it, too.
    submitted = builder.post(f"{held.path}/submit", data=held.form(quote="from tab two"))
    assert submitted.status_code == 409
    assert (held.draft().quote, held.said()) == ("from tab one", [])
    # The page that was refused carries the newer version: saving from it keeps mine on purpose.
    version = re.search(r'name="version" value="(\d+)"', by_button.text)[1]
    assert builder.post(f"{held.path}/draft", data=held.form(quote="from tab two", version=version)).status_code == 303
    assert held.draft().quote == "from tab two"


def test_a_lost_lease_keeps_the_text_and_says_so(builder, signed_in, held, hand):
    lose(held, hand)
    builder.cookies.set("desk", session_of(held.product, BUILDER))
    by_script = builder.post(f"{held.path}/draft", data=held.form(), headers=SCRIPT)
    assert by_script.status_code == 200
    assert by_script.json()["lease_until"] is None
    assert "Your text is kept" in by_script.json()["lost"]
    assert held.draft().quote == QUOTE
    refused = builder.post(f"{held.path}/submit", data=held.form(version="1"))
    assert refused.status_code == 409
    assert "Your text is kept" in refused.text
    assert QUOTE.strip() in refused.text
    page = builder.get(held.path).text
    assert "Somebody else has this seat now" in page
    assert QUOTE.strip() in page
    # The other person sees nothing of it, and has a draft of their own.
    other = signed_in(SECOND_BUILDER)
    assert QUOTE.strip() not in other.get(held.path).text
    hand.turn(minutes=31)
    assert "Claim this seat" in builder.get(held.path).text
    builder.post(f"{held.path}/claim")
    assert QUOTE.strip() in builder.get(held.path).text


def test_what_is_too_long_for_a_verdict_is_kept_as_a_draft_and_a_megabyte_is_refused(builder, held):
    long = "word " * 2000
    refused = builder.post(f"{held.path}/submit", data=held.form(quote=long))
    assert refused.status_code == 400
    assert "4000 is the limit" in refused.text
    assert long.strip() in refused.text
    assert builder.post(f"{held.path}/draft", data=held.form(quote=long), headers=SCRIPT).status_code == 200
    too_long = builder.post(f"{held.path}/draft", data=held.form(quote="x" * 30_000), headers=SCRIPT)
    assert too_long.status_code == 400
    assert "A draft holds" in too_long.json()["error"]
    assert builder.post(f"{held.path}/submit", data=held.form(quote="x" * 1_000_000)).status_code == 413
    assert (held.said(), held.draft().quote) == ([], long)


def test_what_no_database_keeps_does_not_break_a_draft(builder, held):
    body = b"quote=a%00b%ED%A0%80c&version=0&fence=1"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert builder.post(f"{held.path}/draft", content=body, headers=headers).status_code == 303
    assert "\x00" not in held.draft().quote
    for wrong in ({"fence": "x"}, {"version": "9" * 12}, {"decision": "maybe"}, {"basis": "rumour"}):
        answer = builder.post(f"{held.path}/draft", data=held.form(**wrong), headers=SCRIPT)
        assert answer.status_code in (400, 409)
        assert answer.json()["error"]


def test_a_draft_can_be_thrown_away(builder, held):
    builder.post(f"{held.path}/draft", data=held.form())
    assert "Drafts" in builder.get("/desk/mine").text
    builder.post(f"{held.path}/draft/drop")
    assert held.draft().version == 0


# ------------------------------------------------------------ the verdict


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"decision": ""}, "Choose ship or skip"),
        ({"basis": ""}, "hands-on, or docs only"),
        ({"quote": " \n "}, "needs a quote"),
        ({"disclosure": "x" * 501}, "longer than 500"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_lost(builder, held, wrong, message):
    answer = builder.post(f"{held.path}/submit", data=held.form(**({"disclosure": "I know them."} | wrong)))
    assert answer.status_code == 400
    assert message in answer.text
    assert "quote" in wrong or QUOTE.strip() in answer.text
    assert "disclosure" in wrong or "I know them." in answer.text
    assert held.said() == []


def test_a_verdict_pressed_twice_is_one(builder, held):
    answers = [builder.post(f"{held.path}/submit", data=held.form()) for _ in range(2)]
    assert [each.status_code for each in answers] == [303, 303]
    assert held.said() == [(1, "submitted", QUOTE.strip())]
    assert held.draft().version == 0
    other = builder.post(f"{held.path}/submit", data=held.form(quote="Something else."))
    assert other.status_code == 409
    assert "already submitted" in other.text
    assert len(held.said()) == 1


def test_a_stale_fence_is_refused_with_the_words_kept(builder, held):
    answer = builder.post(f"{held.path}/submit", data=held.form(fence="7"))
    assert answer.status_code == 409
    assert QUOTE.strip() in answer.text
    assert held.draft().quote == QUOTE.strip()


def test_a_verdict_is_withdrawn_until_the_panel_was_shown(builder, held):
    making.seat_panel(held.product)
    making.submit(held.product, "ada", "skeptic", ship=False, quote="Zanzibar.")
    builder.post(f"{held.path}/submit", data=held.form())
    page = builder.get(held.path).text
    assert "Withdraw it" in page  # the undo of the note
    assert "Zanzibar" not in page
    assert builder.post(f"{held.path}/withdraw", data={"version": "1"}).headers["location"] == held.path
    assert (held.state(), held.draft().quote) == (SeatState.LEASED, QUOTE.strip())
    builder.post(f"{held.path}/submit", data=held.form(fence=str(held.fence + 1), version="1"))
    assert builder.post(f"{held.path}/panel").headers["location"] == f"{held.path}#panel"
    page = builder.get(held.path).text
    assert "Zanzibar" in page
    assert "1-1" in page
    refused = builder.post(f"{held.path}/withdraw", data={"version": "2"})
    assert refused.status_code == 400
    assert "Revise your verdict instead" in refused.text
    assert [state for _, state, _ in held.said()] == ["withdrawn", "submitted"]


def test_the_panel_is_not_shown_before_the_verdict_is_in(builder, held):
    making.seat_panel(held.product)
    making.submit(held.product, "ada", "skeptic", quote="Zanzibar.")
    assert builder.post(f"{held.path}/panel").status_code == 400
    assert "Zanzibar" not in builder.get(held.path).text


def test_a_revision_needs_a_reason_and_keeps_the_old_version(builder, held):
    builder.post(f"{held.path}/submit", data=held.form())
    form = held.form(quote="On a second look, no.", decision="skip", verdict="1")
    refused = builder.post(f"{held.path}/revise", data=form)
    assert refused.status_code == 400
    assert "On a second look, no." in refused.text
    version = re.search(r'name="version" value="(\d+)"', refused.text)[1]
    done = builder.post(f"{held.path}/revise", data=form | {"reason": "It broke.", "version": version})
    assert done.status_code == 303
    page = builder.get(held.path).text
    assert "1 earlier version" in page
    assert "It broke." in page
    assert held.said() == [(1, "revised", QUOTE.strip()), (2, "submitted", "On a second look, no.")]
    twice = builder.post(f"{held.path}/revise", data=form | {"reason": "It broke.", "version": version})
    assert twice.status_code == 303
    stale = builder.post(f"{held.path}/revise", data=form | {"reason": "Again.", "quote": "Third.", "version": "0"})
    assert stale.status_code == 409
    assert "Third." in stale.text
    assert len(held.said()) == 2


def test_a_revision_of_an_approved_verdict_asks_for_approval_again(product, builder):
    making.review(product, "Ada", "Bea", verdicts="++++")
    made = making.approve(product, "ada", "bea")
    with product.database.read() as connection:
        [ada] = [each for each in editing.list_tools(product) if each.slug == "ada"]
        seat = reviews.verdicts(connection, [ada.id])[ada.id][0].seat
    reviewing.revise(
        product,
        BUILDER,
        seat=seat,
        version=1,
        decision=Decision.SKIP,
        quote="No.",
        basis=Basis.DOCS,
        reason="It broke.",
    )
    now = editing.show_comparison(product, made.slug).comparison
    assert (now.state.value, now.version) == ("draft", made.version + 1)
    # It stands in an approved comparison: taken away it cannot be.
    with pytest.raises(Exception, match="can be revised, not taken away"):
        reviewing.withdraw(product, BUILDER, seat, version=2)


# ------------------------------------------------------------ declined


def test_a_decline_needs_a_reason_and_can_be_taken_back_but_for_a_conflict(builder, held):
    assert builder.post(f"{held.path}/decline").status_code == 400
    done = builder.post(f"{held.path}/decline", data={"reason": "not-my-field"})
    assert done.headers["location"] == "/desk/queue"
    assert "Take it back" in builder.get("/desk/queue").text
    assert builder.post(f"{held.path}/decline/undo").headers["location"] == held.path
    builder.post(f"{held.path}/decline", data={"reason": "conflict-of-interest"})
    page = builder.get("/desk/queue").text
    assert "Take it back" not in page
    assert "Ada" not in page
    assert builder.post(f"{held.path}/decline/undo").status_code == 400
    refused = builder.post(f"{held.path}/claim")
    assert refused.status_code == 400
    assert "conflict of interest" in refused.text


def test_the_last_reviewer_s_decline_is_an_alarm(builder, signed_in, held):
    builder.post(f"{held.path}/decline", data={"reason": "later"})
    other = signed_in(SECOND_BUILDER)
    other.post(f"{held.path}/decline", data={"reason": "not-my-field"})
    assert "Nobody is left for builder" in other.get("/desk/queue").text
    assert "Ada" in signed_in(EDITOR).get("/desk/panels", params={"show": "deserted"}).text


# ------------------------------------------------------------ in a browser


def _act(chromium, path, journey, product, **more):
    def and_leave(page: Page) -> list[str]:
        found = journey(page)
        page.goto("about:blank")  # what is left open would go on saving, into the next test
        return found

    return chromium.look(path, and_leave, cookies={"desk": session_of(product, BUILDER)}, **more)


@needs_chromium
def test_journey_by_keyboard_alone(chromium, site, product):
    making.shelve(product, "Ada")

    def journey(page: Page) -> list[str]:
        page.keyboard.press("n")
        page.wait_for_url("**/desk/seats/*")
        page.keyboard.press("x")
        page.keyboard.press("e")
        page.keyboard.type("It fails on the second file, and says so nowhere at all, not even in its log.")
        page.get_by_text("17 words").wait_for()
        page.keyboard.press("Tab")
        page.keyboard.press("Space")  # hands-on
        page.keyboard.press("Control+Enter")
        page.get_by_text("Your verdict on Ada is in.").wait_for()
        seen = [page.locator(".spoken .skip").inner_text()]
        page.keyboard.press("u")
        page.get_by_text("Your verdict is withdrawn").wait_for()
        seen.append(page.locator("textarea").input_value()[:8])
        page.keyboard.press("?")
        return [*seen, page.locator("#keys dl").inner_text()]

    seen = _act(chromium, "/desk/queue", journey, product)
    assert seen[:2] == ["Skip", "It fails"]
    assert "Decline" in seen[2]


@needs_chromium
def test_journey_without_javascript(chromium, site, product):
    making.shelve(product, "Ada")

    def journey(page: Page) -> list[str]:
        page.get_by_role("button", name="Next seat").click()
        page.get_by_label("Quote").fill("First words")
        page.get_by_role("button", name="Save draft").click()
        page.get_by_text("Your draft is saved.").wait_for()
        seen = [page.get_by_label("Quote").input_value()]
        page.get_by_label("Ship").check()
        page.get_by_label("Docs only").check()
        page.get_by_role("button", name="Submit").click()
        page.get_by_text("Your verdict on Ada is in.").wait_for()
        page.get_by_role("button", name="Show the panel").click()
        page.get_by_text("Revise your verdict").click()
        page.get_by_label("Quote").fill("Better words")
        page.get_by_label("What has changed").fill("I read it again.")
        page.get_by_role("button", name="Revise").click()
        page.get_by_text("Your verdict is revised").wait_for()
        return [*seen, page.locator(".spoken blockquote").first.inner_text()]

    assert _act(chromium, "/desk/queue", journey, product, scripts=False) == ["First words", "Better words"]


@needs_chromium
def test_journey_autosave_two_tabs_and_a_lost_lease(chromium, site, held, hand):
    person = BUILDER

    def journey(page: Page) -> list[str]:
        page.get_by_label("Quote").fill("Typed here")
        page.locator("[data-saved]", has_text=re.compile("Draft saved")).wait_for()  # two seconds later
        seen = [held.draft(person).quote]
        reviewing.save_draft(
            held.product, person, Draft(seat=held.seat, version=1, quote="From the phone"), fence=held.fence
        )
        page.get_by_label("Quote").fill("Typed on")
        page.evaluate("document.querySelector('form[data-draft]').dispatchEvent(new Event('change'))")
        page.get_by_role("button", name="Keep mine").wait_for()
        seen.append(page.locator("[data-newer]").inner_text())
        hand.turn(minutes=31)
        reviewing.claim(held.product, SECOND_BUILDER, tool="ada")
        page.get_by_role("button", name="Keep mine").click()
        page.get_by_text("You do not have this seat any more").wait_for()
        return [*seen, held.draft(person).quote, page.get_by_label("Quote").input_value()]

    seen = _act(chromium, held.path, journey, held.product)
    assert seen == ["Typed here", "From the phone", "Typed on", "Typed on"]


def test_the_time_between_opening_and_submitting_is_kept(product, held, hand):
    hand.turn(seconds=12)
    reviewing.submit(
        product, BUILDER, seat=held.seat, fence=held.fence, decision=Decision.SHIP, quote="Yes.", basis=Basis.DOCS
    )
    with product.database.read() as connection:
        at = reviews.get_seat(connection, held.seat).tool
        [said] = panels.said_on(connection, [at])[at]
    assert said.seconds == 12
    assert said.submitted_at == product.now
    assert said.opened_at == product.now - timedelta(seconds=12)
