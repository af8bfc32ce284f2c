"""Real processes that begin with everything loaded: forked from a server that imported it once.

A second each is what they would cost otherwise. That a program starts by itself is proven where it is the point, with
`python -m` and the installed script.
"""

from __future__ import annotations

import multiprocessing

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.faults.worker", "tests.app.command"])
