"""The documents of `governance.dossiers.documents` on paper: ordered by a person, sealed by a worker, found again."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils import timezone

from audits.models import Report
from audits.reports.dossier import OUTLINES, render_markdown
from governance import reporting
from governance.dossiers.documents import build_dossier
from governance.refusals import recorded, subject_id
from governance.reports import bundle as report_bundle
from governance.reports import issuing
from registry import ledger, work
from registry.authority import require
from registry.events import Event
from registry.models import ModelVersion, Person

DOSSIER_WORK = "governance.dossier"
#: The end of the number of a document that may still have open points.
DRAFT = "-DRAFT"


@recorded("version")
def order_dossier(
    *, actor: Person, version: ModelVersion, kind: str, as_of: date, final: bool = False, language: str = "en"
) -> str:
    """Have a document put on paper and sealed; the number under which it will be found.

    Raises PermissionRefusedError, InvalidInputError, or DossierIncompleteError: a final document with open points is
    refused at once, and again by the worker.
    """
    require(actor, "registry.read_report", version.model)
    reporting.require_language(language)
    reporting.require_day(as_of)
    build_dossier(version, kind=kind, as_of=as_of, final=final)
    number = f"{OUTLINES[kind].kind.upper()}-{timezone.now():%Y%m%d}-{uuid.uuid4().hex[:8].upper()}"
    number = number if final else number + DRAFT
    payload = {
        "number": number,
        "version": version.pk,
        "kind": kind,
        "as_of": as_of.isoformat(),
        "final": final,
        "language": language,
    }
    work.enqueue(kind=DOSSIER_WORK, key=f"dossier:{number}", payload=payload)
    facts = {"number": number, "as_of": as_of.isoformat(), "language": language}
    ledger.append(Event.REPORT_ORDERED, subject=subject_id(version), actor=actor, facts=facts)
    return number


def issue_dossier(order: Mapping[str, Any]) -> Report:
    """Do what was ordered. Raises DossierIncompleteError when a point of a final document was opened since."""
    version = ModelVersion.objects.select_related("model__owner", "created_by").get(pk=order["version"])
    document = build_dossier(
        version,
        kind=order["kind"],
        as_of=date.fromisoformat(order["as_of"]),
        final=order["final"],
        language=order["language"],
        number=order["number"],
    )
    facts = {"model": version.model.slug, "version": version.number, "artifact": version.artifact_digest}
    report, _ = issuing.issue(
        issuing.Issue(
            document=document, kind=order["kind"], subject=subject_id(version), facts={"kind": order["kind"]}
        ),
        lambda sealed: report_bundle.pack_document(
            document, sealed=sealed, facts=facts, markdown=render_markdown(document)
        ),
    )
    return report


def newest_dossier(
    version: ModelVersion, kind: str, *, as_of: date | None = None, final: bool = False, language: str = "en"
) -> Report | None:
    """The last sealed document of that kind; only a final one where `final` is asked for."""
    found = Report.objects.filter(subject=subject_id(version), kind=kind, language=language).order_by("-created_at")
    found = found.filter(as_of=as_of) if as_of else found
    return found.exclude(number__endswith=DRAFT).first() if final else found.first()
