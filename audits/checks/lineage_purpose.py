"""May the data be used for this, along the whole way? Purpose, legal basis, licence, retention, place. Pure.

Read from the dataset cards in the lineage document. A *step* leads from a dataset to the nearest dataset made from it.
Along a step with personal data on both ends it is counted where purposes go beyond those of the source or the legal
basis changes, unless the card of either end records the assessment of GDPR Art. 6(4), and where data leave the EEA
without a safeguard of chapter V on the card of where they went. Retention is counted against the day of the
measurement.

A licence is read as an SPDX expression, of which any alternative may be chosen. *No derivatives* (ND) must not have
anything derived from it. *Non-commercial* (NC) counts unless `non_commercial` says that the use is none. *Share-alike*
and copyleft terms must be found again on what was derived. This is a comparison of identifiers, no legal opinion.
Data for which AI Act Art. 4a is named serves the detection and correction of bias, and is counted as training input.
Supports GDPR Art. 5(1)(b) and (e), 6(1) and (4), 9, 44, AI Act Art. 4a and 10(2)(b).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from audits.checks._lineage import NO_INPUTS, dataset_steps, has_data, read_graph, upstream_datasets
from audits.checks._terms import conflict, forbids_commerce, says_nothing
from audits.checks.base import ParameterError
from audits.evidence import Evidence
from audits.measurements import Measurement, MetricValue, Table
from registry.cards import EEA, LEGAL_BASES
from registry.lineage import Graph, Node

Places = list[str]


@dataclass(frozen=True, slots=True)
class PurposeParameters:
    """`purposes` of the model, as short phrases on the cards. `legal_bases` the policy accepts, all of them if empty.

    `non_commercial`: the use is none that a licence would call commercial.
    """

    purposes: tuple[str, ...] = ()
    legal_bases: tuple[str, ...] = ()
    non_commercial: bool = False

    def __post_init__(self) -> None:
        """A basis that the law does not know."""
        for basis in self.legal_bases:
            if basis not in LEGAL_BASES:
                raise ParameterError("legal_bases", f"{basis!r} is not one of {', '.join(LEGAL_BASES)}")


class Purpose:
    """Counts the places where the terms of the data do not carry its use."""

    id: ClassVar[str] = "lineage.purpose"
    version: ClassVar[str] = "1"
    title: ClassVar[str] = "Purpose, legal basis and licence along the lineage"
    needs: ClassVar[frozenset[str]] = frozenset({"lineage"})
    Parameters: ClassVar[type[PurposeParameters]] = PurposeParameters
    metrics: ClassVar[Mapping[str, str]] = {
        "datasets_without_purpose": "Personal datasets without a purpose.",
        "datasets_for_other_purposes": "Personal datasets with none of the model's purposes and no assessment.",
        "purposes_widened": "Steps of personal data to a purpose the source does not have, without an assessment.",
        "legal_bases_missing": "Personal datasets without a basis of GDPR Art. 6(1), or with one not accepted here.",
        "legal_bases_changed": "Steps of personal data to another legal basis, without an assessment.",
        "special_data_without_exception": "Datasets with special categories and no exception of GDPR Art. 9(2) or 4a.",
        "bias_data_in_training": "Datasets held under AI Act Art. 4a that are training input.",
        "licences_unknown": "Datasets whose licence says nothing.",
        "licence_conflicts": "Datasets or steps that their licence does not allow.",
        "retention_missing": "Personal datasets that nobody said how long to keep.",
        "retention_passed": "Datasets kept beyond their last day.",
        "regions_missing": "Personal datasets without a place of storage.",
        "transfers_without_safeguard": "Steps of personal data out of the EEA without a safeguard.",
        "withdrawn_or_dropped": "Datasets withdrawn without anybody answering for them, dropped, renamed or emptied.",
    }

    def measure(self, evidence: Evidence, parameters: PurposeParameters) -> Measurement:
        """Count. Raises EvidenceError when the document is not a lineage graph."""
        graph, inputs = read_graph(evidence)
        if not has_data(graph):
            values = tuple(MetricValue(metric=m, value=None, n=0, not_estimable=NO_INPUTS) for m in self.metrics)
            return Measurement(values=values, inputs=inputs, notes=(NO_INPUTS,))
        nodes = upstream_datasets(graph)
        found = {**_of_nodes(graph, nodes, parameters), **_of_steps(graph, parameters)}
        values = tuple(
            MetricValue(metric=m, value=float(len(found[m])), n=len(nodes))
            if m in found
            else MetricValue(metric=m, value=None, n=len(nodes), not_estimable="the policy names no purpose")
            for m in self.metrics
        )
        rows = tuple((metric, place) for metric in self.metrics for place in found.get(metric, ()))
        return Measurement(values=values, inputs=inputs, tables={"places": Table(("metric", "place"), rows)})


def _of_nodes(graph: Graph, nodes: Iterable[Node], parameters: PurposeParameters) -> dict[str, Places]:
    listed = list(nodes)
    personal = [node for node in listed if is_personal(node)]
    trained_on = _training_input(graph)
    accepted = parameters.legal_bases or tuple(LEGAL_BASES)
    found = {
        "datasets_without_purpose": _ids(node for node in personal if not _purposes(node)),
        "legal_bases_missing": _ids(node for node in personal if node.facts.get("legal_basis") not in accepted),
        "special_data_without_exception": _ids(
            node for node in listed if node.facts.get("special_categories") and not node.facts.get("special_exception")
        ),
        "bias_data_in_training": _ids(
            node for node in listed if node.facts.get("special_exception") == "4a" and node.id in trained_on
        ),
        "licences_unknown": _ids(node for node in listed if says_nothing(_text(node, "licence"))),
        "retention_missing": _ids(node for node in personal if not node.facts.get("retention_until")),
        "retention_passed": _ids(node for node in listed if node.facts.get("retention_passed")),
        "regions_missing": _ids(node for node in personal if not node.facts.get("regions")),
        "withdrawn_or_dropped": _ids(node for node in listed if _is_gone(node)),
    }
    if parameters.purposes:
        wanted = {purpose.casefold() for purpose in parameters.purposes}
        found["datasets_for_other_purposes"] = _ids(
            node for node in personal if not wanted & _purposes(node) and not node.facts.get("compatibility")
        )
    return found


def _of_steps(graph: Graph, parameters: PurposeParameters) -> dict[str, Places]:
    found: dict[str, Places] = {
        "purposes_widened": [],
        "legal_bases_changed": [],
        "transfers_without_safeguard": [],
        "licence_conflicts": [],
    }
    for source, target in dataset_steps(graph):
        place = f"{source.id} -> {target.id}"
        if conflict(_text(source, "licence"), _text(target, "licence")):
            found["licence_conflicts"].append(place)
        if not (is_personal(source) and is_personal(target)):
            continue
        assessed = source.facts.get("compatibility") or target.facts.get("compatibility")
        if not assessed and _purposes(target) - _purposes(source):
            found["purposes_widened"].append(place)
        if not assessed and source.facts.get("legal_basis") != target.facts.get("legal_basis"):
            found["legal_bases_changed"].append(place)
        if _leaves(source, target) and not target.facts.get("transfer_safeguard"):
            found["transfers_without_safeguard"].append(place)
    if not parameters.non_commercial:
        nodes = upstream_datasets(graph)
        found["licence_conflicts"] += _ids(node for node in nodes if forbids_commerce(_text(node, "licence")))
    return found


def is_personal(node: Node) -> bool:
    """Special categories are personal data whatever the other flag says."""
    return bool(node.facts.get("personal_data")) or bool(node.facts.get("special_categories"))


def _is_gone(node: Node) -> bool:
    withdrawn = bool(node.facts.get("withdrawn")) and not node.facts.get("risk_accepted_until")
    return withdrawn or node.facts.get("lifecycle") in ("DROP", "RENAME", "TRUNCATE")


def _training_input(graph: Graph) -> frozenset[str]:
    """What the version was trained on, directly or through what was derived from it."""
    direct = {edge.source for edge in graph.edges if edge.target == graph.root and edge.role in ("train", "validation")}
    return frozenset(direct).union(*(graph.upstream(name) for name in direct))


def _leaves(source: Node, target: Node) -> bool:
    """From the EEA to a place outside of it."""
    inside = EEA | {"EEA"}
    return any(region in inside for region in _list(source, "regions")) and any(
        region not in inside for region in _list(target, "regions")
    )


def _purposes(node: Node) -> set[str]:
    return {purpose.casefold() for purpose in _list(node, "purposes")}


def _list(node: Node, name: str) -> list[str]:
    value: Any = node.facts.get(name)
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list | tuple) else []


def _text(node: Node, name: str) -> str:
    value = node.facts.get(name)
    return value if isinstance(value, str) else ""


def _ids(nodes: Iterable[Node]) -> Places:
    return [node.id for node in nodes]
