"""Headers that our mails carry beyond sender, recipient and subject. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

_LONGEST_SENDER = 15  # characters; Gmail takes 5 to 15


def edition_headers(*, title: str, base_url: str) -> dict[str, str]:
    """The headers that every mail of every edition shares: the list's identity (RFC 2919), its archive (RFC 2369), and what
    large providers count spam reports by (Feedback-ID: kind of mail and sender, nothing of the reader or the mail).

    No `Auto-Submitted` and no `Precedence`: an edition is no answer to anything, and mail programs hide such mails.
    """
    host = urlsplit(base_url).hostname or "localhost"
    sender = "".join(sign for sign in host if sign.isalnum())[:_LONGEST_SENDER]
    return {
        "List-Id": f"{title} <digest.{host}>",
        "List-Archive": f"<{base_url.rstrip('/')}/>",
        "Feedback-ID": f"::edition:{sender}",
    }


def unsubscribe_headers(*, url: str, mailto: str | None = None) -> dict[str, str]:
    """One recipient's way out with one click (RFC 8058); `mailto` is a mailbox that takes `unsubscribe` mails.

    The receiving side posts `List-Unsubscribe=One-Click` to the URL, without cookies; a GET of it changes nothing. The
    mail's subject names the subscription by the token at the end of the URL.
    """
    ways = f"<{url}>"
    if mailto:
        ways += f", <mailto:{mailto}?subject=unsubscribe%20{url.rpartition('/')[2]}>"
    return {"List-Unsubscribe": ways, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def letter_headers() -> dict[str, str]:
    """The headers of a mail that a program writes because somebody pressed a button: nobody's holiday note is to
    answer it (RFC 3834)."""
    return {"Auto-Submitted": "auto-generated"}
