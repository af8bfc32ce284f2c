"""Subscribers: ask, confirm, choose, pause, move to another address, leave; and what the operator does with one of them.

Lists of many are app/lists.py.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from app import letters, limiting
from app.reviewing import checked_address
from app.sending import Links
from app.tokens import STAMP_LENGTH, Purpose, stamp
from app.wiring import Product
from core.errors import Conflict, DeliveryError, NotFound, Refused, RenderError, VerdictsError
from core.subscriber import LANGUAGES, Rhythm, Subscriber, SubscriberState, address_key
from core.text import clean
from core.week import Week
from store import audit, subscribers, tools
from store.subscribers import Consent

CONSENT = "I would like to receive Weekly Verdicts by e-mail once a week. I can leave at any time."
"""What the form says beside its button."""

LONGEST_PAUSE = 26
"""Weeks."""

UNDO_LASTS = timedelta(days=1)
"""How long the page that says goodbye offers the way back."""

_DNS_SECONDS = 3
_LINK_LASTS = timedelta(days=7)
_MOVE_BACK_LASTS = timedelta(days=30)
_ASK_AGAIN_AFTER = timedelta(days=1)
_MOST_ASKS = 2  # the first, and once again
_NEVER_MAILED = ("bounced", "complained", "manual", "domain")
_RETURNED_BY_ALL = (10, 0.1)
"""When so many mails of an edition, and so large a share, come back, the fault is the sender's: it says nothing of
single addresses."""


# ------------------------------------------------------------ asking


def wanted_address(product: Product, text: str) -> str:
    """An address that somebody has typed into a form, as it is written in mails. Raises Refused for what is none, and,
    if the settings say so, for one whose domain takes no mail; a DNS that does not answer refuses nobody."""
    address = checked_address(text)
    if product.settings.check_deliverability:
        _require_deliverable(address)
    return address


def _require_deliverable(address: str) -> None:
    # Loaded where it is used, as in `checked_address`.
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415

    try:
        validate_email(address, dns_resolver=_resolver())
    except EmailNotValidError as error:
        raise Refused(f"Mail to {address} would not arrive: {error}", mend="Look for a slip of the finger.") from None


@cache
def _resolver() -> Any:
    from email_validator import caching_resolver  # noqa: PLC0415 - see above

    return caching_resolver(timeout=_DNS_SECONDS)


def subscribe(product: Product, address: str, *, source: str, network: str | None) -> None:
    """Ask an address to confirm. Nothing tells whether it was known, not even a mail that cannot go out; only the time it
    takes does, so that a page answers first.

    A letter goes out at most twice, a day apart, until it is confirmed. Raises Refused for what is no address.
    """
    wanted = checked_address(address)
    trail = Consent(kind="asked", text=CONSENT, source=source, network=network)
    with product.database.write() as connection:
        asked = _ask(connection, wanted, trail, now=product.now)
    if asked is not None:
        _send_confirmation(product, asked)


def _ask(connection: Any, address: str, trail: Consent, *, now: datetime) -> Subscriber | None:
    """The subscriber to be sent a confirmation letter now, None when nobody is to be."""
    if subscribers.suppressed(connection, address) in _NEVER_MAILED:
        return None
    found = subscribers.find(connection, address)
    if found is None:
        return subscribers.add(
            connection, address=address, name="", categories=(), trail=trail, confirmed_at=None, now=now
        )
    if found.state in (SubscriberState.ACTIVE, SubscriberState.BOUNCED, SubscriberState.COMPLAINED):
        return None
    if found.state is SubscriberState.PENDING and not _may_be_asked(subscribers.asked(connection, found.id), now=now):
        return None
    subscribers.ask_again(connection, found.id, now=now)
    subscribers.note_consent(connection, found.id, trail, now=now)
    return found


def _may_be_asked(before: subscribers.Asked, *, now: datetime) -> bool:
    if before.times == 0 or before.last is None:
        return True
    return before.times < _MOST_ASKS and now - before.last >= _ASK_AGAIN_AFTER


def _send_confirmation(product: Product, asked: Subscriber) -> bool:
    """Returns False when it could not go out; then it does not count, and housekeeping tries again
    (`send_late_confirmations`)."""
    try:
        _post_confirmation(product, asked)
    except (DeliveryError, RenderError):
        return False
    return True


def _post_confirmation(product: Product, asked: Subscriber) -> None:
    url = Links(product).confirm(asked, expires=product.now + _LINK_LASTS)
    try:
        letters.post(product, "confirm", asked.address, {"confirm_url": url, "valid_days": _LINK_LASTS.days})
    except VerdictsError:
        with product.database.write() as connection:
            subscribers.not_asked(connection, asked.id)
        raise


def send_late_confirmations(product: Product, *, limit: int = 1000) -> int:
    """Letters that could not go out when they were asked for, a few of them. Returns how many went out."""
    with product.database.read() as connection:
        waiting = subscribers.never_asked(connection, limit=limit)
    sent = 0
    for each in waiting:
        with product.database.write() as connection:
            subscribers.ask_again(connection, each.id, now=product.now)
        if not _send_confirmation(product, each):
            break  # the mail is still down
        sent += 1
    return sent


# ------------------------------------------------------------ whose link


def _holder(product: Product, connection: Any, purpose: Purpose, token: str, *, former: bool = False) -> Subscriber:
    """Whose link this is. Raises Refused for a forged or expired one, or one of somebody erased.

    With `former`, a link from a mail to an address that the subscriber had before is good as well; whoever holds that
    mailbox now is not shown the new address.
    """
    at, *signed = product.signer.read(purpose, token, now=product.now)
    found = same_person(connection, at, signed)
    if [stamp(found.address_key)] == signed:
        return found
    if not former:
        raise Refused("This link went to an address that you do not use here any more.", mend="Take a newer mail's.")
    return replace(found, address=_masked(found.address))


def same_person(connection: Any, at: int, signed: Sequence[str]) -> Subscriber:
    """The subscriber with this number, if the link's one stamp is theirs: of their address, or of one they had before.

    A link without a stamp is nobody's: its number may have been given to somebody else since.
    """
    found = subscribers.get(connection, at)
    if found is None or not _is_theirs(connection, found, signed):
        raise Refused("This subscription no longer exists.", mend="You can subscribe again at any time.")
    return found


def _is_theirs(connection: Any, found: Subscriber, signed: Sequence[str]) -> bool:
    if list(signed) == [stamp(found.address_key)]:
        return True
    former = subscribers.former_hashes(connection, found.id)
    return len(signed) == 1 and signed[0] in {each[:STAMP_LENGTH] for each in former}


def _masked(address: str) -> str:
    return f"{address[:1]}…@{address.rpartition('@')[2]}"


# ------------------------------------------------------------ confirming and leaving


def check_confirm(product: Product, token: str) -> str:
    """The address that a confirmation link is for. Raises Refused."""
    with product.database.read() as connection:
        return _holder(product, connection, Purpose.CONFIRM, token).address


def confirm(product: Product, token: str, *, network: str | None = None) -> Subscriber:
    """Confirm a subscription; once confirmed, again is harmless. `network` is where the button was pressed. Raises
    Refused, also after the person has left."""
    now = product.now
    with product.database.write() as connection:
        found = _holder(product, connection, Purpose.CONFIRM, token)
        _require_mailable(connection, found.address)
        fresh = subscribers.confirm(connection, found.id, now=now)
        if not fresh and found.state is not SubscriberState.ACTIVE:
            raise Refused("This link was for a subscription that has ended.", mend="Subscribe again to get a new one.")
        if fresh:
            trail = Consent(kind="confirmed", text=CONSENT, source="mail", network=network)
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


def _require_mailable(connection: Any, address: str) -> None:
    if subscribers.suppressed(connection, address) in _NEVER_MAILED:
        raise Refused("We may not send mail to this address.", mend="Use another one.")


def check_unsubscribe(product: Product, token: str) -> str:
    """The address that an unsubscribe link is for. Raises Refused."""
    with product.database.read() as connection:
        return _holder(product, connection, Purpose.UNSUBSCRIBE, token, former=True).address


def unsubscribe(product: Product, token: str, *, source: str = "link", network: str | None = None) -> str:
    """End a subscription; again is harmless. Returns the address. Raises Refused for a link that is not ours."""
    now = product.now
    with product.database.write() as connection:
        found = _holder(product, connection, Purpose.UNSUBSCRIBE, token, former=True)
        if subscribers.leave(connection, found.id, now=now):
            trail = Consent(kind="withdrawn", text="", source=source, network=network)
            subscribers.note_consent(connection, found.id, trail, now=now)
        return found.address


def way_back(product: Product, token: str) -> str | None:
    """The address behind the button that undoes an unsubscription, None when there is nothing to undo. Raises Refused."""
    with product.database.read() as connection:
        found = _holder(product, connection, Purpose.UNSUBSCRIBE, token, former=True)
    if found.state is not SubscriberState.UNSUBSCRIBED or found.confirmed_at is None:
        return None
    expires = product.now + UNDO_LASTS
    signed = product.signer.sign(Purpose.UNDO, found.id, stamp(found.address_key), expires=expires)
    return f"{product.settings.base_url}/undo/{signed}"


def check_undo(product: Product, token: str) -> str:
    """The address that would be back on the list. Raises Refused."""
    with product.database.read() as connection:
        return _holder(product, connection, Purpose.UNDO, token).address


def undo(product: Product, token: str, *, network: str | None = None) -> str:
    """Back on the list, within a day of having left; again is harmless. Returns the address. Raises Refused."""
    now = product.now
    with product.database.write() as connection:
        found = _holder(product, connection, Purpose.UNDO, token)
        _require_mailable(connection, found.address)
        if subscribers.stay(connection, found.id, since=now - UNDO_LASTS):
            trail = Consent(kind="confirmed", text=CONSENT, source="undo", network=network)
            subscribers.note_consent(connection, found.id, trail, now=now)
        elif found.state is not SubscriberState.ACTIVE:
            raise Refused("This can no longer be undone.", mend="Subscribe again instead.")
        return found.address


_WISH = re.compile(r"\s*unsubscribe\s+(\S{10,500})\s*", re.IGNORECASE)
_LARGEST_MESSAGE = 1_000_000


def unsubscribe_by_mail(product: Product, message: bytes) -> str | None:
    """End the subscription that a mail to the unsubscribe mailbox names in its subject (RFC 2369, 3.2; the subject is
    that of our own List-Unsubscribe). Returns the address, None for a mail that asks for nothing of ours."""
    try:
        subject = email.message_from_bytes(message[:_LARGEST_MESSAGE], policy=email.policy.default)["Subject"]
    except (ValueError, LookupError, IndexError, AttributeError):  # the parser stumbles over some broken headers
        return None
    wish = _WISH.fullmatch(str(subject or "")[:1000])
    if wish is None:
        return None
    try:
        return unsubscribe(product, wish[1], source="mailto")
    except Refused:
        return None


# ------------------------------------------------------------ choices


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What a subscriber has chosen, of what there is. No category chosen means all of them."""

    address: str
    chosen: tuple[str, ...]
    available: tuple[str, ...]
    active: bool
    rhythm: Rhythm
    language: str | None
    time_zone: str | None
    paused_until: datetime | None  # None: not paused, or not any more
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
            rhythm=found.rhythm,
            language=found.language,
            time_zone=found.time_zone,
            paused_until=found.paused_until if found.paused_until and found.paused_until > product.now else None,
            unsubscribe_url=Links(product).unsubscribe(found),
        )


def choose(
    product: Product,
    token: str,
    categories: Sequence[str],
    *,
    rhythm: str = Rhythm.WEEKLY,
    language: str = "",
    time_zone: str = "",
) -> Preferences:
    """Keep a subscriber's wishes; categories that do not exist are left aside, an empty text means not said.

    Raises Refused, also for a rhythm, language or zone that there is not.
    """
    wished = _checked_wishes(rhythm, language, time_zone)
    with product.database.write() as connection:
        found = _holder(product, connection, Purpose.PREFERENCES, token)
        available = tools.categories(connection)
        chosen = [each for each in available if each in set(categories)]
        subscribers.choose(connection, found.id, chosen if len(chosen) < len(available) else [])
        subscribers.keep_wishes(
            connection, found.id, rhythm=wished, language=language or None, time_zone=time_zone or None
        )
    return preferences(product, token)


def _checked_wishes(rhythm: str, language: str, time_zone: str) -> Rhythm:
    if language and language not in LANGUAGES:
        raise Refused("This language is not among those to choose from.", mend="Go back and choose one.")
    if time_zone and time_zone not in time_zones():
        raise Refused("This is not a time zone.", mend="Go back and choose one.")
    try:
        return Rhythm(rhythm)
    except ValueError:
        raise Refused("An edition comes weekly or monthly.", mend="Go back and choose one.") from None


@cache
def time_zones() -> tuple[str, ...]:
    """The zones to choose from: those named by a place, and UTC."""
    places = (each for each in available_timezones() if each.partition("/")[0] in _CONTINENTS)
    return ("UTC", *sorted(places))


_CONTINENTS = frozenset(
    ("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
)


def pause(product: Product, token: str, *, weeks: int) -> Preferences:
    """Send nothing for so many weeks from now, 0 ends a pause. Raises Refused."""
    if not 0 <= weeks <= LONGEST_PAUSE:
        raise Refused(f"A pause lasts 1 to {LONGEST_PAUSE} weeks.", mend="Unsubscribe to hear nothing for longer.")
    with product.database.write() as connection:
        found = _holder(product, connection, Purpose.PREFERENCES, token)
        subscribers.pause(connection, found.id, until=product.now + timedelta(weeks=weeks) if weeks else None)
    return preferences(product, token)


# ------------------------------------------------------------ another address


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A letter to be sent to a new address."""

    person: Subscriber
    address: str


def ask_move(product: Product, token: str, address: str) -> Move | None:
    """A subscriber wants their mail at another address. Returns the letter to send there, None when none is to be; the
    person is told the same in both cases. Raises Refused, TooMany after three in an hour."""
    with product.database.read() as connection:
        found = _active_holder(product, connection, token)
    wanted = wanted_address(product, address)
    if address_key(wanted) == found.address_key:
        raise Refused("This is the address that your mail goes to already.")
    limiting.use(product, "move", limiting.Caller(address=f"subscriber {found.id}"))
    with product.database.read() as connection:
        other = subscribers.find(connection, wanted)
        closed = subscribers.suppressed(connection, wanted) in _NEVER_MAILED
    return None if closed or (other and other.confirmed_at) else Move(person=found, address=wanted)


def _active_holder(product: Product, connection: Any, token: str) -> Subscriber:
    found = _holder(product, connection, Purpose.PREFERENCES, token)
    if found.state is not SubscriberState.ACTIVE:
        raise Refused("This address is not on the list at the moment.", mend="Subscribe with the new one instead.")
    return found


def send_move(product: Product, move: Move) -> bool:
    """The letter whose link confirms the new address. Returns False when it could not go out."""
    url = _move_url(product, move.person, move.address, expires=product.now + _LINK_LASTS)
    days = _LINK_LASTS.days
    try:
        letters.post(product, "move", move.address, {"move_url": url, "valid_days": days})
    except (DeliveryError, RenderError):
        return False
    return True


def _move_url(product: Product, person: Subscriber, address: str, *, expires: datetime) -> str:
    token = product.signer.sign(Purpose.MOVE, person.id, address, stamp(person.address_key), expires=expires)
    return f"{product.settings.base_url}/move/{token}"


def check_move(product: Product, token: str) -> str:
    """The address that a link would move a subscription to. Raises Refused."""
    with product.database.read() as connection:
        return _mover(product, connection, token)[1]


def _mover(product: Product, connection: Any, token: str) -> tuple[Subscriber, str]:
    at, address, *signed = product.signer.read(Purpose.MOVE, token, now=product.now)
    found = same_person(connection, at, signed)
    used = list(signed) != [stamp(found.address_key)]
    if used and address_key(address) != found.address_key:
        raise Refused("This link was used already.", mend="Ask for a new one on your preference page.")
    return found, address


def move(product: Product, token: str, *, network: str | None = None) -> str:
    """Send a subscription to its new address from now on, and tell the old one; again is harmless. Returns the new
    address. Raises Refused, also when somebody else has it by now."""
    now = product.now
    with product.database.write() as connection:
        found, address = _mover(product, connection, token)
        if address_key(address) == found.address_key:
            return found.address
        if found.state is not SubscriberState.ACTIVE:
            raise Refused("This subscription has ended.", mend="Subscribe with the new address instead.")
        _require_mailable(connection, address)
        try:
            subscribers.readdress(connection, found, address, now=now)
        except Conflict as conflict:
            raise Refused(conflict.message, mend=conflict.mend) from None
        subscribers.forgive(connection, address)
        trail = Consent(kind="confirmed", text=CONSENT, source="new address", network=network)
        subscribers.note_consent(connection, found.id, trail, now=now)
        audit.note(
            connection,
            now=now,
            actor=f"subscriber:{found.id}",
            action="subscriber.move",
            subject=f"subscriber:{found.id}",
        )
        moved = subscribers.get(connection, found.id) or found
    back = _move_url(product, moved, found.address, expires=now + _MOVE_BACK_LASTS)
    context = {"new_address": _masked(address), "back_url": back, "valid_days": _MOVE_BACK_LASTS.days}
    # Moved is moved, whether or not the old mailbox can still be reached: that is why people move.
    with suppress(DeliveryError):
        letters.post(product, "moved", found.address, context)
    return moved.address


# ------------------------------------------------------------ the operator, one by one


def add(product: Product, address: str, *, consent: str | None, name: str = "", actor: str) -> Subscriber:
    """Add one address: active at once with the text the person agreed to, also when it had not confirmed yet; else asked
    to confirm.

    Any other known address is returned as it is. Raises Refused for what is no address, or may not be mailed.
    """
    wanted = checked_address(address)
    now = product.now
    with product.database.write() as connection:
        found = subscribers.find(connection, wanted)
        new = found is None
        if found is None:
            found = _add(connection, wanted, consent=consent, name=name, categories=(), confirmed_at=None, now=now)
            audit.note(connection, now=now, actor=actor, action="subscriber.add", subject=f"subscriber:{found.id}")
        elif consent and found.state is SubscriberState.PENDING:
            found = _activate(connection, found, consent, now=now)
            audit.note(connection, now=now, actor=actor, action="subscriber.add", subject=f"subscriber:{found.id}")
    if new and consent is None:
        _post_confirmation(product, found)
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
    _require_unsuppressed(connection, address)
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


def _activate(connection: Any, found: Subscriber, consent: str, *, now: datetime) -> Subscriber:
    """Somebody who was asked to confirm has agreed elsewhere."""
    _require_unsuppressed(connection, found.address)
    subscribers.confirm(connection, found.id, now=now)
    trail = Consent(kind="imported", text=clean(consent, limit=500), source="command line")
    subscribers.note_consent(connection, found.id, trail, now=now)
    return subscribers.get(connection, found.id) or found


def _require_unsuppressed(connection: Any, address: str) -> None:
    if (why := subscribers.suppressed(connection, address)) is not None:
        raise Refused(f"{address} may not be mailed ({why}).", mend="Only that person can subscribe again.")


def listed(product: Product, *, limit: int = 50) -> list[Subscriber]:
    """Subscribers by age, the oldest first."""
    with product.database.read() as connection:
        return [each for each, _ in zip(subscribers.everybody(connection), range(limit), strict=False)]


def data(product: Product, address: str, *, actor: str) -> dict[str, Any]:
    """All that is kept of one person, for that person. Raises NotFound."""
    with product.database.write() as connection:
        found = _known(connection, address)
        audit.note(connection, now=product.now, actor=actor, action="subscriber.data", subject=f"subscriber:{found.id}")
        return subscribers.dossier(connection, found)


def _known(connection: Any, address: str) -> Subscriber:
    found = subscribers.find(connection, address)
    if found is None:
        raise NotFound(
            f"There is no subscriber {clean(address, limit=80)}.", mend="`verdicts subscribers list` shows them."
        )
    return found


def erase(product: Product, address: str, *, actor: str) -> None:
    """Forget a person for good; a hash of the address remains, so that no import brings them back. Raises NotFound."""
    now = product.now
    with product.database.write() as connection:
        found = _known(connection, address)
        subscribers.erase(connection, found, now=now)
        audit.note(connection, now=now, actor=actor, action="subscriber.erase", subject=f"subscriber:{found.id}")


# ------------------------------------------------------------ suppression


def stop_mailing(product: Product, address: str, *, actor: str) -> None:
    """Never mail an address again, subscriber or not; a subscription ends with it. Raises Refused for what is none."""
    wanted, now = checked_address(address, new=False), product.now
    with product.database.write() as connection:
        subscribers.suppress(connection, wanted, reason="manual", now=now)
        found = subscribers.find(connection, wanted)
        if found is not None and subscribers.leave(connection, found.id, now=now):
            subscribers.note_consent(connection, found.id, Consent(kind="withdrawn", text="", source=actor), now=now)
        # Not the address: what the log says of somebody outlives their wish to be forgotten.
        subject = f"subscriber:{found.id}" if found else f"address:{subscribers.address_hash(wanted)}"
        audit.note(connection, now=now, actor=actor, action="subscriber.suppress", subject=subject)


def allow_mailing(product: Product, address: str, *, actor: str) -> str:
    """Take an address off the list of those never to be mailed; whoever it is still has to subscribe again. Returns the
    reason that it was there for. Raises Refused, also for a spam report or an erasure: those are the person's to undo."""
    wanted, now = checked_address(address, new=False), product.now
    with product.database.write() as connection:
        why = subscribers.suppressed(connection, wanted)
        if why in ("complained", "erased"):
            raise Refused(f"{wanted} is suppressed ({why}).", mend="Only that person can change it.")
        found = subscribers.permit(connection, wanted)
        if found is None:
            raise NotFound(f"{wanted} is not on the list of suppressed addresses.")
        subject = f"address:{subscribers.address_hash(wanted)}"
        audit.note(connection, now=now, actor=actor, action="subscriber.permit", subject=subject, before=found)
    return found


def stop_domain(product: Product, domain: str, *, note: str, actor: str) -> str:
    """Mail nobody at a domain, its subdomains not counted. Nobody's subscription ends. Returns the domain as it is kept."""
    name, now = _checked_domain(domain), product.now
    with product.database.write() as connection:
        words = clean(note, limit=200)
        subscribers.suppress_domain(connection, name, note=words, now=now)
        audit.note(connection, now=now, actor=actor, action="domain.suppress", subject=f"domain:{name}", after=words)
    return name


def allow_domain(product: Product, domain: str, *, actor: str) -> None:
    """Mail a domain again. Raises NotFound."""
    name, now = _checked_domain(domain), product.now
    with product.database.write() as connection:
        if not subscribers.permit_domain(connection, name):
            raise NotFound(f"{name} is not on the list of suppressed domains.")
        audit.note(connection, now=now, actor=actor, action="domain.permit", subject=f"domain:{name}")


def _checked_domain(domain: str) -> str:
    return address_key(checked_address(f"somebody@{domain.strip().removeprefix('@')}")).rpartition("@")[2]


def strike_out(product: Product) -> int:
    """Mail no more to those whose mails keep coming back (settings: so many within so many days). Returns how many.

    Editions that came back as a whole (ten mails and a tenth) do not count.
    """
    settings, now = product.settings, product.now
    since = now - timedelta(days=settings.soft_bounce_days)
    days = range(0, settings.soft_bounce_days + 14, 7)  # an edition is sent in its week or the next
    with product.database.read() as connection:
        weeks = [Week.of(now - timedelta(days=each)) for each in days]
        sound = [each for each in weeks if not _came_back(*subscribers.returned(connection, each))]
        often = subscribers.often_returned(connection, weeks=sound, since=since, times=settings.soft_bounces)
    struck = 0
    for each in often:
        with product.database.write() as connection:
            struck += _strike_out(connection, each, times=settings.soft_bounces, now=now)
    return struck


def _came_back(returned: int, mails: int) -> bool:
    """Whether an edition as a whole came back."""
    many, share = _RETURNED_BY_ALL
    return returned >= many and returned >= share * mails


def _strike_out(connection: Any, found: Subscriber, *, times: int, now: datetime) -> bool:
    if not subscribers.strike_out(connection, found.id, now=now):
        return False
    subscribers.suppress(connection, found.address, reason="bounced", now=now)
    audit.note(
        connection,
        now=now,
        actor=audit.SYSTEM,
        action="subscriber.bounced",
        subject=f"subscriber:{found.id}",
        after={"returned": f"{times} times or more"},
    )
    return True
