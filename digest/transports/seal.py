"""DKIM: our domain's signature on a mail (RFC 6376), with RSA: few receivers know another kind of key.

Headers are signed relaxed, the body as it stands: our own bytes end as they must, so that the hash is one pass. Both
unsubscribe headers are covered, as RFC 8058 section 4 wants it, and named once more than they occur, like From:
nobody can add a second one without breaking the signature.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from core.errors import SettingsError

_SIGNED = (
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "auto-submitted",
    "feedback-id",
    "list-archive",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
)
_ONCE_MORE = ("from", "list-unsubscribe", "list-unsubscribe-post")
_SMALLEST_RSA = 1_024  # bits; verifiers may ignore less (RFC 8301)
_LABEL = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_SPACE = re.compile(rb"[ \t\r\n]+")
_LINE = 72


class Seal:
    """A domain's key. `selector` is the name under `_domainkey` where the public half stands in the DNS."""

    def __init__(self, key: bytes, *, selector: str, domain: str) -> None:
        """`key` is a private RSA key in PEM. Raises SettingsError for anything else."""
        self._key = _read_key(key)
        for name, value in (("VERDICTS_DKIM_SELECTOR", selector), ("VERDICTS_DKIM_DOMAIN", domain)):
            if not _LABEL.fullmatch(value):
                raise SettingsError(f"{name} is {value!r}, which is no name.", mend="Write it as it is in the DNS.")
        self._start = f"v=1; a=rsa-sha256; c=relaxed/simple; d={domain}; s={selector};".encode()

    def sign(self, message: bytes) -> bytes:
        """The same message with its signature before it. `message` has CRLF line ends, and its body ends with one."""
        head, _, body = message.partition(b"\r\n\r\n")
        found = dict(map(_relaxed, re.split(rb"\r\n(?![ \t])", head)))
        names = [name for name in _SIGNED if name in found]
        listed = ":".join([*names, *(name for name in _ONCE_MORE if name in found)])
        proof = b64encode(hashlib.sha256(body).digest())
        own = b"%b\r\n\th=%b;\r\n\tbh=%b;\r\n\tb=" % (self._start, _folded(listed), proof)
        signed = b"".join(found[name] + b"\r\n" for name in names) + _relaxed(b"DKIM-Signature: " + own)[1]
        return b"DKIM-Signature: " + own + _in_lines(b64encode(self._prove(signed))) + b"\r\n" + message

    def _prove(self, signed: bytes) -> bytes:
        return self._key.sign(signed, padding.PKCS1v15(), hashes.SHA256())


def open_seal(key: Path | None, *, selector: str | None, domain: str | None) -> Seal | None:
    """The seal of the settings; None when there is none. Raises SettingsError when it is not whole or not readable."""
    if key is None and selector is None and domain is None:
        return None
    if key is None or selector is None or domain is None:
        raise SettingsError(
            "Of VERDICTS_DKIM_KEY, VERDICTS_DKIM_SELECTOR and VERDICTS_DKIM_DOMAIN only some are set.",
            mend="Set all three, or none.",
        )
    try:
        read = key.read_bytes()
    except OSError as error:
        raise SettingsError(f"VERDICTS_DKIM_KEY cannot be read: {error}.", mend="Name a private key in PEM.") from error
    return Seal(read, selector=selector, domain=domain)


def _read_key(pem: bytes) -> rsa.RSAPrivateKey:
    wrong = SettingsError("VERDICTS_DKIM_KEY is no key for signing.", mend="Use RSA of 1024 bits or more, better 2048.")
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise wrong from None
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= _SMALLEST_RSA:
        return key
    raise wrong


def _relaxed(header: bytes) -> tuple[str, bytes]:
    """A header's name, and the header as RFC 6376 section 3.4.2 has it."""
    name, _, text = header.partition(b":")
    lower = name.strip().lower()
    return lower.decode("ascii"), lower + b":" + _SPACE.sub(b" ", text).strip()


def _folded(names: str) -> bytes:
    return b":\r\n\t ".join(part.encode() for part in _groups(names.split(":")))


def _groups(names: list[str]) -> list[str]:
    return [":".join(names[at : at + 4]) for at in range(0, len(names), 4)]


def _in_lines(text: bytes) -> bytes:
    return b"\r\n\t ".join(text[at : at + _LINE] for at in range(0, len(text), _LINE))
