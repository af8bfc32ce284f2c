"""A test send: an edition as a reader would get it, to one address, outside the ledger."""

from __future__ import annotations

from app import composing
from app.addressing import edition_mail
from app.reviewing import checked_address
from app.sending import Links, opened_transport, require_sendable
from app.wiring import Product
from core.delivery import Mail, Recipient
from core.errors import Refused
from core.subscriber import Subscriber, SubscriberState, address_key
from core.week import Week
from digest.compose import day, hello
from digest.headers import unsubscribe_headers
from digest.marks import CONFIRMED_ON, HELLO, PREFERENCES_URL, UNSUBSCRIBE_URL, marks
from digest.transports.transport import send_letter
from store import audit, subscribers

_NOBODY = 0
"""The subscriber of a test's links: there is none of this id, so its buttons say that the subscription is over."""


def send_test(product: Product, week: Week, address: str, *, actor: str) -> str:
    """Send what would be sent now, or what was approved, to one address. Returns the subject.

    The links are real and belong to nobody: no button of a test changes anything. Raises NotFound, Refused for what
    is no address or may not be mailed, SettingsError, and DeliveryError unless the mail was taken.
    """
    wanted = checked_address(address)
    require_sendable(product)
    with product.database.read() as connection:
        why = subscribers.suppressed(connection, wanted)
    if why is not None:
        raise Refused(f"{wanted} may not be mailed ({why}).", mend="Test with another address.")
    frozen = composing.preview(product, week)
    mail = edition_mail(product.settings, frozen)
    test = Mail(
        sender=mail.sender, subject=f"[Test] {mail.subject}", html=mail.html, text=mail.text, headers=mail.headers
    )
    with opened_transport(product) as transport:
        send_letter(transport, kind="test", mail=test, recipient=_recipient(product, mail, wanted), now=product.now)
    with product.database.write() as connection:
        audit.note(connection, now=product.now, actor=actor, action="edition.test", subject=f"edition:{week}")
    return test.subject


def _recipient(product: Product, mail: Mail, address: str) -> Recipient:
    links, now = Links(product), product.now
    nobody = Subscriber(
        id=_NOBODY,
        address=address,
        address_key=address_key(address),
        name="",
        state=SubscriberState.ACTIVE,
        categories=(),
        created_at=now,
        confirmed_at=now,
    )
    values: dict[str, str] = dict.fromkeys(marks(mail.html + mail.text), f"{product.settings.base_url}/")
    values |= {
        UNSUBSCRIBE_URL: links.unsubscribe(nobody),
        PREFERENCES_URL: links.preferences(nobody),
        CONFIRMED_ON: day(now),
        HELLO: hello(""),
    }
    headers = unsubscribe_headers(url=values[UNSUBSCRIBE_URL])
    return Recipient(delivery=0, address=address, substitutions=values, headers=headers)
