"""What a scenario is, and the list of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

POINTS = {
    "batch": "claimed, asking for a fence",
    "begin-locked": "before the commit of the attempt",
    "read": "half of the request sent",
    "before-lost": "request sent, not taken",
    "before": "request sent, taken after the death",
    "after": "taken, no answer yet",
    "answered": "answer on its way",
    "settle-locked": "before the commit of the answer",
    "cancel-before": "asking to call an attempt off",
    "cancel-after": "called off, no answer yet",
}
"""Where a worker is killed, seen from outside."""

SENDING_FAULTS = (
    "key-revoked:1",
    "key-revoked:1+1",
    "forbidden:1",
    "too-large:1",
    "slow-down:2",
    "slow-down-silent:2",
    "error-before:1",
    "error-after:1",
    "error-before:3",
    "error-after:3",
    "redirect:1",
    "sandbox:1",
    "no-message-id",
    "stall-before:1",
    "stall-after:1",
    "hang-up-before:2",
    "hang-up-after:2",
    "bad-recipient:1",
    "no-batch:2",
)
UNCERTAINTY = (
    "cancel-refused",
    "cancel-unanswered:2",
    "cancel-refused log-late:3",
    "cancel-refused log-away:2",
)
EVENT_FAULTS = (
    "events-lost",
    "events-doubled",
    "events-renamed",
    "events-shuffled",
    "events-late",
    "events-foreign",
    "events-badly-signed",
    "events-oversized",
    "events-gzipped",
    "events-broken",
)
ENGINES = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One story: who sends through what, what goes wrong, where a worker is killed.

    `point` None: nobody is killed; "random": after `delay` seconds; "sigterm": asked to end after so many. `nth`: at the so-manieth time the point is passed.
    `faults` hold until the first worker has ended, `events` while reports are posted. `second`: another worker runs
    at the same time; `lines`: requests that each worker makes side by side. `gone`: the database's connections are cut
    at the commit after the first answer. `variants`: the edition has three, in batches of two.
    """

    group: str
    engine: str
    transport: str = "sendgrid"
    point: str | None = None
    nth: int = 1
    delay: float = 0.0
    faults: str = ""
    events: str = ""
    second: bool = False
    fence: int = 30
    gone: bool = False
    lines: int = 1
    variants: bool = False
    seed: int = 0


def every() -> Iterator[Scenario]:
    """All of them."""
    dice = random.Random(7)  # noqa: S311 - the same scenarios every time
    for engine in ENGINES:
        yield from _kills(engine)
        yield from _faults(engine)
        yield from _random_kills(engine, dice)
        yield from _others(engine, dice)
        yield from _variants(engine, dice)


def _kills(engine: str) -> Iterator[Scenario]:
    for point in POINTS:
        for nth in (1, 2, 3):
            for second in (False, True):
                made = Scenario(group="kill -9", engine=engine, point=point, nth=nth, second=second)
                made = replace(made, faults="error-after:2") if point.startswith("cancel") else made
                yield made
                if nth == 2 and not second:  # others are under way by then
                    yield replace(made, group="kill -9, three lines", lines=3)
    for point in ("before-lost", "before", "after", "settle-locked"):
        for nth in (1, 3):
            for doubt in ("cancel-refused", "cancel-refused log-late:4"):
                for events in ("", "events-lost"):
                    yield Scenario(
                        group="kill -9, fence refused", engine=engine, point=point, nth=nth, faults=doubt, events=events
                    )
            yield Scenario(group="kill -9, no fence", engine=engine, point=point, nth=nth, fence=0)


def _faults(engine: str) -> Iterator[Scenario]:
    for fault in SENDING_FAULTS:
        yield Scenario(group="provider's answers", engine=engine, faults=fault)
        yield Scenario(group="provider's answers, two workers", engine=engine, faults=fault, second=True)
        yield Scenario(group="provider's answers, three lines", engine=engine, faults=fault, lines=3)
        yield Scenario(group="provider's answers, no fence", engine=engine, faults=fault, fence=0)
        for doubt in UNCERTAINTY:
            yield Scenario(group="answers and a fence that fails", engine=engine, faults=f"{fault} {doubt}")
    for events in EVENT_FAULTS:
        for faults in ("", "error-after:1 cancel-refused", "error-before:1 cancel-refused"):
            yield Scenario(group="provider's reports", engine=engine, faults=faults, events=events)
    if engine == "postgresql":
        for nth in (1, 2, 3):
            yield Scenario(group="database gone after the answer", engine=engine, gone=True, nth=nth)


def _random_kills(engine: str, dice: random.Random) -> Iterator[Scenario]:
    for number in range(30):
        yield Scenario(
            group="kill -9 at a random time",
            engine=engine,
            point="random",
            delay=dice.uniform(0.0, 0.2),
            faults=dice.choice(("", "", "error-after:2", "hang-up-before:1", "slow-down:1", "no-batch:1")),
            second=number % 3 == 0,
            seed=number,
        )


def _others(engine: str, dice: random.Random) -> Iterator[Scenario]:
    for number in range(15):
        yield Scenario(
            group="outbox, kill -9 at a random time",
            engine=engine,
            transport="outbox",
            point="random",
            delay=dice.uniform(0.0, 0.06),
            second=number % 3 == 0,
            seed=number,
        )
        yield Scenario(
            group="SMTP, kill -9 at a random time",
            engine=engine,
            transport="smtp",
            point="random",
            delay=dice.uniform(0.0, 0.08),
            seed=number,
        )
    for number in range(10):
        yield Scenario(
            group="SIGTERM at a random time",
            engine=engine,
            point="sigterm",
            delay=dice.uniform(0.01, 0.15),
            faults=dice.choice(("", "error-after:1", "slow-down:1")),
            seed=number,
        )
    for drop in ("rcpt", "data", "dot", "dot-lost"):
        yield Scenario(group="SMTP, connection lost", engine=engine, transport="smtp", faults=drop)


def _variants(engine: str, dice: random.Random) -> Iterator[Scenario]:
    plain = Scenario(group="", engine=engine, variants=True)
    for point in POINTS:
        faults = "error-after:2" if point.startswith("cancel") else ""
        for nth, second in ((2, False), (4, False), (3, True)):
            yield replace(plain, group="variants, kill -9", point=point, nth=nth, second=second, faults=faults)
    for fault in SENDING_FAULTS:
        yield replace(plain, group="variants, provider's answers", faults=fault)
    for number in range(6):
        random_kill = replace(plain, point="random", seed=number)
        for transport, longest in (("sendgrid", 0.2), ("smtp", 0.08), ("outbox", 0.06)):
            delay = dice.uniform(0.0, longest)
            group = f"variants, {transport}, kill -9 at a random time"
            yield replace(random_kill, group=group, transport=transport, delay=delay)
    for drop in ("rcpt", "data", "dot", "dot-lost"):
        yield replace(plain, group="variants, SMTP, connection lost", transport="smtp", faults=drop)


def short() -> list[Scenario]:
    """A selection for every day: one of each group and engine (with variants, of each group and a kill of each), and every
    point once."""
    chosen: dict[tuple[str, ...], Scenario] = {}
    for each in every():
        on_both = not each.variants or each.point in POINTS
        chosen.setdefault((each.group, each.engine if on_both else ""), each)
        if each.group == "kill -9" and each.engine == "sqlite":
            chosen.setdefault((each.group, str(each.point)), each)
    return list(chosen.values())
