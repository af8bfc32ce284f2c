"""`python -m tests.check_desk [--shots FOLDER]`: every page of the desk before axe-core and html-validate.

The tools, widths and schemes are those of tests/check_pages.py. What is looked at are the pages of a busy week and of
a desk where nothing has happened yet (tests/desk/furnished.py). Exit code 1 when anything was found.
"""

from __future__ import annotations

import logging
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page

from app.lenses import load_standard_lenses
from app.settings import Settings
from app.wiring import Product
from store.connect import Database
from store.migrate import upgrade
from tests.check_pages import asked, axe, chromium, look, report, serving, validate
from tests.conftest import NOW
from tests.desk.conftest import people, session_of
from tests.desk.furnished import SEND, Look, furnish, looks, looks_at_nothing


@contextmanager
def desk(folder: Path) -> Iterator[Product]:
    """A product with people and lenses."""
    settings = Settings(
        _env_file=None,
        var=folder,
        database_url=f"sqlite:///{folder / 'desk.db'}",
        base_url="http://localhost",
        secret_key="k" * 40,
    )
    product = Product(settings=settings, database=Database(settings.database), clock=lambda: NOW)
    upgrade(product.database)
    load_standard_lenses(product)
    people(product)
    yield product
    product.database.close()


def examine(
    opened: Browser, product: Product, seen: list[Look], *, source: str, shots: Path | None, prefix: str
) -> tuple[list[str], dict[str, bytes]]:
    """What axe-core finds on these pages, and their bytes by name."""
    found, bodies = [], {}
    with serving(product) as address:
        contexts = {who: _signed_in(opened, product, address, who) for who in {each.who for each in seen}}
        for number, each in enumerate(seen):
            context = contexts[each.who]
            name = f"{prefix}{number:03}-{re.sub(r'[^a-z0-9]+', '-', each.path.lower()).strip('-')}"
            page = context.new_page()
            lines = look(
                page, name, source=source, shots=shots, open_it=lambda page=page, each=each: _open(page, address, each)
            )
            found += [f"{each} {line}" for line in lines]
            for line in lines:  # as it goes: the whole takes minutes
                sys.stderr.write(f"{each} {line}\n")
            page.close()
            bodies[f"{prefix}{each}"] = _body(context, address, each)
        for context in contexts.values():
            context.close()
    return found, bodies


def _signed_in(opened: Browser, product: Product, address: str, who: str) -> BrowserContext:
    # The policy of the pages forbids foreign scripts, so axe can run only where it is set aside.
    context = opened.new_context(bypass_csp=True)
    if who:
        context.add_cookies([{"name": "desk", "value": session_of(product, who), "url": address}])
    return context


def _open(page: Page, address: str, each: Look) -> None:
    if each.data is None:
        page.goto(address + each.path)
        return
    page.goto(f"{address}/robots.txt")
    with page.expect_navigation():
        page.evaluate(SEND, [each.path, each.data])


def _body(context: BrowserContext, address: str, each: Look) -> bytes:
    if each.data is None:
        answer = context.request.get(address + each.path, max_redirects=0)
    else:
        answer = context.request.post(address + each.path, form=dict(each.data), max_redirects=0)
    if not answer.headers.get("content-type", "").startswith("text/html"):
        raise RuntimeError(f"{each} answered {answer.status}, and no page.")
    return answer.body()


def main() -> None:
    shots = asked()
    logging.disable(logging.WARNING)  # what is refused here is meant to be
    found: list[str] = []
    bodies: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as name, chromium() as opened:
        source = axe(Path(name))
        for prefix, busy in (("busy-", True), ("empty-", False)):
            with tempfile.TemporaryDirectory() as folder, desk(Path(folder)) as product:
                seen = list(looks(product, furnish(product)) if busy else looks_at_nothing(product))
                lines, more = examine(opened, product, seen, source=source, shots=shots, prefix=prefix)
                found, bodies = found + lines, bodies | more
        found += validate(Path(name), bodies)
    report(found, pages=len(bodies))


if __name__ == "__main__":
    main()
