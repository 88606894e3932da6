"""The arithmetic of bias in labels. Worker only."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from audits.checks import _sufficient as sufficient
from audits.checks._cells import Share
from audits.checks._outcomes import Counting, read_labels
from audits.checks._relation import Cells, Strata, count_by_stratum, everybody, less
from audits.checks.fairness_dataset_bias import DatasetBiasParameters
from audits.counting.question import Tally
from audits.evidence import Evidence
from audits.measurements import Interval, Measurement, MetricValue
from audits.statistics import distances, intervals, resampling

RESAMPLES = 1000

Array = np.ndarray[Any, Any]

DISTANCES: Mapping[str, Callable[[Array, Array], Array]] = {
    "kullback_leibler": distances.kullback_leibler,
    "jensen_shannon": distances.jensen_shannon,
    "lp_norm": distances.lp_norm,
    "total_variation": distances.total_variation,
    "kolmogorov_smirnov": distances.kolmogorov_smirnov,
}


def measure_dataset_bias(evidence: Evidence, parameters: DatasetBiasParameters) -> Measurement:
    """Count, then compare: see `fairness_dataset_bias`."""
    sensitive = parameters.columns_of(evidence.datasets["train"])
    counting = Counting(columns=(*sensitive, *parameters.strata), weights=parameters.weights)
    outcomes = read_labels(evidence, "train", counting)
    found = count_by_stratum(outcomes, sensitive, parameters.strata, "_label", parameters)
    missing, untold = found.missing("missing_label_fraction", "label", parameters)
    values: list[MetricValue] = [missing]
    for feature, strata in found.features.items():
        shares = _shares(strata)
        whole = Share(*(sum((getattr(s, part) for s in shares.values()), Tally()) for part in ("hits", "total")))
        labelled = everybody(strata)
        for group, own in shares.items():
            rest = _minus(whole, own)
            values += _of_group(feature, group, own, rest, parameters.level, untold)
            if parameters.strata:
                where = feature, group
                values.append(_conditional(where, strata, labelled, parameters.level, evidence.seed, untold))
        values.append(_range(feature, shares, parameters.level, untold))
    tables = {
        "labels": found.table("label", parameters.suppress_below),
        "shares": sufficient.shares([missing], {missing.metric}),
    }
    return Measurement(values=tuple(values), inputs=outcomes.inputs, tables=tables, notes=found.notes)


def _shares(strata: Strata) -> dict[str, Share]:
    """Positive labels of each group over all strata."""
    cells: dict[str, dict[Any, Tally]] = {}
    for members in strata.values():
        for group, counts in members.items():
            for label, tally in counts.items():
                own = cells.setdefault(group, {})
                own[label] = own.get(label, Tally()) + tally
    ones = {group: (own.get(1, Tally()), own.get(0, Tally())) for group, own in sorted(cells.items())}
    return {group: Share(one, one + zero) for group, (one, zero) in ones.items()}


def _minus(whole: Share, own: Share) -> Share:
    return Share(less(whole.hits, own.hits), less(whole.total, own.total))


def _of_group(feature: str, group: str, own: Share, rest: Share, level: float, untold: str) -> Iterator[MetricValue]:
    where: dict[str, Any] = {"feature": feature, "group": group, "n": min(own.rows, rest.rows)}
    constant = own.hits.rows + rest.hits.rows in (0, own.rows + rest.rows)
    if untold or not own.rows or not rest.rows or constant:
        hollow = f"the {'rest' if own.rows else 'group'} has no labels"
        reason = untold or ("every label is the same" if constant else hollow)
        for metric in ("class_imbalance", "label_difference", *DISTANCES):
            yield MetricValue(metric=metric, value=None, not_estimable=reason, **where)
        return
    total = own.total + rest.total
    part = own.total.weight / total.weight
    found = intervals.proportion(part * total.effective, total.effective, level)
    bounds = Interval(
        1 - 2 * (1.0 if found.high is None else found.high), 1 - 2 * (found.low or 0.0), level, found.method
    )
    yield MetricValue(metric="class_imbalance", value=1 - 2 * part, interval=bounds, **{**where, "n": total.rows})
    interval = intervals.difference(rest.pair, own.pair, level)
    yield MetricValue(metric="label_difference", value=rest.value - own.value, interval=interval, **where)
    for metric, distance in DISTANCES.items():
        value = float(distance(_binary(rest.value), _binary(own.value)))
        if not np.isfinite(value):
            reason = "a label that others have does not occur in the group"
            yield MetricValue(metric=metric, value=None, not_estimable=reason, **where)
        else:
            yield MetricValue(metric=metric, value=value, interval=_box(distance, own, rest, level), **where)


def _binary(rate: float) -> Array:
    return np.array([1 - rate, rate])


def _box(distance: Callable[[Array, Array], Array], own: Share, rest: Share, level: float) -> Interval:
    """Bounds over both rates' intervals, each at half the error: a convex distance is largest in a corner."""
    half = 1 - (1 - level) / 2
    boxes = []
    for share in (rest, own):
        found = intervals.proportion(*share.pair, half)
        boxes.append((found.low or 0.0, 1.0 if found.high is None else found.high))
    corners = [float(distance(_binary(a), _binary(d))) for a, d in itertools.product(*boxes)]
    overlap = boxes[0][0] <= boxes[1][1] and boxes[1][0] <= boxes[0][1]
    high = max(corners)
    return Interval(0.0 if overlap else min(corners), high if np.isfinite(high) else None, level, "wilson-box")


def _range(feature: str, shares: Mapping[str, Share], level: float, untold: str) -> MetricValue:
    metric, n = "label_difference_range", min(share.rows for share in shares.values())
    seen = sum(share.hits.rows for share in shares.values())
    constant = seen in (0, sum(share.rows for share in shares.values()))
    if untold or not n or constant or len(shares) < 2:  # noqa: PLR2004 - a comparison
        reason = untold or (
            "a group has no labels" if not n else "every label is the same" if constant else "there is only one group"
        )
        return MetricValue(metric=metric, value=None, n=n, feature=feature, not_estimable=reason)
    rates = [share.value for share in shares.values()]
    interval = intervals.widest_difference([share.pair for share in shares.values()], level)
    return MetricValue(metric=metric, value=max(rates) - min(rates), n=n, feature=feature, interval=interval)


def _conditional(
    where: tuple[str, str], strata: Strata, whole: Mapping[str, Cells], level: float, seed: int, untold: str
) -> MetricValue:
    """CDD over (stratum, in the group or not, label), resampled as a multinomial table; `whole` is of all groups."""
    feature, group = where
    cells = np.zeros((len(strata), 2, 2))
    rows, weight, squares = 0, 0.0, 0.0
    for index, (stratum, members) in enumerate(strata.items()):
        for label in (0, 1):
            total, own = (counts.get(label, Tally()) for counts in (whole[stratum], members.get(group, {})))
            cells[index, 1, label], cells[index, 0, label] = own.weight, less(total, own).weight
            rows, weight, squares = rows + total.rows, weight + total.weight, squares + total.squares
    metric = "conditional_disparity"
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(_cdd(cells[None])[0])
    if untold or not np.isfinite(value):
        reason = untold or "a stratum has only accepted or only rejected rows"
        return MetricValue(metric=metric, value=None, n=rows, feature=feature, group=group, not_estimable=reason)
    effective = cells * (weight / squares)
    interval = resampling.bootstrap(
        effective.ravel(),
        lambda drawn: _cdd(drawn.reshape(-1, *cells.shape).astype(float)),
        point=value,
        level=level,
        resamples=RESAMPLES,
        seed=seed,
    )
    return MetricValue(metric=metric, value=value, n=rows, feature=feature, group=group, interval=interval)


def _cdd(cells: Array) -> Array:
    """(draws, strata, member, label) to (draws,)."""
    sizes = cells.sum(axis=(2, 3))
    shares = cells[:, :, 1, :] / cells.sum(axis=2)
    disparity = shares[:, :, 0] - shares[:, :, 1]
    summed: Array = (sizes * disparity).sum(axis=1) / sizes.sum(axis=1)
    return summed
