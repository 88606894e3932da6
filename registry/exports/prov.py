"""W3C PROV-JSON (https://www.w3.org/submissions/prov-json/) of a lineage graph.

Data, features and models are entities, runs and jobs are activities. Names hold characters that a qualified name may
not, so entities are numbered and their names stand in `assay:name`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from registry.column_walk import features_from
from registry.lineage import Graph

NAMESPACE = "urn:assay:prov:"
_ACTIVITIES = ("run", "job")


def written(graph: Graph) -> str:
    """The document. Equal graphs give equal text."""
    return json.dumps(document(graph), indent=2) + "\n"


def document(graph: Graph) -> dict[str, Any]:
    """`used`, `wasGeneratedBy`, `wasDerivedFrom`, `wasInformedBy`, and the owners as agents."""
    told = graph.to_document()
    keys = {node["id"]: f"assay:{node['kind']}-{index}" for index, node in enumerate(told["nodes"])}
    found: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for node in told["nodes"]:
        part = "activity" if node["kind"] in _ACTIVITIES else "entity"
        found[part][keys[node["id"]]] = _attributes(node)
        owner = node["facts"].get("owner")
        if owner:
            agent = f"assay:agent-{sorted({n['facts'].get('owner') or '' for n in told['nodes']}).index(owner)}"
            found["agent"][agent] = {"assay:name": owner}
            relation = {"prov:entity": keys[node["id"]], "prov:agent": agent}
            if part == "entity":
                found["wasAttributedTo"][f"_:owner{len(found['wasAttributedTo'])}"] = relation
    for index, edge in enumerate(told["edges"]):
        if edge["source"] in keys and edge["target"] in keys:
            name, relation = _relation(keys[edge["source"]], keys[edge["target"]])
            found[name][f"_:step{index}"] = relation | {"prov:role": edge["role"]}
    for index, (source, feature, column) in enumerate(features_from(graph)):
        derived = {"prov:generatedEntity": keys[feature], "prov:usedEntity": keys[source], "assay:column": column}
        found["wasDerivedFrom"][f"_:column{index}"] = derived
    return {"prefix": {"assay": NAMESPACE}, **{name: found[name] for name in sorted(found)}}


def _attributes(node: dict[str, Any]) -> dict[str, Any]:
    facts = node["facts"]
    told = {"assay:name": node["id"], "assay:digest": facts.get("digest"), "assay:licence": facts.get("licence")}
    if node["kind"] in _ACTIVITIES:
        told |= {"prov:startTime": facts.get("started_at"), "prov:endTime": facts.get("ended_at")}
        told |= {"assay:code_revision": facts.get("code_revision"), "assay:state": facts.get("state")}
    else:
        told["prov:type"] = f"assay:{node['kind']}"
    return {name: value for name, value in told.items() if value}


def _relation(source: str, target: str) -> tuple[str, dict[str, Any]]:
    """PROV points backwards in time: from what was made to what it was made from."""
    from_run, to_run = ("run-" in source or "job-" in source), ("run-" in target or "job-" in target)
    if from_run and to_run:
        return "wasInformedBy", {"prov:informed": target, "prov:informant": source}
    if to_run:
        return "used", {"prov:activity": target, "prov:entity": source}
    if from_run:
        return "wasGeneratedBy", {"prov:entity": target, "prov:activity": source}
    return "wasDerivedFrom", {"prov:generatedEntity": target, "prov:usedEntity": source}
