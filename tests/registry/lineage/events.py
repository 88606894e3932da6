"""Events of OpenLineage as emitters send them, and how to have them kept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from registry.connectors import openlineage
from registry.lineage_events import RawEvent, Received, receive
from registry.models import Person

PRODUCER = "https://example.com/pipeline"
SAMPLES = Path(__file__).parents[4] / "shared" / "payloads"
RUN = "01a1fb30-1c98-74a5-beb5-263808929362"


def facet(**members: Any) -> dict[str, Any]:
    return {"_producer": PRODUCER, "_schemaURL": "https://example.com/facet.json", **members}


def data(name: str, *, digest: str = "", version: str = "", **facets: Any) -> dict[str, Any]:
    """A dataset of the lake."""
    if digest:
        facets["assay_dataset"] = facet(digest=digest)
    if version:
        facets["version"] = facet(datasetVersion=version)
    return {"namespace": "s3://lake", "name": name, "facets": facets}


def run_event(
    *,
    run: str = RUN,
    job: str = "train",
    state: str = "COMPLETE",
    at: str = "2026-11-21T08:00:00Z",
    inputs: Iterable[Mapping[str, Any]] = (),
    outputs: Iterable[Mapping[str, Any]] = (),
    **facets: Any,
) -> dict[str, Any]:
    return {
        "eventType": state,
        "eventTime": at,
        "run": {"runId": run, "facets": facets},
        "job": {"namespace": "ml", "name": job},
        "inputs": list(inputs),
        "outputs": list(outputs),
        "producer": PRODUCER,
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    }


def raw(event: Mapping[str, Any]) -> RawEvent:
    openlineage.validate(event)
    return RawEvent(openlineage.FORMAT, json.dumps(event), event)


def tell(actor: Person, *events: Mapping[str, Any]) -> Received:
    return receive(actor=actor, events=[raw(event) for event in events])


def sample_events(*patterns: str) -> Sequence[dict[str, Any]]:
    """Events captured from real emitters; skips where the samples are not at hand."""
    folder = SAMPLES / "openlineage"
    if not folder.is_dir():
        pytest.skip("the captured events are not at hand")
    found: list[dict[str, Any]] = []
    for path in sorted(path for pattern in patterns for path in folder.glob(pattern)):
        if path.suffix == ".jsonl":
            found += [json.loads(line) for line in path.read_text().splitlines()]
        else:
            found.append(json.loads(path.read_text())["event"])
    return found
