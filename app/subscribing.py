"""Subscribers: ask, confirm, choose, leave; and what the operator does with lists of them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

from app import letters
from app.reviewing import checked_address
from app.sending import Links
from app.tokens import Purpose, stamp
from app.wiring import Product
from core.category import CATEGORIES
from core.clock import from_iso, to_iso
from core.errors import DeliveryError, NotFound, Refused, UsageError, VerdictsError
from core.subscriber import Subscriber, SubscriberState
from core.text import clean
from store import audit, subscribers, tools
from store.subscribers import Consent

CONSENT = "I would like to receive Weekly Verdicts by e-mail once a week. I can leave at any time."
"""What the form says beside its button."""

_LINK_LASTS = timedelta(days=7)
_ASK_AGAIN_AFTER = timedelta(days=1)


def subscribe(product: Product, address: str, *, source: str, network: str | None) -> None:
    """Ask an address to confirm. Nothing tells whether it was known; a letter goes out at most once a day.

    Raises Refused for what is no address.
    """
    wanted = checked_address(address)
    now = product.now
    trail = Consent(kind="asked", text=CONSENT, source=source, network=network)
    with product.database.write() as connection:
        asked = _ask(connection, wanted, trail, now=now)
    if asked is not None:
        _send_confirmation(product, asked)


def _ask(connection: Any, address: str, trail: Consent, *, now: datetime) -> Subscriber | None:
    """The subscriber to be sent a confirmation letter now, None when nobody is to be."""
    if subscribers.suppressed(connection, address) in ("bounced", "complained", "manual"):
        return None
    found = subscribers.find(connection, address)
    if found is None:
        return subscribers.add(
            connection, address=address, name="", categories=(), trail=trail, confirmed_at=None, now=now
        )
    if found.state in (SubscriberState.ACTIVE, SubscriberState.BOUNCED, SubscriberState.COMPLAINED):
        return None
    asked = subscribers.asked_at(connection, found.id)
    if found.state is SubscriberState.PENDING and asked is not None and now - asked < _ASK_AGAIN_AFTER:
        return None
    subscribers.ask_again(connection, found.id, now=now)
    subscribers.note_consent(connection, found.id, trail, now=now)
    return found


def _send_confirmation(product: Product, asked: Subscriber) -> None:
    url = Links(product).confirm(asked, expires=product.now + _LINK_LASTS)
    hours = int(_LINK_LASTS.total_seconds() // 3600)
    try:
        letters.post(product, "confirm", asked.address, {"confirm_url": url, "valid_hours": hours})
    except VerdictsError:
        # No letter went out: who asks again must not be told to wait for one until tomorrow.
        with product.database.write() as connection:
            subscribers.ask_again(connection, asked.id, now=product.now - _ASK_AGAIN_AFTER)
        raise


def _holder(product: Product, connection: Any, purpose: Purpose, token: str) -> Subscriber:
    """Whose link this is. Raises Refused for a forged or expired one, or one of somebody erased."""
    at, *signed = product.signer.read(purpose, token, now=product.now)
    return same_person(connection, at, signed)


def same_person(connection: Any, at: int, signed: Sequence[str]) -> Subscriber:
    """The subscriber with this number, if the link's stamp is theirs."""
    found = subscribers.get(connection, at)
    if found is None or any(each != stamp(found.address_key) for each in signed):
        raise Refused("This subscription no longer exists.", mend="You can subscribe again at any time.")
    return found


def check_confirm(product: Product, token: str) -> str:
    """The address that a confirmation link is for. Raises Refused."""
    with product.database.read() as connection:
        return _holder(product, connection, Purpose.CONFIRM, token).address


def confirm(product: Product, token: str) -> Subscriber:
    """Confirm a subscription; once confirmed, again is harmless. Raises Refused, also after the person has left."""
    now = product.now
    with product.database.write() as connection:
        found = _holder(product, connection, Purpose.CONFIRM, token)
        fresh = subscribers.confirm(connection, found.id, now=now)
        if not fresh and found.state is not SubscriberState.ACTIVE:
            raise Refused("This link was for a subscription that has ended.", mend="Subscribe again to get a new one.")
        if fresh:
            trail = Consent(kind="confirmed", text=CONSENT, source="mail")
            subscribers.note_consent(connection, found.id, trail, now=now)
            subscribers.forgive(connection, found.address)
        done = subscribers.get(connection, found.id) or found
    if fresh:
        links = Links(product)
        context = {
            "name": done.name,
            "preferences_url": links.preferences(done),
            "unsubscribe_url": links.unsubscribe(done),
        }
        # Confirmed is confirmed: a letter that cannot go out now must not tell the reader otherwise.
        with suppress(DeliveryError):
            letters.post(product, "welcome", done.address, context)
    return done


def check_unsubscribe(product: Product, token: str) -> str:
    """The address that an unsubscribe link is for. Raises Refused."""
    with product.database.read() as connection:
        return _holder(product, connection, Purpose.UNSUBSCRIBE, token).address


def unsubscribe(product: Product, token: str) -> str:
    """End a subscription; again is harmless. Returns the address. Raises Refused for a link that is not ours."""
    now = product.now
    with product.database.write() as connection:
        found = _holder(product, connection, Purpose.UNSUBSCRIBE, token)
        if subscribers.leave(connection, found.id, now=now):
            trail = Consent(kind="withdrawn", text="", source="link")
            subscribers.note_consent(connection, found.id, trail, now=now)
        return found.address


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What a subscriber has chosen, of what there is. No category chosen means all of them."""

    address: str
    chosen: tuple[str, ...]
    available: tuple[str, ...]
    active: bool
    unsubscribe_url: str


def preferences(product: Product, token: str) -> Preferences:
    """What the preference page shows. Raises Refused."""
    with product.database.read() as connection:
        found = _holder(product, connection, Purpose.PREFERENCES, token)
        return Preferences(
            address=found.address,
            chosen=found.categories,
            available=tools.categories(connection),
            active=found.state is SubscriberState.ACTIVE,
            unsubscribe_url=Links(product).unsubscribe(found),
        )


def choose(product: Product, token: str, categories: Sequence[str]) -> Preferences:
    """Keep a subscriber's categories; unknown ones are left aside. Raises Refused."""
    with product.database.write() as connection:
        found = _holder(product, connection, Purpose.PREFERENCES, token)
        available = tools.categories(connection)
        chosen = [each for each in available if each in set(categories)]
        subscribers.choose(connection, found.id, chosen if len(chosen) < len(available) else [])
    return preferences(product, token)


# ------------------------------------------------------------ the operator's lists


def add(product: Product, address: str, *, consent: str | None, name: str = "", actor: str) -> Subscriber:
    """Add one address: active at once with the text the person agreed to, else asked to confirm.

    A known address is returned as it is. Raises Refused for what is no address, or may not be mailed.
    """
    wanted = checked_address(address)
    now = product.now
    with product.database.write() as connection:
        found = subscribers.find(connection, wanted)
        if found is None:
            found = _add(connection, wanted, consent=consent, name=name, categories=(), confirmed_at=None, now=now)
            audit.note(connection, now=now, actor=actor, action="subscriber.add", subject=f"subscriber:{found.id}")
            asked = consent is None
        else:
            asked = False
    if asked:
        _send_confirmation(product, found)
    return found


def _add(
    connection: Any,
    address: str,
    *,
    consent: str | None,
    name: str,
    categories: Sequence[str],
    confirmed_at: datetime | None,
    now: datetime,
) -> Subscriber:
    why = subscribers.suppressed(connection, address)
    if why is not None:
        raise Refused(f"{address} may not be mailed ({why}).", mend="Only that person can subscribe again.")
    kind, text = ("imported", consent) if consent else ("asked", CONSENT)
    return subscribers.add(
        connection,
        address=address,
        name=clean(name, limit=100),
        categories=categories,
        trail=Consent(kind=kind, text=clean(text, limit=500), source="command line"),
        confirmed_at=(confirmed_at or now) if consent else None,
        now=now,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of a list: added, already known, and refused rows with their reason (row 1 is below the header)."""

    added: int
    known: int
    refused: tuple[tuple[int, str], ...]


_COLUMNS = {"email", "consent", "name", "categories", "confirmed_at"}
_SLICE = 1000
_TOO_MANY = "more cells than the header"


def import_file(product: Product, path: Path, *, actor: str) -> Imported:
    """`import_csv` from a file in UTF-8, with or without a byte order mark. Raises UsageError when it cannot be read."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return import_csv(product, file, actor=actor)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read: {error}.", mend="It must be a CSV file in UTF-8.") from None


def import_csv(product: Product, file: TextIO, *, actor: str) -> Imported:
    """Add the rows of a CSV file `email,consent[,name,categories,confirmed_at]`; rows with a consent text become
    active, others are refused: nobody is mailed who did not agree. Raises UsageError for a wrong header."""
    reader = csv.DictReader(file, restkey=_TOO_MANY)
    header = {name.strip().lower() for name in reader.fieldnames or ()}
    if not {"email", "consent"} <= header or header - _COLUMNS:
        raise UsageError(
            f"The header is {clean(', '.join(reader.fieldnames or ()), limit=200) or 'missing'}.",
            mend="It must be email,consent and may go on with name,categories,confirmed_at.",
        )
    added = known = 0
    refused: list[tuple[int, str]] = []
    for rows in _slices(enumerate(reader, start=1)):
        with product.database.write() as connection:
            for number, row in rows:
                try:
                    fresh = _import_row(connection, {k.strip().lower(): v for k, v in row.items()}, product.now)
                    added, known = added + fresh, known + (not fresh)
                except (VerdictsError, ValueError) as error:
                    refused.append((number, str(error)))
    with product.database.write() as connection:
        counts = {"added": added, "known": known, "refused": len(refused)}
        audit.note(
            connection,
            now=product.now,
            actor=actor,
            action="subscriber.import",
            subject="subscribers",
            after=counts,
        )
    return Imported(added=added, known=known, refused=tuple(refused))


def _slices(rows: Iterable[tuple[int, dict[str, Any]]]) -> Iterator[list[tuple[int, dict[str, Any]]]]:
    part: list[tuple[int, dict[str, Any]]] = []
    for row in rows:
        part.append(row)
        if len(part) == _SLICE:
            yield part
            part = []
    yield part


def _import_row(connection: Any, row: dict[str, Any], now: datetime) -> bool:
    """Whether the row's address was new. Raises Refused or ValueError for a row that cannot be taken."""
    if _TOO_MANY in row:
        raise Refused("It has more cells than the header.", mend="Put quotes around a text with a comma in it.")
    address = checked_address(row["email"] or "")
    consent = (row["consent"] or "").strip()
    if not consent:
        raise Refused("There is no consent text.", mend="Say what the person agreed to.")
    if subscribers.find(connection, address) is not None:
        return False
    confirmed = from_iso(row["confirmed_at"]) if row.get("confirmed_at") else None
    categories = [each.strip() for each in (row.get("categories") or "").split(";") if each.strip()]
    unknown = [each for each in categories if each not in CATEGORIES]
    if unknown:
        raise Refused(f"There is no category {clean(unknown[0], limit=40)!r}.", mend="Leave it empty for all of them.")
    _add(
        connection,
        address,
        consent=consent,
        name=row.get("name") or "",
        categories=categories,
        confirmed_at=min(confirmed, now) if confirmed else None,
        now=now,
    )
    return True


def export_csv(product: Product, file: TextIO) -> int:
    """Write every subscriber as CSV; no cell can be a spreadsheet's formula. Returns how many."""
    writer = csv.writer(file)
    writer.writerow(["email", "state", "name", "categories", "created_at", "confirmed_at"])
    count = 0
    with product.database.read() as connection:
        for each in subscribers.everybody(connection):
            confirmed = to_iso(each.confirmed_at) if each.confirmed_at else ""
            row = [each.address, each.state, each.name, ";".join(each.categories), to_iso(each.created_at), confirmed]
            writer.writerow([_harmless(cell) for cell in row])
            count += 1
    return count


def _harmless(cell: str) -> str:
    # A spreadsheet runs what begins like this (OWASP, "CSV injection"); the quote makes it text.
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def listed(product: Product, *, limit: int = 50) -> list[Subscriber]:
    """Subscribers by age, the oldest first."""
    with product.database.read() as connection:
        return [each for each, _ in zip(subscribers.everybody(connection), range(limit), strict=False)]


def erase(product: Product, address: str, *, actor: str) -> None:
    """Forget a person for good; a hash of the address remains, so that no import brings them back. Raises NotFound."""
    now = product.now
    with product.database.write() as connection:
        found = subscribers.find(connection, address)
        if found is None:
            raise NotFound(
                f"There is no subscriber {clean(address, limit=80)}.", mend="`verdicts subscribers list` shows them."
            )
        subscribers.erase(connection, found, now=now)
        audit.note(connection, now=now, actor=actor, action="subscriber.erase", subject=f"subscriber:{found.id}")
