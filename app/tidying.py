"""What expires by itself: subscriptions never confirmed, sign-in links never used, uses of forms."""

from __future__ import annotations

from datetime import timedelta

from app.wiring import Product
from store import form_uses, sessions, subscribers

_PENDING_LASTS = timedelta(days=30)
_USES_KEPT = timedelta(hours=2)
_SIGN_IN_KEPT = timedelta(days=1)


def tidy(product: Product) -> dict[str, int]:
    """Forget what has expired. Returns how many rows of each kind."""
    now = product.now
    with product.database.write() as connection:
        return {
            "subscriptions never confirmed": subscribers.forget_pending(connection, before=now - _PENDING_LASTS),
            "uses of forms": form_uses.forget(connection, before=now - _USES_KEPT),
            "sign-in links": sessions.forget_links(connection, before=now - _SIGN_IN_KEPT),
            "sessions": sessions.forget(connection, before=now - _SIGN_IN_KEPT),
            "challenges": sessions.forget_challenges(connection, before=now),
        }
