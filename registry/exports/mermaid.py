"""A flowchart in Mermaid's text, for Markdown pages and merge requests (https://mermaid.js.org/syntax/flowchart.html)."""

from __future__ import annotations

from registry.column_walk import features_from
from registry.connectors.statements import label_of
from registry.lineage import Graph

_SHAPES = {
    "dataset": ("[(", ")]"),
    "job": ("(", ")"),
    "run": ("(", ")"),
    "feature": ("([", "])"),
    "model": ("[[", "]]"),
    "deployment": ("{{", "}}"),
}


def written(graph: Graph) -> str:
    """The chart, sources above. Equal graphs give equal text."""
    document = graph.to_document()
    keys = {node["id"]: f"n{index}" for index, node in enumerate(document["nodes"])}
    lines = ["flowchart TD"]
    for node in document["nodes"]:
        opening, closing = _SHAPES[node["kind"]]
        lines.append(
            f'    {keys[node["id"]]}{opening}"{_quoted(label_of(node["id"], node["facts"].get("job", "")))}"{closing}'
        )
    for edge in document["edges"]:
        if edge["source"] in keys and edge["target"] in keys:
            role = f'|"{_quoted(edge["role"])}"|' if edge["role"] else ""
            lines.append(f"    {keys[edge['source']]} -->{role} {keys[edge['target']]}")
    for source, feature, column in features_from(graph):
        lines.append(f'    {keys[source]} -->|"{_quoted(column)}"| {keys[feature]}')
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Text inside double quotes; Mermaid writes what it cannot hold as #<code point>;."""
    return "".join(char if char.isalnum() or char in " ./:@_-," else f"#{ord(char)};" for char in text)
