"""Comparisons at the desk: what waits, what changed, the real previews, approval and its ways back."""

from __future__ import annotations

import pytest

from app import composing, editing, reviewing
from core.comparison import ComparisonState
from core.panel import Role
from tests.app.making import CHANGES, WEEK, approve, hold, review, shelve, submit
from tests.chromium import needs_chromium
from tests.databases import built_upon
from tests.desk.conftest import EDITOR, session_of
from tests.desk.editors import fields, said, undo
from tests.web.test_load import counted

ONE = "/desk/comparisons/ada-vs-bea"


@pytest.fixture(scope="module")
def built(peopled_template, tmp_path_factory):
    """A draft of two, and what it takes for more."""

    def build(product) -> None:
        review(product, "Ada", "Bea", "Cid", "Dot")
        editing.create_comparison(product, "ada", "bea", actor="test", weighed=(0.5, ()))

    return built_upon(peopled_template, tmp_path_factory.mktemp("comparisons"), build)


@pytest.fixture
def start(request, built, peopled_template):
    return built if "pair" in request.fixturenames else peopled_template


@pytest.fixture
def pair(product):
    return product


def state(product) -> ComparisonState:
    return editing.show_comparison(product, "ada-vs-bea").comparison.state


def press(client, what: str, **more: str):
    form = fields(client.get(ONE).text, f"{ONE}/{what}")
    return client.post(f"{ONE}/{what}", data={**form, **more})


def test_lists_hold_what_their_names_say(signed_in, pair):
    client = signed_in(EDITOR)

    def listed() -> set[str]:
        states = ("draft", "stale", "approved", "published", "retired")
        return {each for each in states if f'href="{ONE}"' in client.get(f"/desk/comparisons?state={each}").text}

    assert listed() == {"draft"}
    press(client, "approve")
    assert listed() == {"approved"}
    CHANGES[0](pair)
    assert "1 changed" in said(client, client.post("/desk/comparisons"))
    assert listed() == {"draft", "stale"}
    press(client, "retire")
    assert listed() == {"retired"}
    assert client.get("/desk/comparisons?state=nonsense").status_code == 200
    assert client.get("/desk/comparisons?after=x").status_code == 404


def test_the_version_that_was_read_is_approved_and_withdrawn_again(signed_in, pair):
    client = signed_in(EDITOR)
    done = press(client, "approve")
    assert state(pair) is ComparisonState.APPROVED
    assert "ada-vs-bea" in composing.assemble(pair, WEEK).comparisons
    done = undo(client, done)
    assert state(pair) is ComparisonState.DRAFT
    undo(client, done)
    assert state(pair) is ComparisonState.APPROVED
    hold(pair)


def test_an_approval_of_what_has_changed_since_is_refused_and_shows_what(signed_in, pair):
    client = signed_in(EDITOR)
    press(client, "approve")
    CHANGES[0](pair)
    form = fields(client.get(ONE).text, f"{ONE}/approve")
    CHANGES[2](pair)
    answer = client.post(f"{ONE}/approve", data=form)
    assert answer.status_code == 409
    for held in ("Look at it again", "Changed since the approval", "agpl-3.0", "Something else entirely."):
        assert held in answer.text
    assert state(pair) is ComparisonState.DRAFT
    assert client.post(f"{ONE}/approve", data=fields(answer.text, f"{ONE}/approve")).status_code == 303


def test_pressed_twice_or_by_two_it_is_approved_once(signed_in, pair):
    one, other = signed_in(EDITOR), signed_in(EDITOR)
    form = fields(one.get(ONE).text, f"{ONE}/approve")
    assert [each.post(f"{ONE}/approve", data=form).status_code for each in (one, other, one)] == [303, 303, 303]
    page = one.get(ONE).text
    assert page.count("comparison.approve") == 1


def test_words_of_a_machine_must_be_ticked_as_read(signed_in, product):
    review(product, "Ada")
    shelve(product, "Bea")
    reviewing.invite(
        product, "bot@example.com", roles=[Role.REVIEWER], lenses=["creator"], machine=True, name="Bot", actor="test"
    )
    for lens in ("builder", "skeptic", "futurist"):
        submit(product, "bea", lens)
    lease = reviewing.claim(product, "bot@example.com", lens="creator", tool="bea")
    reviewing.submit(
        product,
        "bot@example.com",
        seat=lease.seat,
        fence=lease.fence,
        decision="ship",
        quote="The documents name three uses.",
        basis="docs",
    )
    editing.create_comparison(product, "ada", "bea", actor="test")
    client = signed_in(EDITOR)
    page = client.get(ONE).text
    assert "A machine wrote these" in page
    refused = press(client, "approve")
    assert (refused.status_code, state(product)) == (400, ComparisonState.DRAFT)
    assert press(client, "approve", **{"read:creator~bea": "1"}).status_code == 303
    assert "A machine wrote these" not in client.get(ONE).text


def test_a_retired_comparison_comes_back_as_what_it_was(signed_in, pair):
    client = signed_in(EDITOR)
    press(client, "approve")
    composing.assemble(pair, WEEK)
    composing.approve(pair, WEEK, email=EDITOR)
    assert state(pair) is ComparisonState.PUBLISHED
    assert client.get("/compare/ada-vs-bea").status_code == 200
    done = press(client, "retire")
    assert client.get("/compare/ada-vs-bea").status_code == 404
    assert undo(client, done).status_code == 303
    assert state(pair) is ComparisonState.PUBLISHED
    assert press(client, "retire").status_code == 303
    hold(pair)


@pytest.mark.parametrize("act", ["withdraw", "retire"])
def test_what_is_stale_is_neither_withdrawn_nor_retired(signed_in, pair, act):
    client = signed_in(EDITOR)
    press(client, "approve")
    assert client.post(f"{ONE}/{act}", data={"version": "7"}).status_code == 409
    assert client.post(f"{ONE}/{act}", data={}).status_code == 404
    assert state(pair) is ComparisonState.APPROVED


def test_withdrawing_what_is_a_draft_and_bringing_back_what_is_there_is_refused(signed_in, pair):
    client = signed_in(EDITOR)
    assert client.post(f"{ONE}/withdraw", data={"version": "1"}).status_code == 400
    assert client.post(f"{ONE}/back").status_code == 400
    assert client.get("/desk/comparisons/ada-vs-nobody").status_code == 404
    assert client.get("/desk/comparisons/nonsense").status_code == 404


def test_previews_are_the_real_page_and_the_real_mail_and_stand_in_our_frames_alone(signed_in, pair):
    client = signed_in(EDITOR)
    page, mail = client.get(f"{ONE}/page"), client.get(f"{ONE}/mail")
    assert client.get("/compare/ada-vs-bea").status_code == 404  # nothing of it is public
    approve(pair, "ada", "bea")
    public = client.get("/compare/ada-vs-bea").text
    body = public[public.index('<div class="card">') : public.index('class="sign-off"')]
    assert body in page.text
    for answer in (page, mail):
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'self'" in policy
        assert "script-src" not in policy
        assert "default-src 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
    assert "unsafe" not in page.headers["content-security-policy"]
    assert "Ada vs Bea" in mail.text
    assert "{{" not in mail.text


def test_the_pages_take_a_fixed_number_of_statements(signed_in, pair):
    client = signed_in(EDITOR)
    paths = ("/desk/comparisons", "/desk/comparisons?state=stale", ONE, f"{ONE}/page", f"{ONE}/mail")

    def statements() -> list[int]:
        found = []
        for path in paths:
            with counted(pair) as sent:
                assert client.get(path).status_code == 200
            found.append(len(sent))
        return found

    before = statements()
    for one, other in (("ada", "cid"), ("ada", "dot"), ("cid", "dot"), ("bea", "cid")):
        editing.create_comparison(pair, one, other, actor="test", weighed=(0.1, ()))
    assert statements() == before
    assert max(before) <= 34


@needs_chromium
def test_a_comparison_is_looked_at_and_approved_by_key(site, pair, product, chromium):
    def journey(page):
        frame = page.frame_locator("iframe[title^='The page']")
        frame.locator("h1").wait_for()
        style = frame.locator("body").evaluate("each => getComputedStyle(each).backgroundColor")
        page.keyboard.press("a")
        page.get_by_text("Approved at version 1").wait_for()
        return style

    style = chromium.look(ONE, journey, cookies={"desk": session_of(product, EDITOR)})
    assert style not in ("rgba(0, 0, 0, 0)", "rgb(255, 255, 255)")  # its own style reached it
    assert state(product) is ComparisonState.APPROVED
