"""Settling what is uncertain: a batch whose request may have been taken, and whose answer nobody has.

In this order, for each such batch, and never by guess or by the clock:
    report     an event with the attempt's id is in our table: it was taken
    fence      the provider cancels the attempt before its time: it was not, and goes again
    record     the provider's log shows the attempt: it was taken
    absence    the log shows a control message that was accepted after the attempt's time, and nothing of the attempt:
               it was not, and goes again
    operator   `verdicts edition settle` says what a person has found out
What none of them settles stays uncertain, and the edition is not sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any

from app.wiring import Product
from core.delivery import Attempt, BatchState, DeliveryState, Evidence, Mail, Recipient, Settlement
from core.errors import DeliveryError, NotFound, Refused
from core.week import Week
from digest import ledger
from digest.headers import letter_headers
from digest.transports.transport import Transport, new_attempt, send_control
from store import attempts, audit, plans, uncertain
from store.attempts import Control
from store.uncertain import Uncertain

_SAMPLE = 6
"""Recipients of a batch that are looked for in the log: one request is taken whole or not at all."""

_LOG_SETTLES = timedelta(minutes=5)
"""How long after an attempt's time a control message is sent: earlier it would not be a later one."""

_LOG_BEFORE = timedelta(minutes=1)
"""Whoever wrote the log's times has another clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of an uncertain batch; `evidence` is None where it stays uncertain."""

    batch: int
    state: BatchState
    evidence: Evidence | None
    recipients: int
    answer: str


def settle_uncertain(product: Product, week: Week, transport: Transport) -> list[Settled]:
    """Look for evidence about every uncertain batch of an edition. What is found is committed batch by batch."""
    with product.database.read() as connection:
        found = uncertain.listed(connection, week)
    return [_settle(product, each, transport) for each in found]


def _settle(product: Product, doubt: Uncertain, transport: Transport) -> Settled:
    evidence = _evidence(product, doubt, transport)
    if evidence is None:
        return _settled(doubt, BatchState.UNCERTAIN, None)
    taken = evidence in (Evidence.EVENT, Evidence.LOG)
    settlement = ledger.resolve(reported=taken, called_off=not taken)
    if settlement is None:  # pragma: no cover - one of the two is true
        return _settled(doubt, BatchState.UNCERTAIN, None)
    apply(product, doubt, settlement, evidence=evidence)
    return _settled(doubt, settlement.batch, evidence)


def _settled(doubt: Uncertain, state: BatchState, evidence: Evidence | None) -> Settled:
    return Settled(
        batch=doubt.id, state=state, evidence=evidence, recipients=doubt.recipients, answer=doubt.answer[:200]
    )


def apply(
    product: Product, doubt: Uncertain, settlement: Settlement, *, evidence: Evidence, actor: str = audit.SYSTEM
) -> bool:
    """Write a settlement down, for the audit log, too. What goes again waits a minute; of a cancelled edition nothing
    goes again. Returns False when somebody else has settled it."""
    now = product.now
    week = Week.parse(doubt.week)
    ledger.check_transition(BatchState.UNCERTAIN, settlement.batch)
    if settlement.batch is BatchState.PENDING:
        settlement = replace(settlement, not_before=now + ledger.RETRY_AFTER)
    with product.database.write() as connection:
        word = "" if actor == audit.SYSTEM else f"settled by {actor}"
        if not uncertain.resolve(connection, doubt, settlement, evidence=evidence, word=word, now=now):
            return False
        _note(connection, doubt, evidence, actor=actor, now=now)
        if plans.find(connection, week).cancelled_at is not None:
            plans.withdraw(connection, week, word="the edition was cancelled", now=now)
    return True


def _evidence(product: Product, doubt: Uncertain, transport: Transport) -> Evidence | None:
    with product.database.read() as connection:
        if uncertain.is_reported(connection, doubt.attempt.id):
            return Evidence.EVENT
    if transport.call_off(doubt.attempt, now=product.now):
        return Evidence.CALLED_OFF
    with product.database.read() as connection:
        addresses = uncertain.some_addresses(connection, doubt.id, limit=_SAMPLE)
        control = attempts.find_control(connection, doubt.attempt.id)
    since = doubt.started_at - _LOG_BEFORE
    seen = transport.seen(doubt.attempt, addresses=addresses, since=since)
    if seen:
        return Evidence.LOG
    if seen is None or product.now < (doubt.attempt.send_at or doubt.started_at) + _LOG_SETTLES:
        return None
    if not _control_is_visible(product, doubt, transport, control):
        return None
    # Asked again, after the control message was seen: the first answer may be older than what the control proves.
    seen = transport.seen(doubt.attempt, addresses=addresses, since=since)
    return {True: Evidence.LOG, False: Evidence.ABSENCE, None: None}[seen]


def _control_is_visible(product: Product, doubt: Uncertain, transport: Transport, control: Control | None) -> bool:
    """Whether the provider's log has come as far as a message that was accepted after the attempt's time. The first
    call sends that message, a later one finds it."""
    if control is None:
        _send_control(product, doubt, transport)
        return False
    if control.seen_at is not None:
        return True
    own = parseaddr(product.settings.sender)[1]
    mark = Attempt(id=control.mark)
    if not transport.seen(mark, addresses=[own], since=control.sent_at - _LOG_BEFORE):
        return False
    with product.database.write() as connection:
        attempts.see_control(connection, doubt.attempt.id, now=product.now)
    return True


def _send_control(product: Product, doubt: Uncertain, transport: Transport) -> None:
    now = product.now
    mark = new_attempt(now)
    words = f"Control message for batch {doubt.id} of edition {doubt.week}. Nothing needs to be done."
    mail = Mail(
        sender=product.settings.sender,
        subject=f"Control message, batch {doubt.id}",
        html=f"<p>{words}</p>",
        text=words,
        headers=letter_headers(),
    )
    own = Recipient(delivery=0, address=parseaddr(product.settings.sender)[1])
    try:
        send_control(transport, mail=mail, recipient=own, attempt=mark)
    except DeliveryError:
        return  # not taken, or nobody knows: another one is sent next time
    with product.database.write() as connection:
        attempts.note_control(connection, doubt.attempt.id, mark=mark.id, now=now)


def settle_by_hand(
    product: Product, week: Week, batch: int, *, sent: bool, only: Sequence[str] = (), actor: str
) -> Settled:
    """An operator has found out whether an uncertain batch went out; with `only`, whether it did to these addresses (a
    mail server takes mails one by one). Who did not get it is left for `verdicts edition retry --only unsent`. Raises
    NotFound when there is no such uncertain batch or reader in it, Refused when it changed."""
    with product.database.read() as connection:
        doubt = next((each for each in uncertain.listed(connection, week) if each.id == batch), None)
    if doubt is None:
        raise NotFound(
            f"Edition {week} has no uncertain batch {batch}.", mend=f"`verdicts edition status {week}` lists them."
        )
    evidence = Evidence.OPERATOR_SENT if sent else Evidence.OPERATOR_NOT_SENT
    if only:
        return _settle_some(product, doubt, only, sent=sent, evidence=evidence, actor=actor)
    if sent:
        settlement = Settlement(batch=BatchState.SENT, deliveries=DeliveryState.ACCEPTED)
    else:
        settlement = Settlement(batch=BatchState.FAILED, deliveries=DeliveryState.REFUSED)
    if not apply(product, doubt, settlement, evidence=evidence, actor=actor):
        raise Refused(f"Batch {batch} was settled meanwhile.", mend=f"`verdicts edition status {week}` shows how.")
    return _settled(doubt, settlement.batch, evidence)


def _settle_some(
    product: Product, doubt: Uncertain, only: Sequence[str], *, sent: bool, evidence: Evidence, actor: str
) -> Settled:
    now = product.now
    with product.database.write() as connection:
        settled = uncertain.settle_some(
            connection, doubt, only, sent=sent, word=f"settled as {evidence.replace('_', ' ')} by {actor}", now=now
        )
        if not settled:
            raise NotFound(f"None of these readers is uncertain in batch {doubt.id}.", mend="Look at its deliveries.")
        _note(connection, replace(doubt, recipients=settled), evidence, actor=actor, now=now)
        left = next(
            (each for each in uncertain.listed(connection, Week.parse(doubt.week)) if each.id == doubt.id), None
        )
    return _settled(left or doubt, BatchState.UNCERTAIN if left else BatchState.SENT, None if left else evidence)


def _note(connection: Any, doubt: Uncertain, evidence: Evidence, *, actor: str, now: datetime) -> None:
    audit.note(
        connection,
        now=now,
        actor=actor,
        action="batch.settle",
        subject=f"batch:{doubt.id}",
        before={"state": BatchState.UNCERTAIN, "answer": doubt.answer[:1000], "attempt": doubt.attempt.id},
        after={"evidence": evidence, "week": doubt.week, "recipients": doubt.recipients},
    )
