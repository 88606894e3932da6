"""Authenticators of the people in the stories."""

from __future__ import annotations

import base64
import time

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from governance.signatures.authenticators import DIGITS, STEP_SECONDS
from governance.signatures.enrolments import confirm_authenticator, enrol_authenticator
from registry.models import Person
from tests.people import PASSWORD


def code_of(secret: str, steps: int = 0) -> str:
    """What the authenticator shows now, or so many steps later: a code works once."""
    totp = TOTP(base64.b32decode(secret), DIGITS, SHA1(), STEP_SECONDS, enforce_key_length=False)  # noqa: S303
    return totp.generate(int(time.time()) + steps * STEP_SECONDS).decode()


def with_authenticator(owner: Person, *, confirmed_by: Person) -> str:
    """The secret of a new authenticator in use."""
    enrolment = enrol_authenticator(actor=owner, password=PASSWORD)
    confirm_authenticator(
        actor=confirmed_by, device=enrolment.device, code=code_of(enrolment.secret), password=PASSWORD
    )
    return enrolment.secret
