"""`python -m web --port N`: the web server on loopback. A reverse proxy with TLS stands before it on the open net."""

from __future__ import annotations

import argparse
import atexit
import os
import socket
import sys
from contextlib import ExitStack

import uvicorn
from starlette.types import ASGIApp

from app.wiring import open_product
from core.errors import UsageError, VerdictsError
from web.application import create_app
from web.keeping import KEPT_SECONDS

HOST = "127.0.0.1"


def application() -> ASGIApp:
    """The application of one worker; its product stays open as long as the process."""
    opened = ExitStack()
    atexit.register(opened.close)
    return create_app(opened.enter_context(open_product()), keep_seconds=KEPT_SECONDS)


def _require_free(port: int) -> None:
    """Raise UsageError for a port that somebody else has: uvicorn would say so in its own way, and exit with 3."""
    try:
        socket.create_server((HOST, port)).close()
    except (OSError, OverflowError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "there is no such port"
        raise UsageError(f"Port {port} cannot be opened: {why}.", mend="Use another with --port.") from None


def main() -> None:
    """Serve until told to stop; exit code 2 when the settings, the database or the port do not allow it."""
    parser = argparse.ArgumentParser(prog="verdicts web")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=1, help="processes; each keeps its own answers and counters")
    asked = parser.parse_args()
    try:
        with open_product():
            pass  # what is wrong with settings or database is said once, here, and not by every worker
        _require_free(asked.port)
        # No access log: its lines would hold the tokens of people's links. The proxy before this one has one.
        uvicorn.run(
            "web.__main__:application",
            factory=True,
            workers=asked.workers,
            host=HOST,
            port=asked.port,
            log_level="info",
            server_header=False,
            access_log=False,
        )
    except VerdictsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
