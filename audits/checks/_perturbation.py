"""Changing rows and asking again. Worker only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from audits.checks._batches import Asked, Batch, errors_of, mean_value, prepare
from audits.checks._cells import Share
from audits.checks._models import ask, load_model
from audits.checks._outcomes import EVALUATION
from audits.checks._rows import open_rows
from audits.checks._sufficient import SUMS, sum_row
from audits.checks._tasks import BINARY, Task, read_task
from audits.checks.base import EvidenceError
from audits.checks.robustness_perturbation import PerturbationParameters
from audits.counting.question import Tally
from audits.evidence import Evidence
from audits.measurements import Interval, Measurement, MetricValue, Table
from audits.statistics import intervals, moments
from audits.statistics.moments import Moments, Running

Array = np.ndarray[Any, Any]
Change = Callable[[Any, Sequence[str], np.random.Generator], Any]


def measure_perturbation(evidence: Evidence, parameters: PerturbationParameters) -> Measurement:
    """Ask before and after: see `robustness_perturbation`."""
    task = read_task(evidence.model)
    rows = open_rows(evidence.datasets[EVALUATION], streamed=True)
    model = load_model(evidence.model)
    asked = prepare(rows, task, task.features, parameters.weights)
    random = np.random.default_rng(evidence.seed)
    drawn = _draw(asked, rows.dataset.tagged("sensitive"), parameters.rows, random)
    before = ask(model, drawn.frame, task).predictions
    known = _Known(before, drawn.label, errors_of(before, drawn.label, task))
    sums = _Sums([], drawn.weight)
    values = [mean_value("error_before", sums.mean("error_before", "", known.errors), parameters.level)]
    features = [list(task.features), *([name] for name in task.features if parameters.each)]
    for kind, change in _changes(parameters).items():
        for columns in features:
            where = "" if len(columns) > 1 or len(task.features) == 1 else columns[0]
            changed = change(drawn.frame.copy(), columns, random)
            values += _after(kind, where, (model, changed, task), known, sums, parameters.level)
    groups: list[tuple[Any, ...]] = [_group_row("", "", known.errors, drawn.weight)]
    values += _shifts(drawn, known.errors, parameters.level, groups)
    inputs = {**rows.inputs, "model": evidence.model.digest}
    note = f"{drawn.label.size} of {rows.total} rows were asked."
    tables = {
        "sums": Table(SUMS, tuple(sums.rows)),
        "errors_by_group": Table(("feature", "group", "rows", "weight", "error"), tuple(groups)),
    }
    return Measurement(values=tuple(values), inputs=inputs, tables=tables, notes=(note,))


@dataclass(frozen=True, slots=True)
class _Known:
    """Of the rows that are asked: what the model said before, what is true, how wrong it was."""

    before: Array
    label: Array
    errors: Array


@dataclass(frozen=True, slots=True)
class _Sums:
    """The sums behind the means, in `rows` of the table; every row weighs `weight`."""

    rows: list[tuple[Any, ...]]
    weight: Array

    def mean(self, metric: str, feature: str, values: Array) -> Moments:
        """The moments of `values`, whose sum is noted."""
        found = _running(values, self.weight)
        self.rows.append(sum_row(metric, feature, found.moments, found.weight))
        return found.moments

    def share(self, metric: str, feature: str, hits: Array) -> Share:
        """So many of all; noted as a sum of ones."""
        found = Share(_tally(self.weight[hits]), _tally(self.weight))
        whole, variance = found.total, found.value * (1 - found.value)
        self.rows.append((metric, feature, "", whole.rows, whole.weight, whole.squares, found.hits.weight, variance))
        return found


def _running(values: Array, weight: Array) -> Running:
    found = Running()
    found.add(values, weight)
    return found


def _draw(asked: Asked, sensitive: Sequence[str], most: int, random: np.random.Generator) -> Batch:
    """At most `most` of the labelled rows, in file order. Only these are held. Raises EvidenceError: there are none."""
    held = asked.labelled()
    if not held:
        raise EvidenceError("target", "no row has a label, so no error can grow")
    chosen = np.sort(random.choice(held, min(most, held), replace=False))
    found: list[Batch] = []
    passed = 0
    for batch in asked.batches(sensitive):
        reached = passed + batch.label.size
        places = chosen[(chosen >= passed) & (chosen < reached)] - passed
        if places.size:
            found.append(batch.only(places))
        passed = reached
    drawn = Batch(
        pd.concat([one.frame for one in found], ignore_index=True),
        np.concatenate([one.label for one in found]),
        np.concatenate([one.weight for one in found]),
        {name: np.concatenate([one.groups[name] for one in found]) for name in sensitive},
    )
    if not drawn.weight.any():
        raise EvidenceError(str(asked.rows.one_tagged("weight")), "is 0 in every row that is asked")
    return drawn


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
    kind: str, where: str, asked: tuple[Any, Any, Task], known: _Known, sums: _Sums, level: float
) -> Iterator[MetricValue]:
    """Drop and flips of one change; what they are computed from goes to `sums`."""
    task = asked[2]
    try:
        after = ask(*asked).predictions
    except EvidenceError as error:
        for metric in (f"{kind}_drop", *([f"{kind}_flips"] if task.kind == BINARY else [])):
            yield MetricValue(metric=metric, value=None, n=0, feature=where, not_estimable=str(error)[:300])
        return
    grown = errors_of(after, known.label, task) - known.errors
    yield mean_value(f"{kind}_drop", sums.mean(f"{kind}_drop", where, grown), level, where)
    if task.kind == BINARY:
        flips = sums.share(f"{kind}_flips", where, after != known.before)
        interval = intervals.proportion(*flips.pair, level)
        yield MetricValue(metric=f"{kind}_flips", value=flips.value, n=flips.rows, feature=where, interval=interval)


def _tally(weight: Array) -> Tally:
    return Tally(weight.size, float(weight.sum()), float((weight * weight).sum()))


def _group_row(feature: str, group: str, errors: Array, weight: Array) -> tuple[Any, ...]:
    return feature, group, errors.size, float(weight.sum()), float((weight * errors).sum())


def _shifts(drawn: Batch, errors: Array, level: float, groups: list[tuple[Any, ...]]) -> Iterator[MetricValue]:
    """The error of each group alone beside everybody's; rows, weight and summed error go to `groups`."""
    for name, own in drawn.groups.items():
        for group in sorted({text for text in own if isinstance(text, str)}):
            inside = own == group
            part = float(drawn.weight[inside].sum() / drawn.weight.sum())
            where: dict[str, Any] = {"metric": "shift_drop", "feature": name, "group": group}
            if inside.all():
                continue
            if part in (0.0, 1.0):
                reason = "the group or everybody else weighs nothing"
                yield MetricValue(value=None, n=int(inside.sum()), not_estimable=reason, **where)
                continue
            groups.append(_group_row(name, group, errors[inside], drawn.weight[inside]))
            first, second = (_running(errors[side], drawn.weight[side]).moments for side in (inside, ~inside))
            found = moments.difference(first, second, level)
            # Group minus everybody is (1 - share of the group) times group minus rest.
            scale = 1 - part
            interval = None
            if found is not None:
                bounds = (found.low or 0.0) * scale, (found.high or 0.0) * scale
                interval = Interval(*bounds, level, found.method)
            yield MetricValue(value=(first.mean - second.mean) * scale, n=first.rows, interval=interval, **where)
