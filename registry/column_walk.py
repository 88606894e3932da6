"""From a feature back over the columns it was made from, and the tags that come with them. Pure.

A *place* is a column of all datasets in the graph that hold the same content. From a place the walk goes on along the
steps that emitters told of. It falls back to names, the column of the same name in the data that went in, where nobody
told of any step between columns of this data, and along registered derivations, which know of data only.

Which tags a column carries is decided by the card that names it, of this data or of data of the same content: there
the walk ends, for this is how a tag is taken off. Otherwise tags of emitters count, and so does all that comes after.
A masked step hands no value on. A step that only chooses or orders rows hands none on either, and is told apart.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from registry.connectors.statements import IDENTITY_ROLES, column_of, family_of, kind_of
from registry.lineage import MASKED, SELECTION, VALUE, ColumnEdge, Graph, Node

#: A column: the family of its dataset (the name without a version), and its own name.
Column = tuple[str, str]
#: A column of the data of one content: the first node that holds it, and the name of the column.
Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class TagFound:
    """`tag` of `column` in `dataset` is behind the feature. `effect` is that of the way, `by_name` says how it went."""

    tag: str
    dataset: str
    column: str
    effect: str
    by_name: bool


@dataclass(slots=True)
class Ancestry:
    """Everything behind one feature: `columns` nearest first.

    `followed_by_name` are datasets past which the walk went by names. `untold` are places of which nobody said from
    which column they come, although data behind them is sensitive: nothing can be concluded from them.
    """

    feature: str
    columns: dict[Place, None] = field(default_factory=dict)
    tags: list[TagFound] = field(default_factory=list)
    followed_by_name: set[str] = field(default_factory=set)
    untold: list[Place] = field(default_factory=list)

    def carried(self, effect: str = VALUE) -> frozenset[str]:
        """The tags that reach the feature in this way."""
        return frozenset(found.tag for found in self.tags if found.effect == effect)


@dataclass(frozen=True, slots=True)
class _Step:
    to: Place
    effect: str = VALUE
    by_name: bool = False


class ColumnWalk:
    """The walk over one graph and its steps between columns."""

    def __init__(self, graph: Graph) -> None:
        """Index the graph."""
        self.graph = graph
        self._told: dict[Column, list[ColumnEdge]] = defaultdict(list)
        self._sources: dict[str, set[str]] = defaultdict(set)
        self._data = {node.id: node for node in graph.nodes if node.kind == "dataset"}
        self._by_family: dict[str, list[str]] = defaultdict(list)
        for name in sorted(self._data):
            self._by_family[family_of(name)].append(name)
        self._alike = _alike(graph, self._data)
        self._behind_it: dict[str, tuple[str, ...]] = {}
        self._above_it: dict[str, frozenset[str]] = {}
        self.learn(graph.columns)

    def learn(self, told: Iterable[ColumnEdge]) -> None:
        """Add steps."""
        for step in sorted(set(told)):
            self._told[step.target_family, step.target_column].append(step)
            self._sources[step.target_family].add(step.source_family)

    def features(self) -> tuple[str, ...]:
        """The feature nodes of the root."""
        above = self.graph.inputs_of(self.graph.root)
        return tuple(name for name in above if kind_of(name) == "feature")

    def sources(self, feature: str) -> tuple[Place, ...]:
        """The columns directly behind a feature node."""
        return tuple(dict.fromkeys(step.to for step in self.onward((feature, column_of(feature)))))

    def members(self, node: str) -> tuple[str, ...]:
        """All data of the same content, registered versions first."""
        return self._alike.get(node, (node,))

    def asked(self, place: Place) -> set[Column]:
        """Columns whose steps have to be known before `onward` can answer."""
        return {(family_of(name), place[1]) for name in self.members(place[0])}

    def onward(self, place: Place) -> tuple[_Step, ...]:
        """The steps back from a place; none where a card decides."""
        if self._decided(place) is not None:
            return ()
        told = [step for column in sorted(self.asked(place)) for step in self._told.get(column, ())]
        steps = [_Step(there, step.effect) for step in told for there in self._held_by(step, place[0])]
        return (*steps, *(_Step(there, by_name=True) for there in self._by_name(place)))

    def ancestry(self, feature: str, name: str = "") -> Ancestry:
        """Everything behind a feature node, or behind `name` of a root whose features nobody recorded."""
        column = name or column_of(feature)
        found = Ancestry(feature=column)
        start = (feature, column)
        met: set[tuple[Place, str]] = {(start, VALUE)}
        waiting: deque[tuple[Place, str, bool]] = deque([(start, VALUE, False)])
        while waiting:
            place, effect, by_name = waiting.popleft()
            self._note(place, effect, found, by_name=by_name)
            for step in self.onward(place):
                if step.by_name and place != start:
                    found.followed_by_name.add(place[0])
                next_effect = _worse(effect, step.effect)
                if (step.to, next_effect) not in met:
                    met.add((step.to, next_effect))
                    waiting.append((step.to, next_effect, by_name or step.by_name))
        return found

    def _note(self, place: Place, effect: str, found: Ancestry, *, by_name: bool) -> None:
        """What is known of a place that the walk has reached."""
        node, column = place
        if kind_of(node) == "feature":
            return  # that the data hold the features was seen at registration
        found.columns.setdefault(place)
        decided = self._decided(place)
        tags = self._tags_told(place) if decided is None else decided
        found.tags += [TagFound(tag, node, column, effect, by_name) for tag in sorted(tags)]
        if decided is None and effect == VALUE and not self._is_told(place) and self._sensitive_behind(node):
            found.untold.append(place)

    def _decided(self, place: Place) -> set[str] | None:
        """The tags that cards and registrations give the column; None where none names it."""
        said = [self._fact(name, "tagged_columns").get(place[1]) for name in self.members(place[0])]
        named = [tags for tags in said if tags is not None]
        return {str(tag) for tags in named for tag in tags} if named else None

    def _tags_told(self, place: Place) -> set[str]:
        """The tags that emitters gave the column."""
        return {str(t) for name in self.members(place[0]) for t in self._fact(name, "told_tags").get(place[1], ())}

    def _is_told(self, place: Place) -> bool:
        """Whether somebody said where the column comes from, or data lie behind it that surely have the same column.

        Data that nothing went into are where a column begins.
        """
        if any(self._told.get(column) for column in self.asked(place)):
            return True
        if self._has_steps(place[0]):
            return False
        behind = self._behind(place[0])
        return not behind or any(place[1] in (self._columns(name) or ()) for name in behind)

    def _by_name(self, place: Place) -> Iterator[Place]:
        """The column of the same name in data that went in; data whose columns nobody told may have it."""
        node, column = place
        all_by_name = not self._has_steps(node) and not any(self._told.get(key) for key in self.asked(place))
        told = {family for name in self.members(node) for family in self._sources.get(family_of(name), ())}
        for name in self._behind(node):
            derived = _is_registered(name) and any(_is_registered(member) for member in self.members(node))
            columns = self._columns(name)
            if (all_by_name or (derived and name not in told)) and (columns is None or column in columns):
                yield (self._first(name), column)

    def _has_steps(self, node: str) -> bool:
        """Whether anybody told of steps between columns of this data: then silence about one of them is silence."""
        return any(
            self._sources.get(family_of(name)) or self._data_fact(name, "column_lineage") is True
            for name in self.members(node)
        )

    def _held_by(self, step: ColumnEdge, node: str) -> list[Place]:
        """The data of the source in this graph: what lies upstream, else any version, else the name that was told."""
        versions = self._by_family.get(step.source_family, [])
        above = self._above(node)
        names = [name for name in versions if name in above] or versions or [step.source_family]
        return list(dict.fromkeys((self._first(name), step.source_column) for name in names))

    def _behind(self, node: str) -> tuple[str, ...]:
        """The datasets nearest upstream, of a feature those nearest to the root."""
        if node not in self._behind_it:
            self._behind_it[node] = tuple(sorted(self._nearest(node)))
        return self._behind_it[node]

    def _nearest(self, node: str) -> set[str]:
        start = self.graph.root if kind_of(node) == "feature" else node
        members = self.members(start)
        found: set[str] = set()
        seen = set(members)
        waiting = [name for member in members for name in self.graph.inputs_of(member)]
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            if name in self._data:
                found.add(name)
            else:
                waiting.extend(self.graph.inputs_of(name))
        return found

    def _sensitive_behind(self, node: str) -> bool:
        """Whether data upstream tag any column, or say that they hold special categories."""
        return bool((self._above(node) - set(self.members(node))) & self._sensitive)

    def _above(self, node: str) -> frozenset[str]:
        if node not in self._above_it:
            start = self.graph.root if kind_of(node) == "feature" else node
            self._above_it[node] = frozenset().union(*(self.graph.upstream(name) for name in self.members(start)))
        return self._above_it[node]

    @cached_property
    def _sensitive(self) -> frozenset[str]:
        return frozenset(
            node.id
            for node in self._data.values()
            if node.facts.get("special_categories")
            or any(self._fact(node.id, "tagged_columns").values())
            or any(self._fact(node.id, "told_tags").values())
        )

    def _columns(self, name: str) -> set[str] | None:
        """The names of the columns of a dataset; None where nobody told them."""
        told = self._data_fact(name, "columns")
        if not isinstance(told, list | tuple):
            return None
        return {str(entry.get("name")) for entry in told if isinstance(entry, Mapping)}

    def _first(self, node: str) -> str:
        return self.members(node)[0]

    def _fact(self, name: str, fact: str) -> Mapping[str, Iterable[str]]:
        value = self._data_fact(name, fact)
        return value if isinstance(value, Mapping) else {}

    def _data_fact(self, name: str, fact: str) -> object:
        node = self._data.get(name)
        return None if node is None else node.facts.get(fact)


def steps_behind(walk: ColumnWalk, features: Iterable[Place]) -> Iterator[set[Column]]:
    """Ask for steps level by level: yields the columns to look up; `walk.learn` what was found before going on."""
    frontier = set(features)
    met: set[Place] = set()
    asked: set[Column] = set()
    while frontier:
        met |= frontier
        wanted = set().union(*(walk.asked(place) for place in frontier)) - asked
        asked |= wanted
        if wanted:
            yield wanted
        frontier = {step.to for place in frontier for step in walk.onward(place)} - met


def features_from(graph: Graph) -> Iterator[tuple[str, str, str]]:
    """(dataset, feature, column) of each step from recorded data to a feature node, in a stable order."""
    walk = ColumnWalk(graph)
    for feature in walk.features():
        for node, column in walk.sources(feature):
            if node in graph.by_id:
                yield node, feature, column


def _alike(graph: Graph, data: Mapping[str, Node]) -> dict[str, tuple[str, ...]]:
    """Each dataset with all that hold the same content: one digest, or joined as other names of it. Sorted."""
    groups = {name: {name} for name in data}
    held: dict[str, str] = {}
    pairs = [(edge.source, edge.target) for edge in graph.edges if edge.role in IDENTITY_ROLES]
    for name, node in data.items():
        digest = str(node.facts.get("digest") or "")
        if digest:
            pairs.append((held.setdefault(digest, name), name))
    for one, other in pairs:
        if one in groups and other in groups and groups[one] is not groups[other]:
            groups[one] |= groups[other]
            groups.update(dict.fromkeys(groups[other], groups[one]))
    return {name: tuple(sorted(group, key=_registered_first)) for name, group in groups.items()}


def _worse(before: str, step: str) -> str:
    """What the whole way does: once masked always masked, and rows once chosen stay chosen."""
    return next((effect for effect in (MASKED, SELECTION) if effect in (before, step)), VALUE)


def _is_registered(name: str) -> bool:
    return "|" not in name


def _registered_first(name: str) -> tuple[bool, str]:
    return not _is_registered(name), name
