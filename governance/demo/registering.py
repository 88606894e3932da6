"""The first half of the demo: data, two model versions, policies in force."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import date
from typing import Any

from governance.demo.people import PASSWORD
from governance.demo.training import Tables, Trained, csv_of
from governance.models import PolicyVersion
from governance.policy_versions import LIBRARY, activate_policy, draft_policy
from registry.canonical import digest
from registry.dataset_cards import card_of, write_card
from registry.datasets import DatasetDescription, register_dataset, register_dataset_version
from registry.errors import DuplicateError
from registry.models import Dataset, DatasetVersion, ModelVersion, Person, RegisteredModel
from registry.versions import VersionDescription, register_model, register_version, store_artifact

IN_FORCE = ("baseline", "high_risk", "minimal")


def put_policies_into_force(people: dict[str, Person]) -> list[PolicyVersion]:
    """Carla drafts the library, Rosa puts the general ones into force. Returns all of them, by slug."""
    versions = []
    for path in sorted(LIBRARY.glob("*.yaml")):
        try:
            version = draft_policy(actor=people["carla"], source=path.read_text(encoding="utf-8"))
        except DuplicateError:
            version = PolicyVersion.objects.filter(policy__slug=path.stem).order_by("-number")[0]
        if path.stem in IN_FORCE and version.current_status == "draft":
            activate_policy(
                actor=people["rosa"], policy_version=version, password=PASSWORD, reason="Adopted as our policy."
            )
        versions.append(version)
    return versions


def register_the_model(tables: Tables, maya: Person) -> RegisteredModel:
    """The model of the recipe; the one from an earlier demo if it is there."""
    recipe = tables.recipe
    existing = RegisteredModel.objects.filter(slug=recipe.slug).first()
    return existing or register_model(
        actor=maya,
        slug=recipe.slug,
        name=recipe.name,
        intended_purpose=recipe.purpose,
        risk_class="high",
        affected_persons=recipe.affected,
        tags=["demo"],
    )


def register_undocumented_export(tables: Tables, maya: Person) -> DatasetVersion:
    """The whole export as somebody found it: no licence, no legal basis."""
    return _dataset(
        maya,
        f"{tables.recipe.slug}-export-copy",
        tables,
        csv_of(tables.export),
        DatasetDescription(
            digest=digest(csv_of(tables.export)),
            columns=tables.columns(),
            row_count=len(tables.export),
            source="a file share",
            personal_data=True,
        ),
    )


def register_documented_data(tables: Tables, maya: Person) -> dict[str, DatasetVersion]:
    """The export with its facts, and the two halves that a split job made of it."""
    recipe = tables.recipe
    facts: dict[str, Any] = {
        "columns": tables.columns(),
        "licence": recipe.licence,
        "legal_basis": "GDPR Art. 6(1)(e): task in the public interest",
        "purpose": recipe.purpose,
        "retention_until": date(date.today().year + 3, 12, 31),  # noqa: DTZ011  (a calendar day, no instant)
        "personal_data": True,
    }
    content = csv_of(tables.export)
    export = _dataset(
        maya,
        f"{recipe.slug}-register",
        tables,
        content,
        DatasetDescription(digest=digest(content), row_count=len(tables.export), source=recipe.source, **facts),
    )
    halves = {}
    for role, frame in (("train", tables.train), ("evaluation", tables.evaluation)):
        content = csv_of(frame)
        halves[role] = _dataset(
            maya,
            f"{recipe.slug}-{role}",
            tables,
            content,
            DatasetDescription(
                digest=digest(content),
                row_count=len(frame),
                job=f"{recipe.slug}.split",
                derived_from=[export],
                **facts,
            ),
        )
    return halves


def write_cards(tables: Tables, data: Mapping[str, DatasetVersion], dora: Person) -> None:
    """Dora writes what she knows of the register and of its two halves; what stands there already stays."""
    recipe = tables.recipe
    today = date.today()  # noqa: DTZ011  (a calendar day, no instant)
    register = data["train"].derived_from.select_related("parent__dataset__owner").get().parent
    for version in (register, *data.values()):
        if version.cards.exists():
            continue
        derived = version != register
        document = {
            "source": "" if derived else recipe.source,
            "licence": recipe.licence,
            "personal_data": True,
            "legal_basis": "6(1)(e)",
            "legal_basis_reason": "A task in the public interest that the demo made up.",
            "special_categories": list(recipe.special_categories),
            "special_exception": "9(2)(h)" if recipe.special_categories else "",
            "purposes": [recipe.purpose],
            "retention_until": date(today.year + 3, 12, 31),
            "regions": ["DE"],
            "data_subjects": [recipe.affected],
            "recipients": ["The team that runs the model"],
            "security_measures": "Held in the evidence store, read by the worker only.",
            "collected_from": recipe.collected_from,
            "preparation": f"Split at random by {recipe.slug}.split." if derived else "None beyond age bands.",
            "assumptions": f"{recipe.target} is what the purpose asks for.",
            "setting": recipe.affected,
            "known_gaps": "Published for teaching; nobody checked whom it leaves out.",
            "columns": {name: ["pii", "sensitive"] for name in recipe.sensitive if name in tables.export.columns},
        }
        write_card(
            actor=dora,
            version=version,
            document=document,
            reason="Written from the publication of the data.",
            replaces=card_of(version).digest,
        )


def register_the_version(
    *,
    model: RegisteredModel,
    maya: Person,
    trained: Trained,
    threshold: float,
    tables: Tables,
    datasets: dict[str, DatasetVersion],
    run: str,
) -> ModelVersion:
    """One version with its bytes."""
    recipe = tables.recipe
    version = register_version(
        actor=maya,
        model=model,
        description=VersionDescription(
            artifact_digest=digest(trained.content),
            artifact_format="skops",
            framework="scikit-learn",
            signature={
                "task": "binary_classification",
                "features": trained.features,
                "target": recipe.target,
                "positive_label": recipe.positive,
                "threshold": threshold,
            },
            source_run=run,
            run_author=maya,
            code_revision="demo",
            metrics={"train_accuracy": round(trained.train_accuracy, 4)},
            datasets=datasets,
        ),
    )
    store_artifact(actor=maya, version=version, content=io.BytesIO(trained.content))
    return version


def _dataset(
    maya: Person, slug: str, tables: Tables, content: bytes, description: DatasetDescription
) -> DatasetVersion:
    dataset = Dataset.objects.filter(slug=slug).first() or register_dataset(
        actor=maya, slug=slug, name=f"{tables.recipe.name}: {slug.rsplit('-', 1)[-1]}"
    )
    existing = dataset.versions.filter(digest=description.digest).first()
    return existing or register_dataset_version(
        actor=maya, dataset=dataset, description=description, content=io.BytesIO(content)
    )
