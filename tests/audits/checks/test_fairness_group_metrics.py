"""Group metrics against fairlearn, against counts made by hand, and against everything that looks fair and is not."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fairlearn import metrics

from audits.checks.base import EvidenceError, ParameterError, parse_parameters
from audits.checks.fairness_group_metrics import GroupMetrics
from audits.evidence import Evidence
from audits.measurements import Measurement
from tests.audits.checks.evidence_files import dataset, evidence, measured, number, the

ORACLES = Path(__file__).parents[4] / "shared" / "data" / "oracles"
CHECK = GroupMetrics()


Decisions = Callable[..., Evidence]


@pytest.fixture
def decisions(tmp_path: Path) -> Decisions:
    """Evidence from lists: labels, predictions, and one or more sensitive columns."""

    def build(
        labels: Sequence[Any],
        predictions: Sequence[Any],
        *,
        label_type: str = "integer",
        prediction: tuple[str, tuple[str, ...]] = ("integer", ("prediction",)),
        signature: dict[str, Any] | None = None,
        sensitive_type: str = "string",
        **sensitive: Sequence[Any],
    ) -> Evidence:
        declared = {"y": (label_type, ("target",)), "p": prediction}
        declared |= dict.fromkeys(sensitive, (sensitive_type, ("sensitive",)))
        columns = {"y": labels, "p": predictions, **sensitive}
        return evidence(dataset(tmp_path / "e.csv", columns, declared, "evaluation"), signature=signature)

    return build


def oracle(name: str) -> Any:
    path = ORACLES / name
    if not path.exists():
        pytest.skip(f"the shared oracle {name} is not on this machine")
    return json.loads(path.read_text())


def repeated(groups: dict[str, tuple[int, int, int, int]]) -> tuple[list[int], list[int], list[str]]:
    """Rows from (TP, FP, FN, TN) per group."""
    labels, predictions, names = [], [], []
    for group, counts in groups.items():
        for count, (label, prediction) in zip(counts, ((1, 1), (0, 1), (1, 0), (0, 0)), strict=True):
            labels += [label] * count
            predictions += [prediction] * count
            names += [group] * count
    return labels, predictions, names


# Known good, known bad ------------------------------------------------------------------------------------------------


def test_equal_treatment_of_large_groups_is_shown_as_a_small_gap_with_a_narrow_interval(decisions: Decisions) -> None:
    y, p, g = repeated({"f": (400, 100, 100, 400), "m": (400, 100, 100, 400)})
    answer = measured(CHECK, decisions(y, p, sex=g))
    gap = the(answer, "demographic_parity_difference", "sex")
    assert gap.value == 0.0
    assert gap.interval is not None
    assert gap.interval.high is not None
    assert gap.interval.high < 0.05
    assert number(answer, "selection_rate_ratio", "sex") == 1.0
    assert number(answer, "equalized_odds_difference", "sex") == 0.0


def test_a_planted_disparity_is_shown_wholly_outside_the_usual_limit(decisions: Decisions) -> None:
    y, p, g = repeated({"f": (100, 50, 400, 450), "m": (400, 250, 100, 250)})
    answer = measured(CHECK, decisions(y, p, sex=g))
    gap = the(answer, "demographic_parity_difference", "sex")
    assert gap.value == pytest.approx(0.5)
    assert gap.interval is not None
    assert gap.interval.low is not None
    assert gap.interval.low > 0.2
    assert number(answer, "equal_opportunity_difference", "sex") == pytest.approx(0.6)
    assert number(answer, "selection_rate_ratio", "sex") == pytest.approx(0.15 / 0.65)
    assert number(answer, "selection_rate_difference", "sex", "f") == pytest.approx(-0.5)


# Reference ------------------------------------------------------------------------------------------------------------


def test_every_value_of_the_fairlearn_guide_is_reproduced(decisions: Decisions) -> None:
    guide = oracle("fairlearn_user_guide.json")
    answer = measured(CHECK, decisions(guide["y_true"], guide["y_pred"], sf=guide["sf"]))
    spelled = {"tpr": "true_positive_rate", "fpr": "false_positive_rate", "sel": "selection_rate"}
    for group, expected in guide["expected"]["by_group"].items():
        for short, metric in spelled.items():
            assert number(answer, metric, "sf", group) == pytest.approx(expected[short], abs=1e-9)
        assert number(answer, "group_size", "sf", group) == expected["count"]
    for short, metric in spelled.items():
        assert number(answer, metric) == pytest.approx(guide["expected"]["overall"][short], abs=1e-9)
    across = {
        "demographic_parity_difference": guide["expected"]["demographic_parity_difference"],
        "selection_rate_ratio": guide["expected"]["demographic_parity_ratio"],
        "equalized_odds_difference": guide["expected"]["equalized_odds_difference"],
        "equal_opportunity_difference": guide["expected"]["difference"]["tpr"],
    }
    for metric, expected in across.items():
        assert number(answer, metric, "sf") == pytest.approx(expected, abs=1e-9)


def test_intersections_have_the_recall_of_the_guide(decisions: Decisions) -> None:
    guide = oracle("fairlearn_user_guide.json")
    given = decisions(guide["y_true"], guide["y_pred"], sf=guide["sf"], sf2=[str(v) for v in guide["sf2"]])
    answer = measured(CHECK, given, sensitive=["sf"], intersect=["sf", "sf2"])
    for group, expected in guide["expected"]["recall_intersections"].items():
        ours = the(answer, "true_positive_rate", "sf & sf2", group.replace("|", " & "))
        assert ours.value == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_random_decisions_agree_with_fairlearn_itself(decisions: Decisions, seed: int) -> None:
    random = np.random.default_rng(seed)
    y, p = random.integers(0, 2, 600), random.integers(0, 2, 600)
    g = random.choice(["a", "b", "c", "é ü"], 600)
    answer = measured(CHECK, decisions(y.tolist(), p.tolist(), g=g.tolist()))
    for metric, reference in {
        "demographic_parity_difference": metrics.demographic_parity_difference,
        "selection_rate_ratio": metrics.demographic_parity_ratio,
        "equalized_odds_difference": metrics.equalized_odds_difference,
        "equal_opportunity_difference": metrics.equal_opportunity_difference,
    }.items():
        assert number(answer, metric, "g") == pytest.approx(reference(y, p, sensitive_features=g), abs=1e-9)


# What looks fair because nothing could be measured --------------------------------------------------------------------


def edge(name: str) -> dict[str, Any]:
    return next(case for case in oracle("edge_cases.json") if case["name"].startswith(name))


def test_a_group_without_positives_has_no_true_positive_rate_and_neither_has_the_gap(decisions: Decisions) -> None:
    case = edge("group without positives")
    answer = measured(CHECK, decisions(case["y_true"], case["y_pred"], g=case["group"]))
    assert the(answer, "true_positive_rate", "g", "b").value is None
    for metric in ("equal_opportunity_difference", "equalized_odds_difference"):
        assert the(answer, metric, "g").value is None
        assert "b" in the(answer, metric, "g").not_estimable
    assert the(answer, "true_positive_rate", "g", "a").value == 1.0


def test_a_group_without_negatives_has_no_false_positive_rate(decisions: Decisions) -> None:
    case = edge("group without negatives")
    answer = measured(CHECK, decisions(case["y_true"], case["y_pred"], g=case["group"]))
    assert the(answer, "false_positive_rate", "g", "b").value is None
    assert the(answer, "equalized_odds_difference", "g").value is None


def test_string_labels_without_the_declared_positive_one_are_refused(decisions: Decisions) -> None:
    case = edge("string labels")
    given = decisions(
        case["y_true"], case["y_pred"], label_type="string", prediction=("string", ("prediction",)), g=case["group"]
    )
    with pytest.raises(EvidenceError, match=r"signature.positive_label: 1 does not occur in y, which holds n, y"):
        measured(CHECK, given)


def test_string_labels_are_measured_once_the_positive_one_is_declared(decisions: Decisions) -> None:
    case = edge("string labels")
    given = decisions(
        case["y_true"],
        case["y_pred"],
        label_type="string",
        prediction=("string", ("prediction",)),
        signature={"positive_label": "y"},
        g=case["group"],
    )
    answer = measured(CHECK, given)
    assert number(answer, "selection_rate", "g", "b") == 1.0
    assert number(answer, "demographic_parity_difference", "g") == 0.5


def test_probabilities_given_as_predictions_are_refused(decisions: Decisions) -> None:
    case = edge("probabilities as predictions")
    given = decisions(case["y_true"], case["y_pred"], prediction=("number", ("prediction",)), g=case["group"])
    with pytest.raises(EvidenceError, match="tag probabilities as score and declare a threshold"):
        measured(CHECK, given)


def test_scores_are_decided_at_the_declared_threshold(decisions: Decisions) -> None:
    case = edge("probabilities as predictions")
    given = decisions(
        case["y_true"],
        case["y_pred"],
        prediction=("number", ("score",)),
        signature={"threshold": 0.65},
        g=case["group"],
    )
    answer = measured(CHECK, given)
    assert [number(answer, "selection_rate", "g", group) for group in "ab"] == [0.5, 0.5]


def test_scores_without_a_threshold_are_refused(decisions: Decisions) -> None:
    given = decisions([0, 1, 0, 1], [0.2, 0.9, 0.6, 0.7], prediction=("number", ("score",)), g=list("aabb"))
    with pytest.raises(EvidenceError, match=r"signature.threshold"):
        measured(CHECK, given)


def test_missing_predictions_are_counted_and_above_the_limit_nothing_is_estimable(decisions: Decisions) -> None:
    case = edge("NaN prediction")
    answer = measured(CHECK, decisions(case["y_true"], case["y_pred"], g=case["group"]))
    assert number(answer, "missing_prediction_fraction") == 0.25
    assert the(answer, "demographic_parity_difference", "g").value is None
    assert "1 of 4 rows have no prediction" in the(answer, "selection_rate", "g", "a").not_estimable


def test_tolerated_missing_predictions_leave_the_denominators_not_the_group(decisions: Decisions) -> None:
    case = edge("NaN prediction")
    answer = measured(CHECK, decisions(case["y_true"], case["y_pred"], g=case["group"]), missing_tolerated=0.5)
    assert the(answer, "selection_rate", "g", "b").value == 1.0
    assert the(answer, "selection_rate", "g", "b").n == 1
    assert number(answer, "group_size", "g", "b") == 2


def test_nobody_selected_leaves_the_ratio_undefined(decisions: Decisions) -> None:
    case = edge("nobody selected")
    answer = measured(CHECK, decisions(case["y_true"], case["y_pred"], g=case["group"]))
    assert the(answer, "selection_rate_ratio", "g").value is None
    assert the(answer, "selection_rate_ratio_to_rest", "g", "a").value is None
    assert the(answer, "precision", "g", "a").value is None


def test_an_expected_group_that_does_not_occur_is_reported_with_n_0(decisions: Decisions) -> None:
    case = edge("empty declared level")
    expected = [f"g={level}" for level in case["declared_levels"]]
    answer = measured(CHECK, decisions(case["y_true"], case["y_pred"], g=case["group"]), expected_groups=expected)
    assert the(answer, "group_size", "g", "c").value == 0.0
    assert the(answer, "selection_rate", "g", "c").value is None
    assert the(answer, "demographic_parity_difference", "g").value is None


def test_missing_sensitive_values_are_a_group_of_their_own(decisions: Decisions) -> None:
    case = edge("missing sensitive value")
    answer = measured(CHECK, decisions(case["y_true"], case["y_pred"], g=case["group"]))
    assert number(answer, "group_size", "g", "(missing)") == 2
    assert number(answer, "missing_sensitive_fraction", "g") == pytest.approx(1 / 3)
    assert the(answer, "demographic_parity_difference", "g").n == 2


def test_a_wholly_missing_sensitive_column_compares_nothing(decisions: Decisions) -> None:
    answer = measured(CHECK, decisions([0, 1, 0, 1], [0, 1, 1, 1], g=[None] * 4))
    assert the(answer, "demographic_parity_difference", "g").not_estimable == "every sensitive value is missing"


def test_a_single_group_compares_nothing(decisions: Decisions) -> None:
    answer = measured(CHECK, decisions([0, 1, 0, 1], [0, 1, 1, 1], g=["a"] * 4))
    assert "only the group a" in the(answer, "demographic_parity_difference", "g").not_estimable


def test_without_labels_selection_is_measured_and_errors_are_not(tmp_path: Path) -> None:
    declared = {"p": ("integer", ("prediction",)), "g": ("string", ("sensitive",))}
    rows = dataset(tmp_path / "e.csv", {"p": [1, 0, 1, 1], "g": list("aabb")}, declared, "evaluation")
    answer = measured(CHECK, evidence(rows))
    assert number(answer, "demographic_parity_difference", "g") == 0.5
    assert the(answer, "equal_opportunity_difference", "g").value is None


# Small groups ---------------------------------------------------------------------------------------------------------


def test_a_small_group_is_undecided_on_its_own_while_the_large_ones_keep_their_n(decisions: Decisions) -> None:
    y, p, g = repeated({"a": (100, 100, 100, 100), "b": (100, 100, 100, 100), "c": (1, 1, 1, 1)})
    answer = measured(CHECK, decisions(y, p, g=g))
    sizes = {group: the(answer, "selection_rate_difference", "g", group).n for group in "abc"}
    assert sizes == {"a": 400, "b": 400, "c": 4}
    assert the(answer, "true_positive_rate_difference", "g", "c").n == 2
    assert the(answer, "demographic_parity_difference", "g").n == 4
    assert the(answer, "equal_opportunity_difference", "g").n == 2


def test_four_people_who_happen_to_be_rejected_do_not_prove_a_disparity(decisions: Decisions) -> None:
    y, p, g = repeated({"a": (20, 20, 20, 20), "b": (0, 0, 2, 2)})
    interval = the(measured(CHECK, decisions(y, p, g=g)), "demographic_parity_difference", "g").interval
    assert interval is not None
    assert interval.low is not None
    assert interval.low < 0.1


# Groups ---------------------------------------------------------------------------------------------------------------


def test_numeric_columns_are_cut_at_the_given_bands(decisions: Decisions) -> None:
    ages = [20, 39, 40, 59, 60, 80, None, 41]
    given = decisions([0, 1] * 4, [0, 1] * 4, age=ages, sensitive_type="integer")
    answer = measured(CHECK, given, bands=["age=40,60"])
    sizes = {value.group: value.n for value in answer.of("group_size")}
    assert sizes == {"(missing)": 1, "40 to below 60": 3, "60 and above": 2, "below 40": 2}


def test_many_numbers_are_cut_at_their_quartiles_and_the_answer_says_so(decisions: Decisions) -> None:
    given = decisions([0, 1] * 20, [0, 1] * 20, age=list(range(40)), sensitive_type="integer")
    answer = measured(CHECK, given)
    assert len(answer.of("group_size")) == 4
    assert any("cut at its quartiles" in note for note in answer.notes)


def test_the_cells_recompute_every_rate(decisions: Decisions) -> None:
    y, p, g = repeated({"f": (3, 2, 5, 7), "m": (4, 1, 1, 9)})
    answer = measured(CHECK, decisions(y, p, sex=g))
    table = answer.tables["cells"]
    assert table.columns == ("feature", "group", "label", "prediction", "count")
    cells = {row[:4]: row[4] for row in table.rows}
    assert cells["sex", "f", 1, 1] == 3
    assert sum(cells.values()) == 32
    selected = sum(count for (_, group, _, prediction), count in cells.items() if group == "m" and prediction == 1)
    assert number(answer, "selection_rate", "sex", "m") == selected / 15


@pytest.mark.parametrize(
    ("label_type", "labels", "positive"),
    [
        ("boolean", ["true", "false", "true", "false"], True),
        ("boolean", ["1", "0", "1", "0"], 1),
        ("number", ["1.0", "0.0", "1", "0"], 1),
        ("integer", ["1", "0", "1", "0"], True),
        ("string", ["ja", "nein", "ja", "nein"], "ja"),
    ],
)
def test_labels_of_every_declared_type_mean_the_same(
    decisions: Decisions, label_type: str, labels: list[str], positive: Any
) -> None:
    given = decisions(
        labels,
        labels,
        label_type=label_type,
        prediction=(label_type, ("prediction",)),
        signature={"positive_label": positive},
        g=list("aabb"),
    )
    answer = measured(CHECK, given)
    assert number(answer, "accuracy") == 1.0
    assert number(answer, "selection_rate") == 0.5


# Refusals -------------------------------------------------------------------------------------------------------------


def test_no_sensitive_column_is_an_error_not_a_pass(tmp_path: Path) -> None:
    declared = {"y": ("integer", ("target",)), "p": ("integer", ("prediction",))}
    rows = dataset(tmp_path / "e.csv", {"y": [0, 1], "p": [0, 1]}, declared, "evaluation")
    with pytest.raises(EvidenceError, match="no column is tagged sensitive"):
        measured(CHECK, evidence(rows))


def test_an_unknown_sensitive_column_is_named(decisions: Decisions) -> None:
    with pytest.raises(EvidenceError, match="gender: is not a column"):
        measured(CHECK, decisions([0, 1], [0, 1], sex=["f", "m"]), sensitive=["gender"])


def test_a_third_label_is_refused(decisions: Decisions) -> None:
    with pytest.raises(EvidenceError, match="a binary target has two labels"):
        measured(CHECK, decisions([0, 1, 2], [0, 1, 1], sex=["f", "m", "m"]))


def test_an_absent_declared_column_is_named(decisions: Decisions, tmp_path: Path) -> None:
    given = decisions([0, 1], [0, 1], sex=["f", "m"])
    (tmp_path / "e.csv").write_text("y,p\n0,1\n")
    with pytest.raises(EvidenceError, match="sex: is declared but not in the file"):
        measured(CHECK, given)


def test_an_empty_file_is_refused(decisions: Decisions, tmp_path: Path) -> None:
    given = decisions([0, 1], [0, 1], sex=["f", "m"])
    (tmp_path / "e.csv").write_text("y,p,sex\n")
    with pytest.raises(EvidenceError, match="has no rows"):
        measured(CHECK, given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bands", ["age"]),
        ("bands", ["age=60,40"]),
        ("expected_groups", ["f"]),
        ("intersect", ["sex"]),
        ("missing_tolerated", 1.5),
        ("level", 95),
        ("sensetive", ["sex"]),
    ],
)
def test_wrong_parameters_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=name):
        parse_parameters(CHECK, {name: value})


@pytest.mark.parametrize("name", ['g"; DROP TABLE typed; --', "g0", "t", "typed", "count", "group", "größe"])
def test_hostile_and_reserved_names_stay_names(name: str, tmp_path: Path) -> None:
    declared = {"y": ("integer", ("target",)), "p": ("integer", ("prediction",)), name: ("string", ("sensitive",))}
    columns: dict[str, list[Any]] = {"y": [0, 1, 0, 1], "p": [0, 1, 1, 1], name: ["it's", "it's", "x", "x"]}
    answer: Measurement = measured(CHECK, evidence(dataset(tmp_path / "e'.csv", columns, declared, "evaluation")))
    assert number(answer, "selection_rate", name, "it's") == 0.5
