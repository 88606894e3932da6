"""The arithmetic of predictive performance. Worker only."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from audits.checks._models import BINARY
from audits.checks._outcomes import Outcomes, read_outcomes
from audits.checks.base import EvidenceError
from audits.checks.performance_metrics import PerformanceParameters
from audits.evidence import Evidence
from audits.measurements import Interval, Measurement, MetricValue, Table
from audits.statistics import intervals, roc

_BINARY_METRICS = ("accuracy", "precision", "recall", "f1", "log_loss", "brier", "roc_auc")
_REGRESSION_METRICS = ("mae", "rmse", "r2")
_CLIP = 1e-15
_CHUNK = 2_000_000

Array = np.ndarray[Any, Any]


def measure_performance(evidence: Evidence, parameters: PerformanceParameters) -> Measurement:
    """Read, then score: see `performance_metrics`."""
    outcomes = read_outcomes(evidence)
    columns = outcomes.rows.connection.execute(
        "SELECT CAST(_label AS DOUBLE) AS y, CAST(_prediction AS DOUBLE) AS p, CAST(_score AS DOUBLE) AS s "
        "FROM outcomes"
    ).df()
    label, prediction, score = (columns[name].to_numpy(dtype=float) for name in ("y", "p", "s"))
    if np.isnan(label).all():
        raise EvidenceError("target", "no row has a label; tag the column that holds it as target")
    held = ~np.isnan(label) & ~np.isnan(prediction)
    missing = int((~held).sum())
    total = int(label.size)
    values = [
        MetricValue(metric="rows_scored", value=float(held.sum()), n=total),
        MetricValue(
            metric="missing_fraction",
            value=missing / total,
            n=total,
            interval=intervals.proportion(missing, total, parameters.level),
        ),
    ]
    binary = outcomes.task.kind == BINARY
    table: dict[str, Table] = {}
    if missing > parameters.missing_tolerated * total:
        reason = f"{missing} of {total} rows have no label or no prediction, more than tolerated"
        wanted = _BINARY_METRICS if binary else _REGRESSION_METRICS
        values += [MetricValue(metric=m, value=None, n=total - missing, not_estimable=reason) for m in wanted]
    elif binary:
        counts = _confusion(label[held], prediction[held])
        table["confusion"] = Table(
            ("label", "prediction", "count"), tuple((y, p, counts[2 * y + p]) for y in (0, 1) for p in (0, 1))
        )
        values += _decisions(counts, parameters, evidence.seed)
        values += _probabilities(label[held], score[held], outcomes, parameters.level)
    else:
        values += _errors(label[held], prediction[held], parameters, evidence.seed)
    return Measurement(
        values=tuple(values),
        inputs=outcomes.inputs,
        tables=table,
        notes=(f"Predictions come from {outcomes.origin}.",),
    )


def _confusion(label: Array, prediction: Array) -> list[int]:
    """TN, FP, FN, TP."""
    return [int(n) for n in np.bincount((2 * label + prediction).astype(int), minlength=4)]


def _decisions(counts: list[int], parameters: PerformanceParameters, seed: int) -> Iterator[MetricValue]:
    tn, fp, fn, tp = counts
    shares = {
        "accuracy": (tp + tn, sum(counts), "no rows"),
        "precision": (tp, tp + fp, "nobody is predicted positive"),
        "recall": (tp, tp + fn, "no row is actually positive"),
    }
    for metric, (hits, total, empty) in shares.items():
        if not total:
            yield MetricValue(metric=metric, value=None, n=0, not_estimable=empty)
        else:
            interval = intervals.proportion(hits, total, parameters.level)
            yield MetricValue(metric=metric, value=hits / total, n=total, interval=interval)
    yield _f1(counts, parameters, seed)


def _f1(counts: list[int], parameters: PerformanceParameters, seed: int) -> MetricValue:
    """Multinomial resampling of the four counts equals the row bootstrap in distribution and costs nothing."""
    _, fp, fn, tp = counts
    n = 2 * tp + fp + fn
    if not tp + fn:
        return MetricValue(metric="f1", value=None, n=0, not_estimable="no row is actually positive")
    point = 2 * tp / n
    total = sum(counts)
    # Half a count in every cell: an empty cell is not known to be impossible.
    shares = (np.array(counts) + 0.5) / (total + 2)
    draws = np.random.default_rng(seed).multinomial(total, shares, size=parameters.resamples)
    below = 2 * draws[:, 3] + draws[:, 1] + draws[:, 2]
    resampled = np.divide(2 * draws[:, 3], below, out=np.zeros(len(draws)), where=below > 0)
    interval = intervals.percentile(resampled, point, parameters.level, "multinomial")
    return MetricValue(metric="f1", value=point, n=tp + fp + fn, interval=interval)


def _probabilities(label: Array, score: Array, outcomes: Outcomes, level: float) -> Iterator[MetricValue]:
    n = int(label.size)
    if not outcomes.has_scores or np.isnan(score).any():
        reason = "no score is known for every row" if outcomes.has_scores else "only decisions are known, no scores"
        for metric in ("log_loss", "brier", "roc_auc"):
            yield MetricValue(metric=metric, value=None, n=n, not_estimable=reason)
        return
    if ((score < 0) | (score > 1)).any():
        for metric in ("log_loss", "brier"):
            yield MetricValue(metric=metric, value=None, n=n, not_estimable="scores are not probabilities in [0, 1]")
    else:
        clipped = np.clip(score, _CLIP, 1 - _CLIP)
        yield _mean("log_loss", -(label * np.log(clipped) + (1 - label) * np.log1p(-clipped)), level)
        yield _mean("brier", (score - label) ** 2, level)
    positives, negatives = score[label == 1], score[label == 0]
    smaller = int(min(positives.size, negatives.size))
    found = roc.of_scores(positives, negatives)
    if found is None:
        yield MetricValue(metric="roc_auc", value=None, n=0, not_estimable="only one label occurs")
    else:
        yield MetricValue(metric="roc_auc", value=found.value, n=smaller, interval=roc.interval(found, level))


def _mean(metric: str, sample: Array, level: float) -> MetricValue:
    """A mean of values that cannot be negative, so neither can its interval be."""
    interval = intervals.mean(sample, level)
    if interval is not None:
        interval = Interval(max(0.0, interval.low or 0.0), interval.high, level, interval.method)
    return MetricValue(metric=metric, value=float(sample.mean()), n=int(sample.size), interval=interval)


def _errors(label: Array, prediction: Array, parameters: PerformanceParameters, seed: int) -> Iterator[MetricValue]:
    error = prediction - label
    n = int(error.size)
    yield _mean("mae", np.abs(error), parameters.level)
    squared = _mean("mse", error**2, parameters.level)
    interval = squared.interval
    if interval is not None:
        interval = Interval(
            math.sqrt(interval.low or 0.0), math.sqrt(interval.high or 0.0), parameters.level, "student-t"
        )
    yield MetricValue(metric="rmse", value=math.sqrt(squared.value or 0.0), n=n, interval=interval)
    spread = float(((label - label.mean()) ** 2).sum())
    if spread == 0.0:
        yield MetricValue(metric="r2", value=None, n=n, not_estimable="the target does not vary")
        return
    point = 1 - float((error**2).sum()) / spread
    draws = _resampled_r2(label, error, parameters.resamples, seed)
    interval = intervals.percentile(draws, point, parameters.level, "bootstrap") if draws.size else None
    yield MetricValue(metric="r2", value=point, n=n, interval=interval)


def _resampled_r2(label: Array, error: Array, resamples: int, seed: int) -> Array:
    """R² over rows drawn with replacement, in pieces of bounded memory; draws without spread are left out."""
    generator, n = np.random.default_rng(seed), label.size
    centred, squared = label - label.mean(), error**2
    collected = []
    step = max(1, _CHUNK // n)
    for start in range(0, resamples, step):
        chosen = generator.integers(0, n, size=(min(step, resamples - start), n))
        drawn = centred[chosen]
        spread = (drawn**2).sum(axis=1) - drawn.sum(axis=1) ** 2 / n
        kept = spread > 0
        collected.append(1 - squared[chosen].sum(axis=1)[kept] / spread[kept])
    return np.concatenate(collected)
