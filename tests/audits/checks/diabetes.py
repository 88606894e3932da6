"""Real patients as evidence, and real small models trained on them and written by skops."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from audits.evidence import Evidence
from tests.audits.checks.evidence_files import dataset, evidence

TRAINING_ROWS = 280
THRESHOLD = 0.5


@cache
def patients() -> pd.DataFrame:
    """442 patients: ten features with sex as text, the progression, and whether it is above its median."""
    frame = load_diabetes(scaled=False, as_frame=True).frame
    frame["sex"] = np.where(frame["sex"] == 1, "f", "m")
    frame["y"] = (frame["target"] > 140).astype(int)
    return frame.rename(columns={"target": "progression"})


FEATURES = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")


def pipeline(estimator: Any, *, target: str = "y", features: Sequence[str] = FEATURES) -> Any:
    """Scaled numbers, one-hot sex, `estimator`; fitted on the training patients."""
    numbers = [name for name in features if name != "sex"]
    steps: list[tuple[str, Any, list[str]]] = [("numbers", StandardScaler(), numbers)]
    if "sex" in features:
        steps.append(("sex", OneHotEncoder(sparse_output=False), ["sex"]))
    front = ColumnTransformer(steps)
    frame = patients().iloc[:TRAINING_ROWS]
    return Pipeline([("columns", front), ("model", estimator)]).fit(frame[list(features)], frame[target])


def patient_evidence(folder: Path, model: Any = None, *, target: str = "y", **signature: Any) -> Evidence:
    """Evaluation and training data on disk, and `model` beside them as skops file."""
    declared: dict[str, tuple[str, tuple[str, ...]]] = {
        name: ("string" if name == "sex" else "number", ("feature",)) for name in FEATURES
    }
    declared["sex"] = ("string", ("feature", "sensitive"))
    declared[target] = ("integer" if target == "y" else "number", ("target",))
    parts = {"train": patients().iloc[:TRAINING_ROWS], "evaluation": patients().iloc[TRAINING_ROWS:]}
    datasets = [
        dataset(folder / f"{role}.csv", {name: frame[name].tolist() for name in declared}, declared, role)
        for role, frame in parts.items()
    ]
    path = None
    if model is not None:
        path = folder / "model.skops"
        skops.io.dump(model, path)
    described = {"features": list(FEATURES), "threshold": THRESHOLD, "target": target, **signature}
    return evidence(*datasets, signature=described, model=path)
