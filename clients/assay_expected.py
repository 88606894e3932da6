"""What a report of the service's own checks always holds: the tables behind its figures, and an interval of each.

A forger who cannot make a figure and its table agree would rather take the table out, or the interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay_common import TamperedError
from assay_shares import GAPS, RATES, RATIOS, WORST
from assay_tables import Tables

_RATES = frozenset(RATES) - {"missing_prediction_fraction", "missing_label_fraction"} | {"accuracy"}
_MISSING = "missing_prediction_fraction missing_label_fraction missing_sensitive_fraction"
_TESTED = (
    "selection_rate_difference true_positive_rate_difference false_positive_rate_difference precision_difference "
    "accuracy_difference"
)
_OF_DECISIONS = (
    *_RATES, *GAPS, *RATIOS, *WORST, *_MISSING.split(), *_TESTED.split(), "treatment_equality", "generalized_entropy",
    "theil_index", "average_odds_difference", "selection_rate_ratio_to_rest", "equalized_odds_difference",
    "equalized_odds_mean_difference", "equalized_odds_ratio",
)  # fmt: skip
_IMPORTANCE = "mean_abs_shap_share top_feature_share effective_features sensitive_share proxy_share"
_PLACES = (
    "datasets_without_purpose datasets_for_other_purposes purposes_widened legal_bases_missing legal_bases_changed "
    "special_data_without_exception bias_data_in_training licences_unknown licence_conflicts retention_missing "
    "retention_passed regions_missing transfers_without_safeguard withdrawn_or_dropped"
)
_GAPS = (
    "paths_without_declared_source nodes_missing_digest nodes_missing_owner personal_datasets_missing_legal_basis "
    "datasets_undeclared_personal_data datasets_missing_licence withdrawn_inputs cycles orphans dangling_edges "
    "features_without_column"
)
_COLUMNS = (
    "special_features personal_features sensitive_features suspected_features tags_lost tags_selecting tags_masked "
    "followed_by_name untold_features"
)
_BINS = "expected_calibration_error worst_group_expected_calibration_error"
_CALIBRATION = f"calibration_gap brier calibration_gap_difference brier_difference worst_group_brier {_BINS}"
_AREAS = "auc xauc xauc_reverse xauc_difference auc_difference worst_group_auc"
_ERRORS = (
    "mean_error mean_absolute_error root_mean_squared_error mean_prediction mean_error_difference "
    "mean_absolute_error_difference mean_prediction_difference worst_group_mean_absolute_error"
)
_LABELS = (
    "class_imbalance label_difference kullback_leibler jensen_shannon lp_norm total_variation kolmogorov_smirnov "
    "conditional_disparity label_difference_range"
)
_STRATA = (
    "conditional_selection_difference conditional_odds_ratio conditional_p_value homogeneity_p_value "
    "largest_conditional_difference"
)
_EXPOSURE = "exposure exposure_ratio top_share top_share_difference top_skew lowest_exposure_ratio"
_DROPS = "error_before noise_drop bound_drop missing_drop swap_drop noise_flips bound_flips missing_flips swap_flips"
_LEAKS = "exact_overlap_fraction near_overlap_fraction training_twin_fraction identifier_overlap_fraction"
_OF_QUALITY = "missing_fraction worst_missing_fraction duplicate_row_fraction train_evaluation_overlap_fraction"

#: Check to table to the figures that follow from it.
_TABLES: Mapping[str, Mapping[str, str]] = {
    "fairness.group_metrics": {
        "cells": " ".join((*_OF_DECISIONS, "group_size", "minimum_detectable_difference")),
        "tests": _TESTED,
    },
    "fairness.multiclass": {"confusion": " ".join((*_OF_DECISIONS, "macro_recall", "macro_f1"))},
    "fairness.impact_ratios": {
        "impact_ratios": "category_share selection_rate scoring_rate impact_ratio lowest_impact_ratio",
        "shares": _MISSING,
    },
    "fairness.conditional_parity": {"strata": _STRATA, "shares": _MISSING},
    "fairness.dataset_bias": {"labels": _LABELS, "shares": _MISSING},
    "fairness.calibration": {"reliability": _CALIBRATION, "areas": _AREAS, "roc": _AREAS, "shares": "missing_fraction"},
    "fairness.regression": {"errors": _ERRORS, "shares": "missing_fraction", "widest_gaps": "error_ks prediction_ks"},
    "fairness.ranking": {"exposure": _EXPOSURE},
    "fairness.slices": {
        "everybody": "slices_tested slices_found slice_excess largest_excess",
        "slices": "slices_found slice_excess largest_excess",
        "shares": "missing_fraction",
    },
    "performance.metrics": {
        "confusion": "accuracy precision recall f1",
        "sums": "log_loss brier mae rmse r2 quantile_loss",
        "areas": "roc_auc",
        "shares": "missing_fraction rows_scored",
    },
    "performance.comparison": {"errors": "disagreement mcnemar_p_value", "sums": "error_increase brier_increase"},
    "robustness.perturbation": {"sums": _DROPS, "errors_by_group": "shift_drop"},
    "explainability.shap": {
        "importance": _IMPORTANCE,
        "importance_by_group": "group_share_difference",
        "shares": "library_agreement monotonicity_violation",
    },
    "explainability.provided": {"importance": _IMPORTANCE, "importance_by_group": "group_share_difference"},
    "explainability.change": {"change": "share_change largest_share_change"},
    "data_quality.columns": {
        "shares": f"{_OF_QUALITY} outside_population_fraction",
        "bins": "drift_psi drift_js worst_drift_psi",
        "population": "representation_ratio worst_representation_ratio",
    },
    "lineage.completeness": {"gaps": _GAPS},
    "lineage.digests": {"mismatches": "digest_mismatches"},
    "lineage.leakage": {"shares": f"{_LEAKS} temporal_overlap_fraction"},
    "lineage.purpose": {"places": _PLACES},
    "lineage.special_categories": {"columns": _COLUMNS},
}  # fmt: skip
#: Check and figure to the tables that it needs.
_NEEDED: dict[tuple[str, str], tuple[str, ...]] = {}
for _check, _tables in _TABLES.items():
    for _table, _metrics in _tables.items():
        for _metric in _metrics.split():
            _NEEDED[_check, _metric] = (*_NEEDED.get((_check, _metric), ()), _table)

#: Left away where small counts must not be told.
_IF_UNGUARDED = {
    ("fairness.regression", "widest_gaps"),
    ("performance.metrics", "areas"),
    ("fairness.ranking", "places"),
}
MOST_PLACES, MOST_KINDS = 1_000, 20_000


def require_tables(check: str, value: Mapping[str, Any], label: str, tables: Tables, *, computed: bool) -> None:
    """Raise TamperedError where a check of the service tells a figure without what it always puts beside it."""
    metric = value["metric"]
    needed = _NEEDED.get((check, metric), ())
    if (check, metric) == ("fairness.ranking", "ndkl") and value["n"] <= MOST_PLACES:
        needed = ("places",)
    for name in needed:
        if name not in tables.tables and not (tables.guarded and (check, name) in _IF_UNGUARDED):
            raise TamperedError(f"{label} is stated, but the table {name} that {check} puts beside it is left out")
    if needed and not computed and not tables.guarded and not _may_be_left(metric, tables):
        raise TamperedError(f"{label} is stated, but its counts are not in the evidence")


def _may_be_left(metric: str, tables: Tables) -> bool:
    """Sums that are too long to be computed again, and tests that are too many to be told."""
    if metric in {"slices_tested", "slices_found", "largest_excess"}:
        tested = tables.stated.get(("slices_tested", "", ""))
        return isinstance(tested, int | float) and tested > MOST_KINDS
    return metric in {"mcnemar_p_value", "group_share_difference"}


# -- Intervals ---------------------------------------------------------------------------------------------------------
#: Figures that always have an interval, beyond those whose bounds a table gives.
_ALWAYS = frozenset((
    *_OF_DECISIONS, *_AREAS.split(), *_BINS.split(), "f1", "roc_auc", "drift_psi", "drift_js", "worst_drift_psi",
    *_IMPORTANCE.split(), "group_share_difference", "share_change", "largest_share_change", "error_ks",
    "prediction_ks", "error_wasserstein", "prediction_wasserstein",
)) - {"generalized_entropy", "theil_index"}  # fmt: skip
#: Figures of a few checks that have none, though a table would give it.
_BARE = {(f"fairness.{name}", "missing_fraction") for name in ("calibration", "regression", "slices")}
#: Figures that may lack one: of single rows, of a mean that may be 0, or of too few draws that give any figure.
_MAY_LACK = (
    "shift_drop exposure exposure_ratio lowest_exposure_ratio brier worst_group_brier brier_difference mean_prediction "
    "mean_prediction_difference r2 rank_stability rank_agreement method_agreement proxy_auc worst_proxy_auc "
    "proxy_information top_reasons_stability deletion_area insertion_area random_deletion_area faithfulness_gain "
    "randomisation_correlation largest_excess root_mean_squared_error generalized_entropy theil_index macro_recall "
    "macro_f1 conditional_disparity target_auc worst_target_auc"
)


def needs_interval(check: str, metric: str, *, follows: bool) -> bool:
    """Whether the figure may not stand without its interval; `follows`: a table gives the bounds."""
    return check in _TABLES and (metric in _ALWAYS or (follows and (check, metric) not in _BARE))


#: The version of each check that is spoken of here; another one may put other tables beside its figures.
_VERSIONS: Mapping[str, str] = {
    "fairness.group_metrics": "4",
    "fairness.multiclass": "3",
    "fairness.impact_ratios": "4",
    "fairness.conditional_parity": "2",
    "fairness.dataset_bias": "3",
    "fairness.calibration": "3",
    "fairness.regression": "2",
    "fairness.ranking": "4",
    "fairness.slices": "3",
    "performance.metrics": "4",
    "performance.comparison": "5",
    "robustness.perturbation": "5",
    "explainability.shap": "5",
    "explainability.provided": "2",
    "explainability.change": "2",
    "data_quality.columns": "3",
    "lineage.completeness": "3",
    "lineage.digests": "1",
    "lineage.leakage": "2",
    "lineage.purpose": "1",
    "lineage.special_categories": "2",
}


def knows(check: str, version: str) -> bool:
    """Whether it is one of the service's own checks, of which it is known what stands beside each figure."""
    return _VERSIONS.get(check) == version


def may_lack(metric: str) -> bool:
    """Whether a figure without an interval is worth a word, because others of its kind have one."""
    return metric in _MAY_LACK.split()
