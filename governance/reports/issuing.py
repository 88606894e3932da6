"""Any document of ours as a thing: drawn, sealed, bundled, kept under its number, told in the ledger.

What a document says is made elsewhere: `governance.reports.document` and `portfolio`, `governance.dossiers`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audits.models import Report
from registry import ledger, storage
from registry.events import Event
from registry.models import Blob
from registry.signing import keyring

if TYPE_CHECKING:
    from audits.reports.render import Document, Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """What is issued: a document of a kind about a subject; `facts` go into the ledger beside the digests."""

    document: Document
    kind: str
    subject: str
    facts: Mapping[str, str]


def issue(order: Issue, bundled: Callable[[bytes], bytes]) -> tuple[Report, Blob]:
    """Draw, seal, check and keep a document; `bundled` makes the bundle from the sealed file.

    The heavy part runs outside any transaction. Issuing the same number twice keeps the first. Raises RenderError,
    SealError, or what the forms in the bundle raise: what cannot be told in all forms is not issued.
    """
    # The renderer and pyHanko are for workers; the web process never loads them.
    from audits.reports.render import evidence_bytes  # noqa: PLC0415

    identity = order.document.identity
    sealed = sealed_pdf(order.document)
    packed = bundled(sealed)
    with transaction.atomic():
        blob = storage.store_bytes(sealed, media_type="application/pdf")
        evidence = storage.store_bytes(evidence_bytes(order.document), media_type="application/json")
        bundle = storage.store_bytes(packed, media_type="application/zip")
        existing = Report.objects.filter(number=identity.number).first()
        if existing is not None:
            return existing, blob
        report = Report(
            number=identity.number,
            kind=order.kind,
            subject=order.subject,
            language=identity.language,
            as_of=identity.as_of,
            file_digest=blob.digest,
            evidence_digest=evidence.digest,
            bundle_digest=bundle.digest,
            created_at=timezone.now(),
        )
        report.save()
        digests = {"file": blob.digest, "evidence": evidence.digest, "bundle": bundle.digest}
        ledger.append(
            Event.REPORT_SEALED, subject=report.subject, facts={"number": identity.number, **digests, **order.facts}
        )
    return report, blob


def sealed_pdf(document: Document, layout: Layout | None = None) -> bytes:
    """The document on paper with the seal of the service, checked as a reader would check it."""
    from audits.reports.render import render_pdf  # noqa: PLC0415
    from audits.reports.seal import seal_pdf  # noqa: PLC0415

    drawn = render_pdf(document, layout)
    reason = f"{document.identity.title} {document.identity.number}"[:200]
    return seal_pdf(drawn, keyring=keyring(), reason=reason, tsa_url=settings.ASSAY_TSA_URL)
