"""The edition composer: order, words, the line where the mail is full, previews, a test, and the approval."""

from __future__ import annotations

import pytest

from app import arranging, composing, editing
from core.edition import EditionState
from core.week import Week
from digest import render
from store import audit
from tests.app.making import CHANGES, WEEK, approve, enrol, hold, review
from tests.chromium import needs_chromium
from tests.databases import built_upon
from tests.desk.conftest import EDITOR, session_of
from tests.desk.editors import HOSTILE, fields, said, undo
from tests.web.test_load import counted

ONE = f"/desk/editions/{WEEK}"
PAIRS = (("ada", "bea"), ("cid", "dot"), ("eve", "fay"))
SLUGS = tuple(f"{one}-vs-{other}" for one, other in PAIRS)


@pytest.fixture(scope="module")
def built(peopled_template, tmp_path_factory):
    """An edition of two, and a third comparison that waits."""

    def build(product) -> None:
        review(product, "Ada", "Bea", "Cid", "Dot", "Eve", "Fay")
        for one, other in PAIRS:
            approve(product, one, other)
        composing.assemble(product, WEEK)
        order(product, *SLUGS[:2])

    return built_upon(peopled_template, tmp_path_factory.mktemp("editions"), build)


@pytest.fixture
def start(request, built, peopled_template):
    return built if "draft" in request.fixturenames else peopled_template


@pytest.fixture
def draft(product):
    return product


def order(product, *slugs: str) -> None:
    version = arranging.show(product, WEEK).edition.version
    arranging.arrange(product, WEEK, version=version, order=slugs, email=EDITOR)


def now(product) -> tuple[str, ...]:
    return arranging.show(product, WEEK).edition.comparisons


def press(client, act: str, **more: str):
    return client.post(ONE, data={**fields(client.get(ONE).text, ONE), "act": act, **more})


# ------------------------------------------------------------ lists


def test_a_week_is_begun_from_the_list(signed_in, product):
    client = signed_in(EDITOR)
    assert "No edition yet" in client.get("/desk/editions").text
    assert client.post("/desk/editions", data={"week": str(WEEK)}).status_code == 400
    review(product, "Ada", "Bea")
    approve(product, "ada", "bea")
    done = client.post("/desk/editions", data={"week": str(WEEK)})
    assert "1 comparisons are in" in said(client, done)
    assert f'href="{ONE}"' in client.get("/desk/editions").text
    for wrong in ("2026-W99", "x", ""):
        assert client.post("/desk/editions", data={"week": wrong}).status_code == 404


# ------------------------------------------------------------ order


@pytest.mark.parametrize(
    ("act", "then"),
    [
        (f"up:{SLUGS[1]}", (SLUGS[1], SLUGS[0])),
        (f"down:{SLUGS[0]}", (SLUGS[1], SLUGS[0])),
        (f"up:{SLUGS[0]}", SLUGS[:2]),
        (f"out:{SLUGS[0]}", (SLUGS[1],)),
        (f"in:{SLUGS[2]}", SLUGS),
        ("keep", SLUGS[:2]),
        ("up:nobody-vs-nothing", SLUGS[:2]),
    ],
)
def test_buttons_move_comparisons_and_every_move_can_be_taken_back(signed_in, draft, act, then):
    client = signed_in(EDITOR)
    done = press(client, act)
    assert now(draft) == then
    if then != SLUGS[:2]:
        assert undo(client, done).status_code == 303
        assert now(draft) == SLUGS[:2]


def test_an_order_by_drag_is_what_the_places_say(signed_in, draft):
    client = signed_in(EDITOR)
    press(client, "keep", **{f"place:{SLUGS[0]}": "2", f"place:{SLUGS[1]}": "1"})
    assert now(draft) == (SLUGS[1], SLUGS[0])


def test_the_assembler_leaves_an_editor_s_order_and_words_alone(signed_in, draft):
    client = signed_in(EDITOR)
    press(client, f"up:{SLUGS[1]}", subject="Mine")
    done = composing.assemble(draft, WEEK)
    assert (done.comparisons, done.subject) == ((SLUGS[1], SLUGS[0]), "Mine")
    anew = client.post(f"{ONE}/anew", data={"version": str(done.version)})
    assert anew.status_code == 303
    assert (set(now(draft)), arranging.show(draft, WEEK).arranged) == (set(SLUGS[:2]), False)


def test_what_lost_its_approval_is_marked_and_holds_the_edition_up(signed_in, draft):
    CHANGES[0](draft)
    editing.show_comparison(draft, SLUGS[0])
    client = signed_in(EDITOR)
    assert "changed since approval" in client.get(ONE).text
    answer = press(client, "approve", sure="1")
    assert answer.status_code == 409
    press(client, f"out:{SLUGS[0]}")
    assert press(client, "approve", sure="1").status_code == 303
    assert arranging.show(draft, WEEK).edition.state is EditionState.APPROVED
    hold(draft)


@pytest.mark.parametrize("slug", ["nobody-vs-nothing", "x"])
def test_what_is_not_approved_cannot_be_put_in(signed_in, draft, slug):
    assert press(signed_in(EDITOR), f"in:{slug}").status_code in (400, 404)
    assert now(draft) == SLUGS[:2]


def test_a_comparison_stands_in_one_edition_only(signed_in, draft):
    client = signed_in(EDITOR)
    other = Week(WEEK.year, WEEK.number + 1)
    composing.assemble(draft, other)
    answer = press(client, f"in:{SLUGS[2]}")
    assert answer.status_code in (400, 409)
    assert now(draft) == SLUGS[:2]


# ------------------------------------------------------------ words


def test_words_are_kept_with_whatever_button_is_pressed(signed_in, draft):
    client = signed_in(EDITOR)
    press(client, f"up:{SLUGS[1]}", subject="Mine", preheader="Mine, too", intro="One.\r\n\r\nTwo.")
    edition = arranging.show(draft, WEEK).edition
    assert (edition.subject, edition.preheader, edition.intro) == ("Mine", "Mine, too", "One.\n\nTwo.")
    with draft.database.read() as connection:
        entry = audit.entries(connection, subject=f"edition:{WEEK}")[0]
    assert entry["actor"] == EDITOR
    assert entry["after"]["subject"] == "Mine"
    assert set(entry["before"]) == {"subject", "preheader", "intro", "comparisons"}


def test_empty_words_are_those_that_suit_what_is_in(signed_in, draft):
    client = signed_in(EDITOR)
    press(client, f"out:{SLUGS[1]}")
    assert "Cid" not in arranging.show(draft, WEEK).edition.subject
    press(client, "keep", subject="Mine")
    press(client, "keep", subject="")
    assert arranging.show(draft, WEEK).edition.subject == arranging.show(draft, WEEK).suggested_subject


def test_a_stale_form_overwrites_nothing_and_loses_nothing(signed_in, draft):
    one, other = signed_in(EDITOR), signed_in(EDITOR)
    mine = fields(one.get(ONE).text, ONE)
    press(other, "keep", subject="Theirs")
    answer = one.post(ONE, data={**mine, "act": "keep", "subject": "Mine", "intro": "Long words of mine."})
    assert answer.status_code == 409
    assert "Now: <q>Theirs</q>" in answer.text
    typed = fields(answer.text, ONE)
    assert (typed["subject"], typed["intro"]) == ("Mine", "Long words of mine.")
    assert arranging.show(draft, WEEK).edition.subject == "Theirs"
    assert one.post(ONE, data={**typed, "act": "keep"}).status_code == 303
    assert arranging.show(draft, WEEK).edition.subject == "Mine"


def test_words_too_long_are_refused_with_what_was_typed(signed_in, draft):
    client = signed_in(EDITOR)
    answer = press(client, "keep", subject="s" * 151, intro="Kept.")
    assert answer.status_code == 400
    assert fields(answer.text, ONE)["intro"] == "Kept."


def test_markup_in_every_field_is_text(signed_in, draft):
    client = signed_in(EDITOR)
    press(client, "keep", subject=HOSTILE, preheader=HOSTILE, intro=HOSTILE)
    for path in (ONE, f"{ONE}/html", "/desk/editions"):
        page = client.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text


# ------------------------------------------------------------ size, previews, test


def test_below_the_line_is_said_and_left_out_at_the_approval(signed_in, draft, monkeypatch):
    order(draft, *SLUGS)
    whole = arranging.show(draft, WEEK)
    assert whole.below == 0
    arranging._fit.cache_clear()
    monkeypatch.setattr(render.fit, "__kwdefaults__", {"limit": whole.size - 100})
    client = signed_in(EDITOR)
    assert "The mail is full here" in client.get(ONE).text
    assert arranging.show(draft, WEEK).below == 1
    press(client, "approve", sure="1")
    edition = arranging.show(draft, WEEK).edition
    assert (edition.state, edition.comparisons) == (EditionState.APPROVED, SLUGS[:2])
    assert editing.show_comparison(draft, SLUGS[2]).comparison.state == "approved"
    arranging._fit.cache_clear()


def test_previews_are_what_would_be_sent_and_stand_in_our_frames_alone(signed_in, draft):
    client = signed_in(EDITOR)
    html, text = client.get(f"{ONE}/html"), client.get(f"{ONE}/text")
    for answer in (html, text):
        assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
        assert "Ada" in answer.text
        assert "{{" not in answer.text
    assert text.headers["content-type"].startswith("text/plain")


def test_the_best_of_that_monthly_readers_get_stands_beside_the_edition_that_it_goes_with(signed_in, draft):
    client, framed = signed_in(EDITOR), f'src="{ONE}/html?best-of=1"'
    assert framed not in client.get(ONE).text
    for kind in ("html", "text"):
        refused = client.get(f"{ONE}/{kind}?best-of=1")
        assert (refused.status_code, "has no best-of" in refused.text) == (404, True)
    october = Week(2026, 44)
    composing.assemble(draft, october)
    composing.approve(draft, october, email=EDITOR)
    for _ in range(2):  # as it would be sent, then as it was approved
        assert framed in client.get(ONE).text
        for kind in ("html", "text"):
            shown = client.get(f"{ONE}/{kind}?best-of=1").text
            assert "Your monthly mail: the best comparisons of October 2026" in " ".join(shown.split())
            assert "{{" not in shown
            assert "Your monthly mail" not in client.get(f"{ONE}/{kind}").text
        press(client, "approve", sure="1")
    assert not arranging.show(draft, WEEK).draft
    assert framed not in client.get(f"/desk/editions/{october}").text


def test_an_edition_without_anything_in_it_says_so(signed_in, draft):
    client = signed_in(EDITOR)
    for slug in SLUGS[:2]:
        press(client, f"out:{slug}")
    page = client.get(ONE).text
    assert "Nothing is in" in page
    assert "needs a comparison" in client.get(f"{ONE}/html").text
    assert press(client, "approve", sure="1").status_code == 400


def test_a_test_goes_to_who_asks_for_it(signed_in, draft):
    client = signed_in(EDITOR)
    assert f"on its way to {EDITOR}" in said(client, press(client, "test", subject="Tried out"))
    letters = list(draft.settings.outbox_folder.rglob("*.eml"))
    assert len(letters) == 1
    assert "[Test] Tried out" in letters[0].read_text()


# ------------------------------------------------------------ approval


def test_an_approval_needs_the_tick_and_what_changed_with_it_is_looked_at_first(signed_in, draft):
    client = signed_in(EDITOR)
    refused = press(client, "approve")
    assert refused.status_code == 400
    changed = press(client, "approve", sure="1", subject="Another")
    assert "once more" in said(client, changed)
    assert arranging.show(draft, WEEK).draft
    assert "Approved" in said(client, press(client, "approve", sure="1"))
    frozen = arranging.show(draft, WEEK)
    assert (frozen.draft, frozen.edition.subject) == (False, "Another")
    hold(draft)


def test_after_the_approval_it_is_read_only_and_pressed_twice_it_is_approved_once(signed_in, draft):
    enrol(draft, 1)
    one, other = signed_in(EDITOR), signed_in(EDITOR)
    form = fields(one.get(ONE).text, ONE)
    sent = {**form, "act": "approve", "sure": "1"}
    assert [each.post(ONE, data=sent).status_code for each in (one, other)] == [303, 303]
    assert "approved already" in said(other, other.post(ONE, data=sent))
    before = arranging.show(draft, WEEK).edition
    assert one.post(ONE, data={**form, "act": f"out:{SLUGS[0]}"}).status_code == 400
    assert one.post(f"{ONE}/anew", data={"version": str(before.version)}).status_code == 400
    assert arranging.show(draft, WEEK).edition == before
    page = one.get(ONE).text
    assert "<textarea" not in page
    assert "exactly this goes out" in page


def test_what_is_no_edition_is_not_found(signed_in):
    client = signed_in(EDITOR)
    for path in ("/desk/editions/2026-W01", "/desk/editions/x", "/desk/editions/x/html", "/desk/editions?after=x"):
        assert client.get(path).status_code == 404


def test_the_pages_take_a_fixed_number_of_statements(signed_in, draft):
    client = signed_in(EDITOR)

    def statements() -> list[int]:
        found = []
        for path in (ONE, "/desk/editions", f"{ONE}/html"):
            with counted(draft) as sent:
                assert client.get(path).status_code == 200
            found.append(len(sent))
        return found

    before = statements()
    order(draft, *SLUGS)
    assert statements() == before
    assert max(before) <= 20


@needs_chromium
@pytest.mark.parametrize("how", ["by drag", "by keys", "without JavaScript"])
def test_an_edition_is_composed_and_approved(site, draft, chromium, how):
    def journey(page):
        if how == "by keys":
            for key in ("j", "K", "J", "J", "j", "k", "K", "o"):  # to the end of the list and back
                page.keyboard.press(key)
        elif how == "by drag":
            rows = page.locator("[data-sortable] > li")
            rows.nth(1).drag_to(rows.nth(0), target_position={"x": 10, "y": 2})
            page.get_by_role("button", name="Keep this order").click()
        else:
            page.get_by_role("button", name="Cid vs Dot: one up").click()
        page.get_by_text("Kept.").wait_for()
        if how == "by keys":
            for key in ("e", "Control+a", *"Ship", "Control+Enter"):
                page.keyboard.press(key)
        else:
            page.get_by_label("Subject").fill("Ship")
            page.get_by_role("button", name="Keep words and order").click()
        page.get_by_text("Kept.").wait_for()
        page.get_by_label("I have looked").check()
        page.get_by_role("button", name="Approve the edition").click()
        page.get_by_text("exactly this goes out to readers").wait_for()
        return page.locator("dd").first.inner_text()

    seen = chromium.look(ONE, journey, scripts=how != "without JavaScript", cookies={"desk": session_of(draft, EDITOR)})
    assert seen == "Ship"
    assert now(draft) == (SLUGS[1], SLUGS[0])
