"""Croissant 1.0/1.1: the JSON-LD that describes a dataset, with its responsible-AI fields (https://docs.mlcommons.org).

The event is the document itself. Files with a SHA-256 meet registered versions of the same content.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from registry.connectors.shapes import objects, require_object, require_text, text
from registry.connectors.statements import (
    LineageRefusedError,
    StatedNode,
    Statement,
    content_edges,
    dataset_name,
    unique,
)
from registry.lineage import Edge

FORMAT = "croissant"
_SHA = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LICENCE_PAGES = {
    "https://creativecommons.org/licenses/by/4.0": "CC-BY-4.0",
    "https://creativecommons.org/licenses/by-sa/4.0": "CC-BY-SA-4.0",
    "https://creativecommons.org/licenses/by-nc/4.0": "CC-BY-NC-4.0",
    "https://creativecommons.org/publicdomain/zero/1.0": "CC0-1.0",
    "https://www.apache.org/licenses/license-2.0": "Apache-2.0",
    "https://opensource.org/licenses/mit": "MIT",
}
_SPDX = re.compile(r"https?://spdx\.org/licenses/([A-Za-z0-9.+-]+?)(?:\.html)?/?", re.ASCII)


def collect(path: Path) -> dict[str, Any]:
    """The document of a file. Raises LineageRefusedError, OSError."""
    try:
        document = json.loads(path.read_text())
    except ValueError as error:
        raise LineageRefusedError(f"The file is not JSON: {error}", field=path.name) from None
    validate(document)
    return dict(document)


def validate(event: Any, place: str = "") -> None:
    """Raises LineageRefusedError unless it describes one dataset by name."""
    given = require_object(event, place)
    kinds = given.get("@type", "")
    if not any(str(kind).rpartition(":")[2] == "Dataset" for kind in (kinds if isinstance(kinds, list) else [kinds])):
        raise LineageRefusedError("must be sc:Dataset: the document describes one dataset", field=f"{place}@type")
    require_text(given, "name", place)


def read(event: Mapping[str, Any], digest: str) -> Statement:
    """The dataset, the files that are its distribution, and what is said about collection, people and bias."""
    namespace = text(event, "url") or text(event, "@id") or "croissant"
    name = dataset_name(namespace, event["name"], _version(event), place="name")
    nodes: list[StatedNode] = [StatedNode(name, _facts(event, namespace))]
    edges: list[Edge] = []
    for entry in objects(event.get("distribution", [])):
        sha = text(entry, "sha256").lower()
        file = dataset_name(
            namespace, text(entry, "@id") or text(entry, "name") or "file", sha[:12], place="distribution"
        )
        if not _SHA.fullmatch(sha):
            continue
        content, there, back = content_edges(file, f"sha256:{sha}")
        nodes += [StatedNode(file, {f"digest sha256:{sha}": "croissant", "source": text(entry, "contentUrl")}), content]
        edges += [Edge(name, file, "distribution"), there, back]
    return Statement(stamp=f"{text(event, 'dateModified')}#{digest[-16:]}", nodes=tuple(nodes), edges=unique(edges))


def _facts(event: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    columns = [
        {"name": text(field, "name") or text(field, "@id"), "type": _types(field.get("dataType"))}
        for records in objects(event.get("recordSet", []))
        for field in objects(records.get("field", []))
    ]
    creators = [text(creator, "name") for creator in objects(event.get("creator", []))]
    stated = {
        "source": namespace if "://" in namespace else "",
        "licence": _licence(event.get("license")),
        "owner": ", ".join(filter(None, creators))[:500],
        "description": text(event, "description")[:500],
        "columns": columns,
    }
    responsible = {
        member.replace("rai:", "rai "): value for member, value in event.items() if member.startswith("rai:")
    }
    return {member: value for member, value in (stated | responsible).items() if value}


def _version(event: Mapping[str, Any]) -> str:
    version = event.get("version", "")
    return str(version) if isinstance(version, str | int | float) else ""


def _licence(value: Any) -> str:
    """An SPDX id where the page is known to stand for one, else what was written."""
    written = text(value, "url") or text(value, "name") if isinstance(value, Mapping) else value
    found = str(written[0] if isinstance(written, list) and written else written or "")
    spdx = _SPDX.fullmatch(found)
    return spdx[1] if spdx else _LICENCE_PAGES.get(found.rstrip("/").lower(), found)[:200]


def _types(value: Any) -> str:
    return ", ".join(str(kind).rpartition(":")[2] for kind in (value if isinstance(value, list) else [value or ""]))
