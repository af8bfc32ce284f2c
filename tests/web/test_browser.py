"""The pages in Chromium: what they look like where readers are, and that nothing is reported or reached for.

Without Chromium these tests fail; `VERDICTS_TEST_WITHOUT=chromium` leaves them out on purpose.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page

from app.tokens import Purpose
from core.subscriber import SubscriberState
from tests.chromium import Chromium, needs_chromium
from tests.web import shelf
from tests.web.samples import EMPTY, HOSTILE_VIEW, LONG_VIEW, PARTIAL, VIEW

COMPARISON = f"/compare/{VIEW.slug}"
PAGES = [
    "/",
    COMPARISON,
    "/tools/skillclaw",
    "/lenses/skeptic",
    "/categories/agents",
    "/search?q=skill",
    "/editions",
    "/editions/2026-W48",
    "/methodology",
    "/corrections",
    f"/corrections/report?about=compare/{VIEW.slug}",
    "/subscribe",
    "/confirm/forged",
    "/nothing",
]
VARIANTS = [
    *(f"/compare/{view.slug}" for view in (EMPTY, PARTIAL, HOSTILE_VIEW, LONG_VIEW)),
    *(f"/tools/{view.a.slug}" for view in (EMPTY, HOSTILE_VIEW, LONG_VIEW)),
    "/lenses/builder",
]

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def chromium(server) -> Iterator[Chromium]:
    browser = Chromium(server.address)
    yield browser
    browser.close()


@pytest.fixture(autouse=True)
def on_stage(server, application):
    server.stage.app = application


# ------------------------------------------------------------ nothing to report, nothing out of place


STICKING_OUT = """() => [document.documentElement, ...document.querySelectorAll('main *')].filter(e => {
    const style = getComputedStyle(e);
    return style.overflow === 'visible' && style.display !== 'inline' && e.clientWidth > 1
        && e.scrollWidth > e.clientWidth + 1;
}).map(e => `${innerWidth}: ${e.tagName}.${e.className} ${e.scrollWidth} > ${e.clientWidth}`)"""


@pytest.mark.parametrize("path", [*PAGES, *VARIANTS])
def test_no_page_reports_anything_scrolls_sideways_or_has_something_stick_out(chromium, path):
    def sweep(page: Page) -> list[str]:
        found = []
        for width in (320, 360, 600, 767, 768, 1280, 1920):
            page.set_viewport_size({"width": width, "height": 800})
            found += page.evaluate(STICKING_OUT)
        return found

    assert chromium.look(path, sweep) == []


def boxes(page: Page, selector: str) -> list[list[float]]:
    script = "all => all.map(e => { const b = e.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom] })"
    return page.eval_on_selector_all(selector, script)


def sides(page: Page) -> list[tuple[list[float], list[float]]]:
    pairs = [boxes(page, f".pair:not(.names) > .side-{side}") for side in "ab"]
    return list(zip(*pairs, strict=True))


def test_two_tools_stand_side_by_side_on_a_desk(chromium):
    found = chromium.look(COMPARISON, sides)
    assert len(found) == 5 + len(VIEW.rows) + 1 + 2
    assert [(a, b) for a, b in found if a[2] >= b[0] or a[1] != b[1]] == []


def test_two_tools_stand_below_each_other_on_a_phone(chromium):
    found = chromium.look(COMPARISON, sides, width=360)
    assert len(found) == 5 + len(VIEW.rows) + 1 + 2
    assert [(a, b) for a, b in found if a[0] != b[0] or a[3] > b[1]] == []


def test_on_a_phone_every_lens_still_has_both_sides_under_it_by_name(chromium):
    script = """all => all.map(row => [row.querySelector('h3').innerText,
        ...[...row.querySelectorAll('h4')].filter(e => e.offsetHeight > 4).map(e => e.innerText)])"""
    rows = chromium.look(COMPARISON, lambda page: page.eval_on_selector_all(".scorecard > li", script), width=360)
    assert rows == [[lens, "SkillClaw", "SmolVLM2-2B"] for lens in ("Builder", "Skeptic", "Futurist", "Founder")]
    tops = chromium.look(COMPARISON, lambda page: boxes(page, ".scorecard > li > *"), width=360)
    assert tops == sorted(tops, key=lambda box: box[1])


def test_a_long_name_is_smaller_in_the_title_alone_and_beside_an_equal(chromium):
    script = "all => all.map(e => parseFloat(getComputedStyle(e).fontSize))"

    def sizes(page: Page) -> list[list[float]]:
        return [page.eval_on_selector_all(each, script) for each in ("h1 bdi", ".lead bdi", ".lead")]

    short, long = (chromium.look(path, sizes) for path in (COMPARISON, f"/compare/{LONG_VIEW.slug}"))
    assert len(set(short[0])) == len(set(long[0])) == 1
    assert long[0][0] < short[0][0]
    assert set(long[1]) == set(long[2]) == set(short[1])


def test_nothing_moves_after_the_first_paint(chromium):
    script = """() => new Promise(done => {
        new PerformanceObserver(list => { window.shift = (window.shift || 0)
            + list.getEntries().reduce((sum, e) => sum + e.value, 0) }).observe({type: 'layout-shift', buffered: true});
        setTimeout(() => done(window.shift || 0), 300);
    })"""
    assert chromium.look(COMPARISON, lambda page: page.evaluate(script)) == 0


# ------------------------------------------------------------ readable


CONTRAST = """() => {
    const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
    const luminance = c => c.slice(0, 3).map(v => v / 255)
        .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = e => { for (; e; e = e.parentElement) {
        const c = rgb(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] === 1) return c; }
        return [255, 255, 255]; };
    const bad = [];
    let looked = 0;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const e = walker.currentNode.parentElement;
        const style = getComputedStyle(e);
        const color = rgb(style.color);
        if (!walker.currentNode.data.trim() || e.closest('[aria-hidden=true], script') || e.clientWidth === 1) continue;
        const [l, d] = [luminance(color), luminance(ground(e))].sort((x, y) => y - x);
        const ratio = (l + 0.05) / (d + 0.05);
        looked += 1;
        if (color[3] < 1 || ratio < 4.5) bad.push(`${e.tagName}.${e.className} ${ratio.toFixed(2)} ${e.innerText}`);
    }
    return [looked, bad];
}"""


@pytest.mark.parametrize("path", [*PAGES, f"/compare/{PARTIAL.slug}"])
def test_every_text_has_the_contrast_of_level_aa_in_both_schemes(chromium, path):
    def both(page: Page) -> list[Any]:
        light = page.evaluate(CONTRAST)
        page.emulate_media(color_scheme="dark")
        return [light, page.evaluate(CONTRAST)]

    for looked, bad in chromium.look(path, both):
        assert looked > 5
        assert bad == []


def test_paper_is_white_and_readable_whatever_the_screen_was(chromium):
    def print_it(page: Page) -> list[Any]:
        page.emulate_media(media="print")
        return [page.evaluate("getComputedStyle(document.body).backgroundColor"), *page.evaluate(CONTRAST)]

    paper, looked, bad = chromium.look(COMPARISON, print_it, scheme="dark")
    assert paper == "rgb(255, 255, 255)"
    assert looked > 5
    assert bad == []


def test_ship_and_skip_differ_in_shape_where_there_is_no_colour(chromium):
    script = """all => all.map(e => { const s = getComputedStyle(e);
        return [e.innerText, s.clipPath !== 'none', s.backgroundColor !== 'rgba(0, 0, 0, 0)'] })"""
    stamps = chromium.look(COMPARISON, lambda page: page.eval_on_selector_all(".stamp", script))
    assert {tuple(each) for each in stamps} == {("Ship", True, True), ("Skip", False, False)}


def test_every_stop_of_the_tab_key_is_visible(chromium):
    def walk(page: Page) -> list[str]:
        unseen = []
        count = page.evaluate("document.querySelectorAll('a, button, input:not([type=hidden], [tabindex])').length")
        for _ in range(count):
            page.keyboard.press("Tab")
            seen = page.evaluate(
                "(s => s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2)(getComputedStyle(document.activeElement))"
            )
            if not seen:
                unseen.append(page.evaluate("document.activeElement.outerHTML"))
        return [
            *unseen,
            *([] if page.evaluate("!!document.activeElement.closest('.colophon')") else ["did not end at the foot"]),
        ]

    assert chromium.look(COMPARISON, walk) == []


# ------------------------------------------------------------ forms, with scripts switched off


def test_a_reader_subscribes_confirms_and_leaves_without_scripts(chromium, product):
    address = f"{uuid4()}@reader.example"

    def ask(page: Page) -> str:
        page.fill("input[name=address]", address)
        page.click("button")
        return page.inner_text("h1")

    def press(page: Page) -> str:
        page.click("button")
        return page.inner_text("h1")

    assert chromium.look(COMPARISON, ask, scripts=False) == "Now check your mail"
    shelf.asked(product, address)
    assert shelf.state(product, address) is SubscriberState.PENDING
    confirm = f"/confirm/{shelf.token(product, Purpose.CONFIRM, address)}"
    assert chromium.look(confirm, press, scripts=False) == "You are on the list"
    assert shelf.state(product, address) is SubscriberState.ACTIVE
    leave = f"/unsubscribe/{shelf.token(product, Purpose.UNSUBSCRIBE, address)}"
    assert chromium.look(leave, press, scripts=False) == "You are off the list"
    assert shelf.state(product, address) is SubscriberState.UNSUBSCRIBED


def test_a_form_on_another_site_cannot_press_the_button(chromium, product, site):
    address = f"{uuid4()}@reader.example"
    site.post("/subscribe", data={"address": address})
    shelf.asked(product, address)
    target = f"{chromium.address}/confirm/{shelf.token(product, Purpose.CONFIRM, address)}"

    def forge(page: Page) -> str:
        page.goto("about:blank")
        page.set_content(f'<form method="post" action="{target}"><button>win</button></form>')
        page.click("button")
        return page.inner_text("h1")

    assert chromium.look("/", forge) == "Not from here"
    assert shelf.state(product, address) is SubscriberState.PENDING
