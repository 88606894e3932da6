"""Security keys (WebAuthn Level 3): enrolled in the browser, confirmed by somebody else, used to sign statements.

The origin is that of `ASSAY_BASE_URL`; a key enrolled here answers no other site. User verification is required, so a
key that was found signs nothing without its PIN or finger.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import webauthn
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    decode_credential_public_key,
    parse_authentication_credential_json,
    parse_client_data_json,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.decoded_public_key_to_cryptography import decoded_public_key_to_cryptography
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from governance.errors import WrongCredentialError
from governance.models import PendingStatement, SecurityKey
from governance.signatures import statements
from registry.canonical import digest
from registry.models import Person

METHOD = "security key"
_ALGORITHMS = [
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]
_ENROLMENT = "assay.enrolment/1"


@dataclass(frozen=True, slots=True)
class Signed:
    """A statement that a key in use signed, and the papers by which anybody verifies that (`Review.assertion`)."""

    key: SecurityKey
    digest: str
    papers: dict[str, str]


def in_use(person: Person) -> bool:
    """Whether the person has a key that was confirmed and not retired."""
    return SecurityKey.objects.filter(person=person, confirmed_at__isnull=False, retired_at=None).exists()


def enrolment_options(person: Person) -> dict[str, Any]:
    """What the browser asks a new key, JSON-ready. The challenge is good for minutes, and once."""
    pending = statements.prepare(person, lambda _commit: {"type": _ENROLMENT})
    known = SecurityKey.objects.filter(person=person, retired_at=None).values_list("credential", flat=True)
    options = webauthn.generate_registration_options(
        rp_id=_host(),
        rp_name="Assay",
        user_name=person.get_username(),
        user_id=person.pseudonym.encode(),
        user_display_name=person.printed_name,
        challenge=_challenge(pending),
        exclude_credentials=[_descriptor(credential) for credential in known],
        supported_pub_key_algs=_ALGORITHMS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED, user_verification=UserVerificationRequirement.REQUIRED
        ),
    )
    return webauthn.helpers.options_to_json_dict(options)


def enrolled(person: Person, response: str) -> dict[str, Any]:
    """The columns of the key that answered `enrolment_options`. Raises WrongCredentialError."""
    try:
        challenge = _challenge_in(json.loads(response)["response"]["clientDataJSON"])
        pending = statements.redeem(person, challenge, lambda _commit: {"type": _ENROLMENT})
        found = webauthn.verify_registration_response(
            credential=response,
            expected_challenge=_challenge(pending),
            expected_rp_id=_host(),
            expected_origin=_origin(),
            require_user_verification=True,
            supported_pub_key_algs=_ALGORITHMS,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise WrongCredentialError(f"The security key was not enrolled: {error}", field="assertion") from error
    return {
        "credential": bytes_to_base64url(found.credential_id),
        "public_key": found.credential_public_key,
        "key_id": digest(_der(found.credential_public_key)),
        "sign_count": found.sign_count,
    }


def signing_options(person: Person, write: statements.Write) -> dict[str, Any]:
    """What the browser asks a key of the person in use, JSON-ready. Raises WrongCredentialError without one."""
    usable = SecurityKey.objects.filter(person=person, confirmed_at__isnull=False, retired_at=None)
    keys = list(usable.values_list("credential", flat=True))
    if not keys:
        raise WrongCredentialError("You have no security key in use.", field="assertion")
    options = webauthn.generate_authentication_options(
        rp_id=_host(),
        challenge=_challenge(statements.prepare(person, write)),
        allow_credentials=[_descriptor(credential) for credential in keys],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return webauthn.helpers.options_to_json_dict(options)


def signed(person: Person, assertion: str, write: statements.Write) -> Signed:
    """The statement that a key of `person` signed, once it says what `write` says now; then both are used up.

    Takes part in the caller's transaction, and locks the key so that its counter cannot be passed twice. Raises
    WrongCredentialError.
    """
    try:
        credential = parse_authentication_credential_json(assertion)
        challenge = parse_client_data_json(credential.response.client_data_json).challenge
        key = _usable(person, bytes_to_base64url(credential.raw_id))
        pending = statements.redeem(person, challenge, write)
        found = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=_challenge(pending),
            expected_rp_id=_host(),
            expected_origin=_origin(),
            credential_public_key=bytes(key.public_key),
            credential_current_sign_count=key.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise WrongCredentialError(f"The security key's signature does not hold: {error}", field="assertion") from error
    key.sign_count = found.new_sign_count
    key.save(update_fields=["sign_count"])
    papers = {
        "statement": pending.text,
        "client_data": _b64(credential.response.client_data_json),
        "authenticator_data": _b64(credential.response.authenticator_data),
        "signature": _b64(credential.response.signature),
        "public_key": _b64(_der(bytes(key.public_key))),
    }
    return Signed(key, pending.digest, papers)


def _usable(person: Person, credential: str) -> SecurityKey:
    key = SecurityKey.objects.select_for_update(of=("self",)).filter(credential=credential, person=person).first()
    if key is None:
        raise WrongCredentialError("This security key is not yours.", field="assertion")
    if key.confirmed_at is None:
        raise WrongCredentialError("Somebody else must confirm your security key first.", field="assertion")
    if key.retired_at is not None:
        raise WrongCredentialError("This security key is retired.", field="assertion")
    return key


def _der(cose: bytes) -> bytes:
    public = decoded_public_key_to_cryptography(decode_credential_public_key(cose))
    return bytes(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _challenge(pending: PendingStatement) -> bytes:
    return bytes.fromhex(pending.digest.removeprefix("sha256:"))


def _challenge_in(client_data: str) -> bytes:
    return bytes(parse_client_data_json(base64url_to_bytes(client_data)).challenge)


def _descriptor(credential: str) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(id=base64url_to_bytes(credential))


def _origin() -> str:
    address = urlsplit(settings.ASSAY_BASE_URL)
    return f"{address.scheme}://{address.netloc}"


def _host() -> str:
    return urlsplit(settings.ASSAY_BASE_URL).hostname or ""


def _b64(content: bytes) -> str:
    return base64.b64encode(content).decode()
