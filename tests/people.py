"""The people of every story, and the model they argue about.

Maya requests, Victor and Vera validate, Rosa is risk officer, Dora is data protection officer, Carla is compliance
officer, Otto is an outsider, Ada administers, and Pia is a pipeline.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

import pytest

from governance.access.roles import group_for
from governance.models.access import Role
from registry.canonical import digest
from registry.datasets import DatasetDescription, register_dataset, register_dataset_version
from registry.models import DatasetVersion, ModelVersion, Person, RegisteredModel
from registry.versions import VersionDescription, register_model, register_version

PASSWORD = "correct horse battery staple"


def person(username: str, *roles: Role, full_name: str = "", **fields: Any) -> Person:
    first, _, last = (full_name or username.capitalize()).partition(" ")
    made = Person.objects.create_user(username, password=PASSWORD, first_name=first, last_name=last, **fields)
    made.groups.set([group_for(role) for role in roles])
    return made


@pytest.fixture
def maya(db: None) -> Person:
    return person("maya", Role.DATA_SCIENTIST, full_name="Maya Medina", is_staff=True)


@pytest.fixture
def victor(db: None) -> Person:
    return person("victor", Role.MODEL_VALIDATOR, full_name="Victor Vance", is_staff=True)


@pytest.fixture
def vera(db: None) -> Person:
    return person("vera", Role.MODEL_VALIDATOR, full_name="Vera Vogel", is_staff=True)


@pytest.fixture
def rosa(db: None) -> Person:
    return person("rosa", Role.RISK_OFFICER, full_name="Rosa Reyes", is_staff=True)


@pytest.fixture
def dora(db: None) -> Person:
    return person("dora", Role.DATA_PROTECTION_OFFICER, full_name="Dora Dahl", is_staff=True)


@pytest.fixture
def carla(db: None) -> Person:
    return person("carla", Role.COMPLIANCE_OFFICER, full_name="Carla Conti", is_staff=True)


@pytest.fixture
def mel(db: None) -> Person:
    return person("mel", Role.ML_ENGINEER, full_name="Mel Moreau", is_staff=True)


@pytest.fixture
def otto(db: None) -> Person:
    return person("otto", full_name="Otto Olsen", is_staff=True)


@pytest.fixture
def ada(db: None) -> Person:
    return person("ada", Role.ADMINISTRATOR, full_name="Ada Adler", is_staff=True, is_superuser=True)


@pytest.fixture
def pia(db: None) -> Person:
    """A pipeline's account."""
    return person("pia", Role.OPERATOR, is_service=True)


COLUMNS = [
    {"name": "age", "type": "integer", "tags": ["feature"]},
    {"name": "bmi", "type": "number", "tags": ["feature"]},
    {"name": "sex", "type": "string", "tags": ["sensitive"]},
    {"name": "outcome", "type": "integer", "tags": ["target"]},
    {"name": "prediction", "type": "integer", "tags": ["prediction"]},
]
SIGNATURE = {
    "task": "binary_classification",
    "features": ["age", "bmi"],
    "target": "outcome",
    "positive_label": 1,
    "threshold": 0.5,
}


def csv_bytes(rows: list[dict[str, Any]]) -> bytes:
    """The rows as CSV, with the columns of the first one."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def fair_rows(count: int = 400) -> list[dict[str, Any]]:
    """Rows in which the prediction is the outcome, and both are as frequent among women as among men."""
    return [
        {
            "age": 20 + row % 50,
            "bmi": 20 + (row % 17) / 2,
            "sex": "female" if row % 2 else "male",
            "outcome": (row // 2) % 2,
            "prediction": (row // 2) % 2,
        }
        for row in range(count)
    ]


def unfair_rows(count: int = 400) -> list[dict[str, Any]]:
    """The same people, but no woman is ever selected."""
    return [{**row, "prediction": 0 if row["sex"] == "female" else 1} for row in fair_rows(count)]


@dataclass
class World:
    """A registered model with its data; `version` makes further versions of it."""

    model: RegisteredModel
    evaluation: DatasetVersion
    author: Person

    def version(self, content: bytes = b"model one", **changes: Any) -> ModelVersion:
        description = VersionDescription(
            artifact_digest=digest(content),
            artifact_format="skops",
            signature=SIGNATURE,
            framework="scikit-learn",
            code_revision="4f1c2d0",
            datasets=changes.pop("datasets", {"evaluation": self.evaluation}),
            **changes,
        )
        return register_version(actor=self.author, model=self.model, description=description)


def dataset_version(actor: Person, slug: str, rows: list[dict[str, Any]], **changes: Any) -> DatasetVersion:
    content = csv_bytes(rows)
    facts: dict[str, Any] = {
        "source": "clinic register",
        "licence": "CC-BY-4.0",
        "legal_basis": "6(1)(e) public task",
        "purpose": "care planning",
        "personal_data": True,
        "columns": COLUMNS,
        **changes,
    }
    description = DatasetDescription(digest=digest(content), row_count=len(rows), **facts)
    dataset = register_dataset(actor=actor, slug=slug, name=slug)
    return register_dataset_version(actor=actor, dataset=dataset, description=description, content=io.BytesIO(content))


@pytest.fixture
def world(maya: Person) -> World:
    """Maya's model `care-priority` with fair predictions in its evaluation data."""
    model = register_model(
        actor=maya,
        slug="care-priority",
        name="Care priority",
        intended_purpose="Propose whom a nurse should call first.",
        risk_class="high",
        affected_persons="patients",
    )
    return World(model, dataset_version(maya, "patients", fair_rows()), maya)


@pytest.fixture
def version(world: World) -> ModelVersion:
    """The first version of `care-priority`."""
    return world.version()
