"""Every kind of page with the worst text in every field, watched in Chromium: no script, no report, nothing reached for,
nothing that sticks out of the page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from app import correcting
from app.lenses import load_standard_lenses
from app.tokens import Purpose
from core.week import Week
from tests.chromium import Chromium, needs_chromium
from tests.web import shelf
from tests.web.samples import VIEW, with_text, with_url
from tests.web.test_browser import STICKING_OUT
from tests.web.test_hostile import TEXTS, URLS
from web.application import create_app

pytestmark = needs_chromium

PAGES = [
    "/",
    f"/compare/{VIEW.slug}",
    "/tools/skillclaw",
    "/lenses/builder",
    "/categories/agents",
    "/editions",
    "/editions/2026-W48",
    "/search?q=x%3Cscript%3Ealert(1)%3C/script%3E%E2%80%AE",
    "/search?q=" + "x" * 10_000,
    "/methodology",
    "/corrections",
    f"/corrections/report?about=compare/{VIEW.slug}",
    "/subscribe",
    "/vote/%3Cscript%3Ealert(1)%3C/script%3E",
    "/nothing/%3Cscript%3Ealert(1)%3C/script%3E",
]


@pytest.fixture(scope="module")
def chromium(server) -> Iterator[Chromium]:
    browser = Chromium(server.address)
    yield browser
    browser.close()


# Together where one does not hide another: a page in a browser takes its time.
KINDS = {
    "script": TEXTS["script"],
    "markup": TEXTS["entities"] + TEXTS["attribute"] + TEXTS["controls"],
    "bidi": TEXTS["bidi"] + TEXTS["zalgo"],
    "long": TEXTS["long"],
}


@pytest.fixture(params=KINDS)
def pages(request, server, fresh) -> list[str]:
    """The addresses of a site in which every text from outside is the worst of one kind."""
    text = KINDS[request.param]
    load_standard_lenses(fresh)
    shelf.publish(fresh, VIEW)  # so that the hostile one replaces verdicts
    shelf.publish(fresh, with_url(with_text(VIEW, text), URLS[len(text) % len(URLS)]))
    shelf.edition(fresh, Week(2026, 48), [VIEW.slug], subject=text, intro=text)
    reported = correcting.report(fresh, f"compare/{VIEW.slug}", claim=text, source_url=URLS[0])
    correcting.settle(fresh, reported, accept=True, note=f"x {text}", email="noor@verdicts.example")
    server.stage.app = create_app(fresh)
    vote = shelf.link(fresh, Purpose.VOTE, shelf.reader(fresh), VIEW.slug)
    return [*PAGES, vote]


def test_the_worst_text_is_shown_and_never_obeyed_on_any_page(chromium, pages):
    def sweep(page: Page) -> list[str]:
        found = []
        for width in (360, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            found += page.evaluate(STICKING_OUT)
        made = "[...document.querySelectorAll('script:not([type=\"application/ld+json\"]), img, iframe, [onerror]')]"
        found += page.evaluate(f"{made}.map(e => e.outerHTML)")
        return found + page.evaluate("[...document.links].filter(a => !/^https?:/.test(a.href)).map(a => a.href)")

    found = {path[:60]: chromium.look(path, sweep) for path in pages}
    assert {path: each for path, each in found.items() if each} == {}
