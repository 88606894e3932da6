"""Scores, predictions and errors per group: sums and histograms, read in one pass each. Worker only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from audits.checks._cells import JOINED_BY
from audits.checks._disclosure import Shown, shown_groups
from audits.checks._grouping import Groups, feature_name, groups_of, tally_of
from audits.checks._outcomes import Outcomes
from audits.checks._weighing import weight_of
from audits.checks.base import EvidenceError
from audits.checks.grouping import GroupingParameters, parse_bands
from audits.counting.question import Counted, CountQuestion, Tally, Weighing, count
from audits.evidence import DatasetEvidence
from audits.measurements import Interval, MetricValue
from audits.statistics import moments
from audits.statistics.moments import Moments

EXACT_ROWS = 2_000_000
DECIMALS = 5

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Scored:
    """The open outcomes with the groups by which they are compared; `shown` renames groups that are too small."""

    outcomes: Outcomes
    groups: Groups
    weights: str
    weight: str | None
    shown: Shown = field(default_factory=dict)
    disclosure: tuple[str, ...] = ()

    def where(self, line: Counted) -> tuple[str, str]:
        """Feature and group under which a line is shown."""
        named = feature_name(line.keys), feature_name(line.groups)
        return named[0], self.shown.get(named, named[1])

    @property
    def weighted(self) -> bool:
        """Whether rows weigh differently."""
        return self.weight is not None and self.weights != "counts"

    @property
    def rounded(self) -> bool:
        """Whether values are rounded before their histogram, to bound its size."""
        return self.outcomes.rows.total > EXACT_ROWS

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said about how it was read."""
        more = (f"Above {EXACT_ROWS} rows, values are rounded to {DECIMALS} decimals before they are ordered.",)
        return (
            f"Predictions come from {self.outcomes.origin}.",
            *self.groups.notes,
            *self.disclosure,
            *(more if self.rounded else ()),
        )


def open_scored(
    outcomes: Outcomes,
    dataset: DatasetEvidence,
    parameters: GroupingParameters,
    *,
    where: str,
    told: Mapping[str, str] | None = None,
) -> Scored:
    """Set up the groups of the common parameters. Raises EvidenceError.

    Groups are too small by their rows `where`, counted for each value of `told` (SQL).
    """
    groups = groups_of(
        outcomes.rows,
        parameters.columns_of(dataset),
        parse_bands(parameters.bands),
        depth=parameters.depth,
        most=parameters.most_groups,
    )
    scored = Scored(outcomes, groups, parameters.weights, weight_of(outcomes.rows, parameters.weights))
    if parameters.suppress_below < 2:  # noqa: PLR2004 - one row is the least there is
        return scored
    counts: dict[str, dict[str, dict[Any, Tally]]] = {}
    parts: dict[str, dict[str, tuple[str, ...]]] = {}
    for line in ask_sums(scored, told or {}, {}, where):
        feature, group = feature_name(line.keys), feature_name(line.groups)
        if feature:
            counts.setdefault(feature, {}).setdefault(group, {})[line.outcomes] = tally_of(line, parameters.weights)
            parts.setdefault(feature, {})[group] = line.groups
    columns = {feature_name(one): one for one in groups.sets}
    shown, disclosure = shown_groups(counts, columns, parts, parameters.suppress_below)
    return replace(scored, shown=shown, disclosure=disclosure)


def missing_reason(scored: Scored, columns: str, tolerated: float) -> tuple[MetricValue, str]:
    """The share of rows without one of `columns` (SQL), and why nothing can be estimated, or ""."""
    rows = f"sum({scored.weight})" if scored.weights == "counts" else "count(*)"
    [(held, whole)] = scored.outcomes.rows.ask(
        f"SELECT coalesce({rows} FILTER (WHERE {columns} IS NOT NULL), 0), {rows} FROM outcomes"
    )
    total = int(whole)
    missing = total - int(held)
    reason = f"{missing} of {total} rows lack what it needs, more than tolerated" if missing > tolerated * total else ""
    return MetricValue(metric="missing_fraction", value=missing / total, n=total), reason


def ask_sums(scored: Scored, outcomes: Mapping[str, str], sums: Mapping[str, str], where: str) -> list[Counted]:
    """Counts and sums per group and `outcomes` over the rows `where`."""
    question = CountQuestion(
        relation=f"(SELECT * FROM outcomes WHERE {where}) measured",
        keys=scored.groups.keys,
        outcomes=outcomes,
        sets=(*scored.groups.sets, ()),
        weighing=Weighing(weight=scored.weight),
        sums=sums,
    )
    return count(scored.outcomes.rows.ask, question)


def by_group(scored: Scored, lines: list[Counted]) -> dict[tuple[str, str], list[tuple[Tally, Counted]]]:
    """The lines of each (feature, group), overall first; the names of joint groups are joined."""
    found: dict[tuple[str, str], list[tuple[Tally, Counted]]] = {}
    for line in sorted(lines, key=lambda one: (len(one.keys), one.keys, one.groups)):
        found.setdefault(scored.where(line), []).append((tally_of(line, scored.weights), line))
    for (feature, group), own in found.items():
        if feature and not any(tally.weight for tally, _ in own):
            place = scored.outcomes.rows.one_tagged("weight") or "weight"
            raise EvidenceError(place, f"is the weight and 0 in every row of {feature}: {group}, so it has no mean")
    return found


def moments_of(lines: list[tuple[Tally, Counted]], name: str) -> Moments:
    """Moments of the sum `name` and its squares `name`_squared over the lines."""
    whole = sum((tally for tally, _ in lines), Tally())
    summed, squared = (sum(line.sums[key] for _, line in lines) for key in (name, f"{name}_squared"))
    return Moments.of(whole.rows, whole.effective, whole.weight, summed, squared)


def features_of(found: Mapping[tuple[str, str], Any]) -> dict[str, list[str]]:
    """The groups of each feature."""
    features: dict[str, list[str]] = {}
    for feature, group in found:
        if feature:
            features.setdefault(feature, []).append(group)
    return features


def mean_value(metric: str, found: Moments, level: float, where: tuple[str, str], least: float | None) -> MetricValue:
    """A mean with Student's interval, which stays above `least`."""
    interval = moments.interval(found, level)
    if interval is not None and least is not None:
        interval = Interval(max(least, interval.low or 0.0), interval.high, level, interval.method)
    return MetricValue(
        metric=metric, value=found.mean, n=found.rows, feature=where[0], group=where[1], interval=interval
    )


def gap_value(metric: str, feature: str, found: list[Moments], level: float) -> MetricValue:
    """Highest minus lowest mean of the groups."""
    n = min(one.rows for one in found)
    if len(found) < 2:  # noqa: PLR2004 - a comparison
        return MetricValue(metric=metric, value=None, n=n, feature=feature, not_estimable="there is only one group")
    value, interval = moments.widest(found, level)
    return MetricValue(metric=metric, value=value, n=n, feature=feature, interval=interval)


def worst_value(metric: str, feature: str, found: list[Moments], level: float) -> MetricValue:
    """The highest mean of any group, of something that cannot be negative; every group is covered at once."""
    n = min(one.rows for one in found)
    own = [moments.interval(one, 1 - (1 - level) / len(found)) for one in found]
    known = [one for one in own if one is not None]
    interval = None
    if len(known) == len(own):
        low, high = (
            max(bound or 0.0 for bound in bounds)
            for bounds in zip(*((one.low, one.high) for one in known), strict=True)
        )
        interval = Interval(max(0.0, low), high, level, "student-bonferroni" if len(known) > 1 else known[0].method)
    value = max(one.mean for one in found)
    return MetricValue(metric=metric, value=value, n=n, feature=feature, interval=interval)


@dataclass(frozen=True, slots=True)
class Histogram:
    """`values` ascending and distinct; `counts[group]` is summed weight per value, `sizes` the effective number."""

    values: Array
    counts: Mapping[str, Array]
    sizes: Mapping[str, float]


def histograms(scored: Scored, value: str, where: str) -> Iterator[tuple[str, Histogram]]:
    """For each feature the histogram of `value` (SQL) per group over the rows `where`."""
    place = f"round({value}, {DECIMALS})" if scored.rounded else value
    weight = scored.weight or "1"
    for columns in scored.groups.sets:
        keys = [scored.groups.keys[name] for name in columns]
        inner = ", ".join(f"{key.native} AS k{i}" for i, key in enumerate(keys))
        grain = ", ".join(f"k{i}" for i in range(len(keys)))
        text = f" || '{JOINED_BY}' || ".join(key.text.format(f"k{i}") for i, key in enumerate(keys))
        query = (
            f"WITH fine AS MATERIALIZED (SELECT {grain}, v, sum(w)::DOUBLE AS w, sum(w * w)::DOUBLE AS w2 FROM (SELECT "
            f"{inner}, {place}::DOUBLE AS v, {weight} AS w FROM outcomes WHERE {where}) read_rows GROUP BY {grain}, v) "
            f"SELECT {text} AS g, v, sum(w) AS w, sum(w2) AS w2 FROM fine GROUP BY g, v"
        )
        yield feature_name(columns), _histogram(scored, query, feature_name(columns))


def _histogram(scored: Scored, query: str, feature: str) -> Histogram:
    found = scored.outcomes.rows.connection.execute(query).fetchnumpy()
    values, places = np.unique(np.asarray(found["v"], dtype=float), return_inverse=True)
    names, owners = np.unique(np.asarray(found["g"], dtype=str), return_inverse=True)
    if scored.shown:
        renamed = np.array([scored.shown.get((feature, str(name)), str(name)) for name in names], dtype=str)
        names, places_of = np.unique(renamed, return_inverse=True)
        owners = places_of[owners]
    counts, sizes = {}, {}
    for index, name in enumerate(names):
        own = owners == index
        weights = np.asarray(found["w"], dtype=float)[own]
        counts[str(name)] = np.bincount(places[own], weights=weights, minlength=values.size)
        squares = (
            float(np.asarray(found["w2"], dtype=float)[own].sum()) if scored.weights != "counts" else weights.sum()
        )
        sizes[str(name)] = float(weights.sum()) ** 2 / squares if squares else 0.0
    return Histogram(values, counts, sizes)


def require_scores(scored_outcomes: Outcomes) -> None:
    """Raises EvidenceError: there are no scores, or they are no probabilities."""
    if not scored_outcomes.has_scores:
        raise EvidenceError("score", "no column is tagged score and the model gives none")
    [(low, high)] = scored_outcomes.rows.ask("SELECT min(_score), max(_score) FROM outcomes")
    if low is not None and (low < 0 or high > 1):
        raise EvidenceError("score", f"reaches from {low:g} to {high:g}; probabilities lie in [0, 1]")
