"""The electronic signature of a person: the credential comes in the same request as the decision."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.hashers import check_password
from django.utils import timezone

from governance.errors import ServiceAccountError, TooManyAttemptsError, WrongCredentialError
from governance.models import FailedCredential
from governance.signatures import authenticators
from registry.models import Person

MOST_FAILURES = 10
FAILURE_WINDOW = timedelta(minutes=15)


def prove(person: Person, *, password: str = "", otp: str = "") -> str:
    """The name of the method by which `person` proved to be themselves just now.

    A session is not enough: who sits at an unattended browser has one too. Whoever has an authenticator in use gives
    its code, alone or with the password; everybody else gives the password. What is given must be right.
    Raises ServiceAccountError for a pipeline's account, TooManyAttemptsError, or WrongCredentialError.
    """
    if person.is_service:
        raise ServiceAccountError("A service account cannot sign; a human being must decide.")
    require_patience(person)
    if password and not check_password(password, person.password):
        raise WrongCredentialError("That is not your password.", field="password")
    device = authenticators.device_of(person)
    if device is None:
        return _by_password_alone(password, otp)
    if not otp:
        raise WrongCredentialError("Give the code of your authenticator together with the decision.", field="otp")
    if not authenticators.accepts(device, otp):
        raise WrongCredentialError("That is no code of this moment, or it was used already.", field="otp")
    return "password+totp" if password else "totp"


def _by_password_alone(password: str, otp: str) -> str:
    if otp:
        raise WrongCredentialError("You have no authenticator in use; give your password.", field="otp")
    if not password:
        raise WrongCredentialError("Give your password together with the decision.", field="password")
    return "password"


def require_patience(person: Person) -> None:
    """Nobody tries a million codes, and nobody who left. Raises TooManyAttemptsError, WrongCredentialError."""
    since = timezone.now() - FAILURE_WINDOW
    if FailedCredential.objects.filter(person=person, at__gt=since).count() >= MOST_FAILURES:
        raise TooManyAttemptsError("Too many wrong credentials; wait a quarter of an hour.")
    if not person.is_active:
        raise WrongCredentialError("This account is not active.", field="password")
