"""What the audit says of one metric: a small case by hand, and who else computes it on rows drawn by lot."""

from __future__ import annotations

import dataclasses
import importlib.metadata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from audits.checks.base import Check
from audits.evidence import Evidence
from tests.audits.checks.evidence_files import dataset, evidence

Array = np.ndarray[Any, Any]
#: Feature and group of a value; ("", "") for everybody.
Where = tuple[str, str]
Figures = Mapping[Where, float]
Tags = Mapping[str, tuple[str, tuple[str, ...]]]

#: Where no library defines the metric: written here a second time, over rows, without the product's code.
SECOND_FORMULA = "second formula over rows"
#: Who else computes them: the library as it is installed.
FAIRLEARN, SKLEARN, SCIPY = (
    f"{name} {importlib.metadata.version(name)}" for name in ("fairlearn", "scikit-learn", "scipy")
)


@dataclass(frozen=True)
class Rows:
    """People as arrays of one length, NaN or None where something is missing; `w` weighs each."""

    columns: Mapping[str, Array]
    weighted: bool = False

    def __getitem__(self, name: str) -> Array:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self["w"])

    def only(self, mask: Array) -> Rows:
        return dataclasses.replace(self, columns={name: values[mask] for name, values in self.columns.items()})

    def known(self, *names: str) -> Rows:
        """Rows in which none of these is missing."""
        return self.only(~np.any([np.isnan(self[name]) for name in names], axis=0))

    def features(self) -> dict[str, Array]:
        """Every feature with the group of each row: `g`, `h`, and both crossed."""
        found = {name: self[name].astype(str) for name in ("g", "h") if name in self.columns}
        if len(found) == 2:
            found["g & h"] = np.array([f"{g} & {h}" for g, h in zip(found["g"], found["h"], strict=True)])
        return found

    def by_group(self) -> Iterator[tuple[Where, Rows, Rows]]:
        """Feature and group, its rows, and everybody else's."""
        for feature, names in self.features().items():
            for group in np.unique(names):
                yield (feature, str(group)), self.only(names == group), self.only(names != group)


@dataclass(frozen=True)
class Audited:
    """`by_hand` are places of the small case; `reference` answers every value of the drawn rows, from `source`."""

    by_hand: Figures
    reference: Callable[[Rows], Figures]
    source: str
    tolerance: float = 1e-9
    by_hand_within: float = 0.0


@dataclass(frozen=True)
class Subject:
    """A check as it is audited: the small case, rows drawn by lot, and one line for each metric."""

    check: Check
    small: Callable[[Path], Evidence]
    drawn: Callable[[Path, Rows], Evidence]
    rows: Callable[..., Rows]
    metrics: Mapping[str, Audited]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    small_parameters: Mapping[str, Any] = field(default_factory=dict)
    weighs: bool = True
    name: str = ""

    def __str__(self) -> str:
        return self.name or self.check.id


def written(path: Path, columns: Mapping[str, Any], tags: Tags, role: str = "evaluation", **signature: Any) -> Evidence:
    """Evidence from columns; NaN and None are empty cells, numbers keep every digit."""
    plain = {name: [_cell(value) for value in columns[name]] for name in tags}
    return evidence(dataset(path / f"{role}.csv", plain, tags, role), signature={"threshold": 0.5, **signature})


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, float | np.floating) and np.isnan(value)) or value == "(missing)":
        return None
    return value.item() if isinstance(value, np.generic) else value


def drawn_people(seed: int, size: int, *, weighted: bool) -> dict[str, Array]:
    """Two sensitive columns, with names that are no English and with missing ones, and weights."""
    random = np.random.default_rng(seed)
    weights = np.round(random.uniform(0.2, 3, size), 3) if weighted else np.ones(size)
    return {
        "g": random.choice(["a", "ß ü", "группа", "(missing)"], size, p=[0.4, 0.3, 0.2, 0.1]).astype(object),
        "h": random.choice(["x", "y & z"], size).astype(object),
        "w": weights,
    }


def means(function: Callable[[Rows], float], *, everybody: bool = True) -> Callable[[Rows], Figures]:
    """The function of every group and, where it is measured, of everybody."""

    def reference(rows: Rows) -> Figures:
        found = {where: function(own) for where, own, _ in rows.by_group()}
        return {**found, ("", ""): function(rows)} if everybody else found

    return reference


def beside_rest(function: Callable[[Rows, Rows], float]) -> Callable[[Rows], Figures]:
    """The function of every group and everybody else."""
    return lambda rows: {where: function(own, rest) for where, own, rest in rows.by_group()}


def over_groups(rule: Callable[[list[float]], float], function: Callable[[Rows], float]) -> Callable[[Rows], Figures]:
    """A rule (as the largest difference) of the function's values in the groups of each feature."""

    def reference(rows: Rows) -> Figures:
        values: dict[str, list[float]] = {}
        for (feature, _), own, _ in rows.by_group():
            values.setdefault(feature, []).append(function(own))
        return {(feature, ""): rule(found) for feature, found in values.items()}

    return reference


def span(values: list[float]) -> float:
    """Highest minus lowest."""
    return max(values) - min(values)
