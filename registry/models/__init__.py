"""The records. One module a noun; every table but the four mutable ones is append-only."""

from registry.models.blobs import Blob, ErasedBlob
from registry.models.datasets import Dataset, DatasetCard, DatasetDerivation, DatasetVersion, DatasetWithdrawal
from registry.models.fingerprints import FingerprintBatch, RecordFingerprint
from registry.models.ledger import Checkpoint, ErasableText, LedgerEntry, LedgerHead, LedgerNode
from registry.models.lineage import (
    LineageColumnEdge,
    LineageDelivery,
    LineageEdge,
    LineageEvent,
    LineageNode,
    MlflowModel,
)
from registry.models.model_versions import (
    ArtifactFormat,
    ModelVersion,
    ProviderRole,
    RegisteredModel,
    RiskClass,
    VersionInput,
)
from registry.models.people import Person
from registry.models.recalls import RiskAcceptance
from registry.models.stages import StageAssignment
from registry.models.work import WorkItem

__all__ = [
    "ArtifactFormat",
    "Blob",
    "Checkpoint",
    "Dataset",
    "DatasetCard",
    "DatasetDerivation",
    "DatasetVersion",
    "DatasetWithdrawal",
    "ErasableText",
    "ErasedBlob",
    "FingerprintBatch",
    "LedgerEntry",
    "LedgerHead",
    "LedgerNode",
    "LineageColumnEdge",
    "LineageDelivery",
    "LineageEdge",
    "LineageEvent",
    "LineageNode",
    "MlflowModel",
    "ModelVersion",
    "Person",
    "ProviderRole",
    "RecordFingerprint",
    "RegisteredModel",
    "RiskAcceptance",
    "RiskClass",
    "StageAssignment",
    "VersionInput",
    "WorkItem",
]
