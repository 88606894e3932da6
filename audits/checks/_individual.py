"""Explaining one row and finding the nearest feasible change that turns the decision. Worker only."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from audits.checks._attribute import attribute, translated
from audits.checks._models import feature_frame, load_model, positive_index
from audits.checks._rows import open_rows
from audits.checks._sampling import drawn
from audits.checks._tasks import BINARY, Task, read_task
from audits.checks.base import EvidenceError
from audits.checks.explainability_individual import IndividualParameters
from audits.evidence import Evidence
from audits.measurements import Measurement, MetricValue, Table
from registry.canonical import digest

TRAIN = "train"
_DEFAULT_THRESHOLD = 0.5
_MOST_ASKED = 20_000
_BEAM = 20
Change = dict[str, Any]


def measure_individual(evidence: Evidence, parameters: IndividualParameters) -> Measurement:
    """See `explainability_individual`."""
    task = read_task(evidence.model, (BINARY,))
    model = load_model(evidence.model)
    rows = open_rows(evidence.datasets[TRAIN])
    known = feature_frame(rows, task)
    person = _person(parameters.values, known)
    generator = np.random.default_rng(evidence.seed)
    background = drawn(known, parameters.background_rows, generator)
    scored = _Scored(model, task)
    score = float(scored(person)[0])
    decided = score >= scored.threshold
    reasons = _reasons(model, task, person, background, evidence.seed)
    change = _nearest(scored, person, known, parameters, decided=decided)
    values = [
        MetricValue(metric="score", value=score, n=1),
        MetricValue(metric="threshold", value=scored.threshold, n=1),
        MetricValue(metric="decision", value=float(decided), n=1),
        _stability(model, task, person, background, parameters.reasons, evidence.seed),
    ]
    if change is None:
        reason = "no feasible change of the mutable features turns the decision"
        names = ("counterfactual_score", "counterfactual_changes")
        values += [MetricValue(metric=name, value=None, n=1, not_estimable=reason) for name in names]
    else:
        turned = float(scored(person.assign(**change))[0])
        values.append(MetricValue(metric="counterfactual_score", value=turned, n=1))
        values.append(MetricValue(metric="counterfactual_changes", value=float(len(change)), n=1))
    changed = tuple((name, _told(person[name].iloc[0]), _told(value)) for name, value in (change or {}).items())
    return Measurement(
        values=tuple(values),
        inputs={
            "model": evidence.model.digest,
            **rows.inputs,
            "background": digest(background.to_csv(index=False).encode()),
        },
        tables={
            "reasons": Table(("feature", "value", "attribution", "share", "direction"), reasons[: parameters.reasons]),
            "counterfactual": Table(("feature", "from", "to"), changed),
        },
    )


class _Scored:
    """The real model's probability of the positive label."""

    def __init__(self, model: Any, task: Task) -> None:
        if not hasattr(model, "predict_proba"):
            raise EvidenceError("model", "has no predict_proba, so no decision by threshold can be explained")
        self._model, self._index = model, positive_index(model, task)
        self.threshold = _DEFAULT_THRESHOLD if task.threshold is None else task.threshold

    def __call__(self, frame: pd.DataFrame) -> np.ndarray[Any, Any]:
        answered = translated(lambda: np.asarray(self._model.predict_proba(frame), dtype=float))
        found: np.ndarray[Any, Any] = answered[:, self._index]
        return found


def _person(given: Mapping[str, str], known: pd.DataFrame) -> pd.DataFrame:
    """The row in the types of the training data. Raises EvidenceError naming the feature."""
    unknown = sorted(set(given) - set(known.columns))
    if unknown:
        raise EvidenceError(unknown[0], "is not a feature of the model")
    cells: dict[str, Any] = {}
    for name in known.columns:
        if name not in given:
            raise EvidenceError(str(name), "is missing; give every feature, empty where it is not known")
        cells[name] = pd.Series([_cell(str(name), given[name], known[name])], dtype=_dtype(given[name], known[name]))
    return pd.DataFrame(cells)


def _cell(name: str, text: str, column: pd.Series) -> Any:
    if not is_numeric_dtype(column):
        return text or np.nan
    if text == "":
        return np.nan
    if column.dtype == bool:
        if text.lower() not in {"true", "false", "1", "0"}:
            raise EvidenceError(name, f"{text!r} is neither true nor false")
        return text.lower() in {"true", "1"}
    try:
        return float(text)
    except ValueError:
        raise EvidenceError(name, f"{text!r} is not a number") from None


def _dtype(text: str, column: pd.Series) -> Any:
    return "float64" if is_numeric_dtype(column) and text == "" else column.dtype


def _reasons(
    model: Any, task: Task, person: pd.DataFrame, background: pd.DataFrame, seed: int
) -> tuple[tuple[Any, ...], ...]:
    """(feature, value, attribution, share of all, raised or lowered), strongest first."""
    found = attribute(model, task, person, background, seed).phi[0, :, 0]
    total = float(np.abs(found).sum()) or 1.0
    return tuple(
        (
            task.features[index],
            _told(person[task.features[index]].iloc[0]),
            float(found[index]),
            float(abs(found[index])) / total,
            "raised" if found[index] > 0 else "lowered" if found[index] < 0 else "left",
        )
        for index in np.argsort(-np.abs(found), kind="stable")
    )


def _stability(
    model: Any, task: Task, person: pd.DataFrame, background: pd.DataFrame, wanted: int, seed: int
) -> MetricValue:
    """How many of the main reasons the two halves of the background agree on."""
    order = np.random.default_rng(seed + 1).permutation(len(background))
    tops = []
    for half in np.array_split(order, 2):
        reference = background.iloc[np.sort(half)].reset_index(drop=True)
        tops.append({reason[0] for reason in _reasons(model, task, person, reference, seed)[:wanted]})
    return MetricValue(metric="reasons_stability", value=len(tops[0] & tops[1]) / len(tops[0]), n=len(background))


def _told(value: Any) -> Any:
    """JSON-ready: numbers as such, missing as None."""
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and np.isnan(value) else value


# The nearest feasible change ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Step:
    """One feature set to one value, `far` in units of the feature's spread in the training data."""

    feature: str
    value: Any
    far: float


def _nearest(
    scored: _Scored, person: pd.DataFrame, known: pd.DataFrame, parameters: IndividualParameters, *, decided: bool
) -> Change | None:
    """The fewest changes, and among those the shortest, that turn the decision; None where there are none.

    All single changes are asked, then all pairs as far as the budget goes, then the most promising ones are extended.
    """
    unknown = sorted(set(parameters.directions) - set(known.columns))
    if unknown:
        raise EvidenceError(unknown[0], "is declared mutable and is not a feature of the model")
    steps = [
        step for name, way in parameters.directions.items() for step in _steps(person, known[name], way, parameters)
    ]
    paths: list[tuple[_Step, ...]] = [()]
    for _depth in range(parameters.most_changes):
        longer = list(itertools.islice(_extended(paths, steps), _MOST_ASKED))
        if not longer:
            return None
        asked = scored(_changed(person, longer))
        turned = [index for index in range(len(longer)) if (asked[index] >= scored.threshold) != decided]
        if turned:
            best = min(turned, key=lambda index: (_length(longer[index]), index))
            return {step.feature: step.value for step in longer[best]}
        towards = asked if not decided else -asked
        promising = np.argsort(-towards, kind="stable")
        # After the single changes every one of them may be part of the answer; later only the best are followed.
        paths = longer if len(longer) * len(steps) <= _MOST_ASKED else [longer[index] for index in promising[:_BEAM]]
    return None


def _steps(person: pd.DataFrame, column: pd.Series, way: int, parameters: IndividualParameters) -> Iterator[_Step]:
    now, present = person[column.name].iloc[0], column.dropna()
    name = str(column.name)
    if not is_numeric_dtype(column) or column.dtype == bool:
        if way:
            raise EvidenceError(name, "is no number, so it has no up and down")
        for value in sorted(present.unique())[: parameters.candidates]:
            if value != now:
                yield _Step(name, value, 1.0)
        return
    spread = float(present.quantile(0.75) - present.quantile(0.25)) or float(present.std()) or 1.0
    for value in np.unique(np.quantile(present, np.linspace(0.02, 0.98, 2 * parameters.candidates), method="nearest")):
        apart = float(value) - float(now) if not pd.isna(now) else 0.0
        if apart * way > 0 or (way == 0 and value != now):
            yield _Step(name, value, abs(apart) / spread if not pd.isna(now) else 1.0)


def _extended(paths: Iterable[tuple[_Step, ...]], steps: list[_Step]) -> Iterator[tuple[_Step, ...]]:
    """Each path with one more feature."""
    for path, step in itertools.product(paths, steps):
        taken = [earlier.feature for earlier in path]
        # A pair is met from both of its ends; longer paths grow from the most promising ones only, in any order.
        if not path or (step.feature > path[0].feature if len(path) == 1 else step.feature not in taken):
            yield (*path, step)


def _length(path: tuple[_Step, ...]) -> float:
    return sum(step.far for step in path)


def _changed(person: pd.DataFrame, paths: list[tuple[_Step, ...]]) -> pd.DataFrame:
    frame = pd.concat([person] * len(paths), ignore_index=True)
    for name in dict.fromkeys(step.feature for path in paths for step in path):
        cells = frame[name].to_list()
        for index, path in enumerate(paths):
            for step in path:
                if step.feature == name:
                    cells[index] = step.value
        changed = pd.Series(cells)
        frame[name] = changed if person[name].isna().any() else changed.astype(person[name].dtype)
    return frame
