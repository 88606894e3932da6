"""The verb that explains one decision to one person, as a sealed page and as JSON. Neither is kept here."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audits.individuals import explanation_pack
from audits.reports.explanation import ExplanationDocument, rights
from audits.reports.parts import Identity
from governance import reporting
from governance.models import GateDecision, Review
from governance.refusals import recorded
from governance.reports.document import seal_name, subject_of
from governance.version import PRODUCT_VERSION
from registry import ledger
from registry.authority import require
from registry.canonical import digest
from registry.events import Event
from registry.models import ModelVersion, Person
from registry.signing import keyring

PERMISSION = "registry.read_report"
TITLE = "Explanation of one decision"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenExplanation:
    """`evidence` is the JSON, which is also inside `sealed`, the page as a sealed PDF; `entry` tells of both."""

    document: ExplanationDocument
    evidence: bytes
    sealed: bytes
    entry: int

    @property
    def number(self) -> str:
        """Under which the page goes."""
        return self.document.identity.number


def explain_decision(
    *,
    actor: Person,
    version: ModelVersion,
    row: Mapping[str, Any],
    mutable: Sequence[str] = (),
    as_of: date | None = None,
    language: str = "en",
) -> GivenExplanation:
    """Explain the decision about `row`; `mutable` as `income=+`, `debts=-` or `job`.

    `as_of` is the day whose law is told, today unless given.

    Measured, drawn and sealed outside of any transaction; what stays is a ledger entry with the digests of version and
    file. Raises PermissionRefusedError, InvalidInputError or EvidenceMissingError.
    """
    ask_for_explanation(actor=actor, version=version)
    reporting.require_language(language)
    now = timezone.now()
    day = as_of or now.date()
    reporting.require_day(day)
    # The renderer pulls in WeasyPrint (in a process of its own) and pyHanko, which nothing else in the web needs.
    from audits.reports.render import evidence_bytes, render_pdf  # noqa: PLC0415
    from audits.reports.seal import seal_pdf  # noqa: PLC0415

    pack = explanation_pack(version=version, row=row, mutable=mutable, approval=approval_of(version))
    identity = _identity(now, day, language)
    document = ExplanationDocument(identity=identity, subject=subject_of(version), pack=pack, rights=rights(day))
    evidence = evidence_bytes(document)
    reason = f"Explanation {document.identity.number}"
    sealed = seal_pdf(render_pdf(document), keyring=keyring(), reason=reason, tsa_url=settings.ASSAY_TSA_URL)
    with transaction.atomic():
        entry = ledger.append(
            Event.EXPLANATION_GIVEN,
            subject=f"version:{version}",
            actor=actor,
            facts={
                "number": document.identity.number,
                "version": version.record_digest,
                "evidence": digest(evidence),
                "file": digest(sealed),
            },
        )
    return GivenExplanation(document=document, evidence=evidence, sealed=sealed, entry=entry.index)


def _identity(now: datetime, day: date, language: str) -> Identity:
    return Identity(
        number=f"EX-{now:%Y%m%d}-{secrets.token_hex(4).upper()}",
        generated_at=now,
        as_of=day,
        product_version=PRODUCT_VERSION,
        title=TITLE,
        language=language,
        seal_name=seal_name(),
        development_seal=keyring().is_development,
    )


@recorded("version")
def ask_for_explanation(*, actor: Person, version: ModelVersion) -> None:
    """Raises PermissionRefusedError, which the ledger keeps, unless `actor` may explain decisions of this model."""
    require(actor, PERMISSION, version.model)


def approval_of(version: ModelVersion) -> dict[str, Any]:
    """The newest decision that opened a gate for the version, in words; empty where there is none.

    Reviewers are told by their roles: whoever asks about a decision on themselves learns no names of staff.
    """
    decisions = GateDecision.objects.filter(version=version, outcome="open").select_related("request__policy_version")
    decision = decisions.order_by("-decided_at", "-pk").first()
    if decision is None:
        return {}
    given = decision.request.reviews.filter(verdict=Review.Verdict.APPROVE, round=decision.document["round"])
    return {
        "stage": decision.stage,
        "decided_at": ledger.utc_text(decision.decided_at),
        "policy": str(decision.request.policy_version),
        "reviewed_by": sorted({role.replace("_", " ") for role in given.values_list("role", flat=True)}),
        "decision": decision.digest,
    }
