"""The links of an edition are signed ten to a reader: fast, and exactly as the library would."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous.encoding import base64_decode, base64_encode

from app.addressing import VOTES_OPEN, Form
from app.sending import Links
from app.tokens import Bundle, Purpose, Signer
from app.wiring import Product
from core.edition import Frozen
from core.errors import Refused
from core.subscriber import Subscriber, SubscriberState
from digest.compose import day
from digest.marks import CONFIRMED_ON, PREFERENCES_URL, UNSUBSCRIBE_URL, substitute, vote_url
from store.connect import Database
from store.deliveries import Addressee
from store.subscribers import key_hash
from tests.conftest import NOW
from tests.digest.samples import steady
from tests.sending.stage import sendgrid_settings
from tests.tokens import vote_link, vote_tokens

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
    made = vote_tokens(SIGNER, number, "stamp", words=words, expires=NOW)
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


@steady
@given(number=numbers, words=st.lists(slugs, max_size=9, unique=True), until=st.integers(0, 2**33))
def test_a_bundle_s_parts_are_those_of_the_tokens_made_one_by_one(number, words, until):
    lasting = (Purpose.UNSUBSCRIBE, Purpose.PREFERENCES)
    body, ending, *proofs = Bundle(SIGNER, lasting, Purpose.VOTE, words).parts(number, "stamp", until=until)
    votes = vote_tokens(SIGNER, number, "stamp", words=words, expires=datetime.fromtimestamp(until, UTC))
    assert [f"{body}.{proof}" for proof in proofs[:2]] == [SIGNER.sign(each, number, "stamp") for each in lasting]
    assert [f"{word}.{ending}.{proof}" for word, proof in zip(words, proofs[2:], strict=True)] == votes


def test_a_form_made_out_to_a_reader_is_the_frozen_mail_with_their_links(tmp_path):
    settings = sendgrid_settings(tmp_path, "sqlite://", base_url="https://verdicts.example/a&b")
    product = Product(settings=settings, database=Database(settings.database), clock=lambda: NOW)
    comparisons = ("ada-vs-bea", "ada-vs-bea-2")
    marks = [UNSUBSCRIBE_URL, PREFERENCES_URL, CONFIRMED_ON, *map(vote_url, comparisons)]
    frozen = Frozen(subject="S", html="<b>".join(marks) + marks[0], text="\n".join(marks), comparisons=comparisons)
    person = Subscriber(
        id=7,
        address="Ada@example.org",
        address_key="ada@example.org",
        name="",
        state=SubscriberState.ACTIVE,
        categories=(),
        created_at=NOW,
        confirmed_at=NOW,
    )
    links, closes = Links(product), NOW + VOTES_OPEN
    values = {
        UNSUBSCRIBE_URL: links.unsubscribe(person),
        PREFERENCES_URL: links.preferences(person),
        CONFIRMED_ON: day(NOW),
        **{vote_url(slug): vote_link(product, person, slug, expires=closes) for slug in comparisons},
    }
    addressee = Addressee(1, person.id, person.address, "", NOW.date(), key_hash(person.address_key))
    form = Form(product, frozen)
    (made,) = form.recipients([addressee], now=NOW)
    for got, whole, html in ((form.mail.html, frozen.html, True), (form.mail.text, frozen.text, False)):
        assert substitute(got, made.substitutions, html=html) == substitute(whole, values, html=html)
    assert made.headers["List-Unsubscribe"] == f"<{links.unsubscribe(person)}>"
    product.database.close()
