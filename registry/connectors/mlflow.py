"""MLflow: a registered model with its versions, runs, datasets and aliases, as it was when we looked.

An event is a snapshot `{"server", "at", "model": {...}, "versions": [...], "runs": {...}}` in MLflow's own REST shapes.
Aliases move, so each snapshot states the full map and takes back every alias that it does not name.

MLflow computes the digest of a dataset from at most 10,000 rows (mlflow.data.digest_utils) and keeps eight digits: it
tells two uses apart and proves nothing about content. It is kept as a version's name, never as a digest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from registry.connectors.shapes import objects, require_moment, require_object, require_text, text
from registry.connectors.statements import StatedNode, Statement, dataset_name, job_name, run_name, stamp, unique
from registry.lineage import Edge

FORMAT = "mlflow"
DIGEST_NOTE = "MLflow's digest covers at most 10,000 rows: it names a use of data and is no proof of its content."
_STATES = {"FINISHED": "COMPLETE", "FAILED": "FAIL", "KILLED": "ABORT", "RUNNING": "RUNNING"}


def validate(event: Any, place: str = "") -> None:
    """Raises LineageRefusedError naming the member at fault."""
    given = require_object(event, place)
    require_text(given, "server", place)
    require_moment(given, "at", place)
    require_text(require_object(given.get("model"), f"{place}model"), "name", f"{place}model.")
    for index, version in enumerate(objects(given.get("versions", []))):
        require_text(version, "version", f"{place}versions[{index}].")
    for run in require_object(given.get("runs", {}), f"{place}runs").values():
        require_object(run, f"{place}runs")


def aliases_of(model: Mapping[str, Any]) -> dict[str, str]:
    """The full map from alias to version number."""
    return {text(entry, "alias"): str(entry.get("version", "")) for entry in objects(model.get("aliases", []))}


def read(event: Mapping[str, Any], digest: str) -> Statement:
    """Versions as datasets of the server, runs with their inputs, and which alias points where."""
    server, model = event["server"], event["model"]["name"]
    aliases = aliases_of(event["model"])
    nodes: list[StatedNode] = []
    edges: list[Edge] = []
    for version in objects(event.get("versions", [])):
        name = dataset_name(server, model, version["version"], place="versions")
        pointing = {f"alias {alias}": number == version["version"] or None for alias, number in aliases.items()}
        gone = {f"alias {alias}": None for alias in event.get("gone_aliases", []) if alias not in aliases}
        facts = {"mlflow_source": text(version, "source"), "status": text(version, "status"), **pointing, **gone}
        nodes.append(StatedNode(name, facts))
        if text(version, "run_id"):
            edges.append(Edge(run_name(version["run_id"]), name, "output"))
    for key, run in event.get("runs", {}).items():
        _read_run(server, key, run, nodes, edges)
    mark = stamp(require_moment(event, "at"), 0, digest)
    return Statement(stamp=mark, nodes=tuple(nodes), edges=unique(edges))


def _read_run(server: str, key: str, run: Mapping[str, Any], nodes: list[StatedNode], edges: list[Edge]) -> None:
    info = run["info"] if isinstance(run.get("info"), Mapping) else {}
    name = run_name(key)
    job = job_name(server, f"experiment {text(info, 'experiment_id') or 'unknown'}")
    state = text(info, "status")
    tags = dict(_tags(run))
    facts = {
        "state": _STATES.get(state, state or "OTHER"),
        "job": job,
        "started_at": _moment(info.get("start_time")),
        "ended_at": _moment(info.get("end_time")),
        "code_revision": tags.get("mlflow.source.git.commit", ""),
    }
    nodes += [StatedNode(job), StatedNode(name, {fact: value for fact, value in facts.items() if value})]
    edges.append(Edge(job, name, "job"))
    if facts["code_revision"]:
        edges.append(Edge(f"commit:{facts['code_revision']}", name, "code"))
    for used in objects((run.get("inputs") or {}).get("dataset_inputs", [])):
        dataset = used["dataset"] if isinstance(used.get("dataset"), Mapping) else {}
        source = _source(text(dataset, "source")) or server
        short = text(dataset, "digest")
        data = dataset_name(
            source, text(dataset, "name") or "dataset", f"mlflow:{short}" if short else "", place="runs"
        )
        role = next(
            (text(tag, "value") for tag in objects(used.get("tags", [])) if tag.get("key") == "mlflow.data.context"), ""
        )
        nodes.append(StatedNode(data, {"mlflow_digest": short, "note": DIGEST_NOTE, "used_for": role}))
        edges.append(Edge(data, name, "input"))


def _tags(run: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    contents = run["data"] if isinstance(run.get("data"), Mapping) else {}
    for tag in objects(contents.get("tags", [])):
        yield text(tag, "key"), text(tag, "value")


def _source(written: str) -> str:
    """The address inside MLflow's JSON text about the source of a dataset."""
    try:
        found = json.loads(written)
    except ValueError:
        return written
    return (
        next((text(found, name) for name in ("uri", "url", "path") if text(found, name)), "")
        if isinstance(found, dict)
        else ""
    )


def _moment(milliseconds: Any) -> str:
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000, UTC).isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        return ""
