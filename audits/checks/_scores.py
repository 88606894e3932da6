"""The arithmetic of predictive performance: counts and sums, read in few passes over the rows. Worker only."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from audits.checks._cells import Cells, Share
from audits.checks._latency import measure_latency
from audits.checks._outcomes import Outcomes, read_outcomes
from audits.checks._scored import DECIMALS, EXACT_ROWS
from audits.checks._sufficient import AREAS, SUMS, area_row, shares, sum_row
from audits.checks._tasks import BINARY
from audits.checks._weighing import weight_of
from audits.checks.base import EvidenceError
from audits.checks.performance_metrics import PerformanceParameters
from audits.counting.question import Counted, CountQuestion, Tally, Weighing, count
from audits.evidence import Evidence
from audits.measurements import Interval, Measurement, MetricValue, Table
from audits.statistics import intervals, moments, resampling, roc
from audits.statistics.moments import Moments

_DECISIONS = ("accuracy", "precision", "recall", "f1")
_BINARY_METRICS = (*_DECISIONS, "log_loss", "brier", "roc_auc")
_REGRESSION_METRICS = ("mae", "rmse", "r2", "quantile_loss")
_CLIP = 1e-15

Array = np.ndarray[Any, Any]

HELD = "_label IS NOT NULL AND _prediction IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Read:
    """The open outcomes with how they are to be weighed."""

    outcomes: Outcomes
    parameters: PerformanceParameters
    weight: str | None

    def sums(self, outcomes: Mapping[str, str], sums: Mapping[str, str], where: str = HELD) -> list[Counted]:
        """Counts per value of `outcomes` and sums (SQL) over the rows `where`."""
        question = CountQuestion(
            relation=f"(SELECT * FROM outcomes WHERE {where}) held",
            keys={},
            outcomes=outcomes,
            sets=((),),
            weighing=Weighing(weight=self.weight),
            sums=sums,
        )
        return [line for line in count(self.outcomes.rows.ask, question) if line.tally.rows]

    def tally(self, line: Counted) -> Tally:
        """Where weights are counts, each unit of weight is a row."""
        if self.parameters.weights == "counts":
            return Tally(int(line.tally.weight), line.tally.weight, line.tally.weight)
        return line.tally

    def means(self, terms: Mapping[str, str], *, sums: list[tuple[Any, ...]] | None = None) -> dict[str, Moments]:
        """The moments of each term (SQL); the sums themselves are added to `sums`."""
        squares = {f"{name}_squared": f"({sql}) * ({sql})" for name, sql in terms.items()}
        lines = self.sums({}, {**terms, **squares})
        if not lines:
            return {}
        tally = self.tally(lines[0])
        summed = lines[0].sums
        found = {
            name: Moments.of(tally.rows, tally.effective, tally.weight, summed[name], summed[f"{name}_squared"])
            for name in terms
        }
        if sums is not None:
            sums += [sum_row(name, "", one, tally.weight) for name, one in found.items()]
        return found


def measure_performance(evidence: Evidence, parameters: PerformanceParameters) -> Measurement:
    """Read, then score: see `performance_metrics`."""
    outcomes = read_outcomes(evidence)
    read = Read(outcomes, parameters, weight_of(outcomes.rows, parameters.weights))
    held, missing, labelled = _coverage(read)
    if not labelled:
        raise EvidenceError("target", "no row has a label; tag the column that holds it as target")
    total = held + missing
    values = [
        MetricValue(metric="rows_scored", value=float(held), n=total),
        MetricValue(
            metric="missing_fraction",
            value=missing / total,
            n=total,
            interval=intervals.proportion(missing, total, parameters.level),
        ),
    ]
    binary = outcomes.task.kind == BINARY
    tables: dict[str, Table] = {}
    sums: list[tuple[Any, ...]] = []
    if missing > parameters.missing_tolerated * total or not held:
        reason = f"{missing} of {total} rows have no label or no prediction, more than tolerated"
        wanted = _BINARY_METRICS if binary else _REGRESSION_METRICS
        values += [MetricValue(metric=m, value=None, n=held, not_estimable=reason) for m in wanted]
    elif binary:
        found, tables = _decisions(read, evidence.seed)
        values += [*found, *_probabilities(read, held, sums, tables)]
    else:
        values += _errors(read, sums)
    if sums:
        tables["sums"] = Table(SUMS, tuple(sums))
    tables["shares"] = shares(values, {"missing_fraction"})
    timed, notes = measure_latency(evidence, outcomes, parameters)
    return Measurement(
        values=(*values, *timed),
        inputs=outcomes.inputs,
        tables=tables,
        notes=(f"Predictions come from {outcomes.origin}.", *notes),
    )


def _coverage(read: Read) -> tuple[int, int, int]:
    """Rows with label and prediction, rows without one of them, rows with a label."""
    columns = {"label": "CAST(_label IS NOT NULL AS INTEGER)", "prediction": "CAST(_prediction IS NOT NULL AS INTEGER)"}
    rows = {line.outcomes: read.tally(line).rows for line in read.sums(columns, {}, "true")}
    held = rows.get((1, 1), 0)
    return held, sum(rows.values()) - held, held + rows.get((1, 0), 0)


def _decisions(read: Read, seed: int) -> tuple[list[MetricValue], dict[str, Table]]:
    lines = read.sums({"label": "_label", "prediction": "_prediction"}, {})
    cells = Cells({(int(line.outcomes[0]), int(line.outcomes[1])): read.tally(line) for line in lines})
    threshold = read.parameters.suppress_below
    if any(0 < tally.rows < threshold for tally in cells.counts.values()):
        reason = f"withheld: a count is below the disclosure threshold of {threshold}"
        return [MetricValue(metric=m, value=None, n=0, not_estimable=reason) for m in _DECISIONS], {}
    level = read.parameters.level
    values = []
    for metric, (share, empty) in {
        "accuracy": (cells.correct, "no rows"),
        "precision": (cells.labelled(1, prediction=1), "nobody is predicted positive"),
        "recall": (cells.predicted(1, label=1), "no row is actually positive"),
    }.items():
        values.append(_share(metric, share, empty, level))
    order = tuple((y, p, cells.inner(y, p)) for y in (0, 1) for p in (0, 1))
    weighted = read.weight is not None and read.parameters.weights != "counts"
    more = ("weight", "squares") if weighted else ()
    rows = tuple((y, p, t.rows, *((t.weight, t.squares) if weighted else ())) for y, p, t in order)
    table = Table(("label", "prediction", "count", *more), rows)
    return [*values, _f1(cells, read.parameters, seed)], {"confusion": table}


def _share(metric: str, share: Share, empty: str, level: float) -> MetricValue:
    if not share.total.weight:
        return MetricValue(metric=metric, value=None, n=0, not_estimable=empty)
    interval = intervals.proportion(*share.pair, level)
    return MetricValue(metric=metric, value=share.value, n=share.rows, interval=interval)


def _f1(cells: Cells, parameters: PerformanceParameters, seed: int) -> MetricValue:
    """Multinomial resampling of the effective counts: the row bootstrap without the rows."""
    if not cells.total(label=(1,)).weight:
        return MetricValue(metric="f1", value=None, n=0, not_estimable="no row is actually positive")
    order = (cells.inner(0, 0), cells.inner(0, 1), cells.inner(1, 0), cells.inner(1, 1))
    whole = sum(order, Tally())
    weights = np.array([tally.weight for tally in order], dtype=float)
    value = _f1_of(weights[None])[0]
    drawn = resampling.redrawn(weights * whole.effective / whole.weight, parameters.resamples, seed, smoothing=0.5)
    interval = intervals.percentile(_f1_of(drawn), value, parameters.level, "multinomial")
    n = sum(tally.rows for tally in order[1:])
    return MetricValue(metric="f1", value=float(value), n=n, interval=interval)


def _f1_of(counts: Array) -> Array:
    """Tables of (TN, FP, FN, TP) to F1; 0 where nothing is or is called positive."""
    below = 2 * counts[:, 3] + counts[:, 1] + counts[:, 2]
    found: Array = np.divide(2 * counts[:, 3], below, out=np.zeros(len(counts)), where=below > 0)
    return found


def _probabilities(
    read: Read, held: int, sums: list[tuple[Any, ...]], tables: dict[str, Table]
) -> Iterator[MetricValue]:
    """Log loss, Brier score and area; what they are computed from goes to `sums` and `tables`."""
    [(low, high, unknown)] = read.outcomes.rows.ask(
        f"SELECT min(_score), max(_score), count(*) FILTER (WHERE _score IS NULL) FROM outcomes WHERE {HELD}"
    )
    if not read.outcomes.has_scores or unknown:
        known = read.outcomes.has_scores
        reason = "no score is known for every row" if known else "only decisions are known, no scores"
        for metric in ("log_loss", "brier", "roc_auc"):
            yield MetricValue(metric=metric, value=None, n=held, not_estimable=reason)
        return
    if low < 0 or high > 1:
        for metric in ("log_loss", "brier"):
            yield MetricValue(metric=metric, value=None, n=held, not_estimable="scores are not probabilities in [0, 1]")
    else:
        likelihood = f"least(greatest(CASE WHEN _label = 1 THEN _score ELSE 1 - _score END, {_CLIP!r}), 1 - {_CLIP!r})"
        terms = {"log_loss": f"-ln({likelihood})", "brier": "(_score - _label) * (_score - _label)"}
        for metric, found in read.means(terms, sums=sums).items():
            yield _mean(metric, found, read.parameters.level)
    yield _area(read, tables)


def _area(read: Read, tables: dict[str, Table]) -> MetricValue:
    """From the histogram of each label; above 2 million rows of scores rounded to five decimals."""
    place = f"round(_score, {DECIMALS})" if read.outcomes.rows.total > EXACT_ROWS else "_score"
    weight = read.weight or "1"
    sums = ", ".join(
        f"coalesce(sum({sql}) FILTER (WHERE _label = {label}), 0)::DOUBLE"
        for label in (1, 0)
        for sql in (weight, f"{weight} * {weight}")
    )
    found = read.outcomes.rows.connection.execute(
        f"SELECT {place}::DOUBLE AS v, {sums} FROM outcomes WHERE {HELD} GROUP BY 1 ORDER BY 1"
    ).fetchnumpy()
    _, ones, one_squares, zeros, zero_squares = (np.asarray(column, dtype=float) for column in found.values())
    if read.parameters.weights == "counts":
        one_squares, zero_squares = ones, zeros
    sizes = [roc.effective(float(w.sum()), float(s.sum())) for w, s in ((ones, one_squares), (zeros, zero_squares))]
    area = roc.area(ones, zeros, (sizes[0], sizes[1]))
    if area is None:
        return MetricValue(metric="roc_auc", value=None, n=0, not_estimable="only one label occurs")
    interval = roc.interval(area, read.parameters.level)
    value = MetricValue(metric="roc_auc", value=area.value, n=round(area.n), interval=interval)
    totals = float(ones.sum()), float(zeros.sum())
    if min(totals) >= read.parameters.suppress_below:
        tables["areas"] = Table(AREAS, (area_row(value, *totals),))
    return value


def _mean(metric: str, found: Moments, level: float) -> MetricValue:
    """A mean of values that cannot be negative, so neither can its interval be."""
    interval = moments.interval(found, level)
    if interval is not None:
        interval = Interval(max(0.0, interval.low or 0.0), interval.high, level, interval.method)
    return MetricValue(metric=metric, value=found.mean, n=found.rows, interval=interval)


def _errors(read: Read, sums: list[tuple[Any, ...]]) -> Iterator[MetricValue]:
    quantile, level = read.parameters.quantile, read.parameters.level
    error = "(_prediction - _label)"
    # As DOUBLE: the product of a long decimal with itself would have more digits than a DECIMAL holds.
    pinball = f"greatest({quantile!r}::DOUBLE * -{error}, {1 - quantile!r}::DOUBLE * {error})"
    losses = {"mae": f"abs({error})", "squared_error": f"{error} * {error}", "quantile_loss": pinball}
    found = read.means(losses, sums=sums)
    centre = read.means({"label": "_label"})["label"].mean
    yield _mean("mae", found["mae"], level)
    yield _root(_mean("rmse", found["squared_error"], level))
    yield _explained(read, found["squared_error"].mean, centre, sums)
    yield _mean("quantile_loss", found["quantile_loss"], level)


def _root(squared: MetricValue) -> MetricValue:
    interval = squared.interval
    if interval is not None:
        low, high = math.sqrt(interval.low or 0.0), math.sqrt(interval.high or 0.0)
        interval = Interval(low, high, interval.level, interval.method)
    return MetricValue(metric=squared.metric, value=math.sqrt(squared.value or 0.0), n=squared.n, interval=interval)


def _explained(read: Read, squared_error: float, centre: float, sums: list[tuple[Any, ...]]) -> MetricValue:
    """R² with the delta method on the logarithm of the share that is left unexplained."""
    away = f"(_label - {centre!r}::DOUBLE)"
    spread = read.means({"spread": f"{away} * {away}"}, sums=sums)["spread"]
    if spread.mean == 0.0:
        return MetricValue(metric="r2", value=None, n=spread.rows, not_estimable="the target does not vary")
    left = squared_error / spread.mean
    linear = f"({left!r} * {away} * {away} - (_prediction - _label) * (_prediction - _label)) / {spread.mean!r}"
    error = read.means({"linear": linear})["linear"].error
    interval = None
    if left > 0 and math.isfinite(error):
        reach = math.exp(intervals.normal_quantile(read.parameters.level) * error / left)
        interval = Interval(1 - left * reach, 1 - left / reach, read.parameters.level, "delta-log")
    return MetricValue(metric="r2", value=1 - left, n=spread.rows, interval=interval)
