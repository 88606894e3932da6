"""The verbs on incidents: somebody reports what a version did; somebody else answers for it that it is dealt with."""

from __future__ import annotations

from django.utils import timezone

from governance.errors import SeparationOfDutiesError, WrongStateError
from governance.models import Incident, IncidentEnd
from governance.refusals import recorded, subject_id
from governance.signatures.credentials import prove
from registry import ledger
from registry.authority import require
from registry.errors import InvalidInputError
from registry.events import Event
from registry.models import ModelVersion, Person, RegisteredModel


@recorded("version")
def report_incident(
    *, actor: Person, version: ModelVersion, title: str, description: str, serious: bool = True
) -> Incident:
    """Open an incident: from now on the gates of `version` are closed, unless their policy looks at serious ones only.

    A pipeline may report too. Raises PermissionRefusedError, or InvalidInputError naming the field.
    """
    # As every verb that may close a gate: whoever completes a promotion waits, and then finds it closed.
    model = RegisteredModel.objects.select_for_update().get(pk=version.model_id)
    require(actor, "registry.report_incident", model)
    for field, text in (("title", title), ("description", description)):
        if not text.strip():
            raise InvalidInputError("Say what happened.", field=field)
    incident = Incident(
        version=version,
        title=title,
        description=description,
        serious=serious,
        reported_by=actor,
        reported_at=timezone.now(),
    )
    incident.save()
    ledger.append(
        Event.INCIDENT_REPORTED,
        subject=subject_id(version),
        actor=actor,
        facts={
            "incident": incident.pk,
            "version": version.record_digest,
            "serious": serious,
            "title": ledger.commit_text(title),
            "description": ledger.commit_text(description),
        },
    )
    return incident


@recorded("incident")
def close_incident(*, actor: Person, incident: Incident, reason: str, password: str = "", otp: str = "") -> IncidentEnd:
    """Answer for it that the incident is dealt with: signed, and never by who made the version.

    Raises PermissionRefusedError, WrongCredentialError, ServiceAccountError, SeparationOfDutiesError,
    InvalidInputError, or WrongStateError when it is closed already.
    """
    version = incident.version
    model = RegisteredModel.objects.select_for_update().get(pk=version.model_id)
    require(actor, "registry.close_incident", model)
    method = prove(actor, password=password, otp=otp)
    if actor.pk in (version.created_by_id, version.run_author_id):
        raise SeparationOfDutiesError("You made this version, so somebody else must close its incidents.")
    if not reason.strip():
        raise InvalidInputError("Say what was found and what was done.", field="reason")
    if IncidentEnd.objects.filter(incident=incident).exists():
        raise WrongStateError("This incident is closed already.")
    end = IncidentEnd(
        incident=incident,
        reason=reason,
        closed_by=actor,
        printed_name=actor.printed_name,
        method=method,
        closed_at=timezone.now(),
    )
    end.save()
    ledger.append(
        Event.INCIDENT_CLOSED,
        subject=subject_id(version),
        actor=actor,
        facts={"incident": incident.pk, "method": method, "reason": ledger.commit_text(reason)},
    )
    return end
