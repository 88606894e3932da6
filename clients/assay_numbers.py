"""The figures of a report, computed again from the tables that stand beside them, and its findings judged again.

The arithmetic is written here anew, from the definitions in the report, so that it can disagree with the service's.
What does not follow from any table that a report can hold is told, with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from assay_bounds import Bounded
from assay_common import Outcome, TamperedError
from assay_decisions import of_cells, of_confusion, of_errors, of_impact
from assay_expected import knows, require_tables
from assay_orders import of_change, of_exposure, of_importance, of_slices
from assay_places import of_figures, of_lists
from assay_rows import Counted
from assay_scores import (
    of_areas,
    of_bins,
    of_group_errors,
    of_population,
    of_regression,
    of_reliability,
    of_shares,
    of_sums,
    of_widest_gaps,
)
from assay_strata import of_labels, of_strata
from assay_tables import Compute, Tables, require

Value = Mapping[str, Any]

#: Each reads its table and answers how figures follow from it; None where there is no such table.
_FORMS: tuple[Callable[[Tables], Compute | None], ...] = (
    of_cells,
    of_confusion,
    of_impact,
    of_errors,
    of_strata,
    of_labels,
    of_reliability,
    of_areas,
    of_regression,
    of_widest_gaps,
    of_sums,
    of_shares,
    of_group_errors,
    of_bins,
    of_population,
    of_exposure,
    of_slices,
    of_importance,
    of_change,
    of_lists,
    of_figures,
)

_COUNTED = "are themselves what was counted, and no table beside them could say more"
_ASKED = "are answers of the model to questions that only it can answer again (manage.py replay asks it)"
_ROWS = "need every single row or prediction, which no report holds (manage.py replay reads them again)"
_REASONS: Mapping[str, tuple[str, ...]] = {
    _COUNTED: (
        "rows_total", "type_violations", "range_violations", "constant_columns", "undeclared_columns", "rows_scored",
        "rows_explained", "nodes_total", "datasets_total", "nodes_with_digest", "contents_recomputed",
        "contradictory_declarations", "incomparable_declarations", "unknown_category_count", "features_gained",
        "features_lost", "origin_missing",
    ),
    _ASKED: (
        "share_half_width", "additivity_error", "additivity_error_relative", "features_covered", "rank_stability",
        "top_reasons_stability", "rerun_difference", "deletion_area", "insertion_area", "random_deletion_area",
        "faithfulness_gain", "method_agreement", "randomisation_correlation", "rank_agreement",
    ),
    _ROWS: (
        "prediction_wasserstein", "error_wasserstein", "proxy_auc", "proxy_information", "proxy_association",
        "feature_correlation", "target_auc",
    ),
    "are how far another library was from the figures here": (
        "reference_difference", "library_difference",
    ),
    "were timed once": ("latency_p50_ms", "latency_p95_ms", "latency_p95_of_declared"),
    "come from random orders, drawn with the run's seed (manage.py replay draws them again)": ("ndkl_p_value",),
}  # fmt: skip
_WITHHELD = "rest on counts that are withheld or shown together, because they are small"
_UNKNOWN = "have no table beside them that this verifier knows"
_WHY = {metric: reason for reason, metrics in _REASONS.items() for metric in metrics}


def check_numbers(evidence: Mapping[str, Any], outcome: Outcome) -> None:
    """Compute again every figure whose table is in the evidence; raise on the first that disagrees.

    Every figure that a finding rests on must also be the one that its check measured, and give that finding.
    """
    computed, left, bounded, counted = 0, Counter[str](), Bounded(), Counted()
    measured: dict[tuple[Any, ...], Any] = {}
    strangers: set[str] = set()
    for observation in evidence.get("observations") or []:
        check, version = str(observation.get("check")), str(observation.get("check_version"))
        known = check if knows(check, version) else ""
        if not known:
            strangers.add(f"{check} {version}")
        for holder in _with_tables(observation):
            tables = _tables(holder, observation.get("parameters"))
            compute = _arithmetic(tables)
            for value in holder["values"]:
                agrees = _agrees(value, compute)
                if value["value"] is not None:
                    require_tables(known, value, _label(value), tables, computed=agrees)
                    left[_reason(value["metric"], tables)] += not agrees
                computed += agrees
                measured[check, value["metric"], value["feature"], value["group"]] = value
            counted.check(tables, holder["values"])
            bounded.check(known, tables, holder["values"])
    rested = sum(_rests_on(finding, measured) for finding in evidence.get("findings") or [])
    outcome.facts["recomputed"] = computed
    if computed:
        outcome.held.append(f"{computed} figures were computed again from their tables and agree")
    counted.tell(outcome)
    bounded.tell(outcome)
    if rested:
        outcome.held.append(f"{rested} findings rest on figures that their checks measured, and follow from them")
    if strangers:
        told = "whether a table or an interval was taken out of checks that this verifier does not know in that version"
        outcome.skipped.append(f"{told}: {', '.join(sorted(strangers))}")
    outcome.skipped += [f"{number} figures {reason}" for reason, number in sorted(left.items()) if number]


def _reason(metric: str, tables: Tables) -> str:
    return _WHY.get(metric) or (_WITHHELD if tables.guarded else _UNKNOWN)


def _with_tables(node: Any) -> Iterator[dict[str, Any]]:
    """Every object in the document that has values."""
    if isinstance(node, dict):
        if isinstance(node.get("values"), list):
            yield node
        for item in node.values():
            yield from _with_tables(item)
    elif isinstance(node, list):
        for item in node:
            yield from _with_tables(item)


def _tables(holder: Mapping[str, Any], parameters: Any) -> Tables:
    """The tables of an observation. Raises TamperedError where a figure is none."""
    stated = {}
    for value in holder["values"]:
        try:
            stated[value["metric"], value["feature"], value["group"]] = value["value"]
        except (KeyError, TypeError):
            raise TamperedError("a stated figure in the evidence is malformed") from None
    tables = holder.get("tables")
    return Tables(
        tables if isinstance(tables, dict) else {}, parameters if isinstance(parameters, dict) else {}, stated
    )


def _arithmetic(tables: Tables) -> Compute:
    """How the figures of this observation follow from its tables; tables of another form give none."""
    try:
        found = [answers for form in _FORMS if (answers := form(tables)) is not None]
    except (KeyError, TypeError, ValueError, ZeroDivisionError, IndexError, OverflowError) as error:
        raise TamperedError(f"a table of counts in the evidence is malformed: {error!r}") from None

    def compute(metric: str, feature: str, group: str) -> float | tuple[float, float] | None:
        for one in found:
            answer = one(metric, feature, group)
            if answer is not None:
                return answer
        return None

    return compute


def _label(value: Value) -> str:
    where = value["feature"] + (f"={value['group']}" if value["group"] else "")
    return f"{value['metric']}[{where}]" if where else str(value["metric"])


def _agrees(value: Value, compute: Compute) -> bool:
    """True when the figure was computed again, False when no table gives it. Raises when it differs."""
    stated = value["value"]
    if stated is None:
        return False
    try:
        computed = compute(value["metric"], value["feature"], value["group"])
    except KeyError:
        raise TamperedError(f"{_label(value)} is stated, but its counts are not in the evidence") from None
    except (ZeroDivisionError, ValueError, TypeError, OverflowError):
        raise TamperedError(f"{_label(value)} is stated as {stated}, but its counts give no such figure") from None
    if computed is None:
        return False
    require(_label(value), stated, computed)
    return True


# -- Findings ----------------------------------------------------------------------------------------------------------
def _rests_on(finding: Mapping[str, Any], measured: Mapping[tuple[Any, ...], Value]) -> bool:
    """Whether the finding names a figure of its check; raises where it measured another or gives another finding."""
    value = finding.get("measured")
    if not isinstance(value, dict):
        return False
    place = (str(finding.get("check")), value.get("metric"), value.get("feature"), value.get("group"))
    name = finding.get("criterion")
    if place not in measured:
        raise TamperedError(f"the finding {name} rests on {place[1]}, which its check did not measure")
    for part in ("value", "n", "interval"):
        theirs = measured[place].get(part)
        if value.get(part) != theirs:
            told = "" if part == "value" else f"{part} "
            raise TamperedError(f"the finding {name} rests on {told}{value.get(part)}, but its check measured {theirs}")
    _follows(finding, value)
    return True


def _follows(finding: Mapping[str, Any], value: Value) -> None:
    """Raise when the outcome is not that of the figure beside the limits; numbers are compared as they are written."""
    try:
        limits = [None if finding.get(side) is None else Decimal(finding[side]) for side in ("at_least", "at_most")]
        if value["value"] is None or limits == [None, None]:
            return
        reach = _reach(finding, value)
        within = _within(value["value"], limits)
        good = within and reach is not None and all(_within(end, limits) for end in reach)
        bad = not within and reach is not None and _beyond(reach, limits)
        few = value["n"] < (finding.get("minimum_n") or 0)
        told = finding.get("decide_on") in {"point", "interval"}
    except (ArithmeticError, KeyError, TypeError, ValueError):
        raise TamperedError(f"the finding {finding.get('criterion')} in the evidence is malformed") from None
    expected = "inconclusive" if few or not (good or bad) else "satisfied" if good else "not-satisfied"
    outcome = finding.get("outcome")
    if not told:  # an older report does not say how it was decided; still nothing beyond a limit is ever satisfied
        expected = outcome if outcome == "inconclusive" else "satisfied" if within else "not-satisfied"
    if outcome != expected:
        name = finding.get("criterion")
        raise TamperedError(f"the finding {name} is stated as {outcome}, but the figure it rests on gives {expected}")


def _reach(finding: Mapping[str, Any], value: Value) -> tuple[float, float] | None:
    """What must lie within the limits: the figure or its whole interval, as the policy decides; None: no interval."""
    if finding.get("decide_on") == "point":
        return value["value"], value["value"]
    interval = value.get("interval")
    if interval is None:
        return None
    low, high = interval["low"], interval["high"]
    return (-float("inf") if low is None else low), (float("inf") if high is None else high)


def _within(number: float, limits: list[Decimal | None]) -> bool:
    exact, (least, most) = Decimal(repr(float(number))), limits
    return (least is None or exact >= least) and (most is None or exact <= most)


def _beyond(reach: tuple[float, float], limits: list[Decimal | None]) -> bool:
    low, high = (Decimal(repr(float(end))) for end in reach)
    least, most = limits
    return (least is not None and high < least) or (most is not None and low > most)
