"""Builds a document that follows the points of a law, for one version, with the law of one day."""

from __future__ import annotations

from datetime import date

from django.utils import timezone, translation

from audits.frameworks.catalogue import Catalogue, Control
from audits.models import AuditRun
from audits.reports.dossier import OUTLINES, DossierDocument, Point
from audits.reports.parts import Identity
from governance.basis import basis_now
from governance.dossiers.answers import ANSWERS, HINTS, Records
from governance.dossiers.data_answers import Data
from governance.models import Attestation, ControlAssignment, PromotionRequest
from governance.reports import facts as report_facts
from governance.reports.document import seal_name, subject_of
from governance.version import PRODUCT_VERSION
from registry import closures
from registry.dataset_cards import cards_of
from registry.errors import InvalidInputError
from registry.models import ModelVersion
from registry.signing import keyring


def build_dossier(
    version: ModelVersion, *, kind: str, as_of: date, final: bool = False, language: str = "en", number: str = ""
) -> DossierDocument:
    """The document of that kind. Raises InvalidInputError for a kind there is not, or DossierIncompleteError."""
    if kind not in OUTLINES:
        raise InvalidInputError(f"The kinds are {', '.join(OUTLINES)}.", field="kind")
    # What the records say is English for ever, whoever asks; it is said in `language` where it is printed.
    with translation.override("en"):
        outline, catalogue = OUTLINES[kind], Catalogue.load()
        records = records_of(version)
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
            subject=subject_of(version),
            points=tuple(
                _point(control, catalogue.effective(control, as_of).text, records, as_of)
                for control in outline.controls(catalogue, as_of)
            ),
            final=final,
        )


def records_of(version: ModelVersion) -> Records:
    """What the answers read, with the newest finished audit of the version."""
    request = (
        PromotionRequest.objects.filter(version=version, run__state=AuditRun.State.CLOSED)
        .select_related("run")
        .order_by("-run__closed_at", "-pk")
        .first()
    )
    observations = request.run.observations.all() if request else ()
    return Records(
        version=version,
        inputs=tuple(version.inputs.select_related("dataset_version__dataset").order_by("role")),
        checks=tuple(report_facts.check_facts(observation) for observation in observations),
        findings=report_facts.finding_facts(basis_now(request)) if request else (),
        earlier=tuple(version.model.versions.filter(number__lt=version.number).order_by("number")),
        data=_data_of(version),
    )


def _data_of(version: ModelVersion) -> tuple[Data, ...]:
    """Every registered dataset version behind the version, with the card that counts now; the direct inputs first."""
    behind = list(
        closures.datasets_behind(version)
        .select_related("dataset__owner")
        .prefetch_related("derived_from__parent__dataset")
        .order_by("dataset__slug", "number")
    )
    cards = cards_of(behind)
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


def _point(control: Control, effective: str, records: Records, as_of: date) -> Point:
    model = records.version.model
    signed = Attestation.objects.filter(model=model, control_id=control.id, expires_on__gt=as_of).first()
    owed = ControlAssignment.objects.filter(model=model, control_id=control.id).select_related("owner").first()
    answers = ANSWERS.get(control.id)
    hints = HINTS.get(control.id)
    text = control.version(as_of) or control.latest
    return Point(
        control=control.id,
        reference=f"{control.framework} {control.reference}",
        duty=text.duty,
        effective=effective,
        recorded=answers(records) if answers else (),
        answer=signed.answer if signed else "",
        signed_by=signed.printed_name if signed else "",
        until=signed.expires_on if signed else None,
        owner=owed.owner.printed_name if owed else model.owner.printed_name,
        due=owed.due if owed else None,
        hints=hints(records) if hints else (),
    )
