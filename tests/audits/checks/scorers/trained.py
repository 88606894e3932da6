"""Real models trained on real patients, in every file format that can be asked."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import xgboost
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from audits.evidence import Evidence, ModelEvidence
from registry.canonical import digest_file
from tests.audits.checks.diabetes import FEATURES, TRAINING_ROWS, patients
from tests.audits.checks.evidence_files import dataset, evidence
from tests.audits.checks.scorers.onnx_files import network

NUMBERS = tuple(name for name in FEATURES if name != "sex")
SUFFIX = {"xgboost-json": "json", "xgboost-ubj": "ubj", "lightgbm-text": "txt", "onnx": "onnx"}
TASKS = {"binary": "binary_classification", "three": "multiclass_classification", "number": "regression"}


def labels(kind: str) -> Any:
    """Whether the progression is high, its third, or itself."""
    progression = patients()["progression"].to_numpy()
    if kind == "number":
        return progression
    if kind == "binary":
        return patients()["y"].to_numpy()
    return np.digitize(progression, np.quantile(progression, [1 / 3, 2 / 3]))


@cache
def booster(library: str, kind: str) -> Any:
    rows, target = patients()[list(NUMBERS)].iloc[:TRAINING_ROWS], labels(kind)[:TRAINING_ROWS]
    if library == "xgboost":
        objective = {"binary": "binary:logistic", "three": "multi:softprob", "number": "reg:squarederror"}[kind]
        options: dict[str, Any] = {"objective": objective, "max_depth": 3, "nthread": 1, "seed": 0}
        options |= {"num_class": 3} if kind == "three" else {}
        return xgboost.train(options, xgboost.DMatrix(rows, target), num_boost_round=15)
    objective = {"binary": "binary", "three": "multiclass", "number": "regression"}[kind]
    options = {"objective": objective, "num_leaves": 7, "num_threads": 1, "verbosity": -1, "seed": 0}
    options |= {"num_class": 3} if kind == "three" else {}
    return lightgbm.train(options, lightgbm.Dataset(rows, target), num_boost_round=15)


@cache
def neural_network(kind: str) -> Any:
    rows = patients()[list(NUMBERS)].iloc[:TRAINING_ROWS]
    layers: dict[str, Any] = {"hidden_layer_sizes": (8, 4), "random_state": 0, "max_iter": 300}
    last = MLPRegressor(**layers) if kind == "number" else MLPClassifier(**layers)
    model = make_pipeline(StandardScaler(), last)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(rows.to_numpy(), labels(kind)[:TRAINING_ROWS])


def write_model(folder: Path, file_format: str, kind: str) -> Path:
    """The file that a user would upload."""
    path = folder / f"model.{SUFFIX[file_format]}"
    if file_format == "onnx":
        final = {"binary": "Sigmoid", "three": "Softmax", "number": "Identity"}[kind]
        path.write_bytes(network(neural_network(kind), len(NUMBERS), final))
    else:
        booster(file_format.split("-", maxsplit=1)[0], kind).save_model(path)
    return path


def model_evidence(path: Path, file_format: str, kind: str = "binary", **signature: Any) -> ModelEvidence:
    """The file as evidence."""
    described = {"task": TASKS[kind], "features": list(NUMBERS), "target": "y", "threshold": 0.5}
    described |= {"positive_label": 1} if kind == "binary" else {}
    return ModelEvidence(
        name="risk/1", digest=digest_file(path), format=file_format, path=path, signature={**described, **signature}
    )


def full_evidence(folder: Path, file_format: str, kind: str, seed: int = 7) -> Evidence:
    """Data and model: everything an explanation needs."""
    declared: dict[str, tuple[str, tuple[str, ...]]] = dict.fromkeys(NUMBERS, ("number", ("feature",)))
    declared |= {"sex": ("string", ("sensitive",)), "y": ("number", ("target",))}
    frame = patients().assign(y=labels(kind))
    parts = {"train": frame.iloc[:TRAINING_ROWS], "evaluation": frame.iloc[TRAINING_ROWS:]}
    datasets = [
        dataset(folder / f"{role}.csv", {name: part[name].tolist() for name in declared}, declared, role)
        for role, part in parts.items()
    ]
    given = evidence(*datasets, seed=seed)
    model = model_evidence(write_model(folder, file_format, kind), file_format, kind)
    return Evidence(model=model, datasets=given.datasets, lineage={}, seed=seed)
