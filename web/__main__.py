"""`python -m web --port N`: the web server on loopback. A reverse proxy with TLS stands before it on the open net."""

from __future__ import annotations

import argparse
import sys

import uvicorn

from app.wiring import open_product
from core.errors import VerdictsError
from web.application import create_app


def main() -> None:
    """Serve until told to stop; exit code 2 when the settings or the database do not allow it."""
    parser = argparse.ArgumentParser(prog="verdicts web")
    parser.add_argument("--port", type=int, default=8000)
    port = parser.parse_args().port
    try:
        with open_product() as product:
            # No access log: its lines would hold the tokens of people's links. The proxy before this one has one.
            uvicorn.run(
                create_app(product),
                host="127.0.0.1",
                port=port,
                log_level="info",
                server_header=False,
                access_log=False,
            )
    except VerdictsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
