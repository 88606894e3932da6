"""Changing rows and asking again. Worker only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from audits.checks._models import BINARY, Task, ask, feature_frame, load_model, read_task
from audits.checks._outcomes import EVALUATION
from audits.checks._rows import Rows, open_rows, quoted
from audits.checks._sufficient import SUMS
from audits.checks.base import EvidenceError
from audits.checks.robustness_perturbation import PerturbationParameters
from audits.evidence import Evidence
from audits.measurements import Interval, Measurement, MetricValue, Table
from audits.statistics import intervals, moments
from audits.statistics.moments import Moments

Array = np.ndarray[Any, Any]
Change = Callable[[Any, Sequence[str], np.random.Generator], Any]


def measure_perturbation(evidence: Evidence, parameters: PerturbationParameters) -> Measurement:
    """Ask before and after: see `robustness_perturbation`."""
    task = read_task(evidence.model)
    rows = open_rows(evidence.datasets[EVALUATION])
    model, frame, label = load_model(evidence.model), feature_frame(rows, task), labels_of(rows, task)
    random = np.random.default_rng(evidence.seed)
    held = np.flatnonzero(known_rows(label))
    if not held.size:
        raise EvidenceError("target", "no row has a label, so no error can grow")
    chosen = np.sort(random.choice(held, min(parameters.rows, held.size), replace=False))
    frame, label = frame.iloc[chosen].reset_index(drop=True), label[chosen]
    before = ask(model, frame, task).predictions
    errors = errors_of(before, label, task)
    values = [mean_value("error_before", "", "", errors, parameters.level)]
    sums: list[tuple[Any, ...]] = [("error_before", "", "", errors.size, float(errors.sum()))]
    groups: list[tuple[Any, ...]] = [("", "", errors.size, float(errors.sum()))]
    features = [list(task.features), *([name] for name in task.features if parameters.each)]
    for kind, change in _changes(parameters).items():
        for columns in features:
            where = "" if len(columns) > 1 or len(task.features) == 1 else columns[0]
            changed = change(frame.copy(), columns, random)
            values += _after(kind, where, (model, changed, task), before, (label, errors), parameters.level, sums)
    values += _shifts(rows, chosen, errors, parameters.level, groups)
    inputs = {**rows.inputs, "model": evidence.model.digest}
    return Measurement(
        values=tuple(values),
        inputs=inputs,
        tables={
            "sums": Table(SUMS, tuple(sums)),
            "errors_by_group": Table(("feature", "group", "rows", "error"), tuple(groups)),
        },
        notes=(f"{chosen.size} of {rows.total} rows were asked.",),
    )


def labels_of(rows: Rows, task: Task) -> Array:
    name = rows.one_tagged("target") or task.target
    if name is None or name not in {column.name for column in rows.dataset.columns}:
        raise EvidenceError("target", "no column is tagged target, so no error can grow")
    if task.kind == BINARY:
        texts = rows.ask(f"SELECT {rows.as_label(name)} FROM typed")
        return np.array([text for (text,) in texts], dtype=object)
    return np.asarray(rows.frame([name])[name], dtype=float)


def known_rows(label: Array) -> Array:
    if label.dtype == object:
        return np.array([one is not None for one in label])
    known: Array = ~np.isnan(label)
    return known


def errors_of(predictions: Array, label: Array, task: Task) -> Array:
    if task.kind == BINARY:
        return np.asarray(predictions != label, dtype=float)
    errors: Array = np.abs(np.asarray(predictions, dtype=float) - label)
    return errors


def _changes(parameters: PerturbationParameters) -> dict[str, Change]:
    """Each change of the named columns of a frame."""
    return {
        "noise": lambda frame, columns, random: _noise(frame, columns, random, parameters.noise),
        "bound": lambda frame, columns, random: _bound(frame, columns, random, parameters.bound),
        "missing": lambda frame, columns, random: _missing(frame, columns, random, parameters.missing),
        "swap": lambda frame, columns, random: _swap(frame, columns, random, parameters.missing),
    }


def _noise(frame: Any, columns: Sequence[str], random: np.random.Generator, share: float) -> Any:
    for name in _numbers(frame, columns):
        values = frame[name].to_numpy(dtype=float)
        frame[name] = values + random.normal(0, share * np.nanstd(values), values.size)
    return frame


def _bound(frame: Any, columns: Sequence[str], random: np.random.Generator, share: float) -> Any:
    for name in _numbers(frame, columns):
        values = frame[name].to_numpy(dtype=float)
        frame[name] = values * (1 + random.uniform(-share, share, values.size))
    return frame


def _missing(frame: Any, columns: Sequence[str], random: np.random.Generator, share: float) -> Any:
    for name in columns:
        gone = random.random(len(frame)) < share
        kind = float if name in _numbers(frame, columns) else object
        frame[name] = frame[name].astype(kind).where(~gone, np.nan)
    return frame


def _swap(frame: Any, columns: Sequence[str], random: np.random.Generator, share: float) -> Any:
    for name in columns:
        chosen = np.flatnonzero(random.random(len(frame)) < share)
        values = frame[name].to_numpy().copy()
        values[chosen] = values[random.permutation(chosen)]
        frame[name] = values
    return frame


def _numbers(frame: Any, columns: Sequence[str]) -> list[str]:
    return [name for name in columns if frame[name].dtype.kind in "if"]


def _after(
    kind: str,
    where: str,
    asked: tuple[Any, Any, Task],
    before: Array,
    known: tuple[Array, Array],
    level: float,
    sums: list[tuple[Any, ...]],
) -> Iterator[MetricValue]:
    """Drop and flips of one change; what they are computed from goes to `sums`."""
    label, errors = known
    task = asked[2]
    try:
        after = ask(*asked).predictions
    except EvidenceError as error:
        for metric in (f"{kind}_drop", *([f"{kind}_flips"] if task.kind == BINARY else [])):
            yield MetricValue(metric=metric, value=None, n=0, feature=where, not_estimable=str(error)[:300])
        return
    grown = errors_of(after, label, task) - errors
    sums.append((f"{kind}_drop", where, "", grown.size, float(grown.sum())))
    yield mean_value(f"{kind}_drop", where, "", grown, level)
    if task.kind == BINARY:
        flips = int((after != before).sum())
        sums.append((f"{kind}_flips", where, "", before.size, flips))
        interval = intervals.proportion(flips, before.size, level)
        yield MetricValue(
            metric=f"{kind}_flips", value=flips / before.size, n=before.size, feature=where, interval=interval
        )


def mean_value(metric: str, feature: str, group: str, sample: Array, level: float) -> MetricValue:
    """Student's interval; where every row says the same, the rule of three keeps it from claiming certainty."""
    found = Moments(sample.size, sample.size, float(sample.mean()), float(sample.var()))
    interval = moments.interval(found, level)
    if interval is not None and found.variance == 0.0:
        reach = intervals.proportion(0, sample.size, level).high or 0.0
        interval = Interval(found.mean - reach, found.mean + reach, level, "clopper-pearson")
    return MetricValue(metric=metric, value=found.mean, n=sample.size, feature=feature, group=group, interval=interval)


def _shifts(
    rows: Rows, chosen: Array, errors: Array, level: float, groups: list[tuple[Any, ...]]
) -> Iterator[MetricValue]:
    """The error of each group alone beside everybody's; rows and summed error go to `groups`."""
    for name in rows.dataset.tagged("sensitive"):
        texts = np.array([t for (t,) in rows.ask(f"SELECT CAST({quoted(name)} AS VARCHAR) FROM typed")], dtype=object)
        own = texts[chosen]
        for group in sorted({text for text in own if text is not None}):
            inside = own == group
            part = float(inside.mean())
            if part == 1.0:
                continue
            apart = [errors[inside], errors[~inside]]
            groups.append((name, str(group), int(inside.sum()), float(apart[0].sum())))
            first, second = (Moments(e.size, e.size, float(e.mean()), float(e.var())) for e in apart)
            found = moments.difference(first, second, level)
            # Group minus everybody is (1 - share of the group) times group minus rest.
            scale = 1 - part
            interval = None
            if found is not None:
                bounds = (found.low or 0.0) * scale, (found.high or 0.0) * scale
                interval = Interval(*bounds, level, found.method)
            yield MetricValue(
                metric="shift_drop",
                value=(first.mean - second.mean) * scale,
                n=first.rows,
                feature=name,
                group=str(group),
                interval=interval,
            )
