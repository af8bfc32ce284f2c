"""What an operator decides about an edition's sending: its time and waves, its end, and a second try."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app import sending, settling
from app.pace import MOST_IN_FLIGHT
from app.sending import SendingStatus, opened_transport
from app.wiring import Product
from core.clock import to_iso
from core.edition import EditionState
from core.errors import Refused, UsageError
from core.week import Week
from store import attempts, audit, deliveries, editions, plans, uncertain

_LAST_HOUR = 23
_ROUND_THE_WORLD = 26  # hours: a day, and two for what is handed over ahead and for workers that are late

KINDS = (plans.FAILED, plans.UNSENT)


def read_time(text: str, zone: str) -> datetime:
    """An instant as a person writes it: `2026-11-27 09:00`, in this zone unless it carries an offset of its own.

    Raises UsageError for what is no time, and for an hour that the zone's clocks skip.
    """
    try:
        written = datetime.fromisoformat(text.strip())
        place = ZoneInfo(zone)
    except (ValueError, ZoneInfoNotFoundError, IsADirectoryError):
        raise UsageError(
            f"{text!r} in {zone!r} is no time.", mend="Write it like 2026-11-27T09:00, and the zone like Europe/Berlin."
        ) from None
    if written.tzinfo is not None:
        return written.astimezone(UTC)
    instant = written.replace(tzinfo=place).astimezone(UTC)
    if instant.astimezone(place).replace(tzinfo=None) != written:
        raise UsageError(f"{text} does not exist in {zone}: clocks go forward then.", mend="Choose another time.")
    return instant


def schedule(
    product: Product,
    week: Week,
    *,
    send_at: datetime | None,
    percent_per_hour: int | None,
    local_hour: int | None = None,
    actor: str,
) -> SendingStatus:
    """Set when an edition goes out (None: as soon as it is approved), and in what waves: so many percent an hour, or
    from then on each reader at the next `local_hour` of their own zone (None: all at once).

    Raises NotFound, UsageError for a share or an hour that is none, or for both at once, Refused once sending has begun, and for a time that has
    passed.
    """
    now = product.now
    if percent_per_hour is not None and not 1 <= percent_per_hour <= 100:  # noqa: PLR2004 - percent
        raise UsageError("A wave is between 1 and 100 percent of the recipients.", mend="Use --percent-per-hour 25.")
    if local_hour is not None and (not 0 <= local_hour <= _LAST_HOUR or percent_per_hour is not None):
        raise UsageError("Waves are by percent or by the hour of a day, 0 to 23.", mend="Use --local-hour 8 alone.")
    if local_hour is not None and product.settings.send_window_hours < _ROUND_THE_WORLD:
        raise Refused(
            f"It takes {_ROUND_THE_WORLD} hours until it was {local_hour} everywhere; the send window is shorter.",
            mend="Set VERDICTS_SEND_WINDOW_HOURS.",
        )
    if send_at is not None and send_at < now:
        raise Refused(f"{to_iso(send_at)} has passed.", mend="Choose a time to come, or --now.")
    with product.database.write() as connection:
        found = editions.find(connection, week)
        if not plans.change(connection, week, send_at=send_at, wave_percent=percent_per_hour, local_hour=local_hour):
            raise Refused(f"Edition {week} is {found.state}.", mend="Its time can no longer be changed.")
        after = {
            "send_at": None if send_at is None else to_iso(send_at),
            "percent_per_hour": percent_per_hour,
            "local_hour": local_hour,
        }
        audit.note(connection, now=now, actor=actor, action="edition.schedule", subject=f"edition:{week}", after=after)
    return sending.status(product, week)


def cancel(product: Product, week: Week, *, actor: str) -> SendingStatus:
    """Stop an edition for good. Who waits is withdrawn; what the provider has and can still hold back is called off,
    the latest batches first, as many as the provider allows. Raises NotFound, and Refused when it is too late."""
    now = product.now
    word = f"cancelled by {actor}"
    with product.database.write() as connection:
        state = editions.find(connection, week).state
        if not plans.cancel(connection, week, because=word, now=now):
            raise Refused(f"Edition {week} is {state}.", mend="There is nothing to cancel.")
        withdrawn = plans.withdraw(connection, week, word=word, now=now)
        audit.note(
            connection,
            now=now,
            actor=actor,
            action="edition.cancel",
            subject=f"edition:{week}",
            before={"state": state},
            after={"withdrawn": withdrawn},
        )
    _call_back(product, week, word=word)
    return sending.status(product, week)


def _call_back(product: Product, week: Week, *, word: str) -> None:
    with product.database.read() as connection:
        held = uncertain.scheduled(connection, week, after=product.now)
        doubtful = bool(uncertain.listed(connection, week))
        free = MOST_IN_FLIGHT - attempts.in_flight(connection, now=product.now)
    if not held and not doubtful:
        return
    with opened_transport(product) as transport:
        settling.settle_uncertain(product, week, transport)
        for each in held[: max(free, 0)]:
            if transport.call_off(each.attempt, now=product.now):
                with product.database.write() as connection:
                    uncertain.take_back(connection, each, word=word, now=product.now)


def retry(product: Product, week: Week, *, only: Sequence[str], actor: str) -> SendingStatus:
    """Make ready again those whose mail failed, or was settled as not sent: nobody else. `edition send` sends them.

    Raises NotFound, UsageError for other words, Refused when the edition is not sent or being sent, or its window is
    over.
    """
    wrong = sorted(set(only) - set(KINDS))
    if wrong or not only:
        raise UsageError(f"{', '.join(wrong) or 'Nothing'} cannot be retried.", mend="Use --only failed,unsent.")
    now = product.now
    with product.database.write() as connection:
        found = editions.find(connection, week)
        sending.require_open(product, week, plans.find(connection, week))
        if found.state not in (EditionState.SENT, EditionState.SENDING):
            raise Refused(f"Edition {week} is {found.state}.", mend="Only one that was sent has anything to retry.")
        freed = plans.free(connection, week, kinds=only, now=now)
        if freed:
            plans.reopen(connection, week)
            with opened_transport(product) as transport:
                size = transport.capabilities.largest_batch
            deliveries.make_batches(connection, week, size=size, now=now)
        after = {"only": sorted(only), "recipients": freed}
        audit.note(connection, now=now, actor=actor, action="edition.retry", subject=f"edition:{week}", after=after)
    return sending.status(product, week)
