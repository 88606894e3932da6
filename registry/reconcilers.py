"""The tables of this app that the ledger answers for. Loaded when the apps are ready."""

from __future__ import annotations

from typing import Any

from registry import fingerprints, lineage_events
from registry.models import (
    Dataset,
    DatasetCard,
    DatasetDerivation,
    DatasetVersion,
    DatasetWithdrawal,
    ErasedBlob,
    FingerprintBatch,
    LineageDelivery,
    ModelVersion,
    Person,
    RegisteredModel,
    RiskAcceptance,
    StageAssignment,
    VersionInput,
)
from registry.rows import reconciles


def _groups_of(person: Person) -> dict[str, Any]:
    return {"groups": sorted(person.groups.values_list("name", flat=True))}


reconciles(RegisteredModel)
reconciles(ModelVersion)
reconciles(VersionInput)
reconciles(Dataset)
reconciles(DatasetVersion)
reconciles(DatasetDerivation)
reconciles(DatasetCard, texts=("reason",))
reconciles(DatasetWithdrawal, texts=("reason",))
reconciles(RiskAcceptance, texts=("justification", "measures", "printed_name"))
reconciles(ErasedBlob)
reconciles(StageAssignment)
reconciles(FingerprintBatch, also=fingerprints.contents_of)  # through it every fingerprint that is held now
reconciles(LineageDelivery, also=lineage_events.contents_of)  # through it every event that it brought
reconciles(
    Person,
    texts=("username", "first_name", "last_name", "email"),
    omits=("last_login",),  # every sign-in changes it, and it decides nothing
    also=_groups_of,
    relations=(Person.groups.through,),
)
