"""What a check answers: values with their sample size and interval, and the table they were computed from.

A measurement holds facts only. It never knows a limit; `audits.criteria.judge` compares.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class ObservationStatus(StrEnum):
    """How the attempt to measure ended. Everything but MEASURED blocks a gate exactly like a failed criterion."""

    MEASURED = "measured"
    ERROR = "error"
    TIMED_OUT = "timed-out"
    NOT_RUN = "not-run"


# Words of metric names that people write in capitals.
ACRONYMS = {word: word.upper() for word in ("auc", "ece", "js", "mae", "psi", "rmse", "roc", "shap")}


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval. A bound is None where it is unbounded; `level` is e.g. 0.95; `method` is its name."""

    low: float | None
    high: float | None
    level: float
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricValue:
    """One number, or the reason why there is none.

    `feature` is the column that was looked at ("" for none), `group` the group within it ("" for overall or for a
    comparison over all groups). `n` is the number of rows the value rests on: its own denominator where it has one.
    `value` is None when the quantity is not estimable, and then `not_estimable` says why.
    """

    metric: str
    value: float | None
    n: int
    feature: str = ""
    group: str = ""
    interval: Interval | None = None
    not_estimable: str = ""

    def __post_init__(self) -> None:
        """NaN and infinity are not numbers a gate may compare: refuse them where they arise."""
        if self.value is None:
            if not self.not_estimable:
                raise ValueError(f"{self.metric}: a value that is None needs a reason in not_estimable")
        elif not math.isfinite(self.value):
            raise ValueError(f"{self.metric}: {self.value} is not a finite number")

    @property
    def label(self) -> str:
        """`metric[feature=group]`, the name by which findings refer to this value."""
        where = f"{self.feature}={self.group}" if self.group else self.feature
        return f"{self.metric}[{where}]" if where else self.metric

    @property
    def spoken(self) -> str:
        """`metric of feature: group` in words, as a sentence for a reviewer names it."""
        metric = " ".join(ACRONYMS.get(word, word) for word in self.metric.split("_"))
        feature = self.feature.replace("_", " ")
        where = f"{feature}: {self.group}" if self.group else feature
        return f"{metric} ({where})" if where else metric


@dataclass(frozen=True, slots=True)
class Table:
    """A small evidence table (count cells, importances): enough for anybody to recompute the values."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """The answer of one check. `inputs` maps each input that was read to its digest (sha256:<hex>)."""

    values: tuple[MetricValue, ...]
    inputs: Mapping[str, str]
    tables: Mapping[str, Table] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def of(self, metric: str) -> tuple[MetricValue, ...]:
        """All values of one metric, in measured order."""
        return tuple(value for value in self.values if value.metric == metric)

    def to_document(self) -> dict[str, Any]:
        """JSON-ready form; `from_document` is its inverse."""
        return {
            "values": [asdict(value) for value in self.values],
            "inputs": dict(self.inputs),
            "tables": {
                n: {"columns": list(t.columns), "rows": [list(r) for r in t.rows]} for n, t in self.tables.items()
            },
            "notes": list(self.notes),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Measurement:
        """Rebuild from `to_document`. Raises KeyError, TypeError or ValueError on a malformed document."""
        values = []
        for entry in document["values"]:
            interval = None if entry["interval"] is None else Interval(**entry["interval"])
            values.append(MetricValue(**{**entry, "interval": interval}))
        tables = {
            name: Table(tuple(table["columns"]), tuple(tuple(row) for row in table["rows"]))
            for name, table in document["tables"].items()
        }
        return cls(values=tuple(values), inputs=dict(document["inputs"]), tables=tables, notes=tuple(document["notes"]))
