"""`make bench`: every benchmark at its short size, one after the other, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

SIZES: dict[str, list[str]] = {
    "ingestion": ["--feeds", "300"],
    "subscribers": ["--rows", "100000"],
    "recipients": ["--readers", "100000"],
}
"""Arguments of the short form, where a benchmark has one."""


def main() -> None:
    """Run them all; a benchmark that fails does not stop the others, and the exit code says that one did."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))
    failed = []
    for name in names:
        print(f"\n== {name}", flush=True)
        begun = time.monotonic()
        done = subprocess.run([sys.executable, "-m", f"bench.{name}", *SIZES.get(name, [])], check=False)
        print(f"   {time.monotonic() - begun:.0f} s", flush=True)
        if done.returncode:
            failed.append(name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
