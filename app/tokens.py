"""Signed links: what a mail's button carries. Each token names its purpose, so that none serves for another."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import orjson
from itsdangerous import BadData, URLSafeSerializer
from itsdangerous.encoding import base64_decode

from core.errors import Refused


class Purpose(StrEnum):
    """What a token may be used for."""

    CONFIRM = "confirm"
    UNSUBSCRIBE = "unsubscribe"
    PREFERENCES = "preferences"
    VOTE = "vote"
    MOVE = "move"  # to another address; carries it
    UNDO = "undo"  # of having left
    BALLOT = "ballot"  # what the page of a vote hands to its own button
    NOTE = "note"  # what the desk says on the next page


_FOR_URLS = bytes.maketrans(b"+/", b"-_")
_BLOCK = 64  # bytes of a block of SHA-256
_PROOF = 16  # bytes of one word's proof
_EACH = b"each."  # no token's body holds a dot, so that no proof that was ever shown is a key here


def _base64(data: bytes) -> bytes:
    return b2a_base64(data, newline=False).translate(_FOR_URLS).rstrip(b"=")


class _Hmac:
    """HMAC-SHA256 (RFC 2104) under one key. Both hashes are begun once and copied: a third of the one-shot call."""

    def __init__(self, key: bytes) -> None:
        padded = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))

    def digest(self, text: bytes) -> bytes:
        """The 32 bytes."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.digest()


class Signer:
    """Makes and reads tokens: HMAC-SHA256 over a small payload, URL-safe, by itsdangerous."""

    def __init__(self, key: str) -> None:
        self.key = hashlib.sha256(f"verdicts.hidden.{key}".encode()).digest()  # hides addresses that must be counted
        self._serializers = {
            purpose: URLSafeSerializer(key, salt=f"verdicts.{purpose}", signer_kwargs={"digest_method": hashlib.sha256})
            for purpose in Purpose
        }
        self._proofs = {
            purpose: _Hmac(serializer.make_signer(serializer.salt).derive_key()).digest
            for purpose, serializer in self._serializers.items()
        }

    def sign(self, purpose: Purpose, *payload: int | str, expires: datetime | None = None) -> str:
        """A token for these values. Without `expires` it lasts: an unsubscribe link must never go stale."""
        until = int(expires.timestamp()) if expires else 0
        # What the library would make, twenty times as fast: an edition carries ten links to every reader.
        body = _base64(orjson.dumps([*payload, until]))
        return (body + b"." + _base64(self._proofs[purpose](body))).decode()

    def prover(self, purpose: Purpose) -> Callable[[bytes], bytes]:
        """What makes the HMAC of a token's body."""
        return self._proofs[purpose]

    def read(self, purpose: Purpose, token: str, *, now: datetime) -> list[Any]:
        """The values of a token. Raises Refused for a forged or expired one, or one of another purpose."""
        try:
            payload: list[Any]
            *payload, until = self._read_each(purpose, token) or self._serializers[purpose].loads(token)
        except (BadData, ValueError, TypeError):
            raise Refused(
                "This link is not one of ours, or was cut short.", mend="Copy it whole from the mail."
            ) from None
        if until and now.timestamp() > until:
            raise Refused("This link has expired.")
        return payload

    def _read_each(self, purpose: Purpose, token: str) -> list[Any] | None:
        """The values of one of a `Bundle`'s tokens for a word; None when it is of the other kind, or no token at all."""
        word, *rest = token.encode("ascii", "replace").split(b".")
        if len(rest) != 2:  # noqa: PLR2004 - body and proof
            return None
        body, proof = rest
        key = self._proofs[purpose](_EACH + body)
        expected = _base64(blake2b(word, key=key, digest_size=_PROOF).digest())
        if not hmac.compare_digest(proof, expected):
            return None
        who, *more = orjson.loads(base64_decode(body))
        return [who, word.decode(), *more]


class Bundle:
    """The tokens of one mail for reader after reader, as the parts in which they differ: one of each `lasting` purpose,
    as `sign` makes it, and one for each word of another purpose, which `read` gives back as [who, word, *more]. A word
    holds no dot.

    One HMAC makes a key that is this person's, keyed BLAKE2b the proof of each word under it: who holds one of the
    tokens cannot make another.
    """

    def __init__(self, signer: Signer, lasting: Sequence[Purpose], each: Purpose, words: Sequence[str]) -> None:
        self._lasting = [signer.prover(purpose) for purpose in lasting]
        self._each = signer.prover(each)
        self._words = [word.encode() for word in words]
        start = _LONG * len(lasting)
        long = [slice(at, at + 43) for at in range(0, start, _LONG)]
        short = [slice(at, at + 22) for at in range(start, start + _SHORT * len(words), _SHORT)]
        self._cuts = (*long, *short)

    def parts(self, *payload: int | str, until: int) -> tuple[str, ...]:
        """One reader's: body B of the lasting tokens B.P, body C of the words' tokens WORD.C.Q, each P, and each Q.
        Words' tokens run out at `until`, in seconds of Unix."""
        body, ending = _base64(orjson.dumps([*payload, 0])), _base64(orjson.dumps([*payload, until]))
        key = self._each(_EACH + ending)
        long = b"".join([proof(body) + b"\0" for proof in self._lasting])
        short = b"\0\0".join([blake2b(word, key=key, digest_size=_PROOF).digest() for word in self._words])
        shown = b2a_base64(long + short, newline=False).translate(_FOR_URLS).decode()
        return (body.decode(), ending.decode(), *[shown[cut] for cut in self._cuts])


_LONG, _SHORT = 44, 24  # letters of a whole proof and of a word's, each with what pads it


@lru_cache(maxsize=64)
def stamp(address_key: str) -> str:
    """What a token carries beside a subscriber's number: once a person is erased, the number may be given to somebody
    else (by SQLite, or by a restored backup), and old links must not speak for that person."""
    return hashlib.sha256(address_key.encode()).hexdigest()[:STAMP_LENGTH]


STAMP_LENGTH = 12


SIGN_IN_LASTS = timedelta(minutes=15)


def new_secret() -> tuple[str, str]:
    """A random token for one use, and the hash of it that may be stored."""
    token = secrets.token_urlsafe(32)
    return token, hash_secret(token)


def hash_secret(token: str) -> str:
    """What is stored of a token: who reads the database cannot sign in with it."""
    return hashlib.sha256(token.encode()).hexdigest()
