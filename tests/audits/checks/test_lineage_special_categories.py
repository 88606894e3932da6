"""Sensitive columns are found under their name, without their tag, and in disguise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audits.checks.base import ParameterError, parse_parameters
from audits.checks.lineage_special_categories import SpecialCategories
from tests.audits.checks.evidence_files import dataset, evidence, measured, number, the

CHECK = SpecialCategories()
N = 1000
DECLARED = {
    "sex": ("string", ("sensitive",)),
    "age": ("number", ("sensitive", "feature")),
    "height": ("number", ("feature",)),
    "lot": ("number", ("feature",)),
    "street": ("string", ("feature",)),
    "y": ("integer", ("target",)),
}


def people() -> dict[str, list[Any]]:
    dice = np.random.default_rng(3)
    sex = dice.choice(["f", "m"], N)
    return {
        "sex": sex.tolist(),
        "age": dice.integers(18, 90, N).tolist(),
        "height": (165 + 12 * (sex == "m") + dice.normal(0, 7, N)).tolist(),
        "lot": dice.normal(size=N).tolist(),
        "street": [f"street {row}" for row in range(N)],
        "y": dice.integers(0, 2, N).tolist(),
    }


def lineage(**upstream: Any) -> dict[str, Any]:
    columns = {"columns": [{"name": name, "type": "number"} for name in DECLARED]}
    nodes = [
        {"id": "dataset:register/1", "kind": "dataset", "facts": columns | upstream.get("register", {})},
        {"id": "dataset:evaluation/1", "kind": "dataset", "facts": columns | upstream.get("evaluation", {})},
        {"id": "model:risk/1", "kind": "model", "facts": {}},
    ]
    steps = [("dataset:register/1", "dataset:evaluation/1"), ("dataset:evaluation/1", "model:risk/1")]
    edges = [{"source": source, "target": target, "role": "derived"} for source, target in steps]
    return {"root": "model:risk/1", "nodes": nodes, "edges": edges}


def answer(tmp_path: Path, declared: Any = None, record: Any = None, features: Any = (), **parameters: Any) -> Any:
    data = dataset(tmp_path / "test.csv", people(), declared or DECLARED, "evaluation")
    given = evidence(data, signature={"features": list(features)}, lineage=record or lineage())
    return measured(CHECK, given, **parameters)


def test_a_proxy_is_told_from_a_lot(tmp_path: Path) -> None:
    found = answer(tmp_path)
    height, lot = the(found, "proxy_auc", "height", "sex"), the(found, "proxy_auc", "lot", "sex")
    assert height.value is not None
    assert lot.value is not None
    assert height.value > 0.8
    assert lot.value < 0.6
    assert height.interval is not None
    assert height.interval.low is not None
    assert height.interval.low > 0.8
    assert number(found, "worst_proxy_auc") == height.value
    assert number(found, "proxy_information", "height", "sex") > 0.2
    assert number(found, "proxy_information", "lot", "sex") < 0.03


def test_a_column_learnt_by_heart_is_no_proxy(tmp_path: Path) -> None:
    """Every street occurs once: in-sample it would tell everything, on rows it never saw it tells nothing."""
    assert number(answer(tmp_path), "proxy_auc", "street", "sex") < 0.6


def test_a_numeric_attribute_is_cut_into_groups(tmp_path: Path) -> None:
    assert number(answer(tmp_path), "proxy_auc", "lot", "age") < 0.62


def test_tags_of_the_features_are_counted_and_named(tmp_path: Path) -> None:
    declared = DECLARED | {
        "height": ("number", ("feature", "special_category", "pii")),
        "lot": ("number", ("feature", "proxy_suspected")),
    }
    found = answer(tmp_path, declared, features=["height", "lot", "age"])
    counted = ("special_features", "personal_features", "sensitive_features", "suspected_features")
    assert [number(found, metric) for metric in counted] == [1, 1, 1, 1]
    assert ("special_features", "height") in found.tables["columns"].rows


def test_a_feature_the_model_does_not_ask_for_does_not_reach_it(tmp_path: Path) -> None:
    assert number(answer(tmp_path, features=["lot"]), "sensitive_features") == 0


def test_a_tag_is_lost_by_silence_and_taken_off_by_the_card(tmp_path: Path) -> None:
    tagged = {"tagged_columns": {"height": ["special_category"]}}
    assert number(answer(tmp_path, record=lineage(register=tagged)), "tags_lost") == 1
    said = lineage(register=tagged, evaluation={"tagged_columns": {"height": []}})
    assert number(answer(tmp_path, record=said), "tags_lost") == 0


def test_nothing_sensitive_is_unknown_never_harmless(tmp_path: Path) -> None:
    declared = {name: words for name, words in DECLARED.items() if name not in ("sex", "age")}
    assert the(answer(tmp_path, declared), "worst_proxy_auc").value is None


def test_groups_too_small_to_be_told_apart_are_unknown(tmp_path: Path) -> None:
    declared = {name: words for name, words in DECLARED.items() if name != "age"}
    found = answer(tmp_path, declared, minimum_group=600)
    assert the(found, "proxy_auc", "height", "sex").value is None
    assert the(found, "worst_proxy_auc").value is None


def test_the_same_seed_gives_the_same_numbers(tmp_path: Path) -> None:
    assert answer(tmp_path) == answer(tmp_path)


@pytest.mark.parametrize(("name", "value"), [("folds", 1), ("bins", 1), ("minimum_group", 1), ("level", 0.2)])
def test_parameters_that_measure_nothing_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ParameterError) as refusal:
        parse_parameters(CHECK, {name: value})
    assert refusal.value.field == name
