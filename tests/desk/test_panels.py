"""Panels as editors see them: how far each is, what is odd about it, and how a stuck one goes on."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from app import overseeing, reviewing
from app.overseeing import Show
from core.panel import Basis, Decision, DeclineReason, Draft, Role
from store import audit, panels, people, reviews, tools
from tests.app import making
from tests.desk.conftest import CHIEF, EDITOR, SECOND_BUILDER
from tests.web.test_load import counted

PANELS, PANEL = "/desk/panels", "/desk/panels/ada"


@pytest.fixture
def editor(signed_in):
    return signed_in(EDITOR)


@pytest.fixture
def ada(product) -> int:
    """Ada's tool, which two lenses have judged."""
    making.seat_panel(product)
    making.shelve(product, "Ada", summary="An AI agent that does a great many things at great length. " * 20)
    making.judge(product, "ada", "+-", quote="Said <b>so</b>.")
    with product.database.read() as connection:
        return tools.find(connection, "ada").id


def chair(product, ada: int, lens: str) -> panels.Chair:
    with product.database.read() as connection:
        return next(each for each in panels.chairs(connection, [ada])[ada] if each.lens == lens)


def test_empty_lists_say_what_would_stand_there(editor):
    for show, words in (
        ("open", "No panel is under way"),
        ("closed", "No panel has closed yet"),
        ("unread", "Nothing to read"),
        ("deserted", "Every seat has somebody left"),
    ):
        assert words in editor.get(PANELS, params={"show": show}).text
    assert editor.get(PANELS, params={"show": "<x>"}).status_code == 404
    for after in ("x", "1~2", "9" * 30):
        for show in Show:
            status = editor.get(PANELS, params={"show": show, "after": after}).status_code
            assert status == 404 or show is Show.DESERTED


def test_a_list_says_how_far_and_never_what(editor, product, ada):
    page = editor.get(PANELS).text
    assert "2 of 4" in page
    assert "2 very fast" in page
    assert "Said" not in page
    assert "50 %" not in page


def test_a_panel_shows_everything_that_was_said_and_how_fast(editor, product, ada, hand):
    page = editor.get(PANEL).text
    assert "1-1" in page
    assert ">split<" in page
    assert page.count("Said &lt;b&gt;so&lt;/b&gt;.") == 2
    assert page.count("very fast") == 2
    lease = reviewing.claim(product, "futurist@example.com", tool="ada")
    hand.turn(seconds=21)
    reviewing.submit(
        product,
        "futurist@example.com",
        seat=lease.seat,
        fence=lease.fence,
        decision=Decision.SHIP,
        quote="Slowly.",
        basis=Basis.DOCS,
    )
    assert editor.get(PANEL).text.count("very fast") == 2


def test_a_lease_is_broken_with_a_reason_that_is_logged_and_the_draft_stays(editor, product, ada):
    held = reviewing.claim(product, "futurist@example.com", tool="ada")
    reviewing.save_draft(product, "futurist@example.com", Draft(seat=held.seat, quote="So far"), fence=held.fence)
    path = f"{PANEL}/seats/{held.seat}/break"
    refused = editor.post(path, data={"fence": str(held.fence), "reason": " "})
    assert refused.status_code == 409
    assert "needs a reason" in refused.text
    stale = editor.post(path, data={"fence": "9", "reason": "Away on holiday."})
    assert stale.status_code == 409
    assert 'value="Away on holiday."' in stale.text
    assert editor.post(path, data={"fence": str(held.fence), "reason": "Away on holiday."}).status_code == 303
    twice = editor.post(path, data={"fence": str(held.fence), "reason": "Away on holiday."})
    assert "Nobody holds" in twice.text
    with product.database.read() as connection:
        [entry] = [e for e in audit.entries(connection, subject="tool:ada") if e["action"] == "seat.break_lease"]
        futurist = people.find(connection, "futurist@example.com")
        assert reviews.get_draft(connection, futurist, held.seat).quote == "So far"
    assert (entry["before"]["holder"], entry["after"]) == ("futurist@example.com", {"reason": "Away on holiday."})
    assert reviewing.claim(product, CHIEF, tool="ada").seat == held.seat


def test_a_seat_is_reopened_and_somebody_else_judges_it(editor, product, ada):
    seat = chair(product, ada, "builder")
    path = f"{PANEL}/seats/{seat.id}/reopen"
    assert editor.post(path, data={"version": "3", "reason": "Mixed up."}).status_code == 409
    assert editor.post(path, data={"version": "1", "reason": "Mixed up."}).status_code == 303
    page = editor.get(PANEL).text
    assert "withdrawn" in page
    assert "Mixed up." in page
    assert "1 of 4" in page
    lease = reviewing.claim(product, SECOND_BUILDER, tool="ada")
    reviewing.submit(
        product,
        SECOND_BUILDER,
        seat=lease.seat,
        fence=lease.fence,
        decision=Decision.SHIP,
        quote="I say ship, too.",
        basis=Basis.DOCS,
    )
    # Two people have judged Ada through Builder: that is what agreement within a lens is reckoned from.
    [builder, *others] = overseeing.listed(product, Show.OPEN).agreement
    assert (builder.tools, builder.alpha, [each.tools for each in others]) == (1, None, [0, 0, 0, 0])


def test_a_closed_panel_is_listed_with_its_day_and_opens_again(editor, product, ada):
    making.submit(product, "ada", "futurist")
    making.submit(product, "ada", "founder")
    assert "Ada" in editor.get(PANELS, params={"show": "closed"}).text
    assert "Ada" not in editor.get(PANELS).text
    path = f"{PANEL}/seats/{chair(product, ada, 'founder').id}/reopen"
    editor.post(path, data={"version": "1", "reason": "Wrong tool."})
    assert "Ada" in editor.get(PANELS).text
    making.hold(product)


def test_machine_written_verdicts_are_read_by_a_person(editor, product, ada):
    reviewing.invite(product, "bot@example.com", roles=[Role.REVIEWER], lenses=["creator"], machine=True, actor="test")
    lease = reviewing.claim(product, "bot@example.com", tool="ada")
    reviewing.submit(
        product,
        "bot@example.com",
        seat=lease.seat,
        fence=lease.fence,
        decision=Decision.SKIP,
        quote="Beep.",
        basis=Basis.DOCS,
    )
    assert "1 by a machine, unread" in editor.get(PANELS, params={"show": "unread"}).text
    assert "not read yet" in editor.get(PANEL).text
    assert editor.post(f"{PANEL}/read").status_code == 303
    assert "read by an editor" in editor.get(PANEL).text
    assert "Nothing to read" in editor.get(PANELS, params={"show": "unread"}).text


def test_declines_are_shown_with_their_reasons(editor, product, ada):
    seat = chair(product, ada, "futurist")
    reviewing.decline(product, CHIEF, seat.id, reason=DeclineReason.NOT_MY_FIELD)
    assert "Chief declined: not my field" in editor.get(PANEL).text
    assert "1 declined" in editor.get(PANELS).text


def test_who_only_edits_leaves_no_trace_of_looking(editor, product, ada):
    editor.get(PANEL)
    overseeing.give_up_judging(product, EDITOR, "ada")
    with product.database.read() as connection:
        assert panels.lookers(connection, ada) == []


def test_lists_and_pages_take_a_fixed_number_of_statements(editor, product, ada, monkeypatch):
    monkeypatch.setattr(overseeing, "PAGE", 8)
    making.shelve(product, "Closed")
    making.judge(product, "closed", "++++")
    paths = [PANELS, f"{PANELS}?show=closed", PANEL]

    def statements() -> list[int]:
        counts = []
        for path in paths:
            editor.get(path)
            with counted(product) as sent:
                assert editor.get(path).status_code == 200
            counts.append(len(sent))
        return counts

    before = statements()
    names = [f"Tool {number}" for number in range(14)]
    making.shelve(product, *names)
    for at, name in enumerate(names):
        making.judge(product, name.lower().replace(" ", "-"), "++++" if at < 3 else "+")
    assert statements() == before
    assert max(before) <= 20
    first = editor.get(PANELS).text
    [further] = re.findall(r'href="([^"]+)" rel="next"', first)
    second = editor.get(further.replace("&amp;", "&")).text
    assert len(re.findall(r"/desk/panels/tool-\d+", first + second)) == 11


def test_the_closing_days_page_newest_first(product, ada, hand, monkeypatch):
    monkeypatch.setattr(overseeing, "PAGE", 5)
    names = [f"Tool {number:02}" for number in range(7)]
    making.shelve(product, *names)
    for name in names:
        hand.turn(seconds=1)
        making.judge(product, name.lower().replace(" ", "-"), "++++")
    first = overseeing.listed(product, Show.CLOSED)
    second = overseeing.listed(product, Show.CLOSED, after=first.further)
    found = [row.tool.name for row in (*first.rows, *second.rows)]
    assert found == names[::-1]
    assert second.further == ""
    assert first.rows[0].closed_at - second.rows[-1].closed_at == timedelta(seconds=6)
