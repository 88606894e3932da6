"""The published JSON Schemas of the evidence: what `to_evidence()` of each document holds, read from its types.

The schema is made from the same dataclasses that the evidence is made from, so neither can drift from the other. Each
bundle carries the schema that was in force when it was packed. Fields that came later have a default and are not
required, so that evidence of former years stays valid. No Django here.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any

from audits.reports import document, dossier, explanation, portfolio

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SCALARS: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bytes: {"type": "string", "contentEncoding": "base64"},
    datetime: {"type": "string", "format": "date-time", "pattern": "Z$"},
    date: {"type": "string", "format": "date"},
    type(None): {"type": "null"},
    Any: {},
    object: {},
}


def report_schema() -> dict[str, Any]:
    """The evidence of a gate audit report: `assay.report/1`."""
    made = _Schemas()
    root = made.object_of(document.ReportDocument, {"identity": "report", "checks": "observations"})
    observation = made.definitions["CheckFacts"]
    observation["properties"]["check_version"] = observation["properties"].pop("version")
    observation["required"] = [{"version": "check_version"}.get(name, name) for name in observation["required"]]
    return made.published(root, document.SCHEMA, "Evidence of a gate audit report")


def dossier_schema() -> dict[str, Any]:
    """The evidence of a document that follows the points of a law: `assay.dossier/1`."""
    made = _Schemas()
    root = made.object_of(dossier.DossierDocument, {"identity": "report"})
    point = made.definitions["Point"]
    point["properties"]["status"] = made.of(dossier.PointStatus)
    point["required"].append("status")
    root["properties"]["open"] = {"type": "integer", "minimum": 0}
    root["required"] = ["schema", "kind", "final", "report", "subject", "points", "open"]
    return made.published(root, dossier.SCHEMA, "Evidence of a document that follows the points of a law")


def portfolio_schema() -> dict[str, Any]:
    """The evidence of a portfolio report: `assay.portfolio/1`."""
    made = _Schemas()
    root = made.object_of(portfolio.PortfolioDocument, {"identity": "report"})
    return made.published(root, portfolio.SCHEMA, "Evidence of a portfolio report")


def explanation_schema() -> dict[str, Any]:
    """The evidence of the explanation of one decision: `assay.explanation/1`."""
    made = _Schemas()
    root = made.object_of(explanation.ExplanationDocument, {"identity": "report", "pack": "explanation"})
    return made.published(root, explanation.SCHEMA, "Evidence of the explanation of one decision")


class _Schemas:
    """One schema on its way, with a definition for each dataclass that it meets."""

    def __init__(self) -> None:
        self.definitions: dict[str, dict[str, Any]] = {}

    def published(self, root: dict[str, Any], name: str, title: str) -> dict[str, Any]:
        """The whole document."""
        root["properties"] = {"schema": {"const": name}, **root["properties"]}
        root["required"] = list(dict.fromkeys(["schema", *root["required"]]))
        head = {"$schema": DIALECT, "$id": f"urn:{name.replace('.', ':').replace('/', ':')}", "title": title}
        return {**head, **root, "$defs": dict(sorted(self.definitions.items()))}

    def object_of(self, kind: type, renamed: Mapping[str, str]) -> dict[str, Any]:
        """A dataclass as an object: every field, of which those without a default are required."""
        hints = typing.get_type_hints(kind)
        properties, required = {}, []
        for field in dataclasses.fields(kind):
            name = renamed.get(field.name, field.name)
            properties[name] = self.of(hints[field.name])
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
                required.append(name)
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}

    def of(self, hint: Any) -> dict[str, Any]:
        """The schema of a type. Raises TypeError for one that has no place in evidence."""
        if hint in _SCALARS:
            return dict(_SCALARS[hint])
        origin, inner = typing.get_origin(hint), typing.get_args(hint)
        if origin in (typing.Union, types.UnionType):
            return {"anyOf": [self.of(one) for one in inner]}
        if origin in (tuple, list):
            return self._array(inner)
        if origin is not None and issubclass(origin, Mapping):
            return {"type": "object", "additionalProperties": self.of(inner[1])}
        if isinstance(hint, type) and issubclass(hint, Enum):
            return {"enum": [member.value for member in hint]}
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            return self._defined(hint)
        raise TypeError(f"{hint} has no place in evidence")

    def _array(self, inner: tuple[Any, ...]) -> dict[str, Any]:
        if len(inner) == 1 or inner[1:] == (...,):
            return {"type": "array", "items": self.of(inner[0])}
        return {
            "type": "array",
            "prefixItems": [self.of(one) for one in inner],
            "minItems": len(inner),
            "maxItems": len(inner),
        }

    def _defined(self, kind: type) -> dict[str, Any]:
        if kind.__name__ not in self.definitions:
            self.definitions[kind.__name__] = {}
            self.definitions[kind.__name__] = self.object_of(kind, {})
        return {"$ref": f"#/$defs/{kind.__name__}"}


#: By the name under which each is served.
SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "report": report_schema,
    "dossier": dossier_schema,
    "portfolio": portfolio_schema,
    "explanation": explanation_schema,
}


def schema_of(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """The schema that evidence names: `assay.<name>/<version>`."""
    return SCHEMAS[str(evidence["schema"]).removeprefix("assay.").partition("/")[0]]()
