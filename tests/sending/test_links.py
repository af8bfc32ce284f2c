"""The links of an edition are signed ten to a reader: fast, and exactly as the library would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.tokens import Purpose, Signer
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
