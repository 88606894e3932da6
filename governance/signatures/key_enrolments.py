"""The verbs on security keys: enrol, confirm by somebody else, retire."""

from __future__ import annotations

from django.utils import timezone

from governance.errors import SeparationOfDutiesError, WrongCredentialError, WrongStateError
from governance.models import SecurityKey
from governance.refusals import recorded
from governance.signatures import security_keys
from governance.signatures.credentials import prove
from governance.signatures.enrolments import MANAGE
from registry import ledger
from registry.authority import require
from registry.errors import InvalidInputError
from registry.events import Event
from registry.models import Person


@recorded("actor")
def enrol_security_key(*, actor: Person, label: str, assertion: str, password: str, otp: str = "") -> SecurityKey:
    """The key that answered `security_keys.enrolment_options`. It counts once somebody else has confirmed it.

    Raises WrongCredentialError, ServiceAccountError, TooManyAttemptsError, InvalidInputError.
    """
    method = prove(actor, password=password, otp=otp)
    if not label.strip():
        raise InvalidInputError("Give the key a name by which you tell it from others.", field="label")
    found = security_keys.enrolled(actor, assertion)
    if SecurityKey.objects.filter(credential=found["credential"]).exists():
        raise WrongStateError("This security key is enrolled already.")
    key = SecurityKey(person=actor, label=label.strip(), enrolled_at=timezone.now(), **found)
    key.save()
    _tell(Event.AUTHENTICATOR_ENROLLED, key, actor, method)
    return key


@recorded("key")
def confirm_security_key(
    *, actor: Person, key: SecurityKey, fingerprint: str, password: str, otp: str = ""
) -> SecurityKey:
    """Somebody who manages people heard its owner read out the fingerprint. Several keys of a person may be in use.

    Raises PermissionRefusedError, SeparationOfDutiesError for its owner, WrongCredentialError, WrongStateError.
    """
    key = SecurityKey.objects.select_for_update(of=("self",)).select_related("person").get(pk=key.pk)
    require(actor, MANAGE)
    method = prove(actor, password=password, otp=otp)
    if actor.pk == key.person_id:
        raise SeparationOfDutiesError("This is your security key, so somebody else must confirm it.")
    if key.confirmed_at is not None or key.retired_at is not None:
        raise WrongStateError("This security key was confirmed or retired already.")
    if fingerprint.strip().lower() != key.fingerprint:
        raise WrongCredentialError("That is not the fingerprint of this security key.", field="fingerprint")
    key.confirmed_at, key.confirmed_by = timezone.now(), actor
    key.save(update_fields=["confirmed_at", "confirmed_by"])
    _tell(Event.AUTHENTICATOR_CONFIRMED, key, actor, method)
    return key


@recorded("key")
def retire_security_key(*, actor: Person, key: SecurityKey, password: str, otp: str = "") -> None:
    """It is lost or replaced: its signatures count no more from now on; those before stay good.

    Only somebody else who manages people may say so, as for the other authenticators.

    Raises PermissionRefusedError, SeparationOfDutiesError, WrongStateError.
    """
    key = SecurityKey.objects.select_for_update(of=("self",)).select_related("person").get(pk=key.pk)
    require(actor, MANAGE)
    method = prove(actor, password=password, otp=otp)
    if actor.pk == key.person_id:
        raise SeparationOfDutiesError("This is your security key, so somebody else must retire it.")
    if key.retired_at is not None:
        raise WrongStateError("This security key was retired already.")
    key.retired_at = timezone.now()
    key.save(update_fields=["retired_at"])
    _tell(Event.AUTHENTICATOR_RETIRED, key, actor, method)


def _tell(event: Event, key: SecurityKey, actor: Person, method: str) -> None:
    ledger.append(
        event,
        subject=subject_of(key.key_id),
        actor=actor,
        facts={"person": key.person.pseudonym, "method": method, "key": key.key_id},
    )


def subject_of(key_id: str) -> str:
    """How the ledger names a key: by its digest, which a signature leads to even when its owner was erased."""
    return f"security-key:{key_id}"
