"""What a passkey's answer must be to sign somebody in; the whole road with a real authenticator is in test_entrance."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

import pytest

from app import passkeys, signing_in
from core.errors import NotFound, Refused
from store import sessions
from tests.desk.conftest import BUILDER, EDITOR, session_of


def visitor(product, email: str):
    return signing_in.visitor(product, session_of(product, email))


def answer(challenge: str, **more) -> str:
    said = json.dumps({"type": "webauthn.get", "challenge": challenge, "origin": "https://evil.example"})
    encoded = urlsafe_b64encode(said.encode()).decode().rstrip("=")
    response = {
        "clientDataJSON": encoded,
        "authenticatorData": "AAAA",
        "signature": "AAAA",
        "attestationObject": "AAAA",
    }
    return json.dumps({"id": "Y3JlZA", "rawId": "Y3JlZA", "type": "public-key", "response": response} | more)


@pytest.mark.parametrize(
    "given", ["", "{}", "[]", "null", "{", '{"response": 3}', '{"response": {"clientDataJSON": "!"}}', "x" * 20_000]
)
def test_what_is_no_answer_of_a_passkey_is_refused(product, given):
    with pytest.raises(Refused, match="no answer of a passkey"):
        passkeys.sign_in(product, credential=given, agent="")


def test_what_was_not_asked_is_refused(product):
    with pytest.raises(Refused, match="not asked"):
        passkeys.sign_in(product, credential=answer("AAAA"), agent="")


def test_a_challenge_serves_once_and_for_five_minutes(product, hand):
    asked = passkeys.ask_to_sign(product)["challenge"]
    with pytest.raises(Refused, match="not known here"):
        passkeys.sign_in(product, credential=answer(asked), agent="")
    with pytest.raises(Refused, match="not asked"):
        passkeys.sign_in(product, credential=answer(asked), agent="")
    asked = passkeys.ask_to_sign(product)["challenge"]
    hand.turn(minutes=5)
    with pytest.raises(Refused, match="too long ago"):
        passkeys.sign_in(product, credential=answer(asked), agent="")


def test_what_one_person_was_asked_is_not_another_s_to_answer(product):
    asked = passkeys.ask_for_new(product, visitor(product, BUILDER))["challenge"]
    with pytest.raises(Refused, match="not asked"):
        passkeys.keep(product, visitor(product, EDITOR), credential=answer(asked), name="")
    with pytest.raises(Refused, match="not asked"):
        passkeys.sign_in(product, credential=answer(asked), agent="")


def test_a_forged_answer_keeps_nothing_and_signs_nobody_in(product):
    who = visitor(product, BUILDER)
    asked = passkeys.ask_for_new(product, who)["challenge"]
    with pytest.raises(Refused, match="does not verify"):
        passkeys.keep(product, who, credential=answer(asked), name="")
    assert passkeys.listed(product, who) == []
    with product.database.write() as connection:
        sessions.keep_passkey(
            connection, at=who.person.id, credential="Y3JlZA", public_key="AAAA", uses=0, name="", now=product.now
        )
    asked = passkeys.ask_to_sign(product)["challenge"]
    with pytest.raises(Refused, match="does not verify"):
        passkeys.sign_in(product, credential=answer(asked), agent="")


def test_nobody_removes_somebody_else_s_passkey(product):
    who = visitor(product, BUILDER)
    with product.database.write() as connection:
        sessions.keep_passkey(
            connection, at=who.person.id, credential="Y3JlZA", public_key="AAAA", uses=0, name="", now=product.now
        )
    [mine] = passkeys.listed(product, who)
    with pytest.raises(NotFound):
        passkeys.drop(product, visitor(product, EDITOR), mine.id)
    assert passkeys.listed(product, who) == [mine]


@pytest.mark.parametrize(
    ("base_url", "name"),
    [
        ("https://verdicts.example", "verdicts.example"),
        ("http://localhost:1", "localhost"),
        ("http://127.0.0.1:1", None),
        ("http://lan", None),
    ],
)
def test_passkeys_need_a_site_with_a_name(product, base_url, name):
    object.__setattr__(product, "settings", product.settings.model_copy(update={"base_url": base_url}))
    assert passkeys.site(product) == name
