"""Ingestion: sources asked and read, tools recognised and assessed. Pure but for `fetch` and `reading`."""

from __future__ import annotations

import sys

# Where `rich` is installed, httpx brings its own command line along: 40 ms and several MB of every start.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
