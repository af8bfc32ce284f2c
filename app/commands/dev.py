"""`verdicts dev`: servers for trying out."""

from __future__ import annotations

import signal
import sys
import threading
from typing import Annotated

from cyclopts import App, Parameter

from app.commands import Port
from app.report import Report
from digest.transports.standin import FAULTS, StandIn, read_fault

app = App(name="dev")


@app.command
def sendgrid(
    *,
    port: Port = 8025,
    webhook: str = "http://127.0.0.1:8000/webhooks/sendgrid",
    misbehave: Annotated[tuple[str, ...], Parameter(negative=())] = (),
) -> Report:
    """A stand-in for SendGrid on this machine: checks requests by the provider's rules, keeps scheduled sends, posts
    signed events to --webhook. --misbehave WORD[:TIMES[+AFTER]] switches a fault on; `dev faults` lists them.
    Ctrl-C ends it."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    faults = [read_fault(each) for each in misbehave]
    with StandIn(port=port, webhook=webhook) as server:
        server.misbehave(*faults)
        sys.stderr.write(
            "A stand-in for SendGrid. The product sends to it with:\n"
            "  VERDICTS_MAIL=sendgrid SENDGRID_API_KEY=any\n"
            f"  VERDICTS_SENDGRID_URL={server.url}\n"
            f"  VERDICTS_SENDGRID_WEBHOOK_KEY={server.reporter.public_key}\n"
        )
        sys.stderr.flush()
        stop.wait()
        taken, gone = len(server.account.messages), len(server.account.went_out())
    return Report(data={"accepted": taken, "sent": gone}, text=f"{taken} accepted, {gone} sent.")


@app.command
def faults() -> Report:
    """Every way in which the stand-in can misbehave."""
    rows = [{"word": word, "what": what} for word, what in FAULTS.items()]
    return Report(data=rows, rows=rows)
