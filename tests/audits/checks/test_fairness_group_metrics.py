"""Group metrics against fairlearn, against counts made by hand, and against everything that looks fair and is not."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from fairlearn import metrics
from pyarrow import parquet

from audits.checks.base import EvidenceError, ParameterError, parse_parameters
from audits.checks.fairness_group_metrics import GroupMetrics
from audits.counting.question import DUCKDB
from audits.counting.source import SourceColumns, count_at_source
from audits.evidence import Column, DatasetEvidence, Evidence
from audits.measurements import Measurement
from registry.canonical import digest_file
from tests.audits.checks.evidence_files import dataset, evidence, measured, number, the

ORACLES = Path(__file__).parents[4] / "shared" / "data" / "oracles"
CHECK = GroupMetrics()


Decisions = Callable[..., Evidence]


@pytest.fixture
def decisions(tmp_path: Path) -> Decisions:
    """Evidence from lists: labels, predictions, and one or more sensitive columns."""

    def build(
        labels: Any,
        predictions: Any,
        *,
        label_type: str = "integer",
        prediction: tuple[str, tuple[str, ...]] = ("integer", ("prediction",)),
        signature: dict[str, Any] | None = None,
        sensitive_type: str = "string",
        **sensitive: Any,
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


# More rates -----------------------------------------------------------------------------------------------------------


def test_the_complements_and_treatment_equality_by_hand(decisions: Decisions) -> None:
    y, p, g = repeated({"f": (30, 10, 20, 40), "m": (50, 20, 10, 20)})
    answer = measured(CHECK, decisions(y, p, sex=g))
    expected = {
        "false_negative_rate": 20 / 50,
        "true_negative_rate": 40 / 50,
        "false_discovery_rate": 10 / 40,
        "false_omission_rate": 20 / 60,
        "treatment_equality": 20 / 10,
        "average_odds_difference": ((10 / 50 - 20 / 40) + (30 / 50 - 50 / 60)) / 2,
    }
    for metric, value in expected.items():
        assert number(answer, metric, "sex", "f") == pytest.approx(value, abs=1e-12), metric
    assert number(answer, "treatment_equality_difference", "sex") == pytest.approx(2 - 0.5)
    assert number(answer, "worst_group_accuracy", "sex") == pytest.approx(0.7)
    assert number(answer, "equalized_odds_mean_difference", "sex") == pytest.approx((0.3 + 50 / 60 - 0.6) / 2)


def test_a_group_without_false_positives_has_no_treatment_ratio(decisions: Decisions) -> None:
    y, p, g = repeated({"f": (30, 0, 20, 40), "m": (50, 20, 10, 20)})
    answer = measured(CHECK, decisions(y, p, sex=g))
    assert the(answer, "treatment_equality", "sex", "f").not_estimable == "no false positives"
    assert the(answer, "treatment_equality_difference", "sex").value is None


@pytest.mark.parametrize("seed", range(3))
def test_the_identity_of_chouldechova_holds_in_every_group(decisions: Decisions, seed: int) -> None:
    random = np.random.default_rng(seed)
    y, p = random.integers(0, 2, 400), random.integers(0, 2, 400)
    answer = measured(CHECK, decisions(y.tolist(), p.tolist(), g=random.choice(["a", "b"], 400).tolist()))
    for group in "ab":
        of = {m: number(answer, m, "g", group) for m in ("prevalence", "precision", "false_negative_rate")}
        odds = of["prevalence"] / (1 - of["prevalence"])
        implied = odds * (1 - of["precision"]) / of["precision"] * (1 - of["false_negative_rate"])
        assert number(answer, "false_positive_rate", "g", group) == pytest.approx(implied, abs=1e-12)


# Weights --------------------------------------------------------------------------------------------------------------


def weighted(path: Path, weights: Any, kind: str = "number") -> Evidence:
    guide = oracle("fairlearn_user_guide.json")
    declared: dict[str, tuple[str, tuple[str, ...]]] = {
        "y": ("integer", ("target",)),
        "p": ("integer", ("prediction",)),
        "sf": ("string", ("sensitive",)),
        "w": (kind, ("weight",)),
    }
    columns = {"y": guide["y_true"], "p": guide["y_pred"], "sf": guide["sf"], "w": weights}
    return evidence(dataset(path / "w.csv", columns, declared, "evaluation"))


def test_sampling_weights_give_fairlearns_weighted_rates_and_wider_intervals(tmp_path: Path) -> None:
    guide = oracle("fairlearn_user_guide.json")
    weights = guide["sample_weight"]
    answer = measured(CHECK, weighted(tmp_path, weights))
    given = {"y_true": guide["y_true"], "y_pred": guide["y_pred"]}
    frame = metrics.MetricFrame(
        metrics={"selection_rate": metrics.selection_rate, "true_positive_rate": metrics.true_positive_rate},
        sensitive_features=guide["sf"],
        sample_params={name: {"sample_weight": weights} for name in ("selection_rate", "true_positive_rate")},
        **given,
    )
    for metric in ("selection_rate", "true_positive_rate"):
        for group in "abc":
            assert number(answer, metric, "sf", group) == pytest.approx(frame.by_group[metric][group], abs=1e-9)
    plain = measured(CHECK, weighted(tmp_path, [1] * 18))
    widths = []
    for one in (plain, answer):
        interval = the(one, "accuracy").interval
        assert interval is not None
        assert interval.low is not None
        assert interval.high is not None
        widths.append(interval.high - interval.low)
    assert widths[0] < widths[1]
    assert the(answer, "accuracy").n == 18
    assert answer.tables["cells"].columns[-2:] == ("weight", "squares")


def test_equal_weights_change_nothing(tmp_path: Path) -> None:
    plain = measured(CHECK, weighted(tmp_path, [1] * 18), weights="ignored")
    doubled = measured(CHECK, weighted(tmp_path, [2] * 18))
    for before, after in zip(plain.values, doubled.values, strict=True):
        assert before.n == after.n
        assert before.value == pytest.approx(after.value, abs=1e-12)
        if before.interval is not None and after.interval is not None and before.interval.method != "multinomial":
            assert before.interval.low == pytest.approx(after.interval.low, abs=1e-9), before.label


@pytest.mark.parametrize(
    ("weights", "meaning", "problem"),
    [
        ([1] * 17 + [-1], "sampling", "w: is the weight and must be a number of at least 0"),
        ([1] * 17 + [None], "sampling", "1 are not"),
        ([1] * 17 + [0.5], "counts", "whole number"),
        ([0] * 18, "sampling", "0 in every row"),
    ],
)
def test_weights_that_weigh_nothing_sensible_are_refused(
    tmp_path: Path, weights: list[Any], meaning: str, problem: str
) -> None:
    with pytest.raises(EvidenceError, match=problem):
        measured(CHECK, weighted(tmp_path, weights), weights=meaning)


def test_a_table_counted_at_the_source_gives_every_value_the_rows_give(decisions: Decisions, tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    y, p = random.integers(0, 2, 3000).tolist(), random.integers(0, 2, 3000).tolist()
    sexes, races = random.choice(["f", "m"], 3000).tolist(), random.choice(["a", "b", "c d"], 3000).tolist()
    rows = decisions(y, p, sex=sexes, race=races)
    connection = duckdb.connect(":memory:")
    connection.execute("CREATE TABLE people AS SELECT * FROM read_csv(?)", [str(rows.datasets["evaluation"].path)])
    columns = SourceColumns(groups=["sex", "race"], label="y", prediction="p")
    path = tmp_path / "counts.csv"
    path.write_text(count_at_source(lambda sql: connection.execute(sql).fetchall(), DUCKDB, "people", columns))
    assert len(path.read_text().splitlines()) == 1 + 2 * 3 * 4
    declared = [
        Column("sex", "string", ("sensitive",)),
        Column("race", "string", ("sensitive",)),
        Column("y", "integer", ("target",)),
        Column("p", "integer", ("prediction",)),
        Column("rows", "integer", ("weight",)),
    ]
    held = dataclasses.replace(
        rows.datasets["evaluation"], path=path, digest=digest_file(path), columns=tuple(declared)
    )
    counted = measured(CHECK, evidence(held), weights="counts", depth=2)
    assert counted.values == measured(CHECK, rows, depth=2).values
    assert counted.tables == measured(CHECK, rows, depth=2).tables


# Withholding ----------------------------------------------------------------------------------------------------------


def test_small_counts_are_withheld_with_a_partner_and_compared_together(decisions: Decisions) -> None:
    y, p, g = repeated({"a": (100,) * 4, "b": (90,) * 4, "c": (40,) * 4, "d": (1, 0, 1, 1)})
    answer = measured(CHECK, decisions(y, p, g=g), suppress_below=10)
    for metric in ("group_size", "selection_rate", "true_positive_rate", "accuracy_difference"):
        for group in "cd":
            value = the(answer, metric, "g", group)
            assert (value.value, value.n) == (None, 0), metric
            assert "withheld" in value.not_estimable
    assert {row[1] for row in answer.tables["cells"].rows} == {"a", "b"}
    assert not {row[2] for row in answer.tables["tests"].rows} & {"c", "d"}
    assert number(answer, "selection_rate", "g", "a") == 0.5
    together = (40 + 40 + 1) / (160 + 3)
    assert number(answer, "demographic_parity_difference", "g") == pytest.approx(abs(together - 0.5))
    assert any("2 groups are withheld" in note for note in answer.notes)


def test_a_rare_error_is_withheld_while_the_totals_stay(decisions: Decisions) -> None:
    y, p, g = repeated({"a": (100,) * 4, "b": (90, 50, 3, 90), "c": (80,) * 4})
    answer = measured(CHECK, decisions(y, p, g=g), suppress_below=5)
    assert number(answer, "selection_rate", "g", "b") == pytest.approx(140 / 233)
    assert the(answer, "false_negative_rate", "g", "b").value is None
    assert the(answer, "precision", "g", "c").value is None  # the partner, else the totals would tell
    assert number(answer, "precision", "g", "a") == 0.5


def test_nothing_that_is_published_gives_a_small_intersection_away(decisions: Decisions) -> None:
    """Every line of the table has no withheld group or at least two, and so has every refinement."""
    sizes = {("a", "x"): 50, ("a", "y"): 40, ("b", "x"): 30, ("b", "y"): 1, ("c", "x"): 45, ("c", "y"): 60}
    first = [pair[0] for pair, size in sizes.items() for _ in range(4 * size)]
    second = [pair[1] for pair, size in sizes.items() for _ in range(4 * size)]
    given = decisions([0, 0, 1, 1] * sum(sizes.values()), [0, 1, 0, 1] * sum(sizes.values()), r=first, s=second)
    answer = measured(CHECK, given, depth=2, suppress_below=5)
    shown = {row[1] for row in answer.tables["cells"].rows if row[0] == "r & s"}
    hidden = {f"{r} & {s}" for r, s in sizes} - shown
    assert "b & y" in hidden
    for place in (0, 1):
        lines = [group.split(" & ")[place] for group in hidden]
        assert all(lines.count(value) >= 2 for value in lines)


def test_without_a_threshold_nothing_is_withheld(decisions: Decisions) -> None:
    y, p, g = repeated({"a": (100,) * 4, "d": (1, 0, 1, 1)})
    answer = measured(CHECK, decisions(y, p, g=g))
    assert number(answer, "group_size", "g", "d") == 3


# Many rows, many groups, other files ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_ten_thousand_groups_are_refused_unless_asked_for_and_then_measured(tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    duckdb.execute(
        "COPY (SELECT (hash(i) % 2)::INT AS y, (hash(i + 7) % 2)::INT AS p, 'группа ' || (i % 10000) AS g "
        "FROM range(200000) t(i)) TO ? (FORMAT parquet)",
        [str(path)],
    )
    given = file_evidence(path, "application/vnd.apache.parquet")
    with pytest.raises(EvidenceError, match="g: holds 10000 groups, more than the 1000 of most_groups"):
        measured(CHECK, given)
    answer = CHECK.measure(given, parse_parameters(CHECK, {"most_groups": 10_000}))
    assert len(answer.of("group_size")) == 10_000
    gap = the(answer, "demographic_parity_difference", "g")
    assert gap.n == 20
    assert gap.interval is not None
    assert gap.interval.low == 0.0  # chance alone makes such gaps, and the interval knows


def file_evidence(path: Path, media_type: str) -> Evidence:
    columns = (
        Column("y", "integer", ("target",)),
        Column("p", "integer", ("prediction",)),
        Column("g", "string", ("sensitive",)),
    )
    held = DatasetEvidence(
        role="evaluation",
        name="evaluation/1",
        digest=digest_file(path),
        path=path,
        media_type=media_type,
        columns=columns,
    )
    return evidence(held)


def test_csv_parquet_and_arrow_files_give_the_same_answer(tmp_path: Path) -> None:
    table = pa.table({"y": [1, 0, 1, None] * 50, "p": [1, 1, 0, 0] * 50, "g": ["a", "b", None, "", "nan"] * 40})
    csv_path, parquet_path, arrow_path = (tmp_path / f"e.{end}" for end in ("csv", "parquet", "arrow"))
    parquet.write_table(table, parquet_path)
    with pa.ipc.new_file(arrow_path, table.schema) as writer:
        writer.write_table(table)
    duckdb.execute("COPY (SELECT * FROM read_parquet(?)) TO ? (HEADER)", [str(parquet_path), str(csv_path)])
    answers = [
        measured(CHECK, file_evidence(path, kind), missing_tolerated=0.5)
        for path, kind in (
            (csv_path, "text/csv"),
            (parquet_path, "application/vnd.apache.parquet"),
            (arrow_path, "application/vnd.apache.arrow.file"),
        )
    ]
    assert number(answers[0], "group_size", "g", "(missing)") == 120
    assert answers[0].values == answers[1].values == answers[2].values


def test_a_file_that_is_no_arrow_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "e.arrow"
    path.write_text("y,p,g\n")
    with pytest.raises(EvidenceError, match="cannot be read as application"):
        measured(CHECK, file_evidence(path, "application/vnd.apache.arrow.file"))


def test_two_groups_that_would_be_written_alike_are_refused(decisions: Decisions) -> None:
    given = decisions([0, 1, 0, 1], [0, 1, 1, 1], r=["a & b", "a", "a", "a"], s=["c", "b & c", "c", "c"])
    with pytest.raises(EvidenceError, match="two groups are both written a & b & c"):
        measured(CHECK, given, depth=2)


def test_the_tests_of_a_feature_are_one_family(decisions: Decisions) -> None:
    y, p, g = repeated({"a": (100,) * 4, "b": (150, 150, 50, 50), "c": (100,) * 4})
    rows = measured(CHECK, decisions(y, p, g=g)).tables["tests"].rows
    assert len(rows) == 3 * 5
    smallest = min(row[3] for row in rows)
    assert next(row for row in rows if row[3] == smallest)[4] == pytest.approx(15 * smallest)
    assert all(row[3] <= row[5] <= row[4] <= 1 for row in rows)
