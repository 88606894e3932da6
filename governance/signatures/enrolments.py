"""The verbs on authenticators: enrol, confirm by somebody else, retire."""

from __future__ import annotations

from django.utils import timezone

from governance.errors import SeparationOfDutiesError, WrongCredentialError, WrongStateError
from governance.models import TotpDevice
from governance.refusals import recorded
from governance.signatures import authenticators
from governance.signatures.credentials import prove
from registry import ledger
from registry.authority import require
from registry.events import Event
from registry.models import Person

MANAGE = "registry.change_person"


@recorded("actor")
def enrol_authenticator(*, actor: Person, password: str, otp: str = "") -> authenticators.Enrolment:
    """A secret for the person's own authenticator. It counts once somebody else has confirmed it.

    Raises WrongCredentialError, ServiceAccountError, TooManyAttemptsError.
    """
    method = prove(actor, password=password, otp=otp)
    enrolment = authenticators.new_enrolment(actor)
    _tell(Event.AUTHENTICATOR_ENROLLED, enrolment.device, actor, method)
    return enrolment


@recorded("device")
def confirm_authenticator(*, actor: Person, device: TotpDevice, code: str, password: str, otp: str = "") -> TotpDevice:
    """Somebody who manages people saw its owner read out `code`; a former authenticator of that person is retired.

    Raises PermissionRefusedError, SeparationOfDutiesError for its owner, WrongCredentialError, WrongStateError.
    """
    device = TotpDevice.objects.select_for_update(of=("self",)).select_related("person").get(pk=device.pk)
    require(actor, MANAGE)
    method = prove(actor, password=password, otp=otp)
    if actor.pk == device.person_id:
        raise SeparationOfDutiesError("This is your authenticator, so somebody else must confirm it.")
    if device.confirmed_at is not None or device.retired_at is not None:
        raise WrongStateError("This authenticator was confirmed or retired already.")
    if not authenticators.accepts(device, code):
        raise WrongCredentialError("That is no code of this authenticator at this moment.", field="code")
    for former in TotpDevice.objects.filter(person=device.person, confirmed_at__isnull=False, retired_at=None):
        _retire(former, actor, method)
    device.refresh_from_db()
    device.confirmed_at, device.confirmed_by = timezone.now(), actor
    device.save(update_fields=["confirmed_at", "confirmed_by"])
    _tell(Event.AUTHENTICATOR_CONFIRMED, device, actor, method)
    return device


@recorded("device")
def retire_authenticator(*, actor: Person, device: TotpDevice, password: str, otp: str = "") -> None:
    """It is lost or replaced: its codes count no more.

    Only somebody else who manages people may say so: whoever finds an unattended browser and knows the password would
    otherwise get rid of the second proof.

    Raises PermissionRefusedError, SeparationOfDutiesError, WrongStateError.
    """
    device = TotpDevice.objects.select_for_update(of=("self",)).select_related("person").get(pk=device.pk)
    require(actor, MANAGE)
    method = prove(actor, password=password, otp=otp)
    if actor.pk == device.person_id:
        raise SeparationOfDutiesError("This is your authenticator, so somebody else must retire it.")
    if device.retired_at is not None:
        raise WrongStateError("This authenticator was retired already.")
    _retire(device, actor, method)


def _retire(device: TotpDevice, actor: Person, method: str) -> None:
    device.retired_at = timezone.now()
    device.save(update_fields=["retired_at"])
    _tell(Event.AUTHENTICATOR_RETIRED, device, actor, method)


def _tell(event: Event, device: TotpDevice, actor: Person, method: str) -> None:
    ledger.append(
        event,
        subject=f"authenticator:{device.pk}",
        actor=actor,
        facts={"person": device.person.pseudonym, "method": method},
    )
