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
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app import settling
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
    DeliveryState,
    Evidence,
    Mail,
    Outgoing,
    Recipient,
    Settlement,
)
from core.edition import Edition, EditionState, Frozen
from core.errors import Conflict, DatabaseNotReady, DeliveryError, Refused, SettingsError
from core.subscriber import Subscriber
from core.week import Week
from digest import ledger
from digest.compose import day
from digest.headers import edition_headers, unsubscribe_headers
from digest.marks import CONFIRMED_ON, PREFERENCES_URL, UNSUBSCRIBE_URL, vote_url
from digest.transports import open_transport
from digest.transports.transport import Transport
from store import audit, deliveries, editions, plans, uncertain
from store.deliveries import Claimed
from store.plans import Plan
from store.uncertain import Uncertain

TITLE = "Weekly Verdicts"
VOTES_OPEN = timedelta(days=28)
"""How long after its edition a vote link works."""

_LONGEST_WAIT = timedelta(seconds=90)
"""A batch that is due sooner is waited for; a later one is the next run's."""

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
    cancelled_at: datetime | None
    closes_at: datetime | None  # when its send window ends; None: nobody has approved it


Told = Callable[[SendingStatus], None]
"""Called after each batch."""


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
) -> SendingStatus:
    """Send an approved edition, or go on with one that is half sent, until nothing can be done now.

    Any number of workers may do this at once; nobody is mailed twice. `stopping` is asked between batches; `ids` are
    the first and last batch to take, of a range; `transport` takes the place of the one that the settings choose.
    Raises NotFound, Refused for an edition that is not approved, not due, paused, past its send window or changed
    since its approval, and SettingsError when a setting that the transport needs is missing.
    """
    require_sendable(product)
    with nullcontext(transport) if transport else opened_transport(product) as way:
        edition = start(product, week, way, actor=actor)
        worker = _Worker(product=product, week=week, edition=edition, transport=way, ids=ids, sleep=sleep)
        try:
            worker.run(told=told, stopping=stopping)
        finally:
            worker.let_go()
    finish(product, week, actor=actor)
    return status(product, week)


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


def edition_mail(product: Product, frozen: Frozen) -> Mail:
    """An edition's content as a mail, its marks still in it."""
    settings = product.settings
    return Mail(
        sender=settings.sender,
        subject=frozen.subject,
        html=frozen.html,
        text=frozen.text,
        headers=edition_headers(title=TITLE, base_url=settings.base_url),
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
    )
    try:
        yield transport
    finally:
        transport.close()


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
    if found.state is not EditionState.APPROVED:
        return found
    with product.database.write() as connection:
        if editions.move(connection, week, before=[EditionState.APPROVED], after=EditionState.SENDING, now=now):
            total = deliveries.fix_recipients(connection, week, now=now)
            _make_first_batches(connection, found, transport, total=total, wave_percent=plan.wave_percent, now=now)
            after = {"recipients": total}
            audit.note(connection, now=now, actor=actor, action="edition.send", subject=f"edition:{week}", after=after)
        return editions.find(connection, week)


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


def _make_first_batches(
    connection: Any, found: Edition, transport: Transport, *, total: int, wave_percent: int | None, now: datetime
) -> None:
    deliveries.make_batches(
        connection,
        found.week,
        size=transport.capabilities.largest_batch,
        content_hash=found.content_hash or "",
        wave=max(1, -(-total * wave_percent // 100)) if wave_percent else None,
        now=now,
    )


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
        while not stopping():
            if self.step():
                if told is not None:
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
        claimed = self._claim()
        if claimed is None:
            return False
        outgoing = self._load(claimed)
        if not outgoing.recipients:
            return self._settle_empty(claimed)
        until = self._until()
        attempt = self._begin(claimed, until)
        return attempt is None or self._hand_over(claimed, outgoing, attempt, until=until)

    def _until(self) -> datetime:
        return self.product.now + timedelta(seconds=self.product.settings.lease_seconds)

    def _claim(self) -> Claimed | None:
        now = self.product.now
        with self.product.database.write() as connection:
            self._due = None
            if not self._is_open(connection, now):
                return None
            for each in deliveries.expired(connection, self.week, now=now):
                after = ledger.after_lease(each.state, self.transport.capabilities)
                deliveries.release(connection, each, after, now=now)
            free, self._due = self._pace.may_claim(connection, now=now)
            if not free:
                return None
            claimed = deliveries.claim(
                connection, self.week, owner=self._owner, now=now, until=self._until(), ids=self.ids
            )
            if claimed is None:
                self._due = deliveries.next_due(connection, self.week)
                return None
            self._pace.spend(connection, claimed.recipients, now=now)
            deliveries.suppress_leavers(connection, claimed, now=now)
            return claimed

    def _is_open(self, connection: Any, now: datetime) -> bool:
        """Whether the edition is being sent, and may be still."""
        if editions.state(connection, self.week) is not EditionState.SENDING:
            return False
        if _is_over(self.product, plans.find(connection, self.week)):
            _pause(connection, self.week, because=_OVER, now=now)
            return False
        return True

    def _load(self, claimed: Claimed) -> Outgoing:
        if claimed.content_hash != self.edition.content_hash:
            raise Refused(
                f"Batch {claimed.id} was made for another content of edition {self.week}.", mend="It was not sent."
            )
        with self.product.database.read() as connection:
            people = deliveries.recipients(connection, claimed.id)
        links, votes_close = Links(self.product), self.product.now + VOTES_OPEN
        marks = [(vote_url(slug), slug) for slug in self.edition.comparisons]
        recipients = tuple(
            _recipient(delivery, person, links, [(mark, links.vote(person, slug, votes_close)) for mark, slug in marks])
            for delivery, person in people
        )
        return Outgoing(batch=claimed.id, week=str(self.week), mail=self._mail(), recipients=recipients)

    def _mail(self) -> Mail:
        frozen = self.edition.frozen
        if frozen is None:  # pragma: no cover - start has looked
            raise Refused(f"Edition {self.week} is not approved.")
        return edition_mail(self.product, frozen)

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
        return attempt if begun else None

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
        settlement = ledger.settle(
            answer, recipients=[each.delivery for each in outgoing.recipients], now=self.product.now
        )
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
                self._batch_again(connection, claimed, settlement)

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

    def _batch_again(self, connection: Any, claimed: Claimed, settlement: Settlement) -> None:
        deliveries.make_batches(
            connection,
            self.week,
            size=self.transport.capabilities.largest_batch,
            content_hash=claimed.content_hash,
            not_before=settlement.not_before,
            now=self.product.now,
        )


def _recipient(delivery: int, person: Subscriber, links: Links, votes: Sequence[tuple[str, str]]) -> Recipient:
    unsubscribe = links.unsubscribe(person)
    substitutions = dict(votes)
    substitutions[UNSUBSCRIBE_URL] = unsubscribe
    substitutions[PREFERENCES_URL] = links.preferences(person)
    substitutions[CONFIRMED_ON] = day(person.confirmed_at or person.created_at)
    return Recipient(
        delivery=delivery,
        address=person.address,
        name=person.name,
        substitutions=substitutions,
        headers=unsubscribe_headers(url=unsubscribe),
    )


def _pause(connection: Any, week: Week, *, because: str, now: datetime) -> None:
    if editions.move(
        connection, week, before=[EditionState.SENDING], after=EditionState.PAUSED, because=because[:1000], now=now
    ):
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

    def vote(self, person: Subscriber, comparison: str, expires: datetime) -> str:
        """The page with the two buttons of a vote."""
        return self._link(Purpose.VOTE, person, comparison, expires=expires)

    def _link(self, purpose: Purpose, person: Subscriber, *more: str, expires: datetime | None = None) -> str:
        token = self.product.signer.sign(purpose, person.id, *more, stamp(person.address_key), expires=expires)
        return f"{self.product.settings.base_url}/{purpose}/{token}"
