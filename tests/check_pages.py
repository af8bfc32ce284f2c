"""`python -m tests.check_pages [--shots FOLDER]`: the pages before axe-core and html-validate, and pictures to look at.

Both tools come from the npm registry into a temporary folder and are gone afterwards; `npm` and Chromium must be there.
Every page is looked at in light and dark at 360, 768 and 1280 pixels. Exit code 1 when anything was found.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

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
RULES = {
    "extends": ["html-validate:recommended"],
    "rules": {
        # A title holds the names as their makers wrote them.
        "long-title": "off",
    },
}


def content(product: Product) -> list[str]:
    """Put the samples in. Returns the paths to look at."""
    load_standard_lenses(product)
    shelf.publish(product, *EVERY)
    shelf.vote(product, VIEW, for_a=5, for_b=9)
    shelf.edition(
        product, Week(2026, 47), [VIEW.slug], subject="A model that fits a laptop", intro="One convinced all."
    )
    reader = shelf.reader(product)
    return [
        "/",
        f"/compare/{VIEW.slug}",
        f"/compare/{PARTIAL.slug}",
        f"/compare/{HOSTILE_VIEW.slug}",
        f"/compare/{LONG_VIEW.slug}",
        "/tools/skillclaw",
        "/lenses/skeptic",
        "/categories/agents",
        "/search?q=skill",
        "/editions",
        "/editions/2026-W47",
        "/methodology",
        "/corrections",
        f"/corrections/report?about=compare/{VIEW.slug}",
        "/subscribe",
        "/nothing",
        shelf.link(product, Purpose.VOTE, reader, VIEW.slug),
        shelf.link(product, Purpose.PREFERENCES, reader),
        shelf.link(product, Purpose.UNSUBSCRIBE, reader),
        "/confirm/forged",
    ]


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


def look_at_all(opened: Browser, address: str, paths: list[str], *, source: str, shots: Path | None) -> list[str]:
    """What axe-core finds, page by page."""
    found = []
    # The policy of the pages forbids scripts, so axe can run only where it is set aside; everything else stays.
    context = opened.new_context(bypass_csp=True)
    page = context.new_page()
    for number, path in enumerate(paths):
        kind = path.strip("/").split("/")[0].split("?")[0] or "home"
        go = partial(page.goto, address + path)
        found += [
            f"{path} {each}" for each in look(page, f"{number:02}-{kind}", source=source, shots=shots, open_it=go)
        ]
    context.close()
    return found


def fetched(opened: Browser, address: str, paths: list[str]) -> dict[str, bytes]:
    """The bytes that the server sends, by path."""
    context = opened.new_context()
    bodies = {path: context.request.get(address + path).body() for path in paths}
    context.close()
    return bodies


def validate(folder: Path, bodies: dict[str, bytes]) -> list[str]:
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
    ]


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
        paths = content(product)
        with chromium() as opened, serving(product) as address:
            found = look_at_all(opened, address, paths, source=axe(folder), shots=shots)
            found += validate(folder, fetched(opened, address, paths))
    report(found, pages=len(paths))


if __name__ == "__main__":
    main()
