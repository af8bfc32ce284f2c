"""Passkeys: the second way to sign in. A device signs what we ask (W3C Web Authentication, by the `webauthn` package).

Browsers offer them where the site has a name: on https, or on `localhost`. An address like 127.0.0.1 has none.
"""

from __future__ import annotations

import hmac
import ipaddress
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson
import webauthn
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from app.signing_in import SignedIn, Visitor, begin
from app.tokens import hash_secret, new_secret
from app.wiring import Product
from core.errors import NotFound, Refused
from core.text import clean
from store import audit, people, sessions
from store.sessions import Passkey

_LASTS = timedelta(minutes=5)
_NAME_LIMIT = 60
_LARGEST = 16 * 1024
_MOST = 20


def site(product: Product) -> str | None:
    """The name that passkeys are bound to (the relying party's id); None where browsers offer none."""
    parts = urlsplit(product.settings.base_url)
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host if parts.scheme == "https" or host == "localhost" else None
    return None


def _site(product: Product) -> str:
    name = site(product)
    if name is None:
        raise Refused("Passkeys need a site with a name.", mend="Set VERDICTS_BASE_URL to its https address.")
    return name


def ask_for_new(product: Product, who: Visitor) -> dict[str, Any]:
    """What the browser is asked so that it makes a passkey for this person (PublicKeyCredentialCreationOptionsJSON)."""
    with product.database.read() as connection:
        known = sessions.passkeys(connection, who.person.id)
    if len(known) >= _MOST:
        raise Refused(f"You have {_MOST} passkeys already.", mend="Remove one first.")
    options = webauthn.generate_registration_options(
        rp_id=_site(product),
        rp_name="Weekly Verdicts",
        # Kept on the device: it must not say who it is (section 14.6.1 of the standard).
        user_id=hmac.digest(product.signer.key, str(who.person.id).encode(), "sha256"),
        user_name=who.person.email,
        user_display_name=who.person.name or who.person.email,
        challenge=_challenge(product, at=who.person.id),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=base64url_to_bytes(each.credential)) for each in known],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
    )
    return _json(webauthn.options_to_json(options))


def _challenge(product: Product, *, at: int | None) -> bytes:
    value, hashed = new_secret()
    with product.database.write() as connection:
        sessions.ask(connection, value_hash=hashed, at=at, expires=product.now + _LASTS)
    return value.encode()


def _json(text: str) -> dict[str, Any]:
    value: dict[str, Any] = orjson.loads(text)
    return value


def keep(product: Product, who: Visitor, *, credential: str, name: str) -> None:
    """Remember the passkey that the browser has made. Raises Refused for what does not verify."""
    given, challenge = _read(credential)
    _use_up(product, challenge, at=who.person.id)
    try:
        made = webauthn.verify_registration_response(
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=_site(product),
            expected_origin=product.settings.base_url,
            require_user_verification=True,
        )
    except WebAuthnException as error:
        raise _unverified(error) from None
    now = product.now
    with product.database.write() as connection:
        identity = bytes_to_base64url(made.credential_id)
        if sessions.find_passkey(connection, identity):
            raise Refused("That passkey is known already.", mend="Sign in with it.")
        sessions.keep_passkey(
            connection,
            at=who.person.id,
            credential=identity,
            public_key=bytes_to_base64url(made.credential_public_key),
            uses=made.sign_count,
            name=clean(name, limit=_NAME_LIMIT) or "Passkey",
            now=now,
        )
        _note(connection, who.person.email, "passkey.add", now=now)


def _read(credential: str) -> tuple[dict[str, Any], bytes]:
    """What the browser sent, and the challenge that it says it signed."""
    try:
        if len(credential) > _LARGEST:
            raise ValueError("too long")
        given: dict[str, Any] = orjson.loads(credential)
        said = orjson.loads(base64url_to_bytes(given["response"]["clientDataJSON"]))
        return given, base64url_to_bytes(said["challenge"])
    except (ValueError, KeyError, TypeError):
        raise Refused("That is no answer of a passkey.", mend="Try again.") from None


def _use_up(product: Product, challenge: bytes, *, at: int | None) -> None:
    now = product.now
    try:
        hashed = hash_secret(challenge.decode("ascii"))
    except UnicodeDecodeError:
        hashed = ""
    with product.database.write() as connection:
        asked = sessions.answered(connection, value_hash=hashed, at=at, now=now)
    if not asked:
        raise Refused("That was not asked, or too long ago.", mend="Try again.")


def _unverified(error: WebAuthnException) -> Refused:
    return Refused(f"The passkey's answer does not verify: {error}.", mend="Try again, or use a link by e-mail.")


def _note(connection: Any, email: str, action: str, *, now: Any) -> None:
    audit.note(connection, now=now, actor=email, action=action, subject=f"person:{email}")


def ask_to_sign(product: Product) -> dict[str, Any]:
    """What a browser is asked so that a passkey signs somebody in (PublicKeyCredentialRequestOptionsJSON)."""
    options = webauthn.generate_authentication_options(
        rp_id=_site(product),
        challenge=_challenge(product, at=None),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return _json(webauthn.options_to_json(options))


def sign_in(product: Product, *, credential: str, agent: str, zone: str = "") -> SignedIn:
    """Begin a session for the owner of the passkey that signed. Raises Refused for what does not verify."""
    given, challenge = _read(credential)
    _use_up(product, challenge, at=None)
    now = product.now
    with product.database.write() as connection:
        known = sessions.find_passkey(connection, str(given.get("id", "")))
        if known is None:
            raise Refused("This passkey is not known here (any more).", mend="Ask for a link by e-mail.")
        sessions.use_passkey(connection, known.id, uses=_verified(product, given, challenge, known), now=now)
        person = people.with_ids(connection, [known.person])[known.person]
        return begin(connection, person, now=now, agent=agent, zone=zone, by="passkey")


def _verified(product: Product, given: dict[str, Any], challenge: bytes, known: Passkey) -> int:
    try:
        done = webauthn.verify_authentication_response(
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=_site(product),
            expected_origin=product.settings.base_url,
            credential_public_key=base64url_to_bytes(known.public_key),
            credential_current_sign_count=known.uses,
            require_user_verification=True,
        )
    except WebAuthnException as error:
        raise _unverified(error) from None
    return done.new_sign_count


def listed(product: Product, who: Visitor) -> list[Passkey]:
    """The visitor's passkeys, oldest first."""
    with product.database.read() as connection:
        return sessions.passkeys(connection, who.person.id)


def drop(product: Product, who: Visitor, at: int) -> None:
    """Forget one of the visitor's passkeys. Raises NotFound for one that is not theirs."""
    now = product.now
    with product.database.write() as connection:
        if not sessions.drop_passkey(connection, at, person_id=who.person.id):
            raise NotFound("You have no such passkey.")
        _note(connection, who.person.email, "passkey.drop", now=now)
