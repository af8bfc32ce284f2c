"""Alarms: what needs an operator, derived from how things stand; mailed once a day, and quiet once somebody has seen it.

`alarms` is pure: facts in, alarms out. What is remembered (since when, who has seen it, who was told) lies in a table.
An alarm that says something else than what was acknowledged (`gist`) speaks again; a figure that merely grows does not
make it another one.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from app import letters, sending
from app.reminding import in_words, is_quiet, zone_of
from app.wiring import Product
from core.edition import EditionState
from core.errors import DeliveryError, NotFound, RenderError, StaleVersion
from core.panel import Person, Role, SeatRow
from core.week import Week
from digest.letters import Alarm as Line
from digest.letters import alarm as letter
from store import alarms as book
from store import audit, checks, editions, people, plans, reviews
from store.alarms import Doubt, Draft, Kept, LensState, SourceTrouble

_DAY = timedelta(days=1)
LATE = 3 * _DAY
"""How long a seat must be overdue: by then every reminder has gone out."""

FAILURES = 3
SILENT = 14 * _DAY
UNASKED = timedelta(hours=6)
"""How long after its time a source may be asked: housekeeping and long runs delay it, a dead scheduler for ever."""

UNSENT = timedelta(hours=6)
"""How long after its time an edition may wait: the schedule looks for it every quarter of an hour."""

ROOM = 500_000_000
"""Bytes that must be free."""

MANY = 1000
_EACH = 10
"""Alarms of one kind that are told one by one; the rest is counted in one more."""

_INVARIANTS = "invariants"
_FIGURES = re.compile(r"[0-9.]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """An approved edition whose sending has not begun."""

    week: str
    due_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """How things stand. Sources: one more than `_EACH` of a kind when there are more."""

    now: datetime
    lenses: tuple[LensState, ...] = ()
    deserted: tuple[SeatRow, ...] = ()
    quorum: int = 1
    sources: tuple[SourceTrouble, ...] = ()
    unasked_since: datetime | None = None
    drafts: tuple[Draft, ...] = ()
    unsent: tuple[Unsent, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    free_bytes: int = ROOM
    broken: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One thing that needs an operator. `key` is the same as long as it is the same thing; `gist` is what must change
    for it to speak again; `page` is where something can be done; `since` None: not known from the facts."""

    key: str
    title: str
    words: str
    mend: str
    page: str
    gist: str
    since: datetime | None = None
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = field(default=None)

    @property
    def mark(self) -> str:
        """What is compared with what was acknowledged."""
        return hashlib.sha256(f"{self.key}\n{self.gist}".encode()).hexdigest()[:16]

    @property
    def is_quiet(self) -> bool:
        """Whether somebody has seen just this."""
        return self.acknowledged_at is not None


def alarms(facts: Facts) -> list[Alarm]:
    """Everything that needs an operator, the most urgent first."""
    kinds = (_sending, _broken, _disk, _edition, _unsent, _unasked, _lenses, _deserted, _late, _quorum, _sources)
    return [each for kind in kinds for each in kind(facts)]


def _sending(facts: Facts) -> Iterator[Alarm]:
    for each in facts.doubts:
        page = f"/desk/sending/{each.week}"
        if each.batches:
            many = len(each.batches)
            yield Alarm(
                key=f"uncertain:{each.week}",
                title=f"Edition {each.week} has {_count(many, 'uncertain batch', 'uncertain batches')}",
                words="It is not known whether the provider took them. Nobody of them is mailed again until it is.",
                mend="Look them up at the provider, and settle each as sent or not sent.",
                page=page,
                gist=",".join(map(str, each.batches)),
                since=each.since,
            )
        if each.paused_because is not None:
            yield Alarm(
                key=f"paused:{each.week}",
                title=f"Edition {each.week} is paused",
                words=each.paused_because,
                mend="Mend the cause, then let it go on, or cancel it.",
                page=page,
                gist=each.paused_because,
            )


def _broken(facts: Facts) -> Iterator[Alarm]:
    if facts.broken:
        yield Alarm(
            key=_INVARIANTS,
            title=f"{_count(len(facts.broken), 'rule', 'rules')} of the database {_are(len(facts.broken))} broken",
            words="; ".join(facts.broken),
            mend="Run `verdicts check`, which names the rows, and restore or repair them before the next edition.",
            page="/desk/alarms",
            gist=";".join(facts.broken),
        )


def _disk(facts: Facts) -> Iterator[Alarm]:
    if facts.free_bytes < ROOM:
        yield Alarm(
            key="disk",
            title=f"Only {facts.free_bytes // 1_000_000} MB are free",
            words="When the disk is full, nothing is ingested, submitted or sent.",
            mend="Make room where VERDICTS_VAR lies.",
            page="/desk/alarms",
            gist="low",
        )


def _edition(facts: Facts) -> Iterator[Alarm]:
    for each in facts.drafts:
        due = (each.send_at or each.assembled_at + 2 * _DAY) - _DAY
        if facts.now >= due:
            when = "It is to go out within a day." if each.send_at else "It was put together more than a day ago."
            yield Alarm(
                key=f"unapproved:{each.week}",
                title=f"Edition {each.week} is not approved",
                words=f"{when} Nothing is sent without an editor's approval.",
                mend="Ask an editor to look it over and approve it.",
                page=f"/desk/editions/{each.week}",
                gist="draft",
                since=due,
            )


def _unsent(facts: Facts) -> Iterator[Alarm]:
    for each in facts.unsent:
        over = facts.now >= each.closes_at
        if facts.now < each.due_at + UNSENT:
            continue
        yield Alarm(
            key=f"unsent:{each.week}",
            title=f"Edition {each.week} {'was not sent' if over else 'is due and nobody sends it'}",
            words="Its send window has passed: nothing of it goes out any more."
            if over
            else f"Its send window closes at {each.closes_at:%Y-%m-%d %H:%M} UTC; what is not sent by then never is.",
            mend=f"Cancel it, `verdicts edition cancel {each.week}`."
            if over
            else f"Look at the Prefect server and its workers, or run `verdicts edition send {each.week}`.",
            page=f"/desk/sending/{each.week}",
            gist="over" if over else "due",
            since=each.due_at,
        )


def _unasked(facts: Facts) -> Iterator[Alarm]:
    since = facts.unasked_since
    if since is not None and facts.now - since > UNASKED:
        yield Alarm(
            key="unasked",
            title="Sources are due and nobody asks them",
            words="The schedules seem not to run.",
            mend="Look at the Prefect server and its workers, or run `verdicts up`.",
            page="/desk/sources",
            gist="unasked",
            since=since,
        )


def _lenses(facts: Facts) -> Iterator[Alarm]:
    for each in facts.lenses:
        if each.waits and not each.reviewers:
            yield Alarm(
                key=f"lens:{each.key}",
                title=f"Nobody looks through {each.name}",
                words="Tools wait for a verdict from this lens, and it has no reviewer.",
                mend="Give somebody the lens, or switch it off.",
                page=f"/desk/lenses/{each.key}",
                gist="nobody",
            )


def _deserted(facts: Facts) -> Iterator[Alarm]:
    names = {each.key: each.name for each in facts.lenses}
    for each in facts.deserted[:_EACH]:
        yield Alarm(
            key=f"deserted:{each.id}",
            title=f"Nobody is left for {each.tool_name} through {names.get(each.lens, each.lens)}",
            words="Every reviewer of this lens has declined it, or cannot judge it any more.",
            mend="Give the lens to somebody else, or let the panel close without it.",
            page="/desk/people?" + f"lens={each.lens}",
            gist="deserted",
        )
    if len(facts.deserted) > _EACH:
        yield Alarm(
            key="deserted",
            title=f"Nobody is left for {len(facts.deserted) - _EACH} seats more",
            words="Every reviewer of their lens has declined them, or cannot judge them any more.",
            mend="Invite more reviewers.",
            page="/desk/people",
            gist="more",
        )


def _late(facts: Facts) -> Iterator[Alarm]:
    for each in facts.lenses:
        if each.late and each.reviewers:
            many = f"{MANY:,} or more" if each.late >= MANY else str(each.late)
            yield Alarm(
                key=f"late:{each.key}",
                title=f"{many} {'seat' if each.late == 1 else 'seats'} of {each.name} {_are(each.late)} three days late",
                words=f"{_count(each.reviewers, 'person looks', 'people look')} through this lens.",
                mend="Invite more reviewers, or take tools out of the queue.",
                page=f"/desk/people?lens={each.key}",
                # Ten times as many is something else, one more is not.
                gist=f"10^{len(str(each.late))}",
                since=None if each.late_since is None else each.late_since + LATE,
            )


def _quorum(facts: Facts) -> Iterator[Alarm]:
    active = len(facts.lenses)
    if active and facts.quorum > active:
        yield Alarm(
            key="quorum",
            title=f"No panel can close: {facts.quorum} verdicts, {_count(active, 'lens', 'lenses')}",
            words="Each verdict of a panel comes from another lens.",
            mend="Switch lenses on, or set VERDICTS_QUORUM lower.",
            page="/desk/lenses",
            gist=f"{facts.quorum}/{active}",
        )


_SOURCE_WORDS = {
    "gone": ("says that it is gone for good", "Find its new address for sources.toml, or take it out there."),
    "failing": ("has failed", "Look at its page for the reason; mend its address or its key in sources.toml."),
    "silent": ("has shown nothing for two weeks", "Look whether the site has moved, or whether it is worth asking."),
}


def _sources(facts: Facts) -> Iterator[Alarm]:
    for kind, (what, mend) in _SOURCE_WORDS.items():
        found = [each for each in facts.sources if each.kind == kind]
        for each in found[:_EACH]:
            often = f" {each.failures} times in a row" if each.failures > 1 else ""
            yield Alarm(
                key=f"{kind}:{each.key}",
                title=f"{each.key} {what}{often if kind == 'failing' else ''}",
                words=each.error,
                mend=mend,
                page=f"/desk/sources/{each.key}",
                # Not the seconds and sizes in it, which differ each time.
                gist=_FIGURES.sub("", each.error)[:80] if kind == "failing" else kind,
                since=each.since,
            )
        if len(found) > _EACH:
            yield Alarm(
                key=f"{kind}",
                title=f"More sources like that ({kind})",
                words="The list of sources shows them all.",
                mend=mend,
                page="/desk/sources",
                gist="more",
            )


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


# ------------------------------------------------------------ looking


def _facts(product: Product, connection: Any, remembered: dict[str, Kept]) -> Facts:
    now, most = product.now, _EACH + 1
    slow = remembered.get(_INVARIANTS)
    return Facts(
        now=now,
        lenses=tuple(book.lens_states(connection, late=now - LATE, limit=MANY)),
        deserted=tuple(reviews.deserted(connection, now=now)),
        quorum=product.settings.quorum,
        sources=(
            *book.gone_sources(connection, limit=most),
            *book.failing_sources(connection, failures=FAILURES, before=now - _DAY, limit=most),
            *book.silent_sources(connection, before=now - SILENT, limit=most),
        ),
        unasked_since=book.unasked_since(connection),
        drafts=tuple(book.drafts(connection, from_week=str(Week.of(now)))),
        unsent=tuple(_waiting(product, connection)),
        doubts=tuple(book.doubts(connection, limit=MANY)),
        free_bytes=_free(product),
        broken=tuple(slow.found) if slow else (),
    )


def _waiting(product: Product, connection: Any) -> Iterator[Unsent]:
    """Editions that are approved, with when they were due and until when they may be sent."""
    for week in editions.to_send(connection):
        plan = plans.find(connection, week)
        due, closes = plan.send_at or plan.approved_at, sending.closing_time(product, plan)
        if editions.state(connection, week) is EditionState.APPROVED and not plan.cancelled_at and due and closes:
            yield Unsent(week=str(week), due_at=due, closes_at=closes)


def _free(product: Product) -> int:
    folder = product.settings.var
    return shutil.disk_usage(folder if folder.exists() else ".").free


def standing(product: Product) -> list[Alarm]:
    """What needs an operator now, the loud ones first. A fixed number of statements; nothing is written."""
    with product.database.read() as connection:
        remembered = book.kept(connection)
        found = alarms(_facts(product, connection, remembered))
    known = [_with_memory(each, remembered.get(each.key), product.now) for each in found]
    return sorted(known, key=lambda each: each.is_quiet)


def _with_memory(each: Alarm, kept: Kept | None, now: datetime) -> Alarm:
    since = each.since or (kept.since if kept else now)
    if kept is None or kept.acknowledged_mark != each.mark:
        return replace(each, since=since)
    return replace(each, since=since, acknowledged_by=kept.acknowledged_by, acknowledged_at=kept.acknowledged_at)


def look(product: Product, *, thorough: bool = False) -> list[Alarm]:
    """Look at everything and remember since when it stands; `thorough` also runs the slow check of every invariant."""
    if thorough:
        with product.database.read() as connection:
            broken = [str(each["rule"]) for each in checks.violations(connection)]
        with product.database.write() as connection:
            book.keep_found(connection, _INVARIANTS, broken or None, mark=_mark(_INVARIANTS, broken), now=product.now)
    found = standing(product)
    with product.database.write() as connection:
        book.keep(connection, {each.key: (each.since or product.now, each.mark) for each in found})
    return found


def _mark(key: str, broken: Sequence[str]) -> str:
    return hashlib.sha256(f"{key}\n{';'.join(broken)}".encode()).hexdigest()[:16]


def acknowledge(product: Product, key: str, *, seen: str, by: Person, take_back: bool = False) -> Alarm:
    """Somebody has seen it: it is quiet until it says something else. `take_back`: nobody has, after all.

    Raises NotFound for one that is over, StaleVersion when it says something else than was `seen`.
    """
    found = next((each for each in standing(product) if each.key == key), None)
    if found is None:
        raise NotFound("That alarm is over.", mend="There is nothing to do about it any more.")
    if found.mark != seen:
        raise StaleVersion("That alarm says something else by now.", mend="Read it again first.")
    now = product.now
    with product.database.write() as connection:
        book.acknowledge(connection, key, mark=seen, since=found.since or now, by=None if take_back else by.id, now=now)
        verb = "alarm.speak" if take_back else "alarm.acknowledge"
        audit.note(
            connection, now=now, actor=by.email, action=verb, subject=f"alarm:{key}", after={"title": found.title}
        )
    return found


# ------------------------------------------------------------ telling


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One operator's mail; `problem` says why it did not go out."""

    person: Person
    alarms: tuple[Alarm, ...]
    problem: str = ""


def tell(product: Product, *, thorough: bool = False, dry_run: bool = False) -> list[Told]:
    """Look, and mail every operator what they were not mailed about within a day: never what somebody has seen, and
    nothing in their quiet hours. A mail that cannot go out is tried again by the next run; a run that dies between
    mail and record mails it once more."""
    loud = [each for each in (standing(product) if dry_run else look(product, thorough=thorough)) if not each.is_quiet]
    told: list[Told] = []
    for person in _operators(product) if loud else ():
        with product.database.read() as connection:
            had = book.told_since(connection, person.id, since=product.now - _DAY)
        news = tuple(each for each in loud if each.key not in had)
        if news:
            told.append(Told(person=person, alarms=news) if dry_run else _mail(product, person, news))
    return told


def _operators(product: Product) -> list[Person]:
    now, quiet = product.now, product.settings.quiet
    with product.database.read() as connection:
        everybody = people.everybody(connection)
    awake = [each for each in everybody if each.active and not each.machine and Role.OPERATOR in each.roles]
    return [each for each in awake if not is_quiet(quiet, now=now, zone=zone_of(each))]


def _mail(product: Product, person: Person, news: tuple[Alarm, ...]) -> Told:
    base, zone = product.settings.base_url, zone_of(person)
    lines = [
        Line(
            title=each.title,
            url=f"{base}{each.page}",
            since=in_words(each.since, zone) if each.since else "",
            words=each.words,
            mend=each.mend,
        )
        for each in news
    ]
    try:
        letters.post(product, "alarm", person.email, letter(alarms=lines, desk_url=f"{base}/desk/alarms"))
    except (DeliveryError, RenderError) as error:
        return Told(person=person, alarms=news, problem=str(error))
    with product.database.write() as connection:
        book.note_told(connection, person.id, [each.key for each in news], now=product.now)
    return Told(person=person, alarms=news)
