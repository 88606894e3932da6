"""The ledger entries a report stands on, each with its proof under the newest checkpoint."""

from __future__ import annotations

from audits.reports import parts
from governance.models import PromotionRequest
from governance.refusals import subject_id
from registry import ledger
from registry.models import Checkpoint, LedgerEntry


def ledger_facts(request: PromotionRequest) -> parts.LedgerFacts:
    """Entries of the request, its version, its policy and its run that the newest checkpoint covers, oldest first."""
    checkpoint = Checkpoint.objects.first()
    if checkpoint is None:
        return parts.LedgerFacts()
    subjects = [
        subject_id(request),
        f"version:{request.version}",
        f"policy:{request.policy_version}",
        f"run:{request.run_id}",
    ]
    entries = LedgerEntry.objects.filter(subject__in=subjects, index__lt=checkpoint.size).order_by("index")
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
