"""Which tags reach which feature along the columns it was made from, and how that is known. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from audits.measurements import MetricValue, Table
from registry.cards import GOVERNANCE_TAGS
from registry.column_walk import ColumnWalk
from registry.connectors.statements import column_of
from registry.lineage import MASKED, SELECTION, VALUE, Graph

TAGGED = {
    "special_features": "special_category",
    "personal_features": "pii",
    "sensitive_features": "sensitive",
    "suspected_features": "proxy_suspected",
}
MOST_NAMED = 10


class FeatureTags:
    """The tags of each feature: `here` on the evaluation data, and carried to it from upstream."""

    def __init__(self, graph: Graph, here: Mapping[str, frozenset[str]]) -> None:
        """Walk back from every feature."""
        walk = ColumnWalk(graph)
        recorded = {column_of(name): name for name in walk.features()}
        self.here = {name: tags & set(GOVERNANCE_TAGS) for name, tags in here.items()}
        self.behind = {name: walk.ancestry(recorded.get(name, f"feature:|{name}"), name) for name in here}

    def values(self) -> Iterator[MetricValue]:
        """Counts over the features; no value for what cannot be counted."""
        for metric, tag in TAGGED.items():
            yield from self._counted(metric, [name for name in self.here if tag in self._all(name)])
        yield from self._counted("tags_lost", [name for name in self.here if self._lost(name)])
        for metric, names in self._told().items():
            yield MetricValue(metric=metric, value=float(len(names)), n=len(self.here))

    def tables(self) -> dict[str, Table]:
        """`columns`: what was counted. `origins`: every tagged column behind a feature, and how it was found."""
        counted = [(metric, name) for metric, tag in TAGGED.items() for name in self.here if tag in self._all(name)]
        counted += [("tags_lost", name) for name in self.here if self._lost(name)]
        counted += [(metric, name) for metric, names in self._told().items() for name in names]
        origins = [
            (name, found.tag, found.dataset, found.column, found.effect, "name" if found.by_name else "column lineage")
            for name, ancestry in self.behind.items()
            for found in ancestry.tags
        ]
        return {
            "columns": Table(("metric", "column"), tuple(counted)),
            "origins": Table(("feature", "tag", "dataset", "column", "effect", "followed_by"), tuple(origins)),
        }

    def notes(self) -> tuple[str, ...]:
        """Where the tags were followed by names, and where they could not be followed."""
        by_name = sorted({name for found in self.behind.values() for name in found.followed_by_name})
        places = sorted({f"{column} of {node}" for found in self.behind.values() for node, column in found.untold})
        notes = []
        if by_name:
            notes.append(
                f"nobody told of steps between columns of {_listed(by_name)}: tags were followed by name there"
            )
        if places:
            notes.append(f"nobody told from which column these come: {_listed(places)}")
        return tuple(notes)

    def _told(self) -> dict[str, list[str]]:
        """The features of each count that is always known."""
        return {
            "tags_selecting": [name for name in self.here if self._only(name, SELECTION)],
            "tags_masked": [name for name in self.here if self._only(name, MASKED)],
            "followed_by_name": [name for name, found in self.behind.items() if found.followed_by_name],
            "untold_features": self._untold(),
        }

    def _counted(self, metric: str, names: list[str]) -> Iterator[MetricValue]:
        """The count over all features, and no value for each feature of which it is not known."""
        unknown = [name for name in self._untold() if name not in names]
        if names or not unknown:
            yield MetricValue(metric=metric, value=float(len(names)), n=len(self.here))
        else:
            reason = f"the origin of {_listed(unknown)} is not told, and data behind carry tags"
            yield MetricValue(metric=metric, value=None, n=len(self.here), not_estimable=reason)
        for name in unknown:
            places = ", ".join(f"{column} of {node}" for node, column in self.behind[name].untold[:MOST_NAMED])
            reason = f"nobody told from which column it comes: {places}; send columnLineage or name it on the card"
            yield MetricValue(metric=metric, value=None, n=0, feature=name, not_estimable=reason)

    def _all(self, name: str) -> frozenset[str]:
        return self.here[name] | self.behind[name].carried(VALUE)

    def _lost(self, name: str) -> bool:
        return bool(self.behind[name].carried(VALUE) - self.here[name])

    def _only(self, name: str, effect: str) -> bool:
        """Whether a tag reaches the feature in this way and in no more open one."""
        return bool(self.behind[name].carried(effect) - self._all(name))

    def _untold(self) -> list[str]:
        return [name for name, found in self.behind.items() if found.untold]


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
