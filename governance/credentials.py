"""The electronic signature of a person: the credential comes in the same request as the decision."""

from __future__ import annotations

from django.contrib.auth.hashers import check_password

from governance.errors import ServiceAccountError, WrongCredentialError
from registry.models import Person


def prove(person: Person, *, password: str) -> str:
    """The name of the method by which `person` proved to be themselves just now.

    A session is not enough: who sits at an unattended browser has one too. Raises ServiceAccountError for a pipeline's
    account and WrongCredentialError for anything but the person's own, present password.
    """
    if person.is_service:
        raise ServiceAccountError("A service account cannot sign; a human being must decide.")
    if not password:
        raise WrongCredentialError("Give your password together with the decision.", field="password")
    if not person.is_active or not check_password(password, person.password):
        raise WrongCredentialError("That is not your password.", field="password")
    return "password"
