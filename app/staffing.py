"""Who works here and through which lenses: people, lenses and quorums, as an operator sets them.

Every change names the mark of what was read (`mark`); when that has changed meanwhile, nothing is overwritten.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

import orjson

from app import letters, reviewing
from app.tokens import SIGN_IN_LASTS, new_secret
from app.wiring import Product
from core.category import CATEGORIES
from core.errors import DeliveryError, NotFound, Refused, RenderError, StaleVersion
from core.panel import Lens, Person, Role
from core.text import clean
from store import audit, people, reviews, sessions, tools
from store.audit import Entry
from store.people import Held, LensRow, PersonRow

PAGE = 50
MANY = people.MANY
LONGEST_NAME = 100
LONGEST_WORDS = 1000
MOST_VERDICTS = 20
_KEY = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_KEY_LENGTH = 40


def mark(thing: Person | Lens) -> str:
    """What a page that shows a person or a lens hands back with a change: another one once it was changed."""
    seen = _said(thing) | {"active": thing.active}
    return hashlib.sha256(orjson.dumps(seen, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def _said(thing: Person | Lens) -> dict[str, Any]:
    if isinstance(thing, Person):
        return {"name": thing.name, "roles": sorted(thing.roles), "lenses": list(thing.lenses)}
    return {name: getattr(thing, name) for name in _WORDS}


_WORDS = ("name", "motto", "asks", "excites", "tires")


def _require_same(thing: Person | Lens, seen: str) -> None:
    if mark(thing) != seen:
        raise StaleVersion(
            f"{thing.name or 'This person'} was changed since you opened the page.",
            mend="Nothing was overwritten: look at what it is now, and save again.",
        )


# ------------------------------------------------------------ people


def everybody(
    product: Product, *, after: str = "", role: Role | None = None, lens: str | None = None, active: bool | None = None
) -> list[PersonRow]:
    """A page of people by address, and one more when there is another page."""
    with product.database.read() as connection:
        return people.listed(
            connection, after=after, role=role, lens_key=lens, active=active, limit=PAGE + 1, now=product.now
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """Everything that an operator sees of one person. `past` are the newest entries of the log about them."""

    row: PersonRow
    leases: tuple[Held, ...]
    drafts: int
    past: tuple[Entry, ...]


def dossier(product: Product, at: int) -> Dossier:
    """One person. Raises NotFound."""
    with product.database.read() as connection:
        row = people.row(connection, at, now=product.now)
        return Dossier(
            row=row,
            leases=tuple(people.leases(connection, at, now=product.now)),
            drafts=people.drafts(connection, at),
            past=tuple(audit.search(connection, subject=f"person:{row.person.email}", limit=10)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """Somebody who was invited. `problem` says why their letter did not go out; empty when it did, or none was due."""

    person: Person
    problem: str


def invite(
    product: Product,
    email: str,
    *,
    roles: Collection[Role],
    lenses: Collection[str],
    name: str,
    machine: bool,
    actor: str,
) -> Invited:
    """Add a person, and mail them an invitation with a sign-in link; a program gets none. Raises Refused for an address that is known, and
    as `reviewing.invite` does."""
    address = reviewing.checked_address(email)
    with product.database.read() as connection:
        there = people.known(connection, address)
    if there is not None:
        how = "" if there.active else ", deactivated"
        raise Refused(
            f"{there.email} is here already{how}.",
            mend="Open their page to change roles and lenses, or to let them in.",
        )
    if not roles:
        raise Refused("Somebody without a role can do nothing here.", mend="Choose at least one role.")
    if machine:
        _require_reviewing_only(address, roles)
    made = reviewing.invite(product, address, roles=roles, lenses=lenses, name=name, machine=machine, actor=actor)
    problem = "" if machine else _mail_invitation(product, made, actor)
    return Invited(person=made.person, problem=problem)


def _mail_invitation(product: Product, made: reviewing.Invitation, actor: str) -> str:
    with product.database.read() as connection:
        host = people.known(connection, actor)
        names = {each.key: each.name for each in people.lenses(connection)}
    context = {
        "invited_by": (host.name or host.email) if host else actor,
        "part": _part(made.person, names),
        "desk_url": f"{product.settings.base_url}/desk",
    }
    return _mail_link(product, "invitation", made.person, made.sign_in_url, **context)


def _part(person: Person, names: Mapping[str, str]) -> str:
    """What somebody is invited to be: `editor and reviewer (Builder, Skeptic)`."""
    lenses = f" ({', '.join(names[each] for each in person.lenses)})" if person.lenses else ""
    return " and ".join(f"{role}{lenses if role is Role.REVIEWER else ''}" for role in sorted(person.roles))


def _mail_link(product: Product, kind: str, person: Person, url: str, **more: str) -> str:
    context = {
        "name": person.name,
        "sign_in_url": url,
        "valid_minutes": int(SIGN_IN_LASTS.total_seconds() // 60),
        **more,
    }
    try:
        letters.post(product, kind, person.email, context)
    except (DeliveryError, RenderError) as error:
        return str(error)
    return ""


def send_letter(product: Product, at: int, *, seen: str, actor: str) -> Invited:
    """Mail somebody who may sign in another sign-in link. Raises NotFound, StaleVersion, and Refused for others."""
    now = product.now
    token, hashed = new_secret()
    with product.database.write() as connection:
        person = people.hold(connection, at)
        _require_same(person, seen)
        if not person.active or person.machine:
            who = "a program" if person.machine else "deactivated"
            raise Refused(f"{person.email} is {who}.", mend="Only people who may sign in get a link.")
        sessions.keep_link(connection, at=at, token_hash=hashed, now=now, expires=now + SIGN_IN_LASTS)
        _note_person(connection, person, "letter", actor=actor, now=now)
    problem = _mail_link(product, "sign-in", person, f"{product.settings.base_url}/desk/sign-in/{token}")
    return Invited(person=person, problem=problem)


def _note_person(
    connection: Any, person: Person, verb: str, *, actor: str, now: datetime, before: Any = None, after: Any = None
) -> None:
    audit.note(
        connection,
        now=now,
        actor=actor,
        action=f"person.{verb}",
        subject=f"person:{person.email}",
        before=before,
        after=after,
    )


def find(product: Product, email: str) -> Person:
    """Whoever has this address, active or not. Raises NotFound."""
    with product.database.read() as connection:
        found = people.known(connection, email)
    if found is None:
        raise NotFound(
            f"Nobody here has the address {clean(email, limit=80)}.", mend="`verdicts people list` shows all."
        )
    return found


def change(
    product: Product, at: int, *, name: str, roles: Collection[Role], lenses: Collection[str], seen: str, actor: str
) -> tuple[Person, Person]:
    """Give somebody this name and exactly these roles and lenses; seats of lenses they lose are freed, their words
    stay. Returns the person before and after.

    Raises StaleVersion, NotFound, and Refused for a reviewer without a lens, a program that would be more than a
    reviewer, and for the last operator.
    """
    now = product.now
    with product.database.write() as connection:
        before = people.hold(connection, at)
        _require_same(before, seen)
        if Role.REVIEWER in roles and not lenses:
            raise Refused("A reviewer needs at least one lens.", mend="Choose one, or take the role away.")
        if before.machine:
            _require_reviewing_only(before.email, roles)
        if Role.OPERATOR not in roles:
            _require_another_operator(connection, before)
        people.change(connection, at, name=clean(name, limit=LONGEST_NAME), roles=roles, lenses=lenses)
        after = people.hold(connection, at)
        lost = set(before.lenses) - set(after.lenses) if Role.REVIEWER in roles else set(before.lenses)
        if lost:
            people.free_leases(connection, at, lenses=lost)
        if _said(before) != _said(after):
            _note_person(connection, after, "change", actor=actor, now=now, before=_said(before), after=_said(after))
    return before, after


def _require_reviewing_only(address: str, roles: Collection[Role]) -> None:
    if set(roles) - {Role.REVIEWER}:
        raise Refused(f"{address} is a program.", mend="Editors and operators are people.")


def _require_another_operator(connection: Any, person: Person) -> None:
    is_one = person.active and not person.machine and Role.OPERATOR in person.roles
    if is_one and not people.other_operators(connection, person.id):
        raise Refused(
            f"{person.email} is the last operator.", mend="Make somebody else one first, or nobody could let people in."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deactivated:
    """What became of somebody's sessions and seats."""

    person: Person
    sessions: int
    leases: int


def deactivate(product: Product, at: int, *, seen: str, actor: str) -> Deactivated:
    """Let somebody in no more: their sessions end, their seats are freed, their words and verdicts stay. Again is
    harmless. Raises NotFound, StaleVersion, and Refused for the last operator."""
    now = product.now
    with product.database.write() as connection:
        person = people.hold(connection, at)
        if not person.active:
            return Deactivated(person=person, sessions=0, leases=0)
        _require_same(person, seen)
        _require_another_operator(connection, person)
        people.switch(connection, at, active=False)
        ended = sessions.end(connection, at=at, now=now)
        freed = people.free_leases(connection, at)
        after = {"sessions": ended, "leases": freed}
        _note_person(connection, person, "deactivate", actor=actor, now=now, after=after)
    return Deactivated(person=replace(person, active=False), sessions=ended, leases=freed)


def reactivate(product: Product, at: int, *, seen: str, actor: str) -> Person:
    """Let somebody in again, with the roles and lenses they had. Again is harmless. Raises NotFound, StaleVersion."""
    with product.database.write() as connection:
        person = people.hold(connection, at)
        if person.active:
            return person
        _require_same(person, seen)
        people.switch(connection, at, active=True)
        _note_person(connection, person, "reactivate", actor=actor, now=product.now)
    return replace(person, active=True)


# ------------------------------------------------------------ lenses


def lenses(product: Product) -> list[LensRow]:
    """All lenses in their order, with who looks through them."""
    with product.database.read() as connection:
        return people.lens_rows(connection)


def find_lens(product: Product, key: str) -> Lens:
    """One lens. Raises NotFound."""
    with product.database.read() as connection:
        return people.find_lens(connection, key)


def change_lens(product: Product, wanted: Lens, *, seen: str, actor: str) -> tuple[Lens, Lens]:
    """Keep other words of a lens, or switch it on or off; its place stays. Returns it before and after.

    A lens that is switched on gets a seat on every tool that waits. Raises NotFound, StaleVersion, and Refused for a
    lens without a name.
    """
    now = product.now
    with product.database.write() as connection:
        before = people.find_lens(connection, wanted.key, to_change=True)
        _require_same(before, seen)
        after = replace(_worded(wanted), position=before.position)
        if after == before:
            return before, after
        people.change_lens(connection, after, now=now)
        if after.active and not before.active:
            tools.seat_queued(connection)
            reviewing.give_due_dates(product, connection)
        change_ = {"before": _changes(before, after), "after": _changes(after, before)}
        audit.note(connection, now=now, actor=actor, action="lens.change", subject=f"lens:{after.key}", **change_)
    return before, after


def _worded(lens: Lens) -> Lens:
    words: dict[str, Any] = {name: clean(getattr(lens, name), limit=LONGEST_WORDS) for name in _WORDS}
    words["name"] = clean(words["name"], limit=LONGEST_NAME)
    if not words["name"]:
        raise Refused("A lens needs a name.", mend="Write the name that readers see.")
    return replace(lens, **words)


def _changes(one: Lens, other: Lens) -> dict[str, Any]:
    """What this lens says that the other does not."""
    names = (each.name for each in fields(Lens))
    return {name: getattr(one, name) for name in names if getattr(one, name) != getattr(other, name)}


def add_lens(product: Product, wanted: Lens, *, actor: str) -> Lens:
    """Add a lens behind all others; every tool that waits gets a seat of it. Raises Refused for a key that is none, or
    taken, and for a lens without a name."""
    if len(wanted.key) > _KEY_LENGTH or not _KEY.fullmatch(wanted.key):
        raise Refused(
            f"{clean(wanted.key, limit=_KEY_LENGTH)!r} cannot be the key of a lens.",
            mend="Small letters, digits and hyphens, like data-engineer.",
        )
    added, now = _worded(wanted), product.now
    with product.database.write() as connection:
        if not people.add_lens(connection, added, now=now):
            raise Refused(f"There is a lens {added.key!r} already.", mend="Choose another key.")
        tools.seat_queued(connection)
        reviewing.give_due_dates(product, connection)
        after = _said(added) | {"active": added.active}
        audit.note(connection, now=now, actor=actor, action="lens.add", subject=f"lens:{added.key}", after=after)
        return people.find_lens(connection, added.key)


def move_lens(product: Product, key: str, *, up: bool, place: int, actor: str) -> Lens:
    """Let a lens change places with its neighbour above or below; at the end it stays. `place` is where it was seen.

    Raises NotFound, and StaleVersion when it stands elsewhere by now.
    """
    now = product.now
    with product.database.write() as connection:
        moved = people.find_lens(connection, key, to_change=True)
        if moved.position != place:
            raise StaleVersion(f"{moved.name} has moved already.", mend="Look at the order as it is now.")
        there = [each.key for each in people.lenses(connection)]
        at = there.index(key) + (-1 if up else 1)
        if not 0 <= at < len(there):
            return moved
        other = people.find_lens(connection, there[at], to_change=True)
        people.swap_lenses(connection, moved, other, now=now)
        change_ = {"before": moved.position, "after": other.position}
        audit.note(connection, now=now, actor=actor, action="lens.move", subject=f"lens:{key}", **change_)
        return replace(moved, position=other.position)


# ------------------------------------------------------------ quorums


@dataclass(frozen=True, slots=True, kw_only=True)
class Quorum:
    """How many verdicts close a panel of a category; `own` None: as the setting says."""

    category: str
    name: str
    own: int | None
    in_force: int


def quorums(product: Product) -> list[Quorum]:
    """The number of every category, in their order."""
    with product.database.read() as connection:
        own = people.quorums(connection)
    return [
        Quorum(category=key, name=name, own=own.get(key), in_force=own.get(key, product.settings.quorum))
        for key, name in CATEGORIES.items()
    ]


def set_quorum(product: Product, category: str, quorum: int | None, *, seen: int | None, actor: str) -> int:
    """Close panels of a category at so many verdicts from now on; None: as the setting says. Panels that have them
    already close at once, panels that are closed stay so. `seen` is the number that was there. Returns how many closed.

    Raises NotFound for a category, StaleVersion, and Refused for a number that no panel can reach.
    """
    if category not in CATEGORIES:
        raise NotFound(f"There is no category {clean(category, limit=40)!r}.")
    now = product.now
    with product.database.write() as connection:
        before = people.quorums(connection).get(category)
        if before != seen:
            raise StaleVersion(
                f"The quorum of {CATEGORIES[category]} was changed since you opened the page.",
                mend="Nothing was overwritten: look at what it is now.",
            )
        if quorum is not None:
            _require_reachable(connection, quorum)
        if before == quorum:
            return 0
        people.keep_quorum(connection, category, quorum)
        closed = _close_ripe(connection, category, quorum or product.settings.quorum, now=now)
        subject = f"category:{category}"
        after = {"quorum": quorum, "closed": closed}
        audit.note(
            connection,
            now=now,
            actor=actor,
            action="category.quorum",
            subject=subject,
            before={"quorum": before},
            after=after,
        )
    return closed


def _require_reachable(connection: Any, quorum: int) -> None:
    if not 1 <= quorum <= MOST_VERDICTS:
        raise Refused(f"{quorum} is not between 1 and {MOST_VERDICTS}.", mend="Choose a number of verdicts.")
    active = sum(each.active for each in people.lenses(connection))
    if quorum > active:
        raise Refused(
            f"{quorum} verdicts come from {quorum} lenses; {active} are active.", mend="No panel could ever close."
        )


def _close_ripe(connection: Any, category: str, quorum: int, *, now: datetime) -> int:
    closed = 0
    while found := people.ripe(connection, category, quorum=quorum):
        for tool, submitted in found.items():
            reviews.settle_panel(connection, tool, submitted=submitted, closed=True, now=now)
        closed += len(found)
    return closed
