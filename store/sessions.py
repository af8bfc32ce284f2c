"""Who is signed in: e-mailed links, sessions, passkeys and what they are asked to sign. Secrets are kept as hashes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from store.schema import challenge, passkey, person, session, sign_in

# ------------------------------------------------------------ links


def keep_link(connection: Connection, *, at: int, token_hash: str, now: datetime, expires: datetime) -> None:
    """Remember the hash of a sign-in link's token for this person."""
    connection.execute(sa.insert(sign_in).values(token_hash=token_hash, person=at, made_at=now, expires_at=expires))


def _good(token_hash: str, now: datetime) -> sa.ColumnElement[bool]:
    active = sa.exists().where(person.c.id == sign_in.c.person, person.c.active)
    return sa.and_(sign_in.c.token_hash == token_hash, sign_in.c.used_at.is_(None), sign_in.c.expires_at > now, active)


def whose_link(connection: Connection, token_hash: str, *, now: datetime) -> int | None:
    """The person a link would sign in, None when it is not good (any more)."""
    found: int | None = connection.scalar(sa.select(sign_in.c.person).where(_good(token_hash, now)))
    return found


def use_link(connection: Connection, token_hash: str, *, now: datetime) -> int | None:
    """Use a link up. The person it signs in, None when it is not good (any more). Of two at once one gets it."""
    used = sa.update(sign_in).where(_good(token_hash, now)).values(used_at=now).returning(sign_in.c.person)
    found: int | None = connection.scalar(used)
    return found


def forget_links(connection: Connection, *, before: datetime) -> int:
    """Delete links that expired before this instant. Returns how many."""
    return connection.execute(sa.delete(sign_in).where(sign_in.c.expires_at < before)).rowcount


# ------------------------------------------------------------ sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser that somebody is signed in with. `key` is the hash of its secret: it names, and cannot sign in."""

    key: str
    person: int
    started_at: datetime
    seen_at: datetime
    expires_at: datetime
    agent: str


def start(connection: Connection, *, at: int, key: str, now: datetime, expires: datetime, agent: str) -> None:
    """Begin a session. `agent` is what the browser calls itself."""
    connection.execute(
        sa.insert(session).values(
            token_hash=key, person=at, started_at=now, seen_at=now, expires_at=expires, agent=agent
        )
    )


def _live(*, now: datetime, idle_since: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(session.c.revoked_at.is_(None), session.c.expires_at > now, session.c.seen_at > idle_since)


def live(connection: Connection, key: str, *, now: datetime, idle_since: datetime) -> Session | None:
    """The session with this key: begun, not ended, not run out, seen after `idle_since`, of somebody who may sign in."""
    query = sa.select(session).join(person, person.c.id == session.c.person).where(person.c.active)
    row = connection.execute(
        query.where(session.c.token_hash == key, _live(now=now, idle_since=idle_since))
    ).one_or_none()
    return None if row is None else _session(row)


def _session(row: Any) -> Session:
    return Session(
        key=row.token_hash,
        person=row.person,
        started_at=row.started_at,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
        agent=row.agent,
    )


def seen(connection: Connection, key: str, *, now: datetime) -> None:
    """Somebody was here."""
    connection.execute(sa.update(session).where(session.c.token_hash == key).values(seen_at=now))


def of_person(connection: Connection, at: int, *, now: datetime, idle_since: datetime) -> list[Session]:
    """Everything this person is signed in with, the newest first."""
    query = sa.select(session).where(session.c.person == at, _live(now=now, idle_since=idle_since))
    return [_session(row) for row in connection.execute(query.order_by(session.c.started_at.desc()).limit(100))]


def end(connection: Connection, *, at: int, now: datetime, key: str | None = None) -> int:
    """End one session of this person, or all of them. Returns how many."""
    query = sa.update(session).where(session.c.person == at, session.c.revoked_at.is_(None)).values(revoked_at=now)
    return connection.execute(query if key is None else query.where(session.c.token_hash == key)).rowcount


def forget(connection: Connection, *, before: datetime) -> int:
    """Delete sessions that ran out before this instant. Returns how many."""
    return connection.execute(sa.delete(session).where(session.c.expires_at < before)).rowcount


# ------------------------------------------------------------ passkeys


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A public key of somebody's device. `credential` and `public_key` are base64url."""

    id: int
    person: int
    credential: str
    public_key: str
    uses: int
    name: str
    made_at: datetime
    used_at: datetime | None


def ask(connection: Connection, *, value_hash: str, at: int | None, expires: datetime) -> None:
    """Remember what a device is asked to sign; `at`: whom it must belong to."""
    connection.execute(sa.insert(challenge).values(value_hash=value_hash, person=at, expires_at=expires))


def answered(connection: Connection, *, value_hash: str, at: int | None, now: datetime) -> bool:
    """Use up what a device was asked to sign. Whether it was asked, of this person, and not too long ago."""
    asked = sa.and_(challenge.c.value_hash == value_hash, challenge.c.expires_at > now, challenge.c.person == at)
    if at is None:
        asked = sa.and_(
            challenge.c.value_hash == value_hash, challenge.c.expires_at > now, challenge.c.person.is_(None)
        )
    return connection.execute(sa.delete(challenge).where(asked)).rowcount == 1


def forget_challenges(connection: Connection, *, before: datetime) -> int:
    """Delete what was never signed. Returns how many."""
    return connection.execute(sa.delete(challenge).where(challenge.c.expires_at < before)).rowcount


def keep_passkey(
    connection: Connection, *, at: int, credential: str, public_key: str, uses: int, name: str, now: datetime
) -> None:
    """Remember a device's public key."""
    connection.execute(
        sa.insert(passkey).values(
            person=at, credential=credential, public_key=public_key, uses=uses, name=name, made_at=now
        )
    )


def passkeys(connection: Connection, at: int) -> list[Passkey]:
    """Everything this person may sign in with besides links, oldest first."""
    query = sa.select(passkey).where(passkey.c.person == at).order_by(passkey.c.id)
    return [Passkey(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's public name for it


def find_passkey(connection: Connection, credential: str) -> Passkey | None:
    """The key with this id, of somebody who may sign in."""
    query = sa.select(passkey).join(person, person.c.id == passkey.c.person).where(person.c.active)
    row = connection.execute(query.where(passkey.c.credential == credential)).one_or_none()
    return None if row is None else Passkey(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


def use_passkey(connection: Connection, at: int, *, uses: int, now: datetime) -> None:
    """A device has signed; `uses` is its counter afterwards."""
    connection.execute(sa.update(passkey).where(passkey.c.id == at).values(uses=uses, used_at=now))


def drop_passkey(connection: Connection, at: int, *, person_id: int) -> bool:
    """Forget one key of this person. Whether there was one."""
    gone = sa.delete(passkey).where(passkey.c.id == at, passkey.c.person == person_id)
    return connection.execute(gone).rowcount == 1
