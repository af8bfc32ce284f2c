"""An edition's figures and those of each of its comparisons, counted from what the provider reported; and how far its
sending is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from app import sending
from app.tokens import Purpose
from app.wiring import Product
from core.delivery import BatchState, DeliveryState, EventKind
from core.edition import EditionState
from core.errors import Refused
from core.week import Week
from digest.clicks import Click as Seen
from digest.clicks import human
from digest.transports.transport import CALL_OFF_MARGIN
from store import attempts, deliveries, editions, events, plans, uncertain, votes
from store.attempts import Control
from store.uncertain import Uncertain

_LATELY = timedelta(minutes=10)
"""What the rate of sending is measured over."""

_MOST_DOUBTS = 50
"""Uncertain batches that are shown."""

_LEAVING = timedelta(days=7)
"""Who leaves within a week of an edition is counted as its unsubscribe."""

_ANY_TIME = datetime.fromtimestamp(0, UTC)
"""A link that has expired still says what it was about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonFigures:
    """People who clicked on one comparison (its page or its vote link), and its votes so far."""

    slug: str
    clickers: int
    votes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionFigures:
    """`clickers` are recipients with a click that looks like a person's; `scanned` those whose every click looks like
    a program's. Both are 0 while the provider reports no clicks: our mails ask it not to."""

    week: str
    recipients: int
    delivered: int
    bounced: int
    complained: int
    deferred: int
    clickers: int
    scanned: int
    unsubscribed: int
    comparisons: tuple[ComparisonFigures, ...]
    best_of: tuple[ComparisonFigures, ...]  # those that monthly readers got instead, of the month before


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """An uncertain batch, with what is known of it. `callable_until` is when it can no longer be called off at the
    provider (None: never could); a control message is how the provider's log is shown to be up to date."""

    batch: int
    recipients: int
    attempt: str
    answer: str
    since: datetime
    callable_until: datetime | None
    control_sent_at: datetime | None
    control_seen_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an edition is. The recipients of its batches by what has become of them; until a batch is handed over, who
    was taken out of it counts with it. `per_minute` is of the last minutes; `done_at` is when it will be over at that rate, or when the
    last wave is due; None: nobody knows, or it is over."""

    week: str
    state: EditionState
    recipients: int
    waiting: int
    under_way: int
    handed_over: int
    uncertain: int
    failed: int
    suppressed: int
    per_minute: float
    next_at: datetime | None  # when the next wave is due; None: now, or there is none
    done_at: datetime | None
    doubts: tuple[Doubt, ...]  # at most 50

    @property
    def percent(self) -> float:
        """How much of it is settled, 0 to 100."""
        settled = self.handed_over + self.failed + self.suppressed
        return 100.0 * settled / self.recipients if self.recipients else 0.0


def progress(product: Product, week: Week) -> Progress:
    """How far an edition is, from its batches: the same few statements for ten readers and for a million. Raises
    NotFound."""
    now = product.now
    with product.database.read() as connection:
        state = editions.find(connection, week).state
        held = deliveries.recipients_by_state(connection, [str(week)])[str(week)]
        pace = deliveries.pace(connection, week, since=now - _LATELY)
        first, last = deliveries.due_between(connection, week)
        doubts = uncertain.listed(connection, week, limit=_MOST_DOUBTS)
        controls = attempts.controls(connection, [each.attempt.id for each in doubts])
    waiting = held.get(BatchState.PENDING, 0)
    under_way = held.get(BatchState.CLAIMED, 0) + held.get(BatchState.SENDING, 0)
    per_minute = pace.recipients / max((now - pace.since).total_seconds() / 60, 1 / 60) if pace else 0.0
    return Progress(
        week=str(week),
        state=state,
        recipients=sum(held.values()),
        waiting=waiting,
        under_way=under_way,
        handed_over=held.get(BatchState.SENT, 0) + held.get(BatchState.CONFIRMED, 0),
        uncertain=held.get(BatchState.UNCERTAIN, 0),
        failed=held.get(BatchState.FAILED, 0),
        suppressed=held.get(DeliveryState.SUPPRESSED, 0),
        per_minute=per_minute,
        next_at=first if first is not None and first > now else None,
        done_at=_done_at(waiting + under_way, per_minute, last, now=now),
        doubts=tuple(_doubt(each, controls.get(each.attempt.id)) for each in doubts),
    )


def _done_at(left: int, per_minute: float, last: datetime | None, *, now: datetime) -> datetime | None:
    if not left or not (per_minute or last):
        return None
    at_this_rate = now + timedelta(minutes=left / per_minute) if per_minute else now
    return max(at_this_rate, last) if last is not None else at_this_rate


def _doubt(found: Uncertain, control: Control | None) -> Doubt:
    fenced = found.attempt.fence is not None and found.attempt.send_at is not None
    return Doubt(
        batch=found.id,
        recipients=found.recipients,
        attempt=found.attempt.id,
        answer=found.answer,
        since=found.started_at,
        callable_until=found.attempt.send_at - CALL_OFF_MARGIN if fenced and found.attempt.send_at else None,
        control_sent_at=control.sent_at if control else None,
        control_seen_at=control.seen_at if control else None,
    )


def figures(product: Product, week: Week) -> EditionFigures:
    """What became of an edition. Raises NotFound."""
    found = sending.status(product, week)
    with product.database.read() as connection:
        edition = editions.find(connection, week)
        fixed = plans.find(connection, week).recipients_fixed_at
        clicks = events.clicks(connection, week)
        kinds = events.reported(connection, week)
        left = events.leavers(connection, week, until=fixed + _LEAVING) if fixed else 0
        best_of = editions.best_of_slugs(connection, week)
        cast = votes.counted(connection, [*edition.comparisons, *best_of])
    by_people = _by_people(clicks)
    clickers = {each.delivery for each in by_people}
    about = _about(product, by_people)
    return EditionFigures(
        week=str(week),
        recipients=found.recipients,
        delivered=found.delivered,
        bounced=found.bounced,
        complained=kinds.get(EventKind.SPAM_REPORT, 0),
        deferred=kinds.get(EventKind.DEFERRED, 0),
        clickers=len(clickers),
        scanned=len({each.delivery for each in clicks} - clickers),
        unsubscribed=left,
        comparisons=_compared(edition.comparisons, about, cast),
        best_of=_compared(best_of, about, cast),
    )


def _compared(
    slugs: Sequence[str], clicked: Counter[str], cast: Mapping[str, Mapping[str, int]]
) -> tuple[ComparisonFigures, ...]:
    return tuple(
        ComparisonFigures(slug=slug, clickers=clicked[slug], votes=sum(cast.get(slug, {}).values())) for slug in slugs
    )


def _by_people(clicks: Sequence[events.Click]) -> list[Seen]:
    return human(
        Seen(delivery=each.delivery, url=each.url, at=each.at, machine=each.machine, delivered_at=each.delivered_at)
        for each in clicks
    )


def clickers(product: Product, connection: Any, week: Week) -> Counter[str]:
    """How many recipients of an edition clicked on each comparison, by address, as far as clicks look like a
    person's."""
    return _about(product, _by_people(events.clicks(connection, week)))


def _about(product: Product, clicks: Sequence[Seen]) -> Counter[str]:
    """Comparison -> how many recipients clicked on it."""
    pairs = {(each.delivery, _slug(product, each.url)) for each in clicks}
    return Counter(slug for _, slug in pairs if slug)


def _slug(product: Product, url: str) -> str | None:
    """The comparison that a link of a mail leads to: its page, or its vote page by what the token says."""
    kind, _, rest = urlsplit(url).path.strip("/").partition("/")
    if kind == "compare":
        return rest
    if kind == "vote":
        try:
            return str(product.signer.read(Purpose.VOTE, rest, now=_ANY_TIME)[1])
        except (Refused, IndexError):
            return None
    return None
