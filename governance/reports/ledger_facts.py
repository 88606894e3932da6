"""The ledger entries a report stands on, each with its proof under the newest checkpoint."""

from __future__ import annotations

import base64

from audits.reports import parts
from governance.basis import Basis
from governance.models import PromotionRequest
from governance.refusals import subject_id
from governance.signatures.key_enrolments import subject_of
from registry import ledger
from registry.canonical import digest
from registry.models import Checkpoint, LedgerEntry


def ledger_facts(basis: Basis) -> parts.LedgerFacts:
    """Entries of the request, its version, policy and run, up to the decision, that the newest checkpoint covers."""
    checkpoint = Checkpoint.objects.first()
    if checkpoint is None:
        return parts.LedgerFacts()
    request = basis.request
    subjects = [
        subject_id(request),
        f"version:{request.version}",
        f"policy:{request.policy_version}",
        f"run:{basis.run.pk}",
        *_keys_of(request),
    ]
    end = checkpoint.size if basis.entry is None else min(checkpoint.size, basis.entry + 1)
    entries = LedgerEntry.objects.filter(subject__in=subjects, index__lt=end).order_by("index")
    return parts.LedgerFacts(
        checkpoint=checkpoint.note,
        entries=tuple(
            parts.LedgerEntryFacts(
                index=entry.index,
                body=bytes(entry.body),
                proof=tuple(part.hex() for part in ledger.inclusion_proof(entry.index, checkpoint.size)),
                title=entry.event,
                leaf_hash=bytes(entry.leaf_hash).hex(),
            )
            for entry in entries
        ),
    )


def _keys_of(request: PromotionRequest) -> list[str]:
    """The security keys that reviews are signed with: their entries say whose each is, and who confirmed it."""
    papers = request.reviews.filter(assertion__isnull=False).values_list("assertion__public_key", flat=True)
    return [subject_of(digest(base64.b64decode(public))) for public in papers]
