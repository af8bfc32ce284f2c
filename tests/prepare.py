"""What the tests need beyond the lock: Chromium, for the pages and mails. `make test` runs this first.

As root on Debian it is installed from the system's packages. Elsewhere a browser that is already there is used: on the
PATH, in the Applications of a Mac, or where `playwright install chromium` puts one. Nothing is skipped in silence:
without a browser the browser tests fail, unless VERDICTS_TEST_WITHOUT=chromium says that this is meant, and then the
last lines of the run list them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PLACES = (
    (Path("/Applications"), "Chromium.app/Contents/MacOS/Chromium"),
    (Path("/Applications"), "Google Chrome.app/Contents/MacOS/Google Chrome"),
    (Path.home() / ".cache/ms-playwright", "chromium-*/chrome-linux*/chrome"),
    (Path.home() / "Library/Caches/ms-playwright", "chromium-*/chrome-mac*/*.app/Contents/MacOS/*"),
)
"""Where programs lie that no PATH leads to."""
MISSING = (
    "No Chromium here: install it (`.venv/bin/playwright install --with-deps chromium` brings one), or set"
    " VERDICTS_TEST_WITHOUT=chromium."
)


def browser() -> str | None:
    """The path of a browser that the tests can drive."""
    chosen = os.environ.get("VERDICTS_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    return chosen or next((str(found) for folder, name in PLACES for found in sorted(folder.glob(name))), None)


def main() -> None:
    """Install what is missing and can be installed here."""
    if browser() or "chromium" in os.environ.get("VERDICTS_TEST_WITHOUT", ""):
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        sys.stderr.write(f"{MISSING}\n")
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-qy", "chromium"]):
        subprocess.run(command, check=False, env=environment, stdout=subprocess.DEVNULL)
    if not browser():
        sys.stderr.write(f"{MISSING}\n")


if __name__ == "__main__":
    main()
