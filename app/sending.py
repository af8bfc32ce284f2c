"""Sending an approved edition: fix the recipients, then batch after batch through the transport.

The road of one batch, each line one committed transaction (digest/ledger.py says what every answer means):
    claim        a pending batch becomes this worker's, with a lease and a fence number
    suppress     who has left since is taken out
    begin        the attempt is written down BEFORE the request
    send         the transport hands it over and comes back with an answer
    settle       the batch and each delivery get their next state
A worker that dies leaves a lease; the next one to come takes over what the ledger says may be taken over.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from app import heap, hours, settling, traces
from app.addressing import Form
from app.pace import Pace
from app.settings import MailKind
from app.tokens import Purpose, stamp
from app.wiring import Product
from core.clock import to_iso
from core.delivery import (
    Answer,
    AnswerKind,
    Attempt,
    BatchState,
    Capabilities,
    DeliveryState,
    Evidence,
    Outgoing,
    Settlement,
    without_addresses,
)
from core.edition import Edition, EditionState
from core.errors import Conflict, DatabaseNotReady, DeliveryError, Refused, SettingsError
from core.subscriber import Subscriber
from core.week import Week
from digest import ledger
from digest.transports import open_transport
from digest.transports.transport import Transport
from store import audit, deliveries, editions, plans, uncertain
from store.deliveries import Addressee, Claimed
from store.plans import Plan
from store.uncertain import Uncertain

if TYPE_CHECKING:
    from digest.transports.seal import Seal

_LONGEST_WAIT = timedelta(seconds=90)
"""A batch that is due sooner is waited for; a later one is the next run's."""

_TELL_EVERY = 1.0  # seconds: counting a million rows takes a fifth of one
_NAP = 0.5  # seconds between two looks at whether to stop
_DATABASE_RETURNS = (0.1, 0.4, 1.0, 3.0, 10.0)  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingStatus:
    """An edition's figures. `sent` counts mails that a transport took over, whatever became of them since."""

    week: str
    state: EditionState
    recipients: int
    pending: int
    sent: int
    uncertain: int
    failed: int
    suppressed: int
    delivered: int
    bounced: int
    paused_because: str | None
    send_at: datetime | None
    wave_percent: int | None
    local_hour: int | None
    cancelled_at: datetime | None
    closes_at: datetime | None  # when its send window ends; None: nobody has approved it


Told = Callable[[SendingStatus], None]
"""Called after a batch, once a second at most."""


def status(product: Product, week: Week) -> SendingStatus:
    """Where an edition's sending stands, counted from the ledger. Raises NotFound."""
    with product.database.read() as connection:
        found = editions.find(connection, week)
        count = deliveries.counts(connection, week)
        because = editions.paused_because(connection, week)
        plan = plans.find(connection, week)

    def total(*states: DeliveryState) -> int:
        return sum(count.get(each, 0) for each in states)

    reported = (DeliveryState.DELIVERED, DeliveryState.BOUNCED, DeliveryState.COMPLAINED)
    return SendingStatus(
        week=str(week),
        state=found.state,
        recipients=sum(count.values()),
        pending=total(DeliveryState.PENDING, DeliveryState.IN_BATCH),
        sent=total(DeliveryState.ACCEPTED, *reported),
        uncertain=total(DeliveryState.UNCERTAIN),
        failed=total(DeliveryState.REFUSED),
        suppressed=total(DeliveryState.SUPPRESSED),
        delivered=total(DeliveryState.DELIVERED),
        bounced=total(DeliveryState.BOUNCED, DeliveryState.COMPLAINED),
        paused_because=because,
        send_at=plan.send_at,
        wave_percent=plan.wave_percent,
        local_hour=plan.local_hour,
        cancelled_at=plan.cancelled_at,
        closes_at=closing_time(product, plan),
    )


def closing_time(product: Product, plan: Plan) -> datetime | None:
    """When an edition's send window ends: a restored backup or a replayed schedule finds it passed."""
    opened = plan.send_at or plan.approved_at
    return None if opened is None else opened + timedelta(hours=product.settings.send_window_hours)


def send(
    product: Product,
    week: Week,
    *,
    actor: str,
    told: Told | None = None,
    stopping: Callable[[], bool] = lambda: False,
    ids: tuple[int, int] | None = None,
    transport: Transport | None = None,
    sleep: Callable[[float], None] = time.sleep,
    again: bool = False,
) -> SendingStatus:
    """Send an approved edition, or go on with one that is half sent, until nothing can be done now.

    Any number of workers may do this at once; nobody is mailed twice. `stopping` is asked between batches; `ids` are
    the first and last batch to take, of a range; `transport` takes the place of the one that the settings choose, and
    then there is but this one. `again`: although the database is older than what this machine has sent. Raises
    NotFound, Refused for an edition that is not approved, not due, paused, past its send window, changed since its
    approval or sent already by the word of this machine (app/traces.py), and SettingsError when a setting that the
    transport needs is missing.
    """
    require_sendable(product)
    product.database.spare_memory()
    if again:
        traces.forget(product, week)
    with nullcontext(transport) if transport else opened_transport(product) as way:
        edition = start(product, week, way, actor=actor)
        lines = 1 if transport else min(product.settings.send_lines, way.capabilities.lines)
        work = _Work(product=product, week=week, edition=edition, ids=ids, sleep=sleep, stopping=stopping)
        with heap.set_aside():
            work.on_lines(way, lines, told=told)
    finish(product, week, actor=actor)
    return status(product, week)


@dataclass(frozen=True, kw_only=True)
class _Work:
    """What the lines of one process have in common. A line is a thread with a transport and claims of its own: while
    one waits for an answer, another prepares its next batch."""

    product: Product
    week: Week
    edition: Edition
    ids: tuple[int, int] | None
    sleep: Callable[[float], None]
    stopping: Callable[[], bool]
    _failed: threading.Event = field(default_factory=threading.Event, init=False)

    def on_lines(self, first: Transport, lines: int, *, told: Told | None) -> None:
        """Work on so many lines at once until there is nothing to do now; what fails on one ends the others, too."""
        if lines == 1:
            return self._work(first, told)
        with ThreadPoolExecutor(lines - 1, thread_name_prefix="line") as pool:
            others = [pool.submit(self._open_and_work) for _ in range(lines - 1)]
            self._work(first, told)
        for each in others:
            each.result()
        return None

    def _open_and_work(self) -> None:
        with opened_transport(self.product) as transport:
            self._work(transport, None)

    def _work(self, transport: Transport, told: Told | None) -> None:
        worker = _Worker(
            product=self.product,
            week=self.week,
            edition=self.edition,
            transport=transport,
            ids=self.ids,
            sleep=self.sleep,
        )
        try:
            worker.run(told=told, stopping=lambda: self.stopping() or self._failed.is_set())
        except BaseException:
            self._failed.set()
            raise
        finally:
            worker.let_go()


def prepare(product: Product, week: Week, *, actor: str, recipients: int) -> list[tuple[int, int]]:
    """Start an edition, and cut its open batches into ranges (first id, last id) of about so many recipients each, for
    as many workers. Raises as `send` does."""
    require_sendable(product)
    with opened_transport(product) as transport:
        start(product, week, transport, actor=actor)
    with product.database.read() as connection:
        return deliveries.ranges(connection, week, recipients=recipients)


def require_sendable(product: Product) -> None:
    """Raise SettingsError when a real transport is chosen and what it needs is not set."""
    settings = product.settings
    if settings.mail is MailKind.OUTBOX:
        return
    wanted = {
        "VERDICTS_FROM": settings.from_address,
        "VERDICTS_POSTAL_ADDRESS": settings.postal_address,
        "SENDGRID_API_KEY": settings.sendgrid_api_key or settings.mail is not MailKind.SENDGRID,
        "VERDICTS_SMTP_URL": settings.smtp_url or settings.mail is not MailKind.SMTP,
    }
    missing = [name for name, value in wanted.items() if not value]
    if missing:
        raise SettingsError(f"{missing[0]} is not set.", mend=f"Sending by {settings.mail} needs it.")
    if settings.is_local:
        raise SettingsError(
            f"VERDICTS_BASE_URL is {settings.base_url}, which no reader can open.", mend="Set the public address."
        )


@contextmanager
def opened_transport(product: Product) -> Iterator[Transport]:
    """The transport that the settings choose, closed at the end of the block."""
    settings = product.settings
    transport = open_transport(
        settings.mail,
        outbox=settings.outbox_folder,
        smtp_url=settings.smtp_url.get_secret_value() if settings.smtp_url else None,
        sendgrid_key=settings.sendgrid_api_key.get_secret_value() if settings.sendgrid_api_key else None,
        sendgrid_url=settings.sendgrid_url,
        fence_minutes=settings.fence_minutes,
        seal=_seal(product) if settings.mail is MailKind.SMTP else None,
    )
    try:
        yield transport
    finally:
        transport.close()


def _seal(product: Product) -> Seal | None:
    settings = product.settings
    if settings.dkim_key is None and settings.dkim_selector is None and settings.dkim_domain is None:
        return None
    from digest.transports.seal import open_seal  # noqa: PLC0415 - its package takes a tenth of a worker's memory

    return open_seal(settings.dkim_key, selector=settings.dkim_selector, domain=settings.dkim_domain)


def start(product: Product, week: Week, transport: Transport, *, actor: str) -> Edition:
    """Approved -> sending, with every recipient fixed and in a batch. Later workers find that done.

    Raises as `send` does.
    """
    now = product.now
    with product.database.write() as connection:
        found = editions.find(connection, week)
        plan = plans.find(connection, week)
        over = _is_over(product, plan) and found.state is not EditionState.SENT
        if over and found.state is EditionState.SENDING:
            _pause(connection, week, because=_OVER, now=now)
    _require_startable(found, plan, now=now, over=over)
    if not transport.capabilities.idempotent:
        _require_young(product, week)
    if found.state is not EditionState.APPROVED:
        return found
    with product.database.write() as connection:
        if editions.move(connection, week, before=[EditionState.APPROVED], after=EditionState.SENDING, now=now):
            total = _fix_in_batches(product, connection, week, plan, transport.capabilities)
            after = {"recipients": total}
            audit.note(connection, now=now, actor=actor, action="edition.send", subject=f"edition:{week}", after=after)
        return editions.find(connection, week)


def _require_young(product: Product, week: Week) -> None:
    """Raise Refused, and pause the edition for every other machine, when this one has sent what the database does not
    know of."""
    missing = traces.unknown(product, week)
    if not missing:
        return
    because = f"the database does not know {missing} attempts that this machine has made: it is older than they are"
    with product.database.write() as connection:
        # Of a backup from before the sending it is approved: another machine would begin it anew.
        _pause(connection, week, because=because, now=product.now, before=(EditionState.APPROVED, EditionState.SENDING))
    raise Refused(
        f"Edition {week} is not sent: {because}.",
        mend=f"Was a backup restored? Whoever got it would get it twice. `verdicts edition cancel {week}`, or, if you"
        f" are sure, `verdicts edition resume {week}` and `verdicts edition send {week} --again`.",
    )


_OVER = "its send window has passed; what was not sent by then never is"


def _is_over(product: Product, plan: Plan) -> bool:
    closes = closing_time(product, plan)
    return closes is not None and product.now >= closes


def _require_startable(found: Edition, plan: Plan, *, now: datetime, over: bool) -> None:
    week = found.week
    if found.state is EditionState.SENT:  # whatever its tools are called by now: nothing of it is sent again
        return
    if found.frozen is None:
        raise Refused(f"Edition {week} is not approved.", mend=f"`verdicts edition approve {week} --as EMAIL`.")
    if plan.cancelled_at is not None:
        raise Refused(f"Edition {week} was cancelled.", mend="Its comparisons can go into another edition.")
    if over:
        raise Refused(f"Edition {week} is not sent: {_OVER}.", mend=f"`verdicts edition cancel {week}` closes it.")
    if found.state is EditionState.PAUSED:
        raise Refused(f"Edition {week} is paused.", mend=f"`verdicts edition resume {week}`.")
    if found.frozen.sha256 != found.content_hash:
        raise Refused(f"The content of edition {week} is not what was approved.", mend="Restore it; it was not sent.")
    if plan.send_at is not None and now < plan.send_at:
        raise Refused(
            f"Edition {week} is to go out at {to_iso(plan.send_at)}.", mend=f"`verdicts edition schedule {week} --now`."
        )


def _fix_in_batches(product: Product, connection: Any, week: Week, plan: Plan, capabilities: Capabilities) -> int:
    """Every recipient fixed and in a batch. Returns how many there are."""
    now, size = product.now, capabilities.largest_batch
    if plan.local_hour is None and not plan.wave_percent:
        return deliveries.fix_in_batches(connection, week, size=size, now=now)
    total = deliveries.fix_recipients(connection, week, now=now)
    if plan.local_hour is None:
        wave = max(1, -(-total * (plan.wave_percent or 100) // 100))
        deliveries.make_batches(connection, week, size=size, wave=wave, now=now)
        return total
    _batch_by_the_hour(product, connection, week, plan.local_hour, capabilities)
    return total


def _batch_by_the_hour(
    product: Product, connection: Any, week: Week, local_hour: int, capabilities: Capabilities
) -> None:
    now, size = product.now, capabilities.largest_batch
    # A fenced attempt is handed over so much earlier than it goes out.
    ahead = timedelta(minutes=product.settings.fence_minutes if capabilities.fence else 0)
    zones = deliveries.time_zones(connection, week)
    for due, there in hours.by_time(zones, local_hour, otherwise=product.settings.time_zone, after=now + ahead):
        deliveries.make_batches(connection, week, size=size, not_before=due - ahead, zones=there, now=now)
    deliveries.make_batches(connection, week, size=size, now=now)  # erased since: nobody's zone


def finish(product: Product, week: Week, *, actor: str) -> None:
    """Sending -> sent, once nobody's mail is open."""
    now = product.now
    with product.database.write() as connection:
        if deliveries.is_open(connection, week):
            return
        if editions.move(connection, week, before=[EditionState.SENDING], after=EditionState.SENT, now=now):
            audit.note(connection, now=now, actor=actor, action="edition.sent", subject=f"edition:{week}")


@dataclass(kw_only=True)
class _Worker:
    """One worker on one edition."""

    product: Product
    week: Week
    edition: Edition
    transport: Transport
    ids: tuple[int, int] | None
    sleep: Callable[[float], None]
    _forms: dict[int, Form] = field(default_factory=dict, init=False)
    _due: datetime | None = field(default=None, init=False)  # when more may be done; None: not by waiting

    def __post_init__(self) -> None:
        # Two threads of a process are two workers.
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._pace = Pace(
            name=self.product.settings.mail,
            per_minute=self.product.settings.rate_per_minute,
            capabilities=self.transport.capabilities,
        )

    def run(self, *, told: Told | None, stopping: Callable[[], bool]) -> None:
        """Batch after batch, until there is nothing left that can be done now."""
        self._settle_uncertain()
        tell_at = 0.0
        while not stopping():
            if self.step():
                if told is not None and time.monotonic() >= tell_at:
                    tell_at = time.monotonic() + _TELL_EVERY
                    told(status(self.product, self.week))
            elif not self._settle_uncertain() and not self._wait(stopping):
                return

    def _settle_uncertain(self) -> bool:
        """Whether evidence has settled a batch."""
        return any(each.evidence for each in settling.settle_uncertain(self.product, self.week, self.transport))

    def _wait(self, stopping: Callable[[], bool]) -> bool:
        """Wait for the next batch that is due shortly. Returns False when there is none, or time stands still."""
        now, due = self.product.now, self._due
        if due is None or due - now > _LONGEST_WAIT:
            return False
        while self.product.now < due and not stopping():
            before = self.product.now
            self.sleep(min(_NAP, (due - before).total_seconds()))
            if self.product.now <= before:
                return False
        return True

    def let_go(self) -> None:
        """Give back what was claimed and not begun: another worker need not wait for the lease to run out."""
        with self.product.database.write() as connection:
            deliveries.give_up(connection, self._owner)

    def step(self) -> bool:
        """Take one batch to its next rest. Returns False when there is nothing to do now."""
        claimed, people = self._claim()
        if claimed is None:
            return False
        outgoing = self._address(claimed, people)
        if not outgoing.recipients:
            return self._settle_empty(claimed)
        until = self._until()
        attempt = self._begin(claimed, until)
        return attempt is None or self._hand_over(claimed, outgoing, attempt, until=until)

    def _until(self) -> datetime:
        return self.product.now + timedelta(seconds=self.product.settings.lease_seconds)

    def _claim(self) -> tuple[Claimed | None, list[Addressee]]:
        """The next batch, and who it goes to as of this very transaction: who is erased later than that gets it, who
        was erased earlier is taken out."""
        now = self.product.now
        with self.product.database.write() as connection:
            self._due = None
            if not self._is_open(connection, now):
                return None, []
            for each in deliveries.expired(connection, self.week, now=now):
                after = ledger.after_lease(each.state, self.transport.capabilities)
                deliveries.release(connection, each, after, now=now)
            free, self._due = self._pace.may_claim(connection, now=now)
            if not free:
                return None, []
            claimed = deliveries.claim(
                connection, self.week, owner=self._owner, now=now, until=self._until(), ids=self.ids
            )
            if claimed is None:
                self._due = deliveries.next_due(connection, self.week)
                return None, []
            self._pace.spend(connection, claimed.recipients, now=now)
            return claimed, deliveries.last_look(connection, claimed, now=now)

    def _is_open(self, connection: Any, now: datetime) -> bool:
        """Whether the edition is being sent, and may be still."""
        if editions.state(connection, self.week) is not EditionState.SENDING:
            return False
        if _is_over(self.product, plans.find(connection, self.week)):
            _pause(connection, self.week, because=_OVER, now=now)
            return False
        return True

    def _address(self, claimed: Claimed, people: Sequence[Addressee]) -> Outgoing:
        """Content and recipients, each with their own links."""
        form = self._form(claimed.variant)
        if claimed.content_hash != form.sha256:
            raise Refused(
                f"Batch {claimed.id} was made for another content of edition {self.week}.", mend="It was not sent."
            )
        recipients = form.recipients(people, now=self.product.now)
        return Outgoing(batch=claimed.id, week=str(self.week), mail=form.mail, recipients=recipients)

    def _form(self, variant: int) -> Form:
        """What readers of a variant get, read once by each line."""
        if variant not in self._forms:
            with self.product.database.read() as connection:
                content = editions.content(connection, self.week, variant)
            self._forms[variant] = Form(self.product, content)
        return self._forms[variant]

    def _settle_empty(self, claimed: Claimed) -> bool:
        """Everybody has left: nothing is sent, nothing is open."""
        nobody = Settlement(batch=BatchState.FAILED, deliveries=DeliveryState.SUPPRESSED)
        with self.product.database.write() as connection:
            return deliveries.settle(
                connection,
                claimed,
                nobody,
                before=[BatchState.CLAIMED],
                message_id=None,
                detail="nobody was left in this batch",
                words={},
                now=self.product.now,
            )

    def _begin(self, claimed: Claimed, until: datetime) -> Attempt | None:
        """An attempt, written down before its request. None when the claim was lost, or the batch is freed again
        because the provider gave no fence."""
        now = self.product.now
        try:
            attempt = self.transport.open_attempt(now)
        except DeliveryError as error:
            self._give_back(claimed, error)
            return None
        with self.product.database.write() as connection:
            begun = deliveries.begin_attempt(connection, claimed, attempt, owner=self._owner, now=now, until=until)
        if not begun:
            return None
        if not self.transport.capabilities.idempotent:
            traces.leave(self.product, self.week, attempt.id)
        return attempt

    def _give_back(self, claimed: Claimed, error: DeliveryError) -> None:
        """Nothing was handed over: the batch waits; a refused key pauses the edition."""
        now = self.product.now
        waits = error.retry_after or now + ledger.RETRY_AFTER
        back = Settlement(batch=BatchState.PENDING, deliveries=DeliveryState.IN_BATCH, not_before=waits)
        with self.product.database.write() as connection:
            deliveries.settle(
                connection,
                claimed,
                back,
                before=[BatchState.CLAIMED],
                message_id=None,
                detail=str(error),
                words={},
                now=now,
            )
            if error.permanent:
                _pause(connection, self.week, because=str(error), now=now)

    def _hand_over(self, claimed: Claimed, outgoing: Outgoing, attempt: Attempt, *, until: datetime) -> bool:
        if self.product.now >= until:
            return True  # this process slept through its lease: the batch is somebody else's by now
        answer = self.transport.send(outgoing, attempt)
        answer = replace(answer, detail=without_addresses(answer.detail))
        settlement = ledger.settle(
            answer, recipients=[each.delivery for each in outgoing.recipients], now=self.product.now
        )
        ledger.check_transition(BatchState.SENDING, settlement.batch)
        self._insist(lambda: self._write_down(claimed, attempt, answer, settlement))
        if settlement.batch is BatchState.UNCERTAIN:
            self._settle_uncertain()
        return answer.kind is not AnswerKind.UNAUTHORISED

    def _insist(self, write: Callable[[], None]) -> None:
        """An answer is worth waiting for the database. Where that does not come back, the batch becomes uncertain."""
        for seconds in _DATABASE_RETURNS:
            try:
                return write()
            except (Conflict, DatabaseNotReady):
                self.sleep(seconds)
        return write()

    def _write_down(self, claimed: Claimed, attempt: Attempt, answer: Answer, settlement: Settlement) -> None:
        now = self.product.now
        with self.product.database.write() as connection:
            done = deliveries.settle(
                connection,
                claimed,
                settlement,
                before=[BatchState.SENDING],
                message_id=answer.message_id,
                detail=answer.detail,
                words=answer.refused,
                now=now,
            )
            if settlement.pause:
                _pause(connection, self.week, because=answer.detail, now=now)
            if not done and not self._write_down_late(connection, claimed, attempt, answer, settlement):
                return
            if settlement.split:
                deliveries.split(connection, claimed, now=now)
            if DeliveryState.PENDING in settlement.exceptions.values():
                self._batch_again(connection, settlement)

    def _write_down_late(
        self, connection: Any, claimed: Claimed, attempt: Attempt, answer: Answer, settlement: Settlement
    ) -> bool:
        """The lease ran out before the answer came. While nothing else has settled that attempt, its own answer is
        the best evidence there is."""
        now = self.product.now
        doubt = Uncertain(
            id=claimed.id,
            week=claimed.week,
            fence=claimed.fence,
            attempt=attempt,
            started_at=now,
            answer=answer.detail,
            recipients=claimed.recipients,
        )
        return uncertain.resolve(connection, doubt, settlement, evidence=Evidence.ANSWER, words=answer.refused, now=now)

    def _batch_again(self, connection: Any, settlement: Settlement) -> None:
        deliveries.make_batches(
            connection,
            self.week,
            size=self.transport.capabilities.largest_batch,
            not_before=settlement.not_before,
            now=self.product.now,
        )


def _pause(
    connection: Any,
    week: Week,
    *,
    because: str,
    now: datetime,
    before: Sequence[EditionState] = (EditionState.SENDING,),
) -> None:
    if editions.move(connection, week, before=before, after=EditionState.PAUSED, because=because[:1000], now=now):
        audit.note(
            connection,
            now=now,
            actor=audit.SYSTEM,
            action="edition.pause",
            subject=f"edition:{week}",
            after={"because": because[:1000]},
        )


def pause(product: Product, week: Week, *, actor: str) -> SendingStatus:
    """Stop sending after the batch under way. Raises NotFound, and Refused when it is not being sent."""
    return _switch(product, week, EditionState.SENDING, EditionState.PAUSED, actor=actor)


def resume(product: Product, week: Week, *, actor: str) -> SendingStatus:
    """Let sending go on. Raises NotFound, and Refused when it is not paused."""
    return _switch(product, week, EditionState.PAUSED, EditionState.SENDING, actor=actor)


def _switch(product: Product, week: Week, before: EditionState, after: EditionState, *, actor: str) -> SendingStatus:
    verb = "pause" if after is EditionState.PAUSED else "resume"
    now = product.now
    because = f"paused by {actor}" if after is EditionState.PAUSED else None
    with product.database.write() as connection:
        state = editions.find(connection, week).state
        if after is EditionState.SENDING:
            require_open(product, week, plans.find(connection, week))
            if not deliveries.are_fixed(connection, week):  # it was paused before it began
                after = EditionState.APPROVED
        if not editions.move(connection, week, before=[before], after=after, because=because, now=now):
            raise Refused(f"Edition {week} is {state}, not {before}.", mend=f"There is nothing to {verb}.")
        change = {"before": before, "after": after}
        audit.note(connection, now=now, actor=actor, action=f"edition.{verb}", subject=f"edition:{week}", **change)
    return status(product, week)


def require_open(product: Product, week: Week, plan: Plan) -> None:
    """Raise Refused for an edition that was cancelled, or whose send window has passed."""
    if plan.cancelled_at is not None:
        raise Refused(f"Edition {week} was cancelled.", mend="Its comparisons can go into another edition.")
    if _is_over(product, plan):
        raise Refused(f"Edition {week} is not sent: {_OVER}.", mend=f"`verdicts edition cancel {week}` closes it.")


def to_send(product: Product) -> Sequence[Week]:
    """Weeks whose edition is half sent, or approved, due and within its send window; the oldest first."""
    now = product.now
    with product.database.read() as connection:
        found = editions.to_send(connection)
        planned = {week: plans.find(connection, week) for week in found}
        begun = {week for week in found if editions.state(connection, week) is EditionState.SENDING}
    return [
        week
        for week, plan in planned.items()
        if week in begun or ((plan.send_at is None or plan.send_at <= now) and not _is_over(product, plan))
    ]


@dataclass(frozen=True, slots=True)
class Links:
    """The signed addresses that mails carry."""

    product: Product

    def confirm(self, person: Subscriber, *, expires: datetime) -> str:
        """The page with the button that confirms a subscription."""
        return self._link(Purpose.CONFIRM, person, expires=expires)

    def unsubscribe(self, person: Subscriber) -> str:
        """The page with the button that ends it; also takes RFC 8058's post."""
        return self._link(Purpose.UNSUBSCRIBE, person)

    def preferences(self, person: Subscriber) -> str:
        """The page with a subscriber's choices."""
        return self._link(Purpose.PREFERENCES, person)

    def _link(self, purpose: Purpose, person: Subscriber, expires: datetime | None = None) -> str:
        token = self.product.signer.sign(purpose, person.id, stamp(person.address_key), expires=expires)
        return f"{self.product.settings.base_url}/{purpose}/{token}"
