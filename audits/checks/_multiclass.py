"""The arithmetic of decisions between classes. Worker only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from audits.checks._cells import Cells, CellTable
from audits.checks._disclosure import shown_groups
from audits.checks._grouping import Groups, feature_name, groups_of, tally_of
from audits.checks._groups import Comparison, compare_groups
from audits.checks._outcomes import Counting, Outcomes, read_outcomes
from audits.checks._sufficient import counted, weight_columns
from audits.checks._tasks import MULTICLASS
from audits.checks._weighing import weighing_of
from audits.checks.base import EvidenceError
from audits.checks.fairness_multiclass import MulticlassFairness, MulticlassParameters
from audits.checks.grouping import parse_bands
from audits.counting.question import CountQuestion, Tally, count
from audits.evidence import Evidence
from audits.measurements import Measurement, MetricValue, Table
from audits.statistics import resampling

Array = np.ndarray[Any, Any]
Confusion = dict[tuple[str | None, str | None], Tally]

_WHOLE = frozenset({"accuracy", "accuracy_equality_difference", "worst_group_accuracy"})


def measure_multiclass(evidence: Evidence, parameters: MulticlassParameters) -> Measurement:
    """Count, then compare: see `fairness_multiclass`."""
    sensitive = parameters.columns_of(evidence.datasets["evaluation"])
    outcomes = read_outcomes(evidence, (MULTICLASS,), Counting(columns=sensitive, weights=parameters.weights))
    groups = groups_of(
        outcomes.rows,
        sensitive,
        parse_bands(parameters.bands),
        depth=parameters.depth,
        most=parameters.most_groups,
    )
    features, disclosure = _confusions(outcomes, groups, parameters)
    weighted = weighing_of(outcomes, parameters.weights).weight is not None and parameters.weights != "counts"
    one_feature = next(iter(features.values()))
    classes = sorted({label for own in one_feature.values() for pair in own for label in pair if label is not None})
    labels = {y for own in one_feature.values() for y, _ in own if y is not None}
    assigned = {p for own in one_feature.values() for _, p in own if p is not None}
    if labels and assigned and not labels & assigned:
        raise EvidenceError("prediction", "shares no class with the labels; are they probabilities or other codes?")
    values: list[MetricValue] = []
    how = Comparison(missing_tolerated=parameters.missing_tolerated, level=parameters.level, seed=evidence.seed)
    target = outcomes.task.target or "class"
    for feature, members in features.items():
        right = {group: _against(own, None) for group, own in members.items()}
        values += _kept(right, feature, how, _WHOLE)
        for group, own in members.items():
            values += _macro(feature, group, own, classes, parameters, evidence.seed)
        for one in classes:
            binary = {group: _against(own, one) for group, own in members.items()}
            values += _kept(binary, f"{feature} | {target}={one}", how, frozenset(MulticlassFairness.metrics) - _WHOLE)
    rows = tuple(
        (feature, group, *pair, *counted(tally, weighted=weighted))
        for feature, members in features.items()
        for group, own in members.items()
        for pair, tally in sorted(own.items(), key=str)
    )
    columns = ("feature", "group", "label", "prediction", "count", *weight_columns(weighted=weighted))
    notes = (f"Predictions come from {outcomes.origin}.", *groups.notes, *disclosure)
    return Measurement(
        values=tuple(values), inputs=outcomes.inputs, tables={"confusion": Table(columns, rows)}, notes=notes
    )


def _confusions(
    outcomes: Outcomes, groups: Groups, parameters: MulticlassParameters
) -> tuple[dict[str, dict[str, Confusion]], tuple[str, ...]]:
    question = CountQuestion(
        relation="outcomes",
        keys=groups.keys,
        outcomes={"label": "_label", "prediction": "_prediction"},
        sets=groups.sets,
        weighing=weighing_of(outcomes, parameters.weights),
    )
    found: dict[str, dict[str, Confusion]] = {feature_name(one): {} for one in groups.sets}
    parts: dict[str, dict[str, tuple[str, ...]]] = {feature: {} for feature in found}
    for line in count(outcomes.rows.ask, question):
        feature, group = feature_name(line.keys), feature_name(line.groups)
        found[feature].setdefault(group, {})[line.outcomes] = tally_of(line, parameters.weights)
        parts[feature][group] = line.groups
    columns = {feature_name(one): one for one in groups.sets}
    shown, disclosure = shown_groups(found, columns, parts, parameters.suppress_below)
    joined: dict[str, dict[str, Confusion]] = {feature: {} for feature in found}
    for feature, members in found.items():
        for group, own in sorted(members.items()):
            into = joined[feature].setdefault(shown.get((feature, group), group), {})
            for pair, tally in own.items():
                into[pair] = into.get(pair, Tally()) + tally
    return joined, disclosure


def _against(own: Confusion, one: str | None) -> Cells:
    """The class against all others; without one, right decisions against wrong ones."""
    cells: defaultdict[tuple[int | None, int | None], Tally] = defaultdict(Tally)
    for (label, prediction), tally in own.items():
        known = label is not None and prediction is not None
        key: tuple[int | None, int | None]
        if one is None:
            key = (1, int(label == prediction)) if known else (None if label is None else 1, None)
        else:
            key = (None if label is None else int(label == one), None if prediction is None else int(prediction == one))
        cells[key] += tally
    return Cells(dict(cells))


def _kept(binary: Mapping[str, Cells], feature: str, how: Comparison, metrics: frozenset[str]) -> Iterator[MetricValue]:
    """Those values of the two-way comparison that are wanted, groups and gaps alike."""
    for value in compare_groups(CellTable({feature: binary}), how).values:
        if value.metric in metrics and value.feature:
            yield value


def _macro(
    feature: str, group: str, own: Confusion, classes: list[str], parameters: MulticlassParameters, seed: int
) -> Iterator[MetricValue]:
    """Means over the classes that occur among the group's labels."""
    cells = np.array([[own.get((y, p), Tally()).weight for p in classes] for y in classes], dtype=float)
    known = sum((t for (y, p), t in own.items() if y is not None and p is not None), Tally())
    whole = sum((tally for tally in own.values()), Tally())
    reason = "" if known.rows else "no rows with both label and prediction"
    if whole.rows - known.rows > parameters.missing_tolerated * whole.rows:
        reason = f"{whole.rows - known.rows} of {whole.rows} rows lack label or prediction, more than tolerated"
    present = cells.sum(axis=1) > 0
    for metric, statistic in (("macro_recall", _recall), ("macro_f1", _f1)):
        if reason:
            yield MetricValue(
                metric=metric, value=None, n=known.rows, feature=feature, group=group, not_estimable=reason
            )
            continue
        value = float(statistic(cells[None], present)[0])
        drawn = resampling.redrawn(cells.ravel() * known.effective / known.weight, parameters.resamples, seed)
        draws = statistic(drawn.reshape(-1, *cells.shape).astype(float), present)
        interval = resampling.percentile(draws, value, parameters.level)
        yield MetricValue(metric=metric, value=value, n=known.rows, feature=feature, group=group, interval=interval)


def _recall(tables: Array, present: Array) -> Array:
    """(draws, label, prediction) to (draws,); NaN where a class that is present was not drawn."""
    right, actual = np.diagonal(tables, axis1=1, axis2=2), tables.sum(axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean: Array = (right / actual)[:, present].mean(axis=1)
    return mean


def _f1(tables: Array, present: Array) -> Array:
    right = np.diagonal(tables, axis1=1, axis2=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean: Array = (2 * right / (tables.sum(axis=2) + tables.sum(axis=1)))[:, present].mean(axis=1)
    return mean
