"""The links of an edition are signed ten to a reader: fast, and exactly as the library would."""

from __future__ import annotations

from datetime import timedelta
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous.encoding import base64_decode, base64_encode

from app.tokens import Purpose, Signer
from core.errors import Refused
from tests.conftest import NOW
from tests.digest.samples import steady

SIGNER = Signer("k" * 40)
numbers = st.integers(0, 2**62)
slugs = st.from_regex(r"[a-z0-9-]{1,80}", fullmatch=True)


@steady
@given(purpose=st.sampled_from(Purpose), number=numbers, slug=slugs)
def test_a_token_is_the_library_s(purpose, number, slug):
    token = SIGNER.sign(purpose, number, slug, expires=NOW)
    assert SIGNER.read(purpose, token, now=NOW) == [number, slug]
    library = SIGNER._serializers[purpose].dumps([number, slug, int(NOW.timestamp())])
    if not library.startswith("."):  # the library packs what is long and repeats itself
        assert token == library


@steady
@given(number=numbers, words=st.lists(slugs, min_size=1, max_size=9, unique=True))
def test_of_several_links_each_is_read_as_its_own_and_none_makes_another(number, words):
    made = SIGNER.sign_each(Purpose.VOTE, number, words, "stamp", expires=NOW)
    assert [SIGNER.read(Purpose.VOTE, each, now=NOW) for each in made] == [[number, word, "stamp"] for word in words]
    word, body, proof = made[0].split(".")
    last = "A" if proof[-1] not in "AB" else "Q"
    for forged in (
        f"{word}x.{body}.{proof}",
        f"{word}.{body}.{proof[:-1]}{last}",
        f"{word}.{body}x.{proof}",
        f"{word}.{body}.",
        f"{body}.{proof}",
    ):
        with pytest.raises(Refused):
            SIGNER.read(Purpose.VOTE, forged, now=NOW)
    with pytest.raises(Refused):
        SIGNER.read(Purpose.BALLOT, made[0], now=NOW)
    with pytest.raises(Refused):
        SIGNER.read(Purpose.VOTE, made[0], now=NOW + timedelta(seconds=2))


def test_the_key_of_several_links_is_no_proof_that_was_ever_shown():
    shown = SIGNER.sign(Purpose.VOTE, 7, "stamp", expires=NOW)
    body, proof = shown.split(".")
    forged = blake2b(b"a-vs-b", key=base64_decode(proof), digest_size=16).digest()
    with pytest.raises(Refused):
        SIGNER.read(Purpose.VOTE, f"a-vs-b.{body}.{base64_encode(forged).decode()}", now=NOW)
