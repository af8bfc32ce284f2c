"""What the tests need beyond the lock: Chromium, for the pages and mails. `make test` runs this first.

As root on Debian or Ubuntu it is installed from the system's packages. Elsewhere a browser that is already there is
used. Nothing is skipped in silence: without a browser the browser tests fail, unless VERDICTS_TEST_WITHOUT=chromium
says that this is meant, and then the last lines of the run list them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def browser() -> str | None:
    """The path of a browser that the tests can drive."""
    return os.environ.get("VERDICTS_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


def main() -> None:
    """Install what is missing and can be installed here."""
    if browser() or "chromium" in os.environ.get("VERDICTS_TEST_WITHOUT", ""):
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        sys.stderr.write("No Chromium here: install it, or set VERDICTS_TEST_WITHOUT=chromium.\n")
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-qy", "chromium"]):
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
