"""A check that cannot tell a planted bad case from a good one satisfies nothing, whatever it measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.conf import settings

from audits.checks.base import Check
from audits.checks.catalogue import load_check
from audits.checks.planted import PLANTED, controls_of
from audits.controls import Control, measure_beside_controls, separations
from audits.criteria import Criterion, Outcome, judge
from audits.measurements import Measurement, MetricValue, ObservationStatus
from tests.audits.checks.evidence_files import evidence
from tests.audits.deeds import Deed, DeedParameters

SHIPPED = tuple(settings.ASSAY_CHECKS)
GOOD, BAD, REAL = (evidence(lineage={"root": name}) for name in ("good", "bad", "real"))
ANSWERS = {"good": 0.1, "bad": 0.9, "real": 0.5}


class Answers(Deed):
    """Answers by the name of its evidence; `blind` answers the same to all, `broken` fails on planted ones."""

    answers: ClassVar[dict[str, float | None]] = dict(ANSWERS)

    def measure(self, evidence: Any, parameters: DeedParameters) -> Measurement:
        name = evidence.lineage["root"]
        if parameters.deed == "broken" and name != "real":
            raise RuntimeError("no luck")
        value = 0.5 if parameters.deed == "blind" else self.answers[name]
        reason = "unknown" if value is None else ""
        return Measurement(values=(MetricValue(metric="answer", value=value, n=9, not_estimable=reason),), inputs={})


def beside(deed: str = "", apart: float = 0.5) -> Measurement:
    control = Control(metric="answer", good=GOOD, bad=BAD, apart=apart, parameters={"deed": deed})
    return measure_beside_controls(Answers(), REAL, DeedParameters(deed), lambda: [control])


@pytest.mark.parametrize("path", SHIPPED)
def test_every_shipped_check_tells_its_planted_cases_apart(path: str, tmp_path: Path) -> None:
    check = load_check(path)
    planted = controls_of(check, tmp_path / "controls")
    assert planted
    assert [found.problem for found in separations(check, planted)] == [""] * len(planted)


@pytest.mark.parametrize("path", SHIPPED)
def test_no_shipped_check_tells_two_good_cases_apart(path: str, tmp_path: Path) -> None:
    """The self-test itself can fail: with the good case planted twice it must."""
    check = load_check(path)
    [control, *_] = controls_of(check, tmp_path / "controls")
    twice = Control(
        metric=control.metric,
        feature=control.feature,
        good=control.good,
        bad=control.good,
        apart=control.apart,
        parameters=control.parameters,
    )
    [found] = separations(check, [twice])
    assert "was not told from the good one" in found.problem


def test_what_was_measured_stands_where_the_control_holds() -> None:
    answer = beside()
    assert answer.values[0].value == 0.5
    assert answer.tables["controls"].rows == (("answer", 0.1, 0.9, ""),)


@pytest.mark.parametrize(
    ("deed", "apart", "words"),
    [
        ("blind", 0.5, "was not told from the good one"),
        ("broken", 0.5, "the planted case failed: no luck"),
        ("", 0.85, "was not told from the good one"),
        ("", -0.5, "was not told from the good one"),
    ],
)
def test_what_was_measured_is_withheld_where_a_control_fails(deed: str, apart: float, words: str) -> None:
    answer = beside(deed, apart)
    assert answer.values[0].value is None
    assert words in answer.values[0].not_estimable


def test_a_planted_case_that_is_not_estimable_fails_the_control(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Answers.answers, "bad", None)
    assert "not estimable" in beside().values[0].not_estimable


def test_a_failed_control_makes_every_criterion_inconclusive() -> None:
    criterion = Criterion.from_document(
        {
            "id": "c",
            "check": "test.deed",
            "metric": "answer",
            "at_most": "0.9",
            "decide_on": "point",
            "reason": "r",
            "set_by": "Vera",
        }
    )
    assert judge(ObservationStatus.MEASURED, beside(), criterion).outcome is Outcome.SATISFIED
    assert judge(ObservationStatus.MEASURED, beside("blind"), criterion).outcome is Outcome.INCONCLUSIVE


def test_a_check_may_bring_its_own_planted_cases(tmp_path: Path) -> None:
    class Own(Answers):
        def controls(self, folder: Path) -> tuple[Control, ...]:
            assert folder.is_dir()
            return (Control(metric="answer", good=GOOD, bad=BAD, apart=0.5),)

    own: Check = Own()
    assert [control.metric for control in controls_of(own, tmp_path / "c")] == ["answer"]
    assert controls_of(Deed(), tmp_path / "d") == ()


def test_a_distance_of_nothing_is_no_control() -> None:
    with pytest.raises(ValueError, match="must not be 0"):
        Control(metric="answer", good=GOOD, bad=BAD, apart=0)


def test_planted_cases_are_those_of_checks_that_exist() -> None:
    assert set(PLANTED) <= {load_check(path).id for path in SHIPPED}
