"""A person's explanation says what was decided, why, and what would have changed it; nothing is written for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from audits.individuals import explanation_pack
from audits.models import Observation
from registry.errors import EvidenceMissingError, InvalidInputError
from registry.models import LedgerEntry, ModelVersion
from tests.loans import ROW


def test_a_person_learns_decision_reasons_and_what_would_have_changed_it(loans: ModelVersion) -> None:
    pack = explanation_pack(version=loans, row=ROW, mutable=["income=+"], approval={"decision": "sha256:1"})
    assert pack["decision"]["label"] == "not 1"
    assert {reason["code"] for reason in pack["reasons"]} == {"income:lowered", "debts:lowered"}
    assert pack["reasons"][0]["words"].endswith("of all influences.")
    assert pack["reasons_stability"]["words"].endswith("100% of the main reasons stayed the same.")
    [change] = pack["what_would_have_changed_it"]["changes"]
    assert change["feature"] == "income"
    assert float(change["to"]) > ROW["income"]
    assert pack["model"]["artifact"] == loans.artifact_digest
    assert pack["approval"] == {"decision": "sha256:1"}
    assert json.loads(json.dumps(pack)) == pack


def test_without_a_feasible_change_the_pack_says_so(loans: ModelVersion) -> None:
    change = explanation_pack(version=loans, row=ROW, mutable=["income=-"])["what_would_have_changed_it"]
    assert change == {
        "found": False,
        "words": "No change of what could be changed would have turned the decision.",
    }


def test_measuring_leaves_nothing_behind(loans: ModelVersion) -> None:
    before = LedgerEntry.objects.count()
    explanation_pack(version=loans, row=ROW)
    assert not Observation.objects.exists()
    assert LedgerEntry.objects.count() == before


@pytest.mark.parametrize(
    ("row", "words"), [({"income": 1.0}, "debts: is missing"), ({**ROW, "age": 3}, "age: is not a feature")]
)
def test_a_row_that_does_not_fit_is_refused(row: dict[str, Any], words: str, loans: ModelVersion) -> None:
    with pytest.raises(InvalidInputError, match=words):
        explanation_pack(version=loans, row=row)


def test_without_the_artifact_nothing_can_be_explained(version: ModelVersion) -> None:
    with pytest.raises(EvidenceMissingError, match="needs the artifact"):
        explanation_pack(version=version, row=ROW)
