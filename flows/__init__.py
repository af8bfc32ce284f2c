"""Prefect flows, deployments and schedules: thin wrappers over app. The only `import prefect`.

Importing this package, before Prefect itself is imported, switches telemetry off (client and server) and gives
Prefect a home of its own under VERDICTS_VAR, so that no other project's server or database is touched.
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("PREFECT_HOME", str((Path(os.environ.get("VERDICTS_VAR", "var")) / "prefect").resolve()))
# A busy or slow machine takes longer than the 20 s that a run without a server allows its temporary one.
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
