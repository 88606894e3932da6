"""What a new version rests on beside the current one, and the cases that stand for others."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from audits.checks._tasks import read_task
from audits.checks.base import EvidenceError
from audits.checks.explainability_change import ExplanationChange
from audits.checks.explainability_shap import ShapExplanation
from audits.evidence import Evidence, ModelEvidence
from registry.canonical import digest_file
from tests.audits.checks.diabetes import FEATURES, TRAINING_ROWS, patient_evidence, patients, pipeline
from tests.audits.checks.evidence_files import measured, number, the

CHECK = ExplanationChange()
LOGISTIC = LogisticRegression(max_iter=1000)


def by(column: str) -> Any:
    """A model that has learnt to tell a high value of one column."""
    frame = patients().iloc[:TRAINING_ROWS][list(FEATURES)]
    model = pipeline(LogisticRegression(max_iter=1000))
    return model.fit(frame, (frame[column] > frame[column].median()).astype(int))


def beside(folder: Path, new: Any, current: Any, **changes: Any) -> Evidence:
    given = patient_evidence(folder, new)
    path = folder / "current.skops"
    skops.io.dump(current, path)
    signature = {**given.model.signature, **changes}
    reference = ModelEvidence(name="risk/0", digest=digest_file(path), format="skops", path=path, signature=signature)
    return dataclasses.replace(given, reference_model=reference)


def test_a_version_beside_itself_has_not_changed(tmp_path: Path) -> None:
    model = pipeline(LOGISTIC)
    answer = measured(CHECK, beside(tmp_path, model, model))
    assert number(answer, "largest_share_change") == 0.0
    assert number(answer, "rank_agreement") == pytest.approx(1.0)
    assert (number(answer, "features_gained"), number(answer, "features_lost")) == (0.0, 0.0)


def test_a_version_that_turned_to_another_column_shows_it(tmp_path: Path) -> None:
    answer = measured(CHECK, beside(tmp_path, by("s5"), by("bmi")))
    gained, lost = (the(answer, "share_change", name) for name in ("s5", "bmi"))
    assert gained.interval is not None
    assert lost.interval is not None
    assert (gained.interval.low or 0.0) > 0.3
    assert (lost.interval.high or 0.0) < -0.3
    [first, *_] = answer.tables["change"].rows
    assert first[0] in {"s5", "bmi"}
    assert first[3] == pytest.approx(first[2] - first[1])
    assert "risk/0" in answer.notes[0]


def test_versions_of_different_kinds_and_columns_are_compared_by_share(tmp_path: Path) -> None:
    few = tuple(name for name in FEATURES if name != "s5")
    forest = RandomForestClassifier(n_estimators=10, max_depth=4, random_state=0)
    given = beside(tmp_path, pipeline(LOGISTIC), pipeline(forest, features=few), features=list(few))
    answer = measured(CHECK, given)
    assert number(answer, "features_gained") == 1.0
    assert number(answer, "share_change", "s5") > 0
    assert sum(value.value or 0 for value in answer.of("share_change")) == pytest.approx(0, abs=1e-9)


def test_another_question_and_an_empty_stage_are_refused(tmp_path: Path) -> None:
    given = beside(tmp_path, pipeline(LOGISTIC), pipeline(LOGISTIC), positive_label=0)
    with pytest.raises(EvidenceError, match="answer different questions"):
        measured(CHECK, given)
    with pytest.raises(EvidenceError, match="nothing is in production"):
        measured(CHECK, dataclasses.replace(given, reference_model=None))


def test_a_model_that_answers_the_same_for_everybody_has_no_change(tmp_path: Path) -> None:
    constant = pipeline(LogisticRegression())
    constant[-1].coef_ = np.zeros_like(constant[-1].coef_)
    answer = measured(CHECK, beside(tmp_path, constant, pipeline(LOGISTIC)))
    assert the(answer, "largest_share_change").value is None


# Cases ----------------------------------------------------------------------------------------------------------------


def test_typical_and_borderline_cases_are_on_their_side_of_the_threshold(tmp_path: Path) -> None:
    given = patient_evidence(tmp_path, pipeline(LOGISTIC))
    table = measured(ShapExplanation(), given).tables["cases"]
    assert read_task(given.model).threshold == 0.5
    answers = {row[0]: row[1] for row in table.rows}
    assert set(answers) == {"typical above", "typical below", "borderline 1", "borderline 2"}
    assert answers["typical above"] > 0 > answers["typical below"]
    assert (
        abs(answers["borderline 1"])
        <= abs(answers["borderline 2"])
        < min(abs(answers["typical above"]), abs(answers["typical below"]))
    )
    for case in answers:
        strengths = [abs(row[3]) for row in table.rows if row[0] == case]
        assert len(strengths) == 4
        assert strengths == sorted(strengths, reverse=True)
    assert {row[4] for row in table.rows} <= {None, *(round(rank / 10, 1) for rank in range(11))}


def test_a_regression_has_typical_cases_and_no_border(tmp_path: Path) -> None:
    from sklearn.linear_model import LinearRegression

    model = pipeline(LinearRegression(), target="progression")
    given = patient_evidence(
        tmp_path, model, target="progression", task="regression", positive_label=None, threshold=None
    )
    table = measured(ShapExplanation(), given).tables["cases"]
    assert {row[0] for row in table.rows} == {"typical above", "typical below"}
