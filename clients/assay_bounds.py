"""The bounds of intervals and the p-values of a report, computed again where its tables give them.

What they do not give is named, with the reason, and taken as it stands.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from assay_chance import benjamini_hochberg, equal_rates, holm, normal_above
from assay_common import Outcome, TamperedError
from assay_expected import may_lack, needs_interval
from assay_intervals import SMALL, Pair, Reach, require_bounds
from assay_mean_bounds import reach_of_regression, reach_of_reliability, reach_of_sums, reach_of_widest_gaps
from assay_orders import reach_of_exposure, reach_of_slices
from assay_rate_bounds import Cells, counted, rate_pair, reach_of_cells, reach_of_confusion, rests
from assay_share_bounds import reach_of_errors, reach_of_impact, reach_of_population, reach_of_shares
from assay_strata import reach_of_labels, reach_of_strata
from assay_tables import Line, Tables

Value = Mapping[str, Any]

_FORMS: tuple[Callable[[Tables, float], Reach | None], ...] = (
    reach_of_cells,
    reach_of_confusion,
    reach_of_impact,
    reach_of_strata,
    reach_of_labels,
    reach_of_reliability,
    reach_of_regression,
    reach_of_widest_gaps,
    reach_of_errors,
    reach_of_population,
    reach_of_exposure,
    reach_of_slices,
    reach_of_shares,
    reach_of_sums,
)

_DRAWN = "come from drawing again with the run's seed"
_WITHHELD = "rest on counts that are withheld or shown together"
_ROWS = "rest on how single rows, or their weights, are spread"
_RESAMPLED = {"multinomial", "multinomial-reversed", "bootstrap"}
_OF_COUNTS = ("wilson", "clopper", "miettinen", "koopman", "newcombe", "adjusted-log", "odds", "mantel", "robins")
#: Whose level counts every slice that was tested.
_OF_ALL_SLICES = {"slice_excess", "largest_excess"}

FEW = 5  # rows expected, below which two rates are tested exactly
P_TOLERANCE = 1e-7


class Bounded:
    """What was computed again so far, and by reason the metrics whose bounds or p-values were not."""

    def __init__(self) -> None:
        self.bounds = self.p_values = 0
        self.left: defaultdict[str, set[str]] = defaultdict(set)
        self.bare: set[str] = set()

    def check(self, check: str, tables: Tables, values: list[Value]) -> None:
        """All values of one observation. Raises TamperedError where one has other bounds than its counts give."""
        level = tables.number("level", 0.95)
        try:
            found = [reach for form in _FORMS if (reach := form(tables, level)) is not None]
        except (KeyError, TypeError, ValueError, ZeroDivisionError, IndexError, OverflowError) as error:
            raise TamperedError(f"a table of counts in the evidence is malformed: {error!r}") from None
        for value in values:
            if value["value"] is None:
                continue
            if value.get("interval") is None:
                _require_none(check, value, found)
                self.bare |= {value["metric"]} if may_lack(value["metric"]) else set()
            elif _follows(value, found, level):
                self.bounds += 1
            else:
                _require_around(value, level)
                self.left[_reason(value["interval"], guarded=tables.guarded)].add(value["metric"])
        tested = _check_tests(tables)
        self.p_values += tested
        if not tested and tables.lines("tests", "p"):
            self.left[_WITHHELD].add("p-values")

    def tell(self, outcome: Outcome) -> None:
        """Say what held, and what was taken as given."""
        outcome.facts["recomputed_bounds"] = self.bounds
        if self.bounds:
            outcome.held.append(f"{self.bounds} intervals were computed again from their tables and agree")
        if self.p_values:
            outcome.held.append(f"{self.p_values} p-values and their adjustments were computed again and agree")
        outcome.skipped += [
            f"bounds taken as given, because they {reason}: {', '.join(sorted(metrics))}"
            for reason, metrics in sorted(self.left.items())
        ]
        if self.bare:
            outcome.skipped.append(
                f"figures without an interval, which no table gives either: {', '.join(sorted(self.bare))}"
            )


def _label(value: Value) -> str:
    where = f"[{value['feature']}{'=' if value['group'] else ''}{value['group']}]" if value["feature"] else ""
    return f"the interval of {value['metric']}{where}"


def _require_none(check: str, value: Value, found: list[Reach]) -> None:
    """Raise where a figure stands alone that always has an interval, or that has one by its table."""
    place = value["metric"], value["feature"], value["group"]
    try:
        follows = any(reach(*place, SMALL) is not None for reach in found)
    except (KeyError, ZeroDivisionError, ValueError, TypeError, OverflowError):
        follows = False
    if needs_interval(check, value["metric"], follows=follows):
        raise TamperedError(f"{_label(value)} is left out")


def _require_around(value: Value, level: float) -> None:
    """Raise where bounds that no table gives do not hold their figure, or are of another level than was asked."""
    interval, stated = value["interval"], value["value"]
    try:
        low, high = interval["low"], interval["high"]
        holds = (low is None or low <= stated + P_TOLERANCE) and (high is None or stated - P_TOLERANCE <= high)
        asked = interval["level"] >= level  # above it where several are covered at once
    except (KeyError, TypeError):
        raise TamperedError(f"{_label(value)} in the evidence is malformed") from None
    if not holds:
        raise TamperedError(f"{_label(value)} is stated as {low} to {high}, which does not hold {stated}")
    if not asked:
        raise TamperedError(f"{_label(value)} is stated at the level {interval['level']}, but was asked at {level}")


def _follows(value: Value, found: list[Reach], level: float) -> bool:
    """Whether a table gives the bounds; raises where they are others."""
    place = value["metric"], value["feature"], value["group"]
    label, interval = _label(value), value["interval"]
    try:
        stated = interval["low"], interval["high"]
        for reach in found:
            if require_bounds(label, stated, lambda small, of=reach: of(*place, small)):  # type: ignore[misc]
                if interval["level"] != level and place[0] not in _OF_ALL_SLICES:
                    raise TamperedError(f"{label} is stated at the level {interval['level']}, but was asked at {level}")
                return True
    except (KeyError, ZeroDivisionError, ValueError, TypeError, OverflowError):
        raise TamperedError(f"{label} is stated, but its counts give none") from None
    return False


def _reason(interval: Mapping[str, Any], *, guarded: bool) -> str:
    method = str(interval.get("method"))
    if method in _RESAMPLED:
        return _DRAWN
    return _WITHHELD if guarded and method.startswith(_OF_COUNTS) else _ROWS


# -- P-values ----------------------------------------------------------------------------------------------------------
def _check_tests(tables: Tables) -> int:
    """How many lines of the table `tests` follow from `cells`; raises on the first that is another."""
    families: dict[str, list[Line]] = {}
    for line in tables.lines("tests", "feature", "metric", "group", "p", "p_holm", "p_benjamini_hochberg"):
        families.setdefault(line["feature"], []).append(line)
    if tables.guarded or "tests" not in tables.tables:
        return 0
    features = counted(tables.lines("cells", "feature", "group", "label", "prediction", "count"))
    for feature in features | families:
        _check_family(feature, families.get(feature, []), features.get(feature, {}), tables)
    return sum(map(len, families.values()))


def _check_family(feature: str, lines: list[Line], groups: Mapping[str, Cells], tables: Tables) -> None:
    """Each line by itself, and both adjustments over all."""
    _require_all_once(feature, lines, tables)
    others = rests(groups)
    for line in lines:
        if line["group"] not in groups:
            raise TamperedError(
                f"the table tests holds the group {line['group']}, whose counts are not in the evidence"
            )
        own, rest = (rate_pair(line["metric"], side[line["group"]]) for side in (groups, others))
        _require(line, "p", *_equal(own, rest))
    for name, adjusted in (("p_holm", holm), ("p_benjamini_hochberg", benjamini_hochberg)):
        for line, p_value in zip(lines, adjusted([line["p"] for line in lines]), strict=True):
            _require(line, name, p_value)


def _require_all_once(feature: str, lines: list[Line], tables: Tables) -> None:
    """The family is of every group that is compared by a rate, and of no other."""
    places = {(line["metric"], line["group"]) for line in lines}
    if len(places) < len(lines):
        raise TamperedError(f"the table tests holds a test of {feature} twice")
    compared = {
        (metric.removesuffix("_difference"), group)
        for (metric, of, group), value in tables.stated.items()
        if of == feature and group and value is not None and metric in _DIFFERENCES
    }
    for metric, group in sorted(places - compared):
        raise TamperedError(f"the table tests holds {metric} of {feature}={group}, which is not compared")
    for metric, group in sorted(compared - places):
        raise TamperedError(f"the table tests does not hold {metric} of {feature}={group}")


_DIFFERENCES = {
    f"{metric}_difference"
    for metric in ("selection_rate", "true_positive_rate", "false_positive_rate", "precision", "accuracy")
}


def _equal(first: Pair, second: Pair) -> list[float]:
    """The p-value of equal rates; both that it may be where crumbs of weights leave open how it was tested."""
    total, hits = first[1] + second[1], first[0] + second[0]
    pooled = hits / total
    if min(pooled, 1 - pooled) < 1e-12:  # noqa: PLR2004 - crumbs of nobody
        return [1.0]
    spread = math.sqrt(pooled * (1 - pooled) * (1 / first[1] + 1 / second[1]))
    score = 2 * normal_above(abs(first[0] / first[1] - second[0] / second[1]) / spread)
    counts = [(n, round(n)) for n in (*first, *second)]
    expected = min(first[1], second[1]) * min(pooled, 1 - pooled)
    if expected >= FEW + 1e-9 or any(abs(n - whole) > 1e-6 for n, whole in counts):  # noqa: PLR2004
        return [score]
    exact = equal_rates(*(whole for _, whole in counts))
    plain = all(n == whole for n, whole in counts) and expected < FEW - 1e-9
    return [exact] if plain else [exact, score]


def _require(line: Line, name: str, *allowed: float) -> None:
    if not any(math.isclose(line[name], one, rel_tol=P_TOLERANCE, abs_tol=1e-12) for one in allowed):
        where = f"{name} of {line['metric']} of {line['feature']}={line['group']} in the table tests"
        raise TamperedError(f"{where} is stated as {line[name]}, but its counts give {allowed[0]:.9g}")
