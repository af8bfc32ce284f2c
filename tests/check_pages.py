"""`python -m tests.check_pages [--shots FOLDER]`: the pages before axe-core and html-validate, and pictures to look at.

Both tools come from the npm registry into a temporary folder and are gone afterwards; `npm` and Chromium must be there.
Every page is looked at in light and dark at 360, 768 and 1280 pixels. Exit code 1 when anything was found.
"""

from __future__ import annotations

import argparse
import html
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from app import correcting
from app.lenses import load_standard_lenses
from app.tokens import Purpose
from app.wiring import Product, open_product
from core.week import Week
from store.migrate import upgrade
from tests.prepare import browser
from tests.web import shelf
from tests.web.conftest import settings
from tests.web.samples import APPROVED, EVERY, HOSTILE_VIEW, LONG_VIEW, PARTIAL, VIEW
from web.application import create_app

WIDTHS = (360, 768, 1280)
SCHEMES = ("light", "dark")
RULES = {"extends": ["html-validate:recommended"]}

Press = Callable[[Page], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A page to look at: an address, and what is done there before (nothing, or a form that is sent)."""

    path: str
    press: Press | None = None
    name: str


def content(product: Product) -> list[Visit]:
    """Put the samples in. Returns what to look at."""
    load_standard_lenses(product)
    shelf.publish(product, *EVERY)
    shelf.vote(product, VIEW, for_a=5, for_b=9)
    shelf.edition(
        product, Week(2026, 47), [VIEW.slug], subject="A model that fits a laptop", intro="One convinced all."
    )
    about = f"compare/{VIEW.slug}"
    wrong = correcting.report(product, about, claim="It is 2.2 billion parameters.", source_url="")
    note = "It said 2 billion; it is 2.2."
    correcting.settle(product, wrong, accept=True, note=note, email="noor@verdicts.example")
    reader, leaver = shelf.reader(product), shelf.reader(product)
    vote = shelf.link(product, Purpose.VOTE, reader, VIEW.slug)
    leave = shelf.link(product, Purpose.UNSUBSCRIBE, leaver)
    pages = {
        "home": "/",
        "comparison": f"/compare/{VIEW.slug}",
        "comparison-partial": f"/compare/{PARTIAL.slug}",
        "comparison-hostile": f"/compare/{HOSTILE_VIEW.slug}",
        "comparison-long": f"/compare/{LONG_VIEW.slug}",
        "tool": "/tools/skillclaw",
        "tool-bare": "/tools/blank",
        "lens": "/lenses/skeptic",
        "category": "/categories/agents",
        "search": "/search?q=skill",
        "search-nothing": "/search?q=nothingofthekind",
        "editions": "/editions",
        "edition": "/editions/2026-W47",
        "methodology": "/methodology",
        "corrections": "/corrections",
        "report": f"/corrections/report?about={about}",
        "subscribe": "/subscribe",
        "not-found": "/nothing",
        "vote": vote,
        "preferences": shelf.link(product, Purpose.PREFERENCES, reader),
        "unsubscribe": leave,
        "forged": "/confirm/forged",
    }
    forms = {
        "check-your-mail": ("/subscribe", _subscribing("ada@reader.example")),
        "subscribe-refused": ("/subscribe", _subscribing("ada@localhost")),
        "voted": (vote, _sending),
        "reported": (f"/corrections/report?about={about}", _reporting),
        "unsubscribed": (leave, _sending),
    }
    return [
        *(Visit(name=name, path=path) for name, path in pages.items()),
        *(Visit(name=name, path=path, press=press) for name, (path, press) in forms.items()),
    ]


def _sending(page: Page) -> None:
    page.click("main button")


def _subscribing(address: str) -> Press:
    def press(page: Page) -> None:
        page.fill("#address", address)
        page.click("main button")

    return press


def _reporting(page: Page) -> None:
    page.fill("textarea", "The price is wrong.")
    page.click("main button")


@contextmanager
def serving(product: Product) -> Iterator[str]:
    """The pages on loopback. Gives their address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app(product), log_level="critical", lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:  # or a check that breaks would wait for the server for ever
            server.should_exit = True
            thread.join()


def axe(folder: Path) -> str:
    """The source of axe-core."""
    packed = subprocess.run(
        ["npm", "pack", "--silent", "axe-core"], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.split()[-1]
    subprocess.run(["tar", "-xzf", packed], cwd=folder, check=True)
    return (folder / "package" / "axe.min.js").read_text(encoding="utf-8")


def look(page: Page, name: str, *, source: str, shots: Path | None, open_it: Callable[[], object]) -> list[str]:
    """What axe-core finds on a page that `open_it` opens, in each scheme and width; a picture of each under `name`."""
    found = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            open_it()
            page.evaluate(source)
            violations = page.evaluate("axe.run().then(r => r.violations)")
            found += [f"{scheme} {width}: {each['id']}: {each['nodes'][0]['html'][:120]}" for each in violations]
            if shots is not None:
                page.screenshot(path=shots / f"{name}-{scheme}-{width}.png", full_page=True)
    return found


def look_at_all(
    opened: Browser, address: str, visits: list[Visit], *, source: str, shots: Path | None
) -> tuple[list[str], dict[str, bytes]]:
    """What axe-core finds, visit by visit, and the bytes that the server sent for each."""
    found, sent = [], {}
    for visit in visits:
        # The policy of the pages stays in force: what the driver evaluates is not subject to it.
        page = opened.new_page()
        sent[visit.name] = _open(page, address, visit)
        stay = partial(page.wait_for_load_state)
        found += [f"{visit.name} {each}" for each in look(page, visit.name, source=source, shots=shots, open_it=stay)]
        page.close()
    return found, sent


def _open(page: Page, address: str, visit: Visit) -> bytes:
    """Go there, and send its form where there is one to send. Gives the answer's bytes."""
    response = page.goto(address + visit.path)
    if visit.press is not None:
        with page.expect_response(lambda each: each.request.method == "POST") as posted:
            visit.press(page)
        response = posted.value
        page.wait_for_load_state()
    assert response is not None
    return response.body()


def validate(folder: Path, bodies: dict[str, bytes], *, longest_title: int = 10_000) -> list[str]:
    """What html-validate finds in these pages, each by its name."""
    subprocess.run(["npm", "install", "--silent", "--no-audit", "html-validate"], cwd=folder, check=True)
    names = list(bodies)
    for number, body in enumerate(bodies.values()):
        (folder / f"page-{number:03}.html").write_bytes(body)
    (folder / ".htmlvalidate.json").write_text(json.dumps(RULES))
    files = sorted(each.name for each in folder.glob("page-*.html"))
    done = subprocess.run(
        # Into a file: what it prints at its end is cut off where the pipe is full.
        ["npx", "html-validate", "--formatter", "json=found.json", *files],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"html-validate did not run: {done.stderr}")
    reports = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    return [
        f"{names[int(Path(report['filePath']).stem.removeprefix('page-'))]}: {each['ruleId']}: {each['message']}"
        f" (line {each['line']})"
        for report in reports
        for each in report["messages"]
        # It counts `&lt;` as four characters; readers and tabs see one.
        if each["ruleId"] != "long-title" or len(_title(Path(report["filePath"]))) > longest_title
    ]


def _title(file: Path) -> str:
    found = re.search(r"<title>(.*?)</title>", file.read_text(encoding="utf-8"), re.DOTALL)
    return html.unescape(found[1]) if found else ""


def asked() -> Path | None:
    """The folder for pictures, when one is asked for. Ends the program where a tool is missing."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--shots", type=Path)
    shots: Path | None = parser.parse_args().shots
    if shutil.which("npm") is None or browser() is None:
        sys.exit("This check needs npm (Debian: apt-get install npm) and Chromium.")
    if shots is not None:
        shots.mkdir(parents=True, exist_ok=True)
    return shots


def report(found: Iterable[str], *, pages: int) -> None:
    """Say what was found, and end the program: with 1 when anything was."""
    lines = sorted(set(found))
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.write(f"{pages} pages, {len(lines)} findings.\n")
    sys.exit(1 if lines else 0)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser."""
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=browser(), args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


def main() -> None:
    shots = asked()
    with tempfile.TemporaryDirectory() as name, open_product(settings(Path(name)), require_current=False) as plain:
        folder = Path(name)
        upgrade(plain.database)
        product = plain.at(APPROVED + timedelta(days=2))
        visits = content(product)
        with chromium() as opened, serving(product) as address:
            found, sent = look_at_all(opened, address, visits, source=axe(folder), shots=shots)
            found += validate(folder, sent, longest_title=70)
    report(found, pages=len(visits))


if __name__ == "__main__":
    main()
