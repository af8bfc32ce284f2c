"""A stand-in for SendGrid's API on this machine: for trying out, and for tests that need a provider that misbehaves.

It lives beside the transport, the one place that may hold an HTTP client, which it needs to post its events. What it
accepts is kept in memory and goes nowhere.
"""

from __future__ import annotations

from digest.transports.standin.account import Account, Message
from digest.transports.standin.faults import FAULTS, Fault, read_fault
from digest.transports.standin.reports import Reporter
from digest.transports.standin.rules import Breach, breaches
from digest.transports.standin.server import StandIn

__all__ = [
    "FAULTS",
    "Account",
    "Breach",
    "Fault",
    "Message",
    "Reporter",
    "StandIn",
    "breaches",
    "read_fault",
]
