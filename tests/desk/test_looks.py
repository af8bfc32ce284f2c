"""Every page of the desk in Chromium, on a phone and on a desk: nothing sticks out, jumps, or has no name.

The long form, with axe-core and html-validate, is `make check-pages`.
"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.chromium import needs_chromium
from tests.databases import built_upon
from tests.desk.conftest import session_of
from tests.desk.furnished import SEND, furnish, looks, looks_at_nothing

WIDTHS = (320, 360, 700, 768, 1280)
EXAMINE = """() => new Promise((done) => {
  const seen = (each) => each.getClientRects().length > 0 && each.type !== "hidden";
  const named = (each) => each.labels?.length || each.ariaLabel || each.textContent.trim() || each.getAttribute("aria-labelledby");
  const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
  const found = {
    wide: Math.max(0, document.documentElement.scrollWidth - innerWidth),
    nameless: [...document.querySelectorAll("input, select, textarea, button, a")].filter((each) => seen(each) && !named(each)).map((each) => each.outerHTML),
    twice: ids.filter((each, at) => ids.indexOf(each) !== at),
    heads: document.querySelectorAll("h1").length,
    shift: 0,
  };
  new PerformanceObserver((list) => list.getEntries().forEach((each) => { found.shift += each.value; })).observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => done(found)));
})"""
GOOD = {"wide": 0, "nameless": [], "twice": [], "heads": 1, "shift": 0}


@pytest.fixture(scope="module")
def built(peopled_template, tmp_path_factory):
    parts: dict[str, str] = {}
    folder = tmp_path_factory.mktemp("looks")
    return built_upon(peopled_template, folder, lambda product: parts.update(furnish(product))), parts


@pytest.fixture
def start(request, peopled_template):
    return request.getfixturevalue("built")[0] if "busy" in request.node.name else peopled_template


def examine(page: Page, *, without_shift: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(EXAMINE)
    # In thousandths of a window that moved by its own size: less than a pixel of a line is none.
    return found | {"shift": 0 if without_shift else round(found["shift"], 3)}


def walked(product, chromium, seen) -> dict[str, Any]:
    """What is not as it should be, by page and width."""
    sessions = {who: {"desk": session_of(product, who)} if who else {} for who in {each.who for each in seen}}
    wrong: dict[str, Any] = {}

    def look_at(each):
        def act(page: Page) -> None:
            if each.data is not None:
                with page.expect_navigation():
                    page.evaluate(SEND, [each.path, each.data])
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 800})
                # What moves when the window changes is no shift of the page's own.
                found = examine(page, without_shift=width != WIDTHS[0])
                if found != GOOD:
                    wrong[f"{each} at {width}"] = {key: value for key, value in found.items() if value != GOOD[key]}

        return act

    for each in seen:
        path = each.path if each.data is None else "/robots.txt"
        chromium.look(path, look_at(each), width=WIDTHS[0], cookies=sessions[each.who])
    return wrong


@needs_chromium
def test_every_page_of_a_busy_week_fits_holds_still_and_names_everything(product, site, chromium, built):
    seen = list(looks(product, built[1]))
    assert len(seen) > 80
    assert walked(product, chromium, seen) == {}


@needs_chromium
def test_every_page_of_an_empty_desk_does_too(product, site, chromium):
    assert walked(product, chromium, list(looks_at_nothing(product))) == {}


@needs_chromium
def test_what_sticks_out_jumps_or_has_no_name_would_be_noticed(product, site, chromium):
    spoil = """() => { document.querySelector("h1").insertAdjacentHTML("beforebegin",
      "<hr id='main' width='3000' size='200'><h1>x</h1><button></button>"); }"""

    def act(page: Page) -> dict[str, Any]:
        page.wait_for_timeout(50)
        page.evaluate(spoil)
        return examine(page)

    found = chromium.look("/desk/sign-in", act, width=360, cookies={})
    assert all(found[key] != GOOD[key] for key in GOOD), found
