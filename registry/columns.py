"""From which columns a model's features were made, as far as emitters told of steps between columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from registry.connectors.statements import IDENTITY_ROLES, SAME_CONTENT, label_of
from registry.models import LineageColumnEdge, LineageEdge, ModelVersion

#: A column: the family of its dataset (the name without a version), and its own name.
Column = tuple[str, str]
MOST_LEVELS = 100


@dataclass(frozen=True, slots=True)
class FeatureOrigin:
    """`columns` are (dataset, column) of everything the feature was made from, nearest first."""

    feature: str
    columns: tuple[Column, ...]


def origins_of(version: ModelVersion) -> tuple[FeatureOrigin, ...]:
    """One entry for each feature, in the order of the signature. Empty `columns`: no declared data holds it.

    Two or three queries for each level of the walk, whatever the number of features. Columns of data of the same
    content are the same columns.
    """
    seeds = _seeds(version)
    up = _walked({column for columns in seeds.values() for column in columns})
    return tuple(
        FeatureOrigin(feature, tuple((label_of(family), name) for family, name in _reached(seeds[feature], up)))
        for feature in version.signature["features"]
    )


def _seeds(version: ModelVersion) -> dict[str, list[Column]]:
    """Each feature where the declared data of the version has a column of its name."""
    found: dict[str, list[Column]] = {feature: [] for feature in version.signature["features"]}
    for use in version.inputs.select_related("dataset_version__dataset").order_by("role"):
        for column in use.dataset_version.columns:
            if column["name"] in found:
                found[column["name"]].append((f"dataset:{use.dataset_version}", column["name"]))
    return found


def _walked(frontier: set[Column]) -> dict[Column, set[Column]]:
    """Each column met with the columns it was made from."""
    up: dict[Column, set[Column]] = {}
    names: dict[str, set[str]] = {}
    for _level in range(MOST_LEVELS):
        if not frontier:
            break
        names |= _other_names({family for family, _name in frontier} - names.keys())
        steps = _steps(frontier)
        for family, column in frontier:
            up[family, column] = steps[family, column] | {(other, column) for other in names.get(family, ())}
        frontier = {column for step in frontier for column in up[step]} - up.keys()
    return up


def _steps(columns: Iterable[Column]) -> Mapping[Column, set[Column]]:
    found: dict[Column, set[Column]] = defaultdict(set)
    wanted = set(columns)
    rows = LineageColumnEdge.objects.filter(
        target_family__in={family for family, _name in wanted}, target_column__in={name for _family, name in wanted}
    )
    for family, name, *source in rows.values_list("target_family", "target_column", "source_family", "source_column"):
        if (family, name) in wanted:
            found[family, name].add((source[0], source[1]))
    return found


def _other_names(families: set[str]) -> dict[str, set[str]]:
    """Other families that hold the same content or go by a symlink."""
    found: dict[str, set[str]] = {family: set() for family in families}
    holders: dict[int, set[str]] = defaultdict(set)
    beside = LineageEdge.objects.filter(source__family__in=families, role__in=IDENTITY_ROLES)
    for family, kind, key, other in beside.values_list("source__family", "target__kind", "target", "target__family"):
        if kind == "content":
            holders[key].add(family)
        else:
            found[family].add(other)
    for key, other in LineageEdge.objects.filter(source__in=holders, role=SAME_CONTENT).values_list(
        "source", "target__family"
    ):
        for family in holders[key]:
            found[family].add(other)
    return {family: others - {family} for family, others in found.items()}


def _reached(seeds: Iterable[Column], up: Mapping[Column, set[Column]]) -> list[Column]:
    reached = dict.fromkeys(seeds)
    waiting = list(reached)
    while waiting:
        for column in sorted(up.get(waiting.pop(0), ())):
            if column not in reached:
                reached[column] = None
                waiting.append(column)
    return list(reached)
