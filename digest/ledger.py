"""The ledger of sending: what an answer, a lost lease or settled evidence means for a batch and its deliveries. Pure.

A batch's road, each step one committed transaction:

    pending -> claimed (owner, lease) -> sending (attempt, committed BEFORE the request) -> sent -> confirmed

What leaves the road, and where it leads:

    claimed, lease over                              -> pending
    sending, lease over                              -> uncertain; pending when handing over twice delivers once
    accepted                                         -> sent; uncertain while a recipient's outcome is unknown
    refused, some recipients named                   -> pending without them (nobody was taken)
    refused as a whole                               -> failed
    too large                                        -> pending, split in two; failed when it holds one recipient
    key refused                                      -> pending, edition paused
    try later                                        -> pending, not before the time named
    answer lost or not understood                    -> uncertain

Out of uncertain leads only evidence: the attempt was called off before its time (pending), the provider reports the
attempt (sent, confirmed), or the operator decides (pending, sent, failed). Never a guess, and never the clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from core.delivery import Answer, AnswerKind, BatchState, Capabilities, DeliveryState, Settlement
from core.errors import Conflict

RETRY_AFTER = timedelta(minutes=1)
"""When to try again where nobody named a time."""

TRANSITIONS: Mapping[BatchState, frozenset[BatchState]] = {
    BatchState.PENDING: frozenset({BatchState.CLAIMED}),
    BatchState.CLAIMED: frozenset({BatchState.PENDING, BatchState.SENDING}),
    BatchState.SENDING: frozenset({BatchState.SENT, BatchState.UNCERTAIN, BatchState.PENDING, BatchState.FAILED}),
    BatchState.SENT: frozenset({BatchState.CONFIRMED}),
    BatchState.UNCERTAIN: frozenset({BatchState.SENT, BatchState.CONFIRMED, BatchState.PENDING, BatchState.FAILED}),
    BatchState.CONFIRMED: frozenset(),
    BatchState.FAILED: frozenset({BatchState.PENDING}),  # an operator's retry, of what was surely not sent
}
"""Where a batch may go from where it stands. Staying is no transition."""


def check_transition(old: BatchState, new: BatchState) -> None:
    """Raises Conflict when a batch may not go from `old` to `new`: somebody else moved it first."""
    if new not in TRANSITIONS[old]:
        ways = ", ".join(sorted(TRANSITIONS[old])) or "nothing"
        raise Conflict(f"A {old} batch cannot become {new}.", mend=f"From here it leads to {ways}; read it again.")


def after_lease(state: BatchState, capabilities: Capabilities) -> BatchState:
    """What a batch is when its owner's lease has run out: with nothing begun it starts again, with a request perhaps
    on its way it is uncertain, unless the transport delivers once however often it is asked."""
    if state is BatchState.CLAIMED:
        return BatchState.PENDING
    if state is BatchState.SENDING:
        return BatchState.PENDING if capabilities.idempotent else BatchState.UNCERTAIN
    return state


def resolve(*, reported: bool, called_off: bool) -> Settlement | None:
    """What evidence means for the uncertain deliveries of an uncertain batch; None: there is none, and it stays so.

    `reported`: the provider shows an event or a log row with the attempt's id. `called_off`: the provider confirmed
    that the attempt was cancelled before its time. A report wins: what went out cannot be called back.
    """
    if reported:
        return Settlement(batch=BatchState.SENT, deliveries=DeliveryState.ACCEPTED)
    if called_off:
        return Settlement(batch=BatchState.PENDING, deliveries=DeliveryState.IN_BATCH)
    return None


def settle(answer: Answer, *, recipients: Sequence[int], now: datetime) -> Settlement:
    """What a transport's answer means for a batch in `sending` with these deliveries.

    What the answer says of deliveries that are not in the batch is left aside. `now` is when the answer came; an
    answer without a time of its own is tried again `RETRY_AFTER` later.
    """
    known = frozenset(recipients)
    refused = known & answer.refused.keys()
    if known and refused == known:
        refused = frozenset()  # nobody is left to drop them for; the answer itself decides
        if answer.kind in (AnswerKind.ACCEPTED, AnswerKind.LATER, AnswerKind.UNCERTAIN):
            return _FAILED
    settlement = _uncertain(refused)
    match answer.kind:
        case AnswerKind.ACCEPTED:
            settlement = _accepted(answer, known=known, refused=refused, now=now)
        case AnswerKind.REFUSED:
            settlement = _dropped(refused) if refused else _FAILED
        case AnswerKind.TOO_LARGE:
            settlement = _too_large(known)
        case AnswerKind.UNAUTHORISED:
            settlement = Settlement(batch=BatchState.PENDING, deliveries=DeliveryState.IN_BATCH, pause=True)
        case AnswerKind.LATER:
            settlement = _later(answer, refused=refused, now=now)
    return settlement


def _accepted(answer: Answer, *, known: frozenset[int], refused: frozenset[int], now: datetime) -> Settlement:
    unknown = (known & answer.uncertain) - refused
    later = (known & answer.later) - refused - unknown
    if later and later | refused == known:  # nobody was taken
        return _later(answer, refused=refused, now=now)
    return Settlement(
        batch=BatchState.UNCERTAIN if unknown else BatchState.SENT,
        deliveries=DeliveryState.ACCEPTED,
        exceptions={
            **dict.fromkeys(sorted(refused), DeliveryState.REFUSED),
            **dict.fromkeys(sorted(unknown), DeliveryState.UNCERTAIN),
            **dict.fromkeys(sorted(later), DeliveryState.PENDING),
        },
        not_before=_when(answer, now) if later else None,
    )


_FAILED = Settlement(batch=BatchState.FAILED, deliveries=DeliveryState.REFUSED)


def _dropped(refused: frozenset[int]) -> Settlement:
    return Settlement(batch=BatchState.PENDING, deliveries=DeliveryState.IN_BATCH, exceptions=_all_refused(refused))


def _too_large(known: frozenset[int]) -> Settlement:
    if len(known) <= 1:
        return _FAILED
    return Settlement(batch=BatchState.PENDING, deliveries=DeliveryState.IN_BATCH, split=True)


def _later(answer: Answer, *, refused: frozenset[int], now: datetime) -> Settlement:
    return Settlement(
        batch=BatchState.PENDING,
        deliveries=DeliveryState.IN_BATCH,
        exceptions=_all_refused(refused),
        not_before=_when(answer, now),
    )


def _uncertain(refused: frozenset[int]) -> Settlement:
    return Settlement(batch=BatchState.UNCERTAIN, deliveries=DeliveryState.UNCERTAIN, exceptions=_all_refused(refused))


def _all_refused(refused: frozenset[int]) -> dict[int, DeliveryState]:
    return dict.fromkeys(sorted(refused), DeliveryState.REFUSED)


def _when(answer: Answer, now: datetime) -> datetime:
    return max(answer.not_before, now) if answer.not_before else now + RETRY_AFTER
