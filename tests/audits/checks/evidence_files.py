"""Evidence written to real files for the tests of checks."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audits.checks.base import Check, parse_parameters
from audits.evidence import Column, DatasetEvidence, Evidence, ModelEvidence
from audits.measurements import Measurement, MetricValue
from registry.canonical import digest_file

SIGNATURE = {"task": "binary_classification", "features": [], "target": "y", "positive_label": 1, "threshold": None}


def write_csv(path: Path, columns: Mapping[str, Any]) -> Path:
    """A CSV in which None is an empty cell."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def dataset(
    path: Path, columns: Mapping[str, Any], declared: Mapping[str, tuple[str, tuple[str, ...]]], role: str
) -> DatasetEvidence:
    """`columns` written to `path`, with `declared` types and tags."""
    write_csv(path, columns)
    return DatasetEvidence(
        role=role,
        name=f"{role}/1",
        digest=digest_file(path),
        path=path,
        media_type="text/csv",
        columns=tuple(Column(name, kind, tags) for name, (kind, tags) in declared.items()),
    )


def evidence(
    *datasets: DatasetEvidence,
    signature: Mapping[str, Any] | None = None,
    model: Path | None = None,
    lineage: Mapping[str, Any] | None = None,
    seed: int = 7,
) -> Evidence:
    """Evidence about model risk/1, with `model` as its skops file where there is one."""
    return Evidence(
        model=ModelEvidence(
            name="risk/1",
            digest=digest_file(model) if model else "sha256:" + "0" * 64,
            format="skops",
            path=model,
            signature={**SIGNATURE, **(signature or {})},
        ),
        datasets={one.role: one for one in datasets},
        lineage=lineage or {},
        seed=seed,
    )


def measured(check: Check, given: Evidence, **parameters: Any) -> Measurement:
    """Measure in this process, parameters read as from a policy; the answer must survive the way to JSON and back."""
    answer = check.measure(given, parse_parameters(check, parameters))
    assert Measurement.from_document(answer.to_document()) == answer
    assert {value.metric for value in answer.values} <= set(check.metrics)
    return answer


def the(answer: Measurement, metric: str, feature: str = "", group: str = "") -> MetricValue:
    """The one value of that metric."""
    [found] = [v for v in answer.of(metric) if v.feature == feature and v.group == group]
    return found


def number(answer: Measurement, metric: str, feature: str = "", group: str = "") -> float:
    """The number itself; fails where it is not estimable."""
    value = the(answer, metric, feature, group).value
    assert value is not None, the(answer, metric, feature, group).not_estimable
    return value
