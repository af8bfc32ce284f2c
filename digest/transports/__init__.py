"""Ways out for mails: a folder, a relay, a provider, behind one small protocol. Opened by name, imported when used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from core.errors import SettingsError
from digest.transports.record import Record
from digest.transports.transport import Transport, send_letter

if TYPE_CHECKING:
    from digest.transports.seal import Seal  # loaded by whoever has a key

_Wanted = TypeVar("_Wanted", Path, str)

__all__ = ["Record", "Transport", "open_transport", "record_of", "send_letter"]


def open_transport(
    kind: str,
    *,
    outbox: Path | None = None,
    smtp_url: str | None = None,
    sendgrid_key: str | None = None,
    sendgrid_url: str | None = None,
    fence_minutes: int = 30,
    seal: Seal | None = None,
) -> Transport:
    """The transport of a name: `outbox`, `smtp` or `sendgrid`.

    `seal` signs what goes out by SMTP; a provider signs by itself. `fence_minutes` is how far ahead SendGrid schedules an edition's batch (0: at once, and an attempt cannot be
    called off). Raises SettingsError for another name, or when what the transport needs is missing.
    """
    if kind == "outbox":
        from digest.transports.outbox import Outbox  # noqa: PLC0415 - a worker loads what it uses

        return Outbox(_needed(outbox, "VERDICTS_OUTBOX"))
    if kind == "smtp":
        from digest.transports.smtp import Smtp  # noqa: PLC0415

        return Smtp(_needed(smtp_url, "VERDICTS_SMTP_URL"), seal=seal)
    if kind == "sendgrid":
        from digest.transports.sendgrid import SendGrid  # noqa: PLC0415 - brings the provider's package

        return SendGrid(_needed(sendgrid_key, "SENDGRID_API_KEY"), url=sendgrid_url, fence_minutes=fence_minutes)
    raise SettingsError(f"VERDICTS_MAIL={kind!r} is no mail transport.", mend="Use outbox, smtp or sendgrid.")


def record_of(transport: Transport) -> Record | None:
    """The provider's own record behind a transport; None where nobody keeps one."""
    found = getattr(transport, "record", None)
    return found if isinstance(found, Record) else None


def _needed(value: _Wanted | None, setting: str) -> _Wanted:
    if not value:
        raise SettingsError(f"{setting} is missing.", mend="Set it, or set VERDICTS_MAIL=outbox.")
    return value
