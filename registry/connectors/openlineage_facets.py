"""Facets of OpenLineage: each is checked against its own schema, then read for what the graph wants to know.

The schemas beside this module are OpenLineage's own, unchanged (see NOTICE there), and one of ours. A facet whose
schema we do not ship is kept in the event and otherwise left alone, so every reader here expects any JSON at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from registry.canonical import is_digest
from registry.connectors.statements import LineageRefusedError
from registry.lineage import MASKED, SELECTION, VALUE

SCHEMAS = Path(__file__).with_name("openlineage_schemas")
CORE = "https://openlineage.io/spec/2-0-2/OpenLineage.json"
OURS = "assay_dataset"
OUR_SCHEMA = "urn:assay:openlineage:assay_dataset:1"
_FACET_URL = re.compile(r"https://openlineage\.io/spec/facets/(\d+)-\d+-\d+/(\w+)\.json(?:#/\$defs/(\w+))?", re.ASCII)
_CONTENT_VERSION = re.compile(r"(?:md5|sha256):[0-9a-f]+", re.ASCII)
_TERMS = ("owner", "licence", "legal_basis", "purpose", "source", "retention_until", "personal_data")
_SPECIAL = "special_categories"
_MOST_COLUMNS = 5000
_MEMBERS = {
    "RunEvent": ("eventTime", "eventType", "run", "job", "inputs", "outputs"),
    "DatasetEvent": ("eventTime", "dataset"),
    "JobEvent": ("eventTime", "job", "inputs", "outputs"),
}
#: Uses of a column that decide which rows there are or in what order; a CONDITIONAL decides values.
_CHOOSING = frozenset({"JOIN", "GROUP_BY", "FILTER", "SORT", "WINDOW"})


@dataclass(frozen=True, slots=True)
class ColumnStep:
    """Column `source` of another dataset went into column `target` of this one; `effect` is a word of the graph."""

    namespace: str
    dataset: str
    source: str
    target: str
    effect: str


def require_event(event: Any, place: str) -> None:
    """Raises LineageRefusedError unless `event` is one of the three kinds of the specification."""
    if not isinstance(event, dict):
        raise LineageRefusedError("An event is a JSON object.", field=place.rstrip(".") or "body")
    kind = _kind(event)
    if kind == "JobEvent" and "job" not in event:
        raise LineageRefusedError("An event is about a run, a job or a dataset.", field=f"{place}job")
    _require(_validator(CORE, kind), event, place)


def members_of(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the kind of a valid event has. Other members were checked against nothing and can be anything."""
    return {name: event[name] for name in _MEMBERS[_kind(event)] if name in event}


def _kind(event: Mapping[str, Any]) -> str:
    return "RunEvent" if "run" in event else "DatasetEvent" if "dataset" in event else "JobEvent"


def require(kind: str, given: Mapping[str, Any], place: str) -> None:
    """Raises LineageRefusedError for a facet that is not as its own schema has it; unknown schemas are let pass."""
    for name, facet in given.items():
        where = f"{place}.{name}"
        if name == OURS and kind == "dataset":
            _require(_validator(OUR_SCHEMA, ""), facet, where)
            _require_terms(facet, where)
            continue
        found = _FACET_URL.fullmatch(str(facet.get("_schemaURL", "")))
        known = _shipped().get(found[2]) if found else None
        if found and known and known[0] == found[1]:
            _require(_validator(known[1], found[3] or found[2]), facet, where)


def digest_in(given: Mapping[str, Any]) -> str:
    """The content's digest: from our facet, or a version that is one; "" when none is stated."""
    stated = _object(given, OURS).get("digest")
    version = version_in(given)
    return str(stated) if is_digest(stated) else version if _CONTENT_VERSION.fullmatch(version) else ""


def version_in(given: Mapping[str, Any]) -> str:
    """The version of a dataset, "" when the emitter does not tell versions apart."""
    return _text(_object(given, "version"), "datasetVersion")


def dataset_facts(given: Mapping[str, Any]) -> dict[str, Any]:
    """Columns, owner, terms of use, life cycle; only what is stated. Facts of a deleted facet are None."""
    facts: dict[str, Any] = {}
    owners = [_text(owner, "name") for owner in _objects(_object(given, "ownership"), "owners")]
    if any(owners):
        facts["owner"] = ", ".join(sorted(filter(None, owners)))[:500]
    columns = [
        {"name": name, "type": _text(column, "type")}
        for column in _objects(_object(given, "schema"), "fields")[:_MOST_COLUMNS]
        if (name := _text(column, "name"))
    ]
    if columns:
        facts["columns"] = columns
    for tag in (tag for tag in _objects(_object(given, "tags"), "tags") if _text(tag, "key")):
        facts[f"tag {_text(tag, 'field')} {_text(tag, 'key')}"] = _text(tag, "value")
    if change := _text(_object(given, "lifecycleStateChange"), "lifecycleStateChange"):
        facts["lifecycle"] = change
    if "dataQualityAssertions" in given:
        assertions = _objects(_object(given, "dataQualityAssertions"), "assertions")
        facts["failed_assertions"] = sum(not entry.get("success") for entry in assertions)
    terms = _object(given, OURS)
    facts |= {name: terms[name] for name in (*_TERMS, _SPECIAL) if name in terms}
    if digest := digest_in(given):
        facts[f"digest {digest}"] = _text(_object(given, OURS) or _object(given, "version"), "_producer")
    taken_back = {"ownership": "owner", "schema": "columns"}
    return facts | {fact: None for name, fact in taken_back.items() if _object(given, name).get("_deleted") is True}


def job_facts(given: Mapping[str, Any]) -> dict[str, Any]:
    """Kind of job, and the code it ran."""
    code, kind = _object(given, "sourceCodeLocation"), _object(given, "jobType")
    stated = {
        "code_revision": _text(code, "version"),
        "code_url": _text(code, "repoUrl") or _text(code, "url"),
        "job_type": " ".join(filter(None, (_text(kind, "integration"), _text(kind, "jobType")))),
        "description": _text(_object(given, "documentation"), "description")[:500],
    }
    return {name: value for name, value in stated.items() if value}


def run_facts(given: Mapping[str, Any]) -> dict[str, Any]:
    """The run above this one, and what went wrong."""
    stated = {
        "parent": _text(_object(_object(given, "parent"), "run"), "runId"),
        "error": _text(_object(given, "errorMessage"), "message")[:500],
    }
    return {name: value for name, value in stated.items() if value}


def symlinks_in(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Other (namespace, name) of the same dataset."""
    for entry in _objects(_object(given, "symlinks"), "identifiers"):
        if (namespace := _text(entry, "namespace")) and (name := _text(entry, "name")):
            yield namespace, name


def column_steps_in(given: Mapping[str, Any]) -> Iterator[ColumnStep]:
    """Each stated step from a column of other data to a column of this data."""
    fields = _object(given, "columnLineage").get("fields")
    for column, step in fields.items() if isinstance(fields, Mapping) else ():
        told = step if isinstance(step, Mapping) else {}
        for origin in _objects(told, "inputFields"):
            namespace, name, source = (_text(origin, part) for part in ("namespace", "name", "field"))
            if column and namespace and name and source:
                yield ColumnStep(namespace, name, source, target=column, effect=_effect(told, origin))


def _effect(step: Mapping[str, Any], origin: Mapping[str, Any]) -> str:
    """Masked only where every way from the column is declared as masking; choosing rows only where nothing else is.

    `transformationType` is the older word of the facet, for all columns of the step at once.
    """
    ways = _objects(origin, "transformations")
    if not ways:
        return MASKED if _text(step, "transformationType") == "MASKED" else VALUE
    open_ways = [way for way in ways if way.get("masking") is not True]
    if not open_ways:
        return MASKED
    chosen = all(_text(way, "type") == "INDIRECT" and _text(way, "subtype") in _CHOOSING for way in open_ways)
    return SELECTION if chosen else VALUE


def _require(validator: Any, instance: Any, place: str) -> None:
    error = next(iter(validator.iter_errors(instance)), None)
    if error is None:
        return
    while branches := [branch for branch in getattr(error.kind, "context", ()) if branch]:
        error = branches[0][0]  # inside an anyOf the place is told by what failed there
    path = [*error.instance_path, *([error.kind.property] if error.kind.name == "required" else [])]
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    where = f"{place}{steps}" if place and not place.endswith(".") else f"{place}{steps.lstrip('.')}"
    raise LineageRefusedError(str(error.message)[:500], field=where.strip(".") or "body")


def _require_terms(facet: Mapping[str, Any], place: str) -> None:
    until = facet.get("retention_until")
    try:
        date.fromisoformat(until) if until is not None else None
    except ValueError:
        raise LineageRefusedError("A date is YYYY-MM-DD.", field=f"{place}.retention_until") from None


@cache
def _shipped() -> Mapping[str, tuple[str, str]]:
    """Facet schemas by file name: the major version and the address."""
    found = {}
    for path in SCHEMAS.glob("*Facet.json"):
        address = json.loads(path.read_text())["$id"]
        match = _FACET_URL.fullmatch(address)
        if match:
            found[path.stem] = (match[1], address)
    return found


@cache
def _validator(address: str, definition: str) -> Any:
    reference = f"{address}#/$defs/{definition}" if definition else address
    try:
        return jsonschema_rs.validator_for({"$ref": reference}, registry=_registry())
    except (jsonschema_rs.ReferencingError, jsonschema_rs.ValidationError):
        return jsonschema_rs.validator_for(True)  # a definition that this release of the facet does not have


@cache
def _registry() -> Any:
    schemas = [json.loads(path.read_text()) for path in sorted(SCHEMAS.glob("*.json"))]
    return jsonschema_rs.Registry([(schema["$id"], schema) for schema in schemas])


def _object(given: Any, name: str) -> Mapping[str, Any]:
    value = given.get(name) if isinstance(given, dict) else None  # what JSON gives; asking for a Mapping is slow
    return value if isinstance(value, dict) else {}


def _objects(given: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = given.get(name)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    return value if isinstance(value, str) else ""
