"""The verbs on models and their versions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from registry import graph, ledger, storage
from registry.artifacts import require_accepted
from registry.authority import require
from registry.canonical import digest_of, is_digest
from registry.errors import AssayError, DuplicateError, InvalidInputError
from registry.events import Event
from registry.models import (
    ArtifactFormat,
    Blob,
    DatasetVersion,
    ModelVersion,
    Person,
    ProviderRole,
    RegisteredModel,
    RiskClass,
    VersionInput,
)

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
TASKS = ("binary_classification", "multiclass_classification", "regression", "ranking")


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDescription:
    """What whoever trained the version declares about it."""

    artifact_digest: str
    artifact_format: str
    signature: Mapping[str, Any]
    framework: str = ""
    source_run: str = ""
    code_revision: str = ""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    datasets: Mapping[str, DatasetVersion] = field(default_factory=dict)
    run_author: Person | None = None


@transaction.atomic
def register_model(
    *,
    actor: Person,
    slug: str,
    name: str,
    intended_purpose: str,
    risk_class: str,
    role: str = ProviderRole.PROVIDER,
    affected_persons: str = "",
    tags: Sequence[str] = (),
    owner: Person | None = None,
) -> RegisteredModel:
    """Register a model name. Raises PermissionRefusedError, InvalidInputError or DuplicateError."""
    require(actor, "registry.add_registeredmodel")
    require_slug(slug)
    if not intended_purpose.strip():
        raise InvalidInputError("Say what the model is for.", field="intended_purpose")
    if risk_class not in RiskClass.values:
        raise InvalidInputError(f"risk_class is one of {', '.join(RiskClass.values)}.", field="risk_class")
    if role not in ProviderRole.values:
        raise InvalidInputError(f"role is one of {', '.join(ProviderRole.values)}.", field="role")
    model, created = RegisteredModel.objects.get_or_create(
        slug=slug,
        defaults={
            "name": name or slug,
            "owner": owner or actor,
            "intended_purpose": intended_purpose,
            "risk_class": risk_class,
            "role": role,
            "affected_persons": affected_persons,
            "tags": list(tags),
        },
    )
    if not created:
        raise DuplicateError(f"A model {slug} is registered already.", field="slug")
    ledger.append(
        Event.MODEL_REGISTERED,
        subject=f"model:{slug}",
        actor=actor,
        facts={"risk_class": risk_class, "role": role, "owner": model.owner.pseudonym, "tags": list(tags)},
    )
    return model


@transaction.atomic
def register_version(*, actor: Person, model: RegisteredModel, description: VersionDescription) -> ModelVersion:
    """Add the next version of `model`.

    Raises PermissionRefusedError, InvalidInputError naming the field, or DuplicateError when these bytes are a version
    of this model already.
    """
    model = RegisteredModel.objects.select_for_update().get(pk=model.pk)
    require(actor, "registry.register_version", model)
    _require_description(description)
    if model.versions.filter(artifact_digest=description.artifact_digest).exists():
        raise DuplicateError(f"These bytes are a version of {model.slug} already.", field="artifact_digest")
    number = (model.versions.aggregate(newest=Max("number"))["newest"] or 0) + 1
    record = {
        "model": model.slug,
        "number": number,
        "artifact_digest": description.artifact_digest,
        "artifact_format": description.artifact_format,
        "framework": description.framework,
        "signature": dict(description.signature),
        "source_run": description.source_run,
        "code_revision": description.code_revision,
        "datasets": {role: dataset.record_digest for role, dataset in description.datasets.items()},
    }
    version = ModelVersion(
        model=model,
        number=number,
        artifact_digest=description.artifact_digest,
        artifact_format=description.artifact_format,
        framework=description.framework,
        signature=dict(description.signature),
        source_run=description.source_run,
        run_author=description.run_author,
        code_revision=description.code_revision,
        metrics=dict(description.metrics),
        record_digest=digest_of(record),
        created_by=actor,
        created_at=timezone.now(),
    )
    version.save()
    for role, dataset in description.datasets.items():
        VersionInput(version=version, dataset_version=dataset, role=role).save()
    graph.record_model_version(version)
    ledger.append(
        Event.VERSION_REGISTERED,
        subject=f"version:{version}",
        actor=actor,
        facts={**record, "record_digest": version.record_digest},
    )
    return version


def store_artifact(*, actor: Person, version: ModelVersion, content: BinaryIO) -> Blob:
    """Keep the bytes of a version.

    Raises DigestMismatchError unless they have the declared digest, ArtifactRefusedError for a kind of file that is
    never loaded here, InvalidInputError when empty or too large. Nothing is kept in any of these cases.
    """
    require(actor, "registry.register_version", version.model)
    try:
        require_accepted(content, declared=version.artifact_format)
    except AssayError as error:
        _record_refusal(actor, version, error)
        raise
    content.seek(0)
    with transaction.atomic():
        blob = storage.store_stream(
            content,
            media_type="application/octet-stream",
            declared=version.artifact_digest,
            limit=settings.ASSAY_MAX_ARTIFACT_BYTES,
        )
        ledger.append(
            Event.ARTIFACT_STORED,
            subject=f"version:{version}",
            actor=actor,
            facts={"digest": blob.digest, "size": blob.size},
        )
    return blob


@transaction.atomic
def _record_refusal(actor: Person, version: ModelVersion, error: AssayError) -> None:
    """A file that was refused is an event: the next one may come from the same hand."""
    ledger.append(
        Event.ACTION_REFUSED,
        subject=f"version:{version}",
        actor=actor,
        facts={"verb": "store_artifact", "code": error.code, "field": error.field},
    )


def require_slug(slug: str) -> None:
    """Raises InvalidInputError unless lower-case letters, digits and single hyphens, 80 at most."""
    if not SLUG.fullmatch(slug) or len(slug) > 80:  # noqa: PLR2004  (the column's width)
        raise InvalidInputError("A slug has lower-case letters, digits and hyphens, 80 at most.", field="slug")


def _require_description(description: VersionDescription) -> None:
    if not is_digest(description.artifact_digest):
        raise InvalidInputError("artifact_digest is sha256:<64 hex digits>.", field="artifact_digest")
    if description.artifact_format not in ArtifactFormat.values:
        raise InvalidInputError(
            f"artifact_format is one of {', '.join(ArtifactFormat.values)}. "
            "Pickle, joblib and cloudpickle run code on loading and are never accepted: save the model with skops.",
            field="artifact_format",
        )
    for role in description.datasets:
        if role not in VersionInput.Role.values:
            raise InvalidInputError(
                f"A dataset role is one of {', '.join(VersionInput.Role.values)}.", field="datasets"
            )
    _require_signature(description.signature)
    for role, dataset in description.datasets.items():
        _require_columns(role, dataset, description.signature)


def _require_columns(role: str, dataset: DatasetVersion, signature: Mapping[str, Any]) -> None:
    """What the model asks for must be in the data. Predictions already made need no features beside them."""
    names = {column["name"] for column in dataset.columns}
    if not names or role in (VersionInput.Role.REFERENCE, VersionInput.Role.ATTRIBUTIONS):
        return
    predicted = any("prediction" in column["tags"] or "score" in column["tags"] for column in dataset.columns)
    wanted = [("signature.target", signature["target"])]
    wanted += [] if predicted else [("signature.features", name) for name in signature["features"]]
    for place, name in wanted:
        if name not in names:
            raise InvalidInputError(
                f"The {role} data {dataset} has no column {name!r}; it has {', '.join(sorted(names))}.", field=place
            )


def _require_signature(signature: Mapping[str, Any]) -> None:
    if signature.get("task") not in TASKS:
        raise InvalidInputError(f"signature.task is one of {', '.join(TASKS)}.", field="signature.task")
    features = signature.get("features")
    if not isinstance(features, list) or not features or not all(isinstance(name, str) for name in features):
        raise InvalidInputError("signature.features is the ordered list of column names.", field="signature.features")
    if not isinstance(signature.get("target"), str):
        raise InvalidInputError("signature.target is the name of the label column.", field="signature.target")
    if signature["target"] in features:
        raise InvalidInputError("The target is among the features.", field="signature.features")
    if signature["task"] == "binary_classification" and "positive_label" not in signature:
        raise InvalidInputError("Say which label is the positive one.", field="signature.positive_label")
    threshold = signature.get("threshold", 0.5)
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
        raise InvalidInputError("signature.threshold lies between 0 and 1.", field="signature.threshold")
