"""Tokens of votes, each made by itself with what the standard library and itsdangerous have: what a mail's must equal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b

import orjson
from itsdangerous.encoding import base64_encode

from app.tokens import Purpose, Signer, stamp
from app.wiring import Product
from core.subscriber import Subscriber


def vote_tokens(signer: Signer, *payload: int | str, words: Sequence[str], expires: datetime) -> list[str]:
    """A token for each word: keyed BLAKE2b of it, under an HMAC that is this payload's."""
    body = base64_encode(orjson.dumps([*payload, int(expires.timestamp())]))
    key = signer.prover(Purpose.VOTE)(b"each." + body)
    proofs = [base64_encode(blake2b(word.encode(), key=key, digest_size=16).digest()).decode() for word in words]
    return [f"{word}.{body.decode()}.{proof}" for word, proof in zip(words, proofs, strict=True)]


def vote_link(product: Product, person: Subscriber, comparison: str, *, expires: datetime) -> str:
    """The page with the buttons of a comparison's vote."""
    payload = (person.id, stamp(person.address_key))
    (token,) = vote_tokens(product.signer, *payload, words=[comparison], expires=expires)
    return f"{product.settings.base_url}/{Purpose.VOTE}/{token}"
