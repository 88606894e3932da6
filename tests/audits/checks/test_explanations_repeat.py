"""The same seed and evidence give the same bytes: in another process, and under one thread or two."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from audits.evidence import Evidence
from tests.audits.checks.diabetes import patient_evidence, pipeline
from tests.audits.checks.scorers.trained import full_evidence

MODELS = {
    "logistic": LogisticRegression(max_iter=1000),
    "histogram": HistGradientBoostingClassifier(max_iter=20),
    "forest": RandomForestClassifier(n_estimators=10, max_depth=4, random_state=0),
    "black box": GaussianNB(),
}
FEW = ["age", "sex", "bmi", "bp"]
FILES = ("xgboost-json", "lightgbm-text", "onnx")
CODE = """
import json, sys, warnings
from audits.checks.explainability_shap import ShapExplanation
from audits.evidence import Evidence
warnings.simplefilter("ignore")
check, evidence = ShapExplanation(), Evidence.from_document(json.load(sys.stdin))
json.dump(check.measure(evidence, check.Parameters()).to_document(), sys.stdout, sort_keys=True)
"""


def told(given: Evidence, threads: int) -> str:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, str(threads)), "PYTHONPATH": os.pathsep.join(sys.path)}
    document = json.dumps(given.to_document()).encode()
    done = subprocess.run(
        [sys.executable, "-c", CODE], input=document, env=environment, capture_output=True, check=True
    )
    return hashlib.sha256(done.stdout).hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize("name", [*MODELS, *FILES, "few features"])
def test_observations_are_identical_byte_for_byte(name: str, tmp_path: Path) -> None:
    if name in MODELS:
        given = patient_evidence(tmp_path, pipeline(MODELS[name]))
    elif name == "few features":
        given = patient_evidence(tmp_path, pipeline(GaussianNB(), features=FEW), features=FEW)
    else:
        given = full_evidence(tmp_path, name, "binary")
    answers = {told(given, threads) for threads in (1, 2)}
    assert len(answers) == 1
    other = Evidence.from_document({**given.to_document(), "seed": 8})
    assert told(other, 1) not in answers
