"""Reminders: who is told when a seat comes due, at most one mail per person and day, never twice of one step.

The ladder is review/queue's: a day before it is due and when it is due the reviewer hears; a day later the reviewer and
the editors; three days later the seat goes back to everybody and the operators hear. Nobody is mailed in their quiet
hours, and no program ever. Each person's mail is committed before it is sent (store/reminders says why).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app import letters
from app.wiring import Product
from core.errors import DeliveryError, RenderError
from core.panel import Person, Role
from digest.letters import LONGEST, SeatDue, reminder
from review.queue import Rung, hears
from store import audit, people, reminders
from store.reminders import Told, Waiting

_DAY = timedelta(days=1)
_FORGOTTEN_AFTER = timedelta(days=10)
"""A step that nobody was told of for so long is not told any more: after a long pause people get what is news."""

_RUN_LASTS = timedelta(minutes=30)
"""A mail that was begun longer ago and not sent belongs to a run that has died."""

MOST = 200
"""Seats of one mail. It shows the first 25 and counts the rest; what is beyond comes the next day."""

PAGE = 20
"""Mails of one page."""

_STEPS: Mapping[Rung, tuple[timedelta, timedelta]] = {
    Rung.SOON: (timedelta(0), _DAY),
    Rung.DUE: (-_DAY, timedelta(0)),
    Rung.LATE: (-3 * _DAY, -_DAY),
    Rung.REOPENED: (-_FORGOTTEN_AFTER, -3 * _DAY),
}
"""A seat stands on this step when it is due later than `now` + the first, and at `now` + the second at the latest."""

_URGENT = (Rung.LATE, Rung.DUE, Rung.SOON, Rung.REOPENED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that somebody is to be told."""

    seat: Waiting
    rung: Rung


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """One person's mail of one day. `problem` says why it did not go out; empty when it did (or is only planned)."""

    person: Person
    day: str
    steps: tuple[Step, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminded:
    """What a run did: the mails, and the seats that went back to everybody."""

    digests: tuple[Digest, ...]
    reopened: tuple[Waiting, ...]


def is_quiet(quiet: tuple[int, int], *, now: datetime, zone: ZoneInfo) -> bool:
    """Whether it is a quiet hour there: from the first hour to before the second, over midnight too; none when both
    are the same."""
    begins, ends = quiet
    hour = now.astimezone(zone).hour
    return begins <= hour < ends if begins <= ends else hour >= begins or hour < ends


def zone_of(person: Person) -> ZoneInfo:
    """In which somebody lives, as far as they said."""
    return ZoneInfo(person.time_zone or "UTC")


def remind(product: Product, *, dry_run: bool = False) -> Reminded:
    """Tell everybody who is to be told now. Again, it tells nobody anything twice; `dry_run` writes and mails nothing.

    A mail that cannot go out is a problem of its digest, never of the run; the next run tries again.
    """
    now = product.now
    if not dry_run:
        _forget_the_dead(product, now)
    reopened = _reopen(product, now, dry_run=dry_run)
    digests = []
    for person in _awake(product, now):
        planned = _plan(product, person, now)
        if planned is not None:
            digests.append(planned if dry_run else _tell(product, planned))
    return Reminded(digests=tuple(each for each in digests if each is not None), reopened=tuple(reopened))


def _forget_the_dead(product: Product, now: datetime) -> None:
    with product.database.read() as connection:
        dead = reminders.left_behind(connection, before=now - _RUN_LASTS)
    if dead:
        with product.database.write() as connection:
            reminders.forget(connection, dead)


def _reopen(product: Product, now: datetime, *, dry_run: bool) -> list[Waiting]:
    """Break the leases of seats that were due three days ago and begun before that; who claims one later keeps it."""
    first, last = _STEPS[Rung.REOPENED]
    with product.database.read() as connection:
        held = [
            each
            for key in reminders.lens_names(connection)
            for each in reminders.held(connection, key, after=now + first, until=now + last, limit=MOST)
        ]
    overdue = [each for each in held if each.begun_at is None or each.begun_at <= each.due_at - last]
    return overdue if dry_run else [each for each in overdue if _break(product, each, now)]


def _break(product: Product, found: Waiting, now: datetime) -> bool:
    with product.database.write() as connection:
        if not reminders.reopen(connection, found):
            return False
        audit.note(
            connection,
            now=now,
            actor=audit.SYSTEM,
            action="seat.reopen",
            subject=f"seat:{found.seat}",
            before={"holder": found.holder_name, "tool": found.tool_slug, "lens": found.lens},
            after={"because": "three days overdue"},
        )
    return True


def _awake(product: Product, now: datetime) -> list[Person]:
    """People who may be mailed now, and were not today."""
    quiet = product.settings.quiet
    with product.database.read() as connection:
        everybody = [each for each in people.everybody(connection) if each.active and each.roles and not each.machine]
        awake = [each for each in everybody if not is_quiet(quiet, now=now, zone=zone_of(each))]
        had = reminders.mailed(connection, {each.id: _day(each, now) for each in awake})
    return [each for each in awake if each.id not in had]


def _day(person: Person, now: datetime) -> str:
    return now.astimezone(zone_of(person)).date().isoformat()


def _plan(product: Product, person: Person, now: datetime) -> Digest | None:
    """What somebody is to be told, the most urgent first; None when there is nothing."""
    with product.database.read() as connection:
        steps = [step for rung in _URGENT for step in _steps(connection, person, rung, now)]
    if not steps:
        return None
    return Digest(person=person, day=_day(person, now), steps=tuple(steps[:MOST]))


def _steps(connection: Any, person: Person, rung: Rung, now: datetime) -> list[Step]:
    first, last = _STEPS[rung]
    span: dict[str, Any] = {
        "after": now + first,
        "until": now + last,
        "limit": MOST,
        "at": person.id,
        "rung": rung.value,
    }
    told = hears(rung) & person.roles
    lenses = reminders.lens_names(connection)
    if told - {Role.REVIEWER}:  # editors and operators hear of every lens
        found = [each for key in lenses for each in reminders.news(connection, key, **span)]
    elif told:
        own = [key for key in lenses if key in person.lenses]
        found = [each for key in own for each in reminders.theirs(connection, key, now=now, **span)]
    else:
        return []
    return [Step(seat=each, rung=rung) for each in sorted(found, key=lambda each: (each.due_at, each.seat))]


def _tell(product: Product, planned: Digest) -> Digest | None:
    """Write it down, mail it, and say that it went out. None when another run was faster."""
    now = product.now
    steps = [(each.seat.seat, each.rung.value, each.seat.due_at) for each in planned.steps]
    with product.database.write() as connection:
        mail = reminders.claim(connection, at=planned.person.id, day=planned.day, steps=steps, now=now)
        lenses = reminders.lens_names(connection)
    if mail is None:
        return None
    try:
        letters.post(product, "reminder", planned.person.email, _letter(product, planned, lenses))
    except (DeliveryError, RenderError) as error:
        with product.database.write() as connection:
            reminders.forget(connection, [mail])
        return Digest(person=planned.person, day=planned.day, steps=planned.steps, problem=str(error))
    with product.database.write() as connection:
        reminders.sent(connection, mail, now=product.now)
    return planned


def _letter(product: Product, planned: Digest, lenses: Mapping[str, str]) -> dict[str, Any]:
    person, base = planned.person, product.settings.base_url
    zone = zone_of(person)
    return reminder(
        name=person.name,
        seats=[_line(each, person, zone, lenses=lenses, base_url=base) for each in planned.steps],
        desk_url=f"{base}/desk",
    )


def _line(step: Step, person: Person, zone: ZoneInfo, *, lenses: Mapping[str, str], base_url: str) -> SeatDue:
    found = step.seat
    mine = found.lens in person.lenses and Role.REVIEWER in person.roles
    # Who cannot sit there is led to where they can do something about it.
    page = f"/desk/seats/{found.seat}" if mine else "/desk/panels" if Role.EDITOR in person.roles else "/desk/reminders"
    return SeatDue(
        tool=found.tool_name,
        lens=lenses.get(found.lens, found.lens),
        due=f"due {in_words(found.due_at, zone)}",
        rung=step.rung.value,
        url=base_url + page,
        holder=found.holder_name if found.holder not in (None, person.id) else "",
    )


def in_words(instant: datetime, zone: ZoneInfo) -> str:
    """`Sunday 22 November, 14:05 (Europe/Berlin)`."""
    local = instant.astimezone(zone)
    return f"{local:%A} {local.day} {local:%B}, {local:%H:%M} ({zone.key})"


# ------------------------------------------------------------ what was told, and what comes


def told(product: Product, *, before: int | None = None, email: str | None = None) -> list[Told]:
    """What the newest mails told, of mails older than `before`, to one person when named: the steps of a page of mails
    and of one more, when there is another page. Raises NotFound for an unknown address."""
    with product.database.read() as connection:
        at = people.find(connection, email).id if email else None
        return reminders.told(connection, before=before, at=at, mails=PAGE + 1, limit=(PAGE + 1) * MOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """A seat that comes to its next step: when, which, and who will hear of it."""

    seat: Waiting
    lens_name: str
    rung: Rung
    at: datetime
    hears: Collection[Role]


def coming(product: Product, *, lenses: Sequence[str] | None = None, days: int = 3, limit: int = 25) -> list[Coming]:
    """The next steps within so many days, the first one first; of these lenses, or of all. One statement for each lens
    and step."""
    now = product.now
    until = now + days * _DAY
    found: list[Coming] = []
    with product.database.read() as connection:
        for key, name in reminders.lens_names(connection).items():
            if lenses is not None and key not in lenses:
                continue
            for rung, (_, begins) in _STEPS.items():
                seats = reminders.between(connection, key, after=now + begins, until=until + begins, limit=limit)
                found += [
                    Coming(seat=each, lens_name=name, rung=rung, at=each.due_at - begins, hears=hears(rung))
                    for each in seats
                ]
    return sorted(found, key=lambda each: (each.at, each.seat.seat))[:limit]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mine:
    """What somebody was told last, and of which seats they will hear next."""

    told: tuple[Told, ...]
    coming: tuple[Coming, ...]


def mine(product: Product, person: Person) -> Mine:
    """A reviewer's own reminders: the last mails, and the next steps of seats that are theirs or nobody's."""
    with product.database.read() as connection:
        last = reminders.told(connection, at=person.id, mails=3, limit=LONGEST)
    following = [
        each
        for each in coming(product, lenses=person.lenses)
        if Role.REVIEWER in each.hears and each.seat.holder in (None, person.id)
    ]
    return Mine(told=tuple(last), coming=tuple(following[:10]))
