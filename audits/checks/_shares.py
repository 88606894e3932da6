"""Who gets how much of the attribution: features, sensitive columns and their proxies, groups. Worker only."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from audits.checks._redrawn import normalised, redrawn_sums
from audits.measurements import Interval, MetricValue, Table
from audits.statistics import intervals

Array = np.ndarray[Any, Any]
_BANDS, _SMALLEST_GROUP, _MOST_GROUPS = 5, 20, 20
NOT_TAGGED = "no column is tagged sensitive and none is named"
CONSTANT = "the model answers the same whatever the features are"


class Resampled(Protocol):
    """What an interval by resampling needs to know."""

    @property
    def level(self) -> float: ...

    @property
    def resamples(self) -> int: ...


class Shares:
    """Shares of absolute attribution with row-bootstrap intervals; `absolute` is rows x features."""

    def __init__(self, absolute: Array, features: Sequence[str], parameters: Resampled, seed: int) -> None:
        self.features, self.size, self._level = tuple(features), len(absolute), parameters.level
        self._absolute = absolute
        means = absolute.mean(axis=0)
        self.total = float(means.sum())
        self.means, self.shares = means, means / self.total if self.total else means
        self._resamples, self._seed = parameters.resamples, seed
        self._drawn = normalised(redrawn_sums(absolute, parameters.resamples, seed)[:, 0])

    def measure(self, sensitive: set[str], proxies: dict[str, float], threshold: float) -> Iterator[MetricValue]:
        """All shares. Where the model is constant, all are unknown."""
        if self.total == 0.0:
            names = ("mean_abs_shap_share", "top_feature_share", "effective_features", "sensitive_share", "proxy_share")
            yield from (MetricValue(metric=m, value=None, n=self.size, not_estimable=CONSTANT) for m in names)
            return
        for index in self.order:
            share = float(self.shares[index])
            yield self._value("mean_abs_shap_share", share, self._drawn[:, index], self.features[index])
        yield self._value("top_feature_share", float(self.shares.max()), self._drawn.max(axis=1))
        yield self._value("effective_features", *_effective(self.shares, self._drawn), bounded=False)
        if not sensitive:
            for metric in ("sensitive_share", "proxy_share"):
                yield MetricValue(metric=metric, value=None, n=self.size, not_estimable=NOT_TAGGED)
            return
        yield self._summed("sensitive_share", [name for name in self.features if name in sensitive])
        close = [name for name, found in proxies.items() if found >= threshold and name not in sensitive]
        yield self._summed("proxy_share", close)

    @property
    def order(self) -> Array:
        """Indices of the features, largest share first."""
        return np.argsort(-self.shares, kind="stable")

    def table(self, signed: Array, sensitive: set[str]) -> Table:
        """The importances, largest first; `signed` is the mean attribution, None where there are several outputs."""
        rows = []
        for value, index in zip(self.measure(set(), {}, 1.0), self.order, strict=False):
            bounds = (None, None) if value.interval is None else (value.interval.low, value.interval.high)
            name, mean = self.features[index], float(self.means[index])
            rows.append((name, mean, float(self.shares[index]), *bounds, float(signed[index]), name in sensitive))
        columns = ("feature", "mean_abs", "share", "share_low", "share_high", "mean", "sensitive")
        return Table(columns, tuple(rows))

    def group_table(self, frame: pd.DataFrame, columns: Sequence[str]) -> Table:
        """(column, group, feature, rows, mean_abs) of the groups that `by_group` compares."""
        rows: list[tuple[Any, ...]] = []
        for column in columns:
            texts = frame[column].map(str)
            for group in sorted(texts.unique())[:_MOST_GROUPS]:
                inside = (texts == group).to_numpy()
                if min(inside.sum(), (~inside).sum()) >= _SMALLEST_GROUP:
                    means = self._absolute[inside].mean(axis=0)
                    rows += [
                        (column, group, feature, int(inside.sum()), float(mean))
                        for feature, mean in zip(self.features, means, strict=True)
                    ]
        return Table(("column", "group", "feature", "rows", "mean_abs"), tuple(rows))

    def by_group(self, column: str, groups: pd.Series) -> Iterator[MetricValue]:
        """Largest difference of any feature's share between a group and everybody else."""
        names, codes = np.unique(groups.map(str).to_numpy(dtype=str), return_inverse=True)
        codes = np.minimum(codes, _MOST_GROUPS)
        drawn = redrawn_sums(self._absolute, self._resamples, self._seed, groups=codes, count=_MOST_GROUPS + 1)
        for code, group in enumerate(names[:_MOST_GROUPS].tolist()):
            inside = codes == code
            n = int(inside.sum())
            if min(n, self.size - n) < _SMALLEST_GROUP:
                reason = f"fewer than {_SMALLEST_GROUP} rows inside or outside of the group"
                yield self._unknown("group_share_difference", n, column, group, reason)
                continue
            means = [self._absolute[part].mean(axis=0) for part in (inside, ~inside)]
            if not all(mean.sum() > 0 for mean in means):
                yield self._unknown("group_share_difference", n, column, group, CONSTANT)
                continue
            point = np.abs(means[0] / means[0].sum() - means[1] / means[1].sum())
            widest = int(point.argmax())
            here, there = normalised(drawn[:, code]), normalised(np.delete(drawn, code, axis=1).sum(axis=1))
            yield MetricValue(
                metric="group_share_difference",
                value=float(point[widest]),
                n=n,
                feature=column,
                group=group,
                interval=intervals.percentile(
                    np.abs(here - there)[:, widest], float(point[widest]), self._level, "bootstrap"
                ),
            )

    def _unknown(self, metric: str, n: int, feature: str, group: str, reason: str) -> MetricValue:
        return MetricValue(metric=metric, value=None, n=n, feature=feature, group=group, not_estimable=reason)

    def _summed(self, metric: str, names: Sequence[str]) -> MetricValue:
        """0 where the model is not given any of them."""
        chosen = [index for index, name in enumerate(self.features) if name in names]
        return self._value(metric, min(1.0, float(self.shares[chosen].sum())), self._drawn[:, chosen].sum(axis=1))

    def _value(
        self, metric: str, point: float, drawn: Array, feature: str = "", *, bounded: bool = True
    ) -> MetricValue:
        found = intervals.percentile(drawn, point, self._level, "bootstrap")
        if bounded:
            found = Interval(max(0.0, found.low or 0.0), min(1.0, found.high or 0.0), found.level, found.method)
        return MetricValue(metric=metric, value=point, n=self.size, feature=feature, interval=found)


def _effective(shares: Array, drawn: Array) -> tuple[float, Array]:
    """The exponential of Shannon's entropy: how many equally important features would be as concentrated."""

    def count(parts: Array) -> Array:
        logs = np.log(parts, out=np.zeros_like(parts), where=parts > 0)
        counted: Array = np.exp(-(parts * logs).sum(axis=-1))
        return counted

    return float(count(shares)), count(drawn)


def associations(frame: pd.DataFrame, features: Sequence[str], sensitive: Sequence[str]) -> dict[str, float]:
    """The strongest association of each feature with any sensitive column, 0 to 1.

    Cramér's V with Bergsma's (2013) correction, numbers cut into quintiles: one measure for every pair of types.
    """
    coded = {name: _codes(frame[name]) for name in dict.fromkeys((*features, *sensitive))}
    return {
        name: max((_cramers_v(coded[name], coded[other]) for other in sensitive if other != name), default=0.0)
        for name in features
    }


def _codes(column: pd.Series) -> Array:
    if is_numeric_dtype(column) and column.nunique() > _BANDS:
        cuts = np.unique(np.nanquantile(column.astype(float), np.linspace(0, 1, _BANDS + 1)[1:-1]))
        codes: Array = np.where(column.isna(), len(cuts) + 1, np.searchsorted(cuts, column.astype(float)))
        return codes
    factors: Array = pd.factorize(column, use_na_sentinel=False)[0]
    return factors


def _cramers_v(first: Array, second: Array) -> float:
    table = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(table, (first, second), 1)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    n, (rows, columns) = table.sum(), table.shape
    if min(rows, columns) < 2 or n < 2:  # noqa: PLR2004 - a constant is associated with nothing
        return 0.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    squared = float(((table - expected) ** 2 / expected).sum()) / n
    corrected = max(0.0, squared - (rows - 1) * (columns - 1) / (n - 1))
    rows, columns = rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)
    smaller = min(rows, columns) - 1
    return min(1.0, math.sqrt(corrected / smaller)) if smaller > 0 else 0.0
