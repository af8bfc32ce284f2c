"""What expires by itself: subscriptions never confirmed, sign-in links never used."""

from __future__ import annotations

from datetime import timedelta

from app.wiring import Product
from store import people, subscribers

_PENDING_LASTS = timedelta(days=30)
_SIGN_IN_KEPT = timedelta(days=1)


def tidy(product: Product) -> dict[str, int]:
    """Forget what has expired. Returns how many rows of each kind."""
    now = product.now
    with product.database.write() as connection:
        return {
            "subscriptions never confirmed": subscribers.forget_pending(connection, before=now - _PENDING_LASTS),
            "sign-in links": people.forget_sign_ins(connection, before=now - _SIGN_IN_KEPT),
        }
