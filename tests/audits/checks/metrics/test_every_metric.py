"""Every metric of every check of fairness and performance: by hand, and as somebody else computes it, to 1e-9."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from audits.checks.catalogue import load_checks
from audits.measurements import Measurement
from governance.settings import ASSAY_CHECKS
from tests.audits.checks.evidence_files import measured, number
from tests.audits.checks.metrics import (
    categories,
    classes,
    decisions,
    labels,
    numbers,
    orders,
    performance,
    scores,
    slices,
    strata,
)
from tests.audits.checks.metrics.audited import Subject

SUBJECTS = {
    str(subject): subject
    for room in (decisions, scores, numbers, orders, labels, strata, categories, classes, slices, performance)
    for subject in room.SUBJECTS
}
LINES = [(name, metric) for name, subject in SUBJECTS.items() for metric in subject.metrics]


@cache
def small(name: str) -> Measurement:
    subject = SUBJECTS[name]
    with TemporaryDirectory() as folder:
        return measured(subject.check, subject.small(Path(folder)), **subject.small_parameters)


@cache
def drawn(name: str, *, weighted: bool) -> Measurement:
    subject: Subject = SUBJECTS[name]
    with TemporaryDirectory() as folder:
        return measured(
            subject.check, subject.drawn(Path(folder), subject.rows(weighted=weighted)), **subject.parameters
        )


def test_no_metric_of_fairness_or_performance_goes_unaudited() -> None:
    audited = defaultdict(set)
    for name, metric in LINES:
        audited[SUBJECTS[name].check.id].add(metric)
    listed = {
        check.id: set(check.metrics)
        for check in load_checks(ASSAY_CHECKS).values()
        if check.id.startswith(("fairness.", "performance."))
    }
    assert audited == listed


@pytest.mark.parametrize(("name", "metric"), LINES)
def test_the_small_case_has_the_figures_worked_out_by_hand(name: str, metric: str) -> None:
    line = SUBJECTS[name].metrics[metric]
    assert line.by_hand
    for (feature, group), expected in line.by_hand.items():
        assert number(small(name), metric, feature, group) == pytest.approx(
            expected, abs=max(1e-12, line.by_hand_within)
        )


@pytest.mark.parametrize(
    ("name", "metric", "weights"),
    [(*line, kind) for line in LINES for kind in ("equal", "unequal") if SUBJECTS[line[0]].weighs or kind == "equal"],
)
def test_every_value_is_what_the_reference_makes_of_the_rows(name: str, metric: str, weights: str) -> None:
    line, weighted = SUBJECTS[name].metrics[metric], weights == "unequal"
    assert line.source
    ours = {(value.feature, value.group): value.value for value in drawn(name, weighted=weighted).of(metric)}
    theirs = line.reference(SUBJECTS[name].rows(weighted=weighted))
    assert ours.keys() == theirs.keys()
    for where, expected in theirs.items():
        assert ours[where] == pytest.approx(expected, abs=line.tolerance), where
