"""The lineage graph in the forms that other tools read, one module each: a pure function from graph to text."""

from __future__ import annotations

import json
from collections.abc import Callable

from registry.exports import mermaid, openlineage, prov
from registry.lineage import Graph

#: Form -> (media type, writer).
FORMS: dict[str, tuple[str, Callable[[Graph], str]]] = {
    "json": ("application/json", lambda graph: json.dumps(graph.to_document(), indent=2) + "\n"),
    "openlineage": ("application/json", openlineage.written),
    "prov": ("application/json", prov.written),
    "mermaid": ("text/plain; charset=utf-8", mermaid.written),
}
