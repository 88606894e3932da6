"""Is the content still what everybody said it was? Recomputed from the bytes.

Of every dataset and model in the lineage, the version itself included, the content that the evidence store holds is
read again and its SHA-256 compared with the digest on record, and with the digest that each emitter declared where it
declared a SHA-256. Declarations that contradict each other are counted whether the content is held or not.

An MD5 or a digest of another kind cannot be compared with a SHA-256 and is counted apart: DVC names files by MD5, and
MLflow's dataset digest covers 10,000 rows at most, so neither proves integrity. Content that is not held here cannot be
recomputed; that is counted, not forgiven. Supports GDPR Art. 5(1)(f) and, of the AI Act, Art. 15(5) and Annex IV 2(d).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from audits.checks._lineage import NO_INPUTS, has_data, read_graph
from audits.checks.base import EvidenceError
from audits.evidence import Evidence
from audits.measurements import Measurement, MetricValue, Table
from registry.canonical import digest_file, is_digest
from registry.lineage import Node


@dataclass(frozen=True, slots=True)
class DigestParameters:
    """Nothing to choose: every byte that is held."""


class Digests:
    """Hashes what is held of everything upstream and compares it with what was declared."""

    id: ClassVar[str] = "lineage.digests"
    version: ClassVar[str] = "1"
    title: ClassVar[str] = "Digests recomputed along the lineage"
    needs: ClassVar[frozenset[str]] = frozenset({"lineage", "content"})
    Parameters: ClassVar[type[DigestParameters]] = DigestParameters
    metrics: ClassVar[Mapping[str, str]] = {
        "nodes_with_digest": "Datasets and models in the lineage that have a SHA-256 on record.",
        "contents_recomputed": "Of these, the ones whose content is held and was hashed again.",
        "contents_not_held": "Of these, the ones whose content is not held here.",
        "digest_mismatches": "Contents that are not what the record or an emitter declared.",
        "contradictory_declarations": "Nodes for which different SHA-256 digests were declared.",
        "incomparable_declarations": "Declared digests that are no SHA-256.",
    }

    def measure(self, evidence: Evidence, parameters: DigestParameters) -> Measurement:  # noqa: ARG002 - protocol
        """Hash and compare. Raises EvidenceError when the document is no lineage graph or a file cannot be read."""
        graph, inputs = read_graph(evidence)
        if not has_data(graph):
            values = tuple(MetricValue(metric=m, value=None, n=0, not_estimable=NO_INPUTS) for m in self.metrics)
            return Measurement(values=values, inputs=inputs, notes=(NO_INPUTS,))
        reach = graph.upstream(graph.root) | {graph.root}
        nodes = [graph.by_id[name] for name in sorted(reach) if name in graph.by_id]
        named = [node for node in nodes if is_digest(str(node.facts.get("digest") or ""))]
        found = {content.node: _hashed(content.node, content.path) for content in evidence.contents}
        recomputed = [node for node in named if node.id in found]
        wrong = [
            (node.id, digest, found[node.id])
            for node in recomputed
            for digest in _comparable(node)
            if digest != found[node.id]
        ]
        counts = {
            "nodes_with_digest": len(named),
            "contents_recomputed": len(recomputed),
            "contents_not_held": len(named) - len(recomputed),
            "digest_mismatches": len({node for node, _, _ in wrong}),
            "contradictory_declarations": sum(len(_comparable(node)) > 1 for node in nodes),
            "incomparable_declarations": sum(len(_declared(node)) - len(_comparable(node)) for node in nodes),
        }
        return Measurement(
            values=tuple(MetricValue(metric=m, value=float(counts[m]), n=len(nodes)) for m in self.metrics),
            inputs=inputs | {node.id: found[node.id] for node in recomputed},
            tables={"mismatches": Table(("node", "declared", "recomputed"), tuple(wrong))},
        )


def _declared(node: Node) -> set[str]:
    """The digest on record, and each that an emitter declared."""
    others = node.facts.get("digests") or ()
    return {str(digest) for digest in (node.facts.get("digest"), *others) if digest}


def _comparable(node: Node) -> set[str]:
    return {digest for digest in _declared(node) if is_digest(digest)}


def _hashed(node: str, path: Path) -> str:
    try:
        return digest_file(path)
    except OSError as error:
        raise EvidenceError(node, f"cannot be opened: {error.strerror}") from error
