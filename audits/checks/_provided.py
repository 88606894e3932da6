"""Attributions from a file: read, bound to the model, measured. Worker only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from audits.checks._attribute import Attribution
from audits.checks._effects import swarm
from audits.checks._faithfulness import rank_correlation
from audits.checks._rows import Rows, open_rows
from audits.checks._shares import Shares
from audits.checks.base import EvidenceError
from audits.checks.explainability_provided import ProvidedParameters
from audits.evidence import Evidence
from audits.measurements import Measurement, MetricValue, Table

ROLE = "attributions"
_SMALLEST = 20


@dataclass(frozen=True, slots=True)
class _Provided:
    rows: Rows
    frame: Any
    features: list[str]
    found: Attribution


def measure_provided(evidence: Evidence, parameters: ProvidedParameters) -> Measurement:
    """See `explainability_provided`."""
    provided = _read(evidence, parameters)
    origin = _origin(evidence)
    found, features = provided.found, provided.features
    shares = Shares(found.absolute, features, parameters, evidence.seed)
    sensitive = _sensitive(provided.rows, parameters)
    values = [*_plain(provided, evidence, origin)]
    values += [value for value in shares.measure(set(sensitive), {}, 1.0) if value.metric != "proxy_share"]
    for column in _grouping(provided.rows, parameters):
        values += shares.by_group(column, provided.frame[column])
    values.append(_stability(found.absolute, parameters, evidence.seed))
    tables = {"importance": Table((), ())}
    if shares.total:
        tables["importance"] = shares.table(found.phi.mean(axis=(0, 2)), set(sensitive))
        # The values behind the attributions are not given, so no dot has a place in the order of its feature.
        tables["swarm"] = swarm(found, provided.frame[features].map(lambda _value: 0.0), features, shares.order)
        tables["importance_by_group"] = shares.group_table(provided.frame, _grouping(provided.rows, parameters))
    return Measurement(
        values=tuple(values),
        inputs={"model": evidence.model.digest, **provided.rows.inputs},
        tables=tables,
        notes=(
            f"Attributions were computed elsewhere ({origin or 'nobody says how'}): claims; the model was not asked.",
            "Additivity is held against the output that is stated beside them.",
        ),
    )


def _read(evidence: Evidence, parameters: ProvidedParameters) -> _Provided:
    rows = open_rows(evidence.datasets[ROLE])
    features = list(rows.dataset.tagged("attribution"))
    base, output, artifact = (_the(rows, tag) for tag in ("base_value", "output", "artifact_digest"))
    if not features:
        raise EvidenceError("attribution", f"no column of {rows.where} is tagged so")
    if rows.total < _SMALLEST:
        raise EvidenceError(rows.where, f"has {rows.total} rows; an explanation needs {_SMALLEST}")
    groups = _grouping(rows, parameters)
    frame = rows.frame(dict.fromkeys((*features, base, output, artifact, *groups)))
    others = sorted({str(digest) for digest in frame[artifact].unique()} - {evidence.model.digest})
    if others:
        problem = f"says that {others[0][:80]} was explained; this version is {evidence.model.digest}"
        raise EvidenceError(artifact, problem)
    numbers = frame[[*features, base, output]].to_numpy(dtype=float)
    if not np.isfinite(numbers).all():
        raise EvidenceError(rows.where, "has rows without an attribution, a base value or an output")
    bases = numbers[:, -2]
    if np.ptp(bases) > 0:
        raise EvidenceError(base, "is not the same in every row, so the rows were explained by different games")
    found = Attribution(
        base=bases[:1],
        phi=numbers[:, : len(features), None],
        outputs=numbers[:, -1:],
        method="computed elsewhere",
        space="as stated",
        covered=frozenset(features),
    )
    return _Provided(rows, frame, features, found)


def _plain(provided: _Provided, evidence: Evidence, origin: str) -> Iterator[MetricValue]:
    found, n = provided.found, len(provided.frame)
    yield MetricValue(metric="rows_explained", value=float(n), n=n)
    yield MetricValue(metric="origin_missing", value=0.0 if origin else 1.0, n=1)
    yield MetricValue(metric="additivity_error", value=found.additivity_error, n=n)
    yield MetricValue(metric="additivity_error_relative", value=found.relative_error, n=n)
    declared = set(evidence.model.signature.get("features") or ())
    if not declared:
        reason = "the signature of the version names no features"
        yield MetricValue(metric="features_covered", value=None, n=0, not_estimable=reason)
        return
    covered = len(declared & set(provided.features)) / len(declared)
    yield MetricValue(metric="features_covered", value=covered, n=len(declared))


def _stability(absolute: Any, parameters: ProvidedParameters, seed: int) -> MetricValue:
    order = np.random.default_rng(seed).permutation(len(absolute))
    first, second = (absolute[np.sort(half)] for half in np.array_split(order, 2))
    return rank_correlation("rank_stability", first, second, parameters, seed)


def _the(rows: Rows, tag: str) -> str:
    found = rows.one_tagged(tag)
    if found is None:
        raise EvidenceError(tag, f"no column of {rows.where} is tagged so")
    return found


def _sensitive(rows: Rows, parameters: ProvidedParameters) -> tuple[str, ...]:
    """The attribution columns of sensitive features."""
    asked = parameters.sensitive or rows.dataset.tagged("sensitive")
    return tuple(name for name in rows.dataset.tagged("attribution") if name in asked)


def _grouping(rows: Rows, parameters: ProvidedParameters) -> tuple[str, ...]:
    """Columns beside the attributions that hold groups of people."""
    asked = parameters.sensitive or rows.dataset.tagged("sensitive")
    held = {column.name for column in rows.dataset.columns} - set(rows.dataset.tagged("attribution"))
    return tuple(name for name in asked if name in held)


def _origin(evidence: Evidence) -> str:
    """What the lineage says of how the attributions came about."""
    name = evidence.datasets[ROLE].name
    nodes = evidence.lineage.get("nodes", ())
    facts: Mapping[str, Any] = next(
        (node.get("facts", {}) for node in nodes if node.get("id") == f"dataset:{name}"), {}
    )
    edges = evidence.lineage.get("edges", ())
    jobs = [edge["source"] for edge in edges if edge.get("target") == f"dataset:{name}"]
    return str(facts.get("source") or facts.get("job") or (jobs[0] if jobs else ""))
