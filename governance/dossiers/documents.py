"""Builds a document that follows the points of a law, for one version, with the law and the records of one day."""

from __future__ import annotations

import dataclasses
from datetime import date

from django.utils import timezone, translation

from audits.frameworks.catalogue import Catalogue, Control
from audits.reports.dossier import OUTLINES, DossierDocument, Point
from audits.reports.figures import day
from audits.reports.parts import Identity, Subject
from governance.basis import basis_then
from governance.dossiers.answers import ANSWERS, HINTS, Records
from governance.dossiers.data_answers import Data, lacking
from governance.law.classifications import newest_classification
from governance.models import Attestation, ControlAssignment
from governance.moments import Moment
from governance.reports import facts as report_facts
from governance.reports.document import seal_name, subject_of
from governance.reports.portfolio_records import standings
from governance.version import PRODUCT_VERSION
from registry import closures
from registry.dataset_cards import cards_of
from registry.errors import InvalidInputError
from registry.models import ModelVersion, RegisteredModel
from registry.models.model_versions import ProviderRole, RiskClass
from registry.signing import keyring

NAMES_NOW = "Names, owners, the intended purpose and the affected persons are told as they are now."
LINEAGE_NOW = "Which data stands behind the version is told from the lineage of now, with the cards of the day."
NOT_CLASSIFIED = "The model had not been classified, so no person has settled whether this document is due."
REGISTERED_LATER = "The version was registered only after that day, and is told as it was registered."


def build_dossier(
    version: ModelVersion, *, kind: str, as_of: date, final: bool = False, language: str = "en", number: str = ""
) -> DossierDocument:
    """The document of that kind. Raises InvalidInputError for a kind there is not, or DossierIncompleteError."""
    if kind not in OUTLINES:
        raise InvalidInputError(f"The kinds are {', '.join(OUTLINES)}.", field="kind")
    # What the records say is English for ever, whoever asks; it is said in `language` where it is printed.
    with translation.override("en"):
        outline, catalogue = OUTLINES[kind], Catalogue.load()
        moment = Moment.of(as_of, now=timezone.now())
        records = records_of(version, moment)
        return DossierDocument(
            identity=Identity(
                number=number or f"{kind.upper()}-{version.model.slug}-{version.number}"[:40],
                generated_at=timezone.now(),
                as_of=as_of,
                product_version=PRODUCT_VERSION,
                title=outline.title,
                language=language,
                seal_name=seal_name(),
                development_seal=keyring().is_development,
            ),
            kind=kind,
            subject=_subject_of(version, moment),
            points=tuple(
                _point(control, catalogue.effective(control, as_of).text, records, moment)
                for control in outline.controls(catalogue, as_of)
            ),
            final=final,
            records_of=moment.known.date(),
            told_now=_told_now(version, moment),
            owed=_owed(version, kind, moment),
        )


def _subject_of(version: ModelVersion, moment: Moment) -> Subject:
    """With the risk class and role that the classification of that day gave it."""
    standing = standings(RegisteredModel.objects.filter(pk=version.model_id), moment)[version.model_id]
    return dataclasses.replace(
        subject_of(version),
        risk_class=str(RiskClass(standing.risk_class).label),
        role=str(ProviderRole(standing.role).label),
    )


def _owed(version: ModelVersion, kind: str, moment: Moment) -> str:
    """Whether the document is due, by the classification that counted on the day."""
    classified = newest_classification(version.model, known=moment.known)
    if classified is None:
        return NOT_CLASSIFIED
    # Two assessments hang on answers of their own; the rest on whether any of its duties fell on the model.
    held = {control for control in classified.document["controls"] if control.startswith(OUTLINES[kind].prefixes)}
    due = classified.document[kind] if kind in ("fria", "dpia") else bool(held)
    return f"By the classification of {day(classified.signed_at)} this document is {'due' if due else 'not due'}."


def _told_now(version: ModelVersion, moment: Moment) -> tuple[str, ...]:
    """What a document about a day that has passed cannot tell as of that day, in sentences of its own."""
    if moment.day >= timezone.now().date():
        return ()
    later = version.created_at > moment.known
    return (NAMES_NOW, LINEAGE_NOW, REGISTERED_LATER) if later else (NAMES_NOW, LINEAGE_NOW)


def records_of(version: ModelVersion, moment: Moment) -> Records:
    """What the answers read, with the newest audit of the version that was finished by then."""
    basis = basis_then(version, moment)
    observations = basis.run.observations.all() if basis else ()
    return Records(
        version=version,
        inputs=tuple(version.inputs.select_related("dataset_version__dataset").order_by("role")),
        checks=tuple(report_facts.check_facts(observation) for observation in observations),
        findings=report_facts.finding_facts(basis) if basis else (),
        earlier=tuple(version.model.versions.filter(number__lt=version.number).order_by("number")),
        data=_data_of(version, moment),
    )


def _data_of(version: ModelVersion, moment: Moment) -> tuple[Data, ...]:
    """Every registered dataset version behind the version, with the card that counted then; the direct inputs first.

    What stands behind what is read from the lineage of now: where it was filled in later, the fuller picture is told.
    """
    behind = list(
        closures.datasets_behind(version)
        .select_related("dataset__owner")
        .prefetch_related("derived_from__parent__dataset")
        .order_by("dataset__slug", "number")
    )
    cards = cards_of(behind, known=moment.known)
    roles = {use.dataset_version_id: use.get_role_display() for use in version.inputs.all()}
    found = [
        Data(
            name=str(one),
            card=cards[one.pk],
            role=roles.get(one.pk, ""),
            rows=one.row_count,
            columns=len(one.columns),
            derived_from=tuple(str(derivation.parent) for derivation in one.derived_from.all()),
        )
        for one in behind
    ]
    return tuple(sorted(found, key=lambda one: (not one.role, one.name)))


def _point(control: Control, effective: str, records: Records, moment: Moment) -> Point:
    model = records.version.model
    answered = Attestation.objects.filter(model=model, control_id=control.id, signed_at__lte=moment.known)
    signed = answered.filter(expires_on__gt=moment.day).first()
    assigned = ControlAssignment.objects.filter(model=model, control_id=control.id, assigned_at__lte=moment.known)
    owed = assigned.select_related("owner").first()
    answers = ANSWERS.get(control.id)
    recorded = answers(records) if answers else ()
    hints = HINTS[control.id](records) if control.id in HINTS else ()
    text = control.version(moment.day) or control.latest
    return Point(
        control=control.id,
        reference=f"{control.framework} {control.reference}",
        duty=text.duty,
        effective=effective,
        recorded=recorded,
        answer=signed.answer if signed else "",
        signed_by=signed.printed_name if signed else "",
        until=signed.expires_on if signed else None,
        owner=owed.owner.printed_name if owed else model.owner.printed_name,
        due=owed.due if owed else None,
        hints=hints or (() if recorded or signed else lacking(control.id, records.data)),
        title=control.title,
    )
