"""Letters: mails to one person, each with a template of its own, by whichever transport is set up."""

from __future__ import annotations

from typing import Any

from app.addressing import TITLE
from app.sending import opened_transport
from app.wiring import Product
from core.delivery import Mail, Recipient
from digest.headers import letter_headers
from digest.render import render_letter
from digest.transports.transport import send_letter


def post(product: Product, kind: str, address: str, context: dict[str, Any]) -> None:
    """Render the letter `kind` (a folder of templates/mail) and hand it to the transport.

    Raises DeliveryError or RenderError; nothing went out then.
    """
    settings = product.settings
    parts = render_letter(
        kind, {"home_url": f"{settings.base_url}/", "postal_address": settings.postal_address or TITLE, **context}
    )
    mail = Mail(
        sender=settings.sender, subject=parts.subject, html=parts.html, text=parts.text, headers=letter_headers()
    )
    with opened_transport(product) as transport:
        send_letter(transport, kind=kind, mail=mail, recipient=Recipient(delivery=0, address=address), now=product.now)
