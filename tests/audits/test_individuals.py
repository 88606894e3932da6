"""A person's explanation is handed out once, and neither the row nor the explanation stays here."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from audits.individuals import explain_decision
from audits.models import Observation
from registry.canonical import digest, digest_of
from registry.datasets import DatasetDescription, register_dataset, register_dataset_version
from registry.errors import EvidenceMissingError, InvalidInputError, PermissionRefusedError
from registry.models import LedgerEntry, ModelVersion, Person
from registry.versions import VersionDescription, register_version, store_artifact
from tests.people import World

ROW = {"income": 1.25, "debts": 3.5}


@pytest.fixture
def loans(world: World, maya: Person) -> ModelVersion:
    """A model of income against debts, with the data it was trained on."""
    dice = np.random.default_rng(3)
    frame = pd.DataFrame({"income": dice.normal(3, 1, 300).round(3), "debts": dice.normal(3, 1, 300).round(3)})
    paid = (frame["income"] > frame["debts"]).astype(int)
    model = LogisticRegression().fit(frame, paid)
    content, table = skops.io.dumps(model), frame.assign(paid=paid).to_csv(index=False).encode()
    columns = [{"name": name, "type": "number", "tags": ["feature"]} for name in frame.columns]
    columns.append({"name": "paid", "type": "integer", "tags": ["target"]})
    data = register_dataset_version(
        actor=maya,
        dataset=register_dataset(actor=maya, slug="loans", name="loans"),
        description=DatasetDescription(
            digest=digest(table),
            row_count=len(frame),
            source="bank",
            licence="internal",
            legal_basis="6(1)(b)",
            purpose="loans",
            personal_data=True,
            columns=columns,
        ),
        content=io.BytesIO(table),
    )
    signature = {"task": "binary_classification", "features": list(ROW), "target": "paid", "positive_label": 1}
    version = register_version(
        actor=maya,
        model=world.model,
        description=VersionDescription(
            artifact_digest=digest(content), artifact_format="skops", signature=signature, datasets={"train": data}
        ),
    )
    store_artifact(actor=maya, version=version, content=io.BytesIO(content))
    return version


def test_a_person_learns_decision_reasons_and_what_would_have_changed_it(loans: ModelVersion, maya: Person) -> None:
    pack = explain_decision(actor=maya, version=loans, row=ROW, mutable=["income=+"], approval={"decision": "sha256:1"})
    assert pack["decision"]["label"] == "not 1"
    assert {reason["code"] for reason in pack["reasons"]} == {"income:lowered", "debts:lowered"}
    assert pack["reasons"][0]["words"].endswith("of all influences.")
    [change] = pack["what_would_have_changed_it"]["changes"]
    assert change["feature"] == "income"
    assert float(change["to"]) > ROW["income"]
    assert pack["model"]["artifact"] == loans.artifact_digest
    assert pack["approval"] == {"decision": "sha256:1"}
    assert json.loads(json.dumps(pack)) == pack


def test_only_a_digest_stays_and_the_row_cannot_be_found_by_trying(loans: ModelVersion, maya: Person) -> None:
    first = explain_decision(actor=maya, version=loans, row=ROW)
    second = explain_decision(actor=maya, version=loans, row=ROW)
    assert digest_of(first) != digest_of(second)
    assert not Observation.objects.exists()
    bodies = [bytes(entry.body) for entry in LedgerEntry.objects.filter(event="explanation.given")]
    assert len(bodies) == 2
    assert digest_of(first).encode() in b"".join(bodies)
    # Only the facts: the time of an entry may hold any digits.
    told = [json.loads(bytes(entry.body))["facts"] for entry in LedgerEntry.objects.all()]
    assert "1.25" not in json.dumps(told)


@pytest.mark.parametrize(
    ("row", "words"), [({"income": 1.0}, "debts: is missing"), ({**ROW, "age": 3}, "age: is not a feature")]
)
def test_a_row_that_does_not_fit_is_refused(row: dict[str, Any], words: str, loans: ModelVersion, maya: Person) -> None:
    with pytest.raises(InvalidInputError, match=words):
        explain_decision(actor=maya, version=loans, row=row)


def test_otto_may_not_ask(loans: ModelVersion, otto: Person) -> None:
    with pytest.raises(PermissionRefusedError):
        explain_decision(actor=otto, version=loans, row=ROW)


def test_without_the_artifact_nothing_can_be_explained(version: ModelVersion, maya: Person) -> None:
    with pytest.raises(EvidenceMissingError, match="needs the artifact"):
        explain_decision(actor=maya, version=version, row=ROW)
