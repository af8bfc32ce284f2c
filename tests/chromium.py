"""Chromium for tests: it reports whatever a page says, asks for or violates.

Without Chromium the tests fail; `VERDICTS_TEST_WITHOUT=chromium` leaves them out on purpose (`needs_chromium`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import pytest
from playwright.sync_api import Dialog, Page, sync_playwright

from tests.prepare import browser

CHROMIUM = browser() or "no Chromium on this machine"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
needs_chromium = pytest.mark.skipif(
    "chromium" in os.environ.get("VERDICTS_TEST_WITHOUT", "").split(","), reason="VERDICTS_TEST_WITHOUT says chromium"
)

Scheme = Literal["light", "dark"]


class Chromium:
    """A browser in a thread of its own: its event loop must not be seen by other tests of this process."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.thread = ThreadPoolExecutor(max_workers=1)
        self.reports: list[str] = []
        self.confirm: bool | None = None  # how to answer a question of the page; None: it is reported, and denied
        try:
            self.thread.submit(self._start).result()
        except BaseException:
            self.thread.shutdown()
            raise

    def _start(self) -> None:
        self.driver = sync_playwright().start()
        try:
            self.browser = self.driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            self.page = self._page()
            self.scriptless = self._page(java_script_enabled=False)
        except BaseException:
            self.driver.stop()
            raise

    def _page(self, **options: Any) -> Page:
        page = self.browser.new_context(**options).new_page()
        page.on("console", lambda message: self.reports.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.reports.append(f"error: {error}"))
        page.on("dialog", self._answer)
        page.on("request", lambda asked: self._outside(asked.url))
        page.add_init_script(
            "document.addEventListener('securitypolicyviolation', e => console.error('CSP', e.violatedDirective))"
        )
        return page

    def _answer(self, dialog: Dialog) -> None:
        if self.confirm is None:
            self.reports.append(f"dialog: {dialog.message}")
        if self.confirm:
            dialog.accept()
        else:
            dialog.dismiss()

    def _outside(self, url: str) -> None:
        if not url.startswith((self.address, "about:")):
            self.reports.append(f"request: {url}")

    def look(
        self,
        path: str,
        act: Callable[[Page], Any],
        *,
        width: int = 1280,
        scheme: Scheme = "light",
        scripts: bool = True,
        cookies: Mapping[str, str] | None = None,
    ) -> Any:
        """What `act(page)` returns once the page is open; nothing may have been reported meanwhile.

        `cookies`: all that the browser holds for the site; None: what it held before.
        """
        return self.thread.submit(self._look, path, act, width, scheme, scripts, cookies).result()

    def _look(  # noqa: PLR0917 - the thread hands them on as they come
        self,
        path: str,
        act: Callable[[Page], Any],
        width: int,
        scheme: Scheme,
        scripts: bool,  # noqa: FBT001
        cookies: Mapping[str, str] | None,
    ) -> Any:
        page = self.page if scripts else self.scriptless
        if cookies is not None:
            page.context.clear_cookies()
            page.context.add_cookies([{"name": k, "value": v, "url": self.address} for k, v in cookies.items()])
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(media="screen", color_scheme=scheme)
        self.reports.clear()
        page.goto(self.address + path)
        found = act(page)
        # A page that refuses or is missing says so in the console; that is the browser's own line about it.
        reported = [each for each in self.reports if "status of 40" not in each]
        assert reported == [], reported
        return found

    def close(self) -> None:
        self.thread.submit(lambda: (self.browser.close(), self.driver.stop())).result()
        self.thread.shutdown()
