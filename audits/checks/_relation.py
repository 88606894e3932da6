"""Outcomes counted by stratum and group, and what lies above the median. Worker only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audits.checks._disclosure import SMALL_STRATA, Shown, pooled_strata, shown_groups
from audits.checks._grouping import Groups, feature_name, groups_of, tally_of
from audits.checks._outcomes import Outcomes
from audits.checks._sufficient import counted, weight_columns
from audits.checks._weighing import weighing_of, weight_of
from audits.checks.base import EvidenceError
from audits.checks.grouping import GroupingParameters, MissingParameters, parse_bands
from audits.counting.question import CountQuestion, Tally, count
from audits.measurements import MetricValue, Table
from audits.statistics import intervals

Cells = Mapping[Any, Tally]
#: Stratum -> group -> value of the outcome -> tally.
Strata = Mapping[str, Mapping[str, Cells]]


@dataclass(frozen=True, slots=True)
class Stratified:
    """`features` maps each feature to its strata; small groups are already one, and `notes` say which."""

    features: Mapping[str, Strata]
    notes: tuple[str, ...]
    weighted: bool = False

    def table(self, outcome: str, threshold: int) -> Table:
        """(feature, stratum, group, `outcome`, count[, weight, squares]) as far as they may be published."""
        columns = ("feature", "stratum", "group", outcome, "count", *weight_columns(weighted=self.weighted))
        rows = [
            (feature, stratum, group, value, *counted(tally, weighted=self.weighted))
            for feature, strata in self.features.items()
            for stratum, members in sorted(_published(strata, threshold).items())
            for group, cells in sorted(members.items())
            for value, tally in sorted(cells.items(), key=lambda item: str(item[0]))
        ]
        return Table(columns, tuple(rows))

    def missing(self, metric: str, what: str, parameters: MissingParameters) -> tuple[MetricValue, str]:
        """The share of rows without the outcome, and why nothing can be estimated, or ""."""
        cells = [one for members in next(iter(self.features.values())).values() for one in members.values()]
        total = sum(tally.rows for one in cells for tally in one.values())
        absent = sum(one[None].rows for one in cells if None in one)
        interval = intervals.proportion(absent, total, parameters.level)
        value = MetricValue(metric=metric, value=absent / total, n=total, interval=interval)
        more = absent > parameters.missing_tolerated * total
        return value, f"{absent} of {total} rows have no {what}, more than tolerated" if more else ""


def count_by_stratum(
    outcomes: Outcomes, sensitive: Sequence[str], strata: Sequence[str], outcome: str, parameters: GroupingParameters
) -> Stratified:
    """Count each value of `outcome` (SQL). Without strata there is one, named ""."""
    bands = parse_bands(parameters.bands)
    groups: Groups = groups_of(outcomes.rows, sensitive, bands, depth=parameters.depth, most=parameters.most_groups)
    layers: Groups = groups_of(outcomes.rows, strata, bands, most=parameters.most_groups)
    weighing = weighing_of(outcomes, parameters.weights)
    question = CountQuestion(
        relation="outcomes",
        keys={**layers.keys, **groups.keys},
        outcomes={"outcome": outcome},
        sets=tuple((*dict.fromkeys([*strata, *one]),) for one in groups.sets),
        weighing=weighing,
    )
    names = dict(zip(question.sets, groups.sets, strict=True))
    found: dict[str, dict[str, dict[str, dict[Any, Tally]]]] = {feature_name(one): {} for one in groups.sets}
    parts: dict[str, dict[str, tuple[str, ...]]] = {feature: {} for feature in found}
    for line in count(outcomes.rows.ask, question):
        values = dict(zip(line.keys, line.groups, strict=True))
        stratum = feature_name([values[name] for name in strata])
        feature, own = feature_name(names[line.keys]), tuple(values[name] for name in names[line.keys])
        parts[feature][feature_name(own)] = own
        cells = found[feature].setdefault(stratum, {}).setdefault(feature_name(own), {})
        cells[line.outcomes[0]] = cells.get(line.outcomes[0], Tally()) + tally_of(line, parameters.weights)
    columns = {feature_name(one): one for one in groups.sets}
    overall = {feature: _over_strata(counts) for feature, counts in found.items()}
    shown, notes = shown_groups(overall, columns, parts, parameters.suppress_below)
    return Stratified(
        {feature: _renamed(feature, counts, shown) for feature, counts in found.items()},
        notes,
        weighted=weighing.weight is not None and parameters.weights != "counts",
    )


def _over_strata(counts: Strata) -> dict[str, dict[Any, Tally]]:
    whole: dict[str, dict[Any, Tally]] = {}
    for members in counts.values():
        _add(whole, members)
    return whole


def _add(to: dict[str, dict[Any, Tally]], members: Mapping[str, Cells], names: Mapping[str, str] | None = None) -> None:
    for group, cells in members.items():
        own = to.setdefault((names or {}).get(group, group), {})
        for value, tally in cells.items():
            own[value] = own.get(value, Tally()) + tally


def _renamed(feature: str, counts: Strata, shown: Shown) -> Strata:
    names = {group: name for (place, group), name in shown.items() if place == feature}
    if not names:
        return counts
    joined: dict[str, dict[str, dict[Any, Tally]]] = {}
    for stratum, members in counts.items():
        _add(joined.setdefault(stratum, {}), members, names)
    return joined


def everybody(counts: Strata) -> dict[str, dict[Any, Tally]]:
    """Stratum -> value of the outcome -> tally of all groups."""
    whole: dict[str, dict[Any, Tally]] = {}
    for stratum, members in counts.items():
        total = whole.setdefault(stratum, {})
        for cells in members.values():
            for value, tally in cells.items():
                total[value] = total.get(value, Tally()) + tally
    return whole


def less(whole: Tally, part: Tally) -> Tally:
    """What remains. Sums of fractions leave crumbs, but where no row remains, no weight does."""
    rows = whole.rows - part.rows
    return Tally(rows, whole.weight - part.weight, whole.squares - part.squares) if rows else Tally()


def _published(counts: Strata, threshold: int) -> Strata:
    """Strata with small counts as one."""
    if threshold < 2:  # noqa: PLR2004 - one row is the least there is
        return counts
    flat = {
        stratum: {(group, value): t.rows for group, cells in members.items() for value, t in cells.items()}
        for stratum, members in counts.items()
    }
    pooled = pooled_strata(flat, threshold)
    joined: dict[str, dict[str, dict[Any, Tally]]] = {}
    for stratum, members in counts.items():
        _add(joined.setdefault(SMALL_STRATA if stratum in pooled else stratum, {}), members)
    return joined


def above_the_middle(outcomes: Outcomes, column: str, weights: str) -> tuple[str, float]:
    """SQL of "`column` above the median" and the median; what lies at the median is not above it.

    A row counts as often as it weighs, and where one half ends between two values the median is their middle. Raises
    EvidenceError where no row has a value.
    """
    weight = weight_of(outcomes.rows, weights) or "1"
    [(middle,)] = outcomes.rows.ask(
        f"WITH held AS (SELECT {column} AS v, sum({weight}) AS w FROM outcomes WHERE {column} IS NOT NULL GROUP BY v), "
        "reached AS (SELECT v, sum(w) OVER (ORDER BY v) AS below, sum(w) OVER () AS whole FROM held WHERE w > 0) "
        "SELECT (min(v) FILTER (WHERE 2 * below >= whole) + min(v) FILTER (WHERE 2 * below > whole)) / 2 FROM reached"
    )
    if middle is None:
        raise EvidenceError(column.strip("_"), "is missing in every row, so there is no median")
    return f"CASE WHEN {column} IS NULL THEN NULL WHEN {column} > {float(middle)!r} THEN 1 ELSE 0 END", float(middle)
