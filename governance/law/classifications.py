"""The verbs on law and people: classify a model, say who owes an answer, answer and sign."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.utils import timezone

from audits.frameworks.catalogue import Catalogue, UnknownControlError
from governance.law.classification_rules import Answers, Classified, classify
from governance.models import Attestation, Classification, ControlAssignment
from governance.refusals import recorded, subject_id
from governance.signatures.credentials import prove
from registry import ledger, storage
from registry.authority import permits, require
from registry.canonical import digest_of
from registry.errors import InvalidInputError, PermissionRefusedError
from registry.events import Event
from registry.models import Person, RegisteredModel


@recorded("model")
def classify_model(
    *, actor: Person, model: RegisteredModel, answers: Mapping[str, Any], reasons: str, password: str, otp: str = ""
) -> Classification:
    """Record a legal reviewer's signed classification; the model takes the risk class that follows from it.

    Raises PermissionRefusedError, ServiceAccountError, WrongCredentialError, or InvalidInputError naming the question.
    """
    model = RegisteredModel.objects.select_for_update().get(pk=model.pk)
    require(actor, "governance.classify_model", model)
    method = prove(actor, password=password, otp=otp)
    if not reasons.strip():
        raise InvalidInputError("Give the reasons for the answers.", field="reasons")
    catalogue, now = Catalogue.load(), timezone.now()
    given = Answers.from_document(answers, catalogue)
    found = classify(given, catalogue, now.date())
    document = _document_of(found)
    made = Classification(
        model=model,
        answers=given.to_document(),
        reasons=reasons,
        outcome=found.outcome,
        document=document,
        as_of=now.date(),
        signed_by=actor,
        printed_name=actor.printed_name,
        method=method,
        signed_at=now,
    )
    made.save()
    model.risk_class, model.role = found.risk_class, given.role
    model.save(update_fields=["risk_class", "role"])
    ledger.append(
        Event.MODEL_CLASSIFIED,
        subject=subject_id(model),
        actor=actor,
        facts={
            "classification": made.pk,
            "outcome": found.outcome,
            "risk_class": found.risk_class,
            "answers": digest_of(made.answers),
            "document": digest_of(document),
            "method": method,
            "reasons": ledger.commit_text(reasons),
        },
    )
    return made


@recorded("model")
def assign_control(
    *, actor: Person, model: RegisteredModel, control_id: str, owner: Person, due: date
) -> ControlAssignment:
    """Say who owes the answer to a control, and by when. Raises PermissionRefusedError or InvalidInputError."""
    require(actor, "governance.classify_model", model)
    _question(control_id)
    if not permits(owner, "governance.attest_control", model):
        raise InvalidInputError(f"{owner.get_username()} may not answer for controls of {model.slug}.", field="owner")
    if due < timezone.now().date():
        raise InvalidInputError("The day is in the past.", field="due")
    made = ControlAssignment(
        model=model, control_id=control_id, owner=owner, due=due, assigned_by=actor, assigned_at=timezone.now()
    )
    made.save()
    facts = {"control": control_id, "owner": owner.pseudonym, "due": due.isoformat()}
    ledger.append(Event.CONTROL_ASSIGNED, subject=subject_id(model), actor=actor, facts=facts)
    return made


@recorded("model")
def attest(
    *,
    actor: Person,
    model: RegisteredModel,
    control_id: str,
    answer: str,
    expires_on: date,
    password: str,
    otp: str = "",
    evidence_digest: str = "",
) -> Attestation:
    """A person's signed answer to a control. Where the control was assigned, only its owner answers.

    Raises PermissionRefusedError, ServiceAccountError, WrongCredentialError or InvalidInputError.
    """
    require(actor, "governance.attest_control", model)
    method = prove(actor, password=password, otp=otp)
    question = _question(control_id)
    owed = ControlAssignment.objects.filter(model=model, control_id=control_id).select_related("owner").first()
    if owed is not None and owed.owner_id != actor.pk:
        raise PermissionRefusedError(f"{control_id} is owed by {owed.owner.printed_name}.", field="control_id")
    _require_answer(answer, expires_on, evidence_digest)
    made = Attestation(
        model=model,
        control_id=control_id,
        question=question,
        answer=answer,
        evidence_digest=evidence_digest,
        signed_by=actor,
        printed_name=actor.printed_name,
        method=method,
        signed_at=timezone.now(),
        expires_on=expires_on,
    )
    made.save()
    ledger.append(
        Event.CONTROL_ATTESTED,
        subject=subject_id(model),
        actor=actor,
        facts={
            "attestation": made.pk,
            "control": control_id,
            "evidence": evidence_digest,
            "expires_on": expires_on.isoformat(),
            "method": method,
            "answer": ledger.commit_text(answer),
        },
    )
    return made


def _document_of(found: Classified) -> dict[str, Any]:
    return {
        "steps": [{"says": step.says, "controls": list(step.controls)} for step in found.steps],
        "fria": found.fria,
        "dpia": found.dpia,
        "controls": list(found.controls),
    }


def _require_answer(answer: str, expires_on: date, evidence_digest: str) -> None:
    if not answer.strip():
        raise InvalidInputError("Give the answer.", field="answer")
    if expires_on <= timezone.now().date():
        raise InvalidInputError("An answer ends on a later day.", field="expires_on")
    if evidence_digest and not storage.holds(evidence_digest):
        raise InvalidInputError(f"{evidence_digest} is not in the evidence store.", field="evidence_digest")


def _question(control_id: str) -> str:
    """The duty as the law stands. Raises InvalidInputError for what is no control, or repealed."""
    try:
        control = Catalogue.load().control(control_id)
    except UnknownControlError as error:
        raise InvalidInputError(str(error), field="control_id") from None
    if control.latest.repealed:
        raise InvalidInputError(f"{control.reference} is repealed.", field="control_id")
    return control.duty


def newest_classification(model: RegisteredModel, *, known: datetime | None = None) -> Classification | None:
    """The classification that counts; with `known`, the one that counted at that time."""
    signed = Classification.objects.filter(model=model)
    return (signed if known is None else signed.filter(signed_at__lte=known)).first()
