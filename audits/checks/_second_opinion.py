"""fairlearn and scikit-learn, asked about the same cells: figures of others beside our own. Worker only.

The cells go in as rows with their counts for weights, which gives what the rows would give in a fraction of the time.
Compared is what both define alike: selection rate, true and false positive rate, accuracy and precision, overall and by
group, their gaps and ratios over the groups, equalized odds, and the groups that fare worst. Where they answer 0.0 or
NaN because a denominator is empty, there is no figure of ours to compare.
"""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from fairlearn import metrics
from sklearn.metrics import accuracy_score, precision_score

from audits.checks._cells import Cells, CellTable, summed
from audits.checks._gaps import GAPS, RATIOS, WORST
from audits.checks._groups import joined
from audits.checks._suppression import Withheld, levels_of
from audits.checks.base import ReferenceDisagreementError
from audits.measurements import MetricValue

METRIC = "reference_difference"
TOLERANCE = 1e-9
#: Asked about one by one in all, feature after feature; each costs some 20 milliseconds. Enough for both ends of all
#: five rates.
MOST_GROUPS = 12

Metrics = Mapping[str, Callable[..., Any]]
Features = Mapping[str, Mapping[str, Cells]]
Figure = tuple[str, str, str]
Figures = Mapping[Figure, float]


def _precision(y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
    return float(precision_score(y_true, y_pred, sample_weight=sample_weight, zero_division=math.nan))


_DECIDED: Metrics = {"selection_rate": metrics.selection_rate}
_JUDGED: Metrics = {
    "true_positive_rate": metrics.true_positive_rate,
    "false_positive_rate": metrics.false_positive_rate,
    "accuracy": accuracy_score,
    "precision": _precision,
}


@dataclass(frozen=True, slots=True)
class Opinion:
    """The largest difference as a measured value, and the sentence about it."""

    value: MetricValue
    note: str


def second_opinion(table: CellTable, values: Iterable[MetricValue], suppress_below: int) -> Opinion:
    """Ask about the features, plain ones first, up to `MOST_GROUPS` groups; of a larger first one about both ends.

    Raises ReferenceDisagreementError where a figure is more than 1e-9 apart.
    """
    ours = {(v.metric, v.feature, v.group): v.value for v in values if v.value is not None}
    version = f"fairlearn {importlib.metadata.version('fairlearn')}"
    told = _affordable(table)
    furthest, compared = 0.0, 0
    for asked, features in _questions(table, told, suppress_below):
        for figure, theirs in _answers(asked, features, ours):
            if (own := ours.get(figure)) is None:
                continue
            apart = abs(own - theirs)
            if not apart <= TOLERANCE:
                where = MetricValue(metric=figure[0], value=own, n=0, feature=figure[1], group=figure[2]).label
                raise ReferenceDisagreementError(where, f"is {own!r} here and {theirs!r} by {version}")
            furthest, compared = max(furthest, apart), compared + 1
    rows = summed(next(iter(table.features.values())).values()).rows
    if not compared:
        reason = "no figure could be estimated that the reference implementation knows too"
        return Opinion(MetricValue(metric=METRIC, value=None, n=rows, not_estimable=reason), "")
    note = (
        f"{version} computed {compared} figures of {', '.join(told)} again; none is further away than {furthest:.1g}."
    )
    return Opinion(MetricValue(metric=METRIC, value=furthest, n=rows), note)


def _affordable(table: CellTable) -> list[str]:
    """The first feature, and those after it while their groups are few enough."""
    told: list[str] = []
    groups = 0
    for feature, members in table.features.items():
        groups += len(members)
        if told and groups > MOST_GROUPS:
            break
        told.append(feature)
    return told


def _questions(table: CellTable, told: list[str], suppress_below: int) -> Iterator[tuple[Metrics, Features]]:
    """What is asked about which cells: in one where every row has label and decision, else decisions by themselves."""
    levels = levels_of(table, suppress_below)
    for_totals, for_cells = (
        {feature: joined(table.features[feature], levels[feature], limit) for feature in told}
        for limit in (Withheld.TOTALS, Withheld.CELLS)
    )
    decided, judged = _known(for_totals, (0, 1, None)), _known(for_cells, (0, 1))
    if decided == judged:
        yield {**_DECIDED, **_JUDGED}, judged
    else:
        yield _DECIDED, decided
        yield _JUDGED, judged


def _known(features: Features, labels: tuple[int | None, ...]) -> dict[str, dict[str, Cells]]:
    """The cells with a decision and one of these labels; groups and features that have none are left out."""
    kept = {
        feature: {
            group: cells for group, all_cells in groups.items() if (cells := _cells_with(all_cells, labels)).counts
        }
        for feature, groups in features.items()
    }
    return {feature: groups for feature, groups in kept.items() if groups}


def _cells_with(cells: Cells, labels: tuple[int | None, ...]) -> Cells:
    return Cells({(y, p): t for (y, p), t in cells.counts.items() if t.weight and p is not None and y in labels})


def _answers(asked: Metrics, features: Features, ours: Figures) -> Iterator[tuple[Figure, float]]:
    """What MetricFrame answers, under the names of our figures."""
    if not features:
        return
    chosen = {feature: _chosen(feature, groups, asked, ours) for feature, groups in features.items()}
    frame = _frame(asked, [_lines(features[feature], names) for feature, names in chosen.items()])
    over_groups = (frame.difference(), frame.ratio(), frame.group_min(), frame.group_max())
    for place, (feature, names) in enumerate(chosen.items()):
        for metric in asked:
            yield (metric, "", ""), float(frame.overall.loc[place, metric])
            for code, name in enumerate(names):
                yield (metric, feature, name), float(frame.by_group.loc[(place, code), metric])
        for name, value in _over_groups(asked, *(one.loc[place] for one in over_groups)):
            yield (name, feature, ""), float(value)


def _over_groups(asked: Metrics, gaps: Any, ratios: Any, lowest: Any, highest: Any) -> Iterator[tuple[str, Any]]:
    for found, named in ((gaps, GAPS), (ratios, RATIOS)):
        yield from ((name, found[metric]) for name, metric in named.items() if metric in asked)
    for name, (metric, worst) in WORST.items():
        if metric in asked:
            yield name, (highest if worst is max else lowest)[metric]
    if "true_positive_rate" in asked:
        odds = ["true_positive_rate", "false_positive_rate"]
        yield "equalized_odds_difference", gaps[odds].max()
        yield "equalized_odds_mean_difference", gaps[odds].mean()
        yield "equalized_odds_ratio", ratios[odds].min()


def _chosen(feature: str, groups: Mapping[str, Cells], asked: Metrics, ours: Figures) -> list[str]:
    """All groups, or those that decide the gaps and, up to the bound, the largest."""
    chosen: dict[str, None] = {}
    for metric in asked:
        known = sorted((ours[metric, feature, name], name) for name in groups if (metric, feature, name) in ours)
        chosen |= dict.fromkeys(name for _, name in (*known[:1], *known[-1:]))
    chosen |= dict.fromkeys(sorted(groups, key=lambda name: (-groups[name].rows, name)))
    return list(chosen)[:MOST_GROUPS]


def _lines(groups: Mapping[str, Cells], names: list[str]) -> list[tuple[int, int, int, float]]:
    """(label, decision, group's place, weight). All other groups stand together, at the end.

    Their rates lie between the ends, so no gap changes, and the overall rates need them. A label that is missing is
    replaced by the decision: it is asked about decisions only.
    """
    rest = [cells for group, cells in groups.items() if group not in set(names)]
    told = [*(groups[name] for name in names), *([summed(rest)] if rest else [])]
    return [
        (p if y is None else y, p, code, tally.weight)
        for code, cells in enumerate(told)
        for (y, p), tally in cells.counts.items()
        if p is not None
    ]


def _frame(asked: Metrics, features: list[list[tuple[int, int, int, float]]]) -> Any:
    """One frame for all features, which are its control features: each is compared within itself."""
    lines = [(*line, place) for place, one in enumerate(features) for line in one]
    labels, decisions, codes, weights, places = (np.array(column) for column in zip(*lines, strict=True))
    return metrics.MetricFrame(
        metrics=dict(asked),
        y_true=labels,
        y_pred=decisions,
        sensitive_features=pd.Series(codes, name="group"),
        control_features=pd.Series(places, name="feature"),
        sample_params={name: {"sample_weight": weights} for name in asked},
    )
