"""Runs a scenario: real workers, killed from outside with SIGKILL at points seen at the provider or the database, and
afterwards the provider's own record held against the ledger.

Nothing in the product knows of it: the harness holds the provider's answer, or a lock of the database, while it kills.
"""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from app import figures, scheduling, sending, settling, webhooks
from core.edition import EditionState
from core.errors import VerdictsError
from digest.transports.standin import StandIn, read_fault
from store import checks, subscribers
from store.schema import batch, delivery, subscriber
from tests.digest.servers import MailServer
from tests.faults.scenario import Scenario
from tests.faults.variants import VARIANTS, Arrived, choose, parsed, wrongly_written
from tests.faults.worker import Place, Warped, product_at, work
from tests.forks import FORKS
from tests.sending.stage import WEEK, add_readers, approve_edition, readers

LISTED = "listed@example.org"  # on the suppression list since before the recipients were fixed
LEAVER = "leaver@example.org"  # leaves while the first worker works
NO_ADDRESS = "two@@example.org"
PEOPLE = [*readers(8), LISTED, LEAVER, NO_ADDRESS]
_ROUNDS = 14
_PATIENCE = 20.0


@dataclass
class Outcome:
    """What came of a scenario: nothing wrong, or in words what."""

    scenario: Scenario
    wrong: list[str] = field(default_factory=list)
    killed: int = 0
    seconds: float = 0.0


class Engines:
    """Fresh, migrated databases of both engines, copied from templates."""

    def __init__(self, sqlite_template: Path, postgres: str | None) -> None:
        self._sqlite = sqlite_template
        self._postgres = postgres

    @contextmanager
    def fresh(self, engine: str, folder: Path) -> Iterator[str]:
        if engine == "sqlite":
            shutil.copy(self._sqlite, folder / "verdicts.db")
            yield f"sqlite:///{folder / 'verdicts.db'}"
            return
        assert self._postgres is not None
        name = f"f{uuid.uuid4().hex}"
        with psycopg.connect(self._postgres, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "template"')
        try:
            yield self._postgres.replace("/postgres?", f"/{name}?")
        finally:
            with psycopg.connect(self._postgres, autocommit=True) as connection:
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


class Gate:
    """Holds the provider at a point until the harness lets go; `lost` then closes the connection."""

    def __init__(self, point: str | None, nth: int) -> None:
        self.point, self.left = point, nth
        self.reached, self.go = threading.Event(), threading.Event()
        self.answered = threading.Event()
        self.lost = False

    def __call__(self, point: str) -> None:
        if point == "answered" and self.reached.is_set():
            self.answered.set()
        if point != self.point or self.reached.is_set():
            return
        self.left -= 1
        if self.left == 0:
            self.reached.set()
            self.go.wait(_PATIENCE)
            if self.lost:
                raise ConnectionResetError


_HELD_AT = {"begin-locked": "batch", "settle-locked": "after", "before-lost": "before"}


class Run:
    """One scenario on its way."""

    def __init__(self, scenario: Scenario, database: str, folder: Path, stack: ExitStack) -> None:
        self.scenario = scenario
        self.outcome = Outcome(scenario)
        self.offset = FORKS.Value("d", 0.0)
        self.clock = Warped(self.offset)
        point = scenario.point
        held = "after" if scenario.gone else _HELD_AT.get(point or "", point)
        self.gate = Gate(held, scenario.nth)
        self.mail: MailServer | None = None
        self.provider: StandIn | None = None
        address = ""
        if scenario.transport == "sendgrid":
            self.provider = stack.enter_context(StandIn(clock=self.clock, at=self.gate))
            address = self.provider.url
        elif scenario.transport == "smtp":
            self.mail = MailServer()
            stack.callback(self.mail.close)
            address = self.mail.url
        self.place = Place(
            folder=folder,
            database=database,
            transport=scenario.transport,
            address=address,
            fence=scenario.fence,
            lines=scenario.lines,
            size=2 if scenario.variants else 4,
        )
        key = self.provider.reporter.public_key if self.provider else None
        url = self.provider.url if self.provider else "http://127.0.0.1:1"
        self.product = product_at(self.place, self.clock, sendgrid_webhook_key=key, sendgrid_url=url)
        stack.callback(self.product.database.close)
        self.workers: list[Any] = []

    # --- the story

    def prepare(self) -> None:
        approve_edition(self.product, variants=VARIANTS if self.scenario.variants else ())
        add_readers(self.product.database, PEOPLE, now=self.clock())
        if self.scenario.variants:
            choose(self.product.database)
        with self.product.database.write() as connection:
            subscribers.suppress(connection, LISTED, reason="complained", now=self.clock())

    def first_act(self) -> None:
        """The first workers, whatever goes wrong, and the kill."""
        faults = self.scenario.faults.split()
        if self.provider:
            self.provider.misbehave(*map(read_fault, faults))
        elif self.mail:
            self.mail.drop = faults
        victim = self._start()
        others = [self._start()] if self.scenario.second else []
        self._leave()
        if self.scenario.point == "random":
            time.sleep(self.scenario.delay)
            self._kill(victim)
        elif self.scenario.point == "sigterm":
            time.sleep(self.scenario.delay)
            self._ask_to_end(victim)
        elif self.scenario.point or self.scenario.gone:
            self._kill_at_the_gate(victim, others)
        for each in [victim, *others]:
            each.join(_PATIENCE)
            if each.is_alive():
                self.outcome.wrong.append("a worker does not end")
                self._kill(each)
        if self.provider:
            self.provider.misbehave()

    def _start(self) -> Any:
        made = FORKS.Process(target=work, args=(self.place, self.offset), daemon=True)
        made.start()
        self.workers.append(made)
        return made

    def _kill(self, worker: Any) -> None:
        if worker.is_alive():
            os.kill(worker.pid, signal.SIGKILL)
            self.outcome.killed += 1
        worker.join()

    def _ask_to_end(self, worker: Any) -> None:
        """A worker that is asked finishes its batch and leaves nothing leased."""
        # Before its handler stands, the signal ends it as it would end any program: nothing is leased then, either.
        os.kill(worker.pid, signal.SIGTERM)
        worker.join(_PATIENCE)
        with self.product.database.read() as connection:
            held = connection.scalar(sa.select(sa.func.count()).where(batch.c.owner.is_not(None)))
        if worker.is_alive() or held:
            self.outcome.wrong.append(
                f"asked to end, it {'does not' if worker.is_alive() else f'leaves {held} leases'}"
            )

    def _leave(self) -> None:
        with self.product.database.write() as connection:
            connection.execute(
                sa.update(subscriber)
                .where(subscriber.c.address == LEAVER)
                .values(state="unsubscribed", left_at=self.clock())
            )

    def _kill_at_the_gate(self, victim: Any, others: list[Any]) -> None:
        every = [victim, *others]
        deadline = time.monotonic() + _PATIENCE
        while not self.gate.reached.wait(0.005):
            # Fewer batches than `nth` on this road: the workers end unharmed, and the story goes on.
            if not any(each.is_alive() for each in every) or time.monotonic() > deadline:
                return
        # With two workers nobody knows whose request it is: both die.
        point = self.scenario.point or ""
        if self.scenario.gone:
            self._cut_connections()
            self.gate.go.set()
            return
        if point.endswith("-locked"):
            with self._locked():
                self.gate.go.set()
                self.gate.answered.wait(0.3 if point.startswith("settle") else 0)
                time.sleep(0.05)
                for each in every:
                    self._kill(each)
            return
        self.gate.lost = point == "before-lost"
        if point == "answered":
            self.gate.go.set()
            time.sleep(0.002 * self.scenario.nth)
        for each in every:
            self._kill(each)
        self.gate.go.set()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Nobody else can write."""
        with self.product.database.write() as connection:
            if self.product.database.dialect == "postgresql":
                connection.execute(sa.text("LOCK TABLE batch IN EXCLUSIVE MODE"))
            yield

    def _cut_connections(self) -> None:
        with self.product.database.write() as connection:
            connection.execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )

    def recover(self) -> None:
        """The schedule goes on: workers, reports, settling; until the edition is sent."""
        for number in range(_ROUNDS):
            self._report()
            self._resume()
            if self._state() is EditionState.SENT:
                return
            self.clock.sleep(301 if number % 2 else 1800)
            worker = self._start()
            worker.join(_PATIENCE)
            if worker.is_alive():
                self.outcome.wrong.append("a worker does not end")
                self._kill(worker)
            if self.mail and number % 3 == 2:
                self._operator_looks()

    def _state(self) -> EditionState:
        return sending.status(self.product, WEEK).state

    def _resume(self) -> None:
        if self._state() is EditionState.PAUSED:
            sending.resume(self.product, WEEK, actor="operator")

    def _report(self) -> None:
        if self.provider is None:
            return
        self.provider.misbehave(*map(read_fault, self.scenario.events.split()))
        self.provider.account.advance()
        for post in self.provider.reporter.posts(self.provider.new_events(), now=self.clock()):
            signature, timestamp = (
                post.headers[f"X-Twilio-Email-Event-Webhook-{name}"] for name in ("Signature", "Timestamp")
            )
            gzipped = "Content-Encoding" in post.headers
            try:
                webhooks.receive(self.product, post.body, signature=signature, timestamp=timestamp, compressed=gzipped)
            except VerdictsError:
                continue
        webhooks.apply_events(self.product)
        self.provider.misbehave()

    def _operator_looks(self) -> None:
        """What only a person can find out at a mail server: whether each of them got it."""
        got = set(self._went_out())
        for doubt in figures.progress(self.product, WEEK).doubts:
            people = self._doubtful(doubt.batch)
            for sent, chosen in ((True, people & got), (False, people - got)):
                if chosen:
                    settling.settle_by_hand(
                        self.product, WEEK, doubt.batch, sent=sent, only=sorted(chosen), actor="operator"
                    )
        sending.finish(self.product, WEEK, actor="operator")
        scheduling.retry(self.product, WEEK, only=["unsent"], actor="operator")

    def _doubtful(self, batch: int) -> set[str]:
        with self.product.database.read() as connection:
            query = sa.select(subscriber.c.address).join(delivery, delivery.c.subscriber == subscriber.c.id)
            return set(connection.scalars(query.where(delivery.c.batch == batch, delivery.c.state == "uncertain")))

    # --- the reckoning

    def _arrived(self) -> list[Arrived]:
        """Every mail of the edition that left the house, as it was found outside."""
        if self.provider:
            sent = [each for each in self.provider.account.went_out() if "wv_delivery" in each.args]
            return [Arrived(to=each.to, subject=each.subject, text=each.text, html=each.html) for each in sent]
        if self.mail:
            return [parsed(to, raw) for _, to, raw in self.mail.mails]
        found = [path.read_bytes() for path in sorted((self.place.folder / "outbox").glob("*.eml"))]
        return [parsed(str(message_from_bytes(raw)["To"]).split()[-1].strip("<>"), raw) for raw in found]

    def _went_out(self) -> list[str]:
        return [each.to for each in self._arrived()]

    def judge(self) -> None:
        """The provider's record against the ledger."""
        self.clock.sleep(7200)
        arrived = self._arrived()
        went = Counter(each.to for each in arrived)
        ledger = self._ledger()
        wrong = self.outcome.wrong
        wrong += wrongly_written(self.product, arrived, varied=self.scenario.variants)
        if self._state() is not EditionState.SENT:
            wrong.append(f"the edition is {self._state()}: {Counter(ledger.values())}")
        wrong += [f"{address} was mailed {times} times" for address, times in went.items() if times > 1]
        wrong += [f"{address} was mailed" for address in (LISTED, NO_ADDRESS) if address in went]
        for address, state in ledger.items():
            if (state in ("accepted", "delivered")) != (address in went):
                wrong.append(f"{address} is {state}, {'mailed' if address in went else 'not mailed'}")
        allowed = self._refused_by_the_provider()
        missed = [each for each in readers(8) if each not in went]
        if len(missed) > allowed:
            wrong.append(f"missed: {missed}")
        if self.provider and self.provider.breaches:
            wrong.append(f"rules broken: {self.provider.breaches[:3]}")
        with self.product.database.read() as connection:
            wrong += [str(each["rule"]) for each in checks.violations(connection)]

    def _refused_by_the_provider(self) -> int:
        """Readers that the provider itself has refused by name, so that they are rightly without a mail."""
        return 1 if "bad-recipient" in self.scenario.faults else 0

    def _ledger(self) -> dict[str, str]:
        with self.product.database.read() as connection:
            query = sa.select(subscriber.c.address, delivery.c.state).join(
                delivery, delivery.c.subscriber == subscriber.c.id
            )
            return {row[0]: row[1] for row in connection.execute(query)}


def run(scenario: Scenario, engines: Engines, folder: Path) -> Outcome:
    """One scenario from the approved edition to the reckoning."""
    began = time.monotonic()
    folder.mkdir(parents=True)
    with engines.fresh(scenario.engine, folder) as database, ExitStack() as stack:
        story = Run(scenario, database, folder, stack)
        try:
            story.prepare()
            story.first_act()
            story.recover()
            story.judge()
        finally:
            story.gate.go.set()
            for each in story.workers:
                if each.is_alive():
                    each.kill()
                each.join()
                each.close()
    shutil.rmtree(folder)
    story.outcome.seconds = time.monotonic() - began
    return story.outcome
