"""One person's decision: the reasons, what would have changed it, and nothing that was not asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from audits.checks.base import EvidenceError, ParameterError
from audits.checks.explainability_individual import IndividualExplanation, IndividualParameters
from audits.measurements import Measurement
from tests.audits.checks.diabetes import FEATURES, TRAINING_ROWS, patient_evidence, patients, pipeline
from tests.audits.checks.evidence_files import measured, number, the

CHECK = IndividualExplanation()
LOGISTIC = pipeline(LogisticRegression(max_iter=1000))


def row(index: int, **changes: Any) -> list[str]:
    cells = {**patients()[list(FEATURES)].iloc[index].to_dict(), **changes}
    return [f"{name}={value}" for name, value in cells.items()]


def someone(model: Any, *, positive: bool) -> int:
    answers = model.predict_proba(patients()[list(FEATURES)])[:, 1]
    near = np.abs(answers[TRAINING_ROWS:] - 0.5) + 10 * ((answers[TRAINING_ROWS:] >= 0.5) != positive)
    return TRAINING_ROWS + int(near.argmin())


def explained(folder: Path, model: Any, person: list[str], **parameters: Any) -> Measurement:
    return measured(CHECK, patient_evidence(folder, model), row=person, **parameters)


def test_the_decision_is_the_models_own_and_the_reasons_are_its_strongest(tmp_path: Path) -> None:
    index = someone(LOGISTIC, positive=True)
    answer = explained(tmp_path, LOGISTIC, row(index))
    assert number(answer, "score") == pytest.approx(
        LOGISTIC.predict_proba(patients()[list(FEATURES)].iloc[[index]])[0, 1], abs=1e-12
    )
    assert number(answer, "decision") == 1.0
    reasons = answer.tables["reasons"].rows
    assert len(reasons) == 4
    strengths = [abs(reason[2]) for reason in reasons]
    assert strengths == sorted(strengths, reverse=True)
    assert {reason[4] for reason in reasons} <= {"raised", "lowered"}
    assert 0.5 <= number(answer, "reasons_stability") <= 1.0


@pytest.mark.parametrize("model", [LOGISTIC, pipeline(GradientBoostingClassifier(n_estimators=20, random_state=0))])
@pytest.mark.parametrize("positive", [True, False])
def test_the_counterfactual_turns_the_real_decision_within_its_bounds(
    model: Any,
    positive: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    index = someone(model, positive=positive)
    answer = explained(tmp_path, model, row(index), mutable=["bmi", "bp", "s5"])
    changes = {name: after for name, _, after in answer.tables["counterfactual"].rows}
    assert set(changes) <= {"bmi", "bp", "s5"}
    changed = patients()[list(FEATURES)].iloc[[index]].assign(**changes)
    score = float(model.predict_proba(changed)[0, 1])
    assert (score >= 0.5) != positive
    assert number(answer, "counterfactual_score") == pytest.approx(score, abs=1e-12)
    assert number(answer, "counterfactual_changes") == len(changes)


def test_no_single_change_is_nearer_than_the_one_that_is_told(tmp_path: Path) -> None:
    index = someone(LOGISTIC, positive=True)
    known = patients()[list(FEATURES)].iloc[:TRAINING_ROWS]
    answer = explained(tmp_path, LOGISTIC, row(index), mutable=["bmi", "bp"])
    [(name, before, after)] = answer.tables["counterfactual"].rows
    spread = {n: known[n].quantile(0.75) - known[n].quantile(0.25) for n in ("bmi", "bp")}
    for other in ("bmi", "bp"):
        for value in np.unique(np.quantile(known[other], np.linspace(0.02, 0.98, 24), method="nearest")):
            changed = patients()[list(FEATURES)].iloc[[index]].assign(**{other: value})
            if LOGISTIC.predict_proba(changed)[0, 1] < 0.5:
                far = abs(value - patients()[other].iloc[index]) / spread[other]
                assert far >= abs(after - before) / spread[name] - 1e-12


def test_a_direction_is_kept(tmp_path: Path) -> None:
    index = someone(LOGISTIC, positive=True)
    answer = explained(tmp_path, LOGISTIC, row(index), mutable=["bmi=+"])
    assert "no feasible change" in the(answer, "counterfactual_score").not_estimable
    assert answer.tables["counterfactual"].rows == ()
    [(_, before, after)] = explained(tmp_path, LOGISTIC, row(index), mutable=["bmi=-"]).tables["counterfactual"].rows
    assert after < before


def test_nothing_is_changed_that_nobody_declared_mutable(tmp_path: Path) -> None:
    answer = explained(tmp_path, LOGISTIC, row(someone(LOGISTIC, positive=True)))
    assert the(answer, "counterfactual_changes").value is None


@pytest.mark.parametrize(
    ("person", "parameters", "words"),
    [
        (row(300)[1:], {}, "age: is missing"),
        ([*row(300), "income=5"], {}, "income: is not a feature"),
        (row(300, bmi="heavy"), {}, "bmi: 'heavy' is not a number"),
        (row(300), {"mutable": ["income"]}, "income: is declared mutable"),
        (row(300), {"mutable": ["sex=+"]}, "sex: is no number"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_by_name(
    person: list[str], parameters: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(EvidenceError, match=words):
        explained(tmp_path, LOGISTIC, person, **parameters)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"row": ("age",)}, r"row\[0\]"),
        ({"row": ("a=1", "a=2")}, r"row\[1\]"),
        ({"mutable": ("a=*",)}, r"mutable\[0\]"),
        ({"most_changes": 9}, "most_changes"),
    ],
)
def test_parameters_are_read_strictly(parameters: dict[str, Any], field: str) -> None:
    with pytest.raises(ParameterError, match=field):
        IndividualParameters(**parameters)
