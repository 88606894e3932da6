"""How long one answer takes, asked one row at a time in the confined process. Worker only."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from scipy import stats

from audits.checks._models import ask, feature_batches, load_model
from audits.checks._outcomes import Outcomes
from audits.checks.base import EvidenceError
from audits.checks.performance_metrics import PerformanceParameters
from audits.evidence import Evidence
from audits.measurements import Interval, MetricValue

PERCENTILES = {"latency_p50_ms": 0.5, "latency_p95_ms": 0.95}

Array = np.ndarray[Any, Any]


def measure_latency(
    evidence: Evidence, outcomes: Outcomes, parameters: PerformanceParameters
) -> tuple[list[MetricValue], tuple[str, ...]]:
    """The percentiles and how they were measured; nothing where the parameters do not ask for it."""
    asks, warm = parameters.latency_asks, parameters.latency_warm_up
    if not asks:
        return [], ()
    milliseconds = _timed(evidence, outcomes, asks, warm)
    values = [_percentile(metric, milliseconds, q, parameters.level) for metric, q in PERCENTILES.items()]
    values.append(_beside_declared(values[-1], evidence.model.signature.get("latency_ms")))
    note = (
        f"Latency: {asks} asks of one row each, after {warm} to warm up that are not counted; one thread, in the "
        f"confined process, from the row in memory to the answer. Times depend on the machine: another run gives "
        f"others."
    )
    return values, (note,)


def _timed(evidence: Evidence, outcomes: Outcomes, asks: int, warm: int) -> Array:
    model = load_model(evidence.model)
    frame = next(iter(feature_batches(outcomes.rows, outcomes.task)))
    order = np.random.default_rng(evidence.seed).integers(0, len(frame), warm + asks)
    rows = [frame.iloc[[place]] for place in order]
    taken = []
    for row in rows:
        start = time.perf_counter_ns()
        ask(model, row, outcomes.task)
        taken.append(time.perf_counter_ns() - start)
    return np.sort(np.array(taken[warm:], dtype=float)) / 1e6


def _percentile(metric: str, ordered: Array, q: float, level: float) -> MetricValue:
    """The percentile with the interval of order statistics, which assumes nothing about how times are distributed."""
    size = ordered.size
    low, high = (int(stats.binom.ppf(tail, size, q)) for tail in ((1 - level) / 2, (1 + level) / 2))
    # Unbounded where the sample holds no value above the bound that the level asks for.
    upper = None if high >= size else float(ordered[high])
    interval = Interval(float(ordered[max(0, low - 1)]), upper, level, "order-statistics")
    value = float(ordered[min(size - 1, int(np.ceil(q * size)) - 1)])
    return MetricValue(metric=metric, value=value, n=size, interval=interval)


def _beside_declared(slow: MetricValue, declared: object) -> MetricValue:
    """The slow percentile as a multiple of the latency that the model's signature declares."""
    metric = "latency_p95_of_declared"
    if declared is None:
        reason = "the signature declares no latency_ms"
        return MetricValue(metric=metric, value=None, n=slow.n, not_estimable=reason)
    if isinstance(declared, bool) or not isinstance(declared, int | float) or not 0 < declared < float("inf"):
        raise EvidenceError("signature.latency_ms", "must be a number of milliseconds above 0")
    found = slow.interval
    interval = found and Interval(
        (found.low or 0.0) / declared,
        None if found.high is None else found.high / declared,
        found.level,
        found.method,
    )
    return MetricValue(metric=metric, value=(slow.value or 0.0) / declared, n=slow.n, interval=interval)
