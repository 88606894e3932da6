"""Planted models: linear ones whose weights are set by hand, so that what they rest on is known."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from audits.checks.planted.cases import ROWS, Plant, Tags, artifact, dataset, evidence, lot
from audits.controls import Control
from audits.evidence import DatasetEvidence, ModelEvidence

_FEATURES = ("a", "b", "s")
_ON_A, _ON_S, _BACKWARDS, _ON_NOTHING = (4.0, 0.0, 0.0), (0.0, 0.0, 4.0), (-4.0, 0.0, 0.0), (0.0, 0.0, 0.0)


def _model(path: Path, weights: tuple[float, ...]) -> ModelEvidence:
    """A logistic regression with these weights and no intercept."""
    import numpy as np  # noqa: PLC0415 - heavy
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - heavy
    from skops.io import dump  # noqa: PLC0415 - heavy

    model = LogisticRegression().fit(np.eye(3), [0, 1, 0])
    model.coef_, model.intercept_ = np.array([weights]), np.zeros(1)
    model.feature_names_in_ = np.array(_FEATURES, dtype=object)
    dump(model, path)
    return artifact(path, features=list(_FEATURES))


def _people(path: Path) -> DatasetEvidence:
    """Three independent columns; the label is the sign of the first."""
    dice = lot()
    columns: dict[str, list[float]] = {name: [round(dice.gauss(0, 1), 3) for _ in range(ROWS)] for name in _FEATURES}
    tags: Tags = {
        "a": ("number", "feature"),
        "b": ("number", "feature"),
        "s": ("number", "sensitive"),
        "y": ("integer", "target"),
    }
    return dataset(path, {**columns, "y": [int(value > 0) for value in columns["a"]]}, tags)


def _explanation(folder: Path) -> tuple[Control, ...]:
    """A model that never looks at the sensitive column, and one that decides by it alone."""
    people = _people(folder / "people.csv")
    good, bad = (
        evidence(people, model=_model(folder / f"{name}.skops", weights))
        for name, weights in (("good", _ON_A), ("bad", _ON_S))
    )
    parameters = {"sample_rows": 40, "background_rows": 20, "resamples": 200}
    return (Control(metric="sensitive_share", good=good, bad=bad, apart=0.8, parameters=parameters),)


def _change(folder: Path) -> tuple[Control, ...]:
    """A version that rests on what the current one rests on, and one that rests on something else."""
    people, current = _people(folder / "people.csv"), _model(folder / "current.skops", _ON_A)
    of = partial(evidence, people, reference=current)
    bad = of(model=_model(folder / "bad.skops", _ON_S))
    parameters = {"rows": 40, "background_rows": 20, "resamples": 200}
    return (Control(metric="largest_share_change", good=of(model=current), bad=bad, apart=0.8, parameters=parameters),)


def _comparison(folder: Path) -> tuple[Control, ...]:
    """A version that decides as the current one does, and one that decides the other way round."""
    people, current = _people(folder / "people.csv"), _model(folder / "current.skops", _ON_A)
    of = partial(evidence, people, reference=current)
    bad = of(model=_model(folder / "bad.skops", _BACKWARDS))
    return (Control(metric="error_increase", good=of(model=current), bad=bad, apart=0.5),)


def _robustness(folder: Path) -> tuple[Control, ...]:
    """A model that answers the same whatever it is told, and one that follows a column full of noise."""
    people = _people(folder / "people.csv")
    good, bad = (
        evidence(people, model=_model(folder / f"{name}.skops", weights))
        for name, weights in (("good", _ON_NOTHING), ("bad", _ON_A))
    )
    return (Control(metric="noise_flips", good=good, bad=bad, apart=0.2, parameters={"noise": 2.0}),)


PLANTED: Mapping[str, Plant] = {
    "explainability.shap": _explanation,
    "explainability.change": _change,
    "performance.comparison": _comparison,
    "robustness.perturbation": _robustness,
}
