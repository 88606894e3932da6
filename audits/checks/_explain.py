"""Drawing the rows, explaining them and measuring the explanation. Worker only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from audits.checks import _sufficient as sufficient
from audits.checks._attribute import explainer_for
from audits.checks._cases import cases
from audits.checks._crosscheck import beside_shap
from audits.checks._effects import Pair, effects, strongest_correlation, swarm
from audits.checks._explainers import Explainer
from audits.checks._faithfulness import Trials, violations
from audits.checks._models import feature_frame, load_model
from audits.checks._rows import Rows, open_rows
from audits.checks._sampling import Explained, drawn, explain_until
from audits.checks._shares import Shares, associations
from audits.checks._tasks import BINARY, MULTICLASS, REGRESSION, Task, read_task
from audits.checks.base import EvidenceError
from audits.checks.explainability_shap import ExplanationParameters
from audits.evidence import Evidence
from audits.measurements import Measurement, MetricValue, Table
from registry.canonical import digest

EVALUATION, TRAIN = "evaluation", "train"
_SMALLEST, _TRIAL_ROWS, _TRIAL_BACKGROUND = 20, 200, 100


def measure_explanation(evidence: Evidence, parameters: ExplanationParameters) -> Measurement:
    """Everything about the explanation; see `explainability_shap`."""
    task = read_task(evidence.model, (BINARY, MULTICLASS, REGRESSION))
    model = load_model(evidence.model)
    rows = open_rows(evidence.datasets[EVALUATION])
    source = open_rows(evidence.datasets[TRAIN]) if TRAIN in evidence.datasets else rows
    sensitive = parameters.sensitive or evidence.datasets[EVALUATION].tagged("sensitive")
    frame = rows.frame(dict.fromkeys((*task.features, *sensitive))) if task.features else feature_frame(rows, task)
    known = frame[list(task.features)] if source is rows else feature_frame(source, task)
    background = drawn(known, parameters.background_rows, np.random.default_rng(evidence.seed))
    if len(frame) < _SMALLEST:
        raise EvidenceError(rows.where, f"has {len(frame)} rows; an explanation needs {_SMALLEST}")
    explainer = explainer_for(model, task, parameters.asking)
    explained = explain_until(
        explainer,
        frame,
        list(task.features),
        background,
        precision=parameters.precision,
        most=min(parameters.sample_rows, parameters.walked_rows) if explainer.asks else parameters.sample_rows,
        level=parameters.level,
        seed=evidence.seed,
    )
    pair = strongest_correlation(explained.rows[list(task.features)])
    values, tables, second = _measured(explainer, explained, background, task, sensitive, parameters, evidence.seed)
    values += _about_the_sample(explained, list(task.features), pair)
    return Measurement(
        values=tuple(values),
        inputs={
            "model": evidence.model.digest,
            **rows.inputs,
            **source.inputs,
            "background": digest(background.to_csv(index=False).encode()),
        },
        tables=tables,
        notes=(
            *_notes(explained, background, rows, source, pair, evidence.seed, parameters),
            f"Second method: {second}.",
        ),
    )


def _measured(
    explainer: Explainer,
    explained: Explained,
    background: pd.DataFrame,
    task: Task,
    sensitive: tuple[str, ...],
    parameters: ExplanationParameters,
    seed: int,
) -> tuple[list[MetricValue], dict[str, Table], str]:
    """Values, tables and the name of the second method."""
    found, features = explained.attribution, list(task.features)
    rows = explained.rows[features]
    shares = Shares(found.absolute, features, parameters, seed)
    proxies = associations(explained.rows, features, sensitive) if sensitive else {}
    values = list(shares.measure(set(sensitive), proxies, parameters.proxy_association))
    for name, association in proxies.items():
        if name not in sensitive:
            values.append(MetricValue(metric="proxy_association", value=association, n=len(rows), feature=name))
    for column in sensitive:
        values += shares.by_group(column, explained.rows[column])
    tables = {"importance": Table((), ())}
    if shares.total:
        tables["importance"] = shares.table(found.phi.mean(axis=(0, 2)), set(sensitive))
        tables["swarm"] = swarm(found, rows, features, shares.order)
        tables["effects"] = effects(explainer, rows, shares.order)
        tables["cases"] = cases(found, rows, features, task)
        tables["importance_by_group"] = shares.group_table(explained.rows, sensitive)
    trial = rows.iloc[:_TRIAL_ROWS].reset_index(drop=True)
    trials = Trials(explainer, trial, background.iloc[:_TRIAL_BACKGROUND], parameters, seed)
    values += trials.measure()
    values += beside_shap(explainer, trial, background, parameters.level)
    values += violations(explainer, rows, parameters.expected, parameters.level)
    tables["shares"] = sufficient.shares(values, {"library_agreement", "monotonicity_violation"})
    return values, tables, trials.second_method


def _about_the_sample(explained: Explained, features: list[str], pair: Pair | None) -> Iterator[MetricValue]:
    found, n = explained.attribution, len(explained.rows)
    yield MetricValue(metric="rows_explained", value=float(n), n=n)
    yield MetricValue(metric="share_half_width", value=explained.half_width, n=n)
    yield MetricValue(metric="additivity_error", value=found.additivity_error, n=n)
    yield MetricValue(metric="additivity_error_relative", value=found.relative_error, n=n)
    covered = len(found.covered & set(features)) / len(features)
    yield MetricValue(metric="features_covered", value=covered, n=len(features))
    if pair is None:
        reason = "fewer than two features are numbers"
        yield MetricValue(metric="feature_correlation", value=None, n=n, not_estimable=reason)
    else:
        yield MetricValue(metric="feature_correlation", value=min(1.0, pair[0]), n=n, feature=" and ".join(pair[1]))


def _notes(
    explained: Explained,
    background: pd.DataFrame,
    rows: Rows,
    source: Rows,
    pair: Pair | None,
    seed: int,
    parameters: ExplanationParameters,
) -> tuple[str, ...]:
    found = explained.attribution
    base = ", ".join(f"{value:.6g}" for value in found.base.tolist())
    wanted = parameters.precision
    reached = "reached" if explained.half_width <= wanted else "not reached"
    notes = [
        f"Method: {found.method}; output space: {found.space}; base value {base}.",
        (
            f"{len(explained.rows)} of {rows.total} rows explained against {len(background)} of {source.total} rows of "
            f"{source.where}, seed {seed}."
        ),
        (
            f"Every share within ±{explained.half_width:.4f}; ±{wanted:g} was wanted and {reached}, in batches of "
            f"{', '.join(map(str, explained.batches))} rows."
        ),
    ]
    if pair is not None and pair[0] >= parameters.high_correlation:
        notes.append(
            f"{pair[1][0]} and {pair[1][1]} are correlated ({pair[0]:.2f}): attributions divide between them in a way "
            "that no data decides, so read their effects from the accumulated local effects."
        )
    return tuple(notes)
