"""Signing in to the desk: an e-mailed link that a button confirms, then a session that its owner can end anywhere."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app import letters, limiting
from app.limiting import Caller, TooMany
from app.tokens import SIGN_IN_LASTS, hash_secret, new_secret
from app.wiring import Product
from core.errors import DeliveryError, NotFound, Refused, RenderError
from core.panel import Person, Role
from core.subscriber import address_key
from core.text import clean
from store import audit, people, sessions
from store.sessions import Session

SESSION_LASTS = timedelta(days=30)
IDLE_LASTS = timedelta(days=14)
_SEEN_EVERY = timedelta(minutes=5)
"""How exactly it is known when somebody was last here: not every page shown is worth a write."""
_AGENT_LIMIT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody who is signed in, and by which session."""

    person: Person
    session: Session

    @property
    def zone(self) -> ZoneInfo:
        """In which they read times."""
        return ZoneInfo(self.person.time_zone or "UTC")

    def may(self, roles: frozenset[Role]) -> bool:
        """Whether they have one of these roles."""
        return bool(self.person.roles & roles)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A session that has just begun. `secret` goes into the cookie and is kept nowhere else."""

    secret: str
    expires: datetime
    person: Person


def send_link(product: Product, address: str) -> None:
    """Mail a sign-in link to this address, if it is somebody's who may sign in.

    Whoever asked is never told which: call it after the answer has gone out, so that neither words nor time give it
    away. An address that asks too often in an hour, and a mail that cannot go out, end in silence, too.
    """
    with suppress(NotFound, TooMany, DeliveryError, RenderError):
        _send_link(product, address)


def _send_link(product: Product, address: str) -> None:
    # Counted per mailbox as well: many networks together must not fill somebody's mailbox.
    limiting.use(product, "sign-in-mail", Caller(address=address_key(address[:320])))
    now = product.now
    token, hashed = new_secret()
    with product.database.write() as connection:
        person = people.find(connection, address)
        sessions.keep_link(connection, at=person.id, token_hash=hashed, now=now, expires=now + SIGN_IN_LASTS)
    context = {
        "name": person.name,
        "sign_in_url": f"{product.settings.base_url}/desk/sign-in/{token}",
        "valid_minutes": int(SIGN_IN_LASTS.total_seconds() // 60),
    }
    letters.post(product, "sign-in", person.email, context)


def check(product: Product, token: str) -> Person:
    """Whom a link would sign in. Nothing is changed. Raises Refused when it is not good (any more)."""
    with product.database.read() as connection:
        at = sessions.whose_link(connection, hash_secret(token), now=product.now)
        return people.with_ids(connection, [_known(at)])[_known(at)]


def _known(at: int | None) -> int:
    if at is None:
        raise Refused(
            "This sign-in link has been used, or its fifteen minutes are over.", mend="Ask for a new one below."
        )
    return at


def sign_in(product: Product, token: str, *, agent: str, zone: str = "") -> SignedIn:
    """Use a link up and begin a session. `zone` is the browser's time zone, kept when none is known yet.

    Raises Refused when the link is not good (any more).
    """
    now = product.now
    with product.database.write() as connection:
        at = _known(sessions.use_link(connection, hash_secret(token), now=now))
        return begin(connection, people.with_ids(connection, [at])[at], now=now, agent=agent, zone=zone, by="link")


def begin(connection: Any, person: Person, *, now: datetime, agent: str, zone: str, by: str) -> SignedIn:
    """Begin a session for somebody who has shown who they are, `by` a link or a passkey."""
    secret, key = new_secret()
    expires = now + SESSION_LASTS
    sessions.start(connection, at=person.id, key=key, now=now, expires=expires, agent=clean(agent, limit=_AGENT_LIMIT))
    if person.time_zone is None and is_zone(zone):
        people.keep_time_zone(connection, person.id, zone)
    _note(connection, person, "person.sign_in", now=now, after=by)
    return SignedIn(secret=secret, expires=expires, person=person)


def _note(connection: Any, person: Person, action: str, *, now: datetime, after: Any = None) -> None:
    audit.note(connection, now=now, actor=person.email, action=action, subject=f"person:{person.email}", after=after)


def is_zone(name: str) -> bool:
    """Whether this names a time zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def visitor(product: Product, secret: str) -> Visitor | None:
    """Who has this session, None when it is over or never was."""
    now, key = product.now, hash_secret(secret)
    with product.database.read() as connection:
        session = sessions.live(connection, key, now=now, idle_since=now - IDLE_LASTS)
        if session is None:
            return None
        person = people.with_ids(connection, [session.person])[session.person]
    if now - session.seen_at > _SEEN_EVERY:
        with product.database.write() as connection:
            sessions.seen(connection, key, now=now)
    return Visitor(person=person, session=session)


def sign_out(product: Product, who: Visitor) -> None:
    """End this session."""
    end(product, who, who.session.key)


def end(product: Product, who: Visitor, key: str) -> None:
    """End one of their sessions. Raises NotFound for one that is not theirs, or over."""
    now = product.now
    with product.database.write() as connection:
        if not sessions.end(connection, at=who.person.id, key=key, now=now):
            raise NotFound("That session is over already.")
        _note(connection, who.person, "person.sign_out", now=now)


def sign_out_everywhere(product: Product, who: Visitor) -> int:
    """End all of their sessions, this one included. Returns how many."""
    now = product.now
    with product.database.write() as connection:
        ended = sessions.end(connection, at=who.person.id, now=now)
        _note(connection, who.person, "person.sign_out_everywhere", now=now, after=ended)
    return ended


def open_sessions(product: Product, who: Visitor) -> list[Session]:
    """Everything they are signed in with."""
    with product.database.read() as connection:
        return sessions.of_person(connection, who.person.id, now=product.now, idle_since=product.now - IDLE_LASTS)


def choose_zone(product: Product, who: Visitor, zone: str) -> None:
    """Show them times in this zone from now on. Raises Refused for a name that is none."""
    if not is_zone(zone):
        raise Refused(f"{clean(zone, limit=60)!r} is not a time zone.", mend="Write it like Europe/Berlin.")
    with product.database.write() as connection:
        people.keep_time_zone(connection, who.person.id, zone)
