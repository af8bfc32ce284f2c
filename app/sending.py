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
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.settings import MailKind
from app.tokens import Purpose, stamp
from app.wiring import Product
from core.delivery import (
    AnswerKind,
    Attempt,
    BatchState,
    DeliveryState,
    Mail,
    Outgoing,
    Recipient,
    Settlement,
)
from core.edition import Edition, EditionState
from core.errors import DeliveryError, Refused, SettingsError
from core.subscriber import Subscriber
from core.week import Week
from digest import ledger
from digest.compose import day
from digest.headers import edition_headers, unsubscribe_headers
from digest.marks import CONFIRMED_ON, PREFERENCES_URL, UNSUBSCRIBE_URL, vote_url
from digest.transports import open_transport
from digest.transports.transport import Transport
from store import audit, deliveries, editions
from store.deliveries import Claimed

TITLE = "Weekly Verdicts"
VOTES_OPEN = timedelta(days=28)
"""How long after its edition a vote link works."""


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


Told = Callable[[SendingStatus], None]
"""Called after each batch."""


def status(product: Product, week: Week) -> SendingStatus:
    """Where an edition's sending stands, counted from the ledger. Raises NotFound."""
    with product.database.read() as connection:
        found = editions.find(connection, week)
        count = deliveries.counts(connection, week)
        because = editions.paused_because(connection, week)

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
    )


def send(
    product: Product, week: Week, *, actor: str, told: Told | None = None, stopping: Callable[[], bool] = lambda: False
) -> SendingStatus:
    """Send an approved edition, or go on with one that is half sent, until nothing can be done now.

    Any number of workers may do this at once; nobody is mailed twice. `stopping` is asked between batches. Raises
    NotFound, Refused for an edition that is not approved, is paused or has changed since its approval, and
    SettingsError when a setting that the transport needs is missing.
    """
    require_sendable(product)
    with opened_transport(product) as transport:
        frozen = _start(product, week, transport, actor=actor)
        worker = _Worker(product=product, week=week, edition=frozen, transport=transport)
        while not stopping() and worker.step():
            if told is not None:
                told(status(product, week))
    _finish(product, week, actor=actor)
    return status(product, week)


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
    )
    try:
        yield transport
    finally:
        transport.close()


def _start(product: Product, week: Week, transport: Transport, *, actor: str) -> Edition:
    """Approved -> sending, with every recipient fixed and in a batch. Later workers find that done."""
    now = product.now
    with product.database.write() as connection:
        found = editions.find(connection, week)
        if found.state is EditionState.SENT:
            return found
        if found.frozen is None:
            raise Refused(f"Edition {week} is not approved.", mend=f"`verdicts edition approve {week} --as EMAIL`.")
        if found.state is EditionState.PAUSED:
            raise Refused(f"Edition {week} is paused.", mend=f"`verdicts edition resume {week}`.")
        if found.frozen.sha256 != found.content_hash:
            raise Refused(
                f"The content of edition {week} is not what was approved.", mend="Restore it; it was not sent."
            )
        if editions.move(connection, week, before=[EditionState.APPROVED], after=EditionState.SENDING, now=now):
            total = deliveries.fix_recipients(connection, week, now=now)
            size = transport.capabilities.largest_batch
            deliveries.make_batches(connection, week, size=size, content_hash=found.frozen.sha256, now=now)
            after = {"recipients": total}
            audit.note(connection, now=now, actor=actor, action="edition.send", subject=f"edition:{week}", after=after)
        return editions.find(connection, week)


def _finish(product: Product, week: Week, *, actor: str) -> None:
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

    def __post_init__(self) -> None:
        self._owner = f"{socket.gethostname()}:{os.getpid()}"

    def step(self) -> bool:
        """Take one batch to its next rest. Returns False when there is nothing to do now."""
        claimed = self._claim()
        if claimed is None:
            return False
        outgoing = self._load(claimed)
        if not outgoing.recipients:
            return self._settle_empty(claimed)
        attempt = self._begin(claimed)
        return attempt is None or self._hand_over(claimed, outgoing, attempt)

    def _until(self) -> datetime:
        return self.product.now + timedelta(seconds=self.product.settings.lease_seconds)

    def _claim(self) -> Claimed | None:
        now = self.product.now
        with self.product.database.write() as connection:
            if editions.find(connection, self.week).state is not EditionState.SENDING:
                return None
            for each in deliveries.expired(connection, self.week, now=now):
                after = ledger.after_lease(each.state, self.transport.capabilities)
                deliveries.release(connection, each, after, now=now)
            claimed = deliveries.claim(connection, self.week, owner=self._owner, now=now, until=self._until())
            if claimed is not None:
                deliveries.suppress_leavers(connection, claimed, now=now)
            return claimed

    def _load(self, claimed: Claimed) -> Outgoing:
        with self.product.database.read() as connection:
            people = deliveries.recipients(connection, claimed.id)
        recipients = tuple(self._recipient(delivery, person) for delivery, person in people)
        return Outgoing(batch=claimed.id, week=str(self.week), mail=self._mail(), recipients=recipients)

    def _mail(self) -> Mail:
        frozen = self.edition.frozen
        if frozen is None:  # pragma: no cover - _start has looked
            raise Refused(f"Edition {self.week} is not approved.")
        settings = self.product.settings
        return Mail(
            sender=settings.sender,
            subject=frozen.subject,
            html=frozen.html,
            text=frozen.text,
            headers=edition_headers(title=TITLE, base_url=settings.base_url),
        )

    def _recipient(self, delivery: int, person: Subscriber) -> Recipient:
        links = Links(self.product)
        unsubscribe = links.unsubscribe(person)
        substitutions: dict[str, str] = {
            UNSUBSCRIBE_URL: unsubscribe,
            PREFERENCES_URL: links.preferences(person),
            CONFIRMED_ON: day(person.confirmed_at or person.created_at),
        }
        for slug in self.edition.comparisons:
            substitutions[vote_url(slug)] = links.vote(person, slug, self.product.now + VOTES_OPEN)
        return Recipient(
            delivery=delivery,
            address=person.address,
            name=person.name,
            substitutions=substitutions,
            headers=unsubscribe_headers(url=unsubscribe),
        )

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

    def _begin(self, claimed: Claimed) -> Attempt | None:
        """An attempt, written down before its request. None when the claim was lost, or the batch is freed again
        because the provider gave no fence."""
        now = self.product.now
        try:
            attempt = self.transport.open_attempt(now)
        except DeliveryError as error:
            self._give_back(claimed, error)
            return None
        with self.product.database.write() as connection:
            begun = deliveries.begin_attempt(
                connection, claimed, attempt, owner=self._owner, now=now, until=self._until()
            )
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

    def _hand_over(self, claimed: Claimed, outgoing: Outgoing, attempt: Attempt) -> bool:
        answer = self.transport.send(outgoing, attempt)
        now = self.product.now
        settlement = ledger.settle(answer, recipients=[each.delivery for each in outgoing.recipients], now=now)
        with self.product.database.write() as connection:
            deliveries.settle(
                connection,
                claimed,
                settlement,
                before=[BatchState.SENDING],
                message_id=answer.message_id,
                detail=answer.detail,
                words=answer.refused,
                now=now,
            )
            if settlement.split:
                deliveries.split(connection, claimed, now=now)
            if settlement.pause:
                _pause(connection, self.week, because=answer.detail, now=now)
            if DeliveryState.PENDING in settlement.exceptions.values():
                self._batch_again(connection, claimed, settlement)
        return answer.kind is not AnswerKind.UNAUTHORISED

    def _batch_again(self, connection: Any, claimed: Claimed, settlement: Settlement) -> None:
        deliveries.make_batches(
            connection,
            self.week,
            size=self.transport.capabilities.largest_batch,
            content_hash=claimed.content_hash,
            not_before=settlement.not_before,
            now=self.product.now,
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
        if not editions.move(connection, week, before=[before], after=after, because=because, now=now):
            raise Refused(f"Edition {week} is {state}, not {before}.", mend=f"There is nothing to {verb}.")
        change = {"before": before, "after": after}
        audit.note(connection, now=now, actor=actor, action=f"edition.{verb}", subject=f"edition:{week}", **change)
    return status(product, week)


def to_send(product: Product) -> Sequence[Week]:
    """Weeks whose edition is approved or half sent, the oldest first."""
    with product.database.read() as connection:
        return editions.to_send(connection)


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
