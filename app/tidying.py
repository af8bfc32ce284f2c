"""What expires by itself: subscriptions never confirmed, sign-in links never used, uses of forms."""

from __future__ import annotations

from datetime import timedelta

from app import subscribing
from app.wiring import Product
from store import form_uses, sessions, subscribers

_PENDING_LASTS = timedelta(days=30)
_USES_KEPT = timedelta(hours=2)
_SIGN_IN_KEPT = timedelta(days=1)


def tidy(product: Product) -> dict[str, int]:
    """Forget what has expired, send what could not be sent, stop what keeps coming back. Returns how many of each."""
    now = product.now
    struck = subscribing.strike_out(product)
    late = subscribing.send_late_confirmations(product)
    with product.database.write() as connection:
        return {
            "addresses whose mails come back": struck,
            "confirmations sent late": late,
            "subscriptions never confirmed": subscribers.forget_pending(connection, before=now - _PENDING_LASTS),
            "uses of forms": form_uses.forget(connection, before=now - _USES_KEPT),
            "sign-in links": sessions.forget_links(connection, before=now - _SIGN_IN_KEPT),
            "sessions": sessions.forget(connection, before=now - _SIGN_IN_KEPT),
            "challenges": sessions.forget_challenges(connection, before=now),
        }
