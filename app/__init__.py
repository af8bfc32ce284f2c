"""Use cases: load, decide, apply. One file per group of them, over one `Product` that is wired once."""

from __future__ import annotations

import atexit
import gc

# Python looks for cycles of garbage after every 700 allocations, which is made for small programs: a tenth of every start.
gc.set_threshold(10_000)
# At the end it would look through all that was ever imported: a fifth of a second, for memory that goes back anyhow.
atexit.register(gc.freeze)
