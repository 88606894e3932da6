"""A real model of income against debts, held with the data it was trained on."""

from __future__ import annotations

import io

import pytest

from registry.canonical import digest
from registry.datasets import DatasetDescription, register_dataset, register_dataset_version
from registry.models import ModelVersion, Person
from registry.versions import VersionDescription, register_version, store_artifact
from tests.people import World

ROW = {"income": 1.25, "debts": 3.5}


@pytest.fixture
def loans(world: World, maya: Person) -> ModelVersion:
    """A model of income against debts, with the data it was trained on."""
    import numpy as np
    import pandas as pd
    import skops.io
    from sklearn.linear_model import LogisticRegression

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
