"""Counting what is wrong with columns and rows, in SQL over the typed rows. Worker only."""

from __future__ import annotations

from collections.abc import Iterator

from audits.checks._drift import drift
from audits.checks._population import representation
from audits.checks._rows import NUMERIC, Rows, open_rows, quoted
from audits.checks._sufficient import shares
from audits.checks.base import EvidenceError
from audits.checks.data_quality_columns import QualityParameters
from audits.checks.grouping import parse_ranges
from audits.evidence import Evidence
from audits.measurements import Measurement, MetricValue
from audits.statistics import intervals

EVALUATION, TRAIN = "evaluation", "train"
#: The metrics that are a number of rows over another.
COUNTED = frozenset(
    {
        "missing_fraction",
        "duplicate_row_fraction",
        "train_evaluation_overlap_fraction",
        "outside_population_fraction",
    }
)
NO_TRAIN = "no training data is held to compare with"


def measure_quality(evidence: Evidence, parameters: QualityParameters) -> Measurement:
    """Everything about the evaluation data; see `data_quality_columns`."""
    rows = open_rows(evidence.datasets[EVALUATION])
    inputs, tables = dict(rows.inputs), {}
    values = [MetricValue(metric="rows_total", value=float(rows.total), n=rows.total)]
    values += _columns(rows, parameters)
    values += _rows_as_wholes(rows, parameters.level)
    representing, population = representation(rows, parameters)
    values += representing
    if TRAIN in evidence.datasets:
        train = open_rows(evidence.datasets[TRAIN])
        inputs |= train.inputs
        values.append(_overlap(rows, train, parameters.level))
        drifted, tables["bins"] = drift(rows, train, parameters, evidence.seed)
        values += drifted
    else:
        absent = ("train_evaluation_overlap_fraction", "drift_psi", "drift_js", "worst_drift_psi")
        values += [MetricValue(metric=m, value=None, n=rows.total, not_estimable=NO_TRAIN) for m in absent]
    tables["shares"] = shares(values, COUNTED)
    if population.rows:
        tables["population"] = population
    return Measurement(values=tuple(values), inputs=inputs, tables=tables)


def _columns(rows: Rows, parameters: QualityParameters) -> Iterator[MetricValue]:
    n, names = rows.total, [column.name for column in rows.dataset.columns]
    counts = rows.ask(
        "SELECT "
        + ", ".join(
            f"count(raw.{quoted(c)}), count(typed.{quoted(c)}), count(DISTINCT typed.{quoted(c)})" for c in names
        )
        + " FROM raw POSITIONAL JOIN typed"
    )[0]
    missing, violations, constant = {}, {}, 0
    for index, name in enumerate(names):
        written, valid, distinct = counts[3 * index : 3 * index + 3]
        missing[name] = n - written
        violations[name] = written - valid
        constant += distinct <= 1
    for name in names:
        yield _share("missing_fraction", missing[name], n, parameters.level, name)
    worst = max(names, key=lambda name: missing[name])
    yield _share("worst_missing_fraction", missing[worst], n, parameters.level)
    for name in names:
        yield MetricValue(metric="type_violations", value=float(violations[name]), n=n, feature=name)
    yield MetricValue(metric="type_violations_total", value=float(sum(violations.values())), n=n)
    yield from _ranges(rows, parameters)
    yield MetricValue(metric="constant_columns", value=float(constant), n=len(names))
    yield MetricValue(metric="undeclared_columns", value=float(len(rows.undeclared)), n=len(names))


def _ranges(rows: Rows, parameters: QualityParameters) -> Iterator[MetricValue]:
    total = 0
    for name, (low, high) in parse_ranges(parameters.ranges).items():
        if rows.column(name).type not in NUMERIC:
            raise EvidenceError(name, f"is declared {rows.column(name).type}; only numbers can have a range")
        [(outside, held)] = rows.ask(
            f"SELECT count(*) FILTER (WHERE {quoted(name)} < {low!r} OR {quoted(name)} > {high!r}), "
            f"count({quoted(name)}) FROM typed"
        )
        total += outside
        yield MetricValue(metric="range_violations", value=float(outside), n=held, feature=name)
    yield MetricValue(metric="range_violations_total", value=float(total), n=rows.total)


def _rows_as_wholes(rows: Rows, level: float) -> Iterator[MetricValue]:
    names = [column.name for column in rows.dataset.columns if "identifier" not in column.tags]
    if not names:
        yield MetricValue(
            metric="duplicate_row_fraction", value=None, n=rows.total, not_estimable="all columns are identifiers"
        )
        return
    [(distinct,)] = rows.ask(f"SELECT count(*) FROM (SELECT DISTINCT {', '.join(map(quoted, names))} FROM typed)")
    yield _share("duplicate_row_fraction", rows.total - distinct, rows.total, level)


def _overlap(rows: Rows, train: Rows, level: float) -> MetricValue:
    """By equality of all shared columns that describe the row: features and target, not identifiers or outputs."""
    apart = {"identifier", "prediction", "score", "weight", "timestamp"}
    others = {column.name for column in train.dataset.columns}
    names = [c.name for c in rows.dataset.columns if c.name in others and not apart.intersection(c.tags)]
    metric = "train_evaluation_overlap_fraction"
    if not names:
        return MetricValue(metric=metric, value=None, n=rows.total, not_estimable="the two share no describing column")
    fingerprint = "SELECT " + ", ".join(rows.as_text(name) + f" AS {quoted(name)}" for name in names) + " FROM typed"
    seen = "SELECT DISTINCT " + ", ".join(train.as_text(name) + f" AS {quoted(name)}" for name in names) + " FROM typed"
    rows.connection.register("_train_frame", train.connection.execute(seen).df())
    matches = " AND ".join(f"e.{quoted(name)} IS NOT DISTINCT FROM t.{quoted(name)}" for name in names)
    [(common,)] = rows.ask(
        f"SELECT count(*) FROM ({fingerprint}) e WHERE EXISTS (SELECT 1 FROM _train_frame t WHERE {matches})"
    )
    rows.connection.unregister("_train_frame")
    return _share(metric, common, rows.total, level)


def _share(metric: str, count: int, total: int, level: float, feature: str = "") -> MetricValue:
    interval = intervals.proportion(count, total, level)
    return MetricValue(metric=metric, value=count / total, n=total, feature=feature, interval=interval)
